"""Maps one after the other, converted to K, RING and COSMO; unobserved pixels are told apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from fewtomany.errors import UserError
from fewtomany.late import healpy
from fewtomany.maps.ingest import look, words
from fewtomany.maps.ingest.files import Source
from fewtomany.maps.ingest.series import Reading, Series
from fewtomany.maps.ingest.tables import Header, Table
from fewtomany.maps.ingest.words import CONVENTIONS, FRAMES, ORDERINGS, UNITS
from fewtomany.maps.sky import UNSEEN

_FACTS = {
    "unit": ("TUNIT", "unit", UNITS),
    "ordering": ("ORDERING", "ordering", ORDERINGS),
    "convention": ("POLCCONV", "polarization_convention", CONVENTIONS),
    "frame": ("COORDSYS", "frame", FRAMES),
}
"""What must be known of a map: its FITS keyword, its key in the configuration, its values."""

VARIABLES = {"unit": "UNIT", "ordering": "ORDERING", "convention": "CONVENTION", "frame": "FRAME"}
"""How `make augment` names what the user says."""

MARKS = (UNSEEN, 1e20)
"""Values that stand for no data: HEALPix's, and what NumPy fills masked arrays with."""

POWERS = (1e-9, 1e-6, 1e-3, 1, 1e3, 1e6, 1e9)
"""Factors of units that marks may have been multiplied by."""

_LARGE = 1e10


@dataclass(frozen=True)
class Raw:
    """One map as it was read: K, RING, COSMO, in its own frame and resolution.

    Attributes
    ----------
    where : its file, and its place there if there are several
    values : array of shape (n_components, 12·nside²), 0 where nothing was seen
    seen : booleans of shape (12·nside²,): all components have a value, or are not a number
    missing : booleans of the same shape: a component is not a number
    header : of its file, complete
    notes : what was taken to be something that the file does not say
    """

    where: str
    values: np.ndarray
    seen: np.ndarray
    missing: np.ndarray
    header: Header
    notes: tuple[str, ...] = ()


def read_range(reading: Reading, source: Source, start: int, stop: int) -> Iterator[Raw]:
    """The maps ``start <= k < stop``; files without any of them are not read."""
    first = 0
    for series in reading.series:
        if first < stop and first + series.n_maps > start:
            header, notes = header_of(series, source)
            for place, (where, values) in enumerate(_stored(series), first):
                if start <= place < stop:
                    yield _convert(where, values, header, series.letters, notes)
        first += series.n_maps


def _stored(series: Series) -> Iterator[tuple[str, np.ndarray]]:
    """The maps of a series as they are stored, (n_components, n_pix), and where each is from."""
    columns: dict[Table, list[int]] = {}
    for strand in series.strands.values():
        columns.setdefault(strand.table, []).extend(strand.columns)
    streams = {table: look.read(table, wanted) for table, wanted in columns.items()}
    strands = [series.strands[letter] for letter in series.letters]
    n_columns, n_maps = len(strands[0].columns), strands[0].table.n_maps
    for place in range(n_maps):
        found = {table: next(stream) for table, stream in streams.items()}
        for k in range(n_columns):
            rows = [found[s.table][columns[s.table].index(s.columns[k])] for s in strands]
            yield _where(series, place, k, n_maps, n_columns), np.stack(rows)


def _where(series: Series, place: int, k: int, n_maps: int, n_columns: int) -> str:
    strand = next(iter(series.strands.values()))
    if n_columns > 1:
        name = strand.table.columns[strand.columns[k]].name
        return f"{strand.table.where}, {f'column {name}' if name else f'map {k}'}"
    return f"{strand.table.where}, map {place}" if n_maps > 1 else strand.table.where


def header_of(
    series: Series, source: Source, names: Mapping[str, str] | None = None
) -> tuple[Header, tuple[str, ...]]:
    """What is known of the maps of a series: said by the files or by the user.

    Parameters
    ----------
    series : the maps
    source : what the user says
    names : how the user says it, by fact; the keys of the configuration by default

    Returns
    -------
    everything that must be known; the convention of T maps is COSMO
    sentences: what of the files is not taken as they say it

    Raises
    ------
    UserError : for what neither says, for what they say differently, for tables that differ
    """
    names = names or {fact: key for fact, (_, key, _) in _FACTS.items()}
    headers = {s.table: s.table.header for s in series.strands.values()}
    path = series.paths[0]
    units, notes = _unit(series)
    first = replace(next(iter(headers.values())), unit=units)
    for table, other in headers.items():
        if replace(other, unit=units) != first:
            raise UserError(f"{table.where}: its header says something else than {path}'s")
    found = {"nside": first.nside}
    for fact, (key, _, allowed) in _FACTS.items():
        said, given = getattr(first, fact), getattr(source, fact)
        choice = ", ".join(allowed)
        if fact == "convention" and series.letters == "T":
            said = given = "COSMO"
        if said is None and given is None:
            if names is VARIABLES:
                raise UserError(
                    f"{names[fact]}: missing, and {path} does not say it; expected {choice}"
                )
            raise UserError(f"{path}: {key} is missing; give {names[fact]} ({choice})")
        if said is not None and said not in allowed:
            notes += _override(path, fact, said, given, choice, names[fact])
            said = None
        if said is not None and given is not None and said != given:
            raise UserError(
                f"{path}: {key} is {said}, but {names[fact]} {given} is given; expected the same"
            )
        found[fact] = said or given
    return Header(**found), notes


