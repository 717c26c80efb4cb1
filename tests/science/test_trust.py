"""Cross-validation prefers the truth to a wrong emulation, and knows when it does not know."""

import numpy as np
import pytest
import scipy.stats

import plot
import prepare_emulation
import trust as trust_script
from fewtomany import config, covariance
from fewtomany.covariance import baselines, heldout
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.mixture import Mixture
from fewtomany.covariance.product import Covariance
from fewtomany.covariance.weights import Fit
from fewtomany.emulator import batches
from fewtomany.emulator import model as emulation
from fewtomany.errors import UserError
from fewtomany.figures import report
from fewtomany.files import store
from fewtomany.validation import parts, recommend
from fewtomany.validation.trust import folds, verdict

EQUAL = recommend.Weighed(Fit({recommend.WITHOUT: 0.5, recommend.EMULATED: 0.5}, np.empty(0), {}))
"""Both parts alike."""

N_INPUTS, N_MAPS, N_DIRECTIONS = 20, 200, 12
CONTENT = {
    "campaign": "folds",
    "seed": 1,
    "maps": {"nside": 4},
    "simulation": {"n_maps": 60, "nside": 4},
    "reference": {"n_maps": 60},
    "inputs": {"input-20": {"n_maps": N_INPUTS}},
    "emulated": {
        "emulated-20": {"input": "input-20", "strategy": "average-target", "n_maps": 60},
        "single-20": {"input": "input-20", "strategy": "single-target", "n_maps": 60},
    },
    "emulator": {"n_scales": 2, "start": "white", "variances": "inputs"},
    "validation": {"n_modes": 20, "chi2_maps": 30},
    "trust": {
        "datasets": ["emulated-20", "single-20"],
        "n_folds": 5,
        "n_maps": N_MAPS,
        "n_directions": N_DIRECTIONS,
    },
}


@pytest.fixture(scope="module")
def campaign():
    return config.parse(CONTENT)


@pytest.fixture(scope="module")
def truth():
    """Smooth correlations along the rows of pixels, and variances that differ by 9."""
    rows = np.arange(192)
    shape = np.exp(-((((rows[:, None] - rows) / 12) % 16 - 8) ** 2)) + 0.1
    deviation = np.tile(1 + rows / 96, 2) * 1e-9
    return np.kron(np.eye(2), shape @ shape.T) * np.outer(deviation, deviation)


def draws(truth, seed, n_maps, scale=1.0):
    root = covariance.symmetric_root(truth.copy())[1]
    maps = np.random.default_rng(seed).standard_normal((n_maps, len(truth))) @ root * scale
    return maps.reshape(n_maps, 2, -1)


def learn_of(maps):
    """A covariance without emulation that is made at once: half the maps, half independent."""
    inputs = store.MapSet(maps, "QU", "some")
    deviation = np.sqrt(np.mean(maps**2, axis=0))
    parts = {
        "inputs": Factor.of_rows(inputs.components, inputs.sky, maps / np.sqrt(len(maps))),
        "diagonal": Factor.diagonal(inputs.components, inputs.sky, deviation),
    }
    model = Mixture.of(parts, dict.fromkeys(parts, 0.5))
    evidence = {"weights": model.weights}
    return Covariance(model, dataset="some", evidence=evidence, smoothed=deviation)


@pytest.fixture(scope="module")
def learnt(campaign, truth):
    maps = draws(truth, 1, N_INPUTS)
    every = campaign.folds_of("emulated-20")
    return {fold.name: learn_of(maps[list(fold.selection)]) for fold in every}


def judged(campaign, truth, learnt, make):
    """Entries and numbers for folds whose emulation is ``make(seed)``."""
    of_dataset = enumerate(campaign.folds_of("emulated-20"), 10)
    emulated = {fold.name: make(seed) for seed, fold in of_dataset}
    inputs = store.MapSet(draws(truth, 1, N_INPUTS), "QU", "input-20")
    known = covariance.of_matrix(np.zeros(384), truth, 0, "QU", 4, "exact")
    entries, numbers = verdict.cross_validate(
        campaign, campaign.datasets["emulated-20"], inputs, emulated, learnt, known
    )
    return {entry["name"]: entry for entry in entries}, numbers


@pytest.fixture
def in_leading_modes(monkeypatch):
    """All values are many, which saves a minute."""
    monkeypatch.setattr(heldout, "FEW", 300)


@pytest.fixture(scope="module")
def good(campaign, truth, learnt):
    return judged(campaign, truth, learnt, lambda seed: draws(truth, seed, N_MAPS))


def test_every_input_is_held_out_once(campaign):
    every = campaign.folds_of("emulated-20")
    held = [set(range(N_INPUTS)) - set(fold.selection) for fold in every]
    assert sorted(index for some in held for index in some) == list(range(N_INPUTS))
    assert {len(some) for some in held} == {4}


