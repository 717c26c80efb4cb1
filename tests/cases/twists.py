"""Maps as they should be but for one twist: of names, links, extensions, types, words, pixels."""

import bz2
import os

import h5py
import numpy as np
from astropy import units
from astropy.io import fits
from astropy.table import QTable, Table

from cases.kinds import columns_of
from cases.writing import (
    ARRAYS,
    HEALPIX,
    N_PIX,
    NEST,
    NSIDE,
    UNSEEN,
    WHOLE,
    N,
    case,
    hdu,
    north,
    table,
    truth,
)

# --- Extensions and columns -------------------------------------------------------------------

NAMES = ("TEMPERATURE", "Q_POLARISATION", "U_POLARISATION")


@case()
def stokes_in_three_extensions(folder):
    """HEALPix Fortran and IDL write_tqu: a table each for T, Q and U, whose names tell; muK."""
    wrote = truth()
    for k in range(N):
        parts = zip(NAMES, 1e6 * wrote.maps[k], strict=True)
        tables = [hdu([(name, "D", "muK", x)], EXTNAME=name, **WHOLE) for name, x in parts]
        fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(folder / f"map_{k}.fits")
    return wrote


@case(told="^left out: N_OBS, SERROR, no T, Q or U$")
def cut_sky_in_three_extensions(folder):
    """HEALPix's cut4 format of polarization: SIGNAL, N_OBS and SERROR in a table each."""
    wrote = truth(dtype=np.float32, seen=north(0.2))
    seen = np.flatnonzero(wrote.seen)
    for k in range(N):
        tables = []
        for name, row in zip(NAMES, wrote.maps[k], strict=True):
            columns = [("PIXEL", "J", None, seen), ("SIGNAL", "E", "K", row[seen])]
            columns += [("N_OBS", "J", "counts", np.ones(len(seen), int))]
            columns += [("SERROR", "E", "K", np.ones(len(seen)))]
            tables.append(hdu(columns, EXTNAME=name, OBJECT="PARTIAL", **WHOLE))
        fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(folder / f"map_{k}.fits")
    return wrote


@case()
def steps_before_the_map(folder):
    """A pipeline's table of what was done, as text, in an extension before the map."""
    wrote = truth()
    for k in range(N):
        steps = fits.TableHDU.from_columns([fits.Column("STEP", "A9", array=np.array(["binned"]))])
        tables = [fits.PrimaryHDU(), steps, hdu(columns_of(wrote.maps[k]), **WHOLE)]
        fits.HDUList(tables).writeto(folder / f"map_{k}.fits")
    return wrote


@case(refused=r"map_0\.fits: columns hold 576 values, 3 for each of 192 pixels; expected a column")
def vectors_in_a_column(folder):
    """astropy's Table of an array (n_pix, 3)."""
    for k, maps in enumerate(truth().maps):
        Table({"IQU": maps.T}, units={"IQU": "K"}, meta=WHOLE).write(folder / f"map_{k}.fits")


@case(refused=r"map_0\.fits: column P holds complex numbers; expected columns of Q and of U")
def complex_polarization(folder):
    """Q + iU in one column: the imaginary part must not be lost."""
    for k, (q, u) in enumerate(truth("QU").maps):
        table(folder / f"map_{k}.fits", [("P", "M", "K", q + 1j * u)], WHOLE)


@case("*.h5", refused=r"map_0\.h5: holds maps 192 of complex numbers; expected datasets", UNIT="K")
def complex_polarization_in_hdf5(folder):
    """The same in HDF5."""
    for k, (q, u) in enumerate(truth("QU").maps):
        with h5py.File(folder / f"map_{k}.h5", "w") as file:
            file["maps"] = q + 1j * u


@case(refused=r"m1\.fits: unit is uK, but K in .*m0\.fits; expected one unit in all files")
def units_of_the_files_differ(folder):
    for k, maps in enumerate(truth().maps):
        factor, unit = (1e6, "uK") if k % 2 else (1, "K")
        table(folder / f"m{k}.fits", columns_of(factor * maps, unit=unit), WHOLE)


@case(refused=r"m2\.fits: frame is equatorial, but galactic in .*m0\.fits; expected one frame")
def frames_of_the_files_differ(folder):
    for k, maps in enumerate(truth().maps):
        table(folder / f"m{k}.fits", columns_of(maps), {**WHOLE, "COORDSYS": "GC"[k == 2]})


