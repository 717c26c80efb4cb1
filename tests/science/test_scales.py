"""Two scales: what is put together comes out again, and held-out maps find what was planted."""

import numpy as np
import pytest

from fewtomany.covariance import heldout, regressions, scales, weights
from fewtomany.covariance.base import Dense
from fewtomany.covariance.factor import Factor
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

COMPONENTS, SKY = Components("QU"), Sky(4)
N = 2 * SKY.n_pix
ABOUT = COMPONENTS, SKY


@pytest.fixture(scope="module")
def truth():
    """Correlations that fall with distance, pixels of unequal variance."""
    square = np.sum((SKY.points[:, None] - SKY.points) ** 2, axis=-1)
    correlations = np.kron(np.eye(2), 0.8 * np.exp(-square / 0.5) + 0.2 * np.eye(SKY.n_pix))
    deviation = 1 + np.linspace(0, 1, N)
    return Dense(*ABOUT, correlations * np.outer(deviation, deviation))


@pytest.fixture(scope="module")
def directions(truth):
    """Leading ones, among which no covariance is diagonal."""
    mixed = np.linalg.qr(np.random.default_rng(9).standard_normal((20, 20)))[0]
    return mixed @ truth.leading(20).vectors


@pytest.fixture(scope="module")
def small(truth):
    known = truth.draw(1, ("known",), 0, 60)
    return regressions.learn(known, truth.deviation, *ABOUT)


def test_amplitudes_are_those_of_the_one_and_given_these_maps_those_of_the_other(
    truth, small, directions
):
    found, inflation = scales.join(truth, small, directions, truth.deviation)
    by = (found.deviation / np.sqrt(inflation) / truth.deviation).ravel()
    np.testing.assert_allclose(by, 1, rtol=1e-9)
    # amplitudes of maps before they were scaled to the known deviations
    np.testing.assert_allclose(found.within(found.directions), truth.within(directions), atol=1e-9)
    maps = truth.draw(1, ("maps",), 0, 3).reshape(3, N)
    whole = heldout.log_likelihood(maps, found.dense())
    amplitudes = heldout.log_likelihood(maps @ found.directions.T, truth.within(directions))
    given = [
        scales.SmallScales.of(m[None], found.rest, found.directions).log_likelihood for m in maps
    ]
    np.testing.assert_allclose(whole, amplitudes + given, rtol=1e-9)


def test_of_one_covariance_nothing_is_changed(truth, directions):
    alone = Factor.of_rows(*ABOUT, np.linalg.cholesky(truth.dense()).T)
    found, inflation = scales.join(alone, alone, directions, alone.deviation)
    assert inflation == pytest.approx(1)
    np.testing.assert_allclose(found.dense(), truth.dense(), atol=1e-9)


def test_a_multiple_that_was_planted_is_found(truth, small, directions):
    """Of small scales, by maps of two folds, and the right covariance of them."""
    planted = scales.TwoScales(*ABOUT, directions, truth.within(directions), small)
    maps = planted.draw(2, ("planted",), 0, 80).reshape(80, N)
    half = small.scaled(small.deviation / np.sqrt(2))
    rivals = {"half": half, "independent": Factor.diagonal(*ABOUT, small.deviation)}
    given = [
        {name: scales.SmallScales.of(some, rival, directions) for name, rival in rivals.items()}
        for some in (maps[:40], maps[40:])
    ]
    assert scales.likeliest(given) == ("half", pytest.approx(2, abs=0.1))


def test_weights_whose_sum_is_free_have_the_size_of_the_maps(truth, directions):
    within = truth.within(directions)
    maps = truth.draw(3, ("maps",), 0, 400).reshape(400, N) @ directions.T
    targets = {"half": within / 2, "alone": np.diag(np.diagonal(within))}
    found = weights.fit([maps], [targets], free=True)
    assert found.weights["half"] > 0.9
    total = found.scale * (found.weights["half"] / 2 + found.weights["alone"])
    assert total == pytest.approx(1, abs=0.05)
    assert weights.fit([maps], [targets]).scale == 1
    assert np.isfinite(found.scores).all()


def test_a_singular_covariance_of_small_scales_is_never_chosen(truth, small, directions):
    maps = truth.draw(4, ("maps",), 0, 10).reshape(10, N)
    few = Factor.of_rows(*ABOUT, maps[:5])
    given = {
        n: scales.SmallScales.of(maps, m, directions) for n, m in (("few", few), ("local", small))
    }
    assert scales.likeliest([given])[0] == "local"
