"""Streaming covariance, eigenmodes and the Gaussian factor."""

import numpy as np
import pytest

from fewtomany import covariance, linear
from fewtomany.errors import UserError


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
    written = covariance.Covariance(mean, matrix, n_maps, "QU", 1, "reference")
    covariance.write(tmp_path / "c.h5", written, {})
    found = covariance.read(tmp_path / "c.h5")
    np.testing.assert_array_equal(found.covariance, matrix)
    assert (found.n_maps, found.stokes, found.nside, found.dataset) == (700, "QU", 1, "reference")
    covariance.write(tmp_path / "c.h5", covariance.Covariance(mean, matrix, 700, "QU", 2, "x"), {})
    with pytest.raises(UserError, match=r"c\.h5: covariance of shape \(24, 24\), expected \(96"):
        covariance.read(tmp_path / "c.h5")


def test_factor_comes_back_as_float32_of_the_maps_shape(tmp_path, maps):
    source = covariance.Covariance(*covariance.estimate([maps]), "QU", 1, "original")
    eigenvalues, root = covariance.symmetric_root(source.covariance.copy())
    covariance.write_factor(tmp_path / "f.h5", eigenvalues, root, source, {})
    found = covariance.read_factor(tmp_path / "f.h5", "QU", 1)
    np.testing.assert_array_equal(found, root.astype(np.float32).reshape(24, 2, 12))
    with pytest.raises(UserError, match="expected QU at nside 8"):
        covariance.read_factor(tmp_path / "f.h5", "QU", 8)
