"""The rows of a form, written with those of its inlines and their files, and noted in the history."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm.exc import StaleDataError

from wholestack import Conflict, Request, Upload
from wholestack.auth import Identity
from wholestack.db import Session, same_json
from wholestack.files import StoredFile
from wholestack.forms import FormError
from wholestack.languages import gettext

from ._deletion import going_with
from ._history import Author, Change, differences
from ._making import made
from ._parking import park, written
from ._reading import SentRow, SentRows
from ._record import record, snapshot
from ._soft import mark, mark_of

if TYPE_CHECKING:
    from wholestack.files import FileStore

    from ._desk import Desk

THUMBNAIL = "small"
"""The variant of a picture that pages show."""
_SIZES = {THUMBNAIL: (320, 320)}


class Saving:
    """Writes what was read of a form.

    Arguments:
        desk: the model's.
        request: the request that does it.
        identity: who does it.
        db: the session.
        files: where files are kept; None where no model has some.
    """

    def __init__(
        self, desk: Desk, request: Request, identity: Identity[Any], db: Session, files: FileStore | None
    ) -> None:
        self._desk = desk
        self._request = request
        self._identity = identity
        self._db = db
        self._files = files
        self._changes: list[Change] = []

    def save(self, sent: SentRow) -> Any:
        """Write a row and those in its inlines; gives the row.

        Raises:
            FormError: the model refuses a value, or the row would not be this person's.
        """
        row = self._one(sent, {})
        self._desk.admin.history.write(self._db, Author.of(self._request, self._identity), self._changes)
        return row

    # -- one row -----------------------------------------------------------------------------------------------------

    def _one(self, sent: SentRow, given: dict[str, Any], parked: Iterable[str] = ()) -> Any:
        resource, new, place = sent.of.resource, sent.row is None, len(self._changes)
        before = {} if new else snapshot(resource, sent.row)
        children = {} if new else {each.inline.name: self._keys(each) for each in sent.inner}
        row = self._made(sent, given) if new else self._put(sent, given)
        resource.view.before_save(row, self._identity, new=new)
        written(row, parked)
        self._check(sent, row)
        if new:
            self._db.add(row)
        self._flush()
        after = {each.inline.name: self._several(each, row, self._name(sent, each.inline.name)) for each in sent.inner}
        changed = differences(before, snapshot(resource, row))
        changed |= differences({name: children.get(name, []) for name in after}, after)
        if changed:
            self._changes.insert(place, record(self._db, resource, "add" if new else "change", row, changed))
        return row

    def _made(self, sent: SentRow, given: dict[str, Any]) -> Any:
        values = {**self._saved(sent), **given}
        try:
            return made(sent.of.resource.model, values)
        except ValueError as error:  # A `@validates` of the model's own.
            raise FormError(self._name(sent), str(error)) from error

    def _put(self, sent: SentRow, given: dict[str, Any]) -> Any:
        for name, value in {**self._saved(sent), **given}.items():
            now = getattr(sent.row, name)
            if now is value or (type(now) is type(value) and same_json(now, value)):
                continue
            try:
                setattr(sent.row, name, value)
            except ValueError as error:
                raise FormError(self._name(sent, name), str(error)) from error
        return sent.row

    def _check(self, sent: SentRow, row: Any) -> None:
        """What a form does not ask of this person must be there nevertheless, and the row be theirs."""
        if not sent.access.may_own(row):
            raise FormError(self._name(sent), gettext("With these values it would not be yours to change any more."))
        missing = (
            []
            if sent.row is not None
            else [name for name in sent.of.resource.attributes if self._lacks(sent, row, name)]
        )
        if missing:
            text = gettext("It needs a value for %(name)s, which this form does not take from you.")
            raise FormError(self._name(sent), text % {"name": sent.of.resource.label(missing[0])})

    def _lacks(self, sent: SentRow, row: Any, name: str) -> bool:
        """Whether a new row has no value where there must be one, and nobody will give it."""
        resource = sent.of.resource
        if getattr(row, name) is not None or resource.attributes[name].optional or not resource.can_take(name):
            return False
        relation = resource.foreign_keys.get(name)
        return relation is None or getattr(row, relation) is None

    def _name(self, sent: SentRow, name: str = "") -> str:
        steps = "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in (*sent.place, name) if step != ""
        )
        return steps.removeprefix(".")

    def _flush(self) -> None:
        try:
            self._db.flush()
        except StaleDataError as error:
            text = gettext("Somebody else has saved this at the same moment. Look at it again.")
            raise FormError("", text) from error

    # -- rows --------------------------------------------------------------------------------------------------------

    def _several(self, inner: SentRows, parent: Any, place: str) -> list[str]:
        """Write the rows of an inline; gives the keys of those that were sent."""
        for row in inner.removed:
            self._remove(inner, row, place)
        if inner.removed:
            self._flush()  # Before others are written that may have the same values.
        link = {name: getattr(parent, own) for name, own in inner.inline.link}
        parked = park(self._db, inner, parent)
        rows = [
            self._one(each, link if each.row is None else {}, parked=parked.get(each.row, ())) for each in inner.rows
        ]
        if inner.rows or inner.removed:
            self._db.expire(parent, [inner.inline.name])
        return self._keys_of(inner, rows)

    def _remove(self, inner: SentRows, row: Any, place: str) -> None:
        """Delete a row that was taken out of an inline, with all that goes with it, as its own page would.

        Raises:
            FormError: something stands in the way, or goes with it that the person may not delete.
        """
        resource = inner.inline.resource
        if mark_of(resource) is not None:
            self._changes.append(record(self._db, resource, "delete", row, _gone(snapshot(resource, row))))
            mark(resource, row, datetime.datetime.now(datetime.UTC))
            return
        try:
            going = going_with(self._desk.admin, self._db, inner.access, row)
        except Conflict as error:
            told = gettext("%(label)s cannot be deleted. %(why)s")
            raise FormError(place, told % {"label": inner.access.label(row), "why": error.detail}) from error
        for below, each in going:
            self._changes.append(record(self._db, below, "delete", each, _gone(snapshot(below, each))))
        self._db.delete(row)

    def _keys_of(self, inner: SentRows, rows: Sequence[Any]) -> list[str]:
        return sorted(inner.inline.resource.keys.text(each) for each in rows)

    def _keys(self, inner: SentRows) -> list[str]:
        """The keys of the rows of an inline that the form has changed or removed."""
        there = [each.row for each in inner.rows if each.row is not None] + inner.removed
        return self._keys_of(inner, there)

    # -- files -------------------------------------------------------------------------------------------------------

    def _saved(self, sent: SentRow) -> dict[str, Any]:
        """The values of a row, with what was uploaded as stored files, and with files of its own of what it copies."""
        found = dict(sent.values)
        for name in sent.of.files:
            value = found.get(name)
            if isinstance(value, Upload):
                found[name] = self._stored(sent, name, value)
            elif isinstance(value, StoredFile) and sent.row is None:  # One that the copied row had before.
                found[name] = self._copy(value)
            elif name not in found and sent.may_have(name) and getattr(sent.copied, name) is not None:
                found[name] = self._copy(getattr(sent.copied, name))
        return found

    def _stored(self, sent: SentRow, name: str, upload: Upload) -> StoredFile:
        files = self._store()
        view = sent.of.resource.view
        if name in view.images:
            return files.save_image(upload, sizes=_SIZES)
        types = view.file_types.get(name)
        return files.save(upload, types=None if types is None else {*types})

    def _copy(self, stored: StoredFile) -> StoredFile:
        """A file of two rows would go with the first of them."""
        files = self._store()
        if stored.variants:
            return files.save_image(files.chunks(stored), filename=stored.filename, sizes=_SIZES)
        return files.save(files.chunks(stored), filename=stored.filename)

    def _store(self) -> FileStore:
        if self._files is None:
            raise TypeError("A model with files has a page that asks for their store.")
        return self._files


def _gone(values: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [value, None] for name, value in values.items()}
