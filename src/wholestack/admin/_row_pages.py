"""The routes of one row: a new one, one that is shown and changed, and what may be chosen in its form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import InvalidRequestError

from wholestack import JSON, Forbidden, Form, NotFound, Redirect, Request, Router
from wholestack.auth import Identity
from wholestack.db import Session
from wholestack.forms import FormError, FormView
from wholestack.languages import gettext
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._access import Access
from ._choosing import Chooser
from ._desk import Desk
from ._form import SEEN, THEIRS, THEN, TOLD, Taken, earlier_name
from ._form_state import Children, Difference, children_of
from ._frame import Frame
from ._kept import Files
from ._reading import Reading, SentRow, editable_names, rows_in
from ._rows import RowPage, told_of
from ._saving import Saving

if TYPE_CHECKING:
    from wholestack.files import FileStore

_LONGEST = 1_000
"""Characters of a value that an address gives a new row."""


def row_pages(desk: Desk, router: Router) -> None:
    """Add the pages of a row."""
    pages = RowPages(desk)
    sent: Any = Form
    shown: Any = FormView
    form = desk.resource.form
    files = store_of(desk)
    new = desk.handler(pages.new, Page, form=shown[form], **files)
    create = desk.handler(pages.create, Redirect, form=sent[form], messages=Messages, **files)
    one = desk.handler(pages.show, Page, key=str, form=shown[form], **files)
    change = desk.handler(pages.change, Redirect, key=str, form=sent[form], messages=Messages, **files)
    router.get(f"{desk.path}/choices/{{field}}", hidden=True)(desk.handler(pages.choices, JSON, field=str))
    router.get(f"{desk.path}/new", hidden=True)(new)
    router.post(f"{desk.path}/new", hidden=True, again=new)(create)
    router.get(f"{desk.path}/{{key}}", hidden=True)(one)
    router.post(f"{desk.path}/{{key}}", hidden=True, again=one)(change)


def store_of(desk: Desk) -> dict[str, Any]:
    """What a handler asks for beside, where a model, or one in its inlines, has stored files."""
    waiting, found = [desk.resource.page_form], False
    while waiting:
        form = waiting.pop()
        found = found or bool(form.resource.files)
        waiting += [each.form for each in form.inlines]
    if not found:
        return {}
    from wholestack.files import FileStore

    return {"files": FileStore}


class RowPages:
    """The handlers of rows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.resource = desk.resource

    # -- shown -------------------------------------------------------------------------------------------------------

    def new(
        self,
        request: Request,
        identity: Identity[Any],
        db: Session,
        form: FormView[Any],
        files: FileStore | None = None,
    ) -> Page:
        access, frame = self._desk.begin(request, identity)
        access.require("add")
        page = RowPage(access, form, None, editable=True)
        page.files = files
        page.open(db, self._prefilled(request, access))
        return self._desk.page("form.html", frame, page=page)

    def _prefilled(self, request: Request, access: Access) -> Mapping[str, Any]:
        """Values that the address gives: ``/new?author_id=3``."""
        form = self.resource.page_form
        found: dict[str, Any] = {}
        for name in editable_names(form, access, None):
            texts = [text[:_LONGEST] for text in request.query.get(name, ())]
            if texts and name not in form.files:
                many = name in form.references and form.references[name].many
                found[name] = texts if many else texts[0]
        return found

    def show(
        self,
        request: Request,
        identity: Identity[Any],
        db: Session,
        key: str,
        form: FormView[Any],
        files: FileStore | None = None,
    ) -> Page:
        access, frame = self._desk.begin(request, identity)
        try:
            row = access.row(db, key, options=self.resource.page_form.loading)
        except NotFound:
            if not form.typed or not access.may("change"):
                raise
            return self._gone(access, frame, db, form)
        page = RowPage(access, form, row, editable=access.may_row("change", row))
        page.files = files
        if form.typed:
            page.earlier = self._earlier(db, row, lambda name: form[name].value)
        page.open(db)
        return self._desk.page("form.html", frame, page=page)

    def _earlier(self, db: Session, row: Any, sent: Callable[[str], Any]) -> Files:
        """The files that a row had before, where the form asks for one."""
        if not any(sent(earlier_name(name)) for name in self.resource.page_form.files):
            return {}
        key, history = self.resource.keys.text(row), self._desk.admin.history
        tables = self.resource.tables
        return history.files.of(db, tables, key, history.begun(db, tables, key)[1])

    def _gone(self, access: Access, frame: Frame, db: Session, form: FormView[Any]) -> Page:
        """What was typed for a row that is not there any more: it can be saved as a new one."""
        form.action = frame.row("new")
        page = RowPage(access, form, None, editable=True).open(db)
        page.gone = True
        return self._desk.page("form.html", frame, page=page, status=404)

    def choices(self, request: Request, identity: Identity[Any], db: Session, field: str) -> JSON:
        """What may be chosen for a field and holds what is typed: for the script of the form."""
        access, _ = self._desk.begin(request, identity)
        name, _, inner = field.partition(".")
        of, mine = self.resource.page_form, access
        while inner:
            inline = next((each for each in of.inlines if each.name == name), None)
            if inline is None:
                raise NotFound
            of, mine = inline.form, Access(inline.resource, identity)
            name, _, inner = inner.partition(".")
        reference = of.references.get(name)
        if reference is None or not any(mine.may(action) for action in ("add", "change")) or not access.may("view"):
            raise NotFound
        if name not in mine.editable([name]):
            raise NotFound
        texts: dict[str, Any] = {each: (values or [""])[0] for each, values in request.query.items()}
        chooser = Chooser(mine, db, {each: texts.get(each, "") for each in self.resource.page_form.names})
        search = (request.query.get("q") or [""])[0]
        pairs = (
            chooser.found(reference, search)
            if search.strip()
            else chooser.offered(reference, (), "", searched=of.is_searched(reference))[0]
        )
        return JSON([{"value": str(value), "text": text} for value, text in pairs])

    # -- sent --------------------------------------------------------------------------------------------------------

    def create(
        self,
        request: Request,
        identity: Identity[Any],
        db: Session,
        form: Taken,
        messages: Messages,
        files: FileStore | None = None,
    ) -> Redirect:
        access, frame = self._desk.begin(request, identity)
        access.require("add")
        row = self._added(request, access, db, form, files, None)
        messages.success(gettext("%(label)s is saved.") % {"label": self.resource.view.label(row)})
        return Redirect(self._next(frame, form, row))

    def _added(
        self, request: Request, access: Access, db: Session, form: Taken, files: FileStore | None, copied: Any
    ) -> Any:
        of = self.resource.page_form
        children = {each.name: children_of(db, each, access, copied) for each in of.inlines}
        earlier = {} if copied is None else self._earlier(db, copied, form.sent.get)
        sent = Reading(db, copy=True, earlier=earlier).page(of, access, form.sent, copied, children)
        return Saving(self._desk, request, access.identity, db, files).save(sent)

    def change(
        self,
        request: Request,
        identity: Identity[Any],
        db: Session,
        key: str,
        form: Taken,
        messages: Messages,
        files: FileStore | None = None,
    ) -> Redirect:
        access, frame = self._desk.begin(request, identity)
        row = self._locked(request, db, access, key)
        if form.sent.get(THEN) == "copy":
            access.require("add")
            row = self._added(request, access, db, form, files, row)
            messages.success(gettext("%(label)s is saved as a new one.") % {"label": self.resource.view.label(row)})
            return Redirect(frame.row(self.resource.keys.text(row)))
        of = self.resource.page_form
        children = {each.name: children_of(db, each, access, row) for each in of.inlines}
        differences = self._differences(access, db, form, row, children)
        earlier = self._earlier(db, row, form.sent.get)
        sent = Reading(db, earlier=earlier).page(of, access, form.sent, row, children)
        _take_theirs(sent, form, differences)
        Saving(self._desk, request, identity, db, files).save(sent)
        messages.success(gettext("%(label)s is saved.") % {"label": self.resource.view.label(row)})
        return Redirect(self._next(frame, form, row))

    def _locked(self, request: Request, db: Session, access: Access, key: str) -> Any:
        """The row, which nobody else changes before this transaction has ended; the rows that are read with it are not
        locked, as a database would not what an outer join may leave empty.

        Raises:
            FormError: it has gone meanwhile; the page has what was typed.
            NotFound: the same, for who wants no page.
        """
        try:
            row = access.row(db, key, "change")
            db.refresh(row, with_for_update={"of": self.resource.family[0].local_table})
        except (NotFound, InvalidRequestError) as error:
            if isinstance(error, NotFound) and not (request.wants_html or "hx-request" in request.headers):
                raise
            raise FormError("", gettext("This is not there any more. What you have typed is still here.")) from error
        if not access.may_row("change", row):  # It was given to others while this waited for it.
            raise Forbidden(gettext("You may not do this."))
        return row

    def _differences(
        self, access: Access, db: Session, form: Taken, row: Any, children: Mapping[str, Children]
    ) -> list[Difference]:
        """What somebody else has changed meanwhile, and the person knows of.

        Raises:
            FormError: they do not know of it yet.
        """
        if not form.sent.get(SEEN):
            return []
        view: FormView[Any] = FormView(type(form))
        view.fill(form.sent)
        view.typed = True
        page = RowPage(access, view, row, editable=True)
        page.compare(children)
        of = self.resource.page_form
        if (page.differences or page.moved_on) and form.sent.get(TOLD) != told_of(of, access, row, children):
            raise FormError("", gettext("Somebody else has saved this since you opened it. See what has changed."))
        return page.differences

    def _next(self, frame: Frame, form: Taken, row: Any) -> str:
        """Where a person goes who has saved: to the list, or on with this row or a new one."""
        then = form.sent.get(THEN)
        if then == "stay":
            return frame.row(self.resource.keys.text(row))
        return frame.row("new") if then == "new" else frame.back


def _take_theirs(sent: SentRow, form: Taken, differences: list[Difference]) -> None:
    """Leave those fields as they are for which the person takes what somebody else has saved."""
    given = form.sent.get(THEIRS) or []
    theirs = {*given} & {each.path for each in differences}
    for row in rows_in(sent):
        for name in list(row.values):
            steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in (*row.place, name))
            if steps.removeprefix(".") in theirs:
                del row.values[name]
