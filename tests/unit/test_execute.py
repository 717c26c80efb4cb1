"""The tutorial: what executes it, and what of it is committed."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


def _load():
    spec = importlib.util.spec_from_file_location("execute", ROOT / "docs" / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


execute = _load()


def cell(source):
    return {"cell_type": "code", "source": source.splitlines(keepends=True), "outputs": []}


def test_cells_share_their_names_and_keep_text_values_and_figures():
    sources = ["x = 2\nprint('two')", "x + 1", "x;", "import matplotlib.pyplot as p\np.plot([1]);"]
    done = execute.execute({"cells": [{"cell_type": "markdown"}, *map(cell, sources)]})
    first, second, third, fourth = (c["outputs"] for c in done["cells"][1:])
    assert [output["text"] for output in first] == [["two\n"]]
    assert second[0]["data"] == {"text/plain": ["3"]}
    assert third == []
    assert [list(output["data"]) for output in fourth] == [["image/png"]]
    assert [c["execution_count"] for c in done["cells"][1:]] == [1, 2, 3, 4]


def test_an_error_in_a_cell_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        execute.execute({"cells": [cell("1 / 0")]})


def test_the_notebook_is_small_and_its_code_is_python():
    assert NOTEBOOK.stat().st_size < 300_000
    for number, part in enumerate(json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]):
        if part["cell_type"] == "code":
            compile("".join(part["source"]), f"cell {number}", "exec")
