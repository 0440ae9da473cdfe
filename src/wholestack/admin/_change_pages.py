"""The pages of what was done everywhere: by oneself, and by all for who may read it."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import Row, Select

from wholestack import Forbidden, Request, Router
from wholestack.auth import Identity, Tenant
from wholestack.db import Session
from wholestack.languages import gettext
from wholestack.templates import Page

from ._changes import FieldLine, Reader, accesses_of, readable
from ._frame import Frame
from ._history import MAY_READ
from ._resource import Resource
from ._tenants import asked
from ._typed import typed

if TYPE_CHECKING:
    from ._plugin import Admin

_SIZE = 50
"""Changes of a page; of those that are of rows which the reader may not see it shows fewer."""
_LONGEST = 200


def change_pages(admin: Admin, router: Router) -> None:
    """Add the two pages."""
    pages = ChangePages(admin)
    takes = {"request": Request, "identity": Identity[Any], "db": Session, **asked(admin.resources)}
    router.get("/history", hidden=True)(typed(pages.all, "admin_history", takes, Page))
    router.get("/history/mine", hidden=True)(typed(pages.mine, "admin_history_mine", takes, Page))


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked for; what makes no sense is as if it were not there.

    Attributes:
        model: the slug of a model; empty for all.
        user: whose changes, by the beginning of their address; empty for everybody's.
        first: the first day; None for no bound.
        last: the last day.
        before: the number of a change: the page is of those before it.
    """

    model: str
    user: str
    first: datetime.date | None
    last: datetime.date | None
    before: int | None

    @classmethod
    def of(cls, request: Request) -> Asked:
        """What a request asks for."""

        def one(name: str) -> str:
            return (request.query.get(name) or [""])[0].strip()[:_LONGEST]

        before = one("before")
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
        return cls(one("model"), one("user"), _day(one("from")), _day(one("to")), number)

    def url(self, before: int) -> str:
        """The page after a change."""
        days = {"from": self.first, "to": self.last}
        query = {"model": self.model, "user": self.user, **days, "before": before}
        return f"?{urlencode({name: value for name, value in query.items() if value})}"


class ChangePages:
    """The handlers of these pages."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin
        self._rows = admin.history.rows.c

    def all(self, request: Request, identity: Identity[Any], db: Session, tenant: Tenant | None = None) -> Page:
        if not identity.can(MAY_READ):
            raise Forbidden(gettext("You may not do this."))
        asked = Asked.of(request)
        frame, statement = self._begun(request, identity, asked)
        if asked.user:
            statement = statement.where(self._rows.name.startswith(asked.user, autoescape=True))
        return self._page(frame, asked, db, statement, tenant, mine=False)

    def mine(self, request: Request, identity: Identity[Any], db: Session, tenant: Tenant | None = None) -> Page:
        asked = Asked.of(request)
        frame, statement = self._begun(request, identity, asked)
        statement = statement.where(self._rows.user == str(identity.required().key))
        return self._page(frame, asked, db, statement, tenant, mine=True)

    def _begun(self, request: Request, identity: Identity[Any], asked: Asked) -> tuple[Frame, Select[Any]]:
        frame = Frame(self._admin, request, identity)
        of = tuple(each.model for each in frame.resources if asked.model in {"", each.slug})
        accesses = accesses_of(frame.resources, identity)
        models = [name for name, each in accesses.items() if issubclass(each.resource.model, of)]
        statement, day = self._admin.history.asked(models), datetime.timedelta(days=1)
        if asked.first is not None:
            statement = statement.where(self._rows.at >= _start(asked.first))
        if asked.last is not None:
            statement = statement.where(self._rows.at < _start(asked.last) + day)
        if asked.before is not None:
            statement = statement.where(self._rows.id < asked.before)
        return frame, statement

    def _page(
        self, frame: Frame, asked: Asked, db: Session, statement: Select[Any], tenant: Tenant | None, *, mine: bool
    ) -> Page:
        found = db.execute(statement.limit(_SIZE + 1)).all()
        accesses = accesses_of(frame.resources, frame.identity)
        changes: Sequence[Row[Any]] = found[:_SIZE]
        readers = {table: Reader(db, access) for table, access in accesses.items()}
        lines: list[tuple[Row[Any], Resource, Sequence[FieldLine]]] = [
            (each, accesses[each.model].resource, readers[each.model].lines(each, row))
            for each, row in readable(db, self._admin.history, accesses, changes, tenant.key if tenant else None)
        ]
        more = asked.url(changes[-1].id) if len(found) > _SIZE else None
        may_read = frame.identity.can(MAY_READ)
        return Page(
            "admin/changed.html", frame=frame, asked=asked, lines=lines, more=more, mine=mine, may_read=may_read
        )


def _day(text: str) -> datetime.date | None:
    try:
        found = datetime.date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year < 9999 else None


def _start(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)