def test_true_maps_are_trusted(good):
    entries, numbers = good
    assert [name for name, entry in entries.items() if not entry["passed"]] == []
    assert numbers["rival"] not in (recommend.EMULATED, folds.RECOMMENDED)
    assert min(numbers["intensities"]) > 0.5


def test_in_all_values_simpler_covariances_are_worse_by_many_errors(good, monkeypatch, campaign):
    """Where all values are few; singular covariances have no likelihood there."""
    gains = good[1]["all_values"]
    assert gains.keys() == {"diagonal", "ledoit-wolf", "oas", recommend.WITHOUT}
    assert all(gains[name]["gain"] < -3 * gains[name]["error"] for name in ("diagonal", "oas"))


def test_of_many_values_not_all_are_looked_at(in_leading_modes, campaign, truth, learnt):
    _, numbers = judged(campaign, truth, learnt, lambda seed: draws(truth, seed, N_MAPS))
    assert numbers["all_values"] == {}


def test_a_wrong_emulation_is_not(campaign, truth, learnt, in_leading_modes):
    white = np.diag(np.diagonal(truth)[::-1])
    entries, numbers = judged(campaign, truth, learnt, lambda seed: draws(white, seed, N_MAPS))
    assert entries["trust:emulated"]["passed"] is False
    assert entries["trust:emulated"]["value"] < 0
    assert numbers["gains"]["emulated"]["truth"] < 0  # and the truth says so, too
    assert entries["trust:emulated:truth"]["passed"]


def test_a_planted_variance_change_fails(campaign, truth, learnt, in_leading_modes):
    entries, _ = judged(campaign, truth, learnt, lambda seed: draws(truth, seed, N_MAPS, scale=0.6))
    for name in ("trust:chi2_mean", "trust:chi2_width", "trust:spectra"):
        assert entries[name]["passed"] is False, name
    assert entries["trust:chi2_mean"]["value"] == pytest.approx(1 / 0.36, rel=0.3)


def test_the_held_out_gain_is_that_expected_under_the_truth(good):
    """The verdict without a reference against the verdict with it, for every candidate."""
    for name, gain in good[1]["gains"].items():
        if name != good[1]["rival"]:
            assert abs(gain["held_out"] - gain["truth"]) < 4 * gain["error"] + 0.02, name


def test_score_is_the_gaussian_likelihood():
    rng = np.random.default_rng(3)
    model = np.cov(rng.standard_normal((40, 5)).T)
    maps = rng.standard_normal((7, 5))
    expected = scipy.stats.multivariate_normal(np.zeros(5), model).logpdf(maps)
    found = heldout.log_likelihood(maps, model) - 2.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(found, expected)
    many = np.random.default_rng(2).standard_normal((100_000, 5)) * np.sqrt(2)
    assert heldout.expected_log_likelihood(2 * np.eye(5), model) == pytest.approx(
        heldout.log_likelihood(many, model).mean(), rel=0.02
    )


def test_chi2_under_few_maps_has_mean_1_and_the_expected_width():
    rng = np.random.default_rng(4)
    found = [
        folds.unbiased_chi2(
            rng.standard_normal((5, 10)), np.cov(rng.standard_normal((40, 10)).T), 40
        )
        for _ in range(2000)
    ]
    assert np.mean(found) == pytest.approx(1, abs=0.03)
    assert np.std(found) == pytest.approx(folds.expected_width(10, 40), rel=0.05)


def test_a_singular_candidate_is_left_out(truth):
    directions = baselines.random_directions(1, N_DIRECTIONS, len(truth))
    emulated, naive = draws(truth, 2, 40), draws(truth, 3, 40).reshape(40, -1)
    for n_maps, known in ((8, False), (30, True)):
        training = draws(truth, 1, n_maps)
        learnt = learn_of(training)
        made = recommend.FoldMaps("some.fold-0", training[:2], learnt, emulated, 1)
        flat = training.reshape(n_maps, -1)
        found, _ = recommend.Parts.of(learnt, emulated, 1, "some").join(EQUAL)
        models = folds.candidates(flat, made, found, naive, directions, directions)
        assert ("raw" in models) == known


