"""Our pass beside litebird_sim's own map-makers, and streams of noise that its options would bend.

Its compiled functions are run as plain Python: a few thousand samples need no compiler.
"""

import sys
from types import SimpleNamespace

import healpy
import litebird_sim as lbs
import numpy as np
import pytest
from litebird_sim.mapmaking import binner, common, destriper

from fewtomany import config
from fewtomany.maps import ingest
from fewtomany.simulation import binning, drifts, noise, systematics
from fewtomany.simulation.observation import observe

NSIDE, N_SAMPLES = 2, 400
N_PIX = 12 * NSIDE**2
ANGLES = np.deg2rad([0.0, 90.0, 45.0, 20.0])
UNSEEN = [0, 7, 47]


@pytest.fixture(autouse=True, scope="module")
def interpreted():
    with pytest.MonkeyPatch.context() as patch:
        for module in (binner, common, destriper):
            for name, found in vars(module).items():
                if hasattr(found, "py_func"):
                    patch.setattr(module, name, found.py_func)
        yield


@pytest.fixture(scope="module")
def scan():
    """Pixels, orientations and data of four detectors that never see three of the pixels."""
    random = np.random.default_rng(1)
    pixels = random.choice(np.delete(np.arange(N_PIX), UNSEEN), (1, N_SAMPLES))
    psi = random.uniform(-np.pi, np.pi, (1, N_SAMPLES))
    return pixels, psi, 1e-6 * random.standard_normal((len(ANGLES), N_SAMPLES))


def ours(scan):
    """Our map, (3, n_pix), 0 where nothing was seen."""
    pixels, psi, tod = scan
    normal, projected = np.zeros((N_PIX, 6)), np.zeros((N_PIX, len(ANGLES), 3))
    which = np.zeros(len(ANGLES), int)
    binning._accumulate.__wrapped__(
        pixels,
        np.cos(2 * psi),
        np.sin(2 * psi),
        which,
        np.cos(2 * ANGLES),
        np.sin(2 * ANGLES),
        tod,
        normal,
        projected,
    )
    seen = normal[:, 0] > 0
    found = np.zeros((3, N_PIX))
    inverse = binning.invert(normal[seen])
    found[:, seen] = np.einsum("pij,pdj->ip", inverse, projected[seen])
    return found, inverse


def theirs(scan):
    """Arguments of litebird_sim's map-makers."""
    pixels, psi, tod = scan
    observation = lbs.Observation(
        detectors=[
            {"name": str(angle), "net_ukrts": 1.0, "pol_angle_rad": angle} for angle in ANGLES
        ],
        n_samples_global=N_SAMPLES,
        start_time_global=0.0,
        sampling_rate_hz=1.0,
        allocate_tod=False,
    )
    observation.tod = tod.copy()
    angles = np.stack([*healpy.pix2ang(NSIDE, pixels[0]), psi[0]], axis=-1)
    pointings = np.tile(angles, (len(ANGLES), 1, 1))
    return {"observations": [observation], "pointings": [pointings], "nside": NSIDE}


ECLIPTIC = lbs.CoordinateSystem.Ecliptic
NO_BASELINES = lbs.DestriperParameters(output_coordinate_system=ECLIPTIC, samples_per_baseline=None)


def binned(scan):
    return lbs.make_binned_map(**theirs(scan), output_coordinate_system=ECLIPTIC)


def destriped(scan):
    return lbs.make_destriped_map(**theirs(scan), params=NO_BASELINES)


@pytest.mark.parametrize(
    ("make", "is_mark"),
    [(binned, lambda values: values == healpy.UNSEEN), (destriped, np.isnan)],
    ids=["make_binned_map, UNSEEN", "make_destriped_map, NaN"],
)
def test_our_pass_is_their_binner_with_either_mark(scan, tmp_path, make, is_mark):
    found, expected = make(scan).binned_map, ours(scan)[0]
    unseen = is_mark(found)
    assert np.flatnonzero(unseen.all(axis=0)).tolist() == UNSEEN
    np.testing.assert_array_equal(unseen, np.broadcast_to(unseen[0], found.shape))
    np.testing.assert_allclose(np.where(unseen, 0, found), expected, rtol=0, atol=1e-20)
    # And so it is when their files come in as maps of a user.
    for number in range(2):
        lbs.write_healpix_map_to_file(
            tmp_path / f"{number}.fits",
            np.where(unseen, found, (1 + number) * found),
            coord="E",
            column_names=["I", "Q", "U"],
            column_units=["K"] * 3,
        )
    given = {"nside": NSIDE, "frame": "ecliptic", "convention": "COSMO"}
    content = ingest.load([f"{tmp_path}/*.fits"], "TQU", **given)
    assert sorted(set(range(N_PIX)) - set(content.sky.indices)) == UNSEEN
    both = np.array([expected, 2 * expected])[..., content.sky.indices]
    np.testing.assert_allclose(content.maps, both, rtol=0, atol=1e-20)


