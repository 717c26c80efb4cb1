"""FITS maps as healpy writes them: full sky, or the pixels that a column PIXEL names.

Read are the columns T, Q and U (by name, or by place where the names say nothing), the keywords
NSIDE, ORDERING, COORDSYS, POLCCONV and BAD_DATA, the columns' TUNIT, and the checksums
of the FITS standard where the file has them.
"""

import gzip
import io
import warnings
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

import healpy
import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from fewtomany.errors import UserError
from fewtomany.maps.ingest.files import UNITS

COLUMNS = {
    "T": ("T", "I", "TEMPERATURE", "INTENSITY", "SIGNAL", "STOKES_I"),
    "Q": ("Q", "STOKES_Q"),
    "U": ("U", "STOKES_U"),
}
"""Names of columns, without the endings _STOKES, _POLARISATION, _POLARIZATION."""

BY_PLACE = {1: "T", 2: "QU", 3: "TQU"}
"""What the columns are where their names do not tell, by their number."""

_FRAMES = {
    "galactic": ("G", "GAL", "GALACTIC"),
    "ecliptic": ("E", "ECL", "ECLIPTIC"),
    "equatorial": ("C", "Q", "CELESTIAL", "EQUATORIAL", "ICRS", "CELESTIAL2000"),
}
DAMAGE = (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, zlib.error)
"""What astropy raises for files that are cut off or none at all."""


@dataclass(frozen=True)
class Header:
    """What a file says of its maps; None where it says nothing.

    Attributes
    ----------
    nside : HEALPix resolution
    unit : "K", "mK", "uK", or what else the file says
    ordering : "RING" or "NESTED"
    convention : of polarization, "COSMO" or "IAU"
    frame : "galactic", "ecliptic" or "equatorial"
    """

    nside: int
    unit: str | None = None
    ordering: str | None = None
    convention: str | None = None
    frame: str | None = None


def read(path: str, stokes: str) -> tuple[np.ndarray, Header]:
    """The map of a file, as it is stored.

    Returns
    -------
    array of shape (len(stokes), 12·nside²), float32 or float64, in the file's order and unit;
        UNSEEN where nothing was observed
    what the file says of it

    Raises
    ------
    UserError : for a file that cannot be read or is no HEALPix map, wrong columns, several units
    """
    header, columns = _table(path)
    return _assemble(path, header, columns, _choose(path, columns, stokes))


def read_weights(path: str) -> tuple[np.ndarray, Header]:
    """The first column of a mask, (12·nside²,), float64; UNSEEN where a partial one has nothing."""
    header, columns = _table(path)
    first = [name for name in columns if name != "PIXEL"][:1]
    if not first:
        raise UserError(f"{path}: has no column of weights")
    maps, facts = _assemble(path, header, columns, first)
    return maps[0].astype(np.float64), facts


