"""Covariance models of a planted campaign: true maps win, faults lose, N maps are worth N."""

import numpy as np
import pytest

import compare as compare_script
import plot_part
import recommend as recommend_script
from fewtomany import config, covariance, report, store
from fewtomany.validation import parts
from fewtomany.validation.compare.models import HEADLINES, compare

N_INPUTS, N_EMULATED, N_REFERENCE = 10, 200, 1200
CONTENT = {
    "campaign": "models",
    "seed": 1,
    "maps": {"nside": 4},
    "simulation": {"n_maps": 100, "nside": 4},
    "reference": {"n_maps": N_REFERENCE, "covariance": "exact"},
    "inputs": {"input-10": {"n_maps": N_INPUTS}},
    "gaussian": {"gaussian-10": {"input": "input-10", "n_maps": 100}},
    "emulated": {
        name: {"input": "input-10", "strategy": "average-target", "n_maps": N_EMULATED}
        for name in ("true", "louder", "unlinked")
    },
    "emulator": {"n_scales": 2},
    "validation": {"n_modes": 20, "chi2_maps": 100},
}


class Planted:
    """Maps of all datasets, drawn from one covariance; two emulations with a known fault."""

    def __init__(self, folder):
        self.campaign, self.folder = config.parse(CONTENT), folder
        config.save(self.campaign, folder / "campaign.yaml")
        rng = np.random.default_rng(1)
        rows = np.arange(192)
        shape = np.exp(-((((rows[:, None] - rows) / 12) % 16 - 8) ** 2)) + 0.1
        deviation = np.tile(1 + rows / 96, 2) * 1e-9
        truth = np.kron(np.eye(2), shape @ shape.T) * np.outer(deviation, deviation)
        root = covariance.symmetric_root(truth.copy())[1]
        exact = covariance.Covariance(np.zeros(384), truth, 0, "QU", 4, "exact")
        self.truth = folder / "exact.h5"
        covariance.write(self.truth, exact, {})
        self.maps = {}
        for name, dataset in self.campaign.datasets.items():
            normals = rng.standard_normal((dataset.n_maps, 384))
            if name == "gaussian-10":
                maps = normals * np.sqrt(np.diagonal(truth).mean())
            elif name == "unlinked":
                maps = normals * np.sqrt(np.diagonal(truth))
            else:
                maps = normals @ root * (2 if name == "louder" else 1)
            self.maps[name] = maps.astype(np.float32)

    def write(self):
        """Files of all maps, and covariances of those that recommend.py reads."""
        files = {}
        for name, maps in self.maps.items():
            files[name] = self.folder / f"{name}-maps.h5"
            content = store.MapSet(maps.reshape(-1, 2, 192), "QU", name)
            store.write_maps(files[name], content)
            if name in ("input-10", "true"):
                found = covariance.Covariance(*covariance.estimate([maps]), "QU", 4, name)
                covariance.write(self.folder / f"{name}.h5", found, {})
        return files

    def run(self, program, *options):
        options = ["--config", self.folder / "campaign.yaml", *options]
        program.main(program.get_parser().parse_args(list(map(str, options))))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return Planted(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def compared(planted):
    return compare(planted.campaign, planted.truth, planted.maps.get)


def entries(compared, dataset):
    return {entry["name"]: entry for entry in compared[0] if entry["dataset"] == dataset}


def test_true_maps_beat_every_baseline(compared):
    found = entries(compared, "true")
    failed = {name for name, entry in found.items() if entry["passed"] is False}
    # the shrunk one has the total variance of ten inputs, which is known to about a tenth
    assert failed <= {"recommended:variance_error"}
    for name in HEADLINES:
        assert found[name]["value"] == pytest.approx(found[name]["true_draws"], rel=0.35)


def test_true_maps_are_worth_their_number(compared):
    found = entries(compared, "true")
    for name in HEADLINES:
        assert found[f"equivalent:{name}"]["value"] == pytest.approx(N_EMULATED, rel=0.3)


def test_planted_faults_fail(compared):
    louder, unlinked = entries(compared, "louder"), entries(compared, "unlinked")
    assert louder["equivalent:variance_error"]["passed"] is False
    assert louder["variance_error"]["passed"] is False
    assert louder["equivalent:correlation_error"]["passed"] is True  # it does not see the scale
    assert unlinked["kl"]["value"] > 5 * entries(compared, "true")["kl"]["value"]
    assert unlinked["correlation_match"]["value"] < 0.1
    assert unlinked["equivalent:variance_error"]["passed"] is True


def test_inputs_lean_on_a_good_emulation_and_less_on_a_bad_one(compared):
    intensity = {
        name: entries(compared, name)["recommended:intensity"]["value"]
        for name in ("true", "unlinked")
    }
    assert intensity["true"] > 0.9
    assert intensity["unlinked"] < intensity["true"]


def test_the_raw_covariance_of_few_inputs_is_infinitely_far(compared):
    found = entries(compared, "input-10")
    assert found["kl"]["value"] is None
    assert found["kl"]["source"] == parts.INFINITE
    assert {"kl:ledoit-wolf", "kl:oas", "kl:diagonal", "kl:isotropic"} <= found.keys()


def test_the_programs_write_part_figures_and_recommended_covariance(planted, compared):
    files = planted.write()
    part, folder = planted.folder / "compare.json", planted.folder
    maps = [f"{name}={file}" for name, file in files.items()]
    planted.run(compare_script, "--truth", planted.truth, "--maps", *maps, "--output", part)
    assert parts.read(part)["metrics"] == compared[0]
    for name in ("equivalent", "baselines"):
        planted.run(plot_part, "--figure", name, "--output", folder / f"{name}.png", part)
        assert report.read_picture(folder / f"{name}.png").caption
    covariances = (folder / "input-10.h5", folder / "true.h5")
    planted.run(
        recommend_script,
        *("--dataset", "true", "--inputs", files["input-10"], "--emulated", files["true"]),
        *("--covariances", *covariances, "--output", folder / "recommended.h5"),
    )
    found = covariance.read(folder / "recommended.h5")
    about = store.read_attributes(folder / "recommended.h5", covariance.KIND)["provenance"]
    sample, target = (covariance.read(path).covariance for path in covariances)
    expected = (1 - about["intensity"]) * sample + about["intensity"] * about["scale"] * target
    np.testing.assert_allclose(found.covariance, expected, atol=1e-12 * expected.max())
    assert about["intensity"] == entries(compared, "true")["recommended:intensity"]["value"]
