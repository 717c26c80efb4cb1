"""Maps binned in another frame are the same sky."""

import healpy
import numpy as np
import pytest

from fewtomany.simulation import direct, frames
from fewtomany.simulation.observation import observe

LETTERS = {"galactic": "G", "ecliptic": "E", "equatorial": "C"}


def campaign_in(one_day, frame, **simulation):
    return one_day(
        maps={"nside": 32, "frame": frame},
        simulation={
            "nside": 32,
            "scan": {"sampling_rate_hz": 7.1},
            "gains": {"chunk_samples": 20000},
            **simulation,
        },
    )


def to_galactic(tqu, frame, lmax):
    """The map in Galactic coordinates up to a multipole, polarization included."""
    rotator = healpy.Rotator(coord=[LETTERS[frame], "G"])
    alm = healpy.map2alm(tqu, lmax=lmax, iter=10)
    if frame != "galactic":
        alm = rotator.rotate_alm(alm)
    return np.array(healpy.alm2map(alm, healpy.npix2nside(tqu.shape[-1]), lmax=lmax))


def test_rotation_is_that_of_litebird_sim():
    rng = np.random.default_rng(3)
    pointings = rng.uniform([0, 0, -np.pi], [np.pi, 2 * np.pi, np.pi], (2, 500, 3))
    expected = frames.from_ecliptic(pointings, "galactic")
    found = frames._rotate(pointings.reshape(-1, 3), frames.matrix("ecliptic", "galactic"))
    difference = found.reshape(expected.shape) - expected
    np.testing.assert_allclose(np.exp(1j * difference), 1, atol=1e-9)
    assert frames.from_ecliptic(pointings, "ecliptic") is pointings


def test_frames_have_their_poles():
    """The north ecliptic pole lies at (l, b) = (96.384, 29.811), (ra, dec) = (270, 66.561)."""
    pole = np.zeros((1, 3))
    for frame, lon, lat in (("galactic", 96.384, 29.811), ("equatorial", 270.0, 66.561)):
        theta, phi, _ = np.rad2deg(frames.from_ecliptic(pole, frame)[0])
        assert (phi, 90 - theta) == pytest.approx((lon, lat), abs=2e-3)


@pytest.mark.parametrize("frame", ["galactic", "ecliptic", "equatorial"])
def test_scan_of_a_smooth_sky_is_the_sky_in_any_frame(one_day, tmp_path, frame):
    """Also an E mode must stay one: the polarization angles turn with the frame."""
    lmax = 4
    rng = np.random.default_rng(8)
    alm = rng.standard_normal((3, healpy.Alm.getsize(lmax))).astype(complex) * 1e-4
    sky = np.array(healpy.alm2map(alm, 256, lmax=lmax))
    path = tmp_path / "sky.fits"
    said = {"coord": "G", "column_units": "K", "extra_header": [("POLCCONV", "COSMO")]}
    healpy.write_map(path, sky, dtype=np.float64, **said)
    signal = {"dipole": "none", "sky_map": str(path)}
    campaign = campaign_in(one_day, frame, signal=signal)
    ones = np.ones((campaign.simulation.n_chunks, 4))
    found = to_galactic(direct.simulate(campaign, ones, "sky"), frame, lmax)
    expected = np.array(healpy.alm2map(alm, 32, lmax=lmax))
    error = np.std(found - expected, axis=-1) / np.std(expected, axis=-1)
    assert error.max() < 0.01


def test_gain_systematic_is_the_same_sky_in_any_frame(one_day):
    """Large scales agree within pixelization, and so does the power of the whole map."""
    lmax = 12
    found, power = {}, {}
    for frame in LETTERS:
        campaign = campaign_in(one_day, frame)
        gains = 1e-4 * np.random.default_rng(4).standard_normal((campaign.simulation.n_chunks, 4))
        tqu = direct.simulate(campaign, gains, frame)
        found[frame] = to_galactic(tqu, frame, lmax)
        power[frame] = np.mean(tqu[0] ** 2), np.mean(tqu[1:] ** 2)
    scale = np.std(found["galactic"], axis=-1)
    for frame in ("ecliptic", "equatorial"):
        error = np.std(found[frame] - found["galactic"], axis=-1) / scale
        assert error.max() < 0.05
        assert power[frame] == pytest.approx(power["galactic"], rel=0.03)


@pytest.mark.parametrize(("tilt_deg", "expected"), [(0.0, 0.0), (7.5, 0.1835)])
def test_hits_are_zonal_but_for_the_precession(one_day, tilt_deg, expected):
    """The spin axis moves along the ecliptic at Ω (1 + ε cos 2Ωt), two turns a year.

    Its longitude is Ωt + α sin 2Ωt, hence ε = 2α for a tilt α: hits at a longitude
    go as 1 / (1 + ε cos), whose rms is ε/√2 and a little more.
    """
    scan = {
        "duration_days": 365.25,
        "sampling_rate_hz": 0.0513,
        "spin_sun_angle_deg": tilt_deg,
        "spin_boresight_angle_deg": 85.0,
        "precession_period_days": 182.625,
    }
    campaign = one_day(
        maps={"nside": 8, "frame": "ecliptic"},
        simulation={"scan": scan, "gains": {"chunk_samples": 200000}},
    )
    hits = np.zeros(768)
    for observation in observe(campaign, 0, campaign.simulation.n_chunks, "pass"):
        hits += np.bincount(observation.pixels.ravel(), minlength=768)
    z = np.round(healpy.pix2vec(8, np.arange(768))[2], 9)
    _, ring, counts = np.unique(z, return_inverse=True, return_counts=True)
    mean = np.bincount(ring, hits) / counts
    middle = np.abs(z) < 0.5
    spread = np.sqrt(np.mean((hits / mean[ring] - 1)[middle] ** 2))
    assert spread == pytest.approx(expected, abs=0.03)
