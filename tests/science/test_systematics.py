"""Known answers of every kind of systematic, and of several together."""

import healpy
import litebird_sim as lbs
import numpy as np
import pytest
from litebird_sim.noise import rescale_noise
from measures.responses import make_response
from scipy import linalg, signal

from fewtomany import seeds
from fewtomany.simulation import (
    binning,
    columns,
    direct,
    noise,
    optics,
    response,
    scan,
    sky,
    systematics,
)
from fewtomany.simulation.observation import observe

N_CHUNKS, CHUNK, N_DETECTORS = 18, 5000, 4


def with_kinds(one_day, *kinds, **simulation):
    simulation.setdefault("engine", "auto")
    return one_day(simulation={"systematics": list(kinds), **simulation})


def tod(campaign, chunk=0, index=0):
    """The observation of a chunk, and what the systematics add to its signal."""
    (observation,) = observe(campaign, chunk, chunk + 1, "one")
    return observation, systematics.realization(campaign, index)(observation)


def by_response(campaign, folder, start, stop):
    """Maps of the response engine, and its columns."""
    make_response(campaign, folder / "response.h5")
    read = response.read(campaign, folder / "response.h5")
    return response.realizations(campaign, read, start, stop), read


@pytest.mark.parametrize(
    ("kinds", "options"),
    [
        (["gains"], {"gains": {"correlation_chunks": 3.0, "chunk_samples": CHUNK}}),
        (["linear_drift"], {"linear_drift": {"calibration_period_s": 1800}}),
        (["adc"], {"adc": {"draw": "once"}}),
        (["adc"], {"adc": {"draw": "chunk"}}),
        (["linear_drift", "gains"], {"gains": {"correlation_chunks": 2.0, "chunk_samples": CHUNK}}),
    ],
)
def test_engines_agree_where_both_apply(one_day, tmp_path, kinds, options):
    campaign = with_kinds(one_day, *kinds, **options)
    assert campaign.simulation.engine == "response"
    found, _ = by_response(campaign, tmp_path, 3, 5)
    other = with_kinds(one_day, *kinds, engine="direct", **options)
    expected = direct.realizations(other, 3, 5)
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.std(expected), rtol=0)


def test_exact_covariance_of_correlated_gains_and_drift(one_day, tmp_path):
    """Against the sum over chunks and detectors, written out."""
    gains = {"correlation_chunks": 4.0, "chunk_samples": CHUNK, "standard_deviation": 1e-4}
    campaign = with_kinds(one_day, "gains", "linear_drift", gains=gains)
    _, read = by_response(campaign, tmp_path, 0, 1)
    found = response.covariance(campaign, read)
    by_chunk = read.reshape(N_CHUNKS, 2, N_DETECTORS, 3, -1)[..., 1:, :].reshape(
        N_CHUNKS, 2, N_DETECTORS, -1
    )
    correlation = np.exp(-np.abs(np.subtract.outer(np.arange(N_CHUNKS), np.arange(N_CHUNKS))) / 4)
    expected = 1e-8 * np.einsum("cdp,ce,edq->pq", by_chunk[:, 0], correlation, by_chunk[:, 0])
    expected += 1e-8 * np.einsum("cdp,cdq->pq", by_chunk[:, 1], by_chunk[:, 1])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * expected.max())


def test_exponential_root_is_the_cholesky_factor():
    lag = np.abs(np.subtract.outer(np.arange(30), np.arange(30)))
    expected = linalg.cholesky(np.exp(-lag / 2.5), lower=True)
    np.testing.assert_allclose(columns.exponential_root(30, 2.5), expected, atol=1e-12)


def test_linear_drift_is_its_formula(one_day):
    """a r(t) s(t), r from 0 to 1 in 1,000 samples, five times in a chunk."""
    drift = {"standard_deviation": 3e-4, "calibration_period_s": 1000}
    campaign = with_kinds(one_day, "linear_drift", linear_drift=drift)
    observation, found = tod(campaign, chunk=2, index=7)
    numbers = seeds.standard_normal(1, ("linear_drift", "original"), 7, 8, N_CHUNKS * N_DETECTORS)
    slopes = 3e-4 * numbers.reshape(N_CHUNKS, N_DETECTORS)[2]
    ramp = np.tile(np.arange(1000) / 999, 5)
    np.testing.assert_allclose(found, slopes[:, None] * ramp * observation.tod, rtol=1e-9)


