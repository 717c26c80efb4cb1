"""Maps in NumPy files: arrays (n_maps, n_components, n_pix), (n_maps, n_pix) or (n_pix,).

A NumPy file says nothing about its maps. They are taken to be in K and RING unless the user says
otherwise, and in the frame that is wanted; their polarization convention must be said. The number
of components tells which they are: T, QU or TQU.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from fewtomany.errors import UserError
from fewtomany.maps.ingest.files import open_npy
from fewtomany.maps.ingest.tables import SPHERES, Column, Header, Table, nside_of

DIMENSIONS = (1, 2, 3)


def tables(path: str) -> list[Table]:
    """The one table of a file."""
    return [table_of(path, "", "", open_npy(path, DIMENSIONS).shape, {})]


def table_of(path: str, key: str, label: str, shape: Sequence[int], said: dict) -> Table:
    """The table of an array of maps by its shape, with what is said of it (as a header's words)."""
    n_columns = shape[-2] if len(shape) > 1 else 1
    where = f"{path}, {label}" if label else path
    if len(shape) == 2 and shape[0] > shape[1] and shape[0] in SPHERES:
        raise UserError(
            f"{where}: shape ({shape[0]}, {shape[1]}) has the {shape[0]} pixels of a HEALPix map "
            "along the first axis; expected pixels along the last"
        )
    nside = nside_of(where, shape[-1], said.get("nside"))
    if 12 * nside**2 != shape[-1]:
        raise UserError(
            f"{where}: holds {shape[-1]} pixels; expected {12 * nside**2} at NSIDE {nside}"
        )
    unit = said.get("unit")
    units = unit if isinstance(unit, list) else [unit] * n_columns
    if len(units) != n_columns:
        raise UserError(f"{where}: has {len(units)} units ({units}); expected {n_columns} or one")
    return Table(
        path=path,
        key=key,
        label=label,
        columns=tuple(Column.of("", unit) for unit in units),
        header=Header(nside, None, said.get("ordering"), said.get("convention"), said.get("frame")),
        n_maps=shape[0] if len(shape) == 3 else 1,
        n_axes=len(shape),
    )


def read(table: Table, columns: Sequence[int]) -> Iterator[np.ndarray]:
    """Columns of every map of a file, (len(columns), n_pix), float32 or float64."""
    yield from maps_of(open_npy(table.path, DIMENSIONS), columns)


def maps_of(array: np.ndarray, columns: Sequence[int]) -> Iterator[np.ndarray]:
    """Rows of every map of an array of one, two or three axes, in the machine's byte order."""
    dtype = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize == 4 else np.float64
    if array.ndim < 3:
        yield np.array(np.atleast_2d(array)[list(columns)], dtype)
        return
    for place in range(len(array)):
        yield np.array(array[place][list(columns)], dtype)
