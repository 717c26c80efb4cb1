"""How many simulations a covariance acts like: planted numbers are found."""

import dataclasses
import math

import numpy as np
import pytest

from fewtomany.validation import worth
from fewtomany.validation.worth import HeldOut

N, N_FOLDS, N_HELD = 120, 5, 8

PIXELS = np.arange(N)
DEVIATIONS = np.exp(np.random.default_rng(5).normal(0, 0.5, N))
TRUTHS = {
    "white": np.eye(N),
    "smooth": np.exp(-np.abs(PIXELS[:, None] - PIXELS) / 2) * np.outer(DEVIATIONS, DEVIATIONS),
}
COUNTS = (worth.by_variances, worth.by_correlations)


def gaussian(generator, truth, size):
    return generator.standard_normal((size, N)) @ np.linalg.cholesky(truth).T


def seen(held, covariance):
    chosen = worth.choose(N, 3)
    return HeldOut(held, np.diagonal(covariance), chosen, covariance[np.ix_(chosen, chosen)])


def folds(generator, truth, model, maps=gaussian):
    """Held-out maps of a truth beside a covariance of every fold; both are functions."""
    held = [maps(generator, truth, N_HELD) for _ in range(N_FOLDS)]
    return [seen(some, model(generator, truth)) for some in held]


def sample(size):
    return lambda generator, truth: np.cov(gaussian(generator, truth, size).T)


@pytest.mark.parametrize("truth", list(TRUTHS))
@pytest.mark.parametrize(
    ("size", "count"),
    [*((size, count) for size in (12, 40) for count in COUNTS), (150, worth.by_correlations)],
)
def test_the_sample_covariance_of_so_many_maps_acts_like_them(truth, size, count):
    """In the median of fifteen draws, and the ranges hold it. (Few pixels know few variances.)"""
    generator = np.random.default_rng(size)
    found = [count(folds(generator, TRUTHS[truth], sample(size))) for _ in range(15)]
    assert np.median([one.n_maps for one in found]) == pytest.approx(size, rel=0.35)
    inside = [one.low <= size <= (one.high or math.inf) for one in found]
    assert np.mean(inside) >= 0.5  # one standard error: about two thirds


def test_the_same_by_chi2():
    """In fewer directions than simulations; the t-distribution is exact there."""
    generator, n, size = np.random.default_rng(4), 10, 60
    chi2 = []
    for _ in range(60):
        model = np.cov(generator.standard_normal((size, n)).T)
        x = generator.standard_normal((N_HELD, n))
        chi2.extend(np.sum(x * np.linalg.solve(model, x.T).T, axis=1))
    found = worth.by_chi2(np.array(chi2), n)
    assert found.n_maps == pytest.approx(size, rel=0.35)
    assert worth.by_chi2(np.array([1.0, np.inf]), n) is None


def test_the_truth_itself_is_worth_more_than_can_be_told():
    generator = np.random.default_rng(1)
    for count in COUNTS:
        found = [
            count(folds(generator, TRUTHS["smooth"], lambda _, truth: truth)) for _ in range(15)
        ]
        assert np.mean([one.high is None for one in found]) > 0.7
        assert np.median([one.low for one in found]) > 60


def test_wrong_variances_cost_no_number_by_correlations():
    """Variances wrong by 40%, correlations right: few by one, many by the other."""
    error = np.exp(0.2 * np.random.default_rng(8).choice([-1, 1], N))

    def wrong(_, truth):
        return truth * np.outer(error, error)

    found = folds(np.random.default_rng(2), TRUTHS["smooth"], wrong)
    variances, correlations = (count(found) for count in COUNTS)
    assert variances.n_maps < 30
    assert variances.high < 60
    assert correlations.n_maps > 5 * variances.n_maps


def test_missing_correlations_cost_no_number_by_variances():
    """A diagonal: its number by correlations is 1 over their mean square."""
    truth = TRUTHS["smooth"]
    found = folds(np.random.default_rng(3), truth, lambda _, truth: np.diag(np.diagonal(truth)))
    rho = truth / np.sqrt(np.outer(np.diagonal(truth), np.diagonal(truth)))
    pairs = rho[np.triu_indices(N, 1)]
    variances, correlations = (count(found) for count in COUNTS)
    expected = 1 + np.mean(1 + pairs**2) / np.mean(pairs**2)
    assert correlations.low < expected < correlations.high
    assert correlations.high < 3 * expected
    assert variances.high is None


def test_tails_of_the_maps_are_no_error_of_the_covariance():
    """Maps of heavy tails need more simulations for the same variance; a count by maps knows."""

    def tails(generator, truth, size):
        scale = np.sqrt(generator.gamma(1.0, 1.0, (size, N)))  # kurtosis 6: variance 5, not 2
        return generator.standard_normal((size, N)) * scale * np.sqrt(np.diagonal(truth))

    def from_tails(generator, truth):
        return np.diag(tails(generator, truth, 100).var(axis=0, ddof=1))

    generator = np.random.default_rng(6)
    found = [
        worth.by_variances(folds(generator, TRUTHS["white"], from_tails, tails)) for _ in range(15)
    ]
    assert np.median([one.n_maps for one in found]) == pytest.approx(100, rel=0.5)


def test_a_fold_that_holds_out_one_map_tells_nothing():
    generator = np.random.default_rng(7)
    one = seen(gaussian(generator, np.eye(N), 1), np.eye(N))
    for count in COUNTS:
        assert count([one, one]) is None
    pair = dataclasses.replace(one, maps=gaussian(generator, np.eye(N), 2))
    assert worth.by_variances([one, pair]) == worth.by_variances([pair])
    assert worth.as_json(None) == {"n_maps": None, "low": None, "high": None}


def test_the_scale_of_maps_and_units_do_not_matter():
    generator = np.random.default_rng(9)
    found = folds(generator, TRUTHS["smooth"], sample(40))
    scaled = [
        dataclasses.replace(
            fold,
            maps=1e-6 * fold.maps,
            variance=1e-12 * fold.variance,
            pairs=1e-12 * fold.pairs,
        )
        for fold in found
    ]
    for count in COUNTS:
        assert count(scaled).n_maps == pytest.approx(count(found).n_maps, rel=1e-9)


def test_a_mixture_is_seen_as_the_sum_of_its_parts():
    held = gaussian(np.random.default_rng(0), np.eye(N), 3)
    parts = {"one": seen(held, np.eye(N)), "smooth": seen(held, TRUTHS["smooth"])}
    found = worth.mixed(parts, {"one": 0.25, "smooth": 0.75})
    expected = seen(held, 0.25 * np.eye(N) + 0.75 * TRUTHS["smooth"])
    np.testing.assert_allclose(found.variance, expected.variance)
    np.testing.assert_allclose(found.pairs, expected.pairs)


def test_of_many_values_fewer_pairs_are_looked_at():
    chosen = worth.choose(600_000, 1)
    assert len(chosen) * 600_000 <= worth.MOST_NUMBERS
    assert len(worth.choose(20_000, 1)) == worth.N_VALUES
    np.testing.assert_array_equal(worth.choose(50, 1), np.arange(50))
    assert (np.diff(chosen) > 0).all()
