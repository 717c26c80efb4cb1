"""Diversity: copies of the inputs and of each other are found, true maps pass."""

import numpy as np
import pytest

import diversity as diversity_script
import plot
from fewtomany import config
from fewtomany.emulator import device
from fewtomany.figures import report
from fewtomany.files import store
from fewtomany.spectra import spectra
from fewtomany.validation import diversity, parts
from fewtomany.validation.measure import scattering

N_INPUTS, N_EMULATED = 10, 100
WAVELETS = {"n_scales": 2, "n_orientations": 4, "kernel_size": 3}
SCATTERING = ("S1", "S2", "S2 pair", "S3", "S4", "fine-scale S1 to S4", "coarse-scale S1 to S4")
CONTENT = {
    "campaign": "diverse",
    "seed": 1,
    "maps": {"nside": 4},
    "simulation": {"n_maps": 60, "nside": 4},
    "reference": {"n_maps": 1000},
    "inputs": {"input-10": {"n_maps": N_INPUTS}},
    "emulated": {
        name: {"input": "input-10", "strategy": "average-target", "n_maps": N_EMULATED}
        for name in ("true", "copies", "pairs", "louder")
    },
    "emulator": {"n_scales": 2},
    "validation": {"n_modes": 20, "chi2_maps": 30},
}


@pytest.fixture(scope="module")
def campaign():
    return config.parse(CONTENT)


