"""Streaming covariance, eigenmodes and the Gaussian factor."""

import numpy as np
import pytest

from fewtomany import covariance
from fewtomany.covariance import eigenmodes, linear
from fewtomany.covariance.factor import Factor
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky


@pytest.fixture
def maps():
    """Correlated float32 maps with a mean far above their scatter, shape (700, 2, 12)."""
    rng = np.random.default_rng(1)
    values = rng.standard_normal((700, 24)) @ rng.standard_normal((24, 24)) + 1e3
    return values.reshape(700, 2, 12).astype(np.float32)


@pytest.mark.parametrize("cuts", [[], [1], [256], [100, 300, 550], list(range(7, 700, 31))])
def test_equals_numpy_and_has_the_same_bits_for_any_sharding(maps, cuts):
    mean, matrix, n_maps = covariance.estimate(np.split(maps, cuts))
    flat = maps.reshape(700, 24).astype(np.float64)
    np.testing.assert_allclose(mean, flat.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(matrix, np.cov(flat.T), rtol=1e-9)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert n_maps == 700
    whole = covariance.estimate([maps])
    np.testing.assert_array_equal(mean, whole[0])
    np.testing.assert_array_equal(matrix, whole[1])


def test_needs_two_maps(maps):
    with pytest.raises(UserError, match="at least 2 maps, found 1"):
        covariance.estimate([maps[:1]])


def test_leading_modes_are_those_of_a_full_decomposition(maps):
    matrix = covariance.estimate([maps])[1]
    modes = covariance.leading_modes(matrix, 5)
    values, vectors = np.linalg.eigh(matrix)
    np.testing.assert_allclose(modes.values, values[:-6:-1])
    overlap = np.abs(np.sum(modes.vectors * vectors.T[:-6:-1], axis=1))
    np.testing.assert_allclose(overlap, 1)
    assert len(modes.first(2)) == 2


def test_modes_end_at_the_rank(maps):
    matrix = covariance.estimate([maps[:10]])[1]
    assert len(covariance.leading_modes(matrix, 20)) == 9


def test_symmetric_root_of_a_rank_deficient_covariance(maps):
    matrix = covariance.estimate([maps[:10]])[1]
    eigenvalues, root = covariance.symmetric_root(matrix.copy())
    np.testing.assert_array_equal(root, root.T)
    np.testing.assert_allclose(root @ root, matrix, atol=1e-10 * matrix.max())
    assert np.all(np.diff(eigenvalues) <= 0)
    assert np.count_nonzero(eigenvalues) == 9


def test_draws_depend_continuously_on_the_covariance():
    """Two equal eigenvalues: a rounding error turns their eigenvectors, never the draws."""
    rng = np.random.default_rng(2)
    rotation = np.linalg.qr(rng.standard_normal((24, 24)))[0]
    matrix = (rotation * np.repeat(np.arange(12, 0, -1.0), 2)) @ rotation.T
    error = rng.standard_normal((24, 24)) * 1e-14
    draws = [
        linear.draw(covariance.symmetric_root(c)[1].reshape(24, 2, 12), 1, ("draw",), 0, 20)
        for c in (matrix.copy(), matrix + error + error.T)
    ]
    np.testing.assert_allclose(*draws, atol=1e-11)


def test_product_comes_back_and_is_checked(tmp_path, maps):
    mean, matrix, n_maps = covariance.estimate([maps])
    written = covariance.of_matrix(mean, matrix, n_maps, "QU", 1, "reference")
    covariance.write(tmp_path / "c.h5", written, {})
    found = covariance.read(tmp_path / "c.h5")
    np.testing.assert_array_equal(found.covariance, matrix)
    assert (found.n_maps, found.stokes, found.nside, found.dataset) == (700, "QU", 1, "reference")
    object.__setattr__(written.model, "sky", Sky(2))
    covariance.write(tmp_path / "c.h5", written, {})
    with pytest.raises(UserError, match=r"c\.h5: covariance of shape \(24, 24\), expected \(96"):
        covariance.read(tmp_path / "c.h5")


def test_factor_comes_back_as_float32_of_the_maps_shape(tmp_path, maps):
    source = covariance.of_matrix(*covariance.estimate([maps]), "QU", 1, "original")
    eigenvalues, root = covariance.symmetric_root(source.covariance.copy())
    covariance.write_factor(tmp_path / "f.h5", eigenvalues, root, source, {})
    found, sky, frame = covariance.read_factor(tmp_path / "f.h5", "QU", 1)
    assert (sky, frame) == (source.sky, "galactic")
    np.testing.assert_array_equal(found, root.astype(np.float32).reshape(24, 2, 12))
    with pytest.raises(UserError, match="expected QU at nside 8"):
        covariance.read_factor(tmp_path / "f.h5", "QU", 8)


@pytest.fixture
def modes_only(maps, monkeypatch):
    """The covariance of the maps as leading modes and a diagonal, and their dense one."""
    content = store.MapSet(maps, "QU", "some")
    dense = covariance.of_maps(lambda: [content], "some")
    monkeypatch.setattr(covariance.product, "DENSE_LIMIT", 23)
    monkeypatch.setattr(covariance.product, "KEPT_MODES", 8)
    return covariance.of_maps(lambda: [content], "some"), dense


def test_modes_and_diagonal_keep_every_variance_and_the_leading_modes(modes_only):
    found, dense = modes_only
    assert dense.is_dense
    assert not found.is_dense
    assert len(found.modes) == 8
    np.testing.assert_allclose(found.mean, dense.mean)
    np.testing.assert_allclose(found.variance, dense.variance)
    np.testing.assert_allclose(found.modes.values, dense.leading(8).values, rtol=0.02)
    assert found.held == pytest.approx(dense.leading(8).values.sum() / dense.variance.sum(), 0.01)
    assert dense.held == 1


def test_modes_of_few_maps_are_the_whole_covariance(maps, monkeypatch):
    content = store.MapSet(maps[:10], "QU", "some")
    dense = covariance.of_maps(lambda: [content], "some")
    monkeypatch.setattr(covariance.product, "DENSE_LIMIT", 23)
    found = covariance.of_maps(lambda: [content], "some")
    assert len(found.modes) == 9
    assert found.held == pytest.approx(1)
    scale = dense.covariance.max()
    np.testing.assert_allclose(found.rows(slice(None)), dense.covariance, atol=1e-9 * scale)


def test_both_forms_are_inverted_exactly(modes_only):
    x = np.random.default_rng(3).standard_normal((5, 24))
    for form in modes_only:
        some = form.plus(np.linspace(1, 2, 24))
        matrix = form.rows(slice(None)) + np.diag(np.linspace(1, 2, 24))
        np.testing.assert_allclose(some.rows(slice(None)), matrix)
        np.testing.assert_allclose(some.solve(x), np.linalg.solve(matrix, x.T).T, rtol=1e-9)
        np.testing.assert_allclose(some.solve(x[0]), np.linalg.solve(matrix, x[0]), rtol=1e-9)
        assert some.log_determinant() == pytest.approx(np.linalg.slogdet(matrix)[1])


def test_determinant_and_inverse_of_a_known_matrix():
    """Unit variances and one correlation ρ: det = 1 − ρ², C⁻¹ (1, 0) = (1, −ρ) / (1 − ρ²)."""
    rho, sky = 0.6, Sky(1, np.array([2, 7]))
    vectors = np.array([[1.0, 1.0]]) / np.sqrt(2)
    matrix = np.array([[1, rho], [rho, 1]])
    dense = covariance.of_matrix(np.zeros(2), matrix, 0, "T", 1, "pair", sky=sky)
    low = Factor.of_rows(Components("T"), sky, np.sqrt(2 * rho) * vectors, np.full(2, 1 - rho))
    for found in (dense, low):
        assert found.log_determinant() == pytest.approx(np.log(1 - rho**2))
        np.testing.assert_allclose(
            found.solve(np.array([1.0, 0.0])), np.array([1, -rho]) / (1 - rho**2)
        )


def test_a_singular_covariance_is_not_inverted(maps, monkeypatch):
    few = store.MapSet(maps[:10], "QU", "few")
    for limit in (24, 23):
        monkeypatch.setattr(covariance.product, "DENSE_LIMIT", limit)
        found = covariance.of_maps(lambda: [few], "few")
        with pytest.raises(UserError, match=r"few: the covariance of 24 values \(from 10 maps\)"):
            found.solve(np.zeros(24))
        assert np.isfinite(found.plus(1.0).log_determinant())


def test_modes_and_pixels_come_back_from_a_file(tmp_path, maps, monkeypatch):
    monkeypatch.setattr(covariance.product, "DENSE_LIMIT", 5)
    sky = Sky(1, np.array([1, 4, 9]), np.array([1.0, 2.0, 1.0]))
    content = store.MapSet(maps[..., :3], "QU", "some", frame="ecliptic", sky=sky)
    found = covariance.of_maps(lambda: [content], "some")
    covariance.write(tmp_path / "c.h5", found, {})
    again = covariance.load(tmp_path / "c.h5")
    assert (again.sky, again.frame, again.n_maps) == (sky, "ecliptic", 700)
    np.testing.assert_array_equal(again.modes.vectors, found.modes.vectors)


def test_modes_of_few_rows_are_those_of_their_covariance():
    rows = np.random.default_rng(4).standard_normal((5, 30))
    variance, modes = eigenmodes.modes_of_factor(rows, 3)
    values, vectors = np.linalg.eigh(rows.T @ rows)
    np.testing.assert_allclose(variance, np.sum(rows**2, axis=0))
    np.testing.assert_allclose(modes.values, values[::-1][:3])
    np.testing.assert_allclose(modes.vectors @ modes.vectors.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.abs(np.diag(modes.vectors @ vectors[:, ::-1][:, :3])), 1)
