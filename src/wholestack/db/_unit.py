"""A request's unit of work: the provider of its session, and where it commits."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterator
from typing import Any

from sqlalchemy import Connection, Engine, exc
from sqlalchemy.ext.asyncio import AsyncSession

from wholestack.handlers import Drive
from wholestack.http import Response
from wholestack.routing import Route

from ._connection import Mode
from ._errors import answer_error, passes
from ._live import LiveUnit, StreamUnit, hold
from ._reads import reads_from
from ._session import Session
from ._slots import Slots
from ._watch import Watch

_SAFE = {"GET", "HEAD", "OPTIONS", "WEBSOCKET"}

_TURN = 60.0


@dataclasses.dataclass(frozen=True)
class Joined:
    """One transaction of one connection in which each session is a savepoint; requests take turns."""

    connection: Connection
    turn: Slots = dataclasses.field(default_factory=lambda: Slots(1))


class Units:
    """Makes the sessions of one database.

    Arguments:
        engine: gives the engine of requests, for units of a mode.
        streams: gives that of streams, which hold a connection as long as their client reads.
        reads: whether the database takes no writes.

    Attributes:
        watches: whether statements are counted (in development and tests).
        strict: whether a statement that comes again and again is an error.
        joined: the transaction that everything takes part in, in a test.
    """

    def __init__(self, engine: Callable[[Mode], Engine], streams: Callable[[Mode], Engine], *, reads: bool) -> None:
        self.engine = engine
        self.streams = streams
        self.reads = reads
        self.watches: bool = False
        self.strict: bool = False
        self.joined: Joined | None = None

    def mode_of(self, route: Route) -> Mode:
        """How a route's unit begins: a safe method reads until it writes (RFC 9110 §9.2.1)."""
        return "read" if self.reads else "lazy" if set(route.methods) <= _SAFE else "write"

    def provider(self, kind: Any) -> Callable[..., Any]:
        """The provider of sessions, for the type that handlers ask for; sealing takes the one made for each route."""
        provides = self._unit(kind, None)
        vars(provides)["for_route"] = functools.partial(self._unit, kind)
        return provides

    def _unit(self, kind: Any, route: Route | None) -> Callable[..., Any]:
        """A session from a request's first step to its commit."""
        mode: Mode = "write" if route is None else self.mode_of(route)
        most = None if route is None else route.options.get("queries")
        manual = route is not None and route.options.get("transaction") == "manual"
        live = route is not None and "WEBSOCKET" in route.methods
        opens = functools.partial(self._in_turn, self.engine, mode)

        def unit() -> Generator[Session, Response, None]:
            session = Session(mode=mode, opens=opens)
            session.watch = Watch(strict=self.strict) if self.watches else None
            if live:
                hold(LiveUnit(session, manual=manual))
            try:
                response = yield session
                if most is not None and session.watch is not None:
                    session.watch.check(most)
                if response.status >= 400:
                    session.fail()
                elif not manual:
                    session.go_on() if is_streamed(response) else session.settle()
                if is_streamed(response):
                    self._goes_on(session, response, waits=mode != "write")
            except BaseException:
                session.fail()
                session.end()
                raise
            if not is_streamed(response):
                session.end()

        unit.__annotations__["return"] = Generator[kind, Response, None]
        provides: Any = unit
        provides.passing = passes
        if not manual:
            provides.before_body = _flush
        return provides  # type: ignore[no-any-return]

    def _goes_on(self, session: Session, response: Response, *, waits: bool) -> None:
        """Let the generator of a stream use the session while it is sent: on a unit of its own that only reads.

        Where it `waits`, the stream has its connection before its head is sent.
        """
        if session.in_transaction():
            session.close()  # The handler was to commit it by hand.
        session.mode = "read"
        live = response.media_type == "text/event-stream"
        session.opens(functools.partial(self._in_turn, self.streams, "look" if live else "read"))
        unit = LiveUnit(session) if live else StreamUnit(session)
        if live:
            session.fresh = True
            session.execution_options = session.execution_options.union({"populate_existing": True})
        stream = response.stream
        goes_on = _async if isinstance(stream, AsyncIterable) else _plain
        response.stream = chunks = goes_on(stream, session, unit)
        if waits and not live and self.joined is None and reads_from(stream, session):
            self._connects(session, chunks)

    def _connects(self, session: Session, chunks: object) -> None:
        """Take a stream's connection while its answer can still be that there is none.

        Not after a request that may have written: what is committed is no error. Not in memory, where the connection is
        all there is, and what comes after the handler may want it.
        """
        engine = self.streams("read")
        if engine.pool is self.engine("read").pool:
            return
        try:
            connection = engine.connect()
        except exc.SQLAlchemyError as error:
            answer_error(error)
        session.bind = connection
        session.on_end(connection.close)
        # One that is never begun, such as the answer to a HEAD, has no end.
        weakref.finalize(chunks, _unused, connection).atexit = False

    def _in_turn(self, engine: Callable[[Mode], Engine], mode: Mode, session: Session) -> Engine | Connection:
        """Where a request's session works: the engine, or in a test the one connection, one request at a time."""
        joined = self.joined
        if joined is None:
            return engine(mode)
        if not joined.turn.acquire(_TURN):
            raise exc.TimeoutError("Another request of this test has not ended.")
        session.on_end(joined.turn.release)
        return joined.connection

    def plainly(self, mode: Mode, _session: Session) -> Engine | Connection:
        """Where a session outside a request works."""
        return self.engine(mode) if self.joined is None else self.joined.connection

    def reading(self) -> contextlib.AbstractContextManager[Connection]:
        """A connection outside a request that reads without a transaction, for a question or two: for `with`."""
        if self.joined is not None:
            return contextlib.nullcontext(self.joined.connection)
        return self.engine("read" if self.reads else "lazy").connect()

    def opened(self, mode: Mode = "write") -> Opened:
        """A session outside a request, for `with` and `async with`."""
        return Opened(self, "read" if self.reads else mode)


