"""The judgement finds what is planted: true draws pass, every fault fails its metric."""

import dataclasses

import numpy as np
import pytest

from fewtomany import config, covariance
from fewtomany.config.statistics import STATISTICS
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.spectra import spectra
from fewtomany.validation.judge import comparison
from fewtomany.validation.judge.verdict import Files, judge
from fewtomany.validation.measure import distribution, minkowski, moments, scattering

N_INPUTS, N_EMULATED, N_REFERENCE = 10, 400, 800
FAULTS = ("true", "louder", "bluer", "unlinked")
CONTENT = {
    "campaign": "planted",
    "seed": 1,
    "maps": {"nside": 4},
    "simulation": {"n_maps": N_REFERENCE, "nside": 4},
    "reference": {"n_maps": N_REFERENCE, "covariance": "exact"},
    "inputs": {"input-10": {"n_maps": N_INPUTS}},
    "emulated": {
        fault: {"input": "input-10", "strategy": "average-target", "n_maps": N_EMULATED}
        for fault in FAULTS
    },
    "emulator": {"n_scales": 2},
    "validation": {"n_modes": 20, "chi2_maps": 300, "minkowski_maps": 200},
}


class Planted:
    """Files of a campaign whose emulations are true draws with a known fault."""

    def __init__(self, folder):
        self.campaign = config.parse(CONTENT)
        rng = np.random.default_rng(1)
        rows = np.arange(192)
        shape = np.exp(-((((rows[:, None] - rows) / 12) % 16 - 8) ** 2)) + 0.1
        self.truth = np.kron(np.eye(2), shape @ shape.T) * 1e-18
        root = covariance.symmetric_root(self.truth.copy())[1]
        self.covariances, self.maps = {}, {}
        self.measured = {name: {} for name in ("spectra", *STATISTICS)}
        exact = covariance.of_matrix(np.zeros(384), self.truth, 0, "QU", 4, "exact")
        covariance.write(folder / "exact.h5", exact, {})
        self.covariances["exact"] = [folder / "exact.h5"]
        deviation = exact.deviation
        for dataset in self.campaign.datasets.values():
            maps = (rng.standard_normal((dataset.n_maps, 384)) @ root).reshape(-1, 2, 192)
            white = rng.standard_normal(maps.shape) * deviation
            maps = {
                "louder": 1.2 * maps,  # 44% more variance
                "bluer": np.sqrt(0.6) * maps + np.sqrt(0.4) * white,  # a bias in the spectra
                "unlinked": white,  # the right variance of every pixel, no correlation
            }.get(dataset.name, maps)
            self._write(folder, dataset.name, store.MapSet(maps, "QU", dataset.name), deviation)

    def _write(self, folder, name, content, deviation):
        store.write_maps(folder / f"{name}-maps.h5", content)
        estimate = covariance.estimate([content.maps])
        covariance.write(folder / f"{name}.h5", covariance.of_matrix(*estimate, "QU", 4, name), {})
        self.measured["spectra"][name] = [folder / f"{name}-cl.h5"]
        cl = spectra.measure(content.maps, "QU")
        spectra.write(folder / f"{name}-cl.h5", cl, content, {})
        found = {
            "scattering": scattering.measure(content.maps, "QU", 2, 4, 3),
            "minkowski": (
                moments.of([minkowski.measure(one) for one in content.maps[:200]]),
                minkowski.labels(content.components),
            ),
            "distribution": (distribution.measure(content.maps, deviation), ()),
        }
        for statistic, (values, labels) in found.items():
            path = folder / f"{name}-{statistic}.h5"
            moments.write(path, values, statistic, content, {}, labels)
            self.measured[statistic][name] = [path]
        self.maps[name] = [folder / f"{name}-maps.h5"]
        self.covariances[name] = [folder / f"{name}.h5"]

    def judge(self, **changes):
        files = Files(self.covariances, self.measured, {"reference": self.maps["reference"]})
        return judge(self.campaign, dataclasses.replace(files, **changes))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return Planted(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def judgement(planted):
    return planted.judge()


def passed(judgement, dataset):
    """Verdicts of a dataset by metric."""
    return {e["name"]: e["passed"] for e in judgement[0] if e["dataset"] == dataset}


def failed(judgement, dataset):
    return {name for name, verdict in passed(judgement, dataset).items() if verdict is False}


def test_true_draws_pass_everything(judgement):
    assert failed(judgement, "true") == set()
    assert sum(verdict is True for verdict in passed(judgement, "true").values()) == 22


def test_the_original_and_the_reference_pass_their_sanity_checks(judgement):
    for dataset, n_judged in (("original", 17), ("reference", 4)):
        assert failed(judgement, dataset) == set()
        assert sum(v is True for v in passed(judgement, dataset).values()) == n_judged


def test_a_planted_variance_change_fails(judgement):
    faults = failed(judgement, "louder")
    assert {"pixel_variance", "eigenvalue_ratio", "chi2_mean", "chi2_width", "chi2_ks"} <= faults
    assert {"scatter_ratio", "inside_band"} <= faults
    assert {"scattering:S2", "distribution:Q", "distribution:U"} <= faults
    scaleless = {"correlation_slope", "scattering:S4", "minkowski:V1"}
    assert not scaleless & faults


def test_a_planted_bias_of_the_spectra_fails(judgement):
    faults = failed(judgement, "bluer")
    assert {"residual:EE", "residual:BB", "scatter_ratio", "correlation_slope"} <= faults
    assert {"scattering:S2", "minkowski:V1", "minkowski:V3"} <= faults
    assert not {"pixel_variance", "residual:EB", "distribution:Q", "distribution:U"} & faults


def test_missing_correlations_fail(judgement):
    faults = failed(judgement, "unlinked")
    assert {"correlation_slope", "eigenvalue_ratio", "chi2_mean", "residual:EE"} <= faults
    assert {"scattering:S1", "scattering:S4", "minkowski:V1", "minkowski:V2"} <= faults
    assert "pixel_variance" not in faults


def test_inputs_are_shown_in_their_rank_and_not_judged(judgement):
    entries = [e for e in judgement[0] if e["dataset"] == "input-10"]
    assert {entry["passed"] for entry in entries} == {None}
    assert {entry["sample"]["n_modes"] for entry in entries} == {N_INPUTS - 1}
    assert judgement[1].get("eigenvalues", "input-10", "ratio").shape == (N_INPUTS - 1,)


def test_every_entry_says_what_it_rests_on(judgement):
    for entry in judgement[0]:
        assert np.isfinite(entry["value"])
        assert entry["source"]
        assert entry["title"]
        assert (entry["allowed"] is None) == (entry["passed"] is None)


def test_the_truth_is_the_reference_where_there_is_no_exact_one(planted):
    others = {k: v for k, v in planted.covariances.items() if k != "exact"}
    entries, compared = planted.judge(covariances=others)
    assert compared.truth == "reference"
    assert failed((entries, compared), "true") == set()
    assert "pixel_variance" in failed((entries, compared), "louder")
    assert {e["name"] for e in entries if e["dataset"] == "reference"} == {
        "chi2_mean",
        "chi2_width",
    }


def test_comparison_comes_back(judgement, tmp_path):
    comparison.write(tmp_path / "comparison.h5", judgement[1], {})
    found = comparison.read(tmp_path / "comparison.h5")
    assert found.datasets == judgement[1].datasets
    assert found.arrays.keys() == judgement[1].arrays.keys()
    assert found.families() == {"input-10": ["input-10", *FAULTS]}
    with pytest.raises(UserError, match="holds no chi2/elsewhere/values"):
        found.get("chi2", "elsewhere", "values")


def test_files_must_be_there_and_of_their_dataset(planted):
    few = {k: v for k, v in planted.measured["spectra"].items() if k != "louder"}
    with pytest.raises(UserError, match="--spectra: no file of louder"):
        planted.judge(measured={**planted.measured, "spectra": few})
    with pytest.raises(UserError, match="--covariance: unknown elsewhere"):
        planted.judge(covariances={**planted.covariances, "elsewhere": ["x.h5"]})
    swapped = {**planted.covariances, "louder": planted.covariances["true"]}
    with pytest.raises(UserError, match=r"expected one covariance of louder.*found true"):
        planted.judge(covariances=swapped)


@pytest.fixture(scope="module")
def without_truth(planted):
    """The same maps judged by the ten inputs alone."""
    known = {
        name: part for name, part in CONTENT.items() if name not in ("simulation", "reference")
    }
    source = {"input-10": {"files": "none.npy", "n_maps": N_INPUTS}}
    campaign = config.parse({**known, "inputs": source, "trust": {"datasets": []}})
    names = list(campaign.datasets)
    files = Files(
        {name: planted.covariances[name] for name in names},
        {s: {name: some[name] for name in names} for s, some in planted.measured.items()},
        {},
    )
    return judge(campaign, files)


def test_without_a_truth_true_draws_agree_with_the_inputs(without_truth):
    assert failed(without_truth, "true") == set()
    assert sum(verdict is True for verdict in passed(without_truth, "true").values()) == 14
    assert without_truth[1].truth is None
    assert not any(key.startswith("chi2/") for key in without_truth[1].arrays)


def test_without_a_truth_large_faults_are_found(without_truth):
    assert "total_variance" in failed(without_truth, "louder")
    faults = failed(without_truth, "unlinked")
    assert any(name.startswith(("minkowski", "scattering")) for name in faults)
    assert "total_variance" not in faults


def test_the_inputs_are_not_held_against_themselves(without_truth):
    names = {entry["name"] for entry in without_truth[0] if entry["dataset"] == "input-10"}
    assert not names & {"total_variance", "inside_band", "scatter_ratio", "residual:EE"}
