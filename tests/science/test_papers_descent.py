"""The paper's own emulation (config/paper.yaml) gives the numbers that it gave.

docs/ tells what a campaign of many core-hours found, so this must stay. In double
precision, at a small resolution: targets of both strategies, and the first steps of a batch. To
bring papers_descent.json up to date: python -m pytest tests/science/test_papers_descent.py --golden
"""

import json
from pathlib import Path

import numpy as np
import pytest

import golden
from fewtomany import config
from fewtomany.emulator import descent, model
from fewtomany.files.store import MapSet

GOLDEN = Path(__file__).with_name("papers_descent.json")
PAPER = config.load(Path(__file__).resolve().parents[2] / "config/paper.yaml")
N_STEPS = 6


@pytest.fixture(scope="module", params=["average-target", "single-target"])
def found(request, eager):
    """Strategy, and the numbers of its target, its start and its first steps."""
    pixels = np.arange(768)
    scale = 1e-9 * (1 + 0.5 * np.sin(pixels / 50))
    inputs = np.random.default_rng(3).standard_normal((5, 2, 768)) * scale
    settings = PAPER.emulator.changed(dtype="float64", n_steps=N_STEPS)
    prepared = model.prepare(MapSet(inputs, "QU", "inputs"), settings)
    sampler = descent.Sampler(prepared, PAPER.seed, "emulated-10", request.param)
    (batch,) = sampler.run([descent.Task(2 * (request.param == "single-target"), 1)])
    target = prepared.target(request.param, 0)
    numbers = {
        "target": golden.summary(target),
        "start": golden.summary(sampler.start(0, 1)),
        "losses": batch.losses.sum(axis=1).tolist(),
        "maps": golden.summary(batch.maps * 1e9),
    }
    if request.config.getoption("--golden"):
        kept = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        GOLDEN.write_text(json.dumps(kept | {request.param: numbers}, indent=1) + "\n")
    return request.param, numbers


def test_the_papers_emulation_is_what_it_was(found):
    strategy, numbers = found
    expected = json.loads(GOLDEN.read_text())[strategy]
    for name, values in expected.items():
        assert numbers[name] == pytest.approx(values, rel=1e-4, abs=1e-5), name
