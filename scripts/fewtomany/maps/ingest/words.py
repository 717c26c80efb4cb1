"""What files call units, frames, orderings, conventions and columns, in the words of this package.

Every function of a word gives the name used here, None where the file says nothing, and the word
itself where it is neither.
"""

import re
from collections.abc import Mapping, Sequence

UNITS = {"K": 1.0, "mK": 1e-3, "uK": 1e-6, "nK": 1e-9}
"""Kelvin per unit, thermodynamic."""

ORDERINGS = ("RING", "NESTED")
CONVENTIONS = ("COSMO", "IAU")
FRAMES = {"galactic": "G", "ecliptic": "E", "equatorial": "C"}
"""healpy's letters of the frames."""

PIXEL_COLUMNS = (
    *("PIXEL", "PIX", "PIXELS", "PIXLIST", "PIXNUM", "PIXEL_INDEX", "PIXEL_ID", "PIXEL_NUMBER"),
    *("IPIX", "HPXINDEX", "HPX_INDEX", "HPIX", "HEALPIX", "HEALPIX_INDEX", "HEALPIX_ID"),
)
"""Names of the column that says which pixels a cut-sky file holds."""

_NOTHING = ("", "UNKNOWN", "NONE", "UNDEFINED", "N/A", "NA", "UNSPECIFIED")

_KELVIN = r"(milli|micro|nano|[mun]|)(?:kelvins?|K)"
_THERMODYNAMIC = r"[\s_,(]*\{?(?:CMB|thermo(?:dynamic)?)\}?\)?"
_LEADING_ONE = re.compile(r"1(?:\.0*)?[\s*]+(?=[^\W\d])")
_POWER = re.compile(r"(?:10(?:\*\*|\^)?\(?([+-]?\d+)\)?|1(?:\.0*)?[eE]([+-]?\d+))[\s*.]+(?=K)")
_POWERS = {-3: "m", -6: "u", -9: "n"}
_PREFIXES = {"": "K", "m": "mK", "milli": "mK", "u": "uK", "micro": "uK", "n": "nK", "nano": "nK"}

_ORDERING_WORDS = {"RING": ("RING",), "NESTED": ("NESTED", "NEST")}
_CONVENTION_WORDS = {"COSMO": ("COSMO", "HEALPIX"), "IAU": ("IAU",)}
_FRAME_WORDS = {
    "galactic": ("G", "GAL", "GALACTIC"),
    "ecliptic": ("E", "ECL", "ECLIPTIC", "ECLIPTIC2000"),
    "equatorial": (
        *("C", "Q", "CEL", "CELESTIAL", "CELESTIAL2000", "C2000", "EQU", "EQ", "EQUATORIAL"),
        *("ICRS", "FK5", "J2000", "RADEC"),
    ),
}

_LETTERS = {"T": ("T", "I", "TEMPERATURE", "TEMP", "INTENSITY", "SIGNAL")}
_LETTERS |= {letter: (letter,) for letter in "QUV"}
_BEFORE = re.compile(r"^(?:STOKES|POLAR(?:I[SZ]ATION)?|MEAN|MAP)_?(?=[A-Z])")
_AFTER = re.compile(r"(?<=[A-Z])_?(?:STOKES|POLAR(?:I[SZ]ATION)?|POL|MEAN|MAP)$")
_AUXILIARY = re.compile(
    r"(?:N?HITS?|N?_?OBS|WEI(?:GHTS?)?|INV|N?COV|COVARIANCE|RMS|STD(?:DEV)?|SIGMA|S?ERR(?:OR)?"
    r"|VAR(?:IANCE)?|R?COND|[TIPQU]?MASK|FLAGS?|HITMAP|[TIQUV]{2})"
)
_BRACKETS = re.compile(r"\s*[(\[](.*)[)\]]$")
_UNNAMED = re.compile(r"(?:COL(?:UMN)?|UNKNOWN|MAP|FIELD|SIM|REAL(?:I[SZ]ATION)?|MC)?_?\d*")


