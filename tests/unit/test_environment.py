"""The locked environment says what it is made from, and everything in it is pinned."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"


def names(text):
    """Distribution names at the starts of requirement lines."""
    return {name.lower() for name in re.findall(r"^([A-Za-z][\w.-]*)", text, re.MULTILINE)}


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_every_package_of_a_lock_is_pinned_with_hashes_and_names_no_index(kind):
    lock = (ENVS / f"{kind}.lock").read_text()
    blocks = re.split(r"^(?=[A-Za-z])", lock, flags=re.MULTILINE)[1:]
    assert len(blocks) > 100
    for block in blocks:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", block), block
        assert "--hash=sha256:" in block, block
    assert "://" not in lock
    assert "--index" not in lock


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_a_lock_holds_every_direct_dependency(kind):
    wanted = names((ENVS / "requirements.in").read_text() + (ENVS / f"{kind}.in").read_text())
    assert "snakemake" in wanted
    assert wanted <= names((ENVS / f"{kind}.lock").read_text())


def test_the_library_depends_on_direct_dependencies_only():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert names("\n".join(project["dependencies"])) <= names(
        (ENVS / "requirements.in").read_text()
    )


def test_the_conda_environment_is_made_from_this_lock():
    checksum = hashlib.sha256((ENVS / "cpu.lock").read_bytes()).hexdigest()
    assert checksum in (ENVS / "conda.post-deploy.sh").read_text(), "run `make lock`"
