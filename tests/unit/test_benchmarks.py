"""The programs under benchmarks/ run with today's library."""

import dataclasses
import runpy
from pathlib import Path

import pytest

import inprocess
from fewtomany import config

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
FOREIGN = {"fiducial_spectra", "toast_maps"}  # need CAMB and toast, which the lock does not hold
MODULES = {"transport"}  # of other programs here
PROGRAMS = sorted(path for path in FOLDER.glob("*.py") if path.stem not in FOREIGN | MODULES)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_benchmark_says_what_it_does(program):
    done = inprocess.script(program, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def test_the_cost_of_an_evaluation_is_measured(monkeypatch):
    """Of a model that is soon compiled."""
    paper = config.load(FOLDER.parent / "config" / "paper.yaml")
    emulator = paper.emulator.changed(n_scales=1, n_orientations=2)
    monkeypatch.setattr(config, "load", lambda _: dataclasses.replace(paper, emulator=emulator))
    found = runpy.run_path(str(FOLDER / "emulator.py"))["measure"](4, 2, "float32")
    assert set(found) == {"evaluation", "descent", "start", "peak_gb"}
    assert all(value > 0 for value in found.values())
