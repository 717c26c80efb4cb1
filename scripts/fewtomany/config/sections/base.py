"""What sections are made of: their base class and the kinds of values of keys."""

import ast
import inspect
import itertools
import sys
from functools import cache
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    WrapValidator,
    model_serializer,
)
from pydantic_core import PydanticCustomError

ABSENT: Any = None
"""Default of a key that a configuration has only where it is given. Nobody can give None for it."""


class Section(BaseModel):
    """A section of a configuration: its keys with their defaults, bounds and descriptions.

    A key is described by the text below it, with its unit. It is taken as it is written: no text
    counts as a number. What is dumped lacks the keys that are :data:`ABSENT`.
    """

    model_config = ConfigDict(
        allow_inf_nan=False, defer_build=True, extra="forbid", frozen=True, strict=True
    )

    def changed(self, **changes: Any) -> Self:
        """The section with other values of some keys, taken as they are."""
        if unknown := changes.keys() - type(self).model_fields.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        return self.model_copy(update=changes)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        """The schema with the descriptions; read here only, which programs at work never do."""
        schema = handler(core)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for owner in reversed(cls.__mro__):
            for key, text in _texts(owner.__module__).get(owner.__name__, {}).items():
                properties[key]["description"] = text
        return schema

    @model_serializer
    def _plain(self) -> dict[str, Any]:
        fields = type(self).model_fields
        return {
            name: value
            for name, value in self
            if value is not None or type(None) in get_args(fields[name].annotation)
        }


@cache
def _texts(module: str) -> dict[str, dict[str, str]]:
    """The texts below the attributes of a module's classes, by class and attribute."""
    if not module.startswith(__package__):
        return {}
    return {
        part.name: {
            key.target.id: text.value.value
            for key, text in itertools.pairwise(part.body)
            if isinstance(key, ast.AnnAssign) and isinstance(text, ast.Expr)
        }
        for part in ast.parse(inspect.getsource(sys.modules[module])).body
        if isinstance(part, ast.ClassDef)
    }


def _different(values: tuple) -> tuple:
    if len(set(values)) < len(values):
        raise PydanticCustomError("unique", "entries that differ")
    return values


LIST = Field(strict=False)
"""Makes a tuple of a list, as YAML has them."""

UNIQUE = (AfterValidator(_different), Field(json_schema_extra={"uniqueItems": True}))
"""For a list whose entries differ: ``Annotated[tuple[str, ...], LIST, *UNIQUE]``."""

AS_WRITTEN = WrapValidator(lambda value, check: (check(value), value)[1])
"""Keeps a number as it was written: 1 is checked as 1.0 is, and stays an integer."""

Number = Annotated[float, AS_WRITTEN]
Positive = Annotated[float, Field(gt=0), AS_WRITTEN]
NotNegative = Annotated[float, Field(ge=0), AS_WRITTEN]
Count = Annotated[int, Field(ge=1)]
Several = Annotated[int, Field(ge=2)]
Frame = Literal["galactic", "ecliptic", "equatorial"]
Texture = Literal["filaments", "intermittent"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
ChannelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Names = Annotated[tuple[str, ...], LIST]
Patterns = Annotated[
    tuple[str, ...],
    Field(strict=False, min_length=1),
    WrapValidator(lambda value, check: value if isinstance(value, str) else check(value)),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1}),
]
"""A path or a pattern, or several of them."""
