"""Pydantic as the encoder's oracle: its strictest serialiser, reading into a declared type, and what was wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import PydanticCustomError, PydanticSerializationUnexpectedValue, SchemaSerializer, SchemaValidator
from pydantic_core import core_schema as core

from wholestack.handlers import JSONWriter, answer_mismatch, json_pointer, only_plain

Schema = dict[str, Any]
Fault = tuple[str, str, str]

_CODES = {*get_args(core.ErrorType), "answer_depth", "answer_iterator", "answer_plain"}
_ABSENT = object()
_ANY: Any = core.any_schema()

_ARRAY_KINDS = {"deque", "frozenset", "generator", "list", "set", "tuple"}
_VALIDATORS = {"function-after", "function-before", "function-wrap"}
_OBJECTS = {"dataclass", "model", "typed-dict"}
_OPAQUE = {"cls", "config", "default", "discriminator", "expected", "members", "metadata", "serialization"}
_CONSTRAINTS = frozenset(
    "allow_inf_nan ascii_only decimal_places ge gt le lt max_digits max_length min_length multiple_of now_op pattern "  # noqa: SIM905
    "strict strip_whitespace to_lower to_upper tz_constraint version".split()
)
_OTHER_SHAPES = frozenset(
    "dataclass_exact_type dataclass_type dict_type frozen_set_type list_type model_attributes_type model_type "  # noqa: SIM905
    "named_tuple_type set_type tuple_type".split()
)


class Oracle:
    """What Pydantic knows of one declared type; each part is built when it is first asked for."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.iterable = schema["type"] in _ARRAY_KINDS

    # Each is built without the classes' own validators and serialisers, which know nothing of the changed schema.

    @cached_property
    def _writer(self) -> JSONWriter:
        return JSONWriter(SchemaSerializer(_rewritten(self._schema, _as_written), None, _use_prebuilt=False))

    @cached_property
    def _reader(self) -> SchemaValidator:
        return SchemaValidator(_rewritten(self._schema, _as_read), None, _use_prebuilt=False)

    @cached_property
    def _checker(self) -> SchemaValidator:
        return SchemaValidator(_rewritten(self._schema, _as_checked), None, _use_prebuilt=False)

    @property
    def write(self) -> Callable[[Any], bytes]:
        """The serialiser: the declared class decides over a subclass, and what does not fit is an error, no guess."""
        return self._writer.write

    def encode(self, value: Any) -> bytes:
        """The JSON of a value, by whichever way leads there.

        Raises:
            AnswerMismatch: it is not of the declared type.
        """
        if isinstance(value, Iterator):  # a serialiser that then fails would have used it up
            value = [*value]
        body, reason = (None, "") if value is None else self._writer.attempt(value)  # None is written for any type
        if body is None:
            body, reason = self._writer.attempt(self.read(value))
        if body is None:
            raise answer_mismatch([("", reason)])
        return body

    def read(self, value: Any) -> Any:
        """An instance of the declared type, read by attribute or by key; constraints are not looked at.

        Raises:
            AnswerMismatch: the value is not of that type.
        """
        try:
            return self._reader.validate_python(value, from_attributes=True, by_alias=True, by_name=True)
        except ValidationError as error:
            faults = _faults(error, value)
        raise answer_mismatch([fault[1:] for fault in faults])

    def check(self, value: Any) -> None:
        """Refuse a value that breaks a constraint, or an instance with a leaf of another type.

        Raises:
            AnswerMismatch: with every fault.
        """
        if self._writer.attempt(value)[0] is None:
            faults = self._check(value, strict=True)
            if faults and not any(code in _OTHER_SHAPES for code, _, _ in faults):
                raise answer_mismatch([fault[1:] for fault in faults])
            value = self.read(value)
        if faults := self._check(value, strict=None):
            raise answer_mismatch([fault[1:] for fault in faults])

    def _check(self, value: Any, *, strict: bool | None) -> list[Fault]:
        try:
            self._checker.validate_python(value, strict=strict, by_alias=True, by_name=True)
        except ValidationError as error:
            return _faults(error, value)
        return []


def _faults(error: ValidationError, value: Any) -> list[Fault]:
    """Code, pointer and expectation of each fault. A message that repeats what came is left out."""
    faults = []
    for detail in error.errors(include_url=False, include_input=False):
        code, context = detail["type"], detail.get("ctx", {})
        if code == "get_attribute_error":
            _raise_cause(value, detail["loc"])
        said = code in _CODES and not context.keys() & {"error", "tag"}
        text = detail["msg"].replace("Input should be", "expected").replace("Field required", "a field is missing")
        faults.append((code, json_pointer(detail["loc"]), f"{text} [{code}]" if said else code))
    return faults


def _raise_cause(value: Any, location: Sequence[int | str]) -> None:
    """Read the attribute again: what it raised (a lazy load without a session) says more than a mismatch."""
    for part in location:
        try:
            value = value[part] if isinstance(part, int) else getattr(value, part)
        except (AttributeError, LookupError, TypeError):
            return


def outline(schema: Schema) -> tuple[type, ...] | None:
    """The classes around plain values: `()` for `Any`, those of a `dict`, `list` or `list[dict]` of it; else None."""
    kind = schema["type"]
    if "serialization" in schema:
        return None
    if kind == "any":
        return ()
    if kind == "dict" and schema.get("keys_schema", _ANY)["type"] in {"any", "str"}:
        return (dict,) if outline(schema.get("values_schema", _ANY)) == () else None
    if kind == "list":
        inner = outline(schema.get("items_schema", _ANY))
        return None if inner is None or list in inner else (list, *inner)
    return None


