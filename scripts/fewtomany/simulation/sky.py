"""An invented sky of bright compact regions: a Galactic plane with clouds and point sources.

It needs no download, is the same in every campaign, and is meant to be as far from
Gaussian as a real one: a hundredth of the sky holds most of the squared signal.
"""

import functools

import numpy as np

from fewtomany.late import healpy

SEED = 20250311
N_CLOUDS, CLOUD_FWHM_DEG = 60, 4.0
N_SOURCES, SOURCE_FWHM_DEG = 300, 1.0
POLARIZED_FRACTION = 0.05
PLANE_HEIGHT_DEG = 2.0


@functools.lru_cache(maxsize=1)
def synthetic(nside: int, peak_k: float) -> np.ndarray:
    """The sky at a resolution.

    T is the sum of

    - a plane, peak · exp(-|b| / 2°) · (0.1 + 0.9 exp(-|l| / 40°));
    - 60 Gaussian clouds of 4° FWHM near the plane, of 0.05 to 0.5 peak;
    - 300 Gaussian sources of 1° FWHM, a third of them near the plane, whose numbers
      fall as S^(-3/2) above 0.05 peak up to 5 peak.

    The plane and clouds are polarized by 5% across the plane (Q > 0 in Galactic
    coordinates, COSMO), each source by 5% at an angle of its own.

    Parameters
    ----------
    nside : resolution; sources have their peak in T where it is 128 or more
    peak_k : brightness of the plane at its center, K_CMB

    Returns
    -------
    array of shape (3, 12 nside²), T, Q, U, K_CMB, RING, Galactic, COSMO, float64
    """
    rng = np.random.default_rng(SEED)
    lon, lat = healpy.pix2ang(nside, np.arange(healpy.nside2npix(nside)), lonlat=True)
    from_center = np.abs((lon + 180) % 360 - 180)
    plane = np.exp(-np.abs(lat) / PLANE_HEIGHT_DEG) * (0.1 + 0.9 * np.exp(-from_center / 40))
    clouds = _blobs(
        nside,
        rng.laplace(0, 60, N_CLOUDS) % 360,
        np.clip(rng.laplace(0, 5, N_CLOUDS), -80, 80),
        0.05 * 10 ** rng.uniform(0, 1, N_CLOUDS),
        CLOUD_FWHM_DEG,
    )[0]
    diffuse = plane + clouds
    n_plane = N_SOURCES // 3
    everywhere = np.rad2deg(np.arcsin(rng.uniform(-1, 1, N_SOURCES - n_plane)))
    latitudes = np.concatenate([np.clip(rng.laplace(0, 2, n_plane), -80, 80), everywhere])
    fluxes = np.minimum(0.05 * rng.uniform(0, 1, N_SOURCES) ** -2.0, 5.0)
    sources, cosine, sine = _blobs(
        nside,
        rng.uniform(0, 360, N_SOURCES),
        latitudes,
        fluxes,
        SOURCE_FWHM_DEG,
        rng.uniform(0, np.pi, N_SOURCES),
    )
    sky = [
        diffuse + sources,
        POLARIZED_FRACTION * (diffuse + cosine),
        POLARIZED_FRACTION * sine,
    ]
    return peak_k * np.array(sky)


def _blobs(nside, lon, lat, peaks, fwhm_deg, angles=None) -> np.ndarray:
    """Gaussians on the sphere: their sum, and those weighted by cos 2α and sin 2α."""
    sigma = np.deg2rad(fwhm_deg) / np.sqrt(8 * np.log(2))
    angles = np.zeros(len(lon)) if angles is None else angles
    total = np.zeros((3, healpy.nside2npix(nside)))
    for center, peak, angle in zip(
        np.stack(healpy.ang2vec(lon, lat, lonlat=True)), peaks, angles, strict=True
    ):
        near = healpy.query_disc(nside, center, 5 * sigma)
        vectors = np.stack(healpy.pix2vec(nside, near), axis=-1)
        squared = np.sum((vectors - center) ** 2, axis=-1)
        values = peak * np.exp(-squared / (2 * sigma**2))
        total[:, near] += values * np.array([[1.0], [np.cos(2 * angle)], [np.sin(2 * angle)]])
    return total
