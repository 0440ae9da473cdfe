"""A valid value for each kind of schema that Pydantic compiles a type to."""

from __future__ import annotations

import functools
import ipaddress
import json
import pathlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from random import Random
from typing import Any

import pydantic
import pydantic_core
from pydantic_core import SchemaValidator

from ._amounts import a_date, a_datetime, a_decimal, a_float, a_time, a_timedelta, an_int
from ._patterns import text_for

Schema = Mapping[str, Any]

_DEEP = 12
"""From this depth on (a model in a field counts four) what may be empty or absent is:
a type that holds itself comes to an end."""
_DEEPEST = 60
_TRIES = 150
_FEW = 2
_SHORT, _LONG = 4, 12

_SHAPES = (
    "ada@example.org",
    "https://example.org/a",
    "2026-01-02",
    "10.0.0.1",
    "Ada",
    "ADA",
    "7",
    "+49301234567",
    "YWRh",
)
"""Texts for validators whose rule no schema tells, such as `EmailStr`'s."""
_ANYTHING: tuple[Any, ...] = (*_SHAPES, "text", 1, 1.5, True, b"bytes", {}, [], None)
_INSTANCES: dict[type, Any] = {
    ipaddress.IPv4Address: ipaddress.IPv4Address("10.0.0.1"),
    ipaddress.IPv6Address: ipaddress.IPv6Address("fd00::1"),
    ipaddress.IPv4Network: ipaddress.IPv4Network("10.0.0.0/24"),
    ipaddress.IPv6Network: ipaddress.IPv6Network("fd00::/64"),
    ipaddress.IPv4Interface: ipaddress.IPv4Interface("10.0.0.1/24"),
    ipaddress.IPv6Interface: ipaddress.IPv6Interface("fd00::1/64"),
    pathlib.Path: pathlib.Path("a") / "b.txt",
    pathlib.PurePath: pathlib.PurePath("a") / "b.txt",
}


