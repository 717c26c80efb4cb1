import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from fewtomany import config
from fewtomany.config import schema, settings
from fewtomany.config.sections import simulation
from fewtomany.errors import UserError
from fewtomany.simulation import systematics

CONFIGS = sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))
SYSTEMATICS = sorted((Path(__file__).parents[2] / "config" / "systematics").glob("*.yaml"))

SMALL = {
    "campaign": "small",
    "seed": 1,
    "maps": {"nside": 8},
    "simulation": {"n_maps": 200, "nside": 16},
    "reference": {"n_maps": 200},
    "inputs": {"few": {"n_maps": 5}},
    "gaussian": {"naive": {"input": "few", "n_maps": 100}},
    "emulated": {"many": {"input": "few", "strategy": "average-target", "n_maps": 100}},
    "emulator": {"n_scales": 3},
    "validation": {"n_modes": 50, "chi2_maps": 100},
}


def changed(path, value):
    """SMALL with the value at a dotted path replaced, or removed where value is ``...``."""
    content = copy.deepcopy(SMALL)
    *parents, last = path.split(".")
    part = content
    for key in parents:
        part = part.setdefault(key, {})
    part[last] = value
    if value is ...:
        del part[last]
    return content


@pytest.mark.parametrize("path", [*CONFIGS, *SYSTEMATICS], ids=lambda path: path.stem)
def test_the_campaigns_of_the_repository_are_valid(path):
    assert config.load(path).name == path.stem


def test_defaults_are_filled_in_and_the_input_is_left_alone():
    content = copy.deepcopy(SMALL)
    campaign = config.parse(content)
    assert content == SMALL
    assert campaign.emulator.n_orientations == 4
    assert campaign.sections["simulation"]["detectors"][1] == {
        "name": "pair1b",
        "polarization_angle_deg": 90.0,
        "offset_deg": 0.0,
    }
    assert config.parse(campaign.sections) == campaign


def test_paper_campaign_has_the_size_of_the_paper():
    campaign = config.load(CONFIGS[0].with_name("paper.yaml"))
    assert campaign.simulation.n_chunks == 2210
    assert len(campaign.simulation.detectors) == 4
    assert [dataset.n_maps for dataset in campaign.by_role("input")] == [10, 100]
    emulated = {dataset.name: dataset for dataset in campaign.by_role("emulated")}
    assert {emulated[name].n_maps for name in ("emulated-10", "emulated-100")} == {10000}
    assert {(dataset.input, dataset.strategy) for dataset in emulated.values()} == {
        ("input-10", "average-target"),
        ("input-100", "single-target"),
    }
    assert campaign.emulator.n_steps == 1000


def test_datasets_keep_roles_and_order():
    campaign = config.parse(SMALL)
    assert list(campaign.datasets) == ["original", "reference", "few", "naive", "many"]
    assert [dataset.name for dataset in campaign.by_role("input", "emulated")] == ["few", "many"]
    assert campaign.datasets["many"].strategy == "average-target"


def test_last_chunk_and_last_shard_may_be_shorter():
    content = changed("simulation.scan", {"duration_days": 1, "sampling_rate_hz": 1})
    content["simulation"]["gains"] = {"chunk_samples": 10000}
    content["sharding"] = {"chunks_per_shard": 4, "maps_per_shard": 150}
    campaign = config.parse(content)
    assert campaign.simulation.n_chunks == 9
    assert [shard.label for shard in campaign.chunk_shards][-1] == "0000008-0000009"
    assert [len(shard) for shard in campaign.map_shards("original")] == [150, 50]


