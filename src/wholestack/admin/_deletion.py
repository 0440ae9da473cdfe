"""A row that is deleted, with all that goes with it, or marked as deleted; and had back."""

from __future__ import annotations

import base64
import datetime
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pydantic
from sqlalchemy import Column, Row, select
from sqlalchemy.exc import IntegrityError, InvalidRequestError

from wholestack import Conflict, Forbidden
from wholestack.auth import ClosingRefused
from wholestack.db import Session
from wholestack.files import StoredFile
from wholestack.languages import gettext

from ._access import Access
from ._cascade import Cascade
from ._history import CHANGED, Author, Change, History
from ._kept import Files, kept
from ._making import made
from ._record import is_secret, key_column, record, snapshot, typed_keys
from ._resource import Resource, resource_for
from ._soft import is_deleted, mark, mark_of

if TYPE_CHECKING:
    from ._plugin import Admin


_log = logging.getLogger("wholestack")


class Deletion:
    """The end of one row.

    Arguments:
        db: the session.
        access: what the person may with the model.
        row: the row; that they may delete it was asked before.

    Attributes:
        marks: whether the row is only marked as deleted; one that is marked already goes for good.
    """

    def __init__(self, db: Session, access: Access, row: Any) -> None:
        self._db = db
        self._access = access
        self._row = row
        self.marks: bool = mark_of(access.resource) is not None and not is_deleted(access.resource, row)
        self.cascade: Cascade | None = None if self.marks else Cascade(db, access, row)

    @property
    def may_go(self) -> bool:
        """Whether nothing stands in the way."""
        return self.cascade is None or self.cascade.may_go

    def do(self, admin: Admin, author: Author) -> str:
        """Delete the row, and write down what went.

        Arguments:
            admin: the plugin, whose history it is written into.
            author: who does it.

        Returns:
            the name of the batch of changes.

        Raises:
            Conflict: something stands in the way, or the app does not let an account end.
        """
        resource, row = self._access.resource, self._row
        if self.cascade is None:
            now = datetime.datetime.now(datetime.UTC)
            mark(resource, row, now)
            self._db.flush()
            values = {mark_of(resource) or "": [None, now.isoformat()]}
            return admin.history.write(self._db, author, [record(self._db, resource, "delete", row, values)])
        try:
            with self._db.begin_nested():
                going = going_with(admin, self._db, self._access, row, self.cascade)
                batch = admin.history.write(self._db, author, [self._gone(*each) for each in going])
                self._db.delete(row)
                self._db.flush()
        except IntegrityError as error:
            raise Conflict(gettext("Other rows refer to it.")) from error
        except InvalidRequestError as error:
            if "passive_deletes" not in str(error):
                raise
            # SQLAlchemy deletes no row with a relation that may not be read, unless the database minds its rows.
            _log.warning("a row of %s cannot be deleted: %s", resource.model.__name__, error)
            raise Conflict(gettext("Something else stands in the way.")) from error
        return batch

    def _gone(self, resource: Resource, row: Any) -> Change:
        values = {name: [value, None] for name, value in snapshot(resource, row).items()}
        return record(self._db, resource, "delete", row, values)


def going_with(
    admin: Admin, db: Session, access: Access, row: Any, cascade: Cascade | None = None
) -> list[tuple[Resource, Any]]:
    """A row that is to be deleted, and all that goes with it, when the app was asked for the accounts among them.

    Arguments:
        admin: the plugin.
        db: the session.
        access: what the person may with the model.
        row: the row.
        cascade: what goes with it, where that was looked up.

    Raises:
        Conflict: something stands in the way, or the app does not let an account end.
    """
    cascade = cascade or Cascade(db, access, row)
    try:
        if cascade.may_go and admin.ask_closing(db, access.identity, row, *(each for _, each in cascade.rows)):
            cascade = Cascade(db, access, row)  # What the app has put in order goes no more.
    except ClosingRefused as refused:
        raise Conflict(refused.message) from refused
    if not cascade.may_go:
        raise Conflict(gettext("Something else stands in the way."))
    return [(access.resource, row), *cascade.rows]


