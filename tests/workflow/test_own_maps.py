"""The user's own maps, without a simulation and without a truth, from FITS to the report."""

import json
import re

import healpy
import numpy as np
import pytest

from fewtomany import covariance
from fewtomany.files import store
from harness import make_workflow

N_MAPS, NSIDE = 10, 4
CONFIGURATION = """
campaign: own
seed: 1
maps: {nside: 4}
inputs:
  mine: {files: "maps/*.fits"}
emulated:
  many: {input: mine, strategy: average-target, n_maps: 40}
emulator: {n_scales: 1, n_orientations: 2, n_steps: 20}
validation: {n_modes: 15}
trust: {n_folds: 2, n_maps: 20, n_directions: 5}
sharding: {maps_per_shard: 40, batches_per_shard: 4}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, quick_learning):
    """Ten Q and U maps of one power spectrum, and what becomes of them."""
    workflow = make_workflow(tmp_path_factory.mktemp("own"))
    (workflow.folder / "maps").mkdir()
    rng = np.random.default_rng(1)
    depth = np.linspace(0.5, 1.5, 12 * NSIDE**2) * 1e-9
    for number in range(N_MAPS):
        healpy.write_map(
            workflow.folder / "maps" / f"sim-{number:03}.fits",
            rng.standard_normal((2, 12 * NSIDE**2)) * depth,
            coord="G",
            column_names=["Q_POLARISATION", "U_POLARISATION"],
            column_units="K_CMB",
            dtype=np.float64,
            extra_header=[("POLCCONV", "COSMO")],
        )
    (workflow.folder / "own.yaml").write_text(CONFIGURATION)
    done = workflow.run("--configfile", "own.yaml", "--show-failed-logs")
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow.folder / "results" / "own"


def test_the_inputs_are_the_maps_of_the_files(finished):
    found = store.read_dataset(sorted((finished / "datasets" / "mine").glob("*.h5")))
    folder = finished.parents[1] / "maps"
    maps = [healpy.read_map(path, field=(0, 1)) for path in sorted(folder.glob("*.fits"))]
    np.testing.assert_allclose(found.maps, maps, rtol=1e-6)
    assert found.stokes == "QU"


def test_there_is_a_verdict_without_a_truth(finished):
    judgement = json.loads((finished / "validation" / "metrics.json").read_text())
    assert judgement["truth"] is None
    names = {entry["name"] for entry in judgement["metrics"] if entry["passed"] is not None}
    assert {"trust:emulated", "trust:chi2_mean", "inside_band", "total_variance"} <= names
    assert {"diversity:effective_maps", "diversity:nearest_input"} <= names
    assert not any(name.startswith(("kl", "equivalent", "chi2", "recovery")) for name in names)
    assert {entry["true_draws"] for entry in judgement["metrics"]} != {None}


def test_the_recommended_covariance_can_be_used(finished):
    found = covariance.load(finished / "recommended" / "many.h5")
    noise = found.plus(found.variance.mean())
    values = store.read_dataset((finished / "datasets" / "mine").glob("*.h5")).maps.reshape(10, -1)
    assert np.isfinite(noise.log_determinant())
    assert (np.sum(values * noise.solve(values), axis=1) > 0).all()


def test_every_figure_that_needs_no_truth_is_in_the_report(finished):
    report = (finished / "report.html").read_text()
    figures = {path.stem for path in (finished / "figures").glob("*.png")}
    figures.remove("glance")  # of the first screen alone
    assert figures == {
        *("maps", "spectra", "correlations", "eigenvalues", "scattering", "minkowski"),
        *("distribution", "diversity", "descent", "trust-many", "wavelets", "transfer", "cost"),
    }
    for figure in figures:
        assert f'id="{figure}"' in report
    assert "No truth is known" in report
    page = report.partition("<h2>Configuration")[0]
    said = re.sub(r'"data:[^"]*"', "", page)  # the letters of a picture say nothing
    assert "None" not in said.replace("None of", "")
