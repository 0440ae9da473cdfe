"""The routes of exports."""

from __future__ import annotations

import datetime
from typing import Any

from wholestack import BadRequest, Request, Response, Router, Stream
from wholestack.auth import Identity, permission, permission_name
from wholestack.db import Session
from wholestack.files import PackageMissing
from wholestack.http import content_disposition
from wholestack.languages import gettext
from wholestack.templates import Page

from ._desk import Desk
from ._exports import FORMATS, export_columns, rows_of
from ._matching import Matching
from ._sheets import openpyxl

_OWN = frozenset({"_format", "_columns", "_mark"})


def export_pages(desk: Desk, router: Router) -> None:
    """Add the export of a list."""
    pages = ExportPages(desk)
    permission(permission_name(desk.resource.model, "export"))
    router.get(f"{desk.path}/-/export", hidden=True)(desk.handler(pages.ask_export, Page))
    router.get(f"{desk.path}/-/export/file", hidden=True)(desk.handler(pages.export, Response))


class ExportPages:
    """The handlers of exports."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.resource = desk.resource

    def ask_export(self, request: Request, identity: Identity[Any], db: Session) -> Page:
        access, frame = self._desk.begin(request, identity)
        access.require("view")
        access.require("export")
        pairs = [(name, each) for name, values in request.query.items() if name not in _OWN for each in values]
        columns, formats = export_columns(access), list(FORMATS.values())
        return self._desk.page(
            "export.html", frame, resource=self.resource, columns=columns, formats=formats, pairs=pairs
        )

    def export(self, request: Request, identity: Identity[Any], db: Session) -> Response:
        access, _ = self._desk.begin(request, identity)
        access.require("view")
        access.require("export")
        query = request.query
        kind = FORMATS.get((query.get("_format") or ["csv"])[0])
        known = {each.name: each for each in export_columns(access)}
        names = query.get("_columns") or [each.name for each in known.values() if each.usual]
        if kind is None or not all(name in known for name in names):
            raise BadRequest(gettext("There is no such kind of file, or no such column."))
        if kind.name == "xlsx":
            try:
                openpyxl()
            except PackageMissing as error:
                raise BadRequest(str(error)) from None
        columns = [known[name] for name in names]
        rows = rows_of(db, access, Matching(access, db, request.query_string).ordered, columns)
        name = f"{self.resource.slug}-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.{kind.name}"
        answer = Stream(kind.write(columns, rows, "_mark" in query), media_type=kind.media_type)
        answer.headers.set("content-disposition", content_disposition(name))
        answer.headers.set("cache-control", "no-store")
        return answer
