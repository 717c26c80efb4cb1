"""The JSON schema of the configuration, and what it does not allow in words."""

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

from pydantic import ValidationError

from fewtomany.config.sections.base import Section
from fewtomany.errors import UserError

AnySection = TypeVar("AnySection", bound=Section)

WORDS = {
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
    "greater_than": "more than {gt:g}",
    "finite_number": "a finite number",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "too_short": "at least {min_length} entry",
    "too_long": "at most {max_length} entries",
}
"""What is allowed, by pydantic's names of faults."""

SUCCESSORS = {"plateau": "tolerance"}
"""Keys of earlier versions, and those that took their place."""


def read(section: type[AnySection], content: Any, key: str = "") -> AnySection:
    """A section of its content, with every default.

    Parameters
    ----------
    section : its class
    content : what a configuration says
    key : where it stands in the configuration; the whole of it by default

    Raises
    ------
    UserError : one line per fault: the key, the value and what is allowed
    """
    try:
        return section.model_validate(content)
    except ValidationError as error:
        faults = sorted(_faults(error, of(section), key), key=lambda fault: fault[0])
    raise UserError("\n".join(line for _, line in faults))


@cache
def of(section: type[Section]) -> dict[str, Any]:
    """The JSON schema of a section, without references to other places."""
    schema = section.model_json_schema()
    return _inlined(schema, schema.pop("$defs", {}))


def _inlined(part: Any, known: dict) -> Any:
    """A part of a schema with the sections it refers to, and null as one of several types."""
    if isinstance(part, list):
        return [_inlined(one, known) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        part = known[part["$ref"].rpartition("/")[2]] | part
    if "anyOf" in part:
        members = part["anyOf"]
        part = members[0] | part | {"type": [member["type"] for member in members]}
    result = {
        key: _inlined(value, known)
        for key, value in part.items()
        if key not in ("$ref", "anyOf") and not (key == "title" and isinstance(value, str))
    }
    if result.get("default", ...) is None and "null" not in result["type"]:
        del result["default"]
    if "description" in result and isinstance(result["description"], str):
        result["description"] = " ".join(result["description"].split())
    return result


def types(part: dict) -> list[str]:
    """Types that a part of a schema allows."""
    return part["type"] if isinstance(part["type"], list) else [part["type"]]


def _faults(error: ValidationError, schema: dict, key: str) -> Iterator[tuple[list[str], str]]:
    """Where every fault is, and its line; keys that are unknown or missing have one together."""
    together: dict[tuple, list[str]] = {}
    for fault in error.errors(include_url=False):
        place, kind = fault["loc"], fault["type"]
        if kind in ("extra_forbidden", "invalid_key", "missing"):
            together.setdefault((place[:-1], kind == "missing"), []).append(str(place[-1]))
        elif kind != "too_short" or len(fault["input"]) < fault["ctx"]["min_length"]:
            place = place[:-2] if place[-1:] == ("[key]",) else place
            words = f"{fault['input']!r} is not allowed; expected {_allowed(fault, schema)}"
            yield list(map(str, place)), f"{_named(key, place)}: {words}"
    for (place, missing), names in together.items():
        line = f"{'missing' if missing else 'unknown'} key {', '.join(names)}"
        for old in SUCCESSORS.keys() & names:
            line += f" ({SUCCESSORS[old]} took the place of {old})"
        known = "" if missing else f"; known: {', '.join(_at(schema, place)['properties'])}"
        yield list(map(str, place)), f"{_named(key, place)}: {line}{known}"


def _named(key: str, place: tuple) -> str:
    return ".".join(map(str, (*([key] if key else []), *place))) or "configuration"


def _at(schema: dict, place: tuple) -> dict:
    """The part of a schema at a place of its content."""
    for key in place:
        if isinstance(key, int):
            schema = schema["items"]
        elif "properties" in schema:
            schema = schema["properties"][key]
        else:
            (schema,) = schema["patternProperties"].values()
    return schema


def _allowed(fault: dict, schema: dict) -> str:
    kind, place = fault["type"], fault["loc"]
    if kind in WORDS:
        return WORDS[kind].format(**fault.get("ctx", {}))
    if kind == "literal_error":
        return f"one of {', '.join(map(str, _at(schema, place)['enum']))}"
    if kind.endswith("_type"):
        return "string" if place[-1:] == ("[key]",) else " or ".join(types(_at(schema, place)))
    return fault["msg"]
