"""The routes of a list: it is shown, edited in place, and kept as somebody's view."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from wholestack import JSON, Form, NotFound, Redirect, Request, Router
from wholestack.auth import Identity
from wholestack.crud import Pager
from wholestack.db import Session
from wholestack.forms import FormView
from wholestack.languages import gettext, ngettext
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._desk import Desk
from ._list_edits import SentEdits, edits_form
from ._list_query import ListQuery, rules_of
from ._listing import ListPage
from ._saved_views import SavedView, SavedViews


def list_pages(desk: Desk, router: Router) -> None:
    """Add the list of a model. What is done with it has ``-`` in its path, where no row's key can be."""
    rules_of(desk.resource)
    pages = ListPages(desk)
    names = desk.resource.view.editable
    shown: Any = FormView
    sent: Any = Form
    form = edits_form(desk.resource)
    takes: dict[str, Any] = {"pages": Pager, **({"form": shown[form]} if names else {})}
    listed = desk.handler(pages.list, Page | Redirect, **takes)
    router.get(desk.path, name=f"admin_{desk.resource.table}", hidden=True)(listed)
    if names:
        edited = desk.handler(pages.edit, Redirect, form=sent[form], messages=Messages)
        router.post(f"{desk.path}/-/edit", hidden=True, again=listed)(edited)
    offered = desk.handler(pages.choices, JSON, field=str)
    router.get(f"{desk.path}/-/choices/{{field}}", hidden=True)(offered)
    keep = desk.handler(pages.keep, Redirect, form=sent[SavedView], messages=Messages)
    router.post(f"{desk.path}/-/views", hidden=True)(keep)
    drop = desk.handler(pages.drop, Redirect, number=int, messages=Messages)
    router.post(f"{desk.path}/-/views/{{number}}/delete", hidden=True)(drop)


class ListPages:
    """The handlers of lists."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.resource = desk.resource
        self._saved = SavedViews(desk.admin.saved_views, desk.resource.table)

    def list(
        self, request: Request, identity: Identity[Any], db: Session, pages: Pager, form: FormView[Any] | None = None
    ) -> Page | Redirect:
        """The list as it is asked for; of a person who begins with a view of theirs, that view."""
        access, frame = self._desk.begin(request, identity)
        access.require("view")
        saved = self._saved.of(db, identity)
        usual = next((each for each in saved if each.usual), None)
        if usual is not None and not request.query:
            return Redirect(f"{frame.url(self.resource.slug)}?{viewed(usual)}")
        shown = ListPage(access, frame, request, db, pages)
        shown.saved = saved
        if form is not None:
            shown.let_edit(form, self.resource.view.editable)
        return self._desk.page("list.html", frame, page=shown, viewed=viewed, fragment="rows")

    def choices(self, request: Request, identity: Identity[Any], db: Session, field: str) -> JSON:
        """What a filter by a relation finds of what is typed: for the script. Who may see the list may ask it for rows
        that they may see, whether they may change any or not.
        """
        access, _ = self._desk.begin(request, identity)
        access.require("view")
        query = ListQuery(access, {}, db)
        related = query.related(field)
        if related is None:
            raise NotFound
        found = related.found(query.look, (request.query.get("q") or [""])[0])
        return JSON([{"value": value, "text": text} for value, text in found])

    def edit(self, request: Request, identity: Identity[Any], db: Session, form: Any, messages: Messages) -> Redirect:
        """Write the rows that were edited in place, and show the same page of the list again."""
        access, frame = self._desk.begin(request, identity)
        access.require("change")
        changed = SentEdits(self._desk, access).write(db, request, form)
        messages.success(ngettext("%(num)s row is changed.", "%(num)s rows are changed.", changed))
        return Redirect(f"{frame.url(self.resource.slug)}?{urlencode(request.query, doseq=True)}")

    def keep(
        self, request: Request, identity: Identity[Any], db: Session, form: SavedView, messages: Messages
    ) -> Redirect:
        """Keep what is shown as a view of the person's, and show it."""
        access, frame = self._desk.begin(request, identity)
        access.require("view")
        number = self._saved.keep(db, identity, form)
        messages.success(gettext("%(name)s is kept.") % {"name": form.name})
        saved = next(each for each in self._saved.of(db, identity) if each.id == number)
        return Redirect(f"{frame.url(self.resource.slug)}?{viewed(saved)}")

    def drop(self, request: Request, identity: Identity[Any], db: Session, number: int, messages: Messages) -> Redirect:
        """Take a view of the person's away; of anybody else's it knows nothing."""
        access, frame = self._desk.begin(request, identity)
        access.require("view")
        self._saved.take_away(db, identity, number)
        messages.success(gettext("The view is taken away."))
        return Redirect(f"{frame.url(self.resource.slug)}?view=all")


def viewed(saved: Any) -> str:
    """The query of a saved view, with its number."""
    return f"{saved.query}&view={saved.id}" if saved.query else f"view={saved.id}"
