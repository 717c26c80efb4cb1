"""Planes and lines: grids, statistics by brute force, symmetries, gradients, descent."""

import itertools

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from measures import lattices as measured

from fewtomany import config
from fewtomany.emulator import descent, model
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet
from fewtomany.maps import textures
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.maps.sky import Sky
from fewtomany.scattering import domains, grid, wavelets

SETTINGS = config.Emulator(
    n_scales=2,
    first_scale=0,
    n_orientations=4,
    kernel_size=3,
    orientation="none",
    spectra=True,
    stripe_zones=0,
    scatter=False,
    l1="moduli",
    mean="inputs",
    variances="inputs",
    start="white",
    ddof=0,
    batch_size=2,
    n_steps=30,
    tolerance=0.0,
    dtype="float64",
    normalization="global",
)
OF_A_LINE = {"n_orientations": 1, "orientation": "none"}


def _table(flat, maps, n_scales=2, n_orientations=4, kernel_size=3):
    """Labelled coefficients of maps (n_maps, F, *shape)."""
    settings = SETTINGS.changed(
        n_scales=n_scales, n_orientations=n_orientations, kernel_size=kernel_size
    )
    names = Components("T", tuple("abc"[: maps.shape[1]]))
    return measured.coefficients(flat, names, maps.reshape(*maps.shape[:2], -1), settings)


# Grids


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", [(8, 8), (6, 10), (16,)])
def test_neighbours_are_those_of_the_lattice(shape, periodic, kernel_size):
    flat = Flat(shape, periodic)
    level = domains.hierarchy(flat, 1, kernel_size)[0]
    assert level.neighbours.shape == (flat.n_pix, kernel_size ** len(shape))
    assert (level.neighbours[:, 0] == np.arange(flat.n_pix)).all()
    assert not level.frame_angle.any()
    where = np.array(np.unravel_index(flat.to_nested(flat.indices), shape)).T
    steps = np.rint(level.offsets[..., 2 - len(shape) :] / grid.PIXEL_SIDE).astype(int)
    assert len(np.unique(steps[0], axis=0)) == steps.shape[1]
    reached = where[:, None] + steps
    inside = ((reached >= 0) & (reached < shape)).all(axis=-1)
    if periodic:
        assert (level.neighbours >= 0).all()
        reached %= shape
    else:
        np.testing.assert_array_equal(level.neighbours >= 0, inside)
    found = where[np.maximum(level.neighbours, 0)]
    present = level.neighbours >= 0
    np.testing.assert_array_equal(found[present], reached[present])


def test_kernels_are_those_of_the_sphere_for_a_square_pixel_of_its_area():
    """The offsets' unit is 1/nside rad, and a pixel covers 4π/(12·nside²)."""
    level = grid.lattice_grid((8, 8), True)
    side = np.abs(level.offsets[..., 1]).max()
    assert side**2 == pytest.approx(4 * np.pi / 12)
    kernels = wavelets.wavelet_kernels(level, 4)
    np.testing.assert_allclose(kernels, np.broadcast_to(kernels[:1], kernels.shape), atol=1e-15)


