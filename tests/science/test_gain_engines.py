"""The two engines against each other, against litebird_sim, and in exact arithmetic."""

import itertools

import healpy
import litebird_sim as lbs
import numpy as np
import pytest

from fewtomany import covariance, seeds
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.sky import Sky
from fewtomany.simulation import GAIN_KEY, direct, onepass, response, scan


def make_response(campaign, folder, *boundaries):
    """The response, its pass cut into parts at the given chunks."""
    simulation = campaign.simulation
    edges = [0, *boundaries, simulation.n_chunks]
    paths = []
    for start, stop in itertools.pairwise(edges):
        paths.append(folder / f"part-{start}-{stop}.h5")
        arrays = onepass.scan_range(campaign, start, stop)
        onepass.write_part(paths[-1], simulation, start, stop, arrays, {})
    path = folder / "response.h5"
    onepass.write_response(path, campaign, paths[::-1], {})
    return path


def assert_equal_to(maps, expected, tolerance):
    """Within a tolerance relative to the rms of each Stokes component."""
    rms = np.sqrt(np.mean(expected**2, axis=-1, keepdims=True))
    assert (rms > 0).all()
    np.testing.assert_array_less(np.abs(maps - expected) / rms, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_engines_agree(one_day, tmp_path, dtype, tolerance, seed):
    campaign = one_day(seed=seed, maps={"nside": 4}, simulation={"tod_dtype": dtype})
    columns = response.read(campaign, make_response(campaign, tmp_path, 6))
    by_response = response.realizations(campaign, columns, 0, 2)
    assert_equal_to(by_response, direct.realizations(campaign, 0, 2), tolerance)


def test_engines_agree_with_offsets_a_polarized_sky_and_harmonics(one_day, tmp_path):
    path = tmp_path / "sky.fits"
    sky = np.random.default_rng(5).standard_normal((3, 12 * 16**2)) * 1e-4
    said = {"coord": "G", "column_units": "K", "extra_header": [("POLCCONV", "COSMO")]}
    healpy.write_map(path, sky, dtype=np.float64, **said)
    campaign = one_day(
        maps={"nside": 4},
        simulation={
            "downgrade": "harmonic",
            "signal": {"sky_map": str(path)},
            "detectors": [
                {"name": f"{offset}{angle}", "offset_deg": offset, "polarization_angle_deg": angle}
                for offset in (0.0, -3.0)
                for angle in (0.0, 90.0, 45.0)
            ],
        },
    )
    columns = response.read(campaign, make_response(campaign, tmp_path))
    by_response = response.realizations(campaign, columns, 4, 5)
    assert_equal_to(by_response, direct.realizations(campaign, 4, 5), 1e-10)


@pytest.fixture(scope="module")
def plain_litebird_sim():
    """Map of a one-day mission by litebird_sim alone, all of it in memory at once."""

    def simulate(campaign, gains, folder):
        simulation = campaign.simulation
        rate, chunk = simulation.scan.sampling_rate_hz, simulation.gains.chunk_samples
        mission = lbs.Simulation(
            base_path=folder,
            start_time=scan.prepare(campaign).start_time,
            duration_s=86400.0,
            imo=lbs.Imo(flatfile_location=lbs.PTEP_IMO_LOCATION),
            random_seed=None,
            profile_time=False,
        )
        mission.set_scanning_strategy(
            lbs.SpinningScanningStrategy(np.pi / 2, 1 / 86400, 1 / 60), append_to_report=False
        )
        mission.set_instrument(lbs.InstrumentInfo(spin_boresight_angle_rad=np.pi / 2))
        mission.create_observations(
            detectors=[
                lbs.DetectorInfo(
                    name=detector.name,
                    sampling_rate_hz=rate,
                    pol_angle_rad=np.deg2rad(detector.polarization_angle_deg),
                    net_ukrts=1.0,
                    bandcenter_ghz=100.0,
                )
                for detector in simulation.detectors
            ],
            tods=[lbs.TodDescription("tod", lbs.Units.K_CMB, np.float64, "signal")],
            split_list_over_processes=False,
        )
        mission.prepare_pointings(append_to_report=False)
        mission.compute_pos_and_vel()
        mission.add_dipole(dipole_type=lbs.DipoleType.TOTAL_EXACT, append_to_report=False)
        (observation,) = mission.observations
        observation.tod *= np.repeat(gains.T, chunk, axis=1)[:, : observation.n_samples]
        return lbs.make_binned_map(simulation.nside, mission.observations).binned_map

    return simulate


def test_direct_engine_is_litebird_sim(one_day, plain_litebird_sim, tmp_path):
    campaign = one_day()
    shape = (campaign.simulation.n_chunks, 4)
    numbers = seeds.standard_normal(campaign.seed, GAIN_KEY, 7, 8, np.prod(shape))
    gains = 1e-4 * numbers.reshape(shape)
    expected = plain_litebird_sim(campaign, gains, tmp_path)
    assert_equal_to(direct.realizations(campaign, 7, 8)[0], expected, 1e-8)


def test_constant_gain_returns_the_signal_map(one_day, plain_litebird_sim, tmp_path):
    """A gain error g everywhere maps to g times the binned signal."""
    campaign, g = one_day(), 3e-4
    ones = np.ones((campaign.simulation.n_chunks, 4))
    signal_map = plain_litebird_sim(campaign, ones, tmp_path)
    columns = response.read(campaign, make_response(campaign, tmp_path))
    assert_equal_to(g * columns.sum(axis=0)[:1], g * signal_map[:1], 1e-8)
    np.testing.assert_allclose(direct.simulate(campaign, g * ones, "g"), g * signal_map, atol=1e-13)
    # Pairs at equal gains cancel the leakage of T into Q and U, up to the signal's
    # change between samples of one pixel.
    assert np.std(signal_map[1:]) < 0.02 * np.std(signal_map[0])


def test_response_has_the_same_bits_for_any_sharding(one_day, tmp_path):
    campaign = one_day(maps={"nside": 4}, simulation={"tod_dtype": "float32"})
    for name in "abc":
        (tmp_path / name).mkdir()
    whole = response.read(campaign, make_response(campaign, tmp_path / "a"))
    for name, boundaries in (("b", (1, 2, 17)), ("c", range(1, 18))):
        cut = response.read(campaign, make_response(campaign, tmp_path / name, *boundaries))
        np.testing.assert_array_equal(cut, whole)


def test_maps_have_the_same_bits_in_any_shard_and_any_number(one_day, tmp_path):
    campaign = one_day(maps={"nside": 4})
    columns = response.read(campaign, make_response(campaign, tmp_path))
    maps = response.realizations(campaign, columns, 0, 100)
    np.testing.assert_array_equal(response.realizations(campaign, columns, 0, 20), maps[:20])
    np.testing.assert_array_equal(response.realizations(campaign, columns, 60, 75), maps[60:75])


def test_exact_covariance_is_that_of_the_realizations(one_day, tmp_path):
    """The trace of the sample covariance of n maps agrees within its own scatter."""
    campaign = one_day(maps={"nside": 4}, simulation={"gains": {"standard_deviation": 2e-3}})
    columns = response.read(campaign, make_response(campaign, tmp_path))
    exact = response.covariance(campaign, columns)
    q, u = 2e-3 * columns[:, 1], 2e-3 * columns[:, 2]
    np.testing.assert_allclose(exact[5, 9], q[:, 5] @ q[:, 9], rtol=1e-10)
    np.testing.assert_allclose(exact[5, 192 + 9], q[:, 5] @ u[:, 9], rtol=1e-10)
    n_maps = 2000
    maps = response.realizations(campaign, columns, 0, n_maps)[:, 1:].reshape(n_maps, -1)
    scatter = np.sqrt(2 * np.sum(exact**2) / n_maps)
    assert np.sum(maps**2) / n_maps == pytest.approx(np.trace(exact), abs=5 * scatter)


@pytest.mark.parametrize("n_pixels", [None, 60])
def test_exact_covariance_of_many_pixels_is_kept_as_its_modes(
    one_day, tmp_path, monkeypatch, n_pixels
):
    campaign = one_day(maps={"nside": 4})
    columns = response.read(campaign, make_response(campaign, tmp_path))
    sky = Sky(4, None if n_pixels is None else np.arange(n_pixels))
    dense = response.exact(campaign, columns, sky)
    assert dense.is_dense
    monkeypatch.setattr(covariance.product, "DENSE_LIMIT", 100)
    monkeypatch.setattr(covariance.product, "KEPT_MODES", 7)
    found = response.exact(campaign, columns, sky)
    assert (found.dataset, found.n_maps, len(found.modes)) == ("exact", 0, 7)
    np.testing.assert_allclose(found.variance, dense.variance, rtol=1e-10)
    np.testing.assert_allclose(found.modes.values, dense.leading(7).values, rtol=1e-8)
    monkeypatch.setattr(covariance.product, "KEPT_MODES", 1000)
    whole = response.exact(campaign, columns, sky).rows(slice(None))
    np.testing.assert_allclose(whole, dense.covariance, atol=1e-10 * dense.covariance.max())


def test_maps_of_a_sky_half_seen_are_refused(one_day):
    """A Planck-like scan sees a thin ring in a day."""
    scan_of_planck = {"spin_sun_angle_deg": 7.5, "precession_period_days": 182.6}
    campaign = one_day(simulation={"scan": scan_of_planck})
    with pytest.raises(UserError, match=r"of the 768 pixels of nside 8, \d+ are never observed"):
        direct.realizations(campaign, 0, 1)


def test_incomplete_pass_is_refused_by_name(one_day, tmp_path):
    campaign = one_day(maps={"nside": 4})
    make_response(campaign, tmp_path, 6, 12)
    parts = sorted(tmp_path.glob("part-*.h5"))
    for left_out, message in (
        ("part-0-6.h5", "part-6-12.h5: starts at chunk 6, expected 0"),
        ("part-6-12.h5", "part-12-18.h5: starts at chunk 12, expected 6"),
        ("part-12-18.h5", "the parts end at chunk 12, the configuration has 18"),
    ):
        rest = [path for path in parts if path.name != left_out]
        with (
            pytest.raises(UserError, match=message),
            store.create(tmp_path / "no.h5", kind="response", provenance={}) as file,
        ):
            onepass.merge(campaign, rest, file)
    assert not (tmp_path / "no.h5").exists()
    other = one_day(maps={"nside": 4}, simulation={"nside": 4})
    with (
        pytest.raises(UserError, match="nside is 8, the configuration expects 4"),
        store.create(tmp_path / "no.h5", kind="response", provenance={}) as file,
    ):
        onepass.merge(other, parts, file)


def test_response_of_another_size_is_refused(one_day, tmp_path):
    path = make_response(one_day(maps={"nside": 4}), tmp_path)
    with pytest.raises(UserError, match=r"shape \(72, 3, 192\), the configuration expects"):
        response.read(one_day(), path)
