"""Checking the user's maps and bringing them together."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import healpy
import numpy as np

from fewtomany.errors import UserError
from fewtomany.files.store import MapSet
from fewtomany.maps.components import Components
from fewtomany.maps.ingest import fits
from fewtomany.maps.ingest.files import FRAMES, ORDERINGS, Source, count, find, format_of
from fewtomany.maps.ingest.reader import Raw, read_range
from fewtomany.maps.ingest.resample import KEPT, Resampling, resampling
from fewtomany.maps.sky import Sky

MIN_MAPS = 2
"""Fewer maps have no scatter."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """What the maps become: resolution, frame, and the FITS file of a mask or None."""

    nside: int
    frame: str
    mask: str | None = None


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


def load(
    channels: Mapping[str, Source],
    stokes: str,
    target: Target,
    *,
    dataset: str,
    start: int,
    stop: int | None,
    n_maps: int | None,
    provenance: dict,
) -> MapSet:
    """See :func:`fewtomany.maps.ingest.load`."""
    components = Components(stokes, tuple(channels))
    if target.frame not in FRAMES:
        raise UserError(f"frame {target.frame!r} is not allowed; expected {', '.join(FRAMES)}")
    channels = {name: _with_defaults(source, target) for name, source in channels.items()}
    used = count_used(channels, n_maps)
    stop = used if stop is None else stop
    check_span(start, stop, used)
    digests: dict[bytes, str] = {}
    surveys = {
        name: survey(source, stokes, target, used, digests) for name, source in channels.items()
    }
    grids = [_Grid.of(found, target) for found in surveys.values()]
    kept = np.all([grid.kept for grid in grids], axis=0)
    if not kept.any():
        raise UserError(f"{dataset}: no pixel of nside {target.nside} is observed in all maps")
    sky = Sky.of_mask(np.where(kept, np.mean([grid.weights for grid in grids], axis=0), 0))
    maps = np.empty(
        (stop - start, len(components), sky.n_pix),
        np.result_type(*(found.dtype for found in surveys.values())),
    )
    for (name, source), grid in zip(channels.items(), grids, strict=True):
        for row, raw in enumerate(read_range(source, stokes, start, stop)):
            maps[row, components.select(name)] = sky.restrict(grid.apply(raw.values, stokes))
    logger.info(
        "%s: maps %d to %d of %d, %s at nside %d, %.1f%% of the sky",
        *(dataset, start, stop, used, stokes, target.nside, 100 * sky.fraction),
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


def check_span(start: int, stop: int, used: int) -> None:
    """Raise UserError unless ``start`` to ``stop`` is a range of the maps that are used."""
    if not 0 <= start < stop <= used:
        raise UserError(f"maps {start} to {stop} are not a range of the {used} maps found")


def count_used(channels: Mapping[str, Source], needed: int | None) -> int:
    """Maps of every channel that are used, the first of those there are."""
    counts = {name: count(source.files) for name, source in channels.items()}
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
    if kinds == {"npy"}:
        return source.over(Source((), unit="K", ordering="RING", frame=target.frame))
    return source


@dataclass
class Survey:
    """What the first reading of all maps of a channel finds.

    Attributes
    ----------
    header : of all of them
    dtype : float32 if all maps are, else float64
    observed : float64 array of shape (12·nside²,): weights, 0 for pixels left out or unseen
    """

    header: fits.Header
    dtype: np.dtype
    observed: np.ndarray = field(default_factory=lambda: np.empty(0))


def survey(
    source: Source, stokes: str, target: Target, n_maps: int, digests: dict[bytes, str]
) -> Survey:
    """Read the maps of a channel once, check them, and find the pixels that all of them have.

    ``digests`` are those of the maps read before, with their files, and get those of these.
    """
    result, mask = None, None
    for raw in read_range(source, stokes, 0, n_maps):
        if result is None:
            result = Survey(raw.header, raw.values.dtype)
            _check_resolution(raw, target)
            mask = _mask(target.mask, raw.header) if target.mask else None
            seen = mask > 0 if mask is not None else np.ones(len(raw.seen), bool)
            first, reference = raw, raw.values.copy()
            varies = np.zeros(raw.values.shape, bool)
        _check_same(raw, first)
        if mask is not None and (lost := np.count_nonzero((mask > 0) & ~raw.seen)):
            raise UserError(
                f"{raw.where}: {lost} pixels inside the mask {target.mask} are UNSEEN; "
                "expected every pixel of the mask in every map"
            )
        digest = hashlib.sha256(raw.values.tobytes()).digest()
        if digest in digests:
            raise UserError(f"{raw.where}: is a copy of {digests[digest]}; expected different maps")
        digests[digest] = raw.where
        seen &= raw.seen
        varies |= raw.values != reference
        result.dtype = np.result_type(result.dtype, raw.values.dtype)
    if not seen.any():
        raise UserError(f"{', '.join(source.files)}: no pixel is seen in every map")
    _check_varies(source, stokes, varies | ~seen)
    result.observed = np.where(seen, 1.0 if mask is None else mask, 0.0)
    return result


def _check_resolution(raw: Raw, target: Target) -> None:
    if raw.header.nside < target.nside:
        raise UserError(
            f"{raw.where}: nside is {raw.header.nside}; "
            f"expected at least maps.nside = {target.nside}"
        )


def _check_same(raw: Raw, first: Raw) -> None:
    """UserError unless resolution, frame and unit are those of the first map."""
    for name in ("nside", "frame", "unit", "convention"):
        found, expected = getattr(raw.header, name), getattr(first.header, name)
        if found != expected:
            raise UserError(
                f"{raw.where}: {name} is {found}, but {expected} in {first.where}; "
                f"expected one {name} in all files"
            )


def _check_varies(source: Source, stokes: str, varies: np.ndarray) -> None:
    for letter, row in zip(stokes, varies, strict=True):
        fixed = np.flatnonzero(~row)
        if len(fixed):
            raise UserError(
                f"{', '.join(source.files)}: {len(fixed)} pixels of {letter} never vary (the first "
                f"is RING pixel {fixed[0]}); expected different values, or UNSEEN, or a mask "
                "without them"
            )


def _mask(path: str, header: fits.Header) -> np.ndarray:
    """Weights of a mask on the pixels of the maps, (12·nside²,), RING; UNSEEN is 0.

    A mask of another resolution or frame is brought to that of the maps: a finer one by means,
    kept where at least half of the area is; a coarser one pixel by pixel. Without a keyword of
    its own its frame is that of the maps.
    """
    weights, facts = fits.read_weights(path)
    weights = np.where(np.isclose(weights, healpy.UNSEEN, rtol=1e-5, atol=0), 0, weights)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise UserError(f"{path}: weights must be finite and 0 or more; found {weights.min()}")
    if facts.ordering is None:
        raise UserError(f"{path}: ORDERING is missing; expected {', '.join(ORDERINGS)}")
    if facts.ordering == "NESTED":
        weights = weights[healpy.ring2nest(facts.nside, np.arange(len(weights)))]
    if facts.nside < header.nside:
        weights = healpy.ud_grade(weights, header.nside)
    nside = max(facts.nside, header.nside)
    change = resampling(nside, facts.frame or header.frame, header.nside, header.frame)
    if change is not None:
        kept = change.coverage(weights > 0) >= KEPT
        weights = np.where(kept, change.scalar(weights, weights > 0), 0)
    if not (weights > 0).any():
        raise UserError(f"{path}: has no weight above 0")
    return weights


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
