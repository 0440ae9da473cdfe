"""A handler that is cancelled where it waits for the database: the connection comes back clean, or is closed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

import databases
from backends.asking import at_work, pool_of, slow
from backends.models import Author, Counter, app_on, empty
from backends.served import ask, pool, served
from databases import until
from servers import wire
from wholestack import App, Stream, WholestackError
from wholestack.db import ReadOnly, Session, SessionInOtherTask, func, insert, select, text, update
from wholestack.testing import AsyncClient, Client


def test_E9_clients_that_leave_in_the_middle_of_a_query(url: str, kind: str, long: bool) -> None:
    """Its handler ends, its statement is ended at the server, and every connection is free again."""
    at_once, rounds = (20, 50) if long else (10, 2)
    with served(url, pool=5, wait=3600) as running:
        running.ready()
        for _ in range(rounds):
            clients = [wire.Connection(running.port) for _ in range(at_once)]
            for client in clients:
                client.send(wire.request("/async/slow/600"))
            until(lambda: pool(running)["requests"] == {"taken": 5, "waiting": at_once - 5}, 60)
            for client in clients:
                client.close()
            until(lambda: pool(running)["requests"] == {"taken": 0, "waiting": 0}, 60)
        assert pool(running)["done"] == 0
        assert ask(running, "/async/one").status == ask(running, "/def/one").status == 200
        until(lambda: at_work(kind) == 0)


def test_a_time_limit_in_the_middle_of_a_query(url: str, kind: str) -> None:
    app = app_on(url, pool=1)

    @app.get("/")
    async def handle(db: Session) -> str:
        begun = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                db.execute(slow(kind, 60)).all()
                return "not cancelled"
        assert time.monotonic() - begun < 20
        db.rollback()
        return f"goes on: {db.scalar(select(1))}"

    @app.post("/forgets")
    async def forgets(db: Session) -> str:
        """Without a roll-back: nothing can be committed, so the answer is not what the handler says."""
        db.add(Author(name="never"))
        db.flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                db.execute(slow(kind, 60)).all()
        with contextlib.suppress(SQLAlchemyError):
            db.execute(select(1))
        return "ends"

    with Client(app, raise_errors=False) as client:
        assert client.get("/").text == "goes on: 1"
        assert client.post("/forgets").status == 500
        assert client.get("/").text == "goes on: 1"
        assert pool_of(app).checkedout() == 0
    assert databases.rows(url, "SELECT name FROM author") == []


def test_the_request_s_own_time_limit(url: str, kind: str) -> None:
    app = app_on(url, pool=1)

    @app.post("/", timeout=0.2)
    async def handle(db: Session) -> None:
        db.add(Author(name="never"))
        db.flush()
        db.execute(slow(kind, 60)).all()

    with Client(app) as client:
        answer = client.post("/")
        assert (answer.status, answer.json()["code"]) == (503, "time-limit")
        assert pool_of(app).checkedout() == 0
        with app.session() as db:
            assert db.scalar(select(func.count()).select_from(Author)) == 0


def test_cancelled_while_it_waits_for_a_connection(url: str) -> None:
    """The place in the line is left to the next one."""
    app = app_on(url, pool=1)

    async def run() -> None:
        async with app.session() as holder:
            await holder.execute(select(1))
            tasks = [asyncio.ensure_future(_one(app)) for _ in range(5)]
            while pool_of(app).slots.waiting < 5:
                await asyncio.sleep(0.01)
            for task in tasks[:3]:
                task.cancel()
            await asyncio.wait(tasks[:3])
            assert pool_of(app).slots.waiting == 2
        assert await asyncio.gather(*tasks[3:]) == [1, 1]
        assert all(task.cancelled() for task in tasks[:3])
        assert (pool_of(app).checkedout(), pool_of(app).slots.waiting) == (0, 0)

    asyncio.run(run())


async def _one(app: App) -> int:
    async with app.session() as db:
        return await db.scalar(select(1)) or 0


def test_cancelled_while_it_waits_for_a_lock(url: str, kind: str) -> None:
    app = app_on(url, pool=2, patience=3600)
    with app.session() as db:
        db.execute(insert(Counter), {"id": 1, "value": 0})

    @app.post("/{seconds}")
    async def add(seconds: float, db: Session) -> None:
        async with asyncio.timeout(seconds):
            db.execute(update(Counter).values(value=Counter.value + 1))

    with contextlib.closing(databases.connect(url)) as other, Client(app, raise_errors=False) as client:
        other.cursor().execute("BEGIN IMMEDIATE" if kind == "sqlite" else "BEGIN")
        other.cursor().execute("UPDATE counter SET value = 10")
        assert client.post("/0.3").status == 500  # The TimeoutError is the handler's own.
        other.cursor().execute("COMMIT")
        assert client.post("/60").status == 204
        assert pool_of(app).checkedout() == 0
    assert databases.rows(url, "SELECT value FROM counter") == [(11,)]


def test_cancelled_at_any_moment(url: str, kind: str, long: bool) -> None:
    """Whatever was answered is there, what was not may be; the pool is whole, and each connection works."""
    app = app_on(url, pool=3)
    chance = random.Random(2026)
    rounds = 40 if long else 6
    answered: list[str] = []

    async def one(name: str) -> None:
        async with app.session() as db:
            author = Author(name=name)
            db.add(author)
            await db.flush()
            await db.refresh(author)
            async with db.begin_nested():
                db.add(Counter(value=1))
        answered.append(name)

    async def run() -> None:
        for turn in range(rounds):
            tasks = [asyncio.ensure_future(one(f"{turn}-{number}")) for number in range(12)]
            for task in chance.sample(tasks, 8):
                await asyncio.sleep(chance.random() * 0.01)
                task.cancel()
            await asyncio.wait(tasks)
            failed = [task.exception() for task in tasks if not task.cancelled() and task.exception()]
            assert failed == []
            assert (pool_of(app).checkedout(), pool_of(app).slots.waiting) == (0, 0)

    asyncio.run(run())
    there = {name for (name,) in databases.rows(url, "SELECT name FROM author")}
    assert set(answered) <= there
    assert len(there) == databases.rows(url, "SELECT COUNT(*) FROM counter")[0][0], "never half of a unit"
    for _ in range(4):
        with app.session() as db:
            assert db.scalar(select(1)) == 1
    empty(url)


# -- other tasks -------------------------------------------------------------------------------------------------------


def test_a_session_belongs_to_its_own_task(url: str, kind: str) -> None:
    """In another one it is an error with a name and a cure; the cure works."""
    app = app_on(url)

    @app.post("/{how}")
    async def handle(how: str, db: Session) -> int:
        async def child() -> int:
            return db.scalar(select(func.count()).select_from(Author)) or 0

        async def cure(value: int) -> int:
            async with app.session() as own:
                return await own.scalar(select(value)) or 0

        async with asyncio.TaskGroup() as tasks:
            found = [tasks.create_task(cure(number) if how == "right" else child()) for number in range(3)]
        db.add(Author(name=how))
        return sum(task.result() for task in found)

    with Client(app, raise_errors=False) as client:
        assert client.post("/right").json() == 3
        assert client.post("/wrong").status == 500
        assert pool_of(app).checkedout() == 0
    with Client(app) as client, pytest.raises(ExceptionGroup) as raised:
        client.post("/wrong")
    assert raised.group_contains(SessionInOtherTask, match=r"async with app\.session\(\)")
    assert databases.rows(url, "SELECT name FROM author") == [("right",)]


def test_a_lazy_load_in_another_task_says_so_too(url: str) -> None:
    app = app_on(url)
    with app.session() as db:
        db.add(Author(name="ann"))

    @app.get("/")
    async def handle(db: Session) -> None:
        author = db.scalars(select(Author)).one()

        async def child() -> int:
            return len(author.notes)

        with pytest.raises(SessionInOtherTask):
            await asyncio.create_task(child())
        assert author.notes == []

    with Client(app) as client:
        assert client.get("/").status == 204


def test_a_clean_up_that_comes_late(url: str, kind: str) -> None:
    """A generator that a handler has left is cleaned up by the event loop, after the request: it may use nothing then."""
    app = app_on(url, pool=1)
    seen: list[str] = []

    @app.get("/")
    async def handle(db: Session) -> int:
        async def numbers() -> AsyncIterator[int]:
            try:
                for number in db.scalars(select(text("1"))):
                    yield number
            finally:
                try:
                    db.scalar(select(1))
                except WholestackError as error:
                    seen.append(error.code)

        async for number in numbers():
            return int(number)
        return 0

    async def run() -> None:
        async with AsyncClient(app) as client:
            assert (await client.get("/")).json() == 1
            gc.collect()
            await asyncio.sleep(0.1)
            assert pool_of(app).checkedout() == 0
            assert (await client.get("/")).json() == 1

    asyncio.run(run())
    assert set(seen) <= {"session-in-other-task", "session-ended"}
    assert seen


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", ["plain", "async"])
def test_a_stream_reads_on_a_unit_of_its_own(url: str, colour: Callable[[Any], Any], stream: str, kind: str) -> None:
    """It starts after the commit, so that it sees what was written, on a connection of the streams' own."""
    app = app_on(url, pool=1, streams=1)

    @app.post("/")
    @colour
    def answer(db: Session) -> Stream:
        db.add(Author(name="ann"))

        def plain() -> Iterator[str]:
            assert pool_of(app).checkedout() == 0
            for author in db.scalars(select(Author)):
                yield f"{author.name}: {len(author.notes)}"

        async def driven() -> AsyncIterator[str]:
            for author in db.scalars(select(Author)):
                yield f"{author.name}: {len(author.notes)}"
                await asyncio.sleep(0)

        return Stream(plain() if stream == "plain" else driven(), media_type="text/plain")

    with Client(app) as client:
        assert client.post("/").text == "ann: 0"
        assert pool_of(app).checkedout() == 0
    empty(url)


