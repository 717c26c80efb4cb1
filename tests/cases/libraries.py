"""Reports of users of HEALPix libraries: marks, orders, types, names of files."""

import shutil

import healpy as hp
import numpy as np
from astropy.io import fits

from cases.writing import (
    ARRAYS,
    HEALPIX,
    N_PIX,
    NEST,
    NSIDE,
    WHOLE,
    N,
    case,
    healpix,
    north,
    table,
    truth,
)


@case()
def iau(folder):
    """U of IAU maps changes sign. simonsobs/pixell#144, galsci/pysm#160"""
    wrote = truth()
    for k, (t, q, u) in enumerate(wrote.maps):
        healpix(folder / f"map_{k}.fits", [t, q, -u], extra_header=[("POLCCONV", "IAU")])
    return wrote


@case()
def cards_in_the_primary_header(folder):
    """As early WMAP maps have them (map_k_smth_imap_yr1_v1.fits)."""
    wrote = truth()
    for k in range(N):
        t, q, u = wrote.maps[k][:, NEST]
        columns = [("TEMPERATURE", "D", "K", t), ("Q_POLARISATION", "D", "K", q)]
        columns += [("U_POLARISATION", "D", "K", -u)]
        primary = {**HEALPIX, "ORDERING": "NESTED", "POLCCONV": "IAU", "SKYCOORD": "Galactic"}
        table(folder / f"map_{k}.fits", columns, {}, primary)
    return wrote


@case(told=r"-1\.6375e\+36 is taken as UNSEEN \(4 maps\)")
def scaled_unseen(folder):
    """K to uK without a look at UNSEEN; other pixels in every map. healpy/healpy#5"""
    wrote, rng = truth(), np.random.default_rng(9)
    for k in range(N):
        stored = 1e6 * wrote.maps[k]
        lost = rng.choice(N_PIX, 5, replace=False)
        stored[:, lost] = 1e6 * hp.UNSEEN
        wrote.seen[lost] = False
        healpix(folder / f"map_{k}.fits", stored, column_units="uK")
    return wrote


@case(told=r"-1\.6375e\+36 is taken as UNSEEN")
def scaled_unseen_alike(folder):
    """The same pixels in every map."""
    wrote = truth()
    wrote.seen[100:140] = False
    for k in range(N):
        stored = np.where(wrote.seen, 1e6 * wrote.maps[k], 1e6 * hp.UNSEEN)
        healpix(folder / f"map_{k}.fits", stored, column_units="uK")
    return wrote


@case(told=r"50 of 192 pixels are NaN in every map and component: left out")
def nan(folder):
    """NaN in place of UNSEEN. lsst/rubin_sim#271"""
    wrote = truth()
    wrote.seen[:50] = False
    for k in range(N):
        healpix(folder / f"map_{k}.fits", np.where(wrote.seen, wrote.maps[k], np.nan))
    return wrote


@case()
def partial_differs(folder):
    """healpy's partial maps, other pixels in every file. healpy/healpy#254"""
    wrote, rng = truth(), np.random.default_rng(3)
    wrote.seen &= north()
    for k in range(N):
        here = north() & (rng.random(N_PIX) > 0.02)
        wrote.seen &= here
        columns = [("PIXEL", "J", None, np.flatnonzero(here))]
        columns += [(n, "D", "K", row[here]) for n, row in zip("TQU", wrote.maps[k], strict=True)]
        header = {**WHOLE, "INDXSCHM": "EXPLICIT", "OBJECT": "PARTIAL"}
        table(folder / f"map_{k}.fits", columns, header)
    return wrote


@case()
def pixels_in_a_column_pix(folder):
    """Of gamma rays and DES. DarkEnergySurvey/ugali#19"""
    wrote = truth("T")
    wrote.seen &= north()
    pixel = np.flatnonzero(wrote.seen)
    for k in range(N):
        columns = [("PIX", "J", None, pixel), ("SIGNAL", "D", "K", wrote.maps[k][0, pixel])]
        header = {**WHOLE, "INDXSCHM": "EXPLICIT", "OBJECT": "PARTIAL"}
        table(folder / f"map_{k}.fits", columns, header)
    return wrote


