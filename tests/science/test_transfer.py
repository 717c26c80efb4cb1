"""Shapes and transfer functions of the wavelets."""

import healpy as hp
import numpy as np
import pytest

from fewtomany.scattering import grid
from fewtomany.scattering.wavelets import wavelet_kernels
from fewtomany.validation.measure import wavelets

NSIDE = 8


def test_a_wavelet_applied_as_a_map_is_the_wavelet_transform():
    fine, coarse = grid.healpix_hierarchy(NSIDE, 2)
    sky = np.random.default_rng(1).standard_normal(12 * NSIDE**2)
    kernels = wavelet_kernels(coarse, 4)
    pixel = 77
    weights = wavelets.kernel_map(coarse, kernels, pixel, NSIDE)
    means = sky.reshape(-1, 4).mean(axis=1)
    around = coarse.neighbours[pixel]
    known = np.where(around >= 0, means[around], 0) @ kernels[pixel]
    np.testing.assert_allclose(weights @ sky, known, atol=1e-12)
    assert fine.n_pix == weights.shape[1]


@pytest.mark.parametrize("kernel_size", wavelets.KERNEL_SIZES)
def test_white_noise_has_the_power_that_the_transfer_functions_say(kernel_size):
    """Σ (2ℓ + 1)/4π C_ℓ W_ℓ of unit white noise, C_ℓ = Ω, is Σ|ψ|², over all orientations."""
    transfer = wavelets.transfer_functions(NSIDE, 2, 4, kernel_size)
    ell = np.arange(3 * NSIDE)
    power = transfer @ (2 * ell + 1) / (4 * np.pi) * hp.nside2pixarea(NSIDE)
    hierarchy = grid.healpix_hierarchy(NSIDE, 2, kernel_size)
    for found, level, variance in zip(power, hierarchy, (1, 0.25), strict=True):
        known = variance * np.mean(np.sum(np.abs(wavelet_kernels(level, 4)) ** 2, axis=(1, 2)))
        # multipoles beyond 3 nside - 1 and the places' spread are missing from the sum
        assert found == pytest.approx(known, rel=0.25)


def test_coarser_scales_see_larger_ones_and_none_sees_the_mean():
    transfer = wavelets.transfer_functions(16, 3, 4, 3)
    assert (np.diff(transfer.argmax(axis=1)) < 0).all()
    assert (transfer[:, 0] < 1e-5 * transfer.max(axis=1)).all()
