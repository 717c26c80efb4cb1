"""What all of the user's files hold, by their headers; and columns of one of their tables."""

from collections.abc import Iterator, Sequence

import numpy as np

from fewtomany.maps.ingest.files import find, format_of
from fewtomany.maps.ingest.tables import Table


def look(patterns: str | Sequence[str]) -> dict[str, list[Table]]:
    """The tables of all files of paths or patterns, in order.

    Raises
    ------
    UserError : for a pattern that matches no file, and a file that cannot be read
    """
    return {path: tables(path) for path in find(patterns)}


def tables(path: str) -> list[Table]:
    """The tables of one file."""
    return _module(path).tables(path)


def read(table: Table, columns: Sequence[int]) -> Iterator[np.ndarray]:
    """Columns of every map of a table, (len(columns), 12·nside²), as they are stored."""
    found = _module(table.path).read(table, columns)
    return iter([found]) if isinstance(found, np.ndarray) else found


def _module(path: str):
    """The module of a file's format, loaded where there are such files."""
    from importlib import import_module

    return import_module(f"fewtomany.maps.ingest.{format_of(path)}")
