"""More of each kind: realizations in one file, marks, names of columns and files, HDF5."""

import h5py
import numpy as np
from astropy.io import fits

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
    healpix,
    north,
    table,
    truth,
)


def columns_of(maps, names="TQU", form="D", unit="K"):
    return [(name, form, unit, row) for name, row in zip(names, maps, strict=True)]


# --- Several maps in a file -----------------------------------------------------------------


@case(told="3 maps in a file, one in each extension")
def extensions(folder):
    """Twelve realizations in four files."""
    wrote = truth(n=12)
    for k in range(4):
        others = [hdu(columns_of(maps), **WHOLE) for maps in wrote.maps[3 * k + 1 : 3 * k + 3]]
        table(folder / f"sims_{k}.fits", columns_of(wrote.maps[3 * k]), WHOLE, others=others)
    return wrote


@case(told="12 maps in a file, one in each extension")
def named_extensions(folder):
    wrote = truth("QU", n=12)
    units = [hdu(columns_of(maps, "QU"), **WHOLE) for maps in wrote.maps]
    for k, unit in enumerate(units):
        unit.header["EXTNAME"] = f"SIM_{k}"
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(folder / "all.fits")
    return wrote


@case(refused=r"all\.fits: holds several kinds of maps \(CMB of TQU, DUST of TQU\); expected one")
def extensions_of_components(folder):
    units = [hdu(columns_of(maps), **WHOLE) for maps in truth(n=2).maps]
    for name, unit in zip(("CMB", "DUST"), units, strict=True):
        unit.header["EXTNAME"] = name
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(folder / "all.fits")


@case(told="left out: N_OBS, SERROR, no T, Q or U")
def idl_cut4(folder):
    """HEALPix IDL write_fits_cut4: T, Q and U in extensions of PIXEL, SIGNAL, N_OBS, SERROR."""
    wrote = truth(seen=north(0.2))
    pixel = np.flatnonzero(wrote.seen)
    header = {**WHOLE, "INDXSCHM": "EXPLICIT", "OBJECT": "PARTIAL", "POLAR": True}
    for k in range(N):
        more = [("N_OBS", "J", "counts", pixel), ("SERROR", "D", "K", 0.0 * pixel)]
        tables = [
            [("PIXEL", "J", None, pixel), ("SIGNAL", "D", "K", row[pixel]), *more]
            for row in wrote.maps[k]
        ]
        others = [hdu(columns, **header) for columns in tables[1:]]
        table(folder / f"cut_{k}.fits", tables[0], header, others=others)
    return wrote


@case(told="4 maps as columns of a table")
def numbered_columns(folder):
    """I_1 Q_1 U_1 I_2 …"""
    wrote = truth()
    columns = [
        (f"{name}_{k}", "D", "K", row)
        for k, maps in enumerate(wrote.maps)
        for name, row in zip("IQU", maps, strict=True)
    ]
    table(folder / "sims.fits", columns, WHOLE)
    return wrote


@case(refused=r"map_0\.fits: holds several maps as columns \(I_030, I_044, I_070\); expected one")
def columns_of_channels(folder):
    for k, maps in enumerate(truth().maps):
        table(folder / f"map_{k}.fits", columns_of(maps, ("I_030", "I_044", "I_070")), WHOLE)


@case(refused=r"map_0\.fits: has 3 columns of one name .*; expected T, Q and U, or STOKES=T")
def columns_of_one_name(folder):
    for k, maps in enumerate(truth().maps):
        path = folder / f"map_{k}.fits"
        table(path, columns_of(maps, ("T", "X", "Y")), WHOLE)
        content = path.read_bytes()
        for letter in b"XY":
            content = content.replace(b"= '%c " % letter, b"= 'T ")
        path.write_bytes(content)


@case(told="4 maps from files of Q, U each")
def files_of_q_and_u_by_healpy(folder):
    """healpy names any one column TEMPERATURE."""
    wrote = truth("QU")
    for k in range(N):
        for letter, row in zip("QU", wrote.maps[k], strict=True):
            healpix(folder / f"noise_{letter}_{k:04d}.fits", row)
    return wrote


@case(refused=r"sim_2_q\.fits: has no file of U of the same name; expected one of each of Q, U")
def a_file_of_u_is_missing(folder):
    for k, maps in enumerate(truth("QU").maps):
        for letter, row in zip("qu", maps, strict=True):
            if (k, letter) != (2, "u"):
                healpix(folder / f"sim_{k}_{letter}.fits", row)


@case(refused=r"sim_q_0\.fits: is of Q by its name and of T by its column; expected files of Q and")
def files_of_q_alone(folder):
    for k, maps in enumerate(truth("QU").maps):
        healpix(folder / f"sim_q_{k}.fits", maps[0])


