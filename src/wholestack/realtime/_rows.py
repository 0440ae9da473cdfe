"""JSON Lines and CSV: answers of many rows, sent as they are made, at the client's pace."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any, Generic, TypeVar

import pydantic
from pydantic_core import from_json

from wholestack import App, Request, Response, Stream
from wholestack.errors import AnswerMismatch
from wholestack.handlers import responder
from wholestack.http import content_disposition

from ._ending import Ending
from ._messages import arguments_of, is_a
from ._source import Plain, Write, async_batches, plain_batches

Row = TypeVar("Row")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NEGATIVE = re.compile(r"-[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


@dataclasses.dataclass(frozen=True)
class JSONLines(Generic[Row]):
    """An answer of one JSON value a line (`application/jsonl`), of an iterable in either colour.

    Arguments:
        rows: the values; an async iterable is cancelled when the client leaves.
        live: send each row at once, and end when the server stops; else rows that come quickly go together, and a stop
            lets them come to their end.
        finish: when the client leaves, go on to the end all the same.

    Example:
        >>> from wholestack import App
        >>> app = App()
        >>> @app.get("/squares")
        ... def squares() -> JSONLines[int]:
        ...     return JSONLines(number * number for number in range(1_000_000))
    """

    rows: Iterable[Row] | AsyncIterable[Row]
    live: bool = False
    finish: bool = False


@dataclasses.dataclass(frozen=True)
class CSV(Generic[Row]):
    """An answer as `text/csv` (RFC 4180) with a header row: the names of the fields of the row's type.

    A text that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``-``, ``@`` or a tab) gets a
    ``'`` in front; numbers stay.

    Arguments:
        rows: models, dataclasses, TypedDicts or other objects with fields.
        filename: the name under which a browser saves it.
        finish: when the client leaves, go on to the end all the same.

    Example:
        >>> from wholestack import App
        >>> class Price(pydantic.BaseModel):
        ...     name: str
        ...     cents: int
        >>> app = App()
        >>> @app.get("/prices.csv")
        ... def prices() -> CSV[Price]:
        ...     return CSV([Price(name="milk", cents=120)], filename="prices.csv")
    """

    rows: Iterable[Row] | AsyncIterable[Row]
    filename: str | None = None
    finish: bool = False


Encoder = Callable[[Any], Callable[[Any], bytes]]


class RowsKind:
    """Both as kinds of answers; see `App.answer`."""

    def __init__(self, app: App, ending: Ending) -> None:
        self._app = app
        self._ending = ending

    def matches(self, annotation: Any) -> bool:
        """See `App.answer`."""
        return is_a(annotation, JSONLines) or is_a(annotation, CSV)

    def shown(self, annotation: Any) -> tuple[Any, str]:
        """What the documentation shows: a row of JSON Lines; CSV is text."""
        if is_a(annotation, CSV):
            return str, "text/csv"
        return arguments_of(annotation, 1)[0], "application/jsonl"

    def responder(self, annotation: Any, status: int | None) -> Callable[[Any, Request], Response]:
        """See `App.answer`."""
        (row,) = arguments_of(annotation, 1)
        kind: type = CSV if is_a(annotation, CSV) else JSONLines
        head, write = _csv(row, self._app.encoder) if kind is CSV else (b"", _lines(row, self._app.encoder))
        as_it_is = responder(Response, None, encoder=self._app.encoder)
        media_type = "text/csv; charset=utf-8; header=present" if kind is CSV else "application/jsonl"

        def respond(value: Any, request: Request) -> Response:
            if isinstance(value, Response):
                return as_it_is(value, request)
            if not isinstance(value, kind):
                raise AnswerMismatch(f"The handler returned no {kind.__name__}, as its annotation says.")
            response = Stream(self._chunks(value, write, head), status or 200, media_type)
            if filename := getattr(value, "filename", None):
                response.headers.set("content-disposition", content_disposition(filename))
            return response

        return respond

    def _chunks(self, value: Any, write: Write, head: bytes) -> Any:
        live = getattr(value, "live", False)
        if hasattr(value.rows, "__aiter__"):
            return async_batches(value.rows, self._ending, write, head, live=live, finish=value.finish)
        plain = Plain(value.rows, self._ending, finish=value.finish, until_stop=live)
        return plain_batches(plain, write, head, live=live)


def _lines(row: Any, encoder: Encoder) -> Write:
    encode = encoder(row)
    return lambda values: b"\n".join([*map(encode, values), b""])


def _csv(row: Any, encoder: Encoder) -> tuple[bytes, Write]:
    encode = encoder(list[row])
    names = _names(row)

    def write(values: list[Any]) -> bytes:
        return _table([_cell(fields.get(name)) for name in names] for fields in from_json(encode(values)))

    return _table([[_cell(name) for name in names]]), write


def _names(row: Any) -> list[str]:
    """The fields of a row, as the wire calls them."""
    schema = pydantic.TypeAdapter(row).json_schema(mode="serialization", by_alias=True)
    found = schema.get("$defs", {}).get(schema.get("$ref", "").rpartition("/")[2], schema)
    names = list(found.get("properties", ()))
    if not names:
        raise TypeError(f"{getattr(row, '__name__', row)} has no fields to be columns of a CSV")
    return names


def _table(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    """A value as a cell: no text in it is a formula.

    Example:
        >>> _cell("=1+1"), _cell(-1.5), _cell(None), _cell(True), _cell([1])
        ("'=1+1", '-1.5', '', 'true', '[1]')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"'{value}" if value.startswith(_FORMULA) and not _NEGATIVE.fullmatch(value) else value
