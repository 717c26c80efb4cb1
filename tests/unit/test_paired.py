"""Inputs with cheap realizations of the same numbers: when there are such, and their worth."""

import dataclasses

import numpy as np
import pytest
import yaml

import control as program
import merge_response
import simulate_response
from fewtomany import config
from fewtomany.config import products
from fewtomany.datasets import paired
from fewtomany.files import store
from fewtomany.maps.components import Components
from fewtomany.maps.sky import Sky
from fewtomany.simulation import response
from fewtomany.validation import parts

NSIDE = 4
SKY, QU = Sky(NSIDE), Components("QU")
RANDOM = np.random.default_rng(4)
PAIRS = {"scan": {"sampling_rate_hz": 0.5}, "gains": {"chunk_samples": 2500}}
ORIGINAL = {"draws": "original", "n_maps": 20}
INPUTS = {"input-4": {"n_maps": 6}}


def maps(n_maps):
    return RANDOM.standard_normal((n_maps, 2, SKY.n_pix))


def test_a_proportional_control_leaves_no_error_but_its_own():
    cheap, others = maps(6), maps(400)
    found = paired.measure(3 * cheap, cheap, others, QU, SKY)["maps"]
    np.testing.assert_allclose(found.controlled.beta, 3, rtol=1e-9)
    np.testing.assert_allclose(found.controlled.mean, 3 * others.mean(axis=0), atol=1e-12)
    expected = 3 * others.std(axis=0, ddof=1) / 20
    np.testing.assert_allclose(found.controlled.error, expected)
    # spectra are squares: nine times those of the control
    found = paired.measure(3 * cheap, cheap, others, QU, SKY)["spectra"]
    np.testing.assert_allclose(found.controlled.beta, 9, rtol=1e-6)
    assert found.reduction > 20


def test_an_unrelated_control_does_no_harm_but_for_its_slope():
    """It is worth 1, less what the noise of a slope from twenty pairs costs."""
    found = paired.measure(maps(20), maps(20), maps(300), QU, SKY)
    assert 0.8 < found["maps"].reduction < 1.05
    away = found["maps"].controlled.mean / found["maps"].controlled.error
    assert away.std() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"simulation": {"n_maps": 26}}, "the surrogate and the inputs are not both simulations"),
        ({"surrogate": {"simulation": PAIRS}}, "reference.draws is gaussian"),
        (
            {
                "surrogate": {"simulation": {"gains": {"chunk_samples": 10000}}},
                "simulation": {"n_maps": 26},
            },
            "the number of chunks of the simulation and of the surrogate are 18 and 9",
        ),
        (
            {
                "surrogate": {"simulation": {**PAIRS, "systematics": ["adc"]}},
                "simulation": {"n_maps": 26},
            },
            "systematics of the simulation and of the surrogate are gains and adc",
        ),
        (
            {"surrogate": {"simulation": PAIRS}, "simulation": {"engine": "direct", "n_maps": 26}},
            "direct",
        ),
    ],
)
def test_without_pairs_the_reason_is_said(one_day, changes, reason):
    if "gaussian" not in reason:
        changes = {**changes, "reference": ORIGINAL}
    campaign = one_day(**{**changes, "inputs": INPUTS})
    assert reason in products.unpaired(campaign)
    assert not products.controlled(campaign)


def test_the_program_pairs_what_draws_equal_numbers(one_day_content, tmp_path, monkeypatch):
    """Two simulations of one response: the control knows all, but for the many others."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paired, "N_OTHERS", 200)
    content = one_day_content(
        surrogate={"simulation": {"gains": {"standard_deviation": 2e-4}}},
        reference=ORIGINAL,
        inputs=INPUTS,
        simulation={"n_maps": 26},
    )
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump(content))
    campaign = config.load("campaign.yaml")
    dataset = products.controlled(campaign)[0]

    def run(program, *options):
        program.main(program.get_parser().parse_args(["--config", "campaign.yaml", *options]))

    stop = campaign.simplified.simulation.n_chunks
    run(
        simulate_response,
        *("--surrogate", "--start", "0", "--stop", str(stop), "--output", "part.h5"),
    )
    run(merge_response, "--surrogate", "--output", "response.h5", "part.h5")
    cheap = response.read(campaign.simplified, "response.h5")
    span = (dataset.picked, dataset.picked + dataset.n_maps)
    accurate = 2 * response.realizations(campaign.simplified, cheap, *span)[:, 1:]
    content = store.MapSet(accurate, "QU", dataset.name, frame=campaign.maps.frame)
    store.write_maps("inputs.h5", dataclasses.replace(content, maps=accurate))
    run(
        program,
        *("--dataset", dataset.name, "--response", "response.h5"),
        *("--output", "control.h5", "--part", "part.json", "inputs.h5"),
    )
    entries = {entry["name"]: entry["value"] for entry in parts.read("part.json")["metrics"]}
    assert entries["control:maps"] == pytest.approx(200 / dataset.n_maps, rel=0.6)
    assert set(entries) == {"control:maps", "control:spectra"}
    found = store.read("control.h5", "control")
    seen = found["maps/error"] > 0
    np.testing.assert_allclose(found["maps/slope"][seen], 2, rtol=1e-6)
