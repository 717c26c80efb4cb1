"""Correlations along the stripes of a map, out to many pixels.

Scan-synchronous effects draw stripes a pixel wide and tens of pixels long. Wavelets
as long as they are wide see the direction of a stripe, not its length: at fine scale
they end too soon, at coarse scale they blur the stripe away. Here every pixel p has
points T_k(p), some pixels further along the stripe through p and beside it, and

    C_k^{fg}(zone) = ⟨y_f(p) y_g(T_k(p))⟩_{p in zone}

is an average over the sky like the scattering covariances, here zone by zone since
the scan differs from place to place. The fields y are T, and Q and U in the frame of the
stripe, ψ being its direction from south to east (COSMO convention),

    Q' = Q cos 2ψ + U sin 2ψ,   U' = −Q sin 2ψ + U cos 2ψ,

divided by their own standard deviation: along a stripe they keep their sign where
those of the sky's frame turn. Of a partial sky only pairs of observed pixels count, and
zones without any are left out.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fewtomany.late import healpy as hp
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

BESIDE = (-1, 0, 1)
"""Distances from the stripe (pixel sides) at which its correlations are taken."""


class Stripes(NamedTuple):
    """Tensors of the statistic, for K displacements and F components.

    Attributes
    ----------
    frame : array of shape (n_pix, F, F): y = frame · z of normalized maps z
    index : int32 array of shape (K, n_pix), T_k
    zones : int32 array of shape (n_zones, size): pixels of each zone, any pixel as filling;
        None where they are consecutive and of one size
    share : array of shape (K, n_zones, size): weights of the pixels in the zone's mean, of
        unit sum, 0 for filling and where T_k(p) was not observed; None for equal ones
    """

    frame: tf.Tensor
    index: tf.Tensor
    zones: tf.Tensor | None = None
    share: tf.Tensor | None = None


def lags(n_scales: int) -> list[int]:
    """Distances along a stripe, in pixel sides: 1, 2, 3, 4, 6, 8, 12, ... 2^n_scales."""
    return [1, *(n << j for j in range(n_scales - 1) for n in (2, 3)), 1 << n_scales]


def zone_of(sky: Sky, zone_nside: int) -> np.ndarray:
    """Number of every observed pixel's zone, (n_pix,), NESTED; zones without pixels do not count.

    Zones are the pixels of a map of ``zone_nside``.
    """
    _, number = np.unique(sky.nested // (sky.nside // zone_nside) ** 2, return_inverse=True)
    return number


def build(
    sky: Sky,
    components: Components,
    direction: np.ndarray,
    deviation: np.ndarray,
    zone_nside: int,
    n_scales: int,
    dtype,
) -> Stripes:
    """Tensors for stripes of a given direction, out to 2^n_scales pixel sides.

    Parameters
    ----------
    direction : array of shape (n_pix,): ψ (rad), NESTED, modulo π
    deviation : array of shape (2, n_pix, F): of the maps, by which they are normalized, and
        of the components in the frame of the stripes
    zone_nside : zones are the pixels of a map of this nside
    """
    of_maps, own = deviation
    index = follow(sky, direction, lags(n_scales))
    zones = share = None
    if not (sky.is_full and sky.weights is None):
        zones, share = _shares(zone_of(sky, zone_nside), sky.to_nested(sky.weight), index)
        index = np.maximum(index, 0)
        zones, share = tf.constant(zones, tf.int32), tf.constant(share, dtype)
    return Stripes(
        tf.constant(rotation(direction, components) * of_maps[:, None] / own[..., None], dtype),
        tf.constant(index, tf.int32),
        zones,
        share,
    )


def _shares(zone: np.ndarray, weight: np.ndarray, index: np.ndarray):
    """Pixels of every zone and their shares in its means: see :class:`Stripes`."""
    counts = np.bincount(zone)
    place = np.arange(len(zone)) - np.repeat(np.cumsum(counts) - counts, counts)
    zones = np.zeros((len(counts), counts.max()), int)
    zones[zone, place] = np.arange(len(zone))
    share = np.zeros((len(index), *zones.shape))
    share[:, zone, place] = weight * (index >= 0)
    total = share.sum(axis=2, keepdims=True)
    return zones, share / np.where(total > 0, total, 1)


def follow(sky: Sky, direction: np.ndarray, steps: list[int]) -> np.ndarray:
    """Pixels so many pixel sides further along the stripes, and beside them.

    A walk of great-circle steps of one pixel side, each in the direction of the pixel
    it has reached, without turning back. It goes straight on where none was observed.

    Parameters
    ----------
    direction : array of shape (n_pix,): ψ (rad), from south to east, NESTED
    steps : ascending numbers of steps

    Returns
    -------
    int array of shape (len(steps) · len(BESIDE), n_pix), NESTED; steps slowest; -1 where the
    pixel there was not observed
    """
    nside, side = sky.nside, np.sqrt(4 * np.pi / hp.nside2npix(sky.nside))
    place = np.full(hp.nside2npix(nside), -1)
    place[sky.nested] = np.arange(sky.n_pix)
    position = np.column_stack(hp.pix2vec(nside, sky.nested, nest=True))
    along = _tangent(position, direction)
    heading, found = along, []
    for step in range(1, steps[-1] + 1):
        onward = heading * np.cos(side) - position * np.sin(side)
        position = _unit(position * np.cos(side) + heading * np.sin(side))
        reached = place[hp.vec2pix(nside, *position.T, nest=True)]
        there = np.where(reached[:, None] >= 0, along[reached], onward)
        there = _unit(there - _dot(there, position) * position)
        heading = there * np.where(_dot(there, heading) < 0, -1, 1)
        if step in steps:
            across = np.cross(position, heading)
            for offset in BESIDE:
                beside = position * np.cos(offset * side) + across * np.sin(offset * side)
                found.append(place[hp.vec2pix(nside, *beside.T, nest=True)])
    return np.array(found)


def rotation(direction: np.ndarray, components: Components) -> np.ndarray:
    """The components in the frame of the stripes, shape (n_pix, F, F): Q to Q', U to U'."""
    cosine, sine = np.cos(2 * direction), np.sin(2 * direction)
    turn = np.moveaxis(np.array([[cosine, sine], [-sine, cosine]]), -1, 0)
    result = np.tile(np.eye(len(components)), (len(direction), 1, 1))
    for q in components.spins:
        result[:, q : q + 2, q : q + 2] = turn
    return result


def correlations(stripes: Stripes, maps: tf.Tensor, n_zones: int, n_groups: int = 1) -> tf.Tensor:
    """C_k^{fg}, averaged over groups of n_maps / n_groups consecutive maps.

    Parameters
    ----------
    maps : tensor of shape (n_pix, n_maps, F), NESTED, normalized
    n_zones : number of zones; of the full sky, zones of as many consecutive pixels each

    Returns
    -------
    tensor of shape (n_groups, K, n_zones, F, F)
    """
    n_pix, n_maps, n_components = maps.shape
    fields = tf.einsum("pfg,pmg->pmf", stripes.frame, maps)
    there = tf.gather(tf.reshape(fields, (n_pix, -1)), stripes.index)
    if stripes.zones is not None:
        shape = (*stripes.zones.shape, n_groups, n_maps // n_groups, n_components)
        here = tf.reshape(tf.gather(tf.reshape(fields, (n_pix, -1)), stripes.zones), shape)
        there = tf.reshape(tf.gather(there, stripes.zones, axis=1), (-1, *shape))
        there *= stripes.share[..., None, None, None]
        return tf.einsum("zpnmf,kzpnmg->nkzfg", here, there) / shape[3]
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
