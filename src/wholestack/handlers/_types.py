"""Questions about types that sealing asks: what is a model, what has a form in a query string."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import types
import typing
import warnings
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Annotated, Any, Union, get_args, get_origin

import pydantic
from pydantic.fields import FieldInfo
from pydantic.warnings import UnsupportedFieldAttributeWarning
from typing_extensions import is_typeddict

from wholestack.http import Upload

from ._markers import Marker, Partial

_GENERATORS = (Iterator, Iterable, Generator)
_ASYNC_GENERATORS = (AsyncIterator, AsyncIterable, AsyncGenerator)

# Core schema kinds that a text in a query string, a path, a header or a cookie can be read as: values, what stands
# around another kind, and what a type's own functions are.
_VALUES = {"any", "bool", "bytes", "complex", "date", "datetime", "decimal", "enum", "float", "int", "literal", "none"}
_MORE_VALUES = {"is-instance", "multi-host-url", "str", "time", "timedelta", "url", "uuid"}
_AROUND = {"chain", "custom-error", "default", "json-or-python", "lax-or-strict", "nullable", "tagged-union", "union"}
_BY_NAME = {"call", "definition-ref", "definitions"}
_FUNCTIONS = {"function-after", "function-before", "function-plain", "function-wrap"}
_SCALAR_KINDS = frozenset(_VALUES | _MORE_VALUES | _AROUND | _BY_NAME | _FUNCTIONS)
_MANY_KINDS = frozenset({"list", "set", "frozenset", "tuple"})
# What stands below these keys of a schema is no part of the value's own form.
_NO_FORM = frozenset({"metadata", "serialization", "expected", "members", "function"})


_Read = dict[tuple[int, int], tuple[Mapping[str, Any], Any, Any]]
_READ: ContextVar[_Read | None] = ContextVar("_READ", default=None)


@contextlib.contextmanager
def hints_read_once() -> Iterator[None]:
    """Within, a function's hints are read once: while an app is sealed nothing is defined anew, and a provider or an
    error handler is asked for by each route.
    """
    token = _READ.set({})
    try:
        yield
    finally:
        _READ.reset(token)


def hints_of(function: Any, names: Mapping[str, Any]) -> Mapping[str, Any]:
    """The type hints of a function, `Annotated` kept; `names` are those of the place where it was registered.

    Raises:
        NameError: a hint names something that is not there.
    """
    read, key = _READ.get(), (id(function), id(names) if names else 0)
    if read is not None and key in read:
        return read[key][0]
    target: Any = function.__init__ if inspect.isclass(function) else inspect.unwrap(function)
    if not hasattr(target, "__annotations__"):
        target = target.__call__
    cells = getattr(target, "__closure__", None) or ()
    closed: dict[str, Any] = {}
    for name, cell in zip(getattr(getattr(target, "__code__", None), "co_freevars", ()), cells, strict=False):
        with contextlib.suppress(ValueError):  # An empty cell: its name is yet to be defined.
            closed[name] = cell.cell_contents
    # A hint such as `x: int = None` must not become optional by itself, hence the raw annotations where there are no
    # strings to evaluate; `get_type_hints` does that since 3.11.
    hints = typing.get_type_hints(target, localns={**names, **closed}, include_extras=True)
    if read is not None:
        read[key] = hints, function, names  # Both are held, so that nothing else gets their ids.
    return hints


def field_info(annotation: Any) -> FieldInfo | None:
    """The `Field(…)` in an `Annotated`, if there is one."""
    if get_origin(annotation) is not Annotated:
        return None
    return next((extra for extra in get_args(annotation)[1:] if isinstance(extra, FieldInfo)), None)


def split_marker(annotation: Any) -> tuple[Any, Marker | None]:
    """The annotation without our marker, and the marker.

    Example:
        >>> from wholestack.handlers import Query
        >>> split_marker(Query[int])
        (<class 'int'>, Marker(place='query'))
    """
    if get_origin(annotation) is not Annotated:
        return annotation, None
    inner, *extras = get_args(annotation)
    marker = next((extra for extra in extras if isinstance(extra, Marker)), None)
    rest = [extra for extra in extras if not isinstance(extra, Marker)]
    return (Annotated[(inner, *rest)] if rest else inner), marker


def bare(annotation: Any) -> Any:
    """The annotation without `Annotated`.

    Example:
        >>> bare(Annotated[int, "metres"])
        <class 'int'>
    """
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union without None; of anything else, itself.

    Example:
        >>> members(int | None)
        (<class 'int'>,)
    """
    annotation = bare(annotation)
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(bare(member) for member in get_args(annotation) if member is not type(None))
    return (annotation,)


