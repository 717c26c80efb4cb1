"""HDF5 files: atomic writes, checked reads, and the container of map sets.

One *map file* holds a range of realizations of one dataset:

=================  ==========================================================
``/maps``          (n_maps, n_components, n_pix), float32 or float64
attributes of it   ``stokes`` ("TQU", "QU", ...), ``channels``,
                   ``nside`` and ``ordering`` ("RING") of the sphere, or ``shape``,
                   ``periodic`` and ``ordering`` ("ROWS") of a plane or a line,
                   ``frame`` ("galactic", ...), ``unit`` ("K"),
                   ``polarization_convention`` ("COSMO"), ``dataset``,
                   ``first`` (absolute index of the first realization)
``/pixels``        (n_pix,), int64, indices of the observed pixels, in that
                   ordering; absent where all were observed
``/weights``       (n_pix,), float64, their weights; absent where alike
attributes of "/"  ``format`` ("fewtomany-maps"), ``format_version``,
                   ``provenance`` (JSON)
=================  ==========================================================

Other products (covariances, measurements) use :func:`write` and :func:`read`:
named arrays with attributes and the same provenance. All files carry digests, which every
reader checks (:mod:`fewtomany.files.integrity`).
"""

import contextlib
import dataclasses
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fewtomany.errors import UserError
from fewtomany.files import integrity
from fewtomany.files.atomic import atomic_path, checked_json
from fewtomany.files.atomic import read_json as read_json  # writers of products need one module
from fewtomany.files.atomic import write_json as write_json
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.maps.geometry import Geometry
from fewtomany.maps.sky import Sky

FORMAT_VERSION = integrity.VERSION
READABLE_VERSIONS = (1, FORMAT_VERSION)
"""Version 1 is the same without digests."""

MAPS_FORMAT = "fewtomany-maps"


@contextlib.contextmanager
def _new_file(path: str | os.PathLike) -> Iterator[h5py.File]:
    """An HDF5 file made in memory and then written whole.

    HDF5 itself loses what it has buffered, without an error, when a disk is full.
    """
    with atomic_path(path) as temporary:
        content = io.BytesIO()
        with h5py.File(content, "w") as file:
            yield file
            file.flush()
            places = integrity.extents(file)
        with temporary.open("wb") as target:
            target.write(integrity.block(content.getbuffer(), places))
            target.write(content.getbuffer())
            os.fsync(target.fileno())


@contextlib.contextmanager
def create(
    path: str | os.PathLike, *, kind: str, provenance: Mapping[str, Any], **attributes: Any
) -> Iterator[h5py.File]:
    """A product of the given kind, open for writing; it appears when the block ends well."""
    with _new_file(path) as file:
        file.attrs["format"] = kind
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["provenance"] = json.dumps(dict(provenance))
        file.attrs.update(attributes)
        yield file


def write(
    path: str | os.PathLike,
    arrays: Mapping[str, np.ndarray],
    *,
    kind: str,
    provenance: Mapping[str, Any],
    **attributes: Any,
) -> None:
    """Write named arrays and scalar attributes of a product of the given kind."""
    with create(path, kind=kind, provenance=provenance, **attributes) as file:
        for name, array in arrays.items():
            file[name] = array


@contextlib.contextmanager
def open_checked(path: str | os.PathLike, kind: str) -> Iterator[h5py.File]:
    """Open a product for reading; raise UserError if it is damaged or not one of that kind.

    The values of datasets are not checked yet; :func:`values` reads and checks them.
    """
    with _open(path) as file:
        found = file.attrs.get("format")
        if found != kind:
            raise UserError(f"{path}: format is {found!r}, expected {kind!r}")
        yield file


@contextlib.contextmanager
def _open(path: str | os.PathLike) -> Iterator[h5py.File]:
    """A product of any kind, its version and structure checked."""
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such file")
    with _reading(path):
        known = integrity.digests(path)
        if known is not None:
            integrity.check_structure(path, known)
    try:
        file = h5py.File(path, "r")
    except integrity.UNREADABLE as error:
        raise UserError(f"{path}: not a readable HDF5 file (truncated?): {error}") from None
    with file, _reading(path):
        version = file.attrs.get("format_version")
        if version not in READABLE_VERSIONS:
            allowed = " or ".join(map(str, READABLE_VERSIONS))
            raise UserError(f"{path}: format_version is {version}, expected {allowed}")
        if version >= integrity.VERSION and known is None:
            raise integrity.DamagedError("is damaged: its digests are gone")
        yield file


