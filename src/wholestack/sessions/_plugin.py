"""The plugins: sessions, and the guard against other sites' requests alone."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import datetime
import functools
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypedDict

from typing_extensions import Unpack

from wholestack import App, Request, Response, SetupError
from wholestack.db import Database, Session, stage
from wholestack.errors import Fault, WholestackError
from wholestack.middleware import OriginPattern
from wholestack.routing import where_of

from ._around import surround, visiting
from ._check import faults, no_secret
from ._cookie import CookieSessions
from ._csrf import Guard
from ._database import DatabaseSessions
from ._kept import SessionStore, StoredSession
from ._keys import Given, Keys
from ._memory import MemorySessions
from ._messages import Messages
from ._opened import Opened
from ._origin import Trusted
from ._session import BrowserSession
from ._shape import Shape, T
from ._visit import Terms, Visit, begun
from ._wanted import routers, wanted

Origins = Iterable[str | OriginPattern]
DAY = 86_400.0
_SWEPT, _BATCH = 600.0, 500
"""Seconds between two looks for what has expired, and rows that one look removes at most."""


class NotRevocable(WholestackError):
    """Sessions in signed cookies are with their browsers only: they cannot be listed, and not be ended from here."""

    code: str = "not-revocable"


@dataclasses.dataclass(frozen=True)
class Device:
    """A session in the list of a user's devices.

    Attributes:
        key: its name, which is no secret; `BrowserSession.key` is that of the session at hand.
        created_at: when the user has logged in.
        seen_at: when it was last used, to within five minutes.
        agent: what the browser called itself then.
        address: the client's address then.
    """

    key: str
    created_at: datetime.datetime
    seen_at: datetime.datetime
    agent: str
    address: str


class SessionOptions(TypedDict, total=False):
    """How sessions are; each has a default.

    `idle`: seconds after which a session ends that nobody uses (14 days); `lifetime`: seconds after which it ends in
    any case (90 days); `cookie`: the cookie's name, without ``__Host-`` (``"session"``); `secret`: what signs, or
    several for rotation, the first of which signs (left out, ``SECRET_KEY`` in the environment); `csrf`: whether
    requests of other sites are refused (True); `trusted_origins`: other sites whose pages may send them; `recheck`:
    seconds between two looks whether the sessions of open sockets and streams of events have ended in another process
    (30); `clock`: gives the present moment, aware (the system's).
    """

    idle: float
    lifetime: float
    cookie: str
    secret: Given
    csrf: bool
    trusted_origins: Origins
    recheck: float
    clock: Callable[[], datetime.datetime]


class CSRF:
    """Refuses requests that another site has made a browser send; `Sessions` brings it along.

    For apps that know their users by other cookies, or by HTTP's Basic authentication. Other sites whose pages may
    send requests are named; a route for programs says ``csrf=False``.

    Arguments:
        trusted_origins: other sites, as browsers call them, ``"https://shop.example"``, and `OriginPattern`s.
        secret: what signs tokens, or several; left out, ``SECRET_KEY`` in the environment.

    Raises:
        SetupError: something that is no origin (``bad-guard``).

    Example:
        >>> app = App()
        >>> app.use(CSRF(trusted_origins=["https://shop.example"]))
    """

    def __init__(self, *, trusted_origins: Origins = (), secret: Given = None) -> None:
        self.where: str = _caller()
        self.trusted: Trusted = _trusted(trusted_origins, self.where)
        self._secret = secret
        self._guard: Guard | None = None
        self._terms: Terms | None = None

    def setup(self, app: App) -> None:
        """Guard the app; where it has sessions, they do."""
        if any(isinstance(each, Sessions) for each in app.plugins) or wanted(app):
            return
        keys = Keys(self._secret)
        terms = Terms(None, keys, "session", DAY, DAY, _now, stage() == "production", lambda: None)
        self._terms, self._guard = terms, Guard(terms, self.trusted)
        surround(app, self._guard)
        app.check(lambda: [*faults(app, terms, self.where)])

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get by this plugin: `csrf_token`, and `csrf`, a hidden field."""
        return {} if self._terms is None or self._guard is None else helpers(self._terms, self._guard)

    def page_rendered(self, page: Response, request: Request) -> None:
        """Send what a token needs before a page is streamed that may have one."""
        expect(page, request, self._terms, self._guard)


def expect(page: Response, request: Request, terms: Terms | None, guard: Guard | None) -> None:
    """Make ready for a page that is streamed: what it uses of a session it uses when its head is away."""
    if terms is not None and page.stream is not None:
        visit = visiting(terms, request)
        visit.expect_stream(token=guard is not None)
        if terms.store is not None and "messages" in getattr(page, "asks", ()):
            Messages(visit).hold()


def helpers(terms: Terms, guard: Guard) -> dict[str, Callable[[Request], Any]]:
    """The names of a guard for templates."""
    return {
        "csrf_token": lambda request: guard.token(visiting(terms, request)),
        "csrf": lambda request: guard.field(visiting(terms, request)),
    }


class Sessions:
    """Sessions: typed data that stays with a visitor, messages for the next page, and the guard against other sites.

    An app has them by itself where a function asks for `BrowserSession` or `Messages`; by hand to say more. In Python
    ``sessions: Sessions`` gives a handler the list of a user's devices, and ends them.

    Arguments:
        store: where they are kept: left out, in the app's `Database`, and without one in memory.
        options: see `SessionOptions`.

    Raises:
        SetupError: a time that is none, or something that is no origin (``bad-guard``).

    Example:
        >>> app = App()
        >>> app.use(Sessions(idle=1800, lifetime=8 * 3600))
    """

    def __init__(self, store: SessionStore | CookieSessions | None = None, **options: Unpack[SessionOptions]) -> None:
        self.store = store
        self.where: str = _caller()
        self.idle: float = options.get("idle", 14 * DAY)
        self.lifetime: float = options.get("lifetime", 90 * DAY)
        self.cookie: str = options.get("cookie", "session")
        self.clock: Callable[[], datetime.datetime] = options.get("clock", _now)
        self.trusted: Trusted = _trusted(options.get("trusted_origins", ()), self.where)
        self._secret: Given = options.get("secret")
        self._guards = options.get("csrf", True)
        self._swept: datetime.datetime | None = None
        self._guard: Guard | None = None
        self._terms: Terms | None = None
        self._used: SessionStore | CookieSessions | None = None
        self._recheck = options.get("recheck", 30.0)
        self._visit: Visit | None = None
        self._transaction: Session | None = None
        if min(self.idle, self.lifetime, self._recheck) <= 0:
            message = "Sessions(idle=…, lifetime=…, recheck=…) are seconds, more than none."
            raise SetupError([Fault("bad-guard", message, self.where, "Sessions(idle=1800)")])

    #: What is part of the plan of each handler that answers with a page: messages and tokens are shown there.
    template_needs: tuple[Any, ...] = (Visit,)

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get by this plugin: `messages`, `csrf_token`, and `csrf`, a hidden field."""
        terms = self._terms
        if terms is None:
            return {}
        own = {} if self._guard is None else helpers(terms, self._guard)
        return {"messages": lambda request: Messages(visiting(terms, request)), **own}

    def page_rendered(self, page: Response, request: Request) -> None:
        """Send what a token needs before a page is streamed that may have one, and keep it out of shared caches."""
        expect(page, request, self._terms, self._guard)

    def setup(self, app: App) -> None:
        """Provide sessions, and guard the app."""
        store = self.store
        if store is None:
            has = any(isinstance(each, Database) and each.is_default and not each.read_only for each in app.plugins)
            store = DatabaseSessions() if has else MemorySessions()
        set_up = getattr(store, "setup", None)
        if set_up is not None:
            set_up(app)
        keys, secure = Keys(self._secret), stage() == "production"
        if isinstance(store, CookieSessions) and secure and not keys.given:
            raise SetupError([no_secret(self.where)])
        self._used = store
        opened = Opened(self._alive, self._recheck)
        opened.setup(app)
        terms = Terms(store, keys, self.cookie, self.idle, self.lifetime, self.clock, secure, self._sweeping, opened)
        self._terms = terms
        # A guard that is used by name says whom to trust.
        trusted = next((each.trusted for each in app.plugins if isinstance(each, CSRF)), self.trusted)
        self._guard = Guard(terms, trusted) if self._guards else None
        surround(app, self._guard)
        app.provide(_visit_provider(terms, store), waits=store.waits)
        app.provide(_messages)
        app.provide(_session_provider(BrowserSession, Shape(dict[str, Any])))
        app.provide(self._within)
        app.check(lambda: [*faults(app, terms, self.where), *self._of_mounts(app)])

    def _of_mounts(self, app: App) -> Iterator[Fault]:
        """Apps of ours below this one that take its cookie for none of theirs, and put their own in its place."""
        for mount in (mount for router in routers(app) for mount in router.mounts):
            below = getattr(mount.app, "__self__", mount.app)  # Also for `app.wsgi`.
            if not isinstance(below, App):
                continue
            with contextlib.suppress(SetupError):  # A check of that app says it.
                below.seal()
            found = next((each for each in below.plugins if isinstance(each, Sessions)), None)
            if found is not None and found.cookie == self.cookie and not self._shares(found):
                message = f"The app at {mount.at} calls its cookie {self.cookie!r} too: each ends the other's sessions."
                yield Fault("same-cookie", message, mount.where, f'Sessions(cookie="{self.cookie}2") in one of them.')

    def _shares(self, other: Sessions) -> bool:
        """Whether two apps have the same sessions."""
        mine, its = self._used, other._used
        if isinstance(mine, DatabaseSessions) and isinstance(its, DatabaseSessions):
            return mine.is_beside(its)
        if isinstance(mine, CookieSessions) and isinstance(its, CookieSessions) and self._terms and other._terms:
            return self._terms.keys.signed("") == other._terms.keys.signed("")
        return mine is its

    def _within(self, visit: Visit) -> Sessions:
        """These, in a request: what the request's own connection can do is done there."""
        bound = copy.copy(self)
        bound._used = visit.store
        bound._visit = visit
        return bound

    def begin_for(
        self, user: str, data: Mapping[str, Mapping[str, Any]], *, scheme: str = "https", like: Request | None = None
    ) -> tuple[str, str]:
        """Begin a session of a user outside of a request of theirs: for tests, and for what logs in elsewhere.

        Arguments:
            user: whose.
            data: the fields of each model by the model's name, as JSON has them.
            scheme: by which the cookie is to be sent.
            like: a request whose browser and address it is noted with.

        Returns:
            the name and the text of its cookie.
        """
        terms = self._sealed()
        request = Request("GET", "/") if like is None else copy.copy(like)
        request.scheme = scheme
        visit = Visit(terms, request, self._used)
        text = visit.begin(user, data)
        return terms.named(self.cookie, request)[0], text

    def nobodys(self, model: type[T], request: Request) -> BrowserSession[T]:
        """A session that belongs to no browser and is kept nowhere: for what works with sessions outside of requests.

        Arguments:
            model: its data's.
            request: one that stands in for that of a browser.
        """
        return BrowserSession(Visit(self._sealed(), request, None), Shape(model))

    def reader(self, model: type[T]) -> Callable[[Request], BrowserSession[T]]:
        """What finds the session of a request whose plan has none, or has ended: for what pages for errors show.

        Arguments:
            model: its data's.
        """
        terms, shape = self._sealed(), Shape[T](model)
        return lambda request: BrowserSession(visiting(terms, request), shape)

    def _sealed(self) -> Terms:
        if self._terms is None:
            raise RuntimeError("The app is not sealed yet: app.seal().")
        return self._terms

    def within(self, session: Session) -> Sessions:
        """These, in a session of the database: where its transaction is open, what is ended is part of it."""
        bound = copy.copy(self)
        if isinstance(self._used, DatabaseSessions):
            bound._used = self._used.within(session)
            bound._transaction = session
        return bound

    # -- devices -------------------------------------------------------------------------------------------------

    def of(self, user: str) -> list[Device]:
        """A user's sessions that are alive, for a list of devices; the last used first.

        Raises:
            NotRevocable: sessions are kept in cookies.
        """
        now = self.clock()
        found = [(key, kept) for key, kept in self._listed().of(user) if kept.expires_at > now]
        found.sort(key=lambda each: each[1].seen_at, reverse=True)
        return [Device(key, kept.created_at, kept.seen_at, kept.agent, kept.address) for key, kept in found]

    def revoke(self, *keys: str) -> None:
        """End sessions by their keys, as `of` lists them.

        Raises:
            NotRevocable: sessions are kept in cookies.
        """
        self._listed().delete(keys)
        self._doubt(keys)

    def revoke_all(self, user: str, *, but: BrowserSession[Any] | None = None) -> int:
        """End a user's sessions, as after a new password; how many they were.

        In a handler whose transaction is open this is part of it.

        Arguments:
            user: whose.
            but: the session at hand, which stays.

        Raises:
            NotRevocable: sessions are kept in cookies.
        """
        ended = self._listed().delete_of(user, None if but is None else but.key)
        if self._terms is not None:
            self._doubt(self._terms.opened.of(user))
        return ended

    def _doubt(self, keys: Iterable[str]) -> None:
        """Let sockets and streams of these sessions end: now, or when the transaction is over that they end in."""
        if self._visit is not None and not self._visit.finished:
            self._visit.doubted += keys
        elif self._terms is not None:
            end = functools.partial(self._terms.opened.doubt, [*keys])
            if self._transaction is not None and self._transaction.in_transaction():
                self._transaction.after(commit=end)
            else:
                end()

    def _alive(self, keys: Collection[str]) -> list[str]:
        """Which of some sessions are alive now."""
        store, terms = self._used, self._terms
        if store is None or terms is None or isinstance(store, CookieSessions):
            return [*keys]
        together: Callable[[Collection[str]], Mapping[str, StoredSession]] | None = getattr(store, "load_many", None)
        found = together(keys) if together is not None else {key: store.load(key) for key in keys}
        now = self.clock()
        return [key for key, kept in found.items() if kept is not None and now < terms.end_of(kept)]

    def _listed(self) -> SessionStore:
        if self._used is None:
            raise RuntimeError("The app is not sealed yet: app.seal().")
        if isinstance(self._used, CookieSessions):
            raise NotRevocable(
                "Sessions in cookies are with their browsers only. To list and to end them, keep them on the server: "
                "app.use(Database(), Sessions())."
            )
        return self._used

    def _sweeping(self) -> Callable[[], object] | None:
        """What removes expired sessions, now and then."""
        store = self._used
        if store is None or isinstance(store, CookieSessions):
            return None
        now = self.clock()
        since = self._swept = self._swept or now
        if abs((now - since).total_seconds()) < _SWEPT:
            return None
        self._swept = now
        return self.sweep

    def sweep(self) -> int:
        """Remove sessions that have expired, some hundreds at most; how many they were. It comes by itself."""
        return self._listed().sweep(self.clock(), _BATCH)

    def __repr__(self) -> str:
        return f"<Sessions {self._used or self.store}>"


def _visit_provider(terms: Terms, store: SessionStore | CookieSessions) -> Callable[..., Visit]:
    """What begins a visit; a store of the database gets the request's own session of it."""

    def visit(request: Request) -> Visit:
        return begun(terms, request, store)

    if not isinstance(store, DatabaseSessions):
        return visit

    def visit_within(request: Request, session: Session) -> Visit:
        return begun(terms, request, store.within(session))

    visit_within.__annotations__["session"] = store.session_type
    return visit_within


def _messages(visit: Visit) -> Messages:
    return Messages(visit)


def _session_provider(kind: Any, shape: Shape[Any]) -> Callable[..., Any]:
    def session(visit: Visit) -> BrowserSession[Any]:
        return BrowserSession(visit, shape)

    session.__annotations__["return"] = kind
    return session


class Typed:
    """Provides each kind of session that functions of an app ask for; set up last, when all of them are there."""

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        found: list[Fault] = []
        names: dict[str, Any] = {}
        for kind, function in wanted(app).items():
            model = next(iter(getattr(kind, "__args__", ())), None)
            if model is None:
                continue
            try:
                shape: Shape[Any] = Shape(model)
                if names.setdefault(shape.name, model) is not model and not shape.is_any:
                    raise ValueError(f"has the name {shape.name}, as {_name(names[shape.name])} has")
            except Exception as error:  # A type's own schema hook may raise anything.
                message = f"The model {_name(model)} of a session {str(error).splitlines()[0].rstrip('.')}."
                cure = "Take a model, a dataclass or a TypedDict, each field with a default, under a name of its own."
                found.append(Fault("bad-session-model", message, where_of(function), cure))
            else:
                app.provide(_session_provider(kind, shape))
        if found:
            raise SetupError(found)


def _name(model: Any) -> str:
    return f"{getattr(model, '__module__', '')}.{getattr(model, '__qualname__', model)}"


def by_itself(app: App) -> list[Any]:
    """`Sessions`, where a function of the app asks for one and nobody has used them; and the kinds that are asked for.

    Example:
        >>> app = App()
        >>> by_itself(app)
        []
        >>> @app.get("/")
        ... def home(session: BrowserSession) -> int:
        ...     return len(session.data)
        >>> [type(each).__name__ for each in by_itself(app)]
        ['Sessions', 'Typed']
    """
    if any(isinstance(each, Sessions) for each in app.plugins):
        return [Typed()]
    if not wanted(app):
        return []
    found = Sessions()
    found.where = app.where
    return [found, Typed()]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _trusted(origins: Origins, where: str) -> Trusted:
    try:
        return Trusted(origins)
    except ValueError as error:
        cure = 'Write it as browsers send it, without a path: "https://shop.example".'
        raise SetupError([Fault("bad-guard", f"trusted_origins=: {error}.", where, cure)]) from None


def _caller() -> str:
    frame: Any = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
