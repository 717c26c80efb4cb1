"""Sparse linear operators on pixels: a gather forward, a gather backward.

The wavelet transform and the coarsening of a map are both stencils: every output
pixel is a weighted sum of a few input pixels. Autodiff would turn the gather into
a scatter-add, slow on CPU and not deterministic on GPU; here the adjoint multiplies
by the weights where they are and gathers the products. The small matrix products
also keep XLA from fusing, and so repeating, what comes before and after.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf


class Stencil(NamedTuple):
    """y[p, o] = Σ_k weight[p, o, k] x[index[p, k]].

    Attributes
    ----------
    index : int32 array of shape (n_out, k)
    weight : array of shape (n_out, n_channels, k), zero where there is no neighbour
    transposed : the same as (n_out, k, n_channels): XLA has small matrix products of its own
        only for matrices that lie as they are multiplied
    adjoint_index : int32 array of shape (k', n_in): for every input pixel the
        places p·k + k at which it stands in ``index``
    adjoint_mask : array of shape (k', n_in): 1 for a place, 0 for filling
    total : array of shape (n_channels, n_in): Σ_p of an input pixel's weights, each times
        the weight of p in means over the sky
    """

    index: tf.Tensor
    weight: tf.Tensor
    transposed: tf.Tensor
    adjoint_index: tf.Tensor
    adjoint_mask: tf.Tensor
    total: tf.Tensor


def from_neighbours(
    neighbours: np.ndarray,
    weights: np.ndarray,
    n_in: int,
    dtype,
    sky_weight: np.ndarray | None = None,
) -> Stencil:
    """Stencil of a neighbour table.

    Parameters
    ----------
    neighbours : array of shape (n_out, k), int; -1 for none
    weights : array of shape (n_out, n_channels, k); ignored where there is none
    n_in : number of input pixels
    dtype : floating-point type of the weights
    sky_weight : array of shape (n_out,): of the output pixels in means over the sky
    """
    places = np.flatnonzero(neighbours >= 0)
    sources = neighbours.ravel()[places]
    order = np.argsort(sources, kind="stable")
    places, sources = places[order], sources[order]
    turn = np.arange(len(sources)) - np.searchsorted(sources, sources)
    adjoint_index = np.zeros((turn.max() + 1, n_in), np.int32)
    adjoint_mask = np.zeros((turn.max() + 1, n_in))
    adjoint_index[turn, sources] = places
    adjoint_mask[turn, sources] = 1
    weights = np.where(neighbours[:, None] >= 0, weights, 0)
    weighed = weights if sky_weight is None else weights * sky_weight[:, None, None]
    total = [np.bincount(sources, w.ravel()[places], n_in) for w in weighed.swapaxes(0, 1)]
    return Stencil(
        tf.constant(np.maximum(neighbours, 0), tf.int32),
        tf.constant(weights, dtype),
        tf.constant(weights.swapaxes(1, 2), dtype),
        tf.constant(adjoint_index),
        tf.constant(adjoint_mask, dtype),
        tf.constant(np.array(total), dtype),
    )


def merge_children(neighbours: np.ndarray, weights: np.ndarray, n_children: int):
    """Neighbour table of "sum over neighbours, then mean of the children".

    Parameters
    ----------
    neighbours, weights : arrays of shape (n_pix, k); -1 for none
    n_children : consecutive pixels that share a parent

    Returns
    -------
    arrays of shape (n_pix / n_children, k'): neighbours and weights, each pixel once
    """
    sources = neighbours.reshape(len(neighbours) // n_children, -1)
    weights = weights.reshape(sources.shape) / n_children
    merged = [np.unique(row[row >= 0], return_inverse=True) for row in sources]
    shape = (len(sources), max(len(pixels) for pixels, _ in merged))
    result, sums = np.full(shape, -1), np.zeros(shape)
    for row, (pixels, inverse) in enumerate(merged):
        result[row, : len(pixels)] = pixels
        sums[row, : len(pixels)] = np.bincount(inverse, weights[row][sources[row] >= 0])
    return result, sums


def apply(stencil: Stencil, x: tf.Tensor) -> tf.Tensor:
    """Apply a stencil.

    Parameters
    ----------
    x : tensor of shape (n_in, n_values)

    Returns
    -------
    tensor of shape (n_out, n_channels, n_values)
    """

    @tf.custom_gradient
    def forward(x):
        def gradient(dy):
            products = tf.matmul(stencil.transposed, dy)
            return adjoint(stencil, tf.reshape(products, (-1, dy.shape[-1])))

        return tf.matmul(stencil.weight, tf.gather(x, stencil.index)), gradient

    return forward(x)


def adjoint(stencil: Stencil, products: tf.Tensor) -> tf.Tensor:
    """What every input pixel takes from the products of the gradient with ``transposed``.

    Parameters
    ----------
    products : tensor of shape (n_out · k, n_values)

    Returns
    -------
    tensor of shape (n_in, n_values)
    """
    terms = zip(tf.unstack(stencil.adjoint_mask), tf.unstack(stencil.adjoint_index), strict=True)
    return tf.add_n([mask[:, None] * tf.gather(products, at) for mask, at in terms])
