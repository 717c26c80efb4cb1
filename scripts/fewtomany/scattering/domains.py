"""What the statistics need of a geometry, one function for each need.

Another geometry registers its own: the hierarchy of its grids, and the transform that gives its
spectra. Nothing else depends on what kind of geometry it is.
"""

from functools import singledispatch
from typing import Protocol

import tensorflow as tf

from fewtomany.components import Components
from fewtomany.flat import Flat
from fewtomany.geometry import Geometry
from fewtomany.scattering import fourier, grid, harmonics
from fewtomany.sky import Sky


class Transform(Protocol):
    """Tables that turn maps into spectra; a tuple of tensors."""

    def spectra(self, maps: tf.Tensor, components: Components, l1: str) -> tf.Tensor:
        """Auto and cross spectra, p = 2 and p = 1, (n_maps, 2, n_spectra, n_bins).

        Parameters
        ----------
        maps : tensor of shape (n_pix, n_maps, F), nested
        """


@singledispatch
def hierarchy(
    geometry: Geometry, n_scales: int, kernel_size: int = 3, first_scale: int = 0
) -> grid.Hierarchy:
    """Grids of a geometry, from scale ``first_scale`` on, ``n_scales`` of them."""
    raise TypeError(f"no grids of {type(geometry).__name__}")


hierarchy.register(Sky, grid.healpix_hierarchy)
hierarchy.register(Flat, grid.lattice_hierarchy)


@singledispatch
def transform(geometry: Geometry, components: Components, dtype) -> Transform:
    """Tables for the spectra of maps of a geometry."""
    raise TypeError(f"no spectra of {type(geometry).__name__}")


transform.register(Sky, harmonics.harmonic_transform)


@transform.register
def _(flat: Flat, components: Components, dtype) -> Transform:
    return fourier.fourier_transform(flat, dtype)