def test_to_import_the_configuration_leaves_the_environment_alone():
    """Numba's threads and litebird_sim's MPI are the business of who imports a simulation."""
    code = (
        "import os, sys; before = dict(os.environ); import fewtomany.config; "
        "assert dict(os.environ) == before; assert 'fewtomany.simulation' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(config.__file__).parents[2])}
    for name in ("NUMBA_NUM_THREADS", "LITEBIRD_SIM_MPI"):
        environment.pop(name, None)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("maps.nside", 12, "maps.nside: 12 is not allowed; expected a power of 2 from 2 to 8192"),
        ("maps.nside", 1, "maps.nside: 1 is not allowed; expected a power of 2 from 2 to 8192"),
        ("maps.nside", 0, "maps.nside: 0 is not allowed; expected a power of 2"),
        ("maps.nside", "16", "maps.nside: '16' is not allowed; expected integer"),
        ("maps.nside", 32, "expected at most simulation.nside = 16"),
        ("maps.stokes", "XY", "maps.stokes: 'XY' is not allowed; expected one of T, QU, TQU"),
        ("maps.frame", "horizon", "expected one of galactic, ecliptic, equatorial"),
        ("seed", -1, "seed: -1 is not allowed; expected at least 0"),
        ("campaign", "a/b", "campaign: 'a/b' is not allowed; expected a text that matches"),
        ("simulation.n_maps", -5, "simulation.n_maps: -5 is not allowed; expected at least 2"),
        ("simulation.scan.sampling_rate_hz", 0, "0 is not allowed; expected more than 0"),
        ("simulation.scan.spin_sun_angle_deg", 200, "200 is not allowed; expected at most 180"),
        (
            "simulation.detectors",
            [],
            "simulation.detectors: [] is not allowed; expected at least 1",
        ),
        ("simulation.signal.sky_map", "no/such.fits", "no/such.fits: no such file"),
        ("simulation.signal.dipole", "none", "dipole none without a sky_map leaves no signal"),
        ("simulation.typo", 1, "simulation: unknown key typo; known: engine, n_maps,"),
        ("typo", 1, "configuration: unknown key typo"),
        (
            "emulator.plateau",
            0.1,
            "emulator: unknown key plateau (tolerance took the place of plateau); known: n_scales,",
        ),
        ("seed", ..., "configuration: missing key seed"),
        ("inputs", {}, "inputs: {} is not allowed; expected at least 1 entry"),
        ("inputs.reference", {"n_maps": 5}, "inputs.reference: the name is taken by the reference"),
        ("inputs.exact", {"n_maps": 5}, "the name is taken by the exact covariance"),
        ("inputs.many", {"n_maps": 5}, "emulated.many: the name is taken by inputs"),
        ("inputs.Bad_Name", {"n_maps": 5}, "Bad_Name"),
        ("emulated.many.input", "none", "emulated.many.input: 'none' is not allowed; expected one"),
        (
            "emulated.many.strategy",
            "best",
            "expected one of average-target, drawn-target, single-target",
        ),
        ("emulator.n_scales", 4, "emulator.n_scales: 4 is not allowed; expected at most 3"),
        (
            "emulator.first_scale",
            3,
            "emulator.first_scale: 3 is not allowed; expected at most 2, so that the coarsest",
        ),
        ("validation.n_modes", 100, "expected less than gaussian.naive.n_maps = 100"),
        ("validation.n_modes", 1536, "the maps have 1536 values"),
        ("validation.chi2_maps", 300, "expected at most reference.n_maps = 200"),
        ("inputs.few.unit", "K", "inputs.few.unit: not allowed without files"),
    ],
)
def test_faults_are_named_with_key_value_and_what_is_allowed(path, value, message):
    with pytest.raises(UserError) as caught:
        config.parse(changed(path, value))
    assert message in str(caught.value)


REFINED = {
    "n_scales": 2,
    "stripe_zones": 0,
    "start": "isotropic",
    "refinement": {"coarse": 4},
}


def refined(**changes):
    content = copy.deepcopy(SMALL)
    content["emulator"] = {**copy.deepcopy(REFINED), **changes.pop("emulator", {})}
    return {**content, **changes}


def test_a_refinement_has_defaults_and_needs_nothing_learnt():
    emulator = config.parse(refined()).emulator
    assert emulator.refinement == config.Refinement(coarse=4, regions=1, n_steps=30, sweeps=2)
    assert not emulator.learns
    assert config.parse(SMALL).emulator.refinement is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"emulator": {"refinement": {"coarse": 8}}},
            "emulator.refinement.coarse: 8 is not allowed; expected one of 4 for maps.nside = 8",
        ),
        ({"emulator": {"refinement": {"coarse": 3}}}, "emulator.refinement.coarse: 3 is not"),
        ({"emulator": {"refinement": {}}}, "emulator.refinement: missing key coarse"),
        (
            {"emulator": {"start": "white"}},
            "emulator.start: white is not allowed with emulator.refinement; expected isotropic",
        ),
        (
            {"emulator": {"stripe_zones": 8}},
            "emulator.stripe_zones: 8 is not allowed; expected at most emulator.refinement.coarse",
        ),
        (
            {"emulator": {"refinement": {"coarse": 4, "regions": 4}}},
            "emulator.refinement.regions: 4 is not allowed; expected at most 2, half of the nside",
        ),
        (
            {"maps": {"nside": 256}, "simulation": {"n_maps": 200, "nside": 256}, "emulator": {}},
            "emulator.refinement.coarse: 4 is not allowed; expected one of 128 for maps.nside",
        ),
    ],
)
def test_faults_of_a_refinement_are_one_line_each(changes, message):
    with pytest.raises(UserError) as caught:
        config.parse(refined(**changes))
    lines = str(caught.value).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_a_sphere_at_once_ends_at_nside_128():
    content = changed("maps.nside", 256)
    content["simulation"]["nside"] = 256
    message = "maps.nside: 256 is not allowed without emulator.refinement; expected at most 128"
    with pytest.raises(UserError, match=message):
        config.parse(content)
    content["maps"]["nside"] = 128
    assert config.parse(content).maps.nside == 128


