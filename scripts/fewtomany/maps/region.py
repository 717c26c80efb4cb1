"""Regions of the sphere: each a core and a margin, made of whole pixels of a coarse grid.

The cores of the regions of one resolution are the pixels of a coarser map: they cover the sphere
once. Regions overlap in their margins, where their shares fall smoothly; the shares of all regions
add up to 1 in every pixel.
"""

import functools
from dataclasses import dataclass

import numpy as np
import scipy

from fewtomany.late import healpy as hp
from fewtomany.maps.sky import Sky


@dataclass(frozen=True, eq=False)
class Region(Sky):
    """A part of the sphere around a core.

    Attributes
    ----------
    core : bool array of shape (n_pix,): which of the pixels are the core's, in the order of files
    share : array of shape (n_pix,), of the region in each pixel: 1 inside, falling to 0 in the
        margin
    """

    core: np.ndarray | None = None
    share: np.ndarray | None = None


def count(cores: int) -> int:
    """Number of the regions whose cores are the pixels of nside ``cores``."""
    return hp.nside2npix(cores)


@functools.lru_cache(maxsize=2)
def cover(nside: int, cores: int, coarsest: int, reach: int) -> tuple[Region, ...]:
    """The regions of the sphere.

    Parameters
    ----------
    nside : of the pixels
    cores : the regions' cores are the pixels of this nside, NESTED
    coarsest : the margins are made of pixels of this nside, from ``cores`` to ``nside``
    reach : how many of them they are wide; the shares end half a pixel before
    """
    parts = [_cut(nside, cores, number, coarsest, reach) for number in range(count(cores))]
    total = np.zeros(hp.nside2npix(nside))
    for pixels, _, taper in parts:
        total[pixels] += taper
    return tuple(Region(nside, p, core=core, share=t / total[p]) for p, core, t in parts)


def _cut(
    nside: int, cores: int, number: int, coarsest: int, reach: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of a region (RING, ascending), which are its core's, and a taper around the core."""
    n_inside = (coarsest // cores) ** 2
    blocks = number * n_inside + np.arange(n_inside)
    for _ in range(reach):
        around = hp.get_all_neighbours(coarsest, blocks, nest=True)
        blocks = np.union1d(blocks, around[around >= 0])
    n_children = (nside // coarsest) ** 2
    nested = (blocks[:, None] * n_children + np.arange(n_children)).ravel()
    pixels = hp.nest2ring(nside, nested)
    order = np.argsort(pixels)
    core = nested // (nside // cores) ** 2 == number
    vectors = np.column_stack(hp.pix2vec(nside, nested, nest=True))
    distance = scipy.spatial.cKDTree(vectors[core]).query(vectors)[0]
    width = (reach - 0.5) * hp.nside2resol(coarsest)
    taper = np.cos(np.pi / 2 * np.minimum(distance / width, 1)) ** 2
    return pixels[order], core[order], taper[order]
