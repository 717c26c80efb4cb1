"""Grids: where a pixel's neighbours are, what it weighs, and what the next coarser grid is.

The wavelets and the scattering covariances know the sky, a plane or a line only through
:class:`Grid`. Pixels are in nested order (:mod:`fewtomany.maps.geometry`; for HEALPix NESTED), so
that the children of a pixel are consecutive. Of a partial sky there are the observed pixels
alone. A pixel of a coarser grid is there if one of its children is, with the children's weights.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fewtomany.late import healpy as hp
from fewtomany.maps.flat import Flat, separate
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.region import Region
from fewtomany.maps.sky import Sky

PIXEL_SIDE = np.sqrt(np.pi / 3)
"""Side of a pixel of a plane in the unit of the offsets: that of a square of the area of a
HEALPix pixel, in units of 1/nside rad, so that the wavelets are those of the sphere."""


@dataclass(frozen=True)
class Grid:
    """One resolution of a hierarchy of grids.

    Attributes
    ----------
    n_pix : number of pixels
    neighbours : array of shape (n_pix, k), int: each pixel itself and the pixels
        around it; -1 where there are fewer than k
    offsets : array of shape (n_pix, k, 2): position of each neighbour in the
        pixel's tangent plane, (southward, eastward), in units of 1/nside rad, or on a
        plane of 1/:data:`PIXEL_SIDE` pixel sides
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
    children : array of shape (n_coarse, n_children), int: pixels of each coarse pixel, -1 for
        none
    share : array of shape (n_coarse, n_children): their weights in its mean, of unit sum
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
    """Grids of pixels 2^j times as wide as those of the maps, j = first_scale, ..., fine to coarse.

    Attributes
    ----------
    levels : the grids
    mergings : from every grid but the last to the next; None for means of consecutive
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

    def level(scale: int, pixels: np.ndarray, weight: np.ndarray | None) -> Grid:
        return healpix_grid(sky.nside >> scale, kernel_size, pixels, weight)

    return _hierarchy(sky, n_scales, first_scale, level)


def region_hierarchy(
    region: Region, n_scales: int, kernel_size: int = 3, first_scale: int = 0
) -> Hierarchy:
    """The grids of a region: means over pixels are weighed by its share of them.

    All pixels of the coarsest grid are whole, so that coarser maps are means of consecutive pixels.
    """
    n_steps = first_scale + n_scales - 1
    pixels, share = region.nested, region.to_nested(region.share)
    levels = []
    for scale in range(n_steps + 1):
        if scale >= first_scale:
            weight = share / share.mean()
            levels.append(healpix_grid(region.nside >> scale, kernel_size, pixels, weight))
        pixels, share = pixels[::4] // 4, share.reshape(-1, 4).mean(axis=1)
    return Hierarchy(levels, [None] * (n_scales - 1), [None] * first_scale)


def _hierarchy(
    geometry: Geometry,
    n_scales: int,
    first_scale: int,
    level: Callable[[int, np.ndarray, np.ndarray | None], Grid],
) -> Hierarchy:
    """The grids of a geometry; ``level`` makes that of a scale, of its pixels and their weights."""
    n_children, n_steps = geometry.n_children, first_scale + n_scales - 1
    whole = geometry.is_full and geometry.weights is None and geometry.is_even(n_steps)
    pixels = geometry.nested
    weight = None if geometry.weights is None else geometry.to_nested(geometry.weight)
    levels, mergings = [], []
    for scale in range(n_steps + 1):
        if scale >= first_scale:
            even = weight is None or (weight == 1).all()
            levels.append(level(scale, pixels, None if even else weight))
        if scale == n_steps:
            break
        if whole:
            pixels = pixels[::n_children] // n_children
            mergings.append(None)
            continue
        merging, pixels, weight = _merge(pixels, weight, n_children)
        mergings.append(merging)
    return Hierarchy(levels, mergings[first_scale:], mergings[:first_scale])


def _merge(pixels: np.ndarray, weight: np.ndarray | None, n_children: int):
    """Merging of pixels in nested order, the coarse pixels and their weights (of mean 1)."""
    weight = np.ones(len(pixels)) if weight is None else weight
    coarse, parent = np.unique(pixels // n_children, return_inverse=True)
    children = np.full((len(coarse), n_children), -1)
    share = np.zeros((len(coarse), n_children))
    children[parent, pixels % n_children] = np.arange(len(pixels))
    share[parent, pixels % n_children] = weight
    total = share.sum(axis=1)
    return Merging(children, share / total[:, None]), coarse, total / total.mean()


def lattice_grid(
    shape: tuple[int, ...],
    periodic: bool,
    kernel_size: int = 3,
    pixels: np.ndarray | None = None,
    weight: np.ndarray | None = None,
) -> Grid:
    """A plane or a line, or a part of it: square kernels, all frames alike.

    Parameters
    ----------
    shape : (n_rows, n_columns) of a plane, (n,) of a line, which runs to the east
    periodic : whether pixels at an edge have those of the other edge as neighbours
    kernel_size : pixels across a kernel, 3 or 5
    pixels : the grid's pixels, nested (:func:`fewtomany.maps.flat.interleave`), ascending; all by
        default
    weight : array of shape (n_pix,), of the pixels in means
    """
    if kernel_size not in (3, 5):
        raise ValueError(f"kernel_size is {kernel_size}, expected 3 or 5")
    if pixels is None:
        pixels = Flat(shape, periodic).nested
    here = np.array(separate(pixels, len(shape)))[:, :, None]
    reach = np.arange(-(kernel_size // 2), kernel_size // 2 + 1)
    steps = np.array(np.meshgrid(*[reach] * len(shape), indexing="ij")).reshape(len(shape), -1)
    steps = steps[:, np.argsort(np.abs(steps).sum(axis=0) > 0, kind="stable")]  # itself first
    there = here + steps[:, None]
    size = np.array(shape)[:, None, None]
    inside = np.full(there.shape[1:], True)
    if periodic:
        there %= size
    else:
        inside = ((there >= 0) & (there < size)).all(axis=0)
        there = np.where(inside, there, 0)
    place = np.full(shape, -1)
    place[tuple(here[..., 0])] = np.arange(len(pixels))
    neighbours = np.where(inside, place[tuple(there)], -1)
    offsets = np.zeros((*neighbours.shape, 2))
    offsets[..., 2 - len(shape) :] = PIXEL_SIDE * steps.T
    return Grid(len(pixels), neighbours, offsets, np.zeros(neighbours.shape), weight)


def lattice_hierarchy(
    flat: Flat, n_scales: int, kernel_size: int = 3, first_scale: int = 0
) -> Hierarchy:
    """The grids of a plane or a line, ``n_scales`` of them.

    Sides need not be multiples of the coarsest pixels where the edges are open: the last
    coarse pixel then has fewer children, and the weight of these.

    Raises
    ------
    UserError : for sides that do not close on themselves, or too short for the coarsest kernel
    """
    flat.check_scales(n_scales, kernel_size, first_scale)
    n_steps = first_scale + n_scales - 1
    shapes = [tuple(-(-n >> scale) for n in flat.shape) for scale in range(n_steps + 1)]

    def level(scale: int, pixels: np.ndarray, weight: np.ndarray | None) -> Grid:
        return lattice_grid(shapes[scale], flat.periodic, kernel_size, pixels, weight)

    return _hierarchy(flat, n_scales, first_scale, level)


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
