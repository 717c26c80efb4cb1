"""From the resolution of map-making to that of the maps; linear in the maps."""

import functools

import numpy as np

from fewtomany.late import healpy


def downgrade(maps: np.ndarray, nside: int, method: str) -> np.ndarray:
    """Maps at a lower resolution; unchanged where they have it already.

    Parameters
    ----------
    maps : array of shape (..., 3, n_pix), T, Q, U, RING, COSMO
    nside : of the result
    method : "mean", the plain average of the pixels inside each larger one, of
        Q and U as of T (as ``healpy.ud_grade``); or "harmonic", which cuts
        the spherical harmonics (spin 2 for Q, U) at ℓ = 3 nside - 1 and replaces
        the pixel window of the one resolution by that of the other

    Returns
    -------
    array of shape (..., 3, 12 nside²), float64
    """
    if maps.shape[-1] == healpy.nside2npix(nside):
        return maps
    if method == "mean":
        return maps[..., _children(healpy.npix2nside(maps.shape[-1]), nside)].mean(axis=-1)
    flat = maps.reshape(-1, *maps.shape[-2:])
    return np.stack([_harmonic(tqu, nside) for tqu in flat]).reshape(*maps.shape[:-1], -1)


@functools.cache
def _children(nside_in: int, nside_out: int) -> np.ndarray:
    """RING pixels inside each larger RING pixel, shape (n_pix_out, n_children)."""
    ratio = (nside_in // nside_out) ** 2
    first = healpy.ring2nest(nside_out, np.arange(healpy.nside2npix(nside_out))) * ratio
    return healpy.nest2ring(nside_in, first[:, None] + np.arange(ratio))


def _harmonic(tqu: np.ndarray, nside: int) -> np.ndarray:
    lmax = 3 * nside - 1
    window = pixel_window(nside, lmax) / pixel_window(healpy.npix2nside(tqu.shape[-1]), lmax)
    alm = healpy.map2alm(tqu, lmax=lmax, pol=True)
    for component in alm:
        healpy.almxfl(component, window, inplace=True)
    return np.array(healpy.alm2map(alm, nside, lmax=lmax, pol=True))


@functools.cache
def pixel_window(nside: int, lmax: int) -> np.ndarray:
    """Pixel window W_ℓ: rms over the pixels of the harmonics of a pixel's average.

    By the addition theorem W_ℓ² is the mean of P_ℓ(cos θ) over pairs of points of a
    pixel. The points are the centres of its 8 × 8 parts, whose own extent enters
    to second order, and at most 768 pixels are taken. The same window serves T,
    E and B; theirs differ by less than 1e-3 from nside 16 upwards.

    Returns
    -------
    array of shape (lmax + 1,)
    """
    n_pix, n_parts = healpy.nside2npix(nside), 64
    pixels = np.arange(0, n_pix, max(n_pix // 768, 1))
    parts = pixels[:, None] * n_parts + np.arange(n_parts)
    points = np.stack(healpy.pix2vec(8 * nside, parts, nest=True), axis=-1)
    cosine = points @ points.transpose(0, 2, 1)
    ell = np.arange(lmax + 1)
    squared = np.empty(lmax + 1)
    before, legendre = np.zeros_like(cosine), np.ones_like(cosine)
    for n in ell:
        squared[n] = legendre.mean()
        following = ((2 * n + 1) * cosine * legendre - n * before) / (n + 1)
        before, legendre = legendre, following
    part_area = 4 * np.pi / (n_pix * n_parts)
    return np.sqrt(squared) * np.exp(-ell * (ell + 1) * part_area / 24)
