"""Spectra of a dataset against those of the reference (Section 5.2 of arXiv:2503.11643)."""

import numpy as np

from fewtomany.validation.measure import moments
from fewtomany.validation.measure.moments import Moments

LMIN = 2
"""Spin-2 spectra start here."""


def residual(tested: Moments, reference: Moments) -> np.ndarray:
    """Δ_ℓ = (⟨C⟩ - ⟨C_ref⟩) / σ_ref from ℓ = LMIN.

    Returns
    -------
    array of shape (n_spectra, lmax + 1 - LMIN), dimensionless
    """
    return moments.residual(tested, reference)[:, LMIN:]


def scatter_ratio(tested: Moments, reference: Moments) -> np.ndarray:
    """σ_ℓ / σ_ref from ℓ = LMIN, of the shape of :func:`residual`."""
    return moments.scatter_ratio(tested, reference)[:, LMIN:]


def fraction_inside(delta: np.ndarray, n_inputs: int) -> float:
    """Fraction of residuals inside ±1/√n_inputs, the standard error of a mean of inputs."""
    return float(np.mean(np.abs(delta) <= n_inputs**-0.5))
