"""The emulator: gradients, descent, targets, reproducibility, known answers."""

import dataclasses

import healpy as hp
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from fewtomany import config
from fewtomany.emulator import archive, descent, lbfgs, model
from fewtomany.errors import UserError
from fewtomany.files.store import MapSet
from fewtomany.scattering import grid

NSIDE = 4
SETTINGS = config.Emulator(
    n_scales=2,
    first_scale=0,
    n_orientations=4,
    kernel_size=3,
    orientation="joint",
    spectra=True,
    stripe_zones=0,
    scatter=False,
    l1="moduli",
    mean="inputs",
    variances="inputs",
    start="white",
    ddof=0,
    batch_size=3,
    n_steps=30,
    tolerance=0.0,
    dtype="float64",
)


def _inputs(n_maps=6, nside=NSIDE):
    random = np.random.default_rng(5)
    maps = random.normal(size=(n_maps, 2, 12 * nside**2)).cumsum(axis=2)
    return MapSet(maps - maps.mean(axis=2, keepdims=True), "QU", "input-6")


CHANGES = {
    "joint": {"n_orientations": 4},
    "separate": {"orientation": "separate"},
    "none": {"orientation": "none"},
    "5x5": {"kernel_size": 5},
    "R=3": {"n_orientations": 3},
    "no spectra": {"spectra": False},
    "root": {"l1": "root"},
    "zero mean": {"mean": "zero"},
    "stripes": {"stripe_zones": 1},
    "scatter": {"scatter": True},
    "first scale": {"first_scale": 1, "n_scales": 1},
}


@pytest.fixture(scope="module", params=CHANGES)
def prepared(request):
    changes = {"n_orientations": 2, **CHANGES[request.param]}
    return model.prepare(_inputs(), SETTINGS.changed(**changes))


def test_gradient_of_every_term_matches_finite_differences(prepared):
    operators = prepared.operators()
    weights = prepared.loss_weights()
    goal = tf.constant([prepared.target("single-target", number) for number in (1, 2)])
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 12 * NSIDE**2, SETTINGS.batch_size, 2))
    direction = random.normal(size=x.shape)

    def loss(x, weights=weights, goal=goal):
        weights = tf.constant(weights)
        return descent.loss_and_gradient(prepared.phi, operators, weights, goal, tf.constant(x))

    step = 1e-5
    around = np.concatenate([x + k * step * direction for k in (1, -1, 2, -2)])  # side by side
    terms = loss(around, goal=tf.tile(goal, (4, 1)))[0].numpy().reshape(4, len(x), -1).sum(axis=1)
    differences = np.array([2 / 3, -2 / 3, -1 / 12, 1 / 12]) @ terms / step
    for number, name in enumerate(prepared.phi.term_names):
        alone = np.zeros_like(weights)
        alone[number] = weights[number]
        terms, gradient = loss(x, alone)
        assert (terms.numpy()[:, number] > 0).all()
        slope = float(np.dot(gradient.numpy().ravel(), direction.ravel()))
        assert slope == pytest.approx(differences[number], rel=1e-6), name


def test_the_loss_vanishes_at_the_inputs(prepared):
    """The mean-field statistics of the inputs themselves are the average target."""
    inputs = _inputs().maps
    normalized = prepared.sky.to_nested((inputs - prepared.mean) / prepared.deviation)
    found = prepared.phi.evaluate(prepared.operators(), tf.constant(normalized))
    deviation = found.numpy()[0] - prepared.target("average-target", 0)
    np.testing.assert_allclose(prepared.loss_weights() @ deviation**2, 0, atol=1e-18)


def test_weights_count_the_coefficients(prepared):
    """Each term is a mean over its coefficients in units of the inputs' scatter."""
    spread = prepared.of_inputs - prepared.of_inputs.mean(axis=0)
    mean_square = np.mean([prepared.loss_weights() @ row**2 for row in spread], axis=0)
    np.testing.assert_allclose(mean_square, 1, rtol=0.02)


def test_maps_of_a_single_target_shall_not_scatter():
    prepared = model.prepare(_inputs(), SETTINGS.changed(scatter=True))
    scatter = prepared.phi.members("scatter")
    assert scatter.sum() == 3 * (3 * NSIDE - 2)
    assert not prepared.target("single-target", 2)[scatter].any()
    others = ~scatter
    expected = prepared.of_inputs[2]
    np.testing.assert_array_equal(prepared.target("single-target", 2)[others], expected[others])
    copies = prepared.sky.to_nested(_inputs().maps[2:3] / prepared.deviation).repeat(3, axis=1)
    found = prepared.phi.evaluate(prepared.operators(), tf.constant(copies))
    np.testing.assert_allclose(found.numpy()[0, scatter], 0, atol=1e-12)