class NoValue(Exception):
    """No value was found; `path` says for what."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why


class Values:
    """Makes values of schemas, the same ones for the same `random`.

    Arguments:
        full: fill fields that have a default, too.
        given: fields of the outermost model that are given.
    """

    def __init__(self, random: Random, *, full: bool, given: Mapping[str, Any]) -> None:
        self._random = random
        self._full = full
        self._given = given
        self._shared: dict[str, Any] = {}
        self._shaped = False
        self._depth = 0

    def of(self, schema: Schema, path: str = "") -> Any:
        """A value for the schema, as its validator takes it in.

        Raises:
            NoValue: none was found.
        """
        made = getattr(self, f"_{schema['type'].replace('-', '_')}", None)
        if made is None:
            raise NoValue(path, f"nothing is known of the kind {schema['type']!r}")
        if self._depth > _DEEPEST:
            raise NoValue(path, "the type holds itself without an end")
        self._depth += 1
        try:
            return made(schema, path)
        finally:
            self._depth -= 1

    # -- scalars -------------------------------------------------------------------------------------------------

    def _amount(self, make: Callable[[Random, Schema], Any], schema: Schema, path: str) -> Any:
        value = make(self._random, schema)
        if value is None:
            raise NoValue(path, "no value lies within its bounds")
        return value

    _int = functools.partialmethod(_amount, an_int)
    _float = functools.partialmethod(_amount, a_float)
    _decimal = functools.partialmethod(_amount, a_decimal)
    _date = functools.partialmethod(_amount, a_date)
    _time = functools.partialmethod(_amount, a_time)
    _datetime = functools.partialmethod(_amount, a_datetime)
    _timedelta = functools.partialmethod(_amount, a_timedelta)

    def _bool(self, schema: Schema, path: str) -> bool:
        return self._random.random() < 0.5

    def _none(self, schema: Schema, path: str) -> None:
        return None

    def _complex(self, schema: Schema, path: str) -> complex:
        return complex(self._random.randint(1, 9), self._random.randint(1, 9))

    def _fraction(self, schema: Schema, path: str) -> Fraction:
        return Fraction(self._amount(a_float, schema, path))

    def _str(self, schema: Schema, path: str) -> str:
        least, most = schema.get("min_length") or 0, schema.get("max_length")
        if (pattern := schema.get("pattern")) is not None:
            for _ in range(_TRIES):
                text = text_for(str(getattr(pattern, "pattern", pattern)), self._random)
                if text is not None and least <= len(text) and (most is None or len(text) <= most):
                    return text
            raise NoValue(path, f"no text was found for the pattern {getattr(pattern, 'pattern', pattern)!r}")
        return self._shape(least, most) or self._word(least, most)

    def _shape(self, least: int, most: int | None) -> str:
        """While a validator refuses plain words, mostly a text of another shape."""
        fitting = [each for each in _SHAPES if least <= len(each) and (most is None or len(each) <= most)]
        wanted = self._shaped and fitting and self._random.random() < 0.9
        return self._random.choice(fitting) if wanted else ""

    def _word(self, least: int, most: int | None) -> str:
        """Letters that can be read aloud."""
        size = self._random.randint(max(least, _SHORT), max(least, _LONG))
        size = size if most is None else min(size, most)
        return "".join(self._random.choice("bdfgklmnprst" if at % 2 == 0 else "aeiou") for at in range(size))

    def _bytes(self, schema: Schema, path: str) -> bytes:
        least, most = schema.get("min_length") or 0, schema.get("max_length")
        return (self._shape(least, most) or self._word(least, most)).encode()

    def _uuid(self, schema: Schema, path: str) -> uuid.UUID:
        version = schema.get("version") or 4
        bits = self._random.getrandbits(128)
        bits = bits & ~(0xC000 << 48) & ~(0xF000 << 64) | 0x8000 << 48 | version << 76  # RFC 9562 §4
        return uuid.UUID(int=bits)

    def _url(self, schema: Schema, path: str) -> str:
        scheme = (schema.get("allowed_schemes") or ["https"])[-1]
        return f"{scheme}://example.org/{self._word(4, 8)}"

    _multi_host_url = _url

    def _literal(self, schema: Schema, path: str) -> Any:
        return self._random.choice(schema["expected"])

    def _enum(self, schema: Schema, path: str) -> Any:
        return self._random.choice(schema["members"])

    def _any(self, schema: Schema, path: str) -> str:
        return self._word(0, None)

    def _is_instance(self, schema: Schema, path: str) -> Any:
        kind = schema["cls"]
        if kind not in _INSTANCES:
            raise NoValue(path, f"nothing is known of {getattr(kind, '__name__', kind)}")
        return _INSTANCES[kind]

    # -- many --------------------------------------------------------------------------------------------------------

    def _count(self, schema: Schema) -> int:
        least, most = schema.get("min_length") or 0, schema.get("max_length")
        wanted = least if self._depth > _DEEP else max(least, self._random.randint(1, _FEW))
        return wanted if most is None else min(wanted, most)

    def _list(self, schema: Schema, path: str) -> list[Any]:
        items = schema.get("items_schema") or {"type": "any"}
        return [self.of(items, f"{path}[]") for _ in range(self._count(schema))]

    _generator = _deque = _list

    def _set(self, schema: Schema, path: str) -> set[Any]:
        return set(self._different(schema, schema.get("items_schema"), path))

    def _frozenset(self, schema: Schema, path: str) -> frozenset[Any]:
        return frozenset(self._set(schema, path))

    def _different(self, schema: Schema, items: Schema | None, path: str) -> list[Any]:
        """So many values, no two alike; fewer where the type has no more, and they are enough."""
        found: dict[Any, None] = {}
        wanted = self._count(schema)
        for _ in range(_TRIES + wanted * 2):
            if len(found) == wanted:
                break
            found[self.of(items or {"type": "any"}, f"{path}[]")] = None
        if len(found) < (schema.get("min_length") or 0):
            raise NoValue(path, f"{wanted} values that differ were not found")
        return list(found)

    def _dict(self, schema: Schema, path: str) -> dict[Any, Any]:
        values = schema.get("values_schema") or {"type": "any"}
        return {key: self.of(values, f"{path}[]") for key in self._different(schema, schema.get("keys_schema"), path)}

    def _tuple(self, schema: Schema, path: str) -> tuple[Any, ...]:
        items: list[Any] = list(schema["items_schema"])
        at = schema.get("variadic_item_index")
        if at is not None:
            items[at : at + 1] = [items[at]] * max(0, self._count(schema) - (len(items) - 1))
        return tuple(self.of(each, f"{path}[]") for each in items)

    # -- choices -----------------------------------------------------------------------------------------------------

    def _nullable(self, schema: Schema, path: str) -> Any:
        try:
            return None if self._depth > _DEEP else self.of(schema["schema"], path)
        except NoValue:
            return None

    def _first(self, schemas: list[Any], path: str) -> Any:
        why: NoValue | None = None
        for each in schemas:
            try:
                return self.of(each[0] if isinstance(each, tuple) else each, path)
            except NoValue as error:
                why = why or error
        raise why or NoValue(path, "there is no choice")

    def _union(self, schema: Schema, path: str) -> Any:
        choices = list(schema["choices"])
        if self._depth <= _DEEP:
            self._random.shuffle(choices)
        return self._first(choices, path)

    def _tagged_union(self, schema: Schema, path: str) -> Any:
        choices = [each for each in schema["choices"].values() if isinstance(each, dict)]
        self._random.shuffle(choices)
        return self._first(choices, path)

    def _lax_or_strict(self, schema: Schema, path: str) -> Any:
        return self._first([schema["strict_schema"], schema["lax_schema"]], path)

    def _json_or_python(self, schema: Schema, path: str) -> Any:
        return self.of(schema["python_schema"], path)

    def _json(self, schema: Schema, path: str) -> str:
        inner = self.of(schema["schema"], path) if schema.get("schema") else {}
        return json.dumps(pydantic_core.to_jsonable_python(inner))

    # -- what is around another schema -------------------------------------------------------------------------------

    def _inner(self, schema: Schema, path: str) -> Any:
        return self.of(schema["schema"], path)

    _default = _custom_error = _model = _dataclass = _inner

    def _chain(self, schema: Schema, path: str) -> Any:
        return self._tried(schema, lambda: self._first(schema["steps"], path), path)

    def _function_around(self, schema: Schema, path: str) -> Any:
        return self._tried(schema, lambda: self.of(schema["schema"], path), path)

    _function_before = _function_after = _function_wrap = _function_around

    def _function_plain(self, schema: Schema, path: str) -> Any:
        choices = iter(_ANYTHING)
        return self._tried(schema, lambda: next(choices), path)

    def _tried(self, schema: Schema, make: Callable[[], Any], path: str) -> Any:
        """A value that a function of the user's takes, too."""
        definitions = list(self._shared.values())
        whole: Any = {"type": "definitions", "schema": schema, "definitions": definitions} if definitions else schema
        validator, before, why = SchemaValidator(whole), self._shaped, ""
        try:
            for _ in range(_TRIES):
                try:
                    value = make()
                except StopIteration:
                    break
                try:
                    validator.validate_python(value, strict=False, by_name=True, by_alias=False)
                except pydantic.ValidationError as error:
                    why, self._shaped = str(error.errors(include_url=False, include_input=False)[0]["msg"]), True
                    continue
                except Exception:
                    # It asks for more than this value, such as the other fields: the whole is checked in the end.
                    return value
                return value
        finally:
            self._shaped = before
        raise NoValue(path, f"its validator refused every try: {why}")

    # -- fields ------------------------------------------------------------------------------------------------------

    def _fields(self, fields: Iterator[tuple[str, Schema, bool]], path: str) -> dict[str, Any]:
        """The fields by name: those that are given, those that are required; the others where all are asked for."""
        made = dict(self._given) if not path else {}
        for name, schema, required in fields:
            if name not in made and (required or (self._full and self._depth <= _DEEP)):
                made[name] = self.of(schema, f"{path}.{name}")
        return made

    def _model_fields(self, schema: Schema, path: str) -> dict[str, Any]:
        fields = schema["fields"].items()
        return self._fields(((name, each["schema"], _required(each)) for name, each in fields), path)

    def _typed_dict(self, schema: Schema, path: str) -> dict[str, Any]:
        total = schema.get("total", True)
        fields = schema["fields"].items()
        return self._fields(((name, each["schema"], each.get("required", total)) for name, each in fields), path)

    def _dataclass_args(self, schema: Schema, path: str) -> dict[str, Any]:
        fields = [each for each in schema["fields"] if each.get("init", True)]
        return self._fields(((each["name"], each["schema"], _required(each)) for each in fields), path)

    def _definitions(self, schema: Schema, path: str) -> Any:
        self._shared.update({each["ref"]: each for each in schema["definitions"]})
        return self.of(schema["schema"], path)

    def _definition_ref(self, schema: Schema, path: str) -> Any:
        return self.of(self._shared[schema["schema_ref"]], path)


def _required(field: Schema) -> bool:
    return bool(field["schema"]["type"] != "default")