@contextlib.contextmanager
def _reading(path: str | os.PathLike) -> Iterator[None]:
    """Whatever a damaged file makes HDF5 raise becomes UserError."""
    try:
        yield
    except integrity.DamagedError as error:
        raise UserError(f"{path}: {error}") from None
    except integrity.UNREADABLE as error:
        raise UserError(f"{path}: cannot be read (truncated?): {error}") from None


def values(file: h5py.File, name: str) -> np.ndarray:
    """The checked values of a dataset of an open product."""
    path = Path(file.filename)
    known = integrity.digests(path)
    if known is not None:
        integrity.check_dataset(path, known, name)
    return file[name][()]


def read(
    path: str | os.PathLike, kind: str, *names: str, finite: bool = True
) -> dict[str, np.ndarray]:
    """Read the named arrays (all without names) of a product of the given kind.

    Values that are not finite raise UserError unless ``finite`` is False.
    """
    with open_checked(path, kind) as file:
        names = names or tuple(integrity.names(file))
        missing = [name for name in names if name not in file]
        if missing:
            raise UserError(f"{path}: holds no {', '.join(missing)}; it holds {', '.join(file)}")
        arrays = {name: values(file, name) for name in names}
    for name, array in arrays.items():
        if finite and np.issubdtype(array.dtype, np.inexact) and not np.isfinite(array).all():
            raise UserError(f"{path}: {name} holds values that are not finite")
    return arrays


def read_attributes(path: str | os.PathLike, kind: str) -> dict[str, Any]:
    """Attributes of a product, its provenance decoded."""
    with open_checked(path, kind) as file:
        attributes = dict(file.attrs)
        attributes["provenance"] = json.loads(attributes["provenance"])
    return attributes


def read_provenance(path: str | os.PathLike) -> dict[str, Any]:
    """Provenance of a product of any kind; UserError if it is none."""
    try:
        with _open(path) as file:
            return json.loads(file.attrs["provenance"])
    except UserError as error:
        raise UserError(f"{path}: not a product of a campaign: {error}") from None


def has_key(path: str | os.PathLike, key: str) -> bool:
    """Whether a product of any kind is there, whole, whose attribute "key" is this."""
    if not Path(path).exists():
        return False
    try:
        with _open(path) as file:
            known = file.attrs.get("key") == key
        return known and verify(path)
    except UserError:
        return False


def verify(path: str | os.PathLike) -> bool:
    """Read a product of any kind whole, and check it.

    Returns
    -------
    whether it carries digests; without them only the damage that hinders reading, and values
    of maps that are not finite, can be found

    Raises
    ------
    UserError : naming the file and, of HDF5, the dataset that is damaged
    """
    path = Path(path)
    if path.suffix == ".json":
        return checked_json(path, "JSON product")[1]
    if path.suffix in integrity.CHECKS:
        with _reading(path):
            return integrity.CHECKS[path.suffix](path)
    with _open(path) as file:
        known = file.attrs["format_version"] >= integrity.VERSION
        for name in integrity.names(file):
            values(file, name)
        is_maps = file.attrs.get("format") == MAPS_FORMAT
    if is_maps and not known:
        read_maps(path)
    return known


