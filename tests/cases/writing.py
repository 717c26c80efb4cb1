"""How the writers of this folder make files: truth in K, RING and COSMO, and FITS tables."""

from dataclasses import dataclass, field
from pathlib import Path

import healpy as hp
import numpy as np
from astropy.io import fits

NSIDE, N = 4, 4
N_PIX = 12 * NSIDE**2
NEST = hp.nest2ring(NSIDE, np.arange(N_PIX))
"""``ring[NEST]`` is in NESTED order."""

UNSEEN = np.float32(-1.6375e30)
ARRAYS = "^arrays say nothing of themselves: taken as "
"""What is said of NumPy files, with K, RING and galactic where the user does not say these."""

HEALPIX = {"PIXTYPE": "HEALPIX", "ORDERING": "RING", "NSIDE": NSIDE}
WHOLE = {**HEALPIX, "COORDSYS": "G", "POLCCONV": "COSMO"}
"""A header that says everything but the unit."""

KNOWN = {"coord": "G", "column_units": "K", "extra_header": [("POLCCONV", "COSMO")]}
"""The same for healpy."""


@dataclass
class Truth:
    """What a writer wrote: maps (n, n_stokes, n_pix) in K, RING, COSMO."""

    maps: np.ndarray
    stokes: str = "TQU"
    seen: np.ndarray = field(default_factory=lambda: np.ones(N_PIX, bool))
    frame: str = "galactic"


def truth(stokes="TQU", dtype=np.float64, n=N, **facts):
    rng = np.random.default_rng(1)
    maps = (1e-5 * rng.standard_normal((n, len(stokes), N_PIX))).astype(dtype)
    return Truth(maps, stokes, **facts)


def north(above=0.0):
    """Pixels above a sine of latitude."""
    return hp.pix2vec(NSIDE, np.arange(N_PIX))[2] > above


def hdu(columns, **header):
    """A table of columns (name, format, unit, values)."""
    made = [fits.Column(n, f, unit=u, array=v) for n, f, u, v in columns]
    result = fits.BinTableHDU.from_columns(made)
    result.header.update(header)
    return result


def table(path, columns, header, primary=None, others=(), checksum=False):
    first = fits.PrimaryHDU()
    first.header.update(primary or {})
    every = fits.HDUList([first, hdu(columns, **header), *others])
    every.writeto(path, overwrite=True, checksum=checksum)


def healpix(path, maps, **options):
    hp.write_map(path, maps, overwrite=True, **{"dtype": np.float64, **KNOWN, **options})


def folder_of(path):
    Path(path).mkdir(parents=True, exist_ok=True)
    return Path(path)


@dataclass(frozen=True)
class Case:
    """Files as a pipeline writes them, and what comes of them.

    Attributes
    ----------
    write : function of a folder; gives what it wrote, None where there is nothing to read
    says : what the user says, by the variable of `make augment`
    maps : the pattern, of the folder
    refused : what the one line says, a regular expression; "" for files that are read
    told : what is said before any work, a regular expression; "" for what need not be said
    """

    write: object
    says: dict
    maps: str
    refused: str
    told: str

    @property
    def name(self):
        return self.write.__name__


CASES: list[Case] = []


def case(maps="*.fits", refused="", told="", **says):
    """Enter a writer as a case."""

    def enter(write):
        CASES.append(Case(write, says, maps, refused, told))
        return write

    return enter
