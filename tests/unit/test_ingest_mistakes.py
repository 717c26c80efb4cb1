"""Mistakes in the user's own maps: one line each, with file, what, value and what is allowed."""

import gzip
from pathlib import Path

import healpy
import numpy as np
import pytest
from astropy.io import fits

from fewtomany.errors import UserError
from fewtomany.maps import ingest
from own_files import KNOWN, N_PIX, edit, load, some_maps, write


@pytest.fixture
def paths(tmp_path):
    return write(tmp_path, some_maps())


def _with_value(value):
    def spoil(paths, maps):
        maps[1, 1, 17] = value
        write(paths[0].rpartition("/")[0], maps)

    return spoil


def _rewrite(number, **options):
    def spoil(paths, maps):
        options_ = {"dtype": np.float32, **KNOWN, **options}
        components = options_.pop("maps", maps[number])
        healpy.write_map(paths[number], list(components), overwrite=True, **options_)

    return spoil


def _edit(number, **keywords):
    return lambda paths, maps: edit(paths[number], **keywords)


def _bytes(number, change):
    def spoil(paths, maps):
        with open(paths[number], "rb") as file:
            content = file.read()
        with open(paths[number], "wb") as file:
            file.write(change(content))

    return spoil


def _copy(paths, maps):
    maps[2] = maps[0]
    write(paths[0].rpartition("/")[0], maps)


def _fixed(paths, maps):
    maps[:, 1, 30:34] = 0
    write(paths[0].rpartition("/")[0], maps)