def test_uniform_slopes_go_through_the_direct_engine(one_day):
    campaign = with_kinds(one_day, "linear_drift", linear_drift={"distribution": "uniform"})
    assert campaign.simulation.engine == "direct"
    kind = columns.linear_drift(campaign.simulation)
    numbers = columns.amplitudes(campaign, kind, 0) / 1e-4
    assert 0 < numbers.min() < 0.1 < 0.9 < numbers.max() < 1


def test_thermal_drift_is_that_of_litebird_sim(one_day):
    drift = {"amplitude": 1e-3, "knee_frequency_mhz": 10, "detector_mismatch": 0.5}
    campaign = with_kinds(one_day, "thermal_drift", thermal_drift=drift)
    observation, found = tod(campaign, chunk=1, index=4)
    gain = found / observation.tod
    random = seeds.generator(1, "thermal_drift", "original", 4, 1)
    stream = lbs.gaindrifts._noise_timestream(
        CHUNK,
        1.0,
        lbs.GainDriftParams(sigma_drift=1e-3, fknee_drift_mHz=10, alpha_drift=1.0),
        random=random,
    )
    factors = 1 + 0.5 * random.standard_normal(N_DETECTORS)
    np.testing.assert_allclose(gain, factors[:, None] * stream, atol=1e-9)


def test_thermal_drift_has_its_spectral_density(one_day):
    """Two-sided A² f_knee / f in 1/Hz, half of welch's, well above a chunk's lowest frequency."""
    drift = {"amplitude": 1e-3, "knee_frequency_mhz": 10, "detector_mismatch": 0}
    campaign = with_kinds(one_day, "thermal_drift", thermal_drift=drift)
    densities = []
    for index in range(20):
        observation, found = tod(campaign, index=index)
        gain = found / observation.tod
        np.testing.assert_allclose(gain[1:], gain[:1].repeat(3, 0), atol=1e-12)
        frequency, density = signal.welch(gain[0], 1.0, nperseg=500)
        densities.append(density)
    band = (frequency > 0.02) & (frequency < 0.4)
    ratio = np.mean(densities, axis=0) / (1e-6 * 0.01 / np.maximum(frequency, 1e-9))
    assert np.mean(ratio[band]) / 2 == pytest.approx(1, abs=0.03)


def test_white_noise_map_has_its_covariance(one_day):
    """σ² (PᵀP)⁻¹ in every pixel: χ² of all pixels and maps is their number."""
    campaign = with_kinds(one_day, "white_noise", white_noise={"net_uk_sqrt_s": 40.0})
    n_maps = 30
    maps = direct.realizations(campaign, 0, n_maps)
    normal, unused = np.zeros((768, 6)), np.zeros((768, N_DETECTORS, 3))
    for seen in observe(campaign, 0, N_CHUNKS, "pass"):
        binning.accumulate(
            seen.pixels,
            seen.psi,
            seen.direction_of,
            seen.polarization_angles,
            seen.tod,
            normal,
            unused,
        )
    chi2 = np.einsum("kip,pij,kjp->k", maps, binning.matrices(normal), maps) / (40e-6) ** 2
    expected = 3 * 768
    assert chi2.mean() == pytest.approx(expected, abs=5 * np.sqrt(2 * expected / n_maps))
    assert chi2.var() == pytest.approx(2 * expected, rel=5 * np.sqrt(2 / n_maps))


def test_noise_needs_no_signal(one_day):
    campaign = with_kinds(one_day, "white_noise", signal={"dipole": "none"})
    other = with_kinds(one_day, "white_noise")
    np.testing.assert_array_equal(tod(campaign)[1], tod(other)[1])


def test_one_over_f_is_one_stream_of_ducc_through_all_chunks(one_day):
    """litebird_sim's own noise of the whole mission, from the same numbers."""
    settings = {"net_uk_sqrt_s": 50.0, "knee_frequency_mhz": 20, "minimum_frequency_mhz": 0.5}
    campaign = with_kinds(one_day, "one_over_f", one_over_f=settings)
    add = systematics.realization(campaign, 3)
    streams = [add(seen) for seen in observe(campaign, 0, N_CHUNKS, "pass")]
    found = np.concatenate(streams, axis=1)[2]
    expected = np.zeros(2000 + 86400)
    lbs.noise.add_one_over_f_noise(
        expected,
        20,
        0.5e-3,
        1.0,
        rescale_noise(50.0, 1.0, 1.0),
        1.0,
        seeds.generator(1, "one_over_f", "original", 3, 2),
        engine="ducc",
        model="keshner",
    )
    np.testing.assert_allclose(found, expected[2000:], rtol=1e-10, atol=1e-18)


