"""Checking what came in: one validator call a plan, and each fault of each field as a pointer."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import pydantic
import pydantic_core
import typing_extensions
from pydantic_core import SchemaValidator, ValidationError, core_schema

from wholestack.errors import Fault, FieldFault
from wholestack.http import Limits, Refused

from ._signature import Parameter
from ._types import is_hashable, members, schema_of

_BRACKETS = b'[]{}"\\'
_ALL_BUT_BRACKETS = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_TEXT = re.compile(rb'"[^"]*"')
_HUGE_NUMBER = re.compile(rb"[0-9][eE]\+?[0-9]{3}|[0-9]{300}")
_BODY = pydantic.ConfigDict(allow_inf_nan=False, hide_input_in_errors=True)
# An `Upload` is an ordinary class, and comes as an object; no JSON does.
_ARGUMENTS = pydantic.ConfigDict(allow_inf_nan=False, hide_input_in_errors=True, arbitrary_types_allowed=True)


def finite(schema: Any) -> Any:
    """A core schema whose floats refuse NaN and the infinities, which JSON has no words for (RFC 8259 §6).

    Where a type allows them by name (``Field(allow_inf_nan=True)``) it keeps its word.
    """
    if isinstance(schema, dict):
        changed = {
            key: value if key in {"metadata", "serialization"} else finite(value) for key, value in schema.items()
        }
        if changed.get("type") == "float":
            changed.setdefault("allow_inf_nan", False)
        return changed
    if isinstance(schema, (list, tuple)) and type(schema) in {list, tuple}:
        return type(schema)(finite(value) for value in schema)
    return schema


def has_any(schema: Any) -> bool:
    """Whether some part of a core schema takes any value, so that its floats are not looked at."""
    if isinstance(schema, dict):
        if schema.get("type") == "any" or (schema.get("type") == "dict" and "values_schema" not in schema):
            return True
        return any(has_any(value) for key, value in schema.items() if key not in {"metadata", "serialization"})
    return isinstance(schema, (list, tuple)) and any(has_any(value) for value in schema)


def validator_for(annotation: Any) -> tuple[SchemaValidator, bool]:
    """A validator for a type, finite floats only, and whether the type takes any value somewhere.

    For a type that comes again and again it is made once.
    """
    # The text too: Literal[1] equals Literal[True].
    return _known_validator(annotation, str(annotation)) if is_hashable(annotation) else _validator(annotation)


def _validator(annotation: Any) -> tuple[SchemaValidator, bool]:
    try:
        adapter = pydantic.TypeAdapter[Any](annotation, config=_BODY)
    except pydantic.PydanticUserError:  # A model, a dataclass and a TypedDict bring a configuration of their own.
        adapter = pydantic.TypeAdapter[Any](annotation)
    schema = _schema(adapter)
    # Made anew: a model's own validator would be taken in its place, and knows nothing of the changed schema.
    return SchemaValidator(finite(schema), None, _use_prebuilt=False), has_any(schema)


@functools.lru_cache(1024)
def _known_validator(annotation: Any, text: str) -> tuple[SchemaValidator, bool]:
    return _validator(annotation)


def _schema(adapter: pydantic.TypeAdapter[Any]) -> Any:
    if not adapter.pydantic_complete:
        adapter.rebuild()  # What is still missing by now is an error, and its message says what.
    return adapter.core_schema


def arguments_validator(
    parameters: Mapping[str, Parameter], faults: list[Fault], where: str
) -> Callable[[Any], dict[str, Any]] | None:
    """One validator for all the values of a plan that do not come from a JSON body, by their keys."""
    if not parameters:
        return None
    quick = _quick_validator(parameters)
    if quick is not None:
        return quick
    fields: dict[str, Any] = {}
    for key, parameter in parameters.items():
        wanted = typing_extensions.Required if parameter.required else typing_extensions.NotRequired
        # The alias is ours to read by; Pydantic sees the parameter's own key.
        extras = (pydantic.Field(alias=None, validation_alias=None), *_literal_reader(parameter.type))
        fields[key] = wanted[Annotated[(parameter.type, *extras)]]
    make: Any = typing_extensions.TypedDict
    arguments = make("Arguments", fields)
    arguments.__pydantic_config__ = _ARGUMENTS
    try:
        schema = finite(_schema(pydantic.TypeAdapter(arguments)))
        return SchemaValidator(schema, None, _use_prebuilt=False).validate_python
    except Exception as error:
        message = f"A parameter's type has no schema: {str(error).splitlines()[0].rstrip('.')}."
        faults.append(Fault("no-schema", message, where, "Use plain types, a model, a dataclass or a TypedDict."))
        return None


def _quick_validator(parameters: Mapping[str, Parameter]) -> Callable[[Any], dict[str, Any]] | None:
    """The same for plain values only, put together from schemas that other routes have made already."""
    if any(each.whole or each.place == "form" or not is_hashable(each.type) for each in parameters.values()):
        return None
    return _known_quick(tuple((key, each.type, str(each.type), each.required) for key, each in parameters.items()))


@functools.lru_cache(1024)
def _known_quick(values: tuple[tuple[str, Any, str, bool], ...]) -> Callable[[Any], dict[str, Any]] | None:
    """The validator of values by key, type, the type's text, and whether they are required."""
    fields = {}
    for key, kind, _, required in values:
        if _literal_reader(kind):
            return None
        schema = schema_of(kind)
        if schema["type"] in {"definitions", "definition-ref", "typed-dict", "model", "dataclass"}:
            return None
        fields[key] = core_schema.typed_dict_field(finite(schema), required=required)
    config = core_schema.CoreConfig(hide_input_in_errors=True)
    return SchemaValidator(core_schema.typed_dict_schema(fields), config).validate_python


