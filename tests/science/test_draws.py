"""Gaussian draws have the moments of their model."""

import healpy
import numpy as np
import pytest

from fewtomany import covariance
from fewtomany.covariance import linear
from fewtomany.spectra import isotropic, spectra

KEY = ("draw", "test")


def test_draws_reproduce_their_covariance():
    rng = np.random.default_rng(1)
    half = rng.standard_normal((96, 96)) * np.geomspace(1, 0.01, 96)
    truth = half @ half.T
    root = covariance.symmetric_root(truth.copy())[1].reshape(96, 2, 48)
    n_maps = 4000
    mean, found, _ = covariance.estimate([linear.draw(root, 1, KEY, 0, n_maps)])
    scale = np.sqrt(np.diagonal(truth))
    # an element of a sample correlation matrix scatters by sqrt((1 + rho^2) / n_maps)
    rho = truth / np.outer(scale, scale)
    error = (found - truth) / np.outer(scale, scale) / np.sqrt((1 + rho**2) / n_maps)
    assert abs(error.std() - 1) < 0.1
    assert np.abs(error).max() < 6
    assert np.abs(mean / scale).max() < 5 / np.sqrt(n_maps)


@pytest.fixture(scope="module")
def inputs():
    """Two QU maps with very different, correlated E and B, nside 8, shape (2, 2, 768)."""
    rng = np.random.default_rng(5)
    ell, m = healpy.Alm.getlm(23)
    maps = []
    for scale in (1.0, 3.0):
        real, imaginary = rng.standard_normal((2, 2, ell.size))
        e, b = np.where(m == 0, real, (real + 1j * imaginary) / np.sqrt(2))
        alms = scale * np.array([e / (ell + 5), 0.5 * b / (ell + 2) ** 1.5 + 0.3 * e / (ell + 5)])
        maps.append(spectra.to_map(alms, "QU", 8))
    return np.array(maps)


def test_isotropic_draws_return_the_spectra_of_their_input(inputs):
    n_maps = 1200
    draws = isotropic.draw(inputs, "QU", 1, KEY, 0, n_maps)
    for index in range(2):
        model = spectra.measure(inputs[index : index + 1], "QU")[0]
        found = spectra.measure(draws[index::2], "QU")
        error = found.std(axis=0, ddof=1)[:, 2:] / np.sqrt(n_maps / 2)
        deviation = (found.mean(axis=0) - model)[:, 2:]
        assert np.abs(deviation[:, :15] / error[:, :15]).max() < 4.5
        auto = deviation[:2] / model[:2, 2:]
        assert np.abs(auto).max() < 0.06  # sampling: up to 3%


def test_isotropic_draws_follow_their_index_alone(inputs):
    whole = isotropic.draw(inputs, "QU", 1, KEY, 0, 6)
    np.testing.assert_array_equal(isotropic.draw(inputs, "QU", 1, KEY, 3, 5), whole[3:5])
    assert not np.array_equal(isotropic.draw(inputs, "QU", 2, KEY, 3, 4), whole[3:4])


def test_isotropic_draws_of_temperature_and_polarization():
    sky = np.random.default_rng(2).standard_normal((1, 3, 192))
    draws = isotropic.draw(sky, "TQU", 1, KEY, 0, 600)
    model = spectra.measure(sky, "TQU")[0]
    found = spectra.measure(draws, "TQU")
    error = found.std(axis=0, ddof=1) / np.sqrt(600)
    deviation = (found.mean(axis=0) - model)[:, 2:9] / error[:, 2:9]
    assert np.abs(deviation).max() < 4.5
