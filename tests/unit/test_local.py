"""The local model: regressions on the nearest pixels before each, from coarse to fine."""

import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fewtomany import config, seeds
from fewtomany.covariance import heldout, learn, nearby, regressions, tuned, turns, without_axis
from fewtomany.covariance.turned import Training
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.maps.sky import Sky

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
T = Components("T")


def distances(points):
    return np.sqrt(np.sum((points[:, None] - points) ** 2, axis=-1))


def divergence(model, truth):
    """Kullback–Leibler, nats."""
    ratio = np.linalg.solve(model, truth)
    return 0.5 * (np.trace(ratio) - len(truth) - np.linalg.slogdet(ratio)[1])


def drawn(truth, n_maps, n_components=1, seed=0):
    root = np.linalg.cholesky(truth)
    numbers = np.random.default_rng(seed).standard_normal((n_maps, len(truth)))
    return (numbers @ root.T).reshape(n_maps, n_components, -1)


def learnt(maps, sky, n_neighbours=4, components=T):
    deviation = np.ones(maps.shape[1:])
    return regressions.learn(maps, deviation, components, sky, n_neighbours=n_neighbours)


def test_correlations_by_distance_are_the_same_in_blocks_of_pairs(monkeypatch):
    points = Sky(4).points
    maps = np.random.default_rng(2).standard_normal((6, 2, 192)) + points[:, 2]
    whole = regressions.isotropic_base(maps, points)
    monkeypatch.setattr(regressions, "PAIRS", 5_000)
    parts = regressions.isotropic_base(maps, points)
    assert len(whole.weights)
    np.testing.assert_allclose(parts.weights, whole.weights, rtol=1e-9)
    np.testing.assert_array_equal(parts.widths, whole.widths)


@pytest.mark.parametrize("sky", [Sky(4), Sky(8, np.arange(40, 300)), Flat((9, 7), True)])
def test_the_order_is_from_coarse_to_fine(sky):
    order = nearby.order(sky.points)
    assert sorted(order) == list(range(sky.n_pix))
    between = distances(sky.points[order])
    before = np.array([between[k, :k].min() for k in range(1, sky.n_pix)])
    farthest = np.array([between[k:, :k].min(axis=1).max() for k in range(1, sky.n_pix)])
    assert (before >= nearby.STEP * farthest * (1 - 1e-9)).all()


def test_neighbours_are_the_nearest_ones_before():
    points = Sky(8).points[nearby.order(Sky(8).points)]
    found = nearby.neighbours(points, 6)
    between = distances(points)
    for place in range(len(points)):
        there = found[place][found[place] >= 0]
        assert len(there) == min(place, 6)
        nearest = np.sort(between[place, :place])[: len(there)]
        np.testing.assert_allclose(between[place, there], nearest, rtol=1e-9, atol=1e-12)


def test_a_markov_process_on_a_line_is_found():
    """All that a point depends on are the nearest ones on either side: there is no other error."""
    sky = Flat((48,), False)
    truth = np.exp(-distances(sky.points) / 6)
    few, many = (divergence(learnt(drawn(truth, n), sky).dense(), truth) for n in (10, 1000))
    assert few < 2
    assert many < 0.05


def test_a_stationary_field_on_a_plane_is_approached():
    sky = Flat((10, 10), False)
    truth = np.exp(-distances(sky.points) / 5)
    few, many = (divergence(learnt(drawn(truth, n), sky, 12).dense(), truth) for n in (5, 1000))
    assert divergence(np.eye(100), truth) > 50
    assert few < 5
    assert many < 0.2


def test_independent_pixels_stay_independent():
    sky = Flat((12, 12), False)
    variance = np.exp(np.random.default_rng(1).standard_normal(144))
    found = learnt(drawn(np.diag(variance), 40), sky)
    assert divergence(found.dense(), np.diag(variance)) < 4  # 144 variances of 40 maps: 1.8
    correlations = found.dense() / np.outer(found.deviation, found.deviation)
    assert np.std(correlations - np.eye(144)) < 0.01