def _literal_reader(annotation: Any) -> tuple[pydantic.BeforeValidator, ...]:
    """For `Literal[1, 2]`, a reader of the text "1": Pydantic compares a literal without converting."""
    found = members(annotation)
    if not any(get_origin(each) is Literal for each in found):
        return ()
    values = {str(value): value for each in found if get_origin(each) is Literal for value in get_args(each)}
    return (pydantic.BeforeValidator(lambda text: values.get(text, text) if isinstance(text, str) else text),)


class JsonBody:
    """Reads a JSON body into a type, within the limits.

    Of two members with one name the last counts (RFC 8259 §4 leaves it open); integers are exact; NaN, the infinities,
    lone surrogates, a byte order mark and anything but UTF-8 are refused.

    Example:
        >>> JsonBody(list[int], Limits()).read(b"[1, 2]")
        [1, 2]
    """

    def __init__(self, annotation: Any, limits: Limits) -> None:
        validator, self._any = validator_for(annotation)
        self._validate = validator.validate_json
        self.check: Callable[[Any], Any] = validator.validate_python
        self._depth = limits.json_depth
        self._digits = re.compile(rb"[0-9]{%d}" % (limits.json_digits + 1)) if limits.json_digits < 4300 else None

    def read(self, body: bytes) -> Any:
        """The value.

        Raises:
            Refused: 400 for what is not JSON, too deep, or holds a number that JSON has no words for.
            ValidationError: the value is not of the type.
        """
        if body.count(b"[") + body.count(b"{") > self._depth and depth_of(body, self._depth) > self._depth:
            raise Refused(400, "json-too-deep", f"The JSON is nested more than {self._depth} levels deep.")
        if self._digits is not None and self._digits.search(body):
            raise Refused(400, "json-number-too-long", "A number in the JSON has too many digits.")
        if self._any and (b"NaN" in body or b"Infinity" in body or _HUGE_NUMBER.search(body)):
            _refuse_infinite(body)
        try:
            return self._validate(body)
        except ValidationError as error:
            if (
                error.error_count() == 1
                and error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid"
            ):
                raise Refused(400, "malformed-json", "The body is not JSON in UTF-8 (RFC 8259).") from None
            raise


def depth_of(body: bytes, enough: int) -> int:
    """How deep JSON is nested, counted no further than `enough` + 1; linear, and without building anything.

    Example:
        >>> depth_of(b'{"a": [1, "]"]}', 10)
        2
    """
    # Only brackets and the quotes that hide some are left; then the innermost pairs go, a level at a time.
    shape = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _ALL_BUT_BRACKETS)
    shape = _TEXT.sub(b"", shape).translate(_ONE_KIND, b'"\\')
    depth = 0
    while shape and depth <= enough:
        smaller = shape.replace(b"[]", b"")
        if len(smaller) == len(shape):
            return depth  # Unbalanced: no JSON, which the parser says better.
        shape, depth = smaller, depth + 1
    return depth


def _refuse_infinite(body: bytes) -> None:
    def refuse(_: str) -> Any:
        raise Refused(400, "json-not-finite", "The JSON holds NaN, Infinity or a number too large (RFC 8259 §6).")

    def number(text: str) -> float:
        value = float(text)
        return refuse(text) if value in {float("inf"), float("-inf")} else value

    try:
        json.loads(body, parse_constant=refuse, parse_float=number)
    except (ValueError, RecursionError):
        return  # Not JSON, which the parser says better.


def parameter_faults(error: ValidationError, parameters: Mapping[str, Parameter], raw: Any) -> list[FieldFault]:
    """The faults of the values that do not come from a JSON body."""
    found = []
    for each in error.errors(include_url=False, include_input=False):
        key, *rest = each["loc"]
        parameter = parameters[str(key)]
        path = _resolved(rest, raw.get(key), each["type"])
        pointer = json_pointer(path if parameter.whole else [parameter.alias, *path])
        found.append(FieldFault(parameter.place, pointer, each["type"], _detail(each)))
    return found


def body_faults(error: ValidationError, body: Any) -> list[FieldFault]:
    """The faults of a body: JSON as bytes, or another kind already decoded."""
    data = pydantic_core.from_json(body) if isinstance(body, bytes) else body
    return [
        FieldFault("body", json_pointer(_resolved(each["loc"], data, each["type"])), each["type"], _detail(each))
        for each in error.errors(include_url=False, include_input=False)
    ]


def _detail(error: Any) -> str:
    """Pydantic's sentence; the one kind of them that quotes what was sent is told otherwise."""
    if error["type"] == "union_tag_invalid":
        return f"{error['ctx']['discriminator']} should be one of {error['ctx']['expected_tags']}"
    return str(error["msg"])


def _resolved(location: Sequence[Any], data: Any, kind: str) -> list[int | str]:
    """The location without the names of union members and validators, which are no part of the data."""
    path: list[Any] = []
    for index, part in enumerate(location):
        if (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        ):
            data = data[part]
        elif not (kind == "missing" and index == len(location) - 1):
            continue
        path.append(part)
    return path


def json_pointer(path: Sequence[int | str]) -> str:
    """A JSON pointer (RFC 6901 §3).

    Example:
        >>> json_pointer(["items", 0, "a/b"])
        '/items/0/a~1b'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