class Return:
    """A deleted row that is made anew from what the history has of it, with what went with it.

    Arguments:
        db: the session.
        access: what the person may with the model.
        history: where it is found, and written.
    """

    def __init__(self, db: Session, access: Access, history: History) -> None:
        self._db = db
        self._access = access
        self._history = history

    def change_of(self, key: str) -> Row[Any] | None:
        """The deletion of a row that is not there; None where its last change is none, or it was of another class."""
        resource = self._access.resource
        last = next(iter(self._history.of(self._db, resource.tables, key, most=1)), None)
        if last is None or last.action != "delete":
            return None
        return last if issubclass(resource.recorded(last).model, resource.model) else None

    def unmark(self, author: Author, row: Any) -> None:
        """Take away the mark of a row that is marked as deleted.

        Raises:
            Forbidden: they may not delete it, and so not have it back.
        """
        resource = self._access.resource
        if not self._access.may_any_row("delete", row):
            raise Forbidden(gettext("You may not do this."))
        name = mark_of(resource) or ""
        before = snapshot(resource, row, [name])[name]
        mark(resource, row, None)
        self._db.flush()
        change = record(self._db, resource, "restore", row, {name: [before, None]})
        self._history.write(self._db, author, [change])

    def anew(self, author: Author, deletion: Row[Any]) -> Any:
        """Make a row anew with its key, and what went with it.

        Arguments:
            author: who does it.
            deletion: its change.

        Returns:
            the row.

        Raises:
            Forbidden: they may not add such rows, or the row would not be theirs to change.
            Conflict: it cannot be: its key is taken again, or what it refers to is gone.
        """
        try:
            with self._db.begin_nested():
                rows = [self._make(*each) for each in self.together(deletion)]
                self._db.flush()
                self._note(author, rows)
        except IntegrityError as error:
            raise Conflict(gettext("What it refers to is gone, or something has taken its place.")) from error
        return rows[0][1]

    def together(self, deletion: Row[Any]) -> list[tuple[Resource, Row[Any]]]:
        """The deletions of all that comes back with a row, itself first, each with its model."""
        by_table = {each.table: each for each in self._all(self._access.resource.others)}
        batch = self._history.of_batch(self._db, deletion.batch)
        changes = [each for each in batch if each.action == "delete" and each.model in by_table]
        if changes and changes[0].id != deletion.id:
            changes = [deletion]  # It went with another row, which is had back by itself.
        return [(by_table[each.model].recorded(each), each) for each in changes]

    def _all(self, known: Any) -> list[Resource]:
        return [resource_for(each.class_, known) for each in self._access.resource.mapper.registry.mappers]

    def _make(self, resource: Resource, change: Row[Any]) -> tuple[Resource, Any]:
        access = self._access.of(resource.model)
        if access is not None:
            access.require("add")
        key = resource.keys.values(change.key)
        if key is None or is_there(self._db, resource, key):
            raise Conflict(gettext("There is a row of this key again."))
        values = {name: pair[0] for name, pair in change.values.items() if pair}
        files = self._history.files.of(self._db, resource.tables, change.key) if resource.files else {}
        try:
            row = made(resource.model, restored(self._db, resource, values, files))
        except TypeError as error:  # Its constructor asks for more than the history has.
            raise Conflict(gettext("What it refers to is gone, or something has taken its place.")) from error
        self._db.add(row)
        self._db.flush()
        if access is not None and not access.may_own(row):
            raise Forbidden(gettext("You may not do this."))
        return resource, row

    def _note(self, author: Author, rows: Sequence[tuple[Resource, Any]]) -> None:
        changes = []
        for resource, row in rows:
            values = {name: [None, value] for name, value in snapshot(resource, row).items()}
            changes.append(record(self._db, resource, "restore", row, values))
        self._history.write(self._db, author, changes)


def is_there(db: Session, resource: Resource, key: tuple[Any, ...]) -> bool:
    """Whether there is a row of a key, of whichever of the classes that have their keys in common."""
    return db.get(resource.family[0].class_, key[0] if len(key) == 1 else key) is not None


def restored(db: Session, resource: Resource, values: dict[str, Any], files: Files | None = None) -> dict[str, Any]:
    """Values as a model takes them, of values as a history has them; what cannot be had back is left out: secrets,
    computed values, files that are not kept, related rows that are gone.

    Arguments:
        db: the session.
        resource: the model.
        values: by attribute.
        files: those of the row that are kept.
    """
    found = {}
    for name, value in values.items():
        attribute = resource.attributes.get(name)
        if name in resource.to_many:
            column = key_column(resource, name)
            keys = typed_keys(resource, name, value or ())
            found[name] = list(db.scalars(select(column.class_).where(column.in_(keys))).unique()) if keys else []
        elif attribute is not None and isinstance(attribute.column, Column) and not is_secret(resource, name):
            found |= _read(name, attribute, value, files or {})
    return found


def lost(resource: Resource, values: Mapping[str, Any], files: Files, row: Any = None) -> list[str]:
    """What files were called that a row had, and that are neither kept nor there."""
    names = [name for name in resource.attributes if name in resource.files]
    had = {name: values[name] for name in names if isinstance(values.get(name), dict)}
    now = {file.name for name in had if (file := getattr(row, name, None)) is not None}
    gone = [value for name, value in had.items() if kept(files, name, value) is None and value.get("name") not in now]
    return [str(each.get("filename") or each.get("name")) for each in gone]


def _read(name: str, attribute: Any, value: Any, files: Files) -> dict[str, Any]:
    if attribute.column.computed is not None or value == [*CHANGED]:
        return {}
    if attribute.family == "bytes":
        return {name: None if value is None else base64.b64decode(value)}
    if attribute.family in {"json", "array"}:
        return {name: value}
    if attribute.shown is StoredFile and value is not None:
        file = kept(files, name, value)
        return {} if file is None else {name: file}
    try:
        return {name: attribute.reader.validate_python(value)}
    except pydantic.ValidationError:
        return {}