@case(
    told=r"^left out: BEAM_TF \(4001 values are no HEALPix map\)$",
)
def a_beam_beside_the_map(folder):
    """Planck's component maps: a transfer function in an extension of its own."""
    wrote = truth("T")
    for k in range(N):
        beam = fits.BinTableHDU.from_columns([fits.Column("INT_BEAM", "E", array=np.ones(4001))])
        beam.header["EXTNAME"] = "BEAM_TF"
        table(folder / f"map_{k}.fits", columns_of(wrote.maps[k], "T"), WHOLE, others=[beam])
    return wrote


@case(refused=r"sims\.fits, SIM2: 100 values are no HEALPix map; expected 12·nside² of them")
def one_realization_cut_off(folder):
    """Realizations in extensions, of which one is no whole map: the others are not all."""
    header = {key: value for key, value in WHOLE.items() if key != "NSIDE"}
    maps = [maps[:, :100] if k == 2 else maps for k, maps in enumerate(truth(n=6).maps)]
    tables = [hdu(columns_of(m), **header, EXTNAME=f"SIM{k}") for k, m in enumerate(maps)]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(folder / "sims.fits")


@case(
    refused=r"sims\.fits: every one of 4 rows of Q holds 192 values, a map; expected a table or a"
)
def a_row_for_each_realization(folder):
    """astropy's Table of arrays (n_maps, n_pix), which without NSIDE is one map of more pixels."""
    maps = truth("QU").maps
    columns = {letter: maps[:, k] for k, letter in enumerate("QU")}
    about = {key: value for key, value in WHOLE.items() if key != "NSIDE"}
    Table(columns, units={"Q": "K", "U": "K"}, meta=about).write(folder / "sims.fits")


# --- Words and types --------------------------------------------------------------------------


@case()
def unit_as_a_power_of_ten(folder):
    """astropy writes a scaled unit as the FITS standard has it: 10**-6 K."""
    wrote = truth()
    for k in range(N):
        columns = dict(zip("IQU", 1e6 * wrote.maps[k] * units.Unit("1e-6 K"), strict=True))
        QTable(columns, meta=WHOLE).write(folder / f"map_{k}.fits")
    assert fits.getheader(folder / "map_0.fits", 1)["TUNIT1"] == "10**-6 K"
    return wrote


@case(refused=r"TUNIT is 'uK-arcmin', no temperature; expected K, mK, uK", UNIT="uK")
def depths(folder):
    """Noise depths, which UNIT= must not turn into maps."""
    for k, maps in enumerate(truth().maps):
        table(folder / f"map_{k}.fits", columns_of(maps, unit="uK-arcmin"), WHOLE)


@case()
def cards_in_other_letters(folder):
    """NSIDE as text, nest, iau."""
    wrote = truth()
    for k in range(N):
        header = {**WHOLE, "NSIDE": str(NSIDE), "ORDERING": "nest", "POLCCONV": "iau"}
        signs = [[1], [1], [-1]]
        table(folder / f"map_{k}.fits", columns_of(signs * wrote.maps[k][:, NEST]), header)
    return wrote


@case("*.hdf5", UNIT="uK_CMB", FRAME="C", CONVENTION="healpix", ORDERING="nest")
def words_of_headers_said(folder):
    """What headers may say, the user may."""
    wrote = truth(frame="equatorial")
    for k in range(N):
        with h5py.File(folder / f"map_{k}.hdf5", "w") as file:
            file["map"] = 1e6 * wrote.maps[k][:, NEST]
    return wrote


@case("*.h5")
def hdf5_with_bytes(folder):
    """Attributes as bytes, nest as a truth value."""
    wrote = truth()
    about = {"units": np.bytes_("uK_CMB"), "nest": True, "nside": NSIDE, "coord": np.bytes_("G")}
    for k in range(N):
        with h5py.File(folder / f"map_{k}.h5", "w") as file:
            dataset = file.create_dataset("maps", data=1e6 * wrote.maps[k][:, NEST])
            dataset.attrs.update({**about, "polconv": np.bytes_("COSMO")})
    return wrote


@case("*.h5", CONVENTION="COSMO")
def hdf5_with_a_unit_for_each_component(folder):
    """Attributes that are arrays of words, or of nothing."""
    wrote = truth()
    about = {"UNITS": ["uK", "uK", "uK"], "ORDERING": "RING", "COORDSYS": ["G"]}
    for k in range(N):
        with h5py.File(folder / f"map_{k}.h5", "w") as file:
            dataset = file.create_dataset("map", data=1e6 * wrote.maps[k])
            dataset.attrs.update({**about, "POLCCONV": h5py.Empty("S1")})
    return wrote


