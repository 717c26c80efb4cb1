"""Distances, shrinkage and equivalent numbers, each with a known answer."""

import json

import healpy as hp
import numpy as np
import pytest

from fewtomany import covariance, seeds
from fewtomany.config import Dataset
from fewtomany.covariance import baselines, of_matrix, shrinkage
from fewtomany.errors import UserError
from fewtomany.figures import equivalent as figure
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.validation import parts
from fewtomany.validation.compare import distances, equivalent, gaussian, views
from fewtomany.validation.entries import INFINITE, Range, entry
from fewtomany.validation.judge import pixel

NSIDE = 4
N = 2 * 12 * NSIDE**2
N_MODES = 20


@pytest.fixture(scope="module")
def truth():
    """Q and U that share a part of smooth correlations; variances that differ by 4."""
    vectors = np.column_stack(hp.pix2vec(NSIDE, np.arange(N // 2)))
    smooth = np.exp(8 * (vectors @ vectors.T - 1))
    deviation = np.tile(1 + (1 + vectors[:, 2]) / 2, 2) * 1e-9
    matrix = np.kron([[1, 0.4], [0.4, 1]], smooth) * np.outer(deviation, deviation)
    return of_matrix(np.zeros(N), matrix, 0, "QU", NSIDE, "exact")


@pytest.fixture(scope="module")
def viewer(truth):
    return views.make_viewer(truth, covariance.leading_modes(truth.covariance, N_MODES))


@pytest.fixture(scope="module")
def draw(truth):
    """True maps by seed."""
    root = covariance.symmetric_root(truth.covariance.copy())[1]
    return lambda seed, n_maps: np.random.default_rng(seed).standard_normal((n_maps, N)) @ root


def test_divergence_and_distance_of_scaled_models():
    truth = np.diag([1.0, 2.0, 5.0])
    scaled = 2 * truth
    assert gaussian.kullback_leibler(truth, truth) == pytest.approx(0, abs=1e-12)
    assert gaussian.forstner(truth, truth) == pytest.approx(0, abs=1e-12)
    assert gaussian.kullback_leibler(truth, scaled) == pytest.approx(1.5 * (0.5 + np.log(2) - 1))
    assert gaussian.forstner(truth, scaled) == pytest.approx(np.sqrt(3) * np.log(2))


def test_divergence_of_correlated_pairs():
    """A pair of unit variance and correlation ρ: D = ½ [2/(1 − ρ²) + ln(1 − ρ²) − 2]."""
    rho = 0.6
    model = np.array([[1, rho], [rho, 1]])
    expected = 0.5 * (2 / (1 - rho**2) + np.log(1 - rho**2) - 2)
    assert gaussian.kullback_leibler(np.eye(2), model) == pytest.approx(expected)
    eigen = np.log([1 - rho, 1 + rho])
    assert gaussian.forstner(np.eye(2), model) == pytest.approx(np.hypot(*eigen))
    turn = np.array([[1, 0.7], [0.2, 2]])  # both are invariant under a change of basis
    turned = [turn @ matrix @ turn.T for matrix in (np.eye(2), model)]
    assert gaussian.kullback_leibler(*turned) == pytest.approx(expected)
    assert gaussian.forstner(*turned) == pytest.approx(np.hypot(*eigen))


def test_a_singular_model_is_infinitely_far():
    maps = np.random.default_rng(1).standard_normal((5, 8))
    singular = np.cov(maps.T)
    assert gaussian.kullback_leibler(np.eye(8), singular) == np.inf
    assert gaussian.forstner(np.eye(8), singular) == np.inf


def test_a_view_shows_parts_of_the_sample_covariance(viewer, draw, monkeypatch):
    monkeypatch.setattr(views, "BLOCK", 7)
    maps = draw(2, 30) + 3e-9  # a mean, which does not matter
    sample = np.cov(maps.T)
    view = viewer.of_maps(maps)
    np.testing.assert_allclose(view.rows, sample[viewer.rows], atol=1e-10 * sample.max())
    np.testing.assert_allclose(view.variance, np.diagonal(sample), rtol=1e-9)
    modes = viewer.whitening.T @ sample @ viewer.whitening
    np.testing.assert_allclose(view.modes, modes, atol=1e-9 * modes.max())


def test_the_view_of_a_mixture_is_the_mixture_of_views(viewer, draw):
    maps = draw(3, 30)
    sample = np.cov(maps.T)
    diagonal = viewer.of_diagonal(np.diagonal(sample))
    mixed = 0.7 * sample + 0.3 * np.diag(np.diagonal(sample))
    model = baselines.toward_diagonal(0.3, viewer)(viewer.of_maps(maps))
    np.testing.assert_allclose(model.rows, mixed[viewer.rows], atol=1e-10 * sample.max())
    modes = viewer.whitening.T @ np.diag(np.diagonal(sample)) @ viewer.whitening
    np.testing.assert_allclose(diagonal.modes, modes, atol=1e-10 * modes.max())
    unit = baselines.toward_unit(1.0, viewer)(viewer.of_maps(maps))
    np.testing.assert_allclose(unit.variance, np.trace(sample) / N)


def test_the_truth_has_no_distance_from_itself(viewer):
    found = distances.distances(viewer.truth, viewer)
    for name, value in found.items():
        expected = 1 if name.startswith(("recovery", "correlation_match")) else 0
        assert value == pytest.approx(expected, abs=1e-7), name
    assert {"recovery:6-15", "recovery:cross 15-40", "correlation_error:40-180"} <= found.keys()


@pytest.mark.parametrize(("share", "recovered"), [(1e-4, False), (0.05, True)])
def test_where_there_is_hardly_a_correlation_nothing_is_recovered(truth, share, recovered):
    """Of Q with U in the same pixel: the reference itself had −26 times what is there."""
    weak = truth.covariance.copy()
    weak[: N // 2, N // 2 :] *= share / 0.4
    weak[N // 2 :, : N // 2] *= share / 0.4
    known = of_matrix(np.zeros(N), weak, 0, "QU", NSIDE, "exact")
    viewer = views.make_viewer(known, covariance.leading_modes(weak, N_MODES))
    found = distances.distances(viewer.truth, viewer)
    assert "recovery:6-15" in found
    assert ("recovery:cross 15-40" in found) == recovered


def test_distances_see_where_correlation_is_lost(viewer, truth):
    """Without Q–U correlations, and within Q and U with half of those beyond 40°."""
    vectors = np.column_stack(hp.pix2vec(NSIDE, np.arange(N // 2)))
    separation = np.degrees(np.arccos(np.clip(vectors @ vectors.T, -1, 1)))
    share = np.kron(np.eye(2), np.where(separation > 40, 0.5, 1))
    tested = truth.covariance * share
    variance = np.diagonal(tested).copy()
    view = views.View(np.eye(N_MODES), tested[viewer.rows], variance)
    found = distances.distances(view, viewer)
    for name, expected in {"6-15": 1, "15-40": 1, "40-180": 0.5}.items():
        assert found[f"recovery:{name}"] == pytest.approx(expected)
        assert found[f"recovery:cross {name}"] == pytest.approx(0, abs=1e-12)
    whole = of_matrix(np.zeros(N), tested, 0, "QU", NSIDE, "tested")
    rms, _ = pixel.compare_correlations(whole, truth)
    assert found["correlation_error"] == pytest.approx(rms)  # all rows are used at this size
    double = distances.distances(views.View(view.modes, 2 * view.rows, 2 * variance), viewer)
    assert double["variance_error"] == pytest.approx(1)
    assert double["correlation_error"] == pytest.approx(rms)


def test_jackknife_gives_the_scatter_of_repeated_samples(viewer, draw):
    names = ("kl", "forstner", "variance_error", "correlation_error", "recovery:15-40")
    found = [distances.jackknife(draw(seed, 300), np.arange(300), viewer) for seed in range(12)]
    for name in names:
        values, errors = ([part[name] for part in parts] for parts in zip(*found, strict=True))
        assert 0.5 < np.mean(errors) / np.std(values, ddof=1) < 2, name


def test_units_stay_together_in_a_block(viewer, draw):
    """Ten copies of each of ten maps: blocks of copies vary, blocks of one of each do not."""
    maps = np.repeat(draw(4, 10), 10, axis=0)
    _, together = distances.jackknife(maps, np.repeat(np.arange(10), 10), viewer)
    _, apart = distances.jackknife(maps, np.arange(100), viewer)
    assert together["variance_error"] > 0.01
    assert np.isnan(apart["variance_error"])


@pytest.mark.parametrize(
    ("shape", "ledoit_wolf", "oas"),
    [
        ((8, 30), 0.29321506090736027, 0.4360140301295062),
        ((60, 20), 0.11135129005680507, 0.13844440119629114),
    ],
)
def test_intensities_are_those_of_scikit_learn(shape, ledoit_wolf, oas):
    """Against sklearn.covariance of scikit-learn 1.9.1 on the same numbers."""
    i, j = np.ogrid[: shape[0], : shape[1]]
    maps = np.sin(1 + i * (j + 1) ** 1.5) + 0.5 * np.cos(i + 1) * (1 + j / shape[1])
    assert shrinkage.ledoit_wolf(maps) == pytest.approx(ledoit_wolf, rel=1e-10)
    assert shrinkage.oracle_approximating(maps) == pytest.approx(oas, rel=1e-10)


def test_intensities_vanish_with_many_maps(draw):
    maps = draw(5, 4000)[:, ::16]
    few = maps[:10]
    for intensity in (shrinkage.ledoit_wolf, shrinkage.oracle_approximating):
        assert intensity(maps) < 0.01 < 0.1 < intensity(few)


def test_cross_validation_equals_leaving_out_each_map(draw):
    maps = draw(6, 12)[:, ::16] * 1e9
    target = np.diag(np.linspace(1, 3, maps.shape[1]))
    centred = maps - maps.mean(axis=0)
    known = maps, centred, centred.T @ centred
    for alpha in (0.1, 0.5, 0.9):
        scores = []
        for k in range(len(maps)):
            left = np.cov(np.delete(maps, k, axis=0).T)
            model = (1 - alpha) * left + alpha * target
            chi2 = maps[k] @ np.linalg.solve(model, maps[k])
            scores.append(-0.5 * (chi2 + np.linalg.slogdet(model)[1]))
        found = shrinkage._left_out_likelihood(*known, target, alpha)
        assert found == pytest.approx(np.mean(scores))


def test_cross_validation_trusts_the_truth_and_not_a_wrong_target(truth, draw):
    columns = slice(None, None, 16)
    maps = draw(7, 30)[:, columns] * 1e9
    right = truth.covariance[columns, columns] * 1e18
    assert shrinkage.cross_validated(maps, right) > 0.9
    assert shrinkage.cross_validated(maps, right * 100) < 0.2
    many = draw(8, 3000)[:, columns] * 1e9
    assert shrinkage.cross_validated(many, np.eye(len(right))) <= 0.02


def test_inputs_shrunk_toward_true_maps_become_them(viewer, draw):
    inputs, target = draw(9, 10), 0.5 * draw(10, 2000)
    directions = baselines.random_directions(1, N_MODES, N)
    found = baselines.recipe(inputs, target, directions)
    assert found.scale == pytest.approx(4, rel=0.5)
    assert found.intensity > 0.8
    assert found.n_directions == N_MODES
    model = baselines.mixture(found, viewer.of_maps(target))(viewer.of_maps(inputs))
    models, intensities = baselines.models(inputs, viewer, {}, directions)
    rivals = [
        distances.distances(rival(viewer.of_maps(inputs)), viewer)["kl"]
        for rival in models.values()
    ]
    assert distances.distances(model, viewer)["kl"] < min(rivals)
    assert intensities.keys() == {"ledoit-wolf", "oas", "diagonal"}
    assert rivals[0] == np.inf


def test_a_target_of_few_maps_is_judged_in_fewer_directions(draw):
    directions = baselines.random_directions(1, N_MODES, N)
    assert baselines.recipe(draw(11, 5), draw(12, 14), directions).n_directions == 7
    np.testing.assert_array_equal(
        directions, seeds.standard_normal(1, ("directions",), 0, N_MODES, N)
    )


def test_n_true_maps_are_worth_n_true_maps(viewer, draw):
    curves = equivalent.curves(
        draw(13, 2000),
        viewer,
        equivalent.sizes(2000, N_MODES),
        {"raw": lambda maps, view: view},
    )["raw"]
    maps = draw(14, 150)
    values, errors = distances.jackknife(maps, np.arange(150), viewer)
    for name in ("kl", "forstner", "variance_error", "correlation_error"):
        found = equivalent.equivalent(values[name], errors[name], curves[name])
        assert found.n_maps == pytest.approx(150, rel=0.35), name
        width = found.high - found.low
        assert abs(found.n_maps - 150) < 3 * width, name
    assert curves["kl"].n_maps[0] > N_MODES  # infinite for fewer
    assert curves["variance_error"].n_maps[0] == equivalent.SMALLEST


def test_equivalent_numbers_beyond_the_curve_are_bounds():
    curve = equivalent.Curve(np.array([10, 100]), np.array([1.0, 0.1]), np.array([0.0, np.nan]))
    middle = equivalent.equivalent(0.1**0.5, 0.0, curve)
    assert middle.n_maps == pytest.approx(10**1.5)
    far, near = (equivalent.equivalent(value, 0.0, curve) for value in (3.0, 0.01))
    assert (far.n_maps, far.low) == (pytest.approx(10), None)
    assert (near.n_maps, near.high) == (pytest.approx(100), None)
    assert equivalent.equivalent(np.inf, 0.0, curve) is None


def test_maps_that_the_truth_was_taken_of_are_held_against_the_others(draw):
    """Against the truth that holds them they are too near: 100 others would act like 70."""
    true, others = draw(15, 400), draw(16, 800)
    found = of_matrix(true.mean(axis=0), np.cov(true.T), 400, "QU", NSIDE, "reference")
    viewer = views.make_viewer(found, covariance.leading_modes(found.covariance, N_MODES))
    sizes = equivalent.sizes(400, N_MODES)
    curves = equivalent.curves(true, viewer, sizes, {"raw": lambda maps, view: view})["raw"]
    assert curves["variance_error"].n_maps.tolist() == [n for n in sizes if n <= 200]
    sets, numbers = [viewer.of_maps(maps) for maps in np.split(others, 8)], []
    for name in ("kl", "forstner", "variance_error", "correlation_error"):
        distance = np.mean([distances.distances(view, viewer)[name] for view in sets])
        numbers.append(equivalent.equivalent(distance, 0.0, curves[name]).n_maps)
    assert 85 < np.exp(np.mean(np.log(numbers))) < 135


def test_a_truth_of_few_maps_has_a_curve_where_it_has_an_inverse(draw):
    true = draw(17, N_MODES + 4)
    found = of_matrix(true.mean(axis=0), np.cov(true.T), len(true), "QU", NSIDE, "reference")
    viewer = views.make_viewer(found, covariance.leading_modes(found.covariance, N_MODES))
    sizes, models = equivalent.sizes(len(true), N_MODES), {"raw": lambda maps, view: view}
    curves = equivalent.curves(true, viewer, sizes, models)["raw"]
    assert curves["variance_error"].n_maps.tolist() == [5, 10]
    assert len(curves["kl"].n_maps) == 0
    assert equivalent.equivalent(1.0, 0.0, curves["kl"]) is None
    none = equivalent.curves(true[:4], viewer, [3, 4], models)["raw"]
    assert equivalent.equivalent(1.0, 0.0, none["variance_error"]) is None


@pytest.mark.parametrize("without", [("kl", "forstner"), tuple(figure.PANELS)])
def test_the_figure_of_a_truth_of_few_maps_has_fewer_panels(without, tmp_path):
    curve = {"n_maps": [5, 10], "mean": [1.0, 0.5], "error": [0.1, None]}
    none = {"n_maps": [], "mean": [], "error": []}
    curves = {name: none if name in without else curve for name in figure.PANELS}
    part = {"truth": "reference", "n_modes": 15, "equivalent": {}}
    part["curves"] = {"raw": curves, "shrunk": curves}
    drawn = figure.draw(part)
    drawn.savefig(tmp_path / "figure.png", format="png")
    shown = [
        panel.get_title("left") or panel.get_title() for panel in drawn.axes if panel.get_visible()
    ]
    assert shown == [title for name, title in figure.PANELS.items() if name not in without]
    assert "held against that of all others" in figure.caption(part)


def test_a_truth_is_at_the_end_of_the_curve():
    curve = equivalent.Curve(np.array([5, 10, 20]), np.array([4.0, 2.0, 1.0]), np.full(3, 0.1))
    assert equivalent.equivalent(0.0, 0.0, curve) == equivalent.Equivalent(20, 20, None)


def test_what_is_measured_twice_is_an_error():
    first = [{"dataset": "a", "name": name} for name in ("kl", "recovery:0-6")]
    second = [{"dataset": "b", "name": "recovery:0-6"}]
    assert parts.merge(first, second) == [*first, *second]
    with pytest.raises(UserError, match=r"p\.json: measured twice: recovery:0-6 of a"):
        parts.merge(first, first[1:], "p.json")


def test_covariances_look_alike_in_a_view_and_in_directions(viewer, draw):
    """The same models by either way of looking: the truth's modes are directions, too."""
    inputs, target = draw(20, 12), draw(21, 60)
    directions = baselines.random_directions(1, N_MODES, N)
    space = baselines.Directions(viewer.whitening.T)
    variance = inputs.var(axis=0, ddof=1)
    args = ({"isotropic": target}, directions)
    in_view, intensities = baselines.models(inputs, viewer, *args)
    in_modes, same = baselines.models(inputs, space, *args, variance)
    assert intensities == same
    for name, model in in_view.items():
        found = in_modes[name](space.of_maps(inputs))
        np.testing.assert_allclose(found, model(viewer.of_maps(inputs)).modes, atol=1e-9)


def test_classes_of_pairs_by_component_and_separation():
    sky = Sky(2, np.array([0, 1, 20]))
    _, names = views.pair_classes(sky, Components("T"), [0])
    assert names == ("0-6", "6-15", "15-40", "40-180")
    classes, names = views.pair_classes(sky, Components("TQU"), [1, 3])
    assert len(names) == 16
    found = [["self", *names][k] for k in classes[0]]
    assert found[:3] == ["15-40", "self", "40-180"]
    assert found[3:6] == ["T×Q 15-40", "T×Q 0-6", "T×Q 40-180"]
    assert [["self", *names][k] for k in classes[1]][6] == "Q×U 0-6"
    _, names = views.pair_classes(sky, Components("QU", ("a", "b")), [0])
    assert names[4:] == ("cross 0-6", "cross 6-15", "cross 15-40", "cross 40-180")


def test_parts_hold_plain_json(tmp_path):
    dataset = Dataset("emulated-10", "emulated", 300)
    limit = Range(None, np.float64(2.0), "somewhere")
    entries = [
        entry("kl", dataset, np.float64(1.5), allowed=limit, sample={"n_maps": 300}),
        entry("kl", dataset, np.inf, error=np.nan, sample={}),
        entry("kl", dataset, np.inf, allowed=limit, sample={}),
    ]
    parts.write(tmp_path / "part.json", entries, {}, curves={"n": np.array([1, 2]), "x": [np.inf]})
    found = parts.read(tmp_path / "part.json")
    assert [entry["passed"] for entry in found["metrics"]] == [True, None, False]
    assert found["metrics"][1]["source"] == INFINITE
    assert found["curves"] == {"n": [1, 2], "x": [None]}
    (tmp_path / "other.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(UserError, match="has no metrics"):
        parts.read(tmp_path / "other.json")
    with pytest.raises(UserError, match="not a readable part"):
        parts.read(tmp_path / "nowhere.json")
