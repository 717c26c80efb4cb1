"""The whole campaign through SLURM: arrays, MPI over two nodes, GPUs, the same maps."""

import re

import numpy as np
import pytest

from conftest import metrics
from fewtomany.files import store

pytestmark = pytest.mark.timeout(1200)


def test_the_campaign_is_the_same_as_without_slurm(local, empty):
    """Every rule whose jobs are ready together goes out as one array; emulation jobs have two
    ranks on two nodes, covariances a GPU each."""
    empty.complete(
        "--set-resources",
        "emulate:mpi='srun --mpi=pmi2'",
        "emulate:tasks=2",
        "emulate:nodes=2",
        "covariance:gpu=1",
        "covariance:slurm_partition='gpu'",
    )
    jobs = empty.slurm_jobs()
    assert {job.state for job in jobs} == {"COMPLETED"}
    arrays = {job.rule for job in jobs if job.task != "N/A"}
    assert arrays >= {"simulate_response", "simulate_maps", "measure", "emulate"}

    emulation = [job for job in jobs if job.rule == "emulate"]
    assert {job.nodes for job in emulation} == {"n[1-2]"}
    made = empty.batches()
    assert {facts["host"] for facts in made.values()} == {"n1", "n2"}
    assert {facts["rank"] for facts in made.values()} == {"0 of 2", "1 of 2"}

    for file in (empty.results / "covariances").glob("*.h5"):
        facts = store.read_attributes(file, "covariance")["provenance"]
        expected = {None} if file.stem == "exact" else {"0", "1"}
        assert facts["gpus"] in expected, file

    for dataset in ("original", "reference", "input-10", "average-10"):
        np.testing.assert_array_equal(empty.maps(dataset), local.maps(dataset), dataset)
    assert metrics(empty)["metrics"] == metrics(local)["metrics"]


def test_a_gpu_job_sees_its_gpu_and_does_not_fall_back(prepared):
    """The GPUs are pretended, so that TensorFlow sees none: an error that names the one."""
    target = "results/slurm/emulation/average-10/shards/batches-0000000-0000002.json"
    process = prepared.start(
        target, "--retries=0", "--set-resources", "emulate:gpu=1", "emulate:slurm_partition='gpu'"
    )
    prepared.finish(process, expected=1)
    assert re.search(r"TensorFlow sees no GPU \(CUDA_VISIBLE_DEVICES is [01]\)", prepared.log())
    assert not prepared.batches()
