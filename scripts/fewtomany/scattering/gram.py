"""Products of the fields of one wavelet, summed over the sky.

They are XᵀX with a row for every pixel and map. The second layer is the largest array there is:
R times larger than the moduli that it is made from, and needed for nothing but these products. On
many pixels it does not fit into a processor's cache. There :func:`of_layers` makes it a block of
pixels at a time, in the gradient once more, and keeps none of it.
"""

import functools
from collections.abc import Callable

import tensorflow as tf

from fewtomany.scattering.stencil import Stencil, adjoint

LARGEST_WHOLE = 20_000
"""Pixels up to which the second layer is made at once."""

ROWS = 5120
"""Rows, one for every pixel and map, of a block; half or twice as many cost the same."""


def prefers_blocks(n_pix: int) -> bool:
    """Whether maps of so many pixels are taken block by block; never on a GPU."""
    return n_pix > LARGEST_WHOLE and not tf.config.get_visible_devices("GPU")


def of_rows(x: tf.Tensor, n_groups: int) -> tf.Tensor:
    """Sums over pixels and the maps of every group of products of x (n_pix, 2, n_maps, K).

    Returns
    -------
    tensor of shape (n_groups, 2·K, 2·K)
    """
    return _gram(_to_rows(x, n_groups))


def of_layers(
    kernels: Stencil,
    first: tf.Tensor,
    inside: tf.Tensor,
    weight: tf.Tensor | None,
    n_groups: int,
) -> list[tf.Tensor]:
    """The same for every orientation of both layers, X = (first, inside∗ψ), block by block.

    Parameters
    ----------
    kernels : ψ, channels (γ, real/imaginary)
    first : tensor of shape (n_pix, R, 2, n_maps, F)
    inside : tensor of shape (n_pix, n_maps, J·R·F)
    weight : tensor of shape (n_pix,), of the pixels in the sums; None for 1

    Returns
    -------
    R tensors of shape (n_groups, 2·K, 2·K), K = F + J·R·F
    """
    n_pix, n_orientations, _, n_maps, n_components = first.shape
    n_channels, n_inside = 2 * n_orientations, inside.shape[2]
    n_entries = n_components + n_inside
    root = None if weight is None else tf.sqrt(weight)[:, None, None, None, None]

    def both(part, first, flat):
        """X of the pixels of a block: (n, R, 2, n_maps, K)."""
        second = tf.matmul(part(kernels.weight), tf.gather(flat, part(kernels.index)))
        second = tf.reshape(second, (-1, n_orientations, 2, n_maps, n_inside))
        x = tf.concat([part(first), second], axis=-1)
        return x if root is None else x * part(root)

    def rows(x):
        return [_to_rows(of_one, n_groups) for of_one in tf.unstack(x, axis=1)]

    @tf.custom_gradient
    def sums(first, inside):
        flat = tf.reshape(inside, (n_pix, -1))

        def add(part, sums):
            found = [tf.matmul(x, x, transpose_a=True) for x in rows(both(part, first, flat))]
            return sums + tf.stack(found)

        def gradient(dy):
            symmetric = tf.unstack(dy + tf.linalg.matrix_transpose(dy))

            def pull(part):
                x = rows(both(part, first, flat))
                pulled = zip(x, symmetric, strict=True)
                pulled = [_from_rows(tf.matmul(*pair), n_maps) for pair in pulled]
                pulled = tf.stack(pulled, axis=1)
                pulled = pulled if root is None else pulled * part(root)
                second = tf.reshape(pulled[..., n_components:], (-1, n_channels, flat.shape[1]))
                return pulled[..., :n_components], tf.matmul(part(kernels.transposed), second)

            of_first, terms = _each_block(pull, n_pix, size, first.dtype)
            of_inside = adjoint(kernels, tf.reshape(terms, (-1, flat.shape[1])))
            return of_first, tf.reshape(of_inside, inside.shape)

        shape = (n_orientations, n_groups, 2 * n_entries, 2 * n_entries)
        return _over_blocks(add, tf.zeros(shape, first.dtype), n_pix, size), gradient

    size = min(max(ROWS // n_maps, 1), n_pix)
    return tf.unstack(sums(first, inside))


def _over_blocks(add: Callable, sums: tf.Tensor, n_pix: int, size: int) -> tf.Tensor:
    """``add(part, sums)`` for all blocks in turn; what is left over is a smaller one."""
    n_blocks = n_pix // size

    def turn(k, sums):
        return k + 1, add(functools.partial(_part, start=k * size, size=size), sums)

    _, sums = tf.while_loop(lambda k, _: k < n_blocks, turn, (0, sums))
    left = n_pix - n_blocks * size
    return add(functools.partial(_part, start=n_pix - left, size=left), sums) if left else sums


def _each_block(make: Callable, n_pix: int, size: int, dtype) -> list[tf.Tensor]:
    """The two results of ``make(part)`` for all blocks, one after the other along the pixels."""
    n_blocks, left = n_pix // size, n_pix % size

    def turn(k, *found):
        made = make(functools.partial(_part, start=k * size, size=size))
        return k + 1, *(array.write(k, one) for array, one in zip(found, made, strict=True))

    empty = tuple(tf.TensorArray(dtype, n_blocks) for _ in range(2))
    _, *found = tf.while_loop(lambda k, *_: k < n_blocks, turn, (0, *empty))
    found = [array.stack() for array in found]
    found = [tf.reshape(one, (-1, *one.shape[2:])) for one in found]
    if left:
        last = make(functools.partial(_part, start=n_pix - left, size=left))
        found = [tf.concat(pair, axis=0) for pair in zip(found, last, strict=True)]
    return found


def _part(x: tf.Tensor, start: tf.Tensor, size: int) -> tf.Tensor:
    """Rows from ``start`` on, ``size`` of them."""
    rest = x.shape.rank - 1
    return tf.slice(x, [start, *[0] * rest], [size, *x.shape[1:]])


def _to_rows(x: tf.Tensor, n_groups: int) -> tf.Tensor:
    """(n_pix, 2, n_maps, K) to (G, n_pix · maps of a group, 2·K)."""
    n_pix, _, _, n_entries = x.shape
    grouped = tf.reshape(x, (n_pix, 2, n_groups, -1, n_entries))
    return tf.reshape(tf.transpose(grouped, (2, 0, 3, 1, 4)), (n_groups, -1, 2 * n_entries))


def _from_rows(x: tf.Tensor, n_maps: int) -> tf.Tensor:
    """The inverse of :func:`_to_rows`."""
    n_groups, n_rows, width = x.shape
    n_pix, n_entries = n_groups * n_rows // n_maps, width // 2
    grouped = tf.reshape(x, (n_groups, n_pix, -1, 2, n_entries))
    return tf.reshape(tf.transpose(grouped, (1, 3, 0, 2, 4)), (n_pix, 2, n_maps, n_entries))


@tf.custom_gradient
def _gram(x: tf.Tensor):
    """XᵀX over the rows of X (..., n, K); one product in the gradient, not two."""

    def gradient(dy):
        return tf.matmul(x, dy + tf.linalg.matrix_transpose(dy))

    return tf.matmul(x, x, transpose_a=True), gradient
