"""Sparse linear operators on pixels: a gather forward, a gather backward.

The wavelet transform and the coarsening of a map are both stencils: every output
pixel is a weighted sum of a few input pixels. Autodiff would turn the gather into
a scatter-add, slow on CPU and not deterministic on GPU; here the adjoint multiplies
by the weights where they are and gathers the products. The small matrix products
also keep XLA from fusing, and so repeating, what comes before and after.

Four consecutive pixels have most of their neighbours in common. They make a block, whose product
has zeros where a pixel does not see a neighbour of the others: more arithmetic, half the gathers.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

TOGETHER = 4
"""Output pixels of a block, where they have neighbours in common."""


class Stencil(NamedTuple):
    """y[p, o] = Σ_k weight[p, o, k] x[index[p, k]], the pixels p in blocks of b.

    Attributes
    ----------
    index : int32 array of shape (n_out / b, k)
    weight : array of shape (n_out / b, b · n_channels, k), zero where there is no neighbour
    transposed : the same, (n_out / b, k, b · n_channels): XLA has small matrix products of its
        own only for matrices that lie as they are multiplied
    adjoint_index : int32 array of shape (n_in, k'): for every input pixel the
        places block·k + k at which it stands in ``index``
    adjoint_mask : array of shape (n_in, 1, k'): 1 for a place, 0 for filling
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
    weights = np.where(neighbours[:, None] >= 0, weights, 0)
    weighed = weights if sky_weight is None else weights * sky_weight[:, None, None]
    known = neighbours >= 0
    total = [np.bincount(neighbours[known], w[known], n_in) for w in weighed.swapaxes(0, 1)]
    neighbours, weights = in_blocks(neighbours, weights)
    places = np.flatnonzero(neighbours >= 0)
    sources = neighbours.ravel()[places]
    order = np.argsort(sources, kind="stable")
    places, sources = places[order], sources[order]
    turn = np.arange(len(sources)) - np.searchsorted(sources, sources)
    adjoint_index = np.zeros((n_in, turn.max() + 1), np.int32)
    adjoint_mask = np.zeros((n_in, 1, turn.max() + 1))
    adjoint_index[sources, turn] = places
    adjoint_mask[sources, 0, turn] = 1
    weights = weights.reshape(len(neighbours), -1, neighbours.shape[1])
    return Stencil(
        tf.constant(np.maximum(neighbours, 0), tf.int32),
        tf.constant(weights, dtype),
        tf.constant(weights.swapaxes(1, 2), dtype),
        tf.constant(adjoint_index),
        tf.constant(adjoint_mask, dtype),
        tf.constant(np.array(total), dtype),
    )


def in_blocks(neighbours: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of every block and the weights of its pixels on them.

    Returns
    -------
    arrays of shape (n_blocks, k'), -1 for none, and (n_blocks, b, n_channels, k'); blocks of
    one pixel where larger ones would have more than twice the neighbours
    """
    n_out, width = neighbours.shape
    if n_out % TOGETHER:
        return neighbours, weights[:, None]
    together = neighbours.reshape(n_out // TOGETHER, -1)
    block, place = np.nonzero(together >= 0)
    n_in = neighbours.max() + 1
    pairs, pair = np.unique(block * n_in + together[block, place], return_inverse=True)
    owner, pixel = np.divmod(pairs, n_in)
    rank = np.arange(len(pairs)) - np.searchsorted(owner, owner)
    if rank.max() >= 2 * width:
        return neighbours, weights[:, None]
    seen = np.full((len(together), rank.max() + 1), -1)
    seen[owner, rank] = pixel
    result = np.zeros((len(seen), TOGETHER, weights.shape[1], seen.shape[1]), weights.dtype)
    pixel, number = TOGETHER * block + place // width, place % width
    entries = pixel * seen.shape[1] + rank[pair]
    for channel, one in enumerate(weights.swapaxes(0, 1)):
        found = np.bincount(entries, one[pixel, number], n_out * seen.shape[1])
        result[:, :, channel] = found.reshape(len(seen), TOGETHER, -1)
    return seen, result


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
            blocks = tf.reshape(dy, (stencil.weight.shape[0], -1, x.shape[1]))
            products = tf.reshape(tf.matmul(stencil.transposed, blocks), (-1, x.shape[1]))
            terms = tf.gather(products, stencil.adjoint_index)
            return tf.matmul(stencil.adjoint_mask, terms)[:, 0]

        found = tf.matmul(stencil.weight, tf.gather(x, stencil.index))
        return tf.reshape(found, (-1, stencil.total.shape[0], x.shape[1])), gradient

    return forward(x)
