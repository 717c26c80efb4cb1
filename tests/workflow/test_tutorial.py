"""The tutorial from its first cell to its last, on its own small maps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import ROOT

PARTS = ("Snakefile", "benchmarks", "config", "profiles", "scripts", "workflow", "envs")


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """The cells with code, executed in a folder where the program's own lie as links."""
    folder = tmp_path_factory.mktemp("tutorial")
    for part in PARTS:
        (folder / part).symlink_to(ROOT / part)
    program = (ROOT / "docs" / "execute.py", ROOT / "docs" / "tutorial.ipynb")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, *program, "--output", "done.ipynb"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    notebook = json.loads((folder / "done.ipynb").read_text())
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def printed(cells):
    outputs = [output for cell in cells for output in cell["outputs"]]
    return "".join("".join(output.get("text", "")) for output in outputs)


@pytest.mark.timeout(1200)
def test_it_ends_with_a_verdict_and_error_bars(cells):
    text = printed(cells)
    assert "Covariance: .../results/tutorial/recommended/emulated.h5" in text
    assert "held-out likelihood gained" in text
    table = {line[:34].strip(): line[34:].split() for line in text.splitlines()}
    assert 0.5 < float(table["recommended"][-1]) < 2


def test_every_figure_is_drawn(cells):
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4


def test_the_committed_outputs_are_of_the_same_code(cells):
    committed = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))
    own = [cell for cell in committed["cells"] if cell["cell_type"] == "code"]
    assert [cell["source"] for cell in own] == [cell["source"] for cell in cells]
    assert any(cell["outputs"] for cell in own)
