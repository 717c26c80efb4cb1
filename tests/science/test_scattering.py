"""Scattering covariances: counts, symmetries, known answers, gradients."""

import healpy as hp
import numpy as np
import published
import pytest
import tensorflow as tf

from fewtomany.maps.sky import Sky
from fewtomany.scattering import covariance, gram, grid, stencil, wavelets

NSIDE, N_SCALES, R = 8, 3, 4


@pytest.fixture(scope="module")
def hierarchy():
    return grid.healpix_hierarchy(NSIDE, N_SCALES)


@pytest.fixture(scope="module")
def scales(hierarchy):
    return wavelets.build_scales(hierarchy, R, None, "float64")


def _maps(n_maps, seed=0):
    return np.random.default_rng(seed).normal(size=(12 * NSIDE**2, n_maps, 2))


def _table(maps, scales):
    """Labelled coefficients of every map."""
    found = covariance.coefficients(tf.constant(maps), scales, maps.shape[1])
    return covariance.to_frame(found, "QU")


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_neighbours_are_mutual_and_lie_where_they_should(kernel_size):
    level = grid.healpix_grid(NSIDE, kernel_size)
    assert level.neighbours.shape[1] == kernel_size**2
    assert (level.neighbours[:, 0] == np.arange(level.n_pix)).all()
    pixel, place = np.nonzero(level.neighbours >= 0)
    pairs = set(zip(pixel, level.neighbours[pixel, place], strict=True))
    assert all((b, a) in pairs for a, b in pairs) or kernel_size == 5
    vectors = np.column_stack(hp.pix2vec(NSIDE, np.arange(level.n_pix), nest=True))
    distance = np.arccos(
        np.clip(np.sum(vectors[pixel] * vectors[level.neighbours[pixel, place]], 1), -1, 1)
    )
    np.testing.assert_allclose(
        np.linalg.norm(level.offsets[pixel, place], axis=1), NSIDE * distance, atol=1e-6
    )


def test_kernels_have_zero_mean_and_unit_weight(hierarchy):
    primary = np.linspace(0, np.pi, hierarchy[0].n_pix)
    kernels = wavelets.wavelet_kernels(hierarchy[0], R, primary)
    np.testing.assert_allclose(kernels.sum(axis=1), 0, atol=1e-14)
    np.testing.assert_allclose(np.abs(kernels).sum(axis=1), 1, rtol=1e-14)


def test_a_kernel_answers_to_a_wave_that_runs_its_way():
    """East of south-east, not east of north-east."""
    level = grid.lattice_grid((8, 8), True)
    kernels = wavelets.wavelet_kernels(level, 4)[0]
    south, east = level.offsets[0].T
    for place, other in ((1, 3), (3, 1)):
        angles = np.pi / 4 * np.array([place, other])
        waves = [np.cos(2 * (east * np.cos(a) + south * np.sin(a))) for a in angles]
        own, mirrored = (abs(np.vdot(wave, kernels[:, place])) for wave in waves)
        assert own > 1.5 * mirrored


def test_turning_by_one_orientation_shifts_the_kernels(hierarchy):
    kernels = wavelets.wavelet_kernels(hierarchy[0], R)
    turned = wavelets.wavelet_kernels(hierarchy[0], R, np.full(hierarchy[0].n_pix, np.pi / R))
    np.testing.assert_allclose(turned[..., :-1], kernels[..., 1:], atol=1e-14)
    np.testing.assert_allclose(turned[..., -1], kernels[..., 0].conj(), atol=1e-14)


def test_a_wave_answers_most_to_its_own_orientation(hierarchy, scales):
    vectors = np.column_stack(hp.pix2vec(NSIDE, np.arange(hierarchy[0].n_pix), nest=True))
    latitude = np.arcsin(vectors[:, 2])
    equator = np.abs(latitude) < 0.5
    stripes = np.cos(np.pi / np.sqrt(2) * NSIDE * latitude)  # varies southward: Θ = π/2
    transform = stencil.apply(scales[0].wavelets, tf.constant(stripes[:, None])).numpy()[..., 0]
    moduli = np.hypot(transform[:, 0::2], transform[:, 1::2])[equator].mean(axis=0)
    assert moduli.argmax() == R // 2


