"""A cheap stand-in of the scan: its configuration, its rows, and whether it is believed."""

import dataclasses

import healpy
import numpy as np
import pytest
import yaml

import merge_response
import prepare_surrogate
import simulate_response
from fewtomany import config, covariance
from fewtomany.config import versions
from fewtomany.covariance import found as found_out
from fewtomany.covariance import learn, of_matrix, surrogate, turning
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.jobs import resources
from fewtomany.maps import ingest
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.simulation import response
from fewtomany.validation.compare import views
from fewtomany.validation.compare.distances import distances

NSIDE = 4
N_PIX = 12 * NSIDE**2
CHEAP = {"scan": {"sampling_rate_hz": 0.5}, "gains": {"chunk_samples": 5000}}


# The configuration


def test_what_the_surrogate_does_not_name_follows_the_simulation(one_day):
    campaign = one_day(surrogate={"simulation": CHEAP})
    found = campaign.surrogate.simulation
    assert (found.scan.sampling_rate_hz, found.scan.duration_days) == (0.5, 1.0)
    assert (found.n_chunks, campaign.simulation.n_chunks) == (9, 18)
    assert found.engine == "response"
    assert campaign.simplified.simulation == found
    assert campaign.simplified.chunk_shards != campaign.chunk_shards


def test_a_direct_simulation_may_have_a_linear_surrogate(one_day):
    nonlinear = {"systematics": ["thermal_drift"], "engine": "direct"}
    campaign = one_day(
        simulation=nonlinear, surrogate={"simulation": {**CHEAP, "systematics": ["gains"]}}
    )
    assert campaign.simulation.engine == "direct"
    assert campaign.surrogate.simulation.engine == "response"


def test_without_a_simulation_the_defaults_count(one_day_content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("maps.npy", np.random.default_rng(0).standard_normal((5, 2, 768)))
    content = one_day_content(surrogate={"simulation": {"nside": 32}})
    del content["simulation"], content["reference"]
    content["inputs"] = {"input-4": {"files": "maps.npy"}}
    content["trust"] = {"datasets": []}
    found = config.parse(content)
    assert found.simulation is None
    assert found.surrogate.simulation.nside == 32
    assert found.surrogate.simulation.scan.sampling_rate_hz == 7.0
    assert resources.needs(found.simplified)["simulate_response"].mem_mb > 0


def test_a_saved_campaign_has_the_same_surrogate(one_day, tmp_path):
    campaign = one_day(surrogate={"simulation": CHEAP})
    config.save(campaign, tmp_path / "campaign.yaml")
    again = config.load(tmp_path / "campaign.yaml")
    assert again == campaign
    for stage in ("simulate_response", "merge_response", "prepare_surrogate", "learn_symmetry"):
        assert versions.basis(again, stage) == versions.basis(campaign, stage)


def test_the_surrogate_decides_its_own_stages_alone(one_day):
    plain = one_day(surrogate={"simulation": CHEAP})
    other = one_day(surrogate={"simulation": {**CHEAP, "nside": 16}})
    assert versions.basis(plain, "simulate_response") == versions.basis(other, "simulate_response")
    for stage in ("simulate_response", "prepare_surrogate"):
        bases = {versions.basis(campaign.simplified, stage) for campaign in (plain, other)}
        assert len(bases) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "surrogate: no source is not allowed; expected one of simulation,"),
        ({"covariance": "a", "files": "b"}, "surrogate: covariance and files is not allowed"),
        ({"unit": "K"}, "surrogate: no source is not allowed; expected one of simulation,"),
        ({"simulation": CHEAP, "unit": "K"}, "surrogate.unit: not allowed without files"),
        ({"simulation": {"n_maps": 5}}, "surrogate.simulation.n_maps: not allowed"),
        ({"simulation": {"engine": "direct"}}, "surrogate.simulation.engine: 'direct' is not"),
        ({"simulation": {"rate": 1}}, "surrogate.simulation: unknown key rate"),
        ({"simulation": {"scan": {"rate": 1}}}, "surrogate.simulation.scan: unknown key rate"),
        ({"simulation": {"nside": 12}}, "surrogate.simulation.nside: 12 is not allowed"),
        (
            {"simulation": {"nside": 4}},
            "maps.nside: 8 is not allowed; expected at most surrogate.simulation.nside = 4",
        ),
        (
            {"simulation": {"systematics": ["white_noise"]}},
            "surrogate.simulation.systematics: white_noise is not allowed; expected linear ones",
        ),
        (
            {"simulation": {"signal": {"dipole": "none"}}},
            "surrogate.simulation.signal: dipole none",
        ),
        ({"covariance": "no.h5"}, "surrogate.covariance: no.h5: no such file"),
    ],
)
def test_faults_are_one_line_each(one_day, changes, message):
    with pytest.raises(UserError) as caught:
        one_day(surrogate=changes)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_surrogate_that_nothing_uses_is_refused(one_day):
    with pytest.raises(UserError, match=r"surrogate: not allowed with emulator\.start white"):
        one_day(surrogate={"simulation": CHEAP}, emulator={"start": "white", "variances": "inputs"})