@case("*/*.fits", told="4 maps from files of Q, U each")
def folders_of_q_and_of_u(folder):
    wrote = truth("QU")
    for letter, rows in zip("QU", wrote.maps.swapaxes(0, 1), strict=True):
        (folder / letter).mkdir()
        for k, row in enumerate(rows):
            healpix(folder / letter / f"noise_{k}.fits", row)
    return wrote


@case("*.npy", refused=r"map_0\.npy: shape \(3, n_pix\) is one map of TQU or 3 maps of T; expec")
def one_array_for_each_map(folder):
    for k, maps in enumerate(truth().maps):
        np.save(folder / f"map_{k}.npy", maps)


@case("*.npy", told=f"{ARRAYS}K, RING, galactic$", STOKES="TQU", CONVENTION="COSMO")
def one_array_for_each_map_said(folder):
    wrote = truth(n=12)
    for k, maps in enumerate(wrote.maps):
        np.save(folder / f"map_{k}.npy", maps)
    return wrote


# --- Marks of no data -----------------------------------------------------------------------


@case(told=r"1e\+20 is taken as UNSEEN \(4 maps\)")
def numpy_fill_value(folder):
    """numpy.ma fills with 1e20."""
    wrote = truth(dtype=np.float32, seen=north(-0.5))
    for k in range(N):
        stored = np.where(wrote.seen, wrote.maps[k], np.float32(1e20))
        healpix(folder / f"map_{k}.fits", stored, dtype=np.float32)
    return wrote


@case(refused=r"map_0\.fits: 3 values of T are far beyond the rest \(-3\.8e\+26 K at RING pixel 8")
def smoothed_holes(folder):
    """healpy/healpy#5: smoothing spreads UNSEEN."""
    for k, maps in enumerate(truth().maps):
        maps[:, 7:10] = [-1e26, -3.8e26, -2e26]
        healpix(folder / f"map_{k}.fits", maps)


@case(refused=r"map_0\.fits: 5 values of T are far beyond the rest \(-9999 uK at RING pixel 7")
def a_mark_that_no_header_names(folder):
    for k, maps in enumerate(truth().maps):
        stored = 1e6 * maps
        stored[:, 7:12] = -9999
        healpix(folder / f"map_{k}.fits", stored, column_units="uK")


@case(refused=r"map_2\.fits: 20 pixels are 0 in every component .*and have values in other maps")
def zero_in_one_map(folder):
    for k, maps in enumerate(truth().maps):
        if k == 2:
            maps[:, :20] = 0
        healpix(folder / f"map_{k}.fits", maps)


@case(refused=r"map_2\.fits: 20 pixels are NaN .*and have values in other maps; expected UNSEEN")
def nan_in_one_map(folder):
    for k, maps in enumerate(truth().maps):
        if k == 2:
            maps[1, :20] = np.nan
        healpix(folder / f"map_{k}.fits", maps)


@case(told="20 of 192 pixels are NaN in every map")
def two_marks(folder):
    """NaN and UNSEEN, as litebird_sim has both."""
    wrote = truth()
    wrote.seen[:40] = False
    for k in range(N):
        stored = np.where(np.arange(N_PIX) < 20, np.nan, wrote.maps[k])
        stored[:, 20:40] = UNSEEN
        healpix(folder / f"map_{k}.fits", stored)
    return wrote


@case()
def integers_with_tnull(folder):
    wrote = truth("T")
    wrote.seen[30:40] = False
    stored = np.round(1e8 * wrote.maps[:, 0]).astype(np.int32)
    wrote.maps = 1e-8 * stored[:, None].astype(float)
    stored[:, 30:40] = -2147483648
    for k in range(N):
        column = fits.Column("TEMPERATURE", "J", unit="uK", null=-2147483648, array=stored[k])
        unit = fits.BinTableHDU.from_columns([column])
        unit.header.update(**WHOLE, TSCAX1=0.01)
        path = folder / f"map_{k}.fits"
        unit.writeto(path)
        path.write_bytes(path.read_bytes().replace(b"TSCAX1", b"TSCAL1"))
    return wrote


# --- Columns, units, headers ----------------------------------------------------------------


@case()
def qpol_and_upol(folder):
    wrote = truth()
    for k in range(N):
        table(folder / f"map_{k}.fits", columns_of(wrote.maps[k], ("TEMP", "QPOL", "UPOL")), WHOLE)
    return wrote


@case(
    refused=r"map_0\.fits: columns PLUS, CROSS beside T are of no known name; expected .*STOKES=T "
)
def unknown_columns_beside_t(folder):
    for k, maps in enumerate(truth().maps):
        table(folder / f"map_{k}.fits", columns_of(maps, ("T", "PLUS", "CROSS")), WHOLE)