def test_components_of_a_pixel_are_correlated():
    sky, pair = Flat((40,), False), np.array([[1, 0.8], [0.8, 1]])
    truth = np.kron(pair, np.exp(-distances(sky.points) / 4))
    maps = drawn(truth, 200, 2)
    found = learnt(maps, sky, components=Components("QU")).dense()
    assert np.diagonal(found[:40, 40:]) == pytest.approx(np.full(40, 0.8), abs=0.2)
    assert divergence(found, truth) < 1.5


def test_four_maps_are_enough_to_have_an_inverse():
    sky = Sky(4, np.arange(30, 90))
    found = learnt(
        np.random.default_rng(0).standard_normal((4, 3, 60)), sky, components=Components("TQU")
    )
    assert np.isfinite(found.log_determinant())
    assert (np.linalg.eigvalsh(found.dense()) > 0).all()


def test_a_pixel_without_neighbours():
    sky = Sky(4, np.array([77]))
    maps = drawn(np.array([[1, 0.9], [0.9, 1]]), 500, 2)
    found = learnt(maps, sky, components=Components("QU")).dense()
    np.testing.assert_allclose(found, [[1, 0.9], [0.9, 1]], atol=0.1)


def test_parts_of_the_sky_that_do_not_touch_are_independent():
    left, right = np.arange(0, 40), np.arange(140, 180)
    sky = Sky(4, np.concatenate([left, right]))
    between = distances(sky.points)
    truth = np.exp(-between / 0.3)
    truth[:40, 40:] = truth[40:, :40] = 0
    found = learnt(drawn(truth, 100), sky).dense()
    assert divergence(found, truth) < 6
    assert np.abs(found[:40, 40:]).max() < 0.2


def test_regressions_have_the_same_bits_in_any_company(monkeypatch):
    """Each is for itself, whatever is computed beside it and by how many threads."""
    maps = np.random.default_rng(0).standard_normal((6, 2, 192))
    found = []
    for chunk in (2048, 17):
        monkeypatch.setattr(regressions, "CHUNK", chunk)
        found.append(learnt(maps, Sky(4), components=Components("QU")))
    np.testing.assert_array_equal(found[0].coefficients, found[1].coefficients)
    np.testing.assert_array_equal(found[0].left, found[1].left)


PROGRAM = """
import sys
import tracemalloc
import numpy as np
from fewtomany.covariance import regressions, tuned, turns
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky

sky, components = Sky(8), Components("QU")
maps = np.random.default_rng(0).standard_normal((40, 2, 768))
samples = turns.turn(maps, components, sky, turns.Way(5.0), 1, ("t",))
one = np.ones((2, 768))
turned = regressions.Samples.of(maps, sky, samples)
prior = regressions.Prior.of(turned.base, tuned.START)
found = [
    regressions.learn(maps, one, components, sky),
    regressions.of_samples(turned, prior, one, components, sky),
]
arrays = {f"{k}/{n}": a for k, f in enumerate(found) for n, a in f.arrays().items()}
np.savez(sys.argv[1], **arrays)
"""


def test_it_has_the_same_bits_for_any_number_of_threads(tmp_path):
    found = []
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads), "PYTHONPATH": str(SCRIPTS)}
        path = tmp_path / f"{threads}.npz"
        command = [sys.executable, "-c", PROGRAM, str(path)]
        subprocess.run(command, check=True, env=environment)
        found.append(dict(np.load(path)))
    assert len(found[0]) == 10
    for name, array in found[0].items():
        np.testing.assert_array_equal(found[1][name], array)


def test_two_channels_of_t_q_and_u_are_learnt_together():
    """Correlated between channels and components, on two parts of the sky that do not touch."""
    sky = Sky(4, np.concatenate([np.arange(0, 30), np.arange(150, 180)]))
    components = Components("TQU", ("low", "high"))
    pairs = np.full((6, 6), 0.4) + 0.6 * np.eye(6)
    truth = np.kron(pairs, np.exp(-distances(sky.points) / 0.4))
    found = learnt(drawn(truth, 300, 6), sky, 6, components)
    whole = found.dense()
    assert divergence(whole, truth) < 0.1 * divergence(np.eye(360), truth)
    blocks = whole.reshape(6, 60, 6, 60)
    same_pixel = np.einsum("apbp->ab", blocks) / 60
    np.testing.assert_allclose(same_pixel, pairs, atol=0.1)
    apart = blocks[:, :30, :, 30:]
    assert np.abs(apart.mean(axis=(1, 3))).max() < 0.1


