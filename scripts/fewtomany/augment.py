"""A campaign for maps of one's own: what follows from their number, their kind and the machine."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fewtomany import config, ingest, resources
from fewtomany.components import STOKES
from fewtomany.errors import UserError
from fewtomany.ingest import files as formats

INPUTS, EMULATED, NAIVE = "maps", "emulated", "gaussian"
"""Names of the datasets in config/augment.yaml."""

FEWEST = 4
"""Inputs that cross-validation needs: one held out, three left."""

LARGEST_NSIDE = 128
"""Resolution up to which maps are taken as they are."""


@dataclass(frozen=True)
class Kind:
    """What the user's maps are: Stokes parameters, resolution, frame."""

    stokes: str
    nside: int
    frame: str


def kind_of(patterns: Sequence[str], stokes: str | None = None) -> Kind:
    """The kind of the user's maps, from the first file.

    Parameters
    ----------
    stokes : what is wanted of the files; by default all that they hold

    Raises
    ------
    UserError : for a file that cannot be read or lacks what is wanted
    """
    path = ingest.find(patterns)[0]
    *more, least = [stokes] if stokes else sorted(STOKES, key=len, reverse=True)
    for letters in more:
        try:
            return _kind(path, letters)
        except UserError:
            continue
    return _kind(path, least)


def _kind(path: str, stokes: str) -> Kind:
    from fewtomany.ingest import arrays, fits

    if formats.format_of(path) == "fits":
        _, header = fits.read(path, stokes)
    else:
        read = {"hdf5": arrays.read_hdf5, "npy": arrays.read_npy}[formats.format_of(path)]
        header = next(iter(read(path, stokes)))[-1]
    return Kind(stokes, header.nside, header.frame or "galactic")


def plan(
    defaults: dict[str, Any],
    name: str,
    patterns: Sequence[str],
    kind: Kind,
    n_inputs: int,
    n_maps: int,
    memory_mb: int,
    nside: int | None = None,
    mask: str | None = None,
    axis: str = "none",
) -> dict[str, Any]:
    """The configuration of a campaign of one's own maps.

    Parameters
    ----------
    defaults : content of config/augment.yaml
    name : of the campaign
    patterns, kind, n_inputs : files, what they hold, and how many maps
    n_maps : maps to emulate
    memory_mb : memory of one job (MB), which bounds the maps that descend together
    nside : resolution; by default that of the maps
    mask : FITS file of weights
    axis : of the scan, the pole of the frame in which the campaign then is; none by default

    Raises
    ------
    UserError : for too few maps, a resolution that is too high, or an axis with a mask
    """
    nside = nside or kind.nside
    if n_inputs < 3:
        raise UserError(f"MAPS: {n_inputs} maps are not enough; expected at least 3")
    if nside > LARGEST_NSIDE:
        raise UserError(f"NSIDE: {nside} is not allowed; expected at most {LARGEST_NSIDE}")
    if n_maps < 10:
        raise UserError(f"N_MAPS: {n_maps} is not allowed; expected at least 10")
    content = copy.deepcopy(defaults)
    content["campaign"] = name
    if axis != "none" and mask:
        raise UserError(f"AXIS: {axis} is not allowed with MASK; expected none")
    frame = kind.frame if axis == "none" else axis
    content["maps"] = {"nside": nside, "stokes": kind.stokes, "frame": frame}
    content["symmetry"] = {**content.get("symmetry", {}), "axis": axis}
    if mask:
        content["maps"]["mask"] = mask
    content["inputs"] = {INPUTS: {"files": list(patterns), "n_maps": n_inputs}}
    content["gaussian"] = {NAIVE: {"input": INPUTS, "n_maps": n_maps}}
    strategy = content["emulated"][EMULATED]["strategy"]
    content["emulated"] = {EMULATED: {"input": INPUTS, "strategy": strategy, "n_maps": n_maps}}
    n_values = 12 * nside**2 * len(kind.stokes)
    content["validation"]["n_modes"] = min(
        content["validation"]["n_modes"], n_maps // 2, n_values // 2
    )
    content["emulator"]["n_scales"] = min(4, max(int(math.log2(nside)) - 1, 1))
    trust = content["trust"]
    trust["datasets"] = [EMULATED] if n_inputs >= FEWEST else []
    trust["n_folds"] = min(trust["n_folds"], n_inputs)
    return _within(memory_mb, content)


def _within(memory_mb: int, content: dict[str, Any]) -> dict[str, Any]:
    """The same with the largest batch, of ten maps at most, whose descent fits the memory."""
    for batch_size in (10, 5, 4, 2):
        content["emulator"]["batch_size"] = batch_size
        needed = resources.needs(config.parse(content))["emulate"].mem_mb
        if needed <= memory_mb:
            return content
    nside = content["maps"]["nside"]
    raise UserError(
        f"NSIDE: {nside} needs {needed} MB a job, {memory_mb} MB are free; "
        f"expected at most {nside // 2}"
    )