@pytest.mark.parametrize("n_out", [12, 11])
@pytest.mark.parametrize("n_seen", [6, 40], ids=["neighbours in common", "none in common"])
def test_a_stencil_is_a_sum_over_neighbours(n_out, n_seen):
    """Blocks of pixels or not; neighbours that are missing, or there twice."""
    rng = np.random.default_rng(5)
    neighbours = rng.integers(-1, n_seen, (n_out, 5))
    weights, x = rng.normal(size=(n_out, 6, 5)), rng.normal(size=(n_seen, 2))
    seen = np.where(neighbours[..., None] >= 0, x[neighbours], 0)
    operator = stencil.from_neighbours(neighbours, weights, n_seen, "float64")
    in_blocks = len(operator.index) < n_out
    assert in_blocks == (n_out == 12 and n_seen == 6)
    expected = np.einsum("pck,pkv->pcv", weights, seen)
    np.testing.assert_allclose(stencil.apply(operator, tf.constant(x)), expected, atol=1e-13)
    np.testing.assert_allclose(operator.total @ x, expected.sum(axis=0), atol=1e-13)


def test_stencil_adjoint_is_its_transpose(scales):
    rng = np.random.default_rng(3)
    smoothed = published.build_scales(NSIDE, 2, None, "float64")[0].coarsen
    for operator in (scales[0].wavelets, smoothed):
        x = tf.constant(rng.normal(size=(12 * NSIDE**2, 3)))
        y = tf.constant(rng.normal(size=stencil.apply(operator, x).shape))
        with tf.GradientTape() as tape:
            tape.watch(x)
            product = tf.reduce_sum(stencil.apply(operator, x) * y)
        backward = tf.reduce_sum(tape.gradient(product, x) * x)
        assert float(backward) == pytest.approx(float(product), rel=1e-12)


