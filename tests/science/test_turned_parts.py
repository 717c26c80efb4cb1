"""Inputs turned about an axis where a part of the sky is seen."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from fewtomany import config
from fewtomany.covariance import heldout, learn, turns, variances
from fewtomany.covariance.base import Dense
from fewtomany.files import store
from fewtomany.late import healpy
from fewtomany.maps.components import Components
from fewtomany.maps.ingest.files import FRAMES
from fewtomany.maps.sky import Sky

POLE = (0.0, 0.0, 1.0)


def part_of(nside=8):
    """A band of half of all longitudes."""
    theta, phi = healpy.pix2ang(nside, np.arange(12 * nside**2))
    return Sky(nside, np.flatnonzero((abs(np.cos(theta)) < 0.7) & (phi < np.pi)))


def truth_of(sky):
    """Alike at every longitude, but smooth on some parallels and rough on others."""
    z = sky.vectors[:, 2]
    apart = np.sum((sky.vectors[:, None] - sky.vectors) ** 2, axis=-1)
    smooth, rough = np.cos(6 * z), np.sin(6 * z)
    matrix = np.exp(-apart / 0.5) * np.outer(smooth, smooth)
    matrix += np.exp(-apart / 0.01) * np.outer(rough, rough)
    deviation = 1 + 2 * np.abs(z)
    return Dense(Components("T"), sky, matrix * np.outer(deviation, deviation))


def inputs_of(truth, n_maps=10, frame="ecliptic"):
    maps = truth.draw(1, ("inputs",), 0, n_maps).astype(np.float32)
    return store.MapSet(maps, "T", "inputs", frame=frame, sky=truth.sky)


@pytest.fixture(scope="module")
def truth():
    return truth_of(part_of())


@pytest.fixture(scope="module")
def learnt(truth):
    return {
        axis: learn.learn(inputs_of(truth), config.SymmetrySettings(axis=axis), 1)
        for axis in ("none", "ecliptic")
    }


def test_naming_the_axis_makes_other_maps_likelier(truth, learnt):
    others = truth.draw(2, ("others",), 0, 100).reshape(100, -1)
    score = {
        axis: heldout.log_likelihood(others, found.covariance).mean()
        for axis, found in learnt.items()
    }
    assert score["ecliptic"] > score["none"] + 5


def test_what_was_chosen_is_told(learnt):
    assert "turned" not in learnt["none"].evidence["weights"]
    found = learnt["ecliptic"].evidence
    assert found["weights"]["turned"] > 0.05
    assert found["regressions"] == "turned"
    assert found["symmetry"] is None
    json.dumps(found, allow_nan=False)  # others than Python read it
    way = turns.Way(**found["turns"]["turned"])
    assert (way.axis, way.width_deg in learn.BESIDE_DEG) == (POLE, True)
    assert way.along_deg in learn.ALONG_DEG


def test_variances_are_smoothed_about_the_axis(truth, learnt):
    error = {
        axis: np.std(found.smoothed.ravel() ** 2 / truth.variance) for axis, found in learnt.items()
    }
    assert error["ecliptic"] < 0.8 * error["none"]


def test_a_width_that_is_given_is_used(truth):
    settings = config.SymmetrySettings(axis="ecliptic", width_deg=33.0)
    found = learn.learn(inputs_of(truth, 5), settings, 1).evidence
    assert found["turns"]["turned"]["along_deg"] == 33.0


def test_the_axis_is_that_of_its_frame():
    """Ecliptic north stands at Galactic longitude 96.38, latitude 29.81 degrees."""
    truth = truth_of(part_of(4))
    settings = config.SymmetrySettings(axis="ecliptic")
    found = learn.learn(inputs_of(truth, 5, "galactic"), settings, 1).evidence
    lon, lat = np.deg2rad([96.38, 29.81])
    north = [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    np.testing.assert_allclose(found["turns"]["turned"]["axis"], north, atol=1e-3)
    assert found["smoothing"] == {"width_deg": 0.0, "rings": 0.0, "pair": False}
    assert FRAMES["ecliptic"] == "E"


@pytest.mark.parametrize("along_deg", [20.0, None])
def test_turns_about_an_axis_leave_it_where_it_is(along_deg):
    axis = (0.0, 0.6, 0.8)
    found = turns.Way(0.0, axis, along_deg).rotations(2000, np.random.default_rng(1))
    np.testing.assert_allclose(found.apply(axis), np.tile(axis, (2000, 1)), atol=1e-12)
    angles = np.rad2deg(found.as_rotvec() @ axis)
    expected = 360 / np.sqrt(12) if along_deg is None else along_deg
    assert np.std(angles) == pytest.approx(expected, rel=0.05)


def test_small_turns_come_after_those_about_the_axis():
    """The axis is moved by the small turn alone."""
    one = turns.Way(3.0, POLE, None).rotations(50, np.random.default_rng(2))
    small = turns.Way(3.0).rotations(50, np.random.default_rng(2))
    np.testing.assert_allclose(one.apply(POLE), small.apply(POLE), atol=1e-12)


def test_a_zonal_map_is_the_same_when_it_is_turned():
    sky = part_of()
    zonal = 2 + sky.vectors[:, 2] ** 2
    found = turns.turn(
        np.repeat(zonal[None, None], 4, axis=0),
        Components("T"),
        sky,
        turns.Way(0.0, POLE, 30.0),
        1,
        ("a",),
    )
    expected = np.where(found.seen, 1.0, 0.0)
    np.testing.assert_allclose(found.maps[:, 0], expected, atol=0.15)
    assert 0.5 < found.seen.mean() < 1


@pytest.mark.parametrize("smoothing", [variances.Smoothing(8.0, 1.0), variances.Smoothing(60.0)])
def test_near_an_edge_variances_are_smoothed_by_what_is_inside(smoothing):
    """What depends on latitude alone stays, along rings; the same on the whole sphere."""
    sky = part_of()
    zonal = (1 + sky.vectors[:, 2] ** 2)[None]
    found = variances.smooth(zonal, "T", smoothing, sky=sky)
    np.testing.assert_allclose(found, zonal, rtol=0.05 if smoothing.rings else 1e-6)
    whole = Sky(8)
    noisy = np.random.default_rng(1).chisquare(5, (1, whole.n_pix))
    np.testing.assert_array_equal(
        variances.smooth(noisy, "T", smoothing, sky=whole), variances.smooth(noisy, "T", smoothing)
    )


@pytest.mark.parametrize(
    "smoothing", [variances.Smoothing(30.0, 0.7), variances.Smoothing(30.0, 2.0)]
)
def test_a_pixel_alone_in_a_hole_keeps_a_variance_like_the_others(smoothing):
    """The sides of its kernel, beyond the hole, are negative."""
    whole = Sky(8)
    lone, radius = 256, np.deg2rad(35 if smoothing.rings == 2 else 45)
    inside = whole.vectors @ whole.vectors[lone] < np.cos(radius)
    inside[lone] = True
    sky = Sky(8, np.flatnonzero(inside))
    noisy = np.random.default_rng(3).chisquare(10, (20, 1, sky.n_pix)) / 10
    found = [variances.smooth(one, "T", smoothing, sky=sky) for one in noisy]
    assert np.std(np.log(found)[:, 0, sky.pixels == lone]) < 1.5


def test_where_nothing_comes_from_inside_all_else_is_learnt():
    """Of a strip as thin as this every pixel is at the edge."""
    whole = Sky(4)
    sky = Sky(4, np.flatnonzero(np.abs(whole.vectors[:, 2]) < 0.2))
    truth = truth_of(sky)
    truth = Dense(truth.components, sky, truth.covariance + 0.1 * np.eye(sky.n_pix))
    way = turns.Way(0.0, POLE, None)
    some = inputs_of(truth, 6)
    assert not turns.turn(some.maps, truth.components, sky, way, 1, ("a",)).seen[:-6].any()
    found = learn.learn(some, config.SymmetrySettings(axis="ecliptic"), 1)
    assert np.isfinite(found.covariance).all()
    others = truth.draw(2, ("others",), 0, 50).reshape(50, -1)
    assert np.mean(others * found.solve(others)) == pytest.approx(1, abs=0.5)


def test_an_angle_is_the_sum_of_two_where_the_pole_stays():
    """SciPy cannot tell them apart, and healpy needs no more than their sum."""
    rotation = Rotation.from_rotvec([[0, 0, 0.3]])
    first, middle, last = rotation.as_euler("ZYZ", suppress_warnings=True)[0]
    assert middle == pytest.approx(0)
    assert first + last == pytest.approx(0.3)
