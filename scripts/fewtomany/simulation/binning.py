"""Binned map-making: m = (PᵀP)⁻¹ Pᵀd with P = (1, cos 2ψ, sin 2ψ)."""

import numpy as np
from ducc0.healpix import Healpix_Base

from fewtomany.errors import UserError
from fewtomany.files import compiled
from fewtomany.late import healpy

MAX_CONDITION = 1e4
"""Worst condition number of a pixel's 3 × 3 matrix; float32 TOD keeps 1e-3 there."""


def pixels_of(pointings: np.ndarray, nside: int) -> np.ndarray:
    """RING pixels of pointings.

    Parameters
    ----------
    pointings : array of shape (n_directions, n_samples, 3), θ, φ, ψ in rad

    Returns
    -------
    array of shape (n_directions, n_samples), int64
    """
    return Healpix_Base(nside, "RING").ang2pix(pointings[..., :2])


def accumulate(
    pixels: np.ndarray,
    psi: np.ndarray,
    direction_of: np.ndarray,
    polarization_angles: np.ndarray,
    tod: np.ndarray,
    normal: np.ndarray,
    projected: np.ndarray,
) -> None:
    """Add samples to PᵀP and Pᵀd, in place.

    Parameters
    ----------
    pixels, psi : arrays of shape (n_directions, n_samples), pixel and orientation (rad)
    direction_of, polarization_angles : arrays of shape (n_detectors,), the direction
        of each detector and its own angle (rad), added to ``psi``
    tod : array of shape (n_detectors, n_samples), K
    normal : array of shape (n_pix, 6), float64, sum over the detectors of 1, cos 2ψ,
        sin 2ψ, cos² 2ψ, cos 2ψ sin 2ψ, sin² 2ψ
    projected : array of shape (n_pix, n_detectors, 3), float64, Pᵀd of each detector
    """
    _accumulate(
        pixels,
        np.cos(2 * psi),
        np.sin(2 * psi),
        direction_of,
        np.cos(2 * polarization_angles),
        np.sin(2 * polarization_angles),
        tod,
        normal,
        projected,
    )


@compiled.by_numba
def _accumulate(pixels, cos_2psi, sin_2psi, direction_of, cos_2a, sin_2a, tod, normal, projected):
    for detector in range(len(tod)):
        k, ca, sa = direction_of[detector], cos_2a[detector], sin_2a[detector]
        for t in range(tod.shape[1]):
            c = cos_2psi[k, t] * ca - sin_2psi[k, t] * sa
            s = sin_2psi[k, t] * ca + cos_2psi[k, t] * sa
            pixel, value = pixels[k, t], np.float64(tod[detector, t])
            normal[pixel, 0] += 1.0
            normal[pixel, 1] += c
            normal[pixel, 2] += s
            normal[pixel, 3] += c * c
            normal[pixel, 4] += c * s
            normal[pixel, 5] += s * s
            projected[pixel, detector, 0] += value
            projected[pixel, detector, 1] += value * c
            projected[pixel, detector, 2] += value * s


def project(
    pixels: np.ndarray,
    psi: np.ndarray,
    direction_of: np.ndarray,
    polarization_angles: np.ndarray,
    tod: np.ndarray,
    projected: np.ndarray,
) -> None:
    """Add samples to Pᵀd alone, in place; parameters and bits as of :func:`accumulate`."""
    _project(
        pixels,
        np.cos(2 * psi),
        np.sin(2 * psi),
        direction_of,
        np.cos(2 * polarization_angles),
        np.sin(2 * polarization_angles),
        tod,
        projected,
    )


@compiled.by_numba
def _project(pixels, cos_2psi, sin_2psi, direction_of, cos_2a, sin_2a, tod, projected):
    for detector in range(len(tod)):
        k, ca, sa = direction_of[detector], cos_2a[detector], sin_2a[detector]
        for t in range(tod.shape[1]):
            c = cos_2psi[k, t] * ca - sin_2psi[k, t] * sa
            s = sin_2psi[k, t] * ca + cos_2psi[k, t] * sa
            pixel, value = pixels[k, t], np.float64(tod[detector, t])
            projected[pixel, detector, 0] += value
            projected[pixel, detector, 1] += value * c
            projected[pixel, detector, 2] += value * s


def matrices(normal: np.ndarray) -> np.ndarray:
    """The 3 × 3 matrices PᵀP of shape (n_pix, 3, 3) from their six numbers (n_pix, 6)."""
    return normal[:, [[0, 1, 2], [1, 3, 4], [2, 4, 5]]]


def condition_numbers(normal: np.ndarray) -> np.ndarray:
    """Condition number of each pixel's PᵀP, shape (n_pix,); infinite where singular."""
    eigenvalues = np.linalg.eigvalsh(matrices(normal))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = eigenvalues[:, 2] / eigenvalues[:, 0]
    return np.where(eigenvalues[:, 0] > 0, ratio, np.inf)


def invert(normal: np.ndarray) -> np.ndarray:
    """(PᵀP)⁻¹ of every pixel, shape (n_pix, 3, 3).

    Raises
    ------
    UserError : if T, Q and U cannot be solved for in every pixel
    """
    n_unseen = np.count_nonzero(normal[:, 0] == 0)
    n_bad = np.count_nonzero(condition_numbers(normal) > MAX_CONDITION) - n_unseen
    if n_unseen or n_bad:
        raise UserError(
            f"simulation.nside: of the {len(normal)} pixels of nside "
            f"{healpy.npix2nside(len(normal))}, {n_unseen} are never observed and {n_bad} "
            f"at too few angles to solve for T, Q, U; lower simulation.nside, or raise "
            f"simulation.scan.sampling_rate_hz or duration_days"
        )
    return np.linalg.inv(matrices(normal))
