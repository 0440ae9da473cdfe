"""What a model's columns are to a client: their types and bounds, their defaults, and who makes their values."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import functools
import inspect
import sys
import types
import typing
import uuid
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
from sqlalchemy import Column
from sqlalchemy import inspect as look_at
from sqlalchemy import types as kinds
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.orm import Mapped, Mapper

from wholestack.db import Encrypted, Exact, Moment
from wholestack.observe import is_secret

from ._faults import bad_crud

Family = Literal[
    "array", "bool", "bytes", "date", "decimal", "enum", "float", "integer", "interval", "json", "moment", "other",
    "secret", "text", "time", "uuid",
]  # fmt: skip

NONE: Any = object()
"""Where a column has no default that is known before the row is written."""

_LONGEST = datetime.timedelta(days=350_000)  # What SQLite and MariaDB keep an interval as, a date, reaches so far back.


@dataclasses.dataclass(frozen=True, eq=False)
class Attribute:
    """One column of a model, under the name of its attribute.

    Attributes:
        name: the attribute's.
        column: the column; an expression where the attribute is computed by the database for each query.
        family: what kind of values it holds.
        shown: its Python type as an answer shows it, without None.
        nullable: whether it may hold NULL.
        key: whether it is part of the primary key.
        made: whether the server makes its value: a client that sends one would forge it.
        hidden: whether an answer leaves it out unless it is named: a secret, or what is loaded when it is asked for.
    """

    name: str
    column: Any
    family: Family
    shown: Any
    nullable: bool
    key: bool
    made: bool
    hidden: bool

    @property
    def optional(self) -> bool:
        """Whether a new row may be sent without it."""
        column = self.column
        return self.nullable or column.default is not None or column.server_default is not None

    def default(self) -> Any:
        """The value of a row that was sent without it, `NONE` where only the database knows."""
        given = self.column.default
        if given is not None and given.is_scalar:
            return given.arg
        if given is not None and given.is_callable:
            try:
                return given.arg(None)
            except Exception:  # It asks for the row's other values, which only the insert has.
                return NONE
        return NONE if self.column.server_default is not None or not self.nullable else None

    @functools.cached_property
    def taken(self) -> Any:
        """Its Python type as a client sends it: with the bounds of what the column can hold, without None."""
        extras = get_args(self.shown)[1:] if get_origin(self.shown) is Annotated else ()
        # What the model itself says comes last, since of two bounds Pydantic takes the last.
        return Annotated[(plain_of(self.shown), *found, *extras)] if (found := bounds(self)) else self.shown

    @functools.cached_property
    def compared(self) -> Any:
        """Its Python type as a filter compares with it: with those bounds, without what else the model asks of it."""
        plain = plain_of(self.shown)
        return Annotated[(plain, *found)] if (found := bounds(self)) else plain

    @functools.cached_property
    def reader(self) -> pydantic.TypeAdapter[Any]:
        """Reads a value that it may be compared with, or None where it may be NULL."""
        return pydantic.TypeAdapter(self.compared | None if self.nullable else self.compared)


def mapper_of(model: type) -> Mapper[Any]:
    """The mapper of a model, without waking those of other models, which may not be there yet.

    Raises:
        SetupError: not a model.
    """
    try:
        mapper: Any = look_at(model)
    except NoInspectionAvailable:
        mapper = None
    if not isinstance(mapper, Mapper):
        name = getattr(model, "__name__", repr(model))
        raise bad_crud(f"{name} is no model of a table.", "Give a class that derives from wholestack.db.Model.")
    return mapper


def attributes(model: type) -> Mapping[str, Attribute]:
    """The columns of a model by the names of their attributes, in the order of the table."""
    known: Any = model
    return _attributes(known)


@functools.lru_cache(512)
def _attributes(model: Any) -> Mapping[str, Attribute]:
    mapper = mapper_of(model)
    keys, copies = set(mapper.primary_key), _copies(mapper)
    by_mapper = {mapper.version_id_col, mapper.polymorphic_on}
    found: dict[str, Attribute] = {}
    for name, column in mapper.columns.items():
        # One attribute may stand for a column in each table of a subclass; the key's own says what the key is.
        several = getattr(mapper.get_property(name), "columns", (column,))
        column = next((each for each in several if each in keys), column)
        family = family_of(column.type)
        real = isinstance(column, Column)
        found[name] = Attribute(
            name=name,
            column=column,
            family=family,
            shown=_shown(model, name, column.type),
            nullable=bool(column.nullable) if real else True,
            key=column in keys,
            made=not real or column in copies or not by_mapper.isdisjoint(several) or _is_made(column, family),
            hidden=column not in keys and _is_hidden(mapper.get_property(name), family),
        )
    return types.MappingProxyType(found)


def _copies(mapper: Mapper[Any]) -> set[Any]:
    """The columns of a subclass's tables that hold what a column of its parent's does, such as the key."""
    pairs: list[Any] = [each._inherits_equated_pairs for each in mapper.iterate_to_root()]
    return {copy for some in pairs for _, copy in some or ()}


def key_of(model: type) -> list[Attribute]:
    """The attributes that tell one row from the others.

    Raises:
        SetupError: a column of the key has no attribute.
    """
    found = [each for each in attributes(model).values() if each.key]
    if not found or len(found) < len(mapper_of(model).primary_key):
        message = f"{model.__name__} has no attribute for its key, so that nobody could name one of its rows."
        raise bad_crud(message, "Give each column of the primary key an attribute, such as id: Mapped[int].")
    return found


def _is_hidden(attribute: Any, family: Family) -> bool:
    return family == "secret" or is_secret(attribute.key) or bool(getattr(attribute, "deferred", False))


def _is_made(column: Column[Any], family: Family) -> bool:
    """Whether the server makes a column's value: keys that number themselves, what is computed, marks of time."""
    if column.computed is not None or column.identity is not None:
        return True
    if column.onupdate is not None or column.server_onupdate is not None:
        return True
    generated = column.server_default is not None or (column.default is not None and not column.default.is_scalar)
    if column.primary_key:
        return generated or column is column.table.autoincrement_column
    return generated and family in {"moment", "date", "time"}