@pytest.mark.parametrize(("stokes", "channels"), [("T", ("",)), ("TQU", ("",)), ("QU", ("a", "b"))])
def test_four_maps_of_any_components_are_enough_to_learn(stokes, channels, monkeypatch):
    """Small turns and local among the parts, full rank, of pixels in two parts of the sky."""
    monkeypatch.setattr(turns, "N_ROWS", 40)
    sky = Sky(4, np.concatenate([np.arange(0, 40), np.arange(140, 180)]))
    components = Components(stokes, channels)
    truth = np.exp(-distances(sky.points) / 0.4)
    maps = np.stack([drawn(truth, 4, seed=k)[:, 0] for k in range(len(components))], axis=1)
    names = channels if len(channels) > 1 else None
    inputs = store.MapSet(maps, stokes, "some", sky=sky, **({"channels": names} if names else {}))
    found = learn.learn(inputs, config.SymmetrySettings(), 1)
    parts = {"inputs", "isotropic", "diagonal", "small turns", "local"}
    assert set(found.evidence["weights"]) == parts
    assert np.isfinite(found.log_determinant())


def test_its_factor_alone_solves():
    """What a file holds is enough: C⁻¹ = WᵀW."""
    found = learnt(
        np.random.default_rng(0).standard_normal((6, 2, 192)), Sky(4), 6, Components("QU")
    )
    factor = found.factor
    np.testing.assert_allclose((factor.T @ factor) @ found.dense(), np.eye(384), atol=1e-9)


def test_turned_maps_are_samples_where_they_are_known():
    """On a part of the sky; what stands where nothing is known makes no difference."""
    sky = Sky(4, np.arange(20, 120))
    maps = drawn(np.exp(-distances(sky.points) / 0.5), 6)
    samples = turns.turn(maps, T, sky, turns.Way(8.0), 1, ("turns",))
    assert 0.2 < samples.seen[:-6].mean() < 0.9
    assert samples.seen[-6:].all()
    other = replace(samples, maps=np.where(samples.seen[:, None], samples.maps, 7.0))
    found = []
    for some in (None, samples, other):
        learns = regressions.Samples.of(maps, sky, some)
        prior = regressions.Prior.of(learns.base, tuned.START)
        found.append(regressions.of_samples(learns, prior, np.ones((1, 100)), T, sky))
    np.testing.assert_allclose(found[1].coefficients, found[2].coefficients, atol=1e-12)
    assert np.abs(found[0].coefficients - found[1].coefficients).max() > 0.05


def told(truth: np.ndarray, sky: Sky, width_deg: float) -> tuned.Tuned:
    """What the folds of twelve drawn maps say, with inputs turned by a width."""
    maps = drawn(truth, 12)
    folds = []
    for k in range(3):
        kept, held = np.delete(maps, np.s_[k::3], axis=0), maps[k::3]
        samples = turns.turn(kept, T, sky, turns.Way(width_deg), 1, ("turns", k))
        folds.append(tuned.HeldPixels.of(regressions.Samples.of(kept, sky, samples), held, k / 3))
    return tuned.tune(folds, "small turns", regressions.N_NEIGHBOURS)


