"""The browser that has asked for something, known again by its session: what was sent elsewhere opens nothing there."""

from __future__ import annotations

import secrets

import pydantic

from wholestack.sessions import BrowserSession

from ._links import digest_of


class Browser(pydantic.BaseModel):
    """What a session keeps of its browser.

    Attributes:
        mark: a random text, which never leaves the session.
        ticket: the key of the code that was mailed last.
    """

    mark: str = ""
    ticket: str = ""


def mark_of(session: BrowserSession[Browser]) -> str:
    """By what a browser is known again: a digest of its mark, which it gets when it first asks for something."""
    if not session.data.mark:
        session.data.mark = secrets.token_urlsafe(16)
    return digest_of(session.data.mark)


def is_marked(session: BrowserSession[Browser], mark: object) -> bool:
    """Whether a session is of the browser that was marked so."""
    own = session.data.mark
    return bool(own) and digest_of(own) == mark
