"""Statistics of the comparison, each with a known answer."""

import numpy as np
import pytest
from scipy.stats import norm

from fewtomany import covariance
from fewtomany.config import Dataset
from fewtomany.config.statistics import STATISTICS
from fewtomany.covariance import of_matrix
from fewtomany.errors import UserError
from fewtomany.figures.values import Values
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.validation import entries, measure
from fewtomany.validation.answer import faults
from fewtomany.validation.entries import Range
from fewtomany.validation.judge import chi2, comparison, harmonic, pixel
from fewtomany.validation.measure import distribution, moments
from fewtomany.validation.measure.moments import Moments


def test_residual_and_scatter_are_in_units_of_the_reference():
    rng = np.random.default_rng(1)
    reference = moments.of(rng.standard_normal((5000, 3, 24)) + 5)
    np.testing.assert_allclose(reference.mean, 5, atol=0.1)
    np.testing.assert_allclose(reference.scatter, 1, atol=0.1)
    tested = Moments(5000, reference.mean + 0.5 * reference.scatter, 4 * reference.squares)
    np.testing.assert_allclose(harmonic.residual(tested, reference), 0.5)
    np.testing.assert_allclose(harmonic.scatter_ratio(tested, reference), 2)
    assert harmonic.residual(tested, reference).shape == (3, 22)


def test_moments_of_parts_are_those_of_the_whole():
    values = 100 + np.random.default_rng(8).standard_normal((60, 4))
    whole = moments.merge(moments.of(part) for part in np.split(values, (7, 8, 40)))
    assert whole.n_maps == 60
    np.testing.assert_allclose(whole.mean, values.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(whole.scatter, values.std(axis=0, ddof=1), rtol=1e-12)


def test_moment_files_are_of_one_statistic_and_follow_each_other(tmp_path):
    values = np.random.default_rng(9).standard_normal((10, 3))
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path, first in zip(paths, (0, 6), strict=True):
        part = values[:6] if first == 0 else values[6:]
        source = store.MapSet(np.zeros((len(part), 2, 12)), "QU", "some", first)
        moments.write(path, moments.of(part), "minkowski", source, {}, ["a", "b", "c"])
    found, labels = moments.read(paths, "minkowski", "some", 10)
    np.testing.assert_allclose(found.mean, values.mean(axis=0))
    assert labels == ["a", "b", "c"]
    with pytest.raises(UserError, match=r"b\.h5: holds minkowski of some from map 6, expected"):
        moments.read(paths[1:], "minkowski", "some", 10)
    with pytest.raises(UserError, match="minkowski of some: of 6 maps, expected 10"):
        moments.read(paths[:1], "minkowski", "some", 10)
    with pytest.raises(UserError, match="expected scattering of some from map 0"):
        moments.read(paths, "scattering", "some", 10)


def test_what_does_not_vary_has_no_residual():
    reference = moments.of(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))
    delta = moments.residual(Moments(3, reference.mean + 1, reference.squares), reference)
    np.testing.assert_array_equal(delta, [1, np.nan])


def test_pixels_of_a_gaussian_dataset_are_standard_normal():
    rng = np.random.default_rng(10)
    deviation = np.linspace(1, 5, 24).reshape(2, 12)
    deviation[1, 3] = 0  # never observed
    maps = rng.standard_normal((4000, 2, 12)) * deviation
    found = distribution.measure(maps, deviation)
    expected = np.diff(norm.cdf([-np.inf, *distribution.EDGES[1:-1], np.inf]))
    np.testing.assert_allclose(found.mean[0].sum(axis=-1), 1)
    np.testing.assert_allclose(found.mean[1], np.cumsum(found.mean[0], axis=-1))
    assert np.abs(found.mean[0] - expected).max() < 5 * np.sqrt(0.04 / 44000)


def test_distance_of_distributions_sees_a_planted_width():
    deviation = np.ones((2, 48))
    maps = np.random.default_rng(11).standard_normal((4000, 2, 48))
    true, wide = (distribution.measure(scale * maps, deviation) for scale in (1, 1.2))
    assert distribution.distance(true, true).max() == 0
    np.testing.assert_allclose(
        distribution.distance(wide, true), distribution.distance_of_width(1.2), atol=0.003
    )


