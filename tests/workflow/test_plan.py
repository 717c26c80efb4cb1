"""What the workflow would do: size of campaigns, refused configurations, reruns."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from fewtomany import config
from harness import ROOT, TINY, Workflow, count_jobs, make_instant, write_maps

CAMPAIGN = yaml.safe_load(TINY.read_text())
AVERAGE = CAMPAIGN["emulated"]["average-10"]
FOLDS = {"n_folds": 2, "n_maps": 20, "n_directions": 5}
GAINS = {**CAMPAIGN["simulation"]["gains"], "standard_deviation": 2e-4}

# What every change of a number leads to, and of the map files.
JUDGED = {
    "judge": 1,
    "plot": 1,
    "report": 1,
    "all": 1,
}
JUDGEMENT = JUDGED | {"compare": 1, "diversity": 1}
DESCENT = {"descent": 1}


def measured(n_files):
    """Every statistic of so many map files."""
    return {"measure": n_files}


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return Workflow(tmp_path_factory.mktemp("empty"))


def test_the_papers_campaign_has_its_jobs(empty):
    done = empty.run("--dry-run", "--quiet", "rules", "--configfile", f"{ROOT}/config/paper.yaml")
    jobs = count_jobs(done)
    assert jobs["simulate_maps"] == 20
    assert jobs["emulate"] > 100
    assert sum(jobs.values()) < 5000


HEAVY = ("healpy", "tensorflow", "litebird_sim", "scipy", "matplotlib", "h5py", "astropy")


def test_planning_loads_nothing_heavy():
    """What the Snakefile imports of this package, in a fresh interpreter: no slow library."""
    modules = ["jobs.slurm", "config", "config.versions", "jobs.resources", "config.products"]
    modules += ["maps.ingest", "emulator.batches"]
    lines = ["import sys", *(f"import fewtomany.{name}" for name in modules)]
    lines.append(f"print([name for name in {HEAVY} if name in sys.modules])")
    done = subprocess.run(
        [sys.executable, "-c", "; ".join(lines)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_own_maps_need_no_simulation(empty):
    """Inputs of files, without a truth: no draw, no comparison, but cross-validation."""
    folder = empty.folder / "own"
    write_maps(folder, 10)
    jobs = empty.jobs(
        simulation=None, reference=None, inputs={"input-10": {"files": "own/*.fits"}}, trust=FOLDS
    )
    assert {"import_maps": 1, "trust": 2, "recommend": 2, "diversity": 1}.items() <= jobs.items()
    assert not jobs.keys() & {"simulate_maps", "factor", "draw", "compare", "exact_covariance"}
    assert jobs["plot"] == 1


def test_a_large_set_of_the_user_is_a_truth(empty):
    folder = empty.folder / "many"
    write_maps(folder, 100)
    jobs = empty.jobs(
        simulation=None,
        reference={"files": "many/*.fits", "n_maps": None, "covariance": None},
        inputs={"input-10": {"files": "many/*.fits", "n_maps": 10}},
    )
    assert jobs["import_maps"] == 3
    assert jobs["compare"] == 1
    assert jobs["plot"] == 1
    assert "trust" not in jobs


def test_no_command_holds_what_the_shell_would_take_for_files(empty):
    """A variable of paths that was not put in: <results> would be read, and written to."""
    done = empty.snakemake("--dry-run", "--printshellcmds")
    commands = re.findall(r"python \$FEWTOMANY/.*", done.stdout + done.stderr)
    assert len(commands) > 40
    assert not [command for command in commands if "<" in command or command.count(">") > 1]


def test_the_demo_is_the_default(empty):
    (empty.folder / "config").symlink_to(ROOT / "config")
    done = empty.run("--dry-run", "--quiet", "rules")
    assert count_jobs(done)["simulate_maps"] == 1
    assert "results/demo" in empty.run("--dry-run").stdout


def test_the_direct_engine_needs_no_response(empty):
    jobs = empty.jobs(simulation={"engine": "direct", "n_maps": 100})
    assert jobs["simulate_maps_directly"] == 2
    assert not jobs.keys() & {"simulate_response", "merge_response", "exact_covariance"}


SURROGATE = {"simulation": {"nside": 4, "scan": {"sampling_rate_hz": 0.035}}}


def test_a_surrogate_has_a_pass_of_its_own(empty):
    plain = empty.jobs(emulator={"start": "turned"})
    jobs = empty.jobs(emulator={"start": "turned"}, surrogate=SURROGATE)
    more = {name: number - plain.get(name, 0) for name, number in jobs.items()}
    assert {name: number for name, number in more.items() if number} == {
        "simulate_response": 1,
        "merge_response": 1,
        "prepare_surrogate": 1,
    }
    assert jobs["simulate_response"] == 3


def test_pairs_of_realizations_have_a_control(empty):
    pairs = {"simulation": {**SURROGATE["simulation"], "gains": {"chunk_samples": 10000}}}
    original = {"draws": "original", "n_maps": 50}
    counts = {"chi2_maps": 50, "n_modes": 15}
    same = {"emulator": {"start": "turned"}, "validation": counts}
    for reference, expected in ((original, 1), ({"n_maps": 100}, 0)):
        jobs = empty.jobs(surrogate=pairs, reference=reference, **same)
        assert jobs.get("control", 0) == expected


def test_own_maps_may_have_a_simulated_surrogate(empty):
    folder = empty.folder / "few"
    write_maps(folder, 10)
    jobs = empty.jobs(
        simulation=None,
        reference=None,
        inputs={"input-10": {"files": "few/*.fits"}},
        trust=FOLDS,
        emulator={"start": "turned"},
        surrogate=SURROGATE,
    )
    expected = {"merge_response": 1, "prepare_surrogate": 1, "learn_symmetry": 5}
    assert expected.items() <= jobs.items()
    assert not jobs.keys() & {"simulate_maps", "exact_covariance"}


def test_the_exact_covariance_needs_no_maps(empty):
    jobs = empty.jobs("results/tiny/reference/factor.h5", reference={"covariance": "exact"})
    assert "simulate_maps" not in jobs
    assert jobs["exact_covariance"] == 1


def test_original_maps_are_picked_and_not_drawn(empty):
    """Inputs of maps 0 to 9, reference of 10 to 109; files of the original dataset hold 50."""
    original = {"simulation": {"n_maps": 110}, "reference": {"draws": "original"}}
    jobs = empty.jobs("datasets", **original)
    assert (jobs["pick"], jobs["simulate_maps"]) == (3, 3)
    assert not jobs.keys() & {"draw", "factor"}
    one = empty.jobs("results/tiny/datasets/input-10/maps-0000000-0000010.h5", **original)
    assert (one["pick"], one["simulate_maps"]) == (1, 1)
    last = empty.jobs("results/tiny/datasets/reference/maps-0000050-0000100.h5", **original)
    assert (last["pick"], last["simulate_maps"]) == (1, 2)


def test_learnt_gaussian_maps_need_what_is_learnt(empty):
    learnt = {"learnt-10": {"input": "input-10", "model": "learnt", "n_maps": 50}}
    jobs = empty.jobs("datasets", gaussian=learnt)
    assert (jobs["learn_symmetry"], jobs["draw_learnt"], jobs["draw_isotropic"]) == (1, 1, 1)


def test_maps_of_the_user_are_learnt_from(empty):
    folder = empty.folder / "own"
    write_maps(folder, 10)
    own = {"simulation": None, "reference": None, "trust": FOLDS, "emulator": {"start": "turned"}}
    jobs = empty.jobs(inputs={"input-10": {"files": "own/*.fits", "n_maps": 10}}, **own)
    assert jobs["learn_symmetry"] == 1 + 4  # the inputs and the folds


@pytest.mark.parametrize(
    ("target", "rules"),
    [("simulate", {"simulate_maps"}), ("datasets", {"assemble", "draw", "draw_isotropic"})],
)
def test_targets_stop_where_they_say(empty, target, rules):
    jobs = empty.jobs(target)
    assert rules <= jobs.keys()
    assert "judge" not in jobs


def test_cross_validation_emulates_every_fold(empty):
    folds = {"datasets": ["average-10"], "n_folds": 2, "n_maps": 20, "n_directions": 5}
    jobs = empty.jobs("results/tiny/validation/parts/trust-average-10.json", trust=folds)
    expected = {"prepare_emulation": 2, "emulate": 2, "assemble": 2, "trust": 1}
    assert expected.items() <= jobs.items()
    assert "judge" not in jobs


def test_export_makes_a_folder_per_map_file(empty):
    assert empty.jobs("export")["export_fits"] == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"maps": {"nside": 6}}, "maps.nside: 6 is not allowed; expected a power of 2"),
        ({"simulation": {"n_maps": -3}}, "simulation.n_maps: -3 is not allowed; expected at least"),
        (
            {"validation": {"n_modes": 60}},
            "validation.n_modes: 60 is not allowed; expected less than emulated.single-10.n_maps",
        ),
        ({"emulator": {"steps": 5}}, "emulator: unknown key steps; known: n_scales"),
        (
            {"simulation": {"n_maps": 100, "signal": {"sky_map": "no.fits"}}},
            "simulation.signal.sky_map: no.fits: no such file",
        ),
    ],
)
def test_a_wrong_configuration_stops_before_any_job(empty, changes, message):
    done = empty.snakemake(**changes)
    assert done.returncode == 1
    output = done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].startswith(message)  # the last that is seen
    assert output.count(message) == 1
    assert "Traceback" not in output
    assert "Job stats" not in output
    assert not (empty.folder / "results").exists()


def test_a_finished_campaign_has_nothing_to_do(instant):
    assert instant.jobs() == {}


def test_other_words_of_a_command_make_nothing_again(tmp_path):
    """Versions say when results change: the profiles leave Snakemake's trigger on code out."""
    workflow, rules = make_instant(tmp_path), tmp_path / "workflow"
    rules.unlink()
    shutil.copytree(ROOT / "workflow", rules)
    target = "results/tiny/validation/wavelets.h5"
    assert workflow.snakemake(target).returncode == 0
    text = (rules / "rules/validate.smk").read_text()
    program = "python $FEWTOMANY/measurements/measure_wavelets.py"
    (rules / "rules/validate.smk").write_text(text.replace(program, f": ; {program}"))
    assert workflow.jobs(target)["measure_wavelets"] == 1
    for profile in ("local", "slurm"):
        told = yaml.safe_load((ROOT / "profiles" / profile / "config.yaml").read_text())
        triggers = ("--rerun-triggers", *told["rerun-triggers"])
        assert workflow.jobs(target, *triggers) == {}
        assert workflow.jobs(target, *triggers, seed=5) == {}  # the wavelets have no seed
        assert workflow.jobs(target, *triggers, emulator={"n_orientations": 3}) != {}


