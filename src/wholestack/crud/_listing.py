"""Queries of lists: filters, order and page, as a model that is read from the query string, by allowed names only."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypedDict

import pydantic
from sqlalchemy import Select, or_
from typing_extensions import TypeVarTuple, Unpack

from ._columns import Attribute, attributes, key_of, mapper_of, named
from ._faults import cannot_filter
from ._text import Begins, Contains, Differs, Same

Columns = TypeVarTuple("Columns")
Style = Literal["keyset", "offset"]

MOST_VALUES = 100
"""The most values that one filter takes."""
_LONGEST_CURSOR = 4_000
_RESERVED = ("limit", "total", "order", "cursor", "offset")


class ListingOptions(TypedDict, total=False):
    """What a list may be asked for.

    `filters` are columns by which it may be filtered, in every way that their types allow (``"status"``), or in one
    (``"status__in"``). `orders` are columns by which it may be ordered; the first is the order where none is asked for,
    and a ``-`` before it lets it descend. `size` rows stand on a page (20), `most` where a client asks for more (100).
    `paging` by ``"keyset"``, with cursors that hold under inserts, or by ``"offset"``, with numbers of rows.
    """

    filters: Collection[str]
    orders: Collection[str]
    size: int
    most: int
    paging: Style


@dataclasses.dataclass(frozen=True)
class Filter:
    """A column and how a value is compared with it."""

    attribute: str
    condition: Callable[[Any, Any], Any]


@dataclasses.dataclass(frozen=True)
class Allowed:
    """What the queries of a list may name.

    Attributes:
        model: the database model.
        filters: by the field that holds the value.
        columns: the columns of the order and of the key, by their attributes.
        first: the order where none is asked for.
        keys: the attributes of the primary key, which makes every order one of single rows.
        paging: how a page is told from the next.
    """

    model: type
    filters: Mapping[str, Filter]
    columns: Mapping[str, Attribute]
    first: str | None
    keys: tuple[str, ...]
    paging: Style


class Listing(pydantic.BaseModel):
    """The query of a list, derived from a model's columns; read it with ``Query[…]``, answer it with a `Pager`.

    ``?status=draft&created_at__ge=…&order=-created_at&limit=50``: a filter is a column's name, or the name with an
    operator: ``ne``, ``in`` (repeat it), ``gt``, ``ge``, ``lt``, ``le``, for texts ``contains`` and ``begins``, for
    what may be NULL ``null``. Texts compare character by character on every database. A name that is not allowed is
    refused with 422; what else the query takes, the class declares as a field of its own.

    Arguments:
        of: the model, a class of `wholestack.db`; the rest is `ListingOptions`.

    Raises:
        SetupError: a name that the model does not have, or a column that cannot be compared.

    Example:
        >>> from sqlalchemy import String
        >>> from wholestack.db import Model, mapped_column
        >>> class Letter(Model):
        ...     subject = mapped_column(String())
        >>> class Letters(Listing, of=Letter, filters=("subject",), orders=("-id", "subject")):
        ...     '''Letters, the latest first.'''
        >>> Letters.model_validate({"subject__begins": "Re:"}).limit
        20
    """

    model_config: ClassVar[pydantic.ConfigDict] = pydantic.ConfigDict(extra="forbid")
    _allowed: ClassVar[Allowed | None] = None

    limit: int = 20
    total: Annotated[bool, pydantic.Field(description="Count all rows, too.")] = False

    def __init_subclass__(cls, of: type | None = None, **options: Any) -> None:
        chosen = {name: options.pop(name) for name in ListingOptions.__annotations__ if name in options}
        super().__init_subclass__(**options)
        if of is not None:
            _fill(cls, of, ListingOptions(**chosen))  # type: ignore[typeddict-item]

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Takes the class keywords that `__init_subclass__` has read already."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def listing(model: type, *, name: str | None = None, **options: Unpack[ListingOptions]) -> type[Listing]:
    """The query of a list as `Listing` makes it, where no handler names it as a type.

    Raises:
        SetupError: a name that the model does not have, or a column that cannot be compared.

    Example:
        >>> from sqlalchemy import Integer
        >>> from wholestack.db import Model, mapped_column
        >>> class Bill(Model):
        ...     cents = mapped_column(Integer())
        >>> sorted(listing(Bill, filters=("cents__ge",)).model_fields)
        ['cents__ge', 'cursor', 'limit', 'total']
    """
    mapper_of(model)
    keywords: dict[str, Any] = {"of": model, **options}
    space = {"__module__": model.__module__, "__doc__": None}
    return types.new_class(name or f"{model.__name__}Listing", (Listing,), keywords, lambda body: body.update(space))


# -- the fields ------------------------------------------------------------------------------------------------------


def _fill(cls: type[Listing], model: type, options: ListingOptions) -> None:
    """Give a class its fields, before Pydantic reads them."""
    columns = attributes(model)
    paging = options.get("paging", "keyset")
    fields: dict[str, tuple[Any, Any]] = {}
    filters: dict[str, Filter] = {}
    for asked in options.get("filters", ()):
        _filters(model, asked, fields, filters)
    order = list(options.get("orders", ()))
    plain = named(model, [each.removeprefix("-") for each in order], columns)
    for name in plain:
        _check_ordered(model, columns[name])
    fields |= _page_fields(options, plain, paging)
    own = dict(vars(cls).get("__annotations__", {}))
    for name, (_, info) in fields.items():
        if name not in own:
            setattr(cls, name, info)
    cls.__annotations__ = {**{name: hint for name, (hint, _) in fields.items()}, **own}
    keys = tuple(each.name for each in key_of(model))
    ordered = {name: columns[name] for name in (*plain, *keys)}
    cls._allowed = Allowed(model, filters, ordered, order[0] if order else None, keys, paging)


def _page_fields(options: ListingOptions, plain: list[str], paging: Style) -> dict[str, tuple[Any, Any]]:
    size, most = options.get("size", 20), options.get("most", 100)
    fields: dict[str, tuple[Any, Any]] = {
        "limit": (int, pydantic.Field(min(size, most), ge=1, le=most, description="Rows of the page."))
    }
    if plain:
        names = tuple(dict.fromkeys(way + each for each in plain for way in ("", "-")))
        text = "In which order, by one or several columns; a - before one lets it descend."
        hint: Any = list[Literal[names]]  # type: ignore[valid-type]
        fields["order"] = hint, pydantic.Field(default_factory=list, max_length=len(plain), description=text)
    if paging == "keyset":
        text = "Where the page begins: as an answer before has it in `next` or `previous`."
        fields["cursor"] = str | None, pydantic.Field(None, max_length=_LONGEST_CURSOR, description=text)
    else:
        fields["offset"] = int, pydantic.Field(0, ge=0, le=2**63 - 1, description="Rows before the page.")
    return fields


def _filters(model: type, asked: str, fields: dict[str, tuple[Any, Any]], filters: dict[str, Filter]) -> None:
    """The fields of one column, or of one way to compare it."""
    columns = attributes(model)
    column, _, way = asked.rpartition("__") if asked not in columns else (asked, "", "")
    if not column:
        column, way = asked, ""
    (column,) = named(model, [column], columns)
    attribute = columns[column]
    ways = _ways(attribute)
    if not ways or (way and way not in ways):
        can = ", ".join(f"{column}__{each}" if each else column for each in ways) or "nothing"
        message = f"{model.__name__}.{column} holds {attribute.family} values, which cannot be filtered as {asked!r}."
        raise cannot_filter(message, f"It can be filtered as {can}.")
    for each in (way,) if way else ways:
        name = f"{column}__{each}" if each else column
        if name in _RESERVED:
            message = f"The column {name!r} is called like a part of every list's query."
            raise cannot_filter(message, f"Filter by one way of it: {name}__in.")
        field = f"{name}_" if hasattr(pydantic.BaseModel, name) else name
        hint, text = _WAYS[each](attribute)
        fields[field] = hint | None, pydantic.Field(None, alias=name if field != name else None, description=text)
        filters[field] = Filter(column, _condition(each, attribute))


def _check_ordered(model: type, attribute: Attribute) -> None:
    if attribute.family in {"array", "bytes", "json", "other", "secret"}:
        message = f"{model.__name__}.{attribute.name} holds {attribute.family} values, which have no order."
        raise cannot_filter(message, "Order by another column.")


# -- ways to compare -------------------------------------------------------------------------------------------------

_ORDERED = ("", "ne", "in", "gt", "ge", "lt", "le")
_BY_FAMILY: Mapping[str, tuple[str, ...]] = {
    "text": ("", "ne", "in", "contains", "begins"),
    "integer": _ORDERED,
    "decimal": _ORDERED,
    "float": _ORDERED,
    "moment": _ORDERED,
    "date": _ORDERED,
    "time": _ORDERED,
    "interval": _ORDERED,
    "bool": ("",),
    "enum": ("", "ne", "in"),
    "uuid": ("", "ne", "in"),
}


def _ways(attribute: Attribute) -> tuple[str, ...]:
    ways = _BY_FAMILY.get(attribute.family, ())
    return (*ways, "null") if attribute.nullable and ways else ways


def _one(text: str) -> Callable[[Attribute], tuple[Any, str]]:
    return lambda attribute: (attribute.compared, text)


_WAYS: Mapping[str, Callable[[Attribute], tuple[Any, str]]] = {
    "": _one("Equal to this."),
    "ne": _one("Anything but this."),
    "gt": _one("More than this."),
    "ge": _one("This or more."),
    "lt": _one("Less than this."),
    "le": _one("This or less."),
    "contains": _one("With this text in it."),
    "begins": _one("Beginning with this text."),
    "in": lambda attribute: (
        Annotated[list.__class_getitem__(attribute.compared), pydantic.Field(max_length=MOST_VALUES)],
        "One of these.",
    ),
    "null": lambda attribute: (bool, "Whether there is none."),
}

_CONDITIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "in": lambda column, values: column.in_(values),
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
    "null": lambda column, wanted: column.is_(None) if wanted else column.is_not(None),
}
_OF_TEXTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "": Same,
    "ne": Differs,
    "in": lambda column, values: or_(False, *[Same(column, value) for value in values]),
    "contains": Contains,
    "begins": Begins,
}


def _condition(way: str, attribute: Attribute) -> Callable[[Any, Any], Any]:
    return (_OF_TEXTS if attribute.family == "text" and way in _OF_TEXTS else _CONDITIONS)[way]


def allowed(asked: Listing) -> Allowed:
    """What a listing may name.

    Raises:
        TypeError: it has no model.
    """
    if asked._allowed is None:
        raise TypeError(f"{type(asked).__name__} has no model: class {type(asked).__name__}(Listing, of=…)")
    return asked._allowed


def filtered(statement: Select[*Columns], asked: Listing) -> Select[*Columns]:
    """A select with the conditions that were asked for: for a count, an export, a stream.

    Example:
        >>> from sqlalchemy import Integer, select
        >>> from wholestack.db import Model, mapped_column
        >>> class Ticket(Model):
        ...     seat = mapped_column(Integer())
        >>> asked = listing(Ticket, filters=("seat",)).model_validate({"seat__ge": 7})
        >>> str(filtered(select(Ticket.id), asked).whereclause)
        'ticket.seat >= :seat_1'
    """
    rules = allowed(asked)
    for name, each in rules.filters.items():
        value = getattr(asked, name)
        if value is not None:
            statement = statement.where(each.condition(getattr(rules.model, each.attribute), value))
    return statement
