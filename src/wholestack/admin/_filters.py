"""Filters of a list: what each reads of the query, which rows it leaves, and how it is shown.

A view names attributes and gets the filter of their type; or it has filters of its own, subclasses of `Filter`. What
is sent chooses among values that are known or reads as the attribute's type; all else is left out, and the page says
so.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pydantic
from sqlalchemy import Select, and_, or_

from wholestack.db import Session
from wholestack.encoding import word_of
from wholestack.languages import gettext

from ._cells import text_of, words_of
from ._dates import Dates
from ._inputs import MOST_VALUES, NONE, Input, ListFilter, Look, Unread, Values, first
from ._paths import Path, path_of
from ._related import Related
from ._resource import Resource


class Filter(abc.ABC):
    """A filter of a program's own: ``filters = ("genre", Overdue())``.

    Attributes:
        title: its label.
        name: in the query; the class's name where left out.

    Example:
        >>> class Cheap(Filter):
        ...     title = "Price"
        ...     def choices(self, db: Session) -> Iterable[tuple[str, str]]:
        ...         return [("cheap", "Cheap"), ("dear", "Dear")]
        ...     def where(self, statement: Select[Any], value: str) -> Select[Any]:
        ...         return statement.where(Bread.cents < 300 if value == "cheap" else Bread.cents >= 300)
        >>> Cheap().name
        'cheap'
    """

    title: str = ""
    name: str = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" not in vars(cls):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        if "title" not in vars(cls):
            cls.title = words_of(cls.__name__)

    @abc.abstractmethod
    def choices(self, db: Session) -> Iterable[tuple[str, str]]:
        """Its values, and the words of each; another value is refused before `where` is asked."""

    @abc.abstractmethod
    def where(self, statement: Select[Any], value: str) -> Select[Any]:
        """The rows that a value leaves.

        Arguments:
            statement: a select of the model, which has the conditions of the person and of other filters already.
            value: one of the choices.
        """


# -- by choices ------------------------------------------------------------------------------------------------------


class Own(ListFilter):
    """One of a program's own."""

    def __init__(self, filter: Filter) -> None:
        self._filter = filter
        self.names = (filter.name,)

    def _choices(self, look: Look) -> list[tuple[str, str]]:
        made = look.once(self, lambda: [(str(value), str(words)) for value, words in self._filter.choices(look.db)])
        return list(made)

    def where(self, look: Look, statement: Select[Any], values: Values) -> Select[Any]:
        value = first(values, self.names[0])
        if value not in {each for each, _ in self._choices(look)}:
            raise Unread(self._filter.title)
        return self._filter.where(statement, value)

    def inputs(self, look: Look, values: Values) -> list[Input]:
        value = first(values, self.names[0])
        return [Input(self.names[0], self._filter.title, "choice", value, self._choices(look))]


class Choices(ListFilter):
    """One of the values of an enum or a yes or no, or several."""

    def __init__(self, name: str, path: Path, members: Mapping[str, Any]) -> None:
        self.names = (name,)
        self._path = path
        self._members = members
        self._nullable = path.attribute is not None and path.attribute.nullable
        self._title = path.title

    def where(self, look: Look, statement: Select[Any], values: Values) -> Select[Any]:
        given = values[self.names[0]][:MOST_VALUES]
        found = [self._members[value] for value in given if value in self._members]
        empty = self._nullable and NONE in given and NONE not in self._members
        if len(found) + empty != len(given):
            raise Unread(self._title)
        column = self._path.column
        condition = or_(column.in_(found), *([column.is_(None)] if empty else []))
        return statement.where(self._path.holds(condition, look.access))

    def inputs(self, look: Look, values: Values) -> list[Input]:
        choices = [(value, text_of(member)) for value, member in self._members.items()]
        if self._nullable and NONE not in self._members:
            choices.append((NONE, gettext("Nothing")))
        return [Input(self.names[0], self._title, "choice", first(values, self.names[0]), choices)]


# -- by values -------------------------------------------------------------------------------------------------------


class Same(ListFilter):
    """Just this value."""

    def __init__(self, name: str, path: Path) -> None:
        self.names = (name,)
        self._path = path
        self._title = path.title
        self._reader = path.reader

    def where(self, look: Look, statement: Select[Any], values: Values) -> Select[Any]:
        value = _read(self._reader, first(values, self.names[0]), self._title)
        return statement.where(self._path.holds(self._path.column == value, look.access))

    def inputs(self, look: Look, values: Values) -> list[Input]:
        return [Input(self.names[0], self._title, "text", first(values, self.names[0]))]


