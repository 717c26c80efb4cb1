"""What the status command finds in the files of a campaign."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from fewtomany.emulator import archive
from fewtomany.files import store
from fewtomany.jobs import discarded, status

BENCHMARK = "s\th:m:s\tmax_rss\tcpu_time\n{}\t0\t10\t1\n"


def _touch(path, text="", age=0.0):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)


@pytest.fixture
def campaign(one_day, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(status, "planned_jobs", lambda config: {"draw": 3, "judge": 1})
    return one_day()


def test_stages_count_jobs_and_the_time_they_need(campaign):
    for number, seconds in enumerate((10, 30)):
        _touch(f"logs/one-day/draw/{number}.log")
        _touch(f"benchmarks/one-day/draw/{number}.tsv", BENCHMARK.format(seconds))
    _touch("logs/one-day/draw/2.log", age=2 * status.RECENT_S)
    _touch("logs/one-day/draw/3.log")
    draw, judge = status.stages(campaign, "campaign.yaml", None, None)
    assert draw == status.RuleJobs("draw", done=2, to_do=3, running=1, failed=1, left_s=60)
    assert (judge.to_do, judge.left_s) == (1, None)
    in_slurm, _ = status.stages(campaign, "campaign.yaml", {"draw": 2}, None)
    assert (in_slurm.running, in_slurm.failed) == (2, 0)


def test_jobs_in_the_queue_are_those_of_this_folder(campaign, tmp_path, monkeypatch):
    here = f"one-day:host:1:aa|{{}}|{tmp_path}|rule_{{}}"
    lines = [
        here.format("RUNNING", "draw_wildcards_x"),
        here.format("RUNNING", "draw"),
        here.format("PENDING", "judge"),
        f"one-day:host:1:aa|RUNNING|{tmp_path.parent}|rule_draw",
        f"another:host:1:aa|RUNNING|{tmp_path}|rule_draw",
    ]
    squeue = tmp_path / "squeue"
    squeue.write_text("\n".join(["#!/bin/sh", *(f"echo '{line}'" for line in lines)]))
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert status.slurm_jobs(campaign) == {"RUNNING": {"draw": 2}, "PENDING": {"judge": 1}}


def test_descents_show_finished_batches_and_steps(campaign):
    folder = Path("results/one-day/emulation/emulated-4/batches")
    archive.write_batch(
        archive.batch_path(folder, 0), np.ones((1, 2, 12)), np.ones((2, 4)), "k", {"wall_s": 12}
    )
    path = archive.checkpoint_path(archive.batch_path(folder, 1))
    archive.Checkpoint(path, "k", {}).write({"step": np.array(49)})
    (found,) = status.descents(campaign, {"emulated-4": 2})
    assert found == status.Descent("emulated-4", 2, 1, {"batch-0000001": 49}, 12)
    (smaller,) = status.descents(campaign, {"emulated-4": 1})  # the plan once was a larger one
    assert smaller == status.Descent("emulated-4", 1, 1, {}, 12)


def test_time_left_of_the_emulation_follows_from_its_batches(campaign, monkeypatch):
    """Not from its jobs: one that goes on after a kill finds most of its batches made."""
    begun = status.Descent("a", 10, 4, {"batch-0000004": 50}, 20.0)
    fresh = status.Descent("b", 3, 0, {}, None)
    assert status.emulation_left([begun], 100) == 5.5 * 20
    assert status.emulation_left([begun, fresh], 100) == 8.5 * 20
    assert status.emulation_left([fresh], 100) is None
    _touch("benchmarks/one-day/emulate/0.tsv", BENCHMARK.format(1))
    monkeypatch.setattr(status, "planned_jobs", lambda config: {"emulate": 3})
    (emulate,) = status.stages(campaign, "campaign.yaml", None, 110.0)
    assert (emulate.done, emulate.left_s) == (1, 110)


def test_damage_is_found_and_removed(campaign):
    results = Path("results/one-day")
    folder = results / "emulation/emulated-4"
    keys = {0: "a", 1: "b"}
    for batch, key in keys.items():
        path = archive.batch_path(folder / "batches", batch)
        archive.write_batch(path, np.ones((1, 2, 768)), np.ones((2, 4)), key, {})
    archive.write_manifest(folder / "shards/batches.json", "emulated-4", folder / "batches", keys)
    store.write(results / "whole.h5", {"x": np.ones(3)}, kind="k", provenance={})
    assert not status.check(campaign).damaged
    path.write_bytes(path.read_bytes()[:3000])
    bad = list(status.check(campaign).damaged)
    assert bad == [path, folder / "shards/batches.json"]
    _touch(results / ".whole-x.part.h5", age=2 * status.RECENT_S)
    _touch(results / ".whole-y.part.h5")
    left = status.leftovers(campaign)
    assert left == [results / ".whole-x.part.h5"]
    status.discard(campaign, bad, left)
    assert discarded.missing(campaign) == [str(bad[1])]  # the manifest, not the batch
    assert not path.exists()
    assert not status.check(campaign).damaged
