"""Inputs that were exported and read back give the same model, and so the same maps, to the bit."""

from pathlib import Path

import numpy as np
import pytest

from fewtomany import config
from fewtomany.emulator import descent, model
from fewtomany.files.store import MapSet
from fewtomany.maps import export, ingest

TINY = Path(__file__).parents[1] / "workflow/tiny.yaml"


@pytest.fixture(scope="module")
def settings():
    return config.load(TINY).emulator.changed(n_steps=3, batch_size=2)


def test_exported_inputs_give_the_same_emulated_maps(tmp_path, settings, eager):
    random = np.random.default_rng(1)
    maps = (1e-8 * random.normal(size=(6, 2, 192)).cumsum(axis=2)).astype(np.float32)
    inputs = MapSet(maps, "QU", "input-6", frame="ecliptic")
    files = export.write_fits(tmp_path, inputs)
    read = ingest.load([str(file) for file in files], "QU", 4, "ecliptic", dataset="input-6")
    models = [model.prepare(some, settings) for some in (inputs, read)]
    assert models[0].fingerprint() == models[1].fingerprint()
    first, second = (
        descent.Sampler(some, 1, "many", "average-target").run([descent.Task(0, 0)])[0].maps
        for some in models
    )
    assert (first == second).all()
