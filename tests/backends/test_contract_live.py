"""Sessions in sockets and in streams: a unit for each message, and no connection between two of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import databases
from backends.asking import pool_of, slow
from backends.models import Author, AuthorOut, Counter, Note, app_on, empty
from wholestack import App, Stream
from wholestack.db import (
    AsyncSession,
    Database,
    ReadOnly,
    Session,
    SessionInOtherTask,
    UnreadRows,
    func,
    insert,
    read_many,
    select,
    update,
)
from wholestack.realtime import CSV, Events, JSONLines, Socket
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]


def streams_of(app: App) -> Any:
    """The pool of streams."""
    return app.plugin(Database).streams_for("look").pool


@pytest.fixture
def app(url: str) -> Iterator[App]:
    yield app_on(url, pool=2, streams=2)
    empty(url)


# -- sockets -----------------------------------------------------------------------------------------------------------


def test_a_message_is_committed_before_its_answer_is_sent(app: App, url: str) -> None:
    @app.socket("/names")
    async def names(socket: Socket[str, int], db: Session) -> None:
        async for name in socket:
            author = Author(name=name)
            db.add(author)
            db.flush()
            if name == "wrong":
                raise ZeroDivisionError
            await socket.send(author.id)

    with Client(app, raise_errors=False) as client, client.socket("/names") as socket:
        for name in ("ann", "bob"):
            socket.send(name)
            number = socket.receive(int)
            assert databases.rows(url, f"SELECT id FROM author WHERE name = '{name}'") == [(number,)]
            assert pool_of(app).checkedout() == 0
        socket.send("wrong")
        with pytest.raises(Exception, match="1011"):
            socket.receive()
    assert databases.rows(url, "SELECT name FROM author ORDER BY name") == [("ann",), ("bob",)]
    assert pool_of(app).checkedout() == 0


def test_a_message_without_an_answer_is_committed_before_the_next_is_read(app: App, url: str) -> None:
    called: list[str] = []

    @app.socket("/names")
    async def names(socket: Socket[str, str], db: Session) -> None:
        async for name in socket:
            if name == "?":
                await socket.send(",".join(db.scalars(select(Author.name).order_by(Author.name))))
            else:
                db.add(Author(name=name))
                db.after(commit=lambda name=name: called.append(name))

    with Client(app) as client, client.socket("/names") as socket:
        for name in ("ann", "bob", "?"):
            socket.send(name)
        assert socket.receive(str) == "ann,bob"
        assert called == ["ann", "bob"]
        databases.rows(url, "SELECT 1")


def test_each_message_sees_what_is_there_by_then(app: App, url: str) -> None:
    """A row that the handler keeps is read anew; what it changes in it is written."""
    with app.session() as db:
        db.add(Counter(id=1, value=0))

    @app.socket("/count")
    async def count(socket: Socket[str, int], db: Session) -> None:
        counter = db.get_one(Counter, 1)
        async for word in socket:
            if word == "add":
                counter.value += 1
            await socket.send(counter.value)

    with Client(app) as client, client.socket("/count") as socket:
        for word, expected in (("show", 0), ("add", 1)):
            socket.send(word)
            assert socket.receive(int) == expected
        with contextlib.closing(databases.connect(url)) as other:
            other.cursor().execute("UPDATE counter SET value = 10")
        for word, expected in (("show", 10), ("add", 11)):
            socket.send(word)
            assert socket.receive(int) == expected
    assert databases.rows(url, "SELECT value FROM counter") == [(11,)]


@pytest.mark.parametrize("kind_of_session", [Session, AsyncSession])
def test_200_sockets_over_few_connections(app: App, kind_of_session: Any) -> None:
    """Each has used its session, and waits: for a message, for something else, or for a slow client."""
    waits = asyncio.Event()

    @app.socket("/talk")
    async def talk(socket: Socket[str, int], db: kind_of_session) -> None:
        async for _ in socket:
            found = db.scalar(select(func.count()).select_from(Author))
            await socket.send((await found if kind_of_session is AsyncSession else found) or 0)

    @app.socket("/waits")
    async def wait_for(socket: Socket[str, int], db: kind_of_session) -> None:
        found = db.scalar(select(func.count()).select_from(Author))
        number = await found if kind_of_session is AsyncSession else found
        await waits.wait()
        await socket.send(number or 0)

    async def run() -> None:
        async with AsyncClient(app) as client, contextlib.AsyncExitStack() as opened:
            talking = [await opened.enter_async_context(client.socket("/talk")) for _ in range(100)]
            waiting = [await opened.enter_async_context(client.socket("/waits")) for _ in range(100)]
            for _ in range(2):
                for socket in talking:
                    await socket.send("hello")
                assert {await socket.receive(int) for socket in talking} == {0}
            for _ in range(200):
                if not pool_of(app).checkedout() and not pool_of(app).slots.waiting:
                    break
                await asyncio.sleep(0.02)
            assert (pool_of(app).checkedout(), pool_of(app).slots.waiting) == (0, 0)
            async with app.session() as db:
                db.add(Author(name="ann"))
            waits.set()
            assert {await socket.receive(int) for socket in waiting} == {0}

    asyncio.run(run())


def test_a_cursor_goes_on_over_many_messages(app: App) -> None:
    with app.session() as db:
        db.execute(insert(Counter), [{"value": number} for number in range(1000)])

    @app.socket("/rows")
    async def rows(socket: Socket[str, int], db: Session) -> None:
        async for _ in socket:
            found = db.scalars(select(Counter.value).order_by(Counter.value).execution_options(yield_per=100))
            for value in found:
                if value % 50 == 0:
                    await socket.send(value)

    with Client(app) as client, client.socket("/rows") as socket:
        for _ in range(2):
            socket.send("all")
            assert [socket.receive(int) for _ in range(20)] == list(range(0, 1000, 50))


def test_a_socket_that_commits_by_hand(app: App, url: str) -> None:
    @app.socket("/names", transaction="manual")
    async def names(socket: Socket[str, str], db: Session) -> None:
        async for name in socket:
            if name == "commit":
                db.commit()
            else:
                db.add(Author(name=name))
                db.flush()
            await socket.send(name)

    with Client(app) as client:
        with client.socket("/names") as socket:
            for name in ("ann", "bob", "commit", "eve"):
                socket.send(name)
                assert socket.receive(str) == name
                names_there = databases.rows(url, "SELECT COUNT(*) FROM author")
                assert names_there == [(2 if name in {"commit", "eve"} else 0,)]
        assert databases.rows(url, "SELECT COUNT(*) FROM author") == [(2,)]


def test_a_session_of_a_socket_in_another_task(app: App, url: str) -> None:
    seen: list[str] = []

    @app.socket("/talk")
    async def talk(socket: Socket[str, str], db: Session) -> None:
        async def child() -> None:
            try:
                db.scalar(select(1))
            except SessionInOtherTask as error:
                seen.append(error.code)
            await socket.send("from another task")

        async for _ in socket:
            db.add(Author(name="ann"))
            await asyncio.create_task(child())
            assert db.in_transaction(), "what another task sends ends no unit"
            await socket.send("over")

    with Client(app) as client, client.socket("/talk") as socket:
        socket.send("x")
        assert [socket.receive(str), socket.receive(str)] == ["from another task", "over"]
        assert databases.rows(url, "SELECT name FROM author") == [("ann",)]
    assert seen == ["session-in-other-task"]


def test_messages_are_no_loop_of_queries(url: str, caplog: pytest.LogCaptureFixture) -> None:
    app = App(checked=True)
    from backends.models import Base

    app.use(Database(url, models=Base))

    @app.socket("/talk")
    async def talk(socket: Socket[str, int], db: Session) -> None:
        async for _ in socket:
            await socket.send(db.scalar(select(func.count()).select_from(Author)) or 0)

    with caplog.at_level(logging.WARNING, "wholestack.db"), Client(app) as client, client.socket("/talk") as socket:
        for _ in range(12):
            socket.send("x")
            assert socket.receive(int) == 0
    assert [record.message for record in caplog.records if "again and again" in record.message] == []


# -- events ------------------------------------------------------------------------------------------------------------


def test_200_streams_of_events_over_few_connections(app: App) -> None:
    """Each has read something, and waits: with something to tell, or with nothing found yet."""
    more = asyncio.Event()

    @app.get("/count")
    async def count(db: Session) -> Events[int]:
        async def source() -> AsyncIterator[int]:
            while True:
                yield db.scalar(select(func.count()).select_from(Author)) or 0
                await more.wait()

        return Events(source())

    @app.get("/first")
    async def first(db: Session) -> Events[str]:
        async def source() -> AsyncIterator[str]:
            while (author := db.scalars(select(Author)).first()) is None:
                await more.wait()
            yield author.name

        return Events(source())

    async def run() -> None:
        async with AsyncClient(app) as client, contextlib.AsyncExitStack() as opened:
            counts, firsts = [], []
            for _ in range(100):
                counts.append(await opened.enter_async_context(contextlib.aclosing(client.events("/count", int))))
                firsts.append(await opened.enter_async_context(contextlib.aclosing(client.events("/first", str))))
            assert {(await anext(events)).data for events in counts} == {0}
            asked = [asyncio.ensure_future(anext(events)) for events in firsts]
            for _ in range(200):
                await asyncio.sleep(0.02)
                if not streams_of(app).checkedout() and not streams_of(app).slots.waiting:
                    break
            assert (streams_of(app).checkedout(), streams_of(app).slots.waiting) == (0, 0)
            async with app.session() as db:
                db.add(Author(name="ann"))
            more.set()
            assert {(await event).data for event in asked} == {"ann"}

    asyncio.run(run())


@pytest.mark.parametrize("how", ["get", "select", "kept"])
def test_events_see_what_is_there_by_then(app: App, url: str, how: str) -> None:
    """What is read again is as the database has it; a row that is kept stays what it was when it was read."""
    with app.session() as db:
        db.add(Counter(id=1, value=0))
    steps = asyncio.Event()

    @app.get("/")
    async def count(db: Session) -> Events[int]:
        async def source() -> AsyncIterator[int]:
            kept = db.get_one(Counter, 1)
            yield kept.value
            await steps.wait()
            if how == "get":
                yield db.get_one(Counter, 1).value
            elif how == "select":
                yield db.scalars(select(Counter)).one().value
            else:
                yield kept.value

        return Events(source())

    async def run() -> list[int]:
        async with AsyncClient(app) as client, contextlib.aclosing(client.events("/", int)) as events:
            found = [(await anext(events)).data]
            async with app.session() as db:
                await db.execute(update(Counter).values(value=7))
            steps.set()
            return [*found, (await anext(events)).data]

    assert asyncio.run(run()) == [0, 0 if how == "kept" else 7]


@pytest.mark.parametrize("how", ["orm", "core"])
def test_events_write_nothing(app: App, url: str, how: str) -> None:
    @app.get("/")
    async def write(db: Session) -> Events[int]:
        async def source() -> AsyncIterator[int]:
            yield 1
            if how == "orm":
                db.add(Author(name="ann"))
                db.flush()
            else:
                db.execute(insert(Author), {"name": "ann"})
            yield 2

        return Events(source())

    with Client(app) as client, pytest.raises(ReadOnly), client.events("/", int) as events:
        list(events)
    assert databases.rows(url, "SELECT name FROM author") == []


def test_events_from_the_rows_of_a_cursor(app: App, colour: Colour) -> None:
    """In either colour, with lazy loads while they are written."""
    with app.session() as db:
        db.add_all([Author(name=f"{number:03}", notes=[Note(text=str(number))]) for number in range(600)])

    @app.get("/plain")
    @colour
    def plain(db: Session) -> Events[AuthorOut]:
        def source() -> Iterator[Any]:
            yield from db.scalars(select(Author).order_by(Author.name).execution_options(yield_per=100))

        return Events(source())

    @app.get("/async")
    @colour
    def driven(db: Session) -> Events[AuthorOut]:
        async def source() -> AsyncIterator[Any]:
            for author in db.scalars(select(Author).order_by(Author.name).execution_options(yield_per=100)):
                yield author

        return Events(source())

    with Client(app) as client:
        for path in ("/plain", "/async"):
            with client.events(path, AuthorOut) as events:
                found = [event.data for event in events]
            assert [author.name for author in found] == [f"{number:03}" for number in range(600)]
            assert [author.notes[0].text for author in found] == [str(number) for number in range(600)]
        assert streams_of(app).checkedout() == 0


def test_a_stream_of_events_that_is_none_of_ours(app: App) -> None:
    """Made by hand, of chunks: each is a message, and what waits for something else holds nothing."""
    more = asyncio.Event()

    @app.get("/")
    async def count(db: Session) -> Stream:
        async def chunks() -> AsyncIterator[str]:
            yield f"data: {db.scalar(select(func.count()).select_from(Author))}\n\n"
            assert streams_of(app).checkedout() == 0
            db.scalar(select(1))
            await more.wait()
            yield f"data: {db.scalar(select(func.count()).select_from(Author))}\n\n"

        return Stream(chunks(), media_type="text/event-stream")

    async def run() -> str:
        async with AsyncClient(app) as client, client.stream("GET", "/") as answer:
            chunks = answer.chunks()
            first = await anext(chunks)
            rest = asyncio.ensure_future(answer.read())
            await asyncio.sleep(0.2)
            assert streams_of(app).checkedout() == 0
            more.set()
            return (first + await rest).decode()

    assert asyncio.run(run()) == "data: 0\n\ndata: 0\n\n"


def test_a_silence_in_the_middle_of_a_query(app: App, kind: str) -> None:
    """A heartbeat goes out while the source's statement is at work, and disturbs it not."""

    @app.get("/")
    async def count(db: Session) -> Events[int]:
        async def source() -> AsyncIterator[int]:
            yield 1
            db.execute(slow(kind, 0.5)).all()
            yield 2

        return Events(source(), heartbeat=0.05)

    with Client(app) as client, client.stream("GET", "/") as answer:
        told = answer.read().decode()
    assert [line for line in told.splitlines() if line.startswith("data")] == ["data: 1", "data: 2"]
    assert told.count(":\n\n") >= 3