MISTAKES = {
    "mixed nside": (
        _rewrite(1, maps=some_maps(1, nside=8)[0]),
        r"a-1\.fits: nside is 8, but 4 in .*a-0\.fits; expected one nside in all files",
    ),
    "no ordering": (
        _edit(1, ORDERING=None),
        r"a-1\.fits: ORDERING is missing; give ordering \(RING, NESTED\)",
    ),
    "unknown ordering": (_edit(1, ORDERING="SPIRAL"), r"a-1.fits: ORDERING is 'SPIRAL'; expected"),
    "mixed units": (
        _rewrite(1, column_units="K_CMB"),
        r"a-1\.fits: unit is K, but uK in .*a-0\.fits; expected one unit",
    ),
    "unknown unit": (
        _rewrite(1, column_units="MJy/sr"),
        r"a-1\.fits: TUNIT is 'MJy/sr', no temperature; expected K, mK, uK",
    ),
    "units of columns": (
        _rewrite(1, column_units=["uK", "K"]),
        r"a-1\.fits: columns of different units \(.* uK, .* K\); expected one unit",
    ),
    "no unit": (
        _rewrite(1, column_units=None),
        r"a-1\.fits: TUNIT is missing; give unit \(K, mK, uK, nK\)",
    ),
    "no convention": (
        _edit(1, POLCCONV=None),
        r"a-1\.fits: POLCCONV is missing; give polarization_convention \(COSMO, IAU\)",
    ),
    "mixed convention": (_edit(1, POLCCONV="IAU"), r"a-1\.fits: convention is IAU, but COSMO in"),
    "no frame": (
        _edit(1, COORDSYS=None),
        r"a-1\.fits: COORDSYS is missing; give frame \(galactic, ecliptic, equatorial\)",
    ),
    "mixed frames": (
        _rewrite(1, coord="E"),
        r"a-1\.fits: frame is ecliptic, but galactic in .*a-0\.fits; expected one frame",
    ),
    "nan": (
        _with_value(np.nan),
        r"a-1\.fits: 1 pixels are NaN \(the first is RING pixel 17\) and have values in other maps",
    ),
    "inf": (_with_value(np.inf), r"a-1\.fits: 1 values are not finite \(inf at Stokes U"),
    "copies": (_copy, r"a-2\.fits: is a copy of .*a-0\.fits; expected different maps"),
    "fixed pixel": (
        _fixed,
        r"4 pixels of U never vary \(the first is RING pixel 30\); expected different values",
    ),
    "cut off": (_bytes(1, lambda content: content[:6000]), r"a-1\.fits: .*truncated"),
    "cut off at a block": (_bytes(1, lambda content: content[:5760]), r"a-1\.fits: .*truncated"),
    "empty": (_bytes(1, lambda content: b""), r"a-1\.fits: not a readable FITS file"),
    "no fits": (_bytes(1, lambda content: b"x" * 9000), r"a-1\.fits: is no FITS file: it beg"),
    "one column": (
        _rewrite(1, maps=some_maps()[1, :1]),
        r"a-1\.fits: holds T, no Q and U; expected columns for QU",
    ),
    "unnamed columns": (
        _rewrite(1, maps=some_maps(4).reshape(-1, N_PIX)[:5], column_names=list("abcde")),
        r"a-1\.fits: has 5 columns of maps .*; expected columns for QU",
    ),
    "nside no power of 2": (
        _rewrite(1, maps=np.ones((2, 12 * 9))),
        r"a-1\.fits: NSIDE 3 is not allowed; expected a power of 2",
    ),
    "too few values": (_edit(1, NSIDE=8), r"a-1\.fits: columns hold 192 values; expected 768"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_with_its_file(paths, mistake):
    spoil, message = MISTAKES[mistake]
    spoil(paths, some_maps())
    with pytest.raises(UserError, match=message) as caught:
        load(paths)
    assert "\n" not in str(caught.value)


def test_ordering_that_is_missing_is_resolved_by_what_is_given(paths):
    edit(paths[1], ORDERING=None)
    np.testing.assert_allclose(load(paths, ordering="RING").maps, 1e-6 * some_maps(), rtol=1e-6)


def test_orderings_may_be_mixed_where_every_file_says_its_own(paths):
    nested = [healpy.reorder(row, r2n=True) for row in some_maps()[1]]
    healpy.write_map(paths[1], nested, nest=True, dtype=np.float32, overwrite=True, **KNOWN)
    np.testing.assert_allclose(load(paths).maps, 1e-6 * some_maps(), rtol=1e-6)


def test_channels_that_are_copies_are_refused(paths):
    with pytest.raises(UserError, match=r"a-0\.fits: is a copy of .*a-0\.fits"):
        load({"a": paths, "b": paths})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"unit": "K"}, "TUNIT is uK, but unit K is given"),
        ({"ordering": "NEST"}, "ORDERING is RING, but ordering NESTED is given"),
        ({"convention": "IAU"}, "POLCCONV is COSMO, but polarization_convention IAU is given"),
        ({"source_frame": "ecliptic"}, "COORDSYS is galactic, but frame ecliptic is given"),
        ({"unit": "MJy"}, "unit 'MJy' is not allowed; expected K, mK, uK"),
    ],
)
def test_what_contradicts_the_header_is_refused(paths, given, message):
    with pytest.raises(UserError, match=message):
        load(paths, **given)


def test_temperature_needs_no_convention(tmp_path):
    paths = write(tmp_path, some_maps(stokes="T"), extra_header=[])
    assert load(paths, "T").stokes == "T"


def test_unseen_inside_the_mask_is_counted_by_file(tmp_path):
    maps = some_maps()
    maps[2, :, 50:53] = healpy.UNSEEN
    paths = write(tmp_path, maps)
    mask = str(tmp_path / "mask.fits")
    healpy.write_map(mask, np.arange(N_PIX) < 52.0, dtype=float)
    with pytest.raises(UserError, match=r"a-2\.fits: 2 pixels inside the mask .*mask\.fits are UN"):
        load(paths, mask=mask)
    healpy.write_map(mask, np.arange(N_PIX) < 50.0, dtype=float, overwrite=True)
    assert load(paths, mask=mask).sky.n_pix == 50


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(N_PIX), r"mask\.fits: has no weight above 0"),
        (-np.ones(N_PIX), r"mask\.fits: weights must be finite and 0 or more; found -1"),
        (np.full(N_PIX, np.inf), r"mask\.fits: weights must be finite"),
        (np.full(N_PIX, np.nan), r"mask\.fits: has no weight above 0"),
    ],
)
def test_a_mask_that_is_none_is_named(tmp_path, paths, weights, message):
    mask = str(tmp_path / "mask.fits")
    healpy.write_map(mask, weights, dtype=float)
    with pytest.raises(UserError, match=message):
        load(paths, mask=mask)


