"""Held-out maps judge covariances: their Gaussian likelihood, and the directions to take it in."""

from collections.abc import Iterable

import numpy as np
import scipy

from fewtomany.covariance.eigenmodes import RANK_TOLERANCE

FEW = 1_500
"""Values that are all looked at; of more, leading modes."""

WHOLE = 10_000
"""Values of which χ² in all of them is looked at, too: it may take a matrix."""


def mixture_modes(samples: Iterable[np.ndarray], n_modes: int) -> np.ndarray:
    """Leading modes of a mixture of sample covariances, each with the same total variance.

    Random directions would not do: there every covariance of the right total variance is
    nearly as likely as the true one, and only its noise is seen.

    Parameters
    ----------
    samples : arrays of shape (n_maps, n), of which one at a time is in memory beside the copies

    Returns
    -------
    array of shape (n_modes, n), orthonormal rows; fewer where there are fewer maps, or the same
    ones many times
    """
    parts = [_normalized(maps) for maps in samples]
    n_parts, first = len(parts), 0
    stack = np.empty((sum(map(len, parts)), parts[0].shape[1]))
    while parts:  # each goes as it is copied
        part = parts.pop(0)
        stack[first : first + len(part)] = part
        first += len(part)
    span = (max(len(stack) - n_modes, n_parts), len(stack) - 1)  # each lost a mean
    values, vectors = scipy.linalg.eigh(stack @ stack.T, subset_by_index=span)
    known = slice(np.searchsorted(values, RANK_TOLERANCE * values[-1], side="right"), None)
    return ((vectors[:, known] / np.sqrt(values[known])).T @ stack)[::-1]


def _normalized(maps: np.ndarray) -> np.ndarray:
    """Maps without their mean, of total variance 1."""
    found = maps - maps.mean(axis=0)
    found /= np.linalg.norm(found)
    return found


def log_likelihood(maps: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """ln L = −½ (xᵀ C⁻¹ x + ln det C) of maps x (n_maps, k) of zero mean, nats.

    Up to the constant ½ k ln 2π; −∞ where C (k, k) is singular.
    """
    try:
        root = scipy.linalg.cholesky(covariance, lower=True)
    except scipy.linalg.LinAlgError:
        return np.full(len(maps), -np.inf)
    white = scipy.linalg.solve_triangular(root, maps.T, lower=True)
    return -np.sum(white**2, axis=0) / 2 - np.sum(np.log(np.diagonal(root)))


def expected_log_likelihood(truth: np.ndarray, model: np.ndarray) -> float:
    """Mean of :func:`log_likelihood` over maps of the covariance ``truth``, (k, k)."""
    factor = scipy.linalg.cho_factor(model)
    chi2 = np.trace(scipy.linalg.cho_solve(factor, truth))
    return float(-chi2 / 2 - np.sum(np.log(np.diagonal(factor[0]))))


def paired_gain(scores: np.ndarray, rivals: np.ndarray) -> tuple[float, float]:
    """Mean of paired differences, and its standard error over the maps."""
    difference = scores - rivals
    return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))