def _rewritten(node: Any, rule: Callable[[Schema], Schema]) -> Any:
    """A core schema with a rule applied to each node, the inner ones first."""
    if isinstance(node, dict):
        if not isinstance(node.get("type"), str):  # fields or choices by name
            return {key: _rewritten(value, rule) for key, value in node.items()}
        changed = {key: value if key in _OPAQUE else _rewritten(value, rule) for key, value in node.items()}
        if "serialization" in node:
            inner = node["serialization"]
            changed["serialization"] = {k: _rewritten(v, rule) if k == "schema" else v for k, v in inner.items()}
        return rule(changed)
    if isinstance(node, list | tuple):
        return type(node)(_rewritten(each, rule) for each in node)
    return node


def _as_written(node: Schema) -> Schema:
    """Nothing undeclared is written; an object is of its class and has every declared field.

    Pydantic's own serialiser takes any object with a `__dict__` for a model, leaves out what is not there (in an ORM's
    instance: what is not loaded), and writes None for anything.
    """
    kind = node["type"]
    if "serialization" in node:
        return node
    if kind in {"any", "function-plain", "is-instance"}:
        return _named(node, _through(_plain_only, _ANY))
    if kind in {"dict", "list"}:  # one look at the whole is cheaper than one at each value
        bare = {key: _unguarded(value) for key, value in _nameless(node).items()}
        return _named(node, _through(_plain_only, bare)) if outline(bare) is not None else node
    if kind in _OBJECTS:
        return _named(node, _through(_whole(*_shape(node)), _nameless(node)))
    return node


def _as_read(node: Schema) -> Schema:
    """Rows and mappings come in too, extra keys are left out, and constraints are not looked at."""
    kind = node["type"]
    node = {key: value for key, value in node.items() if key not in _CONSTRAINTS}
    if kind == "any":
        return _named(node, core.no_info_plain_validator_function(only_plain))
    if "extra_behavior" in node:
        node["extra_behavior"] = "ignore"
    if kind in _OBJECTS:
        node |= {"config": {}} if kind == "typed-dict" else {"config": {}, "revalidate_instances": "always"}
        return _named(node, core.no_info_before_validator_function(partial(_fields, *_shape(node)), _nameless(node)))
    if kind in _ARRAY_KINDS:
        return _named(node, core.no_info_before_validator_function(_lasting, _nameless(node)))
    return node


def _as_checked(node: Schema) -> Schema:
    """Types and constraints of what is there; what a validator did on the way in is not done again."""
    kind = node["type"]
    if kind in _VALIDATORS:
        return _named(node, node["schema"])
    if kind in {"function-plain", "json"}:
        return _named(node, _ANY)
    if kind == "any":
        return _named(node, core.no_info_plain_validator_function(only_plain))
    if node.get("extra_behavior") == "forbid":
        node["extra_behavior"] = "ignore"
    if node.get("config", {}).get("extra_fields_behavior") == "forbid":
        node["config"] = node["config"] | {"extra_fields_behavior": "ignore"}
    return node | {"revalidate_instances": "always"} if kind in {"dataclass", "model"} else node


def _named(node: Schema, other: Any) -> Schema:
    return {**other, "ref": node["ref"]} if "ref" in node else other


def _nameless(node: Schema) -> Any:
    return {key: value for key, value in node.items() if key != "ref"}


def _through(function: Callable[[Any], Any], schema: Any) -> Any:
    passed = core.plain_serializer_function_ser_schema(function, return_schema=schema, when_used="json")
    return {**schema, "serialization": passed}


def _unguarded(node: Any) -> Any:
    passed = node.get("serialization", {}) if isinstance(node, dict) else {}
    return passed["return_schema"] if passed.get("function") is _plain_only else node


def _plain_only(value: Any) -> Any:
    try:
        return only_plain(value)
    except PydanticCustomError:
        raise PydanticSerializationUnexpectedValue("") from None  # after which a union tries its next member


def _whole(kind: str, declared: type, names: frozenset[str]) -> Callable[[Any], Any]:
    def whole(value: Any) -> Any:
        if isinstance(value, declared):
            if kind == "dataclass":  # whose serialiser misses an attribute by itself
                return value
            held: Any = value if kind == "typed-dict" else value.__dict__
            if held.keys() >= names:
                return value
        raise PydanticSerializationUnexpectedValue("")

    return whole


def _lasting(value: Any) -> Any:
    if isinstance(value, Iterator):
        raise PydanticCustomError("answer_iterator", "expected a list: an iterator can be read only once")
    return value


def _shape(node: Schema) -> tuple[str, type, frozenset[str]]:
    """An object's kind, class and required fields."""
    kind, inner = node["type"], node
    while inner["type"] in {"dataclass", "model", *_VALIDATORS}:
        inner = inner["schema"]
    fields = {} if node.get("root_model") else inner["fields"]
    if kind == "dataclass":
        return kind, node["cls"], frozenset(field["name"] for field in fields)
    required = frozenset(name for name, field in fields.items() if field.get("required", True))
    return kind, dict if kind == "typed-dict" else node["cls"], required


def _fields(kind: str, declared: type, names: frozenset[str], value: Any) -> Any:
    if isinstance(value, declared):
        return value
    if hasattr(value, "keys") and hasattr(value, "__getitem__"):  # also sqlite3.Row, which is no Mapping
        return dict(value)
    if kind == "model":  # reads attributes itself, by paths too
        return value
    found = {name: getattr(value, name, _ABSENT) for name in names}
    return {name: each for name, each in found.items() if each is not _ABSENT} or value
