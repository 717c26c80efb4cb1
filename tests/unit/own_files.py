"""FITS files of made-up maps, as a user would have them, for the tests of what reads them."""

import healpy
import numpy as np
from astropy.io import fits

from fewtomany.maps import ingest

NSIDE = 4
N_PIX = 12 * NSIDE**2
KNOWN = {"coord": "G", "column_units": "uK_CMB", "extra_header": [("POLCCONV", "COSMO")]}


def some_maps(n_maps=3, stokes="QU", nside=NSIDE):
    random = np.random.default_rng(n_maps)
    return random.standard_normal((n_maps, len(stokes), 12 * nside**2)).astype(np.float32)


def write(folder, maps, **options):
    """FITS files a-0.fits, a-1.fits, ... by healpy."""
    paths = []
    for number, components in enumerate(maps):
        paths.append(f"{folder}/a-{number}.fits")
        options = {"dtype": np.float32, **KNOWN, **options}
        healpy.write_map(paths[-1], list(components), overwrite=True, **options)
    return paths


def edit(path, **keywords):
    """Set keywords of a FITS file, or remove those that are None."""
    with fits.open(path, mode="update") as file:
        for key, value in keywords.items():
            if value is None:
                file[1].header.remove(key)
            else:
                file[1].header[key] = value


def load(files, stokes="QU", nside=NSIDE, frame="galactic", **options):
    return ingest.load(files, stokes, nside, frame, **options)