def test_where_all_values_weigh_simulations_are_counted_in_leading_modes(
    truth, learnt, monkeypatch
):
    """The same χ² as where leading modes weigh, under the same weights."""
    fold = recommend.FoldMaps(
        "some.fold-0", draws(truth, 5, 3), next(iter(learnt.values())), draws(truth, 6, 60), 1
    )
    assert recommend.ballot(fold).held.shape == (3, 384)
    whole = recommend.see(fold, EQUAL)
    monkeypatch.setattr(heldout, "FEW", 0)
    assert recommend.ballot(fold).held.shape == (3, 30)
    leading = recommend.see(fold, EQUAL)
    assert whole.n_directions == leading.n_directions == 30
    np.testing.assert_allclose(whole.chi2, leading.chi2, rtol=1e-6)
    assert whole.reduced.shape == (3,)
    np.testing.assert_allclose(whole.reduced, leading.reduced, rtol=1e-6)
    monkeypatch.setattr(heldout, "WHOLE", 0)
    none = recommend.see(fold, EQUAL)
    assert none.reduced is None
    np.testing.assert_allclose(none.values.pairs, whole.values.pairs, rtol=1e-9)


def test_emulated_maps_alone_are_singular_and_have_no_chi2_in_all_values(truth, learnt):
    found = next(iter(learnt.values()))
    fold = recommend.FoldMaps("some.fold-0", draws(truth, 5, 3), found, draws(truth, 6, 60), 1)
    alone = recommend.Weighed(
        Fit({recommend.WITHOUT: 0.0, recommend.EMULATED: 1.0}, np.empty(0), {})
    )
    assert np.isinf(recommend.see(fold, alone).reduced).all()


def test_a_fold_emulates_its_own_inputs_only(campaign, truth, tmp_path):
    inputs = store.MapSet(draws(truth, 1, N_INPUTS), "QU", "input-20")
    store.write_maps(tmp_path / "inputs.h5", inputs)
    config.save(campaign, tmp_path / "campaign.yaml")
    options = ["--config", str(tmp_path / "campaign.yaml"), "--dataset", "emulated-20-fold-1"]
    output = ["--output", str(tmp_path / "model.h5"), str(tmp_path / "inputs.h5")]
    prepare_emulation.main(prepare_emulation.get_parser().parse_args(options + output))
    found = emulation.load(tmp_path / "model.h5", campaign.emulator)
    selection = list(campaign.find("emulated-20-fold-1").selection)
    assert len(selection) == len(found.of_inputs) == 16
    expected = inputs.maps[selection].mean(axis=0)
    np.testing.assert_allclose(found.mean, expected, rtol=1e-12, atol=1e-20)


def test_single_targets_of_a_fold_are_its_inputs(campaign):
    targets = batches.draw_targets(campaign, "single-20-fold-0")
    assert targets.max() == 15
    assert len(batches.dataset_plan(campaign, "emulated-20-fold-0")) == 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"datasets": ["elsewhere"]}, "trust.datasets: 'elsewhere' is not allowed; expected one"),
        ({"n_folds": 21}, "trust.n_folds: 21 is not allowed; expected at most"),
        ({"n_directions": 101}, "trust.n_directions: 101 is not allowed with trust.n_maps = 200; "),
    ],
)
def test_impossible_folds_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        config.parse({**CONTENT, "trust": {**CONTENT["trust"], **changes}})


def test_the_program_writes_part_and_figure(campaign, truth, learnt, good, tmp_path):
    config.save(campaign, tmp_path / "campaign.yaml")
    files = {"input-20": tmp_path / "inputs.h5"}
    store.write_maps(files["input-20"], store.MapSet(draws(truth, 1, N_INPUTS), "QU", "input-20"))
    named = []
    for seed, fold in enumerate(campaign.folds_of("emulated-20"), 10):
        path = tmp_path / f"{fold.name}.h5"
        store.write_maps(path, store.MapSet(draws(truth, seed, N_MAPS), "QU", fold.name))
        named.append(f"{fold.name}={path}")
    content = covariance.of_matrix(np.zeros(384), truth, 0, "QU", 4, "exact")
    covariance.write(tmp_path / "exact.h5", content, {})
    common = ["--config", tmp_path / "campaign.yaml"]
    options = [*common, "--dataset", "emulated-20", "--inputs", files["input-20"], "--folds"]
    options += [*named, "--learnt"]
    for name, of_fold in learnt.items():
        covariance.write(tmp_path / f"{name}-learnt.h5", of_fold, {})
        options.append(f"{name}={tmp_path / name}-learnt.h5")
    options += ["--truth", tmp_path / "exact.h5", "--output", tmp_path / "trust.json"]
    trust_script.main(trust_script.get_parser().parse_args(list(map(str, options))))
    found = {entry["name"]: entry for entry in parts.read(tmp_path / "trust.json")["metrics"]}
    assert found.keys() == good[0].keys()
    options = [
        *common,
        "--figure",
        "trust",
        "--output",
        tmp_path / "t.png",
        "--parts",
        f"trust={tmp_path / 'trust.json'}",
    ]
    plot.main(plot.get_parser().parse_args(list(map(str, options))))
    assert "20 inputs are held out" in report.read_picture(tmp_path / "t.png").caption
