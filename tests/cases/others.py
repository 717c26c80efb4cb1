"""What more pipelines and codes write: headers, columns, arrays and files that are no maps."""

import gzip

import h5py
import healpy as hp
import numpy as np
from astropy.io import fits

from cases.kinds import columns_of
from cases.writing import (
    HEALPIX,
    N_PIX,
    NEST,
    NSIDE,
    WHOLE,
    N,
    case,
    hdu,
    north,
    table,
    truth,
)

# --- Pipelines --------------------------------------------------------------------------------


@case(told=r"left out: dT/dtheta, dT/dphi/sin, d2T/dtheta2, of no known name")
def synfast_with_derivatives(folder):
    """HEALPix Fortran synfast, sim_type 5: derivatives of T beside; muK."""
    wrote = truth(dtype=np.float32)
    for k in range(N):
        names = ("TEMPERATURE", "Q_POLARISATION", "U_POLARISATION")
        derivatives = ("dT/dtheta", "dT/dphi/sin", "d2T/dtheta2")
        columns = columns_of(1e6 * wrote.maps[k], names, "E", "muK")
        columns += columns_of(wrote.maps[k], derivatives, "E", "muK")
        table(folder / f"map_{k}.fits", columns, WHOLE)
    return wrote


@case(told="left out: I_STDDEV, Q_STDDEV, U_STDDEV, I_RMS, Q_RMS, U_RMS, no T, Q or U")
def beyondplanck(folder):
    """BP_030_IQU_n0512_v2: means, standard deviations over samples, and rms."""
    wrote = truth(dtype=np.float32)
    names = [f"{letter}_{kind}" for kind in ("MEAN", "STDDEV", "RMS") for letter in "IQU"]
    for k in range(N):
        rows = np.concatenate([1e6 * wrote.maps[k]] * 3)
        columns = columns_of(rows, names, "E", "uK_cmb")
        table(folder / f"BP_030_{k}.fits", columns, {**WHOLE, "COORDSYS": "GALACTIC"})
    return wrote


@case(refused=r"dmr_0\.fits: PIXTYPE is 'COBE-QUADRILATERALIZED CUBE'; expected HEALPIX")
def cobe_dmr(folder):
    """COBE's pixels are those of a cube, and its files name them in a column PIXEL."""
    header = {"PIXTYPE": "COBE-QUADRILATERALIZED CUBE", "ORDERING": "RING", "NSIDE": NSIDE}
    for k, maps in enumerate(truth("T").maps):
        columns = [("PIXEL", "J", None, np.arange(N_PIX)), ("SIGNAL", "D", "mK", maps[0])]
        table(folder / f"dmr_{k}.fits", columns, {**header, "COORDSYS": "E"})


@case()
def pixels_in_any_order(folder):
    """healpy's partial files are sorted; those of parallel map-makers need not be."""
    wrote = truth(seen=north(0.2))
    pixels = np.random.default_rng(3).permutation(np.flatnonzero(wrote.seen))
    for k in range(N):
        columns = [("PIXEL", "K", None, pixels), *columns_of(wrote.maps[k][:, pixels])]
        table(folder / f"map_{k}.fits", columns, {**WHOLE, "INDXSCHM": "EXPLICIT"})
    return wrote


@case()
def a_range_of_pixels(folder):
    """FIRSTPIX and LASTPIX of the HEALPix convention: a part without a column of pixels."""
    wrote = truth("QU")
    wrote.seen &= (np.arange(N_PIX) >= 48) & (np.arange(N_PIX) < 144)
    header = {**WHOLE, "INDXSCHM": "IMPLICIT", "FIRSTPIX": 48, "LASTPIX": 143}
    for k in range(N):
        table(folder / f"map_{k}.fits", columns_of(wrote.maps[k][:, 48:144], "QU"), header)
    return wrote


@case(
    "*.h5",
    refused=r"MC_0_noiseweighted\.h5: TUNIT is '1.0 / K', no temperature",
    FRAME="equatorial",
)
def toast3_noise_weighted(folder):
    """toast 3 writes noise-weighted maps beside binned ones: T, Q, U in 1/K."""
    for k, maps in enumerate(truth().maps):
        with h5py.File(folder / f"MC_{k}_noiseweighted.h5", "w") as file:
            data = file.create_dataset("map", data=maps[:, NEST])
            data.attrs.update(ORDERING="NESTED", NSIDE=NSIDE, UNITS="1.0 / K")


@case(
    "*.h5",
    refused=r"LBS_obs0000\.h5: holds quats 1000×4, tod 2×1000; expected datasets of numbers whose",
)
def litebird_sim_observations(folder):
    """litebird_sim's TOD, by a pattern that is too wide."""
    for k in range(N):
        with h5py.File(folder / f"LBS_obs{k:04d}.h5", "w") as file:
            file["tod"], file["quats"] = np.ones((2, 1000)), np.ones((1000, 4))


# --- Columns and headers ------------------------------------------------------------------------


@case(told="T without a unit taken in K, that of Q and U")
def unit_of_the_first_column_missing(folder):
    wrote = truth()
    for k in range(N):
        rows = zip("TQU", (None, "K", "K"), wrote.maps[k], strict=True)
        columns = [(name, "D", unit, row) for name, unit, row in rows]
        table(folder / f"map_{k}.fits", columns, WHOLE)
    return wrote


