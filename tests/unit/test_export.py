"""FITS files as healpy and this package read them."""

import healpy
import numpy as np
import pytest
from astropy.io import fits

from fewtomany.files import store
from fewtomany.maps import export, ingest
from fewtomany.maps.sky import Sky


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


@pytest.mark.parametrize("frame", ["galactic", "ecliptic", "equatorial"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fraction", [1.0, 0.3])
@pytest.mark.parametrize("stokes", ["T", "QU", "TQU"])
def test_what_was_exported_is_read_back_to_the_bit(tmp_path, frame, dtype, fraction, stokes):
    random = np.random.default_rng(7)
    sky = Sky.of_mask(random.permutation(192) < 192 * fraction)
    maps = (1e-8 * random.standard_normal((3, len(stokes), sky.n_pix))).astype(dtype)
    content = store.MapSet(maps, stokes, "input", frame=frame, sky=sky)
    export.write_fits(tmp_path, content)
    found = ingest.load([f"{tmp_path}/*.fits"], stokes, 4, frame)
    np.testing.assert_array_equal(found.maps, maps)
    assert (found.maps.dtype, found.sky, found.frame) == (dtype, sky, frame)


def test_a_part_of_the_sky_is_what_healpy_reads_too(tmp_path):
    sky = Sky(4, np.arange(120, 160))
    maps = np.random.default_rng(8).standard_normal((1, 2, 40))
    (path,) = export.write_fits(tmp_path, store.MapSet(maps, "QU", "input", sky=sky))
    found = healpy.read_map(path, field=None, partial=True, dtype=None)
    np.testing.assert_array_equal(found, sky.expand(maps[0]))
    with fits.open(path) as file:
        assert file[1].header["INDXSCHM"] == "EXPLICIT"
        assert len(file[1].data) == 40


def test_channels_have_files_of_their_own(tmp_path):
    maps = np.random.default_rng(9).standard_normal((2, 4, 48))
    content = store.MapSet(maps, "QU", "input", channels=("100", "143"))
    paths = export.write_fits(tmp_path, content)
    assert [path.name for path in paths] == [
        f"input-{channel}-000000{index}.fits" for index in (0, 1) for channel in ("100", "143")
    ]
    by_channel = {name: [f"{tmp_path}/input-{name}-*.fits"] for name in content.channels}
    found = ingest.load(by_channel, "QU", 2, "galactic")
    np.testing.assert_array_equal(found.maps, maps)
    assert found.channels == content.channels


def test_a_few_pixels_at_the_north_pole_are_written_with_unseen(tmp_path):
    content = store.MapSet(np.ones((1, 2, 3)), "QU", "input", sky=Sky(4, np.array([1, 2, 5])))
    (path,) = export.write_fits(tmp_path, content)
    found = healpy.read_map(path, field=None, dtype=None)
    np.testing.assert_array_equal(found, content.sky.expand(content.maps[0]))
