"""Spectra of a dataset against those of the reference (Section 5.2 of arXiv:2503.11643)."""

from dataclasses import dataclass

import numpy as np

LMIN = 2
"""Spin-2 spectra start here."""


@dataclass(frozen=True)
class Moments:
    """Mean and scatter of spectra over the maps of a dataset.

    Attributes
    ----------
    mean, scatter : arrays of shape (n_spectra, lmax + 1), float64, K²; the scatter is
        the standard deviation of one map (ddof 1)
    n_maps : number of maps
    """

    mean: np.ndarray
    scatter: np.ndarray
    n_maps: int


def moments(cl: np.ndarray) -> Moments:
    """Moments of spectra of shape (n_maps, n_spectra, lmax + 1)."""
    return Moments(cl.mean(axis=0), cl.std(axis=0, ddof=1), len(cl))


def residual(tested: Moments, reference: Moments) -> np.ndarray:
    """Δ_ℓ = (⟨C⟩ - ⟨C_ref⟩) / σ_ref from ℓ = LMIN.

    Returns
    -------
    array of shape (n_spectra, lmax + 1 - LMIN), dimensionless
    """
    difference = tested.mean - reference.mean
    return difference[:, LMIN:] / reference.scatter[:, LMIN:]


def scatter_ratio(tested: Moments, reference: Moments) -> np.ndarray:
    """σ_ℓ / σ_ref from ℓ = LMIN, of the shape of :func:`residual`."""
    return tested.scatter[:, LMIN:] / reference.scatter[:, LMIN:]


def fraction_inside(delta: np.ndarray, n_inputs: int) -> float:
    """Fraction of residuals inside ±1/√n_inputs, the standard error of a mean of inputs."""
    return float(np.mean(np.abs(delta) <= n_inputs**-0.5))
