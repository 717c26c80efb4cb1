"""The programs under benchmarks/ run with today's library."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
FOREIGN = {"fiducial_spectra"}  # needs CAMB, which the lock does not hold
PROGRAMS = sorted(path for path in FOLDER.glob("*.py") if path.stem not in FOREIGN)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_benchmark_says_what_it_does(program):
    done = subprocess.run(
        [sys.executable, program, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def test_the_cost_of_an_evaluation_is_measured():
    words = [sys.executable, FOLDER / "emulator.py", "--one", "8", "2", "float32"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {"evaluation", "descent", "start", "peak_gb"}
    assert all(value > 0 for value in found.values())
