"""The plugin for tokens of our own: what programs show in the place of a person's login."""

from __future__ import annotations

import datetime
import functools
import logging
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, or_, update
from sqlalchemy.orm import object_session

from wholestack import App, Request, Response, SetupError
from wholestack.db import Session, select
from wholestack.errors import Fault
from wholestack.languages import gettext

from ._errors import TokenRefused
from ._identity import EVERY, Borne, Identity, Terms
from ._links import digest_of
from ._means import Section
from ._plugin import Auth
from ._policy_forms import SCOPES
from ._token_text import HINT, PREFIX, is_token, new_token

_log = logging.getLogger("wholestack.auth")
_MINUTE = datetime.timedelta(minutes=1)
_SHOWN = "_wholestack_token"
_MOST_NOTED = 10_000
_LONGEST = 255
_AS_SAID: Any = object()


class Tokens:
    """Tokens for programs: ``app.use(Auth(User), Tokens())``.

    People make theirs at ``/account/tokens``; `make` makes them in Python, for services, which are users that are no
    person. A program sends one as ``Authorization: Bearer wst_…``, and a handler that asks for ``user: User`` gets
    whose it is. It carries some of its owner's permissions, ends by itself, and is dead at once when it is revoked or
    its owner is closed out. Of a token only a digest is kept (SHA-256: there are 256 bits of chance in it to guess).

    Arguments:
        prefix: what tokens begin with: 2 to 16 small letters and digits, your own, so that tools tell yours.
        scopes: permissions, and scopes of policies, that people may choose from, with words for each where it is a
            mapping; left out, those that their roles hold, and those of policies.
        days: after how many a token ends where nobody says so.
        longest: the most days that people may ask for.
        most: how many tokens a person may have.

    Raises:
        SetupError: another prefix (``bad-token-prefix``).

    Example:
        >>> Tokens("acme", scopes={"blog.publish": "Publish posts"})
        <Tokens acme_…>
    """

    def __init__(
        self,
        prefix: str = "wst",
        *,
        scopes: Sequence[str] | Mapping[str, str] = (),
        days: float = 90,
        longest: int = 365,
        most: int = 50,
    ) -> None:
        if PREFIX.fullmatch(prefix) is None:
            message, cure = f"{prefix!r} is no prefix of tokens.", "2 to 16 small letters and digits, a letter first."
            raise SetupError([Fault("bad-token-prefix", message, _caller(), cure)])
        self.prefix = prefix
        self.scopes: Mapping[str, str] = scopes if isinstance(scopes, Mapping) else {each: each for each in scopes}
        self.days: float = min(days, longest)
        self.longest = longest
        self.most = most
        #: How the documentation's page may authorise.
        self.security_scheme: tuple[str, Mapping[str, Any]] = (
            "token",
            {"type": "http", "scheme": "bearer", "bearerFormat": f"{prefix}_…", "description": "A token of one's own."},
        )
        self._app: App
        self._terms: Terms
        self._noted: dict[Any, datetime.datetime] = {}
        self._lock = threading.Lock()

    # -- the plugin ----------------------------------------------------------------------------------------------

    def setup(self, app: App) -> None:
        """Let tokens in, and add their pages.

        Raises:
            SetupError: there is no `Auth` (``no-plugin``).
        """
        from ._token_pages import router

        auth = app.plugin(Auth)
        self._app, self._terms = app, auth.terms
        auth.bearers.append(self)
        auth.sections.append(self._section)
        app.include(router, at=auth.places.at)

        def tokens() -> Tokens:
            return self

        app.provide(tokens, scope="app")
        app.middleware(self._noting())

    def _section(self, db: Session, user: Any) -> list[Section]:
        token = self._terms.tables.token
        number = db.scalar(select(func.count()).select_from(token).where(token.user_id == user.id))
        return [Section(gettext("Tokens for programs"), "/tokens", str(number))]

    def __call__(self, token: str, request: Request, db: Session) -> Borne | None:
        """Whom a token stands for; see `Bearer`."""
        if not token.startswith(f"{self.prefix}_"):
            return None
        if not is_token(token, self.prefix):  # Nobody asks the database for what was never given out.
            raise TokenRefused
        rows, user = self._terms.tables.token, self._terms.tables.user
        wanted = select(rows, user).join(user, user.id == rows.user_id).where(rows.digest == digest_of(token))
        found = db.execute(wanted).one_or_none()
        now = self._terms.clock()
        if found is None or (found[0].expires_at is not None and found[0].expires_at <= now):
            raise TokenRefused
        row, owner = found
        if owner.is_active and self._is_due(row, now):
            vars(request)[_SHOWN] = (row.id, now, (request.client or "")[:_LONGEST])
        return Borne(owner, frozenset(row.scopes), row)

    # -- when it was last used -----------------------------------------------------------------------------------

    def _is_due(self, row: Any, now: datetime.datetime) -> bool:
        last = max(filter(None, (row.last_used_at, self._noted.get(row.id))), default=None)
        return last is None or abs(now - last) >= _MINUTE  # A clock that was set back must not stop it.

    def _noting(self) -> Any:
        def note_use(request: Request) -> Generator[None, Response, Response]:
            response = yield
            shown = vars(request).get(_SHOWN)
            if shown is not None:
                response.after(self._note, *shown)
            return response

        vars(note_use)["passes_ready"] = True  # Where nobody asks who it is, no token is looked at.
        return note_use

    def _note(self, key: Any, now: datetime.datetime, address: str) -> None:
        with self._lock:
            if abs(now - self._noted.get(key, now - _MINUTE)) < _MINUTE:
                return  # Another request of the same moment has done it.
            if len(self._noted) >= _MOST_NOTED:
                self._noted.clear()
            self._noted[key] = now
        rows = self._terms.tables.token
        due = or_(rows.last_used_at.is_(None), rows.last_used_at <= now - _MINUTE, rows.last_used_at > now)
        used = update(rows).where(rows.id == key, due).values(last_used_at=now, last_used_address=address)
        with self._app.session() as db:
            db.execute(used, execution_options={"synchronize_session": False})

    # -- making and ending ---------------------------------------------------------------------------------------

    def make(self, user: Any, name: str, *, scopes: Sequence[str] = (), days: float | None = _AS_SAID) -> str:
        """Make a token for a user: a person, or a service. It holds when their session of the database is committed.

        Arguments:
            user: whose it is, loaded or added in a session.
            name: what it is for.
            scopes: the permissions that it carries of theirs; ``("*",)`` is all of them.
            days: after how many it ends; None: never. Left out, as the plugin says.

        Returns:
            its text, which is nowhere else.

        Raises:
            ValueError: the user is in no session, a name that is empty or longer than 255 characters, or no days.
        """
        text, row = self.made(user, name, scopes=scopes, days=days)
        details = {"name": name, "hint": row.hint, "scopes": row.scopes}
        self._note_event("token-made", user, details)
        return text

    def made(self, user: Any, name: str, *, scopes: Sequence[str], days: float | None) -> tuple[str, Any]:
        """As `make`, for who writes the audit trail by themselves: the token's text and its row."""
        db = object_session(user)
        if db is None or not 0 < len(name) <= _LONGEST:
            raise ValueError("A token is made for a user in a session, under a name of 1 to 255 characters.")
        text, now = new_token(self.prefix), self._terms.clock()
        lifetime = self.days if days is _AS_SAID else days
        if lifetime is not None and not lifetime > 0:
            raise ValueError("A token ends after more days than none.")
        row = self._terms.tables.token(
            name=name,
            digest=digest_of(text),
            hint=text[: len(self.prefix) + 1 + HINT],
            scopes=[*scopes],
            created_at=now,
            expires_at=None if lifetime is None else now + datetime.timedelta(days=lifetime),
        )
        db.flush()  # A user that is new has a key from here on.
        row.user_id = user.id
        db.add(row)
        db.flush()
        return text, row

    def revoke(self, user: Any, *, key: Any = None) -> int:
        """End a token of a user, or all of them: at once, when their session of the database is committed.

        Arguments:
            user: whose, in a session.
            key: the token's `id`; left out, all of them.

        Returns:
            how many there were.
        """
        ended = self.revoked(user, key=key)
        for row in ended:
            self._note_event("token-revoked", user, {"name": row.name, "hint": row.hint})
        return len(ended)

    def revoked(self, user: Any, *, key: Any = None) -> list[Any]:
        """As `revoke`, for who writes the audit trail by themselves: the key, the name and the hint of each."""
        rows, db = self._terms.tables.token, object_session(user)
        if db is None:
            raise ValueError("The tokens of a user are revoked where the user is in a session.")
        wanted = select(rows.id, rows.name, rows.hint).where(rows.user_id == user.id)
        found = db.execute(wanted if key is None else wanted.where(rows.id == key)).all()
        if isinstance(db, Session) and self._terms.opened is not None:
            db.after(commit=functools.partial(self._terms.opened.doubt, user.key))
        return [row for row in found if self._ended(db, row.id)]

    def _ended(self, db: Any, key: Any) -> bool:
        """Whether a token ends by this: of two who revoke it at once, one ends it."""
        rows = self._terms.tables.token
        return bool(db.execute(delete(rows).where(rows.id == key)).rowcount == 1)

    def _note_event(self, kind: str, user: Any, details: dict[str, Any]) -> None:
        db: Any = object_session(user)
        db.add(self._terms.tables.event(kind=kind, user=user.key, details=details, created_at=self._terms.clock()))
        _log.info("%s", kind, extra={"user": user.key, "actor": "", "client": ""})

    # -- what may be chosen --------------------------------------------------------------------------------------

    def choices(self, identity: Identity[Any]) -> list[tuple[str, str]]:
        """What a person may give a token of theirs, with words: permissions that they have, and scopes of policies."""
        named = self.scopes or {each: each for each in sorted({*identity.permissions, *SCOPES} - {EVERY})}
        mine = [(name, words) for name, words in named.items() if name in SCOPES or identity.can(name)]
        return [*mine, (EVERY, gettext("Everything that you may do"))]

    def __repr__(self) -> str:
        return f"<Tokens {self.prefix}_…>"


def _caller() -> str:
    frame: Any = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
