"""Which files of the user there are, of which format, and how many maps they hold."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fewtomany.errors import UserError

SUFFIXES = {
    ".fits": "fits",
    ".fit": "fits",
    ".fits.gz": "fits",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".npy": "npy",
}
UNITS = {"K": 1.0, "mK": 1e-3, "uK": 1e-6}
"""Kelvin per unit."""

ORDERINGS = ("RING", "NESTED")
CONVENTIONS = ("COSMO", "IAU")
FRAMES = {"galactic": "G", "ecliptic": "E", "equatorial": "C"}
"""healpy's letters of the frames."""


@dataclass(frozen=True)
class Source:
    """Files of one channel, and what the user says of them.

    Attributes
    ----------
    files : paths or patterns, in order
    unit : "K", "mK" or "uK"
    ordering : "RING" or "NESTED" ("NEST")
    convention : of polarization, "COSMO" or "IAU"
    frame : "galactic", "ecliptic" or "equatorial"

    What is None the files must say themselves; what both say must agree.
    """

    files: tuple[str, ...]
    unit: str | None = None
    ordering: str | None = None
    convention: str | None = None
    frame: str | None = None

    def __post_init__(self):
        if self.ordering == "NEST":
            object.__setattr__(self, "ordering", "NESTED")
        for name, allowed in (
            ("unit", UNITS),
            ("ordering", ORDERINGS),
            ("convention", CONVENTIONS),
            ("frame", FRAMES),
        ):
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise UserError(f"{name} {value!r} is not allowed; expected {', '.join(allowed)}")

    def over(self, other: "Source") -> "Source":
        """This source, with what it does not say taken from the other."""
        return replace(
            self,
            unit=self.unit or other.unit,
            ordering=self.ordering or other.ordering,
            convention=self.convention or other.convention,
            frame=self.frame or other.frame,
        )


def find(patterns: str | Sequence[str]) -> list[str]:
    """Files of paths or patterns: in the order given, those of one pattern sorted by name.

    Raises
    ------
    UserError : for a pattern that matches no file, or a file of an unknown format
    """
    found: list[str] = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        paths = [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern, recursive=True))
        paths = [path for path in paths if Path(path).is_file()]
        if not paths:
            raise UserError(f"{pattern}: matches no file")
        found += [path for path in paths if path not in found]
    for path in found:
        format_of(path)
    return found


def format_of(path: str) -> str:
    """ "fits", "hdf5" or "npy", by the name's end; UserError for another."""
    name = Path(path).name.lower()
    for suffix, kind in SUFFIXES.items():
        if name.endswith(suffix):
            return kind
    raise UserError(f"{path}: is of no known format; expected {', '.join(SUFFIXES)}")


def count(patterns: str | Sequence[str]) -> int:
    """Number of maps in files: one a FITS file, the first axis of HDF5 and NumPy files.

    Raises
    ------
    UserError : for a pattern that matches no file, and a file that cannot be read
    """
    return sum(count_of(path) for path in find(patterns))


def count_of(path: str) -> int:
    """Number of maps in one file."""
    return {"fits": lambda _: 1, "hdf5": _count_hdf5, "npy": _count_npy}[format_of(path)](path)


def _count_hdf5(path: str) -> int:
    import h5py  # only where there are such files

    try:
        with h5py.File(path, "r") as file:
            return file["maps"].shape[0]
    except (OSError, KeyError, IndexError, AttributeError) as error:
        raise UserError(f"{path}: not a readable map file of this package: {error}") from None


def _count_npy(path: str) -> int:
    return len(open_npy(path, n_dims=(2, 3, 4)))


def open_npy(path: str, n_dims: Sequence[int] = (3,)) -> np.ndarray:
    """The array of a NumPy file, mapped into memory.

    Of the sphere it is (n_maps, n_components, n_pix); arrays of other ``n_dims`` are those of
    planes and lines.
    """
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: not a readable NumPy array (truncated?): {error}") from None
    if array.ndim not in n_dims or array.dtype.kind != "f":
        raise UserError(
            f"{path}: holds {array.dtype} of shape {array.shape}; "
            "expected floating-point numbers of shape (n_maps, n_components, n_pix)"
        )
    return array