def test_one_over_f_is_stationary_from_the_start(one_day):
    """Its variance is the integral of the spectrum, at the first samples too."""
    settings = {"net_uk_sqrt_s": 50.0, "knee_frequency_mhz": 50, "minimum_frequency_mhz": 2.0}
    campaign = with_kinds(one_day, "one_over_f", one_over_f=settings)
    (first,) = observe(campaign, 0, 1, "one")
    starts = [noise.one_over_f(campaign, k)(first, first.tod)[:, :50] for k in range(150)]
    frequency = np.fft.rfftfreq(2**16)
    density = ((frequency**2 + 0.05**2) / (frequency**2 + 0.002**2)) ** 0.5
    # 600 streams, each worth a few independent numbers: 3%.
    assert np.var(starts) / (50e-6) ** 2 == pytest.approx(density.mean(), rel=0.1)


def test_one_over_f_refuses_chunks_out_of_order(one_day):
    campaign = with_kinds(one_day, "one_over_f")
    with pytest.raises(ValueError, match="chunk 4 after chunk -1"):
        tod(campaign, chunk=4)


def test_adc_is_quadratic_and_that_of_litebird_sim(one_day):
    campaign = with_kinds(one_day, "adc", adc={"standard_deviation_per_k": 0.2})
    observation, found = tod(campaign, chunk=5, index=2)
    g = 0.2 * seeds.standard_normal(1, ("adc", "original"), 2, 3, N_DETECTORS)[0]
    for detector in range(N_DETECTORS):
        distorted = observation.tod[detector].copy()
        lbs.apply_quadratic_nonlin_for_one_detector(
            distorted,
            nl_params=lbs.NonLinParams(g[detector], 0.0),
            random=np.random.default_rng(0),
        )
        expected = distorted - observation.tod[detector]
        np.testing.assert_allclose(found[detector], expected, atol=1e-16)
    twice = with_kinds(one_day, "adc", adc={"standard_deviation_per_k": 0.4})
    np.testing.assert_allclose(tod(twice, chunk=5, index=2)[1], 2 * found, rtol=1e-12)


def test_adc_acts_on_signal_and_noise(one_day):
    campaign = with_kinds(one_day, "adc", "white_noise")
    observation, found = tod(campaign, index=1)
    _, white = tod(with_kinds(one_day, "white_noise"), index=1)
    g = 0.1 * seeds.standard_normal(1, ("adc", "original"), 1, 2, N_DETECTORS)[0]
    expected = white + g[:, None] * (observation.tod + white) ** 2
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-18)


SKY = {"dipole": "none", "synthetic_sky_k": 1e-2, "interpolation": "linear"}


@pytest.mark.parametrize("draw", ["once", "chunk"])
def test_no_pointing_offset_adds_nothing(one_day, draw):
    pointing = {"standard_deviation_arcmin": 0.0, "draw": draw}
    campaign = with_kinds(one_day, "pointing", pointing=pointing, signal=SKY)
    observation, found = tod(campaign, chunk=3)
    assert observation.tod.std() > 1e-5
    np.testing.assert_allclose(found, 0, atol=1e-12)


def test_pointing_offset_has_its_size_and_direction(one_day):
    """x along the scan, y across it; the assumed pointings stay."""
    mission = scan.prepare(one_day())
    small = np.deg2rad(0.1)
    along = scan.point(scan.displaced(mission, np.full(4, small), np.zeros(4)), 0).ecliptic
    across = scan.point(scan.displaced(mission, np.zeros(4), np.full(4, small)), 0).ecliptic
    nominal = scan.point(mission, 0).ecliptic[0]

    def vectors(angles):
        return np.array(healpy.ang2vec(angles[..., 0], angles[..., 1]))

    here = vectors(nominal)
    motion = np.gradient(here, axis=0)
    motion /= np.linalg.norm(motion, axis=1, keepdims=True)
    for displaced, parallel in ((along, 1), (across, 0)):
        shift = vectors(displaced[1]) - here
        np.testing.assert_allclose(np.linalg.norm(shift, axis=1), small, rtol=1e-4)
        assert np.abs(np.sum(shift * motion, axis=1)[5:-5]) == pytest.approx(
            parallel * small, abs=0.05 * small
        )


def test_pointing_offset_is_the_gradient_of_the_dipole(one_day):
    """On a smooth signal the effect doubles with the offset."""
    maps = [
        tod(with_kinds(one_day, "pointing", pointing={"standard_deviation_arcmin": arcmin}))[1]
        for arcmin in (1.0, 2.0)
    ]
    assert 0.05 < maps[0].std() / (3.36e-3 * np.deg2rad(1 / 60)) < 3
    np.testing.assert_allclose(maps[1], 2 * maps[0], atol=2e-3 * maps[1].std())


