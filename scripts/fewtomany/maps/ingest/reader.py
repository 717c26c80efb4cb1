"""Maps one after the other, converted to K, RING and COSMO; unobserved pixels are told apart."""

from collections.abc import Iterator
from dataclasses import dataclass

import healpy
import numpy as np

from fewtomany.errors import UserError
from fewtomany.maps.ingest import arrays, fits
from fewtomany.maps.ingest.files import (
    CONVENTIONS,
    FRAMES,
    ORDERINGS,
    UNITS,
    Source,
    count_of,
    find,
    format_of,
)

_FACTS = {
    "unit": ("TUNIT", "unit", UNITS),
    "ordering": ("ORDERING", "ordering", ORDERINGS),
    "convention": ("POLCCONV", "polarization_convention", CONVENTIONS),
    "frame": ("COORDSYS", "frame", FRAMES),
}
"""What must be known of a map: its FITS keyword, its key in the configuration, its values."""


@dataclass(frozen=True)
class Raw:
    """One map as it was read: K, RING, COSMO, in its own frame and resolution.

    Attributes
    ----------
    where : its file, and its place there if there are several
    values : array of shape (n_components, 12·nside²), 0 where nothing was seen
    seen : booleans of shape (12·nside²,): all components are there
    header : of its file, complete
    """

    where: str
    values: np.ndarray
    seen: np.ndarray
    header: fits.Header


def read_range(source: Source, stokes: str, start: int, stop: int) -> Iterator[Raw]:
    """The maps ``start <= k < stop``; files without any of them are not read."""
    first = 0
    for path in find(source.files):
        number = count_of(path)
        if first < stop and first + number > start:
            for place, raw in enumerate(_read_file(path, source, stokes), first):
                if start <= place < stop:
                    yield raw
        first += number


def _read_file(path: str, source: Source, stokes: str) -> Iterator[Raw]:
    if format_of(path) == "fits":
        stored = [(path, *fits.read(path, stokes))]
    elif format_of(path) == "hdf5":
        stored = arrays.read_hdf5(path, stokes)
    else:
        stored = arrays.read_npy(path, stokes)
    for where, values, header in stored:
        yield _convert(path, where, values, _complete(path, header, source, stokes), stokes)


def _complete(path: str, header: fits.Header, source: Source, stokes: str) -> fits.Header:
    """What is known of a file: said by itself or given; UserError if neither, or if they differ."""
    found = {"nside": header.nside}
    for name, (key, config_key, allowed) in _FACTS.items():
        said, given = getattr(header, name), getattr(source, name)
        choice = ", ".join(allowed)
        if name == "convention" and stokes == "T":
            said = given = "COSMO"
        if said is None and given is None:
            raise UserError(f"{path}: {key} is missing; give {config_key} ({choice})")
        if said is not None and said not in allowed:
            if given is None:
                raise UserError(f"{path}: {key} is {said!r}; expected {choice} (thermodynamic)")
            said = None
        if said is not None and given is not None and said != given:
            raise UserError(
                f"{path}: {key} is {said}, but {config_key} {given} is given; expected the same"
            )
        found[name] = said or given
    return fits.Header(**found)


def _convert(path: str, where: str, values: np.ndarray, header: fits.Header, stokes: str) -> Raw:
    """Values to K, RING, COSMO; what is not seen to 0."""
    if header.ordering == "NESTED":
        ring = np.arange(values.shape[1])
        values = values[:, healpy.ring2nest(header.nside, ring)]
    unseen = np.isclose(values, healpy.UNSEEN, rtol=1e-5, atol=0)
    bad = ~np.isfinite(values)
    if bad.any():
        component, pixel = np.argwhere(bad)[0]
        raise UserError(
            f"{where}: {bad.sum()} values are not finite ({values[component, pixel]} at Stokes "
            f"{stokes[component]}, RING pixel {pixel}); expected UNSEEN (-1.6375e30) where "
            "nothing was observed"
        )
    seen = ~unseen.any(axis=0)
    factor = UNITS[header.unit]
    if factor != 1:
        values = (values.astype(np.float64) * factor).astype(values.dtype)
    values = np.where(seen, values, 0)
    if header.convention == "IAU" and "U" in stokes:
        values[stokes.index("U")] *= -1
    return Raw(where, values, seen, header)