@case(refused=r"map_0\.fits: holds an image 32×64; expected a table of HEALPix pixels")
def images(folder):
    """Mollweide images of WMAP. healpy/healpy#349"""
    for k in range(N):
        units = [fits.ImageHDU(np.ones((32, 64), "f4"), name=name) for name in "TQU"]
        fits.HDUList([fits.PrimaryHDU(), *units]).writeto(folder / f"map_{k}.fits")


@case()
def no_nside(folder):
    """By the length. healpy/healpy#709"""
    wrote = truth()
    for k in range(N):
        columns = [(n, "D", "K", row) for n, row in zip("TQU", wrote.maps[k], strict=True)]
        header = {key: value for key, value in WHOLE.items() if key != "NSIDE"}
        table(folder / f"map_{k}.fits", columns, header)
    return wrote


@case(refused=r"map_0\.fits: NSIDE 24 is not allowed; expected a power of 2")
def nside_24(folder):
    """healpy/healpy#377"""
    for k in range(N):
        rng = np.random.default_rng(k)
        columns = [(n, "D", "K", rng.standard_normal(12 * 24**2)) for n in "TQU"]
        table(folder / f"map_{k}.fits", columns, {**WHOLE, "NSIDE": 24})


@case("*.npy", told=ARRAYS, CONVENTION="COSMO")
def big_endian_array(folder):
    """Read with astropy, saved as it was. LSSTDESC/NaMaster#149"""
    wrote = truth()
    np.save(folder / "maps.npy", wrote.maps.astype(">f4"))
    wrote.maps = wrote.maps.astype(np.float32)
    return wrote


@case()
def mixed_types(folder):
    """healpy's default changed in 1.15. healpy/healpy#688"""
    wrote = truth(dtype=np.float32)
    for k in range(N):
        kind = np.float32 if k % 2 else np.float64
        healpix(folder / f"map_{k}.fits", wrote.maps[k], dtype=kind)
    return wrote


@case()
def order_of_names(folder):
    """map_10 sorts before map_2. sunpy/sunpy#3318, snakemake/snakemake#733"""
    wrote = truth(n=12)
    for k in range(12):
        healpix(folder / f"map_{k}.fits", wrote.maps[k])
    return wrote


@case(told=r"Q and U without a unit taken in K, that of T")
def unit_of_the_first_column_only(folder):
    """As toast reads it. hpc4cmb/toast#795"""
    wrote = truth()
    for k in range(N):
        rows = zip("TQU", wrote.maps[k], strict=True)
        columns = [(n, "D", "K" if n == "T" else None, row) for n, row in rows]
        table(folder / f"map_{k}.fits", columns, WHOLE)
    return wrote


@case(refused=r"sims\.fits: holds II, IQ, IU, QQ, QU, UU: covariances, or healpy's .*STOKES=T")
def six_maps_as_columns(folder):
    """healpy names any six maps II, IQ, IU, QQ, QU, UU. healpy/healpy#445"""
    healpix(folder / "sims.fits", list(truth("T", n=6).maps[:, 0]))


@case(STOKES="T")
def six_maps_as_columns_said(folder):
    """The same, with what the message asks for."""
    wrote = truth("T", n=6)
    healpix(folder / "sims.fits", list(wrote.maps[:, 0]))
    return wrote


@case(CONVENTION="COSMO")
def three_columns_of_healpy(folder):
    """Three realizations of T would be named T, Q, U by healpy: they are read as that."""
    wrote = truth()
    for k in range(N):
        healpix(folder / f"sims_{k}.fits", list(wrote.maps[k]), extra_header=())
    return wrote


@case("*.npy", told=ARRAYS, CONVENTION="COSMO")
def array_of_three_axes(folder):
    wrote = truth()
    np.save(folder / "maps.npy", wrote.maps)
    return wrote


@case("*.npy", told=ARRAYS)
def array_of_two_axes(folder):
    """(n, n_pix) of T. healpy/healpy#320"""
    wrote = truth("T")
    np.save(folder / "maps.npy", wrote.maps[:, 0])
    return wrote


