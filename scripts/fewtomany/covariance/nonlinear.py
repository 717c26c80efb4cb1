"""Nonlinear shrinkage of a sample covariance.

What the field tries where maps are few. Nonlinear estimators keep the eigenvectors of a
sample covariance and give each its own variance; directions that no map has get one
variance together. They are :class:`Shrunk`, made from inner products of maps alone.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from fewtomany.covariance.base import Model
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.geometry import Geometry

MIN_NONLINEAR = 13
"""Fewest maps of :func:`analytical`: its kernel must not reach a variance of 0."""

RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class Shrunk(Model):
    """``level`` in all directions, other variances in some.

    Attributes
    ----------
    level : K², variance of every direction orthogonal to the vectors
    values : array of shape (r,), K², variances along the vectors
    vectors : array of shape (r, n), orthonormal rows
    """

    components: Components
    sky: Geometry
    level: float
    values: np.ndarray
    vectors: np.ndarray

    @cached_property
    def variance(self) -> np.ndarray:
        return self.level + (self.values - self.level) @ self.vectors**2

    def times(self, x: np.ndarray) -> np.ndarray:
        return self.level * x + (x @ self.vectors.T * (self.values - self.level)) @ self.vectors


def analytical(maps: np.ndarray, components: Components, sky: Geometry) -> Shrunk:
    """Analytical nonlinear shrinkage of Ledoit & Wolf (2020, Ann. Stat. 48, 3043).

    The density of sample eigenvalues and its Hilbert transform are estimated with an
    Epanechnikov kernel whose width follows the eigenvalue (their Eqs. 4.7 to 4.9, and C.8
    for fewer maps than values).

    Parameters
    ----------
    maps : array of shape (n_maps, n), K; their mean is taken off
    components, sky : of the maps

    Raises
    ------
    UserError : with fewer than MIN_NONLINEAR maps the estimator does not exist
    """
    if len(maps) < MIN_NONLINEAR:
        raise UserError(
            f"analytical nonlinear shrinkage takes at least {MIN_NONLINEAR} maps, got {len(maps)}"
        )
    values, vectors = _sample_modes(maps)
    n_free, n = len(maps) - 1, maps.shape[1]
    if n < n_free:
        return Shrunk(components, sky, 0.0, shrunk_eigenvalues(values, n_free, n)[0], vectors)
    found, level = shrunk_eigenvalues(values, n_free, n)
    return Shrunk(components, sky, level, found, vectors)


def shrunk_eigenvalues(values: np.ndarray, n_free: int, n: int) -> tuple[np.ndarray, float]:
    """Variances that replace sample eigenvalues.

    Parameters
    ----------
    values : array of shape (min(n_free, n),), the positive sample eigenvalues
    n_free : maps, less one where their mean was taken off
    n : dimension

    Returns
    -------
    shrunk : array of the same shape
    level : variance of the directions without samples; 0 where there are none
    """
    width, reach = n_free ** (-1 / 3), np.sqrt(5)
    scale = width * values
    x = (values[:, None] - values) / scale
    density = np.mean(0.75 / reach * np.maximum(1 - x**2 / 5, 0) / scale, axis=1)
    edge = np.isclose(np.abs(x), reach, rtol=1e-14)
    ratio = np.where(edge, 1.0, np.abs((reach - x) / (reach + x)))
    hilbert = -0.3 * x + np.where(edge, 0, 0.75 / reach * (1 - x**2 / 5) * np.log(ratio))
    hilbert = np.mean(hilbert / scale, axis=1) / np.pi
    if n <= n_free:
        c = n / n_free
        real = 1 - c - np.pi * c * values * hilbert
        return values / ((np.pi * c * values * density) ** 2 + real**2), 0.0
    at_zero = 0.3 / width**2 + 0.75 / reach / width * (1 - 0.2 / width**2) * np.log(
        (1 + reach * width) / (1 - reach * width)
    )
    at_zero *= np.mean(1 / values) / np.pi
    level = n_free / (np.pi * (n - n_free) * at_zero)
    return 1 / (np.pi**2 * values * (density**2 + hilbert**2)), float(level)


def nercome(
    maps: np.ndarray,
    components: Components,
    sky: Geometry,
    random: np.random.Generator,
    n_splits: int = 100,
    n_positions: int = 8,
) -> Shrunk:
    """Nonparametric eigenvalue-regularized covariance (Lam 2016; Joachimi 2017, MNRAS 466, L83).

    The maps are split: eigenvectors from one part, variances along them from the other,
    averaged over random splits. The size of the first part is the one whose mean estimate
    is nearest to the mean sample covariance of the second parts. Directions outside the
    first part's maps share their mean variance.

    Parameters
    ----------
    maps : array of shape (n_maps, n), K, at least 4; their mean is taken off
    components, sky : of the maps
    random : draws the splits
    n_splits : splits of each size
    n_positions : sizes of the first part that are tried, from 2 to n_maps − 2

    Raises
    ------
    UserError : with fewer than 4 maps
    """
    n_maps, n = maps.shape
    if n_maps < 4:
        raise UserError(f"NERCOME takes at least 4 maps, got {n_maps}")
    sample_values, basis = _sample_modes(maps)
    within = (maps - maps.mean(axis=0)) @ basis.T  # all that follows is inside their span
    rank, bias, best = len(sample_values), n_maps / (n_maps - 1), np.inf
    for first in np.unique(np.linspace(2, n_maps - 2, n_positions).round().astype(int)):
        estimate, sample, level = np.zeros((rank, rank)), np.zeros((rank, rank)), 0.0
        for _ in range(n_splits):
            order = random.permutation(n_maps)
            inside, outside = within[order[:first]], within[order[first:]]
            _, sizes, vectors = scipy.linalg.svd(inside, full_matrices=False)
            vectors = vectors[sizes > RANK_TOLERANCE * sizes[0]]
            along = bias * np.mean((outside @ vectors.T) ** 2, axis=0)
            total = bias * np.sum(outside**2) / len(outside)
            rest = max(total - along.sum(), 0) / max(n - len(along), 1)
            estimate += (vectors.T * (along - rest)) @ vectors
            sample += bias / len(outside) * outside.T @ outside
            level += rest
        estimate = (estimate + level * np.eye(rank)) / n_splits
        level /= n_splits
        distance = np.sum((estimate - sample / n_splits) ** 2) + level**2 * (n - rank)
        if distance < best:
            best, found = distance, (level, estimate)
    level, estimate = found
    along, turn = scipy.linalg.eigh(estimate)
    return Shrunk(components, sky, level, along, turn.T @ basis)


def _sample_modes(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positive eigenvalues of the unbiased sample covariance, ascending, and its modes."""
    n_free = len(maps) - 1
    centred = maps - maps.mean(axis=0)
    if maps.shape[1] <= n_free:
        values, vectors = scipy.linalg.eigh(centred.T @ centred)
        return values / n_free, vectors.T
    values, vectors = scipy.linalg.eigh(centred @ centred.T)
    values, vectors = values[1:], vectors[:, 1:]  # the mean is lost
    return values / n_free, (vectors / np.sqrt(values)).T @ centred
