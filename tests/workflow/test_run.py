"""The tiny campaign, really run: every product, resumed, enlarged, cut otherwise."""

import functools
import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

import golden
import inprocess
from fewtomany import config, shards
from fewtomany.files import integrity, store
from harness import ROOT, make_workflow

GOLDEN = Path(__file__).with_name("golden.json")
AVERAGE = {"input": "input-10", "strategy": "average-target", "n_maps": 100}


summaries = functools.cache(golden.summaries)


def maps(workflow, dataset):
    """All maps of a dataset as one array."""
    folder = workflow.folder / "results" / "tiny" / "datasets" / dataset
    return store.read_dataset(sorted(folder.glob("maps-*.h5"))).maps


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The tiny campaign, run from nothing to its report."""
    workflow = make_workflow(tmp_path_factory.mktemp("tiny"))
    done = workflow.snakemake("--show-failed-logs")
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow


def test_the_report_and_every_figure_are_there(finished):
    results = finished.folder / "results" / "tiny"
    report = (results / "report.html").read_text()
    assert "</html>" in report
    metrics = json.loads((results / "validation" / "metrics.json").read_text())
    assert metrics["metrics"]
    figures = {path.stem: path for path in (results / "figures").glob("*.png")}
    assert figures.pop("glance").stat().st_size > 1000  # of the first screen alone
    assert all(figure.with_suffix(".pdf").exists() for figure in figures.values())
    assert len(figures) == 17


def test_snakemake_reports_on_the_run(finished):
    done = finished.snakemake("--report", "run.html")
    assert done.returncode == 0, done.stdout + done.stderr
    report = (finished.folder / "run.html").read_text()
    captions = re.findall(r'"caption": "<p>(.{40})', report)
    assert len(captions) == 17 + 2  # figures, metrics, the campaign's own report
    assert not [caption for caption in captions if caption.startswith("The full caption")]
    assert "<strong>tiny</strong>" in report


def test_datasets_have_the_maps_that_the_configuration_asks_for(finished):
    campaign = config.load(finished.folder / "results" / "tiny" / "campaign.yaml")
    for name, dataset in campaign.datasets.items():
        n_stokes = 3 if name == "original" else 2
        assert maps(finished, name).shape == (dataset.n_maps, n_stokes, 192), name


def test_no_two_maps_of_a_dataset_are_equal(finished):
    for name in ("reference", "input-10", "gaussian-10", "average-10", "single-10"):
        values = maps(finished, name)
        assert len(np.unique(values.reshape(len(values), -1), axis=0)) == len(values), name


def test_a_second_run_does_nothing(finished):
    done = finished.snakemake()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_product_names_what_it_comes_from(finished):
    path = next((finished.folder / "results" / "tiny" / "datasets" / "average-10").glob("*.h5"))
    found = store.read_maps(path).provenance
    assert found["campaign"] == "tiny"
    assert found["seed"] == 1
    assert found["packages"]["numpy"] == np.__version__


@pytest.mark.parametrize("stage", golden.PRODUCTS)
def test_results_change_only_with_the_version_of_their_stage(finished, stage):
    known = json.loads(GOLDEN.read_text())[stage]
    found = summaries(finished.folder / "results" / "tiny")[stage]
    assert known["version"] == found["version"], "bring golden.json up to date with golden.py"
    assert known["arrays"].keys() == found["arrays"].keys()
    for name, (shape, rms, projection) in known["arrays"].items():
        new_shape, new_rms, new_projection = found["arrays"][name]
        assert shape == new_shape, name
        changed = f"{name} has changed: raise the version of {stage} in fewtomany/versions.py"
        if stage in ("assemble", "compare") and name in golden.ROUGH:
            assert new_rms == pytest.approx(rms, rel=golden.ROUGH[name]), changed
            continue
        error = golden.OF_MODES if stage == "judge" else golden.ROUNDING
        assert new_rms == pytest.approx(rms, rel=error), changed
        assert new_projection == pytest.approx(projection, abs=2 * error), changed


def test_a_permutation_is_another_golden_number():
    values = np.random.default_rng(1).standard_normal(1000) + 1
    rms, projection = golden.summary(values)
    swapped = golden.summary(values[::-1])
    assert swapped[0] == pytest.approx(rms)
    assert abs(swapped[1] - projection) > 0.1


def test_other_shards_give_the_same_maps(finished, tmp_path):
    other = make_workflow(tmp_path)
    sharding = {"chunks_per_shard": 80, "maps_per_shard": 33, "batches_per_shard": 7}
    targets = [
        f"results/tiny/datasets/{name}/maps-{shard.label}.h5"
        for name, count in (("reference", 100), ("gaussian-10", 50), ("single-10", 50))
        for shard in shards.plan(count, 33)
    ]
    done = other.snakemake(*targets, "--show-failed-logs", sharding=sharding)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("original", "reference", "input-10", "gaussian-10", "single-10"):
        np.testing.assert_array_equal(maps(other, name), maps(finished, name), err_msg=name)


def test_a_direct_simulation_gives_the_same_maps(finished, tmp_path):
    other = make_workflow(tmp_path)
    target = "results/tiny/datasets/original/maps-0000000-0000002.h5"
    done = other.snakemake(target, "--show-failed-logs", simulation={"engine": "direct"})
    assert done.returncode == 0, done.stdout + done.stderr
    direct, response = maps(other, "original"), maps(finished, "original")[:2]
    assert np.abs(direct - response).max() < 1e-5 * response.std()


def test_a_flipped_bit_is_found_discarded_and_made_again(finished):
    """Of a map file, and of a batch, whose manifest and maps go with it."""
    results = finished.folder / "results" / "tiny"

    def status(*words):
        program, campaign = ROOT / "scripts" / "status.py", "results/tiny/campaign.yaml"
        done = inprocess.program(program, "--config", campaign, *words, folder=finished.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert status().endswith("finished: nothing to be done\n")
    assert status("--check").startswith("every product can be read")
    files = {
        "datasets/gaussian-10/maps-0000000-0000050.h5": "maps",
        "emulation/single-10/batches/0000/batch-0000001.h5": "maps",
    }
    before = {}
    for name, dataset in files.items():
        path = results / name
        content = bytearray(path.read_bytes())
        known = integrity.digests(path)
        with h5py.File(path) as file:
            before[path] = file[dataset][()]
        content[known.size + known.datasets[dataset][0] + 1000] ^= 32
        path.write_bytes(content)
    found = status("--check", "--discard")
    for name, dataset in files.items():
        assert f"damaged: results/tiny/{name}: dataset {dataset} is damaged" in found
        assert not (results / name).exists()
    again = (results / ".discarded").read_text().split()  # which the target "all" names, too
    done = finished.snakemake(*again, "datasets", "--show-failed-logs")
    assert done.returncode == 0, done.stdout + done.stderr
    for path, values in before.items():
        with h5py.File(path) as file:
            np.testing.assert_array_equal(file["maps"][()], values)
    assert status("--check").startswith("every product can be read")


def test_enlarging_adds_maps_and_leaves_the_old_files_alone(finished):
    """Last, as it changes the campaign: 100 to 200 drawn maps, 50 to 100 emulated ones."""
    files = finished.files("datasets/*/*.h5")
    content = {path: (finished.folder / "results/tiny" / path).read_bytes() for path in files}
    before = {name: maps(finished, name) for name in ("reference", "average-10")}
    done = finished.snakemake(
        "datasets",
        "--show-failed-logs",
        reference={"n_maps": 200},
        emulated={"average-10": AVERAGE},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for path, time in files.items():
        assert finished.files(str(path)) == {path: time}
        assert (finished.folder / "results/tiny" / path).read_bytes() == content[path]
    for name, old in before.items():
        new = maps(finished, name)
        assert len(new) == 2 * len(old)
        np.testing.assert_array_equal(new[: len(old)], old)


def test_a_truncated_map_file_is_refused_by_name(finished):
    path = "results/tiny/datasets/gaussian-10/maps-0000000-0000050.h5"
    content = (finished.folder / path).read_bytes()
    (finished.folder / path).write_bytes(content[: len(content) // 2])
    done = finished.snakemake("results/tiny/covariances/gaussian-10.h5", "--show-failed-logs")
    assert done.returncode == 1
    assert f"covariance.py: error: {path}: " in done.stdout + done.stderr
    (finished.folder / path).write_bytes(content)