def test_coarsening_is_the_mean_of_the_children(scales):
    field = np.random.default_rng(4).normal(size=(12 * NSIDE**2, 2))
    coarse = wavelets.coarsen(scales[0], len(field) // 4, tf.constant(field))
    expected = [hp.ud_grade(values, NSIDE // 2, "NEST", "NEST") for values in field.T]
    np.testing.assert_allclose(coarse, np.transpose(expected), atol=1e-14)


def test_counts_are_the_papers():
    labels = covariance.labels(4, 4, "QU")
    every = [x for scale in labels for part in scale for x in part.ravel() if x is not None]
    assert len(set(every)) == len(every)
    counts = {}
    for label in every:
        counts[label[:2]] = counts.get(label[:2], 0) + 1
    for component in "QU":
        assert [counts[s, component] for s in ("S1", "S2", "S3", "S4")] == [16, 16, 160, 1280]
    assert [counts[s, "QU"] for s in ("S2", "S3", "S3'", "S4")] == [16, 160, 160, 1280]


def test_coefficients_equal_a_direct_computation(hierarchy, scales):
    """One S3 and one S4 from the definition, with explicit loops over pixels."""
    maps = _maps(1)
    table = _table(maps, scales)

    def transform(field, level, orientation):
        kernels = wavelets.wavelet_kernels(hierarchy[level], R)[..., orientation]
        around = np.maximum(hierarchy[level].neighbours, 0)
        return np.sum(kernels * field[around], axis=1)

    def coarser(field, level):
        return field.reshape(hierarchy[level + 1].n_pix, -1).mean(axis=1)

    def covary(x, y):
        return np.mean(x * y.conj()) - x.mean() * y.mean().conj()

    q, u = maps[:, 0, 0], maps[:, 0, 1]
    first = transform(q, 0, 1)
    modulus_q = np.abs(first) / np.sqrt(np.mean(np.abs(first) ** 2))
    first_u = transform(coarser(u, 0), 1, 3)
    modulus_u = np.abs(first_u) / np.sqrt(np.mean(np.abs(first_u) ** 2))
    inside_q = transform(coarser(modulus_q, 0), 1, 2)
    inside_u = transform(modulus_u, 1, 2)
    top = transform(coarser(u, 0), 1, 2)
    top = top / np.sqrt(np.mean(np.abs(top) ** 2))
    s4 = table.loc[("S4", "QU", 1, 2, 0, 1, 1, 3)].to_numpy()[0]
    assert s4 == pytest.approx(covary(inside_q, inside_u), rel=1e-10)
    s3 = table.loc[("S3'", "QU", 1, 2, 0, 1, -1, -1)].to_numpy()[0]
    assert s3 == pytest.approx(covary(top, inside_q), rel=1e-10)
    s1 = table.loc[("S1", "Q", 0, 1, -1, -1, -1, -1)].to_numpy()[0]
    assert s1 == pytest.approx(modulus_q.mean(), rel=1e-10)


@pytest.mark.parametrize("n_groups", [1, 2, 3])
def test_a_mean_over_maps_is_the_mean_of_maps(scales, n_groups):
    maps = tf.constant(_maps(6))
    together = covariance.coefficients(maps, scales, n_groups)
    each = covariance.coefficients(maps, scales, 6)
    for mean, single in zip(together, each, strict=True):
        for a, b in zip(mean, single, strict=True):
            expected = tf.reduce_mean(tf.reshape(b, (n_groups, -1, *b.shape[1:])), axis=1)
            np.testing.assert_allclose(a, expected, atol=1e-13)


def test_s4_is_hermitian(scales):
    for scale in covariance.coefficients(tf.constant(_maps(2)), scales):
        matrix = scale.covariance[0, 0].numpy() + 1j * scale.covariance[0, 1].numpy()
        np.testing.assert_allclose(matrix, matrix.conj().swapaxes(-1, -2), atol=1e-14)
        assert np.linalg.eigvalsh(matrix).min() > -1e-12


def test_scaling_a_map_scales_only_s2(scales):
    maps = _maps(2)
    table, other = _table(maps, scales), _table(3 * maps, scales)
    power = [c[0] == "S2" and len(c[1]) == 1 for c in table.index]
    np.testing.assert_allclose(other[power], 9 * table[power], rtol=1e-12)
    np.testing.assert_allclose(other[np.invert(power)], table[np.invert(power)], atol=1e-12)


def test_white_noise_gives_the_analytic_s2(hierarchy, scales):
    """⟨|I∗ψ|²⟩ of unit white noise is Σ|ψ|², averaged over the pixels."""
    n_maps = 200
    table = _table(_maps(n_maps), scales)
    kernels = wavelets.wavelet_kernels(hierarchy[0], R)
    expected = np.sum(np.abs(kernels) ** 2, axis=1).mean(axis=0)
    for component in "QU":
        for orientation in range(R):
            values = table.loc[("S2", component, 0, orientation, -1, -1, -1, -1)].to_numpy().real
            error = values.std() / np.sqrt(n_maps)
            assert abs(values.mean() - expected[orientation]) < 4 * error


def test_a_quarter_turn_about_the_pole_keeps_the_coefficients(scales):
    """A rotation by 90° in longitude maps HEALPix pixels and local frames to themselves."""
    maps = _maps(1)
    theta, phi = hp.pix2ang(NSIDE, np.arange(len(maps)), nest=True)
    turned = maps[hp.ang2pix(NSIDE, theta, phi + np.pi / 2, nest=True)]
    before, after = _table(maps, scales), _table(turned, scales)
    np.testing.assert_allclose(after, before, atol=1e-12)


def test_a_mirror_of_longitude_exchanges_orientations(scales):
    """φ → −φ turns Θ into −Θ (γ → R − γ) and the wave into its conjugate's mirror."""
    maps = _maps(1)
    theta, phi = hp.pix2ang(NSIDE, np.arange(len(maps)), nest=True)
    mirrored = maps[hp.ang2pix(NSIDE, theta, -phi, nest=True)]
    before, after = _table(maps, scales), _table(mirrored, scales)
    for statistic in ("S1", "S2"):
        for gamma in range(R):
            key = (statistic, "Q", 0, gamma, -1, -1, -1, -1)
            other = (statistic, "Q", 0, (R - gamma) % R, -1, -1, -1, -1)
            assert after.loc[other].iloc[0] == pytest.approx(before.loc[key].iloc[0], rel=1e-10)


@pytest.mark.parametrize(
    ("masked", "n_groups", "compiled", "shape"),
    [(False, 1, False, (N_SCALES, R)), (True, 2, False, (N_SCALES, R)), (True, 2, True, (2, 2))],
)
def test_blocks_of_pixels_change_nothing(monkeypatch, masked, n_groups, compiled, shape):
    sky = Sky(NSIDE)
    if masked:
        random = np.random.default_rng(1)
        pixels = np.sort(random.choice(12 * NSIDE**2, 301, replace=False))
        sky = Sky(NSIDE, pixels, random.uniform(0.5, 1, 301))
    n_scales, n_orientations = shape
    hierarchy = grid.healpix_hierarchy(sky, n_scales)
    scales = wavelets.build_scales(hierarchy, n_orientations, None, "float64")
    maps = tf.constant(_maps(4)[: sky.n_pix])

    def value_and_gradient(maps):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            found = covariance.coefficients(maps, scales, n_groups)
            parts = [tf.reshape(part, (n_groups, -1)) for scale in found for part in scale]
            values = tf.concat(parts, axis=-1)
            slopes = np.random.default_rng(2).normal(size=values.shape)
            total = tf.reduce_sum(values * slopes)
        return values, tape.gradient(total, maps)

    whole = value_and_gradient(maps)
    monkeypatch.setattr(gram, "LARGEST_WHOLE", 0)
    monkeypatch.setattr(gram, "ROWS", 500)  # 125 pixels: what is left over is a block, too
    program = tf.function(value_and_gradient, jit_compile=True, autograph=False)
    blocked = (program if compiled else value_and_gradient)(maps)
    for one, other in zip(blocked, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12 * np.abs(other).max())
