"""Correlations along the stripes of a map, out to many pixels.

Scan-synchronous effects draw stripes a pixel wide and tens of pixels long. Wavelets
as long as they are wide see the direction of a stripe, not its length: at fine scale
they end too soon, at coarse scale they blur the stripe away. Here every pixel p has
points T_k(p), some pixels further along the stripe through p and beside it, and

    C_k^{fg}(zone) = ⟨y_f(p) y_g(T_k(p))⟩_{p in zone}

is an average over the sky like the scattering covariances, here zone by zone since
the scan differs from place to place. The fields y are Q and U in the frame of the
stripe, ψ being its direction from south to east (COSMO convention),

    Q' = Q cos 2ψ + U sin 2ψ,   U' = −Q sin 2ψ + U cos 2ψ,

divided by their own standard deviation: along a stripe they keep their sign where
those of the sky's frame turn.
"""

from typing import NamedTuple

import healpy as hp
import numpy as np
import tensorflow as tf

BESIDE = (-1, 0, 1)
"""Distances from the stripe (pixel sides) at which its correlations are taken."""


class Stripes(NamedTuple):
    """Tensors of the statistic, for K displacements.

    Attributes
    ----------
    frame : array of shape (n_pix, 2, 2): y = frame · z of normalized maps z
    index : int32 array of shape (K, n_pix), T_k
    """

    frame: tf.Tensor
    index: tf.Tensor


def lags(n_scales: int) -> list[int]:
    """Distances along a stripe, in pixel sides: 1, 2, 3, 4, 6, 8, 12, ... 2^n_scales."""
    return [1, *(n << j for j in range(n_scales - 1) for n in (2, 3)), 1 << n_scales]


def build(direction: np.ndarray, deviation: np.ndarray, n_scales: int, dtype) -> Stripes:
    """Tensors for stripes of a given direction, out to 2^n_scales pixel sides.

    Parameters
    ----------
    direction : array of shape (n_pix,): ψ (rad), NESTED, modulo π
    deviation : array of shape (2, n_pix, 2): of the maps' Q and U, by which they are
        normalized, and of Q' and U'
    """
    of_maps, own = deviation
    index = follow(direction, lags(n_scales))
    return Stripes(
        tf.constant(rotation(direction) * of_maps[:, None] / own[..., None], dtype),
        tf.constant(index, tf.int32),
    )


def follow(direction: np.ndarray, steps: list[int]) -> np.ndarray:
    """Pixels so many pixel sides further along the stripes, and beside them.

    A walk of great-circle steps of one pixel side, each in the direction of the pixel
    it has reached, without turning back.

    Parameters
    ----------
    direction : array of shape (n_pix,): ψ (rad), from south to east, NESTED
    steps : ascending numbers of steps

    Returns
    -------
    int array of shape (len(steps) · len(BESIDE), n_pix), NESTED; steps slowest
    """
    n_pix = len(direction)
    nside, side = hp.npix2nside(n_pix), np.sqrt(4 * np.pi / n_pix)
    position = np.column_stack(hp.pix2vec(nside, np.arange(n_pix), nest=True))
    along = _tangent(position, direction)
    heading, found = along, []
    for step in range(1, steps[-1] + 1):
        position = _unit(position * np.cos(side) + heading * np.sin(side))
        there = along[hp.vec2pix(nside, *position.T, nest=True)]
        there = _unit(there - _dot(there, position) * position)
        heading = there * np.where(_dot(there, heading) < 0, -1, 1)
        if step in steps:
            across = np.cross(position, heading)
            for offset in BESIDE:
                beside = position * np.cos(offset * side) + across * np.sin(offset * side)
                found.append(hp.vec2pix(nside, *beside.T, nest=True))
    return np.array(found)


def rotation(direction: np.ndarray) -> np.ndarray:
    """(Q, U) to (Q', U') in the frame of the stripes, shape (n_pix, 2, 2)."""
    cosine, sine = np.cos(2 * direction), np.sin(2 * direction)
    return np.moveaxis(np.array([[cosine, sine], [-sine, cosine]]), -1, 0)


def correlations(stripes: Stripes, maps: tf.Tensor, n_zones: int, n_groups: int = 1) -> tf.Tensor:
    """C_k^{fg}, averaged over groups of n_maps / n_groups consecutive maps.

    Parameters
    ----------
    maps : tensor of shape (n_pix, n_maps, 2), NESTED, normalized
    n_zones : zones of as many consecutive pixels each

    Returns
    -------
    tensor of shape (n_groups, K, n_zones, 2, 2)
    """
    n_pix, n_maps, n_components = maps.shape
    fields = tf.einsum("pfg,pmg->pmf", stripes.frame, maps)
    there = tf.gather(tf.reshape(fields, (n_pix, -1)), stripes.index)
    shape = (n_zones, n_pix // n_zones, n_groups, n_maps // n_groups, n_components)
    here, there = tf.reshape(fields, shape), tf.reshape(there, (-1, *shape))
    return tf.einsum("zpnmf,kzpnmg->nkzfg", here, there) / (shape[1] * shape[3])


def _tangent(points: np.ndarray, angle: np.ndarray) -> np.ndarray:
    east = _unit(np.cross([0.0, 0.0, 1.0], points))
    south = np.cross(east, points)
    return np.cos(angle)[:, None] * south + np.sin(angle)[:, None] * east


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sum(a * b, axis=1, keepdims=True)
