"""One sky for all of the user's maps, and what is refused where too little of it is left."""

import healpy
import numpy as np
import pytest
import yaml

import import_maps
import survey
from fewtomany import config
from fewtomany.config.products import surveyed
from fewtomany.datasets import observed
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.sky import Sky

N_PIX = 192
FACTS = {"polarization_convention": "COSMO"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Maps of three datasets: of the whole sphere, and without pixels of their own."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    for name, unseen in {"whole": [], "north": range(150, 192), "south": range(20)}.items():
        maps = rng.standard_normal((8, 2, N_PIX))
        maps[..., list(unseen)] = healpy.UNSEEN
        np.save(f"{name}.npy", maps)
    return tmp_path


def content(**changes):
    return {
        "campaign": "mine",
        "seed": 1,
        "maps": {"nside": 4},
        "inputs": {name: {"files": f"{name}.npy", **FACTS} for name in ("north", "south")},
        "reference": {"files": "whole.npy", **FACTS},
        "emulated": {"many": {"input": "north", "strategy": "average-target", "n_maps": 20}},
        "emulator": {"n_scales": 2},
        "validation": {"n_modes": 6, "chi2_maps": 8},
    } | changes


def run(program, made, *words):
    with open("campaign.yaml", "w") as file:
        yaml.safe_dump(made, file)
    program.main(program.get_parser().parse_args(["--config", "campaign.yaml", *words]))


def imported(name, *words):
    words = ("--start", "0", "--stop", "8", "--output", f"{name}.h5", *words)
    run(import_maps, content(), "--dataset", name, *words)
    return store.read_maps(f"{name}.h5")


def test_all_maps_are_imported_on_the_pixels_that_all_have(folder):
    assert surveyed(config.parse(content())) == ["reference", "north", "south"]
    run(survey, content(), "--output", "sky.h5")
    found = {name: imported(name, "--sky", "sky.h5") for name in ("reference", "north", "south")}
    for name, maps in found.items():
        assert maps.sky == Sky(4, np.arange(20, 150)), name
    whole = np.load("whole.npy")
    np.testing.assert_array_equal(found["reference"].maps, whole[..., 20:150])
    assert imported("north").sky.n_pix == 150


def test_pixels_that_some_map_lacks_are_refused(folder):
    run(survey, content(inputs={"north": content()["inputs"]["north"]}), "--output", "sky.h5")
    with pytest.raises(UserError, match=r"^south: 20 of 150 pixels of nside 4 are not observed in"):
        imported("south", "--sky", "sky.h5")


def test_one_dataset_needs_no_survey(folder):
    one = content(inputs={"north": content()["inputs"]["north"]})
    del one["reference"]
    assert surveyed(config.parse(one)) == []


def test_a_simulation_has_the_users_pixels_or_is_refused(folder):
    mixed = content(
        simulation={"n_maps": 20, "nside": 4},
        reference={"n_maps": 20},
        inputs={"drawn": {"n_maps": 8}, "north": content()["inputs"]["north"]},
    )
    with pytest.raises(UserError, match=r"^maps.mask: leaves 192 pixels .*\(north 150\); expected"):
        run(survey, mixed, "--output", "sky.h5")
    healpy.write_map("mask.fits", (np.arange(N_PIX) < 150).astype(np.float32), dtype=np.float32)
    mixed["maps"]["mask"] = "mask.fits"
    run(survey, mixed, "--output", "sky.h5")
    assert store.read_sky_of("sky.h5").n_pix == 150


def test_maps_without_common_pixels_are_refused():
    skies = {"a": Sky(4, np.arange(50)), "b": Sky(4, np.arange(60, 192))}
    with pytest.raises(UserError, match=r"^no pixel is observed in all maps \(a 50, b 132\)"):
        observed.common(skies)


@pytest.mark.parametrize("left", [3, 4])
def test_modes_are_counted_on_the_observed_pixels(folder, left):
    weights = (np.arange(N_PIX) < left).astype(np.float32)
    healpy.write_map(f"few-{left}.fits", weights, dtype=np.float32)
    campaign = config.parse(content(maps={"nside": 4, "mask": f"few-{left}.fits"}))
    if left == 4:
        observed.check_mask(campaign)
        return
    message = "^validation.n_modes: 6 is not allowed; the observed 3 pixels have 6 values$"
    with pytest.raises(UserError, match=message):
        observed.check_mask(campaign)