@case(
    refused=r"hits\.fits: holds T, 4 of 5 maps hold TQU; expected the same in all: leave it out",
    CONVENTION="COSMO",
    UNIT="K",
    FRAME="galactic",
)
def hits_in_the_pattern(folder):
    """toast's map-maker writes _hits beside _map (ops/mapmaker.py)."""
    healpix(folder / "hits.fits", np.arange(float(N_PIX)), coord=None, column_units=None)
    for k, maps in enumerate(truth().maps):
        options = {"coord": None, "column_units": None, "extra_header": ()}
        healpix(folder / f"map_{k}.fits", maps, **options)


@case(refused=r"cov_0\.fits: holds II_COV, QQ_COV, UU_COV in K\^2; expected columns", UNIT="K")
def covariances(folder):
    """Of SRoll2's files."""
    for k in range(N):
        names = ("II_COV", "QQ_COV", "UU_COV")
        columns = [(n, "D", "K^2", np.arange(N_PIX) + k) for n in names]
        table(folder / f"cov_{k}.fits", columns, WHOLE)


@case(refused=r"map_6\.fits: is a copy of .*map_2\.fits; expected different maps")
def one_duplicate(folder):
    for k, maps in enumerate(truth().maps):
        healpix(folder / f"map_{k}.fits", maps)
    shutil.copy(folder / "map_2.fits", folder / "map_6.fits")


@case()
def symbolic_links(folder):
    wrote = truth()
    (folder / "store").mkdir()
    for k in range(N):
        healpix(folder / "store" / f"x{k}.fits", wrote.maps[k])
        (folder / f"map_{k}.fits").symlink_to(folder / "store" / f"x{k}.fits")
    return wrote


@case()
def bad_data_in_u_alone(folder):
    """BAD_DATA is -9999."""
    wrote = truth(dtype=np.float32)
    wrote.seen[7:19] = False
    for k in range(N):
        t, q, u = wrote.maps[k].copy()
        u[7:19] = -9999
        columns = [(n, "E", "K", row) for n, row in zip("TQU", (t, q, u), strict=True)]
        table(folder / f"map_{k}.fits", columns, {**WHOLE, "BAD_DATA": -9999.0})
    return wrote


@case(told=r"\d+ of 192 pixels are 0 in every map and component: left out")
def zero_outside(folder):
    """LSSTDESC/NaMaster#64"""
    wrote = truth(frame="equatorial")
    wrote.seen &= north(0.3)
    for k in range(N):
        healpix(folder / f"map_{k}.fits", wrote.maps[k] * wrote.seen, coord="C")
    return wrote


@case(told=r"\d+ of 192 pixels have less than a tenth of the others' root mean square: if they")
def rings_outside_of_a_survey(folder):
    """pixell reproject.map2healpix by harmonics: 2% of the rms outside, and no pixel is 0."""
    wrote = truth()
    wrote.maps *= np.where(north(0.3), 1, 0.02)
    for k in range(N):
        healpix(folder / f"map_{k}.fits", wrote.maps[k])
    return wrote


@case()
def smaller_at_the_equator(folder):
    """An effect that vanishes along a circle is no survey."""
    wrote = truth()
    wrote.maps *= hp.pix2vec(NSIDE, np.arange(N_PIX))[2] + 1e-3
    for k in range(N):
        healpix(folder / f"map_{k}.fits", wrote.maps[k])
    return wrote


@case()
def many_maps(folder):
    wrote = truth("QU", np.float32, n=22)
    for k, maps in enumerate(wrote.maps):
        healpix(folder / f"map_{k}.fits", maps, dtype=np.float32)
    return wrote


@case("my maps/*.fits")
def blanks_in_names(folder):
    wrote = truth()
    (folder / "my maps").mkdir()
    for k in range(N):
        healpix(folder / "my maps" / f"map {k}.fits", wrote.maps[k])
    return wrote


@case()
def scaled_integers(folder):
    """TSCAL and TZERO. LSSTDESC/healsparse#11"""
    stored = np.random.default_rng(2).integers(-30000, 30000, (N, 1, N_PIX)).astype(np.int16)
    for k in range(N):
        path = folder / f"map_{k}.fits"
        header = {**WHOLE, "TSCAX1": 0.01, "TZERX1": 5.0}
        table(path, [("TEMPERATURE", "I", "uK", stored[k, 0])], header)
        content = path.read_bytes().replace(b"TSCAX1", b"TSCAL1").replace(b"TZERX1", b"TZERO1")
        path.write_bytes(content)
    wrote = truth("T")
    wrote.maps = 1e-6 * (0.01 * stored + 5.0)
    return wrote