def test_noise_of_the_distance_knows_that_pixels_are_correlated():
    """Maps that are one number everywhere: a map is worth one pixel."""
    rng = np.random.default_rng(12)
    ones = np.ones((1, 48))
    few, many = (
        distribution.measure(rng.standard_normal((n, 1, 1)) * ones, ones) for n in (400, 4000)
    )
    error = 0.5 * np.sqrt(1 / 400 + 1 / 4000)
    assert distribution.noise(many, 400) == pytest.approx(error, rel=0.05)
    assert distribution.distance(few, many) < 5 * error


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


def of(matrix, n_maps=0):
    """A matrix (n, n) as a covariance of one component of an arc of the sky."""
    n = len(matrix)
    sky = Sky(16, np.arange(n))
    return of_matrix(np.zeros(n), matrix, n_maps, "T", 16, "some", sky=sky)


def test_correlations_and_variances_of_a_scaled_covariance(truth):
    """Twice the variance and all correlations halved."""
    half = np.eye(96) + 0.5 * (1 - np.eye(96))
    tested = of(2 * truth * half)
    np.testing.assert_allclose(pixel.variance_ratio(tested, of(truth)), 2)
    rms, slope = pixel.compare_correlations(tested, of(truth))
    deviation = np.sqrt(np.diag(truth))
    rho = (truth / np.outer(deviation, deviation))[~np.eye(96, dtype=bool)]
    assert slope == pytest.approx(0.5)
    assert rms == pytest.approx(np.sqrt(np.mean((rho / 2) ** 2)))


def test_correlations_equal_numpy_in_bands(truth, monkeypatch):
    monkeypatch.setattr(pixel, "ROWS", 40)
    rng = np.random.default_rng(3)
    tested = np.cov(rng.multivariate_normal(np.zeros(96), truth, 50).T)
    rho, true = (c / np.sqrt(np.outer(np.diag(c), np.diag(c))) for c in (tested, truth))
    off = ~np.eye(96, dtype=bool)
    rms, slope = pixel.compare_correlations(of(tested), of(truth))
    assert abs(rms - np.sqrt(np.mean((rho - true)[off] ** 2))) < 1e-12
    assert abs(slope - np.sum((rho * true)[off]) / np.sum((true**2)[off])) < 1e-12


def test_correlations_of_modes_equal_those_of_their_matrix(truth):
    """No row of the matrices is made: neither for the metrics nor for the picture."""
    rng = np.random.default_rng(5)

    def modes_of(n_modes):
        rows = rng.multivariate_normal(np.zeros(96), truth, n_modes)
        found = covariance.of_factor(rows, Components("T"), Sky(16, np.arange(96)))
        return covariance.Covariance(found.plus(rng.uniform(0.5, 1, 96)))

    some, other = modes_of(20), modes_of(30)
    dense = [of(found.rows(slice(None))) for found in (some, other)]
    found, expected = (pixel.compare_correlations(*pair) for pair in ((some, other), dense))
    assert found == pytest.approx(expected, rel=1e-10)
    for size in (96, 24, 10):
        np.testing.assert_allclose(pixel.shrink(some, size), pixel.shrink(dense[0], size), 1e-5)


def test_slope_is_corrected_for_the_noise_of_a_sampled_truth():
    """Weak correlations everywhere: 100 maps would flatten the slope to about 0.6."""
    n = 400
    exact = np.full((n, n), 0.1) + 0.9 * np.eye(n)
    rng = np.random.default_rng(4)
    slopes = []
    for _ in range(10):
        sampled = np.cov(rng.multivariate_normal(np.zeros(n), exact, 100).T)
        slopes.append(pixel.compare_correlations(of(exact), of(sampled, 100))[1])
        assert pixel.compare_correlations(of(exact), of(sampled))[1] < 0.75
    assert abs(np.mean(slopes) - 1) < 0.1


def test_unobserved_pixels_have_no_correlation(truth):
    truth[3], truth[:, 3] = 0, 0
    assert np.isfinite(pixel.correlation(of(truth), slice(None), slice(None))).all()
    assert pixel.variance_ratio(of(truth), of(truth)).shape == (95,)


def test_picture_is_the_mean_of_blocks(truth):
    picture = pixel.shrink(of(truth), 30)
    assert picture.shape == (24, 24)
    rho = pixel.correlation(of(truth), slice(None), slice(None))
    assert abs(picture[2, 5] - rho[8:12, 20:24].mean()) < 1e-6


def test_picture_of_a_prime_number_of_values_leaves_out_the_last(truth):
    picture = pixel.shrink(of(truth[:89, :89]), 30)
    assert picture.shape == (29, 29)


