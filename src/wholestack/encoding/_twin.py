"""Which answers msgspec may write: a twin struct of a declared type, where its JSON equals Pydantic's.

The twin has the same fields under the same aliases, all of them required, so that `msgspec.convert` reads rows by
attribute, checks every leaf and leaves out what the type does not name. Equality is decided here, node by node of the
pydantic-core schema, and held by a property test. Unfit are `timedelta`, `bytes`, `Any`, custom and computed fields,
`exclude`, extras, `ser_json_*`, recursion and unions of objects: they differ, or something has a say in their JSON.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from types import ModuleType
from typing import Any, Literal, NamedTuple, Union
from uuid import UUID

from ._proof import Exact, Record, prover

Schema = Mapping[str, Any]

_LEAVES: dict[str, Any] = {
    **{kind.__name__.lower(): kind for kind in (bool, date, datetime, Decimal, float, int, str, time, UUID)},
    "none": None,
}
_VALIDATORS = {"function-after", "function-before", "function-wrap"}


class Unfit(Exception):
    """This type's JSON is Pydantic's business."""


Found = tuple[tuple[str, ...], Record] | None


class Twin(NamedTuple):
    """What `msgspec.convert` makes of an answer, and how far it may be used."""

    answer: Any
    """A struct; for an answer that is no object with fields, one with the answer as its `value`."""
    whole: bool
    """Whether the struct is the answer, and not a holder of it; msgspec caches what it knows of structs only."""
    records: bool
    """Whether there are objects with fields in it."""
    model: type | None
    """The answer's class, if it is a model or a dataclass whose `__dict__` may be converted in its place."""
    reads: bool
    """Whether rows may be read into it: no validator of the type has a say in that."""
    exact: Exact | None
    """Proves that a list needs no twin, where msgspec writes its members as they are."""
    expose: Callable[[Any], Any]
    """For msgspec, which does not know Pydantic's models: the fields of one, if it is exactly of a declared class."""


def twin_of(schema: Schema, msgspec: ModuleType) -> Twin | None:
    """The twin of a core schema, or None where only Pydantic knows its JSON."""
    builder = _Builder(msgspec)
    try:
        answer, found = builder.visit(schema)
        whole = found is not None and not found[0]
        if not whole:
            answer = msgspec.defstruct("Answer", [("value", answer)], gc=False)
        msgspec.json.Decoder(answer)
    except (Unfit, LookupError, RuntimeError, TypeError, ValueError):  # so msgspec refuses a type or a name
        return None
    exact, model = None, None
    if builder.native and found is not None:
        steps, record = found
        if steps == ("list",):
            exact = prover(record)
        if not steps and not record.parts and _lies_in_dict(record):
            model = record.type
    if not (builder.reads or exact):
        return None
    return Twin(answer, whole, builder.records, model, builder.reads, exact, builder.expose)


def _lies_in_dict(record: Record) -> bool:
    """Whether the `__dict__` of an instance has what its attributes have: no slot, no property, no other descriptor."""
    held = (inspect.getattr_static(record.type, name, None) for name in record.names)
    return record.kind != "typed-dict" and not any(hasattr(type(each), "__set__") for each in held)


