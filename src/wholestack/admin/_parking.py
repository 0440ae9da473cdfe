"""Rows of one form that take each other's unique values: set aside first, since a database looks at each row alone."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Enum, Integer, Select, SmallInteger, String, func, select, update
from sqlalchemy import inspect as look_at
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm.attributes import flag_modified

from wholestack.crud import Attribute
from wholestack.db import Session

from ._reading import SentRows, unique_in, value_in

_STEPS: Mapping[str, Any] = {
    "integer": 1,
    "float": 1,
    "decimal": 1,
    "date": datetime.timedelta(days=1),
    "moment": datetime.timedelta(seconds=1),
}
_BITS = ((SmallInteger, 15), (BigInteger, 63), (Integer, 31))
Values = tuple[Any, ...]


def park(db: Session, inner: SentRows, parent: Any) -> Mapping[Any, set[str]]:
    """Set the unique values aside that a row has and another, which is written before it, is to get.

    Of the columns that are unique together one that the row changes gets a value that no row has, for as long as it
    takes to write them all: nothing, where it may be empty; else the next number, day or name, or another row, choice
    or answer. Where there is none the database refuses the form, as it would have.

    Arguments:
        db: the session; its transaction has both steps, and nobody sees the first.
        inner: the rows of an inline, before any is written.
        parent: the row that they belong to.

    Returns:
        the attributes of each row that were set aside, which must be written even where its value stays.
    """
    parked: dict[Any, set[str]] = {}
    for names, _ in unique_in(inner.inline):
        groups: dict[tuple[str, Values], list[Any]] = {}
        for row, changed in _colliding(inner, parent, names):
            name = _chosen(inner, names, changed)
            if name is not None and parked.get(row, set()).isdisjoint(names):
                beside = tuple(getattr(row, each) for each in names if each != name)
                groups.setdefault((name, beside), []).append(row)
        for (name, beside), rows in groups.items():
            scope = dict(zip((each for each in names if each != name), beside, strict=True))
            for row in _moved(db, inner, name, scope, rows):
                parked.setdefault(row, set()).add(name)
    return parked


def written(row: Any, names: Iterable[str]) -> None:
    """Have those attributes of a row that were set aside written, also where the model has put the old value back."""
    for name in names:
        if not look_at(row).attrs[name].history.has_changes():
            flag_modified(row, name)


def _colliding(inner: SentRows, parent: Any, names: Sequence[str]) -> Iterator[tuple[Any, list[str]]]:
    """The rows whose values one before them takes, each with those of the names that it changes itself."""
    taken: set[Values] = set()
    for each in inner.rows:
        new = tuple(value_in(inner.inline, parent, each, name) for name in names)
        if each.row is not None:
            old = tuple(getattr(each.row, name) for name in names)
            if None not in old and old != new and _alike(old) in taken:
                yield each.row, [name for name, one, other in zip(names, old, new, strict=True) if one != other]
        taken.add(_alike(new))


def _alike(values: Values) -> Values:
    """Values as a database may compare them: MariaDB takes ``a`` and ``A`` for the same."""
    return tuple(value.casefold() if isinstance(value, str) else value for value in values)


def _chosen(inner: SentRows, names: Sequence[str], changed: Sequence[str]) -> str | None:
    """The attribute by which a row is set aside: one that may be empty, before others; never its key."""
    known = inner.inline.resource.attributes
    keys = inner.inline.resource.keys.names
    free = [name for name in changed if name in known and name not in keys]
    return min(free, key=lambda name: (not known[name].nullable, bool(known[name].column.foreign_keys)), default=None)


def _moved(db: Session, inner: SentRows, name: str, scope: Mapping[str, Any], rows: Sequence[Any]) -> Sequence[Any]:
    """Write other values to rows; gives those that got one."""
    model = inner.inline.resource.model
    attribute = inner.inline.resource.attributes[name]
    there = select(getattr(model, name)).where(*(getattr(model, each) == value for each, value in scope.items()))
    wanted = [value for each in inner.rows if (value := value_in(inner.inline, None, each, name)) is not None]
    table, moved = attribute.column.table, []
    # A condition of the model's own may refuse them: then it is as if nothing had been tried.
    with contextlib.suppress(IntegrityError, DataError), db.begin_nested():
        for row, value in zip(rows, _free(db, attribute, there, wanted), strict=False):
            mapper: Any = look_at(row).mapper
            keys = ((each, mapper.get_property_by_column(each).key) for each in table.primary_key)
            same = (each == getattr(row, key) for each, key in keys)
            db.execute(update(table).where(*same).values({attribute.column: value}))
            moved.append(row)
        return moved
    return ()


def _free(db: Session, attribute: Attribute, there: Select[Any], wanted: Sequence[Any]) -> Iterable[Any]:
    """Values of a column that none of its rows has, and none is to get."""
    kind = attribute.column.type
    if attribute.nullable:
        return itertools.repeat(None)
    if attribute.column.foreign_keys:
        target = next(iter(attribute.column.foreign_keys)).column
        found = select(target).where(target.not_in(there), target.not_in(wanted))
        return db.scalars(found.limit(len(wanted))).all()
    if attribute.family in {"bool", "enum"}:
        held = {*db.scalars(there), *wanted}
        every: Iterable[Any] = (kind.enum_class or kind.enums) if isinstance(kind, Enum) else (False, True)
        return [each for each in every if each not in held]
    if attribute.family == "uuid":
        return (uuid.uuid4() for _ in wanted)
    if isinstance(kind, String):
        return (uuid.uuid4().hex[: kind.length] for _ in wanted)
    return _beyond(db, attribute, there, wanted) if attribute.family in _STEPS else ()


def _beyond(db: Session, attribute: Attribute, there: Select[Any], wanted: Sequence[Any]) -> Iterator[Any]:
    """The values after the last one, or those before the first where there is no room."""
    step, kind = _STEPS[attribute.family], attribute.column.type
    (column,) = there.selected_columns
    ends = [*db.execute(there.with_only_columns(func.min(column), func.max(column))).one(), *wanted]
    bits = next((bits for each, bits in _BITS if isinstance(kind, each)), None)
    if bits is not None and max(ends) + len(wanted) >= 1 << bits:
        return (min(ends) - step * count for count in itertools.count(1))
    return (max(ends) + step * count for count in itertools.count(1))