def test_zoom_is_that_of_the_paper_at_nside_16():
    assert pixel.zoom_range(3072) == slice(760, 840)
    for n_pix in (1, 12, 17, 48, 768, 49152):
        zoom = pixel.zoom_range(n_pix)
        assert 0 <= zoom.start < zoom.stop <= n_pix


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


def test_ranges_may_be_open():
    assert Range(None, 1.0, "").holds(-5)
    assert not Range(None, 1.0, "").holds(1.1)
    assert Range(0.68, None, "").holds(0.68)
    assert not Range(0.68, None, "").holds(float("nan"))


@pytest.mark.parametrize("name", sorted(entries.TITLES))
def test_every_metric_has_a_title_of_its_own(name):
    which = ":cross 6-15" if name == "recovery" else ":X" if "{}" in entries.TITLES[name] else ""
    found = entries.title(name + which)
    assert "{" not in found
    assert found not in {entries.title(n + ":Y") for n in entries.TITLES if n != name}
    assert entries.group(name) != "Further comparisons"


def test_classes_of_pairs_are_spelled_out():
    assert entries.title("recovery:0-6") == "recovered correlation, same component, 0-6°"
    assert entries.title("recovery:cross 0-6").endswith("between components, 0-6°")
    assert entries.title("recovery:T×Q 0-6").endswith("T×Q, 0-6°")


def test_without_a_truth_no_words_speak_of_one():
    dataset = Dataset("emulated", "emulated", n_maps=10)
    found = entries.entry(
        "scatter_ratio", dataset, 1.2, allowed=Range(0.9, 1.1, "as of true maps"), sample={}
    )
    said = entries.against_inputs(found)
    assert said["title"] == "median scatter of the spectra over that of the inputs"
    assert said["source"] == "as of the inputs"
    assert {k: said[k] for k in found if k not in ("title", "source")} == {
        k: found[k] for k in found if k not in ("title", "source")
    }
    shift = entries.against_inputs(entries.entry("residual:EE", dataset, 1.0, sample={}))
    assert shift["unit"] == "σ_input"


def test_the_largest_residual_of_every_name():
    known = Moments(3, np.zeros((2, 4)), np.full((2, 4), 2.0))  # a scatter of 1
    tested = Moments(3, np.array([[0, -3, 1, 0], [0.5, 0, 0, 0.2]]), known.squares)
    known = Moments(3, known.mean, np.where(np.arange(4) == 2, 0, known.squares))  # 2 varies not
    found = moments.largest("peaks", tested, known, ["T", "E"])
    assert found == {"peaks:T": 3, "peaks:E": 0.5}


def test_a_statistic_is_named_wherever_its_entry_is_read():
    for name, statistic in STATISTICS.items():
        assert entries.title(f"{name}:which") == statistic.metric.format("which")
        assert faults.purposes_of(f"{name}:which") == (faults.NON_GAUSSIAN,)
        assert callable(measure.module(name).of_maps)


def test_the_figure_of_a_statistic_without_its_own():
    shapes = {"mean": np.ones((4, 13)), "scatter": np.ones((4, 13)), "residual": np.ones((4, 13))}
    datasets = {
        "few": comparison.Shown("input", 5, "", 5, 3),
        "many": comparison.Shown("emulated", 50, "few", 5, 3),
    }
    arrays = {f"minkowski/{d}/{n}": array for d in datasets for n, array in shapes.items()}
    arrays["minkowski/labels"] = np.array([b"V0", b"V1", b"V2", b"V3"])
    compared = comparison.Comparison(
        arrays, None, "QU", [""], 4, "galactic", 2, 0, 15, [0, 20], datasets
    )
    figure = Values("minkowski")
    _, residual = figure.draw(compared).subfigs[0].axes
    assert [label.get_text() for label in residual.get_xticklabels()] == ["V0", "V1", "V2", "V3"]
    np.testing.assert_array_equal(residual.get_xticks(), [6, 19, 32, 45])
    assert figure.TITLE == "Minkowski functionals"
    assert figure.caption(compared).startswith("Minkowski functionals of ")


def test_the_first_and_the_last_bin_have_what_lies_beyond():
    values = np.array([-100.0, 100.0, 100.0, 100.0])
    found = distribution.measure(np.stack([values] * 2)[:, None], np.ones((1, 4)))
    fractions = found.mean[0, 0]
    np.testing.assert_allclose(fractions[[0, -1]], [0.25, 0.75])
    assert fractions.sum() == pytest.approx(1)
