"""Links and codes that are shown once: each a row, of which only a digest is kept."""

from __future__ import annotations

import datetime
import hashlib
import secrets
from typing import Any

from sqlalchemy import delete, update

from wholestack.db import Session, select

from ._identity import Terms

HOUR = 3600.0


def digest_of(text: str) -> str:
    """What is kept of a text with 128 bits of chance or more.

    Example:
        >>> digest_of("7")[:8]
        '7902699b'
    """
    return hashlib.sha256(text.encode()).hexdigest()


class Links:
    """The links of an app's logins, in one session of the database.

    Arguments:
        terms: what all of an app's logins have in common.
        db: the session; who commits it makes them hold.
    """

    def __init__(self, terms: Terms, db: Session) -> None:
        self._terms = terms
        self._db = db
        self._link = terms.tables.link

    def make(self, purpose: str, user: Any, *, lifetime: float, replaces: bool = True, **data: Any) -> str:
        """A new link; its text, which is nowhere else.

        Arguments:
            purpose: what it is for.
            user: whose it is; None for nobody's yet.
            lifetime: seconds after which it ends.
            replaces: whether earlier ones of the same user and purpose end.
            data: what it carries, as JSON.
        """
        if replaces and user is not None:
            self.end(user, purpose)
        text = self.add(purpose, user, lifetime, data)
        self._db.flush()
        return text

    def add(self, purpose: str, user: Any, lifetime: float, data: dict[str, Any]) -> str:
        """As `make`, beside earlier ones; it is written with what comes next, in one statement with another link."""
        text = secrets.token_urlsafe(32)
        expires = self._terms.clock() + datetime.timedelta(seconds=lifetime)
        key = None if user is None else user.id
        row = self._link(user_id=key, purpose=purpose, digest=digest_of(text), data=data, expires_at=expires)
        self._db.add(row)
        return text

    def find(self, purpose: str, text: str) -> Any:
        """The row of a link that was not shown yet and has not ended; None where there is none."""
        link = self._link
        wanted = select(link).where(link.digest == digest_of(text), link.purpose == purpose, link.used_at.is_(None))
        return self._db.scalar(wanted.where(link.expires_at > self._terms.clock()))

    def take(self, purpose: str, text: str) -> Any:
        """The row of a link, which is used up by that: of two who show it at once, one gets it.

        Returns:
            None where there is none, or somebody was faster.
        """
        link, now = self._link, self._terms.clock()
        fresh = (link.digest == digest_of(text), link.purpose == purpose, link.used_at.is_(None), link.expires_at > now)
        changed: Any = self._db.execute(
            update(link).where(*fresh).values(used_at=now), execution_options={"synchronize_session": False}
        )
        if changed.rowcount != 1:
            return None
        return self._db.scalar(select(link).where(link.digest == digest_of(text)))

    def end(self, user: Any, *purposes: str) -> None:
        """End a user's links of some purposes, or all of them."""
        link = self._link
        ended = delete(link).where(link.user_id == user.id)
        if purposes:
            ended = ended.where(link.purpose.in_(purposes))
        self._db.execute(ended, execution_options={"synchronize_session": False})

    def sweep(self) -> None:
        """Remove what has ended a day ago."""
        link, day = self._link, datetime.timedelta(days=1)
        old = delete(link).where(link.expires_at < self._terms.clock() - day)
        self._db.execute(old, execution_options={"synchronize_session": False})
