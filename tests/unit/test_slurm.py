"""Arrays and orphans, without a SLURM; tests/slurm has one."""

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

from fewtomany.jobs import slurm

LOGGER = logging.getLogger(__name__)
HERE = socket.gethostname()


@pytest.mark.parametrize("task", [1, 2, 3])
def test_a_task_runs_its_own_command_and_gives_its_code(task, tmp_path):
    commands = [f"cd '{tmp_path}' && echo \"$HOME {n}\" > {n} && exit {n}" for n in (1, 2, 3)]
    script = slurm.array_script(commands)
    environment = {"SLURM_ARRAY_TASK_ID": str(task), "HOME": "a & b"}
    done = subprocess.run(["/bin/sh"], input=script, env=environment, text=True, check=False)
    assert done.returncode == task
    assert [path.name for path in tmp_path.iterdir()] == [str(task)]
    assert (tmp_path / str(task)).read_text() == f"a & b {task}\n"


def test_the_executor_is_installed_for_a_campaign():
    plugin = ExecutorPluginRegistry().get_plugin("slurm")
    before = plugin.executor
    try:
        slurm.install("demo")
        assert issubclass(plugin.executor, slurm.Executor)
        assert plugin.executor.campaign == "demo"
    finally:
        plugin.executor = before


def test_jobs_say_whose_they_are():
    name = slurm.RunName("demo", "login1", 17)
    parsed = slurm.RunName.parse(str(name))
    assert parsed[:3] == ("demo", "login1", 17)
    assert str(parsed).startswith("demo:login1:17:")
    assert slurm.RunName.parse("interactive") is None
    assert slurm.RunName.parse("a:b:c:d") is None


def test_a_run_is_alive_while_its_snakemake_is(tmp_path):
    assert not slurm.RunName("demo", HERE, os.getpid()).is_alive()  # this is pytest
    code = "import time; print('begun', flush=True); time.sleep(60)"
    sleeper = subprocess.Popen([sys.executable, "-c", code, "snakemake"], stdout=subprocess.PIPE)
    try:
        sleeper.stdout.readline()
        assert slurm.RunName("demo", HERE, sleeper.pid).is_alive()
    finally:
        sleeper.kill()
        sleeper.communicate()
    assert not slurm.RunName("demo", HERE, sleeper.pid).is_alive()


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Programs that stand in for squeue and scancel; the queue is a file."""
    table = tmp_path / "queue"
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, text in {
        "squeue": f"cat {table}",
        "scancel": f'echo "$2" >> {table}.cancelled; grep -v "^$2|" {table} > {table}.new; '
        f"mv {table}.new {table}",
    }.items():
        (bin_folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (bin_folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")

    def fill(*lines):
        table.write_text("".join(f"{line}\n" for line in lines))
        return Path(f"{table}.cancelled")

    return fill


def test_only_the_orphans_of_this_campaign_and_folder_are_cancelled(queue, tmp_path):
    orphan = f"demo:{HERE}:999999999:aa"
    cancelled = queue(
        f"{orphan}|{tmp_path}",
        f"{orphan}|{tmp_path}",
        f"demo:{HERE}:999999999:bb|/elsewhere",
        f"other:{HERE}:999999999:cc|{tmp_path}",
        f"interactive|{tmp_path}",
    )
    slurm.end_orphans("demo", tmp_path, LOGGER)
    assert cancelled.read_text().split() == [orphan]
    slurm.end_orphans("demo", tmp_path, LOGGER)
    assert cancelled.read_text().split() == [orphan]


def test_jobs_from_another_host_are_left_to_the_user(queue, tmp_path):
    cancelled = queue(f"demo:{HERE}-2:17:aa|{tmp_path}")
    with pytest.raises(WorkflowError, match=f"a run on {HERE}-2 .*scancel --name demo:{HERE}-2"):
        slurm.end_orphans("demo", tmp_path, LOGGER)
    assert not cancelled.exists()
