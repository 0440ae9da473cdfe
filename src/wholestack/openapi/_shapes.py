"""Types to JSON schemas: all types of a document at once, so that a name means one thing in it."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pydantic
import pydantic_core
import typing_extensions
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, JsonSchemaWarningKind
from pydantic_core import core_schema
from typing_extensions import override

Schema = dict[str, Any]
Types = dict[str, tuple[Any, bool]]

PREFIX = "#/components/schemas/"
# The media type is OpenAPI 3.1's way to say it (§4.8.14.2); many clients and Swagger UI's lists know the format only.
BINARY: Mapping[str, Any] = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}

_LENIENT = pydantic.ConfigDict(arbitrary_types_allowed=True)


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, which here never fails on a type: what JSON Schema has no words for takes anything."""

    @override
    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        pass  # What is skipped, such as a default that is no JSON, is left out of the document; nothing is wrong.

    @override
    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}

    @override
    def get_decimal_pattern(self, schema: core_schema.DecimalSchema) -> str | None:
        return self.build_decimal_pattern(schema) if self.mode == "validation" else None

    @override
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # "Item Id" for `item_id` says nothing, and generators of clients make types of it.

    @override
    def encode_default(self, dft: Any) -> Any:
        return super().encode_default(_steady(dft))


class Shapes:
    """The types of a document: added one by one, turned into schemas together.

    Example:
        >>> shapes = Shapes()
        >>> number = shapes.add({"page": (int, True)}, "validation")
        >>> shapes.generate()
        >>> shapes.fields(number)
        {'page': {'type': 'integer'}}
    """

    def __init__(self) -> None:
        self._types: dict[JsonSchemaMode, Types] = {"validation": {}, "serialization": {}}
        self._keys: list[dict[str, tuple[JsonSchemaMode, str]]] = []
        self._schemas: dict[JsonSchemaMode, Schema] = {}
        self._definitions: dict[str, Schema] = {}

    def add(self, types: Mapping[str, tuple[Any, bool]], mode: JsonSchemaMode) -> int:
        """Types by a key of the caller's, each with whether it is required; the number under which to ask for them."""
        number = len(self._keys)
        self._keys.append({key: (mode, f"{number} {key}") for key in types})
        self._types[mode] |= {f"{number} {key}": kind for key, kind in types.items()}
        return number

    def generate(self) -> None:
        """Turn all types that were added into schemas."""
        inputs: list[tuple[JsonSchemaMode, JsonSchemaMode, Any]] = [
            (mode, mode, _adapter(types, mode).core_schema) for mode, types in self._types.items()
        ]
        made, found = _Generator(ref_template=PREFIX + "{model}").generate_definitions(inputs)
        definitions: dict[str, Schema] = {str(name): schema for name, schema in found.items()}
        names = _same_both_ways(definitions)
        self._definitions = {names.get(name, name): _renamed(schema, names) for name, schema in definitions.items()}
        self._schemas = {
            mode: self.resolved(_renamed(schema, names))["properties"] for (mode, _), schema in made.items()
        }

    def fields(self, number: int) -> dict[str, Schema]:
        """The schemas of the types that were added under a number, by their keys."""
        return {key: self._schemas[mode][name] for key, (mode, name) in self._keys[number].items()}

    def resolved(self, schema: Schema) -> Schema:
        """A schema without a `$ref` at its top."""
        while "$ref" in schema:
            schema = {**self._definitions[schema["$ref"].removeprefix(PREFIX)], **_without(schema, "$ref")}
        return schema

    def components(self, roots: Iterable[Any]) -> dict[str, Schema]:
        """The definitions that are reached from these values, by name."""
        found: dict[str, Schema] = {}
        waiting = [*_texts(list(roots))]
        while waiting:
            text = waiting.pop()
            name = text.removeprefix(PREFIX)
            if name != text and name in self._definitions and name not in found:
                found[name] = self._definitions[name]
                waiting += _texts(found[name])
        return dict(sorted(found.items()))


