"""Maps of one's own emulated in two scales, by the workflow: whatever the jobs, the same maps."""

import json

import numpy as np
import pytest
import yaml

from fewtomany import store
from fewtomany.emulator.conditioned import Blocks
from harness import make_workflow

N_MAPS, NSIDE, COARSE = 8, 8, 4
CONFIGURATION = {
    "campaign": "refined",
    "seed": 1,
    "maps": {"nside": NSIDE},
    "inputs": {"mine": {"files": "maps.npy", "unit": "K", "polarization_convention": "COSMO"}},
    "emulated": {"many": {"input": "mine", "strategy": "average-target", "n_maps": 12}},
    "emulator": {
        "n_scales": 2,
        "n_steps": 5,
        "batch_size": 4,
        "stripe_zones": 0,
        "start": "isotropic",
        "refinement": {"coarse": COARSE, "n_steps": 3, "sweeps": 1},
    },
    "validation": {"n_modes": 5},
    "trust": {"datasets": []},
    "sharding": {"maps_per_shard": 6, "batches_per_shard": 3},
}


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    found = make_workflow(tmp_path_factory.mktemp("refined"))
    random = np.random.default_rng(1)
    coarse = random.standard_normal((N_MAPS, 2, 12 * COARSE**2))
    fine = random.standard_normal((N_MAPS, 2, 12 * NSIDE**2))
    maps = Blocks(COARSE, NSIDE).spread(coarse) + fine
    np.save(found.folder / "maps.npy", maps.astype(np.float32))
    return found


def emulated(workflow, **changes):
    content = CONFIGURATION | changes
    path = workflow.folder / f"{content['campaign']}.yaml"
    path.write_text(yaml.safe_dump(content))
    done = workflow.run("datasets", "--configfile", path.name, "--show-failed-logs")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = workflow.folder / "results" / content["campaign"]
    return store.read_dataset(sorted((folder / "datasets" / "many").glob("*.h5")))


def test_the_same_maps_come_of_any_jobs_and_differ_from_each_other(workflow):
    found = emulated(workflow)
    assert found.maps.shape == (12, 2, 12 * NSIDE**2)
    assert found.nside == NSIDE
    assert np.isfinite(found.maps).all()
    correlation = np.corrcoef(found.maps.reshape(12, -1))
    assert np.abs(correlation - np.eye(12)).max() < 0.5
    other = emulated(
        workflow, campaign="other", sharding={"maps_per_shard": 12, "batches_per_shard": 1}
    )
    np.testing.assert_array_equal(other.maps, found.maps)
    batches = workflow.folder / "results" / "other" / "emulation" / "many" / "batches" / "0000"
    names = sorted(path.name for path in batches.iterdir())
    assert names == [f"batch-{k:07d}.h5" for k in range(3)]


def test_a_resolution_that_needs_two_scales_says_so(workflow):
    content = CONFIGURATION | {"maps": {"nside": 256}, "emulator": {"start": "isotropic"}}
    (workflow.folder / "large.yaml").write_text(json.dumps(content))
    done = workflow.run("--dry-run", "--configfile", "large.yaml")
    assert done.returncode == 1
    fault = "maps.nside: 256 is not allowed without emulator.refinement; expected at most 128"
    assert fault in done.stdout + done.stderr
