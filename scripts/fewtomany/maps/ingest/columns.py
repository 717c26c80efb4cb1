"""What the columns of a table are: Stokes parameters by name, place or shape, or no maps."""

from collections import Counter
from collections.abc import Mapping, Sequence

from fewtomany.errors import UserError
from fewtomany.maps.ingest import words
from fewtomany.maps.ingest.series import Series, Strand
from fewtomany.maps.ingest.tables import Table

BY_PLACE = {1: "T", 2: "QU", 3: "TQU"}
"""What columns are whose names do not tell, by their number."""

SIX = ("II", "IQ", "IU", "QQ", "QU", "UU")
"""Names that healpy gives to any six maps."""


def of_table(table: Table, stokes: str | None, notes: Counter[str]) -> Series | str:
    """The maps of a table; what it holds otherwise, in words."""
    if table.n_axes:
        return _of_array(table, stokes)
    usable = [k for k, column in enumerate(table.columns) if not column.auxiliary]
    named = [k for k in usable if table.columns[k].letter in tuple("TQU")]
    others = [k for k in usable if not table.columns[k].letter]
    left = [column.name for k, column in enumerate(table.columns) if k not in named + others]
    if not named and not others:
        return _auxiliary(table, stokes)
    if left:
        notes[f"left out: {some_of(left)}, no T, Q or U"] += 1
    if not named:
        return _by_place(table, others, stokes, notes)
    letters = [table.columns[k].letter for k in named]
    if others:
        names = some_of([table.columns[k].name for k in others])
        if stokes is None and not {"Q", "U"} <= set(letters):
            has = "".join(sorted(set(letters)))
            raise UserError(
                f"{table.where}: columns {names} beside {has} are of no known name; expected T, Q "
                f"and U, or STOKES={'T' if 'T' in has else 'QU'} to leave them out"
            )
        notes[f"left out: {names}, of no known name"] += 1
    if len(set(letters)) < len(letters):
        return _numbered(table, named, stokes, notes)
    by_letter = dict(zip(letters, named, strict=True))
    if len(named) == 1 and letters == ["T"] and not others:
        by_letter = {words.letter_of(table.label) or "T": named[0]}
    return _series(table, {letter: (k,) for letter, k in by_letter.items()})


def _series(table: Table, columns: Mapping[str, tuple[int, ...]]) -> Series:
    return Series({letter: Strand(table, some) for letter, some in columns.items()})


def _of_array(table: Table, stokes: str | None) -> Series | str:
    """The maps of an array of one, two or three axes, by its shape."""
    n_columns = len(table.columns)
    alone = not table.key
    unit = table.columns[0].unit
    if table.n_axes == 2 and n_columns > 1:
        if stokes == "T" or (alone and n_columns not in BY_PLACE):
            return _series(table, {"T": tuple(range(n_columns))})
        if alone and stokes is None:
            raise UserError(
                f"{table.where}: shape ({n_columns}, n_pix) is one map of "
                f"{BY_PLACE[n_columns]} or {n_columns} maps of T; expected STOKES="
                f"{BY_PLACE[n_columns]} or STOKES=T"
            )
    if n_columns not in BY_PLACE:
        allowed = [str(n) for n, has in BY_PLACE.items() if set(stokes or "") <= set(has)]
        text = f"{n_columns} components{f' in {unit}' if unit else ''}"
        if table.key:
            return text
        raise UserError(f"{table.where}: has {text}; expected {' or '.join(allowed)}")
    if unit is not None and words.is_auxiliary("", unit):
        return f"values in {unit}"
    letters = BY_PLACE[n_columns]
    if n_columns == 1:
        letters = words.letter_of(str(table.key).rpartition("/")[2]) or "T"
    return _series(table, {letter: (k,) for k, letter in enumerate(letters)})


def _auxiliary(table: Table, stokes: str | None) -> Series | str:
    """A table without Stokes parameters; six T maps by healpy's names if the user says so."""
    names = tuple(column.name.upper() for column in table.columns)
    if names == SIX and not any(words.is_auxiliary("", c.unit) for c in table.columns):
        if stokes == "T":
            return _series(table, {"T": tuple(range(6))})
        return f"{some_of(names)}: covariances, or healpy's names of any six maps (STOKES=T then)"
    units = {column.unit for column in table.columns} - {None}
    return some_of(names) + (f" in {', '.join(sorted(units))}" if units else "")


def _by_place(table: Table, others: list[int], stokes: str | None, notes: Counter[str]) -> Series:
    names = some_of([table.columns[k].name for k in others])
    unnamed = all(words.is_unnamed(table.columns[k].name) for k in others)
    if len(others) == 1:
        letter = words.letter_of(table.label) or "T"
        if not unnamed:
            notes[f"column {names} is taken as {letter}"] += 1
        return _series(table, {letter: tuple(others)})
    if stokes == "T" and len(others) != 3:
        notes[f"columns {names} are taken as maps of T"] += 1
        return _series(table, {"T": tuple(others)})
    if stokes == "T":
        raise UserError(
            f"{table.where}: columns {names} of no known name are T, Q, U or three maps of T; "
            "expected names that tell (TEMPERATURE; or T_1, T_2, T_3)"
        )
    if len(others) not in BY_PLACE:
        wanted = (
            f"columns for {stokes}" if stokes else "T, Q and U, or STOKES=T for so many maps of T"
        )
        raise UserError(
            f"{table.where}: has {len(others)} columns of maps ({names}) of no known name; "
            f"expected {wanted}"
        )
    letters = BY_PLACE[len(others)]
    if stokes is None and not unnamed:
        raise UserError(
            f"{table.where}: columns {names} are of no known name; expected T, Q and U, or STOKES="
            f"{letters} to take them as {', '.join(letters)}"
        )
    notes[f"columns {names} are taken as {', '.join(letters)} by their place"] += 1
    return _series(table, {letter: (k,) for letter, k in zip(letters, others, strict=True)})


def _numbered(table: Table, named: list[int], stokes: str | None, notes: Counter[str]) -> Series:
    """Realizations as columns: I_1 Q_1 U_1 I_2 …"""
    by_number: dict[int, dict[str, int]] = {}
    for k in named:
        number = words.stem_of(table.columns[k].name)[1]
        by_number.setdefault(1 if number is None else number, {})[table.columns[k].letter] = k
    numbers = sorted(by_number)
    sets = {"".join(sorted(some)) for some in by_number.values()}
    names = some_of([table.columns[k].name for k in named])
    complete = len(sets) == 1 and sum(map(len, by_number.values())) == len(named)
    if not complete or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise UserError(
            f"{table.where}: holds several maps as columns ({names}); expected one, or "
            "realizations numbered in turn"
        )
    if (
        sets == {"T"}
        and stokes is None
        and numbers[0] == 1
        and None in {words.stem_of(table.columns[k].name)[1] for k in named}
    ):
        raise UserError(
            f"{table.where}: has {len(named)} columns of one name ({names}); expected T, Q and U, "
            "or STOKES=T for so many maps of T"
        )
    notes[f"{len(numbers)} maps as columns of a table"] += 1
    letters = next(iter(by_number.values()))
    return _series(table, {x: tuple(by_number[n][x] for n in numbers) for x in letters})


def some_of(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return f"{shown}, …" if len(names) > most else shown