def test_too_few_maps_are_counted(paths):
    with pytest.raises(UserError, match=r"a-0\.fits: 1 maps found; expected at least 2"):
        load(paths[:1])
    with pytest.raises(UserError, match="3 maps found; expected at least 10"):
        load(paths, n_maps=10)
    assert len(load(paths, n_maps=2)) == 2


def test_patterns_that_match_nothing_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none-\*\.fits: matches no file"):
        load([f"{tmp_path}/none-*.fits"])
    with pytest.raises(UserError, match=r"is a folder; expected files, as .*/\*\.fits"):
        ingest.count([f"{tmp_path}"])
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UserError, match=r"a\.txt: is of no known format; expected \.fits"):
        ingest.count([f"{tmp_path}/*.txt"])


def test_maps_coarser_than_asked_for_are_refused(paths):
    with pytest.raises(UserError, match=r"a-0\.fits: nside is 4; expected at least maps.nside = 8"):
        load(paths, nside=8)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((2, 2, 2, N_PIX)), r"a\.npy: holds float64 of shape \(2, 2, 2, 192\); expected"),
        (np.ones((2, 2, N_PIX), int), r"a\.npy: holds int64 of shape"),
        (np.ones((2, 5, N_PIX)), r"a\.npy: has 5 components; expected 2 or 3"),
        (np.ones((2, 2, 100)), r"a\.npy: 100 values are no HEALPix map; expected 12·nside²"),
    ],
)
def test_numpy_files_of_a_wrong_shape_are_named(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=message):
        load([f"{tmp_path}/a.npy"], convention="COSMO")


def test_a_truncated_numpy_file_is_named(tmp_path):
    np.save(tmp_path / "a.npy", some_maps())
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"a\.npy: not a readable NumPy array \(truncated"):
        ingest.count([f"{tmp_path}/a.npy"])


def test_compressed_files_are_read_and_a_missing_end_is_noticed(tmp_path, paths):
    for path in paths:
        Path(f"{path}.gz").write_bytes(gzip.compress(Path(path).read_bytes()))
    found = load([f"{tmp_path}/a-*.fits.gz"])
    np.testing.assert_array_equal(found.maps, load(paths).maps)
    content = Path(f"{paths[1]}.gz").read_bytes()
    for length in (3, 40, len(content) // 2, len(content) - 2):
        Path(f"{paths[1]}.gz").write_bytes(content[:length])
        with pytest.raises(UserError, match=r"a-1\.fits\.gz: not a readable FITS file \(trunc"):
            load([f"{tmp_path}/a-*.fits.gz"])


def test_no_common_pixel_is_said(tmp_path):
    maps = some_maps(2)
    maps[0, :, :100] = maps[1, :, 100:] = healpy.UNSEEN
    with pytest.raises(UserError, match="no pixel is seen in every map"):
        load(write(tmp_path, maps))


def test_a_flipped_bit_in_a_file_with_checksums_is_found(paths):
    with fits.open(paths[1], mode="update") as file:
        file[1].add_checksum()
    with open(paths[1], "r+b") as file:
        file.seek(6000)
        value = file.read(1)
        file.seek(6000)
        file.write(bytes([value[0] ^ 1]))
    with pytest.raises(UserError, match=r"a-1\.fits: is damaged"):
        load(paths)


def test_a_mask_that_is_not_there_is_named(tmp_path, paths):
    with pytest.raises(UserError, match=r"none\.fits: no such file; expected a FITS map"):
        load(paths, mask=f"{tmp_path}/none.fits")
