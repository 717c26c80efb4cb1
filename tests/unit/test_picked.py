"""Reference and inputs that are maps of the original dataset, and learnt Gaussian datasets."""

import copy
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import yaml

from fewtomany import config, covariance
from fewtomany.config import SymmetrySettings, versions
from fewtomany.covariance import learn
from fewtomany.datasets import picked
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet

ROOT = Path(__file__).parents[2]
TINY = yaml.safe_load((ROOT / "tests" / "workflow" / "tiny.yaml").read_text())
N_PIX = 12 * 4**2


def tiny(n_original=170, **reference):
    content = copy.deepcopy(TINY)
    content["simulation"]["n_maps"] = n_original
    content["inputs"]["input-20"] = {"n_maps": 20}
    content["reference"] |= {"draws": "original", **reference}
    return content


def originals(start, stop):
    """Original maps, each filled with numbers that name it and its Stokes parameter."""
    values = np.arange(start, stop)[:, None, None] + np.array([0.0, 0.25, 0.5])[:, None]
    return MapSet(np.tile(values, N_PIX), "TQU", "original", first=start, frame="ecliptic")


def test_no_original_map_is_picked_twice():
    campaign = config.parse(tiny())
    taken = {
        d.name: range(d.picked, d.picked + d.n_maps)
        for d in campaign.datasets.values()
        if d.picked is not None
    }
    assert taken == {
        "input-10": range(10),
        "input-20": range(10, 30),
        "reference": range(30, 130),
    }
    assert campaign.drawn_from is None


def test_a_larger_reference_leaves_the_inputs_as_they_are():
    campaigns = [config.parse(tiny()), config.parse(tiny(n_maps=140))]
    for name in ("input-10", "input-20"):
        few, many = (versions.basis(campaign, "pick", name) for campaign in campaigns)
        assert few == many


def test_drawn_datasets_are_not_picked():
    campaign = config.parse(TINY)
    assert {dataset.picked for dataset in campaign.datasets.values()} == {None}
    assert campaign.reference.draws == "gaussian"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"n_original": 129},
            "simulation.n_maps: 129 is not allowed with reference.draws original; "
            "expected at least 130 = 10 (input-10) + 20 (input-20) + 100 (reference)",
        ),
        (
            {"covariance": "exact"},
            "reference.covariance: exact is not allowed with reference.draws original",
        ),
        ({"draws": "all"}, "reference.draws: 'all' is not allowed; expected one of gaussian"),
    ],
)
def test_faults_name_the_counts(change, message):
    with pytest.raises(UserError) as caught:
        config.parse(tiny(**change))
    assert message in str(caught.value)


@pytest.mark.parametrize(("start", "stop"), [(0, 4), (3, 9), (9, 12), (0, 12), (5, 6)])
def test_picked_maps_are_these_maps(start, stop):
    parts = [originals(0, 4), originals(4, 9), originals(9, 12)]
    found = picked.pick(parts, start, stop)
    np.testing.assert_array_equal(found.maps[:, 0, 0], np.arange(start, stop))
    assert (found.first, len(found), found.frame) == (start, stop - start, "ecliptic")


@pytest.mark.parametrize("parts", [[(0, 4)], [(0, 4), (6, 12)], [(4, 12)], []])
def test_missing_originals_are_named(parts):
    with pytest.raises(UserError, match="lack map"):
        picked.pick([originals(*part) for part in parts], 3, 8)


def run(program, *words):
    path = ROOT / "scripts" / program
    spec = importlib.util.spec_from_file_location(f"program_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(module.get_parser().parse_args([str(word) for word in words]))


def test_the_program_writes_exactly_these_originals(tmp_path):
    campaign = config.parse(tiny())
    config.save(campaign, tmp_path / "campaign.yaml")
    files = []
    for shard in campaign.map_shards("original")[:2]:
        files.append(tmp_path / f"{shard.label}.h5")
        store.write_maps(files[-1], originals(shard.start, shard.stop))
    output = tmp_path / "picked.h5"
    options = ("--config", tmp_path / "campaign.yaml", "--dataset", "reference")
    run("inputs/pick.py", *options, "--start", 10, "--stop", 30, "--output", output, *files)
    found = store.read_maps(output)
    assert (found.dataset, found.stokes, found.first) == ("reference", "QU", 10)
    np.testing.assert_array_equal(found.maps[:, 0, 0], np.arange(40, 60) + 0.25)
    np.testing.assert_array_equal(found.maps[:, 1, 7], np.arange(40, 60) + 0.5)
    assert found.maps.dtype == np.float32
    assert found.provenance["originals"] == [40, 60]


@pytest.fixture
def learnt(tmp_path):
    """Files of a campaign with one learnt Gaussian dataset, of inputs around a common mean."""
    content = copy.deepcopy(TINY)
    content["gaussian"]["learnt-10"] = {"input": "input-10", "model": "learnt", "n_maps": 600}
    rng = np.random.default_rng(1)
    depth = np.linspace(0.5, 2, N_PIX)
    inputs = 100 + depth * rng.standard_normal((10, 2, N_PIX))
    paths = {name: tmp_path / f"{name}.h5" for name in ("inputs", "symmetry", "drawn")}
    store.write_maps(paths["inputs"], MapSet(inputs, "QU", "input-10"))
    paths["config"] = tmp_path / "campaign.yaml"
    config.save(config.parse(content), paths["config"])
    options = ("--config", paths["config"], "--dataset", "input-10")
    run("covariances/learn_symmetry.py", *options, "--output", paths["symmetry"], paths["inputs"])
    return inputs, paths


def test_learnt_datasets_have_mean_of_the_inputs_and_learnt_variance(learnt):
    inputs, paths = learnt
    options = ("--config", paths["config"], "--dataset", "learnt-10", "--start", 0, "--stop", 600)
    files = ("--inputs", paths["inputs"], "--symmetry", paths["symmetry"])
    run("inputs/draw.py", *options, "--output", paths["drawn"], *files)
    drawn = store.read_maps(paths["drawn"]).maps
    found = covariance.load(paths["symmetry"])
    deviation = found.deviation
    away = (drawn.mean(axis=0) - inputs.mean(axis=0)) / deviation * np.sqrt(600)
    assert np.abs(away).max() < 5
    assert np.abs(drawn.std(axis=0) / deviation - 1).max() < 5 / np.sqrt(2 * 600)
    truth = np.linspace(0.5, 2, N_PIX)
    error, of_inputs = (np.std(some / truth) for some in (deviation, inputs.std(axis=0, ddof=1)))
    assert error < 0.6 * of_inputs


def test_a_learnt_dataset_needs_its_covariance(learnt):
    _, paths = learnt
    options = ("--config", paths["config"], "--dataset", "learnt-10", "--start", 0, "--stop", 9)
    with pytest.raises(UserError, match="--symmetry is missing: the model of learnt-10 is learnt"):
        run("inputs/draw.py", *options, "--output", paths["drawn"], "--inputs", paths["inputs"])


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_maps_of_two_random_numbers_are_learnt_from():
    """Their own covariance explains held-out maps, and so do regressions; nothing else does."""
    rng = np.random.default_rng(1)
    maps = rng.standard_normal((10, 2)) @ rng.standard_normal((2, 2 * N_PIX))
    inputs = MapSet(maps.reshape(10, 2, N_PIX), "QU", "few")
    found = learn.learn(inputs, SymmetrySettings(), 1).evidence
    assert {name for name, weight in found["weights"].items() if weight} == {"inputs", "local"}
