import numpy as np
import pytest

from fewtomany.covariance import nonlinear
from fewtomany.errors import UserError
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

RANDOM = np.random.default_rng(0)
TRUE = np.diag(np.geomspace(0.1, 10, 20))


def of(maps):
    """Maps of T on as many pixels as there are values, and what they are."""
    return maps, Components("T"), Sky(16, np.arange(maps.shape[1]))


def estimators():
    random = np.random.default_rng(1)
    return [
        pytest.param(lambda x: nonlinear.analytical(*of(x)), id="analytical"),
        pytest.param(lambda x: nonlinear.nercome(*of(x), random, 10), id="nercome"),
    ]


@pytest.mark.parametrize("estimate", estimators())
def test_many_maps_give_the_truth(estimate):
    maps = RANDOM.standard_normal((4000, 20)) @ np.sqrt(TRUE) + 5.0
    found = estimate(maps).dense()
    scale = np.sqrt(np.outer(np.diag(TRUE), np.diag(TRUE)))
    assert np.abs((found - TRUE) / scale).max() < 0.1


@pytest.mark.parametrize("estimate", estimators())
@pytest.mark.parametrize(("n_maps", "n"), [(300, 450), (400, 200)])
def test_white_maps_have_equal_variances(estimate, n_maps, n):
    """In this limit the best variance of every direction is the true one, 1."""
    maps = np.random.default_rng(2).standard_normal((n_maps, n))
    found = estimate(maps)
    spread = np.std(np.linalg.eigvalsh(np.cov(maps.T)))
    assert np.std(np.r_[found.values, [found.level] * (n - len(found.values))]) < 0.2 * spread
    assert found.variance.mean() == pytest.approx(1, abs=0.05)


def test_two_true_variances_are_separated():
    """Far fewer directions than maps: shrunk eigenvalues are near the sample's."""
    values = np.sort(np.concatenate([np.full(10, 1.0), np.full(10, 8.0)]))
    shrunk, level = nonlinear.shrunk_eigenvalues(values, 10**6, 20)
    np.testing.assert_allclose(shrunk, values, rtol=1e-3)
    assert level == 0


def test_what_does_not_exist_is_refused():
    with pytest.raises(UserError, match="at least 13 maps, got 10"):
        nonlinear.analytical(*of(np.zeros((10, 20))))
    with pytest.raises(UserError, match="at least 4 maps, got 3"):
        nonlinear.nercome(*of(np.zeros((3, 20))), RANDOM)
