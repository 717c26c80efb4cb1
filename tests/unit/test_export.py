"""FITS files as healpy reads them."""

import healpy
import numpy as np
import pytest

from fewtomany import export, store


@pytest.mark.parametrize(
    ("stokes", "frame", "letter"), [("QU", "galactic", "G"), ("TQU", "ecliptic", "E")]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_healpy_reads_what_was_exported(tmp_path, stokes, frame, letter, dtype):
    maps = np.random.default_rng(6).standard_normal((3, len(stokes), 192)).astype(dtype)
    content = store.MapSet(maps=maps, stokes=stokes, dataset="original", first=40, frame=frame)
    paths = export.write_fits(tmp_path / "fits", content)
    assert [path.name for path in paths] == [f"original-00000{k}.fits" for k in (40, 41, 42)]
    assert sorted((tmp_path / "fits").iterdir()) == paths
    for path, expected in zip(paths, maps, strict=True):
        found, header = healpy.read_map(path, field=None, h=True, dtype=None)
        np.testing.assert_array_equal(found, expected)
        header = dict(header)
        assert header["ORDERING"] == "RING"
        assert header["COORDSYS"] == letter
        assert header["POLCCONV"] == "COSMO"
        assert header["TUNIT1"] == "K_CMB"
    names = {"T": "TEMPERATURE", "Q": "Q_POLARISATION", "U": "U_POLARISATION"}
    columns = [header[f"TTYPE{column}"] for column in range(1, len(stokes) + 1)]
    assert columns == [names[letter] for letter in stokes]
    assert header["REALIZ"] == 42


def test_export_repeats_itself(tmp_path):
    content = store.MapSet(maps=np.ones((1, 2, 48)), stokes="QU", dataset="reference")
    (path,) = export.write_fits(tmp_path, content)
    first = path.read_bytes()
    export.write_fits(tmp_path, content)
    assert path.read_bytes() == first
