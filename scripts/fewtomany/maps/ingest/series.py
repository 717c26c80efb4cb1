"""What is read of the user's files: maps in turn, and where every Stokes parameter of them lies."""

from collections.abc import Mapping
from dataclasses import dataclass

from fewtomany.maps.ingest.tables import Table


@dataclass(frozen=True)
class Strand:
    """One Stokes parameter of consecutive maps: columns of a table, one of each map.

    A table of an array (n_maps, n_columns, n_pix) gives all its maps of every column.
    """

    table: Table
    columns: tuple[int, ...]

    @property
    def n_maps(self) -> int:
        return self.table.n_maps * len(self.columns)


@dataclass(frozen=True)
class Series:
    """Consecutive maps that are read together.

    Attributes
    ----------
    strands : of every Stokes parameter, by its letter
    """

    strands: Mapping[str, Strand]

    @property
    def letters(self) -> str:
        return "".join(letter for letter in "TQU" if letter in self.strands)

    @property
    def n_maps(self) -> int:
        return next(iter(self.strands.values())).n_maps

    @property
    def paths(self) -> list[str]:
        return list(dict.fromkeys(strand.table.path for strand in self.strands.values()))

    def only(self, letters: str) -> "Series":
        return Series({letter: self.strands[letter] for letter in letters})


@dataclass(frozen=True)
class Reading:
    """What is read of the user's files.

    Attributes
    ----------
    stokes : "T", "QU" or "TQU"
    series : the maps in turn
    notes : sentences: what is left out, and what was taken to be something
    """

    stokes: str
    series: tuple[Series, ...]
    notes: tuple[str, ...]

    @property
    def n_maps(self) -> int:
        return sum(series.n_maps for series in self.series)
