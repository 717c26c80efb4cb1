"""What the statistics need of a geometry, one function for each need.

Another geometry registers its own: the hierarchy of its grids, the transform that gives its
spectra, which settings mean nothing there, and Gaussian maps where it can draw them. Nothing
else depends on what kind of geometry it is.
"""

from functools import singledispatch
from typing import Protocol

import numpy as np
import tensorflow as tf

from fewtomany.config.campaign import Emulator
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.region import Region
from fewtomany.maps.sky import Sky
from fewtomany.scattering import fourier, grid, harmonics
from fewtomany.spectra import waves


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
hierarchy.register(Region, grid.region_hierarchy)
hierarchy.register(Flat, grid.lattice_hierarchy)


@singledispatch
def transform(geometry: Geometry, components: Components, dtype) -> Transform:
    """Tables for the spectra of maps of a geometry."""
    raise TypeError(f"no spectra of {type(geometry).__name__}")


transform.register(Sky, harmonics.harmonic_transform)


@transform.register
def _(flat: Flat, components: Components, dtype) -> Transform:
    return fourier.fourier_transform(flat, dtype)


@singledispatch
def check(geometry: Geometry, components: Components, settings: Emulator, name: str) -> None:
    """Raise UserError for settings that mean nothing for maps (of a name) of a geometry."""


@check.register
def _(flat: Flat, components: Components, settings: Emulator, name: str) -> None:
    if settings.stripe_zones:
        raise UserError(
            f"emulator.stripe_zones: {settings.stripe_zones} is not allowed for {name}, a "
            f"{flat.kind}; expected 0: stripes are those of a scan of the sphere"
        )
    if flat.kind == "plane":
        return
    for key, value in (("n_orientations", 1), ("orientation", "none")):
        if (found := getattr(settings, key)) != value:
            raise UserError(
                f"emulator.{key}: {found} is not allowed for {name}, a line, which has no "
                f"orientations; expected {value}"
            )
    if components.spins:
        raise UserError(f"{name}: Stokes {components.stokes} of a line; expected T")


@singledispatch
def gaussian_like(
    geometry: Geometry, maps: np.ndarray, random: np.random.Generator, n_maps: int
) -> np.ndarray:
    """Gaussian maps with the spectra of given maps (n_given, F, n_pix): (n_maps, F, n_pix)."""
    raise TypeError(f"no Gaussian maps of {type(geometry).__name__}")


gaussian_like.register(Flat, waves.gaussian_like)


def draws_gaussian(geometry: Geometry) -> bool:
    """Whether there is :func:`gaussian_like` of a geometry."""
    return gaussian_like.dispatch(type(geometry)) is not gaussian_like.dispatch(object)
