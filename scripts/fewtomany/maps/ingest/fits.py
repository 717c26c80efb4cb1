"""HEALPix maps in FITS files: tables of the full sky, or of the pixels that a column names.

Read are names and units of columns, the keywords NSIDE, ORDERING, COORDSYS, POLCCONV, BAD_DATA,
TNULL, INDXSCHM, FIRSTPIX and LASTPIX, of the table or else of the primary header, and the checksums
of the FITS standard where the file has them.
"""

import contextlib
import gzip
import io
import logging
import math
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from fewtomany.errors import UserError
from fewtomany.maps.ingest import words
from fewtomany.maps.ingest.tables import SPHERES, UNSEEN, Column, Header, Table, nside_of

DAMAGE = (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, zlib.error)
"""What astropy raises for files that are cut off or none at all."""

logger = logging.getLogger(__name__)

EXPLICIT = ("EXPLICIT", "PARTIAL")
"""Values of INDXSCHM and OBJECT of files that name their pixels."""


def tables(path: str) -> list[Table]:
    """The tables of a file, from its headers alone; last those that cannot be read.

    Raises
    ------
    UserError : for a file that cannot be read or holds no table of HEALPix pixels
    """
    with _opened(path, checksum=False) as file:
        primary = file[0].header
        found, faults = [], []
        for place, unit in enumerate(file):
            if isinstance(unit, fits.BinTableHDU):
                try:
                    found.append(_table(path, place, unit, primary))
                except UserError as error:
                    faults.append(_with_fault(path, place, unit, error))
        if not found:
            raise UserError(faults[0].fault if faults else _no_table(path, file))
    return [*(replace(table, several=len(found) > 1) for table in found), *faults]


def read(table: Table, columns: Sequence[int]) -> np.ndarray:
    """Columns of a table on the whole sphere.

    Returns
    -------
    array of shape (len(columns), 12·nside²), float32 or float64, in the file's order and unit;
        UNSEEN where nothing was observed

    Raises
    ------
    UserError : for a file that is damaged or cut off, or whose columns have other lengths
    """
    with _opened(table.path, checksum=True) as file:
        unit = file[table.key]
        pixel = _pixel_column(unit, file[0].header)
        places = [k for k in range(len(unit.columns)) if k != pixel]
        stored = [_values(unit, places[k]) for k in columns]
        pixels = None if pixel is None else unit.data.field(pixel).ravel().astype(np.int64)
        bad = _mark(table.path, unit.header.get("BAD_DATA", file[0].header.get("BAD_DATA")))
        if pixels is None:
            pixels = _range(unit.header, len(stored[0]), 12 * table.header.nside**2)
    nside = table.header.nside
    n_pix = 12 * nside**2
    if pixels is not None:
        _check_pixels(table.path, pixels, nside)
    expected = n_pix if pixels is None else len(pixels)
    lengths = {len(column) for column in stored}
    if lengths != {expected}:
        (most,) = lengths if len(lengths) == 1 else (0,)
        if pixels is None and most > n_pix and most % n_pix == 0:
            raise UserError(
                f"{table.where}: columns hold {most} values, {most // n_pix} for each of {n_pix} "
                f"pixels; expected a column for each map"
            )
        raise UserError(
            f"{table.where}: columns hold {', '.join(map(str, sorted(lengths)))} values; "
            f"expected {expected} at NSIDE {nside}"
        )
    values = np.stack(stored)
    if bad is not None:
        values[np.isclose(values, bad, rtol=1e-5, atol=0)] = UNSEEN
    if pixels is None:
        return values
    maps = np.full((len(values), n_pix), UNSEEN, values.dtype)
    maps[:, pixels] = values
    return maps


def _table(path: str, place: int, unit: fits.BinTableHDU, primary: fits.Header) -> Table:
    header = unit.header

    def said(key: str) -> object:
        return header.get(key, primary.get(key))

    _check_kind(path, unit, primary)
    pixel = _pixel_column(unit, primary)
    n_rows = header["NAXIS2"]
    n_values = [_repeats(column.format) * n_rows for column in unit.columns]
    if str(said("ORDERING")).strip().upper() == "NUNIQ":
        raise UserError(f"{path}: ORDERING is NUNIQ, of pixels of several sizes; expected one size")
    if pixel is not None and said("NSIDE") is None:
        raise UserError(f"{path}: NSIDE is missing; expected it where pixels are named")
    names = [column.name or "" for column in unit.columns]
    _check_rows(path, unit, said("NSIDE"))
    units = [column.unit for column in unit.columns]
    # toast 3 counts its units from 0; a table of one column then has no TUNIT1.
    if len(names) == 1 and units[0] is None:
        units[0] = header.get("TUNIT0")
    if not any(units):  # one for all columns, as images have it
        units = [said("BUNIT")] * len(units)
    return Table(
        path=path,
        key=place,
        label=str(header.get("EXTNAME", "")).strip(),
        columns=tuple(
            Column.of(
                str(name).strip(), said and str(said), _kind(unit.columns[k].format) in "BIJK"
            )
            for k, (name, said) in enumerate(zip(names, units, strict=True))
            if k != pixel
        ),
        header=Header(
            nside=nside_of(path, max(n_values, default=0), said("NSIDE")),
            ordering=words.ordering_of(said("ORDERING")),
            convention=words.convention_of(said("POLCCONV") or said("POLCONV")),
            frame=words.frame_of(said("COORDSYS") or said("SKYCOORD")),  # early WMAP's
        ),
        polar=said("POLAR") in (True, "T"),
    )


