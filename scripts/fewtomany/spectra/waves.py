"""Spectra and Gaussian maps of planes and lines, by NumPy's Fourier transform.

    a(k) = 1/√n Σ_p x(p) exp(−2πi k·p)

over all n pixels; a spectrum is the mean of a(k) b*(k) over the waves of a bin, in the
conventions of :mod:`fewtomany.scattering.fourier`, which has the same for TensorFlow.
"""

import numpy as np

from fewtomany import seeds
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat


def spectra(flat: Flat, maps: np.ndarray, components: Components) -> np.ndarray:
    """Auto and cross spectra of maps, p = 2.

    Parameters
    ----------
    maps : array of shape (n_maps, F, n_pix), by rows

    Returns
    -------
    array of shape (n_maps, n_spectra, n_bins), float64, in the order of ``components.spectra``
    """
    counts = np.bincount(flat.bin_of)
    angle = 2 * np.arctan2(flat.waves[1], flat.waves[0])
    result = np.empty((len(maps), len(components.spectra_pairs), flat.n_bins))
    for rows, values in zip(result, maps, strict=True):
        pictures = flat.expand(values.astype(np.float64) * flat.weight, 0.0)
        pictures = pictures.reshape(-1, *flat.rows_and_columns)
        waves = np.fft.fft2(pictures).reshape(len(pictures), -1) / np.sqrt(flat.n_whole)
        for place in components.spins:
            q, u = waves[place].copy(), waves[place + 1].copy()
            waves[place] = q * np.cos(angle) + u * np.sin(angle)
            waves[place + 1] = u * np.cos(angle) - q * np.sin(angle)
        for row, (a, b) in zip(rows, components.spectra_pairs, strict=True):
            row[:] = np.bincount(flat.bin_of, (waves[a] * waves[b].conj()).real) / counts
    return result


def gaussian_like(
    flat: Flat, maps: np.ndarray, random: np.random.Generator, n_maps: int
) -> np.ndarray:
    """Periodic Gaussian maps with the power of given maps, wave by wave, and their cross spectra.

    Map k has the periodogram of given map k modulo their number as its expected power.

    Parameters
    ----------
    maps : array of shape (n_given, F, n_pix), by rows; their mean over the pixels is kept out

    Returns
    -------
    array of shape (n_maps, F, n_pix), float64
    """
    axes = (-2, -1)
    mean = np.average(maps, axis=-1, weights=flat.weight)[..., None]
    pictures = flat.expand((maps - mean) * flat.weight, 0.0)
    waves = np.fft.fft2(pictures.reshape(*maps.shape[:2], *flat.rows_and_columns))
    waves[..., 0, 0] = 0
    waves *= np.sqrt(flat.n_whole / np.sum(flat.weight**2))  # of what was not observed
    noise = np.fft.fft2(random.standard_normal((n_maps, 1, *flat.rows_and_columns)))
    chosen = waves[np.arange(n_maps) % len(maps)] * noise / np.sqrt(flat.n_whole)
    drawn = np.fft.ifft2(chosen, axes=axes).real
    return flat.restrict(drawn.reshape(n_maps, maps.shape[1], -1))


def draw(
    flat: Flat,
    inputs: np.ndarray,
    components: Components,
    campaign_seed: int,
    key: tuple[str | int, ...],
    start: int,
    stop: int,
) -> np.ndarray:
    """Gaussian maps ``start <= k < stop`` with the power and the mean of one input map each.

    Realization k uses the stream ``(*key, k)``. See :func:`gaussian_like`.
    """
    maps = np.empty((stop - start, *inputs.shape[1:]))
    for values, index in zip(maps, range(start, stop), strict=True):
        model = inputs[index % len(inputs)][None].astype(np.float64)
        mean = np.average(model[0], axis=-1, weights=flat.weight)
        random = seeds.generator(campaign_seed, *key, index)
        values[:] = gaussian_like(flat, model, random, 1)[0] + mean[:, None]
    return maps