def test_normalization_about_the_inputs_or_about_zero():
    maps = _inputs().maps + 3.0
    about_mean = model.prepare(MapSet(maps, "QU", "inputs"), SETTINGS)
    np.testing.assert_allclose(about_mean.mean, maps.mean(axis=0))
    np.testing.assert_allclose(about_mean.deviation, maps.std(axis=0))
    about_zero = model.prepare(MapSet(maps, "QU", "inputs"), SETTINGS.changed(mean="zero"))
    assert not about_zero.mean.any()
    np.testing.assert_allclose(about_zero.deviation**2, maps.var(axis=0) + maps.mean(axis=0) ** 2)


@pytest.mark.parametrize("n_orientations", [1, 2, 4])
def test_primary_orientation_follows_stripes(n_orientations):
    """Stripes along the equator vary southward: the primary orientation is Θ = π/2."""
    nside = 8
    hierarchy = grid.healpix_hierarchy(nside, 1)
    _, _, z = hp.pix2vec(nside, np.arange(12 * nside**2), nest=True)
    latitude = np.arcsin(z)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, 20)
    maps = np.cos(2.2 * nside * latitude[:, None] + phases)[..., None].repeat(2, axis=2)
    settings = SETTINGS.changed(n_orientations=n_orientations)
    (primary,) = model.primary_orientations(hierarchy, settings, maps)
    equator = np.abs(latitude) < 0.6
    away = np.abs((primary[equator] - np.pi / 2 + np.pi / 2) % np.pi - np.pi / 2)
    assert np.median(away) < 0.1


