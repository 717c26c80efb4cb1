"""Spectra of a dataset against those of the reference (Section 5.2 of arXiv:2503.11643)."""

import numpy as np

from fewtomany.validation.measure import moments
from fewtomany.validation.measure.moments import Moments

LMIN = 2
"""Spin-2 spectra start here; on a plane or a line the first bin is the mean alone."""


def residual(tested: Moments, reference: Moments, first: int = LMIN) -> np.ndarray:
    """Δ_ℓ = (⟨C⟩ - ⟨C_ref⟩) / σ_ref from bin ``first``.

    Returns
    -------
    array of shape (n_spectra, n_bins - first), dimensionless
    """
    return moments.residual(tested, reference)[:, first:]


def scatter_ratio(tested: Moments, reference: Moments, first: int = LMIN) -> np.ndarray:
    """σ_ℓ / σ_ref from bin ``first``, of the shape of :func:`residual`."""
    return moments.scatter_ratio(tested, reference)[:, first:]


def fraction_inside(delta: np.ndarray, n_inputs: int) -> float:
    """Fraction of residuals inside ±1/√n_inputs, the standard error of a mean of inputs."""
    return float(np.mean(np.abs(delta) <= n_inputs**-0.5))