@pytest.mark.parametrize("shape", [(8, 8), (8, 24), (32,)])
def test_children_follow_each_other(shape):
    """A mean of consecutive nested pixels is a mean over a square block, at all scales."""
    flat = Flat(shape, False)
    maps = np.random.default_rng(0).normal(size=(3, *shape))
    nested = flat.to_nested(maps.reshape(3, -1))
    np.testing.assert_array_equal(flat.from_nested(nested).reshape(maps.shape), maps)
    for scale in (1, 2, 3):
        coarse_shape = tuple(n >> scale for n in shape)
        blocks = scipy.ndimage.uniform_filter(maps, (1, *[1 << scale] * len(shape)), mode="wrap")
        offset = slice((1 << scale) // 2, None, 1 << scale)
        expected = blocks[(slice(None), *[offset] * len(shape))].reshape(3, -1)
        found = nested.reshape(-1, flat.n_children**scale, 3).mean(axis=1)
        coarse = Flat(coarse_shape, False)
        np.testing.assert_allclose(coarse.from_nested(found), expected, atol=1e-12)


def test_an_open_plane_of_odd_sides_keeps_the_weight_of_its_pixels():
    levels = domains.hierarchy(Flat((7, 13), False), 2)
    assert [level.n_pix for level in levels] == [91, 28]
    share = 91 * levels[1].weight / 28
    np.testing.assert_allclose(np.unique(np.rint(share * 100) / 100), [1, 2, 4])
    whole = Flat((8, 12), False, np.arange(96), np.ones(96))
    as_it_is = domains.hierarchy(Flat((8, 12), False), 2)
    for level, expected in zip(domains.hierarchy(whole, 2), as_it_is, strict=True):
        np.testing.assert_array_equal(level.neighbours, expected.neighbours)
        assert level.weight is None


@pytest.mark.parametrize(
    ("flat", "n_scales", "kernel_size", "message"),
    [
        (Flat((8, 10), True), 3, 3, "multiples of 4 pixels"),
        (Flat((16, 16), True), 4, 3, "plane of 16×16 pixels: 2 pixels across"),
        (Flat((16,), False), 3, 5, "line of 16 pixels: 4 pixels across"),
    ],
)
def test_sides_that_scales_do_not_fit_are_refused(flat, n_scales, kernel_size, message):
    with pytest.raises(UserError, match=message):
        domains.hierarchy(flat, n_scales, kernel_size)


def test_shapes_and_pixels_that_are_none_are_refused():
    with pytest.raises(UserError, match=r"shape \(2, 3, 4\) is not allowed"):
        Flat((2, 3, 4), True)
    with pytest.raises(UserError, match="no ascending pixels of a plane of 4×4"):
        Flat((4, 4), True, [3, 16])


# Statistics by brute force: pictures, scipy.ndimage and the definitions


def _wavelets(n_orientations, kernel_size, plane=True):
    """Eq. A.1 on a square lattice, from its text: (R, size, size), or (1, 1, size) of a line."""
    reach = np.arange(kernel_size) - kernel_size // 2
    side = np.sqrt(np.pi / 3)
    south, east = np.meshgrid(reach * side if plane else [0.0], reach * side, indexing="ij")
    result = []
    for angle in np.pi / n_orientations * np.arange(n_orientations):
        phase = np.pi / np.sqrt(2) * (east * np.cos(angle) + south * np.sin(angle))
        psi = np.exp(1j * phase - south**2 - east**2)
        psi -= psi.mean()
        result.append(psi / np.abs(psi).sum())
    return result


def _filter(picture, psi):
    return sum(
        factor * scipy.ndimage.correlate(picture, part, mode="wrap")
        for part, factor in ((psi.real, 1), (psi.imag, 1j))
    )


def _halve(picture):
    n_rows, n_columns = picture.shape
    height = 2 if n_rows > 1 else 1
    return picture.reshape(n_rows // height, height, n_columns // 2, 2).mean(axis=(1, 3))


def _centred(x, y):
    return np.mean(x * y.conj()) - np.mean(x) * np.mean(y).conj()


def _by_definition(pictures, n_scales, kernels):
    """S1 to S4 of pictures by component name, label by label, from the definitions."""
    result, inside = {}, {}
    for j1 in range(n_scales):
        filtered = {
            (name, g): _filter(picture, psi)
            for name, picture in pictures.items()
            for g, psi in enumerate(kernels)
        }
        power = {key: np.mean(np.abs(field) ** 2) for key, field in filtered.items()}
        for (name, g), field in filtered.items():
            root = np.sqrt(power[name, g])
            result["S1", name, j1, g, -1, -1, -1, -1] = np.mean(np.abs(field)) / root
            result["S2", name, j1, g, -1, -1, -1, -1] = power[name, g]
            inside[name, j1, g] = np.abs(field) / root
        for g, psi in enumerate(kernels):
            first = {name: filtered[name, g] / np.sqrt(power[name, g]) for name in pictures}
            second = {key: _filter(field, psi) for key, field in inside.items()}
            for a, b in itertools.combinations(pictures, 2):
                value = _centred(first[a], first[b])
                result["S2", f"{a}×{b}", j1, g, -1, -1, -1, -1] = value
            for a, (b, j2, g2) in itertools.product(pictures, second):
                pair = a if a == b else f"{min(a, b)}×{max(a, b)}"
                kind = "S3" if a <= b else "S3'"
                value = _centred(first[a], second[b, j2, g2])
                result[kind, pair, j1, g, j2, g2, -1, -1] = value
            for x, y in itertools.product(second, second):
                if x[0] <= y[0] and x[1] <= y[1]:
                    pair = x[0] if x[0] == y[0] else f"{x[0]}×{y[0]}"
                    value = _centred(second[x], second[y])
                    result["S4", pair, j1, g, *x[1:], *y[1:]] = value
        pictures = {name: _halve(picture) for name, picture in pictures.items()}
        inside = {key: _halve(field) for key, field in inside.items()}
    return result


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("shape", [(16, 24), (64,)])
def test_all_coefficients_equal_their_definition(shape, kernel_size):
    """With SciPy's correlations on pictures, which know nothing of neighbours or nesting."""
    maps = np.random.default_rng(3).normal(size=(1, 2, *shape)) ** 3
    plane = len(shape) == 2
    n_orientations = 3 if plane else 1
    found = _table(Flat(shape, True), maps, 2, n_orientations, kernel_size)[0]
    pictures = dict(zip("ab", maps[0].reshape(2, -1, shape[-1]), strict=True))
    expected = _by_definition(pictures, 2, _wavelets(n_orientations, kernel_size, plane))
    names = {label[1] for label in found.index}
    assert names == {"a", "b", "a×b"} or names == {"a.T", "b.T", "a.T×b.T"}
    count = 0
    for label, value in found.items():
        known = expected[label[0], label[1].replace(".T", ""), *label[2:]]
        assert value == pytest.approx(known, rel=1e-9, abs=1e-12), label
        count += 1
    assert count == len(expected)


# Symmetries


@pytest.mark.parametrize("shape", [(16, 16), (32,)])
def test_periodic_maps_that_are_shifted_have_the_same_statistics(shape):
    """By the width of the coarsest pixels, which are where they were; of the finest, by any."""
    maps = np.random.default_rng(0).normal(size=(2, 1, *shape))
    for n_scales, shift in ((2, 2), (3, 4), (1, 3)):
        moved = np.roll(maps, shift, axis=-1)
        n_orientations = 4 if len(shape) == 2 else 1
        first, second = (
            _table(Flat(shape, True), x, n_scales, n_orientations) for x in (maps, moved)
        )
        np.testing.assert_allclose(second, first, atol=1e-12)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("n_orientations", [2, 4])
def test_a_quarter_turn_permutes_the_orientations(n_orientations, periodic):
    """And conjugates where a wavelet turns beyond π: ψ(Θ + π) = ψ*(Θ)."""
    flat = Flat((16, 16), periodic)
    maps = np.random.default_rng(1).normal(size=(1, 1, 16, 16)) ** 3
    before = _table(flat, maps, 2, n_orientations)[0]
    after = _table(flat, np.rot90(maps, -1, axes=(2, 3)), 2, n_orientations)[0]
    quarter = n_orientations // 2
    assert not np.allclose(before, after)
    for label, value in before.items():
        kind, name, j1, g1, *rest = label
        turned = [
            x if x < 0 or place % 2 == 0 else (x + quarter) % n_orientations
            for place, x in enumerate(rest)
        ]
        found = after[kind, name, j1, (g1 + quarter) % n_orientations, *turned]
        expected = np.conj(value) if g1 + quarter >= n_orientations else value
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), label


# The model


def _mask(shape, seed=0):
    mask = np.random.default_rng(seed).uniform(0.3, 1, shape)
    mask[tuple(slice(0, n // 3) for n in shape)] = 0
    return mask


CASES = {
    "periodic plane": (Flat((8, 12), True), "T", ("",), {}),
    "open plane of odd sides": (Flat((7, 13), False), "T", ("",), {}),
    "masked plane": (Flat.of_mask(_mask((12, 8)), False), "T", ("",), {}),
    "masked periodic plane": (Flat.of_mask(_mask((8, 8)), True), "T", ("a", "b"), {}),
    "plane, joint, by pixel": (
        Flat((8, 8), True),
        "T",
        ("a", "b"),
        {"orientation": "joint", "normalization": "pixel", "scatter": True},
    ),
    "Q and U on a plane": (Flat((8, 8), True), "QU", ("",), {"orientation": "separate"}),
    "first scale": (Flat((16, 16), True), "T", ("",), {"first_scale": 1}),
    "first scale, masked, joint": (
        Flat.of_mask(_mask((16, 16)), False),
        "T",
        ("",),
        {"first_scale": 1, "orientation": "joint"},
    ),
    "periodic line": (Flat((32,), True), "T", ("a", "b"), OF_A_LINE),
    "open line": (Flat((37,), False), "T", ("",), {**OF_A_LINE, "kernel_size": 5}),
    "masked line": (Flat.of_mask(_mask((32,)), True), "T", ("",), OF_A_LINE),
}


@pytest.fixture(scope="module", params=CASES)
def prepared(request):
    flat, stokes, channels, changes = CASES[request.param]
    n_fields = len(stokes) * len(channels)
    maps = np.random.default_rng(5).normal(size=(5, n_fields, flat.n_pix)) ** 3
    inputs = MapSet(maps, stokes, "some", channels=channels, sky=flat)
    settings = SETTINGS.changed(**{"n_orientations": 2, **changes})
    return inputs, model.prepare(inputs, settings)


def test_gradient_of_every_term_matches_finite_differences(prepared):
    inputs, own = prepared
    operators, weights = own.operators(), own.loss_weights()
    goal = tf.constant([own.target("single-target", 1)])
    random = np.random.default_rng(0)
    x = random.normal(size=(1, inputs.sky.n_pix, 2, len(inputs.components)))
    direction = random.normal(size=x.shape)

    def loss(x, weights=weights):
        weights = tf.constant(weights)
        return descent.loss_and_gradient(own.phi, operators, weights, goal, tf.constant(x))

    step = 1e-5
    around = np.concatenate([x + k * step * direction for k in (1, -1, 2, -2)])  # side by side
    differences = np.array([2 / 3, -2 / 3, -1 / 12, 1 / 12]) @ loss(around)[0].numpy() / step
    for number, name in enumerate(own.phi.term_names):
        alone = np.zeros_like(weights)
        alone[number] = weights[number]
        terms, gradient = loss(x, alone)
        assert terms.numpy()[0, number] > 0
        slope = float(np.dot(gradient.numpy().ravel(), direction.ravel()))
        assert slope == pytest.approx(differences[number], rel=1e-6), name


def test_the_loss_vanishes_at_the_inputs(prepared):
    inputs, own = prepared
    normalized = inputs.sky.to_nested((inputs.maps - own.mean) / own.deviation)
    found = own.phi.evaluate(own.operators(), tf.constant(normalized)).numpy()[0]
    deviation = found - own.target("average-target", 0)
    np.testing.assert_allclose(own.loss_weights() @ deviation**2, 0, atol=1e-16)


def test_a_model_comes_back_from_its_file(prepared, tmp_path):
    _, own = prepared
    model.save(tmp_path / "model.h5", own, {}, dataset="some")
    again = model.load(tmp_path / "model.h5", own.settings)
    assert again.fingerprint() == own.fingerprint()
    assert (again.components, again.sky) == (own.components, own.sky)
    np.testing.assert_array_equal(again.loss_weights(), own.loss_weights())


def test_the_primary_orientation_of_waves_on_a_plane():
    """Waves along the direction Θ from the east to the south, as Eq. A.1 has it."""
    flat = Flat((32, 32), True)
    south, east = np.unravel_index(flat.to_nested(flat.indices), flat.shape)
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, 12)
    for n_south, n_east in ((0, 10), (10, 0), (7, 7), (-7, 7)):
        wave = 2 * np.pi / 32 * (n_south * south + n_east * east)
        maps = np.cos(wave[:, None] + phases)[..., None]
        (found,) = model.primary_orientations(domains.hierarchy(flat, 1), SETTINGS, maps)
        expected = np.arctan2(n_south, n_east)
        away = (found - expected + np.pi / 2) % np.pi - np.pi / 2
        np.testing.assert_allclose(away, 0, atol=1e-2)


def test_global_normalization_is_one_mean_and_deviation_for_each_component():
    flat = Flat.of_mask(_mask((8, 8)), True)
    maps = np.random.default_rng(2).normal(3, 2, size=(4, 2, flat.n_pix))
    maps[:, 1] *= 10
    inputs = MapSet(maps, "T", "some", channels=("a", "b"), sky=flat)
    own = model.prepare(inputs, SETTINGS)
    weights = np.broadcast_to(flat.weight, maps[:, 0].shape)
    for k in range(2):
        mean = np.average(maps[:, k], weights=weights)
        deviation = np.sqrt(np.average((maps[:, k] - mean) ** 2, weights=weights))
        np.testing.assert_allclose(own.mean[k], mean)
        np.testing.assert_allclose(own.deviation[k], deviation)
    zero = model.prepare(inputs, SETTINGS.changed(mean="zero"))
    assert not zero.mean.any()
    np.testing.assert_allclose(zero.deviation[0] ** 2, np.average(maps[:, 0] ** 2, weights=weights))


def test_of_few_inputs_gaussian_maps_give_the_scatter():
    """Which is right for inputs that are Gaussian: every term is 1 on average."""
    flat = Flat((16, 16), True)
    k = np.hypot(*flat.waves).reshape(flat.shape)
    shape = np.where(k > 0, np.where(k > 0, k, 1) ** -1.0, 0)
    white = np.random.default_rng(4).normal(size=(41, *flat.shape))
    maps = np.fft.ifft2(np.fft.fft2(white) * shape).real.reshape(41, 1, -1)
    one = model.prepare(MapSet(maps[:1], "T", "one", sky=flat), SETTINGS)
    many = model.prepare(MapSet(maps[1:], "T", "many", sky=flat), SETTINGS)
    assert "variance" in one.arrays
    assert "variance" not in many.arrays
    ratio = one.loss_weights() @ many.of_inputs.var(axis=0)
    assert ((ratio > 0.3) & (ratio < 3)).all(), ratio


@pytest.mark.parametrize(
    ("flat", "stokes", "n_maps", "changes", "message"),
    [
        (Flat((8, 8), True), "T", 3, {"stripe_zones": 2}, "emulator.stripe_zones: 2"),
        (Flat((16,), True), "T", 3, {}, "emulator.n_orientations: 4 .* a line"),
        (Flat((16,), True), "QU", 3, OF_A_LINE, "Stokes QU of a line; expected T"),
        (Flat((8, 8), True), "T", 1, {"normalization": "pixel"}, "one map; expected two"),
        (Sky(4), "T", 1, {}, "one map; expected two"),
        (Sky(4, np.arange(0, 192, 50)), "T", 3, {}, "half .* 4 observed pixels are too few"),
        (Flat((8, 8), True), "T", 1, {"scatter": True}, "one map has no scatter"),
    ],
)
def test_settings_without_meaning_are_refused(flat, stokes, n_maps, changes, message):
    maps = np.random.default_rng(0).normal(size=(n_maps, len(stokes), flat.n_pix))
    with pytest.raises(UserError, match=message):
        model.prepare(MapSet(maps, stokes, "some", sky=flat), SETTINGS.changed(**changes))


@pytest.mark.parametrize("kind", ["plane", "line"])
def test_from_one_map_the_loss_falls_by_four_orders_and_the_map_is_another(kind):
    random = np.random.default_rng(8)
    if kind == "plane":
        flat, changes = Flat((32, 32), True), {"n_scales": 3, "n_orientations": 2}
        pictures = textures.filaments(flat.shape, random)
    else:
        flat, changes = Flat((512,), True), {"n_scales": 5, **OF_A_LINE}
        pictures = textures.intermittent(512, random, strength=0.15)
    inputs = MapSet(pictures.reshape(1, 1, -1), "T", "texture", sky=flat)
    settings = SETTINGS.changed(n_steps=300, **changes)
    own = model.prepare(inputs, settings)
    (batch,) = descent.Sampler(own, 1, "some", "average-target").run([descent.Task(0, 0)])
    losses = batch.losses.sum(axis=1)
    assert losses[-1] < 1e-4 * losses[0]
    one, other = batch.maps[:, 0]
    for a, b in ((one, other), (one, inputs.maps[0, 0])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.3
    wanted, found = (measured.moments(x) for x in (inputs.maps, batch.maps))
    assert found["deviation"] == pytest.approx(wanted["deviation"], rel=0.05)
    assert min(wanted["kurtosis"], found["kurtosis"]) > 1


# Files and fields


@pytest.mark.parametrize("flat", [Flat((4, 6), True), Flat.of_mask(_mask((9,)), False)])
def test_maps_of_a_plane_or_line_come_back_from_their_file(flat, tmp_path):
    maps = np.random.default_rng(0).normal(size=(2, 1, flat.n_pix))
    for first in (0, 2):
        content = MapSet(maps + first, "T", "some", first=first, sky=flat)
        store.write_maps(tmp_path / f"{first}.h5", content)
    paths = [tmp_path / "0.h5", tmp_path / "2.h5"]
    found = store.read_dataset(paths, shape=flat.shape, first=0)
    assert found.sky == flat
    assert found.sky != Flat(flat.shape, not flat.periodic, flat.pixels, flat.weights)
    np.testing.assert_array_equal(found.maps, np.concatenate([maps, maps + 2]))
    with pytest.raises(UserError, match="nside is None, expected 8"):
        store.read_dataset(paths, nside=8)
    with pytest.raises(UserError, match=f"maps of a {flat.kind}, expected HEALPix"):
        _ = found.nside


def test_textures_have_the_structure_they_are_for():
    random = np.random.default_rng(0)
    plane = textures.filaments((64, 64), random)
    streams = np.array([textures.intermittent(4096, random) for _ in range(20)])
    for values in (plane, streams[0]):
        assert values.mean() == pytest.approx(0, abs=1e-12)
        assert values.std() == pytest.approx(1)
    assert measured.moments(plane)["skewness"] > 1
    short, long = (
        measured.moments(streams.reshape(20, -1, n).mean(axis=2))["kurtosis"] for n in (1, 256)
    )
    assert short > 3 > 2 > long
