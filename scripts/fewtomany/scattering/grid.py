"""Grids: where a pixel's neighbours are, and what the next coarser grid is.

The wavelets and the scattering covariances know the sky only through
:class:`Grid`. Pixels are in the grid's own order; for HEALPix that is NESTED, so
that the four children of a pixel are consecutive.
"""

from dataclasses import dataclass

import healpy as hp
import numpy as np


@dataclass(frozen=True)
class Grid:
    """One resolution of a hierarchy of grids.

    Attributes
    ----------
    n_pix : number of pixels
    neighbours : array of shape (n_pix, k), int: each pixel itself and the pixels
        around it; -1 where there are fewer than k
    offsets : array of shape (n_pix, k, 2): position of each neighbour in the
        pixel's tangent plane, (southward, eastward), in units of 1/nside rad
    frame_angle : array of shape (n_pix, k): angle (rad) by which the neighbour's
        (south, east) frame is turned, seen from the pixel
    n_children : pixels of this grid in one pixel of the next coarser one
    """

    n_pix: int
    neighbours: np.ndarray
    offsets: np.ndarray
    frame_angle: np.ndarray
    n_children: int = 4


def healpix_grid(nside: int, kernel_size: int = 3) -> Grid:
    """The full sphere in HEALPix NESTED order.

    Parameters
    ----------
    nside : resolution, a power of 2
    kernel_size : 3 for the pixel and its 8 neighbours (7 at the 24 corners of the
        base pixels), 5 for the neighbours of these too
    """
    if kernel_size not in (3, 5):
        raise ValueError(f"kernel_size is {kernel_size}, expected 3 or 5")
    n_pix = hp.nside2npix(nside)
    pixels = np.arange(n_pix)
    around = np.column_stack([pixels, hp.get_all_neighbours(nside, pixels, nest=True).T])
    if kernel_size == 5:
        around = np.where(around[:, :, None] >= 0, around[around], -1).reshape(n_pix, -1)
    neighbours = _unique_rows(around, pixels)
    vectors = np.column_stack(hp.pix2vec(nside, pixels, nest=True))
    south, east = _tangent_frame(vectors)
    other = np.where(neighbours >= 0, neighbours, pixels[:, None])
    towards = np.stack(
        [_dot(south[:, None], vectors[other]), _dot(east[:, None], vectors[other])], -1
    )
    sine = np.linalg.norm(towards, axis=-1)
    angle = np.arctan2(sine, _dot(vectors[:, None], vectors[other]))
    offsets = towards * (nside * angle / np.where(sine > 0, sine, 1))[..., None]
    frame_angle = np.arctan2(_dot(south[other], east[:, None]), _dot(south[other], south[:, None]))
    return Grid(n_pix, neighbours, offsets, frame_angle)


def healpix_hierarchy(
    nside: int, n_scales: int, kernel_size: int = 3, first_scale: int = 0
) -> list[Grid]:
    """Grids of nside / 2^j, j = first_scale, ..., ``n_scales`` of them, fine to coarse."""
    scales = range(first_scale, first_scale + n_scales)
    return [healpix_grid(nside >> scale, kernel_size) for scale in scales]


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sum(a * b, axis=-1)


def _tangent_frame(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors to the south (e_θ) and to the east (e_φ) at points off the poles."""
    east = np.cross([0.0, 0.0, 1.0], vectors)
    east /= np.linalg.norm(east, axis=-1, keepdims=True)
    return np.cross(east, vectors), east


def _unique_rows(around: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Each row's distinct pixels, the pixel itself first, -1 at the end."""
    around = np.sort(around, axis=1)
    repeated = np.zeros(around.shape, bool)
    repeated[:, 1:] = around[:, 1:] == around[:, :-1]
    around[repeated | (around == pixels[:, None])] = -1
    around = -np.sort(-around, axis=1)
    width = (around >= 0).sum(axis=1).max()
    return np.column_stack([pixels, around[:, :width]])