def test_events_that_are_left_in_the_middle_of_a_query(app: App, kind: str) -> None:
    """The client goes, and with it the statement; the connection of the stream is free, or a new one is."""

    @app.get("/")
    async def count(db: Session) -> Events[int]:
        async def source() -> AsyncIterator[int]:
            yield 1
            db.execute(slow(kind, 60)).all()
            yield 2

        return Events(source(), heartbeat=0.05)

    with Client(app) as client:
        for _ in range(3):
            with client.events("/", int) as events:
                assert next(iter(events)).data == 1
        assert streams_of(app).checkedout() == 0


def test_in_a_test_that_rolls_everything_back(url: str) -> None:
    """Streams and sockets take turns with requests, message by message."""
    app = app_on(url, migrations=None)

    @app.get("/stream")
    def stream(db: Session) -> Stream:
        before = db.scalar(select(func.count()).select_from(Author))

        def chunks() -> Iterator[str]:
            yield f"{before} {db.scalar(select(func.count()).select_from(Author))}"

        return Stream(chunks())

    @app.get("/events")
    async def events(db: Session) -> Events[int]:
        async def source() -> AsyncIterator[int]:
            for _ in range(2):
                yield db.scalar(select(func.count()).select_from(Author)) or 0

        return Events(source())

    @app.socket("/names")
    async def names(socket: Socket[str, int], db: Session) -> None:
        async for name in socket:
            db.add(Author(name=name))
            await socket.send(db.scalar(select(func.count()).select_from(Author)) or 0)

    with Client(app) as client, app.plugin(Database).rolled_back() as db, client.socket("/names") as socket:
        for number, name in enumerate(("ann", "bob"), 1):
            socket.send(name)
            assert socket.receive(int) == number
            assert client.get("/stream").text == f"{number} {number}"
            assert db.scalar(select(func.count()).select_from(Author)) == number
            with client.events("/events", int) as told:
                assert [event.data for event in told] == [number, number]
    assert databases.rows(url, "SELECT COUNT(*) FROM author") == [(0,)]


