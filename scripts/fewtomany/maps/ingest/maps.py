"""Bringing the user's maps together, in the pixels and the frame of the campaign."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fewtomany.errors import UserError
from fewtomany.files.store import MapSet
from fewtomany.maps.components import Components
from fewtomany.maps.ingest import look
from fewtomany.maps.ingest.channels import paired
from fewtomany.maps.ingest.decide import decide
from fewtomany.maps.ingest.files import Source, find, format_of
from fewtomany.maps.ingest.reader import read_range
from fewtomany.maps.ingest.resample import KEPT, Resampling, resampling
from fewtomany.maps.ingest.series import Reading
from fewtomany.maps.ingest.survey import Survey, Target, survey
from fewtomany.maps.ingest.words import FRAMES
from fewtomany.maps.sky import Sky

MIN_MAPS = 2
"""Fewer maps have no scatter."""

logger = logging.getLogger(__name__)


def sources(
    files: Sequence[str] | Mapping[str, Sequence[str] | Source], given: Source
) -> dict[str, Source]:
    """The sources by channel ("" for a single one), completed by what is given for all."""
    by_channel = files if isinstance(files, Mapping) else {"": files}
    found = {}
    for channel, entry in by_channel.items():
        if not isinstance(entry, Source):
            entry = Source((entry,) if isinstance(entry, str) else tuple(entry))
        found[channel] = entry.over(given)
    return found


def readings_of(
    channels: Mapping[str, Source], stokes: str | None, n_maps: int | None
) -> dict[str, Reading]:
    """What is read of the files of every channel, their maps in one order.

    Raises
    ------
    UserError : for files that hold something else, and for channels that cannot be paired
    """
    found = {name: decide(look.look(source.files), stokes) for name, source in channels.items()}
    return paired(found, n_maps)


def load(
    channels: Mapping[str, Source],
    stokes: str,
    target: Target,
    *,
    dataset: str,
    start: int,
    stop: int | None,
    n_maps: int | None,
    sky: Sky | None,
    provenance: dict,
) -> MapSet:
    """See :func:`fewtomany.maps.ingest.load`."""
    found = _prepared(channels, stokes, target, dataset, n_maps)
    stop = found.used if stop is None else stop
    check_span(start, stop, found.used)
    sky = found.sky if sky is None else _part(found.sky, sky, dataset)
    components = Components(stokes, tuple(channels))
    maps = np.empty((stop - start, len(components), sky.n_pix), found.dtype)
    for name, grid in found.grids.items():
        source, reading = found.channels[name], found.readings[name]
        for row, raw in enumerate(read_range(reading, source, start, stop)):
            maps[row, components.select(name)] = sky.restrict(grid.apply(raw.values, stokes))
    logger.info(
        "%s: maps %d to %d of %d, %s at nside %d, %.1f%% of the sky",
        *(dataset, start, stop, found.used, stokes, target.nside, 100 * sky.fraction),
    )
    return MapSet(
        maps=maps,
        stokes=stokes,
        dataset=dataset,
        first=start,
        frame=target.frame,
        provenance=provenance,
        channels=tuple(channels),
        sky=sky,
    )


def observed(
    channels: Mapping[str, Source],
    stokes: str,
    target: Target,
    *,
    dataset: str,
    n_maps: int | None,
) -> Sky:
    """See :func:`fewtomany.maps.ingest.observed`."""
    return _prepared(channels, stokes, target, dataset, n_maps).sky


@dataclass(frozen=True)
class _Prepared:
    """Channels whose maps were read once and fit together.

    Attributes
    ----------
    channels, readings, grids : by channel: its source, complete, what is read of its files, and the
        way of its maps to the new pixels
    used : maps of each
    sky : the new pixels that every map has
    dtype : of all
    """

    channels: dict[str, Source]
    readings: dict[str, Reading]
    grids: dict[str, "_Grid"]
    used: int
    sky: Sky
    dtype: np.dtype


def _prepared(
    channels: Mapping[str, Source], stokes: str, target: Target, dataset: str, n_maps: int | None
) -> _Prepared:
    if target.frame not in FRAMES:
        raise UserError(f"frame {target.frame!r} is not allowed; expected {', '.join(FRAMES)}")
    channels = {name: _with_defaults(source, target) for name, source in channels.items()}
    readings = readings_of(channels, stokes, n_maps)
    used = count_used(channels, {name: one.n_maps for name, one in readings.items()}, n_maps)
    digests: dict[bytes, str] = {}
    surveys: dict[str, Survey] = {}
    for name, source in channels.items():
        surveys[name] = survey(readings[name], source, target, used, digests)
        if absent := surveys[name].absent:
            left = "".join(letter for letter in stokes if letter not in absent)
            raise UserError(
                f"{', '.join(source.files)}: {' and '.join(absent)} is 0 in every map; expected "
                f"maps.stokes: {left}"
            )
        for note in (*readings[name].notes, *surveys[name].notes):
            logger.info("%s%s: %s", dataset, f", {name}" if name else "", note)
    grids = {name: _Grid.of(found, target) for name, found in surveys.items()}
    kept = np.all([grid.kept for grid in grids.values()], axis=0)
    if not kept.any():
        raise UserError(f"{dataset}: no pixel of nside {target.nside} is observed in all maps")
    weights = np.mean([grid.weights for grid in grids.values()], axis=0)
    dtype = np.result_type(*(found.dtype for found in surveys.values()))
    return _Prepared(
        channels, readings, grids, used, Sky.of_mask(np.where(kept, weights, 0)), dtype
    )


def _part(own: Sky, wanted: Sky, dataset: str) -> Sky:
    """The pixels that are wanted; UserError unless the maps have them all."""
    lost = np.setdiff1d(wanted.indices, own.indices)
    if wanted.nside != own.nside or len(lost):
        raise UserError(
            f"{dataset}: {len(lost)} of {wanted.n_pix} pixels of nside {wanted.nside} are not "
            f"observed in all maps, which have {own.n_pix} of nside {own.nside}; expected them all"
        )
    return wanted


def check_span(start: int, stop: int, used: int) -> None:
    """Raise UserError unless ``start`` to ``stop`` is a range of the maps that are used."""
    if not 0 <= start < stop <= used:
        raise UserError(f"maps {start} to {stop} are not a range of the {used} maps found")


def count_used(
    channels: Mapping[str, Source], counts: Mapping[str, int], needed: int | None
) -> int:
    """Maps of every channel that are used, the first of those there are."""
    if needed is None and len(set(counts.values())) > 1:
        text = ", ".join(f"{name} {number}" for name, number in counts.items())
        raise UserError(f"channels hold different numbers of maps ({text}); expected equally many")
    for name, number in counts.items():
        if number < max(needed or 0, MIN_MAPS):
            raise UserError(
                f"{', '.join(channels[name].files)}: {number} maps found; "
                f"expected at least {max(needed or 0, MIN_MAPS)}"
            )
    return max(needed, MIN_MAPS) if needed else min(counts.values())


def _with_defaults(source: Source, target: Target) -> Source:
    """The same source; NumPy files are in K, RING and the frame wanted, unless other is given."""
    kinds = {format_of(path) for path in find(source.files)}
    if kinds == {"arrays"}:
        return source.over(Source((), unit="K", ordering="RING", frame=target.frame))
    return source


@dataclass(frozen=True)
class _Grid:
    """The way of one channel's maps to the new pixels.

    Attributes
    ----------
    seen : booleans of the source pixels that are used
    kept : booleans of the new pixels that are observed
    weights : float64, weights of the new pixels
    change : None where maps stay as they are
    """

    seen: np.ndarray
    kept: np.ndarray
    weights: np.ndarray
    change: Resampling | None

    @classmethod
    def of(cls, found: Survey, target: Target) -> "_Grid":
        header, seen = found.header, found.observed > 0
        change = resampling(header.nside, header.frame, target.nside, target.frame)
        if change is None:
            return cls(seen, seen, found.observed, None)
        kept = change.coverage(seen) >= KEPT
        return cls(seen, kept, change.scalar(found.observed, seen), change)

    def apply(self, values: np.ndarray, stokes: str) -> np.ndarray:
        """A map (n_stokes, n_source) on the new pixels, (n_stokes, 12·nside²)."""
        if self.change is None:
            return values
        result = np.empty((len(values), len(self.kept)))
        if "T" in stokes:
            result[0] = self.change.scalar(values[0], self.seen)
        if "Q" in stokes:
            result[-2:] = self.change.spin(values[-2], values[-1], self.seen)
        return result
