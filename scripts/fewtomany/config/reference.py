"""The reference of all configuration keys, made from their sections: Markdown, and the schema."""

from collections.abc import Iterator
from typing import Any

import yaml

from fewtomany.config import schema
from fewtomany.config.sections import Configuration

MARK = "<!-- Below this line: made from scripts/fewtomany/config/sections/ by `make reference`. -->"


def updated(page: str) -> str:
    """A page with everything after :data:`MARK` made anew from the sections.

    Raises
    ------
    ValueError : if the page has no such line
    """
    introduction, mark, _ = page.partition(MARK)
    if not mark:
        raise ValueError(f"the page lacks the line {MARK}")
    return f"{introduction}{mark}\n\n{reference()}"


def reference() -> str:
    """Markdown: one section per part of the configuration, one row per key."""
    whole = schema.of(Configuration)
    top = {key: part for key, part in whole["properties"].items() if not _is_section(part)}
    parts = [_section("Top level", whole["description"], _rows(top, whole, ""))]
    for key, part in whole["properties"].items():
        if _is_section(part):
            parts.append(_section(f"`{key}`", part["description"], _rows_below(part, key)))
    return "\n".join(parts)


def schema_file() -> str:
    """The JSON schema of a campaign file, as YAML."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A campaign"}
    return yaml.safe_dump(
        head | schema.of(Configuration), sort_keys=False, allow_unicode=True, width=100
    )


def _is_section(part: dict) -> bool:
    return part.get("type") == "object"


def _section(title: str, description: str, rows: Iterator[str]) -> str:
    head = "| key | type | default | allowed | meaning |\n|---|---|---|---|---|"
    return "\n".join([f"## {title}", "", description, "", head, *rows, ""])


def _rows_below(part: dict, path: str) -> Iterator[str]:
    """Rows of all keys below an object, a map of named entries or a list of objects."""
    yield from _rows(part.get("properties", {}), part, f"{path}.")
    for entry in part.get("patternProperties", {}).values():
        yield from _rows_below(entry, f"{path}.NAME")
    if "items" in part:
        yield from _rows_below(part["items"], f"{path}[]")


def _rows(properties: dict, parent: dict, prefix: str) -> Iterator[str]:
    for key, part in properties.items():
        path = f"{prefix}{key}"
        if _is_section(part) and part.get("additionalProperties") is not True:
            yield from _rows_below(part, path)
        else:
            required = key in parent.get("required", [])
            yield _row(path, part, required)
            yield from _rows_below(part, path)


def _row(path: str, part: dict, required: bool) -> str:
    default = "required" if required else _value(part["default"]) if "default" in part else ""
    cells = (f"`{path}`", _type(part), default, _allowed(part), part["description"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(part: dict) -> str:
    if "enum" in part:
        return "integer" if isinstance(part["enum"][0], int) else "string"
    return " or ".join(schema.types(part))


def _allowed(part: dict) -> str:
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤"}
    limits = [f"{sign} {part[key]}" for key, sign in bounds.items() if key in part]
    if "pattern" in part:
        limits.append(f"`{part['pattern']}`")
    if "minItems" in part:
        limits.append(f"at least {part['minItems']}")
    return ", ".join(limits)


def _value(value: Any) -> str:
    return f"`{yaml.safe_dump(value, default_flow_style=True, width=1000).splitlines()[0]}`"
