"""Products of the fields of one wavelet, summed over the sky.

With Ψ for the convolution with ψ and W for the pixels' weights, Σ_p (x∗ψ)(y∗ψ)* is xᵀ M y, and M =
Ψᵀ W Ψ* is made once: it joins every pixel to the neighbours of its neighbours. So the second layer,
x∗ψ of all moduli x, is never made, and the gradient by x is M y once more, without a way back from
a pixel to those that see it.

M y is still the largest array there is, 2R times as large as y, and needed for nothing else. On
many pixels it does not fit into a processor's cache. There it is made a block of pixels at a time,
in the gradient once more, and never kept.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy
import tensorflow as tf

from fewtomany.scattering import stencil

LARGEST_WHOLE = 10_000
"""Pixels up to which M y is made at once."""

ROWS = 2560
"""Rows, one for every pixel and map, of a block; twice as many cost a tenth more."""


class QuadraticForm(NamedTuple):
    """M of every orientation γ of a scale, its pixels in blocks of b.

    Attributes
    ----------
    index : int32 array of shape (n_pix / b, k): the pixels that those of a block are joined to
    weight : array of shape (n_pix / b, b · 2R, k): by pixel, γ, real and imaginary part; zero
        where a pixel is not joined to one of the others'
    """

    index: tf.Tensor
    weight: tf.Tensor


def of_kernels(
    neighbours: np.ndarray, kernels: np.ndarray, dtype, sky_weight: np.ndarray | None = None
) -> QuadraticForm:
    """M of complex kernels (n_pix, k, R) on a neighbour table, -1 for none."""
    n_pix, _, n_orientations = kernels.shape
    at = np.nonzero(neighbours >= 0)
    ends = (at[0], neighbours[at])

    def matrix(values: np.ndarray):
        return scipy.sparse.csr_array((values, ends), (n_pix, n_pix))

    def with_itself(one, other) -> tuple[np.ndarray, np.ndarray]:
        """Number of every pair of pixels, ascending, and its value."""
        found = (one.T @ other).tocsr()
        found.sort_indices()
        found = found.tocoo()
        return found.coords[0].astype(np.int64) * n_pix + found.coords[1], found.data

    seen = matrix(np.ones(len(at[0])))
    pairs, _ = with_itself(seen, seen)
    pixel, other = np.divmod(pairs, n_pix)
    place = np.arange(len(pairs)) - np.searchsorted(pixel, pixel)
    joined = np.full((n_pix, place.max() + 1), -1)
    joined[pixel, place] = other
    shape = (n_pix, 2 * n_orientations, joined.shape[1])
    weights = np.zeros(shape, tf.as_dtype(dtype).as_numpy_dtype)
    weighed = 1 if sky_weight is None else sky_weight[:, None]
    for number in range(n_orientations):
        psi = matrix(kernels[(*at, number)])
        some, values = with_itself(psi, (psi.conj() * weighed).tocsr())
        found = np.searchsorted(pairs, some)
        weights[pixel[found], 2 * number, place[found]] = values.real
        weights[pixel[found], 2 * number + 1, place[found]] = values.imag
    index, weight = stencil.in_blocks(joined, weights)
    weight = weight.reshape(len(index), -1, index.shape[1])
    return QuadraticForm(tf.constant(np.maximum(index, 0), tf.int32), tf.constant(weight, dtype))


def prefers_blocks(n_pix: int) -> bool:
    """Whether maps of so many pixels are taken block by block; never on a GPU."""
    return n_pix > LARGEST_WHOLE and not tf.config.get_visible_devices("GPU")


def sums(form: QuadraticForm, fields: tf.Tensor) -> tf.Tensor:
    """xᵀ M y of all pairs of fields of every map.

    Parameters
    ----------
    fields : tensor of shape (n_pix, n_maps, K)

    Returns
    -------
    tensor of shape (n_maps, 2, R, K, K): real and imaginary part, by x and y
    """
    n_pix, n_maps, n_entries = fields.shape
    n_all = form.index.shape[0]
    n_columns = form.weight.shape[1] * n_all // n_pix  # of one field
    size = min(max(ROWS // n_maps * n_all // n_pix, 1), n_all) if prefers_blocks(n_pix) else n_all

    def both(part: Callable, fields: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """x and M y of a block's pixels: (n_maps, pixels, K) and (n_maps, pixels, 2R·K)."""
        y = tf.gather(tf.reshape(fields, (n_pix, -1)), part(form.index))
        y = tf.matmul(part(form.weight), y)
        # XLA's loops are four times slower where a reshape cuts across dimensions
        y = tf.reshape(y, (-1, n_pix // n_all, n_columns, n_maps, n_entries))
        y = tf.transpose(y, (3, 0, 1, 2, 4))
        x = tf.transpose(part(fields), (1, 0, 2))
        return x, tf.reshape(y, (n_maps, -1, n_columns * n_entries))

    @tf.custom_gradient
    def all_sums(fields):
        whole = both(_whole, fields) if size == n_all else None

        def add(part, found):
            return found + tf.matmul(*both(part, fields), transpose_a=True)

        def gradient(dy):
            # the real part of M is symmetric, the imaginary one is not but for its sign
            dy = tf.reshape(dy, (n_maps, n_entries, -1, 2, n_entries))
            turned = tf.transpose(dy, (0, 4, 2, 3, 1))
            sign = tf.constant([[1.0], [-1.0]], dy.dtype)
            slope = tf.transpose(dy * sign + turned, (0, 2, 3, 1, 4))
            slope = tf.reshape(slope, (n_maps, -1, n_entries))

            def backward(part):
                y = both(part, fields)[1] if whole is None else whole[1]
                return tf.transpose(tf.matmul(y, slope), (1, 0, 2))

            return backward(_whole) if whole else _each_block(backward, n_all, size, dy.dtype)

        if whole:
            return tf.matmul(*whole, transpose_a=True), gradient
        zero = tf.zeros((n_maps, n_entries, n_columns * n_entries), fields.dtype)
        return _over_blocks(add, zero, n_all, size), gradient

    found = tf.reshape(all_sums(fields), (n_maps, n_entries, -1, 2, n_entries))
    return tf.transpose(found, (0, 3, 2, 1, 4))


def _whole(x: tf.Tensor) -> tf.Tensor:
    return x


def _over_blocks(add: Callable, sums: tf.Tensor, n_all: int, size: int) -> tf.Tensor:
    """``add(part, sums)`` for all blocks in turn; what is left over is a smaller one."""
    n_blocks = n_all // size

    def turn(k, sums):
        return k + 1, add(functools.partial(_part, k * size, size, n_all), sums)

    _, sums = tf.while_loop(lambda k, _: k < n_blocks, turn, (0, sums))
    left = n_all - n_blocks * size
    return add(functools.partial(_part, n_all - left, left, n_all), sums) if left else sums


def _each_block(make: Callable, n_all: int, size: int, dtype) -> tf.Tensor:
    """The results of ``make(part)`` for all blocks, one after the other along the pixels."""
    n_blocks, left = n_all // size, n_all % size

    def turn(k, found):
        return k + 1, found.write(k, make(functools.partial(_part, k * size, size, n_all)))

    empty = tf.TensorArray(dtype, n_blocks)
    _, found = tf.while_loop(lambda k, _: k < n_blocks, turn, (0, empty))
    found = found.stack()
    found = tf.reshape(found, (-1, *found.shape[2:]))
    if left:
        last = make(functools.partial(_part, n_all - left, left, n_all))
        found = tf.concat([found, last], axis=0)
    return found


def _part(start: tf.Tensor, size: int, n_all: int, x: tf.Tensor) -> tf.Tensor:
    """What belongs to some of all ``n_all`` blocks of a stencil, ``size`` of them."""
    each, rest = x.shape[0] // n_all, x.shape.rank - 1
    return tf.slice(x, [start * each, *[0] * rest], [size * each, *x.shape[1:]])