# Its rows


def surrogate_of(rows, *diagonal):
    return surrogate.of_rows(Components("QU"), Sky(NSIDE), rows, *diagonal)


def random_rows(n_rows, seed=0):
    random = np.random.default_rng(seed)
    return 1e-6 * random.standard_normal((n_rows, 2, N_PIX)) * np.linspace(1, 3, N_PIX)


def test_the_covariance_is_that_of_the_rows():
    rows = random_rows(30)
    diagonal = np.linspace(0, 1e-11, 2 * N_PIX).reshape(2, N_PIX)
    found = surrogate_of(rows, diagonal)
    flat = rows.reshape(30, -1)
    expected = flat.T @ flat + np.diag(diagonal.ravel())
    np.testing.assert_allclose(found.dense(), expected, atol=1e-6 * expected.max())
    np.testing.assert_allclose(found.variance.ravel(), np.diag(expected))
    directions = np.random.default_rng(1).standard_normal((4, 2 * N_PIX))
    within = directions @ expected @ directions.T
    np.testing.assert_allclose(found.within(directions), within, rtol=1e-5, atol=1e-16)


def test_other_deviations_leave_the_correlations():
    found = surrogate_of(random_rows(30))
    deviation = np.random.default_rng(2).uniform(1, 2, (2, N_PIX))
    scaled = found.scaled(deviation)
    np.testing.assert_allclose(scaled.deviation, deviation)
    before = found.dense() / np.outer(found.deviation, found.deviation)
    after = scaled.dense() / np.outer(deviation, deviation)
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize("n_rows", [100, 500])  # fewer and more than values
def test_of_many_rows_the_leading_modes_are_kept(n_rows, monkeypatch):
    monkeypatch.setattr(surrogate, "MAX_ROWS", 50)
    rows = random_rows(n_rows) * np.geomspace(1, 1e-3, n_rows)[:, None, None]
    whole = rows.reshape(n_rows, -1).T @ rows.reshape(n_rows, -1)
    kept = surrogate.leading_rows(rows.reshape(n_rows, -1), 50)
    values, vectors = np.linalg.eigh(whole)
    best = (vectors[:, -50:] * values[-50:]) @ vectors[:, -50:].T
    np.testing.assert_allclose(kept.T @ kept, best, atol=1e-9 * values[-1])

    monkeypatch.setattr(surrogate.leading_rows, "__defaults__", (50,))
    found = surrogate_of(rows)
    assert len(found.maps) == 50
    total = np.sum(found.maps.astype(float) ** 2, axis=0) + found.rest**2
    np.testing.assert_allclose(total, 1, atol=1e-5)
    np.testing.assert_allclose(found.variance.ravel(), np.diag(whole))


