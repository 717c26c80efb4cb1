"""Which map of one channel belongs to which of another: by the numbers in the names of files."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from fewtomany.errors import UserError
from fewtomany.maps.ingest.series import Reading, Series


def paired(readings: Mapping[str, Reading], needed: int | None = None) -> dict[str, Reading]:
    """The readings of all channels with their maps in one order.

    The numbers in the names of a channel's files that differ between them name its realizations.
    Channels whose files have no such numbers (one array each) go by place.

    Parameters
    ----------
    readings : of every channel
    needed : maps that are used, the first of the first channel; all by default

    Raises
    ------
    UserError : for a realization that a channel lacks, and for names that cannot be paired
    """
    known = {name: some for name, one in readings.items() if (some := _numberings(one.series))}
    if len(readings) < 2 or not known:
        return dict(readings)
    for name in readings:
        if name not in known and len(readings[name].series) > 1:
            path = readings[name].series[0].paths[0]
            raise UserError(
                f"{path}: the names of channel {name} have no number that tells its maps apart; "
                f"expected one as in those of {next(iter(known))}"
            )
    first, *others = known
    result = dict(readings)
    for name in others:
        result[name] = _like(first, readings[first], name, readings[name], needed)
    return result


def _like(first: str, model: Reading, name: str, reading: Reading, needed: int | None) -> Reading:
    """A channel's maps in the order of those of the first one."""
    choices = list(product(_numberings(model.series), _numberings(reading.series)))
    matches = [pair for pair in choices if set(pair[0][:needed]) <= set(pair[1])]
    wanted, has = next(
        (pair for pair in matches if needed or len(pair[0]) == len(pair[1])),
        matches[0] if matches else choices[0],
    )
    wanted = wanted[:needed]
    missing = [number for number in wanted if number not in has]
    extra = [] if needed else [number for number in has if number not in wanted]
    if missing or extra:
        lacks, holds, of = (name, first, model) if missing else (first, name, reading)
        number = (missing or extra)[0]
        path = of.series[(wanted if missing else has).index(number)].paths[0]
        raise UserError(
            f"channel {lacks}: has no realization {'.'.join(map(str, number))}; {holds} has it in "
            f"{path}; expected the same numbers in the names of both"
        )
    series = [reading.series[has.index(number)] for number in wanted]
    series += [one for one in reading.series if one not in series]
    return Reading(reading.stokes, tuple(series), reading.notes)


def _numberings(series: Sequence[Series]) -> list[list[tuple[int, ...]]]:
    """What may name the realizations of files: one of their numbers, or all of them that differ."""
    if len(series) < 2 or len({one.paths[0] for one in series}) < len(series):
        return []
    every = [[int(x) for x in re.findall(r"\d+", Path(one.paths[0]).name)] for one in series]
    if len({len(some) for some in every}) > 1:
        return []
    columns = [column for column in zip(*every, strict=True) if len(set(column)) > 1]
    found = [[(x,) for x in column] for column in columns]
    found.append(list(zip(*columns, strict=True)))
    return [some for some in found if some and len(set(some)) == len(series)]