@case(told="left out: PLUS, CROSS, of no known name", STOKES="T")
def unknown_columns_beside_t_said(folder):
    wrote = truth("T")
    for k in range(N):
        columns = columns_of([wrote.maps[k][0]] * 3, ("T", "PLUS", "CROSS"))
        table(folder / f"map_{k}.fits", columns, WHOLE)
    return wrote


@case(told="left out: I_RMS, Q_RMS, U_RMS, QU_RMS, I_STDDEV, Q_STDDEV, …", CONVENTION="COSMO")
def cosmoglobe_release(folder):
    """Cosmoglobe DR1, WMAP: eleven columns in mK, by Cosmoglobe/Cosmoglobe cosmoglobe/release."""
    wrote = truth(dtype=np.float32)
    for k in range(N):
        columns = columns_of(wrote.maps[k] * 1e3, ("I_MEAN", "Q_MEAN", "U_MEAN"), "E", "mK")
        for kind, of_both in (("RMS", "QU_RMS"), ("STDDEV", "QU_COV")):
            columns += columns_of(wrote.maps[k], [f"{n}_{kind}" for n in "IQU"], "E", "mK")
            columns += columns_of(wrote.maps[k][:1], (of_both,), "E", "mK2")
        header = {**HEALPIX, "COORDSYS": "GALACTIC", "BAD_DATA": -1.6375e30, "POLAR": True}
        header |= {"METHOD": "COMMANDER", "AST-COMP": "023-WMAP_K", "FREQ": "23 GHz"}
        path = folder / f"cosmoglobe_DR1_023-WMAP_K_IQU_n{k:05d}.fits"
        table(path, columns, {**header, "INDXSCHM": "IMPLICIT", "OBJECT": "FULLSKY"})
    return wrote


@case(told=r"left out: TMASK, PMASK, no T, Q or U")
def planck_smica(folder):
    """PR3 component maps: masks beside, a second table of beams that is no map."""
    wrote = truth(dtype=np.float32)
    for k in range(N):
        names = ("I_STOKES", "Q_STOKES", "U_STOKES")
        columns = columns_of(wrote.maps[k][:, NEST], names, "E", "K_CMB")
        columns += columns_of(np.ones((2, N_PIX)), ("TMASK", "PMASK"), "E", "none")
        beams = hdu(columns_of(np.ones((2, 100)), ("INT_BEAM", "POL_BEAM"), "E", "none"))
        header = {**WHOLE, "ORDERING": "NESTED", "COORDSYS": "GALACTIC"}
        path = folder / f"dx12_v3_smica_noise_hm1_mc_{k:05d}_raw.fits"
        table(path, columns, header, others=[beams])
    return wrote


@case(told=r"TUNIT 'K_RJ' is taken as K, as the user says \(4 maps\)", UNIT="K")
def brightness_taken_as_it_is(folder):
    wrote = truth()
    for k in range(N):
        healpix(folder / f"map_{k}.fits", wrote.maps[k], column_units="K_RJ")
    return wrote


@case(refused=r"map_0\.fits: COORDSYS is 'L'; expected galactic, ecliptic, equatorial; give FRAME")
def local_frame(folder):
    """Of spt3g: the horizon."""
    for k, maps in enumerate(truth().maps):
        table(folder / f"map_{k}.fits", columns_of(maps), {**WHOLE, "COORDSYS": "L"})


@case()
def header_edited_after_its_checksum(folder):
    wrote = truth()
    for k in range(N):
        path = folder / f"map_{k}.fits"
        table(path, columns_of(wrote.maps[k]), {**WHOLE, "OBSERVER": "me"}, checksum=True)
        path.write_bytes(path.read_bytes().replace(b"= 'me ", b"= 'us "))
    return wrote


@case(refused=r"map_0\.fits: .*truncated")
def first_file_damaged(folder):
    for k, maps in enumerate(truth().maps):
        healpix(folder / f"map_{k}.fits", maps)
    (folder / "map_0.fits").write_bytes((folder / "map_0.fits").read_bytes()[:6000])


@case(refused=r"map_0\.fits: holds a healsparse map; expected a table of HEALPix pixels")
def healsparse(folder):
    """LSSTDESC/healsparse: a coverage map and sparse values as images."""
    for k in range(N):
        cover = fits.ImageHDU(np.zeros(12, np.int64), name="COV")
        cover.header["PIXTYPE"] = "HEALSPARSE"
        sparse = fits.ImageHDU(np.zeros(64), name="SPARSE")
        fits.HDUList([fits.PrimaryHDU(), cover, sparse]).writeto(folder / f"map_{k}.fits")


