"""A tiny plane of the user's files to its verdict, a tiny line of textures to its report."""

import json

import numpy as np
import pytest
from PIL import Image

from fewtomany import covariance
from fewtomany.files import store
from fewtomany.maps import export, textures
from fewtomany.maps.flat import Flat
from harness import make_workflow

SHAPE = (16, 24)
PLANE = f"""
campaign: plane
seed: 1
maps: {{shape: {list(SHAPE)}, periodic: true}}
inputs:
  mine: {{files: "mine.npy"}}
emulated:
  many: {{input: mine, strategy: average-target, n_maps: 8}}
emulator: {{n_scales: 2, n_orientations: 2, batch_size: 4, n_steps: 60}}
"""
LINE = """
campaign: line
seed: 1
maps: {shape: [256]}
reference: {texture: intermittent, n_maps: 20}
inputs:
  few: {texture: intermittent, n_maps: 4}
emulated:
  many: {input: few, strategy: drawn-target, n_maps: 8}
emulator: {n_scales: 3, batch_size: 4, n_steps: 60}
"""


def run(folder, name, text, *targets):
    workflow = make_workflow(folder)
    (workflow.folder / f"{name}.yaml").write_text(text)
    done = workflow.run(*targets, "--configfile", f"{name}.yaml", "--show-failed-logs")
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow.folder / "results" / name


@pytest.fixture(scope="module")
def plane(tmp_path_factory, quick_learning):
    folder = tmp_path_factory.mktemp("plane")
    flat, random = Flat(SHAPE, True), np.random.default_rng(2)
    np.save(folder / "mine.npy", [textures.draw("filaments", flat, random) for _ in range(4)])
    names = ("validation/metrics.json", "figures/maps.png", "covariances/many.h5")
    return run(folder, "plane", PLANE, *(f"results/plane/{name}" for name in names))


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    return run(tmp_path_factory.mktemp("line"), "line", LINE)


def metrics(results):
    judgement = json.loads((results / "validation" / "metrics.json").read_text())
    return {(e["dataset"], e["name"]): e for e in judgement["metrics"]}


def test_a_plane_comes_out_of_files(plane):
    inputs = store.read_dataset(sorted((plane / "datasets" / "mine").glob("*.h5")))
    files = np.load(plane.parents[1] / "mine.npy")
    np.testing.assert_array_equal(inputs.sky.image(inputs.maps)[:, 0], files)
    emulated = store.read_dataset(sorted((plane / "datasets" / "many").glob("*.h5")))
    assert emulated.maps.shape == (8, 1, SHAPE[0] * SHAPE[1])
    assert (emulated.sky, emulated.unit) == (inputs.sky, "1")
    (path,) = export.write(plane / "export", emulated)
    assert np.load(path).shape == (8, 1, *SHAPE)


def test_the_covariance_of_a_plane_can_be_used(plane):
    found = covariance.load(plane / "covariances" / "many.h5")
    assert (found.nside, found.sky.shape) == (None, SHAPE)
    noisy = found.plus(found.variance.mean())
    assert np.isfinite(noisy.log_determinant())


@pytest.mark.parametrize("name", ["plane", "line"])
def test_the_loss_falls_and_statistics_are_those_of_true_maps(name, request):
    found = metrics(request.getfixturevalue(name))
    assert found["many", "descent:decades"]["value"] > 2
    for metric in ("descent:last", "residual:TT", "scattering:S1", "scattering:S4"):
        assert found["many", metric]["passed"] is True, metric
    names = {metric for _, metric in found}
    assert not any(n.startswith(("trust", "minkowski", "chi2", "eigen", "kl")) for n in names)


def test_every_figure_is_in_the_report(plane, line):
    figures = {"maps", "spectra", "scattering", "distribution", "diversity", "descent"}
    report = (line / "report.html").read_text()
    assert {path.stem for path in (line / "figures").glob("*.png")} == figures
    for figure in figures:
        assert f'id="{figure}"' in report
    assert "The maps are of a line of 256 pixels" in report
    assert "the reference dataset" in report
    with Image.open(plane / "figures" / "maps.png") as image:
        assert "A periodic plane of 16×24 pixels" in image.text["Description"]