def test_unseen_pixels_are_independent():
    rows = random_rows(30)
    rows[:, :, :20] = 0
    found = surrogate_of(rows).scaled(np.ones((2, N_PIX)))
    np.testing.assert_array_equal(found.rest[:, :20], 1)
    matrix = found.dense().reshape(2, N_PIX, 2, N_PIX)
    np.testing.assert_array_equal(matrix[0, :20, 0, :20], np.eye(20))
    with pytest.raises(UserError, match="no variance in any pixel"):
        surrogate_of(np.zeros((3, 2, N_PIX)))


def test_draws_have_the_covariance_and_the_same_bits_in_any_shard():
    found = surrogate_of(random_rows(20), 1e-12)
    maps = found.draw(1, ("a",), 0, 4000)
    np.testing.assert_array_equal(found.draw(1, ("a",), 100, 150), maps[100:150])
    covariance = found.dense()
    flat, variance = maps.reshape(4000, -1), np.diag(covariance)
    error = np.sqrt((covariance**2 + np.outer(variance, variance)) / 4000)
    assert np.abs((flat.T @ flat / 4000 - covariance) / error).max() < 6


# Whether it is believed


def stripes(turn_deg, nside=NSIDE):
    """A scan of great circles; the amplitude of each is a number of its own."""
    theta, phi = turning.directions(nside)
    x, y, z = np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)
    tilt = np.deg2rad(turn_deg)
    axis = (np.cos(tilt) * z + np.sin(tilt) * x, np.cos(tilt) * x - np.sin(tilt) * z, y)
    rows = []
    for angle in np.arange(0, np.pi, np.pi / 24):
        away = np.sin(angle) * axis[1] - np.cos(angle) * axis[2]
        profile = np.exp(-((away / 0.25) ** 2))
        rows.append([profile * (0.3 + axis[0] ** 2), profile * axis[0]])
    return 1e-6 * np.array(rows)


def inputs_of(rows, n_maps=12):
    numbers = np.random.default_rng(7).standard_normal((n_maps, len(rows)))
    noise = 2e-7 * np.random.default_rng(8).standard_normal((n_maps, *rows.shape[1:]))
    maps = np.tensordot(numbers, rows, 1) + noise
    return store.MapSet(maps, "QU", "few", frame="ecliptic")


@pytest.fixture(scope="module", params=["none", "ecliptic"])
def settings(request, quick_learning):
    return config.SymmetrySettings(
        axis=request.param, width_deg=None if request.param == "none" else 40.0
    )


@pytest.fixture(scope="module")
def trusting(settings):
    """What is learnt with the true correlations, of which every third row has other amplitude."""
    rows = stripes(0.0)
    cheap = surrogate_of(5 * rows * np.where(np.arange(24) % 3, 1, 1.2)[:, None, None])
    return learn.learn(inputs_of(rows), settings, 1, surrogate=cheap)


def mixture(found):
    """The weighed parts; about an axis those that the covariance has in leading directions."""
    return getattr(found.model, "large", found.model)


def test_a_true_surrogate_has_nearly_all_the_weight(trusting):
    evidence = trusting.evidence["surrogate"]
    assert evidence["gain"] > 2 * evidence["error"]
    weights = [mixture(trusting).weights.get(name, 0) for name in found_out.STAND_INS]
    assert evidence["weight"] == pytest.approx(sum(weights))
    assert evidence["weight"] > 0.6


def test_pixel_variances_remain_those_of_the_inputs(trusting):
    """Smoothed, but for the parts that keep their own: the inputs, and the inputs turned."""
    model, scaled = mixture(trusting), ("surrogate", "diagonal", "isotropic")
    expected = np.zeros(2 * N_PIX)
    for name, weight in model.weights.items():
        part = trusting.smoothed.ravel() ** 2 if name in scaled else model.parts[name].variance
        expected += weight * part
    np.testing.assert_allclose(model.variance, expected, rtol=1e-5)