def test_every_fault_has_a_line_of_its_own():
    content = changed("maps.nside", 12)
    content["simulation"]["nside"] = 100
    with pytest.raises(UserError) as caught:
        config.parse(content)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("maps.nside")
    assert lines[1].startswith("simulation.nside")


def test_equal_detector_names_are_refused():
    twice = [{"name": "one", "polarization_angle_deg": angle} for angle in (0.0, 90.0)]
    with pytest.raises(UserError, match="names one, one are not unique"):
        config.parse(changed("simulation.detectors", twice))


def test_exact_covariance_needs_the_response_engine():
    content = changed("simulation.engine", "direct")
    content["reference"]["covariance"] = "exact"
    with pytest.raises(UserError, match=r"exact needs simulation\.engine response, found direct"):
        config.parse(content)


@pytest.mark.parametrize("kind", ["adc", "bandpass"])
def test_no_more_modes_than_the_random_numbers_make(kind):
    content = changed("simulation.systematics", [kind])
    content["simulation"] |= {"adc": {"draw": "once"}, "signal": {"synthetic_sky_k": 0.01}}
    content["validation"] = {**content.get("validation", {}), "n_modes": 5}
    message = f"validation.n_modes: 5 is not allowed; expected at most 4, .* maps of {kind} have"
    with pytest.raises(UserError, match=message):
        config.parse(content)
    content["validation"]["n_modes"] = 4
    assert config.parse(content).validation.n_modes == 4


@pytest.mark.parametrize(
    ("kinds", "engine"),
    [
        (["gains"], "response"),
        (["gains", "linear_drift"], "response"),
        (["adc"], "response"),
        (["gains", "adc"], "direct"),
        (["white_noise"], "direct"),
        (["pointing", "gains"], "direct"),
    ],
)
def test_the_engine_follows_from_the_systematics(kinds, engine):
    content = changed("simulation.systematics", kinds)
    content["validation"] = {**content["validation"], "n_modes": 3}
    assert config.parse(content).simulation.engine == engine
    assert config.parse(changed("simulation.engine", "direct")).simulation.engine == "direct"