@case(
    "*.h5",
    refused=r"map_0\.h5: columns of different units \(T K, Q uK, U uK\); expected one unit",
    CONVENTION="COSMO",
)
def hdf5_with_units_that_differ(folder):
    about = {"UNITS": ["K", "uK", "uK"], "ORDERING": "RING", "COORDSYS": "G"}
    for k, maps in enumerate(truth().maps):
        with h5py.File(folder / f"map_{k}.h5", "w") as file:
            file.create_dataset("map", data=maps).attrs.update(about)


@case()
def a_mark_in_words(folder):
    """BAD_DATA names what is known anyway."""
    wrote = truth(seen=north(0.2))
    for k in range(N):
        values = np.where(wrote.seen, wrote.maps[k], UNSEEN)
        header = {**WHOLE, "BAD_DATA": "UNSEEN" if k else fits.card.UNDEFINED}
        table(folder / f"map_{k}.fits", columns_of(values), header)
    return wrote


@case(refused=r"map_0\.fits: BAD_DATA is 'see the notes'; expected a number")
def a_mark_in_other_words(folder):
    for k, maps in enumerate(truth().maps):
        header = {**WHOLE, "BAD_DATA": "see the notes"}
        table(folder / f"map_{k}.fits", columns_of(maps), header)


@case(
    "*.npy",
    refused=r"sims\.npy: shape \(192, 12\) has the 192 pixels of a HEALPix map along the",
    CONVENTION="COSMO",
)
def array_with_pixels_before_realizations(folder):
    """Twelve realizations, as many as the smallest HEALPix map has pixels."""
    np.save(folder / "sims.npy", truth("T", n=12).maps[:, 0].T)


@case(
    "*.npy",
    told=f"{ARRAYS}K, RING, galactic | 4 maps from files of Q, U each",
    **{"CONVENTION": "COSMO"},
)
def arrays_of_q_and_of_u(folder):
    wrote = truth("QU")
    for k, letter in enumerate("QU"):
        np.save(folder / f"sims_{letter}.npy", wrote.maps[:, k])
    return wrote


@case(
    "*.npy",
    refused=r"sims_Q\.npy holds 4, .*sims_U\.npy holds 5 maps; expected equally many of Q, U",
    CONVENTION="COSMO",
)
def arrays_of_unequal_length(folder):
    maps = truth("QU", n=5).maps
    np.save(folder / "sims_Q.npy", maps[:4, 0])
    np.save(folder / "sims_U.npy", maps[:, 1])


@case("*.npy", told=f"{ARRAYS}RING, galactic$", UNIT="K", CONVENTION="COSMO")
def array_in_the_order_of_fortran(folder):
    wrote = truth()
    np.save(folder / "sims.npy", np.asfortranarray(wrote.maps))
    return wrote


@case("*.npy", refused=r"sims\.npy: holds Python objects; expected an array", CONVENTION="COSMO")
def array_of_objects(folder):
    """A list of arrays saved as one."""
    maps = np.empty(N, object)
    maps[:] = list(truth().maps)
    np.save(folder / "sims.npy", maps)


# --- Names and links --------------------------------------------------------------------------


def _mappraiser(folder, names):
    wrote = truth(dtype=np.float32, frame="equatorial")
    for k in range(N):
        rows = dict(zip(("mapI", "mapQ", "mapU"), wrote.maps[k], strict=True))
        rows |= {"Cond": np.random.default_rng(k).random(N_PIX)}
        for name in names:
            columns = [("SIGNAL", "E", None, rows[name])]
            table(folder / f"{name}_run{k}.fits", columns, HEALPIX)
    return wrote


SAID = {"UNIT": "K", "FRAME": "equatorial", "CONVENTION": "COSMO"}


@case("map*.fits", told="4 maps from files of T, Q, U each, by their names", **SAID)
def mappraiser(folder):
    """MAPPRAISER: mapI, mapQ and mapU in files of their own, a letter at the end of a word."""
    return _mappraiser(folder, ("mapI", "mapQ", "mapU"))


@case(refused=r"Cond_run0\.fits: is beside files of T, Q, U in turn, and its name does not", **SAID)
def mappraiser_with_condition_numbers(folder):
    _mappraiser(folder, ("mapI", "mapQ", "mapU", "Cond"))


@case("run[2]/*.fits")
def brackets_in_names(folder):
    """Where a pattern with brackets matches nothing, they stand for themselves."""
    wrote = truth()
    (folder / "run[2]").mkdir()
    for k in range(N):
        table(folder / "run[2]" / f"map[{k:03}].fits", columns_of(wrote.maps[k]), WHOLE)
    return wrote


