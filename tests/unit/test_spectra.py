"""Spectra: order, healpy's values, files."""

import healpy
import numpy as np
import pytest

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import isotropic, spectra


def test_names_follow_the_stokes_components():
    assert spectra.names("QU") == ["EE", "BB", "EB"]
    assert spectra.names("TQU") == ["TT", "EE", "BB", "TE", "TB", "EB"]
    with pytest.raises(UserError, match="'Q' is not allowed; expected T, QU, TQU"):
        spectra.names("Q")


def test_equal_healpy_with_the_same_iterations():
    sky = np.random.default_rng(1).standard_normal((1, 3, 192))
    found = spectra.measure(sky, "TQU")[0]
    expected = healpy.anafast(sky[0], lmax=11, iter=spectra.ITERATIONS)
    # healpy: TT, EE, BB, TE, EB, TB
    np.testing.assert_allclose(found, expected[[0, 1, 2, 3, 5, 4]], atol=1e-12)
    np.testing.assert_allclose(spectra.measure(sky[:, 1:], "QU")[0], found[[1, 2, 5]], atol=1e-12)


@pytest.mark.parametrize("stokes", ["T", "QU", "TQU"])
def test_analysis_inverts_synthesis(stokes):
    rng = np.random.default_rng(2)
    lmax = 11
    ell, m = healpy.Alm.getlm(lmax)
    shape = (len(stokes), ell.size)
    alms = rng.standard_normal(shape) + 1j * rng.standard_normal(shape) * (m > 0)
    alms[:, ell < 2] = 0
    sky = spectra.to_map(alms, stokes, 4)
    assert sky.shape == (len(stokes), 192)
    low = ell <= 8  # the band that nside 4 holds well
    alms[:, ~low] = 0
    found = spectra.to_harmonic(spectra.to_map(alms, stokes, 4), stokes)
    np.testing.assert_allclose(found[:, low], alms[:, low], atol=2e-3)


def test_files_must_be_consecutive_and_of_the_dataset(tmp_path):
    sky = np.random.default_rng(3).standard_normal((5, 2, 48))
    cl = spectra.measure(sky, "QU")
    for first, stop in ((0, 2), (2, 5)):
        source = store.MapSet(sky[first:stop], "QU", "reference", first)
        spectra.write(tmp_path / f"{first}.h5", cl[first:stop], source, {})
    paths = [tmp_path / "0.h5", tmp_path / "2.h5"]
    np.testing.assert_array_equal(spectra.read(paths, "reference", "QU"), cl)
    with pytest.raises(UserError, match="from map 2, expected EE,BB,EB of reference from map 0"):
        spectra.read(paths[::-1], "reference", "QU")
    with pytest.raises(UserError, match="of reference from map 0, expected EE,BB,EB of original"):
        spectra.read(paths, "original", "QU")


def test_components_of_two_channels_have_all_crosses():
    components = Components("TQU", ("a", "b"))
    assert len(spectra.names(components)) == 21
    rng = np.random.default_rng(5)
    one = rng.standard_normal((3, 192))
    both = np.concatenate([one, 2 * one])[np.newaxis]
    found = dict(zip(components.spectra, spectra.measure(both, components)[0], strict=True))
    alone = dict(zip(spectra.names("TQU"), spectra.measure(one[None], "TQU")[0], strict=True))
    np.testing.assert_allclose(found["a.E×a.E"], alone["EE"])
    np.testing.assert_allclose(found["b.E×b.E"], 4 * alone["EE"])
    np.testing.assert_allclose(found["a.E×b.E"], 2 * alone["EE"])
    np.testing.assert_allclose(found["a.T×b.E"], 2 * alone["TE"], atol=1e-12)


def test_temperature_alone_is_that_of_tqu():
    maps = np.random.default_rng(6).standard_normal((2, 3, 192))
    np.testing.assert_array_equal(
        spectra.measure(maps[:, :1], "T")[:, 0], spectra.measure(maps, "TQU")[:, 0]
    )


def test_a_mask_of_ones_is_the_full_sky():
    maps = np.random.default_rng(7).standard_normal((2, 2, 192))
    sky = Sky(4, np.arange(192), np.ones(192))
    np.testing.assert_allclose(
        spectra.measure(maps, "QU", sky), spectra.measure(maps, "QU"), rtol=1e-12
    )


def test_spectra_of_a_partial_sky_are_those_of_the_masked_map():
    mask = np.where(np.arange(192) < 60, np.linspace(0.5, 1.5, 192), 0)
    sky = Sky.of_mask(mask)
    maps = np.random.default_rng(8).standard_normal((1, 3, 192))
    found = spectra.measure(sky.restrict(maps), "TQU", sky)
    masked = maps * mask / mask[:60].mean()
    np.testing.assert_allclose(found, spectra.measure(masked, "TQU"), atol=1e-12)


def test_isotropic_maps_of_a_partial_sky_have_the_power_of_the_inputs():
    """White noise: the pseudo-spectra of isotropic draws are those of the inputs, in the mean."""
    sky = Sky(8, np.arange(300))
    inputs = np.random.default_rng(9).standard_normal((4, 2, 300))
    draws = isotropic.draw(inputs, "QU", 1, ("test",), 0, 80, sky)
    assert draws.shape == (80, 2, 300)
    resolved = (24**2 - 4) / 768  # of white noise, up to lmax
    assert draws.var() == pytest.approx(resolved * inputs.var(), rel=0.1)
    expected = spectra.measure(inputs, "QU", sky)[:, :2, 6:18].mean()
    assert spectra.measure(draws, "QU", sky)[:, :2, 6:18].mean() == pytest.approx(expected, rel=0.1)


def test_isotropic_maps_of_channels_keep_their_correlation():
    rng = np.random.default_rng(10)
    one = rng.standard_normal((3, 1, 192))
    inputs = np.concatenate([one, 0.8 * one + 0.6 * rng.standard_normal((3, 1, 192))], axis=1)
    draws = isotropic.draw(inputs, Components("T", ("a", "b")), 1, ("test",), 0, 60)
    found = np.corrcoef(draws[:, 0].ravel(), draws[:, 1].ravel())[0, 1]
    assert found == pytest.approx(0.8, abs=0.05)
