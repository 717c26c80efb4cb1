"""What a cluster does to jobs that did nothing wrong: each ends in the same bits, and what makes a
job wait is said. The table of profiles/README.md has a line for each test."""

import os
import re
import subprocess

import cluster
import pytest
from test_chaos import running, scontrol, states

from conftest import MAPS, wait_for

pytestmark = pytest.mark.timeout(1200)

BOTH = "NodeName=n1,n2"


def urgent() -> None:
    """A job of a higher partition takes both nodes for a moment."""
    words = ["--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wait"]
    subprocess.run(["sbatch", *words, "--wrap=sleep 2"], check=True, timeout=120)


def resume() -> None:
    """The nodes come back, if they have not by themselves."""
    subprocess.run(["scontrol", "update", BOTH, "State=RESUME"], check=False)


def test_a_preempted_job_that_slurm_requeues_goes_on(prepared, same):
    process = prepared.start(MAPS)
    wait_for(lambda: running(prepared))
    urgent()
    prepared.finish(process)
    assert states(prepared) == ["COMPLETED"] * 3
    numbers = [f"{job.id}_{job.task}" for job in prepared.slurm_jobs("emulate")]
    assert any("Restarts=1" in scontrol("show", "job", number) for number in numbers)
    same(prepared)


def test_a_preempted_job_that_slurm_cancels_goes_again_as_it_was(prepared, same):
    """Without retries: that it was preempted is no failure of its own."""
    process = prepared.start(
        MAPS, "--retries=0", "--set-resources", "emulate:slurm_partition='spare'"
    )
    wait_for(lambda: running(prepared))
    urgent()
    prepared.finish(process)
    assert "PREEMPTED" in states(prepared)
    assert states(prepared).count("COMPLETED") == 3
    assert "PREEMPTED" in prepared.log()
    same(prepared)


def test_a_requeued_job_goes_on(prepared, same):
    process = prepared.start(MAPS)
    job = wait_for(lambda: running(prepared))[0]
    scontrol("requeue", f"{job.id}_{job.task}")
    prepared.finish(process)
    assert states(prepared) == ["COMPLETED"] * 3
    same(prepared)


def test_what_waits_for_drained_nodes_or_is_held_says_so(prepared, same):
    scontrol("update", BOTH, "State=DRAIN", "Reason=maintenance")
    try:
        process = prepared.start(MAPS)
        wait_for(lambda: "waits for nodes that are away" in prepared.log())
        job = prepared.slurm_jobs("emulate", "PENDING")[0]
        scontrol("hold", job.id)
        line = f"job {job.id}_{job.task} is held: JobHeldAdmin"
        wait_for(lambda: line in prepared.log())
        scontrol("release", job.id)
        resume()
        prepared.finish(process)
    finally:
        resume()
    assert states(prepared) == ["COMPLETED"] * 3
    same(prepared)


@pytest.fixture
def forgetful():
    """SLURM forgets jobs two seconds after their end; it cleans up once a minute."""
    remember(2)
    yield
    remember(3600)


def remember(seconds: int) -> None:
    configured = cluster.ETC / "slurm.conf"
    text = re.sub(r"MinJobAge=\d+", f"MinJobAge={seconds}", configured.read_text())
    configured.write_text(text)
    scontrol("reconfigure")


def test_a_job_that_slurm_forgot_is_known_by_its_products(prepared, same, forgetful):
    """All jobs are over and forgotten before Snakemake looks; one of them was cancelled."""
    slow = "--slurm-init-seconds-before-status-checks=90"
    process = prepared.start(MAPS, slow)
    lost = wait_for(lambda: running(prepared))[0]
    subprocess.run(["scancel", f"{lost.id}_{lost.task}"], check=True)
    wait_for(lambda: "and what it makes is not there" in prepared.log())
    remember(3600)
    prepared.finish(process)
    assert "what it makes is there" in prepared.log()
    same(prepared)


OF_ITS_OWN_CLOCK = """
import os, time
now, touch = time.time, os.utime
time.time = lambda: now() - 600
def utime(path, times=None, **more):
    return touch(path, times if times or "ns" in more else (time.time(),) * 2, **more)
os.utime = utime
os.supports_follow_symlinks.add(utime)
"""
"""A sitecustomize of a node that is ten minutes late, on a file system that keeps its times."""


@pytest.fixture
def late(tmp_path):
    """Node n2 is late, and the only one."""
    (tmp_path / "sitecustomize.py").write_text(OF_ITS_OWN_CLOCK)
    there = f'[ "$SLURMD_NODENAME" = n2 ] && echo "export PYTHONPATH={tmp_path}"'
    cluster.PROLOG.write_text(f"#!/bin/sh\n{there}\nexit 0\n")
    scontrol("update", "NodeName=n1", "State=DRAIN", "Reason=clock")
    yield
    cluster.PROLOG.write_text("#!/bin/sh\n")
    resume()


def test_jobs_on_a_node_that_is_late_are_done(prepared, same, late):
    os.utime(prepared.results / "emulation" / "average-10" / "model.h5")
    prepared.complete(MAPS, "--retries=0")
    assert {(job.nodes, job.state) for job in prepared.slurm_jobs("emulate")} == {
        ("n2", "COMPLETED")
    }
    same(prepared)
    prepared.complete(MAPS, "--dry-run")
    assert prepared.log().rstrip().endswith("up to date).")
