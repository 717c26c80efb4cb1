"""Reduced χ² of maps under a covariance (Eq. 8 of arXiv:2503.11643)."""

import numpy as np
import scipy

from fewtomany.covariance.product import Modes


def reduced_chi2(maps: np.ndarray, modes: Modes) -> np.ndarray:
    """χ²/d = mᵀ C⁻¹ m / d in the d leading modes of the covariance itself.

    The mean of the systematic is zero, so none is subtracted from the maps.

    Parameters
    ----------
    maps : array of shape (n_maps, n), K
    modes : d modes of the tested covariance

    Returns
    -------
    array of shape (n_maps,), float64; mean 1 and width √(2/d) under the true covariance
    """
    amplitudes = maps @ modes.vectors.T
    return np.mean(amplitudes**2 / modes.values, axis=1)


def ks_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance of two samples, 0 to 1."""
    return float(scipy.stats.ks_2samp(first, second).statistic)


def ks_of_shift(shift: float, n_modes: int) -> float:
    """Kolmogorov-Smirnov distance of χ²/d from itself moved by ``shift`` (normal limit)."""
    width = np.sqrt(2 / n_modes)
    return float(2 * scipy.stats.norm.cdf(shift / (2 * width)) - 1)