def is_streamed(response: Response) -> bool:
    """Whether an answer is made while it is sent."""
    return response.stream is not None and not isinstance(response.stream, (list, tuple))


def _unused(connection: Connection) -> None:
    """Give a connection back on which nothing was begun, which needs no wait."""
    if not connection.closed and not connection.in_transaction():
        connection.close()


def _flush(session: Session, value: object) -> None:
    """Write what was added or changed, before the answer's body is built: then a new row has its id."""
    if not isinstance(value, Response) or value.status < 400:
        session.flush()


def _plain(stream: Any, session: Session, unit: LiveUnit) -> Iterator[bytes | str]:
    try:
        for chunk in stream:
            unit.over(read=False)
            yield chunk
    finally:
        try:
            if hasattr(stream, "close"):
                stream.close()
        finally:
            session.end()


async def _async(stream: Any, session: Session, unit: LiveUnit) -> AsyncIterator[bytes | str]:
    """The chunks of a stream, each step driven, so that its generator may wait for the database in plain calls."""
    hold(unit)
    chunks = stream.__aiter__()
    try:
        while True:
            try:
                chunk = await unit.step(chunks)
            except StopAsyncIteration:
                return
            yield chunk
    finally:
        await Drive(_close(chunks, session))


async def _close(chunks: Any, session: Session) -> None:
    try:
        if hasattr(chunks, "aclose"):
            await chunks.aclose()
    finally:
        session.end()


class Opened:
    """A session that is opened by hand: a `Session` in ``with``, SQLAlchemy's `AsyncSession` in ``async with``.

    Leaving commits; an error rolls back.
    """

    def __init__(self, units: Units, mode: Mode) -> None:
        self._units = units
        self._mode: Mode = mode
        self._session: Session | None = None
        self._async: AsyncSession | None = None

    def __enter__(self) -> Session:
        self._session = Session(mode=self._mode, opens=functools.partial(self._units.plainly, self._mode))
        return self._session

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            _leave(session, error)

    async def __aenter__(self) -> AsyncSession:
        self._async = async_session(Session(mode=self._mode, opens=functools.partial(self._units.plainly, self._mode)))
        return self._async

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        session, self._async = self._async, None
        if session is not None:
            await session.run_sync(lambda plain: _leave(plain, error))


def async_session(session: Session) -> AsyncSession:
    """SQLAlchemy's `AsyncSession` over a session of ours: the same unit, with each wait to be seen."""
    kind: Any = lambda **_: session  # noqa: E731  (stands for the class that it makes one of)
    return AsyncSession(sync_session_class=kind)


def _leave(session: Any, error: BaseException | None) -> None:
    if error is not None:
        session.fail()
        return
    try:
        session.settle()
    except BaseException:
        session.fail()
        raise
    session.close()
