"""Spectra of planes and lines against NumPy's Fourier transform and known answers."""

import numpy as np
import pytest
import tensorflow as tf

from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.scattering import fourier

MASK = np.random.default_rng(0).uniform(0.2, 1, (8, 12))
MASK[:3, :5] = 0

PLACES = {
    "square": Flat((16, 16), True),
    "odd": Flat((9, 14), False),
    "masked": Flat.of_mask(MASK, False),
    "line": Flat((32,), True),
    "odd line": Flat((27,), False),
}


def _spectra(flat, maps, components, l1="moduli", dtype="float64"):
    transform = fourier.fourier_transform(flat, dtype)
    return transform.spectra(tf.constant(flat.to_nested(maps), dtype), components, l1).numpy()


@pytest.mark.parametrize("place", PLACES)
def test_spectra_equal_numpy_wave_by_wave(place):
    flat = PLACES[place]
    components = Components("T", ("a", "b"))
    maps = np.random.default_rng(1).normal(size=(3, 2, flat.n_pix))
    found = _spectra(flat, maps, components)
    pictures = np.nan_to_num(flat.image(maps * flat.weight))
    waves = np.fft.fftn(pictures, axes=range(2, pictures.ndim)) / np.sqrt(flat.n_whole)
    frequencies = np.meshgrid(*map(np.fft.fftfreq, flat.shape), indexing="ij")
    number = np.rint(np.sqrt(sum(f**2 for f in frequencies)) * max(flat.shape)).astype(int)
    assert found.shape == (3, 2, 3, number.max() + 1)
    for b in range(number.max() + 1):
        x, y = waves[:, 0][:, number == b], waves[:, 1][:, number == b]
        products = (x * x.conj(), y * y.conj(), x * y.conj())
        expected = np.array([np.mean(p.real, axis=1) for p in products]).T
        np.testing.assert_allclose(found[:, 0, :, b], expected, atol=1e-12)
        rooted = (np.abs(x), np.abs(y), products[2].real / np.sqrt(np.abs(products[2])))
        expected = np.array([np.mean(r, axis=1) for r in rooted]).T
        np.testing.assert_allclose(found[:, 1, :, b], expected, atol=1e-12)
    root = _spectra(flat, maps, components, "root")
    np.testing.assert_allclose(root[:, 1], np.sign(found[:, 0]) * np.sqrt(np.abs(found[:, 0])))


@pytest.mark.parametrize("place", ["square", "odd", "line"])
def test_the_spectrum_adds_up_to_the_variance(place):
    flat = PLACES[place]
    maps = np.random.default_rng(2).normal(size=(2, 1, flat.n_pix))
    power = _spectra(flat, maps, Components("T"))[:, 0, 0]
    total = power @ np.bincount(flat.bin_of) / flat.n_pix
    np.testing.assert_allclose(total, np.mean(maps**2, axis=2)[:, 0])
    assert flat.wave_numbers[0] == 0
    assert (np.diff(flat.wave_numbers) > 0).all()


@pytest.mark.parametrize("wave", [(3, 0), (0, 5), (4, 4), (-2, 6)])
def test_a_wave_of_q_along_itself_is_a_pure_e_mode(wave):
    """Q and U from south to east (COSMO): E is the Q, B the U in the frame of the wave."""
    flat = Flat((16, 16), True)
    south, east = np.unravel_index(flat.indices, flat.shape)
    stripes = np.cos(2 * np.pi / 16 * (wave[0] * south + wave[1] * east))
    twice = 2 * np.arctan2(wave[1], wave[0])
    pure = np.array([np.cos(twice) * stripes, np.sin(twice) * stripes])
    turned = np.array([-pure[1], pure[0]])
    found = _spectra(flat, np.array([pure, turned]), Components("QU"))[:, 0]
    total = found @ np.bincount(flat.bin_of) / flat.n_pix
    np.testing.assert_allclose(total[:, :2], [[0.5, 0], [0, 0.5]], atol=1e-12)
    np.testing.assert_allclose(found[:, 2], 0, atol=1e-12)


def test_gaussian_maps_have_the_auto_and_cross_spectra_they_are_given():
    for flat in (Flat((16, 16), True), Flat.of_mask(np.tile(MASK, (2, 1)), True)):
        components = Components("T", ("a", "b"))
        given = np.random.default_rng(3).normal(size=(2, 2, flat.n_pix))
        given[:, 1] += given[:, 0]
        given = flat.restrict(np.cumsum(flat.expand(given, 0.0), axis=2)) if flat.is_full else given
        given -= np.average(given, axis=2, weights=flat.weight)[..., None]
        drawn = fourier.gaussian_like(flat, given, np.random.default_rng(4), 2000)
        variance = np.average(drawn**2, axis=2, weights=flat.weight**2).mean(axis=0)
        expected = np.average(given**2, axis=2, weights=flat.weight**2).mean(axis=0)
        np.testing.assert_allclose(variance, expected, rtol=0.1)
        if flat.is_full:
            found = _spectra(flat, drawn, components)[:, 0].mean(axis=0)
            wanted = _spectra(flat, given, components)[:, 0].mean(axis=0)
            np.testing.assert_allclose(found[:, 1:], wanted[:, 1:], rtol=0.2)


def test_float32_is_close_to_float64():
    flat = PLACES["square"]
    maps = np.random.default_rng(6).normal(size=(2, 1, flat.n_pix))
    found, exact = (_spectra(flat, maps, Components("T"), dtype=d) for d in ("float32", "float64"))
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-6)
