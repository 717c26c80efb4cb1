"""Products of the fields of one wavelet, summed over the sky.

They are XᵀX with a row for every pixel and map; the columns are those of the first layer, then
those of the second, real parts before imaginary ones in each. The second layer is the largest array
there is: R times larger than the moduli that it is made from, and needed for nothing but these
products. On many pixels it does not fit into a processor's cache. There :func:`of_layers` makes it
a block of pixels at a time, in the gradient once more, and keeps none of it.
"""

import functools
from collections.abc import Callable

import tensorflow as tf

from fewtomany.scattering import stencil
from fewtomany.scattering.stencil import Stencil

LARGEST_WHOLE = 20_000
"""Pixels up to which the second layer is made at once."""

ROWS = 5120
"""Rows, one for every pixel and map, of a block; half or twice as many cost the same."""


def prefers_blocks(n_pix: int) -> bool:
    """Whether maps of so many pixels are taken block by block; never on a GPU."""
    return n_pix > LARGEST_WHOLE and not tf.config.get_visible_devices("GPU")


def of_layers(
    kernels: Stencil,
    first: list[tf.Tensor],
    inside: tf.Tensor,
    weight: tf.Tensor | None,
    n_groups: int,
) -> list[tf.Tensor]:
    """Sums over pixels and the maps of every group of products of X = (first, inside∗ψ).

    Parameters
    ----------
    kernels : ψ, a group of channels (real, imaginary) for every γ
    first : R tensors of shape (n_pix, 2, n_maps · F)
    inside : tensor of shape (n_pix, n_maps, J·R·F)
    weight : tensor of shape (n_pix,), of the pixels in the sums; None for 1

    Returns
    -------
    tensor of shape (R, n_groups, 2·K, 2·K), K = F + J·R·F, real parts before imaginary ones
    """
    n_pix, n_maps, _ = inside.shape
    flat = tf.reshape(inside, (n_pix, -1))
    if not prefers_blocks(n_pix):
        second = stencil.apply_groups(kernels, flat, len(first))
        return of_both(first, second, weight, n_maps, n_groups)
    widths = [first[0].shape[2] // n_maps, inside.shape[2]]
    return _real_first(_of_blocks(kernels, first, flat, weight, n_maps, n_groups), widths)


def of_both(
    first: list[tf.Tensor],
    second: list[tf.Tensor],
    weight: tf.Tensor | None,
    n_maps: int,
    n_groups: int,
) -> tf.Tensor:
    """The same of a second layer that is there, R tensors of shape (n_pix, 2, n_maps · J·R·F)."""
    root = None if weight is None else tf.sqrt(weight)[:, None, None]
    widths = [layer[0].shape[2] // n_maps for layer in (first, second)]
    pairs = zip(first, second, strict=True)
    rows = [_side_by_side(layers, root, n_maps, n_groups) for layers in pairs]
    return _real_first(_grams(*rows), widths)


def of_means(mean: tf.Tensor, n_groups: int) -> tf.Tensor:
    """Sums over the maps of every group of products of means (R, 2, n_maps, K).

    Returns
    -------
    tensor of shape (R, n_groups, 2·K, 2·K)
    """
    n_orientations, _, _, n_entries = mean.shape
    grouped = tf.reshape(
        tf.transpose(mean, (0, 2, 1, 3)), (n_orientations, n_groups, -1, 2 * n_entries)
    )
    return tf.matmul(grouped, grouped, transpose_a=True)


def _of_blocks(
    kernels: Stencil,
    first: list[tf.Tensor],
    flat: tf.Tensor,
    weight: tf.Tensor | None,
    n_maps: int,
    n_groups: int,
) -> tf.Tensor:
    """XᵀX for every orientation, (R, n_groups, 2·K, 2·K), block by block.

    A block is some of the stencil's, which may be of several pixels each.
    """
    n_pix, n_values = flat.shape
    n_first = first[0].shape[2]
    n_all, width = kernels.index.shape[0], 2 * (n_first + n_values) // n_maps
    size = min(max(ROWS // n_maps * n_all // n_pix, 1), n_all)
    root = None if weight is None else tf.sqrt(weight)[:, None, None]

    def blocks(part, first, flat):
        """X of the pixels of a block, R tensors of shape (n_groups, rows of a group, 2·K)."""
        around = tf.gather(flat, part(kernels.index))
        second = stencil.push([*map(part, kernels.weight)], around, len(first), 2 * len(first))
        own = None if root is None else part(root)
        pairs = zip(map(part, first), second, strict=True)
        return [_side_by_side(both, own, n_maps, n_groups) for both in pairs]

    @tf.custom_gradient
    def sums(flat, *first):
        def add(part, sums):
            found = [tf.matmul(x, x, transpose_a=True) for x in blocks(part, first, flat)]
            return sums + tf.stack(found)

        def gradient(dy):
            symmetric = tf.unstack(dy + tf.linalg.matrix_transpose(dy))

            def backward(part):
                pulled = zip(blocks(part, first, flat), symmetric, strict=True)
                pulled = [tf.matmul(*pair) for pair in pulled]
                at = 2 * n_first // n_maps
                of_first = [_from_rows(x[..., :at], n_maps) for x in pulled]
                of_second = [_from_rows(x[..., at:], n_maps) for x in pulled]
                if root is not None:
                    of_first = [x * part(root) for x in of_first]
                    of_second = [x * part(root) for x in of_second]
                return stencil.pull(part(kernels.transposed), of_second), *of_first

            terms, *of_first = _each_block(backward, n_all, size, flat.dtype, 1 + len(first))
            return stencil.adjoint(kernels, tf.reshape(terms, (-1, n_values))), *of_first

        shape = (len(first), n_groups, width, width)
        return _over_blocks(add, tf.zeros(shape, flat.dtype), n_all, size), gradient

    return sums(flat, *first)


def _over_blocks(add: Callable, sums: tf.Tensor, n_all: int, size: int) -> tf.Tensor:
    """``add(part, sums)`` for all blocks in turn; what is left over is a smaller one."""
    n_blocks = n_all // size

    def turn(k, sums):
        return k + 1, add(functools.partial(_part, k * size, size, n_all), sums)

    _, sums = tf.while_loop(lambda k, _: k < n_blocks, turn, (0, sums))
    left = n_all - n_blocks * size
    return add(functools.partial(_part, n_all - left, left, n_all), sums) if left else sums


def _each_block(make: Callable, n_all: int, size: int, dtype, n_results: int) -> list[tf.Tensor]:
    """The results of ``make(part)`` for all blocks, one after the other along the pixels."""
    n_blocks, left = n_all // size, n_all % size

    def turn(k, *found):
        made = make(functools.partial(_part, k * size, size, n_all))
        return k + 1, *(array.write(k, one) for array, one in zip(found, made, strict=True))

    empty = tuple(tf.TensorArray(dtype, n_blocks) for _ in range(n_results))
    _, *found = tf.while_loop(lambda k, *_: k < n_blocks, turn, (0, *empty))
    found = [array.stack() for array in found]
    found = [tf.reshape(one, (-1, *one.shape[2:])) for one in found]
    if left:
        last = make(functools.partial(_part, n_all - left, left, n_all))
        found = [tf.concat(pair, axis=0) for pair in zip(found, last, strict=True)]
    return found


def _part(start: tf.Tensor, size: int, n_all: int, x: tf.Tensor) -> tf.Tensor:
    """What belongs to some of all ``n_all`` blocks of a stencil, ``size`` of them."""
    each, rest = x.shape[0] // n_all, x.shape.rank - 1
    return tf.slice(x, [start * each, *[0] * rest], [size * each, *x.shape[1:]])


def _side_by_side(
    layers: tuple[tf.Tensor, tf.Tensor], root: tf.Tensor | None, n_maps: int, n_groups: int
) -> tf.Tensor:
    """X of both layers, each (n_pix, 2, n_maps · entries), times the root of a weight."""
    layers = layers if root is None else [layer * root for layer in layers]
    return tf.concat([_to_rows(layer, n_maps, n_groups) for layer in layers], axis=2)


def _to_rows(x: tf.Tensor, n_maps: int, n_groups: int) -> tf.Tensor:
    """(n_pix, 2, n_maps · K) to (G, n_pix · maps of a group, 2·K)."""
    n_pix, n_entries = x.shape[0], x.shape[2] // n_maps
    grouped = tf.reshape(x, (n_pix, 2, n_groups, -1, n_entries))
    return tf.reshape(tf.transpose(grouped, (2, 0, 3, 1, 4)), (n_groups, -1, 2 * n_entries))


def _from_rows(x: tf.Tensor, n_maps: int) -> tf.Tensor:
    """The inverse of :func:`_to_rows`."""
    n_groups, n_rows, width = x.shape
    n_pix, n_entries = n_groups * n_rows // n_maps, width // 2
    grouped = tf.reshape(x, (n_groups, n_pix, -1, 2, n_entries))
    return tf.reshape(tf.transpose(grouped, (1, 3, 0, 2, 4)), (n_pix, 2, -1))


def _real_first(products: tf.Tensor, widths: list[int]) -> tf.Tensor:
    """Rows and columns (first, second layer)(real, imaginary) in the other order."""
    widths = [width for width in widths for _ in range(2)]
    for axis in (2, 3):
        parts = tf.split(products, widths, axis=axis)
        products = tf.concat([parts[k] for k in (0, 2, 1, 3)], axis=axis)
    return products


@tf.custom_gradient
def _grams(*rows: tf.Tensor):
    """XᵀX over the rows of R tensors X (..., n, K); one product each in the gradient, not two."""

    def gradient(dy):
        symmetric = tf.unstack(dy + tf.linalg.matrix_transpose(dy))
        return [tf.matmul(*pair) for pair in zip(rows, symmetric, strict=True)]

    return tf.stack([tf.matmul(x, x, transpose_a=True) for x in rows]), gradient
