"""Files that are to be imported: read once, held to limits, and kept as lines of JSON, whatever they were."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pydantic_core

from wholestack import Upload
from wholestack.files import ArchiveLimits, ArchiveRefused, extract
from wholestack.languages import gettext

from ._cells import count_shown
from ._sheets import LONGEST_CELL, interval_text, openpyxl, unguarded

MOST_COLUMNS = 200
_LONGEST_CELL = 100_000
_UNPACKED = ArchiveLimits(total=64 * 1024**2, file=64 * 1024**2, files=500, depth=6)
_XML = (".xml", ".rels", ".vml")
_ENCODED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
_ENTITIES = (b"<!DOCTYPE", b"<!ENTITY")
_QUOTED = re.compile(r'"[^"]*"?')
"""A cell in quotes: what parts columns stands outside of them."""
_BETWEEN = re.compile(r"[\s,]*")
ABSENT: Any = type("Absent", (), {"__repr__": lambda _: "ABSENT", "__str__": lambda _: ""})()
"""In the place of a cell of JSON that an object does not name: what is there stays as it is."""
Cells = Sequence[Any]
Place = int | tuple[int, int]
"""Where a row stands in its file: its line, or its row; both where a program for tables counts them otherwise."""
LINES, ROWS = "lines", "rows"


class FileBroken(ValueError):
    """A file that cannot be imported as it is; it says why."""


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A file that was read.

    Attributes:
        headings: the names of its columns.
        data: its rows, for `Packed`.
        count: how many they are; rows with nothing in them are left out.
        counted: what the numbers of its rows are: `LINES` of a text, or `ROWS`.
    """

    headings: list[str]
    data: bytes
    count: int
    counted: str