def is_optional(annotation: Any) -> bool:
    """Whether None is one of the members."""
    annotation = bare(annotation)
    return get_origin(annotation) in {Union, types.UnionType} and type(None) in get_args(annotation)


def is_model(annotation: Any) -> bool:
    """Whether a type is a Pydantic model, a dataclass or a TypedDict (generic ones and `Partial` too), or a union of
    them.
    """
    found = members(annotation)
    return bool(found) and all(_is_one_model(member) for member in found)


def _is_one_model(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return inspect.isclass(origin) and (
        issubclass(origin, (pydantic.BaseModel, Partial)) or dataclasses.is_dataclass(origin) or is_typeddict(origin)
    )


def is_upload(annotation: Any) -> bool:
    """Whether a type is an `Upload`, one that may be missing, or a list of them."""
    (member, *more) = members(annotation) or (None,)
    return not more and (member is Upload or (get_origin(member) is list and get_args(member) == (Upload,)))


def stream_kind(annotation: Any) -> str | None:
    """``"def"`` or ``"async"`` for an iterator of bytes in that colour, else None."""
    origin = get_origin(bare(annotation))
    if get_args(bare(annotation))[:1] != (bytes,):
        return None
    return "def" if origin in _GENERATORS else "async" if origin in _ASYNC_GENERATORS else None


def yielded(annotation: Any, *, is_async: bool) -> Any:
    """What a generator function's return annotation says it yields; None where it says nothing."""
    wanted = _ASYNC_GENERATORS if is_async else _GENERATORS
    return get_args(annotation)[0] if get_origin(annotation) in wanted and get_args(annotation) else None


def scalar_form(annotation: Any) -> str | None:
    """``"one"`` or ``"many"`` for a type that has a form in a query string, None for one that has not.

    Example:
        >>> scalar_form(int), scalar_form(list[int]), scalar_form(object())
        ('one', 'many', None)
    """
    try:
        schema = schema_of(annotation)
    except Exception:  # A type's own schema hook may raise anything; the caller's fault names the type.
        return None
    if _leaf_kinds(schema) <= _SCALAR_KINDS:
        return "one"
    return "many" if _takes_many(schema) else None


def schema_of(annotation: Any) -> Any:
    """The core schema of a type; of one that comes again and again, made once.

    Raises:
        PydanticUserError: Pydantic has no schema for it.
    """
    return _known_schema(annotation, str(annotation)) if is_hashable(annotation) else _schema(annotation)


def is_hashable(annotation: Any) -> bool:
    """Whether a type can be a key; one with a list in its `Annotated` cannot.

    Example:
        >>> is_hashable(int), is_hashable(Annotated[int, []])
        (True, False)
    """
    try:
        hash(annotation)
    except TypeError:
        return False
    return True


@functools.lru_cache(1024)
def _known_schema(annotation: Any, text: str) -> Any:
    return _schema(annotation)


def _schema(annotation: Any) -> Any:
    with warnings.catch_warnings():
        # An alias is ours to read by; Pydantic warns that it would not.
        warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
        return pydantic.TypeAdapter(annotation).core_schema


def _leaf_kinds(schema: Any) -> set[str]:
    kinds = {schema["type"]} if isinstance(schema, dict) and isinstance(schema.get("type"), str) else set()
    inner = (value for key, value in schema.items() if key not in _NO_FORM)
    for value in inner:
        for child in value if isinstance(value, (list, tuple)) else (value,):
            child = child[0] if isinstance(child, tuple) else child
            if isinstance(child, dict) and "type" in child:
                kinds |= _leaf_kinds(child)
    return kinds


def _takes_many(schema: Any) -> bool:
    while schema["type"] not in _MANY_KINDS:
        if not isinstance(schema.get("schema"), dict):
            return False
        schema = schema["schema"]
    item = schema.get("items_schema")
    items = item if isinstance(item, list) else [item or {"type": "any"}]
    return all(_leaf_kinds(one) <= _SCALAR_KINDS for one in items)
