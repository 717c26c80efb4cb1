"""Pixel covariances against the truth, without forming a third matrix (Section 5.3)."""

import itertools
from collections.abc import Iterator

import healpy as hp
import numpy as np

ROWS = 512
"""Rows of the correlation matrices in memory at a time."""

SEPARATIONS_DEG = (0, 6, 15, 40, 180)
"""Bounds of the angular separations (degrees) of :func:`recovery`."""


def variance_ratio(tested: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pixel variances over the true ones, where these are positive; shape (n,) or less."""
    tested, truth = np.diagonal(tested), np.diagonal(truth)
    return tested[truth > 0] / truth[truth > 0]


def compare_correlations(
    tested: np.ndarray, truth: np.ndarray, truth_maps: int
) -> tuple[float, float]:
    """Off-diagonal correlations against the true ones.

    A true correlation known from ``truth_maps`` maps alone carries the sampling
    variance (1 - ρ²)² / (truth_maps - 1), which would flatten the slope; it is taken
    off the denominator.

    Parameters
    ----------
    tested, truth : arrays of shape (n, n), covariances
    truth_maps : maps the truth was estimated from; 0 for an exact one

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
        if truth_maps:
            noise += np.sum((1 - true**2) ** 2) / (truth_maps - 1)
        rho -= true
        difference += np.vdot(rho, rho)
    n = len(tested)
    if truth_maps:
        noise -= n / (truth_maps - 1)
    return float(np.sqrt(difference / (n * (n - 1)))), float(product / (square - noise))


def recovery(
    tested: np.ndarray, truth: np.ndarray, truth_maps: int, n_stokes: int
) -> dict[str, float]:
    """How much of the true correlation a covariance holds, by angular separation.

    Parameters
    ----------
    tested, truth, truth_maps : as for :func:`compare_correlations`
    n_stokes : Stokes components; only pairs of the same one count

    Returns
    -------
    for every range of separations that has pixel pairs ("0-6", degrees), the slope
    through the origin of the regression of ρ on ρ_true
    """
    n_pix = len(truth) // n_stokes
    vectors = np.column_stack(hp.pix2vec(hp.npix2nside(n_pix), np.arange(n_pix)))
    product, square = np.zeros((2, len(SEPARATIONS_DEG)))
    for component, first in itertools.product(range(n_stokes), range(0, n_pix, ROWS)):
        block = slice(component * n_pix, (component + 1) * n_pix)
        some = slice(first, min(first + ROWS, n_pix))
        rows = slice(block.start + some.start, block.start + some.stop)
        separation = np.degrees(np.arccos(np.clip(vectors[some] @ vectors.T, -1, 1)))
        place = np.searchsorted(SEPARATIONS_DEG[1:], separation.ravel())
        true = correlation(truth, rows, block).ravel()
        known = true**2
        if truth_maps:
            known -= (1 - true**2) ** 2 / (truth_maps - 1)
        true[separation.ravel() < 1e-3] = known[separation.ravel() < 1e-3] = 0.0
        size = len(SEPARATIONS_DEG)
        product += np.bincount(place, true * correlation(tested, rows, block).ravel(), size)
        square += np.bincount(place, known, size)
    bounds = itertools.pairwise(SEPARATIONS_DEG)
    return {
        f"{low}-{high}": float(product[place] / square[place])
        for place, (low, high) in enumerate(bounds)
        if square[place] > 0
    }


def _off_diagonal_rows(covariance: np.ndarray) -> Iterator[np.ndarray]:
    """Bands of rows of the correlation matrix, its diagonal set to 0."""
    for first in range(0, len(covariance), ROWS):
        band = correlation(covariance, slice(first, first + ROWS), slice(None))
        index = np.arange(len(band))
        band[index, first + index] = 0.0
        yield band


def correlation(covariance: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """A part of the correlation matrix; 0 where a pixel has no variance."""
    deviation = np.sqrt(np.diagonal(covariance))
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return covariance[rows, columns] * inverse[rows, np.newaxis] * inverse[columns]


def shrink(covariance: np.ndarray, size: int) -> np.ndarray:
    """The correlation matrix for a picture: means of square blocks.

    Parameters
    ----------
    size : largest side of the picture

    Returns
    -------
    array of shape (side, side), float32; side divides n and is at most ``size``
    """
    n = len(covariance)
    block = next(b for b in range(1, n + 1) if n % b == 0 and n // b <= size)
    side = n // block
    picture = np.empty((side, side), np.float32)
    for index in range(side):
        rows = slice(index * block, (index + 1) * block)
        band = correlation(covariance, rows, slice(None))
        picture[index] = band.reshape(block, side, block).mean(axis=(0, 2))
    return picture


def zoom_range(nside: int) -> slice:
    """Pixels of the zoom: 760 to 840 at nside 16 as in Figs. 4 and 5, the same part elsewhere."""
    start = 760 * nside**2 // 16**2
    return slice(start, start + 5 * nside)
