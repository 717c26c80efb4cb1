"""Two channels of the user's maps, emulated together, and one of them given: to the verdict."""

import json

import numpy as np
import pytest

from fewtomany import covariance
from fewtomany.files import store
from fewtomany.spectra import isotropic
from harness import count_jobs, make_workflow

pytestmark = pytest.mark.slow

N_INPUTS, N_GIVEN, N_MAPS, NSIDE = 12, 30, 40, 4
CORRELATION = 0.8
CONFIGURATION = """
campaign: two
seed: 1
maps: {nside: 4}
inputs:
  mine:
    channels:
      low: {files: low.npy, unit: uK, polarization_convention: COSMO}
      high: {files: high.npy, unit: uK, polarization_convention: COSMO}
  new:
    channels:
      low: {files: new.npy, unit: uK, polarization_convention: COSMO}
emulated:
  both: {input: mine, strategy: drawn-target, n_maps: 40}
  high: {input: mine, strategy: average-target, n_maps: 40, given: {dataset: new, channels: [low]}}
gaussian:
  naive: {input: mine, n_maps: 20}
emulator: {n_scales: 2, n_orientations: 2, n_steps: 15, mean: zero, start: isotropic}
validation: {n_modes: 15}
trust: {datasets: [both], n_folds: 2, n_maps: 20, n_directions: 5}
sharding: {maps_per_shard: 25, batches_per_shard: 2}
"""


def drawn(name: str, n_maps: int) -> np.ndarray:
    """Gaussian Q and U with the spectra of white noise, and no power beyond their multipoles."""
    white = np.random.default_rng(1).standard_normal((n_maps, 2, 12 * NSIDE**2))
    return isotropic.draw(white, "QU", 1, (name,), 0, n_maps)


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    """Q and U of two channels that are correlated by 0.8, and new maps of the first."""
    found = make_workflow(tmp_path_factory.mktemp("two"))
    low, other = (drawn(name, N_INPUTS) for name in ("low", "other"))
    np.save(found.folder / "low.npy", low)
    np.save(found.folder / "high.npy", CORRELATION * low + np.sqrt(1 - CORRELATION**2) * other)
    np.save(found.folder / "new.npy", drawn("new", N_GIVEN))
    (found.folder / "two.yaml").write_text(CONFIGURATION)
    return found


@pytest.fixture(scope="module")
def finished(workflow):
    verdict = ("results/two/validation/metrics.json", "results/two/recommended/both.h5")
    done = workflow.run(*("datasets", *verdict), "--configfile", "two.yaml", "--show-failed-logs")
    assert done.returncode == 0, done.stdout + done.stderr
    return workflow.folder / "results" / "two"


def maps_of(finished, name):
    return store.read_dataset(sorted((finished / "datasets" / name).glob("*.h5"))).maps


def test_given_maps_are_imported_and_nothing_else_is_made_of_them(workflow):
    done = workflow.run("--dry-run", "--configfile", "two.yaml")
    jobs = count_jobs(done)
    assert jobs["import_maps"] == 1 + 2
    assert jobs["covariance"] == 4
    assert jobs["emulate"] == 2 * 2 + 2 * 1


def test_the_given_channel_is_identical_to_the_bit(finished):
    emulated, new = maps_of(finished, "high"), maps_of(finished, "new")
    assert emulated.dtype == np.float32
    assert emulated.shape == (N_MAPS, 4, 12 * NSIDE**2)
    expected = new[np.arange(N_MAPS) % N_GIVEN].astype(np.float32)
    assert (emulated[:, :2].view(np.uint32) == expected.view(np.uint32)).all()


def test_the_channels_are_correlated_as_planted(finished):
    maps = maps_of(finished, "both")
    found = np.corrcoef(maps[:, :2].ravel(), maps[:, 2:].ravel())[0, 1]
    assert found == pytest.approx(CORRELATION, abs=0.05)


def test_the_drawn_channel_follows_the_given_one(finished):
    """As the inputs are correlated, to 5 standard errors of these.

    They have 12 maps of two fields with 140 modes each, so that 0.8 is known to
    (1 - 0.8²)/√(12 · 280) = 0.006. The start follows to 0.796, 15 steps leave 0.795, 60 leave
    0.78: a descent goes on to chance in the statistics of so few inputs.
    """
    maps, inputs = (maps_of(finished, name) for name in ("high", "mine"))
    found, planted = (np.corrcoef(m[:, :2].ravel(), m[:, 2:].ravel())[0, 1] for m in (maps, inputs))
    assert planted == pytest.approx(CORRELATION, abs=0.02)
    assert found == pytest.approx(planted, abs=0.03)


def test_covariance_and_verdict_are_of_both_channels(finished):
    found = covariance.load(finished / "recommended" / "both.h5")
    assert found.channels == ("low", "high")
    judgement = json.loads((finished / "validation" / "metrics.json").read_text())
    names = {entry["name"] for entry in judgement["metrics"] if entry["dataset"] == "both"}
    assert {"distribution:high.Q", "residual:low.E×high.E", "trust:chi2_mean"} <= names
