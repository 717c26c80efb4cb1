"""What a campaign of the user's own maps looks like, by their number and kind."""

import dataclasses
from argparse import Namespace
from pathlib import Path

import healpy
import numpy as np
import pytest
import yaml

import augment as command
from fewtomany import config
from fewtomany.errors import UserError
from fewtomany.jobs import augment
from fewtomany.maps.ingest import Source
from fewtomany.maps.ingest.examine import Contents

DEFAULTS = yaml.safe_load((Path(__file__).parents[2] / "config" / "augment.yaml").read_text())
COLUMNS = {"T": "TEMPERATURE", "Q": "Q_POLARISATION", "U": "U_POLARISATION"}


def planned(
    n_inputs=20, n_maps=200, kind=("QU", 16, "ecliptic"), memory_mb=4000, seen=None, **more
):
    stokes, nside, frame = kind
    found = Contents(stokes, n_inputs, nside, frame, seen=seen)
    content = augment.plan(DEFAULTS, "mine", ["maps/*.fits"], found, n_maps, memory_mb, **more)
    return config.parse(content)


@pytest.mark.parametrize("stokes", ["T", "QU", "TQU"])
def test_the_kind_of_the_maps_is_that_of_the_files(tmp_path, stokes):
    for number in range(4):
        healpy.write_map(
            tmp_path / f"{number}.fits",
            np.random.default_rng(number).standard_normal((len(stokes), 192)),
            coord="E",
            column_names=[COLUMNS[letter] for letter in stokes],
            column_units="K_CMB",
            extra_header=[("POLCCONV", "COSMO")],
        )
    assert augment.kind_of([f"{tmp_path}/*.fits"]) == Contents(stokes, 4, 4, "ecliptic")
    if stokes != "QU":
        assert augment.kind_of([f"{tmp_path}/*.fits"], "T").stokes == "T"


@pytest.fixture
def array(tmp_path):
    """A NumPy file of five maps, of which it says nothing."""
    maps = np.random.default_rng(1).standard_normal((5, 2, 768))
    np.save(tmp_path / "maps.npy", maps)
    return str(tmp_path / "maps.npy")


def test_kind_of_an_array(array):
    said = Source((), convention="COSMO")
    found = augment.kind_of([array], said=said)
    assert (found.stokes, found.n_maps, found.nside, found.frame) == ("QU", 5, 8, "galactic")
    assert found.notes == ("arrays say nothing of themselves: taken as K, RING, galactic",)
    said = Source((), "uK", "RING", "IAU", "ecliptic")
    assert augment.kind_of([array], said=said, axis="ecliptic") == Contents("QU", 5, 8, "ecliptic")


def test_what_is_said_of_the_files_is_in_the_campaign():
    said = Source((), unit="uK", convention="IAU", frame="ecliptic", ordering="NEST")
    (source,) = planned(said=said).find("maps").sources.values()
    assert source == dataclasses.replace(said, files=("maps/*.fits",))
    assert planned().find("maps").sources[""] == Source(("maps/*.fits",))


def test_cheap_maps_of_the_same_scan_are_a_surrogate():
    said = Source((), unit="uK")
    campaign = planned(said=said, surrogate=["cheap/*.fits"])
    assert campaign.surrogate.source == Source(("cheap/*.fits",), unit="uK")
    assert planned().surrogate is None


def test_a_surrogate_is_not_judged_by_its_own_maps(array, tmp_path):
    (tmp_path / "cheap").mkdir()
    (tmp_path / "cheap" / "1.npy").symlink_to(array)
    with pytest.raises(UserError, match=r"SURROGATE: .*1\.npy is one of MAPS; expected other maps"):
        augment.check_apart([array], [f"{tmp_path}/cheap/*.npy"])


@pytest.mark.parametrize(
    ("said", "axis", "message"),
    [
        ({}, "none", r"CONVENTION: missing, and .*maps\.npy does not say it; expected COSMO, IAU"),
        (
            {"convention": "COSMO"},
            "equatorial",
            r"FRAME: missing, and .*maps\.npy does not say it; expected galactic, ecliptic, equa",
        ),
    ],
)
def test_what_is_not_said_is_asked_for(array, said, axis, message):
    with pytest.raises(UserError, match=message):
        augment.kind_of([array], said=Source((), **said), axis=axis)


