"""The locked environment says what it is made from, and everything in it is pinned."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

import fewtomany

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"


def names(text):
    """Distribution names at the starts of requirement lines."""
    return {name.lower() for name in re.findall(r"^([A-Za-z][\w.-]*)", text, re.MULTILINE)}


@pytest.mark.parametrize(("kind", "least"), [("cpu", 100), ("gpu", 100), ("docs", 30)])
def test_every_package_of_a_lock_is_pinned_with_hashes_and_names_no_index(kind, least):
    lock = (ENVS / f"{kind}.lock").read_text()
    blocks = re.split(r"^(?=[A-Za-z])", lock, flags=re.MULTILINE)[1:]
    assert len(blocks) > least
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


def test_the_lock_of_the_site_holds_what_it_needs():
    wanted = names((ENVS / "docs.in").read_text())
    assert "mkdocs-material" in wanted
    assert wanted <= names((ENVS / "docs.lock").read_text())


def test_the_library_depends_on_direct_dependencies_only():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert names("\n".join(project["dependencies"])) <= names(
        (ENVS / "requirements.in").read_text()
    )


def test_the_conda_environment_is_made_from_this_lock():
    checksum = hashlib.sha256((ENVS / "cpu.lock").read_bytes()).hexdigest()
    assert checksum in (ENVS / "conda.post-deploy.sh").read_text(), "run `make lock`"


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    # the newest released version: what is under way stands above it
    heading = re.search(
        r"^## (\S+) \((\d\S+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert citation["version"] == heading[1] == fewtomany.__version__
    assert str(citation["date-released"]) == heading[2]


def test_badges_say_what_the_files_say():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    snakemake = re.search(r'min_version\("(.*)"\)', (ROOT / "Snakefile").read_text())[1]
    paper = yaml.safe_load((ROOT / "CITATION.cff").read_text())["preferred-citation"]["identifiers"]
    expected = {
        "licence": project["license"],
        "python": project["requires-python"].removeprefix(">="),
        "snakemake": f"≥ {snakemake}",
        "paper": paper[0]["value"].removeprefix("arXiv:"),
    }
    for name, value in expected.items():
        badge = (ROOT / "docs" / "images" / "badges" / f"{name}.svg").read_text(encoding="utf-8")
        assert f">{value}</text>" in badge


def test_the_snakefile_asks_for_the_snakemake_of_the_lock():
    snakemake = re.search(r'min_version\("(.*)"\)', (ROOT / "Snakefile").read_text())[1]
    assert f"snakemake>={snakemake},<10" in (ENVS / "requirements.in").read_text()


@pytest.mark.parametrize("recipe", ["Dockerfile", "apptainer.def"])
def test_images_are_made_from_the_lock(recipe):
    text = (ENVS / recipe).read_text()
    assert re.search(r"pip install --no-cache-dir --require-hashes -r \S*cpu.lock", text)
    assert "Not built or run yet" in text


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that `pip install .` would install, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "scripts/fewtomany", source / "scripts/fewtomany", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--wheel-dir", str(folder), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_whole_library(wheel):
    assert wheel.name.startswith(f"fewtomany-{fewtomany.__version__}-")
    held = set(zipfile.ZipFile(wheel).namelist())
    library = ROOT / "scripts" / "fewtomany"
    for path in library.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(library.parent).as_posix() in held


def test_the_wheel_works_in_a_bare_environment(wheel, tmp_path):
    """Modules of the standard library alone start there, and say which version they are."""
    venv.create(tmp_path / "bare", with_pip=True)
    python = tmp_path / "bare" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, capture_output=True)
    program = (
        "import fewtomany, sys\n"
        "from fewtomany import errors, shards\n"
        "from fewtomany.files import provenance\n"
        "from fewtomany.jobs import cli, progress\n"
        "print(fewtomany.__version__, shards.Shard(0, 5).label, fewtomany.__file__)\n"
        "print(sorted({'numpy', 'yaml', 'tensorflow', 'snakemake'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [python, "-I", "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    version, label, file, none = done.stdout.split()
    assert (version, label, none) == (fewtomany.__version__, "0000000-0000005", "[]")
    assert Path(file).is_relative_to(tmp_path)


def test_light_modules_start_without_heavy_packages():
    program = (
        "import sys\n"
        "from fewtomany import config\n"
        "print({'tensorflow', 'healpy', 'litebird_sim', 'snakemake'} & set(sys.modules))\n"
        "from fewtomany import covariance\n"
        "print({'tensorflow', 'litebird_sim', 'snakemake'} & set(sys.modules))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == 2 * "set()\n"
