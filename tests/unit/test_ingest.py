"""Reading the user's own maps: what comes out."""

import subprocess
import sys
from pathlib import Path

import healpy
import numpy as np
import pytest

import inprocess
from fewtomany import config
from fewtomany.config.sources import of_campaign
from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps import ingest
from fewtomany.maps.ingest.resample import resampling
from fewtomany.maps.sky import Sky
from own_files import N_PIX, NSIDE, edit, load, some_maps, write

ROOT = Path(__file__).parents[2]


@pytest.fixture
def paths(tmp_path):
    return write(tmp_path, some_maps())


def test_maps_come_in_kelvin_with_their_place(tmp_path, paths):
    found = load([f"{tmp_path}/a-*.fits"], dataset="mine")
    np.testing.assert_array_equal(found.maps, (some_maps().astype(float) * 1e-6).astype("f4"))
    assert (found.unit, found.frame, found.dataset, found.first) == ("K", "galactic", "mine", 0)
    assert found.sky == Sky(NSIDE)
    assert found.maps.dtype == np.float32
    part = load([f"{tmp_path}/a-*.fits"], start=1, stop=2)
    np.testing.assert_array_equal(part.maps, found.maps[1:2])
    assert part.first == 1


def test_counting_needs_no_healpy(tmp_path, paths):
    np.save(tmp_path / "b.npy", some_maps(5))
    store.write_maps(tmp_path / "c.h5", store.MapSet(some_maps(4), "QU", "input"))
    code = (
        "import sys; from fewtomany.maps import ingest;"
        f"assert ingest.count(['{tmp_path}/b.npy']) == 5;"
        "assert not {'healpy', 'astropy', 'h5py'} & sys.modules.keys();"
        f"assert ingest.count(['{tmp_path}/a-?.fits']) == 3;"
        "assert not {'healpy', 'h5py'} & sys.modules.keys();"
        f"assert ingest.count(['{tmp_path}/c.h5']) == 4"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "scripts")


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("K", 1), ("K_CMB", 1), ("mK", 1e-3), ("uK", 1e-6), ("uK_CMB", 1e-6), ("muK", 1e-6)],
)
def test_units_are_those_of_the_header(tmp_path, unit, factor):
    found = load(write(tmp_path, some_maps(), column_units=unit))
    np.testing.assert_allclose(found.maps, some_maps() * factor, rtol=1e-6)


@pytest.mark.parametrize("nest", [False, True])
@pytest.mark.parametrize("partial", [False, True])
def test_orderings_and_indexings_of_healpy_are_the_same_map(tmp_path, nest, partial):
    maps = some_maps()
    seen = np.ones(N_PIX, bool)
    if partial:
        seen[:40] = False
        maps[..., :40] = healpy.UNSEEN
    stored = healpy.reorder(maps.reshape(-1, N_PIX), r2n=True).reshape(maps.shape)
    found = load(write(tmp_path, stored if nest else maps, nest=nest, partial=partial))
    assert found.sky == Sky.of_mask(seen)
    np.testing.assert_allclose(found.maps, 1e-6 * maps[..., seen], rtol=1e-6)


def test_the_sign_of_u_follows_the_convention(tmp_path):
    header = {"extra_header": [("POLCCONV", "IAU")]}
    found = load(write(tmp_path, some_maps(stokes="TQU"), **header), "TQU").maps
    signs = np.array([1, 1, -1])[:, None]
    np.testing.assert_allclose(found, 1e-6 * signs * some_maps(stokes="TQU"), rtol=1e-6)


@pytest.mark.parametrize("stokes", ["T", "QU", "TQU"])
@pytest.mark.parametrize("names", [None, ["I_STOKES", "Q_STOKES", "U_STOKES"], ["a", "b", "c"]])
def test_wanted_columns_are_chosen_by_name_or_place(tmp_path, stokes, names):
    maps = some_maps(stokes="TQU")
    paths = write(tmp_path, maps, column_names=names)
    if names == ["a", "b", "c"] and stokes == "T":
        with pytest.raises(UserError, match="columns a, b, c of no known name"):
            load(paths, stokes)
        return
    found = load(paths, stokes)
    chosen = ["TQU".index(letter) for letter in stokes]
    np.testing.assert_allclose(found.maps, 1e-6 * maps[:, chosen], rtol=1e-6)


def test_columns_in_another_order_are_found_by_name(tmp_path):
    names = ["U_POLARISATION", "Q_POLARISATION"]
    found = load(write(tmp_path, some_maps(), column_names=names))
    np.testing.assert_allclose(found.maps, 1e-6 * some_maps()[:, ::-1], rtol=1e-6)


def test_what_the_header_does_not_say_is_given(tmp_path):
    paths = write(tmp_path, some_maps(), coord=None, column_units=None, extra_header=[])
    for path in paths:
        edit(path, ORDERING=None)
    given = {"unit": "mK", "ordering": "NEST", "convention": "IAU", "source_frame": "galactic"}
    found = load(paths, **given).maps
    expected = healpy.reorder(some_maps().reshape(-1, N_PIX), n2r=True).reshape(found.shape)
    np.testing.assert_allclose(found[:, 0], 1e-3 * expected[:, 0], rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], -1e-3 * expected[:, 1], rtol=1e-6)


