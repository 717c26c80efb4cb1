"""Known answers of the downgrades."""

import healpy
import numpy as np
import pytest

from fewtomany.simulation.resolution import downgrade, pixel_window


@pytest.fixture
def maps():
    return np.random.default_rng(4).standard_normal((2, 3, 12 * 16**2))


def test_mean_is_the_average_of_the_children(maps):
    result = downgrade(maps, 4, "mean")
    for tqu, expected in zip(maps.reshape(6, -1), result.reshape(6, -1), strict=True):
        np.testing.assert_allclose(healpy.ud_grade(tqu, 4), expected, atol=1e-14)


@pytest.mark.parametrize("method", ["mean", "harmonic"])
def test_maps_that_have_the_resolution_are_unchanged(maps, method):
    np.testing.assert_array_equal(downgrade(maps, 16, method), maps)


@pytest.mark.parametrize("method", ["mean", "harmonic"])
def test_downgrade_is_linear(maps, method):
    combined = downgrade(2 * maps[:1] - 3 * maps[1:], 8, method)
    one, other = downgrade(maps, 8, method)
    np.testing.assert_allclose(combined[0], 2 * one - 3 * other, atol=1e-12)


def test_pixel_window_is_the_harmonics_of_a_pixel():
    """W_ℓ² = Σ_m |w_ℓm|² 4π / (2ℓ + 1), w the normalized indicator of a pixel, from its map."""
    nside, fine, lmax = 2, 64, 6
    power = []
    for pixel in range(48):
        indicator = np.zeros(48)
        indicator[pixel] = 48 / (4 * np.pi)
        power.append(healpy.anafast(healpy.ud_grade(indicator, fine), lmax=lmax, iter=0))
    expected = np.sqrt(4 * np.pi * np.mean(power, axis=0))
    np.testing.assert_allclose(pixel_window(nside, lmax), expected, rtol=1e-3)


def test_harmonic_of_a_band_limited_sky():
    """The same sky, with the window of the larger pixels instead of the smaller ones."""
    rng = np.random.default_rng(5)
    lmax = 10
    alm = rng.standard_normal((3, 66)) + 1j * rng.standard_normal((3, 66))
    alm[:, : lmax + 1] = alm[:, : lmax + 1].real
    alm[1:, [0, 1, lmax + 1]] = 0  # E and B have no ℓ < 2
    through = [
        healpy.alm2map([healpy.almxfl(a, pixel_window(n, lmax)) for a in alm], n, lmax=lmax)
        for n in (32, 8)
    ]
    result = downgrade(np.array(through[0]), 8, "harmonic")
    np.testing.assert_allclose(result, through[1], atol=1e-4)


def test_harmonic_cuts_at_three_nside():
    """A multipole above ℓ = 3 nside - 1 = 11 leaves nothing."""
    alm = np.zeros(healpy.Alm.getsize(40), complex)
    alm[healpy.Alm.getidx(40, 20, 3)] = 1
    tqu = np.array(healpy.alm2map([alm, alm, alm], 64, lmax=40, pol=True))
    result = downgrade(tqu, 4, "harmonic")
    assert np.abs(result).max() < 1e-4 * np.abs(tqu).max()
