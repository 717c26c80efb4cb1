"""Regions of the sphere: each a core and a margin, made of whole pixels of a coarse grid.

The cores of the regions of one resolution are the pixels of a coarser map: they cover the sphere
once. The margin holds what the wavelets at the core's edge see, so that the statistics of the
core are those it has as a part of the whole sphere.
"""

from dataclasses import dataclass

import healpy as hp
import numpy as np

from fewtomany.sky import Sky


@dataclass(frozen=True, eq=False)
class Region(Sky):
    """A part of the sphere around a core.

    Attributes
    ----------
    core : bool array of shape (n_pix,): which of the pixels are the core's, in the order of files
    """

    core: np.ndarray | None = None

    @property
    def core_pixels(self) -> np.ndarray:
        """The core's pixels, RING, ascending."""
        return self.indices[self.core]


def count(cores: int) -> int:
    """Number of the regions whose cores are the pixels of nside ``cores``."""
    return hp.nside2npix(cores)


def cut(nside: int, cores: int, number: int, coarsest: int, reach: int) -> Region:
    """One region of the sphere.

    Parameters
    ----------
    nside : of the pixels
    cores : the regions' cores are the pixels of this nside
    number : of the core, NESTED
    coarsest : the margin is made of pixels of this nside, from ``cores`` to ``nside``
    reach : how many of them it is wide
    """
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
    return Region(nside, pixels[order], core=core[order])