class Range(ListFilter):
    """From a value to another, both among them: numbers, times of the day."""

    def __init__(self, name: str, path: Path) -> None:
        self.names = (f"{name}__ge", f"{name}__le")
        self._path = path
        self._title = path.title
        family = path.attribute.family if path.attribute is not None else ""
        self._kind = "time" if family == "time" else "number"
        self._reader = path.reader

    def where(self, look: Look, statement: Select[Any], values: Values) -> Select[Any]:
        column, (least, most) = self._path.column, (first(values, name) for name in self.names)
        bounds = [column >= _read(self._reader, least, self._title)] if least else []
        bounds += [column <= _read(self._reader, most, self._title)] if most else []
        return statement.where(self._path.holds(and_(*bounds), look.access))

    def inputs(self, look: Look, values: Values) -> list[Input]:
        titles = (gettext("%(name)s from"), gettext("%(name)s to"))
        return [
            Input(name, title % {"name": self._title}, self._kind, first(values, name))
            for name, title in zip(self.names, titles, strict=True)
        ]


class Empty(ListFilter):
    """Whether there is nothing: NULL, or a text without a character."""

    def __init__(self, name: str, path: Path) -> None:
        self.names = (name,)
        self._path = path
        self._title = path.title

    def where(self, look: Look, statement: Select[Any], values: Values) -> Select[Any]:
        value = first(values, self.names[0])
        if value not in {"true", "false"}:
            raise Unread(self._title)
        column, attribute = self._path.column, self._path.attribute
        if attribute is None:
            nothing = ~(column.any() if column.property.uselist else column.has())
        else:
            nothing = column.is_(None) if attribute.family != "text" else or_(column.is_(None), column == "")
        return statement.where(self._path.holds(nothing if value == "true" else ~nothing, look.access))

    def inputs(self, look: Look, values: Values) -> list[Input]:
        choices = [("true", gettext("Empty")), ("false", gettext("Not empty"))]
        return [Input(self.names[0], self._title, "choice", first(values, self.names[0]), choices)]


def _read(reader: pydantic.TypeAdapter[Any], text: str, title: str) -> Any:
    try:
        return reader.validate_strings(text)
    except pydantic.ValidationError:
        raise Unread(title) from None


# -- which -----------------------------------------------------------------------------------------------------------

_BY_FAMILY: Mapping[str, Callable[[str, Path], ListFilter]] = {
    "text": Same,
    "uuid": Same,
    "integer": Range,
    "decimal": Range,
    "float": Range,
    "time": Range,
    "date": Dates,
    "moment": Dates,
    "bool": lambda name, path: Choices(name, path, {"true": True, "false": False}),
}


def filters_of(resource: Resource) -> list[ListFilter]:
    """The filters of a model's list.

    Raises:
        SetupError: one names what the model has not, or a value that cannot be compared.
    """
    return [_filter(resource, each) for each in resource.filters]


def _filter(resource: Resource, asked: str | Filter) -> ListFilter:
    if isinstance(asked, Filter):
        return Own(asked)
    text, _, way = asked.partition("__")
    path = path_of(resource, text)
    if way == "empty":
        return Empty(asked, path)
    if way:
        raise resource.fault(f"{resource.model.__name__} has no filter {asked!r}.", [text, f"{text}__empty"])
    attribute = path.attribute
    if attribute is None:
        if len(path.column.property.mapper.primary_key) > 1:
            raise resource.fault(f"{text!r} leads to rows whose key has several columns.", [f"{text}__empty"])
        return Related(asked, path)
    if not path.relations and text in resource.foreign_keys:
        return Related(asked, Path((), resource.model, resource.foreign_keys[text], path.title))
    if attribute.family == "enum":
        return Choices(asked, path, {word_of(each): each for each in _members(attribute.compared)})
    made = _BY_FAMILY.get(attribute.family)
    if made is None:
        message = f"{path.model.__name__}.{path.name} holds {attribute.family} values, by which no list is filtered."
        raise resource.fault(message, [f"{text}__empty"])
    return made(asked, path)


def _members(kind: Any) -> list[Any]:
    """The members of an enum, or the values of a `Literal`."""
    return list(getattr(kind, "__args__", None) or kind)