def test_a_coarser_surrogate_is_refused_before_any_work(array, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("cheap.npy", np.load(array)[..., :192])
    options = ["--convention", "COSMO", array, "--surrogate", "cheap.npy"]
    with pytest.raises(UserError, match="SURROGATE: nside is 4; expected at least 8"):
        command.main(command.get_parser().parse_args(options))


def test_a_surrogate_without_some_pixels_is_refused_before_any_work(array, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cheap = np.load(array) + 1
    cheap[..., :100] = 0
    np.save("cheap.npy", cheap)
    options = ["--convention", "COSMO", array, "--surrogate", "cheap.npy"]
    message = "SURROGATE: lacks 100 of the 768 pixels of MAPS; expected all of them"
    with pytest.raises(UserError, match=message):
        command.main(command.get_parser().parse_args(options))


def test_the_command_takes_what_the_files_do_not_say(array, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command.subprocess, "run", lambda *_, **__: Namespace(returncode=0))
    options = ["--unit", "uK", "--convention", "COSMO", "--name", "mine", "--dry-run", array]
    cheap = str(tmp_path / "cheap.npy")
    np.save(cheap, np.load(array) + 1)
    command.main(command.get_parser().parse_args([*options, "--surrogate", cheap]))
    content = yaml.safe_load(Path("results/mine/augment.yaml").read_text())
    assert content["surrogate"]["files"] == [cheap]
    assert content["inputs"]["maps"] == {
        "files": [array],
        "n_maps": 5,
        "unit": "uK",
        "polarization_convention": "COSMO",
    }
    with pytest.raises(UserError, match="unit 'mJy' is not allowed; expected K, mK, uK"):
        command.main(command.get_parser().parse_args(["--unit", "mJy", array]))


def test_batches_start_from_noise_where_nothing_better_is_known():
    """About an axis, with a surrogate and at high resolution from draws of the best covariance."""
    campaign = planned()
    assert campaign.datasets["emulated"].strategy == "drawn-target"
    emulator = campaign.emulator
    assert (emulator.start, emulator.n_steps) == ("white", 250)
    for other in (
        planned(kind=("QU", 16, "galactic"), axis="equatorial"),
        planned(surrogate=("cheap.npy",)),
        planned(kind=("QU", 64, "galactic")),
    ):
        assert (other.emulator.start, other.emulator.n_steps) == ("turned", 15)


def test_about_an_axis_of_a_part_of_the_sky_they_start_from_noise(tmp_path):
    kind, mask = ("QU", 16, "galactic"), tmp_path / "mask.fits"
    healpy.write_map(mask, np.arange(3072) > 9, dtype=bool)
    for other in (
        planned(kind=kind, axis="equatorial", mask=str(mask)),
        planned(kind=kind, axis="equatorial", seen=np.arange(3072) > 9),
    ):
        assert other.symmetry.axis == "equatorial"
        assert (other.emulator.start, other.emulator.n_steps) == ("white", 250)
    weights = planned(kind=kind, axis="equatorial", mask=str(mask), seen=np.ones(3072, bool))
    assert weights.emulator.start == "turned"  # a mask that leaves nothing out


def test_maps_are_turned_about_an_axis_only_where_one_is_named():
    assert planned().symmetry.axis == "none"
    campaign = planned(kind=("QU", 16, "galactic"), axis="equatorial")
    assert (campaign.symmetry.axis, campaign.maps.frame) == ("equatorial", "equatorial")


def test_the_plan_is_a_campaign_without_a_truth_that_is_cross_validated():
    campaign = planned(20)
    assert (campaign.truth, campaign.simulation, campaign.source) == (None, None, "maps")
    assert campaign.trust.datasets == ("emulated",)
    assert (campaign.maps.nside, campaign.maps.frame) == (16, "ecliptic")
    assert len(campaign.folds_of("emulated")) == 5
    assert planned(4).trust.datasets == ()
    assert len(planned(5).folds_of("emulated")) == 5


def test_small_maps_have_fewer_scales_and_modes():
    campaign = planned(kind=("T", 2, "galactic"), n_maps=20)
    assert campaign.emulator.n_scales == 1
    assert campaign.validation.n_modes == 10


def test_fewer_maps_descend_together_where_memory_is_small():
    large = ("TQU", 64, "galactic")
    assert planned(kind=large, memory_mb=64000).emulator.batch_size == 10
    assert planned(kind=large, memory_mb=3000).emulator.batch_size < 10
    with pytest.raises(UserError, match=r"NSIDE: 64 needs \d+ MB a job, 100 MB are free"):
        planned(kind=large, memory_mb=100)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_maps": 5}, "N_MAPS: 5 is not allowed; expected at least 10"),
        ({"nside": 256}, "NSIDE: 256 is not allowed; expected at most 128"),
        ({"nside": 32}, "NSIDE: 32 is not allowed; expected at most 16, of the maps"),
    ],
)
def test_what_cannot_be_done_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        planned(**changes)
