"""A covariance of turned maps, completed to one that is right in all values."""

import numpy as np
import pytest

from fewtomany import config, covariance
from fewtomany.covariance import completed, heldout, learn
from fewtomany.covariance.base import Dense
from fewtomany.covariance.completed import Completed
from fewtomany.covariance.factor import Factor
from fewtomany.covariance.turned import Symmetry, Training, Turned
from fewtomany.covariance.weights import Fit
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.validation import recommend

EQUAL = recommend.Weighed(Fit({recommend.WITHOUT: 0.5, recommend.EMULATED: 0.5}, np.empty(0), {}))
"""Both parts alike."""

ALL_TURNS = config.SymmetrySettings(axis="ecliptic", width_deg=80.0, signal="none")


def truth_of(sky):
    """A covariance that any turn about the pole leaves as it is, of full rank."""
    height = 1 + np.sqrt(1 - sky.vectors[:, 2] ** 2)
    distance = np.sum((sky.vectors[:, None] - sky.vectors) ** 2, axis=-1)
    matrix = np.exp(-distance / 0.1) + 1e-3 * np.eye(sky.n_pix)
    return Dense(Components("T"), sky, matrix * np.outer(height, height))


@pytest.fixture(scope="module")
def truth():
    return truth_of(Sky(8))


@pytest.fixture(scope="module")
def small():
    """The same on fewer pixels."""
    return truth_of(Sky(4))


def maps_of(truth, n_maps, start=0):
    return truth.draw(1, ("completed",), start, start + n_maps)


def chi2(model, maps):
    flat = maps.reshape(len(maps), -1)
    return np.sum(flat * model.solve(flat)) / flat.size


@pytest.fixture(scope="module")
def learnt(truth):
    maps = maps_of(truth, 8).astype(np.float32)
    inputs = store.MapSet(maps, "T", "inputs", frame="ecliptic")
    return learn.learn(inputs, ALL_TURNS, 1)


def test_other_maps_are_as_likely_in_all_values_as_it_says(truth, learnt):
    others = maps_of(truth, 100, 100)
    assert isinstance(learnt.model, Completed)
    assert chi2(learnt.model, others) == pytest.approx(1, abs=0.25)
    whole, large, near = (
        heldout.log_likelihood(others.reshape(100, -1), model.dense()).mean()
        for model in (learnt.model, learnt.model.large, learnt.model.near)
    )
    assert whole > 100 + max(large, near)


def test_pixels_have_the_known_variances_times_one_number(learnt):
    assert learnt.inflation == pytest.approx(learnt.model.with_large()[1])
    np.testing.assert_allclose(learnt.deviation**2, learnt.inflation * learnt.smoothed**2)


def test_a_descent_starts_from_what_is_turned_alone(learnt):
    drawn = [part.draw(3, ("a",), 0, 4) for part in (learnt.model.start, learnt.model.large.start)]
    np.testing.assert_array_equal(*drawn)


def test_a_file_gives_it_back(learnt, tmp_path):
    covariance.write(tmp_path / "found.h5", learnt, {})
    back = covariance.load(tmp_path / "found.h5")
    np.testing.assert_allclose(back.covariance, learnt.covariance, rtol=1e-12, atol=1e-15)


def chosen(small, large, near):
    maps = maps_of(small, 200).reshape(200, -1)
    return completed.choose(maps, large, near, small.leading(20).vectors)


def diagonal(model):
    return Dense(model.components, model.sky, np.diag(model.variance))


def test_what_is_true_needs_no_neighbours(small):
    share, _ = chosen(small, small, diagonal(small))
    assert share < 0.01


def test_what_is_singular_is_made_of_neighbours(small):
    few = Factor.of_rows(small.components, small.sky, maps_of(small, 5, 500))
    share, multiple = chosen(small, completed.matrix_of(few), small)
    assert share > 0.9
    assert multiple == pytest.approx(1, abs=0.1)


def test_larger_maps_make_it_larger(small):
    third = Dense(small.components, small.sky, small.covariance / 3)
    _, multiple = chosen(small, third, third)
    assert multiple == pytest.approx(3, rel=0.05)


def test_a_mean_that_was_taken_off_is_allowed_for(small):
    """Held-out maps less the mean of N others are larger by 1 + 1 / N."""
    maps = maps_of(small, 8)
    large = Turned.of(Training(maps, small.components, small.sky), Symmetry())
    unseen = maps_of(small, 2, 50).reshape(2, -1)
    found = [
        completed.complete(large, unseen, large, 1, ("a",), known)[0].multiple
        for known in (1.0, 1.25)
    ]
    assert found[0] == pytest.approx(1.25 * found[1])


def test_leading_directions_are_leading_modes(small):
    found = completed.leading(small, 1, ("a",))
    np.testing.assert_allclose(found @ found.T, np.eye(len(found)), atol=1e-10)
    assert len(found) == len(small) // 4
    held = np.trace(small.within(found[:10]))
    assert held == pytest.approx(small.leading(10).values.sum(), rel=1e-3)


def test_what_is_recommended_is_completed_too(truth, learnt):
    """With what is emulated, here true maps, in the leading directions."""
    parts = recommend.Parts.of(learnt, maps_of(truth, 60, 1000), 1, "all")
    model, inflation = parts.join(EQUAL)
    assert chi2(model, maps_of(truth, 100, 100)) == pytest.approx(1, abs=0.25)
    np.testing.assert_allclose(model.deviation**2, inflation * learnt.smoothed**2)


def test_maps_of_more_values_are_not_completed(small, monkeypatch):
    monkeypatch.setattr(heldout, "WHOLE", 100)
    inputs = store.MapSet(maps_of(small, 8).astype(np.float32), "T", "inputs", frame="ecliptic")
    found = learn.learn(inputs, ALL_TURNS, 1)
    assert not isinstance(found.model, Completed)
    assert found.inflation == 1


def test_draws_do_not_change_with_blocks(learnt):
    whole = learnt.model.draw(2, ("b",), 0, 6)
    np.testing.assert_allclose(learnt.model.draw(2, ("b",), 4, 6), whole[4:], rtol=1e-9)
