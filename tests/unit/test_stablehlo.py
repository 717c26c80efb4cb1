"""The emulator's program as a file: its inputs, what is expected of it, and what it is made for."""

import dataclasses
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import stablehlo
import tensorflow as tf

import emulator
import inprocess
from fewtomany import config
from fewtomany.scattering import gram

PROGRAM = Path(stablehlo.__file__)
NSIDE = 4


@pytest.fixture(scope="module")
def small():
    """Everything on a model that is soon compiled, whose grids are large enough for blocks."""
    with pytest.MonkeyPatch.context() as patch:
        paper = config.load(PROGRAM.parents[1] / "config" / "paper.yaml")
        settings = paper.emulator.changed(n_scales=1, n_orientations=2)
        patch.setattr(config, "load", lambda _: dataclasses.replace(paper, emulator=settings))
        patch.setattr(gram, "LARGEST_WHOLE", 0)
        patch.setattr(gram, "ROWS", 12 * NSIDE**2)
        yield


@pytest.fixture(scope="module")
def folder(small, tmp_path_factory):
    """An export of one and of nine batches, of which the last repeats the first."""
    folder = tmp_path_factory.mktemp("stablehlo")
    stablehlo.write(folder, NSIDE, "float64", [1, 9])
    return folder


@pytest.fixture(scope="module")
def arrays(folder):
    with np.load(folder / f"nside{NSIDE}-float64.npz") as file:
        return dict(file)


def shapes(program):
    """Shape and type of every argument of a program."""
    (main,) = re.findall(r"func\.func @main\((.*?)\) ->", program)
    found = re.findall(r"%arg\d+: tensor<((?:\d+x)*)(\w+(?:<f64>)?)>", main)
    names = {"f64": "float64", "i32": "int32", "complex<f64>": "complex128"}
    return [(tuple(map(int, dims.split("x")[:-1])), names[kind]) for dims, kind in found]


@pytest.mark.parametrize("kind", stablehlo.KINDS)
@pytest.mark.parametrize("n_batches", [1, 9])
def test_a_program_takes_the_arrays_beside_it_in_their_order(folder, arrays, n_batches, kind):
    name = f"nside{NSIDE}-float64-{n_batches}"
    facts = json.loads((folder / f"{name}.json").read_text())
    tables = [arrays[f"argument{number}"] for number in range(facts["n_tables"])]
    expected = [(x.shape, str(x.dtype)) for x in tables]
    expected.append(((n_batches, len(arrays["goal"])), "float64"))
    expected.append(((n_batches, *arrays["maps"].shape[1:]), "float64"))
    taken = shapes((folder / f"{name}-{kind}.mlir").read_text())
    if kind == "evaluation":
        assert taken == expected
    assert len(taken) == len(expected)
    assert facts["batches"] == n_batches
    assert facts["tensorflow_seconds"] > 0


def test_what_is_expected_is_what_the_library_has(small, arrays):
    prepared, (operators, weights, goals, _) = emulator.problem(NSIDE, 10, "float64")
    assert len(arrays["maps"]) == stablehlo.DISTINCT
    maps = arrays["maps"][3].astype(float)

    def coefficients(maps):
        return prepared.phi.evaluate(operators, tf.constant(maps))[0].numpy()

    def loss(maps):
        return weights.numpy() @ (coefficients(maps) - goals[0].numpy()) ** 2

    np.testing.assert_array_equal(arrays["goal"], goals[0])
    np.testing.assert_allclose(arrays["coefficients"][3], coefficients(maps), 1e-10, 1e-12)
    np.testing.assert_allclose(arrays["loss"][3], loss(maps), 1e-9)
    slope = arrays["gradient"][3].reshape(maps.shape)
    step = 1e-5 * slope / np.linalg.norm(slope)
    rise = np.sum(loss(maps + step) - loss(maps - step)) / 2
    assert rise == pytest.approx(np.sum(slope * step), rel=1e-5)


def test_the_program_of_a_gpu_has_no_blocks(small, folder, tmp_path):
    name = f"nside{NSIDE}-float64-1-evaluation.mlir"
    stablehlo.write(tmp_path, NSIDE, "float64", [1], "cpu")
    assert "stablehlo.while" in (tmp_path / name).read_text()
    assert "stablehlo.while" not in (folder / name).read_text()
    assert gram.prefers_blocks(12 * NSIDE**2)  # as before


def test_products_can_be_asked_for_in_all_bits(folder):
    program = (folder / f"nside{NSIDE}-float64-1-evaluation.mlir").read_text()
    assert program.count("precision = [DEFAULT, DEFAULT]") == len(
        re.findall(r"stablehlo\.dot(?:_general)? ", program)
    )


def test_without_jax_a_run_says_so_in_one_line(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    done = inprocess.script(PROGRAM, "run", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "stablehlo.py run: JAX is missing: pip install jax==0.11.2\n"
    done = inprocess.script(PROGRAM, "run", tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}: nothing that `stablehlo.py export` wrote\n"
