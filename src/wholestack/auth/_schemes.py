"""What OpenAPI says of login: the session's cookie, or any of the tokens that are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wholestack import App
from wholestack.db import stage
from wholestack.sessions import Sessions

from ._identity import Bearer

BY_SESSION = frozenset({"apiKey"})
"""The type of the scheme of sessions, which no token is."""


def login_schemes(app: App, page: str, bearers: Sequence[Bearer]) -> dict[str, Mapping[str, Any]]:
    """The security schemes of an app's logins, by name; a client shows any one of them.

    Arguments:
        app: the app, set up.
        page: the path of its login.
        bearers: what knows tokens; each may say by `security_scheme` what it is called, and OpenAPI's object.
    """
    cookie = next((each.cookie for each in app.plugins if isinstance(each, Sessions)), "session")
    # Over https nobody below this host can set it, and in production there is nothing else.
    name = f"__Host-{cookie}" if stage() == "production" else cookie
    said = f"The session of who has logged in at {page}. A browser sends it by itself."
    found: dict[str, Mapping[str, Any]] = {
        "session": {"type": "apiKey", "in": "cookie", "name": name, "description": said}
    }
    for bearer in bearers:
        word, scheme = getattr(bearer, "security_scheme", ("token", {"type": "http", "scheme": "bearer"}))
        found[word] = scheme
    return found
