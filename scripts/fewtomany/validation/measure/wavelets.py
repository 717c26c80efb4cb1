"""What the wavelets see: their shapes on the sphere and their transfer functions.

A wavelet of scale j acts on the mean of 4^j pixels; spread over them, it is a map ψ_p of
weights for every pixel p of its grid, of which (I∗ψ)(p) = Σ_x ψ_p(x) I(x). With ψ_ℓm its
harmonic coefficients, an isotropic I of spectrum C_ℓ gives

    ⟨|I∗ψ|²⟩ = Σ_ℓ (2ℓ + 1)/4π C_ℓ W_ℓ,   W_ℓ = 4π/Ω² Σ_m |ψ_ℓm|² / (2ℓ + 1),

Ω the area of a pixel: the transfer function W_ℓ (Appendix A of arXiv:2503.11643).
"""

import numpy as np

from fewtomany.late import healpy as hp
from fewtomany.scattering import grid
from fewtomany.scattering.wavelets import wavelet_kernels

KERNEL_SIZES = (3, 5)
N_PLACES = 24
"""Pixels over which transfer functions are averaged."""

LATITUDE_DEG, LONGITUDE_DEG = 25.0, 20.0
"""Where the wavelets are shown."""


def kernel_map(level: grid.Grid, kernels: np.ndarray, pixel: int, nside: int) -> np.ndarray:
    """Weights ψ_p on the finest grid.

    Parameters
    ----------
    level : the wavelet's grid
    kernels : complex array of shape (n_pix, k, R), on that grid
    pixel : p, NESTED
    nside : of the finest grid

    Returns
    -------
    complex array of shape (R, 12 nside²), NESTED
    """
    children = 12 * nside**2 // level.n_pix
    coarse = np.zeros((kernels.shape[2], level.n_pix), complex)
    around = level.neighbours[pixel]
    coarse[:, around[around >= 0]] = kernels[pixel, around >= 0].T
    return np.repeat(coarse / children, children, axis=1)


def shapes(nside: int, n_scales: int, n_orientations: int, kernel_size: int) -> np.ndarray:
    """Wavelets of all scales and orientations at one place.

    Returns
    -------
    complex array of shape (n_scales, n_orientations, 12 nside²), RING
    """
    order = hp.ring2nest(nside, np.arange(12 * nside**2))
    result = []
    for level in grid.healpix_hierarchy(nside, n_scales, kernel_size):
        pixel = hp.ang2pix(_nside(level), LONGITUDE_DEG, LATITUDE_DEG, nest=True, lonlat=True)
        kernels = wavelet_kernels(level, n_orientations)
        result.append(kernel_map(level, kernels, pixel, nside)[:, order])
    return np.array(result)


def transfer_functions(
    nside: int, n_scales: int, n_orientations: int, kernel_size: int
) -> np.ndarray:
    """W_ℓ of every scale, summed over orientations, the mean over places of the sphere.

    Returns
    -------
    array of shape (n_scales, 3 nside), dimensionless
    """
    order = hp.ring2nest(nside, np.arange(12 * nside**2))
    area = hp.nside2pixarea(nside)
    result = np.zeros((n_scales, 3 * nside))
    for row, level in zip(
        result, grid.healpix_hierarchy(nside, n_scales, kernel_size), strict=True
    ):
        kernels = wavelet_kernels(level, n_orientations)
        places = np.unique(np.linspace(0, level.n_pix - 1, N_PLACES).astype(int))
        for pixel in places:
            for wavelet in kernel_map(level, kernels, pixel, nside)[:, order]:
                for part in (wavelet.real, wavelet.imag):
                    row += hp.anafast(part, lmax=3 * nside - 1, use_pixel_weights=False)
        row *= 4 * np.pi / area**2 / len(places)
    return result


def _nside(level: grid.Grid) -> int:
    return hp.npix2nside(level.n_pix)
