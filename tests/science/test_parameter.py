"""What a covariance model does to r and τ: known answers, and one Monte Carlo check."""

import json
import re
import tomllib
from pathlib import Path

import healpy
import numpy as np
import pytest
import scipy.stats

from fewtomany import covariance
from fewtomany.covariance.factor import Factor
from fewtomany.errors import UserError
from fewtomany.figures import parameter as figure
from fewtomany.figures import style
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import spectra
from fewtomany.validation import cmb, effective, likelihood, parameter
from fewtomany.validation.likelihood import LowRank

ROOT = Path(__file__).parents[2]
NSIDE = 2
N = 2 * 12 * NSIDE**2


@pytest.fixture(scope="module")
def setting():
    return likelihood.make(NSIDE, r=0.01, noise_uk_arcmin=5.0)


@pytest.fixture(scope="module")
def truth():
    return systematic(N, rank=N)


def systematic(n, rank, seed=0):
    """A correlated covariance of about the power of lensing and noise, K²."""
    columns = np.random.default_rng(seed).standard_normal((n, rank)) * np.linspace(0.3, 2, rank)
    return 1e-16 * columns @ columns.T / rank


def dense(setting, model, truth, scale=1.0):
    """All of it by definition: n × n matrices and traces."""
    sky = setting.harmonics
    known = setting.known()
    total, true = known + scale**2 * model, known + scale**2 * truth
    inverse = np.linalg.inv(total)
    changes = [(sky * template) @ sky.T for template in setting.templates]
    weights = [inverse @ change @ inverse for change in changes]
    fisher = np.array([[0.5 * np.trace(e @ p) for p in changes] for e in weights])
    claimed = np.linalg.inv(fisher)
    bias = claimed @ [0.5 * np.trace(e @ (true - total)) for e in weights]
    scatter = [[0.5 * np.trace(e @ true @ f @ true) for f in weights] for e in weights]
    return claimed, claimed @ scatter @ claimed, bias


def test_fiducial_spectra_are_those_of_the_table():
    found = cmb.fiducial(20)
    assert found.ell[0] == 2
    ee, bb = found.at(0.0)[:, 0] / cmb.KELVIN2
    assert ee == pytest.approx(3.63e-2, rel=1e-3)
    assert bb == pytest.approx(1.927e-6, rel=1e-3)  # lensing, (5 µK arcmin)²
    change = found.at(0.5) - found.at(0.0)
    assert change[1, 0] / cmb.KELVIN2 == pytest.approx(0.5 * 1.7394e-2, rel=1e-3)
    # EE of the bump grows as τ^1.7, A as τ²; no BB
    np.testing.assert_array_equal(found.at(0.0, 1.1)[1], found.at(0.0)[1])
    share = np.sum(found.templates[1, 0, :6]) / np.sum(found.scalar[0, :6])
    assert share == pytest.approx(1.7 / 2, abs=0.05)


def test_spectra_end_where_the_table_does():
    with pytest.raises(UserError, match="lmax 192: spectra are known from 2 to 191"):
        cmb.fiducial(192)


def test_the_taper_is_flat_and_falls_to_zero():
    window = cmb.taper(32)
    np.testing.assert_array_equal(window[:17], 1)
    assert (np.diff(window[16:]) < 0).all()
    assert 0 < window[-1] < 0.02


def test_harmonics_are_those_of_healpy():
    nside, lmax = 4, 6
    sky = cmb.harmonics(nside, lmax)
    assert sky.matrix.shape == (2 * 12 * nside**2, 2 * ((lmax + 1) ** 2 - 4))
    coefficients = np.random.default_rng(1).standard_normal(sky.matrix.shape[1])
    maps = (sky.matrix @ coefficients).reshape(2, -1)
    alms = spectra.to_harmonic(maps, "QU")
    for field in range(2):
        cl = healpy.alm2cl(alms[field])
        used = sky.field == field
        for ell in range(2, lmax + 1):
            power = np.sum(coefficients[used & (sky.ell == ell)] ** 2) / (2 * ell + 1)
            assert cl[ell] == pytest.approx(power, rel=1e-3)


def test_the_variance_of_the_cmb_is_that_of_its_spectra():
    setting = likelihood.make(4, r=0.1, noise_uk_arcmin=1e-3)
    smoothed = cmb.fiducial(8).at(0.1) * cmb.taper(8)[2:] ** 2
    ell = np.arange(2, 9)
    expected = np.sum((2 * ell + 1) / (4 * np.pi) * smoothed) / 2
    assert np.diagonal(setting.known()).mean() == pytest.approx(expected, rel=1e-6)


