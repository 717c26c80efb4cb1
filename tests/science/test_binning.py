"""Known answers of binned map-making."""

import numpy as np
import pytest

from fewtomany.errors import UserError
from fewtomany.simulation import binning

N_SAMPLES, NSIDE = 600, 1
ANGLES = np.deg2rad([0.0, 90.0, 45.0, 20.0])
DIRECTION_OF = np.array([0, 0, 1, 1])


@pytest.fixture
def scan():
    """Pixels and angles of a random scan of 12 pixels in two directions."""
    rng = np.random.default_rng(1)
    shape = (2, N_SAMPLES)
    return rng.integers(12 * NSIDE**2, size=shape), rng.uniform(-np.pi, np.pi, shape)


def accumulate(scan, tod):
    pixels, psi = scan
    normal, projected = np.zeros((12, 6)), np.zeros((12, len(ANGLES), 3))
    binning.accumulate(pixels, psi, DIRECTION_OF, ANGLES, tod, normal, projected)
    return normal, projected


def pointing_matrix(scan):
    """P, shape (n_detectors · n_samples, 12 · 3), from its definition."""
    pixels, psi = scan
    angles = psi[DIRECTION_OF] + ANGLES[:, None]
    matrix = np.zeros((*angles.shape, 12, 3))
    rows, columns = np.indices(angles.shape)
    matrix[rows, columns, pixels[DIRECTION_OF]] = np.stack(
        [np.ones_like(angles), np.cos(2 * angles), np.sin(2 * angles)], axis=-1
    )
    return matrix.reshape(angles.size, 36)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_are_the_products_with_the_pointing_matrix(scan, dtype):
    tod = np.random.default_rng(2).standard_normal((4, N_SAMPLES)).astype(dtype)
    normal, projected = accumulate(scan, tod)
    matrix = pointing_matrix(scan)
    blocks = (matrix.T @ matrix).reshape(12, 3, 12, 3)
    np.testing.assert_allclose(
        binning.matrices(normal), blocks[np.arange(12), :, np.arange(12)], atol=1e-11
    )
    by_detector = matrix.reshape(4, N_SAMPLES, 12, 3) * tod[..., None, None]
    np.testing.assert_allclose(projected.transpose(1, 0, 2), by_detector.sum(1), atol=1e-11)


def test_binned_white_noise_has_its_analytic_covariance(scan):
    """The map of white noise of variance σ² has the covariance σ² (PᵀP)⁻¹."""
    sigma, n_draws = 0.7, 4000
    matrix = pointing_matrix(scan)
    expected = sigma**2 * np.linalg.inv(matrix.T @ matrix)
    rng = np.random.default_rng(3)
    chi2 = []
    for _ in range(n_draws):
        normal, projected = accumulate(scan, sigma * rng.standard_normal((4, N_SAMPLES)))
        noise = np.einsum("pij,pdj->pi", binning.invert(normal), projected).ravel()
        chi2.append(noise @ np.linalg.solve(expected, noise))
    # χ² of 36 values: mean 36, variance 72.
    assert np.mean(chi2) == pytest.approx(36, abs=5 * np.sqrt(72 / n_draws))
    assert np.var(chi2) == pytest.approx(72, rel=0.15)


def test_condition_number_of_two_orthogonal_pairs_is_two():
    """At 0, 90, 45 and 135 degrees PᵀP is diagonal, (4, 2, 2), at any orientation."""
    normal, projected = np.zeros((1, 6)), np.zeros((1, 4, 3))
    binning.accumulate(
        np.zeros((1, 9), int),
        np.linspace(0, 1, 9)[None],
        np.zeros(4, int),
        np.deg2rad([0.0, 90.0, 45.0, 135.0]),
        np.ones((4, 9)),
        normal,
        projected,
    )
    np.testing.assert_allclose(binning.matrices(normal)[0], np.diag([36, 18, 18]), atol=1e-12)
    np.testing.assert_allclose(binning.condition_numbers(normal), 2)


def test_pixels_without_a_solution_are_counted():
    normal = np.tile([4.0, 0, 0, 2, 0, 2], (12, 1))
    normal[:3] = 0
    normal[3] = [4.0, 4, 0, 4, 0, 0]  # one angle only
    with pytest.raises(UserError, match="12 pixels of nside 1, 3 are never observed and 1 at too"):
        binning.invert(normal)
