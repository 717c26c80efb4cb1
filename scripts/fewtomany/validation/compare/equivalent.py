"""How many true simulations give a covariance as close to the truth as a tested one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fewtomany.validation.compare.distances import distances
from fewtomany.validation.compare.views import View, Viewer

REPEATS = 8
"""Independent sets of true maps of each size, at most."""

SMALLEST = 5
"""Fewest true maps of a curve."""

EDGE = 1e-9
"""An interval that comes this close to an end of the curve is open there."""


NOTHING = 1e-300
"""A distance whose logarithm is finite."""


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
    """Sizes N of a curve, in steps of about two, closer above the number of modes."""
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

    Parameters
    ----------
    maps : true maps (n_true, n), K; a set of N are consecutive ones, no two sets of a
        size share any
    n_maps : sizes N
    models : for every model, what it makes of maps and the view of their sample covariance
    """
    found = {name: [] for name in models}
    for size in n_maps:
        sets = [maps[k * size : (k + 1) * size] for k in range(min(REPEATS, len(maps) // size))]
        views = [viewer.of_maps(some) for some in sets]
        for name, model in models.items():
            found[name].append(
                [
                    distances(model(some, view), viewer)
                    for some, view in zip(sets, views, strict=True)
                ]
            )
    return {name: _curves(np.array(n_maps), rows) for name, rows in found.items()}


def _curves(n_maps: np.ndarray, rows: list[list[dict[str, float]]]) -> dict[str, Curve]:
    result = {}
    for name in rows[0][0]:
        values = [np.array([found[name] for found in row]) for row in rows]
        known = np.array([bool(np.isfinite(row).all()) for row in values])
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
    # All maps of which an empirical truth was taken are at no distance from it.
    falling = np.minimum.accumulate(np.maximum(curve.mean, NOTHING))
    place = _invert(distance, falling, curve.n_maps)
    nearest = int(np.argmin(np.abs(np.log(curve.n_maps / place))))
    total = float(np.hypot(error, np.nan_to_num(curve.error[nearest])))
    ends = curve.n_maps[[0, -1]]
    low = _invert(distance + total, falling, curve.n_maps)
    high = _invert(max(distance - total, NOTHING), falling, curve.n_maps)
    return Equivalent(
        place,
        None if low < ends[0] * (1 + EDGE) else low,
        None if high > ends[1] * (1 - EDGE) else high,
    )


def _invert(distance: float, falling: np.ndarray, n_maps: np.ndarray) -> float:
    """Power-law interpolation of N at a distance; the ends of the curve beyond it."""
    x, y = -np.log(falling), np.log(n_maps)
    return float(np.exp(np.interp(-np.log(max(distance, NOTHING)), x, y)))
