"""The tutorial from its first cell to its last: as it is, and soon done on fewer, smaller maps."""

import importlib.util
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import yaml

import inprocess
from harness import ROOT

PARTS = ("Snakefile", "config", "profiles", "scripts", "workflow", "envs")
NOTEBOOK = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))
SMALL = (
    ("NSIDE, N_INPUTS, N_ASIDE = 8, 20, 40", "NSIDE, N_INPUTS, N_ASIDE = 4, 12, 40"),
    ('"--n-maps", 200]', '"--n-maps", 40, "--config", "small.yaml"]'),
)
"""What the small one has in place of some words of the true one."""

RECIPE = {"emulator": {"n_steps": 40}, "trust": {"n_folds": 2, "n_maps": 20, "n_directions": 10}}
"""What the small one has in place of some keys of config/augment.yaml."""

RUN = subprocess.run


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _execute():
    spec = importlib.util.spec_from_file_location("execute", ROOT / "docs" / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.execute


def _here(command, *, cwd=None, **options):
    """In place of ``subprocess.run``: a program of this repository, or Snakemake, is called."""
    python, first, *words = map(str, command)
    if python != sys.executable:
        return RUN(command, cwd=cwd, **options)
    folder = cwd or Path.cwd()
    if first == "-m":
        assert words.pop(0) == "snakemake"
        done = inprocess.snakemake(*words, folder=folder)
    elif Path(first).parent.name == "benchmarks":
        done = inprocess.script(first, *words, folder=folder)
    else:
        done = inprocess.program(first, *words, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def executed(folder, monkeypatch, changes):
    """The cells with code, executed in a folder where the program's own lie as links."""
    for part in PARTS:
        (folder / part).symlink_to(ROOT / part)
    (folder / "benchmarks").mkdir()  # where Snakemake writes, too
    (folder / "benchmarks" / "own_maps.py").symlink_to(ROOT / "benchmarks" / "own_maps.py")
    recipe = yaml.safe_load((ROOT / "config" / "augment.yaml").read_text())
    for section, values in RECIPE.items():
        recipe[section] |= values
    (folder / "small.yaml").write_text(yaml.safe_dump(recipe))
    text = json.dumps(NOTEBOOK)
    for right, small in changes:
        right, small = (json.dumps(words)[1:-1] for words in (right, small))
        assert text.count(right) == 1
        text = text.replace(right, small)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(subprocess, "run", _here)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of healpy's pictures
        return code(_execute()(json.loads(text)))


@pytest.fixture(
    scope="module", params=[pytest.param(x, marks=pytest.mark.slow) for x in (SMALL, ())]
)
def cells(tmp_path_factory, request):
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield executed(tmp_path_factory.mktemp("tutorial"), monkeypatch, request.param)


def test_it_ends_with_a_verdict_and_error_bars(cells):
    outputs = [output for cell in cells for output in cell["outputs"]]
    text = "".join("".join(output.get("text", "")) for output in outputs)
    assert "Covariance: .../results/tutorial/recommended/emulated.h5" in text
    assert "held-out likelihood gained" in text
    table = {line[:34].strip(): line[34:].split() for line in text.splitlines()}
    assert 0.5 < float(table["recommended"][-1]) < 2


def test_every_figure_is_drawn(cells):
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4


def test_the_committed_notebook_has_outputs():
    assert any(cell["outputs"] for cell in code(NOTEBOOK))