# -- types -----------------------------------------------------------------------------------------------------------

_FAMILIES: tuple[tuple[type, Family], ...] = (
    (Encrypted, "secret"),
    (Moment, "moment"),
    (Exact, "decimal"),
    (kinds.Enum, "enum"),
    (kinds.String, "text"),
    (kinds.Boolean, "bool"),
    (kinds.Integer, "integer"),
    (kinds.Float, "float"),
    (kinds.Numeric, "decimal"),
    (kinds.DateTime, "moment"),
    (kinds.Date, "date"),
    (kinds.Time, "time"),
    (kinds.Interval, "interval"),
    (kinds.Uuid, "uuid"),
    (kinds.LargeBinary, "bytes"),
    (kinds._Binary, "bytes"),
    (kinds.JSON, "json"),
    (kinds.ARRAY, "array"),
)


def family_of(kind: Any) -> Family:
    """The family of a column's type.

    Example:
        >>> family_of(kinds.Text()), family_of(kinds.SmallInteger())
        ('text', 'integer')
    """
    while True:
        for each, family in _FAMILIES:
            if isinstance(kind, each):
                return "float" if family == "decimal" and not getattr(kind, "asdecimal", True) else family
        if not isinstance(kind, kinds.TypeDecorator):
            return "other"
        kind = kind.impl


def _shown(model: type, name: str, kind: Any) -> Any:
    """The Python type of a column: as its annotation says it, but of a text of which there are a few those texts."""
    said = _annotated(model, name)
    if said is None:
        return _of_type(kind)
    if isinstance(kind, kinds.Enum) and plain_of(said) is str:
        few = _of_type(kind)
        return Annotated[(few, *get_args(said)[1:])] if get_origin(said) is Annotated else few
    return said


def _of_type(kind: Any) -> Any:
    """The Python type of a column that has no annotation."""
    if isinstance(kind, kinds.Enum):
        return kind.enum_class or Literal[tuple(kind.enums)]
    if isinstance(kind, kinds.ARRAY):
        return list[_of_type(kind.item_type)]  # type: ignore[misc]
    if isinstance(kind, kinds.JSON):
        return Any
    try:
        return kind.python_type
    except NotImplementedError:
        return Any


def _annotated(model: type, name: str) -> Any:
    """What stands in ``Mapped[…]``, without None; None where nothing does, or nothing that can be read from here."""
    for each in model.__mro__:
        try:
            hint = inspect.get_annotations(each).get(name)
        except NameError:  # From Python 3.14 on, where a class names what only type checkers see.
            continue
        if hint is not None:
            shim = types.SimpleNamespace(__annotations__={name: hint}, __module__=each.__module__)
            space = vars(sys.modules.get(each.__module__, typing))
            try:
                hint = typing.get_type_hints(shim, space, {each.__name__: each, **vars(each)}, include_extras=True)[
                    name
                ]
            except (NameError, TypeError, AttributeError, SyntaxError):
                return None
            return _inner(hint)
    return None


def _inner(hint: Any) -> Any:
    if get_origin(hint) is not Mapped:
        return None
    (inner,) = get_args(hint)
    extras: tuple[Any, ...] = ()
    if get_origin(inner) is Annotated:
        inner, *more = get_args(inner)
        extras = tuple(more)
    if get_origin(inner) in {Union, types.UnionType}:
        inner = Union[tuple(each for each in get_args(inner) if each is not type(None))]
    return Annotated[(inner, *extras)] if extras else inner