def test_a_trusted_surrogate_is_compared_with_a_truth(trusting):
    rows = stripes(0.0).reshape(24, -1)
    exact = of_matrix(
        np.zeros(2 * N_PIX), rows.T @ rows + 4e-14 * np.eye(2 * N_PIX), 0, "QU", NSIDE, "exact"
    )
    viewer = views.make_viewer(exact, exact.leading(10))
    found = viewer.of_model(trusting.model)
    whole = trusting.model.dense()
    np.testing.assert_allclose(found.rows, whole[viewer.rows], atol=1e-6 * whole.max())
    assert distances(found, viewer)["kl"] < 10


def test_what_is_learnt_is_written_and_read(trusting, tmp_path):
    covariance.write(tmp_path / "learnt.h5", trusting, {})
    again = covariance.load(tmp_path / "learnt.h5")
    assert again.evidence == trusting.evidence
    np.testing.assert_array_equal(again.smoothed, trusting.smoothed)
    np.testing.assert_array_equal(
        again.model.draw(1, ("a",), 0, 3), trusting.model.draw(1, ("a",), 0, 3)
    )


def test_a_wrong_surrogate_changes_nothing(settings):
    inputs = inputs_of(stripes(0.0))
    shuffled = np.random.default_rng(3).permutation(N_PIX)
    wrong = surrogate_of(stripes(0.0)[..., shuffled])
    without = learn.learn(inputs, settings, 1)
    found = learn.learn(inputs, settings, 1, surrogate=wrong)
    assert mixture(found).weights == mixture(without).weights
    assert found.evidence.pop("surrogate")["weight"] == 0
    assert found.evidence == without.evidence


def test_another_axis_is_weighted_down(settings, trusting):
    tilted = surrogate_of(stripes(70.0))
    found = learn.learn(inputs_of(stripes(0.0)), settings, 1, surrogate=tilted)
    assert found.evidence["surrogate"]["weight"] < 0.2
    assert found.evidence["surrogate"]["weight"] < trusting.evidence["surrogate"]["weight"] / 3


# The programs


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """The product of a configuration's surrogate."""
    monkeypatch.chdir(tmp_path)

    def prepare(content, sky=None):
        path = tmp_path / "campaign.yaml"
        path.write_text(yaml.safe_dump(content))
        campaign = config.load(path)

        def run(program, *options):
            options = ["--config", str(path), *map(str, options)]
            program.main(program.get_parser().parse_args(options))

        extra = ()
        if campaign.simplified is not None:
            stop = campaign.simplified.simulation.n_chunks
            options = ("--surrogate", "--start", 0, "--stop", stop)
            run(simulate_response, *options, "--output", "part.h5")
            run(merge_response, "--surrogate", "--output", "response.h5", "part.h5")
            extra = ("--response", "response.h5")
        kept = sky or Sky(8)
        maps = np.zeros((1, len(campaign.components), kept.n_pix))
        store.write_maps("like.h5", store.MapSet(maps, campaign.maps.stokes, "inputs", sky=kept))
        run(prepare_surrogate, *extra, "--like", "like.h5", "--output", "rows.h5")
        return campaign, surrogate.read("rows.h5", kept, campaign.components)

    return prepare


def test_rows_of_a_simplified_simulation(one_day_content, prepared):
    longer = {"gains": {"chunk_samples": 10000}}
    quick = {"nside": 4, "scan": {"sampling_rate_hz": 0.5}}
    changes = {"maps": {"nside": 4}, "simulation": quick, "surrogate": {"simulation": longer}}
    campaign, found = prepared(one_day_content(**changes), Sky(4))
    simplified = campaign.simplified
    exact = response.covariance(simplified, response.read(simplified, "response.h5"))
    np.testing.assert_allclose(found.dense(), exact, atol=1e-6 * exact.max())