@dataclass(frozen=True)
class MapSet:
    """Maps of consecutive realizations, in RING ordering, or by rows of a plane or a line.

    Attributes
    ----------
    maps : array of shape (n_maps, n_components, n_pix), in ``unit``, the observed pixels
    stokes : letters of the components of one channel, for example "QU"
    dataset : name of the dataset
    first : absolute index of ``maps[0]``
    unit, frame : of the values; polarization follows HEALPix (COSMO)
    provenance : see :mod:`fewtomany.files.provenance`
    channels : names of the channels, whose components follow each other
    sky : where the pixels are; the full sky by default
    """

    maps: np.ndarray
    stokes: str
    dataset: str
    first: int = 0
    unit: str = "K"
    frame: str = "galactic"
    provenance: dict = field(default_factory=dict)
    channels: tuple[str, ...] = ("",)
    sky: Geometry | None = None

    def __post_init__(self):
        check_maps(
            self.maps, self.stokes, self.dataset, sky=self.sky, n_channels=len(self.channels)
        )
        if self.sky is None:
            object.__setattr__(self, "sky", Sky(nside_of(self.maps.shape[-1])))

    @property
    def nside(self) -> int:
        """HEALPix resolution; UserError for a plane or a line."""
        if not isinstance(self.sky, Sky):
            raise UserError(f"{self.dataset}: maps of a {self.sky.kind}, expected HEALPix maps")
        return self.sky.nside

    @property
    def components(self) -> Components:
        """Stokes parameters and channels, where they can be emulated (Q and U together)."""
        return Components(self.stokes, self.channels)

    def __len__(self) -> int:
        return len(self.maps)


def nside_of(n_pix: int) -> int:
    """HEALPix nside of a full sky of ``n_pix`` pixels; ValueError if there is none."""
    nside = round((n_pix / 12) ** 0.5)
    if nside < 1 or 12 * nside**2 != n_pix or nside & (nside - 1):
        raise ValueError(f"{n_pix} pixels are no full HEALPix sky (12·nside², nside a power of 2)")
    return nside


def check_maps(
    maps: np.ndarray, stokes: str, where: object, sky: Geometry | None = None, n_channels: int = 1
) -> None:
    """Raise UserError naming ``where`` if maps have a wrong shape, type or value."""
    if maps.ndim != 3:
        raise UserError(
            f"{where}: maps have shape {maps.shape}, expected (n_maps, n_stokes, n_pix)"
        )
    if maps.dtype not in (np.float32, np.float64):
        raise UserError(f"{where}: maps are {maps.dtype}, expected float32 or float64")
    if maps.shape[1] != n_channels * len(stokes) or not stokes or set(stokes) - set("TQU"):
        of_channels = f" of {n_channels} channels" if n_channels > 1 else ""
        raise UserError(
            f"{where}: {maps.shape[1]} map components for stokes {stokes!r}{of_channels}, "
            f"expected one per letter"
        )
    if sky is not None and maps.shape[2] != sky.n_pix:
        raise UserError(f"{where}: {maps.shape[2]} pixels, expected {sky.n_pix} observed ones")
    try:
        if sky is None:
            nside_of(maps.shape[2])
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    if not np.isfinite(maps).all():
        bad = np.argwhere(~np.isfinite(maps))[0]
        raise UserError(
            f"{where}: value {maps[tuple(bad)]} at map {bad[0]}, "
            f"Stokes {stokes[bad[1] % len(stokes)]}, pixel {bad[2]}; all values must be finite"
        )


def write_maps(path: str | os.PathLike, content: MapSet) -> None:
    """Write a map file atomically."""
    with _new_file(path) as file:
        file.attrs["format"] = MAPS_FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["provenance"] = json.dumps(content.provenance)
        maps = file.create_dataset("maps", data=content.maps)
        maps.attrs.update(
            stokes=content.stokes,
            channels=",".join(content.channels),
            **content.sky.attributes(),
            frame=content.frame,
            unit=content.unit,
            polarization_convention="COSMO",
            dataset=content.dataset,
            first=content.first,
        )
        write_sky(file, content.sky)


def write_sky(file: h5py.File, sky: Geometry) -> None:
    """Add the observed pixels and their weights to an open product; nothing if all are alike."""
    if not sky.is_full:
        file["pixels"] = sky.pixels
    if sky.weights is not None:
        file["weights"] = sky.weights


def read_sky(file: h5py.File, attributes: Mapping[str, Any]) -> Geometry:
    """Where the pixels of an open product are, which has these attributes."""
    pixels, weights = (
        values(file, name) if name in file else None for name in ("pixels", "weights")
    )
    return geometry_of(attributes, pixels, weights)


