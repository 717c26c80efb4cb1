"""Pixel covariances against the truth, without forming a third matrix (Section 5.3)."""

from collections.abc import Iterator

import numpy as np

from fewtomany.covariance import Covariance

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
