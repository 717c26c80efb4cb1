"""How many true simulations give a covariance as close to the truth as a tested one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fewtomany.validation.compare.distances import distances
from fewtomany.validation.compare.views import Sums, View, Viewer

REPEATS = 8
"""Independent sets of true maps of each size, at most."""

SMALLEST = 5
"""Fewest true maps of a curve."""

EDGE = 1e-9
"""An interval that comes this close to an end of the curve is open there."""


@dataclass(frozen=True)
class Curve:
    """One distance of covariances of N true maps, against N.

    Attributes
    ----------
    n_maps : array of sizes N, ascending
    mean, error : arrays of the same shape: mean over sets of N maps and its standard
        error (NaN for a single set)
    """

    n_maps: np.ndarray
    mean: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class Equivalent:
    """An equivalent number of true simulations.

    Attributes
    ----------
    n_maps : the number; at an end of the curve where the distance lies beyond it
    low, high : the same at one standard error on either side; None beyond the curve
    """

    n_maps: float
    low: float | None
    high: float | None


def sizes(n_true: int, n_modes: int) -> list[int]:
    """Sizes N of a curve, in steps of about two, closer above the number of modes; ascending."""
    doubling = [SMALLEST * 2**k for k in range(64) if SMALLEST * 2**k <= n_true]
    above = [round(n_modes * factor) + 2 for factor in (1.02, 1.1, 1.25, 1.5)]
    return sorted({*doubling, n_true, *(n for n in above if n <= n_true)})


def curves(
    maps: np.ndarray,
    viewer: Viewer,
    n_maps: Sequence[int],
    models: dict[str, Callable[[np.ndarray, View], View]],
) -> dict[str, dict[str, Curve]]:
    """Distances of covariances of true maps, by model and distance.

    Maps that the truth was taken of are too near to it. Each set of them is held against the
    covariance of all others, and no set is larger than half of them.

    Parameters
    ----------
    maps : true maps (n_true, n), K; a set of N are consecutive ones, no two sets of a
        size share any. All that the truth was taken of, where it is that of maps
    n_maps : sizes N
    models : for every model, what it makes of maps and the view of their sample covariance
    """
    every = Sums.of(viewer, maps) if viewer.truth_maps else None
    if every is not None:
        n_maps = [size for size in n_maps if 2 * size <= len(maps)]
    found = {name: [] for name in models}
    for size in n_maps:
        rows = {name: [] for name in models}
        for k in range(min(REPEATS, len(maps) // size)):
            some = maps[k * size : (k + 1) * size]
            own = Sums.of(viewer, some)
            judge = viewer if every is None else viewer.held_against(every.without(own))
            for name, model in models.items():
                rows[name].append(distances(model(some, own.view()), judge))
        for name in models:
            found[name].append(rows[name])
    names = list(distances(viewer.truth, viewer))
    return {name: _curves(np.array(n_maps), names, rows) for name, rows in found.items()}


def _curves(
    n_maps: np.ndarray, names: Sequence[str], rows: list[list[dict[str, float]]]
) -> dict[str, Curve]:
    result = {}
    for name in names:
        values = [np.array([found.get(name, np.inf) for found in row]) for row in rows]
        known = np.array([np.isfinite(row).all() for row in values], bool)
        finite = [row for row, use in zip(values, known, strict=True) if use]
        result[name] = Curve(
            n_maps[known],
            np.array([row.mean() for row in finite]),
            np.array([_standard_error(row) for row in finite]),
        )
    return result


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def equivalent(distance: float, error: float, curve: Curve) -> Equivalent | None:
    """The N at which a curve has a given distance, between sizes by power laws.

    The error joins that of the distance and that of the curve there. None for an
    infinite distance, which no number of maps of the curve equals, and for a curve of
    fewer than two sizes.
    """
    if not np.isfinite(distance) or len(curve.n_maps) < 2:
        return None
    error = np.nan_to_num(error)
    falling = np.minimum.accumulate(curve.mean)
    place = _invert(distance, falling, curve.n_maps)
    nearest = int(np.argmin(np.abs(np.log(curve.n_maps / place))))
    total = float(np.hypot(error, np.nan_to_num(curve.error[nearest])))
    ends = curve.n_maps[[0, -1]]
    low = _invert(distance + total, falling, curve.n_maps)
    high = _invert(max(distance - total, 0), falling, curve.n_maps)
    return Equivalent(
        place,
        None if low < ends[0] * (1 + EDGE) else low,
        None if high > ends[1] * (1 - EDGE) else high,
    )


def _invert(distance: float, falling: np.ndarray, n_maps: np.ndarray) -> float:
    """Power-law interpolation of N at a distance; the ends of the curve beyond it."""
    if distance <= falling[-1]:
        return float(n_maps[-1])
    return float(np.exp(np.interp(-np.log(distance), -np.log(falling), np.log(n_maps))))
