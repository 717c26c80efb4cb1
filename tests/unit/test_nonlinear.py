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


def test_precision_of_many_maps_is_the_inverse_sample():
    maps = RANDOM.standard_normal((20000, 20)) @ np.sqrt(TRUE)
    maps[:, 1] += maps[:, 0]
    np.testing.assert_allclose(nonlinear.precision(maps), np.cov(maps.T), rtol=0.05, atol=0.05)


def test_precision_of_a_perfect_target_is_the_target():
    maps = np.random.default_rng(1).standard_normal((400, 200))
    found = nonlinear.precision(maps, np.eye(200))
    assert np.abs(np.linalg.eigvalsh(found) - 1).max() < 0.1


def maps_with_covariance(covariance, n_maps):
    """Maps (n_maps, k) whose sample covariance is the given one."""
    k = len(covariance)
    white = np.random.default_rng(3).standard_normal((n_maps, k))
    white = np.linalg.qr(white - white.mean(axis=0))[0] * np.sqrt(n_maps - 1)
    return white @ np.linalg.cholesky(covariance).T


def test_precision_of_a_case_worked_by_hand():
    """21 maps, S = diag(1, 1/4), target 1: n = 20, k = 2.

    tr S⁻¹ = tr S⁻¹Π₀ = 5, ‖S⁻¹‖² = 17, ‖Π₀‖² = 2, so α = 0.9 − 25·2/20/9 = 28/45 and
    β = 5/2 (0.9 − α) = 25/36.
    """
    found = nonlinear.precision(maps_with_covariance(np.diag([1, 0.25]), 21), np.eye(2))
    expected = np.diag([28 / 45 + 25 / 36, 4 * 28 / 45 + 25 / 36])
    np.testing.assert_allclose(np.linalg.inv(found), expected, atol=1e-12)


def test_precision_of_a_sample_like_its_target_is_the_target():
    """S = diag(1, 4/5): α would be −7.2 and is 0; β = 0.9 · 2.25 / 2."""
    found = nonlinear.precision(maps_with_covariance(np.diag([1, 0.8]), 21), np.eye(2))
    np.testing.assert_allclose(found, np.eye(2) / (0.9 * 2.25 / 2), atol=1e-12)


def test_precision_has_nearly_the_least_error():
    """The weights with the least Frobenius error follow from the truth; these do not know it."""
    n, truth = 80, np.diag(np.geomspace(0.2, 5, 80))
    maps = np.random.default_rng(4).standard_normal((200, n)) @ np.sqrt(np.linalg.inv(truth))
    inverse = np.linalg.inv(np.cov(maps.T))
    parts = np.stack([inverse.ravel(), np.eye(n).ravel()], axis=1)
    weights = np.linalg.lstsq(parts, truth.ravel(), rcond=None)[0]
    least = np.linalg.norm(parts @ weights - truth.ravel())
    found = np.linalg.norm(np.linalg.inv(nonlinear.precision(maps, np.eye(n))) - truth)
    assert least <= found < 1.03 * least
    assert np.linalg.norm(inverse - truth) > 2 * least


def test_what_does_not_exist_is_refused():
    with pytest.raises(UserError, match="at least 13 maps, got 10"):
        nonlinear.analytical(*of(np.zeros((10, 20))))
    with pytest.raises(UserError, match="at least 4 maps, got 3"):
        nonlinear.nercome(*of(np.zeros((3, 20))), RANDOM)
    with pytest.raises(UserError, match="at least 22 maps, got 21"):
        nonlinear.precision(RANDOM.standard_normal((21, 20)))