@case(refused=r"map_0\.fits: columns of different units \(T mK, Q uK, U uK\); expected one unit")
def units_that_differ(folder):
    for k, maps in enumerate(truth().maps):
        rows = zip("TQU", ("mK", "uK", "uK"), maps, strict=True)
        columns = [(name, "D", unit, row) for name, unit, row in rows]
        table(folder / f"map_{k}.fits", columns, WHOLE)


@case()
def units_in_names(folder):
    """Astropy's tables keep the unit where a user wrote it: "I (uK_CMB)"."""
    wrote = truth()
    for k in range(N):
        names = ("I (uK_CMB)", "Q (uK_CMB)", "U (uK_CMB)")
        table(folder / f"map_{k}.fits", columns_of(1e6 * wrote.maps[k], names, unit=None), WHOLE)
    return wrote


@case()
def bunit_and_polconv(folder):
    """The unit as images have it, and POLCCONV with one C."""
    wrote = truth("QU")
    header = {**HEALPIX, "COORDSYS": "GALACTIC", "POLCONV": "COSMO", "BUNIT": "K_CMB"}
    for k in range(N):
        table(folder / f"map_{k}.fits", columns_of(wrote.maps[k], "QU", unit=None), header)
    return wrote


@case(
    refused=r"map_0\.fits: POLCCONV is COSMO in the table and IAU in the primary header; expected"
)
def headers_that_disagree(folder):
    for k, maps in enumerate(truth().maps):
        table(folder / f"map_{k}.fits", columns_of(maps), WHOLE, primary={"POLCCONV": "IAU"})


@case(
    refused=r"map_0\.fits: columns E, B are of no known name; expected T, Q and U, or STOKES=QU to"
)
def columns_of_e_and_b(folder):
    """Scalar maps of E and B modes are no Q and U, by whatever place."""
    for k, maps in enumerate(truth("QU").maps):
        table(folder / f"map_{k}.fits", columns_of(maps, "EB"), WHOLE)


@case(
    refused=r"map_0\.fits: columns P, PSI are of no known name; expected T, Q and U, or STOKES=QU"
)
def amplitude_and_angle(folder):
    for k, maps in enumerate(truth("QU").maps):
        table(folder / f"map_{k}.fits", columns_of(maps, ("P", "PSI")), WHOLE)


@case(told="column KAPPA is taken as T", UNIT="K")
def convergence(folder):
    """A scalar map of another name may be what is meant: it is said."""
    wrote = truth("T")
    for k in range(N):
        table(folder / f"map_{k}.fits", columns_of(wrote.maps[k], ("KAPPA",), unit=None), WHOLE)
    return wrote


# --- Files that are no maps of ours ----------------------------------------------------------


@case()
def gzipped_without_saying_so(folder):
    """Renamed after a download."""
    wrote = truth()
    for k in range(N):
        table(folder / "plain", columns_of(wrote.maps[k]), WHOLE)
        content = gzip.compress((folder / "plain").read_bytes())
        (folder / f"map_{k}.fits").write_bytes(content)
    return wrote


@case(
    refused=r"map_0\.fits: is no FITS file: it begins with 'version https://git-lfs\.github\.com/"
)
def pointers_of_git_lfs(folder):
    for k in range(N):
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{k:064x}\nsize 9\n"
        (folder / f"map_{k}.fits").write_text(text)


@case(refused=r"alm_0\.fits: 45 values are no HEALPix map; expected 12·nside² of them")
def harmonic_coefficients(folder):
    """healpy.write_alm"""
    for k in range(N):
        alm = (k + 1) * np.ones(hp.Alm.getsize(8), complex)
        hp.write_alm(folder / f"alm_{k}.fits", [alm] * 3)


@case(refused=r"map_0\.fits: holds a table compressed by fpack; expected a table of HEALPix pixels")
def fpacked_under_another_name(folder):
    for k, maps in enumerate(truth("T").maps):
        unit = hdu(columns_of(maps, "T"), **WHOLE, ZTABLE=True)
        unit.writeto(folder / f"map_{k}.fits")


@case(refused=r"map_0\.fits: holds columns of variable length; expected a table of HEALPix pixels")
def columns_of_variable_length(folder):
    for k, (row,) in enumerate(truth("T").maps):
        halves = np.array([row[:100], row[100:]], dtype=object)
        unit = fits.BinTableHDU.from_columns([fits.Column("T", "PD()", unit="K", array=halves)])
        unit.header.update(WHOLE)
        unit.writeto(folder / f"map_{k}.fits")


@case(
    "*.h5", refused=r"map_0\.h5: holds map 192 of T, Q, U; expected datasets of numbers whose last"
)
def hdf5_of_records(folder):
    """h5py of a structured array, one field for each Stokes parameter."""
    for k, maps in enumerate(truth().maps):
        records = np.rec.fromarrays(list(maps), names="T,Q,U")
        with h5py.File(folder / f"map_{k}.h5", "w") as file:
            file["map"] = records


@case("*.npy", refused=r"maps\.npy: 3 values are no HEALPix map; .*in arrays along the last axis")
def array_with_pixels_before_stokes(folder):
    np.save(folder / "maps.npy", truth().maps.swapaxes(1, 2))


@case("*.npy", refused=r"maps\.npy: holds complex128 of shape \(4, 192\); expected floating-point")
def array_of_complex_numbers(folder):
    """Q + iU."""
    maps = truth("QU").maps
    np.save(folder / "maps.npy", maps[:, 0] + 1j * maps[:, 1])


@case("*.npz", refused=r"maps\.npz: is of no known format; expected \.fits, .*\.npy")
def arrays_in_an_archive(folder):
    """numpy.savez"""
    np.savez(folder / "maps.npz", maps=truth().maps)