def test_bandpass_is_the_sky_times_a_color(one_day):
    campaign = with_kinds(
        one_day, "bandpass", signal={"synthetic_sky_k": 1e-2}, bandpass={"center_ghz": 140}
    )
    observation, found = tod(campaign, index=6)
    alone = with_kinds(one_day, "bandpass", signal={**SKY, "interpolation": "nearest"})
    seen, _ = tod(alone)
    shifts = 0.5 * seeds.generator(1, "bandpass", "original", 6).standard_normal(N_DETECTORS)
    settings = campaign.simulation.bandpass
    errors = [optics.color(settings, s) / optics.color(settings, 0.0) - 1 for s in shifts]
    np.testing.assert_allclose(found, np.array(errors)[:, None] * seen.tod, atol=1e-15)
    assert observation.tod.std() > 2 * seen.tod.std()  # the dipole is there and adds nothing


@pytest.mark.parametrize("spectrum", ["dust", "synchrotron"])
def test_color_of_a_narrow_band_is_the_ratio_of_the_spectra(one_day, spectrum):
    """Dust in K_CMB rises with frequency, synchrotron falls; of the CMB's own there is no color.

    Synchrotron's index is that of its Rayleigh-Jeans temperature, so its intensity has 2 more.
    """
    narrow = {"center_ghz": 150, "width_ghz": 0.5, "spectrum": spectrum}
    if spectrum == "synchrotron":
        narrow["spectral_index"] = -3.0
    settings = with_kinds(
        one_day, "bandpass", signal={"synthetic_sky_k": 1e-2}, bandpass=narrow
    ).simulation.bandpass

    def ratio(frequency):
        x, y = 0.0479924307 * frequency / 2.72548, 0.0479924307 * frequency / 20
        cmb = frequency**4 * np.exp(x) / np.expm1(x) ** 2
        dust, synchrotron = frequency**4.54 / np.expm1(y), frequency**-1.0
        return {"dust": dust, "synchrotron": synchrotron}[spectrum] / cmb

    expected = ratio(153.0) / ratio(150.0)
    found = optics.color(settings, 3.0) / optics.color(settings, 0.0)
    assert found == pytest.approx(expected, rel=1e-4)


def test_synthetic_sky_is_bright_in_few_places():
    found = sky.synthetic(64, 1e-2)
    assert found.shape == (3, 12 * 64**2)
    brightest = np.sort(found[0] ** 2)[::-1]
    assert brightest[: brightest.size // 100].sum() > 0.5 * brightest.sum()
    center = found[0][healpy.ang2pix(64, 0.3, 0.1, lonlat=True)]
    assert center > 0.9e-2
    assert np.abs(found[1:]).max() < 0.06 * found[0].max()
    np.testing.assert_allclose(sky.synthetic(64, 2e-2), 2 * found)


def test_gain_on_the_synthetic_sky_is_far_from_gaussian(one_day):
    campaign = with_kinds(one_day, "gains", engine="direct", signal=SKY)
    maps = direct.realizations(campaign, 0, 2)
    kurtosis = np.mean(maps**4, axis=-1) / np.mean(maps**2, axis=-1) ** 2
    assert kurtosis.min() > 10


@pytest.mark.parametrize(
    "kind", ["gains", "thermal_drift", "white_noise", "one_over_f", "pointing", "bandpass"]
)
def test_a_map_has_the_same_bits_in_any_group(one_day, monkeypatch, kind):
    campaign = with_kinds(
        one_day,
        kind,
        engine="direct",
        signal={"synthetic_sky_k": 1e-2},
    )
    together = direct.realizations(campaign, 4, 7)
    monkeypatch.setattr(direct, "GROUP_BYTES", 1)
    np.testing.assert_array_equal(direct.realizations(campaign, 5, 7), together[1:])
    assert np.std(together[0] - together[1]) > 0.1 * np.std(together[0])


def test_linear_interpolation_of_the_sky_is_that_of_healpy(one_day):
    campaign = with_kinds(one_day, "gains", signal=SKY, gains={"chunk_samples": 500})
    (seen,) = observe(campaign, 3, 4, "one")
    theta, phi, psi = np.moveaxis(seen.pointings.galactic[0], -1, 0)
    t, q, u = (healpy.get_interp_val(m, theta, phi) for m in sky.synthetic(64, 1e-2))
    angle = 2 * (psi + np.pi / 4)
    np.testing.assert_allclose(seen.tod[2], t + q * np.cos(angle) + u * np.sin(angle), atol=1e-15)