def unit_of(text: str | None) -> str | None:
    """ "K", "mK", "uK" or "nK" of a column: thermodynamic (K_CMB, uK,thermodynamic, ...)."""
    word = _LEADING_ONE.sub("", (text or "").strip(" '\""))
    if word.upper() in _NOTHING:
        return None
    plain = re.sub("mu(?=K)|[\u00b5\u03bc]", "u", word)
    if (power := _POWER.match(plain)) and (exponent := int(power[1] or power[2])) in _POWERS:
        plain = f"{_POWERS[exponent]}{plain[power.end() :]}"
    found = re.fullmatch(f"{_KELVIN}(?:{_THERMODYNAMIC})?", plain, re.IGNORECASE)
    if not found or plain.startswith("MK"):  # mega or milli: nobody can tell
        return word
    return _PREFIXES[found[1].lower()]


def remark_of(unit: str) -> str:
    """What to know of a unit that :func:`unit_of` does not know, before one is given for it."""
    if unit.lower() == "tcmb":
        return "spt3g's word for a temperature, which that software writes in mK:"
    return "convert the brightness temperature, or" if is_brightness(unit) else ""


def is_brightness(unit: str) -> bool:
    """Whether a unit is of Rayleigh-Jeans brightness or antenna temperature: K_RJ, K (Tb), ..."""
    pattern = rf"{_KELVIN}[\s_(]*(?:RJ|T?b|ant(?:enna)?)\)?"
    return bool(re.fullmatch(pattern, unit, re.IGNORECASE))


def cannot_be_temperature(unit: str) -> bool:
    """Whether a unit that :func:`unit_of` does not know is of another dimension than kelvin."""
    from astropy import units  # only for the files that say such a thing

    if re.search(r"\^|\*\*|counts?$|2\)?$|arcmin|sqrt|Hz", unit):
        return True
    if is_brightness(unit):
        return False  # libraries that define K_RJ make it a dimension of its own
    try:
        return not units.Unit(unit).is_equivalent(units.K)
    except (ValueError, TypeError):
        return False


def unit_in(name: str) -> str | None:
    """The unit that a column's name has at its end in brackets; None where it has none."""
    found = _BRACKETS.search(name)
    unit = unit_of(found[1]) if found else None
    return unit if unit in UNITS else None


def ordering_of(text: object) -> str | None:
    return _named(text, _ORDERING_WORDS)


def convention_of(text: object) -> str | None:
    return _named(text, _CONVENTION_WORDS)


def frame_of(text: object) -> str | None:
    return _named(text, _FRAME_WORDS)


def _named(text: object, words: Mapping[str, Sequence[str]]) -> str | None:
    word = ("" if text is None else str(text)).strip(" '\"")
    if word.upper() in _NOTHING:
        return None
    return next((name for name, some in words.items() if word.upper() in some), word)


def stem_of(name: str) -> tuple[str, int | None]:
    """A column's name without the number at its end, and that number."""
    plain = re.sub(r"[^A-Z0-9]+", "_", _BRACKETS.sub("", name).upper()).strip("_")
    found = re.fullmatch(r"(.*?)_?(\d+)", plain)
    return (found[1], int(found[2])) if found and found[1] else (plain, None)


def letter_of(name: str) -> str:
    """The Stokes parameter, T, Q, U or V, that a column's name stands for; "" for other names."""
    stem, _ = stem_of(name)
    stem = _AFTER.sub("", _BEFORE.sub("", stem))
    return next((letter for letter, stems in _LETTERS.items() if stem in stems), "")


def is_auxiliary(name: str, unit: str | None) -> bool:
    """Whether a column holds hits, weights, covariances or the like, by its name or unit."""
    stem, _ = stem_of(name)
    words = stem.split("_")
    squared = unit is not None and bool(re.search(r"\^|\*\*|^1/|2\)?$|counts?$", unit))
    return squared or any(_AUXILIARY.fullmatch(word) for word in words)


def is_unnamed(name: str) -> bool:
    """Whether a column's name says nothing: COLUMN_3, UNKNOWN1, PIXELS (of values), none at all."""
    return stem_of(name)[0] in PIXEL_COLUMNS or bool(
        _UNNAMED.fullmatch("_".join(map(str, filter(None, stem_of(name)))))
    )


def natural(name: str) -> list[tuple[int, int | str]]:
    """A key that sorts names by the numbers in them: map_2 before map_10."""
    return [(0, int(x)) if x.isdigit() else (1, x) for x in re.split(r"(\d+)", name) if x]
