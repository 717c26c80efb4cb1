"""Which batch descends to which target, and which emulated map comes from where.

Emulated map k follows target t_k: the inputs' mean statistics (average-target), a mean over
some inputs that each batch draws (drawn-target), or one input map drawn with replacement
(single-target). Its o_k-th use of that
target is map ``o_k mod m`` of the target's batch ``o_k // m``, so no map is ever
used twice. Batches are numbered in the order in which they are first needed;
a larger campaign therefore appends batches and leaves the old ones as they are.
"""

import functools
from dataclasses import dataclass

import numpy as np

from fewtomany import seeds
from fewtomany.config.campaign import Campaign
from fewtomany.shards import Shard, plan


@dataclass(frozen=True)
class BatchPlan:
    """The batches of one emulated dataset.

    Attributes
    ----------
    target : array of shape (n_batches,), the input map each batch descends to (0
        where it descends to a mean)
    index : array of shape (n_batches,), the batch's number among its target's
    batch_of_map, slot_of_map : arrays of shape (n_maps,), where each map comes from
    """

    target: np.ndarray
    index: np.ndarray
    batch_of_map: np.ndarray
    slot_of_map: np.ndarray

    def __len__(self) -> int:
        return len(self.target)


def plan_batches(targets: np.ndarray, batch_size: int) -> BatchPlan:
    """Batches that serve a sequence of targets, each map used once.

    Parameters
    ----------
    targets : array of shape (n_maps,), int: the target of every emulated map
    batch_size : maps per batch, m
    """
    order = np.argsort(targets, kind="stable")
    starts = np.searchsorted(targets[order], targets[order])
    use = np.empty_like(targets)
    use[order] = np.arange(len(targets)) - starts
    opens_batch = use % batch_size == 0
    number = {
        (target, index): batch
        for batch, (target, index) in enumerate(
            zip(targets[opens_batch], use[opens_batch] // batch_size, strict=True)
        )
    }
    batch_of_map = [number[key] for key in zip(targets, use // batch_size, strict=True)]
    return BatchPlan(
        target=targets[opens_batch],
        index=use[opens_batch] // batch_size,
        batch_of_map=np.array(batch_of_map),
        slot_of_map=use % batch_size,
    )


def draw_targets(campaign: Campaign, dataset: str) -> np.ndarray:
    """Target of every map of an emulated dataset, shape (n_maps,), int64."""
    spec = campaign.find(dataset)
    if spec.strategy != "single-target":
        return np.zeros(spec.n_maps, np.int64)
    n_inputs = len(campaign.inputs_of(dataset))
    return seeds.generator(campaign.seed, "targets", dataset).integers(n_inputs, size=spec.n_maps)


def dataset_plan(campaign: Campaign, dataset: str) -> BatchPlan:
    """The batch plan of an emulated dataset of a campaign."""
    targets = draw_targets(campaign, dataset)
    return _cached_plan(targets.tobytes(), campaign.emulator.batch_size)


@functools.lru_cache(maxsize=8)
def _cached_plan(targets: bytes, batch_size: int) -> BatchPlan:
    """The Snakefile asks for the same plan once per file of maps."""
    return plan_batches(np.frombuffer(targets, np.int64), batch_size)


def batch_shards(campaign: Campaign, dataset: str) -> list[Shard]:
    """Jobs of an emulated dataset, as ranges of batches."""
    return plan(len(dataset_plan(campaign, dataset)), campaign.sharding.batches_per_shard)


def batch_shards_for(campaign: Campaign, dataset: str, maps: Shard) -> list[Shard]:
    """The batch shards that hold the maps of a range."""
    needed = dataset_plan(campaign, dataset).batch_of_map[maps.start : maps.stop]
    shards = batch_shards(campaign, dataset)
    size = campaign.sharding.batches_per_shard
    return [shards[number] for number in np.unique(needed // size)]
