"""Maps whose Stokes parameters are in files of their own, joined by the files' names."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from fewtomany.errors import UserError
from fewtomany.maps.ingest import words
from fewtomany.maps.ingest.series import Series


def joined(by_file: Mapping[str, list[Series]], notes: Counter[str]) -> list[Series] | None:
    """Maps whose Stokes parameters are in files of their own, joined by the files' names.

    None unless every file holds one Stokes parameter and the names tell which.
    """
    single = all(len(some) == 1 and len(some[0].letters) == 1 for some in by_file.values())
    if not single or len(by_file) < 2:
        return None
    groups: dict[str, dict[str, str]] = {}
    above = os.path.commonpath([str(Path(path).parent) for path in by_file])
    for path, (one,) in by_file.items():
        for letter, key in _letters_in(os.path.relpath(path, above)):
            if one.letters in ("T", letter):
                groups.setdefault(key, {})[letter] = path
    groups = {key: some for key, some in groups.items() if set("QU") & set(some)}
    if not groups:
        odd = next((path for path, (one,) in by_file.items() if one.letters != "T"), None)
        if odd:
            raise UserError(
                f"{odd}: holds {by_file[odd][0].letters} alone; expected Q and U in one file, or "
                "in files whose names differ in q and u alone"
            )
        return None
    expected = set.union(*(set(some) for some in groups.values()))
    if len(expected - {"T"}) == 1:
        path = next(path for some in groups.values() for path in some.values())
        raise UserError(
            f"{path}: is of {' and '.join(expected - {'T'})} by its name and of "
            f"{by_file[path][0].letters} by its column; expected files of Q and of U, or STOKES=T"
        )
    for some in groups.values():
        if missing := expected - set(some):
            path = next(iter(some.values()))
            raise UserError(
                f"{path}: has no file of {' and '.join(sorted(missing))} of the same name; "
                f"expected one of each of {', '.join(x for x in 'TQU' if x in expected)}"
            )
    used = {path for some in groups.values() for path in some.values()}
    if lonely := [path for path in by_file if path not in used]:
        raise UserError(
            f"{lonely[0]}: is beside files of {', '.join(x for x in 'TQU' if x in expected)} in "
            "turn, and its name does not say of which it is; expected it elsewhere"
        )
    letters = [x for x in "TQU" if x in expected]
    for some in groups.values():
        numbers = {path: by_file[path][0].n_maps for path in some.values()}
        if len(set(numbers.values())) > 1:
            told = ", ".join(f"{path} holds {number}" for path, number in numbers.items())
            raise UserError(f"{told} maps; expected equally many of {', '.join(letters)}")
    total = sum(by_file[next(iter(some.values()))][0].n_maps for some in groups.values())
    notes[f"{total} maps from files of {', '.join(letters)} each, by their names"] = len(by_file)
    strands = {path: next(iter(one.strands.values())) for path, (one,) in by_file.items()}
    return [
        Series({letter: strands[some[letter]] for letter in letters})
        for _, some in sorted(groups.items(), key=lambda item: words.natural(item[0]))
    ]


_LETTERS = (
    re.compile(r"(?<![A-Za-z])(?:stokes)?([ITQU])(?![A-Za-z])", re.IGNORECASE),
    re.compile(r"(?<=[a-z])([ITQU])(?![A-Za-z])"),
    re.compile(r"(?<![A-Za-z])([ITQU])(?=[Mm]aps?(?![a-z]))"),
)
"""A letter by itself, a capital that ends a word ("mapQ_0") or is before "map"."""


def _letters_in(path: str) -> Iterator[tuple[str, str]]:
    """Stokes parameters that a file's path may say, each with the path without it."""
    for pattern in _LETTERS:
        for found in pattern.finditer(path):
            letter = found[1].upper().replace("I", "T")
            yield letter, f"{path[: found.start(1)]}*{path[found.end(1) :]}"
