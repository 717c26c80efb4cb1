"""CMB polarization as a Gaussian field of pixels: spectra, harmonics, parameters.

The covariance of the CMB's Q and U is S = Y diag(C_ℓ) Yᵀ with Y the real spin-2
harmonics. It depends on two parameters, linearly: the tensor-to-scalar ratio r, and the
amplitude A of the reionization bump in EE.
"""

from dataclasses import dataclass
from importlib import resources

import numpy as np

from fewtomany.errors import UserError
from fewtomany.late import healpy

TABLE = "data/fiducial_spectra.txt"
"""Spectra (µK²) and the parameters behind them; made by benchmarks/fiducial_spectra.py."""

TAU = 0.06
"""Optical depth of the table."""

LMIN = 2
PARAMETERS = ("r", "A")
KELVIN2 = 1e-12  # µK² in K²


@dataclass(frozen=True)
class FiducialSpectra:
    """Fiducial spectra from ℓ = 2, K².

    Attributes
    ----------
    ell : array of shape (n_ell,), int
    scalar : array of shape (2, n_ell), EE and BB of lensed scalars
    templates : array of shape (2, 2, n_ell), change of EE and BB with r and with A

    Notes
    -----
    A is (τ / 0.06)² to first order: its template is (τ / 2) ∂EE/∂τ at fixed A_s e^(-2τ), so
    that δA = 2 δτ / τ and σ(τ) = 0.03 σ(A). Lensing and tensors are held fixed in it.
    """

    ell: np.ndarray
    scalar: np.ndarray
    templates: np.ndarray

    def at(self, r: float, amplitude: float = 1.0) -> np.ndarray:
        """EE and BB at a value of the parameters, shape (2, n_ell), K²."""
        change = np.tensordot((r, amplitude - 1.0), self.templates, axes=1)
        return self.scalar + change


def fiducial(lmax: int) -> FiducialSpectra:
    """The spectra of the table up to a multipole; UserError where the table ends before."""
    text = resources.files("fewtomany").joinpath(TABLE).read_text()
    ell, ee, bb, ee_tensor, bb_tensor, slope = np.loadtxt(text.splitlines(), unpack=True)
    if not LMIN <= lmax <= ell[-1]:
        raise UserError(f"lmax {lmax}: spectra are known from {LMIN} to {int(ell[-1])}")
    used = slice(None, lmax + 1 - LMIN)
    ell, ee, bb, ee_tensor, bb_tensor, slope = (
        row[used] for row in (ell, ee, bb, ee_tensor, bb_tensor, slope)
    )
    templates = np.array([[ee_tensor, bb_tensor], [TAU / 2 * slope, np.zeros_like(slope)]])
    return FiducialSpectra(ell.astype(int), KELVIN2 * np.array([ee, bb]), KELVIN2 * templates)


def taper(lmax: int) -> np.ndarray:
    """Smoothing of the CMB: 1 up to lmax / 2, then half a cosine that is 0 at lmax + 1.

    Returns
    -------
    array of shape (lmax + 1,)
    """
    ell = np.arange(lmax + 1)
    start = lmax / 2
    phase = np.clip((ell - start) / (lmax + 1 - start), 0, 1)
    return 0.5 * (1 + np.cos(np.pi * phase))


@dataclass(frozen=True)
class Harmonics:
    """Real spin-2 harmonics on the pixels of the sky.

    Attributes
    ----------
    matrix : array of shape (2 n_pix, k), float64: Q, then U (RING, COSMO convention) of
        harmonics whose coefficients each have variance C_ℓ
    ell : array of shape (k,), int
    field : array of shape (k,), int: 0 for E, 1 for B
    """

    matrix: np.ndarray
    ell: np.ndarray
    field: np.ndarray

    def spread(self, spectra: np.ndarray) -> np.ndarray:
        """One value per column from EE and BB, (..., 2, n_ell) from ℓ = 2 to (..., k)."""
        return spectra[..., self.field, self.ell - LMIN]


def harmonics(nside: int, lmax: int) -> Harmonics:
    """All harmonics of E and B with 2 ≤ ℓ ≤ lmax, k = 2 ((lmax + 1)² - 4) columns.

    E and B of the same coefficient differ by a rotation of (Q, U), so half are transformed.
    """
    ells, ms = healpy.Alm.getlm(lmax)
    wanted = [
        (index, part)
        for index in np.flatnonzero(ells >= LMIN)
        for part in ((1.0,) if ms[index] == 0 else (np.sqrt(0.5), 1j * np.sqrt(0.5)))
    ]
    n_pix = healpy.nside2npix(nside)
    half = len(wanted)
    matrix = np.empty((2 * half, 2 * n_pix))
    alms = np.zeros((2, ells.size), complex)
    for row, (index, part) in enumerate(wanted):
        alms[0, index] = part
        q, u = healpy.alm2map_spin(alms, nside, 2, lmax)
        alms[0, index] = 0
        matrix[row] = np.concatenate((q, u))
        matrix[half + row] = np.concatenate((-u, q))
    ell = ells[[index for index, _ in wanted]]
    return Harmonics(np.ascontiguousarray(matrix.T), np.tile(ell, 2), np.repeat(np.arange(2), half))
