"""Full-sky angular power spectra of maps.

Harmonic coefficients follow healpy: lmax = 3 nside - 1, spin 2 for (Q, U) with the
COSMO convention, quadrature by plain pixel sums refined by ``ITERATIONS`` Jacobi
steps (the ``iter`` of ``healpy.map2alm``; its usual 3 leave 5% at the highest
multipoles, 10 close synthesis and analysis within 1%). Spectra are C_ℓ = Σ_m a_ℓm b*_ℓm / (2ℓ + 1),
p = 2 in Eq. 6 of arXiv:2503.11643, without window or noise corrections.
"""

import os
from collections.abc import Sequence
from itertools import combinations

import healpy
import numpy as np

from fewtomany import store
from fewtomany.errors import UserError

KIND = "spectra"
ITERATIONS = 10

_FIELDS = {"T": "T", "QU": "EB", "TQU": "TEB"}


def fields(stokes: str) -> str:
    """Harmonic fields of Stokes components: "EB" for "QU", "TEB" for "TQU", "T" for "T"."""
    if stokes not in _FIELDS:
        raise UserError(f"spectra need Stokes {', '.join(_FIELDS)}; found {stokes}")
    return _FIELDS[stokes]


def names(stokes: str) -> list[str]:
    """Spectra of Stokes components, auto first: EE, BB, EB for "QU"."""
    found = fields(stokes)
    return [field + field for field in found] + [a + b for a, b in combinations(found, 2)]


def lmax_of(nside: int) -> int:
    """Largest multipole measured at a resolution."""
    return 3 * nside - 1


def to_harmonic(sky: np.ndarray, stokes: str) -> np.ndarray:
    """Harmonic coefficients of one map.

    Parameters
    ----------
    sky : array of shape (n_stokes, n_pix), RING

    Returns
    -------
    array of shape (n_fields, n_alm), complex128, healpy's ordering, unit of the map
    """
    sky = np.asarray(sky, np.float64)
    nside = store.nside_of(sky.shape[-1])
    lmax = lmax_of(nside)
    parts = []
    if "T" in fields(stokes):
        parts.append(healpy.map2alm(sky[0], lmax=lmax, iter=ITERATIONS)[np.newaxis])
    if "E" in fields(stokes):
        polarization = sky[-2:]
        alms = np.array(healpy.map2alm_spin(polarization, 2, lmax=lmax))
        for _ in range(ITERATIONS):
            residual = polarization - healpy.alm2map_spin(alms, nside, 2, lmax)
            alms += healpy.map2alm_spin(residual, 2, lmax=lmax)
        parts.append(alms)
    return np.concatenate(parts)


def to_map(alms: np.ndarray, stokes: str, nside: int) -> np.ndarray:
    """Map of harmonic coefficients, the inverse of :func:`to_harmonic`.

    Returns
    -------
    array of shape (n_stokes, n_pix), float64, RING
    """
    lmax = lmax_of(nside)
    parts = []
    if "T" in fields(stokes):
        parts.append(healpy.alm2map(alms[0], nside, lmax=lmax)[np.newaxis])
    if "E" in fields(stokes):
        parts.append(np.array(healpy.alm2map_spin(list(alms[-2:]), nside, 2, lmax)))
    return np.concatenate(parts)


def measure(maps: np.ndarray, stokes: str) -> np.ndarray:
    """Spectra of maps.

    Parameters
    ----------
    maps : array of shape (n_maps, n_stokes, n_pix), RING, K

    Returns
    -------
    array of shape (n_maps, n_spectra, lmax + 1), float64, K², in the order of :func:`names`
    """
    found = fields(stokes)
    pairs = [(found.index(a), found.index(b)) for a, b in names(stokes)]
    lmax = lmax_of(store.nside_of(maps.shape[-1]))
    result = np.empty((len(maps), len(pairs), lmax + 1))
    for spectra, sky in zip(result, maps, strict=True):
        alms = to_harmonic(sky, stokes)
        for row, (a, b) in zip(spectra, pairs, strict=True):
            row[:] = healpy.alm2cl(alms[a], alms[b], lmax=lmax)
    return result


def write(path: str | os.PathLike, cl: np.ndarray, source: store.MapSet, provenance: dict) -> None:
    """Write the spectra of a map set: array "cl", attributes names, dataset, first."""
    store.write(
        path,
        {"cl": cl},
        kind=KIND,
        provenance=provenance,
        names=",".join(names(source.stokes)),
        unit=f"{source.unit}^2",
        dataset=source.dataset,
        first=source.first,
    )


def read(paths: Sequence[str | os.PathLike], dataset: str, stokes: str) -> np.ndarray:
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
