"""One request's part in a session: what it has loaded, what it has changed, and what the browser is told at its end."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm.attributes import instance_state

from wholestack import Request, Response
from wholestack.db import Session

from ._cookie import CookieSessions, SessionTooLarge
from ._kept import GONE, Change, Fields, SessionStore, StoredSession, key_of, merged
from ._keys import Keys, new_id
from ._opened import Opened
from ._owner import Beside, owner_key
from ._shape import Part, Shape

_log = logging.getLogger("wholestack.sessions")
_ID = re.compile(r"[\w-]{43}", re.ASCII)
_VISIT = "_wholestack_visit"
TOKEN_COOKIE = "csrf"  # noqa: S105  (a name)
"""What a token is bound to, for a visitor without a session."""
MESSAGES = "messages"
"""The name under which a session keeps messages."""
_AGENT, _ADDRESS = 255, 64
_SEEN = 300.0
"""Seconds after which it is noted again that a session is used."""


@dataclasses.dataclass(frozen=True)
class Terms:
    """What an app's sessions have in common.

    Attributes:
        store: where they are kept; None for a guard without sessions.
        keys: what signs.
        cookie: the name of their cookie, without its prefix.
        idle: seconds after which one ends that nobody uses.
        lifetime: seconds after which one ends in any case.
        clock: the present moment.
        secure: whether cookies are for https only, whatever a request came by.
        sweeping: what removes the expired ones, when it is time; else None.
        opened: the sockets and streams of sessions in this process.
    """

    store: SessionStore | CookieSessions | None
    keys: Keys
    cookie: str
    idle: float
    lifetime: float
    clock: Callable[[], datetime.datetime]
    secure: bool
    sweeping: Callable[[], Callable[[], object] | None]
    opened: Opened = dataclasses.field(default_factory=Opened)

    def end_of(self, kept: StoredSession) -> datetime.datetime:
        """When a session ends, by the limits of today: an app that shortens them means the old ones as well."""
        unused = kept.seen_at + datetime.timedelta(seconds=self.idle)
        return min(kept.expires_at, unused, kept.created_at + datetime.timedelta(seconds=self.lifetime))

    def named(self, name: str, request: Request) -> tuple[str, bool]:
        """A cookie's name for a request, and whether it is `Secure`: over https nobody below this host can set it."""
        secure = self.secure or request.scheme in {"https", "wss"}
        return (f"__Host-{name}" if secure else name), secure


