"""A stream that finds no connection says so before it begins; and one that is never read keeps none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, Literal

import pytest

from backends.models import Base, Counter, app_on, empty
from databases import until
from wholestack import App, Request, Response, Stream, Text
from wholestack.db import AsyncSession, Database, Session, insert, read_many, select
from wholestack.realtime import JSONLines
from wholestack.testing import Client

Interface = Literal["asgi", "wsgi", "rsgi"]
INTERFACES = pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
VALUES = select(Counter.value).order_by(Counter.value).execution_options(yield_per=50)


@pytest.fixture
def app(url: str) -> Iterator[App]:
    """One connection for streams, and 3,000 rows that are more than a client takes at once."""
    app = app_on(url, pool=2, streams=1, wait=0.2)
    with app.session() as db:
        db.execute(insert(Counter), [{"value": number} for number in range(3000)])
    yield app
    empty(url)


def taken(app: App) -> int:
    """How many connections of streams are in use."""
    pool: Any = app.plugin(Database).streams_for("read").pool
    return int(pool.checkedout())


class Lines:
    """An iterable of one's own."""

    def __init__(self, db: Session) -> None:
        self.db = db

    def __iter__(self) -> Iterator[str]:
        return (f"{value}\n" for value in self.db.scalars(VALUES))


def streams(app: App, colour: Callable[[Any], Any]) -> None:
    """Streams of each kind that reads from its session."""

    @app.get("/generator")
    @colour
    def generator(db: Session) -> Stream:
        def lines() -> Iterator[str]:
            yield "value\n"
            for value in db.scalars(VALUES):
                yield f"{value}\n"

        return Stream(lines())

    @app.get("/expression")
    @colour
    def expression(db: Session) -> Stream:
        return Stream(f"{value}\n" for value in read_many(db, VALUES))

    @app.get("/inner")
    @colour
    def inner(db: Session) -> Stream:
        def rows() -> Iterator[int]:
            yield from db.scalars(VALUES)

        def lines() -> Iterator[str]:
            for value in rows():
                yield f"{value}\n"

        return Stream(lines())

    @app.get("/iterable")
    @colour
    def iterable(db: Session) -> Stream:
        return Stream(Lines(db))

    @app.get("/jsonl")
    @colour
    def jsonl(db: Session) -> JSONLines[int]:
        return JSONLines(read_many(db, VALUES))


def other_colour(app: App) -> None:
    """Streams that are read on the event loop."""

    @app.get("/awaited")
    async def awaited(db: AsyncSession) -> Stream:
        async def lines() -> AsyncIterator[str]:
            rows = await db.stream_scalars(VALUES)
            async for value in rows:
                yield f"{value}\n"

        return Stream(lines())

    @app.get("/driven")
    async def driven(db: Session) -> JSONLines[int]:
        async def rows() -> AsyncIterator[int]:
            for value in db.scalars(VALUES):
                yield value

        return JSONLines(rows())


PLAIN = ["generator", "expression", "inner", "iterable", "jsonl"]


@INTERFACES
@pytest.mark.parametrize("path", PLAIN)
def test_a_stream_without_a_connection_is_a_503(
    app: App, colour: Callable[[Any], Any], interface: Interface, path: str
) -> None:
    streams(app, colour)
    _one_too_many(app, interface, path)


@INTERFACES
@pytest.mark.parametrize("path", ["awaited", "driven"])
def test_the_same_on_the_event_loop(app: App, interface: Interface, path: str) -> None:
    other_colour(app)
    _one_too_many(app, interface, path)


def _one_too_many(app: App, interface: Interface, path: str) -> None:
    with Client(app, interface=interface) as client:
        with client.stream("GET", f"/{path}") as first:
            assert next(first.chunks())
            assert taken(app) == 1
            second = client.get(f"/{path}")
            assert (second.status, second.json()["code"]) == (503, "database-busy")
            assert second.headers["retry-after"]
        until(lambda: taken(app) == 0)
        assert client.get(f"/{path}").text.split()[-1] == "2999"
        until(lambda: taken(app) == 0)


@INTERFACES
def test_a_stream_that_nobody_reads_keeps_no_connection(
    app: App, colour: Callable[[Any], Any], interface: Interface
) -> None:
    """The answer to a HEAD, and one that another took the place of, are never begun."""
    streams(app, colour)

    @app.middleware
    def instead(request: Request) -> Generator[None, Response, Response]:
        response = yield
        return Text("instead") if "instead" in request.query else response

    with Client(app, interface=interface) as client:
        for _ in range(3):
            assert client.request("HEAD", "/generator").status == 200
            assert client.get("/generator", query={"instead": "1"}).text == "instead"
            until(lambda: taken(app) == 0)
        assert client.get("/generator").text.split()[-1] == "2999"


@INTERFACES
def test_a_stream_that_reads_nothing_needs_no_connection(
    app: App, colour: Callable[[Any], Any], interface: Interface
) -> None:
    streams(app, colour)

    @app.get("/other")
    @colour
    def other(db: Session) -> Stream:
        values = db.scalars(select(Counter.value).limit(3)).all()
        return Stream(f"{value}\n" for value in values)

    with Client(app, interface=interface) as client, client.stream("GET", "/generator") as first:
        assert next(first.chunks())
        assert client.get("/other").status == 200


def test_what_is_committed_is_no_error(app: App, colour: Callable[[Any], Any]) -> None:
    """A request that has written is not told that it failed when its stream finds no connection."""
    streams(app, colour)

    @app.post("/")
    @colour
    def write(db: Session) -> Stream:
        db.add(Counter(value=9000))

        def lines() -> Iterator[str]:
            yield "written\n"
            yield from (f"{value}\n" for value in db.scalars(VALUES))

        return Stream(lines())

    with Client(app, raise_errors=False) as client:
        with client.stream("GET", "/generator") as first:
            assert next(first.chunks())
            with client.stream("POST", "/") as second:
                assert (second.status, next(second.chunks())) == (200, b"written\n")
        with app.session() as db:
            assert db.scalar(select(Counter.value).where(Counter.value == 9000)) == 9000


def test_one_connection_in_memory() -> None:
    """Who comes after the handler may want it, so it is not kept for a stream that has not begun."""
    app = App()
    database = Database("sqlite://", models=Base, wait=0.2)
    app.use(database)

    @app.middleware
    def looks(_: Request) -> Generator[None, Response, Response]:
        response = yield
        with app.session() as db:
            db.execute(select(Counter.value)).all()
        return response

    @app.get("/")
    def lines(db: Session) -> Stream:
        return Stream(f"{value}\n" for value in read_many(db, VALUES))

    with Client(app, interface="wsgi") as client:
        database.create_tables()
        with app.session() as db:
            db.add(Counter(value=7))
        assert client.get("/").text == "7\n"
