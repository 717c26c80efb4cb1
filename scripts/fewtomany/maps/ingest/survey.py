"""The first reading of all maps: what is wrong with them, and which pixels all of them have."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from fewtomany.errors import UserError
from fewtomany.maps.ingest import masks
from fewtomany.maps.ingest.files import Source
from fewtomany.maps.ingest.reader import Raw, read_range
from fewtomany.maps.ingest.series import Reading
from fewtomany.maps.ingest.tables import Header

LARGER = 1e3
"""How much larger than the others, by its mean absolute value, a map of the same kind can be."""

N_COMPARED, NEARER = 512, 1e-3
"""Pixels by which a mean of maps is found among them, and how far from that of the others it is,
over how far the maps are from it in the median: what they have in common counts in neither."""

FAINT, SHARE = 0.1, 0.05
"""Of the largest root mean square of a pixel: below, values may be the rings that a projection by
harmonics leaves around a survey. Said where so many pixels are, and few between that and thrice."""


@dataclass(frozen=True)
class Target:
    """What the maps become: resolution, frame, and the FITS file of a mask or None."""

    nside: int
    frame: str
    mask: str | None = None


@dataclass(frozen=True)
class Survey:
    """What the first reading of all maps of a channel finds.

    Attributes
    ----------
    header : of all of them
    dtype : float32 if all maps are, else float64
    observed : float64 array of shape (12·nside²,): weights, 0 for pixels left out or unseen
    absent : Stokes parameters that are 0 in every pixel of every map
    notes : sentences: what was taken to be no data
    """

    header: Header
    dtype: np.dtype
    observed: np.ndarray
    absent: str
    notes: tuple[str, ...]


@dataclass
class _Pixels:
    """What pixels are so far, booleans of shape (12·nside²,) or (n_components, 12·nside²)."""

    seen: np.ndarray
    blank: np.ndarray
    zero: np.ndarray
    nan: np.ndarray
    varies: np.ndarray
    nonzero: np.ndarray
    power: np.ndarray
    first: dict[str, np.ndarray] = field(default_factory=dict)


def survey(
    reading: Reading, source: Source, target: Target, n_maps: int, digests: dict[bytes, str]
) -> Survey:
    """Read the first maps of a channel once, check them, and find the pixels that all have.

    A pixel is left out where any map is UNSEEN, and where every component of every map is 0 or
    not a number: map-makers that know no UNSEEN write these outside of their survey.

    Parameters
    ----------
    reading, source : the maps, and what the user says of them
    target : what they become
    n_maps : maps that are used
    digests : of the maps read before, with their files; those of these are added

    Raises
    ------
    UserError : one line, naming the file, what is wrong, the value and what is allowed
    """
    notes: Counter[str] = Counter()
    places: list[str] = []
    sizes: list[float] = []
    some: list[np.ndarray] = []
    mask, pixels = None, None
    for index, raw in enumerate(read_range(reading, source, 0, n_maps)):
        if pixels is None:
            _check_resolution(raw, target)
            first, dtype, reference = raw, raw.values.dtype, raw.values.copy()
            if target.mask:
                mask = masks.read(target.mask, raw.header.nside, raw.header.frame)
                notes.update(masks.notes(target.mask))
            inside = np.ones(len(raw.seen), bool) if mask is None else mask > 0
            pixels = _start(raw, inside)
        _check_same(raw, first)
        if mask is not None and (lost := np.count_nonzero(inside & ~raw.seen)):
            raise UserError(
                f"{raw.where}: {lost} pixels inside the mask {target.mask} are UNSEEN; "
                "expected every pixel of the mask in every map"
            )
        digest = hashlib.sha256(raw.values.tobytes()).digest()
        if digest in digests:
            raise UserError(f"{raw.where}: is a copy of {digests[digest]}; expected different maps")
        digests[digest] = raw.where
        places.append(raw.where)
        notes.update(raw.notes)
        sizes.append(float(np.abs(raw.values).mean()))
        dtype = np.result_type(dtype, raw.values.dtype)
        _add(pixels, raw, index)
        pixels.varies |= raw.values != reference
        some.append(raw.values[:, :: max(raw.values.shape[1] // N_COMPARED, 1)])
    _check_sizes(places, sizes)
    _check_no_mean(places, np.array(some, np.float64))
    integers = all(
        strand.table.columns[k].integers
        for series in reading.series
        for strand in series.strands.values()
        for k in strand.columns
    )
    seen, outside = _observed(pixels, inside, places, integers)
    names = ", ".join(source.files)
    if mask is not None and outside:
        number, what = sum(outside.values()), " or ".join(outside)
        raise UserError(
            f"{names}: {number} pixels inside the mask {target.mask} are {what} in every map; "
            "expected every pixel of the mask in every map"
        )
    if not seen.any():
        raise UserError(f"{names}: no pixel is seen in every map")
    letters = reading.stokes
    absent = "".join(x for x, row in zip(letters, pixels.nonzero, strict=True) if not row.any())
    if len(absent) == len(letters):
        raise UserError(f"{names}: every value of every map is 0; expected maps that differ")
    _check_varies(names, letters, pixels.varies | ~seen, absent, np.count_nonzero(seen))
    told = [f"{text} ({n} maps)" if n > 1 else text for text, n in notes.items()]
    told += [
        f"{n} of {len(seen)} pixels are {what} in every map and component: left out"
        for what, n in outside.items()
    ]
    told += _faint(pixels.power[seen])
    weights = np.where(seen, 1.0 if mask is None else mask, 0.0)
    return Survey(first.header, dtype, weights, absent, tuple(told))


def _start(raw: Raw, inside: np.ndarray) -> _Pixels:
    none = np.zeros(len(inside), bool)
    return _Pixels(
        seen=inside.copy(),
        blank=~none,
        zero=none.copy(),
        nan=none.copy(),
        varies=np.zeros(raw.values.shape, bool),
        nonzero=np.zeros(raw.values.shape, bool),
        power=np.zeros(len(inside)),
        first={what: np.full(len(inside), -1) for what in ("zero", "nan")},
    )


def _add(pixels: _Pixels, raw: Raw, index: int) -> None:
    zero = raw.seen & ~raw.missing & (raw.values == 0).all(axis=0)
    pixels.seen &= raw.seen
    pixels.blank &= zero | raw.missing
    pixels.nonzero |= raw.values != 0
    pixels.power += np.sum(np.where(raw.seen & ~raw.missing, raw.values, 0.0) ** 2, axis=0)
    for what, now, before in (
        ("zero", zero, pixels.zero),
        ("nan", raw.missing, pixels.nan),
    ):
        pixels.first[what][now & ~before] = index
        before |= now


def _observed(
    pixels: _Pixels, inside: np.ndarray, places: list[str], integers: bool
) -> tuple[np.ndarray, dict[str, int]]:
    """Pixels that every map has, and how many are left out as 0 or NaN.

    Raises
    ------
    UserError : for pixels that are 0 or NaN in some maps and have values in others
    """
    seen = pixels.seen & inside
    for what, some, word in (
        ("nan", pixels.nan, "NaN"),
        ("zero", pixels.zero, "0 in every component"),
    ):
        odd = seen & some & ~pixels.blank
        if odd.any() and not (what == "zero" and integers):
            pixel = int(np.flatnonzero(odd)[0])
            index = pixels.first[what][pixel]
            number = np.count_nonzero(odd & (pixels.first[what] == index))
            raise UserError(
                f"{places[index]}: {number} pixels are {word} (the first is RING pixel {pixel}) "
                "and have values in other maps; expected UNSEEN (-1.6375e30), or the same pixels "
                "in every map"
            )
    left = seen & pixels.blank
    outside = {
        "NaN": np.count_nonzero(left & ~pixels.zero),
        "0": np.count_nonzero(left & ~pixels.nan),
        "0 or NaN": np.count_nonzero(left & pixels.zero & pixels.nan),
    }
    return seen & ~left, {what: n for what, n in outside.items() if n}


def _faint(power: np.ndarray) -> list[str]:
    """A sentence on pixels that may lie outside of a survey, by the mean squares of all."""
    size = np.sqrt(power / np.quantile(power, 0.99))
    faint, between = np.count_nonzero(size < FAINT), np.count_nonzero(size < 3 * FAINT)
    if faint < SHARE * len(size) or between > 1.5 * faint:
        return []
    return [
        f"{faint} of {len(size)} pixels have less than a tenth of the others' root mean square: if "
        "they lie outside of the survey, MASK leaves them out"
    ]


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


def _check_sizes(places: list[str], sizes: list[float]) -> None:
    """UserError for a map that is of another size than the rest: a condition number, a weight."""
    usual, largest = float(np.median(sizes)), int(np.argmax(sizes))
    if usual > 0 and sizes[largest] > LARGER * usual:
        raise UserError(
            f"{places[largest]}: its mean absolute value is {sizes[largest]:.2g} K, that of others "
            f"{usual:.2g} K; expected maps of one kind, in the unit that they say"
        )


def _check_no_mean(places: list[str], values: np.ndarray) -> None:
    """UserError for a map that is the mean or the sum of all others, by some of their values."""
    if len(places) < 3:
        return
    others = values.sum(axis=0) - values
    for what, expected in (("mean", others / (len(places) - 1)), ("sum", others)):
        away = np.abs(values - expected).max(axis=(1, 2))
        if (found := np.flatnonzero(away < NEARER * np.median(away))).size:
            raise UserError(
                f"{places[found[0]]}: is the {what} of the {len(places) - 1} other maps; expected "
                "realizations alone"
            )


def _check_varies(names: str, stokes: str, varies: np.ndarray, absent: str, n_seen: int) -> None:
    for letter, row in zip(stokes, varies, strict=True):
        fixed = np.flatnonzero(~row)
        if len(fixed) == n_seen and letter not in absent:
            leave = ", or STOKES=QU to leave it out" if letter == "T" and "QU" in stokes else ""
            raise UserError(
                f"{names}: {letter} is the same in every map; expected maps that differ{leave}"
            )
        if len(fixed) and letter not in absent:
            raise UserError(
                f"{names}: {len(fixed)} pixels of {letter} never vary (the first "
                f"is RING pixel {fixed[0]}); expected different values, or UNSEEN, or a mask "
                "without them"
            )
