"""The request at hand, for what has no other way to it: a line in the log."""

from __future__ import annotations

import contextvars

from wholestack.http import Request

current_request: contextvars.ContextVar[Request | None] = contextvars.ContextVar("wholestack.request", default=None)
"""The request that this task or thread answers; handlers ask for a `Request` instead."""

unhandled: contextvars.ContextVar[list[Exception] | None] = contextvars.ContextVar("wholestack.unhandled", default=None)
"""Where a test's client has errors put that no handler took, besides the log, so that the test can raise them."""


def note_unhandled(error: Exception) -> None:
    """Tell a test's client, if one asks, of an error that only the log would show."""
    noted = unhandled.get()
    if noted is not None:
        noted.append(error)
