"""Changes as somebody may read them: of rows that they may see, by fields that they may see, with names that they may
read.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pydantic
from markupsafe import Markup
from sqlalchemy import Row, inspect, select, tuple_

from wholestack.auth import Identity, OfTenant
from wholestack.db import Session

from ._access import UNKNOWN, Access
from ._cells import NOTHING, cell
from ._deletion import restored
from ._history import History
from ._making import made
from ._record import key_column, keys_in, relation_at, typed_keys
from ._resource import Resource
from ._soft import mark_of


@dataclasses.dataclass(frozen=True)
class FieldLine:
    """A field of a change, or of two versions that are compared.

    Attributes:
        name: the attribute.
        title: its words.
        before: the value before, or of the first version.
        after: the value after, or of the second version.
        secret: whether no more is known than that it was changed.
    """

    name: str
    title: str
    before: Markup
    after: Markup
    secret: bool = False


class Reader:
    """Reads changes of one model for a person. What a subclass has alone is read by what they may with that.

    Arguments:
        db: the session.
        access: what they may with the model.
    """

    def __init__(self, db: Session, access: Access) -> None:
        self._db = db
        self._access = access
        self._resource = access.resource
        self._below: dict[type[Any], Reader | None] = {}

    def lines(self, change: Row[Any], row: Any) -> list[FieldLine]:
        """The fields of a change that they may see.

        Arguments:
            change: the change.
            row: the row that was changed, as `readable` has it.
        """
        return self.compared(change.values, [change.labels], self._resource.recorded(change), row)

    def compared(
        self, values: Mapping[str, Sequence[Any]], labels: Iterable[Mapping[str, Any]], own: Resource, row: Any
    ) -> list[FieldLine]:
        """The same of values by attribute, with what related rows were called.

        Arguments:
            values: before and after.
            labels: by attribute, what rows of some keys were called.
            own: the resource of the class that the row is of, or was.
            row: the row, as `readable` has it.
        """
        known: dict[str, dict[str, str]] = {}
        for each in labels:
            for name, found in each.items():
                known.setdefault(name, {}).update(found)
        readers = {name: reader for name in values if (reader := self._reader(name, own)) is not None}
        return [
            reader._line(name, values[name], known.get(name, {}))
            for name, reader in readers.items()
            if shows(reader._access, name, row) and reader._names_all(name)
        ]

    def _reader(self, name: str, own: Resource) -> Reader | None:
        """Who reads a field; None of one that a subclass has alone, which the person may not see."""
        mine = self._resource
        is_below = own.model is not mine.model and issubclass(own.model, mine.model)
        if not is_below or name in mine.attributes or name in mine.relations:
            return self
        if own.model not in self._below:
            access = self._access.of(own.model) or Access(own, self._access.identity)
            self._below[own.model] = Reader(self._db, access) if access.may("view") else None
        return self._below[own.model]

    def _names_all(self, name: str) -> bool:
        """Whether a person may know all rows that a field names; of rows in the form their own changes tell."""
        inner = name in self._resource.relations and relation_at(self._resource, name) is None
        other = self._access.to(name) if inner else None
        return other is None or (other.may("view") and other.policy("view") is None)

    def _line(self, name: str, pair: Sequence[Any], labels: Mapping[str, str]) -> FieldLine:
        title = self._resource.label(name, relation_at(self._resource, name) or "")
        if len(pair) != 2:
            return FieldLine(name, title, NOTHING, NOTHING, secret=True)
        if relation_at(self._resource, name) is not None:
            allowed = self._allowed(name, pair)
            labels = {key: text for key, text in labels.items() if allowed is None or key in allowed}
        return FieldLine(name, title, self._cell(name, pair[0], labels), self._cell(name, pair[1], labels))

    def _allowed(self, name: str, pair: Sequence[Any]) -> set[str] | None:
        """The keys of related rows whose names they may read; None where they may read all."""
        relation = relation_at(self._resource, name) or name
        other = self._access.to(relation)
        if other is None or (other.may("view") and other.policy("view") is None):
            return None
        column = key_column(self._resource, relation)
        keys = typed_keys(self._resource, relation, keys_in(pair))
        rows = self._db.scalars(other.all_rows().where(column.in_(keys))).unique() if keys else ()
        return {str(getattr(each, column.key)) for each in rows}

    def _cell(self, name: str, value: Any, labels: Mapping[str, str]) -> Markup:
        if value is None or value == []:
            return NOTHING
        if relation_at(self._resource, name) is not None:
            keys = value if isinstance(value, list) else [value]
            return cell(", ".join(labels.get(str(key), f"#{key}") for key in keys))
        attribute = self._resource.attributes.get(name)
        if isinstance(value, dict) and "filename" in value:
            return cell(str(value["filename"]))
        if attribute is None or attribute.family in {"json", "array", "bytes", "other"}:
            return cell(value)
        try:
            return cell(attribute.reader.validate_python(value), is_key=name in self._resource.called_by)
        except pydantic.ValidationError:  # The column holds something else today.
            return cell(str(value))


def version(now: Mapping[str, Any], later: Iterable[Row[Any]]) -> dict[str, Any]:
    """The values of a row as they were, of those that it has now.

    Arguments:
        now: the values now; those before its deletion where it is deleted.
        later: the changes since, the latest first.
    """
    found = dict(now)
    for change in later:
        found |= {name: pair[0] for name, pair in change.values.items() if len(pair) == 2}
    return found


def readable(
    db: Session, history: History, accesses: Mapping[str, Access], changes: Sequence[Row[Any]], tenant: Any = None
) -> list[tuple[Row[Any], Any]]:
    """Those of some changes that are of rows which a person may see, each with its row.

    Rows that are not there any more are judged by what the history has of them, also where others have their keys now.
    Where nobody asks for a row, or the history does not have it, it is `UNKNOWN`.

    Arguments:
        db: the session.
        history: what the changes are from.
        accesses: what they may, by the name of a table; see `accesses_of`.
        changes: the changes.
        tenant: the key of the tenant whom the request is for.
    """
    by_table: dict[str, list[Row[Any]]] = {}
    for each in changes:
        by_table.setdefault(each.model, []).append(each)
    found: dict[int, Any] = {}
    for table, some in by_table.items():
        access = accesses.get(table)
        if access is not None and access.may("view"):
            found.update(_readable(db, history, access, some, tenant))
    return [(each, found[each.id]) for each in changes if each.id in found]


def _readable(
    db: Session, history: History, access: Access, changes: Sequence[Row[Any]], tenant: Any
) -> Iterator[tuple[int, Any]]:
    model = access.resource.model
    if issubclass(model, OfTenant):
        changes = [each for each in changes if tenant is not None and each.tenant == str(tenant)]
    has_policy = access.policy("view") is not None
    if not has_policy and not access.asks_rows:
        yield from ((each.id, UNKNOWN) for each in changes)
        return
    keys = {each.key: values for each in changes if (values := access.resource.keys.values(each.key)) is not None}
    there = {access.resource.keys.text(row): row for row in _rows(db, access.resource, list(keys.values()))}
    ended = history.ended(db, access.resource.tables, list(there), marked=mark_of(access.resource) is not None)
    for each in changes:
        row = there.get(each.key)
        if row is None or each.id <= ended.get(each.key, 0):
            row = row_gone(db, access, each)
        if not has_policy or (row is not UNKNOWN and _judged(row, functools.partial(access.may_any_row, "view", row))):
            yield each.id, row


def _rows(db: Session, resource: Resource, keys: list[tuple[Any, ...]]) -> Iterable[Any]:
    columns = [getattr(resource.model, name) for name in resource.keys.names]
    if not keys:
        return ()
    same = columns[0].in_([key for (key,) in keys]) if len(columns) == 1 else tuple_(*columns).in_(keys)
    return db.scalars(select(resource.model).where(same)).unique()


def row_gone(db: Session, access: Access, change: Row[Any]) -> Any:
    """A row that is not there any more, by the last values of it; `UNKNOWN` where a change does not tell them."""
    if change.action != "delete":
        return UNKNOWN
    values = {name: pair[0] for name, pair in change.values.items() if len(pair) == 2}
    own = access.resource.recorded(change)
    with db.no_autoflush:
        try:
            return made(own.model, restored_plain(db, own, values))
        except (AttributeError, TypeError, ValueError):  # The model asks for more than the history has.
            return UNKNOWN


def shows(access: Access, name: str, row: Any) -> bool:
    """Whether a person may see a field of a row, which may be gone."""
    return _judged(row, lambda: bool(access.visible([name], row)))


def _judged(row: Any, judge: Callable[[], bool]) -> bool:
    """What a rule over rows says; no where it asks for more than the history has of a row that is gone."""
    try:
        return judge()
    except (AttributeError, TypeError, ValueError):
        if row is None or row is UNKNOWN or inspect(row).persistent:
            raise
        return False


def restored_plain(db: Session, resource: Resource, values: dict[str, Any]) -> dict[str, Any]:
    """The columns of a row that is gone, without the rows that it referred to: those would be attached to it."""
    return restored(db, resource, {name: value for name, value in values.items() if name not in resource.to_many})


def accesses_of(resources: Iterable[Resource], identity: Identity[Any]) -> dict[str, Access]:
    """What a person may with the rows that a history has, by the names of their classes' tables. The rows of a subclass
    are read by what they may with a class above it where they may not see the subclass itself.

    Arguments:
        resources: the models that they may see.
        identity: the person.
    """
    found: dict[str, Access] = {}
    for each in sorted(resources, key=lambda resource: len(resource.model.__mro__), reverse=True):
        access = found[each.table] = Access(each, identity)
        for mapper in each.family:
            if mapper is not each.mapper and issubclass(mapper.class_, each.model):
                own = Access(each.to(mapper.class_), identity)
                found.setdefault(own.resource.table, own if own.may("view") else access)
    return found
