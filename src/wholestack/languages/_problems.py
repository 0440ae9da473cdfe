"""Errors for programs, in the language of the request: what an app's format says, with the words that it knows."""

from __future__ import annotations

from typing import Any

from wholestack import HTTPError
from wholestack.errors import ErrorFormat

from ._current import current_language
from ._faults import translated_fault
from ._texts import gettext

_SOURCE = "en"


class SpokenErrors:
    """An app's format of errors, whose titles, details and faults of fields are said in the current language.

    Codes, pointers and all that a program reads stay. A detail is said where a catalogue has the whole of it, the
    app's own first; what is not known stays as it is.

    Arguments:
        written: the app's own format.

    Attributes:
        written: the same.

    Example:
        >>> from wholestack import NotFound
        >>> from wholestack.errors import ProblemDetails
        >>> from wholestack.languages import language
        >>> with language("de"):
        ...     SpokenErrors(ProblemDetails()).body(NotFound(), "r-1")["title"]
        'Nicht gefunden'
    """

    def __init__(self, written: ErrorFormat) -> None:
        self.written: ErrorFormat = written
        self.media_type: str = written.media_type
        self.model: type = written.model

    def body(self, error: HTTPError, request_id: str) -> Any:
        """See `ErrorFormat`."""
        found = self.written.body(error, request_id)
        if isinstance(found, dict):
            for name, text in (("title", error.title), ("detail", error.detail)):
                if text and found.get(name) == text:
                    found[name] = gettext(text)
            faults: Any = found.get("errors")
            # In the language that they are written in they stay, word for word, as they were.
            if isinstance(faults, list) and current_language().tag.partition("-")[0] != _SOURCE:
                for each, fault in zip(faults, error.faults, strict=False):
                    if isinstance(each, dict) and each.get("detail") == fault.detail:
                        each["detail"] = translated_fault(fault.code, None, fault.detail)
        return found
