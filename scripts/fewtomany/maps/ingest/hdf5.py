"""Maps in HDF5 files: of this package, of toast 3, Commander's chains, and plain datasets.

A file that is not of this package holds maps where a dataset's last axis is the pixels of a
HEALPix sphere: (n_pix,), (n_components, n_pix) or (n_maps, n_components, n_pix). Its attributes,
or those of the file, say NSIDE, ORDERING, UNITS, COORDSYS and POLCCONV where they are there.
Datasets of whole numbers (hits, indices) are none where others are there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import h5py
import numpy as np

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.maps.ingest import arrays, words
from fewtomany.maps.ingest.tables import Column, Header, Table

ATTRIBUTES = {
    "nside": ("NSIDE",),
    "unit": ("UNITS", "UNIT", "TUNIT", "TUNIT1"),
    "ordering": ("ORDERING", "ORDER", "NEST", "NESTED"),
    "convention": ("POLCCONV", "POLCONV", "POLARIZATION_CONVENTION"),
    "frame": ("COORDSYS", "COORD", "COORDS", "FRAME"),
}
"""Names of attributes, in any case."""

COMMANDER = re.compile(r"\d{6}/.+|(?:maps/|map_)observed_sky")
"""Maps of Commander's chains, which are RING: of version 3 a group of six digits for every sample;
of version 4 a file, which says its unit in a dataset."""

COMMANDER_UNIT = "metadata/band_unit"

_NAMES = "n?hits?|n?cov|inv_?n?cov|rcond|rms|weights?|div|ivar|mask"
AUXILIARY = re.compile(rf"(?:^|/)(?:map_)?(?:{_NAMES})$", re.I)

AUXILIARY_FILE = re.compile(rf"_(wmap|{_NAMES})\.\w+$", re.I)
"""Files of sotodlib's map-maker: what its dataset, always "data", is says the file's name alone."""


def tables(path: str) -> list[Table]:
    """The datasets of a file that may be maps.

    Raises
    ------
    UserError : for a file that cannot be read or holds no dataset of HEALPix pixels
    """
    if is_own(path):
        return [_own(path)]
    found: list[Table] = []
    shapes: list[str] = []

    def visit(name: str, node: object) -> None:
        if not isinstance(node, h5py.Dataset) or not node.shape:
            return
        fields = f" of {', '.join(node.dtype.names)}" if node.dtype.names else ""
        fields = " of complex numbers" if node.dtype.kind == "c" else fields
        shapes.append(f"{name} {'×'.join(map(str, node.shape))}{fields}")
        if (
            node.dtype.kind in "fiu"
            and len(node.shape) <= 3
            and _is_sphere(node.shape)
            and not AUXILIARY.search(name)
        ):
            found.append(_table(path, name, node))

    try:
        with h5py.File(path, "r") as file:
            flat = "wcs" in file
            file.visititems(visit)
    except OSError as error:
        raise unreadable(path, error) from None
    if not found:
        what = "a map in a flat projection" if flat else ", ".join(shapes[:4]) or "no dataset"
        raise UserError(
            f"{path}: holds {what}; expected datasets of numbers whose last axis is 12·nside² "
            "HEALPix pixels"
        )
    numbers = [table for table in found if not table.columns[0].integers]
    found = numbers or found
    return [replace(table, several=len(found) > 1) for table in found]


def read(table: Table, columns: Sequence[int]) -> Iterator[np.ndarray]:
    """Columns of every map of a dataset, (len(columns), n_pix), float32 or float64."""
    if table.key == "maps" and is_own(table.path):
        content = store.read_maps(table.path)
        for values in content.maps:
            yield content.sky.expand(values)[list(columns)]
        return
    try:
        with h5py.File(table.path, "r") as file:
            yield from arrays.maps_of(file[table.key][:], columns)
    except OSError as error:
        raise unreadable(table.path, error) from None


def is_own(path: str) -> bool:
    """Whether a file says that it is of this package."""
    try:
        with h5py.File(path, "r") as file:
            return str(file.attrs.get("format", "")).startswith("fewtomany")
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: str, error: OSError) -> UserError:
    """Why a file cannot be opened or read."""
    if "unable to lock file" in str(error):
        return UserError(
            f"{path}: is locked: open for writing elsewhere, or on a disk without locks; expected "
            "a finished file (HDF5_USE_FILE_LOCKING=FALSE reads it as it is)"
        )
    return UserError(f"{path}: not a readable HDF5 file (truncated?): {error}")


def _own(path: str) -> Table:
    with store.open_checked(path, store.MAPS_FORMAT) as file:
        maps = file["maps"]
        said, n_maps = dict(maps.attrs), len(maps)
    channels = [name for name in said.get("channels", "").split(",") if name]
    if len(channels) > 1:
        raise UserError(f"{path}: holds channels {', '.join(channels)}; expected one of a file")
    if "nside" not in said:
        raise UserError(f"{path}: holds maps of a plane or a line; expected maps of the sphere")
    return Table(
        path=path,
        key="maps",
        label="",
        columns=tuple(Column.of(letter, said["unit"]) for letter in said["stokes"]),
        header=Header(int(said["nside"]), None, "RING", "COSMO", said["frame"]),
        n_maps=n_maps,
    )


def _is_sphere(shape: Sequence[int]) -> bool:
    nside = round((shape[-1] / 12) ** 0.5)
    return nside >= 1 and 12 * nside**2 == shape[-1]


def _table(path: str, name: str, node: h5py.Dataset) -> Table:
    _check_meaning(path, name, node)
    attributes = {}
    for holder in (node.file.attrs, node.parent.attrs, node.attrs):
        attributes |= {key.upper(): _plain(value) for key, value in holder.items()}
    said = {
        fact: next((attributes[name] for name in names if name in attributes), None)
        for fact, names in ATTRIBUTES.items()
    }
    for fact in said.keys() - {"unit"}:
        if isinstance(said[fact], list):
            raise UserError(f"{path}: {fact} of dataset {name} is {said[fact]}; expected one")
    if isinstance(said["ordering"], bool | np.bool_):
        said["ordering"] = "NESTED" if said["ordering"] else "RING"
    if COMMANDER.fullmatch(name):
        said["ordering"] = said["ordering"] or "RING"
        if COMMANDER_UNIT in node.file:
            said["unit"] = said["unit"] or _plain(node.file[COMMANDER_UNIT][()])
    said["ordering"] = words.ordering_of(said["ordering"])
    said["convention"] = words.convention_of(said["convention"])
    said["frame"] = words.frame_of(said["frame"])
    table = arrays.table_of(path, name, f"dataset {name}", node.shape, said)
    if node.dtype.kind == "f":
        return table
    return replace(table, columns=tuple(replace(c, integers=True) for c in table.columns))


def _check_meaning(path: str, name: str, node: h5py.Dataset) -> None:
    """UserError where something but the array itself says that it holds no maps."""
    weights = AUXILIARY_FILE.search(path)
    if name == "data" and weights:
        said = "a map times its weights" if weights[1].lower() == "wmap" else "no map"
        raise UserError(f"{path}: is {said} by its name, _{weights[1]}; expected maps")
    axes = [_plain(axis) for axis in node.attrs.get("axis", ())]
    if axes[:1] == ["freq"] and node.shape[0] > 1:
        raise UserError(
            f"{path}: dataset {name} has {node.shape[0]} frequencies; expected maps of one"
        )


def _plain(value: object) -> object:
    """An attribute's value as Python has it; a list where it has several that differ."""
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.ndarray):
        every = [_plain(one) for one in value.ravel().tolist()]
        return every[0] if every and every.count(every[0]) == len(every) else every
    return value
