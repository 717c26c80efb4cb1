"""Rows of options in which every pair of values occurs, for tests of combinations.

Most faults of combined options need two of them, and a few dozen rows hold every pair of a
dozen options (Cohen et al. 1997, IEEE Trans. Softw. Eng. 23, 437).
"""

import itertools
import random
from collections.abc import Collection, Mapping, Sequence

Options = Mapping[str, Sequence[str]]
Refusal = Mapping[str, Collection[str]]
"""Values by option, all of which make a refusal."""

Row = dict[str, str]
Pair = frozenset[tuple[str, str]]

TRIES = 20
"""Rows that are tried for every row that is kept."""


def matches(row: Row, refusal: Refusal) -> bool:
    """Whether a row, complete or not, has one of the values of every option of a refusal."""
    return all(row.get(option) in values for option, values in refusal.items())


def pairs_of(row: Row) -> set[Pair]:
    """All pairs of values that a row has."""
    return set(map(frozenset, itertools.combinations(row.items(), 2)))


def triples_of(row: Row) -> set[frozenset[tuple[str, str]]]:
    """All triples of values that a row has."""
    return set(map(frozenset, itertools.combinations(row.items(), 3)))


def cover(options: Options, refused: Sequence[Refusal]) -> tuple[list[Row], list[Row]]:
    """Rows that nothing refuses, with every pair of values that such a row can have.

    Parameters
    ----------
    options : their values by name
    refused : what no row may have

    Returns
    -------
    rows : the same ones at every call
    impossible : the pairs that no row has, as they lead to a refusal
    """
    numbers, rows, impossible = random.Random(1), [], []
    left = {
        frozenset(pair)
        for one, two in itertools.combinations(options, 2)
        for pair in itertools.product(
            [(one, value) for value in options[one]], [(two, value) for value in options[two]]
        )
    }
    while left:
        first = dict(min(map(sorted, left)))
        tried = [_row(first, options, refused, left, numbers) for _ in range(TRIES)]
        found = [row for row in tried if row is not None]
        if found:
            best = max(found, key=lambda row: len(pairs_of(row) & left))
            rows.append({option: best[option] for option in options})
        else:
            impossible.append(first)
        left -= pairs_of(rows[-1] if found else first)
    return rows, impossible


def more(options: Options, refused: Sequence[Refusal], rows: Sequence[Row], n: int) -> list[Row]:
    """As many more rows that nothing refuses, each with many triples of values that none has."""
    numbers, found = random.Random(7), []
    had = set().union(*map(triples_of, rows))
    for _ in range(n):
        tried = [_row({}, options, refused, set(), numbers) for _ in range(TRIES)]
        best = max(filter(None, tried), key=lambda row: len(triples_of(row) - had))
        found.append({option: best[option] for option in options})
        had |= triples_of(best)
    return found


def _row(
    row: Row,
    options: Options,
    refused: Sequence[Refusal],
    left: set[Pair],
    numbers: random.Random,
) -> Row | None:
    """A row with the given values and others that add many pairs; None at a dead end."""
    order = [option for option in options if option not in row]
    numbers.shuffle(order)
    for option in order:
        values = [
            value
            for value in options[option]
            if not any(matches({**row, option: value}, refusal) for refusal in refused)
        ]
        if not values:
            return None
        numbers.shuffle(values)
        gains = [
            sum(frozenset((known, (option, value))) in left for known in row.items())
            for value in values
        ]
        row = {**row, option: values[gains.index(max(gains))]}
    return None if any(matches(row, refusal) for refusal in refused) else row
