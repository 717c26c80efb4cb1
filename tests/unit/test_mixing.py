"""What a mask does to a spectrum, and a model of which it has been taken off."""

import healpy
import numpy as np
import pytest

from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.spectra import isotropic, mixing, spectra

NSIDE = 16
COMPONENTS = Components("TQU")
ELL = np.arange(3 * NSIDE)
STEEP = np.where(ELL >= 2, (ELL + 2.0) ** -4, 0)
"""At the highest multipoles a masked map of it has twice its own power."""


T_E = list(COMPONENTS.spectra).index("TE")


def by_four(ratio):
    """Means of four multipoles, from 4 to 2.5 nside: on this sky even and odd ones differ."""
    return ratio[4:40].reshape(-1, 4).mean(axis=1)


@pytest.fixture(scope="module")
def sky():
    """Without a band of a tenth along the equator."""
    height = np.abs(healpy.pix2vec(NSIDE, np.arange(12 * NSIDE**2))[2])
    return Sky(NSIDE, np.flatnonzero(height > 0.1))


@pytest.fixture(scope="module")
def maps(sky):
    cl = np.zeros((6, len(ELL)))
    cl[:3] = STEEP
    cl[T_E] = 0.6 * STEEP
    random = np.random.default_rng(1)
    drawn = [isotropic.realize(cl, COMPONENTS, random, NSIDE) for _ in range(60)]
    return sky.restrict(np.array(drawn))


def test_the_full_sky_mixes_nothing():
    kernel = mixing.kernel(Sky(NSIDE))
    np.testing.assert_allclose(kernel, np.eye(len(ELL)), atol=1e-3)
    cl = np.random.default_rng(2).random((6, len(ELL)))
    assert mixing.unmixed(cl, COMPONENTS, Sky(NSIDE)) is cl


def test_the_kernel_gives_the_mean_pseudo_spectrum(sky, maps):
    found = spectra.measure(maps, COMPONENTS, sky)[:, 0].mean(axis=0)
    ratio = found / (mixing.kernel(sky) @ STEEP)
    np.testing.assert_allclose(by_four(ratio), 1, atol=0.08)
    twice = found[36:44] / np.mean(sky.expand(sky.weight, fill=0.0) ** 2) / STEEP[36:44]
    assert twice.mean() > 1.3


def test_an_unmixed_spectrum_is_that_of_the_whole_sky(sky, maps):
    pseudo = spectra.measure(maps, COMPONENTS, sky)
    found = np.mean([mixing.unmixed(cl, COMPONENTS, sky) for cl in pseudo], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = found / STEEP
    for spectrum in ratio[:3]:
        np.testing.assert_allclose(by_four(spectrum), 1, atol=0.15)
    pseudo = np.mean(pseudo, axis=0)[:, 10:40]
    found = found[:, 10:40]
    np.testing.assert_allclose(
        found[T_E] / np.sqrt(found[0] * found[1]), pseudo[T_E] / np.sqrt(pseudo[0] * pseudo[1]), 0.1
    )


def test_masked_draws_have_the_spectra_of_masked_maps(sky, maps):
    drawn = isotropic.draw(maps[:20], COMPONENTS, 3, ("some",), 0, 40, sky)
    found, expected = (
        spectra.measure(some, COMPONENTS, sky)[:, :3, 4:44].mean(axis=0)
        for some in (drawn, maps[:20])
    )
    np.testing.assert_allclose((found / expected)[:, 20:].mean(axis=1), 1, atol=0.08)


def test_what_an_uneven_kernel_mixed_is_taken_apart():
    """Power that goes from one multipole to another, and not the other way."""
    mixed = np.array([[0.8, 0.0, 0.0], [0.2, 0.7, 0.0], [0.0, 0.3, 0.5]])
    true = np.array([1.0, 2.0, 3.0])
    pseudo = mixed @ true
    np.testing.assert_allclose(mixing._change(pseudo, mixed) * pseudo, true, rtol=0.02)
