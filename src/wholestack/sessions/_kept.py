"""What is kept of a session, how a change is merged into it, and what a store must do."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

Fields = Mapping[str, Any]
"""The fields of one model, as JSON has them."""


class _Gone:
    """Stands in a change for a field that is to go."""


GONE: Any = _Gone()


@dataclasses.dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as a store keeps it.

    Attributes:
        data: the fields of each model by the model's name, as JSON.
        created_at: when it was made, or when its user was set: the absolute limit counts from there.
        seen_at: when it was last used, to within five minutes.
        expires_at: when it ends if it is not used any more.
        user: whose it is, as login says; None for a visitor.
        agent: what the browser called itself when the session began.
        address: the client's address then.
        version: counts the changes of `data`, so that a write sees that there was another one.

    Example:
        >>> now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        >>> StoredSession({"Cart": {"count": 2}}, now, now, now + datetime.timedelta(days=14), user="ann").version
        1
    """

    data: Mapping[str, Fields] = dataclasses.field(repr=False)
    created_at: datetime.datetime
    seen_at: datetime.datetime
    expires_at: datetime.datetime
    user: str | None = None
    agent: str = ""
    address: str = ""
    version: int = 1


Change = Callable[[StoredSession], StoredSession]


def merged(data: Mapping[str, Fields], changes: Mapping[str, Fields]) -> dict[str, Fields]:
    """Data with changed fields in it; others stay as they are, whoever has written them.

    Example:
        >>> merged({"Cart": {"a": 1, "b": 2}}, {"Cart": {"a": 3, "b": GONE}, "Theme": {"dark": True}})
        {'Cart': {'a': 3}, 'Theme': {'dark': True}}
    """
    found = {name: dict(fields) for name, fields in data.items()}
    for name, fields in changes.items():
        own = found.setdefault(name, {})
        for field, value in fields.items():
            if value is GONE:
                own.pop(field, None)
            else:
                own[field] = value
    return {name: fields for name, fields in found.items() if fields}


def key_of(cookie: str) -> str:
    """The key under which a session is kept: a hash of the cookie, so that who reads the store has no session by it.

    Example:
        >>> key_of("7")[:8]
        '7902699b'
    """
    return hashlib.sha256(cookie.encode()).hexdigest()


class SessionStore(Protocol):
    """Where sessions are kept. Written as plain code: what waits does so with `wait`, in either colour.

    A store may have a `setup(app)`, which is called when the app is sealed; a `load_many(keys)`, which gives those
    that are there as a dict, in one question; and a `load_with(key, model, db, beside)`, which gives in one question a
    session, the row of a mapped class whose key is its user, each or None, and what `beside` adds to the statement (see
    `BrowserSession.owner_with`); and None alone where it cannot do that.

    Attributes:
        shared: whether all processes see the same sessions.
        waits: whether its calls wait for something outside of the process.
    """

    shared: bool
    waits: bool

    def load(self, key: str) -> StoredSession | None:
        """The session of a key; one that has expired may still be there."""
        ...

    def create(self, key: str, kept: StoredSession) -> None:
        """Keep a new session."""
        ...

    def update(self, key: str, known: StoredSession, change: Change, *, to: str | None = None) -> StoredSession | None:
        """Change a session in one step that no other change can come between, and give what it is now.

        Arguments:
            key: whose it is.
            known: what was loaded; where its version is still the kept one, nobody has written meanwhile.
            change: makes the new state of what is kept now.
            to: a new key for it, in the same step; the old one is dead then.

        Returns:
            None where it is not there any more: what has ended does not begin again.
        """
        ...

    def touch(self, key: str, kept: StoredSession) -> None:
        """Note when it was seen, and when it expires; its data and version stay."""
        ...

    def delete(self, keys: Collection[str]) -> None:
        """End some sessions, at once."""
        ...

    def of(self, user: str) -> Sequence[tuple[str, StoredSession]]:
        """The sessions of a user, with their keys."""
        ...

    def delete_of(self, user: str, but: str | None) -> int:
        """End all sessions of a user but the one with a key; how many they were."""
        ...

    def sweep(self, before: datetime.datetime, most: int) -> int:
        """Remove up to so many that have expired before a moment; how many they were."""
        ...
