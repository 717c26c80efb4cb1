"""Which files of the user there are, of which format, and how many maps they hold."""

import glob
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fewtomany.errors import UserError
from fewtomany.maps.ingest import words
from fewtomany.maps.ingest.words import CONVENTIONS, FRAMES, ORDERINGS, UNITS

SUFFIXES = {
    ".fits": "fits",
    ".fit": "fits",
    ".fits.gz": "fits",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".npy": "arrays",
}
"""Ends of names, and the module of this folder that reads such files by ``tables`` and ``read``."""


@dataclass(frozen=True)
class Source:
    """Files of one channel, and what the user says of them.

    Attributes
    ----------
    files : paths or patterns, in order
    unit : "K", "mK", "uK" or "nK"
    ordering : "RING" or "NESTED"
    convention : of polarization, "COSMO" or "IAU"
    frame : "galactic", "ecliptic" or "equatorial"

    What is None the files must say themselves; what both say must agree. Other words for the same,
    as headers have them, are taken, too: "NEST", "C", "uK_CMB".
    """

    files: tuple[str, ...]
    unit: str | None = None
    ordering: str | None = None
    convention: str | None = None
    frame: str | None = None

    def __post_init__(self):
        for name, allowed, meaning in (
            ("unit", UNITS, words.unit_of),
            ("ordering", ORDERINGS, words.ordering_of),
            ("convention", CONVENTIONS, words.convention_of),
            ("frame", FRAMES, words.frame_of),
        ):
            value = getattr(self, name)
            if value is None:
                continue
            if meaning(value) not in allowed:
                raise UserError(f"{name} {value!r} is not allowed; expected {', '.join(allowed)}")
            object.__setattr__(self, name, meaning(value))

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
    """Files of paths or patterns: in the order given, those of one pattern by their numbers.

    Raises
    ------
    UserError : for a pattern that matches no file, a folder, or a file of an unknown format
    """
    found: dict[str, None] = {}
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        home = str(Path(pattern).expanduser())
        paths = [home] if Path(home).is_file() else _matching(home)
        if lost := next((path for path in sorted(paths) if not Path(path).exists()), None):
            raise UserError(f"{lost}: is a link to a file that is not there; expected the file")
        some = sorted(paths, key=words.natural)
        paths = [path for path in some if Path(path).is_file()]
        if odd := next((path for path in some if Path(path).is_dir() and _is_known(path)), None):
            raise UserError(f"{odd}: is a folder; expected a file")
        if not paths and Path(home).is_dir():
            raise UserError(f"{pattern}: is a folder; expected files, as {pattern}/*.fits")
        if not paths:
            raise UserError(f"{pattern}: matches no file")
        found |= dict.fromkeys(paths)
    for path in found:
        format_of(path)
    return list(found)


def _matching(pattern: str) -> list[str]:
    """Paths that match a pattern; where none does, brackets stand for themselves."""
    return glob.glob(pattern, recursive=True) or glob.glob(
        pattern.replace("[", "[[]"), recursive=True
    )


def patterns(arguments: Sequence[str]) -> list[str]:
    """Paths and patterns of a command line: what matches nothing is several, blanks between.

    Blanks of names are kept in quotes, or where the whole argument matches a file.
    """
    found = []
    for argument in arguments:
        whole = str(Path(argument).expanduser())
        several = " " in argument and not (Path(whole).exists() or _matching(whole))
        try:
            found += shlex.split(argument) if several else [argument]
        except ValueError as error:
            raise UserError(f"MAPS: {argument!r}: {error}; expected paths or patterns") from None
    return found


def _is_known(path: str) -> bool:
    return Path(path).name.lower().endswith(tuple(SUFFIXES))


def format_of(path: str) -> str:
    """ "fits", "hdf5" or "arrays", the module that reads a file, by its name's end; UserError for
    another."""
    name = Path(path).name.lower()
    for suffix, kind in SUFFIXES.items():
        if name.endswith(suffix):
            return kind
    raise UserError(f"{path}: is of no known format; expected {', '.join(SUFFIXES)}")


def count(patterns: str | Sequence[str], stokes: str | None = None, flat: bool = False) -> int:
    """Number of maps in files, by their headers.

    Parameters
    ----------
    patterns : paths or patterns
    stokes : what is read of them; all that they hold by default
    flat : the maps are of planes or lines: the first axis of HDF5 and NumPy files

    Raises
    ------
    UserError : for a pattern that matches no file, and a file that cannot be read or holds
        something else
    """
    if flat:
        return sum(count_of(path) for path in find(patterns))
    from fewtomany.maps.ingest import look  # what reads headers, only where they are read
    from fewtomany.maps.ingest.decide import decide

    return decide(look.look(patterns), stokes).n_maps


def count_of(path: str) -> int:
    """Number of maps of a plane or a line in one file."""
    kind = format_of(path)
    if kind == "fits":
        raise UserError(f"{path}: is FITS; expected NumPy (.npy) or HDF5 files")
    return _count_hdf5(path) if kind == "hdf5" else len(open_npy(path, n_dims=(2, 3, 4)))


def _count_hdf5(path: str) -> int:
    import h5py  # only where there are such files

    try:
        with h5py.File(path, "r") as file:
            return file["maps"].shape[0]
    except (OSError, KeyError, IndexError, AttributeError) as error:
        raise UserError(f"{path}: not a readable map file of this package: {error}") from None


def open_npy(path: str, n_dims: Sequence[int] = (3,)) -> np.ndarray:
    """The array of a NumPy file, mapped into memory.

    Of the sphere it is (n_maps, n_components, n_pix); arrays of other ``n_dims`` are those of
    planes and lines.
    """
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        if "Python objects" in str(error):
            raise UserError(
                f"{path}: holds Python objects; expected an array of floating-point numbers"
            ) from None
        raise UserError(f"{path}: not a readable NumPy array (truncated?): {error}") from None
    if array.ndim not in n_dims or array.dtype.kind != "f":
        raise UserError(
            f"{path}: holds {array.dtype} of shape {array.shape}; "
            "expected floating-point numbers of shape (n_maps, n_components, n_pix)"
        )
    return array