def test_white_noise_is_per_pixel_area():
    setting = likelihood.make(2, noise_uk_arcmin=3.0)
    side = healpy.nside2resol(2, arcmin=True)
    assert np.sqrt(setting.noise) == pytest.approx(3e-6 / side)


@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize("masked", [False, True])
def test_traces_are_those_of_full_matrices(setting, truth, scale, masked):
    if masked:
        observed = np.arange(N // 2) % 4 > 0
        setting = likelihood.make(NSIDE, r=0.01, noise_uk_arcmin=5.0, observed=observed)
    model, true = (likelihood.restricted(setting, c) for c in (systematic(N, 5, seed=1), truth))
    found = parameter.judge(setting, model, true, scale)
    expected = dense(setting, model, true, scale)
    for value, wanted in zip((found.claimed, found.actual, found.bias), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-6)


@pytest.mark.parametrize("large_scales", [None, 3])
def test_a_model_of_the_observed_values_is_one_of_all_values_cut(truth, large_scales):
    """As a matrix, as few rows, and as a covariance model, which no matrix is made of."""
    observed = np.arange(N // 2) % 4 > 0
    settings = {"r": 0.01, "noise_uk_arcmin": 5.0, "large_scales": large_scales}
    setting = likelihood.make(NSIDE, observed=observed, **settings)
    used, expected = setting.values, likelihood.restricted(setting, truth)
    rows = np.linalg.cholesky(truth).T
    components, part = Components("QU"), Sky(NSIDE, np.flatnonzero(observed))
    for same in (
        truth[np.ix_(used, used)],
        LowRank(rows.T, np.zeros(N)),
        LowRank(rows.T[used], np.zeros(len(used))),
        Factor.of_rows(components, Sky(NSIDE), rows),
        lambda: Factor.of_rows(components, part, rows[:, used]),
    ):
        found = likelihood.restricted(setting, same)
        if isinstance(found, LowRank):
            found = found @ np.eye(len(used))
        np.testing.assert_allclose(found, expected, atol=1e-12 * expected.max())
    with pytest.raises(UserError, match=r"expected 72 observed or all 96 values of Q and U"):
        likelihood.restricted(setting, truth[:80, :80])


def test_no_matrix_of_all_values_is_made_where_combinations_are_used(truth, monkeypatch):
    few = likelihood.make(NSIDE, large_scales=3)
    model = Factor.of_rows(Components("QU"), Sky(NSIDE), np.linalg.cholesky(truth).T)
    monkeypatch.setattr(Factor, "dense", None)
    assert likelihood.restricted(few, model).shape == (24, 24)


def test_the_truth_claims_what_is_true(setting, truth):
    for model in (truth, truth.copy()):
        found = parameter.judge(setting, model, truth, 2.0)
        np.testing.assert_array_equal(found.bias, 0)
        np.testing.assert_allclose(found.actual, found.claimed, rtol=1e-12)
        assert found.numbers()["r"]["claimed_over_scatter"] == pytest.approx(1, abs=1e-12)


def test_twice_the_noise_gives_the_bias_of_hand():
    """Where all modes are alike, (C_true − C) is a number for each multipole.

    The systematic is white, as strong as noise that is far above the CMB; only the data's
    harmonics matter, which one constant weighs: Fisher and bias follow from sums.
    """
    setting = likelihood.make(2, noise_uk_arcmin=1e6)
    white = setting.noise * np.eye(N)
    found = parameter.judge(setting, 2 * white, white)
    gram = setting.harmonics.T @ setting.harmonics
    fisher = 0.5 * setting.templates @ gram**2 @ setting.templates.T
    trace = setting.templates @ np.diagonal(gram)
    total, missing = 3 * setting.noise, -setting.noise
    np.testing.assert_allclose(found.claimed, np.linalg.inv(fisher) * total**2, rtol=1e-5)
    np.testing.assert_allclose(found.bias, np.linalg.solve(fisher, trace) * missing / 2, rtol=1e-5)
    # V of two thirds of the believed covariance: the errors are overstated by 3 / 2
    assert found.numbers()["r"]["claimed_over_scatter"] == pytest.approx(1.5, rel=1e-5)
    assert (found.bias < 0).all()


def test_low_rank_models_are_those_of_matrices(setting, truth):
    maps = np.random.default_rng(3).standard_normal((6, N)) * 1e-8
    variance = maps.var(axis=0, ddof=1)
    sample = np.cov(maps.T)
    for model, matrix in [
        (LowRank.of_maps(maps), sample),
        (LowRank.of_maps(maps, 0.3, variance), 0.7 * sample + np.diag(0.3 * variance)),
        (LowRank.of_maps(maps, 0.4, 1e-17), 0.6 * sample + 0.4e-17 * np.eye(N)),
    ]:
        np.testing.assert_allclose(model @ np.eye(N), matrix, atol=1e-22)
        low, full = (parameter.judge(setting, some, truth) for some in (model, matrix))
        np.testing.assert_allclose(low.claimed, full.claimed, rtol=1e-7)
        np.testing.assert_allclose(low.actual, full.actual, rtol=1e-7)
        np.testing.assert_allclose(low.bias, full.bias, rtol=1e-7)


@pytest.fixture(scope="module")
def larger():
    """A masked sky at nside 4, a covariance of the systematic and a noisy model of it."""
    observed = np.abs(np.cos(healpy.pix2ang(4, np.arange(192))[0])) > 0.3
    setting = likelihood.make(4, r=0.01, noise_uk_arcmin=10.0, observed=observed)
    n = len(setting.values)
    return setting, LowRank.of_maps(draw(systematic(n, n), 40, seed=5)), systematic(n, n)


def draw(matrix, n_maps, seed):
    return np.random.default_rng(seed).multivariate_normal(
        np.zeros(len(matrix)), matrix, n_maps, method="cholesky"
    )


def test_random_maps_scatter_and_are_biased_as_the_traces_say(larger):
    setting, model, truth = larger
    n_maps = 4000
    maps = draw(setting.known() + truth, n_maps, seed=6)
    estimates, claimed = likelihood.estimate(setting, maps, model)
    exact = parameter.judge(setting, model, truth)
    np.testing.assert_allclose(claimed, exact.claimed)
    scatter = np.sqrt(np.diagonal(exact.actual))
    offset = estimates.mean(axis=0) - [0.01, 1.0] - exact.bias
    assert (np.abs(offset) < 4 * scatter / np.sqrt(n_maps)).all()
    assert exact.numbers()["r"]["bias_over_scatter"] > 0.2  # there is a bias to find
    # The estimates' kurtosis widens the error of their variance
    kurtosis = scipy.stats.kurtosis(estimates) + 2
    error = np.sqrt(kurtosis / n_maps)
    assert (np.abs(estimates.var(axis=0) / scatter**2 - 1) < 4 * error).all()


def test_left_out_maps_tell_the_bias(larger):
    setting, model, truth = larger
    exact = parameter.judge(setting, model, truth, 2.0)
    shifts = parameter.held_out_shifts(setting, model, draw(truth, 2000, seed=17), 2.0)
    error = shifts.std(axis=0) / np.sqrt(len(shifts))
    assert (np.abs(shifts.mean(axis=0) - exact.bias) < 4 * error).all()
    assert exact.bias[0] > 10 * error[0]


def test_the_estimate_is_one_step_up_the_likelihood(larger):
    setting, _, truth = larger
    maps = draw(setting.known() + truth, 2, seed=7)
    estimates, claimed = likelihood.estimate(setting, maps, truth)
    steps = {"r": 1e-6, "amplitude": 1e-5}
    slopes = []
    for name, step in steps.items():
        point = {"r": 0.01, "amplitude": 1.0}
        sides = [
            likelihood.log_likelihood(setting, maps, truth, **point | {name: point[name] + sign})
            for sign in (-step, step)
        ]
        slopes.append((sides[1] - sides[0]) / (2 * step))
    expected = np.array([0.01, 1.0]) + np.array(slopes).T @ claimed
    np.testing.assert_allclose(estimates, expected, rtol=1e-4)


def test_the_likelihood_is_that_of_scipy(setting, truth):
    total = setting.known(0.02, 0.9) + truth
    maps = draw(total, 3, seed=8)
    found = likelihood.log_likelihood(setting, maps, truth, r=0.02, amplitude=0.9)
    # in units in which SciPy takes the matrix for regular
    normal = scipy.stats.multivariate_normal(np.zeros(N), total * 1e15)
    np.testing.assert_allclose(found, normal.logpdf(maps * 10**7.5) + N * np.log(10**7.5))


def test_large_scales_are_a_likelihood_of_their_own(truth):
    """All by definition again, with C and its derivatives in the combinations."""
    few = likelihood.make(NSIDE, r=0.01, noise_uk_arcmin=5.0, large_scales=3)
    assert few.harmonics.shape == (2 * (4**2 - 4), 2 * (5**2 - 4))
    whole = likelihood.make(NSIDE, r=0.01, noise_uk_arcmin=5.0)
    inside = few.basis.T @ whole.known() @ few.basis
    np.testing.assert_allclose(few.known(), inside, atol=1e-10 * inside.max())
    model, true = (likelihood.restricted(few, c) for c in (systematic(N, 30, seed=1), truth))
    np.testing.assert_allclose(true, few.basis.T @ truth @ few.basis, atol=1e-10 * true.max())
    found = parameter.judge(few, model, true)
    expected = dense(few, model, true)
    for value, wanted in zip((found.claimed, found.actual, found.bias), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-6)
    maps = draw(truth, 3, seed=15).reshape(3, 2, -1)
    np.testing.assert_allclose(likelihood.data(few, maps), maps.reshape(3, -1) @ few.basis)
    low = likelihood.restricted(few, LowRank(np.zeros((N, 0)), np.full(N, 2e-17)))
    np.testing.assert_allclose(low, 2e-17 * np.eye(24), atol=1e-30)


def test_all_large_scales_lose_nothing_of_a_smooth_systematic(setting):
    """Where the systematic lies in the span of the harmonics, only noise is left out."""
    sky = setting.harmonics
    smooth = 1e-17 * (sky * np.linspace(0.1, 2, sky.shape[1])) @ sky.T
    all_of_it = likelihood.make(NSIDE, r=0.01, noise_uk_arcmin=5.0, large_scales=2 * NSIDE)
    few = likelihood.restricted(all_of_it, smooth)
    found = parameter.judge(all_of_it, few, few).claimed
    np.testing.assert_allclose(found, parameter.judge(setting, smooth, smooth).claimed, rtol=1e-8)


def test_the_t_distribution_needs_more_simulations_than_values(setting, truth):
    few = likelihood.make(NSIDE, noise_uk_arcmin=5.0, large_scales=3)
    maps = likelihood.data(few, draw(truth, 2, seed=15))
    model = likelihood.restricted(few, truth)
    found = likelihood.log_likelihood(few, maps, model, r=0.02, n_maps=1e9)
    gaussian = likelihood.log_likelihood(few, maps, model, r=0.02)
    np.testing.assert_allclose(found, gaussian, rtol=1e-6)
    with pytest.raises(UserError, match="of 24 values needs more than 24 maps"):
        likelihood.log_likelihood(few, maps, model, r=0.02, n_maps=20)


def test_a_singular_total_is_the_users_mistake(setting, truth):
    with pytest.raises(UserError, match="not positive definite"):
        parameter.judge(setting, -1e6 * np.eye(N), truth)
    with pytest.raises(UserError, match=r"expected 96 values of Q and U at nside 2"):
        likelihood.restricted(setting, truth[:-1, :-1])
    with pytest.raises(UserError, match="noise_uk_arcmin 0: must be positive"):
        likelihood.make(2, noise_uk_arcmin=0)
    with pytest.raises(UserError, match="large_scales 5: must be 2 to lmax = 4"):
        likelihood.make(2, large_scales=5)
    with pytest.raises(UserError, match=r"expected \(48,\) values"):
        likelihood.make(2, observed=np.ones(47, bool))


def test_the_power_ratio_is_that_of_white_spectra(setting):
    """White noise as systematic: its power over that of noise and CMB."""
    found = parameter.power_ratio(setting, setting.noise * np.eye(N))
    assert 0 < found < 1
    loud = likelihood.make(NSIDE, noise_uk_arcmin=1e6)
    white = 3 * loud.noise * np.eye(N)
    assert parameter.power_ratio(loud, white) == pytest.approx(3, rel=1e-6)


@pytest.fixture(scope="module")
def compared(setting, truth):
    maps = draw(truth + 1e-24 * np.eye(N), 400, seed=9)
    models = {
        "raw": LowRank.of_maps(maps[:8]),
        "many": lambda: np.cov(maps.T),
        "twice": 2 * truth,
    }
    return parameter.compare(setting, models, truth, (1.0, 3.0))


def test_a_comparison_ranks_models_and_is_plain(compared):
    assert json.loads(json.dumps(compared)) == compared
    assert list(compared["models"]) == ["ignored", "raw", "many", "twice", "truth"]
    rows = {name: model["r"] for name, model in compared["models"].items()}
    assert rows["truth"]["bias"] == [0, 0]
    assert rows["truth"]["claimed_over_scatter"] == pytest.approx([1, 1])
    assert all(x < 0 for x in rows["twice"]["bias"])
    assert all(x > 1 for x in rows["twice"]["claimed_over_scatter"])
    for place in range(2):
        raw, many = (rows[name]["claimed_over_scatter"][place] for name in ("raw", "many"))
        assert rows["ignored"]["claimed_over_scatter"][place] < raw < many < 1
    numbers = {name: model["effective_number"] for name, model in compared["models"].items()}
    assert numbers["ignored"][1] == 2  # the end of the curve
    assert numbers["raw"] == pytest.approx([8, 8], rel=0.5)
    assert numbers["many"] == pytest.approx([400, 400], rel=0.25)
    assert numbers["truth"] == [None, None]
    assert compared["power_ratio"][1] == pytest.approx(9 * compared["power_ratio"][0])


def test_entries_are_metrics_of_the_first_scale(compared, one_day):
    dataset = one_day().datasets["emulated-4"]
    entries = parameter.entries(dataset, compared, "many", tolerance=0.1, n_inputs=400)
    assert [entry["name"] for entry in entries] == [
        "parameter:claimed_over_scatter:r",
        "parameter:bias_over_scatter:r",
        "parameter:claimed_over_scatter:A",
        "parameter:bias_over_scatter:A",
    ]
    assert entries[0]["value"] == compared["models"]["many"]["r"]["claimed_over_scatter"][0]
    assert entries[0]["allowed"] == pytest.approx([0.9, 1.1])
    assert entries[0]["passed"] == (0.9 <= entries[0]["value"] <= 1.1)
    assert entries[1]["allowed"] is None
    shown = parameter.entries(dataset, compared, "raw", label="raw")
    assert shown[0]["name"] == "parameter:claimed_over_scatter:r:raw"
    assert shown[0]["passed"] is None


def test_the_figure_shows_every_model(compared, tmp_path):
    drawn = figure.draw(compared)
    labels = [text.get_text() for text in drawn.axes[0].get_yticklabels()]
    assert labels == ["systematic ignored", "raw inputs", "many", "twice", "true covariance"]
    shown = drawn.axes[0].lines[0].get_xdata()
    assert shown[1] == compared["models"]["raw"]["r"]["claimed_over_scatter"][0]
    caption = figure.caption(compared)
    assert "nside 2" in caption
    style.save(drawn, tmp_path / "parameter.png", figure.TITLE, caption)
    assert (tmp_path / "parameter.png").stat().st_size > 10_000


def test_the_lines_of_the_documentation_run(truth, tmp_path):
    path = tmp_path / "recommended.h5"
    content = covariance.of_matrix(np.zeros(N), truth, 10, "QU", NSIDE, "emulated-10")
    covariance.write(path, content, {})
    text = (ROOT / "docs/parameter.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 3
    names = {
        "grid": [0.0, 0.01],
        "maps": draw(truth, 2, seed=18).reshape(2, 2, -1),
        "covariance_of_the_others": truth,
        "left_out_maps": draw(truth, 5, seed=19),
        "n_effective": 60,
    }
    for block in blocks:
        block = block.replace("results/NAME/recommended/emulated-10.h5", str(path))
        exec(block.replace("large_scales=10", "large_scales=3"), names)
    assert np.shape(names["curve"]) == (2, 2)
    assert np.isfinite(names["curve"]).all()
    assert names["error"].shape == (2,)
    assert names["n_total"] > 60


# Effective numbers


def test_corrections_vanish_for_many_simulations():
    assert effective.hartlap(np.inf, 50) == 1
    assert effective.hartlap(1e9, 50) == pytest.approx(1, abs=1e-7)
    chi2 = np.array([30.0, 50.0, 90.0])
    gaussian = scipy.stats.multivariate_normal(np.zeros(50)).logpdf(np.zeros(50)) - chi2 / 2
    np.testing.assert_allclose(effective.log_t(chi2, 50, np.inf), gaussian)
    np.testing.assert_allclose(effective.log_t(chi2, 50, 1e10), gaussian, rtol=1e-6)


def test_hartlap_makes_the_inverse_of_a_sample_covariance_unbiased():
    n, n_maps, generator = 4, 12, np.random.default_rng(10)
    inverses = [np.linalg.inv(np.cov(generator.standard_normal((n, n_maps)))) for _ in range(4000)]
    found = np.trace(np.mean(inverses, axis=0)) / n
    assert effective.hartlap(n_maps, n) * found == pytest.approx(1, abs=0.03)


def test_the_t_likelihood_is_that_of_scipy():
    """Of N - n degrees of freedom: the scale of its shape follows from both."""
    n, n_maps = 3, 11
    sample = np.cov(np.random.default_rng(11).standard_normal((n, n_maps)))
    x = np.random.default_rng(12).standard_normal((5, n))
    chi2 = np.sum(x * np.linalg.solve(sample, x.T).T, axis=1)
    determinant = np.linalg.slogdet(sample)[1]
    freedom = n_maps - n
    shape = sample * (n_maps - 1) / freedom
    expected = scipy.stats.multivariate_t(shape=shape, df=freedom).logpdf(x)
    np.testing.assert_allclose(effective.log_t(chi2, n, n_maps, determinant), expected)


def test_corrections_that_do_not_exist_are_refused():
    with pytest.raises(UserError, match="needs more than 52 maps: 52"):
        effective.hartlap(52, 50)
    with pytest.raises(UserError, match="needs more than 50 maps: 50"):
        effective.log_t(50.0, 50, 50)


def test_divergence_is_that_of_gaussians():
    model, truth = np.diag([1.0, 2.0, 5.0]), np.diag([2.0, 2.0, 1.0])
    expected = 0.5 * (2 + 1 + 0.2 - 3 + np.log(1 / 2 * 5))
    assert effective.divergence(model, truth) == pytest.approx(expected)
    assert effective.divergence(truth, truth) == pytest.approx(0, abs=1e-12)


def test_the_curve_of_many_simulations_is_the_second_order():
    """KL → [(Tr G)² + Tr G²] / (4 (N - 1)), G the whitened systematic."""
    n = 10
    truth, known = np.diag(np.linspace(0.2, 3, n)), np.eye(n)
    curve = effective.divergence_curve(truth, known, n_sets=40)
    share = np.diagonal(truth) / np.diagonal(truth + known)
    expected = (share.sum() ** 2 + np.sum(share**2)) / 4
    drawn = curve.n_maps[-2]
    assert curve.mean[-2] * (drawn - 1) == pytest.approx(expected, rel=0.1)
    assert curve.mean[-1] * (curve.n_maps[-1] - 1) == pytest.approx(expected, rel=0.1)
    assert effective.number_of_divergence(curve.mean[7], curve) == pytest.approx(curve.n_maps[7])


def test_a_part_of_the_total_makes_its_number_larger():
    n, generator = 6, np.random.default_rng(13)
    part, total = 0.25 * np.eye(n), np.eye(n)
    assert effective.total_number(30, total, total) == pytest.approx(30)
    assert effective.total_number(30, part, total) == pytest.approx(1 + 29 * 16)
    # χ² of the truth under known + sample covariance, which Hartlap's factor makes n
    number = effective.total_number(12, 0.5 * total, total)
    chi2 = np.mean(
        [
            np.trace(np.linalg.inv(0.5 * total + 0.5 * np.cov(generator.standard_normal((n, 12)))))
            for _ in range(4000)
        ]
    )
    assert effective.hartlap(number, n) * chi2 / n == pytest.approx(1, abs=0.06)


def test_held_out_maps_tell_the_number_of_a_sample_covariance():
    n, n_maps, generator = 10, 40, np.random.default_rng(14)
    chi2 = []
    for _ in range(60):
        sample = np.cov(generator.standard_normal((n, n_maps)))
        x = generator.standard_normal((10, n))
        chi2 += list(np.sum(x * np.linalg.solve(sample, x.T).T, axis=1))
    found = effective.held_out_number(np.array(chi2), n)
    assert found.low < n_maps < found.high
    assert found.n_maps == pytest.approx(n_maps, rel=0.3)
    exact = effective.held_out_number(generator.chisquare(n, 600), n)
    assert exact.high is None
    assert exact.n_maps > 500


def test_the_table_is_part_of_the_library():
    assert cmb.fiducial(191).ell[-1] == 191
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert any(Path(cmb.TABLE).match(pattern) for pattern in patterns["package-data"]["fewtomany"])
