"""The routes of a row's history: what was done to it, two versions of it, and having one back."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from wholestack import Conflict, NotFound, Redirect, Request, Router
from wholestack.auth import Identity, Tenant
from wholestack.db import Session
from wholestack.forms import FormView
from wholestack.languages import gettext
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._access import Access
from ._cells import cell
from ._changes import FieldLine, Reader, readable, row_gone, shows, version
from ._deletion import Return, is_there, lost, restored
from ._desk import Desk
from ._history import Author, differences
from ._inline_history import Entry, InlineHistory, entries_of
from ._record import snapshot
from ._row_pages import store_of
from ._rows import RowPage
from ._soft import is_deleted


def history_pages(desk: Desk, router: Router) -> None:
    """Add the history of a row."""
    pages = HistoryPages(desk)
    tenants: dict[str, Any] = {} if desk.resource.session is Session else {"tenant": Tenant}
    path = f"{desk.path}/{{key}}"
    shown: Any = FormView
    form = shown[desk.resource.form]
    router.get(f"{path}/history", hidden=True)(desk.handler(pages.history, Page, key=str, **tenants))
    old = desk.handler(pages.old, Page, key=str, change=int, form=form, **store_of(desk))
    router.get(f"{path}/history/{{change}}", hidden=True)(old)
    restore = desk.handler(pages.restore, Redirect, key=str, messages=Messages, **tenants)
    router.post(f"{path}/restore", hidden=True)(restore)


@dataclasses.dataclass(frozen=True)
class RowHistory:
    """What the page of a row's history shows.

    Attributes:
        access: what the person may with the model.
        key: the row's.
        label: what it is, or was, called.
        row: the row; None where it is deleted.
        changes: what was done to it, the latest first, each with the fields that the person may see.
        entries: the same, with what was done to the rows in its form.
        compared: how two versions of it differ; None where none are compared.
        restorable: whether the person may have it back.
        lost: what files are called that do not come back with it, and with what went with it.
    """

    access: Access
    key: str
    label: str
    row: Any
    changes: Sequence[tuple[Row[Any], Sequence[FieldLine]]]
    entries: Sequence[Entry]
    compared: Sequence[FieldLine] | None
    restorable: bool
    lost: Sequence[str]


class HistoryPages:
    """The handlers of histories."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.resource = desk.resource
        self.history_of = desk.admin.history

    def history(
        self, request: Request, identity: Identity[Any], db: Session, key: str, tenant: Tenant | None = None
    ) -> Page:
        access, frame = self._desk.begin(request, identity)
        row, gone = self._found(db, access, key, tenant)
        begun = self._begun(db, row, key)[0]
        changes = self.history_of.of(db, self.resource.line, key, after=begun)
        changes = changes if gone is None else self._own(changes)
        reader = Reader(db, access)
        seen = row if gone is None else row_gone(db, access, gone)
        own = [(each, reader.lines(each, seen)) for each in changes]
        inner = InlineHistory(db, self.history_of, None if tenant is None else tenant.key, begun)
        shown = RowHistory(
            access,
            key,
            self.resource.view.label(row) if gone is None else gone.label,
            row,
            own,
            entries_of(own, inner.of(access, row, gone, changes)),
            self._compared(reader, db, row, seen, gone, request, changes),
            self._may_have_back(access, row, gone),
            self._lost(db, access, gone, tenant),
        )
        return self._desk.page("history.html", frame, page=shown)

    def _found(self, db: Session, access: Access, key: str, tenant: Tenant | None) -> tuple[Any, Row[Any] | None]:
        """The row, or the change that deleted it; the other is None.

        Raises:
            NotFound: there never was one that they might see.
        """
        try:
            return access.row(db, key), None
        except NotFound:
            gone = Return(db, access, self.history_of).change_of(key) if access.may("view") else None
            values = self.resource.keys.values(key)
            there = values is None or is_there(db, self.resource, values)
            accesses = dict.fromkeys(self.resource.tables, access)
            if (
                gone is None
                or there
                or not readable(db, self.history_of, accesses, [gone], tenant.key if tenant else None)
            ):
                raise
            return None, gone

    def _own(self, changes: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
        """The changes of a row that is gone, without earlier ones of a row of another class that had its key."""
        for place, each in enumerate(changes):
            if each.action == "delete" and not issubclass(self.resource.recorded(each).model, self.resource.model):
                return changes[:place]
        return changes

    def _may_have_back(self, access: Access, row: Any, gone: Row[Any] | None) -> bool:
        if gone is not None:
            own = access.of(self.resource.recorded(gone).model)
            return access.may("add") and (own is None or own.may("add"))
        return is_deleted(self.resource, row) and access.may_any_row("delete", row)

    def _compared(
        self,
        reader: Reader,
        db: Session,
        row: Any,
        seen: Any,
        gone: Row[Any] | None,
        request: Request,
        changes: Sequence[Row[Any]],
    ) -> Sequence[FieldLine] | None:
        known = {str(each.id): each for each in changes}
        asked = [(request.query.get(name) or [""])[0] for name in ("from", "to")]
        two = [known[each] for each in asked if each in known]
        if len(two) < len(asked):
            return None
        first, second = (self._version(db, row, gone, each) for each in sorted(two, key=lambda each: each.id))
        labels = [each.labels for each in reversed(changes)]
        own = self.resource.own(row) if gone is None else self.resource.recorded(gone)
        return reader.compared(differences(first, second), labels, own, seen)

    def _version(self, db: Session, row: Any, gone: Row[Any] | None, change: Any) -> dict[str, Any]:
        """The values of the row as they were after a change."""
        now = {} if row is None else snapshot(self.resource, row)
        if gone is not None and change.id == gone.id:
            return dict.fromkeys(gone.values)
        return version(now, self.history_of.since(db, self.resource.line, change.key, change.id))

    def old(
        self,
        request: Request,
        identity: Identity[Any],
        db: Session,
        key: str,
        change: int,
        form: FormView[Any],
        files: Any = None,
    ) -> Page:
        """The form of the row with the values of an old version: saved, they are a change as any other."""
        access, frame = self._desk.begin(request, identity)
        row = access.row(db, key, "change")
        found = self.history_of.one(db, change)
        begun, since = self._begun(db, row, key)
        is_its = found is not None and found.model in self.resource.line and found.id > begun
        if found is None or not is_its or found.key != self.resource.keys.text(row):
            raise NotFound(gettext("There is no such change."))
        names = access.editable(self.resource.fields, row)
        then = {name: value for name, value in self._version(db, row, None, found).items() if name in names}
        page = RowPage(access, form, row, editable=True)
        page.files = files
        if self.resource.files:
            page.earlier = self.history_of.files.of(db, self.resource.tables, found.key, since)
        page.version = cell(found.at)
        page.lost = lost(self.resource, then, page.earlier, row)
        form.action = frame.row(key)
        page.open(db, restored(db, self.resource, then, page.earlier))
        return self._desk.page("form.html", frame, page=page)

    def _begun(self, db: Session, row: Any, key: str) -> tuple[int, datetime.datetime | None]:
        """Where a row's own history begins; that of one that is deleted, or marked so, ends with its deletion."""
        if row is None or is_deleted(self.resource, row):
            return 0, None
        return self.history_of.begun(db, self.resource.tables, key)

    def _lost(self, db: Session, access: Access, gone: Row[Any] | None, tenant: Tenant | None) -> Sequence[str]:
        """What files are called that do not come back with a deleted row, and what went with it: those that the person
        sees.
        """
        if gone is None:
            return ()
        by_class: dict[type[Any], list[Row[Any]]] = {}
        for resource, each in Return(db, access, self.history_of).together(gone):
            if resource.files:
                by_class.setdefault(resource.model, []).append(each)
        names: list[str] = []
        for model, some in by_class.items():
            own = access.of(model)
            accesses = {} if own is None else dict.fromkeys([each.model for each in some], own)
            for each, row in readable(db, self.history_of, accesses, some, tenant.key if tenant else None):
                of = accesses[each.model]
                seen = {name: pair[0] for name, pair in each.values.items() if pair and shows(of, name, row)}
                names += lost(of.resource, seen, self.history_of.files.of(db, of.resource.tables, each.key))
        return names

    def restore(
        self,
        request: Request,
        identity: Identity[Any],
        db: Session,
        key: str,
        messages: Messages,
        tenant: Tenant | None = None,
    ) -> Redirect:
        """Have a deleted row back."""
        access, frame = self._desk.begin(request, identity)
        row, gone = self._found(db, access, key, tenant)
        back, author = Return(db, access, self.history_of), Author.of(request, identity)
        if gone is not None:
            access.require("add")
            try:
                row = back.anew(author, gone)
            except Conflict as error:
                messages.error(gettext("It cannot be had back. %(why)s") % {"why": error.detail})
                return Redirect(frame.row(key, "history"))
        elif is_deleted(self.resource, row):
            back.unmark(author, row)
        else:
            raise NotFound(gettext("It is not deleted."))
        messages.success(gettext("%(label)s is there again.") % {"label": self.resource.view.label(row)})
        return Redirect(frame.row(self.resource.keys.text(row)))
