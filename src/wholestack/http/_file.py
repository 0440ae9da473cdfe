"""A file as an answer: where it lies and how it is to be offered. It is opened by the driver, never here."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Mapping

from ._disposition import content_disposition
from ._headers import Pairs
from ._response import Response

_TEXT_LIKE = frozenset({"application/javascript", "application/json", "application/xml", "image/svg+xml"})


class File(Response):
    """A file from disk: ranges, conditions and a name for saving, read without blocking the event loop.

    Arguments:
        path: the file; `below` keeps it inside a folder.
        name: the name that the browser saves it under; the file's own where left out.
        inline: shown in the browser instead of saved.
        media_type: the Content-Type; guessed from the name where left out.
        below: a folder that the file must lie in, links resolved; hidden files are not served. A request's own words
            in `path` are safe only with it.

    A file that is not there, or is no plain file, is a 404.

    Example:
        >>> File("report.pdf", name="Report 2026.pdf").headers["content-disposition"]
        'attachment; filename="Report 2026.pdf"'
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        inline: bool = False,
        media_type: str | None = None,
        below: str | os.PathLike[str] | None = None,
        headers: Mapping[str, str] | Pairs | None = None,
    ) -> None:
        text = os.fspath(path)
        shown = name if name is not None else text.replace("\\", "/").rpartition("/")[2]
        guessed = media_type or mimetypes.guess_type(shown)[0] or "application/octet-stream"
        if "charset" not in guessed and (guessed.startswith("text/") or guessed in _TEXT_LIKE):
            guessed += "; charset=utf-8"
        self._begin(200, guessed, headers)
        self.file = text
        self.below: str | None = os.fspath(below) if below is not None else None
        if "content-disposition" not in self.headers:
            self.headers.set("content-disposition", content_disposition(shown, inline))
