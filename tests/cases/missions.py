"""Missions and map-makers: headers, names, orders and units are those of the source named."""

import h5py
import healpy as hp
import numpy as np
from astropy.io import fits

from cases.writing import (
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

SILENT = {"coord": None, "extra_header": ()}
"""healpy's maps without frame and convention."""

ROWS = (-1, 64)
"""Values in a row of the tables of HEALPix's Fortran and IDL (1024 at larger nside)."""


@case(told=r"left out: HITS, II_COV, IQ_COV, IU_COV, QQ_COV, QU_COV, …, no T, Q or U")
def planck_pr3_hfi(folder):
    """Frequency maps of PR3 (2018) and SRoll2: sroll20.ias.u-psud.fr/fits_description.html"""
    wrote, rng = truth(dtype=np.float32), np.random.default_rng(1)
    missing = np.array([5, 77, 120])
    wrote.seen[missing] = False
    for k in range(N):
        stored = wrote.maps[k][:, NEST].copy()
        stored[:, np.isin(NEST, missing)] = UNSEEN
        names = ("I_STOKES", "Q_STOKES", "U_STOKES")
        columns = [(name, "E", "Kcmb", row) for name, row in zip(names, stored, strict=True)]
        columns += [("HITS", "J", "", rng.integers(100, 9000, N_PIX))]
        columns += [
            (f"{two}_COV", "E", "Kcmb^2", rng.random(N_PIX))
            for two in ("II", "IQ", "IU", "QQ", "QU", "UU")
        ]
        header = {**WHOLE, "ORDERING": "NESTED", "COORDSYS": "GALACTIC", "BAD_DATA": -1.6375e30}
        path = folder / f"HFI_SkyMap_143_2048_mc_{k:05d}.fits"
        table(path, columns, {**header, "EXTNAME": "FREQ-MAP"}, checksum=True)
    return wrote


@case(
    told=r"left out: N_OBS, no T, Q or U.*left out: Weight Arrays",
    FRAME="galactic",
    CONVENTION="COSMO",
)
def wmap_5yr(folder):
    """DR3 (2008): T in mK, Q and U in mK,thermodynamic. maps_band_r9_iqu_5yr_fitshdr.cfm"""
    wrote = truth(dtype=np.float32)
    header = {**HEALPIX, "ORDERING": "NESTED"}
    for k in range(N):
        t, q, u = 1e3 * wrote.maps[k][:, NEST]
        names = ("N_OBS", "QQ", "QU", "UU")
        weights = hdu([(n, "E", None, np.ones(N_PIX)) for n in names], **header)
        weights.header["EXTNAME"] = "Weight Arrays"
        columns = [("TEMPERATURE", "E", "mK", t), ("Q_POLARISATION", "E", "mK,thermodynamic", q)]
        columns += [("U_POLARISATION", "E", "mK,thermodynamic", u)]
        columns += [("N_OBS", "E", "counts", np.full(N_PIX, 900.0))]
        primary = {**header, "TELESCOP": "WMAP", "STOKES": "IQU", "FREQ": "K band"}
        path = folder / f"wmap_band_iqumap_r4_mc{k}.fits"
        table(path, columns, {**header, "EXTNAME": "Stokes Maps"}, primary, [weights])
    return wrote


@case(FRAME="galactic", CONVENTION="COSMO")
def wmap_9yr(folder):
    """DR5 (2012): wmap_forered_qumap_r9_yr9_Q2_v5.fits"""
    wrote = truth("QU", np.float32)
    for k in range(N):
        q, u = 1e3 * wrote.maps[k][:, NEST]
        columns = [("Q_POLARISATION", "E", "mK,thermodynamic", q)]
        columns += [("U_POLARISATION", "E", "mK,thermodynamic", u)]
        header = {**HEALPIX, "ORDERING": "NESTED", "EXTNAME": "Stokes Maps"}
        table(folder / f"wmap_forered_qumap_r4_mc{k}.fits", columns, header)
    return wrote


@case(told="left out: N_OBS.*T is 0 in every map", FRAME="galactic", CONVENTION="COSMO")
def wmap_3yr_qu(folder):
    """DR2 (2006): T and N_OBS are filled with zeros. wmap_forered_qumap_r4_3yr_Q_v2p1.fits"""
    wrote, none = truth("QU", np.float32), np.zeros(N_PIX, np.float32)
    for k in range(N):
        q, u = 1e3 * wrote.maps[k][:, NEST]
        columns = [("TEMPERATURE", "E", "mK", none), ("Q_POLARISATION", "E", "mK,thermodynamic", q)]
        columns += [("U_POLARISATION", "E", "mK,thermodynamic", u), ("N_OBS", "E", "counts", none)]
        header = {**HEALPIX, "ORDERING": "NESTED", "EXTNAME": "Stokes Maps"}
        table(folder / f"wmap_forered_qumap_r4_mc{k}.fits", columns, header)
    return wrote


@case(refused=r"template1_Q0_v4\.fits: is of Q by its name and of T by its column", UNIT="mK")
def wmap_loss_imbalance(folder):
    """DR4: Q and U one after the other, 6,144 values at nside 16, in a column TEMPERATURE."""
    for k, maps in enumerate(truth("QU", np.float32).maps):
        both = maps[:, NEST].ravel()
        columns = [("TEMPERATURE", "E", None, both), ("N_OBS", "E", None, np.ones(2 * N_PIX))]
        primary = {**HEALPIX, "ORDERING": "NESTED", "STOKES": "QU", "DA": f"Q{k}"}
        table(folder / f"wmap_loss_imbalance_template1_Q{k}_v4.fits", columns, {}, primary)


@case(
    refused=r"columns hold 384 values, 2 for each of 192 pixels; expected a column for each map",
    UNIT="mK",
    FRAME="galactic",
    STOKES="T",
)
def wmap_loss_imbalance_as_t(folder):
    """The same, with what the message asks for."""
    wmap_loss_imbalance(folder)


@case("*.fits.gz", CONVENTION="COSMO")
def litebird_sim_map(folder):
    """litebird_sim 0.18.0, healpix.write_healpix_map_to_file, as it is."""
    from litebird_sim import write_healpix_map_to_file

    wrote = truth(frame="ecliptic")
    for k in range(N):
        options = {"coord": "E", "column_units": "K", "column_names": ["I", "Q", "U"]}
        write_healpix_map_to_file(folder / f"binned_{k:03d}.fits.gz", wrote.maps[k], **options)
    return wrote


@case(
    told=r"left out: BINMAP beside DESTRMAP.*40 of 192 pixels are NaN in every map",
    CONVENTION="COSMO",
)
def litebird_sim_destriper(folder):
    """litebird_sim 0.18.0, save_destriper_results (mapmaking/destriper.py)."""
    from litebird_sim import write_healpix_map_to_hdu

    wrote = truth()
    wrote.seen[:40] = False
    for k in range(N):
        good = np.where(wrote.seen, wrote.maps[k], np.nan)
        names = {"coord": "G", "column_names": ("I", "Q", "U"), "column_units": ["K"] * 3}
        hits = {"coord": "G", "column_names": ["HITS"], "column_units": ["1/K^2"]}
        units = [
            fits.PrimaryHDU(),
            write_healpix_map_to_hdu(good, name="DESTRMAP", **names),
            write_healpix_map_to_hdu(2 * good, name="BINMAP", **names),
            write_healpix_map_to_hdu(np.ones(N_PIX), name="HITMAP", **hits),
        ]
        fits.HDUList(units).writeto(folder / f"destriper_results{k:04d}.fits")
    return wrote


@case(told="U without a unit taken in K, that of T and Q", FRAME="equatorial", CONVENTION="COSMO")
def toast3_fits(folder):
    """toast 3.0.6, pixels_io_healpix: TUNIT counted from 0, NESTED, one value a row."""
    wrote = truth(frame="equatorial")
    for k in range(N):
        extra = [(f"TUNIT{x}", "K") for x in range(3)] + [("VERSION", "3.0", "TOAST version")]
        options = {"fits_IDL": False, "nest": True, "extra_header": extra, "dtype": np.float64}
        path = folder / f"mapmaker_MC_{k:04d}_map.fits"
        hp.write_map(path, list(wrote.maps[k][:, NEST]), **options)
    return wrote


@case("*.h5", FRAME="equatorial", CONVENTION="COSMO")
def toast3_hdf5(folder):
    """toast 3.0.6: a dataset map (n_value, n_pix) with ORDERING, NSIDE and UNITS."""
    wrote = truth(frame="equatorial")
    for k in range(N):
        with h5py.File(folder / f"mapmaker_MC_{k:04d}_map.h5", "w") as file:
            data = file.create_dataset("map", data=wrote.maps[k][:, NEST], chunks=(3, N_PIX))
            data.attrs.update(ORDERING="NESTED", NSIDE=NSIDE, UNITS="1.0 K")
    return wrote


@case(
    refused=r"pysm_0\.fits: TUNIT is 'uK_RJ'; expected K, mK, uK, nK .*give UNIT",
    CONVENTION="COSMO",
)
def pysm_brightness(folder):
    """PySM 3 maps in Rayleigh-Jeans units. b-thorne/PySM_public#29"""
    for k, maps in enumerate(truth().maps):
        healpix(folder / f"pysm_{k}.fits", 1e6 * maps, column_units="uK_RJ", extra_header=())


@case(CONVENTION="COSMO")
def so_mbs_sky(folder):
    """simonsobs/map_based_simulations mbs-s0016-20241111, combine_maps.py"""
    wrote = truth(dtype=np.float32, frame="equatorial")
    for k in range(N):
        path = folder / f"sobs_mbs-s0016_SAT_mission_f090_{k:04d}_healpix.fits"
        options = {"coord": "C", "column_units": "uK_CMB", "nest": True, "dtype": np.float32}
        healpix(path, 1e6 * wrote.maps[k][:, NEST], extra_header=(), **options)
    return wrote


def _seen_by_so():
    z = hp.pix2vec(NSIDE, np.arange(N_PIX))[2]
    return (z < 0.1) & (z > -0.9)


@case(told=r"pixels are 0 in every map and component", FRAME="equatorial", CONVENTION="COSMO")
def so_mbs_noise(folder):
    """mbs-s0014-20230920, project2healpix.py: times a mask."""
    wrote = truth(dtype=np.float32, seen=_seen_by_so(), frame="equatorial")
    for k in range(N):
        path = folder / f"so_sat_f090_noise_{k:04d}.fits"
        healpix(path, wrote.maps[k] * wrote.seen, dtype=np.float32, **SILENT)
    return wrote


@case(CONVENTION="COSMO")
def mapsims_noise(folder):
    """simonsobs/mapsims runner.py: NaN turned to UNSEEN before writing."""
    wrote = truth(dtype=np.float32, seen=_seen_by_so(), frame="equatorial")
    for k in range(N):
        stored = np.where(wrote.seen, 1e6 * wrote.maps[k], hp.UNSEEN)[:, NEST]
        path = folder / f"simonsobs_noise_ST0_UHF1_nside16_{k + 1}_of_{N}.fits"
        options = {"coord": "C", "column_units": "uK_CMB", "nest": True, "dtype": np.float32}
        healpix(path, stored, extra_header=(), **options)
    return wrote


@case(refused=r"map_1.* is 'Tcmb'; expected K, mK, uK, nK .*writes in mK: give UNIT to take it as")
def spt3g_without_its_unit(folder):
    return spt3g(folder)


@case(UNIT="mK", told="left out: TT, TQ, TU, QQ, QU, UU, no T, Q or U.*'Tcmb' is taken as mK")
def spt3g(folder, n=N, name="map_{}.fits"):
    """CMB-S4/spt3g_software maps/python/fitsio.py: explicit pixels, NEST, Tcmb, IAU, C.

    Numbers are in mK, the unit of temperature of that software (findings/spt3g-millikelvin.sh).
    """
    z = hp.pix2vec(NSIDE, np.arange(N_PIX))[2]
    wrote = truth(n=n, seen=(z < -0.5) & (z > -0.95), frame="equatorial")
    pixel = np.flatnonzero(wrote.seen[NEST])
    for k in range(n):
        t, q, u = 1e3 * wrote.maps[k][:, NEST][:, pixel]
        columns = [("PIXEL", "I", None, pixel.astype(np.int16)), ("TEMPERATURE", "D", "Tcmb", t)]
        columns += [("Q_POLARISATION", "D", "Tcmb", q), ("U_POLARISATION", "D", "Tcmb", -u)]
        columns += [
            (w, "D", "None", np.ones(len(pixel))) for w in ("TT", "TQ", "TU", "QQ", "QU", "UU")
        ]
        header = {**HEALPIX, "ORDERING": "NEST", "INDXSCHM": "EXPLICIT", "OBJECT": "PARTIAL"}
        header |= {"COORDSYS": "C", "COORDREF": "Equatorial", "POLCCONV": "IAU", "POLAR": True}
        path = folder / name.format(k + 1)
        table(path, columns, {**header, "UNITS": "Tcmb", "WEIGHTED": False})
    return wrote


@case(UNIT="mK", told="left out: TT, TQ, TU, QQ, QU, UU, no T, Q or U.*'Tcmb' is taken as mK")
def spt3g_d1_noise(folder):
    """SPT-3G D1 (2026): signflip_noise_permutation1_150ghz.fits to 500, not padded with zeros."""
    return spt3g(folder, 12, "signflip_noise_permutation{}_150ghz.fits")


@case(FRAME="galactic")
def commander_sample(folder):
    """Commander 3, comm_map_mod.f90: I_Stokes, uK_cmb, no COORDSYS."""
    wrote = truth()
    for k in range(N):
        columns = [
            (f"{n}_Stokes", "64D", "uK_cmb", (1e6 * row).reshape(ROWS))
            for n, row in zip("IQU", wrote.maps[k], strict=True)
        ]
        header = {**HEALPIX, "POLCCONV": "COSMO", "BAD_DATA": -1.6375e30, "POLAR": True}
        path = folder / f"tod_030_map_c0001_k{k + 1:06d}.fits"
        table(path, columns, {**header, "INDXSCHM": "IMPLICIT", "GRAIN": 0})
    return wrote


@case("*.h5", told="4 maps in a file", CONVENTION="COSMO", UNIT="mK", FRAME="galactic")
def commander_chain(folder):
    """Commander 3 chains and Cosmoglobe: 000001/tod/BAND/map of (3, n_pix), many samples."""
    wrote = truth(dtype=np.float32)
    with h5py.File(folder / "chain_c0001.h5", "w") as file:
        file["parameters/version"] = 3
        for k in range(N):
            file[f"{k + 1:06d}/tod/023-WMAP_K/map"] = 1e3 * wrote.maps[k]
            file[f"{k + 1:06d}/tod/023-WMAP_K/rms"] = np.ones((4, N_PIX), np.float32)
    return wrote


@case(told="4 maps from files of Q, U each, by their names")
def one_file_for_each_stokes(folder):
    """S-PASS: spass_dr1_1902_healpix_Tb.q.fits, column UNKNOWN1, IAU."""
    wrote = truth("QU", np.float32)
    for k in range(N):
        for letter, row in zip("qu", wrote.maps[k] * [[1], [-1]], strict=True):
            columns = [("UNKNOWN1", "64E", "K", row.reshape(ROWS))]
            header = {**WHOLE, "POLCCONV": "IAU", "INDXSCHM": "IMPLICIT", "BAD_DATA": -1.6375e30}
            table(folder / f"sim{k}_Tb.{letter}.fits", columns, header)
    return wrote


@case(told="left out: NHITS_I, NHITS_QU, WEI_I, WEI_Q, WEI_U, COV_QU, no T, Q or U")
def quijote(folder):
    """QUIJOTE MFI DR1: quijote_mfi_skymap_19ghz_512_dr1_half2.fits"""
    wrote = truth(dtype=np.float32, seen=north(-0.5))
    for k in range(N):
        stored = np.where(wrote.seen, 1e3 * wrote.maps[k], UNSEEN)
        columns = [
            (f"{n}_STOKES", "64E", "mK_CMB", row.reshape(ROWS))
            for n, row in zip("IQU", stored, strict=True)
        ]
        units = ["none"] * 2 + ["(mK_CMB)^(-2)"] * 3 + ["(mK_CMB)^2"]
        names = ("NHITS_I", "NHITS_QU", "WEI_I", "WEI_Q", "WEI_U", "COV_QU")
        ones = np.ones((3, 64))
        columns += [(n, "64E", unit, ones) for n, unit in zip(names, units, strict=True)]
        header = {**WHOLE, "INDXSCHM": "IMPLICIT", "GRAIN": 0, "BAD_DATA": -1.6375e30}
        table(folder / f"quijote_{k}.fits", columns, header)
    return wrote


@case(FRAME="galactic")
def npipe_madam(folder):
    """NPIPE and FFP10 of LFI as Madam writes them: hpc4cmb/libmadam src/output.f90"""
    wrote = truth(dtype=np.float32)
    names = ("TEMPERATURE", "Q-POLARISATION", "U-POLARISATION")
    for k in range(N):
        rows = zip(names, wrote.maps[k][:, NEST], strict=True)
        columns = [(n, "E", "K_CMB", row) for n, row in rows]
        header = {**HEALPIX, "ORDERING": "NESTED", "POLCCONV": "COSMO", "POLAR": True}
        table(folder / f"noise_100_mc_{k:05d}_map.fits", columns, header)
    return wrote


@case(
    told="left out: V_POLARISATION, QQ, QU, QV, UU, UV, …, no T, Q or U",
    UNIT="uK",
    FRAME="equatorial",
    CONVENTION="COSMO",
)
def class_40ghz(folder):
    """CLASS DR1: V, Q, U and hits, RING; lambda class_dr1_pol_maps_info.html

    Names of V, Q and U are those that readers of the file use; the rest of the header is not known.
    """
    wrote = truth("QU", np.float32, frame="equatorial")
    for k in range(N):
        q, u = 1e6 * wrote.maps[k]
        columns = [("V_POLARISATION", "E", None, q), ("Q_POLARISATION", "E", None, q)]
        columns += [("U_POLARISATION", "E", None, u)]
        columns += [(w, "E", None, np.ones(N_PIX)) for w in ("QQ", "QU", "QV", "UU", "UV", "VV")]
        table(folder / f"class_{k}.fits", columns, HEALPIX)
    return wrote


@case(refused=r"act_set0_map\.fits: holds an image 3×40×80 \(RA---CAR\); expected a table")
def act_car(folder):
    """ACT and SO maps of pixell (enmap.write_fits)."""
    for k in range(N):
        image = fits.PrimaryHDU(np.ones((3, 40, 80), "f4"))
        image.header.update(CTYPE1="RA---CAR", CTYPE2="DEC--CAR", POLCCONV="IAU", BUNIT="uK")
        image.writeto(folder / f"act_set{k}_map.fits")


@case("*.hdf5", refused=r"map_0\.hdf5: holds a map in a flat projection; expected datasets of num")
def pixell_car_hdf5(folder):
    """simonsobs/pixell enmap.write_hdf"""
    for k in range(N):
        with h5py.File(folder / f"map_{k}.hdf5", "w") as file:
            file["data"] = np.ones((3, 40, 80))
            file["wcs/CTYPE1"] = "RA---CAR"


@case(
    "*.hdf5",
    refused=r"cov_0\.hdf5: holds cov 2×20×2×20, pixels 20; expected",
    UNIT="uK",
    FRAME="galactic",
    CONVENTION="COSMO",
)
def quiet_covariances(folder):
    """QUIET: Inverse, Nside, Ordering (2 is NESTED), pixels, cov (2, n, 2, n) in square uK."""
    for k in range(N):
        with h5py.File(folder / f"cov_{k}.hdf5", "w") as file:
            file.update({"Inverse": 0, "Nside": NSIDE, "Ordering": 2, "pixels": np.arange(20)})
            file["cov"] = np.eye(40).reshape(2, 20, 2, 20)


@case(MASK="mask/bk14_mask_cel.fits", CONVENTION="COSMO")
def bicep_keck_mask(folder):
    """The released mask, a column AP_MASK, NaN outside, beside simulated maps."""
    wrote = truth(frame="equatorial", seen=north(0.3))
    for k in range(N):
        healpix(folder / f"map_{k}.fits", wrote.maps[k], coord="C", extra_header=())
    weights = np.where(wrote.seen, 0.5, np.nan)
    folder.joinpath("mask").mkdir()
    header = {**HEALPIX, "COORDSYS": "C", "INDXSCHM": "IMPLICIT"}
    table(folder / "mask" / "bk14_mask_cel.fits", [("AP_MASK", "E", None, weights)], header)
    return wrote
