"""Grids: where a pixel's neighbours are, what it weighs, and what the next coarser grid is.

The wavelets and the scattering covariances know the sky only through
:class:`Grid`. Pixels are in the grid's own order; for HEALPix that is NESTED, so
that the four children of a pixel are consecutive. A partial sky has the observed pixels
alone: on coarser grids those of which a child is observed, with the children's weights.
"""

from dataclasses import dataclass

import healpy as hp
import numpy as np

from fewtomany.sky import Sky


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
    weight : array of shape (n_pix,): of the pixels in means over the sky, of mean 1;
        None where all are alike
    """

    n_pix: int
    neighbours: np.ndarray
    offsets: np.ndarray
    frame_angle: np.ndarray
    weight: np.ndarray | None = None


@dataclass(frozen=True)
class Merging:
    """How a grid becomes the next coarser one: weighted means of its pixels.

    Attributes
    ----------
    children : array of shape (n_coarse, 4), int: pixels of each coarse pixel, -1 for none
    share : array of shape (n_coarse, 4): their weights in its mean, of unit sum
    """

    children: np.ndarray
    share: np.ndarray


def healpix_grid(
    nside: int,
    kernel_size: int = 3,
    pixels: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> Grid:
    """The sphere in HEALPix NESTED order, or a part of it.

    Parameters
    ----------
    nside : resolution, a power of 2
    kernel_size : 3 for the pixel and its 8 neighbours (7 at the 24 corners of the
        base pixels), 5 for the neighbours of these too
    pixels : the grid's pixels, NESTED, ascending; all by default
    weight : array of shape (n_pix,), of the pixels in means over the sky
    """
    if kernel_size not in (3, 5):
        raise ValueError(f"kernel_size is {kernel_size}, expected 3 or 5")
    if pixels is None:
        pixels = np.arange(hp.nside2npix(nside))
    n_pix, own = len(pixels), np.arange(len(pixels))
    around = _around(nside, pixels)
    if kernel_size == 5:
        further = _around(nside, np.maximum(around, 0).ravel()).reshape(n_pix, -1, 9)
        around = np.where(around[:, :, None] >= 0, further, -1).reshape(n_pix, -1)
    place = np.full(hp.nside2npix(nside) + 1, -1)
    place[pixels] = own
    neighbours = _unique_rows(place[around], own)
    vectors = np.column_stack(hp.pix2vec(nside, pixels, nest=True))
    south, east = _tangent_frame(vectors)
    other = np.where(neighbours >= 0, neighbours, own[:, None])
    towards = np.stack(
        [_dot(south[:, None], vectors[other]), _dot(east[:, None], vectors[other])], -1
    )
    sine = np.linalg.norm(towards, axis=-1)
    angle = np.arctan2(sine, _dot(vectors[:, None], vectors[other]))
    offsets = towards * (nside * angle / np.where(sine > 0, sine, 1))[..., None]
    frame_angle = np.arctan2(_dot(south[other], east[:, None]), _dot(south[other], south[:, None]))
    return Grid(n_pix, neighbours, offsets, frame_angle, weight)


@dataclass(frozen=True)
class Hierarchy:
    """Grids of nside / 2^j, j = first_scale, ..., from fine to coarse.

    Attributes
    ----------
    levels : the grids
    mergings : from every grid but the last to the next; None for means of four consecutive
        pixels of equal weight
    finer : the same for the steps from the pixels of the maps to the first grid
    """

    levels: list[Grid]
    mergings: list[Merging | None]
    finer: list[Merging | None]

    def __iter__(self):
        return iter(self.levels)

    def __getitem__(self, number: int) -> Grid:
        return self.levels[number]

    def __len__(self) -> int:
        return len(self.levels)


def healpix_hierarchy(
    sky: Sky | int, n_scales: int, kernel_size: int = 3, first_scale: int = 0
) -> Hierarchy:
    """The grids of a sky (the full one of an nside), ``n_scales`` of them."""
    if not isinstance(sky, Sky):
        sky = Sky(sky)
    whole = sky.is_full and sky.weights is None
    pixels = None if whole else sky.nested
    weight = None if sky.weights is None else sky.to_nested(sky.weight)
    levels, mergings = [], []
    for scale in range(first_scale + n_scales):
        if scale >= first_scale:
            even = weight is None or (weight == 1).all()
            mine = None if even else weight
            levels.append(healpix_grid(sky.nside >> scale, kernel_size, pixels, mine))
        if whole:
            mergings.append(None)
            continue
        merging, pixels, weight = _merge(pixels, weight)
        mergings.append(merging)
    return Hierarchy(levels, mergings[first_scale:-1], mergings[:first_scale])


def _merge(pixels: np.ndarray, weight: np.ndarray | None):
    """Merging of NESTED pixels by four, the coarse pixels and their weights (of mean 1)."""
    weight = np.ones(len(pixels)) if weight is None else weight
    coarse, parent = np.unique(pixels >> 2, return_inverse=True)
    children = np.full((len(coarse), 4), -1)
    share = np.zeros((len(coarse), 4))
    children[parent, pixels & 3] = np.arange(len(pixels))
    share[parent, pixels & 3] = weight
    total = share.sum(axis=1)
    return Merging(children, share / total[:, None]), coarse, total / total.mean()


def _around(nside: int, pixels: np.ndarray) -> np.ndarray:
    """Each pixel and its eight neighbours, NESTED, (n, 9); -1 for none."""
    return np.column_stack([pixels, hp.get_all_neighbours(nside, pixels, nest=True).T])


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
