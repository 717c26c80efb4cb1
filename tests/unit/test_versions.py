import copy
import json
import re
from pathlib import Path
from typing import Annotated

import pytest
import yaml

from fewtomany import config
from fewtomany.config import schema, versions
from fewtomany.config.sections.emulator import OF_DESCENT

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())

# What no stage's numbers follow from: names, counts and how the work is cut. The counts of
# datasets and files of the user enter by the files that a stage reads; what is said of these
# files belongs to the basis of their import.
FREE = ("campaign", "sharding.", "inputs.", "gaussian.", "emulated.")
OF_FILES = ("files", "unit", "ordering", "polarization_convention", "frame", "channels")
FREE_KEYS = (
    "reference.texture",  # of the dataset, as picked maps are
    "simulation.engine",
    "simulation.n_maps",
    "reference.n_maps",
    *(f"reference.{key}" for key in OF_FILES),
)


def leaves(part, path=""):
    for key, child in part.get("properties", {}).items():
        if child.get("properties"):
            yield from leaves(child, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def test_every_key_that_decides_numbers_belongs_to_a_stage():
    used = {key for stage in versions.STAGES.values() for key in stage.keys}
    for key in leaves(schema.of(config.Configuration)):
        if f"{key}.".startswith(FREE) or key in FREE_KEYS:
            continue
        parents = {key.rsplit(".", depth)[0] for depth in range(key.count(".") + 1)}
        assert parents & used, f"no stage follows from {key}"


def test_every_key_of_a_stage_is_one_of_the_schema():
    whole = schema.of(config.Configuration)
    for stage in versions.STAGES.values():
        for key in stage.keys:
            part = whole
            for name in key.split("."):
                assert name in part["properties"], key
                part = part["properties"][name]


def test_every_rule_is_a_stage_and_every_stage_a_rule():
    text = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    measuring = text.partition("    rule:\n")[2].partition("\n\n\n")[0]  # of a loop
    assert 'basis=[basis(f"measure_{name}") for name in measured_here]' in measuring
    assert set(re.findall(r'(?:memory|runtime)\("(\w+)"\)', measuring)) == {"measure"}
    text = text.replace(measuring, "")
    rules = re.findall(r"^ *rule (\w+):.*?(?=^ *rule |\Z)", text, re.MULTILINE | re.DOTALL)
    bodies = re.split(r"^ *rule \w+:", text, flags=re.MULTILINE)[1:]
    assert {*rules, "measure"} == versions.RULES
    used = {"diversity": {"measure_spectra"}}  # of which it sees no times
    for stage, body in zip(rules, bodies, strict=True):
        found = set(re.findall(r'basis(?:_of_dataset|_of_pass)?\("(\w+)"\)', body))
        assert found - used.get(stage, set()) == {stage}
        assert set(re.findall(r'memory\("(\w+)"\)', body)) == {stage}
        assert set(re.findall(r'runtime\("(\w+)"\)', body)) == {stage}


def changed(**sections):
    content = copy.deepcopy(DEMO)
    for name, values in sections.items():
        content.setdefault(name, {}).update(values)
    return config.parse(content)


@pytest.mark.parametrize("stage", sorted(versions.STAGES))
def test_sharding_and_counts_change_no_basis(stage):
    other = changed(
        sharding={"maps_per_shard": 7, "chunks_per_shard": 5, "batches_per_shard": 3},
        simulation={"n_maps": 3000},
        reference={"n_maps": 3000},
    )
    assert versions.basis(config.parse(DEMO), stage) == versions.basis(other, stage)


def test_the_steps_of_the_descent_belong_to_the_batches_alone():
    other = changed(emulator={"n_steps": 7})
    demo = config.parse(DEMO)
    affected = [s for s in versions.STAGES if versions.basis(demo, s) != versions.basis(other, s)]
    assert affected == ["emulate"]


def test_a_new_option_of_the_emulator_needs_no_entry():
    """Model and batches follow from it; of one that is marked, the batches alone."""

    class Later(config.Emulator):
        twist: bool = False
        patience: Annotated[int, OF_DESCENT] = 3

    keys = set(versions.of_model(Later))
    assert keys - set(versions.of_model()) == {"emulator.twist"}
    every = {f"emulator.{key}" for key in config.Emulator.model_fields}
    assert every <= set(versions.STAGES["emulate"].keys)
    alone = {f"emulator.{key}" for key in ("batch_size", "n_steps", "tolerance", "refinement")}
    assert every - keys == alone  # of refinement the model follows from two keys


def test_the_strategy_of_a_dataset_belongs_to_its_basis():
    content = copy.deepcopy(DEMO)
    content["emulated"]["emulated-20"]["strategy"] = "single-target"
    campaign = config.parse(content)
    assert json.loads(versions.basis(campaign, "emulate", "emulated-20"))["strategy"] == (
        "single-target"
    )
    assert versions.basis(campaign, "emulate", "emulated-10") != versions.basis(
        campaign, "emulate", "emulated-20"
    )


def test_a_new_version_is_another_basis(monkeypatch):
    campaign = config.parse(DEMO)
    before = versions.basis(campaign, "factor")
    monkeypatch.setitem(versions.STAGES, "factor", versions.Stage(99))
    assert versions.basis(campaign, "factor") != before


def test_a_refinement_belongs_to_the_emulation_alone():
    plain = changed(emulator={"start": "isotropic", "stripe_zones": 0, "n_scales": 2})
    assert "refinement" not in versions.basis(plain, "emulate")

    def refined(**more):
        return changed(
            emulator={
                "start": "isotropic",
                "stripe_zones": 0,
                "n_scales": 2,
                "refinement": {"coarse": plain.maps.nside // 2, **more},
            }
        )

    def affected(one, other):
        return [s for s in versions.STAGES if versions.basis(one, s) != versions.basis(other, s)]

    assert affected(plain, refined()) == ["prepare_emulation", "emulate"]
    assert affected(refined(), refined(sweeps=1)) == ["emulate"]


def test_a_later_kind_of_systematic_reruns_only_where_it_is_simulated(monkeypatch):
    monkeypatch.setattr(versions, "_EARLIER", ("gains",))
    simulation = {**DEMO["simulation"], "systematics": ["gains"]}
    few = config.parse({**DEMO, "simulation": simulation})
    simulation = {**simulation, "systematics": ["adc"], "adc": {"draw": "chunk"}}
    other = config.parse({**DEMO, "simulation": simulation})
    assert "simulation.adc" not in json.loads(versions.basis(few, "simulate_maps"))
    assert json.loads(versions.basis(other, "simulate_maps"))["simulation.adc"]["draw"] == "chunk"
