"""Pseudo-spectra of small masks against sums over pixels that use no transform."""

import healpy
import numpy as np
import pytest

from fewtomany.maps.sky import Sky
from fewtomany.spectra import mixing, spectra

NSIDE, N_PIX = 8, 768
LMAX = 3 * NSIDE - 1
ELL = np.arange(LMAX + 1)


@pytest.fixture(scope="module")
def disc():
    """Fifteen degrees: 14 pixels."""
    vectors = np.array(healpy.pix2vec(NSIDE, np.arange(N_PIX))).T
    far = vectors @ healpy.ang2vec(1.0, 2.0) > np.cos(np.radians(15))
    return Sky.of_mask(far.astype(float)), vectors[far]


def test_sums_over_pairs_of_pixels_are_the_spectrum_without_iterations(disc):
    sky, vectors = disc
    values = np.random.default_rng(1).standard_normal(len(vectors))
    legendre = np.polynomial.legendre.legvander(np.clip(vectors @ vectors.T, -1, 1), LMAX)
    summed = np.einsum("i,ijl,j->l", values, legendre, values) * 4 * np.pi / N_PIX**2
    alm = spectra.to_harmonic(sky.expand(values, fill=0.0)[None], "T", iterations=0)[0]
    np.testing.assert_allclose(healpy.alm2cl(alm), summed, rtol=1e-10)


def test_the_kernel_is_the_exact_mean_but_for_the_highest_multipoles(disc):
    """Of a white sky to lmax: the mean of what is measured, pixel by pixel."""
    sky, vectors = disc
    columns = [
        spectra.to_harmonic(spectra.weighted(unit, sky)[None], "T")[0]
        for unit in np.eye(len(vectors))
    ]
    lengths = (2 * ELL + 1) / (4 * np.pi)
    correlation = np.polynomial.legendre.legval(np.clip(vectors @ vectors.T, -1, 1), lengths)
    degree, order = healpy.Alm.getlm(LMAX)
    modes = np.array(columns).T
    power = np.einsum("ai,ij,aj->a", modes, correlation, modes.conj()).real
    exact = np.bincount(degree, power * np.where(order > 0, 2, 1)) / (2 * ELL + 1)
    ratio = exact / (mixing.kernel(sky) @ np.ones(LMAX + 1))
    np.testing.assert_allclose(ratio[2:NSIDE].mean(), 1, atol=0.02)
    np.testing.assert_allclose(ratio[NSIDE : 2 * NSIDE].mean(), 1, atol=0.06)
    assert 1.1 < ratio[2 * NSIDE :].mean() < 1.3
