"""Pixel covariances against the truth, without forming a third matrix (Section 5.3)."""

from collections.abc import Iterator

import numpy as np

from fewtomany.covariance.product import Covariance

ROWS = 512
"""Rows of the correlation matrices in memory at a time."""


def variance_ratio(tested: Covariance, truth: Covariance) -> np.ndarray:
    """Pixel variances over the true ones, where these are positive; shape (n,) or less."""
    known = truth.variance > 0
    return tested.variance[known] / truth.variance[known]


def compare_correlations(tested: Covariance, truth: Covariance) -> tuple[float, float]:
    """Off-diagonal correlations against the true ones.

    A true correlation known from N maps alone carries the sampling variance
    (1 - ρ²)² / (N - 1), which would flatten the slope; it is taken off the denominator.

    Returns
    -------
    rms : root mean square of ρ - ρ_true over the off-diagonal elements
    slope : slope through the origin of the regression of ρ on ρ_true; 1 for the
        truth, 0 for a dataset without the true correlations
    """
    if not (tested.is_dense or truth.is_dense or truth.n_maps):
        return _compare_modes(tested, truth)
    difference = product = square = noise = 0.0
    for rho, true in zip(_off_diagonal_rows(tested), _off_diagonal_rows(truth), strict=True):
        product += np.vdot(rho, true)
        square += np.vdot(true, true)
        if truth.n_maps:
            noise += np.sum((1 - true**2) ** 2) / (truth.n_maps - 1)
        rho -= true
        difference += np.vdot(rho, rho)
    n = len(tested)
    if truth.n_maps:
        noise -= n / (truth.n_maps - 1)
    return float(np.sqrt(difference / (n * (n - 1)))), float(product / (square - noise))


def _compare_modes(tested: Covariance, truth: Covariance) -> tuple[float, float]:
    """The same of leading modes, whose correlations are products of short vectors a_i · a_j.

    Σ_{i≠j} (a_i · a_j)(b_i · b_j) = ‖AᵀB‖² − Σ_i |a_i|²|b_i|², without any row of the matrices.
    """
    a, b = _amplitudes(tested), _amplitudes(truth)

    def off_diagonal(x: np.ndarray, y: np.ndarray) -> float:
        norms = (np.einsum("ki,ki->i", z, z) for z in (x, y))
        return float(np.sum((x @ y.T) ** 2) - np.vdot(*norms))

    own, product, square = off_diagonal(a, a), off_diagonal(a, b), off_diagonal(b, b)
    difference = max(own - 2 * product + square, 0.0)
    n = len(tested)
    return float(np.sqrt(difference / (n * (n - 1)))), product / square


def _amplitudes(covariance: Covariance) -> np.ndarray:
    """Modes over the deviations (n_modes, n): correlations of different values are AᵀA."""
    modes = covariance.modes
    deviation = np.sqrt(covariance.variance)
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return np.sqrt(modes.values)[:, None] * modes.vectors * inverse


def _off_diagonal_rows(covariance: Covariance) -> Iterator[np.ndarray]:
    """Bands of rows of the correlation matrix, its diagonal set to 0."""
    for first in range(0, len(covariance), ROWS):
        band = correlation(covariance, slice(first, first + ROWS), slice(None))
        index = np.arange(len(band))
        band[index, first + index] = 0.0
        yield band


def correlation(covariance: Covariance, rows: slice, columns: slice) -> np.ndarray:
    """A part of the correlation matrix; 0 where a pixel has no variance."""
    deviation = np.sqrt(covariance.variance)
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return covariance.rows(rows, columns) * inverse[rows, np.newaxis] * inverse[columns]


def shrink(covariance: Covariance, size: int) -> np.ndarray:
    """The correlation matrix for a picture: means of square blocks.

    Parameters
    ----------
    size : largest side of the picture

    Returns
    -------
    array of shape (side, side), float32; ``side`` is at most ``size``, and the blocks of
    equal size; of a last part that fills no block nothing is shown
    """
    n = len(covariance)
    divisors = [b for b in range(1, n + 1) if n % b == 0 and n // b <= size and n // b > size / 4]
    block = divisors[0] if divisors else -(-n // size)
    side = n // block
    if not covariance.is_dense:
        amplitudes = _amplitudes(covariance)[:, : side * block]
        means = amplitudes.reshape(len(amplitudes), side, block).mean(axis=2)
        picture = means.T @ means
        alone = np.where(covariance.variance > 0, 1.0, 0.0)[: side * block]
        alone -= np.einsum("ki,ki->i", amplitudes, amplitudes)
        picture[np.diag_indices(side)] += alone.reshape(side, block).sum(axis=1) / block**2
        return picture.astype(np.float32)
    picture = np.empty((side, side), np.float32)
    for index in range(side):
        rows = slice(index * block, (index + 1) * block)
        band = correlation(covariance, rows, slice(0, side * block))
        picture[index] = band.reshape(block, side, block).mean(axis=(0, 2))
    return picture


def zoom_range(n_pix: int) -> slice:
    """Pixels of the zoom: 760 to 840 of 3072 as in Figs. 4 and 5, the same part of others."""
    start = 760 * n_pix // 3072
    return slice(start, min(start + max(round(5 * (n_pix / 12) ** 0.5), 1), n_pix))
