"""The frames in which maps are binned: pointings and polarization angles from the ecliptic.

litebird_sim scans in the ecliptic frame (barycentric, mean ecliptic). In it the
pattern of a spinning spacecraft is nearly the same at every longitude.
"""

import functools

import numpy as np

from fewtomany.files import compiled
from fewtomany.late import litebird_sim as lbs

ASTROPY_NAMES = {
    "ecliptic": "barycentricmeanecliptic",
    "galactic": "galactic",
    "equatorial": "icrs",
}
"""Frames of ``maps.frame`` and the names astropy has for them."""


@functools.cache
def matrix(origin: str, target: str) -> np.ndarray:
    """Rotation of vectors from one frame of :data:`ASTROPY_NAMES` to another, shape (3, 3)."""
    x, y, z = np.eye(3)
    from astropy.coordinates import SkyCoord  # heavy, and not wherever a frame is named

    axes = SkyCoord(
        x=x, y=y, z=z, frame=ASTROPY_NAMES[origin], representation_type="cartesian"
    ).transform_to(ASTROPY_NAMES[target])
    return axes.data.to_cartesian().get_xyz().value


def from_ecliptic(pointings: np.ndarray, frame: str) -> np.ndarray:
    """Pointings in another frame.

    Parameters
    ----------
    pointings : array of shape (..., 3), ecliptic θ, φ, ψ in rad
    frame : a name in :data:`ASTROPY_NAMES`

    Returns
    -------
    array of the same shape: θ, φ and the orientation ψ (from east over north) in
    that frame, rad; the same array where it is the ecliptic frame
    """
    if frame == "ecliptic":
        return pointings
    flat = pointings.reshape(-1, 3)
    if frame == "galactic":
        return lbs.rotate_coordinates_e2g(flat).reshape(pointings.shape)
    return _rotate(flat, matrix("ecliptic", frame)).reshape(pointings.shape)


@compiled.by_numba
def _rotate(pointings: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """θ, φ, ψ after a rotation of the frame, shape (n, 3).

    ψ changes by the angle between the meridians of the old pole and of the new one.
    """
    result = np.empty_like(pointings)
    px, py, pz = rotation[:, 2]
    for i in range(len(pointings)):
        theta, phi, psi = pointings[i]
        u, v, w = np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)
        x = rotation[0, 0] * u + rotation[0, 1] * v + rotation[0, 2] * w
        y = rotation[1, 0] * u + rotation[1, 1] * v + rotation[1, 2] * w
        z = rotation[2, 0] * u + rotation[2, 1] * v + rotation[2, 2] * w
        result[i, 0] = np.arctan2(np.hypot(x, y), z)
        result[i, 1] = np.arctan2(y, x) % (2 * np.pi)
        result[i, 2] = psi + np.arctan2(px * y - py * x, pz - z * (px * x + py * y + pz * z))
    return result
