"""A campaign through another executor than SLURM's: profiles/generic, where jobs are processes."""

import importlib.util
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from harness import ROOT, TINY, make_workflow

PLUGIN = "snakemake_executor_plugin_cluster_generic"
PROFILE = ROOT / "profiles" / "generic"
CHANGES = {
    "inputs": {"input-10": {"n_maps": 10}},
    "gaussian": {},
    "emulated": {"average-10": {"input": "input-10", "strategy": "average-target", "n_maps": 50}},
}
TARGETS = (
    "datasets",
    "results/tiny/covariances/exact.h5",
    "results/tiny/covariances/average-10.h5",
)


def called(folder, command, *words):
    """What one of the profile's commands prints."""
    done = subprocess.run(
        [PROFILE / command, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def submitted(folder, script):
    """The name of a job with this script."""
    (folder / "job.sh").write_text(script)
    return called(folder, "submit", "job.sh")


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
    return found


def ended(folder, job):
    """What became of a job."""
    wait_for(lambda: called(folder, "status", job) != "running")
    return called(folder, "status", job)


def test_a_job_is_running_until_it_ends_as_it_does(tmp_path):
    job = submitted(tmp_path, "while [ ! -e go ]; do sleep 0.05; done")
    assert called(tmp_path, "status", job) == "running"
    (tmp_path / "go").touch()
    assert ended(tmp_path, job) == "success"
    assert ended(tmp_path, submitted(tmp_path, "exit 3")) == "failed"


def test_a_cancelled_job_has_failed_and_what_it_started_is_gone(tmp_path):
    job = submitted(tmp_path, "sleep 1000 & echo $! > child; wait")
    child = int(wait_for(lambda: (tmp_path / "child").exists() and _text(tmp_path / "child")))
    assert called(tmp_path, "status", job) == "running"
    called(tmp_path, "cancel", job)
    assert ended(tmp_path, job) == "failed"
    wait_for(lambda: not _lives(child))


def _text(path):
    return path.read_text().strip()


def _lives(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().split(")")[-1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    importlib.util.find_spec(PLUGIN) is None,
    reason="pip install snakemake-executor-plugin-cluster-generic (it is not in the lock)",
)
def test_maps_and_covariances_are_the_same_bits_though_a_job_was_killed(tmp_path):
    content = yaml.safe_load(TINY.read_text()) | CHANGES
    for name in ("local", "generic"):
        make_workflow(tmp_path / name)
        (tmp_path / name / "tiny.yaml").write_text(yaml.safe_dump(content))
    words = [*TARGETS, "--configfile", "tiny.yaml", "--show-failed-logs"]
    local = make_workflow(tmp_path / "local").run(*words)
    assert local.returncode == 0, local.stdout + local.stderr

    generic = make_workflow(tmp_path / "generic")
    commands = [f"--cluster-generic-{n}-cmd={PROFILE / n}" for n in ("submit", "status", "cancel")]
    killer = threading.Thread(target=_kill_one_emulation, args=(generic.folder,), daemon=True)
    killer.start()
    done = generic.spawn(*words[:-1], "--profile", str(PROFILE), *commands, seconds=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("Trying to restart job") == 1

    made = _products(tmp_path / "local")
    assert made == _products(tmp_path / "generic")
    assert len(made) > 5
    for name in made:
        one, other = (_arrays(tmp_path / folder / name) for folder in ("local", "generic"))
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key], err_msg=f"{name}: {key}")


def _kill_one_emulation(folder):
    """The first job that emulates: its shell, and what this has started."""
    until = time.monotonic() + 1500
    while time.monotonic() < until:
        for script in (folder / ".snakemake" / "detached").glob("*/log"):
            if "rule emulate:" in script.read_text(errors="replace"):
                os.killpg(int((script.parent / "pid").read_text()), signal.SIGKILL)
                return
        time.sleep(0.5)


def _products(folder):
    """Maps and covariances, by their places in a folder."""
    results = folder / "results" / "tiny"
    kinds = ("datasets/*/*.h5", "covariances/*.h5")
    return {path.relative_to(folder) for kind in kinds for path in results.glob(kind)}


def _arrays(path):
    found = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item[()])

    with h5py.File(path) as file:
        file.visititems(take)
    return found
