"""The programs that share their work over MPI ranks: the same products for any number."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import inprocess
from fewtomany import config
from fewtomany.emulator import device, model
from fewtomany.files import store
from fewtomany.files.store import MapSet
from harness import ROOT, TINY

MPIEXEC = Path(sys.executable).with_name("mpiexec")
N_BATCHES = 5


# Little to compile: every rank is a process of its own.
SETTINGS = {"n_scales": 1, "n_orientations": 2, "n_steps": 12, "batch_size": 4}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """File of the tiny campaign with few samples in a chunk, and little to emulate."""
    content = yaml.safe_load(TINY.read_text())
    content["emulator"] |= SETTINGS
    content["simulation"]["gains"]["chunk_samples"] = 1000
    content["sharding"]["chunks_per_shard"] = 5000
    path = tmp_path_factory.mktemp("ranks") / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def _run(ranks, program, campaign, *options, **environment):
    """A program under MPI; of one rank without, and in this process."""
    path = ROOT / "scripts" / program
    options = ["--config", campaign, "--ranks", ranks, *options]
    if ranks == 1 and not environment:
        done = inprocess.program(path, *options)
    else:
        launcher = [str(MPIEXEC), "-n", str(ranks)] if ranks > 1 else []
        done = subprocess.run(
            [*launcher, sys.executable, str(path), *map(str, options)],
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def model_file(tmp_path_factory, campaign):
    device.configure()  # before TensorFlow's first use, as the programs do
    path = tmp_path_factory.mktemp("model") / "model.h5"
    random = np.random.default_rng(3)
    maps = random.normal(size=(10, 2, 192)).cumsum(axis=2) * 1e-8
    prepared = model.prepare(MapSet(maps, "QU", "input-10"), config.load(campaign).emulator)
    model.save(path, prepared, {})
    return path


def _emulate(ranks, campaign, model_file, folder, *more):
    options = ["--dataset", "single-10", "--model", model_file, "--start", 0, "--stop", N_BATCHES]
    options += more
    output = folder / "shards" / "batches.json"
    log = _run(
        *(ranks, "emulation/emulate.py", campaign, *options),
        *("--batches", folder / "batches", "--output", output),
    )
    return log, output


def _contents(output, name="maps"):
    entries = json.loads(output.read_text())["batches"]
    assert [entry["batch"] for entry in entries] == list(range(N_BATCHES))
    files = [output.parent.parent / entry["file"] for entry in entries]
    return [store.read(file, "emulated-batch", name)[name] for file in files]


@pytest.fixture(scope="module")
def alone(campaign, model_file, tmp_path_factory):
    """The manifest of one rank, without MPI."""
    return _emulate(1, campaign, model_file, tmp_path_factory.mktemp("alone"))[1]


def test_ranks_share_what_is_missing_and_make_the_same_batches(
    campaign, model_file, alone, tmp_path
):
    shutil.copytree(alone.parent.parent, tmp_path, dirs_exist_ok=True)
    for file in sorted((tmp_path / "batches").rglob("*.h5"))[1:]:
        file.unlink()
    log, output = _emulate(2, campaign, model_file, tmp_path)
    assert log.count("finished before") == 1
    assert log.count("ends at step") == N_BATCHES - 1
    assert output.read_text() == alone.read_text()
    np.testing.assert_array_equal(_contents(output), _contents(alone))
    assert not list(tmp_path.glob("claims-*"))


def test_batches_side_by_side_descend_as_alone(campaign, model_file, alone, tmp_path):
    """Up to rounding, which grows from step to step (in float64: tests/science)."""
    log, output = _emulate(1, campaign, model_file, tmp_path, "--at-once", 2)
    assert log.count("ends at step") == N_BATCHES
    assert output.read_text() == alone.read_text()
    found, expected = (_contents(file, "losses") for file in (output, alone))
    for losses, same in zip(found, expected, strict=True):
        np.testing.assert_allclose(losses[:4], same[:4], rtol=1e-3)
        np.testing.assert_allclose(losses[-1].sum(), same[-1].sum(), rtol=0.3)


def test_the_response_is_the_same_for_any_number_of_ranks(campaign, tmp_path):
    """Of few samples, in plain Python: to compile for every rank takes a minute."""
    parts = []
    for ranks in (1, 2):
        output = tmp_path / f"{ranks}.h5"
        options = ["--start", 3, "--stop", 9, "--output", output]
        _run(ranks, "simulation/simulate_response.py", campaign, *options, NUMBA_DISABLE_JIT="1")
        parts.append(store.read(output, "response-part"))
    assert parts[0].keys() == parts[1].keys()
    for name, array in parts[0].items():
        np.testing.assert_array_equal(array, parts[1][name], err_msg=name)
