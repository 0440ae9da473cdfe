"""Two users and what belongs to them, made from the models alone: for requests of one with values of the other's."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Integer, SmallInteger, String, Text, inspect, select
from sqlalchemy.orm import Mapper, Session

from ._factories import factory

_SHORTEST = 6
"""Characters of a text that is found again for what it is."""
_LEAST = 1_000_000
"""The least number that is found again for what it is."""
_DIGITS = 7_919


@dataclasses.dataclass(frozen=True)
class World:
    """Two users, and the rows of the first.

    Attributes:
        owner: whose rows they are.
        other: who must not come to them.
        rows: rows that belong to the owner, the owner among them.
    """

    owner: Any
    other: Any
    rows: tuple[Any, ...]


def make_world(db: Session, user: type[Any], models: list[type[Any]]) -> World:
    """Make two users, and for each a row of every model; what refers to a row refers to one of the same user's.

    Arguments:
        db: a session; the rows are flushed.
        user: the model of users.
        models: the other models.

    Raises:
        CannotMake: a column for which no value is found; give a world of your own.
    """
    owner, other = _Maker(db, user, 1), _Maker(db, user, 2)
    for maker in (owner, other):
        for model in (user, *models):
            maker.row(model)
    db.flush()
    return World(owner.row(user), other.row(user), tuple(owner.made.values()))


class _Maker:
    """Makes one row of each model for one user."""

    def __init__(self, db: Session, user: type[Any], number: int) -> None:
        self.made: dict[type[Any], Any] = {}
        self._db = db
        self._user = user
        self._number = number
        self._pending: list[type[Any]] = []

    def row(self, model: type[Any]) -> Any:
        """The user's row of a model; None while it is being made, as for a tree's first row."""
        if model in self.made or model in self._pending:
            return self.made.get(model)
        self._pending.append(model)
        fields = {**self._fields(model), **self._of_user(model)}
        self.made[model] = row = self._written(model, fields)
        self._pending.remove(model)
        return row

    def _written(self, model: type[Any], fields: Mapping[str, Any]) -> Any:
        """A row that is known again by as much as the model's own rules take."""
        texts, numbers = ({}, {}) if model is self._user else self._telling(model)
        for telling in filter(None, ({**texts, **numbers}, texts)):
            with contextlib.suppress(Exception), self._db.begin_nested():
                return self._flushed(model, {**telling, **fields})
        return self._flushed(model, fields)

    def _flushed(self, model: type[Any], fields: Mapping[str, Any]) -> Any:
        row = factory(model, seed=self._number)(**fields)
        self._db.add(row)
        self._db.flush()
        return row

    def _telling(self, model: type[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Texts and numbers by which the row is known again, also where a column needs none or has one by itself."""
        mapper: Mapper[Any] = inspect(model)
        texts: dict[str, Any] = {}
        numbers: dict[str, Any] = {}
        for place, attribute in enumerate(mapper.column_attrs):
            column: Any = attribute.columns[0]
            if getattr(column, "table", None) is None or column.primary_key or column.foreign_keys:
                continue
            if column.computed is not None or column is mapper.version_id_col or column is mapper.polymorphic_on:
                continue
            number = _LEAST + (place * 2 + self._number) * _DIGITS + len(self.made) * 104_729
            kind = column.type
            if type(kind) in {String, Text} and (kind.length is None or kind.length >= 2 * _SHORTEST):
                texts[attribute.key] = f"t{number:x}{self._number}".ljust(_SHORTEST, "x")
            elif isinstance(kind, Integer) and not isinstance(kind, SmallInteger):
                numbers[attribute.key] = number
        return texts, numbers

    def _fields(self, model: type[Any]) -> dict[str, Any]:
        """References, to rows of the same user's; and whose row it is, where a column without a reference says so."""
        mapper: Mapper[Any] = inspect(model)
        found: dict[str, Any] = {}
        for attribute in mapper.column_attrs:
            for key in getattr(attribute.columns[0], "foreign_keys", ()):
                target = next((each for each in mapper.registry.mappers if each.local_table is key.column.table), None)
                row = None if target is None or mapper.inherits is target else self.row(target.class_)
                if row is not None:
                    found[attribute.key] = getattr(row, target.get_property_by_column(key.column).key)  # type: ignore[union-attr]
        name = getattr(model, "__tenant__", None)
        if isinstance(name, str) and name not in found:
            user = self.made.get(self._user)
            value = getattr(user, name, None) or getattr(user, "key", None)
            kind = mapper.column_attrs[name].columns[0].type.python_type
            found[name] = kind(self._number) if user is None and kind in {int, str} else kind(value)
        return found

    def _of_user(self, model: type[Any]) -> dict[str, Any]:
        if model is not self._user:
            return {}
        now = datetime.datetime.now(datetime.UTC)
        return {"email": f"user{self._number}@example.org", "email_confirmed_at": now}


def key_of(row: Any) -> dict[str, Any]:
    """The primary key of a row, by attribute."""
    mapper: Mapper[Any] = inspect(type(row))
    names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    return {name: getattr(row, name) for name in names}


def value_for(field: str, row: Any) -> Any:
    """What a field of a path, a query or a body has for a row: its key or another column; None where it has neither."""
    keys = list(key_of(row).items())
    words = {f"{type(row).__name__.lower()}_{name}": value for name, value in keys}
    words |= {f"{type(row).__tablename__}_{name}": value for name, value in keys}
    words |= dict(keys)
    if field in words:
        return words[field]
    return getattr(row, field, None) if field in inspect(type(row)).column_attrs else None


def marks_of(rows: tuple[Any, ...]) -> set[str]:
    """Texts by which rows are known again in an answer."""
    found: set[str] = set()
    for row in rows:
        for attribute in inspect(type(row)).column_attrs:
            value = getattr(row, attribute.key)
            is_number = isinstance(value, int) and not isinstance(value, bool) and value >= _LEAST
            if is_number or isinstance(value, uuid.UUID) or (isinstance(value, str) and len(value) >= _SHORTEST):
                found.add(str(value))
    return found


def state_of(db: Session, rows: tuple[Any, ...]) -> list[Any]:
    """The rows as the database has them, past any session's memory."""
    return [_columns(db, type(row), key) for row in rows for key in [key_of(row)]]


def _columns(db: Session, model: type[Any], key: Mapping[str, Any]) -> Any:
    mapper: Mapper[Any] = inspect(model)
    columns = list(_plain_columns(mapper))
    found = db.execute(select(*columns).where(*(getattr(model, name) == value for name, value in key.items()))).first()
    return None if found is None else tuple(found)


def _plain_columns(mapper: Mapper[Any]) -> Iterator[Any]:
    for attribute in mapper.column_attrs:
        if hasattr(attribute.columns[0], "table"):
            yield getattr(mapper.class_, attribute.key)