def test_events_with_every_wait_to_be_seen(app: App) -> None:
    @app.get("/")
    async def count(db: AsyncSession) -> Events[int]:
        async def source() -> AsyncIterator[int]:
            for _ in range(3):
                yield await db.scalar(select(func.count()).select_from(Author)) or 0
                await asyncio.sleep(0.001)
                await db.scalars(select(Author))

        return Events(source())

    with Client(app) as client, client.events("/", int) as events:
        assert [event.data for event in events] == [0, 0, 0]


# -- rows --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [JSONLines, CSV])
def test_rows_of_a_cursor(app: App, colour: Colour, answer: Any) -> None:
    """In either colour, with lazy loads while they are written."""
    with app.session() as db:
        db.add_all([Author(name=f"{number:03}", notes=[Note(text="x")]) for number in range(700)])
    statement = select(Author).order_by(Author.name).execution_options(yield_per=100)

    @app.get("/plain")
    @colour
    def plain(db: Session) -> answer[AuthorOut]:
        def rows() -> Iterator[Any]:
            yield from db.scalars(statement)

        return answer(rows())

    @app.get("/async")
    @colour
    def driven(db: Session) -> answer[AuthorOut]:
        async def rows() -> AsyncIterator[Any]:
            for author in db.scalars(statement):
                yield author
                await asyncio.sleep(0)

        return answer(rows())

    @app.get("/many")
    @colour
    def many(db: Session) -> answer[AuthorOut]:
        return answer(read_many(db, select(Author).order_by(Author.name)))

    with Client(app) as client:
        for path in ("/plain", "/async", "/many"):
            lines = client.get(path).text.splitlines()
            assert len(lines) == 700 + (answer is CSV)
            assert "699" in lines[-1]
        assert streams_of(app).checkedout() == pool_of(app).checkedout() == 0


