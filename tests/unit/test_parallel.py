"""Ranks: shared work, agreement on their number, and their end when one of them dies.

The programs run under the mpiexec of the environment's MPICH.
"""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest

from fewtomany import shards
from fewtomany.errors import UserError
from fewtomany.jobs import parallel

SCRIPTS = Path(__file__).parents[2] / "scripts"
MPIEXEC = Path(sys.executable).with_name("mpiexec")
SHARE = """
import sys, time
from fewtomany.jobs import parallel
with parallel.ranks(int(sys.argv[1])) as mine:
    assert mine.least(10 + mine.rank) == 10
    for item in parallel.share(mine, range(12), sys.argv[2], "test"):
        time.sleep(0.5 if item == 0 else 0.02)
        with open(f"{sys.argv[2]}-of-{mine.rank}", "a") as file:
            print(item, file=file)
    mine.gather(None)
"""


def _start(ranks, *command):
    return subprocess.Popen(
        [str(MPIEXEC), "-n", str(ranks), sys.executable, *map(str, command)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _run(ranks, *command):
    process = _start(ranks, *command)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def _taken(folder, rank):
    file = Path(f"{folder}-of-{rank}")
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def test_one_rank_takes_everything_without_mpi(tmp_path):
    code = "import sys; sys.modules['mpi4py'] = None\n" + SHARE
    done = subprocess.run(
        [sys.executable, "-c", code, "1", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stdout
    assert _taken(tmp_path, 0) == list(range(12))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ranks", [2, 3])
def test_every_item_goes_to_one_rank_and_none_waits(tmp_path, ranks):
    (tmp_path / "claims-test-killed").mkdir()
    code, output = _run(ranks, "-c", SHARE, ranks, tmp_path)
    assert code == 0, output
    taken = [_taken(tmp_path, rank) for rank in range(ranks)]
    assert sorted(itertools.chain(*taken)) == list(range(12))
    # Rank 0 sleeps over its first item; the others take the rest of its share meanwhile.
    assert len(taken[0]) < 12 // ranks
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("installed", "own", "expected"),
    [(True, None, "ofi"), (True, "ucx", "ucx"), (False, None, None)],
)
def test_only_the_wheel_of_mpich_is_told_its_network(monkeypatch, installed, own, expected):
    variable = "MPIR_CVAR_CH4_NETMOD"
    monkeypatch.delenv(variable, raising=False)
    if own:
        monkeypatch.setenv(variable, own)
    if not installed:
        missing = parallel.metadata.PackageNotFoundError("mpich")
        monkeypatch.setattr(parallel.metadata, "version", Mock(side_effect=missing))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    parallel._choose_network()
    assert os.environ.get(variable) == expected


def test_claims_that_another_run_has_removed_are_lost(tmp_path):
    assert parallel._claim(tmp_path / "0")
    assert not parallel._claim(tmp_path / "0")
    assert not parallel._claim(tmp_path / "gone" / "0")


def test_copies_that_do_not_know_each_other_are_refused(tmp_path):
    """A launcher of another MPI starts N copies, each of them rank 0 of 1."""
    done = subprocess.run(
        [sys.executable, "-c", SHARE, "2", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "--ranks 2, but MPI knows of 1" in done.stderr
    code, output = _run(3, "-c", SHARE, 2, tmp_path)
    assert code != 0
    assert "--ranks 2, but MPI knows of 3" in output
    code, output = _run(2, "-c", SHARE, 1, tmp_path)
    assert code != 0
    assert "--ranks 1, but the launcher started 2" in output


def test_an_error_on_one_rank_ends_all(tmp_path):
    code = """
import time
from fewtomany.jobs import parallel
from fewtomany.errors import UserError
with parallel.ranks(2) as mine:
    if mine.rank == 1:
        raise UserError("no such thing")
    time.sleep(60)
"""
    began = time.monotonic()
    status, output = _run(2, "-c", code)
    assert status == 2
    assert "no such thing" in output
    assert time.monotonic() - began < 30


def test_a_killed_rank_ends_the_job(tmp_path):
    code = """
import os, time
from fewtomany.jobs import parallel
with parallel.ranks(2) as mine:
    if mine.rank == 1:
        print(os.getpid(), flush=True)
    time.sleep(60)
"""
    process = _start(2, "-c", code)
    os.kill(int(process.stdout.readline()), signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode != 0


def test_the_number_of_ranks_is_positive():
    with pytest.raises(UserError, match="--ranks 0"), parallel.ranks(0):
        pass


def test_parts_of_a_range_differ_by_at_most_one():
    parts = shards.split(5, 18, 4)
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (5, 18)
    assert {len(part) for part in parts} == {3, 4}
    assert sum(map(len, shards.split(0, 2, 5))) == 2