def test_bad_data_are_not_seen(tmp_path):
    maps = some_maps()
    maps[:, :, 7] = -999
    paths = write(tmp_path, maps)
    for path in paths:
        edit(path, BAD_DATA=-999.0)
    assert load(paths).sky.n_pix == N_PIX - 1


def test_hdf5_maps_of_this_package(tmp_path):
    sky = Sky(NSIDE, np.arange(9, 100))
    content = store.MapSet(some_maps()[..., 9:100], "QU", "x", frame="ecliptic", sky=sky)
    store.write_maps(tmp_path / "a.h5", content)
    found = load([f"{tmp_path}/a.h5"], frame="ecliptic")
    np.testing.assert_array_equal(found.maps, content.maps)
    assert found.sky == sky


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_maps_are_ring_and_kelvin_unless_said(tmp_path, dtype):
    np.save(tmp_path / "a.npy", some_maps().astype(dtype))
    found = load([f"{tmp_path}/a.npy"], convention="COSMO", frame="equatorial")
    np.testing.assert_array_equal(found.maps, some_maps())
    assert found.maps.dtype == dtype
    with pytest.raises(UserError, match=r"a\.npy: POLCCONV is missing; give polarization_conv"):
        load([f"{tmp_path}/a.npy"])


def test_channels_follow_each_other(tmp_path):
    for name, scale in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, scale * some_maps())
    found = load({name: [f"{tmp_path}/{name}/*.fits"] for name in "ab"})
    assert found.channels == ("a", "b")
    assert found.components.names == ("a.Q", "a.U", "b.Q", "b.U")
    np.testing.assert_allclose(found.maps[:, 2:], 2 * found.maps[:, :2], rtol=1e-6)
    (tmp_path / "b" / "a-0.fits").unlink()
    with pytest.raises(UserError, match=r"channel b: has no realization 0; a has it in .*a-0"):
        load({name: [f"{tmp_path}/{name}/*.fits"] for name in "ab"})
    with pytest.raises(UserError, match="channel b: has no realization 0"):
        load({name: [f"{tmp_path}/{name}/*.fits"] for name in "ab"}, n_maps=3)


def test_observed_is_what_every_map_has(tmp_path):
    maps = some_maps()
    maps[0, 0, 3] = maps[2, 1, 90] = healpy.UNSEEN
    found = load(write(tmp_path, maps))
    np.testing.assert_array_equal(np.delete(np.arange(N_PIX), [3, 90]), found.sky.pixels)


@pytest.mark.parametrize("nside", [2, 4, 8])
@pytest.mark.parametrize("nest", [False, True])
def test_a_mask_of_any_resolution_chooses_pixels(tmp_path, paths, nside, nest):
    theta, _ = healpy.pix2ang(nside, np.arange(12 * nside**2), nest=nest)
    mask = str(tmp_path / "mask.fits")
    healpy.write_map(mask, (theta < 1.2).astype(np.int16), nest=nest, dtype=np.int16)
    found = load(paths, mask=mask).sky
    theta, _ = healpy.pix2ang(nside, np.arange(12 * nside**2))
    expected = theta < 1.2
    if nside != NSIDE:
        fractions = healpy.ud_grade(expected.astype(float), NSIDE)
        expected = fractions >= 0.5
    np.testing.assert_array_equal(found.pixels, np.flatnonzero(expected))
    assert found.weights is None


def test_weights_of_a_mask_are_kept(tmp_path, paths):
    weights = np.random.default_rng(5).uniform(0.5, 1, N_PIX)
    weights[:20] = 0
    mask = str(tmp_path / "mask.fits")
    healpy.write_map(mask, weights, dtype=float)
    found = load(paths, mask=mask).sky
    np.testing.assert_array_equal(found.weights, weights[20:])


def test_downgrading_is_the_mean_of_observed_children(tmp_path):
    """A pixel stays if half of its children are observed; only these are averaged."""
    maps = some_maps(nside=8)
    children = healpy.nest2ring(8, np.arange(4) + 4 * healpy.ring2nest(4, 5))
    others = healpy.nest2ring(8, np.arange(4) + 4 * healpy.ring2nest(4, 6))
    maps[0, 0, children[:2]] = maps[1, 1, others[:3]] = healpy.UNSEEN
    found = load(write(tmp_path, maps))
    assert 5 in found.sky.pixels
    assert 6 not in found.sky.pixels
    place = np.flatnonzero(found.sky.pixels == 5)[0]
    expected = 1e-6 * maps[:, :, children[2:]].mean(axis=-1)
    np.testing.assert_allclose(found.maps[..., place], expected, rtol=1e-5)
    whole = [healpy.ud_grade(part, 4) for part in maps[2].astype(float)]
    np.testing.assert_allclose(
        np.delete(found.sky.expand(found.maps[2]), [5, 6], axis=-1),
        1e-6 * np.delete(whole, [5, 6], axis=-1),
        rtol=1e-5,
    )