def _adapter(types: Types, name: str) -> pydantic.TypeAdapter[Any]:
    """The types as the fields of one TypedDict: so `Field(…)` means all that it means in a model."""
    try:
        return _together(types, name)
    except Exception:  # A type's own schema hook may raise anything; the other types keep their schemas.
        return _together({key: (_or_any(kind), required) for key, (kind, required) in types.items()}, name)


def _together(types: Types, name: str) -> pydantic.TypeAdapter[Any]:
    hints = {
        key: (typing_extensions.Required if required else typing_extensions.NotRequired)[kind]
        for key, (kind, required) in types.items()
    }
    # No class of a user's can have this name, so it never takes part in a clash of names.
    made = typing_extensions.TypedDict(f"types for {name}", hints)  # type: ignore[misc]
    fields: Any = made
    fields.__pydantic_config__ = _LENIENT
    return pydantic.TypeAdapter(fields)


def _or_any(kind: Any) -> Any:
    try:
        _together({"only": (kind, True)}, "one")
    except Exception:  # As above.
        return Any
    return kind


def _steady(value: Any) -> Any:
    """A default in which no order depends on the hash seed: each set in it is a sorted list."""
    if isinstance(value, (set, frozenset)):
        return sorted((_steady(item) for item in value), key=functools.partial(pydantic_core.to_json, fallback=repr))
    if isinstance(value, dict):
        return {key: _steady(inner) for key, inner in value.items()}
    if type(value) in {list, tuple}:
        return [_steady(item) for item in value]
    if isinstance(value, pydantic.BaseModel) or dataclasses.is_dataclass(value):
        plain = pydantic.TypeAdapter(Any).dump_python(value, by_alias=True)
        steady = _steady(plain)
        return value if steady == plain else steady
    if isinstance(value, float) and not math.isfinite(value):
        raise pydantic_core.PydanticSerializationError("JSON has no words for this number.")
    return value


def _same_both_ways(definitions: Mapping[str, Schema]) -> dict[str, str]:
    """One name for a model that is the same as an input and as an output.

    Pydantic gives two to a model that contains itself, since the references in them differ by just these names.
    """
    ways = ("-Input", "-Output")
    found = {name.removesuffix("-Input") for name in definitions if name.endswith("-Input")}
    found = {name for name in found if name + "-Output" in definitions and name not in definitions}
    while True:
        names = {name + way: name for name in found for way in ways}
        same = {
            name
            for name in found
            if _renamed(definitions[name + ways[0]], names) == _renamed(definitions[name + ways[1]], names)
        }
        if same == found:
            return names
        found = same


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A schema in which references have their new names."""
    if isinstance(value, str) and value.startswith(PREFIX):
        name = value.removeprefix(PREFIX)
        return PREFIX + names.get(name, name)
    if isinstance(value, dict):
        return {key: _renamed(inner, names) for key, inner in value.items()}
    return [_renamed(inner, names) for inner in value] if isinstance(value, list) else value


def without_null(schema: Schema) -> Schema:
    """A schema for a place that has no null, such as a query string.

    Example:
        >>> without_null({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None})
        {'type': 'integer'}
    """
    kept = _without(schema, "default") if schema.get("default", ...) is None else dict(schema)
    choices = [each for each in kept.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == len(kept.get("anyOf", ())):
        return kept
    rest = _without(kept, "anyOf")
    return {**choices[0], **rest} if len(choices) == 1 else {"anyOf": choices, **rest}


def _without(schema: Mapping[str, Any], *names: str) -> Schema:
    return {name: value for name, value in schema.items() if name not in names}


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value of JSON: a `$ref`, a discriminator's mapping, and others that are no reference."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def words(text: str) -> str:
    """A text as a name of a component (OpenAPI 3.1 §4.8.7).

    Example:
        >>> words("shop.errors.NotFound")
        'shop.errors.NotFound'
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)
