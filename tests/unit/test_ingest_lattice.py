"""The user's own planes and lines: what is read, and one line for every fault."""

import numpy as np
import pytest

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet
from fewtomany.maps import export, ingest
from fewtomany.maps.flat import Flat

PLANE, LINE = Flat((8, 12), True), Flat((16,), False)


def fields(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def load(path, flat, stokes="T", **options):
    return ingest.load([str(path)], stokes, flat=flat, **options)


@pytest.mark.parametrize(
    ("flat", "stokes", "shape"),
    [
        (PLANE, "T", (3, 8, 12)),
        (PLANE, "T", (3, 1, 8, 12)),
        (PLANE, "QU", (3, 2, 8, 12)),
        (LINE, "T", (3, 16)),
        (LINE, "T", (3, 1, 16)),
    ],
)
def test_arrays_are_read_by_rows(flat, stokes, shape, tmp_path):
    values = fields(*shape).astype(np.float32)
    np.save(tmp_path / "maps.npy", values)
    found = load(tmp_path / "maps.npy", flat, stokes, start=1)
    assert (found.sky, found.unit, found.first) == (flat, "1", 1)
    assert found.maps.dtype == np.float32
    np.testing.assert_array_equal(found.maps, values.reshape(3, len(stokes), -1)[1:])


def test_maps_that_are_exported_come_back(tmp_path):
    maps = fields(4, 1, 96)
    content = MapSet(maps, "T", "mine", sky=PLANE, unit="1", frame="")
    (path,) = export.write(tmp_path, content)
    np.testing.assert_array_equal(load(path, PLANE).maps, maps)
    store.write_maps(tmp_path / "mine.h5", content)
    np.testing.assert_array_equal(load(tmp_path / "mine.h5", PLANE).maps, maps)


def test_channels_follow_each_other(tmp_path):
    for seed, name in enumerate("ab"):
        np.save(tmp_path / f"{name}.npy", fields(3, 16, seed=seed))
    files = {name: [str(tmp_path / f"{name}.npy")] for name in "ab"}
    found = ingest.load(files, "T", flat=LINE)
    assert (found.channels, found.maps.shape) == (("a", "b"), (3, 2, 16))


def test_a_mask_leaves_pixels_out_and_what_is_in_them(tmp_path):
    mask = np.ones((8, 12))
    mask[2:4, 5:] = 0
    mask[0] = 0.5
    values = fields(3, 8, 12)
    values[:, 3, 6] = np.nan
    np.save(tmp_path / "mask.npy", mask)
    np.save(tmp_path / "maps.npy", values)
    found = load(tmp_path / "maps.npy", PLANE, mask=str(tmp_path / "mask.npy"))
    assert found.sky == Flat.of_mask(mask, True)
    np.testing.assert_array_equal(found.maps[:, 0], values[:, mask > 0])


def bad(values, *place):
    values[place] = np.nan
    return values


@pytest.mark.parametrize(
    ("values", "flat", "message"),
    [
        (fields(3, 8, 8), PLANE, r"shape is \(3, 8, 8\); expected \(n_maps, 8, 12\) or"),
        (fields(3, 2, 8, 12), PLANE, "of maps.shape = .8, 12. and maps.stokes = T"),
        (fields(3, 96), PLANE, r"shape is \(3, 96\)"),
        (fields(3, 8, 12), LINE, r"expected \(n_maps, 16\) or \(n_maps, 1, 16\)"),
        (fields(96), PLANE, r"holds float64 of shape \(96,\)"),
        (np.ones((3, 8, 12), int), PLANE, "expected floating-point numbers"),
        (bad(fields(3, 8, 12), 1, 2, 3), PLANE, r"map 1: 1 values are not finite \(nan of T at "),
        (np.ones((3, 16)), LINE, "map 0: T has one value alone"),
        (np.repeat(fields(1, 16), 3, axis=0), LINE, "map 1: is a copy of .*map 0"),
        (fields(1, 16), LINE, "1 maps found; expected at least 2"),
    ],
)
def test_every_fault_names_the_file_and_what_is_allowed(values, flat, message, tmp_path):
    np.save(tmp_path / "maps.npy", values)
    with pytest.raises(UserError, match=message) as error:
        load(tmp_path / "maps.npy", flat)
    assert "maps.npy" in str(error.value)
    assert str(error.value).count("\n") == 0


def test_other_geometries_are_refused(tmp_path):
    store.write_maps(tmp_path / "a.h5", MapSet(fields(3, 1, 96), "T", "a", sky=PLANE))
    store.write_maps(tmp_path / "b.h5", MapSet(fields(3, 1, 12), "T", "b"))
    open_plane = Flat((8, 12), False)
    with pytest.raises(UserError, match="holds maps of periodic plane of 8×12 pixels; expected a"):
        load(tmp_path / "a.h5", open_plane)
    with pytest.raises(UserError, match="holds maps of nside 1"):
        load(tmp_path / "b.h5", LINE)
    (tmp_path / "c.fits").write_bytes(b"")
    (tmp_path / "d.fits").write_bytes(b"")
    with pytest.raises(UserError, match="is FITS; expected NumPy"):
        load(tmp_path / "*.fits", LINE)


def test_a_mask_of_another_shape_is_refused(tmp_path):
    np.save(tmp_path / "maps.npy", fields(3, 16))
    np.save(tmp_path / "mask.npy", np.ones(8))
    with pytest.raises(UserError, match=r"maps.mask: .*shape is \(8,\), expected maps.shape"):
        load(tmp_path / "maps.npy", LINE, mask=str(tmp_path / "mask.npy"))