@pytest.mark.parametrize("how", ["orm", "core"])
def test_a_write_in_a_stream_is_an_error(url: str, colour: Callable[[Any], Any], how: str) -> None:
    app = app_on(url)

    @app.post("/")
    @colour
    def answer(db: Session) -> Stream:
        def chunks() -> Iterator[str]:
            yield "begun "
            if how == "orm":
                db.add(Author(name="ann"))
                db.flush()
            else:
                db.execute(text("INSERT INTO author (name) VALUES ('ann')"))
            yield "written"

        return Stream(chunks())

    with Client(app) as client, pytest.raises(ReadOnly), client.stream("POST", "/") as answer:
        answer.read()
    assert databases.rows(url, "SELECT name FROM author") == []


@pytest.mark.parametrize("stream", ["plain", "async"])
def test_a_stream_that_is_left_gives_its_connection_back(url: str, kind: str, stream: str) -> None:
    app = app_on(url, streams=1)
    with app.session() as db:
        db.execute(insert(Counter), [{"value": number} for number in range(500)])

    @app.get("/")
    async def answer(db: Session) -> Stream:
        def plain() -> Iterator[str]:
            for value in db.scalars(select(Counter.value).execution_options(yield_per=10)):
                yield f"{value}\n"

        async def driven() -> AsyncIterator[str]:
            for value in plain():
                yield value

        return Stream(plain() if stream == "plain" else driven())

    with Client(app) as client:
        for _ in range(3):
            with client.stream("GET", "/") as taken:
                assert next(taken.chunks())
            gc.collect()
        assert len(client.get("/").text.split()) == 500
    empty(url)