def _unit(series: Series) -> tuple[str | None, tuple[str, ...]]:
    """The one unit of all columns that are read, and what was taken to be it."""
    units = {
        letter: strand.table.columns[k].unit
        for letter, strand in series.strands.items()
        for k in strand.columns
    }
    said = {unit for unit in units.values() if unit is not None}
    if len(said) > 1:
        text = ", ".join(f"{name} {unit or 'none'}" for name, unit in units.items())
        raise UserError(
            f"{series.paths[0]}: columns of different units ({text}); expected one unit"
        )
    silent = [letter for letter, unit in units.items() if unit is None]
    unit = next(iter(said), None)
    if unit is None or not silent:
        return unit, ()
    has = " and ".join(letter for letter in units if letter not in silent)
    return unit, (f"{' and '.join(silent)} without a unit taken in {unit}, that of {has}",)


def _override(
    path: str, fact: str, said: str, given: str | None, choice: str, name: str
) -> tuple[str, ...]:
    """What is said where the file's word is not known and the user's is taken; else UserError."""
    key = _FACTS[fact][0]
    of_another = fact == "unit" and words.cannot_be_temperature(said)
    if given is not None and not of_another:
        return (f"{key} {said!r} is taken as {given}, as the user says",)
    thermodynamic = " (thermodynamic)" if fact == "unit" else ""
    if of_another:
        raise UserError(
            f"{path}: {key} is {said!r}, no temperature; expected {choice}{thermodynamic}"
        )
    remark = f" {words.remark_of(said)}".rstrip() if fact == "unit" else ""
    raise UserError(
        f"{path}: {key} is {said!r}; expected {choice}{thermodynamic};{remark} give {name} to take "
        "it as one of these"
    )


def _convert(
    where: str, values: np.ndarray, header: Header, stokes: str, notes: tuple[str, ...]
) -> Raw:
    """Values to K, RING, COSMO; what is not seen to 0."""
    if header.ordering == "NESTED":
        ring = np.arange(values.shape[1])
        values = values[:, healpy.ring2nest(header.nside, ring)]
    unseen, marks = _unseen(values)
    if infinite := np.isinf(values).sum():
        component, pixel = np.argwhere(np.isinf(values))[0]
        raise UserError(
            f"{where}: {infinite} values are not finite ({values[component, pixel]} at Stokes "
            f"{stokes[component]}, RING pixel {pixel}); expected UNSEEN (-1.6375e30) where "
            "nothing was observed"
        )
    missing = np.isnan(values).any(axis=0) & ~unseen
    values = np.where(unseen | missing, 0, values)
    _check_outliers(where, values, header, stokes)
    factor = UNITS[header.unit]
    if factor != 1:
        values = (values.astype(np.float64) * factor).astype(values.dtype)
    if header.convention == "IAU" and "U" in stokes:
        values[stokes.index("U")] *= -1
    return Raw(where, values, ~unseen, missing, header, notes + marks)


def _unseen(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pixels with a mark for no data in a component, and the marks that are not UNSEEN itself."""
    with np.errstate(invalid="ignore"):
        large = np.abs(values) > _LARGE
    if not large.any():
        return np.zeros(values.shape[1], bool), ()
    stored, marked, notes = values[large].astype(np.float64), np.zeros(large.sum(), bool), []
    for mark in MARKS:
        for power in POWERS:
            found = np.isclose(stored, mark * power, rtol=1e-5, atol=0)
            if found.any() and (mark, power) != (UNSEEN, 1):
                notes.append(f"{mark * power:.5g} is taken as UNSEEN")
            marked |= found
    result = np.zeros(values.shape, bool)
    result[large] = marked
    return result.any(axis=0), tuple(notes)


ORDERS = 1e6
"""How far beyond the median a value is an outlier; if also beyond :data:`HOTTEST_K`, or a whole
number that stands there more than once."""

HOTTEST_K = 1e3


def _check_outliers(where: str, values: np.ndarray, header: Header, stokes: str) -> None:
    """UserError for values that are many orders beyond the rest of their map, and for counts."""
    if values.max() > 1 and values.min() >= 0 and np.array_equal(values, np.round(values)):
        raise UserError(
            f"{where}: holds whole numbers from {values.min():.6g} to {values.max():.6g} alone, as "
            "hits are; expected temperatures"
        )
    for letter, row in zip(stokes, values, strict=True):
        size = np.abs(row)
        largest = size.max()
        if largest == 0:
            continue
        pixel = int(size.argmax())
        rest = size[(size > 0) & (row != row[pixel])]
        typical = np.median(rest) if len(rest) else largest
        repeated = int(np.count_nonzero(row == row[pixel]))
        mark = repeated > 1 and largest >= 99 and largest == round(largest)
        beyond = largest > ORDERS * typical and largest * UNITS[header.unit] > HOTTEST_K
        if beyond or (mark and len(rest) and largest > 30 * rest.max()):
            many = np.count_nonzero(size > np.sqrt(largest * typical))
            raise UserError(
                f"{where}: {many} values of {letter} are far beyond the rest ({row[pixel]:.6g} "
                f"{header.unit} at RING pixel {pixel}, the median is {typical:.2g}); expected "
                "UNSEEN (-1.6375e30), NaN or the header's BAD_DATA where nothing was observed"
            )
        if typical * UNITS[header.unit] > 1e9:
            raise UserError(
                f"{where}: the values of {letter} are no temperatures (median {typical:.2g} "
                f"{header.unit}); expected K, mK, uK or nK"
            )
