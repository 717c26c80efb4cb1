"""Turns and reflections of HEALPix maps about the pole of their own frame.

A map is cut into its rings. A turn by φ multiplies the Fourier coefficients of every ring
by exp(−imφ); reflections permute pixels. Q and U keep their meaning, because local axes
turn with the pole; a reflection changes the sign of U.

The Nyquist term (−1)ᵏ of a ring has no partner in quadrature: turned by φ it becomes
cos(mφ) times itself, so it is the only part that a turn can lose. It survives turns by
whole pixels, where the cosine is ±1.
"""

import functools
from collections.abc import Iterator

import numpy as np

from fewtomany.errors import UserError
from fewtomany.late import healpy as hp

OPERATIONS = ("identity", "mirror", "flip", "mirror-flip")
"""Reflections in the order of the weights of a symmetry: none, on the equator, of
longitude, and both."""


@functools.lru_cache(maxsize=4)
def ring_groups(nside: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Rings of equal length together, from the poles to the equator.

    Returns
    -------
    of each group
        rings : array of their indices from the north, 0 to 4 nside − 2
        pixels : array of shape (n_rings, length), RING indices
    """
    return tuple(_ring_groups(nside))


def _ring_groups(nside: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    n_rings = 4 * nside - 1
    for length in range(1, nside):
        start = 2 * length * (length - 1)
        north = start + np.arange(4 * length)
        south = 12 * nside**2 - start - 4 * length + np.arange(4 * length)
        yield np.array([length - 1, n_rings - length]), np.stack([north, south])
    belt = np.arange(nside - 1, 3 * nside)
    first = 2 * nside * (nside - 1)
    yield belt, first + np.arange(4 * nside * len(belt)).reshape(len(belt), -1)


def analyse(maps: np.ndarray) -> np.ndarray:
    """Fourier coefficients of every ring, unitary.

    Parameters
    ----------
    maps : array of shape (..., n_pix), RING

    Returns
    -------
    array of shape (..., 4 nside − 1, 2 nside + 1), ring by m, complex64 of float32 maps, else
    complex128; 0 above the Nyquist frequency of a short ring
    """
    nside = nside_of(maps)
    kind = np.result_type(maps.dtype, np.complex64)
    found = np.zeros((*maps.shape[:-1], 4 * nside - 1, 2 * nside + 1), kind)
    for rings, pixels in ring_groups(nside):
        found[..., rings, : pixels.shape[1] // 2 + 1] = np.fft.rfft(maps[..., pixels], norm="ortho")
    return found


def synthesize(coefficients: np.ndarray) -> np.ndarray:
    """Inverse of :func:`analyse`; the imaginary part of Nyquist terms is left out.

    Returns
    -------
    float64 array of shape (..., n_pix)
    """
    nside = (coefficients.shape[-1] - 1) // 2
    maps = np.empty((*coefficients.shape[:-2], 12 * nside**2))
    for rings, pixels in ring_groups(nside):
        length = pixels.shape[1]
        kept = coefficients[..., rings, : length // 2 + 1]
        maps[..., pixels] = np.fft.irfft(kept, length, norm="ortho")
    return maps


def turn(maps: np.ndarray, angle_deg: float) -> np.ndarray:
    """Maps turned to the east by an angle: a feature at longitude φ goes to φ + angle.

    Parameters
    ----------
    maps : array of shape (..., n_pix), RING
    angle_deg : degrees

    Returns
    -------
    float64 array of the same shape
    """
    coefficients = analyse(maps)
    m = np.arange(coefficients.shape[-1])
    return synthesize(coefficients * np.exp(-1j * m * np.deg2rad(angle_deg)))


def mirror(maps: np.ndarray, stokes: str) -> np.ndarray:
    """Maps mirrored on the equator: θ → π − θ, U → −U.

    Parameters
    ----------
    maps : array of shape (..., n_stokes, n_pix), RING
    stokes : the components, for example "QU"
    """
    return _reflected(maps, stokes, _mirrored_pixels(nside_of(maps)))


def flip(maps: np.ndarray, stokes: str) -> np.ndarray:
    """Maps with longitude reversed: φ → −φ, U → −U; parameters as for :func:`mirror`."""
    order = np.empty(maps.shape[-1], int)
    for rings, pixels in ring_groups(nside_of(maps)):
        length, nside = pixels.shape[1], nside_of(maps)
        in_belt = length == 4 * nside
        # of the belt every other ring has a pixel at φ = 0, the others are half a pixel off
        at_zero = (rings - nside + 1) % 2 == 1 if in_belt else np.zeros(len(rings), bool)
        for row, centred in zip(pixels, at_zero, strict=True):
            order[row] = np.roll(row[::-1], 1) if centred else row[::-1]
    return _reflected(maps, stokes, order)


def reflect(maps: np.ndarray, stokes: str, operation: str) -> np.ndarray:
    """Maps under one of OPERATIONS."""
    if "mirror" in operation:
        maps = mirror(maps, stokes)
    return flip(maps, stokes) if "flip" in operation else maps


def directions(nside: int) -> tuple[np.ndarray, np.ndarray]:
    """Colatitude and longitude of every pixel, rad, RING."""
    return hp.pix2ang(nside, np.arange(12 * nside**2))


def nside_of(maps: np.ndarray) -> int:
    """Resolution of maps (..., n_pix).

    Raises
    ------
    UserError : if no full HEALPix map has as many pixels
    """
    n_pix = maps.shape[-1]
    nside = round((n_pix / 12) ** 0.5)
    if 12 * nside**2 != n_pix:
        raise UserError(f"maps of {n_pix} pixels: a turn needs full HEALPix maps, 12 nside²")
    return nside


def _mirrored_pixels(nside: int) -> np.ndarray:
    order = np.empty(12 * nside**2, int)
    for _, pixels in ring_groups(nside):
        order[pixels] = pixels[::-1]
    return order


def _reflected(maps: np.ndarray, stokes: str, order: np.ndarray) -> np.ndarray:
    if maps.shape[-2] != len(stokes):
        raise UserError(f"maps of {maps.shape[-2]} components, expected {stokes}")
    sign = np.array([-1.0 if letter == "U" else 1.0 for letter in stokes])
    return maps[..., order] * sign[:, None]
