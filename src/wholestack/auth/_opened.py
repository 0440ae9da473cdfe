"""Sockets and streams of events of who is logged in: each ends when its user is let in no more."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect

from wholestack import App
from wholestack.db import Session, select
from wholestack.sessions import Opened, owner_key

from ._tables import Tables

if TYPE_CHECKING:
    from ._identity import Identity

_BETWEEN = "\0"


class OpenLogins:
    """What is open, by who came in and how: looked at all together, every `every` seconds, and never for each message.

    A user who is closed out or logged out everywhere, a token that is revoked or over, and whoever acts for somebody
    and may not any more, have nothing open from the next look on. What ends with a session is the session's own.

    Arguments:
        tables: the mapped classes.
        clock: the present moment.
        every: seconds between two looks.
    """

    def __init__(self, tables: Tables, clock: Callable[[], datetime.datetime], every: float) -> None:
        self._tables = tables
        self._clock = clock
        self._app: App
        self._opened = Opened(self._alive, every)

    def setup(self, app: App) -> None:
        """Know the app, whose database is asked."""
        self._app = app
        self._opened.setup(app)

    def hold(self, identity: Identity[Any]) -> None:
        """Let what a request has open end with what its user was let in by."""
        user = _key_of(identity.user)
        if not user:
            return  # The request has logged out meanwhile.
        login = identity.login
        version = "" if identity.by_token else str(login.version)
        key = _BETWEEN.join((_key_of(identity.token), user, version, login.impersonator or "", str(login.acts_by)))
        self._opened.hold(key, user, identity.request)

    def doubt(self, user: str) -> None:
        """Look now, and not only with the next look, at what a user has open."""
        self._opened.doubt(self._opened.of(user))

    def _alive(self, keys: Collection[str]) -> list[str]:
        """Those of some keys whose users are still let in; in a query for users, and one for tokens where some are."""
        parts = {key: key.split(_BETWEEN) for key in keys}
        with self._app.session() as db:
            users = self._users(db, {each for _, user, _, staff, _ in parts.values() for each in (user, staff) if each})
            tokens = self._tokens(db, [token for token, *_ in parts.values() if token], users.values())

        def is_let_in(user: str, version: str) -> bool:
            row = users.get(user)
            return row is not None and row.is_active and version in {"", str(row.login_version)}

        return [
            key
            for key, (token, user, version, staff, acts_by) in parts.items()
            if is_let_in(user, version) and (not staff or is_let_in(staff, acts_by)) and (not token or token in tokens)
        ]

    def _users(self, db: Session, texts: Iterable[str]) -> dict[str, Any]:
        user: Any = self._tables.user
        keys = [owner_key(user, text) for text in texts]
        asked = select(user.id, user.is_active, user.login_version).where(user.id.in_(keys))
        return {str(row.id): row for row in db.execute(asked)}

    def _tokens(self, db: Session, texts: Collection[str], owners: Iterable[Any]) -> set[str]:
        if not texts:
            return set()
        token, now = self._tables.token, self._clock()
        asked = select(token.id, token.expires_at).where(token.user_id.in_([row.id for row in owners]))
        return {str(row.id) for row in db.execute(asked) if row.expires_at is None or row.expires_at > now}


def _key_of(row: Any) -> str:
    """The key of a row as text, also where its transaction is over and was rolled back: nothing is loaded for it."""
    key = None if row is None else inspect(row).identity
    return "" if key is None else str(key[0])