def _table(path: str) -> tuple[fits.Header, dict[str, Any]]:
    """Header and columns, by upper-case name, of the first table."""
    try:
        with _opened(path) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", ".*(truncated|[Cc]hecksum|[Dd]atasum)")
            with fits.open(stream, checksum=True) as file:
                tables = [unit for unit in file if isinstance(unit, fits.BinTableHDU)]
                if not tables:
                    raise UserError(f"{path}: holds no table (truncated?); expected a HEALPix map")
                table = tables[0]
                columns = {
                    column.name.upper(): (np.asarray(table.data[column.name]), column.unit)
                    for column in table.columns
                }
                return table.header.copy(), columns
    except AstropyUserWarning as error:
        raise UserError(f"{path}: is damaged or truncated: {_line(error)}") from None
    except (*DAMAGE, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: not a readable FITS file (truncated?): {_line(error)}") from None


def _opened(path: str) -> BinaryIO:
    """A file to be read, decompressed whole, so that a missing end is noticed.

    Astropy itself leaves a file that it cannot read open.
    """
    path = str(path)
    if not path.lower().endswith(".gz"):
        return open(path, "rb")
    with open(path, "rb") as file:
        return io.BytesIO(gzip.decompress(file.read()))


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _choose(path: str, columns: dict[str, Any], stokes: str) -> list[str]:
    """Names of the columns of the wanted components."""
    names = [name for name in columns if name != "PIXEL"]
    known = {_letter(name): name for name in reversed(names) if _letter(name)}
    if not known and len(names) in BY_PLACE:
        known = dict(zip(BY_PLACE[len(names)], names, strict=True))
    missing = [letter for letter in stokes if letter not in known]
    if missing:
        raise UserError(
            f"{path}: has {len(names)} columns of maps ({', '.join(names)}), none of them "
            f"{' and '.join(missing)}; expected columns for {stokes}"
        )
    return [known[letter] for letter in stokes]


def _letter(name: str) -> str:
    """The Stokes parameter that a column's name stands for; "" for other names."""
    stem = name.replace("-", "_").replace(" ", "_")
    for ending in ("_STOKES", "_POLARISATION", "_POLARIZATION"):
        stem = stem.removesuffix(ending)
    return next((letter for letter, stems in COLUMNS.items() if stem in stems), "")


def _assemble(
    path: str, header: fits.Header, columns: dict[str, Any], names: list[str]
) -> tuple[np.ndarray, Header]:
    values = [_native(columns[name][0]) for name in names]
    partial = "PIXEL" in columns
    nside = int(header.get("NSIDE", 0)) or round((len(values[0]) / 12) ** 0.5)
    check_nside(path, nside, header.get("NSIDE") or f"of {len(values[0])} pixels")
    n_pix = healpy.nside2npix(nside)
    if partial:
        pixels = columns["PIXEL"][0].ravel().astype(np.int64)
        if pixels.size and (pixels.min() < 0 or pixels.max() >= n_pix):
            raise UserError(
                f"{path}: PIXEL goes from {pixels.min()} to {pixels.max()}; "
                f"expected 0 to {n_pix - 1} at NSIDE {nside}"
            )
        if len(np.unique(pixels)) < len(pixels):
            raise UserError(f"{path}: PIXEL names a pixel twice; expected every pixel once")
    expected = len(pixels) if partial else n_pix
    lengths = {len(column) for column in values}
    if lengths != {expected}:
        raise UserError(
            f"{path}: columns hold {', '.join(map(str, sorted(lengths)))} values; "
            f"expected {expected} at NSIDE {nside}"
        )
    stored = np.stack(values)
    if "BAD_DATA" in header:
        stored[np.isclose(stored, float(header["BAD_DATA"]), rtol=1e-5, atol=0)] = healpy.UNSEEN
    if partial:
        maps = np.full((len(stored), n_pix), healpy.UNSEEN, stored.dtype)
        maps[:, pixels] = stored
    else:
        maps = stored
    return maps, _facts(path, header, nside, {name: columns[name][1] for name in names})


def _native(column: np.ndarray) -> np.ndarray:
    """A column as one row of float32 or float64 in the machine's byte order."""
    dtype = np.float32 if column.dtype.kind == "f" and column.dtype.itemsize == 4 else np.float64
    return np.ascontiguousarray(column.ravel(), dtype)


def check_nside(path: str, nside: int, said: object) -> None:
    """UserError naming the file unless nside is a power of 2."""
    if nside < 1 or nside & (nside - 1):
        raise UserError(f"{path}: NSIDE {said} is not allowed; expected a power of 2")


def _facts(path: str, header: fits.Header, nside: int, units: dict[str, str | None]) -> Header:
    said = {name: unit_of(unit) for name, unit in units.items()}
    if len(set(said.values())) > 1:
        text = ", ".join(f"{name} {unit or 'none'}" for name, unit in said.items())
        raise UserError(f"{path}: columns of different units ({text}); expected one unit")
    return Header(
        nside=nside,
        unit=next(iter(said.values())),
        ordering=_word(path, header, "ORDERING", {"RING": ("RING",), "NESTED": ("NESTED", "NEST")}),
        convention=_word(path, header, "POLCCONV", {"COSMO": ("COSMO",), "IAU": ("IAU",)}),
        frame=_word(path, header, "COORDSYS", _FRAMES),
    )


def _word(path: str, header: fits.Header, key: str, allowed: dict[str, tuple]) -> str | None:
    """The value of a keyword as this package names it; None without one."""
    value = str(header.get(key, "")).strip().upper()
    if not value:
        return None
    for name, words in allowed.items():
        if value in words:
            return name
    expected = ", ".join(words[0] for words in allowed.values())
    raise UserError(f"{path}: {key} is {value!r}; expected {expected}")


def unit_of(text: str | None) -> str | None:
    """ "K", "mK" or "uK" for the unit of a column, thermodynamic (K_CMB, uK_CMB, muK, ...).

    Another unit comes back as it is, none as None.
    """
    if text is None or not text.strip():
        return None
    word = text.strip()
    stem = word.removesuffix("_CMB").removesuffix("_cmb").removesuffix("CMB").removesuffix("cmb")
    stem = {"Kelvin": "K", "kelvin": "K", "muK": "uK", "µK": "uK", "μK": "uK"}.get(stem, stem)
    return stem if stem in UNITS else word