def _with_fault(path: str, place: int, unit: fits.BinTableHDU, error: UserError) -> Table:
    """A table that cannot be read beside others that can, and why."""
    columns = tuple(Column.of(str(name or "").strip(), None) for name in unit.columns.names)
    label = str(unit.header.get("EXTNAME", "")).strip()
    return Table(path, place, label, columns, Header(0), fault=str(error))


def _check_rows(path: str, unit: fits.BinTableHDU, nside: object) -> None:
    """UserError for a table whose rows are whole maps; rows of 12 values may be anything."""
    n_rows = unit.header["NAXIS2"]
    for column in unit.columns:
        width = _repeats(column.format)
        whole = n_rows > 1 and width in SPHERES
        if whole and nside in (None, "", math.isqrt(width // 12)):
            raise UserError(
                f"{path}: every one of {n_rows} rows of {column.name} holds {width} values, a map; "
                "expected a table or a column for each map"
            )


def _check_kind(path: str, unit: fits.BinTableHDU, primary: fits.Header) -> None:
    """UserError for a table whose columns are no HEALPix pixels, or whose headers disagree."""
    pixels = str(unit.header.get("PIXTYPE", primary.get("PIXTYPE", "HEALPIX"))).strip()
    if pixels.upper() not in ("", "HEALPIX"):
        raise UserError(f"{path}: PIXTYPE is {pixels!r}; expected HEALPIX")
    packed = "a table compressed by fpack" if unit.header.get("ZTABLE") else ""
    if packed or any(set("PQ") & set(str(column.format).split("(")[0]) for column in unit.columns):
        what = packed or "columns of variable length"
        raise UserError(f"{path}: holds {what}; expected a table of HEALPix pixels")
    if pairs := [column.name for column in unit.columns if _kind(column.format) in "CM"]:
        raise UserError(
            f"{path}: column {pairs[0]} holds complex numbers; expected columns of Q and of U"
        )
    for key, meaning in (
        ("ORDERING", words.ordering_of),
        ("POLCCONV", words.convention_of),
        ("COORDSYS", words.frame_of),
    ):
        said = [meaning(header.get(key)) for header in (unit.header, primary)]
        if None not in said and said[0] != said[1]:
            raise UserError(
                f"{path}: {key} is {said[0]} in the table and {said[1]} in the primary header; "
                "expected the same"
            )


def _kind(form: object) -> str:
    """The letter of a column's format."""
    return str(form).strip("0123456789")[:1]


def _repeats(form: str) -> int:
    digits = "".join(c for c in str(form).split("(")[0] if c.isdigit())
    return int(digits) if digits else 1


def _pixel_column(unit: fits.BinTableHDU, primary: fits.Header) -> int | None:
    """Place of the column that names the pixels; None for a map of the whole sphere."""
    if len(unit.columns) == 1:  # Healpix.jl calls the values of a map PIXELS
        return None
    for place, column in enumerate(unit.columns):
        if words.stem_of(column.name or "")[0] in words.PIXEL_COLUMNS:
            return place
    scheme = {
        str(unit.header.get(key, primary.get(key, ""))).strip().upper()
        for key in ("INDXSCHM", "OBJECT")
    }
    explicit = scheme & set(EXPLICIT) and len(unit.columns) > 1
    return 0 if explicit and _kind(unit.columns[0].format) in "IJK" else None


def _range(header: fits.Header, n_values: int, n_pix: int) -> np.ndarray | None:
    """Pixels of a table that holds those from FIRSTPIX to LASTPIX; None for the whole sphere.

    As many values as a whole sphere of another NSIDE are one: its header was copied.
    """
    ends = header.get("FIRSTPIX"), header.get("LASTPIX")
    whole = n_values == n_pix or 12 * round((n_values / 12) ** 0.5) ** 2 == n_values
    if whole or None in ends or ends[1] - ends[0] + 1 != n_values:
        return None
    return np.arange(ends[0], ends[1] + 1)


def _values(unit: fits.BinTableHDU, place: int) -> np.ndarray:
    """A column as one row of float32 or float64 in the machine's byte order; UNSEEN where TNULL."""
    column, values = unit.columns[place], unit.data.field(place)
    kind = values.dtype
    dtype = np.float32 if kind.kind == "f" and kind.itemsize == 4 else np.float64
    result = np.array(values, dtype).ravel()
    if column.null is not None and _kind(column.format) in "BIJK":
        raw = unit.data.view(np.ndarray)[unit.data.dtype.names[place]].ravel()
        result[raw == column.null] = UNSEEN
    return result


def _mark(path: str, said: object) -> float | None:
    """The value that BAD_DATA names; None where it has none, or names what is known anyway."""
    if said is None or isinstance(said, fits.card.Undefined):
        return None
    if str(said).strip().upper() in ("", "UNSEEN"):
        return None
    try:
        return float(said)
    except ValueError:
        raise UserError(f"{path}: BAD_DATA is {said!r}; expected a number") from None


def _check_pixels(path: str, pixels: np.ndarray, nside: int) -> None:
    n_pix = 12 * nside**2
    if pixels.size and (pixels.min() < 0 or pixels.max() >= n_pix):
        raise UserError(
            f"{path}: pixels go from {pixels.min()} to {pixels.max()}; "
            f"expected 0 to {n_pix - 1} at NSIDE {nside}"
        )
    if len(np.unique(pixels)) < len(pixels):
        raise UserError(f"{path}: PIXEL names a pixel twice; expected every pixel once")


def _no_table(path: str, file: fits.HDUList) -> str:
    """Why a file without a table holds no map, as a message."""
    for unit in file:
        if str(unit.header.get("PIXTYPE", "")).strip().upper() == "HEALSPARSE":
            return f"{path}: holds a healsparse map; expected a table of HEALPix pixels"
        if unit.header.get("NAXIS", 0) >= 2 and unit.is_image:
            projection = str(unit.header.get("CTYPE1", "")).strip()
            of = f" ({projection})" if projection else ""
            shape = "×".join(map(str, unit.shape))
            return f"{path}: holds an image {shape}{of}; expected a table of HEALPix pixels"
        if unit.header.get("NAXIS", 0) == 1 and unit.is_image:
            return f"{path}: holds an image of one axis; expected a table of HEALPix pixels"
    return f"{path}: holds no table (truncated?); expected a HEALPix map"


@contextlib.contextmanager
def _opened(path: str, checksum: bool) -> Iterator[fits.HDUList]:
    """A file to be read; whatever is wrong with it becomes UserError."""
    try:
        with _stream(path) as stream, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", ".*(truncated|[Dd]atasum)")
            warnings.filterwarnings("always", ".*[Cc]hecksum")
            with fits.open(stream, checksum=checksum) as file:
                _name_columns(file)
                yield file
            if caught:
                logger.info("%s: the header was changed after its CHECKSUM was written", path)
    except AstropyUserWarning as error:
        raise UserError(f"{path}: is damaged or truncated: {_line(error)}") from None
    except (*DAMAGE, gzip.BadGzipFile) as error:
        begins = _begin(path)
        if begins and not begins.startswith(b"SIMPLE"):
            first = begins.decode("ascii", "replace").splitlines()[0]
            raise UserError(f"{path}: is no FITS file: it begins with {first!r}") from None
        raise UserError(f"{path}: not a readable FITS file (truncated?): {_line(error)}") from None


def _name_columns(file: fits.HDUList) -> None:
    """Give columns of the same name, or of none, names of their own, as NumPy needs them."""
    for unit in file:
        if not isinstance(unit, fits.BinTableHDU):
            continue
        header, seen = unit.header, Counter()
        for place in range(1, header.get("TFIELDS", 0) + 1):
            name = str(header.get(f"TTYPE{place}", "")).strip()
            seen[name.upper()] += 1
            if not name or seen[name.upper()] > 1:
                header[f"TTYPE{place}"] = f"{name or 'COLUMN'}_{place}"


def _stream(path: str) -> BinaryIO:
    """A file to be read, decompressed whole, so that a missing end is noticed.

    Astropy itself leaves a file that it cannot read open.
    """
    path = str(path)
    if not path.lower().endswith(".gz"):
        return open(path, "rb")
    with open(path, "rb") as file:
        return io.BytesIO(gzip.decompress(file.read()))


def _begin(path: str) -> bytes:
    """The first letters of a file that is not gzipped."""
    with open(path, "rb") as file:
        begins = file.read(40)
    return b"" if begins.startswith(b"\x1f\x8b") else begins


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
