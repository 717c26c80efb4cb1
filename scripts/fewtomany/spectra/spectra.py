"""Power spectra of maps: on the sphere here, on planes and lines in :mod:`fewtomany.spectra.waves`.

Harmonic coefficients follow healpy: lmax = 3 nside - 1, spin 2 for (Q, U) with the
COSMO convention, quadrature by plain pixel sums refined by ``ITERATIONS`` Jacobi
steps (the ``iter`` of ``healpy.map2alm``; its usual 3 leave 5% at the highest
multipoles, 10 close synthesis and analysis within 1%). Spectra are C_ℓ = Σ_m a_ℓm b*_ℓm / (2ℓ + 1),
p = 2 in Eq. 6 of arXiv:2503.11643, without window or noise corrections.

Of a partial sky they are pseudo-spectra: those of the whole sphere with every observed pixel
times its weight (of mean 1) and 0 elsewhere. They mix multipoles, and E with B; maps that are
compared have the same pixels and weights, so that both sides are mixed alike.
"""

import functools
import os
from collections.abc import Sequence

import numpy as np

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.late import healpy
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.sky import Sky
from fewtomany.spectra import waves

KIND = "spectra"
ITERATIONS = 10


def components_of(stokes: str | Components) -> Components:
    """Components of a single channel from its Stokes letters; those of several as they are."""
    return stokes if isinstance(stokes, Components) else Components(stokes)


def names(stokes: str | Components) -> list[str]:
    """Spectra of components, auto first: EE, BB, EB for "QU"."""
    return list(components_of(stokes).spectra)


def lmax_of(nside: int) -> int:
    """Largest multipole measured at a resolution."""
    return 3 * nside - 1


def to_harmonic(
    sky: np.ndarray, stokes: str | Components, iterations: int = ITERATIONS
) -> np.ndarray:
    """Harmonic coefficients of one map of the whole sphere.

    Parameters
    ----------
    sky : array of shape (n_components, 12·nside²), RING
    iterations : Jacobi steps of the quadrature

    Returns
    -------
    array of shape (n_components, n_alm), complex128, healpy's ordering, unit of the map: T as
    it is, E and B in the places of Q and U
    """
    sky, components = np.asarray(sky, np.float64), components_of(stokes)
    nside = store.nside_of(sky.shape[-1])
    lmax = lmax_of(nside)
    result = np.empty((len(sky), healpy.Alm.getsize(lmax)), np.complex128)
    for place in components.scalars:
        result[place] = healpy.map2alm(sky[place], lmax=lmax, iter=iterations)
    for place in components.spins:
        polarization = sky[place : place + 2]
        alms = np.array(healpy.map2alm_spin(polarization, 2, lmax=lmax))
        for _ in range(iterations):
            residual = polarization - healpy.alm2map_spin(alms, nside, 2, lmax)
            alms += healpy.map2alm_spin(residual, 2, lmax=lmax)
        result[place : place + 2] = alms
    return result


def to_map(alms: np.ndarray, stokes: str | Components, nside: int) -> np.ndarray:
    """Map of harmonic coefficients, the inverse of :func:`to_harmonic`.

    Returns
    -------
    array of shape (n_components, 12·nside²), float64, RING
    """
    lmax, components = lmax_of(nside), components_of(stokes)
    result = np.empty((len(alms), healpy.nside2npix(nside)))
    for place in components.scalars:
        result[place] = healpy.alm2map(np.array(alms[place]), nside, lmax=lmax)
    for place in components.spins:
        result[place : place + 2] = healpy.alm2map_spin(
            list(alms[place : place + 2]), nside, 2, lmax
        )
    return result


def measure(maps: np.ndarray, stokes: str | Components, sky: Geometry | None = None) -> np.ndarray:
    """Spectra of maps.

    Parameters
    ----------
    maps : array of shape (n_maps, n_components, n_pix), in the order of files
    sky : their pixels; the full sky by default

    Returns
    -------
    array of shape (n_maps, n_spectra, n_bins), float64, the unit of the maps squared, in the
    order of :func:`names`; of the sphere the bins are the multipoles 0 to lmax
    """
    sky = sky or Sky(store.nside_of(maps.shape[-1]))
    return _measure(sky, maps, components_of(stokes))


@functools.singledispatch
def _measure(sky: Geometry, maps: np.ndarray, components: Components) -> np.ndarray:
    raise TypeError(f"no spectra of {type(sky).__name__}")


_measure.register(Flat, waves.spectra)


@_measure.register
def _(sky: Sky, maps: np.ndarray, components: Components) -> np.ndarray:
    lmax = lmax_of(sky.nside)
    result = np.empty((len(maps), len(components.spectra_pairs), lmax + 1))
    for spectra, values in zip(result, maps, strict=True):
        alms = to_harmonic(weighted(values, sky), components)
        for row, (a, b) in zip(spectra, components.spectra_pairs, strict=True):
            row[:] = healpy.alm2cl(alms[a], alms[b], lmax=lmax)
    return result


def weighted(maps: np.ndarray, sky: Geometry | None) -> np.ndarray:
    """Maps (..., n_pix) on all pixels, times their weights, 0 where not observed."""
    if sky is None or (sky.is_full and sky.weights is None):
        return maps
    return sky.expand(maps * sky.weight, fill=0.0)


def write(
    path: str | os.PathLike, cl: np.ndarray, source: store.MapSet, provenance: dict, key: str = ""
) -> None:
    """Write the spectra of a map set: array "cl", attributes names, dataset, first, key."""
    store.write(
        path,
        {"cl": cl},
        kind=KIND,
        provenance=provenance,
        names=",".join(names(source.components)),
        unit=f"{source.unit}^2",
        dataset=source.dataset,
        first=source.first,
        key=key,
    )


def read(paths: Sequence[str | os.PathLike], dataset: str, stokes: str | Components) -> np.ndarray:
    """Spectra of a dataset from its files, which must follow each other from map 0.

    Returns
    -------
    array of shape (n_maps, n_spectra, lmax + 1), float64, K²
    """
    parts, count = [], 0
    for path in paths:
        attributes = store.read_attributes(path, KIND)
        found = (attributes["dataset"], int(attributes["first"]), attributes["names"])
        expected = (dataset, count, ",".join(names(stokes)))
        if found != expected:
            raise UserError(
                f"{path}: holds {found[2]} of {found[0]} from map {found[1]}, "
                f"expected {expected[2]} of {expected[0]} from map {expected[1]}"
            )
        parts.append(store.read(path, KIND, "cl")["cl"])
        count += len(parts[-1])
    return np.concatenate(parts)
