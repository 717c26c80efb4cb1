import numpy as np
import pytest

from fewtomany.datasets import control
from fewtomany.errors import UserError


def test_what_a_cheap_realization_decides_is_known_from_many():
    random = np.random.default_rng(0)
    cheap, many = random.standard_normal((5, 3)), random.standard_normal((1000, 3))
    slope = np.array([2.0, -0.5, 0.0])
    found = control.carpool(7 + slope * cheap, cheap, many)
    np.testing.assert_allclose(found.beta, slope, atol=1e-12)
    np.testing.assert_allclose(found.mean, 7 + slope * many.mean(axis=0))
    expected = np.abs(slope) * many.std(axis=0, ddof=1) / np.sqrt(1000)
    np.testing.assert_allclose(found.error, expected, atol=1e-12)


def test_without_a_varying_control_it_is_the_mean():
    accurate = np.random.default_rng(1).standard_normal((10, 4))
    found = control.carpool(accurate, np.ones((10, 4)), np.zeros((9, 4)))
    np.testing.assert_array_equal(found.mean, accurate.mean(axis=0))
    np.testing.assert_allclose(found.error, accurate.std(axis=0, ddof=1) / np.sqrt(10))


@pytest.mark.parametrize(("correlation", "gain"), [(0.95, 2.5), (0.0, 0.8)])
def test_errors_are_those_of_repeated_experiments(correlation, gain):
    random = np.random.default_rng(2)
    n, m, n_repeats = 10, 300, 4000
    cheap = random.standard_normal((n, n_repeats))
    noise = random.standard_normal((n, n_repeats))
    accurate = 3 + correlation * cheap + np.sqrt(1 - correlation**2) * noise
    found = control.carpool(accurate, cheap, random.standard_normal((m, n_repeats)))
    away = found.mean - 3
    assert abs(away.mean()) < 4 * away.std() / np.sqrt(n_repeats)
    assert np.sqrt(np.mean(found.error**2)) == pytest.approx(away.std(), rel=0.1)
    assert accurate.mean(axis=0).std() / away.std() > gain


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match=r"shapes \(5, 2\), \(4, 2\) and \(9, 2\)"):
        control.carpool(np.ones((5, 2)), np.ones((4, 2)), np.ones((9, 2)))
    with pytest.raises(UserError, match="3 pairs and 9 cheap realizations are not enough"):
        control.carpool(np.ones((3, 2)), np.ones((3, 2)), np.ones((9, 2)))
