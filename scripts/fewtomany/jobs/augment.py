"""A campaign for maps of one's own: what follows from their number, their kind and the machine."""

import copy
import dataclasses
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from fewtomany import config
from fewtomany.errors import UserError
from fewtomany.jobs import resources
from fewtomany.maps import ingest
from fewtomany.maps.ingest import Source
from fewtomany.maps.ingest import files as formats
from fewtomany.maps.ingest.examine import Contents, examine
from fewtomany.maps.ingest.reader import VARIABLES

INPUTS, EMULATED, NAIVE = "maps", "emulated", "gaussian"
"""Names of the datasets in config/augment.yaml."""

FEWEST = 4
"""Inputs that a covariance is learnt from, at least."""

FEWEST_FOLDED = 5
"""Inputs that cross-validation needs: one held out, four left."""

LEAST_NSIDE, LARGEST_NSIDE = 2, 128
"""Resolutions from and up to which maps are taken as they are."""

FINEST_FROM_NOISE = 32
"""Resolution up to which descents from white noise are affordable."""

FROM_DRAWS = {"start": "turned", "n_steps": 15}
"""Of the emulator where draws of the best covariance without emulation are good starts: about an
axis of the whole sphere and with a surrogate. Without either they add nothing to that covariance,
and 250 steps from white noise do (docs/covariances.md)."""

SAYS_NOTHING = Source(())
"""What the user says of files where nothing is said."""


def kind_of(
    patterns: Sequence[str],
    stokes: str | None = None,
    said: Source = SAYS_NOTHING,
    axis: str = "none",
    mask: str | None = None,
    fewest: int = FEWEST,
) -> Contents:
    """What the user's maps are, from all of their files; every map is read once.

    Parameters
    ----------
    stokes : what is wanted of the files; by default all that they hold
    said : what the user says of the files
    axis : of the scan, about which maps may be turned
    mask : FITS file of weights
    fewest : maps, at least

    Raises
    ------
    UserError : for a file that cannot be read, lacks what is wanted or differs from the others,
        for maps of which too little is known, and for fewer than ``fewest``. NumPy files are
        in K, RING and, without an axis, Galactic unless it is said
    """
    source, note = dataclasses.replace(said, files=tuple(patterns)), ""
    if {formats.format_of(path) for path in ingest.find(patterns)} == {"arrays"}:
        taken = {"unit": "K", "ordering": "RING", "frame": "galactic" if axis == "none" else None}
        source = source.over(Source((), **taken))
        if words := [word for key, word in taken.items() if word and not getattr(said, key)]:
            note = f"arrays say nothing of themselves: taken as {', '.join(words)}"
    found = examine(source, stokes, mask, fewest, VARIABLES)
    return dataclasses.replace(found, notes=(*((note,) if note else ()), *found.notes))


def check_apart(maps: Sequence[str], surrogate: Sequence[str]) -> None:
    """UserError where a file of the surrogate is one of the maps, which judge it."""
    own = {os.path.realpath(path) for path in ingest.find(maps)}
    if shared := [path for path in ingest.find(surrogate) if os.path.realpath(path) in own]:
        raise UserError(f"SURROGATE: {shared[0]} is one of MAPS; expected other maps")


def check_surrogate(maps: Contents, cheap: Contents, nside: int) -> None:
    """UserError where cheap maps are too coarse, or lack pixels of the maps as far as is seen now.

    Maps of two resolutions or frames are compared when they are imported.
    """
    if cheap.nside < nside:
        raise UserError(f"SURROGATE: nside is {cheap.nside}; expected at least {nside}")
    if (cheap.nside, cheap.frame) == (maps.nside, maps.frame):
        lost, needed = np.sum(maps.seen & ~cheap.seen), np.sum(maps.seen)
        if lost:
            raise UserError(
                f"SURROGATE: lacks {lost} of the {needed} pixels of MAPS; expected all of them"
            )


def plan(
    defaults: dict[str, Any],
    name: str,
    patterns: Sequence[str],
    kind: Contents,
    n_maps: int,
    memory_mb: int,
    nside: int | None = None,
    mask: str | None = None,
    axis: str = "none",
    said: Source = SAYS_NOTHING,
    surrogate: Sequence[str] = (),
) -> dict[str, Any]:
    """The configuration of a campaign of one's own maps.

    Parameters
    ----------
    defaults : content of config/augment.yaml
    name : of the campaign
    patterns, kind : files, and what they hold
    n_maps : maps to emulate
    memory_mb : memory of one job (MB), which bounds the maps that descend together
    nside : resolution; by default that of the maps
    mask : FITS file of weights
    axis : of the scan, the pole of the frame in which the campaign then is; none by default
    said : what the user says of the files
    surrogate : files of cheap maps of the same scan, of which the same is said

    Raises
    ------
    UserError : for a resolution that is too high
    """
    nside = nside or kind.nside
    if nside > LARGEST_NSIDE:
        raise UserError(f"NSIDE: {nside} is not allowed; expected at most {LARGEST_NSIDE}")
    if nside > kind.nside:
        raise UserError(
            f"NSIDE: {nside} is not allowed; expected at most {kind.nside}, of the maps"
        )
    if nside < LEAST_NSIDE or nside & (nside - 1):
        raise UserError(f"NSIDE: {nside} is not allowed; expected a power of 2 from {LEAST_NSIDE}")
    if n_maps < 10:
        raise UserError(f"N_MAPS: {n_maps} is not allowed; expected at least 10")
    content = copy.deepcopy(defaults)
    content["campaign"] = name
    frame = kind.frame if axis == "none" else axis
    content["maps"] = {"nside": nside, "stokes": kind.stokes, "frame": frame}
    content["symmetry"] = {**content.get("symmetry", {}), "axis": axis}
    if mask:
        content["maps"]["mask"] = mask
    of_files = {
        "unit": said.unit,
        "ordering": said.ordering,
        "polarization_convention": said.convention,
        "frame": said.frame,
    }
    of_files = {key: value for key, value in of_files.items() if value is not None}
    content["inputs"] = {INPUTS: {"files": list(patterns), "n_maps": kind.n_maps, **of_files}}
    if surrogate:
        content["surrogate"] = {"files": list(surrogate), **of_files}
    content["gaussian"] = {NAIVE: {"input": INPUTS, "n_maps": n_maps}}
    strategy = content["emulated"][EMULATED]["strategy"]
    content["emulated"] = {EMULATED: {"input": INPUTS, "strategy": strategy, "n_maps": n_maps}}
    n_values = 12 * nside**2 * len(kind.stokes)
    content["validation"]["n_modes"] = min(
        content["validation"]["n_modes"], n_maps // 2, n_values // 2
    )
    is_part = bool(mask) if kind.seen is None else not kind.seen.all()  # of a mask, too
    if (axis != "none" and not is_part) or surrogate or nside > FINEST_FROM_NOISE:
        content["emulator"] |= FROM_DRAWS
    content["emulator"]["n_scales"] = min(4, max(int(math.log2(nside)) - 1, 1))
    trust = content["trust"]
    trust["datasets"] = [EMULATED] if kind.n_maps >= FEWEST_FOLDED else []
    trust["n_folds"] = min(trust["n_folds"], kind.n_maps)
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
