"""Logs: readable lines in development, JSON lines in production, each with the request's id."""

from __future__ import annotations

import datetime
import json
import logging
import re
import sys
import time
from typing import Any

from wholestack.handlers import current_request

from ._redact import LONGEST, MASK, cut, is_secret, redacted, redacted_text, shown

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MOST_FIELDS = 40
_TRACE = 4 * LONGEST


def escaped(text: str) -> str:
    r"""Text that stays on one line and moves no cursor, at most 8 KiB (CWE-117).

    Example:
        >>> escaped("a\nb")
        'a\\x0ab'
    """
    return cut(_CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text[: 2 * LONGEST]), LONGEST)


def _message(record: logging.LogRecord) -> str:
    """The record's message, escaped and without secrets; one whose arguments do not fit it is still a line."""
    try:
        message = record.getMessage()
    except Exception as error:  # `logging` itself would print the arguments as they are.
        message = f"{shown(record.msg)} ({type(error).__name__}: the arguments do not fit this message)"
    return escaped(redacted_text(message))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the record says beside its message; what a name marks as secret is masked."""
    request = current_request.get()
    fields: dict[str, Any] = {"request_id": request.id} if request is not None else {}
    if (tracing := sys.modules.get("opentelemetry.trace")) is not None:
        span = tracing.get_current_span().get_span_context()
        if span.is_valid:
            fields["trace_id"] = f"{span.trace_id:032x}"
    for name, value in vars(record).items():
        if name not in _OWN:
            fields[name] = MASK if is_secret(name) else redacted(value)
            if len(fields) == _MOST_FIELDS:
                break
    return fields


def _trace(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    """The error of a record; its own words may hold what the request brought."""
    if not record.exc_info:
        return ""
    try:
        text = formatter.formatException(record.exc_info)
    except Exception as error:  # An error whose own text fails.
        text = f"{shown(record.exc_info[0])} ({type(error).__name__}: it cannot be shown)"
    return redacted_text(text, _TRACE)


class JSONFormatter(logging.Formatter):
    """One JSON object a line, of at most 8 KiB, times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": when,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = _trace(record, self)
        text = json.dumps(line, ensure_ascii=True)
        return text if len(text) <= LONGEST else _fitted(line)


def _fitted(line: dict[str, Any]) -> str:
    """A line that is too long with its longest members cut until it fits."""
    while True:
        text = json.dumps(line, ensure_ascii=True)
        if len(text) <= LONGEST:
            return text
        sizes = {name: len(json.dumps(value)) for name, value in line.items()}
        longest = max(sizes, key=lambda name: sizes[name])
        value = line[longest] if isinstance(line[longest], str) else json.dumps(line[longest])
        over = len(text) - LONGEST
        # Control and other characters take up to six places each in JSON.
        line[longest] = cut(value, max(len(value) // 2, len(value) - over - 40) if len(value) > 80 else 8)


class ConsoleFormatter(logging.Formatter):
    """A line for people: time, level, message, fields, and the traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        when = time.strftime("%H:%M:%S", time.localtime(record.created))
        fields = " ".join(f"{name}={escaped(str(value))}" for name, value in _fields(record).items())
        line = f"{when} {record.levelname:<7} {_message(record)}{'  ' + fields if fields else ''}"
        while len(line) > LONGEST // 4 and len(line.encode("utf-8", "replace")) > LONGEST:
            line = cut(line, len(line) * 3 // 4)
        if record.exc_info:
            # An error's own words may hold line ends and escapes; set off, they cannot pass for lines of the log.
            line = "\n    ".join([line, *map(escaped, _trace(record, self).split("\n"))])
        return line


def configure_logging(*, json_lines: bool, level: str = "INFO") -> None:
    """Send every log record of the process to standard error, in one of the two forms."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter() if json_lines else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
