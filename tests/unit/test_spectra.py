"""Spectra: order, healpy's values, files."""

import healpy
import numpy as np
import pytest

from fewtomany import spectra, store
from fewtomany.errors import UserError


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
