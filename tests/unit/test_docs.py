"""The documents: every link leads somewhere, and their code runs."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from fewtomany import covariance

ROOT = Path(__file__).parents[2]
FOLDERS = ("", "docs", "config", "profiles", "benchmarks", "envs", "tests")
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).glob("*.md")
)


def _hooks():
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks = _hooks()


def read(path):
    """The Markdown of a page; of a notebook that of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def anchors(text):
    """The anchors that a repository's web page gives the headings of a Markdown text."""
    text = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    found = []
    for heading in re.findall(r"^#+ +(.*?) *#*$", text, re.MULTILINE):
        words = re.sub(r"\]\([^)]*\)", "", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return {*found, *re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text)}


def broken(page, root=ROOT):
    """The links of a page that lead nowhere."""
    text = read(root / page)
    for target in hooks.links(text):
        file = hooks.resolve(page, target) if target[0] != "#" else page
        _, _, anchor = target.partition("#")
        if target.startswith("/"):
            yield target
        elif target[0] != "#" and not hooks.is_relative(target):
            continue
        elif not (root / file).exists() or (anchor and anchor not in anchors(read(root / file))):
            yield target


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page):
    assert list(broken(page)) == []


def test_broken_links_are_found(tmp_path):
    (tmp_path / "a.md").write_text(
        "# One *of* `two`\n[b](b.md) [c](c.md#top) ![d](d.png) [e](#one-of-two) [f](#two)\n"
        '[g](/g.md) [h](https://h.org/x.md) <img src="i.png"> `[j](j.md)`\n'
        "```\n[k](k.md)\n```\n[![l](l.svg)](b.md#none)\n"
    )
    (tmp_path / "b.md").write_text("# Top\n")
    expected = ["c.md#top", "d.png", "#two", "/g.md", "i.png", "l.svg", "b.md#none"]
    assert list(broken("a.md", tmp_path)) == expected


def test_broken_links_of_a_notebook_are_found(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# One\n", "[a](#one) [b](b.md)"]},
        {"cell_type": "code", "source": ["x = [c](d.md)"]},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    assert list(broken("a.ipynb", tmp_path)) == ["b.md"]


def test_links_lead_from_page_to_page_in_the_site():
    pages = ["README.md", "config/README.md", "docs/results.md", "BENCHMARKS.md"]

    def led(text, source):
        return hooks.lead(text, source, pages)

    assert led("[a](docs/results.md#cost)", "README.md") == "[a](results.md#cost)"
    assert led("[a](../BENCHMARKS.md)", "docs/results.md") == "[a](benchmarks.md)"
    assert led("[a](../README.md)", "config/README.md") == "[a](index.md)"
    assert led("![a](docs/images/maps.png)", "README.md") == "![a](images/maps.png)"
    assert led("[a](CITATION.cff)", "README.md") == "[a](files/CITATION.cff)"
    same = "[a](#here) [b](https://c.org/README.md) `[d](README.md)`\n```\n[e](LICENSE)\n```\n"
    assert led(same, "README.md") == same


def test_lists_are_indented_as_the_site_wants_them():
    text = """1. one
   more
   - inner
     more

       code of inner
2. two

   ```
   code
 less
   ```

- three
    text

    code of the page
"""
    wide = """1. one
    more
    - inner
        more

          code of inner

2. two

    ```
    code
    less
    ```

- three
      text

      code of the page
"""
    assert hooks.widen(text) == wide
    assert hooks.widen("1. a\n\n   b\n2. c\n3. d\n") == "1. a\n\n    b\n\n2. c\n3. d\n"
    assert hooks.widen("para\n\n    code - x\n") == "para\n\n    code - x\n"


def test_the_site_has_the_pages_that_are_there():
    sections = hooks.nav()
    pages = hooks.listed(sections)
    assert pages[0] == "README.md"
    assert {page for page in PAGES if page.startswith("docs/")} <= set(pages)
    assert len({hooks.address(page, pages) for page in pages}) == len(pages)
    for page in pages:
        assert (ROOT / page).is_file()


def test_code_of_the_page_on_covariances_runs(tmp_path):
    """Its blocks one after the other, on a covariance whose inverse is known.

    That of many values is run by tests/unit/test_compact.py.
    """
    text = (ROOT / "docs" / "covariances.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    path = tmp_path / "recommended.h5"
    n = 2 * 12
    content = covariance.of_matrix(np.ones(n), 2 * np.eye(n), 30, "QU", 1, "recommended")
    covariance.write(path, content, {})
    program = "\n".join(blocks)
    assert program.count("results/demo/recommended/emulated-10.h5") == 2
    names = {}
    exec(blocks[0].replace("results/demo/recommended/emulated-10.h5", str(path)), names)
    assert names["chi2"] == pytest.approx(n / 2.02)
    assert names["log_det"] == pytest.approx(n * np.log(2.02))
    exec(blocks[1].replace("results/demo/recommended/emulated-10.h5", str(path)), names)
    np.testing.assert_array_equal(names["matrix"], content.covariance)
    np.testing.assert_array_equal(names["mean"], content.mean)
    assert (names["stokes"], names["nside"], names["evidence"]) == ("QU", 1, "{}")
    exec(blocks[-1], names)
    assert len(names["modes"]) == n
    assert names["chi2"] == pytest.approx(n / 2)


def test_the_demo_makes_the_file_that_the_page_on_covariances_reads():
    demo = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
    assert demo["campaign"] == "demo"
    assert "emulated-10" in demo["emulated"]