def test_every_job_leaves_a_log_and_a_benchmark(instant):
    logs = list((instant.folder / "logs" / "tiny").rglob("*.log"))
    benchmarks = list((instant.folder / "benchmarks" / "tiny").rglob("*.tsv"))
    products = list((instant.folder / "results" / "tiny").rglob("*.*"))
    others = ("campaign.yaml", ".discarded")  # of the workflow itself
    products = [path for path in products if path.suffix != ".pdf" and path.name not in others]
    # Of a map file there are four statistics, of the campaign many figures, and the judge has two.
    n_measured, n_drawn = (
        len([path for path in products if folder in path.parts])
        for folder in ("measurements", "figures")
    )
    assert n_measured % 4 == 0
    assert len(logs) == len(benchmarks) == len(products) - n_measured * 3 // 4 - n_drawn + 1 - 1


def test_the_effective_configuration_lies_beside_the_products(instant):
    campaign = config.load(instant.folder / "results" / "tiny" / "campaign.yaml")
    assert campaign == config.load(TINY)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"emulated": {"average-10": {**AVERAGE, "n_maps": 100}}},
            {"emulate": 1, "assemble": 1, "covariance": 1, "recommend": 1, "parameter": 1}
            | measured(1)
            | JUDGEMENT
            | DESCENT,
            id="a larger emulated dataset adds batches and maps",
        ),
        pytest.param(
            {"reference": {"n_maps": 200}},
            {"draw": 2, "covariance": 1} | measured(2) | JUDGEMENT,
            id="a larger reference dataset adds maps",
        ),
        pytest.param(
            {"emulator": {"n_steps": 21}},
            {"emulate": 3, "assemble": 2, "covariance": 2, "recommend": 2, "parameter": 2}
            | measured(2)
            | JUDGEMENT
            | DESCENT,
            id="other steps emulate anew",
        ),
        pytest.param(
            {"emulated": {"single-10": {**AVERAGE}}},
            {"prepare_emulation": 1, "emulate": 1, "assemble": 1}
            | {"covariance": 1, "recommend": 1, "parameter": 1}
            | measured(1)
            | JUDGEMENT
            | DESCENT,
            id="another strategy emulates that dataset anew",
        ),
        pytest.param(
            {"validation": {"n_modes": 14}},
            {"compare": 1} | JUDGED,
            id="other modes judge anew",
        ),
        pytest.param(
            {"validation": {"n_modes": 16, "chi2_maps": 50, "minkowski_maps": 50}},
            {"measure": 6, "measure_later": 2} | JUDGED,
            id="fewer maps with Minkowski functionals",
        ),
    ],
)
def test_only_what_a_change_affects_runs_again(instant, changes, expected):
    assert instant.jobs(**changes) == expected


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"seed": 2}, {"simulate_response", "merge_response", "exact_covariance"}),
        ({"simulation": {"gains": GAINS}}, {"simulate_response", "merge_response"}),
        ({"simulation": {"downgrade": "harmonic"}}, {"simulate_response"}),
        ({"emulator": {"ddof": 1}}, {"simulate_maps", "draw", "draw_isotropic"}),
        ({"sharding": {"batches_per_shard": 2}}, {"draw", "prepare_emulation"}),
    ],
)
def test_what_comes_before_a_change_stays(instant, changes, kept):
    jobs = instant.jobs(**changes)
    assert "emulate" in jobs
    assert not jobs.keys() & kept
