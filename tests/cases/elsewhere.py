"""Formats of public code whose maps no release has shown yet."""

import h5py
import healpy as hp
import numpy as np

from cases.writing import HEALPIX, N_PIX, NEST, NSIDE, N, case, table, truth

UNSAID = {"UNIT": "K", "FRAME": "equatorial", "CONVENTION": "COSMO"}

WHOLE_SPHERE = {**HEALPIX, "FIRSTPIX": 0, "LASTPIX": N_PIX - 1, "INDXSCHM": "IMPLICIT"}

SCANS = 48
"""As many as there are pixels at nside 2."""


# --- Simons Observatory, sotodlib mapmaking/demod_mapmaker.py -----------------------------------


def sotodlib(folder, name):
    """Dataset data (n_components, n_pix) with ordering and nside; what it is says the name."""
    wrote = truth(dtype=np.float32, frame="equatorial")
    for k in range(N):
        with h5py.File(folder / f"atomic_{k:010d}_full_{name}.h5", "w") as file:
            data = file.create_dataset("data", data=wrote.maps[k][:, NEST])
            data.attrs.update(ordering="NEST", nside=NSIDE)
    return wrote


@case("*.h5", **UNSAID)
def sotodlib_map(folder):
    return sotodlib(folder, "map")


@case("*.h5", refused=r"full_wmap\.h5: is a map times its weights by its name, _wmap", **UNSAID)
def sotodlib_weighted(folder):
    sotodlib(folder, "wmap")


@case("*.h5", refused=r"full_weights\.h5: is no map by its name, _weights", **UNSAID)
def sotodlib_weights(folder):
    sotodlib(folder, "weights")


@case("*.fits.gz", refused=r"wmap\.fits\.gz: TUNIT is 'K\^-1', no temperature", **UNSAID)
def sotodlib_weighted_fits(folder):
    """A map times its weights, in K^-1."""
    for k, maps in enumerate(truth(dtype=np.float32).maps):
        options = {"nest": True, "column_units": "K^-1", "dtype": np.float32}
        hp.write_map(folder / f"atomic_{k:010d}_full_wmap.fits.gz", maps[:, NEST], **options)


@case("*.npy", refused=r"tqu_0\.npy: 100 values are no HEALPix map", CONVENTION="COSMO")
def s4_range_of_pixels(folder):
    """CMB-S4 with LiteBIRD: arrays (3, n) of the pixels from one that only their code names."""
    for k, maps in enumerate(truth().maps):
        np.save(folder / f"tqu_{k}.npy", maps[:, 50:150])


# --- Commander 4, output/write_chains_files.py --------------------------------------------------


def commander4(folder, unit, beside=(), form="maps/{}"):
    """A file of a band and a sample: maps, the quantities of scans, the unit in a dataset."""
    wrote, rng = truth(dtype=np.float32), np.random.default_rng(2)
    for k in range(N):
        path = folder / f"PlanckLFI_030_chain01_iter{k + 1:04d}.h5"
        with h5py.File(path, "w") as file:
            file["metadata/parameter_file_as_string"] = "general: {}"
            file["metadata/band_unit"] = unit
            file["metadata/map_fwhm_arcmin"] = 32.0
            file["scan_ids"] = np.arange(SCANS)
            file["orbital_velocity"] = rng.standard_normal((SCANS, 2, 3))
            file[form.format("observed_sky")] = 1e6 * wrote.maps[k]
            file[form.format("rms")] = np.ones((3, N_PIX), np.float32)
            file[form.format("nhit")] = np.full((1, N_PIX), 7)
            for name in beside:
                file[form.format(name)] = np.ones((3, N_PIX), np.float32)
    return wrote


@case("*.h5", FRAME="galactic", CONVENTION="COSMO")
def commander4_band(folder):
    return commander4(folder, "uK_CMB")


@case(
    "*.h5",
    told="left out: dataset maps/orbdipole, dataset maps/skymodel beside dataset maps/observed_sky",
    FRAME="galactic",
    CONVENTION="COSMO",
)
def commander4_band_with_its_model(folder):
    return commander4(folder, "uK_CMB", ("orbdipole", "skymodel"))


@case("*.h5", FRAME="galactic", CONVENTION="COSMO")
def commander4_before_2026(folder):
    """chains_datamaps: map_observed_sky and map_rms, not in a group."""
    return commander4(folder, "uK_CMB", form="map_{}")


@case("*.h5", refused=r"is 'uK_RJ'; expected K, mK, uK", FRAME="galactic", CONVENTION="COSMO")
def commander4_brightness(folder):
    """Its default."""
    commander4(folder, "uK_RJ")


