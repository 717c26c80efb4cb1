"""What a place of a file holds that may be maps, as every format tells it.

A *table* is one place that holds columns of the same pixels: a table of a FITS file, a dataset of
an HDF5 file, an array. :mod:`fewtomany.maps.ingest.decide` says which of them are maps.
"""

from dataclasses import dataclass

from fewtomany.errors import UserError
from fewtomany.maps.ingest import words

UNSEEN = -1.6375e30
"""HEALPix's mark of a pixel without data."""


SPHERES = {12 * 4**k for k in range(1, 14)}
"""Pixels of whole maps, of more than the twelve base ones."""


@dataclass(frozen=True)
class Header:
    """What is said of maps; None where nothing is.

    Attributes
    ----------
    nside : HEALPix resolution
    unit : "K", "mK", "uK", "nK", or what else the file says
    ordering : "RING" or "NESTED", or what else the file says
    convention : of polarization, "COSMO" or "IAU", or what else the file says
    frame : "galactic", "ecliptic" or "equatorial", or what else the file says
    """

    nside: int
    unit: str | None = None
    ordering: str | None = None
    convention: str | None = None
    frame: str | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : as the file writes it
    unit : as :func:`fewtomany.maps.ingest.words.unit_of` gives it, or the name: "I (K_CMB)"
    letter : the Stokes parameter that the name stands for, T, Q, U, V or ""
    auxiliary : hits, weights, covariances and the like
    integers : stored as whole numbers, so that 0 may be a value like another
    """

    name: str
    unit: str | None
    letter: str
    auxiliary: bool
    integers: bool = False

    @classmethod
    def of(cls, name: str, unit: str | None, integers: bool = False) -> "Column":
        known = words.unit_of(unit) or words.unit_in(name)
        letter = words.letter_of(name)
        return cls(name, known, letter, not letter and words.is_auxiliary(name, known), integers)


@dataclass(frozen=True)
class Table:
    """One place of a file that holds columns of the same pixels.

    Attributes
    ----------
    path : the file
    key : the place as its format finds it: number of the extension, name of the dataset, ""
    label : the place as it is named to the user: name of the extension, of the dataset, or ""
    columns : without that of the pixels
    header : what is said of all columns; the unit is said of each
    n_maps : maps of these columns; more than one for arrays (n_maps, n_columns, n_pix)
    polar : the file says that its tables are T, Q and U in turn
    n_axes : of an array, whose columns have no names: what they are follows from its shape; 0 of
        columns that have names
    several : the file holds other tables
    fault : why it cannot be read; "" where it can
    """

    path: str
    key: int | str
    label: str
    columns: tuple[Column, ...]
    header: Header
    n_maps: int = 1
    polar: bool = False
    n_axes: int = 0
    several: bool = False
    fault: str = ""

    @property
    def where(self) -> str:
        """The place for messages."""
        if not self.several:
            return self.path
        return f"{self.path}, {self.label or f'extension {self.key}'}"


def nside_of(path: str, n_pix: int, said: object = None) -> int:
    """The resolution of so many pixels of the whole sphere, or the one that a file says.

    Raises
    ------
    UserError : unless it is a power of 2
    """
    try:
        nside = int(said) if said is not None else round((n_pix / 12) ** 0.5)
    except (TypeError, ValueError):
        raise UserError(f"{path}: NSIDE {said!r} is not allowed; expected a power of 2") from None
    if said is None and 12 * nside**2 != n_pix:
        nside = 0
    if said is None and (nside < 1 or nside & (nside - 1)):
        raise UserError(
            f"{path}: {n_pix} values are no HEALPix map; expected 12·nside² of them, nside a power "
            "of 2 (in arrays along the last axis)"
        )
    if nside < 1 or nside & (nside - 1):
        raise UserError(f"{path}: NSIDE {said} is not allowed; expected a power of 2")
    return nside
