"""benchmarks/transport.py: regressions that need not be linear, held against known answers."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fewtomany.covariance import regressions
from fewtomany.maps.flat import Flat

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import transport

BASE = regressions.no_base(1)
FLAT = Flat((6, 6), False)


def samples(y, x):
    """Of values (n, n_samples) of which no prior mean is known."""
    n, _, p = x.shape
    return transport.Samples(x, y, np.zeros((n, p)), np.ones(n), np.arange(p), np.full(n, p))


def gain(truth, kind, n_samples=60, n=8, p=2):
    """Held-out log-density of values per value over that of linear regressions, nats."""
    random = np.random.default_rng(7)
    x, other_x = random.standard_normal((2, n, n_samples, p))
    y, other_y = truth(x, random), truth(other_x, random)
    found = []
    for one in (kind, "linear"):
        known = samples(y, x)
        learnt = known.learn(transport.fit([known], BASE, one))
        found.append(learnt.log_density(other_x, other_y).mean())
    return found[0] - found[1]


def linear(x, random):
    return x @ [0.8, -0.3] + random.standard_normal(x.shape[:2])


def squared(x, random):
    return x[..., 0] ** 2 - 1 + 0.3 * random.standard_normal(x.shape[:2])


def scattering(x, random):
    return np.sqrt(0.1 + np.sum(x**2, axis=2)) * random.standard_normal(x.shape[:2])


@pytest.mark.parametrize("kind", ["nonlinear", "power nearby"])
def test_where_all_is_linear_nothing_is_lost(kind):
    assert abs(gain(linear, kind)) < 0.02


@pytest.mark.parametrize(
    ("truth", "kind", "least", "most"),
    [
        (squared, "nonlinear", 0.7, np.inf),
        (squared, "power nearby", -0.1, 0.5),
        (scattering, "power nearby", 0.1, np.inf),
        (scattering, "nonlinear", -0.05, 0.1),
    ],
)
def test_what_a_value_owes_to_its_neighbours_is_found(truth, kind, least, most):
    """A square by the one that is not linear; a scatter by the other; neither by the other one."""
    assert least < gain(truth, kind) < most


@pytest.mark.parametrize("numbers", [{}, {"share": 2.0, "length": 0.5}, {"steady": 3.0}])
def test_a_conditional_density_is_one_in_all(numbers):
    random = np.random.default_rng(3)
    known = samples(random.standard_normal((1, 5)), random.standard_normal((1, 5, 2)))
    prior = replace(transport.Prior.of(BASE, transport.START), **numbers)
    y = np.linspace(-400, 400, 400_001)
    x = np.broadcast_to([1.5, -2.0], (1, len(y), 2))
    density = np.exp(known.learn(prior).log_density(x, y[None]))
    assert np.trapezoid(density[0], y) == pytest.approx(1, abs=1e-4)


def gaussian(n_maps, seed):
    """Maps of an exponential covariance on 36 pixels, and the covariance."""
    far = np.sqrt(np.sum((FLAT.points[:, None] - FLAT.points) ** 2, axis=-1))
    truth = np.exp(-far / (3 * np.sort(far[0])[1]))
    numbers = np.random.default_rng(seed).standard_normal((n_maps, len(truth)))
    return (numbers @ np.linalg.cholesky(truth).T)[:, None], truth


def test_linear_ones_are_the_regressions_of_the_covariance():
    """Their evidence up to a constant, and their means, by N × N matrices in place of p × p."""
    maps, _ = gaussian(12, 1)
    known = regressions.Samples.of(maps, FLAT, None)
    places = np.arange(3, 36)
    problem, (own,) = known.problems(places)[0], transport.at(known, places)
    evidence = []
    for spread in (-3.0, 0.0):
        prior = transport.Prior(known.base, spread, 0.3, 2.5, 1.2)
        evidence.append((problem.evidence(prior) * len(places) * 12, own.evidence(prior)))
        coefficients, variance = problem.means(prior)
        learnt = own.learn(prior)
        mean, _ = learnt.given(own.x)
        expected = np.einsum("np,nkp->nk", coefficients[:, 0, : own.x.shape[2]], own.x)
        np.testing.assert_allclose(mean, expected, atol=1e-10)
        found = learnt.after / (learnt.freedom / 2 - 1)
        np.testing.assert_allclose(found, variance[:, 0], rtol=1e-8)
    (first, ours), (second, other) = evidence
    assert first - second == pytest.approx(ours - other, abs=1e-7)


def test_maps_of_a_gaussian_truth_are_drawn_and_known():
    maps, truth = gaussian(80, 1)
    others, _ = gaussian(500, 2)
    learnt = transport.Transport.of(maps, FLAT, "linear")
    flat = others[:, 0]
    best = -0.5 * np.sum(flat * np.linalg.solve(truth, flat.T).T, axis=1)
    best -= 0.5 * np.linalg.slogdet(2 * np.pi * truth)[1]
    loss = (best - learnt.log_likelihood(others)).mean() / 36
    assert 0 < loss < 0.05
    drawn = learnt.draw(5, 2000)[:, 0]
    assert np.sqrt(np.mean((np.cov(drawn.T) - truth) ** 2)) < 0.1
