"""Naive baseline: isotropic Gaussian maps with the spectra of one input map each."""

import healpy
import numpy as np

from fewtomany import seeds, spectra, store


def draw(
    inputs: np.ndarray,
    stokes: str,
    campaign_seed: int,
    key: tuple[str | int, ...],
    start: int,
    stop: int,
) -> np.ndarray:
    """Isotropic Gaussian maps ``start <= k < stop``.

    Map k has the measured auto and cross spectra of input map k mod n_inputs as its
    model, so its fields (E and B) are correlated as that map's are.

    Parameters
    ----------
    inputs : array of shape (n_inputs, n_stokes, n_pix), RING
    campaign_seed, key : realization k uses the stream ``(*key, k)``

    Returns
    -------
    array of shape (stop - start, n_stokes, n_pix), float64, unit of the inputs
    """
    nside = store.nside_of(inputs.shape[-1])
    lmax = spectra.lmax_of(nside)
    used = {index % len(inputs) for index in range(start, stop)}
    roots = {i: _roots(spectra.measure(inputs[i : i + 1], stokes)[0], stokes) for i in used}
    ell, m = healpy.Alm.getlm(lmax)
    maps = np.empty((stop - start, *inputs.shape[1:]))
    for sky, index in zip(maps, range(start, stop), strict=True):
        root = roots[index % len(inputs)]
        generator = seeds.generator(campaign_seed, *key, index)
        normals = generator.standard_normal((2, root.shape[-1], ell.size))
        unit = np.where(m == 0, normals[0], (normals[0] + 1j * normals[1]) / np.sqrt(2))
        alms = np.einsum("afg,ga->fa", root[ell], unit)
        sky[:] = spectra.to_map(alms, stokes, nside)
    return maps


def _roots(cl: np.ndarray, stokes: str) -> np.ndarray:
    """Symmetric square root of the covariance of the fields at each multipole.

    Parameters
    ----------
    cl : array of shape (n_spectra, lmax + 1), in the order of ``spectra.names``

    Returns
    -------
    array of shape (lmax + 1, n_fields, n_fields)
    """
    found = spectra.fields(stokes)
    matrices = np.empty((cl.shape[1], len(found), len(found)))
    for (a, b), row in zip(spectra.names(stokes), cl, strict=True):
        i, j = found.index(a), found.index(b)
        matrices[:, i, j] = matrices[:, j, i] = row
    values, vectors = np.linalg.eigh(matrices)
    return np.einsum("lik,lk,ljk->lij", vectors, np.sqrt(values.clip(0)), vectors)
