"""The configuration of a plane or a line: what it has no meaning for, and its own defaults.

``maps.shape`` makes a campaign one of a plane or a line. Its configuration is that of the sphere
less the keys of :data:`NO_MEANING`, with the defaults of :data:`DEFAULTS`, so that it holds what
counts and nothing else.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fewtomany.config.sections import Configuration
from fewtomany.config.sections.base import ABSENT
from fewtomany.config.sections.datasets import MapFiles
from fewtomany.errors import UserError
from fewtomany.maps.flat import Flat

_SPHERE = "it is of the sphere"
_SCAN = "it is of a scan of the sphere"
_LEARNT = "it needs the best covariance without emulation, which is learnt on the sphere"
_OF_FILES = "values are taken as they are, in the order of rows"

NO_MEANING = {
    "maps.nside": _SPHERE,
    "maps.frame": _SPHERE,
    "simulation": _SCAN,
    "symmetry": _SCAN,
    "surrogate": _SCAN,
    "emulator.refinement": _SPHERE,
    "trust": _LEARNT,
    "validation": "it is of pixel covariances and of polarization on the sphere",
    "reference.covariance": _SCAN,
    "reference.draws": _SCAN,
}
"""Keys that a plane or a line has no meaning for, and why."""

FACTS = tuple(key for key in MapFiles.model_fields if key != "files")
"""What is said of files of maps of the sphere."""

DEFAULTS = {
    "maps.stokes": "T",
    "maps.periodic": False,
    "emulator.normalization": "global",
    "emulator.orientation": "none",
    "emulator.stripe_zones": 0,
    "emulator.variances": "inputs",
    "emulator.start": "white",
    "emulator.dtype": "float64",
}
"""Defaults that differ from those of the sphere."""

ALLOWED = {
    "emulator.stripe_zones": ((0,), _SCAN),
    "emulator.variances": (("inputs",), _SCAN),
    "emulator.start": (("white",), _SCAN),
}
"""Values that are allowed where not all are, and why."""

ALLOWED_OF_LINE = {
    "maps.stokes": (("T",), "a line has no polarization"),
    "emulator.orientation": (("none",), "a line has no orientations"),
    "emulator.n_orientations": ((1,), "a line has no orientations"),
}
"""The same of a line, besides."""


def is_flat(content: Any) -> bool:
    """Whether a configuration, checked or not, is of a plane or a line."""
    maps = content.get("maps") if isinstance(content, Mapping) else None
    return isinstance(maps, Mapping) and maps.get("shape") is not None


def with_defaults(content: Any) -> Any:
    """The content of a plane or a line with the defaults that differ; any other as it is."""
    if not is_flat(content):
        return content
    more = {"emulator.n_orientations": 1} if _kind(content) == "line" else {}
    result = dict(content)
    for key, value in (DEFAULTS | more).items():
        section, name = key.split(".")
        part = result.get(section, {})
        if isinstance(part, Mapping):
            result[section] = {name: value, **part}
    return result


def meant(read: Configuration) -> Configuration:
    """A configuration without the keys that mean nothing on its plane or line."""
    if read.maps.flat is None:
        return read
    for key in NO_MEANING:
        section, _, name = key.partition(".")
        part = getattr(read, section)
        if part is not None:
            left = part.changed(**{name: ABSENT}) if name else ABSENT
            read = read.changed(**{section: left})
    return read


def _kind(content: dict) -> str:
    shape = content["maps"]["shape"]
    return "line" if isinstance(shape, list) and len(shape) == 1 else "plane"


def misuses(content: dict) -> Iterator[str]:
    """Keys and values of a configuration, before its defaults, that mean nothing here.

    Of a campaign of the sphere: keys of planes and lines.
    """
    if not is_flat(content):
        maps = content.get("maps") if isinstance(content, Mapping) else None
        if isinstance(maps, Mapping) and maps.get("periodic") is not None:
            yield f"maps.periodic: {_value(maps['periodic'])} is not allowed without maps.shape"
        return
    kind = _kind(content)
    of = f"of a {kind} (maps.shape)"
    for key, why in NO_MEANING.items():
        value = _look_up(content, key)
        if isinstance(value, Mapping | list):
            yield f"{key}: not allowed {of}: {why}"
        elif value is not None:
            yield f"{key}: {_value(value)} is not allowed {of}: {why}"
    for key, (allowed, why) in (ALLOWED | (ALLOWED_OF_LINE if kind == "line" else {})).items():
        value = _look_up(content, key)
        if value is not None and value not in allowed:
            yield f"{key}: {_value(value)} is not allowed {of}: {why}; expected {allowed[0]}"
    for key, entry in _entries(content):
        for fact in FACTS:
            if fact in entry:
                yield f"{key}.{fact}: {_value(entry[fact])} is not allowed {of}: {_OF_FILES}"
    for name, entry in _named(content, "gaussian"):
        if entry.get("model") == "learnt":
            yield (
                f"gaussian.{name}.model: learnt is not allowed {of}: {_LEARNT}; expected isotropic"
            )


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _look_up(content: Mapping, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(content, Mapping) or part not in content:
            return None
        content = content[part]
    return content


def _named(content: dict, family: str) -> Iterator[tuple[str, dict]]:
    entries = content.get(family)
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        if isinstance(entry, Mapping):
            yield name, entry


def _entries(content: dict) -> Iterator[tuple[str, dict]]:
    """Inputs, the reference, and the channels of each, by their keys."""
    found = [(f"inputs.{name}", entry) for name, entry in _named(content, "inputs")]
    if isinstance(content.get("reference"), Mapping):
        found.append(("reference", content["reference"]))
    for key, entry in found:
        yield key, entry
        for channel, part in _named(entry, "channels"):
            yield f"{key}.channels.{channel}", part


def faults(c: dict) -> Iterator[str]:
    """Faults of a configuration with its defaults: scales that do not fit, other fields."""
    flat = geometry(c["maps"])
    emulator = c["emulator"]
    keys = ("n_scales", "kernel_size", "first_scale")
    try:
        flat.check_scales(*(emulator[key] for key in keys))
    except UserError as error:
        yield f"emulator.n_scales: {emulator['n_scales']} is not allowed; {error}"


def geometry(maps: Mapping) -> Flat:
    """The whole plane or line of the section ``maps``."""
    return Flat(tuple(maps["shape"]), maps["periodic"])
