"""Φ of T, of T, Q and U, of channels, and of partial skies: gradients and known answers."""

import numpy as np
import pytest
import tensorflow as tf

from fewtomany import config
from fewtomany.emulator import descent, model
from fewtomany.files.store import MapSet
from fewtomany.maps.sky import Sky

NSIDE = 4
N_PIX = 12 * NSIDE**2
SETTINGS = config.parse(
    {
        "campaign": "test",
        "seed": 1,
        "maps": {"nside": 8},
        "simulation": {"n_maps": 200},
        "reference": {"n_maps": 1000},
        "inputs": {"input": {"n_maps": 10}},
        "emulated": {"some": {"input": "input", "strategy": "average-target", "n_maps": 200}},
        "emulator": {
            "n_scales": 2,
            "batch_size": 3,
            "n_steps": 30,
            "dtype": "float64",
            "start": "white",
            "variances": "inputs",
        },
        "validation": {"n_modes": 10},
    }
).emulator


def _random_maps(n_components, n_maps=6, seed=5):
    random = np.random.default_rng(seed)
    maps = random.normal(size=(n_maps, n_components, N_PIX)).cumsum(axis=2)
    return maps - maps.mean(axis=2, keepdims=True)


def _mask():
    mask = np.random.default_rng(0).uniform(0.3, 1, N_PIX)
    mask[N_PIX // 3 :] = 0
    mask[5] = 0
    return mask


CASES = {
    "T": ("T", ("",), None),
    "TQU": ("TQU", ("",), None),
    "two channels": ("QU", ("a", "b"), None),
    "masked": ("QU", ("",), Sky.of_mask(_mask())),
    "masked T": ("T", ("",), Sky.of_mask((_mask() > 0).astype(float))),
}


@pytest.fixture(scope="module", params=CASES)
def inputs(request):
    stokes, channels, sky = CASES[request.param]
    maps = _random_maps(len(stokes) * len(channels))
    maps = maps if sky is None else sky.restrict(maps)
    return MapSet(maps, stokes, "input-6", channels=channels, sky=sky)


@pytest.mark.parametrize(("orientation", "first_scale"), [("joint", 1), ("separate", 0)])
def test_gradients_match_finite_differences(inputs, orientation, first_scale):
    settings = SETTINGS.changed(
        orientation=orientation,
        n_orientations=2,
        first_scale=first_scale,
        n_scales=2 - first_scale,
        stripe_zones=1,
        scatter=True,
    )
    prepared = model.prepare(inputs, settings)
    operators, weights = prepared.operators(), prepared.loss_weights()
    goal = tf.constant([prepared.target("single-target", 1)])
    random = np.random.default_rng(0)
    x = random.normal(size=(1, inputs.sky.n_pix, 3, len(inputs.components)))
    direction = random.normal(size=x.shape)
    n_fields = len(inputs.components)
    assert len(weights) == n_fields * (n_fields + 1) // 2 + 3
    assert len(prepared.phi.terms) == prepared.of_inputs.shape[1]

    step = 1e-5
    around = tf.concat([x + k * step * direction for k in (0, 1, -1, 2, -2)], 0)  # side by side
    terms, gradient = descent.loss_and_gradient(
        prepared.phi, operators, tf.constant(weights), goal, around
    )
    assert (terms.numpy() > 0).all()
    slope = float(np.dot(gradient.numpy()[0], direction.ravel()))
    difference = terms.numpy()[1:].sum(axis=1) @ [2 / 3, -2 / 3, -1 / 12, 1 / 12] / step
    assert slope == pytest.approx(difference, rel=1e-6)


def test_the_loss_vanishes_at_the_inputs(inputs):
    prepared = model.prepare(inputs, SETTINGS)
    normalized = inputs.sky.to_nested((inputs.maps - prepared.mean) / prepared.deviation)
    found = prepared.phi.evaluate(prepared.operators(), tf.constant(normalized)).numpy()[0]
    deviation = found - prepared.target("average-target", 0)
    np.testing.assert_allclose(prepared.loss_weights() @ deviation**2, 0, atol=1e-18)


def test_a_mask_of_ones_is_the_full_sky():
    """Through the way of partial skies: every pixel named as observed."""
    settings = SETTINGS.changed(stripe_zones=1)
    maps = _random_maps(3)
    full = model.prepare(MapSet(maps, "TQU", "inputs"), settings)
    named = Sky(NSIDE, np.arange(N_PIX), np.ones(N_PIX))
    partial = model.prepare(MapSet(maps, "TQU", "inputs", sky=named), settings)
    np.testing.assert_allclose(partial.of_inputs, full.of_inputs, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(partial.phi.terms, full.phi.terms)


def test_what_lies_outside_the_mask_does_not_matter():
    """Statistics of a partial sky follow from its pixels alone, and weights count."""
    sky = Sky.of_mask(_mask())
    prepared = model.prepare(MapSet(sky.restrict(_random_maps(2)), "QU", "a", sky=sky), SETTINGS)
    doubled = Sky(NSIDE, sky.pixels, 2 * sky.weights)
    again = model.prepare(MapSet(sky.restrict(_random_maps(2)), "QU", "a", sky=doubled), SETTINGS)
    np.testing.assert_array_equal(prepared.of_inputs, again.of_inputs)
    flat = Sky(NSIDE, sky.pixels)
    other = model.prepare(MapSet(sky.restrict(_random_maps(2)), "QU", "a", sky=flat), SETTINGS)
    change = np.linalg.norm(other.of_inputs - prepared.of_inputs)
    assert change > 0.01 * np.linalg.norm(prepared.of_inputs)


def test_a_model_comes_back_from_its_file(inputs, tmp_path):
    settings = SETTINGS.changed(stripe_zones=1)
    prepared = model.prepare(inputs, settings)
    model.save(tmp_path / "model.h5", prepared, {}, dataset="some")
    again = model.load(tmp_path / "model.h5", settings)
    assert again.fingerprint() == prepared.fingerprint()
    assert (again.components, again.sky) == (prepared.components, prepared.sky)
