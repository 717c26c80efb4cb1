"""What numba compiles, kept for later processes."""

import concurrent.futures
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fewtomany.files import compiled

SCRIPTS = Path(__file__).parents[2] / "scripts"
MODULE = """
from fewtomany.files.jitted import njit

@njit
def total(values):
    found = values[0] * 0
    for value in values:
        found += value * value
    return found
"""
LIBRARY = """
from numba import njit

@njit(error_model="numpy")
def inverse(value):
    return 1 / value
"""
CALLING = """
import sys
import numpy as np
import squares
dtype, number = sys.argv[1:]
print(repr(squares.total(np.full(int(number), 3, dtype))), dict(squares.total.stats.cache_hits))
"""
IMPORTING = """
from fewtomany.files import jitted
with jitted.library():
    import division
import numba
print(division.inverse(0.0), sum(division.inverse.stats.cache_hits.values()))
assert numba.njit is numba.core.decorators.njit
"""


@pytest.fixture
def call(tmp_path):
    """Factory: what a Python of its own prints, which keeps what it compiles in a folder."""
    (tmp_path / "squares.py").write_text(MODULE)
    (tmp_path / "division.py").write_text(LIBRARY)

    def run(program, *words, folder="kept"):
        kept = str(tmp_path / folder) if folder else ""
        path = os.pathsep.join([str(tmp_path), str(SCRIPTS)])
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            env={**os.environ, "PYTHONPATH": path, compiled.VARIABLE: kept},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def files(folder, ending):
    return {path: path.stat().st_mtime_ns for path in folder.rglob(f"*.{ending}")}


def test_processes_at_once_keep_functions_of_every_type(call, tmp_path):
    kinds = ("int64", "float64", "float32")
    with concurrent.futures.ThreadPoolExecutor(len(kinds)) as pool:
        first = list(pool.map(lambda kind: call(CALLING, kind, "5"), kinds))
    assert [line.partition(" ")[0] for line in first] == ["45", "45.0", "45.0"]
    written = files(tmp_path / "kept", "nbc")
    assert len(written) == len(kinds)
    later = [call(CALLING, kind, "5") for kind in kinds]
    assert all(": 1}" in line for line in later)
    assert [line.partition(" ")[0] for line in later] == [line.partition(" ")[0] for line in first]
    assert files(tmp_path / "kept", "nbc") == written  # read only


def test_a_damaged_file_is_compiled_anew(call, tmp_path):
    call(CALLING, "int64", "5")
    (path,) = files(tmp_path / "kept", "nbc")
    path.write_bytes(path.read_bytes()[:100])
    assert call(CALLING, "int64", "5").startswith("45 ")
    assert ": 1}" in call(CALLING, "int64", "5")  # what it wrote instead


def test_without_a_folder_nothing_is_kept(call, tmp_path):
    assert call(CALLING, "int64", "5", folder="") == "45 {}\n"
    (tmp_path / "file").touch()
    assert call(CALLING, "int64", "5", folder="file/kept") == "45 {}\n"
    assert not files(tmp_path, "nbc")


def test_functions_of_a_library_are_kept_too(call):
    assert call(IMPORTING) == "inf 0\n"
    assert call(IMPORTING) == "inf 1\n"
