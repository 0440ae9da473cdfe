"""Relations as choices: the rows at the other end, and always those that are chosen already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pydantic

from ._columns import key_name, key_of
from ._values import MOST_ROWS, text_of
from ._widget import Choices, pairs_of

if TYPE_CHECKING:
    from wholestack.db import Session

#: What a row is called in a list of choices, where its class does not say so by `__str__`.
_NAMES = ("label", "name", "title")


class Related:
    """The choices of one field that stands for a relation.

    Arguments:
        db: a session.
        relation: the relation, as SQLAlchemy knows it.
        query: a select of the rows to choose from; None for all.
        limit: the most rows that are listed.

    Attributes:
        is_cut: whether there are more rows than are listed.
    """

    def __init__(self, db: Session, relation: Any, query: Any, limit: int) -> None:
        from sqlalchemy import select

        self._db = db
        self._relation = relation
        self._all = select(relation.mapper.class_)
        self._query = self._all if query is None else query
        self._key = key_name(relation)
        rows = list(db.scalars(self._ordered().limit(limit + 1)))
        self.is_cut: bool = len(rows) > limit
        self.limit = limit
        self._listed = pairs_of(self._pair(row) for row in rows[:limit])

    def choices(self, held: Iterable[Any], typed: Iterable[str]) -> Choices:
        """The rows that are listed, and after them those that are chosen and are not among them.

        Arguments:
            held: what the page's own object holds, rows or keys: it stays as it is, whatever the query leaves out.
            typed: what was sent: nobody gets to see a row by it that the query leaves out.
        """
        there = {value for value, _ in self._listed}
        rows = {text_of(each): each for each in held if hasattr(each, "_sa_instance_state")}
        keys = {text_of(each): each for each in held}
        wanted = [key for text, key in keys.items() if text and text not in there and text not in rows]
        found = {**rows, **self._rows(self._all, wanted)}
        if self.is_cut:
            found |= self._rows(self._query, [text for text in typed if text not in there and text not in keys])
        # One that is hidden from this session has its key for a name: it is not lost either.
        named = {text: _words_of(found[text]) if text in found else text for text in (*keys, *found)}
        return (*self._listed, *((text, words) for text, words in named.items() if text and text not in there))

    def _rows(self, query: Any, keys: list[Any]) -> dict[str, Any]:
        """The rows of a query that have these keys; a text that is no key has none."""
        from wholestack.crud import attributes

        reader = attributes(self._relation.mapper.class_)[self._key].reader
        wanted = []
        for key in keys[:MOST_ROWS]:
            try:
                wanted.append(reader.validate_python(key))
            except pydantic.ValidationError:
                continue
        if not wanted:
            return {}
        rows = self._db.scalars(query.where(getattr(self._entity(query), self._key).in_(wanted)))
        return {text_of(key_of(self._relation, row)): row for row in rows}

    def _ordered(self) -> Any:
        """The query, in an order: by what a row is called, where that is a column, and by its key."""
        if self._query._order_by_clauses:
            return self._query
        mapper, entity = self._relation.mapper, self._entity(self._query)
        names = () if _says_itself(mapper.class_) else tuple(each for each in _NAMES if each in mapper.columns)[:1]
        keys = (mapper.get_property_by_column(column).key for column in mapper.primary_key)
        return self._query.order_by(*(getattr(entity, name) for name in (*names, *keys)))

    def _entity(self, query: Any) -> Any:
        """What a query selects: the class, one below it, or an alias."""
        return query.column_descriptions[0]["entity"] or self._relation.mapper.class_

    def _pair(self, row: Any) -> tuple[Any, str]:
        return key_of(self._relation, row), _words_of(row)


def _words_of(row: Any) -> str:
    """What a row is called: by its own `__str__`, else by what is most like a name."""
    if _says_itself(type(row)):
        return str(row)
    return str(next((getattr(row, name) for name in _NAMES if hasattr(row, name)), row))


def _says_itself(kind: type) -> bool:
    return "__str__" in {name for each in kind.__mro__[:-1] for name in vars(each)}
