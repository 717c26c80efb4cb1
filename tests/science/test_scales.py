"""Two scales: what is put together comes out again, and held-out maps find what was planted."""

from dataclasses import replace

import numpy as np
import pytest

from fewtomany import config, covariance
from fewtomany.covariance import heldout, learn, local, regressions, scales, weights
from fewtomany.covariance.base import Dense
from fewtomany.covariance.factor import Factor
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.validation import recommend

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
    found, inflation = scales.join(truth.within(directions), small, directions, truth.deviation)
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


def test_variances_of_many_values_are_right_where_amplitudes_tell_nearly_all(
    truth, directions, monkeypatch
):
    """Those of regressions are known from draws then, to a few per cent: less what amplitudes tell,
    they were negative."""
    large = Dense(*ABOUT, 1e3 * directions.T @ truth.within(directions) @ directions)
    mostly = Dense(*ABOUT, large.covariance + truth.covariance)
    near = regressions.learn(mostly.draw(1, ("known",), 0, 400), mostly.deviation, *ABOUT)
    found = scales.TwoScales(*ABOUT, directions, near.within(directions), near)
    exact, of_near = np.diagonal(found.dense()), near.variance
    for module in (local, scales):
        monkeypatch.setattr(module, "FORMED", N - 1)
    again = replace(found, rest=replace(near))
    assert np.std(again.rest.variance / of_near) > 0.02
    np.testing.assert_allclose(again.variance, exact, rtol=0.01)


def test_of_one_covariance_nothing_is_changed(truth, directions):
    alone = Factor.of_rows(*ABOUT, np.linalg.cholesky(truth.dense()).T)
    found, inflation = scales.join(alone.within(directions), alone, directions, alone.deviation)
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


@pytest.fixture(scope="module")
def found(truth, quick_learning):
    """Twenty inputs, all values being many; 120 true maps stand for their emulation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heldout, "FEW", 0)
        maps = truth.draw(5, ("inputs",), 0, 20)
        held = [np.arange(20) % 4 == number for number in range(4)]
        folds = [
            recommend.FoldMaps(
                f"fold-{number}",
                maps[left],
                learn_of(maps[~left]),
                truth.draw(6 + number, ("emulated",), 0, 60),
                1,
            )
            for number, left in enumerate(held)
        ]
        weighed = recommend.weigh([recommend.ballot(fold) for fold in folds])
        seen = [recommend.see(fold, weighed) for fold in folds]
        learnt, emulated = learn_of(maps), truth.draw(5, ("emulated",), 0, 120)
        parts = recommend.Parts.of(learnt, emulated, 1, "all")
        model, inflation = parts.join(weighed)
        evidence = {**recommend.evidence(weighed, seen), "inflation": inflation}
        like = store.MapSet(emulated.astype(np.float32), "QU", "emulated")
        return learnt, parts, recommend.product(model, like, "emulated", 1, evidence)


def learn_of(maps):
    inputs = store.MapSet(maps.astype(np.float32), "QU", "inputs")
    return learn.learn(inputs, config.SymmetrySettings(), 1)


def test_it_has_two_scales_and_known_variances_times_a_number(found):
    learnt, parts, _ = found
    assert isinstance(learnt.model, scales.TwoScales)
    assert learnt.evidence["small_scales"] == "local"
    known = learnt.variance / learnt.inflation
    np.testing.assert_allclose(known, learnt.smoothed.ravel() ** 2, rtol=1e-9)
    assert 0.8 < learnt.inflation < 2
    assert set(parts.models) == {recommend.WITHOUT, recommend.EMULATED, recommend.NEAR}


def test_the_recommended_one_is_nearer_to_the_truth_than_each_of_its_parts(truth, found):
    _, parts, product = found
    whole = truth.dense()

    def nearness(model):
        return heldout.expected_log_likelihood(whole, model.dense())

    own = nearness(product.model)
    assert own > nearness(parts.models[recommend.WITHOUT])
    assert own > nearness(parts.models[recommend.NEAR])


def test_an_emulation_of_hardly_any_weight_leaves_the_other_as_it_was_learnt(truth, found):
    """Maps of another kind are emulated: the multiples of few folds are not taken either."""
    learnt, parts, _ = found
    within = {name: part.within(parts.leading) for name, part in parts.models.items()}
    within |= {name: np.eye(len(parts.leading)) for name in within if name != recommend.WITHOUT}
    maps = truth.draw(9, ("held",), 0, 20).reshape(20, N)
    small = {n: scales.SmallScales.of(maps, p, parts.leading) for n, p in parts.small.items()}
    del small[recommend.NEAR]
    weighed = recommend.weigh([recommend.Ballot(maps @ parts.leading.T, within, small)])
    assert weighed.fit.weights[recommend.WITHOUT] == 1
    model, inflation = parts.join(weighed)
    assert inflation == pytest.approx(learnt.inflation)
    np.testing.assert_allclose(model.dense(), learnt.covariance, rtol=1e-12)


def test_its_evidence_is_plain_and_comes_back_from_a_file(found, tmp_path):
    product = found[2]
    covariance.write(tmp_path / "recommended.h5", product, {})
    back = covariance.load(tmp_path / "recommended.h5")
    assert back.inflation == product.inflation
    assert back.evidence["small_scales"] in (recommend.WITHOUT, recommend.NEAR)
    assert back.evidence["held_out"]["chi2"]["value"] == pytest.approx(1, abs=0.25)
    np.testing.assert_allclose(back.variance, product.variance)


@pytest.mark.parametrize("axis", ["none", "ecliptic"])
def test_a_map_of_one_value_is_refused(axis):
    maps = np.random.default_rng(1).standard_normal((8, 1, 1)).astype(np.float32)
    inputs = store.MapSet(maps, "T", "inputs", frame="ecliptic", sky=Sky(8, np.array([5])))
    with pytest.raises(UserError, match="inputs: maps of one value; expected at least 2"):
        learn.learn(inputs, config.SymmetrySettings(axis=axis), 1)