def test_held_out_maps_say_what_turned_maps_are_worth(monkeypatch):
    """Much, of a field that is alike everywhere; little, where every pixel is a case of its own."""
    monkeypatch.setattr(turns, "N_ROWS", 120)
    sky = Sky(4)
    alike = np.exp(-distances(sky.points) / 0.6)
    pairs = np.eye(sky.n_pix)
    order = regressions.order_of(sky, regressions.N_NEIGHBOURS)
    own = np.random.default_rng(3).choice([-0.9, 0.9], sky.n_pix)
    for place in range(1, sky.n_pix, 2):  # a pixel and its nearest one: correlated or the opposite
        a, b = order.pixels[place], order.pixels[order.near[place, 0]]
        if (pairs[[a, b]].sum(axis=1) == 1).all():
            pairs[a, b] = pairs[b, a] = own[place]
    worth = [np.exp(told(truth, sky, 8.0).numbers[4]) for truth in (alike, pairs)]
    assert worth[0] > 1
    assert worth[1] < 0.3 * worth[0]


def test_the_prior_of_held_out_maps_is_better_than_where_its_search_began(monkeypatch):
    monkeypatch.setattr(turns, "N_ROWS", 60)
    sky = Sky(4)
    truth = np.eye(sky.n_pix)
    maps = drawn(truth, 8)
    samples = regressions.Samples.of(maps, sky, turns.turn(maps, T, sky, turns.Way(2.0), 1, ("t",)))
    found = told(truth, sky, 2.0)
    far = [
        divergence(
            regressions.of_samples(
                samples, regressions.Prior.of(samples.base, numbers), np.ones((1, 192)), T, sky
            ).dense(),
            truth,
        )
        for numbers in (found.numbers, tuned.START)
    ]
    assert far[0] < 0.3 * far[1]


def test_a_map_is_turned_as_its_pixels_are():
    """A spot of T, and of the amplitude of Q and U, is where the turn takes its centre."""
    sky, components, centre = Sky(8), Components("TQU"), 100
    spot = np.exp(-8 * np.sum((sky.points - sky.points[centre]) ** 2, axis=1))
    maps = np.repeat(np.stack([spot, spot, 0 * spot])[None], 100, axis=0)
    turned = turns.turn(maps, components, sky, turns.Way(30.0), 5, ("k",)).maps
    usual = np.sqrt(np.mean(turned**2, axis=(0, 1)))
    for k in range(3):
        vector = seeds.generator(5, "k", k).standard_normal((4, 3))[0]
        there = Rotation.from_rotvec(np.deg2rad(30) * vector).apply(sky.points[centre])
        near = np.sum((sky.points - there) ** 2, axis=1) < 1
        for values in (turned[4 * k, 0], np.hypot(turned[4 * k, 1], turned[4 * k, 2])):
            found = sky.points[np.argmax(np.where(near, values * usual, 0))]
            assert np.linalg.norm(found - there) < 0.4


def test_it_is_scaled_to_other_deviations():
    found = learnt(
        np.random.default_rng(0).standard_normal((6, 2, 48)), Sky(2), 6, Components("QU")
    )
    wanted = np.linspace(1, 2, 96).reshape(2, 48)
    scaled = found.scaled(wanted)
    np.testing.assert_allclose(scaled.deviation, wanted)
    correlations = found.dense() / np.outer(found.deviation, found.deviation)
    np.testing.assert_allclose(scaled.dense(), correlations * np.outer(wanted, wanted), atol=1e-12)


def test_held_out_inputs_weigh_it(monkeypatch):
    """On a part of the sky, of a field that is alike everywhere: what is so, too, is the best."""
    monkeypatch.setattr(turns, "N_ROWS", 40)
    sky = Sky(4, np.arange(30, 110))
    truth = np.kron(np.eye(2), np.exp(-distances(sky.points) / 0.5))
    inputs = store.MapSet(drawn(truth, 12, 2).astype(np.float32), "QU", "some", sky=sky)
    found = learn.learn(inputs, config.SymmetrySettings(), 1)
    assert turns.Way(**found.evidence["turns"]["small turns"]) in without_axis.SMALL
    weights = found.evidence["weights"]
    assert set(weights) == {"inputs", "isotropic", "diagonal", "small turns", "local"}
    assert weights["isotropic"] + weights["local"] > 0.7
    assert divergence(found.model.dense(), truth) < 0.3 * divergence(np.eye(160), truth)


