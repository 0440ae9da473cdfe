"""Logging a client in, without the page of login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._client import AsyncClient, Client

if TYPE_CHECKING:
    from wholestack.auth import Auth


def log_in(client: Client | AsyncClient, user: Any, *methods: str) -> None:
    """Let a client be logged in as a user from here on, as if by a password.

    Arguments:
        client: the client; its app uses `Auth`.
        user: who: a row that the database has, committed or in the test's own transaction.
        methods: by what, in the words of RFC 8176: ``"pwd"``, ``"otp"``, ``"hwk"``; a password where none is given.

    Raises:
        SetupError: the app has no login (``no-plugin``).

    Example:
        >>> from wholestack import App
        >>> from wholestack.auth import Auth, UserMixin
        >>> from wholestack.db import Database, UUIDModel
        >>> class Pilot(UserMixin, UUIDModel): ...
        >>> app = App()
        >>> app.use(Database("sqlite://"), Auth(Pilot))
        >>> @app.get("/me")
        ... def me(pilot: Pilot) -> str:
        ...     return pilot.email
        >>> with Client(app) as client:
        ...     with app.session() as db:
        ...         db.add(pilot := Pilot(email="ann@example.org"))
        ...     log_in(client, pilot)
        ...     client.get("/me").text
        'ann@example.org'
    """
    from wholestack.auth import Auth

    app = client.app
    app.seal()
    auth: Auth = app.plugin(Auth)
    scheme = client._core.builder.scheme
    name, text = auth.begin_session(app, user, *methods, scheme=scheme)
    client.cookies[name] = text
