"""The routes by which a row is deleted."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from wholestack import Conflict, Redirect, Request, Router
from wholestack.auth import Identity, Tenant
from wholestack.db import Session
from wholestack.languages import gettext
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._deletion import Deletion
from ._desk import Desk
from ._history import Author

UNDO = "undo"
"""In the query of the list after a deletion: the key of the row, so that the page offers to have it back."""


def delete_pages(desk: Desk, router: Router) -> None:
    """Add the question whether a row is to go, and its end."""
    pages = DeletePages(desk)
    path = f"{desk.path}/{{key}}/delete"
    router.get(path, hidden=True)(desk.handler(pages.ask_delete, Page, deletes=True, key=str, **desk.tenants))
    delete = desk.handler(pages.delete, Redirect, deletes=True, key=str, messages=Messages, **desk.tenants)
    router.post(path, hidden=True)(delete)


class DeletePages:
    """The handlers of deletions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.resource = desk.resource

    def ask_delete(
        self, request: Request, identity: Identity[Any], db: Session, key: str, tenant: Tenant | None = None
    ) -> Page:
        access, frame = self._desk.begin(request, identity, tenant)
        row = access.row(db, key, "delete")
        label, deletion = self.resource.view.label(row), Deletion(db, access, row)
        return self._desk.page("delete.html", frame, resource=self.resource, key=key, label=label, deletion=deletion)

    def delete(
        self,
        request: Request,
        identity: Identity[Any],
        db: Session,
        key: str,
        messages: Messages,
        tenant: Tenant | None = None,
    ) -> Redirect:
        access, frame = self._desk.begin(request, identity, tenant)
        row = access.row(db, key, "delete")
        label, deletion = self.resource.view.label(row), Deletion(db, access, row)
        try:
            deletion.do(self._desk.admin, Author.of(request, identity))
        except Conflict as error:
            told = gettext("%(label)s cannot be deleted. %(why)s") % {"label": label, "why": error.detail}
            messages.error(told)
            return Redirect(frame.row(key, "delete"))
        messages.success(gettext("%(label)s is deleted.") % {"label": label})
        back = frame.back
        joint = "&" if "?" in back else "?"
        return Redirect(f"{back}{joint}{urlencode({UNDO: key})}" if deletion.marks or access.may("add") else back)
