"""The spin-2 transform against healpy, and its spectra against known answers."""

import healpy as hp
import numpy as np
import pytest
import tensorflow as tf

from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.scattering import harmonics


def _nested(maps):
    """RING maps (n_maps, 2, n_pix) to (n_pix, n_maps, 2) NESTED."""
    n_pix = maps.shape[-1]
    order = hp.nest2ring(hp.npix2nside(n_pix), np.arange(n_pix))
    return tf.constant(np.moveaxis(maps[..., order], -1, 0))


def _spectra(maps):
    """Spectra of one map (1, 2, n_pix), RING."""
    nside = hp.npix2nside(maps.shape[-1])
    transform = harmonics.spin_transform(nside, "float64")
    return harmonics.spectra(None, transform, _nested(maps), Components("QU")).numpy()[0]


@pytest.mark.parametrize(("nside", "orders"), [(2, 96), (8, 10), (16, 96)])
def test_coefficients_equal_healpy(monkeypatch, nside, orders):
    monkeypatch.setattr(harmonics, "ORDERS", orders)
    maps = np.random.default_rng(1).normal(size=(2, 2, 12 * nside**2))
    lmax = 3 * nside - 1
    alm = harmonics.analyse(harmonics.spin_transform(nside, "float64"), _nested(maps)).numpy()
    e, b = alm[:, 0] + 1j * alm[:, 1]
    ell, m = hp.Alm.getlm(lmax)
    for k, (q, u) in enumerate(maps):
        expected_e, expected_b = hp.map2alm_spin([q, u], 2, lmax=lmax)
        scale = np.abs(expected_e).max()
        np.testing.assert_allclose(e[m, ell, k], expected_e, atol=1e-12 * scale)
        np.testing.assert_allclose(b[m, ell, k], expected_b, atol=1e-12 * scale)


@pytest.mark.parametrize(("nside", "orders"), [(2, 96), (16, 20)])
def test_temperature_equals_healpy(monkeypatch, nside, orders):
    monkeypatch.setattr(harmonics, "ORDERS", orders)
    maps = np.random.default_rng(3).normal(size=(2, 3, 12 * nside**2))
    lmax = 3 * nside - 1
    scalar, spin = (harmonics.spin_transform(nside, "float64", s) for s in (0, 2))
    alm = harmonics.analyse_temperature(scalar, _nested(maps)[..., 0]).numpy()
    spectra = harmonics.spectra(scalar, spin, _nested(maps), Components("TQU")).numpy()
    ell, m = hp.Alm.getlm(lmax)
    for k, sky in enumerate(maps):
        t = hp.map2alm(sky[0], lmax=lmax, iter=0)
        e, b = hp.map2alm_spin(sky[1:], 2, lmax=lmax)
        np.testing.assert_allclose((alm[0] + 1j * alm[1])[m, ell, k], t, atol=1e-12 * abs(t).max())
        fields = (t, e, b)
        expected = [hp.alm2cl(fields[i], fields[j]) for i, j in Components("TQU").spectra_pairs]
        np.testing.assert_allclose(spectra[k, 0], expected, atol=1e-12 * expected[0].max())
        moduli = np.bincount(ell, np.abs(t) * np.where(m > 0, 2, 1)) / (2 * np.arange(lmax + 1) + 1)
        np.testing.assert_allclose(spectra[k, 1, 0], moduli, rtol=1e-10)


def test_spectra_equal_healpy_and_the_sum_of_moduli():
    nside, lmax = 8, 23
    maps = np.random.default_rng(2).normal(size=(1, 2, 12 * nside**2))
    spectra = _spectra(maps)
    alm_e, alm_b = hp.map2alm_spin(list(maps[0]), 2, lmax=lmax)
    expected = [hp.alm2cl(alm_e), hp.alm2cl(alm_b), hp.alm2cl(alm_e, alm_b)]
    np.testing.assert_allclose(spectra[0], expected, atol=1e-12)
    ell, m = hp.Alm.getlm(lmax)
    moduli = np.bincount(ell, np.abs(alm_e) * np.where(m > 0, 2, 1)) / (2 * np.arange(lmax + 1) + 1)
    np.testing.assert_allclose(spectra[1, 0, 2:], moduli[2:], rtol=1e-10)


def test_pure_e_mode_has_no_b():
    nside = 8
    alm = np.zeros(hp.Alm.getsize(23), complex)
    alm[hp.Alm.getidx(23, 5, 3)] = 1 + 2j
    maps = np.array([hp.alm2map_spin([alm, 0 * alm], nside, 2, 23)])
    spectra = _spectra(maps)
    assert spectra[0, 0, 5] == pytest.approx(2 * 5 / 11, rel=1e-2)  # quadrature error
    assert spectra[0, 1].max() < 1e-3 * spectra[0, 0, 5]


@pytest.mark.parametrize("spin", [0, 2])
def test_a_partial_sky_is_the_full_one_with_zeros(spin):
    """Rings without observed pixels, on one side only, and weights."""
    nside, lmax = 8, 23
    random = np.random.default_rng(4)
    mask = np.where(random.random(12 * nside**2) < 0.7, random.uniform(0.2, 1, 12 * nside**2), 0)
    mask[: 5 * nside**2] = 0
    sky = Sky.of_mask(mask)
    maps = random.normal(size=(3, 2, 12 * nside**2))
    transform = harmonics.spin_transform(sky, "float64", spin)
    assert len(transform.chirp_in) < 4 * nside - 1
    nested = tf.constant(sky.to_nested(sky.restrict(maps)))
    weighed = maps * sky.expand(sky.weight, 0.0)
    ell, m = hp.Alm.getlm(lmax)
    for k, sky_map in enumerate(weighed):
        if spin:
            alm = harmonics.analyse(transform, nested).numpy()
            found = (alm[:, 0] + 1j * alm[:, 1])[:, m, ell, k]
            expected = np.array(hp.map2alm_spin(list(sky_map), 2, lmax=lmax))
        else:
            alm = harmonics.analyse_temperature(transform, nested[..., 0]).numpy()
            found = (alm[0] + 1j * alm[1])[m, ell, k]
            expected = hp.map2alm(sky_map[0], lmax=lmax, iter=0)
        np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max())
