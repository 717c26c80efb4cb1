"""What is planted in T, Q and U, and in two channels, is found again in what is emulated."""

import dataclasses
from pathlib import Path

import healpy as hp
import numpy as np
import pytest

from fewtomany import config
from fewtomany.emulator import descent, model
from fewtomany.files.store import MapSet

NSIDE, N_INPUTS = 8, 20
LMAX = 3 * NSIDE - 1
ELL = np.arange(LMAX + 1)
TINY = Path(__file__).parents[1] / "workflow/tiny.yaml"
DESCENT = config.load(TINY).emulator.changed(
    n_scales=2,
    n_orientations=2,
    n_steps=150,
    stripe_zones=0,
    mean="zero",
    dtype="float64",
)


@pytest.fixture(autouse=True, scope="module")
def same_programs():
    """Where a descent starts and ends is not in its program: one is compiled for several."""
    compiled = descent._compiled

    def shared(phi, fixed):
        same = phi.settings.changed(start=DESCENT.start, n_steps=DESCENT.n_steps)
        return compiled(dataclasses.replace(phi, settings=same), fixed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descent, "_compiled", shared)
        yield


def _spectrum(amplitude, slope):
    return np.where(ELL >= 2, amplitude * (ELL + 5.0) ** slope, 0.0)


def _tqu(n_maps, correlation, seed):
    """Isotropic maps of T, E and B with a T-E correlation, times an uneven pattern."""
    ell, m = hp.Alm.getlm(LMAX)
    random = np.random.default_rng(seed)
    theta, _ = hp.pix2ang(NSIDE, np.arange(12 * NSIDE**2))
    maps = []
    for _ in range(n_maps):
        real, imaginary = random.normal(size=(2, 3, len(ell)))
        t, other, b = np.where(m == 0, real, (real + 1j * imaginary) / np.sqrt(2))
        e = correlation * t + np.sqrt(1 - correlation**2) * other
        spectra = _spectrum(1.0, -1.5), _spectrum(0.1, -1.0), _spectrum(0.05, -1.0)
        alms = [np.sqrt(cl[ell]) * alm for cl, alm in zip(spectra, (t, e, b), strict=True)]
        maps.append(hp.alm2map(alms, NSIDE, lmax=LMAX))
    return np.array(maps) * (1 + 0.5 * np.cos(theta) ** 2)


def _emulate(inputs, given=None):
    sampler = descent.Sampler(model.prepare(inputs, DESCENT), 3, "some", "average-target", given)
    return sampler.run([descent.Task(0, 0)])[0], sampler.model


def _mean_spectra(maps):
    found = [hp.anafast(sky, lmax=LMAX, iter=0, pol=True) for sky in maps]
    return np.mean(found, axis=0)


def _correlation(a, b):
    """Correlation of two fields (n_maps, n_pix) over pixels and maps."""
    return np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2))


def test_all_six_spectra_and_a_planted_t_e_correlation():
    inputs = _tqu(N_INPUTS, 0.6, 1)
    batch, prepared = _emulate(MapSet(inputs, "TQU", "inputs"))
    losses = batch.losses.sum(axis=1)
    assert losses[-1] < 1e-4 * losses[0]
    assert prepared.phi.term_names == ("T", "Q", "U", "TQ", "TU", "QU", "spectra")
    target, found = _mean_spectra(inputs), _mean_spectra(batch.maps)
    scale = np.sqrt(np.abs(target[[0, 1, 2, 0, 1, 0]] * target[[0, 1, 2, 1, 2, 2]]))
    inside = slice(2, LMAX - 2)
    difference = (found - target)[:, inside] / scale[:, inside]
    assert np.abs(difference).max() < 0.02

    def t_e(spectra):
        tt, ee, _, te = spectra[:4, 2:]
        weight = 2 * ELL[2:] + 1
        return np.sum(weight * te) / np.sqrt(np.sum(weight * tt) * np.sum(weight * ee))

    assert t_e(found) == pytest.approx(t_e(target), abs=0.01)
    assert t_e(target) > 0.4


@pytest.fixture(scope="module")
def two_channels():
    """Q and U of two channels, correlated by 0.8."""
    a, other = (_tqu(N_INPUTS, 0.0, seed)[:, 1:] for seed in (2, 3))
    maps = np.concatenate([a, 0.8 * a + 0.6 * other], axis=1)
    return MapSet(maps, "QU", "inputs", channels=("a", "b"))


def test_a_planted_correlation_of_two_channels(two_channels):
    batch, _ = _emulate(two_channels)
    maps = two_channels.maps
    for place in (0, 1):
        planted = _correlation(maps[:, place], maps[:, place + 2])
        found = _correlation(batch.maps[:, place], batch.maps[:, place + 2])
        assert planted == pytest.approx(0.8, abs=0.03)
        assert found == pytest.approx(planted, abs=0.05)
        across = _correlation(batch.maps[:, place], batch.maps[:, 3 - place])
        assert across == pytest.approx(0.0, abs=0.05)


def test_one_channel_is_given_and_the_other_follows(two_channels):
    """New maps of channel a that are no inputs: b has its own new part and is tied to a by 0.8."""
    new = _tqu(10, 0.0, 9)[:, 1:].astype(np.float32)
    batch, _ = _emulate(two_channels, descent.Given((0, 1), new))
    assert (batch.maps[:, :2] == new).all()
    for place in (0, 1):
        found = _correlation(batch.maps[:, place], batch.maps[:, place + 2])
        assert found == pytest.approx(0.8, abs=0.05)
    power = np.sum(batch.maps[:, 2:] ** 2, axis=(1, 2))
    expected = np.sum(two_channels.maps[:, 2:] ** 2, axis=(1, 2)).mean()
    assert power.mean() == pytest.approx(expected, rel=0.1)


def test_given_maps_that_are_stronger_have_a_stronger_answer(two_channels):
    """Twice as strong: b is 0.8 · 2 a with its own 0.6, as a Gaussian field would be."""
    settings = DESCENT.changed(start="isotropic", n_steps=30)
    new = 2 * _tqu(10, 0.0, 9)[:, 1:]
    prepared = model.prepare(two_channels, settings)
    given = descent.Given((0, 1), new.astype(np.float32))
    (batch,) = descent.Sampler(prepared, 3, "some", "average-target", given).run(
        [descent.Task(0, 0)]
    )
    power = np.sum(batch.maps[:, 2:] ** 2, axis=(1, 2)).mean()
    alone = np.sum(two_channels.maps[:, 2:] ** 2, axis=(1, 2)).mean()
    expected = 0.8**2 * 4 + 0.6**2
    assert power / alone == pytest.approx(expected, rel=0.15)
    for place in (0, 1):
        found = _correlation(batch.maps[:, place], batch.maps[:, place + 2])
        assert found == pytest.approx(1.6 / np.sqrt(expected), abs=0.03)