@case(refused=r"map_3\.fits: is a link to a file that is not there; expected the file")
def links_without_a_file(folder):
    """DataLad and git-annex before `get`: links that point to nothing."""
    for k, maps in enumerate(truth().maps):
        table(folder / f"map_{k}.fits", columns_of(maps), WHOLE)
    (folder / "map_3.fits").unlink()
    os.symlink("../.git/annex/objects/map_3.fits", folder / "map_3.fits")


@case(refused=r"map_3\.fits: is a folder; expected a file")
def a_folder_of_that_name(folder):
    for k, maps in enumerate(truth().maps):
        table(folder / f"map_{k}.fits", columns_of(maps), WHOLE)
    (folder / "map_3.fits").unlink()
    (folder / "map_3.fits").mkdir()


@case("*.bz2", refused=r"map_0\.fits\.bz2: is of no known format; expected \.fits")
def packed_by_bzip2(folder):
    for k in range(N):
        (folder / f"map_{k}.fits.bz2").write_bytes(bz2.compress(b"SIMPLE"))


# --- Pixels -----------------------------------------------------------------------------------


def _explicit(folder, pixels):
    header = {**WHOLE, "INDXSCHM": "EXPLICIT"}
    for k, maps in enumerate(truth().maps):
        columns = [("PIXEL", "J", None, pixels), *columns_of(maps[:, : len(pixels)])]
        table(folder / f"map_{k}.fits", columns, header)


@case(refused=r"map_0\.fits: pixels go from 1 to 192; expected 0 to 191 at NSIDE 4")
def pixels_counted_from_1(folder):
    """Julia and Fortran count from 1."""
    _explicit(folder, np.arange(1, N_PIX + 1))


@case(refused=r"map_0\.fits: PIXEL names a pixel twice; expected every pixel once")
def pixels_named_twice(folder):
    """Halves of a survey that overlap, one below the other."""
    _explicit(folder, np.r_[np.arange(40), np.arange(30, 60)])


@case(refused=r"168 values are not finite \(inf at Stokes T, RING pixel 136\); expected UNSEEN")
def infinite_holes(folder):
    """A division by no hits."""
    for k, maps in enumerate(truth().maps):
        maps[:, ~north(-0.5)] = np.inf
        table(folder / f"map_{k}.fits", columns_of(maps), WHOLE)


@case()
def four_marks(folder):
    """NaN, UNSEEN and 0, each in other maps, at the same pixels."""
    wrote = truth(seen=north(0.3))
    marks = (np.nan, -1.6375e30, 0, np.nan)
    for k in range(N):
        values = np.where(wrote.seen, wrote.maps[k], marks[k])
        table(folder / f"map_{k}.fits", columns_of(values), WHOLE)
    return wrote


@case()
def pixels_in_a_column_healpix(folder):
    """Of the whole sphere, in the order of somebody's catalogue."""
    wrote = truth()
    pixels = np.random.default_rng(3).permutation(N_PIX)
    for k in range(N):
        columns = [("HEALPIX_ID", "K", None, pixels), *columns_of(wrote.maps[k][:, pixels])]
        table(folder / f"map_{k}.fits", columns, WHOLE)
    return wrote


# --- Maps that are no realizations ------------------------------------------------------------


@case(refused=r"map_coadd\.fits: is the mean of the 6 other maps; expected realizations alone")
def the_mean_of_all(folder):
    """A coadd that a pattern takes with the realizations it is made of."""
    maps = truth(n=6).maps
    for k, some in enumerate(maps):
        table(folder / f"map_{k}.fits", columns_of(some), WHOLE)
    mean = columns_of(maps.mean(axis=0).astype(np.float32), form="E")
    table(folder / "map_coadd.fits", mean, WHOLE)


@case()
def a_sky_in_common(folder):
    """Realizations of a small effect on one bright sky: each is nearly the mean of the others."""
    wrote = truth(n=6)
    wrote.maps[:] = 1e-6 * wrote.maps + 3e4 * np.abs(wrote.maps).max() * (1 + north() / 10)
    for k in range(6):
        table(folder / f"map_{k}.fits", columns_of(wrote.maps[k]), WHOLE)
    return wrote


@case(
    refused=r"T is the same in every map; expected maps that differ, or STOKES=QU to leave it out"
)
def one_sky_in_t(folder):
    maps = truth().maps
    maps[:, 0] = maps[0, 0]
    for k, some in enumerate(maps):
        table(folder / f"map_{k}.fits", columns_of(some), WHOLE)