def test_their_invnpp_is_a_covariance_in_square_microkelvin(scan):
    """(PᵀP)⁻¹ σ² with σ² = (1 µK √s)² · 1 Hz, beside a map in K; its name says the inverse."""
    found = np.delete(binned(scan).invnpp, UNSEEN, axis=0)
    np.testing.assert_allclose(found, ours(scan)[1], rtol=1e-9)


def test_a_stream_of_noise_does_not_end_where_it_began(one_day):
    """litebird_sim's filter by FFT closes a circle of 2ⁿ samples: first and last correlate by 0.8.

    Of ours, far shorter in memory than the stream, they do not; neighbours do.
    """
    simulation = {
        "systematics": ["one_over_f"],
        "engine": "direct",
        "one_over_f": {
            "net_uk_sqrt_s": 1.0,
            "knee_frequency_mhz": 200.0,
            "slope": 1.5,
            "minimum_frequency_mhz": 3.0,
        },
    }
    campaign = one_day(simulation=simulation)
    streams = []
    for index in range(50):
        add = noise.one_over_f(campaign, index)
        streams.extend(add(SimpleNamespace(chunk=0), np.zeros((len(ANGLES), 1024))))
    streams = np.array(streams)
    assert np.isfinite(streams).all()
    first, second, last = streams[:, [0, 1, -1]].T
    assert np.corrcoef(first, second)[0, 1] > 0.5
    assert abs(np.corrcoef(first, last)[0, 1]) < 0.25  # 3.5 of its standard deviations


def test_a_drift_does_not_end_where_it_began(one_day):
    """The same of litebird_sim's thermal drift, which draws a longer stream and cuts it."""
    campaign = one_day(simulation={"systematics": ["thermal_drift"], "engine": "direct"})
    streams = []
    for index in range(100):
        add = drifts.thermal_drift(campaign, index)
        streams.append(add(SimpleNamespace(chunk=0), np.ones((len(ANGLES), 1024)))[0])
    first, second, last = np.array(streams)[:, [0, 1, -1]].T
    assert np.corrcoef(first, second)[0, 1] > 0.8
    assert np.corrcoef(first, last)[0, 1] < 0.5


SHORT = {
    "scan": {"sampling_rate_hz": 0.02},
    "gains": {"chunk_samples": 900},
    "signal": {"synthetic_sky_k": 1e-4},
    "one_over_f": {"minimum_frequency_mhz": 0.1},
}


def added(one_day_content, kind):
    """What realization 3 of one kind adds to the data of all chunks, as bytes."""
    content = one_day_content(simulation={**SHORT, "systematics": [kind], "engine": "direct"})
    campaign = config.parse(content)
    excess = systematics.realization(campaign, 3)
    found = [excess(one) for one in observe(campaign, 0, campaign.simulation.n_chunks, "all")]
    assert all(part.any() for part in found)
    return [part.tobytes() for part in found]


@pytest.mark.parametrize("kind", [kind for stage in systematics.STAGES for kind in stage])
def test_streams_know_nothing_of_ranks(one_day_content, monkeypatch, kind):
    """Those of litebird_sim belong to a rank; ours are the same on the second of two."""
    alone = added(one_day_content, kind)
    second = SimpleNamespace(rank=1, size=2, Get_rank=lambda: 1)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "litebird_sim" and hasattr(module, "MPI_COMM_WORLD"):
            monkeypatch.setattr(module, "MPI_COMM_WORLD", second)
    assert lbs.MPI_COMM_WORLD.rank == 1
    assert added(one_day_content, kind) == alone