def plain_of(hint: Any) -> Any:
    """A type without what `Annotated` says of it.

    Example:
        >>> plain_of(Annotated[int, "metres"])
        <class 'int'>
    """
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


# -- bounds ----------------------------------------------------------------------------------------------------------


def bounds(attribute: Attribute) -> tuple[Any, ...]:
    """What Pydantic is to check, so that the database takes the value: the length, the range, the zone, no NUL."""
    make = _BOUNDS.get(attribute.family)
    if make is None or plain_of(attribute.shown) not in _PLAIN[attribute.family]:
        return ()
    kind = attribute.column.type
    while isinstance(kind, kinds.TypeDecorator) and not isinstance(kind, (Moment, Exact, Encrypted)):
        kind = kind.impl
    return tuple(make(kind))


def _of_text(kind: Any) -> tuple[Any, ...]:
    length = getattr(kind, "length", None)
    return (*((pydantic.Field(max_length=length),) if length else ()), pydantic.AfterValidator(without_nul))


def _of_integer(kind: Any) -> tuple[Any, ...]:
    bits = 63 if isinstance(kind, kinds.BigInteger) else 15 if isinstance(kind, kinds.SmallInteger) else 31
    if getattr(kind, "unsigned", False):
        return (pydantic.Field(ge=0, le=2 ** (bits + 1) - 1),)
    return (pydantic.Field(ge=-(2**bits), le=2**bits - 1),)


def _of_decimal(kind: Any) -> tuple[Any, ...]:
    if kind.precision is None:
        return ()
    places = decimal.Decimal(1).scaleb(-(kind.scale or 0))

    def as_kept(number: decimal.Decimal) -> decimal.Decimal:
        """With all digits of the scale, as it will be read again."""
        return number.quantize(places, context=decimal.Context(prec=kind.precision + 1)) + 0  # There is no -0.

    return (pydantic.Field(max_digits=kind.precision, decimal_places=kind.scale), pydantic.AfterValidator(as_kept))


def _of_moment(kind: Any) -> tuple[Any, ...]:
    zoned = isinstance(kind, Moment) or kind.timezone
    return (pydantic.AfterValidator(in_utc if zoned else without_zone),)


def _of_bytes(kind: Any) -> tuple[Any, ...]:
    length = getattr(kind, "length", None)
    return (pydantic.Field(max_length=length),) if length else ()


_BOUNDS: Mapping[str, Any] = {
    "text": _of_text,
    "secret": _of_text,
    "integer": _of_integer,
    "decimal": _of_decimal,
    "moment": _of_moment,
    "time": lambda kind: () if kind.timezone else (pydantic.AfterValidator(without_zone),),
    "interval": lambda kind: (pydantic.Field(ge=-_LONGEST, le=_LONGEST),),
    "bytes": _of_bytes,
}
_PLAIN: Mapping[str, tuple[Any, ...]] = {
    "text": (str,),
    "secret": (str,),
    "integer": (int,),
    "decimal": (decimal.Decimal,),
    "moment": (datetime.datetime,),
    "time": (datetime.time,),
    "interval": (datetime.timedelta,),
    "bytes": (bytes,),
    "uuid": (uuid.UUID,),
}


def without_nul(text: str) -> str:
    """A text without NUL, which PostgreSQL cannot hold; so no database of ours gets one.

    Raises:
        ValueError: with it.

    Example:
        >>> without_nul("milk")
        'milk'
    """
    if "\0" in text:
        raise ValueError("a text holds no NUL character")
    return text


def in_utc(moment: datetime.datetime) -> datetime.datetime:
    """A moment as it is kept: in UTC, in a year that a calendar has.

    Raises:
        ValueError: no zone, or out of range.

    Example:
        >>> in_utc(datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)).year
        2026
    """
    if moment.utcoffset() is None:
        raise ValueError("a date and time needs its time zone, such as 2026-11-22T10:00:00Z")
    try:
        return moment.astimezone(datetime.UTC)
    except OverflowError:
        raise ValueError("a date and time lies in the years 1 to 9999 of UTC") from None


def without_zone(moment: Any) -> Any:
    """A date and time, or a time, without a zone, where its column has no place for one.

    Raises:
        ValueError: with one.

    Example:
        >>> without_zone(datetime.time(8, 30))
        datetime.time(8, 30)
    """
    if moment.tzinfo is not None:
        raise ValueError("no time zone belongs here")
    return moment


def named(model: type, names: Iterable[str], known: Iterable[str]) -> list[str]:
    """The names, each of which the model has.

    Raises:
        SetupError: one that it has not.
    """
    from ._faults import no_column

    there = list(known)
    for name in names:
        if name not in there:
            raise no_column(model, name, there)
    return list(names)
