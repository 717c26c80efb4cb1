"""What of the user's files is a map of which Stokes parameters: one decision for all of them.

It follows from what *all* files hold, never from one of them. What is left out, and what was taken
to be something that the files do not say, comes back as sentences; what is not clear is refused,
with what the user may say.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fewtomany.errors import UserError
from fewtomany.maps.components import STOKES
from fewtomany.maps.ingest import words
from fewtomany.maps.ingest.columns import of_table, some_of
from fewtomany.maps.ingest.joined import joined
from fewtomany.maps.ingest.series import Reading, Series
from fewtomany.maps.ingest.tables import Table

_COMMANDER = ("observed_sky", "corrnoise", "orbdipole", "res", "sidelobe", "skymodel")

PREFERRED = (
    ("DESTRMAP", "BINMAP"),
    tuple(f"dataset maps/{name}" for name in _COMMANDER),
    tuple(f"dataset map_{name}" for name in _COMMANDER),
)
"""Extensions or datasets of which the first is read: litebird_sim's destriped map, not the binned
one; what Commander 4 has observed, not what it takes it to consist of."""


def decide(files: Mapping[str, Sequence[Table]], stokes: str | None = None) -> Reading:
    """What is read of files.

    Parameters
    ----------
    files : tables of every file, in order
    stokes : what is wanted of them; all that they hold, if the same in all, by default

    Raises
    ------
    UserError : naming the file, what it holds and what is expected
    """
    notes: Counter[str] = Counter()
    by_file = {}
    for path, tables in files.items():
        told: Counter[str] = Counter()
        by_file[path] = _of_file(path, tables, stokes, told)
        notes.update(told.keys())  # files that it is said of, not tables
    series = joined(by_file, notes) if stokes != "T" else None
    series = series or [one for some in by_file.values() for one in some]
    letters = _common(series, stokes)
    left = {letter for one in series for letter in one.letters} - set(letters)
    if left:
        names = " and ".join(letter for letter in "TQU" if letter in left)
        notes[f"left out: {names}, not asked for"] = len(files)
    number = len(files)
    every = [
        text if n == number else f"{text} ({n} of {number} files)" for text, n in notes.items()
    ]
    return Reading(letters, tuple(one.only(letters) for one in series), tuple(every))


def _of_file(
    path: str, tables: Sequence[Table], stokes: str | None, notes: Counter[str]
) -> list[Series]:
    """The maps of a file, from those of its tables."""
    found, without = [], []
    names = {tuple(c.name for c in table.columns) for table in tables if not table.fault}
    for table in tables:
        if table.fault and tuple(c.name for c in table.columns) in names:
            raise UserError(replace(table, several=True).where + table.fault.removeprefix(path))
        if table.fault:
            without.append((table, table.fault.removeprefix(f"{path}: ").partition(";")[0]))
            continue
        one = of_table(table, stokes, notes)
        if isinstance(one, Series):
            found.append((table, one))
        else:
            without.append((table, one))
    if not found:
        held = "; ".join(what for _, what in without)
        raise UserError(f"{path}: holds {held}; expected columns of T, Q and U")
    for table, what in without:
        notes[f"left out: {table.label or f'extension {table.key}'} ({what})"] += 1
    if len(found) == 1:
        return [found[0][1]]
    if merged := _merged_groups(found):
        if len(merged) > 1:
            notes[f"{len(merged)} maps in a file, one in each group"] += 1
        return merged
    labels = [table.label for table, _ in found]
    for first, *rest in PREFERRED:
        if first in labels and set(labels) <= {first, *rest}:
            notes[f"left out: {some_of(sorted(set(labels) - {first}))} beside {first}"] += 1
            return [found[labels.index(first)][1]]
    if not _alike(labels) or len({one.letters for _, one in found}) > 1:
        held = ", ".join(f"{table.label or table.key} of {one.letters}" for table, one in found[:6])
        raise UserError(
            f"{path}: holds several kinds of maps ({held}); expected one, or realizations whose "
            "names differ in one number"
        )
    notes[f"{len(found)} maps in a file, one in each extension or dataset"] += 1
    return [one for _, one in sorted(found, key=lambda pair: words.natural(str(pair[0].key)))]


def _merged_groups(found: Sequence[tuple[Table, Series]]) -> list[Series]:
    """The maps of a file whose Stokes parameters are in tables of their own, by group of HDF5."""
    groups: dict[str, list[tuple[Table, Series]]] = {}
    for table, one in found:
        groups.setdefault(str(table.key).rpartition("/")[0], []).append((table, one))
    names = sorted(groups, key=words.natural)
    merged = [_merged(groups[name]) for name in names]
    alike = _alike(names) and len({one.letters for one in merged if one}) == 1
    return [one for one in merged if one] if all(merged) and alike else []


def _merged(found: Sequence[tuple[Table, Series]]) -> Series | None:
    """One map whose Stokes parameters are in tables of their own; None where they are not."""
    letters = [one.letters for _, one in found]
    single = all(len(some) == 1 for some in letters) and len({one.n_maps for _, one in found}) == 1
    if not single or len(found) not in (2, 3):
        return None
    if letters == ["T"] * 3 and all(table.polar for table, _ in found):
        letters = ["T", "Q", "U"]
    if "".join(sorted(letters)) not in ("QU", "QTU"):
        return None
    strands = [next(iter(one.strands.values())) for _, one in found]
    return Series(dict(zip(letters, strands, strict=True)))


def _alike(labels: Sequence[str]) -> bool:
    """Whether names differ in one number at most."""
    parts = [re.split(r"(\d+)", label) for label in labels]
    if len({len(some) for some in parts}) > 1:
        return False
    return sum(len(set(column)) > 1 for column in zip(*parts, strict=True)) <= 1 and all(
        len(set(column)) == 1 for column in zip(*(some[::2] for some in parts), strict=True)
    )


def _common(series: Sequence[Series], stokes: str | None) -> str:
    """The Stokes parameters that are read of all maps."""
    if stokes is not None:
        for one in series:
            if missing := [letter for letter in stokes if letter not in one.letters]:
                raise UserError(
                    f"{one.paths[0]}: holds {one.letters or 'nothing'}, no "
                    f"{' and '.join(missing)}; expected columns for {stokes}"
                )
        return stokes
    counts = Counter(one.letters for one in series)
    if len(counts) > 1:
        (most, number), *_ = counts.most_common()
        odd = next(one for one in series if one.letters != most)
        shared = [x for x in STOKES if all(set(x) <= set(letters) for letters in counts)]
        said = f", or STOKES={shared[-1]}" if shared else ""
        raise UserError(
            f"{odd.paths[0]}: holds {odd.letters}, {number} of {len(series)} maps hold {most}; "
            f"expected the same in all: leave it out of MAPS{said}"
        )
    letters = next(iter(counts))
    if letters not in STOKES:
        raise UserError(
            f"{series[0].paths[0]}: holds {' and '.join(letters)} alone; "
            f"expected {', '.join(STOKES)}"
        )
    return letters
