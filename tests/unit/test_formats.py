"""Maps as missions and pipelines write them: right values, or one line that says what is wrong."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from cases import CASES
from cases.writing import N_PIX, NSIDE, healpix

from fewtomany.errors import UserError
from fewtomany.jobs import augment
from fewtomany.maps import ingest
from fewtomany.maps.ingest import Source, files, words


def take(folder, maps, says):
    """What `make augment` imports of files, and what it says before."""
    said = dict(says)
    stokes, mask = said.pop("STOKES", None), said.pop("MASK", None)
    mask = mask and f"{folder}/{mask}"
    source = Source((), **{key.lower(): value for key, value in said.items()})
    patterns = ingest.patterns([f"{folder}/{maps}"])
    found = augment.kind_of(patterns, stokes, source, mask=mask)
    facts = {"unit": source.unit, "ordering": source.ordering, "convention": source.convention}
    facts |= {"source_frame": source.frame, "mask": mask}
    return ingest.load(patterns, found.stokes, found.nside, found.frame, **facts), found.notes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case(case, tmp_path):
    wrote = case.write(tmp_path)
    if case.refused:
        with pytest.raises(UserError, match=case.refused) as caught:
            take(tmp_path, case.maps, case.says)
        assert "\n" not in str(caught.value)
        return
    found, notes = take(tmp_path, case.maps, case.says)
    told = " | ".join(notes)
    assert re.search(case.told, told), told
    assert bool(case.told) == bool(notes), told
    assert (found.stokes, found.frame, found.nside) == (wrote.stokes, wrote.frame, NSIDE)
    np.testing.assert_array_equal(found.sky.indices, np.flatnonzero(wrote.seen))
    wanted = wrote.maps[..., wrote.seen]
    tolerance = 1e-6 if found.maps.dtype == np.float32 else 1e-12
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found.maps, wanted, rtol=tolerance, atol=tolerance * scale)


UNITS = {
    "K": "K K_CMB Kcmb K_cmb KCMB Kelvin kelvins K_thermo K(CMB) K_{CMB} Kthermo",
    "mK": "mK mK_CMB mKcmb mK,thermodynamic",
    "uK": "uK uK_CMB uKcmb uKCMB muK muK_CMB µK μK uK_thermo uK,thermodynamic microK uk UK",
    "nK": "nK nK_CMB nanokelvin",
}


@pytest.mark.parametrize("unit", UNITS)
def test_words_for_units(unit):
    for word in [*UNITS[unit].split(), f"1.0 {unit}", f"{unit} (CMB)", f"'{unit} CMB'"]:
        assert words.unit_of(word) == unit, word


def test_words_that_are_no_unit_of_ours():
    for word in ("K_RJ", "uK_RJ", "Krj", "K (Tb)", "MJy/sr", "K^2", "K2", "MK", "counts"):
        assert words.unit_of(word) == word
    for word in ("", " ", None, "unknown", "UNKNOWN", "none"):
        assert words.unit_of(word) is None
    none = ("MJy/sr", "Jy/sr", "K^2", "K2", "(mK_CMB)^2", "counts")
    assert all(words.cannot_be_temperature(word) for word in none)
    assert not any(words.cannot_be_temperature(word) for word in ("K_RJ", "uK_RJ", "Tant"))


def test_words_for_frames():
    for name, some in {
        "galactic": "G g GAL GALACTIC Galactic",
        "ecliptic": "E ECL ECLIPTIC ecliptic2000",
        "equatorial": "C Q CEL CELESTIAL EQUATORIAL EQ EQU ICRS icrs FK5 J2000 RADEC C2000",
    }.items():
        assert {words.frame_of(word) for word in some.split()} == {name}
    assert words.frame_of("UNKNOWN") is None
    assert words.frame_of("L") == "L"


def channel(folder, name, form, numbers, scale):
    rng = {k: np.random.default_rng(k) for k in numbers}
    for k in numbers:
        healpix(
            folder / f"{name}_{form.format(k)}.fits", scale * rng[k].standard_normal((2, N_PIX))
        )
    return [f"{folder}/{name}_*.fits"]


def test_channels_are_paired_by_the_numbers_in_the_names(tmp_path):
    numbers = range(1, 13)
    channels = {
        "090": channel(tmp_path, "090", "sim_{}", numbers, 1),
        "150": channel(tmp_path, "150", "sim_{:03}_of_12", numbers, 2),
    }
    found = ingest.load(channels, "QU", NSIDE).maps
    np.testing.assert_allclose(found[:, 2:], 2 * found[:, :2])
    (tmp_path / "150_sim_007_of_12.fits").unlink()
    for n_maps in (None, 11):
        message = r"channel 150: has no realization 7; 090 has it in .*090_sim_7\.fits; expected"
        with pytest.raises(UserError, match=message):
            ingest.load(channels, "QU", NSIDE, n_maps=n_maps)
    assert len(ingest.load(channels, "QU", NSIDE, n_maps=6)) == 6


def test_channels_that_cannot_be_paired_are_refused(tmp_path):
    channels = {"a": channel(tmp_path, "a", "{}", range(4), 1)}
    for k, season in enumerate(("spring", "summer", "autumn", "winter")):
        healpix(tmp_path / f"b_{season}.fits", np.random.default_rng(k).standard_normal((2, N_PIX)))
    channels["b"] = [f"{tmp_path}/b_*.fits"]
    with pytest.raises(UserError, match="the names of channel b have no number that tells"):
        ingest.load(channels, "QU", NSIDE)


def test_paths_of_a_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("my maps/a 1.fits", "b/1.fits", "c/1.fits"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert ingest.patterns([f"{tmp_path}/my maps/*.fits"]) == [f"{tmp_path}/my maps/*.fits"]
    assert ingest.patterns(["~/b/*.fits ~/c/*.fits"]) == ["~/b/*.fits", "~/c/*.fits"]
    assert ingest.patterns(["'~/my maps/*.fits' ~/b/1.fits"])[0] == "~/my maps/*.fits"
    assert ingest.find("~/my maps/*.fits") == [f"{tmp_path}/my maps/a 1.fits"]
    with pytest.raises(UserError, match=r"~/b: is a folder; expected files, as ~/b/\*\.fits"):
        ingest.find("~/b")
    with pytest.raises(UserError, match="No closing quotation; expected paths or patterns"):
        ingest.patterns(["'a b c"])


def test_three_maps_are_not_enough(tmp_path):
    for k in range(3):
        healpix(tmp_path / f"{k}.fits", np.random.default_rng(k).standard_normal((2, N_PIX)))
    with pytest.raises(UserError, match="MAPS: 3 maps are not enough; expected at least 4"):
        augment.kind_of([f"{tmp_path}/*.fits"])


def test_every_row_of_the_page_is_a_case():
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and "| test |" not in line]
    names = [re.findall(r"`(\w+)`", row.split("|")[-2]) for row in rows]
    assert len(rows) > 40
    assert all(names)
    assert {name for some in names for name in some} <= {case.name for case in CASES}


def test_every_format_has_a_module_that_reads_it():
    for module in files.SUFFIXES.values():
        found = importlib.import_module(f"fewtomany.maps.ingest.{module}")
        assert callable(found.tables), module
        assert callable(found.read), module
