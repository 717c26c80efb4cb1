import contextlib
import errno
import io
import os

import h5py
import numpy as np
import pytest

from fewtomany.errors import UserError
from fewtomany.files import atomic, integrity, store
from fewtomany.files.store import MapSet

N_PIX = 48


def some_maps(n_maps=3, first=0, stokes="QU"):
    shape = (n_maps, len(stokes), N_PIX)
    maps = np.random.default_rng(first).standard_normal(shape)
    return MapSet(maps, stokes, "input", first=first, provenance={"code": "test"})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "maps.h5"
    store.write_maps(path, some_maps())
    return path


@contextlib.contextmanager
def edited(path):
    """The file, open to be changed; it gets the digests of what it then is."""
    content = io.BytesIO(path.read_bytes()[integrity.digests(path).size :])
    with h5py.File(content, "r+") as file:
        yield file
        file.flush()
        places = integrity.extents(file)
    path.write_bytes(integrity.block(content.getbuffer(), places) + content.getbuffer())


def edit(path, **attributes):
    with edited(path) as file:
        file["maps"].attrs.update(attributes)


def test_maps_come_back_with_everything_they_carry(path):
    content = store.read_maps(path)
    np.testing.assert_array_equal(content.maps, some_maps().maps)
    assert (content.stokes, content.dataset, content.first) == ("QU", "input", 0)
    assert (content.nside, content.unit, content.frame) == (2, "K", "galactic")
    assert content.provenance == {"code": "test"}
    assert len(content) == 3
    with h5py.File(path) as file:
        assert file["maps"].attrs["ordering"] == "RING"
        assert file["maps"].attrs["polarization_convention"] == "COSMO"


def test_components_are_chosen_by_name(tmp_path):
    whole = some_maps(stokes="TQU")
    store.write_maps(tmp_path / "tqu.h5", whole)
    chosen = store.read_maps(tmp_path / "tqu.h5", "UQ")
    np.testing.assert_array_equal(chosen.maps, whole.maps[:, [2, 1]])
    assert chosen.stokes == "UQ"


def test_components_of_every_channel_are_chosen(tmp_path):
    maps = np.arange(2 * 6 * 12.0).reshape(2, 6, 12)
    store.write_maps(tmp_path / "two.h5", MapSet(maps, "TQU", "some", channels=("a", "b")))
    found = store.read_maps(tmp_path / "two.h5", "QU")
    np.testing.assert_array_equal(found.maps, maps[:, [1, 2, 4, 5]])


def test_absent_components_are_refused(path):
    with pytest.raises(UserError, match=r"maps\.h5: holds Stokes QU, TQU was asked for"):
        store.read_maps(path, "TQU")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.h5: no such file"):
        store.read_maps(tmp_path / "none.h5")


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.9])
def test_truncated_file_is_refused_by_name(path, kept):
    content = path.read_bytes()
    path.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    with pytest.raises(UserError, match=r"maps\.h5: .*truncated"):
        store.read_maps(path)


def test_value_that_is_not_finite_is_refused_by_place(path):
    with edited(path) as file:
        file["maps"][1, 0, 7] = np.nan
    with pytest.raises(UserError, match=r"maps\.h5: value nan at map 1, Stokes Q, pixel 7"):
        store.read_maps(path)


def test_other_ordering_is_refused(path):
    edit(path, ordering="NESTED")
    with pytest.raises(UserError, match="ordering is NESTED, expected RING"):
        store.read_maps(path)


def test_other_format_is_refused(tmp_path):
    other = tmp_path / "other.h5"
    store.write(other, {"x": np.zeros(3)}, kind="something", provenance={})
    with pytest.raises(UserError, match=r"format is 'something', expected 'fewtomany-maps'"):
        store.read_maps(other)
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(UserError, match="not a readable HDF5 file"):
        store.read_maps(tmp_path / "text.h5")


def test_later_format_version_is_refused(path):
    with edited(path) as file:
        file.attrs["format_version"] = 99
    with pytest.raises(UserError, match="format_version is 99, expected 1 or 2"):
        store.read_maps(path)


@pytest.mark.parametrize(
    ("maps", "stokes", "message"),
    [
        (np.zeros((2, N_PIX)), "Q", "expected \\(n_maps, n_stokes, n_pix\\)"),
        (np.zeros((1, 2, N_PIX), int), "QU", "expected float32 or float64"),
        (np.zeros((1, 2, N_PIX)), "TQU", "2 map components for stokes 'TQU'"),
        (np.zeros((1, 2, N_PIX)), "XY", "2 map components for stokes 'XY'"),
        (np.zeros((1, 2, 50)), "QU", "50 pixels are no full HEALPix sky"),
        (np.zeros((1, 2, 12 * 9)), "QU", "108 pixels are no full HEALPix sky"),
        (np.full((1, 2, N_PIX), np.inf), "QU", "value inf at map 0, Stokes Q, pixel 0"),
    ],
)
def test_maps_of_a_wrong_shape_type_or_value_are_never_made(maps, stokes, message):
    with pytest.raises(UserError, match=message):
        MapSet(maps, stokes, "input")


def test_consecutive_files_make_one_dataset(tmp_path):
    parts = [some_maps(3, first=0), some_maps(2, first=3)]
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path, part in zip(paths, parts, strict=True):
        store.write_maps(path, part)
    whole = store.read_dataset(paths)
    np.testing.assert_array_equal(whole.maps, np.concatenate([part.maps for part in parts]))
    with pytest.raises(UserError, match=r"a\.h5: first is 0, expected 5"):
        store.read_dataset(paths[::-1])


def test_products_keep_arrays_attributes_and_provenance(tmp_path):
    path = tmp_path / "product.h5"
    arrays = {"mean": np.arange(3.0), "group/inner": np.ones((2, 2), np.float32)}
    store.write(path, arrays, kind="covariance", provenance={"seed": 1}, n_maps=10)
    found = store.read(path, "covariance")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    attributes = store.read_attributes(path, "covariance")
    assert attributes["n_maps"] == 10
    assert attributes["provenance"] == {"seed": 1}
    with pytest.raises(UserError, match=r"product\.h5: holds no other; it holds"):
        store.read(path, "covariance", "other")


def test_products_with_values_that_are_not_finite_are_refused(tmp_path):
    path = tmp_path / "product.h5"
    store.write(path, {"mean": np.array([0.0, np.nan])}, kind="covariance", provenance={})
    with pytest.raises(UserError, match=r"product\.h5: mean holds values that are not finite"):
        store.read(path, "covariance", "mean")


def test_a_failed_write_leaves_the_old_file_and_no_other(path):
    before = path.read_bytes()

    def interrupted():
        with store.atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        interrupted()
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["maps.h5"]


def test_written_files_are_readable_as_the_umask_says(path):
    assert path.stat().st_mode & 0o777 == 0o666 & ~atomic.umask()


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    """The system refuses the bytes; HDF5 itself would drop what it has buffered, silently."""

    def refuse(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        store.write(tmp_path / "a.h5", {"x": np.ones(3)}, kind="k", provenance={})
    assert not list(tmp_path.iterdir())