def test_what_was_loaded_is_there_in_the_stream(app: App, colour: Colour) -> None:
    """Rows that the handler has read, and what they load lazily, on the stream's own unit."""
    with app.session() as db:
        db.add(Author(name="ann", notes=[Note(text="x"), Note(text="y")]))

    @app.post("/")
    @colour
    def show(db: Session) -> Stream:
        author = db.scalars(select(Author)).one()
        author.name = "eve"

        def chunks() -> Iterator[str]:
            yield author.name
            for note in author.notes:
                yield note.text

        return Stream(chunks())

    with Client(app) as client:
        assert client.post("/").text == "evexy"


def test_rows_that_the_handler_left_unread(app: App, colour: Colour, kind: str) -> None:
    """A generator expression sends its query in the handler: that is an error before anything is sent, or works."""
    with app.session() as db:
        db.execute(insert(Counter), [{"value": number} for number in range(1000)])

    @app.get("/{how}")
    @colour
    def show(how: str, db: Session) -> Stream:
        statement = select(Counter.value).order_by(Counter.value)
        if how == "cursor":
            statement = statement.execution_options(yield_per=10)
        rows: Any = db.scalars(statement)
        if how == "all":
            rows = rows.all()
        return Stream(f"{value}\n" for value in rows)

    with Client(app, raise_errors=False) as client:
        assert client.get("/cursor").status == 500
        assert client.get("/plain").status == (500 if kind == "sqlite" else 200)
        for how in ("all",) if kind == "sqlite" else ("all", "plain"):
            assert len(client.get(f"/{how}").text.split()) == 1000
        assert streams_of(app).checkedout() == pool_of(app).checkedout() == 0
    with Client(app) as client, pytest.raises(UnreadRows, match="read_many"):
        client.get("/cursor")


