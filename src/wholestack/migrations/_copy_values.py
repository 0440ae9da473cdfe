"""Values of columns as JSON and back, exactly: each kind that JSON has not is named beside its text."""

from __future__ import annotations

import base64
import datetime
import decimal
import ipaddress
import math
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import JSON, Column, Dialect, Enum, Interval, Text, bindparam, cast, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

from wholestack.db import Exact, Moment

_WRITERS: dict[type, tuple[str, Callable[[Any], str]]] = {
    decimal.Decimal: ("decimal", str),
    datetime.datetime: ("datetime", datetime.datetime.isoformat),
    datetime.date: ("date", datetime.date.isoformat),
    datetime.time: ("time", datetime.time.isoformat),
    datetime.timedelta: ("microseconds", lambda value: str(value // datetime.timedelta(microseconds=1))),
    uuid.UUID: ("uuid", str),
    bytes: ("bytes", lambda value: base64.b64encode(value).decode()),
    bytearray: ("bytes", lambda value: base64.b64encode(value).decode()),
    memoryview: ("bytes", lambda value: base64.b64encode(value).decode()),
    ipaddress.IPv4Address: ("ip", str),
    ipaddress.IPv6Address: ("ip", str),
}
_READERS: dict[str, Callable[[str], Any]] = {
    "decimal": decimal.Decimal,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "microseconds": lambda text: datetime.timedelta(microseconds=int(text)),
    "uuid": uuid.UUID,
    "bytes": lambda text: base64.b64decode(text, validate=True),
    "ip": ipaddress.ip_address,
    "float": float,
}
_KNOWN = (bool, int, float, str, list, *_WRITERS)


def to_json(value: Any) -> Any:
    """A value as JSON has it.

    Raises:
        TypeError: nothing is known of its kind.

    Example:
        >>> to_json(decimal.Decimal("1.20")), to_json(3), to_json(float("inf"))
        ({'decimal': '1.20'}, 3, {'float': 'inf'})
    """
    if value is None or isinstance(value, bool | str) or type(value) is int:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, list):
        return {"list": [to_json(each) for each in value]}
    for kind in type(value).__mro__:
        if kind in _WRITERS:
            name, write = _WRITERS[kind]
            return {name: write(value)}
    raise TypeError(f"a {type(value).__name__}")


def from_json(value: Any) -> Any:
    """What `to_json` wrote.

    Raises:
        ValueError, KeyError: it did not write this.

    Example:
        >>> from_json({"date": "2026-11-22"})
        datetime.date(2026, 11, 22)
    """
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    return [from_json(each) for each in inner] if kind == "list" else _READERS[kind](inner)


class Carried:
    """How one column's values travel.

    Text, numbers and times as Python has them; an enum by its value in the table; JSON as it is; what an app's own type
    decorates as it lies there, so that a dump holds nothing decrypted; a type that only one database has as its text.

    Arguments:
        column: the column.
        dialect: the kind of database.
    """

    def __init__(self, column: Column[Any], dialect: Dialect) -> None:
        self.column = column
        kind = column.type
        if isinstance(kind, TypeDecorator) and not isinstance(kind, Moment | Exact | Interval):
            kind = kind.load_dialect_impl(dialect)
        here = kind._variant_mapping.get(dialect.name, kind)
        self.is_json = isinstance(here, JSON)
        self.is_text = isinstance(kind, Enum) or not (self.is_json or _is_known(kind))
        self.type: TypeEngine[Any] = kind
        if self.is_json:
            self.type = JSONB(none_as_null=True) if isinstance(here, JSONB) else JSON(none_as_null=True)

    @property
    def read(self) -> list[Any]:
        """What is selected for it; of JSON also whether there is any, since `null` is a value of its own."""
        if self.is_text:
            return [cast(self.column, Text)]
        value = type_coerce(self.column, self.type)
        return [value, self.column.is_(None)] if self.is_json else [value]

    @property
    def write(self) -> Any:
        """What is inserted for it: the parameter of its name."""
        if self.is_text and not isinstance(self.type, Enum):
            return cast(bindparam(self.column.name, type_=Text()), self.type)
        return bindparam(self.column.name, type_=self.type)

    def to_line(self, values: Sequence[Any]) -> Any:
        """The selected values as JSON."""
        if self.is_json:
            return None if values[1] else {"json": values[0]}
        return to_json(values[0])

    def from_line(self, value: Any) -> Any:
        """What was written as it is inserted."""
        if self.is_json and value is not None:
            return JSON.NULL if value["json"] is None else value["json"]
        return from_json(value)


def _is_known(kind: TypeEngine[Any]) -> bool:
    try:
        return issubclass(kind.python_type, _KNOWN)
    except NotImplementedError:
        return False