def test_deviations_of_few_maps_are_widened_by_what_they_are_too_small():
    """Variances of N maps, not smoothed: x² over them is N / (N − 2) in the mean, of other maps."""
    rng, folds = np.random.default_rng(5), []
    for _ in range(5):
        deviation = np.sqrt(np.mean(rng.standard_normal((8, 2, 20_000)) ** 2, axis=0))
        held, training = (
            rng.standard_normal((2, 2, 20_000)),
            Training(np.zeros((8, 2, 1)), Components("QU"), None),
        )
        folds.append(SimpleNamespace(held=held, deviation=deviation, training=training))
    ratio = 1 + (8 / 6 - 1) * 4 / 5  # as of ten maps, nearly
    assert without_axis._widened(folds) == pytest.approx(np.sqrt(ratio), rel=0.01)
    for fold in folds:  # the mean of eight maps was taken off
        fold.held = fold.held * np.sqrt(9 / 8)
        fold.training = replace(fold.training, centre=True)
    assert without_axis._widened(folds) == pytest.approx(np.sqrt(ratio), rel=0.01)
    for fold in folds:
        fold.deviation = 2 * fold.deviation
    assert without_axis._widened(folds) == 1


@pytest.mark.parametrize("n_maps", [4, 5, 6])
def test_deviations_of_the_fewest_inputs_are_those_of_the_maps(n_maps):
    """Two of four that a fold knew had pixels without variance, and all were widened by 100."""
    sky = Sky(4, np.arange(30, 110))
    deviation = 1.5 + sky.points[:, 2]
    truth = np.exp(-distances(sky.points) / 0.5) * np.outer(deviation, deviation)
    maps = drawn(np.kron(np.eye(2), truth), n_maps, 2, seed=1).astype(np.float32)
    inputs = store.MapSet(maps, "QU", "some", sky=sky)
    found = learn.learn(inputs, config.SymmetrySettings(), 1, centre=True)
    assert found.evidence["widened"] <= np.sqrt(3)
    assert 0.6 < np.median(found.smoothed / deviation) < 2


def test_many_inputs_hold_a_few_times_their_own_memory(monkeypatch):
    """Turned maps and draws are as many as memory allows, not as there are inputs."""
    for module, name, value in (
        (turns, "MEMORY", 4e3),
        (turns, "LEAST", 8),
        (heldout, "FEW", 0),
        (regressions, "CHUNK", 16),
        (without_axis, "N_FOR_WIDTH", 8),
        (without_axis, "DRAWN", 4e3),
        (without_axis, "LEAST_DRAWS", 10),
        (without_axis, "N_NEIGHBOURS", (5, 1000)),
        (tuned, "N_TRIED", 2),
        (tuned, "N_VALUES", 20),
    ):
        monkeypatch.setattr(module, name, value)
    maps = np.random.default_rng(1).standard_normal((200, 2, 192))

    def held(n):
        """Bytes that learning from n maps allocates at most."""
        inputs = store.MapSet(maps[:n], "QU", "some", sky=Sky(4))
        tracemalloc.start()
        learn.learn(inputs, config.SymmetrySettings(), 1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    held(8)  # imports and caches
    assert held(200) - held(50) < 15 * maps[:150].nbytes


def test_of_more_inputs_than_memory_allows_the_first_are_turned(monkeypatch):
    monkeypatch.setattr(turns, "MEMORY", 5 * 96)
    monkeypatch.setattr(turns, "LEAST", 3)
    maps = np.random.default_rng(2).standard_normal((9, 2, 48))
    found = turns.turn(maps, Components("QU"), Sky(2), turns.Way(5.0), 1, ("t",))
    assert turns.most(96) == len(found.maps) == 5
    first = turns.turn(maps[:5], Components("QU"), Sky(2), turns.Way(5.0), 1, ("t",))
    np.testing.assert_array_equal(found.maps, first.maps)
    part = turns.turn(
        maps[..., :30], Components("QU"), Sky(2, np.arange(30)), turns.Way(5.0), 1, ("t",)
    )
    assert len(part.maps) == 2 * turns.most(60)  # and those that are turned as they are