class Packed:
    """The rows of a file as they are kept: JSON lines, compressed; each with its place in the file.

    Arguments:
        data: what `pack` gave.

    Example:
        >>> sheet = pack([(1, ["a", "b"]), (2, [1, "x"]), (4, [2, "y"])], most=10)
        >>> sheet.headings, sheet.count, list(Packed(sheet.data))
        (['a', 'b'], 2, [(2, [1, 'x']), (4, [2, 'y'])])
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[tuple[Any, list[Any]]]:
        for number, line in enumerate(lines_in(self._data), 1):
            kept = pydantic_core.from_json(line)
            # Of an import that was begun before places were kept there are the cells alone.
            if not isinstance(kept, dict):
                yield number, kept
                continue
            for place in kept.get("absent", ()):
                kept["cells"][place] = ABSENT
            yield kept["at"], kept["cells"]


def lines_in(data: bytes) -> Iterator[bytes]:
    """The lines of a compressed text, one after the other."""
    unpack, rest = zlib.decompressobj(), b""
    view = memoryview(data)
    for start in range(0, len(view), 16 * 1024):
        *lines, rest = (rest + unpack.decompress(view[start : start + 16 * 1024])).split(b"\n")
        yield from lines
    if rest:
        yield rest


class Packer:
    """Compresses lines as they come."""

    def __init__(self) -> None:
        self._pack = zlib.compressobj(1)
        self._done: list[bytes] = []

    def add(self, value: Any) -> None:
        """Add a value as a line."""
        self._done.append(self._pack.compress(pydantic_core.to_json(value, fallback=str) + b"\n"))

    def packed(self) -> bytes:
        """All of it."""
        return b"".join([*self._done, self._pack.flush()])


def pack(rows: Iterable[tuple[Place, Cells]], most: int, counted: str = LINES) -> Sheet:
    """Read the rows of a table, the first of which has the headings.

    Arguments:
        rows: the rows, each with its place.
        most: how many there may be.
        counted: what their places are.

    Raises:
        FileBroken: it has no headings, two of one name, too many rows or columns, or a row that is too long.
    """
    source = iter(rows)
    headings = [str("" if each is None else each).strip() for each in next(source, (0, ()))[1]]
    while headings and not headings[-1]:
        headings.pop()
    _check_headings(headings)
    packer, count = Packer(), 0
    in_lines = counted == LINES
    for number, (place, row) in enumerate(source, 2):
        cells = list(row)
        while len(cells) > len(headings) and cells[-1] in (None, ""):
            cells.pop()
        if len(cells) > len(headings):
            many = gettext("Line %(line)s has more cells than there are headings.")
            told = many if in_lines else gettext("Row %(line)s has more cells than there are headings.")
            raise FileBroken(_at(told, place))
        if any(isinstance(cell, str) and len(cell) > _LONGEST_CELL for cell in cells):
            long = gettext("Line %(line)s has a cell that is too long.")
            raise FileBroken(_at(long if in_lines else gettext("Row %(line)s has a cell that is too long."), place))
        if number > 2 * most + 1_000:  # Lines with nothing in them cost as much as others.
            raise FileBroken(_too_many(most))
        if all(cell in (None, "") or cell is ABSENT for cell in cells):
            continue
        count += 1
        if count > most:
            raise FileBroken(_too_many(most))
        absent = [place for place, cell in enumerate(cells) if cell is ABSENT]
        plain = [None if cell is ABSENT else cell for cell in cells]
        line = {"at": place, "cells": [*plain, *[None] * (len(headings) - len(cells))]}
        packer.add({**line, "absent": absent} if absent else line)
    return Sheet(headings, packer.packed(), count, counted)


def _check_headings(headings: Sequence[str]) -> None:
    if not headings:
        raise FileBroken(gettext("The first line has to name the columns."))
    if len(headings) > MOST_COLUMNS:
        raise FileBroken(gettext("There are too many columns."))
    if any(len(each) > 255 for each in headings):
        raise FileBroken(gettext("The name of a column is too long."))


def _too_many(most: int) -> str:
    return gettext("There are more than %(most)s rows: import them in parts.") % {"most": count_shown(most)}


def _at(told: str, place: Place) -> str:
    return told % {"line": place if isinstance(place, int) else place[0]}


def read(upload: Upload, most: int) -> Sheet:
    """Read an uploaded file, as `pack` does; its kind is told by what is in it.

    Raises:
        FileBroken: it is none of the kinds, or is broken.
        PackageMissing: it is a spreadsheet, and the package for those is not there.
    """
    upload.seek(0)
    head = upload.read(4)
    upload.seek(0)
    if head.startswith(b"PK"):
        return pack(enumerate(_spreadsheet(upload, most), 1), most, ROWS)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileBroken(gettext("This is an old or encrypted spreadsheet: save it as XLSX or CSV."))
    text = _text(upload.read())
    first = text.lstrip()[:1]
    if first == "[":
        values = _array(text)
        lines = _lines_of(text, len(values))
        return pack(_objects(values, lines or range(1, len(values) + 1)), most, LINES if lines else ROWS)
    if first == "{":
        numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        return pack(_objects([_json(line) for _, line in numbered], [number for number, _ in numbered]), most)
    return pack(_csv(text), most)


def _text(data: bytes) -> str:
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise FileBroken(gettext("The text of this file is not UTF-8: save it as CSV in UTF-8.")) from None
    if "\0" in text:
        raise FileBroken(gettext("This is no table that can be read: CSV, XLSX or JSON."))
    return text


def _csv(text: str) -> Iterator[tuple[Place, Cells]]:
    head = _QUOTED.sub("", text[:10_000].partition("\n")[0])
    delimiter = max(",;\t", key=head.count)
    try:
        reader, line = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1
        for number, row in enumerate(reader, 1):
            yield (line if line == number else (line, number)), [unguarded(cell) for cell in row]
            line = reader.line_num + 1
    except csv.Error as error:
        told = gettext("This CSV file is broken: %(why)s.") % {"why": error}
        raise FileBroken(told) from None


def _json(text: str) -> Any:
    try:
        return pydantic_core.from_json(text, cache_strings="keys")
    except ValueError as error:
        told = gettext("This JSON file is broken: %(why)s.") % {"why": str(error)[:200]}
        raise FileBroken(told) from None


def _array(text: str) -> list[Any]:
    found = _json(text)
    return found if isinstance(found, list) else [found]


def _lines_of(text: str, count: int) -> list[int]:
    r"""The lines on which the objects of an array begin; none where two begin on one, and it tells them not apart.

    Example:
        >>> _lines_of('[\n {"a":\n 1}, \n {"a": 2}]', 2), _lines_of('[{"a": 1}, {"a": 2}]', 2)
        ([2, 4], [])
    """
    decode = json.JSONDecoder().raw_decode
    found: list[int] = []
    place, line = text.index("[") + 1, 1
    line += text.count("\n", 0, place)
    for _ in range(count):
        between = _BETWEEN.match(text, place)
        start = between.end() if between is not None else place
        line += text.count("\n", place, start)
        if found and found[-1] == line:
            return []
        found.append(line)
        _, place = decode(text, start)
        line += text.count("\n", start, place)
    return found


def _objects(values: Sequence[Any], places: Sequence[int]) -> Iterator[tuple[Place, Cells]]:
    """The rows of JSON: objects, the names in which are the headings."""
    if not all(isinstance(each, dict) for each in values):
        raise FileBroken(gettext("A JSON file has an array of objects, or an object in each line."))
    names = list(dict.fromkeys(name for each in values for name in each))
    yield 0, names
    for place, each in zip(places, values, strict=True):
        yield place, [each.get(name, ABSENT) for name in names]


# -- spreadsheets ----------------------------------------------------------------------------------------------------


def _spreadsheet(upload: Upload, most: int) -> Iterator[Cells]:
    package = openpyxl()
    _check_archive(upload)
    try:
        book = package.load_workbook(upload.file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        rows = sheet.iter_rows(max_col=MOST_COLUMNS + 1, max_row=2 * most + 1_001, values_only=True)
        for number, row in enumerate(rows, 1):
            if any(isinstance(value, str) and len(value) >= LONGEST_CELL for value in row):
                full = gettext(
                    "Row %(line)s has a cell that is full: its text may have been cut. Import it as CSV or JSON."
                )
                raise FileBroken(_at(full, number))
            yield [_cell(value) for value in row]
    except FileBroken:
        raise
    except Exception as error:  # Whatever a parser of hostile XML may come to.
        raise FileBroken(gettext("This spreadsheet is broken.")) from error


def _full() -> str:
    return gettext("Row %(line)s has a cell that is full: its text may have been cut. Import it as CSV or JSON.")


def _check_archive(upload: Upload) -> None:
    """Unpack it within limits before anybody reads it: a bomb, a link, a document with entities of its own goes no
    further.
    """
    with tempfile.TemporaryDirectory() as folder:
        inside = os.path.join(folder, "sheet")
        try:
            names = extract(upload, inside, _UNPACKED)
        except ArchiveRefused as error:
            raise FileBroken(gettext("This spreadsheet is refused: %(why)s") % {"why": error.detail}) from None
        for name in names:
            if name.lower().endswith(_XML):
                with open(os.path.join(inside, name), "rb") as file:
                    data = file.read()
                if any(each in data for each in _ENTITIES) or b"\0" in data[:4096] or _ENCODED.search(data[:512]):
                    raise FileBroken(gettext("This spreadsheet is broken."))
    upload.seek(0)


def _cell(value: Any) -> Any:
    """A cell as the other kinds of files have it.

    Example:
        >>> _cell(2.0), _cell(datetime.datetime(2026, 11, 27)), _cell("'=1"), _cell(None)
        (2, '2026-11-27T00:00:00', '=1', None)
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return interval_text(value)
    return unguarded(value) if isinstance(value, str) else value
