"""Scattering coefficients as they are measured on datasets."""

import collections

import healpy as hp
import numpy as np
import pytest

from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.scattering import domains, grid, wavelets
from fewtomany.validation.measure import moments, scattering

NSIDE = 8
SETTINGS = {"n_scales": 2, "n_orientations": 4, "kernel_size": 3}


def white(n_maps, seed=1):
    """Maps of unit white noise in µK."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_maps, 2, hp.nside2npix(NSIDE))) * 1e-6


@pytest.fixture(scope="module")
def measured():
    found, labels = scattering.measure(white(400), "QU", **SETTINGS)
    return found, np.array([label.split("|") for label in labels])


def test_every_coefficient_is_measured_once(measured):
    found, labels = measured
    assert len(found.mean) == len(np.unique(labels, axis=0)) == len(labels)
    counts = collections.Counter((row[0], row[1], row[-1]) for row in labels)
    # J = 2, R = 4: 8 pairs (j1, γ1) for S1 and S2, 3·16 for S3 (j2 ≤ j1), and for S4 the
    # pairs j2 ≤ j3 ≤ j1, of which j2 = j3 and γ2 = γ3 are real
    assert counts["S1", "Q", "re"] == counts["S2", "U", "re"] == 8
    assert counts["S3", "Q", "re"] == counts["S3", "Q", "im"] == 48
    assert counts["S4", "Q", "re"] == 4 * 16 * 4
    assert counts["S4", "Q", "im"] == 4 * 16 * 4 - 4 * 4 * 3


def test_white_noise_gives_the_analytic_s2_and_s1(measured):
    """⟨|I∗ψ|²⟩ = Σ|ψ|² at the finest scale, and a quarter of it with mean children."""
    found, labels = measured
    fine, coarse = grid.healpix_hierarchy(NSIDE, 2, 3)
    for j, (level, variance) in enumerate(((fine, 1), (coarse, 0.25))):
        kernels = wavelets.wavelet_kernels(level, 4)
        known = variance * np.mean(np.sum(np.abs(kernels) ** 2, axis=1), axis=0)
        rows = (labels[:, 0] == "S2") & (labels[:, 1] == "U") & (labels[:, 2] == str(j))
        error = found.scatter[rows] / np.sqrt(found.n_maps)
        assert (np.abs(found.mean[rows] - known) < 5 * error).all()


def test_maps_and_their_halves_have_the_same_moments(measured):
    maps = white(400)
    parts = [scattering.measure(part, "QU", **SETTINGS)[0] for part in (maps[:385], maps[385:])]
    merged = moments.merge(parts)
    np.testing.assert_allclose(merged.mean, measured[0].mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(merged.scatter, measured[0].scatter, rtol=1e-4, atol=1e-7)


def test_values_of_every_map_have_these_moments(measured):
    values, labels = scattering.coefficients(white(400), "QU", **SETTINGS)
    assert values.shape == (400, len(labels))
    np.testing.assert_allclose(values.mean(axis=0), measured[0].mean, rtol=1e-4, atol=1e-5)


def test_only_s2_knows_the_amplitude(measured):
    found, labels = measured
    louder, _ = scattering.measure(1.5 * white(400), "QU", **SETTINGS)
    ratio = np.where((labels[:, 0] == "S2") & (np.char.str_len(labels[:, 1]) == 1), 2.25, 1)
    np.testing.assert_allclose(louder.mean, ratio * found.mean, rtol=1e-3, atol=1e-5)


def test_a_partial_sky_is_measured_by_its_own_pixels():
    """White noise again; what is masked costs nothing."""
    sky = Sky(NSIDE, np.arange(0, 300), np.linspace(0.5, 1, 300))
    found, labels = scattering.measure(white(400)[..., :300], "QU", **SETTINGS, sky=sky)
    fine = domains.hierarchy(sky, 2, 3).levels[0]
    power = np.sum(np.abs(wavelets.wavelet_kernels(fine, 4)) ** 2, axis=1)
    known = np.average(power, axis=0, weights=fine.weight)
    rows = [place for place, label in enumerate(labels) if label.startswith("S2|Q|0|")]
    error = found.scatter[rows] / np.sqrt(found.n_maps)
    assert (np.abs(found.mean[rows] - known) < 5 * error).all()


def test_weights_of_ones_change_nothing(eager):
    whole = [None, Sky(NSIDE, None, np.ones(768))]
    values = [scattering.coefficients(white(3), "QU", **SETTINGS, sky=sky)[0] for sky in whole]
    np.testing.assert_allclose(*values, rtol=1e-4, atol=1e-5)


def test_coefficients_of_channels(eager):
    maps = np.random.default_rng(4).standard_normal((3, 2, 192)) * 1e-9
    wavelets = {"n_scales": 2, "n_orientations": 4, "kernel_size": 3}
    both, labels = scattering.coefficients(maps, Components("T", ("a", "b")), **wavelets)
    alone, names = scattering.coefficients(maps[:, 1:], "T", **wavelets)
    chosen = [labels.index(name.replace("|T|", "|b.T|")) for name in names]
    np.testing.assert_allclose(both[:, chosen], alone, rtol=1e-4, atol=1e-6)
    assert any("|a.T×b.T|" in label for label in labels)
