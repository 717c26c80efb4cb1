"""Nodes whose clocks differ, on a file system that keeps the times its clients write."""

import os
import time

import pytest

from harness import TINY, make_instant

MADE = "results/tiny/reference/factor.h5"
FROM = "results/tiny/covariances/original.h5"
LAG_S = 90


@pytest.fixture
def behind(tmp_path):
    """A node that is late: what its job makes something of is newer."""
    workflow = make_instant(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY.read_text())
    (tmp_path / FROM).parent.mkdir(parents=True)
    (tmp_path / FROM).touch()
    ahead = time.time() + LAG_S
    os.utime(tmp_path / FROM, (ahead, ahead))
    words = (MADE, "--configfile", "tiny.yaml", "--allowed-rules", "factor")
    return lambda *more: workflow.spawn(*words, *more)


def test_a_job_leaves_the_order_of_times_to_the_main_process(behind):
    done = behind("--mode", "remote")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_main_process_looks_at_it(behind):
    done = behind()
    assert done.returncode != 0
    assert "clock skew" in done.stdout + done.stderr
