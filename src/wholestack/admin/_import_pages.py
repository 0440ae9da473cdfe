"""The routes of imports: a file, its columns, a dry run with each row's change and faults, and the import."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pydantic
import pydantic_core
from sqlalchemy import Row

from wholestack import Form, HTTPError, Redirect, Request, Response, Router, Stream, Upload
from wholestack.auth import Identity, Tenant, permission, permission_name
from wholestack.db import Session
from wholestack.files import PackageMissing
from wholestack.forms import FormError, FormView
from wholestack.http import content_disposition, size
from wholestack.languages import gettext, ngettext
from wholestack.sessions import Messages
from wholestack.templates import Page

from ._access import Access
from ._desk import Desk
from ._import_files import LINES, FileBroken, Packed, lines_in, read
from ._import_plan import guessed, importable, key_names
from ._import_runs import NO_COUNTS
from ._job_runs import MOST_WITHOUT_OUTBOX, too_many
from ._jobs import ASKED, DONE, FAILED, LIVE
from ._sheets import written

if TYPE_CHECKING:
    from ._frame import Frame

_PAGE = 50
"""Rows of a page of the preview."""
_SAMPLES = 3
_LEFT_OUT = "-"
_BESIDE = 64 * 1024
"""Bytes of a form beside its file."""


class ImportFile(pydantic.BaseModel):
    """What is sent to begin an import."""

    file: Upload


class ImportColumns(pydantic.BaseModel):
    """What each column of the file is for, and by which a row is found.

    Attributes:
        columns: the attribute of each column, ``"-"`` for one that is left out.
        keys: the attributes by which a row is found that is there already.
    """

    columns: list[str] = pydantic.Field([], max_length=200)
    keys: list[str] = pydantic.Field([], max_length=20)


@dataclasses.dataclass(frozen=True)
class OutcomeLine:
    """A row of the file, and what would become of it.

    Attributes:
        line: the number of its line, or of its row.
        kind: ``"add"``, ``"change"`` or ``"same"``.
        label: what the row is called.
        changes: by the title of a column, the value before and after.
        faults: titles of columns, and what is wrong there.
        row: the number of its row in a program for tables, where that is not the one of its line.
    """

    line: int
    kind: str
    label: str
    changes: dict[str, list[Any]]
    faults: list[list[str]]
    row: int | None = None


def import_pages(desk: Desk, router: Router) -> None:
    """Add the import of a model."""
    pages = ImportPages(desk)
    form: Any = Form
    view: Any = FormView
    permission(permission_name(desk.resource.model, "import"))
    path = f"{desk.path}/-/import"
    limits = dataclasses.replace(desk.admin.runs.app.limits, body=pages.largest + _BESIDE)
    begin = desk.handler(pages.begin_import, Page, form=view[ImportFile])
    router.get(path, hidden=True)(begin)
    sent = desk.handler(pages.upload, Redirect, form=form[ImportFile], **desk.tenants)
    router.post(path, hidden=True, again=begin, limits=limits)(sent)
    columns = desk.handler(pages.columns, Page, job=int)
    router.get(f"{path}/{{job}}", hidden=True)(columns)
    router.post(f"{path}/{{job}}", hidden=True)(
        desk.handler(pages.choose_columns, Redirect, job=int, form=form[ImportColumns], messages=Messages)
    )
    router.get(f"{path}/{{job}}/preview", hidden=True)(desk.handler(pages.preview, Page, job=int))
    router.get(f"{path}/{{job}}/faults.csv", hidden=True)(desk.handler(pages.faults, Response, job=int))
    router.post(f"{path}/{{job}}/run", hidden=True)(
        desk.handler(pages.run_import, Redirect, job=int, messages=Messages)
    )


class ImportPages:
    """The handlers of imports."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.resource = desk.resource
        self._runs = desk.admin.runs
        self._jobs = desk.admin.runs.jobs
        self.largest: int = size(self.resource.view.import_size)
        self.most: int = self.resource.view.import_rows

    def _begin(self, request: Request, identity: Identity[Any]) -> tuple[Access, Frame]:
        access, frame = self._desk.begin(request, identity)
        access.require("view")
        access.require("import")
        if not access.may("add"):
            access.require("change")
        return access, frame

    # -- the file ----------------------------------------------------------------------------------------------------

    def begin_import(self, request: Request, identity: Identity[Any], db: Session, form: FormView[ImportFile]) -> Page:
        access, frame = self._begin(request, identity)
        names = [self.resource.heading(name) for name in importable(access)]
        most = self.most if self._runs.has_outbox else min(self.most, MOST_WITHOUT_OUTBOX)
        return self._desk.page(
            "import.html", frame, resource=self.resource, form=form, names=names, most=most, largest=self.largest
        )

    def upload(
        self, request: Request, identity: Identity[Any], db: Session, form: ImportFile, tenant: Tenant | None = None
    ) -> Redirect:
        access, frame = self._begin(request, identity)
        if form.file.size > self.largest:
            raise FormError("file", gettext("The file is too large."))
        try:
            sheet = read(form.file, self.most)
        except (FileBroken, PackageMissing) as error:
            raise FormError("file", str(error)) from None
        if sheet.count > MOST_WITHOUT_OUTBOX and not self._runs.has_outbox:
            raise FormError("file", too_many())
        columns = guessed(access, sheet.headings)
        keys = _usual_keys(access, columns)
        settings = {"headings": sheet.headings, "columns": columns, "keys": keys, "counted": sheet.counted}
        values = {
            "model": self.resource.table,
            "kind": "import",
            "name": form.file.filename[:255] or gettext("Import"),
            "settings": settings,
            "tenant": None if tenant is None else tenant.key,
            "total": sheet.count,
            "source": sheet.data,
        }
        number = self._jobs.put(db, identity, request.client or "", values)
        return Redirect(frame.url(self.resource.slug, "-", "import", str(number)))

    # -- the columns -------------------------------------------------------------------------------------------------

    def columns(self, request: Request, identity: Identity[Any], db: Session, job: int) -> Page:
        access, frame = self._begin(request, identity)
        found = self._jobs.get(db, identity, job, self.resource.table, "import")
        settings = found.settings
        samples = [
            [str("" if cell is None else cell)[:80] for cell in row]
            for _, row in itertools.islice(Packed(self._jobs.blob(db, job, "source")), _SAMPLES)
        ]
        names = dict.fromkeys([*importable(access), *(name for name in key_names(access))])
        lines = [
            (heading, settings["columns"][index], [row[index] for row in samples])
            for index, heading in enumerate(settings["headings"])
        ]
        return self._desk.page(
            "import-columns.html",
            frame,
            resource=self.resource,
            job=found,
            lines=lines,
            attributes=[(name, self.resource.heading(name)) for name in names],
            keys=[(name, self.resource.heading(name)) for name in key_names(access)],
            chosen=settings["keys"],
        )

    def choose_columns(
        self, request: Request, identity: Identity[Any], db: Session, job: int, form: ImportColumns, messages: Messages
    ) -> Redirect:
        access, frame = self._begin(request, identity)
        found = self._jobs.get(db, identity, job, self.resource.table, "import")
        back = Redirect(frame.url(self.resource.slug, "-", "import", str(job)))
        wrong = _wrong(access, found.settings["headings"], form)
        if wrong:
            messages.error(wrong)
            return back
        columns = ["" if each == _LEFT_OUT else each for each in form.columns]
        settings = {**found.settings, "columns": columns, "keys": form.keys, "checked": False, "counts": None}
        if not self._jobs.change(db, job, ASKED, FAILED, settings=settings, outcome=None, note=None, done=0):
            return Redirect(frame.url(self.resource.slug, "-", "jobs", str(job)))
        return self._go_on(request, identity, db, job, messages)

    def _go_on(self, request: Request, identity: Identity[Any], db: Session, job: int, messages: Messages) -> Redirect:
        access, frame = self._begin(request, identity)
        ready = self._jobs.get(db, identity, job, self.resource.table, "import")
        try:
            self._runs.begin(db, access, ready)
        except HTTPError as error:
            if error.status >= 500:
                raise
            messages.error(error.detail)
            return Redirect(frame.url(self.resource.slug, "-", "import", str(job)))
        done = self._jobs.get(db, identity, job, self.resource.table)
        if done.state in LIVE:
            return Redirect(frame.url(self.resource.slug, "-", "jobs", str(job)))
        if done.state == DONE:
            messages.success(ngettext("%(num)s row is imported.", "%(num)s rows are imported.", done.total))
        return Redirect(frame.url(self.resource.slug, "-", "import", str(job), "preview"))

    # -- what would become of it -------------------------------------------------------------------------------------

    def preview(self, request: Request, identity: Identity[Any], db: Session, job: int) -> Page:
        _, frame = self._begin(request, identity)
        found = self._jobs.get(db, identity, job, self.resource.table, "import")
        only_faults = "faults" in request.query
        number = _number(request)
        lines = self._lines(db, job, only_faults=only_faults)
        some = list(itertools.islice(lines, number * _PAGE, (number + 1) * _PAGE + 1))
        return self._desk.page(
            "import-preview.html",
            frame,
            resource=self.resource,
            job=found,
            counts=found.settings.get("counts") or NO_COUNTS,
            lines=some[:_PAGE],
            number=number,
            counts_lines=found.settings.get("counted") == LINES,
            titles=self._titles(found.settings),
            more=len(some) > _PAGE,
            only_faults=only_faults,
            can_run=found.state == ASKED and bool(found.settings.get("checked")),
        )

    def _titles(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """What columns are called on pages, by their headings in the file."""
        pairs = zip(settings["headings"], settings["columns"], strict=False)
        return {heading: self.resource.label(name) for heading, name in pairs if name}

    def _lines(self, db: Session, job: int, *, only_faults: bool) -> Iterator[OutcomeLine]:
        for line in lines_in(self._jobs.blob(db, job, "outcome")):
            found = OutcomeLine(*pydantic_core.from_json(line))
            if found.faults or not only_faults:
                yield found

    def faults(self, request: Request, identity: Identity[Any], db: Session, job: int) -> Response:
        self._begin(request, identity)
        found: Row[Any] = self._jobs.get(db, identity, job, self.resource.table, "import")
        lines = list(self._lines(db, job, only_faults=True))

        def pieces() -> Iterator[bytes]:
            yield _line("Line" if found.settings.get("counted") == LINES else "Row", "Column", "Fault")
            for each in lines:
                for title, fault in each.faults:
                    yield _line(each.line, title, fault)

        answer = Stream(pieces(), media_type="text/csv; charset=utf-8; header=present")
        answer.headers.set("content-disposition", content_disposition(f"faults-{found.id}.csv"))
        answer.headers.set("cache-control", "no-store")
        return answer

    def run_import(
        self, request: Request, identity: Identity[Any], db: Session, job: int, messages: Messages
    ) -> Redirect:
        _, frame = self._begin(request, identity)
        found = self._jobs.get(db, identity, job, self.resource.table, "import")
        if found.state != ASKED or not found.settings.get("checked"):
            messages.warning(gettext("Look first at what would become of each row."))
            return Redirect(frame.url(self.resource.slug, "-", "import", str(job), "preview"))
        return self._go_on(request, identity, db, job, messages)


def _usual_keys(access: Access, columns: list[str]) -> list[str]:
    """The key, where the file has all of it."""
    names = access.resource.keys.names
    return list(names) if all(name in columns for name in names) else []


def _wrong(access: Access, headings: list[str], form: ImportColumns) -> str:
    """What is wrong with a choice of columns; empty where nothing is."""
    allowed = {*importable(access), *key_names(access), _LEFT_OUT}
    filled = [each for each in form.columns if each != _LEFT_OUT]
    if len(form.columns) != len(headings) or not set(form.columns) <= allowed:
        return gettext("There is no such column.")
    if not filled or len(filled) != len(set(filled)):
        return gettext("Each column of the file is for another attribute, and one at least for some.")
    if not set(form.keys) <= set(filled) & set(key_names(access)):
        return gettext("Rows are found by columns that the file has.")
    return ""


def _number(request: Request) -> int:
    text = (request.query.get("page") or ["0"])[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _line(*cells: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([written(each) for each in cells])
    return text.getvalue().encode("utf-8", "replace")
