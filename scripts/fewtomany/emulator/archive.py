"""Batches on disk: each a small file of its own, so that no kill loses one.

A batch file carries a key, the digest of everything its maps follow from. A file
with another key (the configuration or the inputs have changed) or one that cannot
be read is made anew. While a batch descends, a checkpoint of the same key lies beside
it. A manifest names the batches of one job.
"""

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewtomany.emulator.batches import BatchPlan
from fewtomany.errors import UserError
from fewtomany.files import store

KIND = "emulated-batch"
CHECKPOINT_KIND = "emulated-batch-checkpoint"
logger = logging.getLogger(__name__)


def batch_key(
    fingerprint: str,
    campaign_seed: int,
    dataset: str,
    strategy: str,
    plan: BatchPlan,
    batch: int,
    given: str = "",
) -> str:
    """Digest of all that one batch follows from: model, seed, strategy, target and index.

    ``given`` is the digest of the components that are given.
    """
    place = [int(plan.target[batch]), int(plan.index[batch])]
    facts = [fingerprint, campaign_seed, dataset, strategy, *place, given]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def batch_path(folder: str | Path, batch: int) -> Path:
    """File of a batch; a thousand batches to a subfolder."""
    return Path(folder) / f"{batch // 1000:04d}" / f"batch-{batch:07d}.h5"


def write_batch(
    path: Path, maps: np.ndarray, losses: np.ndarray, key: str, provenance: dict
) -> None:
    """Write a batch atomically.

    Parameters
    ----------
    maps : array of shape (m, F, n_pix), RING, K
    losses : array of shape (n_steps + 1, n_terms)
    """
    store.write(path, {"maps": maps, "losses": losses}, kind=KIND, provenance=provenance, key=key)


def is_finished(path: Path, key: str) -> bool:
    """Whether a batch of this key is there, whole and finite."""
    if not path.exists():
        return False
    try:
        if store.read_attributes(path, KIND)["key"] != key:
            logger.info("%s: made under another configuration, made anew", path)
            return False
        store.read(path, KIND, "maps", "losses")
    except UserError as error:
        logger.warning("%s; made anew", error)
        return False
    return True


@dataclass(frozen=True)
class Checkpoint:
    """Where an unfinished batch is: its descent goes on from there, to the same bits.

    Attributes
    ----------
    path : its file
    key : of the batch, see :func:`batch_key`
    provenance : of the process that descends
    """

    path: Path
    key: str
    provenance: dict

    def write(self, arrays: dict[str, np.ndarray]) -> None:
        """Write the state of the descent atomically."""
        store.write(
            self.path, arrays, kind=CHECKPOINT_KIND, provenance=self.provenance, key=self.key
        )

    def read(self, *names: str) -> dict[str, np.ndarray] | None:
        """The named arrays of the state; None if there is none that is whole and of this key."""
        if not self.path.exists():
            return None
        try:
            if store.read_attributes(self.path, CHECKPOINT_KIND)["key"] != self.key:
                logger.warning("%s: of another configuration, ignored", self.path)
                return None
            return store.read(self.path, CHECKPOINT_KIND, *names, finite=False)
        except UserError as error:
            logger.warning("%s; ignored", error)
            return None

    def remove(self) -> None:
        """Forget the state."""
        self.path.unlink(missing_ok=True)


def checkpoint_path(batch_file: Path) -> Path:
    """File of a batch's checkpoint, beside the batch."""
    return batch_file.with_suffix(".checkpoint.h5")


def write_manifest(
    path: str | Path, dataset: str, folder: str | Path, keys: dict[int, str]
) -> None:
    """Write the manifest of finished batches.

    Parameters
    ----------
    folder : of the batches
    keys : of every batch, by its number

    Raises
    ------
    UserError : naming a batch file that is not there
    """
    entries = []
    for batch, key in keys.items():
        file = batch_path(folder, batch)
        if not file.exists():
            raise UserError(f"{file}: is missing at the end of its shard")
        entries.append({"batch": batch, "file": str(file.relative_to(Path(folder).parent))})
        entries[-1]["key"] = key
    store.write_json(path, {"dataset": dataset, "batches": entries})


def read_manifests(paths: list[str]) -> dict[int, dict]:
    """Batch number to its entry ("file" and "key"), over several manifests."""
    entries: dict[int, dict] = {}
    for path in paths:
        content = store.read_json(path, "manifest")
        for entry in content["batches"]:
            file = Path(path).parent.parent / entry["file"]
            entries[entry["batch"]] = {**entry, "file": file}
    return entries


def collect(plan: BatchPlan, entries: dict[int, dict], start: int, stop: int) -> np.ndarray:
    """Emulated maps ``start <= k < stop`` from their batches.

    Returns
    -------
    array of shape (stop - start, F, n_pix), RING, K

    Raises
    ------
    UserError : naming the batch file that is missing, damaged or of another key
    """
    wanted = plan.batch_of_map[start:stop]
    slots = plan.slot_of_map[start:stop]
    maps = None
    for batch in np.unique(wanted):
        if int(batch) not in entries:
            raise UserError(f"batch {batch} is in none of the manifests given")
        file, key = entries[int(batch)]["file"], entries[int(batch)]["key"]
        again = "delete its manifest in ../shards and run again to make it anew"
        try:
            found = store.read_attributes(file, KIND)["key"]
            content = store.read(file, KIND, "maps")["maps"]
        except UserError as error:
            raise UserError(f"{error}; {again}") from None
        if found != key:
            raise UserError(f"{file}: is not the batch its manifest names; {again}")
        if maps is None:
            maps = np.empty((stop - start, *content.shape[1:]), content.dtype)
        chosen = wanted == batch
        maps[chosen] = content[slots[chosen]]
    return maps
