"""Statistics of the comparison, each with a known answer."""

import healpy as hp
import numpy as np
import pytest

from fewtomany import covariance
from fewtomany.covariance import Modes
from fewtomany.validation import chi2, harmonic, metrics, pixel
from fewtomany.validation.harmonic import Moments
from fewtomany.validation.metrics import Range


def test_residual_and_scatter_are_in_units_of_the_reference():
    rng = np.random.default_rng(1)
    reference = harmonic.moments(rng.standard_normal((5000, 3, 24)) + 5)
    np.testing.assert_allclose(reference.mean, 5, atol=0.1)
    np.testing.assert_allclose(reference.scatter, 1, atol=0.1)
    tested = Moments(reference.mean + 0.5 * reference.scatter, 2 * reference.scatter, 10)
    np.testing.assert_allclose(harmonic.residual(tested, reference), 0.5)
    np.testing.assert_allclose(harmonic.scatter_ratio(tested, reference), 2)
    assert harmonic.residual(tested, reference).shape == (3, 22)


def test_fraction_inside_the_standard_error_of_the_inputs():
    delta = np.random.default_rng(2).standard_normal((3, 10000)) / np.sqrt(10)
    assert abs(harmonic.fraction_inside(delta, 10) - 0.683) < 0.01


@pytest.fixture
def truth():
    """A covariance of 96 values (nside 2, QU) whose neighbours are correlated."""
    index = np.arange(96)
    deviation = 1 + index / 96
    correlation = np.exp(-np.abs(index[:, None] - index) / 5)
    return correlation * np.outer(deviation, deviation)


def test_a_covariance_equals_itself(truth):
    rms, slope = pixel.compare_correlations(truth, truth, 0)
    assert rms < 1e-15
    assert abs(slope - 1) < 1e-12
    np.testing.assert_array_equal(pixel.variance_ratio(truth, truth), 1)


def test_correlations_equal_numpy_in_bands(truth, monkeypatch):
    monkeypatch.setattr(pixel, "ROWS", 40)
    rng = np.random.default_rng(3)
    tested = np.cov(rng.multivariate_normal(np.zeros(96), truth, 50).T)
    rho, true = (c / np.sqrt(np.outer(np.diag(c), np.diag(c))) for c in (tested, truth))
    off = ~np.eye(96, dtype=bool)
    rms, slope = pixel.compare_correlations(tested, truth, 0)
    assert abs(rms - np.sqrt(np.mean((rho - true)[off] ** 2))) < 1e-12
    assert abs(slope - np.sum((rho * true)[off]) / np.sum((true**2)[off])) < 1e-12


def test_slope_is_corrected_for_the_noise_of_a_sampled_truth():
    """Weak correlations everywhere: 100 maps would flatten the slope to about 0.6."""
    n = 400
    exact = np.full((n, n), 0.1) + 0.9 * np.eye(n)
    rng = np.random.default_rng(4)
    slopes = []
    for _ in range(10):
        sampled = np.cov(rng.multivariate_normal(np.zeros(n), exact, 100).T)
        slopes.append(pixel.compare_correlations(exact, sampled, 100)[1])
        assert pixel.compare_correlations(exact, sampled, 0)[1] < 0.75
    assert abs(np.mean(slopes) - 1) < 0.1


def test_recovery_sees_at_which_separation_correlation_is_lost():
    """Halve the correlations of pixels more than 40° apart, within Q and within U."""
    nside = 4
    n_pix = 12 * nside**2
    vectors = np.column_stack(hp.pix2vec(nside, np.arange(n_pix)))
    cosine = vectors @ vectors.T
    one = np.exp(cosine - 1)
    far = np.degrees(np.arccos(np.clip(cosine, -1, 1))) > 40
    truth = np.kron(np.array([[1, 0.3], [0.3, 1]]), one)
    tested = np.kron(np.array([[1, 0.0], [0.0, 1]]), np.where(far, one / 2, one))
    assert pixel.recovery(truth, truth, 0, 2) == pytest.approx({"6-15": 1, "15-40": 1, "40-180": 1})
    assert pixel.recovery(4 * tested, truth, 0, 2) == pytest.approx(
        {"6-15": 1, "15-40": 1, "40-180": 0.5}
    )


def test_unobserved_pixels_have_no_correlation(truth):
    truth[3], truth[:, 3] = 0, 0
    assert np.isfinite(pixel.correlation(truth, slice(None), slice(None))).all()
    assert pixel.variance_ratio(truth, truth).shape == (95,)


def test_picture_is_the_mean_of_blocks(truth):
    picture = pixel.shrink(truth, 30)
    assert picture.shape == (24, 24)
    rho = pixel.correlation(truth, slice(None), slice(None))
    assert abs(picture[2, 5] - rho[8:12, 20:24].mean()) < 1e-6


def test_zoom_is_that_of_the_paper_at_nside_16():
    assert pixel.zoom_range(16) == slice(760, 840)
    for nside in (1, 2, 4, 8, 64):
        zoom = pixel.zoom_range(nside)
        assert 0 <= zoom.start < zoom.stop <= 12 * nside**2


def test_chi2_of_the_true_model(truth):
    d, n_maps = 30, 5000
    maps = np.random.default_rng(5).multivariate_normal(np.zeros(96), truth, n_maps)
    found = chi2.reduced_chi2(maps, covariance.leading_modes(truth, d))
    width = np.sqrt(2 / d)
    assert abs(found.mean() - 1) < 5 * width / np.sqrt(n_maps)
    assert abs(found.std() - width) < 5 * width / np.sqrt(2 * n_maps)
    twice = chi2.reduced_chi2(maps, covariance.leading_modes(2 * truth, d))
    np.testing.assert_allclose(twice, found / 2)


def test_chi2_uses_the_modes_of_a_rank_deficient_covariance(truth):
    maps = np.random.default_rng(6).multivariate_normal(np.zeros(96), truth, 10)
    modes = covariance.leading_modes(np.cov(maps.T), 30)
    assert len(modes) == 9
    centred = maps - maps.mean(axis=0)
    # in its own sample the mean of chi-squared over the modes is (n - 1) / n
    np.testing.assert_allclose(chi2.reduced_chi2(centred, modes).mean(), 0.9)


def test_ks_distance_of_a_shift():
    d = 150
    sample = np.random.default_rng(7).chisquare(d, 40000) / d
    expected = chi2.ks_of_shift(0.1, d)
    assert abs(chi2.ks_distance(sample[:20000], sample[20000:] + 0.1) - expected) < 0.02
    assert chi2.ks_distance(sample, sample) == 0


def test_eigenvalue_ratio_of_a_covariance_with_itself(truth):
    modes = covariance.leading_modes(truth, 20)
    assert isinstance(modes, Modes)
    np.testing.assert_array_equal(modes.values / covariance.leading_modes(truth, 20).values, 1)


def test_ranges_may_be_open():
    assert Range(None, 1.0, "").holds(-5)
    assert not Range(None, 1.0, "").holds(1.1)
    assert Range(0.68, None, "").holds(0.68)
    assert not Range(0.68, None, "").holds(float("nan"))


def test_every_metric_has_a_title():
    assert metrics.title("residual:EE") == "largest |Δ| of the EE spectrum"
    assert metrics.title("chi2_mean") == "mean reduced χ²"
