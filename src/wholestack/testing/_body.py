"""Bodies of requests: JSON, urlencoded and multipart forms, as browsers write them."""

from __future__ import annotations

import datetime
import enum
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any
from urllib.parse import urlencode

Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]
FileContent = bytes | str | IO[bytes]
FileValue = FileContent | tuple[str, FileContent] | tuple[str, FileContent, str]
Files = Mapping[str, FileValue | Sequence[FileValue]] | Iterable[tuple[str, FileValue]]

_ESCAPES = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}


def as_text(value: object) -> str:
    """A value as a query or a form has it.

    Example:
        >>> as_text(True), as_text(datetime.date(2026, 11, 23)), as_text(4.5)
        ('true', '2026-11-23', '4.5')
    """
    if isinstance(value, enum.Enum):
        return as_text(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def pairs_of(fields: Fields) -> Iterator[tuple[str, str]]:
    """Every name with every value as text; a list is repeated, None is left out.

    Example:
        >>> list(pairs_of({"q": "x", "tag": ["a", "b"], "page": None}))
        [('q', 'x'), ('tag', 'a'), ('tag', 'b')]
    """
    for name, value in items(fields):
        for each in value if isinstance(value, (list, tuple, set, frozenset)) else (value,):
            if each is not None:
                yield name, as_text(each)


def items(given: Any) -> Iterable[tuple[str, Any]]:
    """The pairs of a mapping, or pairs as they are."""
    return given.items() if isinstance(given, Mapping) else given


def urlencoded(fields: Fields) -> str:
    """The fields in the `application/x-www-form-urlencoded` form of the URL standard."""
    return urlencode(list(pairs_of(fields)))


def multipart(fields: Fields, files: Files) -> tuple[bytes, str]:
    """A `multipart/form-data` body and its Content-Type (RFC 7578; names escaped as browsers do).

    Example:
        >>> body, media_type = multipart({"title": "x"}, {"file": ("a.csv", b"1;2", "text/csv")})
        >>> body.count(b"content-disposition: form-data; name="), media_type.partition(";")[0]
        (2, 'multipart/form-data')
    """
    boundary = secrets.token_hex(16)
    parts = [_part(boundary, f'name="{_escaped(name)}"', text.encode()) for name, text in pairs_of(fields)]
    for name, value in _each_file(files):
        filename, content, media_type = _file(value)
        names = f'name="{_escaped(name)}"; filename="{_escaped(filename)}"\r\ncontent-type: {media_type}'
        parts.append(_part(boundary, names, content))
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _part(boundary: str, names: str, content: bytes) -> bytes:
    return f"--{boundary}\r\ncontent-disposition: form-data; {names}\r\n\r\n".encode() + content + b"\r\n"


def _escaped(name: str) -> str:
    return name.translate(_ESCAPES)


def _each_file(files: Files) -> Iterator[tuple[str, FileValue]]:
    for name, value in items(files):
        for each in value if isinstance(value, list) else (value,):
            yield name, each


def _file(value: FileValue) -> tuple[str, bytes, str]:
    """The name, content and media type of a file to send."""
    if isinstance(value, tuple):
        filename, content = value[0], value[1]
        media_type = value[2] if len(value) == 3 else None
    else:
        filename, content, media_type = _name_of(value), value, None
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = content.read()
    return filename, content, media_type or "application/octet-stream"


def _name_of(content: FileContent) -> str:
    name = getattr(content, "name", None)
    return name.replace("\\", "/").rpartition("/")[2] if isinstance(name, str) else "upload"