@pytest.mark.parametrize(("nside", "error"), [(16, 0.17), (32, 0.055), (64, 0.04), (128, 0.015)])
def test_turning_into_another_frame_is_as_accurate_as_documented(nside, error):
    """T, Q, U with flat spectra up to ℓ = 32, against means over pixels of maps turned exactly.

    Within 20° of the poles the plain mean, which they are held against, is itself wrong.
    """
    np.random.seed(3)  # noqa: NPY002 (healpy draws from it)
    alms = [healpy.synalm(np.r_[0, 0, np.ones(31)], lmax=32) for _ in range(3)]
    values = healpy.alm2map(alms, nside)
    healpy.Rotator(coord=["E", "G"]).rotate_alm(alms)
    truth = healpy.ud_grade(healpy.alm2map(alms, 256), 16)
    change = resampling(nside, "ecliptic", 16, "galactic")
    everything = np.ones(12 * nside**2, bool)
    found = [change.scalar(values[0], everything), *change.spin(*values[1:], everything)]
    theta, _ = healpy.pix2ang(16, np.arange(12 * 16**2))
    away = np.sin(theta) > np.sin(np.radians(20))
    for row, expected in zip(found, truth, strict=True):
        assert np.std((row - expected)[away]) < error * np.std(expected[away])


def test_there_and_back_is_nearly_the_same_for_polarization_near_the_poles():
    theta, phi = healpy.pix2ang(64, np.arange(12 * 64**2))
    # One direction of polarization at the north pole, where meridians turn from pixel to pixel.
    amplitude = np.cos(theta / 2) ** 4
    q, u = amplitude * np.cos(2 * phi), -amplitude * np.sin(2 * phi)
    everything = np.ones(len(q), bool)
    there = resampling(64, "galactic", 64, "equatorial").spin(q, u, everything)
    back = resampling(64, "equatorial", 64, "galactic").spin(*there, everything)
    assert np.abs(np.array(back) - [q, u]).max() < 0.05


def test_the_observed_part_turns_with_the_maps(tmp_path):
    """A cap at the ecliptic pole lies around the pole's Galactic place."""
    theta, _ = healpy.pix2ang(32, np.arange(12 * 32**2))
    maps = np.where(theta < 0.5, some_maps(nside=32), healpy.UNSEEN)
    paths = write(tmp_path, maps, coord="E")
    sky = load(paths, nside=16).sky
    pole = healpy.Rotator(coord=["E", "G"])([0, 0, 1])
    cosine = np.dot(pole, healpy.pix2vec(16, np.arange(12 * 16**2)))
    distance = np.arccos(np.clip(cosine, -1, 1))
    inside = np.flatnonzero(distance < 0.5)
    assert len(np.setxor1d(inside, sky.pixels)) < 0.1 * len(inside)
    assert distance[sky.pixels].max() < 0.56


# From the configuration, and the maps to try it on


def test_the_configuration_names_the_arguments(tmp_path):
    paths = write(tmp_path, some_maps(5))

    def campaign(**entry):
        return config.parse(
            {
                "campaign": "own",
                "seed": 1,
                "maps": {"nside": 2, "stokes": "QU", "frame": "ecliptic"},
                "inputs": {"mine": entry},
                "emulated": {"many": {"input": "mine", "strategy": "drawn-target", "n_maps": 20}},
                "emulator": {"n_scales": 1},
                "validation": {"n_modes": 5},
                "trust": {"datasets": []},
            }
        )

    of_files = campaign(files=f"{tmp_path}/a-*.fits", unit="uK", n_maps=4)
    found = ingest.load(**of_campaign(of_files, "mine"))
    assert (found.maps.shape, found.frame, found.dataset) == ((4, 2, 48), "ecliptic", "mine")
    of_channels = campaign(channels={"x": {"files": paths, "frame": "galactic"}})
    assert ingest.load(**of_campaign(of_channels, "mine")).channels == ("x",)
    with pytest.raises(UserError, match="many: has no files; expected files or channels"):
        of_campaign(of_files, "many")


def test_made_up_maps_can_be_read_and_hold_what_was_planted(tmp_path):
    words = ["--stokes", "TQU", "--mask-fraction", 0.1, "--n-maps", 12, "--nside", 16]
    program = ROOT / "benchmarks" / "own_maps.py"
    assert inprocess.script(program, *words, "--output", tmp_path).returncode == 0
    found = load([f"{tmp_path}/*.fits"], "TQU", 16)
    assert len(found) == 12
    assert found.sky.fraction == pytest.approx(0.9, abs=0.02)
    scatter = found.maps.std(axis=0)
    assert (np.percentile(scatter, 95, axis=1) > 2 * np.percentile(scatter, 5, axis=1)).all()
    spectra = np.mean(
        [healpy.anafast(found.sky.expand(maps, fill=0), lmax=32) for maps in found.maps], axis=0
    )
    tt, ee, _, te = spectra[:4, 4:].sum(axis=1)
    assert te / np.sqrt(tt * ee) == pytest.approx(0.6, abs=0.15)