class _Builder:
    def __init__(self, msgspec: ModuleType) -> None:
        self.msgspec = msgspec
        self.reads = True
        self.native = True
        self.records = False
        self.models: dict[type, frozenset[str]] = {}
        self.definitions: dict[str, Schema] = {}

    def expose(self, value: Any) -> Any:
        fields = value.__dict__
        if fields.keys() != self.models[type(value)]:
            raise Unfit
        return fields

    def visit(self, node: Schema) -> tuple[Any, Found]:
        """The twin of a node, and the record in it that `exact` has to look at."""
        kind, inner = node["type"], node.get("schema", {})
        if "serialization" in node:
            raise Unfit
        if kind in _LEAVES:
            return _LEAVES[kind], None
        if kind in {"dataclass", "model", "typed-dict"}:
            return self.record(kind, node)
        if kind == "definitions":
            self.definitions = {each["ref"]: each for each in node["definitions"]}
            return self.visit(inner)
        if kind == "definition-ref":
            definition = self.definitions.pop(node["schema_ref"])  # so that a type within itself is not found
            twin, found = self.visit(definition)
            self.definitions[node["schema_ref"]] = definition
            return twin, found
        if kind == "default":
            twin, found = self.visit(inner)
            if inner["type"] in _LEAVES and type(node.get("default")) is not twin:
                self.native = False  # A default is not validated: `price: Decimal = 0` would go out as a number.
            return twin, found
        if kind in _VALIDATORS:
            self.reads = False
            return self.visit(inner)
        if kind in {"list", "nullable"}:
            twin, found = self.visit(node["items_schema"] if kind == "list" else inner)
            deeper = None if found is None else ((kind, *found[0]), found[1])
            return list[twin] if kind == "list" else Union[twin, None], deeper  # type: ignore[valid-type]
        return self.leaf(kind, node), None

    def leaf(self, kind: str, node: Schema) -> Any:
        """The twin of a node in which `exact` does not look: a record there leaves msgspec no list as it is."""

        def inside(inner: Schema) -> Any:
            twin, found = self.visit(inner)
            self.native &= found is None
            return twin

        if kind == "enum":
            return node["cls"]
        if kind == "literal" and all(type(each) in {int, str} for each in node["expected"]):
            return Literal[tuple(node["expected"])]
        if kind in {"frozenset", "set"}:
            return (set if kind == "set" else frozenset).__class_getitem__(inside(node["items_schema"]))
        if kind == "dict" and node["keys_schema"]["type"] in {"int", "str"}:
            return dict.__class_getitem__((inside(node["keys_schema"]), inside(node["values_schema"])))
        if kind == "tuple":
            items = [inside(each) for each in node["items_schema"]]
            if "variadic_item_index" in node:
                (item,) = items  # more than one are unfit, by ValueError
                items = [item, ...]
            return tuple.__class_getitem__(tuple(items))
        if kind == "union":
            return Union[tuple(inside(each[0] if isinstance(each, tuple) else each) for each in node["choices"])]
        raise Unfit

    def record(self, kind: str, node: Schema) -> tuple[Any, Found]:
        self.records = True
        inner = node if kind == "typed-dict" else node["schema"]
        self.reads &= not (node.get("post_init") or node.get("custom_init"))
        while inner["type"] in _VALIDATORS:
            self.reads, inner = False, inner["schema"]
        config = node.get("config", {})
        extra = inner.get("extra_behavior") or config.get("extra_fields_behavior")
        odd = node.get("root_model") or inner.get("computed_fields") or extra == "allow"
        if odd or any(key.startswith("ser_json") for key in config):
            raise Unfit
        fields = inner["fields"]
        columns, parts, aliases = [], [], {}
        for name, field in fields.items() if isinstance(fields, dict) else ((each["name"], each) for each in fields):
            twin, found = self.field(name, field)
            aliases[name] = field.get("serialization_alias", name)
            self.native &= aliases[name] == name and field.get("required", True)
            columns.append((name, twin) if field.get("required", True) else self.optional(name, twin))
            if found is not None:
                parts.append((name, *found))
        record = Record(kind, dict if kind == "typed-dict" else node["cls"], tuple(aliases), tuple(parts))
        if kind == "model":
            self.models[node["cls"]] = frozenset(aliases)
        if kind == "dataclass":
            self.native &= record.names == tuple(each.name for each in dataclasses.fields(node["cls"]))
        # The twins live for one answer and hold no cycle: nothing for the garbage collector.
        struct = self.msgspec.defstruct(node["cls"].__name__, columns, rename=aliases, kw_only=True, gc=False)
        return struct, ((), record)

    def optional(self, name: str, twin: Any) -> tuple[str, Any, Any]:
        return name, Union[twin, self.msgspec.UnsetType], self.msgspec.UNSET

    def field(self, name: str, field: Schema) -> tuple[Any, Found]:
        if field.get("serialization_exclude") or "serialization_exclude_if" in field or field.get("init_only"):
            raise Unfit
        # An alias for both ways names the field on the wire; one for reading only says where a row has it.
        if field.get("validation_alias", name) not in {name, field.get("serialization_alias")}:
            self.reads = False
        return self.visit(field["schema"])
