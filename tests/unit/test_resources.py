import copy
from pathlib import Path

import pytest
import yaml

from fewtomany import config, covariance
from fewtomany.config import versions
from fewtomany.jobs import resources
from fewtomany.scattering import gram

CONFIG = Path(__file__).parents[2] / "config"


def paper(**sections):
    content = yaml.safe_load((CONFIG / "paper.yaml").read_text())
    content = copy.deepcopy(content)
    for name, values in sections.items():
        content.setdefault(name, {}).update(values)
    return resources.needs(config.parse(content))


def test_every_stage_has_a_need():
    assert paper().keys() == versions.RULES


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_needs_are_whole_numbers_that_a_node_has(name):
    needs = resources.needs(config.load(CONFIG / f"{name}.yaml"))
    del needs["simulate_maps_directly"]  # not the engine of these campaigns
    for stage, need in needs.items():
        assert isinstance(need.mem_mb, int), stage
        assert isinstance(need.runtime, int), stage
        assert 500 <= need.mem_mb <= 16000, stage
        assert 10 <= need.runtime <= 24 * 60, stage


def test_memory_of_covariances_grows_as_their_size():
    small, large = paper(maps={"nside": 8}, emulator={"n_scales": 3}), paper()
    ratio = (large["factor"].mem_mb - 1200) / (small["factor"].mem_mb - 1200)
    assert ratio == pytest.approx(16, rel=0.05)


def test_a_covariance_too_large_to_be_dense_asks_for_its_modes():
    assert (resources.DENSE_LIMIT, resources.KEPT_MODES) == (
        covariance.product.DENSE_LIMIT,
        covariance.product.KEPT_MODES,
    )
    assert paper(maps={"nside": 64})["covariance"].mem_mb < 8000


def test_a_descent_in_blocks_asks_for_less():
    assert resources.LARGEST_WHOLE == gram.LARGEST_WHOLE
    campaigns = [config.load(CONFIG / f"high-{nside}.yaml") for nside in (64, 128)]
    for campaign in campaigns:
        need = resources.descent_bytes(campaign)
        assert need == 6 / 8 * resources.descent_bytes(campaign, on_gpu=True)


@pytest.mark.parametrize(
    ("nside", "kernel_size", "measured_mb"),
    [(32, 5, 1187), (64, 3, 1473), (64, 5, 2889), (128, 3, 3886)],
)
def test_a_small_batch_has_room_to_make_its_tables(nside, kernel_size, measured_mb):
    """Of a process with a batch of two maps, whose descent itself takes next to nothing."""
    emulator = {"batch_size": 2, "kernel_size": kernel_size}
    needed = paper(maps={"nside": nside}, emulator=emulator)["emulate"].mem_mb
    assert measured_mb < needed - 500 < 2.5 * measured_mb


@pytest.mark.parametrize(("nside", "measured_mb"), [(64, 3963)])
def test_learning_without_an_axis_asks_for_what_it_took(nside, measured_mb):
    needed = resources.needs(config.load(CONFIG / f"high-{nside}.yaml"))["learn_symmetry"]
    assert measured_mb < needed.mem_mb < 4 * measured_mb


def test_a_campaign_without_a_simulation_has_no_needs_of_one():
    content = yaml.safe_load((CONFIG / "paper.yaml").read_text())
    del content["simulation"], content["reference"]
    for entry in content["inputs"].values():
        entry["files"] = "some/*.fits"
    needed = resources.needs(config.parse(content))
    assert needed.keys() < versions.RULES
    assert not {"simulate_response", "exact_covariance"} & needed.keys()


def test_time_of_emulation_grows_with_steps_and_batches():
    once = paper()["emulate"].runtime
    assert paper(emulator={"n_steps": 2000})["emulate"].runtime > 1.5 * once
    assert paper(sharding={"batches_per_shard": 40})["emulate"].runtime > 1.5 * once


@pytest.mark.parametrize(
    ("nside", "coarse", "regions", "limit"), [(256, 64, 1, 6), (512, 64, 2, 12)]
)
def test_memory_of_two_scales_is_that_of_a_region(nside, coarse, regions, limit):
    refinement = {"coarse": coarse, "regions": regions}
    campaign = config.parse(
        {
            "campaign": "fine",
            "seed": 1,
            "maps": {"nside": nside},
            "inputs": {"mine": {"files": "none.npy", "n_maps": 10}},
            "emulated": {"many": {"input": "mine", "strategy": "average-target", "n_maps": 1000}},
            "emulator": {"start": "isotropic", "refinement": refinement},
            "trust": {"datasets": []},
        }
    )
    assert resources.region_pixels(campaign) < 12 * nside**2 / 6
    assert resources.needs(campaign)["emulate"].mem_mb < 1000 * limit


def test_every_attempt_asks_for_more():
    campaign = config.load(CONFIG / "paper.yaml")
    need = resources.needs(campaign)["emulate"]
    memory, runtime = resources.demands(campaign)
    assert memory("emulate")(None, attempt=1) == need.mem_mb
    assert memory("emulate")(None, attempt=3) == 3 * need.mem_mb
    assert runtime("emulate")(None, attempt=2) == 2 * need.runtime


class Resources(dict):
    __getattr__ = dict.__getitem__


def test_ranks_and_device_follow_from_the_resources_of_a_job():
    alone = Resources(mem_mb=1000)
    assert resources.launcher(None, alone) == ""
    assert resources.ranks(None, alone) == "--ranks 1"
    assert resources.device(None, alone) == "--device cpu"
    shared = Resources(mpi="srun --mpi=pmi2", tasks=4, gpu=1)
    assert resources.launcher(None, shared) == "srun --mpi=pmi2 -n 4"
    assert resources.ranks(None, shared) == "--ranks 4"
    assert resources.device(None, shared) == "--device gpu"
    assert resources.device(None, Resources(gres="gpu:a100:2")) == "--device gpu"
    assert resources.device(None, Resources(gpu=0)) == "--device cpu"
    assert resources.at_once(None, alone) == ""
    assert resources.at_once(None, Resources(at_once=8)) == "--at-once 8"