def _rosenbrock(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        terms = 100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2
        values = tf.reduce_sum(terms, axis=1, keepdims=True)
    return values, tape.gradient(values, x)


@tf.function(jit_compile=True, autograph=False)  # compiled once for several tests
def _advance(state, stop):
    return lbfgs.advance(_rosenbrock, state, stop, 200)


def _start(*points, history=10):
    return lbfgs.start(tf.constant(np.stack(points)), 1, history)


def test_lbfgs_solves_rosenbrock_like_scipy():
    start = np.linspace(-1, 1, 20)
    state, record = _advance(_start(start), tf.constant([150]))
    np.testing.assert_allclose(state.x, 1, atol=1e-5)
    taken = int(state.step[0]) + 1
    losses = record[0, :taken, 0]
    assert (np.diff(losses) <= 0).all()

    def value_and_gradient(x):
        return tuple(np.asarray(v).squeeze() for v in _rosenbrock(tf.constant(x[None])))

    assert float(losses[0]) == pytest.approx(value_and_gradient(start)[0])
    scipy_result = scipy.optimize.minimize(
        value_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxcor": 10}
    )
    assert int(state.evaluations[0]) < 2 * scipy_result.nfev


def test_lbfgs_continues_where_it_stopped_and_stalls_at_the_minimum():
    start = _start(np.linspace(-1, 1, 20))
    whole, _ = _advance(start, tf.constant([20]))
    half, _ = _advance(start, tf.constant([9]))
    assert half.step.numpy().tolist() == [9]
    rest, _ = _advance(half, tf.constant([20]))
    assert (whole.x.numpy() == rest.x.numpy()).all()

    def bowl(x):
        return tf.reduce_sum(x**2, axis=1, keepdims=True), 2 * x

    start = _start(np.linspace(-1, 1, 20), history=3)
    end, record = lbfgs.advance(bowl, start, tf.constant([100]), 101)
    assert end.stalled.numpy().all()
    assert np.isfinite(record).all()


def test_lanes_descend_as_they_would_alone():
    """Whatever the others do: one starts at the minimum, one ends early, none wait."""
    starts = [np.linspace(-1, 1, 20), np.ones(20), np.linspace(2, -2, 20)]
    stops = [20, 20, 8]

    def advance(state, stop):  # a short history and step by step: too few to compile
        return lbfgs.advance(_rosenbrock, state, tf.constant(stop), 30)

    together, record = advance(_start(*starts, history=3), stops)
    assert together.step.numpy().tolist() == [20, 0, 8]
    for lane, stop in enumerate(stops):
        alone, its_record = advance(_start(starts[lane], history=3), [stop])
        for name, here, there in zip(together._fields, together, alone, strict=True):
            np.testing.assert_allclose(here[lane], there[0], rtol=1e-6, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(record[lane], its_record[0], rtol=1e-6)


def test_lbfgs_forgets_a_history_that_leads_uphill():
    def bowl(x):
        return tf.reduce_sum(x**2, axis=1, keepdims=True), 2 * x

    x = tf.constant([[3.0, 4.0]], tf.float64)
    begun, _ = lbfgs.advance(bowl, lbfgs.start(x, 1, history=3), tf.constant([0]), 1)
    misled = begun._replace(direction=2 * x, products=begun.products + 1)
    end, _ = lbfgs.advance(bowl, misled, tf.constant([3]), 10)
    assert float(end.terms[0, 0]) < 1e-20
    assert int(end.evaluations[0]) > lbfgs.MAX_TRIALS


SMALL = SETTINGS.changed(n_scales=1, n_orientations=2)
"""Soon compiled: what is asked of the descent does not depend on its statistics."""


@pytest.fixture(scope="module")
def sampler():
    return _sampler(SMALL, "average-target")


def _sampler(settings, strategy):
    return descent.Sampler(model.prepare(_inputs(), settings), 7, "emulated-6", strategy)


def _run(sampler, strategy, target, index, checkpoint=None, report=None):
    """One batch alone."""
    own = descent.Sampler(sampler.model, 7, "emulated-6", strategy)
    (batch,) = own.run([descent.Task(target, index, checkpoint)], report)
    return batch


def test_a_batch_descends_and_follows_from_its_key_alone(sampler):
    first = _run(sampler, "average-target", 0, 1)
    losses = first.losses.sum(axis=1)
    assert len(losses) == SETTINGS.n_steps + 1
    assert losses[-1] < 5e-2 * losses[0]
    assert first.maps.shape == (3, 2, 12 * NSIDE**2)
    assert np.isfinite(first.maps).all()
    _run(sampler, "average-target", 0, 2)
    again = _run(sampler, "average-target", 0, 1)
    assert (again.maps == first.maps).all()
    assert not np.allclose(_run(sampler, "average-target", 0, 2).maps, first.maps)


class Killed(Exception):
    pass


def _kill_at(step):
    def report(number, taken, loss):
        if taken >= step:
            raise Killed

    return report


def test_a_killed_batch_goes_on_to_the_same_bits(sampler, tmp_path, monkeypatch, caplog):
    """Also when the loop then comes back at other steps than before."""
    whole = _run(sampler, "average-target", 0, 3)
    monkeypatch.setattr(descent, "CHECKPOINT_SECONDS", 0)  # a checkpoint after every step
    checkpoint = archive.Checkpoint(tmp_path / "batch.checkpoint.h5", "key", {})
    for step in (4, 11):
        with pytest.raises(Killed):
            _run(sampler, "average-target", 0, 3, report=_kill_at(step), checkpoint=checkpoint)
    monkeypatch.setattr(descent, "CHECKPOINT_SECONDS", 120)
    with caplog.at_level("INFO"):
        resumed = _run(sampler, "average-target", 0, 3, checkpoint=checkpoint)
    assert "goes on from step 10" in caplog.text
    assert (resumed.maps == whole.maps).all()
    assert (resumed.losses == whole.losses).all()
    assert resumed.evaluations == whole.evaluations
    checkpoint.remove()
    assert not list(tmp_path.iterdir())


def test_a_damaged_or_foreign_checkpoint_is_ignored(sampler, tmp_path, monkeypatch, caplog):
    whole = _run(sampler, "average-target", 0, 3)
    monkeypatch.setattr(descent, "CHECKPOINT_SECONDS", 0)
    of_another = archive.Checkpoint(tmp_path / "batch.checkpoint.h5", "another key", {})
    with pytest.raises(Killed):
        _run(sampler, "average-target", 0, 4, report=_kill_at(3), checkpoint=of_another)
    checkpoint = dataclasses.replace(of_another, key="key")
    monkeypatch.setattr(descent, "CHECKPOINT_SECONDS", 120)
    for message in ("of another configuration, ignored", "truncated"):
        caplog.clear()
        found = _run(sampler, "average-target", 0, 3, checkpoint=checkpoint)
        assert message in caplog.text
        assert (found.maps == whole.maps).all()
        checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:3000])


def test_the_loop_comes_back_at_whole_chunks_and_in_time():
    assert descent.next_stop(-1, 1e-3) == descent.CHUNK - 1
    assert descent.next_stop(descent.CHUNK - 1, 1e-3) == 2 * descent.CHUNK - 1
    assert descent.next_stop(descent.CHUNK + 7, 1e-3) == 2 * descent.CHUNK - 1
    assert descent.next_stop(-1, np.inf) == 0
    assert descent.next_stop(10, descent.CHECKPOINT_SECONDS / 5) == 15


