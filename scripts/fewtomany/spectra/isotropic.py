"""Naive baseline: isotropic Gaussian maps with the spectra of one input map each."""

import functools

import numpy as np

from fewtomany import seeds
from fewtomany.files import store
from fewtomany.late import healpy
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.sky import Sky
from fewtomany.spectra import mixing, spectra, waves


def draw(
    inputs: np.ndarray,
    stokes: str | Components,
    campaign_seed: int,
    key: tuple[str | int, ...],
    start: int,
    stop: int,
    sky: Geometry | None = None,
) -> np.ndarray:
    """Isotropic Gaussian maps ``start <= k < stop``.

    Map k has the measured auto and cross spectra of input map k mod n_inputs as its
    model, so its fields (T, E and B) are correlated as that map's are. Of a partial sky the
    model is the pseudo-spectra, of which the mixing by the mask is taken off
    (:mod:`fewtomany.spectra.mixing`), and the maps are cut out of the whole.
    On a plane or a line see :func:`fewtomany.spectra.waves.draw`.

    Parameters
    ----------
    inputs : array of shape (n_inputs, n_components, n_pix), in the order of files
    campaign_seed, key : realization k uses the stream ``(*key, k)``
    sky : the pixels of the maps; the full sky by default

    Returns
    -------
    array of shape (stop - start, n_components, n_pix), float64, unit of the inputs
    """
    sky = sky or Sky(store.nside_of(inputs.shape[-1]))
    components = spectra.components_of(stokes)
    return _draw(sky, inputs, components, campaign_seed, key, start, stop)


@functools.singledispatch
def _draw(sky: Geometry, *_arguments) -> np.ndarray:
    raise TypeError(f"no isotropic maps of {type(sky).__name__}")


_draw.register(Flat, waves.draw)


@_draw.register
def _(
    sky: Sky,
    inputs: np.ndarray,
    components: Components,
    campaign_seed: int,
    key: tuple[str | int, ...],
    start: int,
    stop: int,
) -> np.ndarray:
    used = {index % len(inputs) for index in range(start, stop)}
    pseudo = {i: spectra.measure(inputs[i : i + 1], components, sky)[0] for i in used}
    models = {i: mixing.unmixed(cl, components, sky) for i, cl in pseudo.items()}
    roots = {i: _roots(cl, components) for i, cl in models.items()}
    maps = np.empty((stop - start, *inputs.shape[1:]))
    for values, index in zip(maps, range(start, stop), strict=True):
        generator = seeds.generator(campaign_seed, *key, index)
        whole = _realize(roots[index % len(inputs)], components, generator, sky.nside)
        values[:] = sky.restrict(whole)
    return maps


def realize(
    cl: np.ndarray, components: Components, generator: np.random.Generator, nside: int
) -> np.ndarray:
    """One isotropic Gaussian map of given spectra.

    Parameters
    ----------
    cl : array of shape (n_spectra, 3·nside), in the order of ``components.spectra``

    Returns
    -------
    array of shape (n_components, 12·nside²), float64, RING
    """
    return _realize(_roots(cl, components), components, generator, nside)


def _realize(
    root: np.ndarray, components: Components, generator: np.random.Generator, nside: int
) -> np.ndarray:
    """A map from the roots of the covariances of its fields, (lmax + 1, n_fields, n_fields)."""
    ell, m = healpy.Alm.getlm(len(root) - 1)
    normals = generator.standard_normal((2, root.shape[-1], ell.size))
    unit = np.where(m == 0, normals[0], (normals[0] + 1j * normals[1]) / np.sqrt(2))
    alms = np.einsum("afg,ga->fa", root[ell], unit)
    return spectra.to_map(alms, components, nside)


def matrices(cl: np.ndarray, components: Components) -> np.ndarray:
    """Covariance of the fields at each multipole, (lmax + 1, n_fields, n_fields).

    Parameters
    ----------
    cl : array of shape (n_spectra, lmax + 1), in the order of ``components.spectra``
    """
    result = np.empty((cl.shape[1], len(components), len(components)))
    for (i, j), row in zip(components.spectra_pairs, cl, strict=True):
        result[:, i, j] = result[:, j, i] = row
    return result


def _roots(cl: np.ndarray, components: Components) -> np.ndarray:
    """Symmetric square root of the covariance of the fields at each multipole.

    Parameters
    ----------
    cl : array of shape (n_spectra, lmax + 1), in the order of ``spectra.names``

    Returns
    -------
    array of shape (lmax + 1, n_fields, n_fields)
    """
    values, vectors = np.linalg.eigh(matrices(cl, components))
    return np.einsum("lik,lk,ljk->lij", vectors, np.sqrt(values.clip(0)), vectors)
