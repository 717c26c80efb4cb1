"""Known answers of the scan and of its signal."""

import healpy
import litebird_sim as lbs
import numpy as np
import pytest

from fewtomany.errors import UserError
from fewtomany.simulation import direct, scan, signal
from fewtomany.simulation.observation import observe

PLANCK = {
    "spin_sun_angle_deg": 7.5,
    "spin_boresight_angle_deg": 85.0,
    "precession_period_days": 182.6,
}


def vectors(angles):
    return np.array(healpy.ang2vec(angles[..., 0], angles[..., 1]))


def test_boresight_keeps_its_angles_to_the_sun(one_day):
    """The angle to the anti-solar direction lies within 85 ± 7.5 degrees, and fills it."""
    mission = scan.prepare(one_day(simulation={"scan": PLANCK}))
    pointings = scan.point(mission, 3)
    angle = mission.earth_angles[(3 * 5000 // 3600)]
    anti_sun = np.array([np.cos(angle), np.sin(angle), 0])
    degrees = np.rad2deg(np.arccos(vectors(pointings.ecliptic[0]) @ anti_sun))
    assert degrees.min() == pytest.approx(77.5, abs=0.3)
    assert degrees.max() == pytest.approx(92.5, abs=0.3)


def test_spin_period_and_offset(one_day):
    """One turn a minute; an offset of 5 degrees moves a detector by 5 degrees."""
    detectors = [
        {"name": "a", "polarization_angle_deg": 0.0},
        {"name": "b", "polarization_angle_deg": 0.0, "offset_deg": 5.0},
    ]
    mission = scan.prepare(one_day(simulation={"scan": PLANCK, "detectors": detectors}))
    np.testing.assert_array_equal(mission.direction_of, [0, 1])
    here, there = map(vectors, scan.point(mission, 0).ecliptic)
    np.testing.assert_allclose(np.sum(here * there, axis=-1), np.cos(np.deg2rad(5)), atol=1e-9)
    turn = np.rad2deg(np.arccos(np.clip(np.sum(here[:-60] * here[60:], axis=-1), -1, 1)))
    assert turn.max() < 0.01
    half_turn = np.rad2deg(np.arccos(np.sum(here[:-30] * here[30:], axis=-1)))
    np.testing.assert_allclose(half_turn, 170, atol=0.1)


def test_orientation_turns_as_cosmo_in_the_galactic_frame(one_day):
    """ψ, from east over north, is the COSMO angle (from south over east) minus 90 degrees.

    The polarimeter's axis is followed as a vector: x of the detector, rotated to the
    ecliptic by the orientation litebird_sim gives there, then to the Galactic frame.
    """
    pointings = scan.point(scan.prepare(one_day()), 1)

    def axes(angles):
        theta, phi = angles[..., 0], angles[..., 1]
        zero = np.zeros_like(theta)
        south = [np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)]
        east = [-np.sin(phi), np.cos(phi), zero]
        return np.stack(south, -1), np.stack(east, -1)

    south, east = axes(pointings.ecliptic)
    psi = pointings.ecliptic[..., 2, None]
    axis = (np.cos(psi) * east - np.sin(psi) * south) @ lbs.ECL_TO_GAL_ROT_MATRIX.T
    south, east = axes(pointings.galactic)
    cosmo = np.arctan2(np.sum(axis * east, -1), np.sum(axis * south, -1))
    difference = cosmo - pointings.galactic[..., 2] - np.pi / 2
    np.testing.assert_allclose(np.exp(1j * difference), 1, atol=1e-9)


def test_chunk_has_the_same_bits_in_any_range(one_day):
    campaign = one_day()
    simulation = campaign.simulation
    whole = list(observe(campaign, 0, simulation.n_chunks, "all"))
    assert sum(observation.tod.shape[1] for observation in whole) == simulation.scan.n_samples
    assert whole[-1].tod.shape == (4, 86400 % 5000)
    for chunk in (0, 7, simulation.n_chunks - 1):
        (alone,) = observe(campaign, chunk, chunk + 1, "one")
        np.testing.assert_array_equal(alone.pixels, whole[chunk].pixels)
        np.testing.assert_array_equal(alone.psi, whole[chunk].psi)
        np.testing.assert_array_equal(alone.tod, whole[chunk].tod)


def test_solar_dipole_has_its_amplitude_and_direction(one_day):
    """The difference of the two dipoles is 3.362 mK towards (l, b) = (264.02, 48.25)."""
    maps = []
    for dipole in ("solar_and_orbital", "orbital"):
        campaign = one_day(simulation={"signal": {"dipole": dipole}})
        ones = np.ones((campaign.simulation.n_chunks, 4))
        maps.append(direct.simulate(campaign, ones, dipole)[0])
    _, vector = healpy.fit_dipole(maps[0] - maps[1])
    assert np.linalg.norm(vector) == pytest.approx(3.362e-3, rel=3e-3)
    towards = np.array(healpy.ang2vec(264.021, 48.253, lonlat=True))
    assert vector @ towards / np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    _, orbital = healpy.fit_dipole(maps[1])
    assert np.linalg.norm(orbital) == pytest.approx(2.725 * 30 / 3e5, rel=0.03)


@pytest.mark.parametrize("components", [1, 3])
def test_noiseless_scan_of_a_sky_returns_the_sky(one_day, tmp_path, components):
    path = tmp_path / "sky.fits"
    sky = np.random.default_rng(5).standard_normal((components, 768))
    said = {"coord": "G", "column_units": "K_CMB", "extra_header": [("POLCCONV", "COSMO")]}
    healpy.write_map(path, sky, dtype=np.float64, **said)
    campaign = one_day(simulation={"signal": {"dipole": "none", "sky_map": str(path)}})
    ones = np.ones((campaign.simulation.n_chunks, 4))
    maps = direct.simulate(campaign, ones, "sky")
    np.testing.assert_allclose(maps[:components], sky, atol=1e-12)
    np.testing.assert_allclose(maps[components:], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coord": "E"}, "frame is ecliptic, expected galactic"),
        ({"coord": None}, r"COORDSYS is missing; give it in the file's header \(galactic"),
        ({"column_units": None}, r"TUNIT is missing; give it in the file's header \(K, mK, uK"),
        ({"column_units": "MJy/sr"}, "TUNIT is 'MJy/sr', no temperature; expected K"),
        ({"extra_header": []}, r"POLCCONV is missing; give it in the file's header \(COSMO"),
        ({"value": healpy.UNSEEN}, "pixels without a value"),
        ({"value": np.nan}, "pixels without a value"),
        ({"components": 2}, "holds 1 maps of QU; expected one of T or TQU"),
    ],
)
def test_unsuited_sky_map_is_refused_by_name(tmp_path, changes, message):
    path = tmp_path / "sky.fits"
    options = {"coord": "G", "column_units": "K_CMB", "dtype": np.float64}
    options |= {"extra_header": [("POLCCONV", "COSMO")], **changes}
    sky = np.zeros((options.pop("components", 3), 768))
    sky[0, 5] = options.pop("value", 1.0)
    healpy.write_map(path, sky, **options)
    with pytest.raises(UserError, match=message) as raised:
        signal.read_sky(str(path))
    assert "sky.fits" in str(raised.value)


def test_file_that_is_no_sky_map_is_refused_by_name(tmp_path):
    path = tmp_path / "sky.fits"
    path.write_text("not a map")
    with pytest.raises(UserError, match=r"sky\.fits: is no FITS file: it begins with 'not a map'"):
        signal.read_sky(str(path))


def test_a_sky_in_other_units_order_and_convention_is_the_same(tmp_path):
    sky = np.random.default_rng(5).standard_normal((3, 192)) * 1e-5
    iau = 1e6 * sky * np.array([1, 1, -1])[:, None]
    nested = [healpy.reorder(row, r2n=True) for row in iau]
    said = {"coord": "G", "column_units": "uK_CMB", "extra_header": [("POLCCONV", "IAU")]}
    healpy.write_map(tmp_path / "sky.fits", nested, nest=True, dtype=np.float64, **said)
    np.testing.assert_allclose(signal.read_sky(str(tmp_path / "sky.fits")), sky, rtol=1e-12)