@case("*.fits.gz", CONVENTION="COSMO")
def s4_data_challenge(folder):
    """CMB-S4 and PICO: gzipped, uK_CMB, equatorial, partial skies of UNSEEN."""
    wrote = truth(dtype=np.float32, seen=north(), frame="equatorial")
    for k in range(N):
        stored = np.where(wrote.seen, 1e6 * wrote.maps[k], UNSEEN)
        path = folder / f"cmbs4_SAT-MFLS1_noise_mc_{k:04d}.fits.gz"
        options = {"coord": "C", "column_units": "uK_CMB", "dtype": np.float32}
        healpix(path, stored, extra_header=(), **options)
    return wrote


@case(refused=r"UNIT: missing, and .*map_0\.fits does not say it; expected K, mK, uK")
def unit_unknown(folder):
    """HEALPix IDL writes 'unknown' where no unit is given."""
    for k, maps in enumerate(truth().maps):
        healpix(folder / f"map_{k}.fits", maps, column_units="unknown")


# --- HDF5 -----------------------------------------------------------------------------------


@case("*.h5", FRAME="galactic", CONVENTION="COSMO", UNIT="K")
def pixell_healpix_hdf5(folder):
    """enmap.write_hdf of a HEALPix array: a dataset data, and a wcs that means nothing."""
    wrote = truth()
    for k in range(N):
        with h5py.File(folder / f"map_{k}.h5", "w") as file:
            file["data"] = wrote.maps[k]
            file["data"].attrs["ORDERING"] = "RING"
            file["wcs/WCSAXES"] = 2
    return wrote


@case("*.h5", refused=r"ORDERING: missing, and .*map_0\.h5 does not say it", UNIT="K")
def hdf5_without_ordering(folder):
    for k, maps in enumerate(truth().maps):
        with h5py.File(folder / f"map_{k}.h5", "w") as file:
            file["data"] = maps


@case("*.hdf5", CONVENTION="COSMO")
def hdf5_of_three_datasets(folder):
    wrote = truth(frame="equatorial")
    for k in range(N):
        with h5py.File(folder / f"map_{k}.hdf5", "w") as file:
            for name, row in zip("IQU", wrote.maps[k] * 1e6, strict=True):
                file[name] = row
            file.attrs.update(nside=NSIDE, nest=False, units="uK_CMB", coord="C")
    return wrote


@case("*.h5", told="4 maps in a file, one in each group", CONVENTION="COSMO")
def hdf5_of_groups(folder):
    wrote = truth()
    with h5py.File(folder / "sims.h5", "w") as file:
        for k, maps in enumerate(wrote.maps):
            for name, row in zip("TQU", maps, strict=True):
                file[f"sim_{k}/{name}"] = row
        file.attrs.update(ORDERING="RING", UNITS="K", COORDSYS="G")
    return wrote


@case("*.h5", CONVENTION="COSMO")
def hdf5_of_many_maps(folder):
    wrote = truth("QU")
    with h5py.File(folder / "sims.h5", "w") as file:
        file["sims/noise"] = wrote.maps
        file["sims/noise"].attrs.update(ORDERING="RING", UNITS=b"K", COORDSYS="galactic")
    return wrote


@case("*.h5", refused=r"MC_0_cov\.h5: holds 6 components in K2; expected columns of T, Q and U")
def toast3_covariances(folder):
    for k in range(N):
        with h5py.File(folder / f"MC_{k}_cov.h5", "w") as file:
            data = file.create_dataset("map", data=np.ones((6, N_PIX)))
            data.attrs.update(ORDERING="NESTED", NSIDE=NSIDE, UNITS="1.0 K2")


@case("*.h5", refused=r"chain\.h5: holds several kinds of maps \(dataset 000001/tod/030/map of TQU")
def commander_chain_of_bands(folder):
    with h5py.File(folder / "chain.h5", "w") as file:
        for k, maps in enumerate(truth().maps):
            for band in ("030", "044"):
                file[f"{k + 1:06d}/tod/{band}/map"] = maps


# --- What is no map of the same kind --------------------------------------------------------


@case(refused=r"hits_0\.fits: holds whole numbers from 1 to 192 alone, as hits are; expected temp")
def hits_beside_maps_of_t(folder):
    for k, maps in enumerate(truth("T").maps):
        healpix(folder / f"map_{k}.fits", maps)
        healpix(folder / f"hits_{k}.fits", 1.0 + np.roll(np.arange(N_PIX), k))


@case(refused=r"rcond_0\.fits: its mean absolute value is 0\.5\d* K, that of others 7\.\S+ K")
def a_condition_number_beside_maps(folder):
    for k, maps in enumerate(truth("T").maps):
        healpix(folder / f"map_{k}.fits", maps)
    healpix(folder / "rcond_0.fits", np.random.default_rng(9).random(N_PIX))
