"""Turns about an axis that is not the pole of the maps' frame."""

import healpy
import numpy as np
import pytest

from fewtomany import config, covariance
from fewtomany.covariance import choice, heldout, learn, turning, variances, without_axis
from fewtomany.covariance.rotated import Rotated, Rotation
from fewtomany.covariance.turned import Symmetry, Training, Turned
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import spectra

NSIDE = 4
N_PIX = 12 * NSIDE**2
QU = Components("QU")
AWAY = Rotation(QU, "galactic", "ecliptic")
RANDOM = np.random.default_rng(3)


def smooth_maps(n_maps, lmax=NSIDE):
    """Maps of E and B below a multipole that the pixels hold with ease."""
    size = healpy.Alm.getsize(spectra.lmax_of(NSIDE))
    degree = healpy.Alm.getlm(spectra.lmax_of(NSIDE))[0]
    found = []
    for _ in range(n_maps):
        alms = RANDOM.standard_normal((2, size)) + 1j * RANDOM.standard_normal((2, size))
        alms[:, (degree < 2) | (degree > lmax)] = 0
        found.append(spectra.to_map(alms, QU, NSIDE))
    return np.array(found)


def test_a_scalar_field_is_where_it_was():
    """The height above the ecliptic, a dipole, in Galactic and in ecliptic coordinates."""
    scalar = Rotation(Components("T"), "galactic", "ecliptic")
    pole = healpy.Rotator(coord=["E", "G"])([0.0, 0.0, 1.0])
    vectors = np.array(healpy.pix2vec(NSIDE, np.arange(N_PIX)))
    found = scalar.to_axis((pole @ vectors)[None, None])
    np.testing.assert_allclose(found[0, 0], vectors[2], atol=1e-3)


def test_what_the_harmonics_hold_comes_back():
    maps = smooth_maps(3)
    there = AWAY.to_axis(maps)
    assert np.abs(there - maps).max() > 0.1
    np.testing.assert_allclose(AWAY.from_axis(there), maps, atol=1e-3 * maps.std())
    power, expected = (spectra.measure(x, "QU")[:, 0].mean(axis=0) for x in (there, maps))
    np.testing.assert_allclose(power, expected, atol=1e-3 * expected.max())


def test_the_adjoint_is_one():
    maps, directions = RANDOM.standard_normal((2, 4, 2, N_PIX))
    left = np.einsum("kcp,icp->ki", directions, AWAY.from_axis(maps))
    right = np.einsum("kcp,icp->ki", AWAY.adjoint(directions), maps)
    np.testing.assert_allclose(left, right, atol=1e-11 * np.abs(left).max())


def test_variances_are_smoothed_along_the_rings_of_the_axis():
    """A variance that follows ecliptic latitude stays, however far along the rings."""
    theta = turning.directions(NSIDE)[0]
    there = np.exp(np.cos(theta) ** 2)
    latitude = AWAY._interpolated(np.log(there)[None], AWAY._forward)
    variance = np.repeat(np.exp(latitude), 2, axis=0)
    smoothed = AWAY.smooth(variance, "QU", variances.Smoothing(30.0, 0.0, pair=True))
    np.testing.assert_allclose(smoothed, variance, rtol=0.12)
    assert AWAY.smooth(variance, "QU", variances.NONE) is variance


def test_variances_of_temperature_and_of_channels_stay_their_own():
    """T has no partner, and Q and U have one in their channel alone."""
    theta = turning.directions(NSIDE)[0]
    there = np.exp(np.cos(theta) ** 2)
    latitude = AWAY._interpolated(np.log(there)[None], AWAY._forward)
    smoothing = variances.Smoothing(30.0, 0.0, pair=True)
    alone = np.exp(latitude)
    np.testing.assert_allclose(AWAY.smooth(alone, "T", smoothing), alone, rtol=0.12)
    channels = np.concatenate([alone, alone, 1 / alone, 1 / alone])
    np.testing.assert_allclose(AWAY.smooth(channels, "QUQU", smoothing), channels, rtol=0.12)


@pytest.fixture(scope="module")
def case(quick_learning):
    """Inputs in Galactic coordinates of a field that is alike at all ecliptic longitudes."""
    there = Turned.of(Training(smooth_maps(40), QU, Sky(NSIDE)), Symmetry())
    truth = Rotated.of(there, AWAY, 1e-6 * np.ones((2, N_PIX)))
    inputs = store.MapSet(truth.draw(1, ("b",), 0, 12), "QU", "few", frame="galactic")
    return truth, inputs


@pytest.mark.parametrize("apart", [False, True])
def test_turns_about_another_axis_are_worth_something(case, apart, tmp_path, monkeypatch):
    """With little to choose from: smoothings that take turns there and back, and symmetries.

    With large and small scales apart, too.
    """
    if apart:
        monkeypatch.setattr(heldout, "FEW", 100)
        monkeypatch.setattr(without_axis, "N_DIRECTIONS", 40)
        monkeypatch.setattr(without_axis, "MOST_DIRECTIONS", 80)
    monkeypatch.setattr(variances, "WIDTHS_DEG", (0.0, 8.0, 30.0))
    monkeypatch.setattr(variances, "N_FOLDS", 3)
    monkeypatch.setattr(variances, "RING_WIDTHS", (0.0, 1.0))
    monkeypatch.setattr(choice, "WIDTHS_DEG", (0.0, 40.0, np.inf))
    monkeypatch.setattr(choice, "COHERENCES_DEG", (45.0, np.inf))
    monkeypatch.setattr(choice, "N_CENTRES", 8)
    truth, inputs = case
    expected = truth.dense()

    def error(axis):
        learnt = learn.learn(inputs, config.SymmetrySettings(axis=axis), 1)
        return np.linalg.norm(learnt.model.dense() - expected), learnt

    turned, learnt = error("ecliptic")
    assert turned < (0.92 * error("none")[0] if not apart else 0.6 * np.linalg.norm(expected))
    assert learnt.evidence["in_the_frame_of_the_axis"]["axis"] == "ecliptic"
    covariance.write(tmp_path / "learnt.h5", learnt, {})
    again = covariance.load(tmp_path / "learnt.h5")
    drawn, known = (some.model.draw(1, ("c",), 0, 3) for some in (again, learnt))
    np.testing.assert_allclose(drawn, known, atol=1e-9 * learnt.deviation.max())
    np.testing.assert_allclose(learnt.deviation, np.sqrt(learnt.inflation) * learnt.smoothed)
    assert ("small_scales" in learnt.evidence) == apart
