"""A page for an error, while it is rendered: what its helpers look up must not fail with what has failed."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

from wholestack import Request

_SHOWN = "_wholestack_error_page"


@dataclasses.dataclass(frozen=True)
class ErrorPage:
    """A page with a status from 400 on, while it is rendered; the request's own providers may be over by then.

    Attributes:
        status: its status; from 500 on a helper asks nothing that may be away.
        open: takes what a helper opens, such as a session of the database; it ends when the page is rendered, or fails.
    """

    status: int
    open: contextlib.ExitStack


def error_page_of(request: Request) -> ErrorPage | None:
    """The page for an error that is being rendered for a request; None where it is another page.

    Arguments:
        request: the request; for helpers of templates, which are given no more.

    Example:
        >>> error_page_of(Request("GET", "/")) is None
        True
    """
    found = vars(request).get(_SHOWN)
    return found if isinstance(found, ErrorPage) else None


@contextlib.contextmanager
def shown(request: Request, status: int) -> Iterator[None]:
    """Note that a page for an error is rendered in this block, and end what its helpers have opened."""
    with contextlib.ExitStack() as stack:
        vars(request)[_SHOWN] = ErrorPage(status, stack)
        stack.callback(vars(request).pop, _SHOWN)
        yield