def test_every_kind_of_the_schema_is_known():
    kinds = get_args(simulation.Kind)
    assert sorted(kinds) == sorted(kind for stage in systematics.STAGES for kind in stage)
    assert set(kinds) == set(settings.NONLINEAR) | {"gains", "linear_drift", "adc"}
    assert set(kinds) <= set(config.Simulation.model_fields)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"engine": "response", "systematics": ["thermal_drift"]},
            "simulation.engine: response is not allowed with thermal_drift: its random numbers",
        ),
        (
            {"engine": "response", "systematics": ["adc", "gains"]},
            "response is not allowed with adc: it distorts what the other systematics add",
        ),
        (
            {
                "engine": "response",
                "systematics": ["linear_drift"],
                "linear_drift": {"distribution": "uniform"},
            },
            "response is not allowed with linear_drift: its numbers are uniform, not normal",
        ),
        ({"systematics": ["gain"]}, "'gain' is not allowed; expected one of gains, linear_drift"),
        ({"systematics": []}, "simulation.systematics: [] is not allowed; expected at least 1"),
        (
            {"systematics": ["linear_drift"], "linear_drift": {"calibration_period_s": 0.1}},
            "simulation.linear_drift.calibration_period_s: 0.1 is not allowed; expected 2 samples",
        ),
        (
            {"one_over_f": {"minimum_frequency_mhz": 30}},
            "minimum_frequency_mhz: 30 is not allowed; expected at most knee_frequency_mhz = 20",
        ),
        (
            {"one_over_f": {"minimum_frequency_mhz": 0}},
            "minimum_frequency_mhz: 0 is not allowed; expected more than 0",
        ),
        ({"bandpass": {"width_ghz": 400}}, "simulation.bandpass.width_ghz: 400 is not allowed"),
        ({"systematics": ["bandpass"]}, "bandpass is not allowed without simulation.signal"),
    ],
)
def test_faults_of_systematics_are_named(changes, message):
    content = copy.deepcopy(SMALL)
    content["simulation"] |= changes
    with pytest.raises(UserError) as caught:
        config.parse(content)
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [None, [], "text"])
def test_a_configuration_that_is_no_mapping_is_refused(content):
    with pytest.raises(UserError, match="expected object"):
        config.parse(content)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml: No such file"):
        config.load(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1,\n")
    with pytest.raises(UserError, match=r"broken\.yaml: not valid YAML"):
        config.load(broken)


def test_a_saved_campaign_is_the_same_campaign_and_is_written_once(tmp_path):
    campaign = config.parse(SMALL)
    path = tmp_path / "results" / "campaign.yaml"
    config.save(campaign, path)
    assert config.load(path) == campaign
    before = path.stat().st_mtime_ns
    config.save(campaign, path)
    assert path.stat().st_mtime_ns == before
    config.save(config.parse(changed("seed", 2)), path)
    assert config.load(path).seed == 2
    assert [entry.name for entry in path.parent.iterdir()] == ["campaign.yaml"]


def test_every_key_of_the_schema_is_described():
    def walk(part, path):
        for key, child in part.get("properties", {}).items():
            assert child.get("description"), f"{path}.{key}"
            walk(child, f"{path}.{key}")
        for inner in part.get("patternProperties", {}).values():
            walk(inner, path)
        if "items" in part:
            walk(part["items"], path)
        if part.get("type") == "object" and "patternProperties" not in part:
            assert part.get("additionalProperties") is not None, f"{path} takes any key"

    walk(schema.of(config.Configuration), "")


OWN = {
    "campaign": "own",
    "seed": 1,
    "maps": {"nside": 8},
    "inputs": {"few": {"files": "maps/*.npy"}},
    "emulated": {"many": {"input": "few", "strategy": "average-target", "n_maps": 200}},
    "emulator": {"n_scales": 3},
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder with maps of the user, and factory of the campaigns of them."""
    monkeypatch.chdir(tmp_path)
    for folder, sizes in {"maps": (12, 8), "other": (19,), "truth": (300,)}.items():
        (tmp_path / folder).mkdir()
        for number, size in enumerate(sizes):
            np.save(tmp_path / folder / f"{number}.npy", np.zeros((size, 2, 768), np.float32))

    def build(**changes):
        return config.parse({**copy.deepcopy(OWN), **changes})

    return build


def test_own_maps_are_counted_and_need_no_simulation(own):
    campaign = own()
    assert list(campaign.datasets) == ["few", "many"]
    assert campaign.datasets["few"].n_maps == 20
    assert campaign.datasets["few"].sources[""].files == ("maps/*.npy",)
    assert (campaign.simulation, campaign.reference, campaign.truth) == (None, None, None)
    assert (campaign.source, campaign.drawn_from) == ("maps", None)
    assert campaign.yardstick("many") == campaign.yardstick("few") == "few"
    assert campaign.sections["inputs"]["few"]["n_maps"] == 20  # so that no program counts again
    assert config.parse(campaign.sections) == campaign


def test_without_a_truth_all_emulations_are_cross_validated(own):
    assert own().trust.datasets == ("many",)
    assert own(trust={"datasets": []}).trust.datasets == ()
    assert config.parse(SMALL).trust.datasets == ()


def test_a_large_set_of_the_user_is_the_truth(own):
    campaign = own(reference={"files": "truth/*.npy"}, validation={"chi2_maps": 200})
    assert campaign.datasets["reference"].n_maps == 300
    assert (campaign.truth, campaign.yardstick("many")) == ("reference", "reference")
    assert campaign.trust.datasets == ()


def test_own_inputs_beside_a_simulation(own):
    """The truth of the simulation, and inputs that are read from files."""
    campaign = config.parse(changed("inputs.few", {"files": "maps/*.npy"}))
    assert (campaign.truth, campaign.source, campaign.drawn_from) == ("exact", "maps", "original")


def test_channels_are_components(own):
    channels = {"low": {"files": "maps/*.npy"}, "high": {"files": "maps/*.npy", "unit": "uK"}}
    campaign = own(inputs={"few": {"channels": channels}})
    assert campaign.components.names == ("low.Q", "low.U", "high.Q", "high.U")
    assert campaign.datasets["few"].sources["high"].unit == "uK"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": {"few": {}}}, "inputs.few: missing key n_maps, files or channels"),
        ({"inputs": {"few": {"n_maps": 5}}}, "inputs.few: missing key files; without simulation"),
        (
            {"inputs": {"few": {"files": "none/*.npy"}}},
            "inputs.few.files: none/*.npy: matches no file",
        ),
        (
            {"inputs": {"few": {"files": "maps/*.npy", "unit": "Jy"}}},
            "inputs.few.unit: 'Jy' is not allowed; expected one of K, mK, uK",
        ),
        (
            {"inputs": {"few": {"files": "a", "channels": {"a": {"files": "b"}}}}},
            "inputs.few.files: not allowed together with inputs.few.channels",
        ),
        (
            {"inputs": {"few": {"channels": {"a": {"files": "b"}}, "unit": "K"}}},
            "inputs.few.unit: not allowed here; expected in inputs.few.channels.NAME",
        ),
        (
            {
                "inputs": {
                    "few": {"channels": {"a": {"files": "maps/*.npy"}}},
                    "more": {"files": "maps/*.npy"},
                }
            },
            "inputs.more.channels: one is not allowed; expected a as in inputs.few",
        ),
        ({"reference": {"n_maps": 50}}, "reference: missing key files; without simulation"),
        ({"reference": {}}, "reference: missing key n_maps, files or channels"),
        (
            {"simulation": {"n_maps": 500}},
            "configuration: missing key reference, which simulation needs",
        ),
        (
            {"simulation": {"n_maps": 500}, "reference": {"files": "truth/*.npy"}},
            "reference.files: not allowed together with simulation",
        ),
        (
            {"inputs": {"few": {"files": "maps/*.npy", "n_maps": 3}}, "trust": {"datasets": []}},
            "inputs.few.n_maps: 3 is not allowed; expected at least 4, as held-out maps choose",
        ),
        (
            {"inputs": {"few": {"files": "maps/*.npy", "n_maps": 4}}},
            "trust.n_folds: 5 is not allowed; expected at most inputs.few.n_maps = 4, and 4 maps",
        ),
        (
            {"inputs": {"few": {"files": "maps/*.npy", "n_maps": 7}}, "trust": {"n_folds": 2}},
            "trust.n_folds: 2 is not allowed; expected at most inputs.few.n_maps = 7, and 4 maps",
        ),
        (
            {"trust": {"n_maps": 8, "n_directions": 4}},
            "trust.n_directions: 4 is not allowed with trust.n_maps = 8; expected at most 3: half "
            "of the maps or all but 5, whichever is less",
        ),
        (
            {"trust": {"n_maps": 5, "n_directions": 1}},
            "trust.n_directions: 1 is not allowed with trust.n_maps = 5; expected more maps: half",
        ),
        (
            {"emulated": {"many": {**OWN["emulated"]["many"], "n_maps": 100}}},
            "validation.n_modes: 150 is not allowed; expected less than emulated.many.n_maps = 100",
        ),
        (
            {"reference": {"files": "truth/*.npy"}},
            "validation.chi2_maps: 1000 is not allowed; expected at most reference.n_maps = 300",
        ),
        ({"maps": {"nside": 8, "mask": "no.fits"}}, "maps.mask: no.fits: no such file"),
        ({"maps": {"nside": 8, "frame": "moon"}}, "maps.frame: 'moon' is not allowed; expected"),
        ({"maps": {"nside": 8, "stokes": "Q"}}, "maps.stokes: 'Q' is not allowed; expected one of"),
    ],
)
def test_faults_of_own_maps_are_one_line_each(own, changes, message):
    with pytest.raises(UserError) as caught:
        own(**changes)
    lines = str(caught.value).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_more_maps_than_the_files_hold_are_refused_before_any_job(own):
    campaign = own(inputs={"few": {"files": "maps/*.npy", "n_maps": 25}})
    with pytest.raises(UserError, match=r"^inputs.few.n_maps: 25 is not allowed; .* hold 20 maps$"):
        config.check_sources(campaign)
    channels = {"a": {"files": "maps/*.npy"}, "b": {"files": "other/*.npy"}}
    campaign = own(inputs={"few": {"n_maps": 20, "channels": channels}})
    with pytest.raises(UserError, match=r"inputs.few.channels.b.files hold 19 maps"):
        config.check_sources(campaign)
