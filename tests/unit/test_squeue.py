"""What becomes of a job, state by state; tests/slurm does the same with a real SLURM."""

import os
import time

import pytest

from fewtomany.jobs import slurm, squeue
from fewtomany.jobs.squeue import Entry


def fate(entry, seconds=0.0, outputs=False):
    queue = {} if entry is None else {"7_1": entry}
    return squeue.answer("7_1", queue, seconds, outputs)


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED"])
def test_what_goes_on_is_waited_for(state):
    assert fate(Entry(state, "Priority"), seconds=1e6) == squeue.Outcome("wait")


def test_what_is_completed_is_done():
    assert fate(Entry("COMPLETED")) == squeue.Outcome("done")


@pytest.mark.parametrize(
    "state", ["FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "CANCELLED", "REVOKED", "NEW?"]
)
def test_every_other_end_goes_again_with_its_reason(state):
    found = fate(Entry(state, "NonZeroExitCode"))
    assert found.fate == "lost"
    assert found.words == f"SLURM ended job 7_1: {state} (NonZeroExitCode)"


def test_a_preempted_job_goes_again():
    assert fate(Entry("PREEMPTED", "None")) == squeue.Outcome(
        "preempted", "SLURM ended job 7_1: PREEMPTED"
    )


@pytest.mark.parametrize("reason", ["JobHeldAdmin", "JobHeldUser", "BadConstraints"])
def test_a_held_job_is_said_at_once_and_given_up_after_ten_minutes(reason):
    first = fate(Entry("PENDING", reason))
    assert first.fate == "wait"
    assert "7_1" in first.words
    assert reason in first.words
    assert fate(Entry("PENDING", reason), squeue.HELD_S - 1).fate == "wait"
    assert fate(Entry("PENDING", reason), squeue.HELD_S).fate == "ended"


def test_jobs_of_a_rule_that_wait_for_the_same_are_one_line():
    away = [squeue.Outcome("wait", f"job 7_{k} waits for nodes that are away") for k in range(20)]
    said = [("draw", f"7_{k}", outcome) for k, outcome in enumerate(away)]
    said += [("judge", "9", squeue.Outcome("wait", "job 9 is held"))]
    said += [("draw", "8", squeue.Outcome("wait")), ("draw", "6", squeue.Outcome("failed", "x"))]
    assert squeue.lines(said) == [
        "draw: job 7_0 waits for nodes that are away (and 19 jobs more)",
        "judge: job 9 is held",
    ]


def test_nodes_that_are_away_are_said_and_waited_for():
    found = fate(Entry("PENDING", "ReqNodeNotAvail, UnavailableNodes:n2"), 1e6)
    assert found.fate == "wait"
    assert "n2" in found.words


def test_a_forgotten_job_is_known_by_what_it_makes():
    assert fate(None, 1).fate == "wait"
    assert fate(None, squeue.FORGOTTEN_S, outputs=True).fate == "done"
    lost = fate(None, squeue.FORGOTTEN_S)
    assert lost.fate == "lost"
    assert "forgotten job 7_1" in lost.words


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A squeue that prints a file, or fails when there is none."""
    table = tmp_path / "table"
    (tmp_path / "squeue").write_text(f"#!/bin/sh\ncat {table}\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return table


def test_words_are_said_once_and_again_when_they_change(programs):
    watch = slurm.QueueWatch()
    programs.write_text("5|PENDING|JobHeldAdmin\n6_1|RUNNING|None\n")
    first = watch.look("run", {"5": [], "6_1": []})
    assert "JobHeldAdmin" in first["5"].words
    assert first["6_1"] == squeue.Outcome("wait")
    assert watch.look("run", {"5": []})["5"] == squeue.Outcome("wait")
    programs.write_text("5|PENDING|JobHeldUser\n")
    assert "JobHeldUser" in watch.look("run", {"5": []})["5"].words


def test_a_silent_squeue_is_waited_for_and_said(programs, monkeypatch):
    watch = slurm.QueueWatch()
    assert watch.look("run", {"5": []})["5"] == squeue.Outcome("wait")
    monkeypatch.setattr(squeue, "SILENT_S", -1)
    assert "table" in watch.look("run", {"5": []})["5"].words


def test_a_file_of_before_is_not_what_the_job_made(tmp_path):
    file = tmp_path / "a"
    file.write_text("")
    now = time.time()
    assert slurm._made_since([file], now)
    os.utime(file, (now, now - 2 * slurm.CLOCKS_S))
    assert not slurm._made_since([file], now)
    assert not slurm._made_since([tmp_path / "b"], now)