# --- Libraries ----------------------------------------------------------------------------------


@case(told=r"1e\+20 is taken as UNSEEN \(4 maps\)")
def litebird_sim_masked_t(folder):
    """litebird_sim 0.18.0: a single map is named T, and of a masked array 1e20 is written."""
    from litebird_sim import write_healpix_map_to_file

    wrote = truth("T")
    wrote.seen[:30] = False
    for k in range(N):
        masked = np.ma.masked_array(wrote.maps[k][0], ~wrote.seen)
        write_healpix_map_to_file(folder / f"{k}.fits", masked, coord="G", column_units="K")
    return wrote


@case(UNIT="K", FRAME="galactic", CONVENTION="COSMO")
def healpix_jl(folder):
    """Healpix.jl map_io.jl: no unit, pixels counted from 1 in FIRSTPIX."""
    wrote = truth()
    for k in range(N):
        columns = [(n, "1D", "", row) for n, row in zip("IQU", wrote.maps[k], strict=True)]
        table(folder / f"{k}.fits", columns, WHOLE_SPHERE | {"FIRSTPIX": 1, "LASTPIX": N_PIX})
    return wrote


@case(UNIT="K", FRAME="galactic", STOKES="T")
def healpix_jl_of_t(folder):
    """The values of a single map are a column PIXELS."""
    wrote = truth("T")
    for k in range(N):
        columns = [("PIXELS", "1D", "", wrote.maps[k][0])]
        table(folder / f"{k}.fits", columns, WHOLE_SPHERE | {"FIRSTPIX": 1, "LASTPIX": N_PIX})
    return wrote


@case(UNIT="K", FRAME="galactic", CONVENTION="COSMO")
def healpix_cxx(folder):
    """HEALPix C++ write_Healpix_map_to_fits: signal, Q-pol, U-pol of unit unknown."""
    wrote = truth()
    for k in range(N):
        named = zip(("signal", "Q-pol", "U-pol"), wrote.maps[k], strict=True)
        columns = [(name, "64D", "unknown", row.reshape(-1, 64)) for name, row in named]
        table(folder / f"{k}.fits", columns, WHOLE_SPHERE)
    return wrote


@case("*.h5", refused=r"holds data 3×1×1×192, nu 1, t 1, weight 3×1×1×192; expected", **UNSAID)
def maria(folder):
    """maria map/healpix.py: (stokes, nu, t, pixel), in K_RJ by default."""
    for k, maps in enumerate(truth().maps):
        with h5py.File(folder / f"{k}.h5", "w") as file:
            file["data"], file["weight"] = maps[:, None, None], np.ones((3, 1, 1, N_PIX))
            file["nu"], file["t"] = [150e9], [1.7e9]
            file["frame"], file["units"] = "ra_dec", "K_RJ"


@case("*.h5", refused=r"dataset map has 5 frequencies; expected maps of one", **UNSAID)
def cora(folder):
    """cora and draco: a map (freq, pol, pixel), which no shape tells from realizations."""
    for k, maps in enumerate(truth().maps):
        with h5py.File(folder / f"{k}.h5", "w") as file:
            file["map"] = np.stack([maps] * 5)
            file["map"].attrs["axis"] = np.array([b"freq", b"pol", b"pixel"])
            file["index_map/pixel"] = np.arange(N_PIX)


@case(refused=r"ORDERING is NUNIQ, of pixels of several sizes; expected one size", STOKES="T")
def multi_order(folder):
    """Multi-order maps, of gravitational waves: UNIQ names pixels of several sizes."""
    for k, maps in enumerate(truth("T").maps):
        columns = [("UNIQ", "K", None, 4 * NSIDE**2 + np.arange(N_PIX))]
        columns += [("TEMPERATURE", "D", "K", maps[0])]
        header = {"PIXTYPE": "HEALPIX", "ORDERING": "NUNIQ", "MOCORDER": 2, "COORDSYS": "C"}
        table(folder / f"{k}.fits", columns, {**header, "INDXSCHM": "EXPLICIT"})


@case("*.h5")
def whole_numbers_beside_maps(folder):
    """Indices of the pixels in a dataset as long as a map."""
    wrote = truth("T")
    for k in range(N):
        with h5py.File(folder / f"{k}.h5", "w") as file:
            file["T"], file["index"] = wrote.maps[k][0], np.arange(N_PIX)
            said = {"UNITS": "K", "ORDERING": "RING", "COORDSYS": "G"}
            file["T"].attrs.update(said)
    return wrote