def read_sky_of(path: str | os.PathLike) -> Geometry:
    """Where the pixels of a product of any kind are."""
    with h5py.File(path, "r") as file:
        return read_sky(file, dict(file.attrs))


def geometry_of(
    attributes: Mapping[str, Any], pixels: np.ndarray | None, weights: np.ndarray | None
) -> Geometry:
    """The sphere, plane or line of :meth:`fewtomany.maps.geometry.Geometry.attributes`."""
    if "shape" in attributes:
        shape = tuple(int(n) for n in attributes["shape"])
        return Flat(shape, bool(attributes["periodic"]), pixels, weights)
    return Sky(int(attributes["nside"]), pixels, weights)


def read_maps(path: str | os.PathLike, stokes: str | None = None) -> MapSet:
    """Read and check a map file.

    Parameters
    ----------
    path : the file
    stokes : the components wanted, in this order; all of them by default

    Raises
    ------
    UserError : naming the file, when it is missing, truncated, of another format
        or ordering, of a wrong shape, or holds values that are not finite
    """
    with open_checked(path, MAPS_FORMAT) as file:
        attributes = dict(file["maps"].attrs)
        sky = read_sky(file, attributes)
        ordering = sky.attributes()["ordering"]
        if attributes["ordering"] != ordering:
            raise UserError(f"{path}: ordering is {attributes['ordering']}, expected {ordering}")
        present = attributes["stokes"]
        if stokes is not None and set(stokes) - set(present):
            raise UserError(f"{path}: holds Stokes {present}, {stokes} was asked for")
        maps = values(file, "maps")
        channels = tuple(attributes.get("channels", "").split(","))
        provenance = json.loads(file.attrs["provenance"])
    check_maps(maps, present, path, sky, len(channels))
    if stokes is not None and stokes != present:
        chosen = [
            channel * len(present) + present.index(letter)
            for channel in range(len(channels))
            for letter in stokes
        ]
        maps = maps[:, chosen]
    return MapSet(
        maps=maps,
        stokes=stokes or present,
        dataset=attributes["dataset"],
        first=int(attributes["first"]),
        unit=attributes["unit"],
        frame=attributes["frame"],
        provenance=provenance,
        channels=channels,
        sky=sky,
    )


def iterate_maps(
    paths: Iterable[str | os.PathLike],
    stokes: str | None = None,
    n_maps: int | None = None,
    **expected: str | int,
) -> Iterator[MapSet]:
    """Read the consecutive map files of one dataset, one at a time.

    Parameters
    ----------
    paths : the files, in order
    stokes : the components wanted, in this order; all of them by default
    n_maps : number of maps they must hold in all
    expected : what the first file must be: ``dataset``, ``nside`` or ``shape``, ``first``,
        ``frame``

    Raises
    ------
    UserError : besides those of :func:`read_maps`, when a file is not what is expected,
        does not follow the one before it, or maps are missing at the end
    """
    count, sky = 0, None
    for path in paths:
        part = read_maps(path, stokes)
        if sky is not None and part.sky != sky:
            raise UserError(f"{path}: holds other pixels than the files before it")
        sky = part.sky
        found = {"dataset": part.dataset, "first": part.first} | part.sky.attributes()
        found |= {"stokes": part.stokes, "channels": part.channels, "frame": part.frame}
        faults = [
            f"{name} is {found.get(name)}, expected {value}"
            for name, value in expected.items()
            if found.get(name) != value
        ]
        if faults:
            raise UserError(f"{path}: {'; '.join(faults)}")
        expected = {**found, "first": part.first + len(part)}
        count += len(part)
        yield part
    if n_maps is not None and count != n_maps:
        raise UserError(f"the map files hold {count} maps, expected {n_maps}")


def read_dataset(
    paths: Iterable[str | os.PathLike], stokes: str | None = None, **expected: str | int
) -> MapSet:
    """Read the map files of :func:`iterate_maps` as one set (small datasets only)."""
    parts = list(iterate_maps(paths, stokes, **expected))
    return dataclasses.replace(parts[0], maps=np.concatenate([part.maps for part in parts]))
