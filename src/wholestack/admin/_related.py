"""The filter by a relation: a row is chosen of a list, or searched where there are many."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pydantic
from sqlalchemy import Select, and_, false, or_, select

from wholestack.languages import gettext

from ._access import Access
from ._cells import text_of
from ._choosing import MOST_SOUGHT, sought
from ._inputs import MOST_VALUES, NONE, Input, ListFilter, Look, Unread, Values, first
from ._paths import Path

MOST_CHOICES = 200
"""Rows of a relation that are offered one by one; of more, one is searched."""


class Related(ListFilter):
    """The rows with another row at the end of a relation: one of those that the person may see."""

    def __init__(self, name: str, path: Path) -> None:
        self.names = self._name, self._find = (name, f"{name}__find")
        self._path = path
        self._title = path.title
        self._relation = path.column
        self._property: Any = path.column.property
        self._target: Any = self._property.mapper.class_
        pairs = self._property.local_remote_pairs
        self._plain = not self._property.uselist and len(pairs) == 1
        column = pairs[0][1] if self._plain else self._property.mapper.primary_key[0]
        self._key = self._property.mapper.get_property_by_column(column).key
        self._local: Any = pairs[0][0]
        self._reader = Path((), self._target, self._key).reader
        self._nullable = self._property.uselist or bool(self._plain and self._local.nullable)
        self._large = False

    def _rows(self, look: Look) -> Select[Any]:
        access = look.access.of(self._target)
        return select(self._target) if access is None else access.rows()

    def shown(self, access: Access) -> bool:
        other = access.of(self._target)
        return other is None or other.may("view")

    def where(self, look: Look, statement: Select[Any], values: Values) -> Select[Any]:
        given = values.get(self._name, ())[:MOST_VALUES]
        if not given:
            return statement
        empty = NONE in given and self._nullable
        try:
            keys = [self._reader.validate_strings(each) for each in given if not (each == NONE and empty)]
        except pydantic.ValidationError:
            raise Unread(self._title) from None
        ways = [self._among(look, keys)] if keys else []
        ways += [~(self._relation.any() if self._property.uselist else self._relation.has())] if empty else []
        return statement.where(self._path.holds(or_(*ways) if ways else false(), look.access))

    def _among(self, look: Look, keys: Sequence[Any]) -> Any:
        rule = self._rows(look).whereclause
        if self._plain and rule is None:
            mapper: Any = self._property.parent
            return getattr(self._path.model, mapper.get_property_by_column(self._local).key).in_(keys)
        meant = getattr(self._target, self._key).in_(keys)
        meant = meant if rule is None else and_(meant, rule)
        return self._relation.any(meant) if self._property.uselist else self._relation.has(meant)

    def asks(self, look: Look, values: Values) -> Mapping[Hashable, Select[Any]]:
        rows, key = self._rows(look), self._given(values)
        found: dict[Hashable, Select[Any]] = {} if self._large else {self._target: rows.limit(MOST_CHOICES + 1)}
        if key is not None:
            found[self._target, self._key, key] = rows.where(getattr(self._target, self._key) == key)
        if text := first(values, self._find):
            found[self._target, text] = self._sought(look, text)
        return found

    def inputs(self, look: Look, values: Values) -> list[Input]:
        value = first(values, self._name)
        rows = look.rows.get(self._target, ())
        if len(rows) > MOST_CHOICES:
            # Once is enough: who may see fewer of the rows is asked anew each time.
            self._large = self._rows(look).whereclause is None
        if not self._large and len(rows) <= MOST_CHOICES:
            return [Input(self._name, self._title, "choice", value, self._choices(look, rows))]
        text = first(values, self._find)
        some = [*look.rows.get((self._target, self._key, self._given(values)), ())]
        some += look.rows.get((self._target, text), ())
        return [
            Input(self._name, self._title, "search", value, self._choices(look, some), self._find, text[:MOST_SOUGHT])
        ]

    def found(self, look: Look, text: str) -> list[tuple[str, str]]:
        """The keys and the words of the rows in which a text is found, of those that the person may see."""
        return [(self._text(row), self._words(look, row)) for row in look.db.scalars(self._sought(look, text)).unique()]

    def _sought(self, look: Look, text: str) -> Select[Any]:
        other = look.access.of(self._target)
        return sought(look.access.resource.to(self._target), self._key, self._rows(look), text, other)

    def _given(self, values: Values) -> Any:
        """The key that is asked for; None where there is none, or it makes no sense."""
        value = first(values, self._name)
        try:
            return self._reader.validate_strings(value) if value and value != NONE else None
        except pydantic.ValidationError:
            return None

    def _choices(self, look: Look, rows: Iterable[Any]) -> list[tuple[str, str]]:
        words = {self._text(row): self._words(look, row) for row in rows}
        choices = sorted(words.items(), key=lambda pair: pair[1].lower())
        return [*choices, (NONE, gettext("Nothing"))] if self._nullable else choices

    def _text(self, row: Any) -> str:
        return str(getattr(row, self._key))

    def _words(self, look: Look, row: Any) -> str:
        other = look.access.of(self._target)
        return text_of(row) if other is None else other.resource.view.label(row)
