"""Held-out maps judge covariances: their Gaussian likelihood, and the directions to take it in."""

from collections.abc import Sequence

import numpy as np
import scipy.linalg


def mixture_modes(samples: Sequence[np.ndarray], n_modes: int) -> np.ndarray:
    """Leading modes of a mixture of sample covariances, each with the same total variance.

    Random directions would not do: there every covariance of the right total variance is
    nearly as likely as the true one, and only its noise is seen.

    Parameters
    ----------
    samples : arrays of shape (n_maps, n)

    Returns
    -------
    array of shape (n_modes, n), orthonormal rows; fewer where there are fewer maps
    """
    centred = [maps - maps.mean(axis=0) for maps in samples]
    stack = np.concatenate([maps / np.linalg.norm(maps) for maps in centred])
    span = (max(len(stack) - n_modes, len(samples)), len(stack) - 1)  # each lost a mean
    values, vectors = scipy.linalg.eigh(stack @ stack.T, subset_by_index=span)
    return ((vectors / np.sqrt(values)).T @ stack)[::-1]


def score(maps: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Log-likelihood of maps (n_maps, k) of zero mean, nats per direction, but a constant."""
    root = scipy.linalg.cholesky(model, lower=True)
    white = scipy.linalg.solve_triangular(root, maps.T, lower=True)
    return -np.mean(white**2, axis=0) / 2 - np.mean(np.log(np.diagonal(root)))


def expected_score(truth: np.ndarray, model: np.ndarray) -> float:
    """Mean of :func:`score` over maps of the covariance ``truth``."""
    factor = scipy.linalg.cho_factor(model)
    chi2 = np.trace(scipy.linalg.cho_solve(factor, truth)) / len(truth)
    return float(-chi2 / 2 - np.mean(np.log(np.diagonal(factor[0]))))
