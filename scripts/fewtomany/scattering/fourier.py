"""Spectra of planes and lines by the fast Fourier transform, differentiable.

    a(k) = 1/√n Σ_p x(p) exp(−2πi k·p)

over all n pixels, so that white noise of unit variance has |a|² of mean 1; k is in cycles per
pixel, southward and eastward. A spectrum is the mean of |a|^p over the waves of a bin of |k|
(:attr:`fewtomany.maps.flat.Flat.bin_of`), auto and cross as on the sphere. Q and U of a plane give

    E = Q cos 2φ + U sin 2φ,   B = −Q sin 2φ + U cos 2φ,

φ being the direction of k from south to east (COSMO convention).

With open edges this is the periodogram of the map as it stands, edges and all. That of a partial
map is the periodogram of the map times its weights, 0 where nothing was observed. Emulated maps and
inputs are measured alike, so the edges are part of what is matched.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.scattering import stencil
from fewtomany.scattering.harmonics import norms
from fewtomany.scattering.stencil import Stencil
from fewtomany.spectra.waves import gaussian_like as gaussian_like  # of the same conventions


class FourierTransform(NamedTuple):
    """Tables of a plane or a line (a plane of one row) of n pixels.

    Attributes
    ----------
    to_rows : int32 array of shape (n,): place in nested maps of every pixel by rows; n_pix where
        it was not observed
    from_rows : int32 array of shape (n_pix,): its inverse
    weight : (n_pix, 1), by which maps are multiplied before; None for 1
    turn : (2, n_rows, n_columns): cos 2φ and sin 2φ of every wave
    bins : means over the waves of every bin
    """

    to_rows: tf.Tensor
    from_rows: tf.Tensor
    weight: tf.Tensor | None
    turn: tf.Tensor
    bins: Stencil

    def spectra(self, maps: tf.Tensor, components: Components, l1: str = "moduli") -> tf.Tensor:
        """All auto and cross spectra with p = 2 and p = 1.

        Parameters
        ----------
        maps : tensor of shape (n_pix, n_maps, F), nested
        components : what the F are
        l1 : "moduli", or "root" for sign(C)√|C| of the p = 2 spectra instead of p = 1

        Returns
        -------
        tensor of shape (n_maps, 2, n_spectra, n_bins): p = 2, 1; in the order of
        ``components.spectra``
        """
        fields = tf.unstack(analyse(self, maps), axis=-1)
        cosine, sine = (tf.reshape(part, (-1, 1)) for part in tf.unstack(self.turn))
        for place in components.spins:
            q, u = fields[place : place + 2]
            fields[place : place + 2] = q * cosine + u * sine, u * cosine - q * sine
        pairs = [(fields[a], fields[b]) for a, b in components.spectra_pairs]
        return norms(pairs, l1, self._average)

    def _average(self, values: tf.Tensor) -> tf.Tensor:
        """Means over the waves of every bin of (n_pairs, n, n_maps): (n_pairs, n_bins, n_maps)."""
        n_pairs, n_waves, n_maps = values.shape
        flat = tf.reshape(tf.transpose(values, (1, 0, 2)), (n_waves, -1))
        means = tf.reshape(stencil.apply(self.bins, flat)[:, 0], (-1, n_pairs, n_maps))
        return tf.transpose(means, (1, 0, 2))


def fourier_transform(flat: Flat, dtype) -> FourierTransform:
    """Tables for maps of a plane or a line."""
    to_rows = np.full(flat.n_whole, flat.n_pix)
    from_rows = flat.to_nested(flat.indices)
    to_rows[from_rows] = np.arange(flat.n_pix)
    direction = 2 * np.arctan2(flat.waves[1], flat.waves[0]).reshape(flat.rows_and_columns)
    counts = np.bincount(flat.bin_of)
    order = np.argsort(flat.bin_of, kind="stable")
    bins = np.full((len(counts), counts.max()), -1)
    start = np.repeat(np.cumsum(counts) - counts, counts)
    bins[flat.bin_of[order], np.arange(len(order)) - start] = order
    shares = np.broadcast_to((1 / counts)[:, None, None], (len(counts), 1, counts.max()))
    weight = None if flat.weights is None else flat.to_nested(flat.weight)[:, None]
    return FourierTransform(
        tf.constant(to_rows, tf.int32),
        tf.constant(from_rows, tf.int32),
        None if weight is None else tf.constant(weight, dtype),
        tf.constant(np.array([np.cos(direction), np.sin(direction)]), dtype),
        stencil.from_neighbours(bins, shares, flat.n_whole, dtype),
    )


def analyse(transform: FourierTransform, maps: tf.Tensor) -> tf.Tensor:
    """Fourier coefficients of maps (n_pix, n_maps, F), nested.

    Returns
    -------
    tensor of shape (2, n, n_maps, F): real and imaginary part of every wave, by rows
    """
    n_rows, n_columns = transform.turn.shape[1:]
    n_waves = n_rows * n_columns
    rows = _to_rows(transform, tf.reshape(maps, (maps.shape[0], -1)))
    pictures = tf.reshape(tf.transpose(rows), (-1, n_rows, n_columns)) / np.sqrt(n_waves)
    waves = tf.signal.fft2d(tf.complex(pictures, tf.zeros_like(pictures)))
    waves = tf.reshape(waves, (-1, n_waves))
    parts = tf.transpose(tf.stack([tf.math.real(waves), tf.math.imag(waves)]), (0, 2, 1))
    return tf.reshape(parts, (2, n_waves, *maps.shape[1:]))


def _to_rows(transform: FourierTransform, values: tf.Tensor) -> tf.Tensor:
    """Pixels (n_pix, C), nested, weighted, by rows, (n, C), 0 where nothing was observed."""
    if transform.weight is not None:
        values *= transform.weight

    @tf.custom_gradient
    def forward(values):
        padded = tf.concat([values, tf.zeros_like(values[:1])], axis=0)
        return tf.gather(padded, transform.to_rows), lambda dy: tf.gather(dy, transform.from_rows)

    return forward(values)
