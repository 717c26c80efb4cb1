"""The schema of the configuration: its defaults, and its errors in words."""

import copy
from typing import Any

import jsonschema


def with_defaults(content: Any, schema: dict) -> Any:
    """Fill the defaults of a schema into the content, depth first."""
    if isinstance(content, dict):
        for key, part in schema.get("properties", {}).items():
            if key not in content and "default" in part:
                content[key] = copy.deepcopy(part["default"])
            if key in content:
                content[key] = with_defaults(content[key], part)
        if isinstance(schema.get("additionalProperties"), dict):
            for key in content.keys() - schema.get("properties", {}).keys():
                content[key] = with_defaults(content[key], schema["additionalProperties"])
    elif isinstance(content, list) and "items" in schema:
        return [with_defaults(item, schema["items"]) for item in content]
    return content


def faults(content: Any, schema: dict) -> list[str]:
    """A line for everything that the schema does not allow: key, value, what is allowed."""
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(content), key=lambda error: list(map(str, error.path)))
    return [_describe(error) for error in errors]


def _describe(error: jsonschema.ValidationError) -> str:
    key = ".".join(map(str, error.path)) or "configuration"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = ", ".join(sorted(set(error.instance) - set(known)))
        return f"{key}: unknown key {unknown}; known: {', '.join(known)}"
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"{key}: missing key {', '.join(missing)}"
    allowed = {
        "enum": lambda: f"one of {', '.join(map(str, error.validator_value))}",
        "minimum": lambda: f"at least {error.validator_value}",
        "maximum": lambda: f"at most {error.validator_value}",
        "exclusiveMinimum": lambda: f"more than {error.validator_value}",
        "type": lambda: " or ".join(_as_list(error.validator_value)),
        "pattern": lambda: f"a text that matches {error.validator_value}",
        "minProperties": lambda: f"at least {error.validator_value} entry",
        "minItems": lambda: f"at least {error.validator_value} entry",
        "maxItems": lambda: f"at most {error.validator_value} entries",
    }.get(error.validator, lambda: error.message)
    return f"{key}: {error.instance!r} is not allowed; expected {allowed()}"


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