class Visit:
    """A request's session, of whatever models: made for each request that may use one, loaded when it does.

    Handlers ask for `BrowserSession` and `Messages`, which are views of it.

    Arguments:
        terms: what all of an app's sessions have in common.
        request: the request.
        store: the store as this request sees it.
        eager: made where nothing waits at the end, as on a page for an error: what must be kept is written at once.
    """

    def __init__(
        self, terms: Terms, request: Request, store: SessionStore | CookieSessions | None, *, eager: bool = False
    ) -> None:
        self.terms = terms
        self.request = request
        self.store = store
        self.eager = eager
        self.touched: bool = False
        self.finished: bool = False
        #: Messages that were taken for a page which is streamed.
        self.held: list[Any] = []
        #: Called when what this request has open begins: it may end by more than its session.
        self.also: Callable[[], None] | None = None
        #: Keys of sessions that may have ended with this request.
        self.doubted: list[str] = []
        self._loaded = False
        self._kept: StoredSession | None = None
        self._parts: dict[str, Part] = {}
        self._user: str | None = None
        self._rotates = self._revoked = self._gave_token = False
        self._ending: list[str] = []
        self._written: str | None = None
        self._new: str | None = None
        vars(request)[_VISIT] = self

    # -- what is kept --------------------------------------------------------------------------------------------

    @functools.cached_property
    def cookie(self) -> str | None:
        """The text of the session's cookie; read when it is first asked for, since many a page has to do with none."""
        return _text(self.request, self.terms.named(self.terms.cookie, self.request)[0], self.store)

    @property
    def id(self) -> str | None:
        """The part of the cookie that names the session; it stays when signed data changes."""
        return None if self.cookie is None else self.cookie.partition(".")[0]

    @property
    def key(self) -> str | None:
        """The key under which the session is kept; None before there is one."""
        return key_of(self.cookie) if self.kept is not None and self.cookie is not None else None

    @property
    def kept(self) -> StoredSession | None:
        """The session as it was kept, loaded now if it was not; None where there is none that is alive."""
        self.touched = True
        if not self._loaded and not self.finished:
            self._loaded = True
            self._take(self._found())
        return self._kept

    def _take(self, found: StoredSession | None) -> None:
        self._kept = found if found is not None and self.terms.clock() < self.terms.end_of(found) else None
        if self._kept is not None and self.request.method == "WEBSOCKET":
            self.hold()

    def _found(self) -> StoredSession | None:
        if self.cookie is None or self.store is None:
            return None
        if isinstance(self.store, CookieSessions):
            return self.store.read(self.terms.keys, self.terms.named(self.terms.cookie, self.request)[0], self.cookie)
        return self.store.load(key_of(self.cookie))

    def hold(self) -> None:
        """Let what this request has open, a socket or a stream of events, end with its session."""
        if self.also is not None:
            self.also()
        cookie = self._written or (None if self._kept is None else self.cookie)
        if cookie is not None and not isinstance(self.store, CookieSessions):
            user = self._user or (None if self._kept is None else self._kept.user)
            self.terms.opened.hold(key_of(cookie), user, self.request)

    def part(self, shape: Shape[Any]) -> Part:
        """The value of a model."""
        self.touched = True
        found = self._parts.get(shape.name)
        if found is None:
            kept = self.kept
            found = self._parts[shape.name] = Part.of(shape, kept.data.get(shape.name, {}) if kept else {})
        return found

    @property
    def user(self) -> str | None:
        """Whose session it is."""
        kept = self.kept
        return self._user if self._user is not None else kept.user if kept is not None else None

    @user.setter
    def user(self, user: str | None) -> None:
        if user is not None and not isinstance(user, str):
            raise TypeError(
                f"session.user is a text that names a user, such as str(user.id), or None for nobody, "
                f"and not of the type {type(user).__name__}."
            )
        if self.user not in {None, user}:
            self.revoke()  # What is in it belongs to somebody else.
        if user is not None:
            self._user = user
            self.rotate()

    def owner(self, model: Any, db: Session, beside: Beside | None = None) -> tuple[Any, Sequence[Any] | None]:
        """The row of whom the session is, loaded with the session where nobody has asked for that yet; and what stands
        beside it, where that was loaded with them.
        """
        self.touched = True
        row, more = None, None
        together = getattr(self.store, "load_with", None)
        if together is not None and self.cookie is not None and not (self._loaded or self.finished):
            found = together(key_of(self.cookie), model, db, beside)
            if found is not None:
                self._loaded = True
                kept, row, more = found
                self._take(kept)
        user = self.user
        if row is not None and str(instance_state(row).key[1][0]) == user:  # type: ignore[index]  # It has a key.
            return row, more
        key = None if user is None else owner_key(model, user)
        return (None if key is None else db.get(model, key)), None

    # -- what ends, and what begins ------------------------------------------------------------------------------

    def rotate(self) -> None:
        """Take a new id for the same data at the end of the request; the old one is dead then."""
        if self.kept is not None:
            self._rotates, self._new = True, new_id()

    def revoke(self) -> None:
        """End the session; what is written from here on begins another one."""
        self.touched = self._loaded = True
        if self.cookie is not None:
            self._ending.append(key_of(self.cookie))
            self._revoked = True
        self.cookie = self._kept = self._user = self._new = None
        self._parts.clear()
        self._rotates = False

    @property
    def token_base(self) -> str:
        """What a proof of one's own forms is bound to: the session's id, or for a visitor without one a random text."""
        self.touched = True
        found = self._new or (None if self._revoked else base_sent(self.terms, self.request))
        if found is None:
            # It becomes the session's id if one begins with this request, so that the token holds for it as well.
            found = self._new = new_id()
            self._gave_token = True
        return found

    def expect_stream(self, *, token: bool) -> None:
        """A page will use the session while it is streamed, when no header can be sent any more."""
        self.touched = True
        if token:
            _ = self.token_base  # Its cookie goes with the head.

    # -- the end of the request ----------------------------------------------------------------------------------

    def finish(self, response: Response) -> Response:
        """Keep what has changed, and give the answer with its cookies."""
        if not self.touched or self.finished:
            return response
        written = self._written = self._saved(failed=response.status >= 500)
        self.finished = True
        if written is not None:
            self._set(response, self.terms.cookie, written, round(self.terms.lifetime))
        elif self._revoked:
            self._set(response, self.terms.cookie, "", 0)
        if written is None and self._gave_token and self._new is not None:
            self._set(response, TOKEN_COOKIE, self._new, None)
        self._guard(response)
        if written is not None and (sweep := self.terms.sweeping()) is not None:
            response.after(sweep)
        return response

    def _set(self, response: Response, name: str, value: str, max_age: int | None) -> None:
        full, secure = self.terms.named(name, self.request)
        response.set_cookie(full, value, secure=secure, max_age=max_age)

    def _guard(self, response: Response) -> None:
        """Keep the answer out of caches that serve others."""
        headers = response.headers
        headers.vary("cookie")
        found = headers.get("cache-control")
        if "set-cookie" in headers:
            words = {each.partition("=")[0].strip().lower() for each in (found or "").split(",")}
            if not words & {"private", "no-store"}:
                headers.set("cache-control", "no-store")
        elif found is None:
            headers.set("cache-control", "private")

    def keep_now(self) -> None:
        """Write what has changed, where the end of the request cannot."""
        if self.eager and self.store is not None and self.store.waits:
            changes, kept, cookie = self._changes(), self._kept, self.cookie
            if changes and kept is not None and cookie is not None and not isinstance(self.store, CookieSessions):
                self.store.update(key_of(cookie), kept, self._change(changes))

    def _saved(self, *, failed: bool) -> str | None:
        """Keep what has changed; the text of the cookie, where it is to be set."""
        store = self.store
        if store is None or (self.eager and store.waits):
            return None
        if self._ending and not isinstance(store, CookieSessions):
            store.delete(self._ending)
            self.doubted += self._ending
        changes = {} if failed else self._changes()
        user = None if failed else self._user
        kept, cookie = self._kept, self.cookie
        if kept is None or cookie is None:
            return self._begun(changes, user) if changes or user is not None else None
        now = self.terms.clock()
        if isinstance(store, CookieSessions):
            if changes or user is not None or self._rotates or self._is_due(kept, now):
                return self._signed(store, self._new or self.id or "", self._change(changes, user)(kept))
        elif changes or user is not None or self._rotates:
            to = self._new if self._rotates else None
            if store.update(key_of(cookie), kept, self._change(changes, user), to=to and key_of(to)) is not None:
                self.doubted += [key_of(cookie)] if to else []
                return to
            if user is not None:  # Two logins at once: what a visitor had goes with each.
                return self._begun(changes, user, {} if kept.user is not None else kept.data)
            if changes:  # One that was ended meanwhile stays so.
                _log.warning("a session was ended or rotated meanwhile; what a request has written into it is lost")
        elif self._is_due(kept, now):
            self._touch(store, key_of(cookie), self._change({})(kept))
        return None

    def begin(self, user: str, data: Mapping[str, Fields]) -> str:
        """Begin another session, of a user, with this data; the text of its cookie."""
        found = self._begun({name: dict(fields) for name, fields in data.items()}, user)
        return found or ""

    def _begun(
        self, changes: dict[str, Fields], user: str | None, data: Mapping[str, Fields] | None = None
    ) -> str | None:
        """Begin a session for a visitor who stores something; over a socket no cookie can be set any more."""
        store = self.store
        if store is None or self.request.method == "WEBSOCKET":
            return None
        now = self.terms.clock()
        agent = (self.request.headers.get("user-agent") or "")[:_AGENT]
        kept = StoredSession(data or {}, now, now, now, None, agent, (self.request.client or "")[:_ADDRESS])
        kept = dataclasses.replace(self._change(changes, user)(kept), version=1)
        own = self._new or new_id()
        if isinstance(store, CookieSessions):
            return self._signed(store, own, kept)
        store.create(key_of(own), kept)
        return own

    def _signed(self, store: CookieSessions, id: str, kept: StoredSession) -> str:
        """The text of a cookie. The handler's work is done and stored by now, so messages give way before it fails."""
        name, lost = self.terms.named(self.terms.cookie, self.request)[0], 0
        while True:
            try:
                text = store.write(self.terms.keys, name, id, kept)
            except SessionTooLarge:
                waiting = kept.data.get(MESSAGES)
                if not waiting:
                    raise
                kept = dataclasses.replace(kept, data=merged(kept.data, {MESSAGES: {min(waiting): GONE}}))
                lost += 1
            else:
                if lost:
                    _log.warning("%d messages did not fit into a session's cookie and are lost, the oldest first", lost)
                return text

    def _changes(self) -> dict[str, Fields]:
        found = {name: part.changes() for name, part in self._parts.items()}
        return {name: changed for name, changed in found.items() if changed}

    def _change(self, changes: dict[str, Fields], user: str | None = None) -> Change:
        """What makes of a kept session the one after this request."""
        now = self.terms.clock()

        def change(kept: StoredSession) -> StoredSession:
            found = dataclasses.replace(kept, data=merged(kept.data, changes), seen_at=now)
            if user is not None:  # A user's session is as old as the login.
                found = dataclasses.replace(found, user=user, created_at=now)
            ends = (now, self.terms.idle), (found.created_at, self.terms.lifetime)
            expires = min(begin + datetime.timedelta(seconds=seconds) for begin, seconds in ends)
            return dataclasses.replace(found, expires_at=expires)

        return change

    def _is_due(self, kept: StoredSession, now: datetime.datetime) -> bool:
        """Whether it is to be noted that the session is used; a clock that was set back must not stop that."""
        return abs((now - kept.seen_at).total_seconds()) >= min(_SEEN, self.terms.idle / 10)

    def _touch(self, store: SessionStore, key: str, kept: StoredSession) -> None:
        try:
            store.touch(key, kept)
        except Exception:
            # The page is there; that it was looked at is no reason to refuse it.
            _log.warning("it could not be noted that a session is used", exc_info=True)


def visit_of(request: Request) -> Visit | None:
    """The visit of a request, where something has begun one."""
    return vars(request).get(_VISIT)


def begun(terms: Terms, request: Request, store: SessionStore | CookieSessions) -> Visit:
    """The visit of a request, begun now: where the request is a copy, as for a form's page, it is that of the first.

    A request that is tried again begins anew.
    """
    found = visit_of(request)
    if found is None or found.request is request:
        return Visit(terms, request, store)
    found.store, found.eager = store, False
    return found


def base_sent(terms: Terms, request: Request) -> str | None:
    """What a request's token must be bound to: the id in the cookie of its session, else the cookie for this only."""
    session = _text(request, terms.named(terms.cookie, request)[0], terms.store)
    found = session if session is not None else _text(request, terms.named(TOKEN_COOKIE, request)[0], None)
    return None if found is None else found.partition(".")[0]


def _text(request: Request, name: str, store: SessionStore | CookieSessions | None) -> str | None:
    """A cookie that can be one of ours by its form."""
    found = request.cookies.get(name)
    if found is None:
        return None
    if isinstance(store, CookieSessions):
        return found if _ID.fullmatch(found.partition(".")[0]) else None
    return found if _ID.fullmatch(found) else None