@case(told="mask: the first of the columns GAL020, GAL040, GAL060", MASK="mask/mask.fits")
def mask_of_bytes(folder):
    """Finer, NESTED, three columns. healpy/healpy#748"""
    wrote, fine = truth(), 2 * NSIDE
    for k in range(N):
        healpix(folder / f"map_{k}.fits", wrote.maps[k])
    z = hp.pix2vec(fine, np.arange(12 * fine**2), nest=True)[2]
    good = (np.abs(z) > 0.5).astype(np.uint8)
    (folder / "mask").mkdir()
    columns = [(name, "B", None, good) for name in ("GAL020", "GAL040", "GAL060")]
    header = {**HEALPIX, "ORDERING": "NESTED", "NSIDE": fine, "COORDSYS": "GALACTIC"}
    table(folder / "mask" / "mask.fits", columns, header)
    share = hp.ud_grade(good.astype(float), NSIDE, order_in="NESTED", order_out="RING")
    wrote.seen = share >= 0.5
    return wrote


@case(MASK="mask/mask.fits")
def mask_of_booleans(folder):
    """LSSTDESC/healsparse#172"""
    wrote = truth()
    wrote.seen &= north(0.3)
    for k in range(N):
        healpix(folder / f"map_{k}.fits", wrote.maps[k] * wrote.seen)
    (folder / "mask").mkdir()
    hp.write_map(folder / "mask" / "mask.fits", wrote.seen, dtype=bool)
    return wrote


@case(refused=r"CONVENTION: missing, and .*map_0\.fits does not say it; expected COSMO, IAU")
def no_header(folder):
    """litebird_sim saved maps in another frame than was asked for, and said none (#412)."""
    for k, maps in enumerate(truth().maps):
        healpix(folder / f"map_{k}.fits", maps, coord=None, extra_header=())


@case()
def nested_and_ring_mixed(folder):
    """healpy/healpy#112"""
    wrote = truth()
    for k in range(N):
        nest = bool(k % 2)
        stored = wrote.maps[k][:, NEST] if nest else wrote.maps[k]
        healpix(folder / f"map_{k}.fits", stored, nest=nest)
    return wrote


@case()
def monopole(folder):
    """2.7255 K under fluctuations of 10 uK."""
    wrote = truth("T")
    wrote.maps += 2.7255
    for k in range(N):
        healpix(folder / f"map_{k}.fits", wrote.maps[k][0])
    return wrote


@case()
def monopole_in_single_precision(folder):
    """Steps of 0.24 uK."""
    wrote = truth("T")
    wrote.maps += 2.7255
    for k in range(N):
        healpix(folder / f"map_{k}.fits", wrote.maps[k][0], dtype=np.float32)
    wrote.maps = wrote.maps.astype(np.float32)
    return wrote


@case(refused=r"map_0\.fits: TUNIT is 'MJy/sr', no temperature; expected K, mK, uK", UNIT="K")
def unit_of_another_dimension(folder):
    """b-thorne/PySM_public#29"""
    for k, maps in enumerate(truth().maps):
        healpix(folder / f"map_{k}.fits", maps, column_units="MJy/sr")


@case("*.fits.fz", refused=r"map_0\.fits\.fz: is of no known format; expected \.fits")
def fpacked(folder):
    for k in range(N):
        (folder / f"map_{k}.fits.fz").write_bytes(b"x" * 2880)


@case(told="T is 0 in every map: taken as absent")
def temperature_of_zeros(folder):
    """Maps of polarization alone, with a T of zeros beside (old WMAP, litebird_sim)."""
    wrote = truth("QU")
    for k in range(N):
        healpix(folder / f"map_{k}.fits", [0 * wrote.maps[k][0], *wrote.maps[k]])
    return wrote


@case(refused=r"map_0\.fits: columns hold 192 values; expected 768 at NSIDE 8")
def another_nside_in_the_header(folder):
    """Header copied after ud_grade. healpy/healpy#320"""
    for k, maps in enumerate(truth().maps):
        columns = [(n, "D", "K", row) for n, row in zip("TQU", maps, strict=True)]
        table(folder / f"map_{k}.fits", columns, {**WHOLE, "NSIDE": 8})
