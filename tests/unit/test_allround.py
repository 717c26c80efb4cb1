"""Variances that are smoothed alike in all directions, as strongly as left-out maps like best."""

import healpy
import numpy as np
import pytest

from fewtomany.covariance import allround
from fewtomany.maps.sky import Sky

NSIDE, N_MAPS = 16, 20
WHOLE = Sky(NSIDE)
PART = Sky(NSIDE, np.arange(500, 2500))


def smooth_depth(sky):
    """A deviation that varies by a factor of 3 over the sky."""
    return 1 + 0.5 * healpy.pix2vec(NSIDE, sky.indices)[2]


def drawn(depth, sky, n_maps=N_MAPS):
    return np.random.default_rng(1).standard_normal((n_maps, 1, sky.n_pix)) * depth


@pytest.mark.parametrize("sky", [WHOLE, PART])
def test_smooth_deviations_are_found_better_than_pixel_by_pixel(sky):
    depth = smooth_depth(sky)
    maps = drawn(depth, sky)
    found, (width,) = allround.deviation(maps, sky)
    assert width >= 4
    error = np.std(found[0] / depth)
    assert np.std(maps[:, 0].std(axis=0) / depth) == pytest.approx(0.16, abs=0.02)
    assert error < 0.04
    assert np.mean(found[0] / depth) == pytest.approx(1, abs=0.02)


def test_deviations_that_jump_from_pixel_to_pixel_stay():
    depth = np.exp(np.random.default_rng(2).standard_normal(WHOLE.n_pix))
    maps = drawn(depth, WHOLE)
    found, widths = allround.deviation(maps, WHOLE)
    assert widths == [0.0]
    np.testing.assert_allclose(found[0], np.sqrt(np.mean(maps[:, 0] ** 2, axis=0)))


def test_a_mean_that_was_taken_off_counts_as_a_map():
    maps = drawn(np.ones(WHOLE.n_pix), WHOLE, 5)
    away = maps - maps.mean(axis=0)
    found, _ = allround.deviation(away, WHOLE, centre=True)
    assert np.mean(found**2) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("n_maps", [3, 4, 6])
def test_a_mean_of_few_that_was_taken_off_does_not_tell_what_is_left_out(n_maps):
    """Less the mean of all, a left-out map is known from the others: little was smoothed."""
    depth = smooth_depth(WHOLE)
    maps = drawn(depth, WHOLE, n_maps)
    found, (width,) = allround.deviation(maps - maps.mean(axis=0), WHOLE, centre=True)
    assert width >= 4
    assert np.std(found[0] / depth) < 0.1


def test_an_even_variance_stays_the_same():
    (found,) = allround.smoothed(np.full(PART.n_pix, 3.0), PART, [2.0])
    np.testing.assert_allclose(found, 3.0, rtol=1e-12)