@pytest.fixture(scope="module")
def maps():
    """White maps; noisy copies of the inputs; pairs of equal maps; a planted variance."""
    rng = np.random.default_rng(1)
    sizes = {"reference": 1000, "input-10": N_INPUTS, "true": N_EMULATED}
    found = {name: rng.standard_normal((size, 384)) for name, size in sizes.items()}
    noise = 0.1 * rng.standard_normal((N_EMULATED, 384))
    found["copies"] = np.tile(found["input-10"], (10, 1)) + noise
    found["pairs"] = np.repeat(rng.standard_normal((N_EMULATED // 2, 384)), 2, axis=0)
    found["louder"] = 1.2 * rng.standard_normal((N_EMULATED, 384))
    return {name: (values * 1e-9).astype(np.float32) for name, values in found.items()}


@pytest.fixture(scope="module")
def measured(maps):
    """EE spectra and scattering coefficients of every map, by family."""
    device.configure()  # before TensorFlow's first use, as the programs do

    def of(values):
        values = values.reshape(-1, 2, 192)
        found = {"EE spectra": spectra.measure(values, "QU")[:, 0, 2:]}
        return found | diversity.scattering_families(
            *scattering.coefficients(values, "QU", **WAVELETS)
        )

    return {name: of(values) for name, values in maps.items()}


@pytest.fixture(scope="module")
def judged(campaign, maps, measured):
    return diversity.judge_diversity(
        campaign,
        maps.get,
        measured.get,
        lambda name: np.arange(N_EMULATED) // 10,
    )


def entries(judged, dataset):
    found = [entry for entry in judged[0] if entry["dataset"] == dataset]
    return {entry["name"].removeprefix("diversity:"): entry for entry in found}


def test_true_maps_pass(judged):
    found = entries(judged, "true")
    assert all(entry["passed"] is not False for entry in found.values())
    assert sum(entry["passed"] is True for entry in found.values()) == 11
    assert {f"total:{family}" for family in SCATTERING} < set(found)
    for family in SCATTERING:  # ten independent maps to a batch
        assert found[f"within:{family}"]["value"] == pytest.approx(1, abs=0.1)
        assert found[f"between:{family}"]["value"] == pytest.approx(0.1, rel=0.5)
        assert found[f"between:{family}"]["true_draws"] == pytest.approx(0.1, rel=0.5)


def test_copies_of_the_inputs_fail(judged):
    found = entries(judged, "copies")
    assert found["nearest_input"]["value"] > 0.99
    for name in ("nearest_input", "nearest_other", "effective_maps"):
        assert found[name]["passed"] is False, name
    assert found["effective_maps"]["value"] < 12


def test_copies_of_each_other_fail(judged):
    found = entries(judged, "pairs")
    assert found["nearest_input"]["passed"]
    assert found["nearest_other"]["value"] == pytest.approx(1)
    assert found["nearest_other"]["passed"] is False
    assert found["effective_maps"]["passed"] is False


def test_a_planted_variance_change_fails(judged):
    found = entries(judged, "louder")
    assert found["total:EE spectra"]["passed"] is False
    assert found["total:EE spectra"]["value"] == pytest.approx(1.2**4, rel=0.2)
    assert found["total:S2"]["passed"] is False
    assert found["total:S2"]["value"] == pytest.approx(1.2**4, rel=0.2)
    assert found["total:S4"]["value"] == pytest.approx(
        1, abs=0.2
    )  # normalized: free of the amplitude


@pytest.mark.parametrize("family", SCATTERING)
def test_a_planted_variance_of_the_coefficients_fails(campaign, maps, measured, family):
    """The coefficients of true maps, spread about their mean by 1.2 in one family."""
    planted = dict(measured["true"])
    centre = planted[family].mean(axis=0)
    planted[family] = centre + 1.2 * (planted[family] - centre)
    found = diversity.judge_diversity(
        campaign,
        maps.get,
        lambda name: planted if name == "true" else measured[name],
        lambda name: np.arange(N_EMULATED) // 10,
    )
    judged = entries(found, "true")
    failed = {name for name, entry in judged.items() if entry["passed"] is False}
    assert failed == {f"total:{family}"}
    assert judged[f"within:{family}"]["value"] == pytest.approx(1.44, rel=0.1)


def test_coefficients_are_grouped_by_statistic_and_scale():
    labels = ["S1|Q|0|0", "S3'|QU|1|0", "S4|Q|2|1", "S2|U|3|0", "S2|QU|1|0"]
    found = diversity.scattering_families(np.arange(10).reshape(2, 5), labels)
    columns = {name: values[0].tolist() for name, values in found.items()}
    expected = dict(zip(SCATTERING, ([0], [3], [4], [1], [2], [0, 1, 4], [2, 3]), strict=True))
    assert columns == expected


def test_variance_of_independent_and_of_pinned_batches():
    rng = np.random.default_rng(2)
    batch = np.repeat(np.arange(400), 5)
    values = rng.standard_normal((2000, 3))
    within, between = diversity.batch_variance(values, batch)
    np.testing.assert_allclose(within, 1, rtol=0.1)
    np.testing.assert_allclose(between, 1 / 5, rtol=0.2)
    means = values.reshape(400, 5, 3).mean(axis=1)
    pinned = values - np.repeat(means, 5, axis=0)
    within, between = diversity.batch_variance(pinned, batch)
    np.testing.assert_allclose(between, 0, atol=1e-12)
    np.testing.assert_allclose(within, 1, rtol=0.1)


def test_variance_needs_no_equal_batches():
    values = np.random.default_rng(3).standard_normal((30, 2))
    batch = np.array([0] * 10 + [1] * 15 + [2] * 5)
    within, between = diversity.batch_variance(values, batch)
    parts_of = [values[batch == k] for k in range(3)]
    sums = sum(((part - part.mean(axis=0)) ** 2).sum(axis=0) for part in parts_of)
    np.testing.assert_allclose(within, sums / 27)
    np.testing.assert_allclose(between, np.var([p.mean(axis=0) for p in parts_of], axis=0, ddof=1))


def test_effective_number_of_white_maps():
    """N maps of n white pixels: 1 / (1/N + 1/n)."""
    maps = np.random.default_rng(4).standard_normal((200, 800))
    assert diversity.effective_maps(maps) == pytest.approx(160, rel=0.03)


def test_nearest_neighbours_of_known_maps():
    maps = np.array([[1.0, 0, 0], [1, 1, 0], [0, 0, 2]])
    np.testing.assert_allclose(diversity.nearest(maps), [0.5**0.5, 0.5**0.5, 0], atol=1e-12)
    np.testing.assert_allclose(diversity.nearest(maps, np.array([[0, 3.0, 0]])), [0, 0.5**0.5, 0])


def test_the_program_writes_part_and_figure(campaign, maps, tmp_path):
    config.save(campaign, tmp_path / "campaign.yaml")
    files, measured = [], []
    for name, values in maps.items():
        content = store.MapSet(values.reshape(-1, 2, 192), "QU", name)
        path, cl = tmp_path / f"{name}.h5", tmp_path / f"{name}-cl.h5"
        store.write_maps(path, content)
        spectra.write(cl, spectra.measure(content.maps, "QU"), content, {})
        files.append(f"{name}={path}")
        measured.append(f"{name}={cl}")
    common = ["--config", tmp_path / "campaign.yaml"]
    options = [*common, "--maps", *files, "--spectra", *measured, "--output", tmp_path / "d.json"]
    diversity_script.main(diversity_script.get_parser().parse_args(list(map(str, options))))
    assert {"EE spectra", "BB spectra", "EB spectra", *SCATTERING} == {
        entry["name"].split(":")[2]
        for entry in parts.read(tmp_path / "d.json")["metrics"]
        if entry["name"].startswith("diversity:total")
    }
    options = [
        *common,
        "--figure",
        "diversity",
        "--output",
        tmp_path / "d.png",
        "--parts",
        f"diversity={tmp_path / 'd.json'}",
    ]
    plot.main(plot.get_parser().parse_args(list(map(str, options))))
    assert "copies (100 maps, 10 inputs)" in report.read_picture(tmp_path / "d.png").caption
