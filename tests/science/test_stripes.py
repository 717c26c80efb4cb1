"""Correlations along stripes: where the walks go, and known answers."""

import healpy as hp
import numpy as np
import pytest
import tensorflow as tf

from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.scattering import stripes

NSIDE = 16
N_PIX = 12 * NSIDE**2
SKY, QU = Sky(NSIDE), Components("QU")
SIDE = np.sqrt(4 * np.pi / N_PIX)
ANGLES = hp.pix2ang(NSIDE, np.arange(N_PIX), nest=True)


def _build(direction, n_scales=3):
    ones = np.ones((2, N_PIX, 2))
    return stripes.build(SKY, QU, direction, ones, 1, n_scales, tf.float64)


def test_lags_double_every_other_one():
    assert stripes.lags(1) == [1, 2]
    assert stripes.lags(4) == [1, 2, 3, 4, 6, 8, 12, 16]


@pytest.mark.parametrize("direction", [0.0, np.pi])
def test_walks_along_meridians(direction):
    theta, phi = ANGLES
    steps = [1, 4, 8]
    found = stripes.follow(SKY, np.full(N_PIX, direction), steps).reshape(len(steps), 3, N_PIX)
    chosen = np.flatnonzero(np.abs(theta - np.pi / 2) < 0.5)
    for step, (_, on, _) in zip(steps, found, strict=True):
        new_theta, new_phi = theta[on[chosen]], phi[on[chosen]]
        south = np.cos(direction) * step * SIDE
        assert np.abs(new_theta - theta[chosen] - south).max() < SIDE
        away = np.angle(np.exp(1j * (new_phi - phi[chosen]))) * np.sin(new_theta)
        assert np.abs(away).max() < SIDE


def test_walks_do_not_turn_back_where_the_direction_changes_its_sign():
    """ψ is known modulo π only: the same walks for any choice of its sign."""
    random = np.random.default_rng(0)
    flips = np.pi * random.integers(2, size=N_PIX)
    flips[:1] = 0
    straight = stripes.follow(SKY, np.zeros(N_PIX), [1, 8])
    flipped = stripes.follow(SKY, flips, [1, 8])
    theta = ANGLES[0]
    chosen = np.abs(theta - np.pi / 2) < 0.5
    going_south = theta[flipped[4]] > theta
    reverse = stripes.follow(SKY, np.full(N_PIX, np.pi), [1, 8])
    same = np.where(going_south, flipped[4] == straight[4], flipped[4] == reverse[4])
    assert same[chosen].all()


def test_a_field_that_is_constant_along_the_stripes_correlates_fully():
    """Stripes along the meridians, of a width well above a pixel."""
    _, phi = ANGLES
    wave = np.sqrt(2) * np.cos(3 * phi)
    maps = tf.constant(np.stack([wave, np.zeros(N_PIX)], axis=-1)[:, None])
    found = stripes.correlations(_build(np.zeros(N_PIX)), maps, 1).numpy()
    found = found.reshape(-1, 3, 2, 2)
    away_from_poles = found[:, 1, 0, 0]
    assert away_from_poles.min() > 0.75
    np.testing.assert_allclose(found[:, :, 1], 0, atol=1e-15)


def test_white_noise_does_not_correlate():
    maps = np.random.default_rng(1).normal(size=(N_PIX, 20, 2))
    transform = _build(np.full(N_PIX, 0.3))
    found = stripes.correlations(transform, tf.constant(maps), 12, len(maps[0])).numpy()
    assert found.shape == (20, 3 * len(stripes.lags(3)), 12, 2, 2)
    error = 1 / np.sqrt(N_PIX / 12)
    away = transform.index.numpy() != np.arange(N_PIX)
    whole = away.reshape(len(away), 12, -1).all(axis=2)  # no pixel meets itself
    assert np.abs(found.mean()) < 1e-3
    np.testing.assert_allclose(found[:, whole].std(), error, rtol=0.1)
    for n_groups in (1, 5):
        means = stripes.correlations(transform, tf.constant(maps), 12, n_groups)
        expected = found.reshape(n_groups, -1, *found.shape[1:]).mean(axis=1)
        np.testing.assert_allclose(means, expected, atol=1e-14)


def test_polarization_along_the_stripes_is_q():
    """COSMO: polarized along an angle ψ from south, Q = cos 2ψ, U = sin 2ψ."""
    direction = np.random.default_rng(2).uniform(0, np.pi, N_PIX)
    along = np.stack([np.cos(2 * direction), np.sin(2 * direction)], axis=-1)
    turned = np.einsum("pfg,pg->pf", stripes.rotation(direction, QU), along)
    np.testing.assert_allclose(turned, np.broadcast_to([1.0, 0.0], (N_PIX, 2)), atol=1e-12)


def test_of_a_partial_sky_only_observed_pairs_count():
    """Full-sky means over the pairs that are left, zone by zone."""
    random = np.random.default_rng(3)
    mask = random.uniform(0.5, 1, N_PIX) * (random.random(N_PIX) < 0.6)
    mask[: N_PIX // 3] = 0
    sky, components = Sky.of_mask(mask), Components("TQU")
    maps = random.normal(size=(2, 3, N_PIX))
    ones = np.ones((2, sky.n_pix, 3))
    straight = sky.to_nested(sky.restrict(np.zeros(N_PIX)))
    zones = stripes.zone_of(sky, 2)
    partial = stripes.build(sky, components, straight, ones, 2, 2, tf.float64)
    found = stripes.correlations(
        partial, tf.constant(sky.to_nested(sky.restrict(maps))), zones.max() + 1, 2
    )
    index = stripes.follow(SKY, np.zeros(N_PIX), stripes.lags(2))
    nested, weight = SKY.to_nested(maps), SKY.to_nested(mask)
    for zone_place, zone in enumerate(np.unique(sky.nested // (NSIDE // 2) ** 2)):
        inside = np.arange(N_PIX) // (NSIDE // 2) ** 2 == zone
        there = index[1]  # one step straight on: no pixel on the way is missing
        share = weight * (weight[there] > 0) * inside
        expected = np.einsum("p,pmf,pmg->mfg", share, nested, nested[there]) / share.sum()
        np.testing.assert_allclose(found[:, 1, zone_place], expected, atol=1e-12)