def test_batches_side_by_side_are_those_made_alone(sampler, tmp_path, monkeypatch):
    """One of them goes on from a checkpoint; each leaves its own."""
    alone = [_run(sampler, "single-target", number, 1) for number in range(3)]
    monkeypatch.setattr(descent, "CHECKPOINT_SECONDS", 0)
    kept = [archive.Checkpoint(tmp_path / f"{number}.h5", "key", {}) for number in range(3)]
    with pytest.raises(Killed):
        _run(sampler, "single-target", 1, 1, kept[1], _kill_at(5))
    tasks = [descent.Task(number, 1, kept[number]) for number in range(3)]
    single = descent.Sampler(sampler.model, 7, "emulated-6", "single-target")
    with pytest.raises(Killed):
        single.run(tasks, _kill_at(12))
    steps = [kept[number].read("step")["step"] for number in range(3)]
    assert [int(step) for step in steps] == [6, 11, 6]
    monkeypatch.setattr(descent, "CHECKPOINT_SECONDS", 120)
    together = single.run(tasks)
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.losses, other.losses, rtol=1e-6)
        np.testing.assert_allclose(one.maps, other.maps, rtol=1e-4, atol=1e-4)
        assert one.ending == other.ending


def test_single_targets_differ(sampler):
    goals = [sampler.model.target("single-target", number) for number in (0, 1)]
    assert not np.allclose(*goals)
    a, b = (_run(sampler, "single-target", number, 0).maps for number in (0, 1))
    assert not np.allclose(a, b)


def test_drawn_targets_scatter_as_means_of_a_batch_do(sampler):
    """Means over m inputs drawn with replacement: unbiased, of the inputs' variance over m."""
    own = descent.Sampler(sampler.model, 7, "emulated-6", "drawn-target")
    goals = np.array([own.goal(0, index) for index in range(400)])
    of_inputs, m = own.model.of_inputs, SETTINGS.batch_size
    varies = of_inputs.std(axis=0) > 1e-9
    ratio = goals.var(axis=0)[varies] / (of_inputs.var(axis=0)[varies] / m)
    assert np.median(ratio) == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(own.goal(0, 3), goals[3])


def test_given_components_stay_to_the_bit_and_the_others_follow(sampler):
    """Conditional sampling: U is given, Q gets its cross statistics."""
    given = descent.Given((1,), _inputs(n_maps=4).maps[:, 1:].astype(np.float32))
    own = descent.Sampler(sampler.model, 7, "emulated-6", "average-target", given)
    (batch,) = own.run([descent.Task(0, 1)])
    expected = given.maps[[3, 0, 1]]
    assert (batch.maps[:, 1:] == expected).all()
    free = descent.Sampler(sampler.model, 7, "emulated-6", "average-target")
    (alone,) = free.run([descent.Task(0, 1)])
    assert not np.allclose(alone.maps[:, 0], batch.maps[:, 0])
    assert batch.losses[-1].sum() < 0.1 * batch.losses[0].sum()


@pytest.mark.parametrize(("strategy", "n_inputs"), [("average-target", 6), ("single-target", 1)])
def test_a_batch_ends_where_its_target_is_known_no_better(sampler, strategy, n_inputs):
    """At the first loss of 1/N a term, times the tolerance; the steps to it are the same."""
    whole = _run(sampler, strategy, 0, 0).losses.sum(axis=1)
    wanted = 3 * len(sampler.model.phi.term_names) / n_inputs
    settings = SMALL.changed(tolerance=3.0)
    batch = _run(_sampler(settings, strategy), strategy, 0, 0)
    losses = batch.losses.sum(axis=1)
    assert batch.ending == "near"
    assert losses[-1] <= wanted < losses[:-1].min()
    np.testing.assert_allclose(losses, whole[: len(losses)], rtol=1e-12)
    side_by_side = descent.Sampler(sampler.model, 7, "emulated-6", strategy)
    side_by_side.model = dataclasses.replace(sampler.model, settings=settings)
    tasks = [descent.Task(0, index) for index in (1, 0)]
    assert len(side_by_side.run(tasks)[1].losses) == len(losses)


def test_float32_descends_like_float64(sampler):
    single = _sampler(SMALL.changed(dtype="float32"), "average-target")
    losses = [_run(run, "average-target", 0, 0).losses.sum(axis=1) for run in (single, sampler)]
    np.testing.assert_allclose(losses[0][:5], losses[1][:5], rtol=1e-2)
    assert losses[0][-1] < 3 * losses[1][-1]


def test_a_saved_model_comes_back(prepared, tmp_path):
    model.save(tmp_path / "model.h5", prepared, {})
    loaded = model.load(tmp_path / "model.h5", prepared.settings)
    assert loaded.fingerprint() == prepared.fingerprint()
    other = prepared.settings.changed(n_steps=prepared.settings.n_steps + 1)
    assert dataclasses.replace(loaded, settings=other).fingerprint() != prepared.fingerprint()


def test_a_pixel_without_scatter_is_refused():
    inputs = _inputs()
    inputs.maps[:, 1, 17] = 3.0
    with pytest.raises(UserError, match="Stokes U of pixel 17"):
        model.prepare(inputs, SETTINGS)