def test_slow_readers_of_cursors_hold_up_nobody(app: App) -> None:
    """They have connections of their own; one reader more than those waits for one of them."""
    with app.session() as db:
        db.execute(insert(Counter), [{"value": number} for number in range(2000)])

    @app.get("/rows")
    async def rows(db: Session) -> Stream:
        def chunks() -> Iterator[str]:
            for value in db.scalars(select(Counter.value).execution_options(yield_per=50)):
                yield f"{value}\n"

        return Stream(chunks())

    @app.get("/one")
    async def one(db: Session) -> int:
        return db.scalar(select(1)) or 0

    streams = streams_of(app)

    async def run() -> list[int]:
        async with AsyncClient(app) as client, contextlib.AsyncExitStack() as opened:
            readers = [await opened.enter_async_context(client.stream("GET", "/rows")) for _ in range(2)]
            taken = [reader.chunks() for reader in readers]
            for chunks in taken:
                assert await anext(chunks)
            assert streams.checkedout() == 2
            found = [(await client.get("/one")).json() for _ in range(20)]
            third = asyncio.ensure_future(client.get("/rows"))
            await asyncio.sleep(0.1)
            assert not third.done()
            for reader in readers:
                await reader.read()
            assert len((await third).text.split()) == 2000
            return found

    assert asyncio.run(run()) == [1] * 20
