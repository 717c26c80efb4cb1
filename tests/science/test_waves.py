"""Spectra of planes and lines by NumPy against those of the emulator, and Gaussian maps."""

import numpy as np
import pytest
import tensorflow as tf

from fewtomany.maps import textures
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.scattering import fourier
from fewtomany.spectra import isotropic, spectra

MASK = np.random.default_rng(0).uniform(0.2, 1, (8, 12))
MASK[:3, :5] = 0
PLACES = {
    "plane": Flat((8, 12), True),
    "open plane": Flat((9, 14), False),
    "masked": Flat.of_mask(MASK, False),
    "line": Flat((27,), False),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("stokes", ["T", "TQU"])
def test_measured_spectra_are_those_that_the_emulator_constrains(place, stokes):
    flat, components = PLACES[place], Components(stokes)
    maps = np.random.default_rng(1).normal(size=(3, len(stokes), flat.n_pix))
    transform = fourier.fourier_transform(flat, tf.float64)
    expected = transform.spectra(tf.constant(flat.to_nested(maps)), components).numpy()[:, 0]
    np.testing.assert_allclose(spectra.measure(maps, components, flat), expected, atol=1e-12)


def test_gaussian_maps_have_the_mean_and_spectrum_of_their_inputs_whatever_the_range():
    flat = Flat((16, 16), True)
    inputs = np.random.default_rng(2).normal(size=(2, 1, 256)).cumsum(axis=2) + 50
    drawn = isotropic.draw(inputs, "T", 1, ("draw", "naive"), 0, 2000, flat)
    part = isotropic.draw(inputs, "T", 1, ("draw", "naive"), 7, 9, flat)
    np.testing.assert_array_equal(part, drawn[7:9])
    np.testing.assert_allclose(drawn.mean(axis=2)[:2], inputs.mean(axis=2))
    found = spectra.measure(drawn[::2], "T", flat).mean(axis=0)[:, 1:]
    expected = spectra.measure(inputs[:1], "T", flat)[0][:, 1:]
    np.testing.assert_allclose(found, expected, rtol=0.15)


def test_textures_with_open_edges_are_a_part_of_larger_ones():
    random = np.random.default_rng
    flat = Flat((8, 12), False)
    whole = textures.filaments((16, 24), random(3))
    np.testing.assert_array_equal(textures.draw("filaments", flat, random(3)), whole[:8, :12])
    assert textures.draw("intermittent", Flat((32,), True), random(3)).shape == (32,)
