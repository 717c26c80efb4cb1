"""Maps of one's own emulated in two scales, by the workflow: whatever the jobs, the same maps."""

import json

import numpy as np
import pytest
import yaml

import inprocess
from fewtomany.emulator import archive
from fewtomany.emulator.conditioned import Blocks
from fewtomany.files import store
from harness import ROOT, make_workflow

N_MAPS, NSIDE, COARSE = 8, 8, 4
CONFIGURATION = {
    "campaign": "refined",
    "seed": 1,
    "maps": {"nside": NSIDE},
    "inputs": {"mine": {"files": "maps.npy", "unit": "K", "polarization_convention": "COSMO"}},
    "emulated": {"many": {"input": "mine", "strategy": "average-target", "n_maps": 8}},
    "emulator": {
        "n_scales": 2,
        "n_orientations": 2,
        "n_steps": 5,
        "batch_size": 4,
        "stripe_zones": 0,
        "start": "isotropic",
        "refinement": {"coarse": COARSE, "n_steps": 3, "sweeps": 1},
    },
    "validation": {"n_modes": 5},
    "trust": {"datasets": []},
    "sharding": {"maps_per_shard": 4, "batches_per_shard": 2},
}


@pytest.fixture(scope="module")
def workflow(tmp_path_factory, quick_learning):
    found = make_workflow(tmp_path_factory.mktemp("refined"))
    random = np.random.default_rng(1)
    coarse = random.standard_normal((N_MAPS, 2, 12 * COARSE**2))
    fine = random.standard_normal((N_MAPS, 2, 12 * NSIDE**2))
    maps = Blocks(COARSE, NSIDE).spread(coarse) + fine
    np.save(found.folder / "maps.npy", maps.astype(np.float32))
    return found


def test_the_same_maps_come_of_any_jobs_and_differ_from_each_other(workflow):
    """A batch made alone has the bits of the one made after others."""
    configuration = workflow.folder / "refined.yaml"
    configuration.write_text(yaml.safe_dump(CONFIGURATION))
    done = workflow.run("datasets", "--configfile", configuration.name, "--show-failed-logs")
    assert done.returncode == 0, done.stdout + done.stderr
    results = workflow.folder / "results" / "refined"
    found = store.read_dataset(sorted((results / "datasets" / "many").glob("*.h5")))
    assert found.maps.shape == (8, 2, 12 * NSIDE**2)
    assert found.nside == NSIDE
    assert np.isfinite(found.maps).all()
    correlation = np.corrcoef(found.maps.reshape(8, -1))
    assert np.abs(correlation - np.eye(8)).max() < 0.5
    alone = workflow.folder / "alone"
    options = {
        "config": configuration,
        "dataset": "many",
        "model": results / "emulation" / "many" / "model.h5",
        "start": 1,
        "stop": 2,
        "batches": alone / "batches",
        "output": alone / "shards" / "batches.json",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    program = ROOT / "scripts" / "emulation" / "emulate.py"
    done = inprocess.program(program, *words, folder=workflow.folder)
    assert done.returncode == 0, done.stderr
    again = store.read(archive.batch_path(alone / "batches", 1), archive.KIND, "maps")["maps"]
    np.testing.assert_array_equal(again, found.maps[4:])


def test_a_resolution_that_needs_two_scales_says_so(workflow):
    content = CONFIGURATION | {"maps": {"nside": 256}, "emulator": {"start": "isotropic"}}
    (workflow.folder / "large.yaml").write_text(json.dumps(content))
    done = workflow.run("--dry-run", "--configfile", "large.yaml")
    assert done.returncode == 1
    fault = "maps.nside: 256 is not allowed without emulator.refinement; expected at most 128"
    assert fault in done.stdout + done.stderr