def test_rows_of_a_covariance_and_of_maps(one_day_content, prepared, tmp_path):
    maps = 1e-6 * np.random.default_rng(0).standard_normal((40, 2, 768))
    mean, matrix, _ = covariance.estimate([maps])
    product = of_matrix(mean, matrix, 40, "QU", 8, "mine")
    covariance.write(tmp_path / "mine.h5", product, {})
    _, found = prepared(one_day_content(surrogate={"covariance": "mine.h5"}))
    np.testing.assert_allclose(found.dense(), matrix, atol=1e-6 * matrix.max())

    np.save("mine.npy", maps)
    files = {"files": "mine.npy", "polarization_convention": "COSMO"}
    _, found = prepared(one_day_content(surrogate=files))
    scale = np.sqrt(np.diag(matrix))
    expected = matrix / np.outer(scale, scale)
    scaled = found.scaled(np.ones((2, 768))).dense()
    np.testing.assert_allclose(scaled, expected, atol=1e-5)
    assert ingest.count(("mine.npy",)) == 40


def test_a_surrogate_of_more_pixels_than_the_inputs_is_cut_to_theirs(one_day_content, prepared):
    """One of fewer pixels is refused by a line that counts those it lacks."""
    maps = 1e-6 * np.random.default_rng(0).standard_normal((40, 2, 768))
    mean, matrix, _ = covariance.estimate([maps])
    covariance.write("mine.h5", of_matrix(mean, matrix, 40, "QU", 8, "mine"), {})
    part = Sky(8, np.arange(100, 300))
    _, found = prepared(one_day_content(surrogate={"covariance": "mine.h5"}), part)
    kept = np.add.outer([0, 768], part.pixels).ravel()
    expected = matrix[np.ix_(kept, kept)]
    np.testing.assert_allclose(found.dense(), expected, atol=1e-6 * matrix.max())

    np.save("mine.npy", np.where(np.arange(768) < 250, maps, healpy.UNSEEN))
    files = {"files": "mine.npy", "polarization_convention": "COSMO"}
    with pytest.raises(UserError, match=r"surrogate\.files: lacks 50 of the 200 pixels of the inp"):
        prepared(one_day_content(surrogate=files), part)


def test_a_mask_cuts_the_surrogate_of_a_simulation(one_day_content, prepared):
    observed = np.arange(768) % 3 > 0
    healpy.write_map("mask.fits", observed.astype(np.float32), coord="G", dtype=np.float32)
    dense = CHEAP | {"scan": {"sampling_rate_hz": 5.0}}  # every pixel is seen
    content = one_day_content(
        maps={"mask": "mask.fits"}, surrogate={"simulation": dense}, symmetry={"axis": "none"}
    )
    campaign, found = prepared(content, Sky(8, np.flatnonzero(observed)))
    simplified = campaign.simplified
    exact = response.covariance(simplified, response.read(simplified, "response.h5"))
    kept = np.tile(observed, 2)
    exact = exact[np.ix_(kept, kept)]
    np.testing.assert_allclose(found.dense(), exact, atol=1e-6 * exact.max())


def test_a_covariance_of_other_maps_is_refused(one_day_content, prepared, tmp_path):
    matrix = np.eye(2 * N_PIX)
    good = of_matrix(np.zeros(2 * N_PIX), matrix, 5, "QU", NSIDE, "mine")
    assert surrogate.of_covariance(good, Sky(NSIDE), Components("QU")).shape == (2, N_PIX)
    with pytest.raises(UserError, match="nside are 4; expected 8"):
        surrogate.of_covariance(good, Sky(8), Components("QU"))
    with pytest.raises(UserError, match="channels are ; expected a, b"):
        surrogate.of_covariance(good, Sky(NSIDE), Components("QU", ("a", "b")))
    covariance.write(tmp_path / "mine.h5", dataclasses.replace(good, frame="ecliptic"), {})
    with pytest.raises(UserError, match=r"frame is ecliptic; expected maps\.frame = galactic"):
        prepared(one_day_content(surrogate={"covariance": "mine.h5"}))
