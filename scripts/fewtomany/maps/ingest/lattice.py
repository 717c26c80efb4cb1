"""The user's own maps of planes and lines: NumPy arrays, or HDF5 of this package.

A NumPy file holds (n_maps, n_rows, n_columns) or (n_maps, n_components, n_rows, n_columns) of
a plane, (n_maps, n) or (n_maps, n_components, n) of a line; what it says is taken as it is. A
mask is a NumPy file of the shape: weights, 0 for pixels left out, which may hold anything.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping

import numpy as np

from fewtomany.errors import UserError
from fewtomany.files import store
from fewtomany.files.store import MapSet
from fewtomany.maps.components import Components
from fewtomany.maps.flat import Flat
from fewtomany.maps.ingest.files import Source, count, count_of, find, format_of, open_npy
from fewtomany.maps.ingest.maps import check_span, count_used

logger = logging.getLogger(__name__)


def load(
    channels: Mapping[str, Source],
    stokes: str,
    whole: Flat,
    mask: str | None,
    *,
    dataset: str,
    start: int,
    stop: int | None,
    n_maps: int | None,
    provenance: dict,
) -> MapSet:
    """Maps ``start <= k < stop``; all that are used are read and checked.

    Raises
    ------
    UserError : naming the file, what is wrong, the value and what is allowed
    """
    components = Components(stokes, tuple(channels))
    counts = {name: count(source.files, flat=True) for name, source in channels.items()}
    used = count_used(channels, counts, n_maps)
    stop = used if stop is None else stop
    check_span(start, stop, used)
    flat = read_mask(mask, whole) if mask else whole
    maps = np.empty((stop - start, len(components), flat.n_pix))
    digests: dict[bytes, str] = {}
    single = True
    for channel, source in channels.items():
        rows = components.select(channel)
        for index, (where, values) in enumerate(_read(source, stokes, whole, flat, used)):
            digest = hashlib.sha256(values.tobytes()).digest()
            if digest in digests:
                raise UserError(f"{where}: is a copy of {digests[digest]}; expected different maps")
            digests[digest] = where
            single &= values.dtype == np.float32
            if start <= index < stop:
                maps[index - start, rows] = values
    logger.info("%s: maps %d to %d of %d, %s", dataset, start, stop, used, whole.name)
    return MapSet(
        maps=maps.astype(np.float32) if single else maps,
        stokes=stokes,
        dataset=dataset,
        first=start,
        unit=flat.unit,
        frame="",
        provenance=provenance,
        channels=tuple(channels),
        sky=flat,
    )


def read_mask(path: str, whole: Flat) -> Flat:
    """The observed part of a plane or a line, of a NumPy file of weights of its shape."""
    if format_of(path) != "arrays":
        raise UserError(f"maps.mask: {path}: expected a NumPy file (.npy) of a {whole.kind}")
    try:
        weights = np.load(path)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"maps.mask: {path}: not a readable NumPy array: {error}") from None
    if weights.shape != whole.shape:
        raise UserError(
            f"maps.mask: {path}: shape is {weights.shape}, expected maps.shape = {whole.shape}"
        )
    try:
        return Flat.of_mask(weights, whole.periodic)
    except UserError as error:
        raise UserError(f"maps.mask: {path}: {error}") from None


def _read(
    source: Source, stokes: str, whole: Flat, flat: Flat, used: int
) -> Iterator[tuple[str, np.ndarray]]:
    """The first maps of a channel, (n_components, n_pix), observed pixels, and where from."""
    left = used
    for path in find(source.files):
        stored = _of_hdf5 if format_of(path) == "hdf5" else _of_npy
        if format_of(path) == "fits":
            raise UserError(
                f"{path}: is FITS; expected NumPy (.npy) or HDF5 files of a {whole.kind}"
            )
        number = min(count_of(path), left)
        for place, values in enumerate(stored(path, stokes, whole, flat, number)):
            where = f"{path}, map {place}"
            _check_values(where, values, flat, stokes)
            yield where, values
        left -= number
        if not left:
            return


def _check_values(where: str, values: np.ndarray, flat: Flat, stokes: str) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        component, pixel = bad[0]
        place = tuple(int(n) for n in np.unravel_index(flat.indices[pixel], flat.shape))
        raise UserError(
            f"{where}: {len(bad)} values are not finite ({values[component, pixel]} of "
            f"{stokes[component]} at {place}); expected numbers, or a maps.mask without them"
        )
    flattest = values.min(axis=1) == values.max(axis=1)
    if flattest.any():
        letter = stokes[int(np.argmax(flattest))]
        raise UserError(f"{where}: {letter} has one value alone; expected a field that varies")


def _of_npy(path: str, stokes: str, whole: Flat, flat: Flat, number: int) -> Iterator[np.ndarray]:
    array = open_npy(path, n_dims=(2, 3, 4))
    n_components = len(stokes)
    allowed = [(len(array), n_components, *whole.shape)]
    if n_components == 1:
        allowed.insert(0, (len(array), *whole.shape))
    if array.shape not in allowed:
        words = " or ".join(str(("n_maps", *shape[1:])).replace("'", "") for shape in allowed)
        raise UserError(
            f"{path}: shape is {array.shape}; expected {words} of maps.shape = "
            f"{list(whole.shape)} and maps.stokes = {stokes}"
        )
    dtype = np.float32 if array.dtype == np.float32 else np.float64
    for values in array[:number]:
        yield flat.restrict(np.array(values, dtype).reshape(n_components, -1))


def _of_hdf5(path: str, stokes: str, whole: Flat, flat: Flat, number: int) -> Iterator[np.ndarray]:
    content = store.read_maps(path, stokes)
    if content.sky.whole != whole:
        raise UserError(
            f"{path}: holds maps of {content.sky.whole.name}; expected a {whole.name} (maps.shape, "
            "maps.periodic)"
        )
    if len(content.channels) > 1:
        raise UserError(
            f"{path}: holds channels {', '.join(content.channels)}; expected one of a file"
        )
    for values in content.maps[:number]:
        yield flat.restrict(content.sky.expand(values, np.nan))
