"""After every kind of failure one documented command completes the campaign: with the maps
of an undisturbed run, and with no more work than was lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import MAPS, N_BATCHES, ROOT, SlurmWorkflow, wait_for

pytestmark = pytest.mark.timeout(600)


def processes(*words: str) -> list[int]:
    """Processes whose command line holds all these words, or paths that end in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if all(any(word == own or own.endswith(f"/{word}") for own in line) for word in words):
            found.append(int(path.name))
    return found


def emulating(workflow: SlurmWorkflow, *words: str) -> list[int]:
    """Processes of this folder that emulate, and not what started them."""
    return [
        pid
        for pid in processes("scripts/emulation/emulate.py", *words)
        if Path(os.readlink(f"/proc/{pid}/cwd")) == workflow.folder
        and b"python" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    ]


def states(workflow: SlurmWorkflow) -> list[str]:
    """States of all emulation jobs, in order of the alphabet."""
    return sorted(job.state for job in workflow.slurm_jobs("emulate"))


def running(workflow: SlurmWorkflow) -> list:
    return workflow.slurm_jobs("emulate", "RUNNING")


def test_a_cancelled_array_task_goes_again_alone(prepared, same):
    process = prepared.start(MAPS)
    job = wait_for(lambda: running(prepared))[0]
    assert job.task != "N/A"
    subprocess.run(["scancel", f"{job.id}_{job.task}"], check=True)
    prepared.finish(process)
    assert states(prepared) == ["CANCELLED", "COMPLETED", "COMPLETED", "COMPLETED"]
    same(prepared)


def test_the_jobs_of_a_lost_node_go_again(prepared, same):
    """SLURM itself puts them back into the queue; Snakemake need not know."""
    process = prepared.start(MAPS)
    lost = wait_for(lambda: [job for job in running(prepared) if job.nodes == "n2"])[0]
    try:
        scontrol("update", "NodeName=n2", "State=DOWN", "Reason=chaos")
        prepared.finish(process)
    finally:
        again = ["scontrol", "update", "NodeName=n2", "State=RESUME"]
        subprocess.run(again, check=False)  # it may have come back by itself
    assert states(prepared) == ["COMPLETED"] * 3
    assert "Restarts=1" in scontrol("show", "job", f"{lost.id}_{lost.task}")
    same(prepared)


def scontrol(*words: str) -> str:
    return subprocess.run(["scontrol", *words], check=True, capture_output=True, text=True).stdout


def test_a_killed_rank_ends_its_job_and_finished_batches_stay(prepared, same):
    """One shard of five batches for two ranks on two nodes."""
    configuration = prepared.folder / "campaign.yaml"
    text = configuration.read_text()
    configuration.write_text(text.replace("batches_per_shard: 2", "batches_per_shard: 5"))
    mpi = ["--set-resources", "emulate:mpi='srun --mpi=pmi2'", "emulate:tasks=2", "emulate:nodes=2"]
    process = prepared.start(MAPS, *mpi)
    before = wait_for(prepared.batches)
    os.kill(wait_for(lambda: emulating(prepared))[-1], signal.SIGKILL)
    prepared.finish(process)
    assert states(prepared) == ["COMPLETED", "FAILED"]
    same(prepared)
    after = prepared.batches()
    assert {name: after[name] for name in before} == before


def test_more_memory_after_too_little(prepared, same):
    """Every first attempt is killed: SLURM looks every two seconds."""
    too_little = "emulate:mem_mb_per_cpu=300 if attempt == 1 else 3000"
    prepared.complete(MAPS, "--set-resources", too_little)
    assert states(prepared) == ["COMPLETED"] * 3 + ["FAILED"] * 3
    same(prepared)


def test_a_job_that_hangs_ends_at_its_time_and_goes_again(prepared, same):
    """A stopped process stands for one that hangs; the clock's limit is a minute."""
    process = prepared.start(MAPS, "--set-resources", "emulate:runtime=attempt")
    stopped = wait_for(lambda: emulating(prepared))[0]
    os.kill(stopped, signal.SIGSTOP)
    prepared.finish(process)
    assert states(prepared) == ["COMPLETED"] * 3 + ["TIMEOUT"]
    same(prepared)


def test_a_damaged_batch_is_made_again_alone(prepared, same):
    prepared.complete(MAPS)
    before = prepared.batches()
    file = next((prepared.results / "emulation" / "average-10").rglob("batch-0000002.h5"))
    file.write_bytes(file.read_bytes()[:5000])
    (prepared.folder / MAPS).unlink()
    prepared.finish(prepared.start(MAPS, "--retries=0"), expected=1)
    assert "batch-0000002.h5: " in prepared.log()
    wait_for(lambda: not prepared.slurm_jobs(state="RUNNING,COMPLETING"))
    status = [
        sys.executable,
        str(ROOT / "scripts/status.py"),
        "--config",
        "results/slurm/campaign.yaml",
    ]
    found = subprocess.run(
        [*status, "--check", "--discard"], cwd=prepared.folder, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert "removed 2;" in found.stdout  # the batch and the manifest that names it
    prepared.complete(MAPS)
    same(prepared)
    after = prepared.batches()
    assert [name for name in after if after[name] != before[name]] == ["batch-0000002.h5"]
    assert len(prepared.slurm_jobs("emulate")) == 3 + 1


def test_a_killed_snakemake_leaves_no_orphan_at_work(prepared, same):
    process = prepared.start(MAPS)
    wait_for(lambda: emulating(prepared))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    orphans = running(prepared)
    assert orphans
    prepared.finish(prepared.start(MAPS, "--unlock"))
    again = prepared.start(MAPS)
    wait_for(lambda: len(prepared.slurm_jobs("emulate")) > 3)
    old = {(job.id, job.task) for job in orphans}
    alive = {(job.id, job.task) for job in prepared.slurm_jobs(state="RUNNING,COMPLETING")}
    assert not alive & old
    prepared.finish(again)
    assert "Cancelling the jobs of a run that was killed" in prepared.log()
    same(prepared)


def test_a_full_disk_is_named_and_its_end_is_enough(prepared, same):
    """Batches go to a small file system of their own, with room for two."""
    folder = prepared.results / "emulation" / "average-10" / "batches"
    folder.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", str(folder)]
    if subprocess.run(small, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here (root without the right to mount)")
    try:
        prepared.finish(prepared.start(MAPS, "--retries=0"), expected=1)
        assert "No space left on device" in prepared.log()
        before = prepared.batches()
        assert 0 < len(before) < N_BATCHES
        subprocess.run(["mount", "-o", "remount,size=10m", str(folder)], check=True)
        prepared.complete(MAPS)
        same(prepared)
        after = prepared.batches()
        assert {name: after[name] for name in before} == before
    finally:
        subprocess.run(["umount", str(folder)], check=True)
