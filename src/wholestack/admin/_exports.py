"""Exports: the rows of a list as a file, written while it is sent, never more than some of them in memory."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import datetime
import decimal
import io
import operator
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pydantic_core
from markupsafe import Markup
from sqlalchemy import Select
from sqlalchemy import inspect as look_at
from sqlalchemy.orm import Bundle, joinedload, selectinload

from wholestack.db import read_many

from ._action_runs import fields_shown
from ._cells import is_row, members, text_of
from ._history import plain
from ._sheets import interval_text, openpyxl, spreadsheet_cell, written

if TYPE_CHECKING:
    from wholestack.db import Session

    from ._access import Access
    from ._resource import Resource

BATCH = 500
"""Rows that are read and written together."""
_MOST_ROWS = 1_048_576
"""Rows of one sheet of a spreadsheet."""
_PIECE = 64 * 1024
Values = Iterable[Sequence[Any]]


@dataclasses.dataclass(frozen=True)
class ExportColumn:
    """A column of an export.

    Attributes:
        name: the attribute's, a path's, or that of a method of the view.
        title: its heading.
        is_attribute: whether it is a column of the model's own table.
        usual: whether it is in a file of which nobody says what is to be in it: all that an import reads again.
    """

    name: str
    title: str
    is_attribute: bool
    usual: bool = True


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        name: its name in a query, and the ending of its files.
        title: what it is called.
        media_type: as the answer says it.
        write: makes bytes of the columns and the rows.
    """

    name: str
    title: str
    media_type: str
    write: Callable[[Sequence[ExportColumn], Values, bool], Iterator[bytes]]


def export_columns(access: Access) -> list[ExportColumn]:
    """What a person may have in an export: the fields that they see, then the list's own columns."""
    resource = access.resource
    fields = [name for name in fields_shown(access) if not _is_bytes(resource, name)]
    found = {name: ExportColumn(name, resource.heading(name), name in resource.attributes) for name in fields}
    for each in resource.columns:
        is_own = bool(each.path) or resource.view.computed(each.name) is not None
        if is_own and each.name not in found and each.name not in resource.attributes and access.visible([each.name]):
            found[each.name] = ExportColumn(each.name, each.title, is_attribute=False, usual=False)
    return list(found.values())


def _is_bytes(resource: Resource, name: str) -> bool:
    return name in resource.attributes and resource.attributes[name].family in {"bytes", "other"}


def rows_of(db: Session, access: Access, statement: Select[Any], columns: Sequence[ExportColumn]) -> Values:
    """The values of the rows, read while they are written; without their objects where only columns are asked for."""
    resource = access.resource
    if all(each.is_attribute for each in columns):
        chosen: Any = Bundle("row", *(getattr(resource.model, each.name) for each in columns))
        yield from read_many(db, statement.with_only_columns(chosen, maintain_column_froms=True), batch=BATCH)
        return
    get = [_getter(access, each) for each in columns]
    for row in read_many(db, statement.options(*_loading(resource, columns)), batch=BATCH):
        yield [each(row) for each in get]


def _loading(resource: Resource, columns: Sequence[ExportColumn]) -> Iterator[Any]:
    names = {each.name.split(".")[0] for each in columns if not each.is_attribute}
    for name in names & resource.relations.keys():
        relation = getattr(resource.model, name)
        yield selectinload(relation) if relation.property.uselist else joinedload(relation)


def _getter(access: Access, column: ExportColumn) -> Callable[[Any], Any]:
    resource = access.resource
    if column.is_attribute:
        return operator.attrgetter(column.name)
    if resource.view.computed(column.name) is not None:
        return lambda row: _shown(getattr(resource.view, column.name)(row))
    path = column.name.split(".")

    def get(row: Any) -> Any:
        for place, step in enumerate(path):
            if place and is_row(row) and not _sees(access, row):
                return None
            row = getattr(row, step, None)
        several = members(row)
        if several is not None and (len(path) == 1 or any(map(is_row, several))):  # The rows of a relation.
            return tuple(_key_of(each) for each in several if _sees(access, each))
        return access.label(row) if is_row(row) else row

    return get


def _key_of(row: Any) -> Any:
    """The key of a row of another model, as an import reads it."""
    key = look_at(row).identity
    return plain(key[0]) if len(key) == 1 else ",".join(str(plain(each)) for each in key)


def _sees(access: Access, row: Any) -> bool:
    """Whether the person may see the row of another model."""
    other = access.of(type(row))
    return other is None or other.may_row("view", row)


def _shown(value: Any) -> Any:
    """What a method of the view gives, without its HTML."""
    if isinstance(value, Markup):
        return value.striptags()
    return value if value is None or isinstance(value, (int, float, decimal.Decimal, datetime.date)) else text_of(value)


# -- kinds of files --------------------------------------------------------------------------------------------------


def _csv(columns: Sequence[ExportColumn], rows: Values, mark: bool) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([written(each.title) for each in columns])
    yield b"\xef\xbb\xbf" if mark else b""
    for row in rows:
        writer.writerow([written(value) for value in row])
        if text.tell() > _PIECE:
            yield _taken(text)
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    found = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return found


def _json(columns: Sequence[ExportColumn], rows: Values, mark: bool) -> Iterator[bytes]:
    before = b"[\n"
    for piece in _pieces(columns, rows, b",\n"):
        yield before + piece
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _json_lines(columns: Sequence[ExportColumn], rows: Values, mark: bool) -> Iterator[bytes]:
    for piece in _pieces(columns, rows, b"\n"):
        yield piece + b"\n"


def _pieces(columns: Sequence[ExportColumn], rows: Values, between: bytes) -> Iterator[bytes]:
    names = [each.name for each in columns]
    waiting: list[bytes] = []
    for row in rows:
        value = {
            name: interval_text(each) if isinstance(each, datetime.timedelta) else each
            for name, each in zip(names, row, strict=True)
        }
        waiting.append(pydantic_core.to_json(value, inf_nan_mode="strings", fallback=str))
        if len(waiting) == BATCH:
            yield between.join(waiting)
            waiting = []
    if waiting:
        yield between.join(waiting)


def _xlsx(columns: Sequence[ExportColumn], rows: Values, mark: bool) -> Iterator[bytes]:
    book = openpyxl().Workbook(write_only=True)
    titles = [spreadsheet_cell(each.title) for each in columns]
    try:
        sheet, count = book.create_sheet(), 1
        sheet.append(titles)
        for row in rows:
            if count == _MOST_ROWS:
                sheet, count = book.create_sheet(), 1
                sheet.append(titles)
            sheet.append([spreadsheet_cell(value) for value in row])
            count += 1
            if count % BATCH == 0:
                yield b""  # A client that has left ends it here.
        with tempfile.TemporaryFile() as file:
            book.save(file)
            file.seek(0)
            while piece := file.read(_PIECE):
                yield piece
    finally:
        for each in book.worksheets:  # What was not saved lies in temporary files.
            with contextlib.suppress(OSError, AttributeError):
                each._writer.cleanup()


FORMATS = {
    each.name: each
    for each in (
        Format("csv", "CSV", "text/csv; charset=utf-8; header=present", _csv),
        Format("xlsx", "XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
        Format("json", "JSON", "application/json", _json),
        Format("jsonl", "JSON Lines", "application/jsonl", _json_lines),
    )
}
"""The kinds of files by their names."""
