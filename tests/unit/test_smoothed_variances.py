import numpy as np
import pytest

from fewtomany.covariance import turning, variances
from fewtomany.covariance.variances import Smoothing
from fewtomany.errors import UserError

NSIDE = 8
N_PIX = 12 * NSIDE**2
THETA, PHI = turning.directions(NSIDE)
TRUTH = np.exp(2 * np.sin(THETA) * np.cos(2 * PHI)) * np.ones((2, 1)) * 1e-12


def draws(n_maps, seed=0):
    random = np.random.default_rng(seed)
    return np.sqrt(TRUTH) * random.standard_normal((n_maps, 2, N_PIX))


def error(variance):
    return np.sqrt(np.mean((variance / TRUTH - 1) ** 2))


def test_none_changes_nothing():
    np.testing.assert_array_equal(variances.smooth(TRUTH, "QU", variances.NONE), TRUTH)


@pytest.mark.parametrize("smoothing", variances.candidates("QU")[1::7])
def test_a_constant_variance_stays(smoothing):
    constant = np.full((2, N_PIX), 3.0)
    np.testing.assert_allclose(variances.smooth(constant, "QU", smoothing), constant, rtol=1e-12)


def test_zonal_variances_are_not_smoothed_along_rings():
    zonal = np.exp(3 * np.cos(THETA) ** 2) * np.ones((1, 1))
    found = variances.smooth(zonal, "T", Smoothing(20.0))
    np.testing.assert_allclose(found, zonal, rtol=1e-12)


def test_valleys_of_a_smooth_field_keep_their_depth():
    found = variances.smooth(TRUTH, "QU", Smoothing(10.0))
    belt = np.abs(np.cos(THETA)) < 0.6
    assert np.abs(found / TRUTH - 1)[:, belt].max() < 0.01


def test_the_scale_is_kept():
    variance = np.mean(draws(10) ** 2, axis=0)
    found = variances.smooth(variance, "QU", Smoothing(10.0, 1.0, True))
    np.testing.assert_allclose(np.mean(variance / found, axis=-1), 1, rtol=1e-12)


def test_a_pair_has_one_variance():
    variance = np.mean(draws(10) ** 2, axis=0)
    found = variances.smooth(variance, "QU", Smoothing(10.0, 0.0, True))
    np.testing.assert_allclose(found[0] / found[1], np.mean(found[0] / found[1]), rtol=1e-10)


@pytest.mark.parametrize(("n_maps", "gain"), [(10, 0.5), (100, 0.8)])
def test_the_chosen_smoothing_helps_few_and_hurts_no_more(n_maps, gain):
    maps = draws(n_maps)
    raw = np.mean(maps**2, axis=0)
    chosen = variances.choose(maps, "QU")
    assert error(variances.smooth(raw, "QU", chosen)) < gain * error(raw)


@pytest.mark.parametrize("n_maps", [4, 5])
def test_a_mean_of_few_that_was_taken_off_does_not_tell_what_is_left_out(n_maps):
    """Less the mean of all, a left-out map is known from the others: little was smoothed."""
    even = np.random.default_rng(1).standard_normal((n_maps, 2, N_PIX))
    chosen = variances.choose(even, "QU", centre=True)
    assert (chosen.width_deg, chosen.pair) == (30.0, True)
    assert variances.choose(even + 5.0, "QU", centre=True) == chosen


def test_rough_variances_are_left_alone():
    rough = np.exp(np.random.default_rng(3).normal(0, 2, (1, N_PIX)))
    maps = np.sqrt(rough) * np.random.default_rng(4).standard_normal((100, 1, N_PIX))
    raw = np.mean(maps**2, axis=0)
    found = variances.smooth(raw, "T", variances.choose(maps, "T"))
    np.testing.assert_allclose(found, raw, rtol=0.05)


def test_candidates_pair_only_what_is_there():
    assert not any(smoothing.pair for smoothing in variances.candidates("TQ"))
    assert variances.NONE in variances.candidates("QU")


def test_errors_name_what_is_wrong():
    with pytest.raises(UserError, match="no variance"):
        variances.smooth(np.zeros((2, N_PIX)), "QU", Smoothing(5.0))
    with pytest.raises(UserError, match="at least 3 maps, found 2"):
        variances.choose(draws(2), "QU")
