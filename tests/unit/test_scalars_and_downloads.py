"""Rotations: scalars stay scalars however many there are, and nothing is asked of a network."""

import contextlib

import healpy
import numpy as np
import pytest
from astropy.utils import data

from fewtomany.covariance.rotated import Rotation
from fewtomany.maps.components import Components
from fewtomany.maps.ingest.resample import resampling

NSIDE = 4
MAPS = np.random.default_rng(2).standard_normal((3, 12 * NSIDE**2))


def rotated(components, maps):
    return Rotation(components, "galactic", "ecliptic").to_axis(maps[None])[0]


def test_channels_of_temperature_are_rotated_as_if_alone():
    """healpy's ``Rotator`` takes the last two maps of three for Q and U."""
    together = rotated(Components("T", ("a", "b", "c")), MAPS)
    for one, found in zip(MAPS, together, strict=True):
        np.testing.assert_allclose(found, rotated(Components("T"), one[None])[0], atol=1e-12)


def test_scalars_are_resampled_into_another_frame_as_scalars():
    """A dipole along the ecliptic pole stays one; Q and U of the same values do not."""
    pole = healpy.Rotator(coord=["E", "G"])([0.0, 0.0, 1.0])
    vectors = np.array(healpy.pix2vec(4 * NSIDE, np.arange(12 * (4 * NSIDE) ** 2)))
    seen = np.ones(vectors.shape[1], bool)
    change = resampling(4 * NSIDE, "galactic", NSIDE, "ecliptic")
    expected = healpy.pix2vec(NSIDE, np.arange(12 * NSIDE**2))[2]
    height = pole @ vectors
    np.testing.assert_allclose(change.scalar(height, seen), expected, atol=0.02)
    assert np.abs(change.spin(height, height, seen)[0] - expected).max() > 0.5


@pytest.fixture
def requests(monkeypatch):
    """Files that healpy asks for; none is to be had."""
    asked = []

    def refuse(name, *arguments, **options):
        asked.append(name)
        raise OSError("no network")

    monkeypatch.setattr(data, "get_pkg_data_filename", refuse)
    return asked


def test_rotations_ask_for_no_file(requests):
    """The same numbers with and without a network: no weights, which healpy would do without."""
    rotated(Components("TQU"), MAPS)
    Rotation(Components("QU"), "galactic", "ecliptic").adjoint(MAPS[None, :2])
    resampling(NSIDE, "galactic", NSIDE, "ecliptic").spin(*MAPS[1:], np.ones(192, bool))
    assert not requests
    with contextlib.suppress(OSError):  # and this is how one would look
        healpy.map2alm(MAPS[0], use_pixel_weights=True)
    assert requests
