"""Transactions that meet: conflicts, deadlocks and locks (F4), and the commit as the last word (F10)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import databases
from backends.asking import pool_of
from backends.models import Author, Counter, app_on
from backends.served import ask, pool, served
from databases import until
from servers import wire
from wholestack import App, Body, Form, Upload, wait
from wholestack.db import Session, TransactionConflict, func, insert, select, text, update
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]
SERVERS = pytest.mark.parametrize("kind", ["postgresql", "mariadb"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


# On a full machine MariaDB now and then lets a deadlock wait until its time is over, instead of seeing it.
SEEN = pytest.mark.flaky(reruns=5, reruns_delay=1)


class Meeting:
    """Two requests that wait for each other the first time that they come here, in either colour."""

    def __init__(self) -> None:
        self.came = 0

    def wait(self) -> None:
        self.came += 1
        if self.came > 2:
            return
        end = time.monotonic() + 30
        while self.came < 2 and time.monotonic() < end:
            wait(asyncio.sleep(0.01))


async def both(app: App, *paths: str) -> list[Any]:
    async with AsyncClient(app) as client:
        return await asyncio.gather(*(client.post(path) for path in paths))


def deadlocked(url: str, colour: Colour, **options: Any) -> tuple[App, list[str]]:
    """Two requests that write the same two rows, in opposite order."""
    app, meeting = app_on(url), Meeting()
    called: list[str] = []
    with app.session() as db:
        db.execute(insert(Counter), [{"id": 1, "value": 0}, {"id": 2, "value": 0}])

    @app.post("/{first}/{then}", **options)
    @colour
    def add(first: int, then: int, db: Session) -> None:
        called.append(f"{first}/{then}")
        db.add(Author(name=f"{first}/{then}"))
        db.execute(update(Counter).where(Counter.id == first).values(value=Counter.value + 1))
        meeting.wait()
        db.execute(update(Counter).where(Counter.id == then).values(value=Counter.value + 1))

    return app, called


@SERVERS
@SEEN
def test_F4_a_deadlock_is_a_conflict(url: str, kind: str, colour: Colour) -> None:
    """One of both is undone as a whole, and told so."""
    app, called = deadlocked(url, colour)
    answers = asyncio.run(both(app, "/1/2", "/2/1"))
    assert sorted(answer.status for answer in answers) == [204, 409]
    conflict = next(answer for answer in answers if answer.status == 409)
    assert conflict.json()["code"] == "transaction-conflict"
    assert len(called) == 2
    assert databases.rows(url, "SELECT value FROM counter") == [(1,), (1,)]
    assert len(databases.rows(url, "SELECT name FROM author")) == 1


@SERVERS
@SEEN
def test_F4_a_deadlock_is_tried_again_where_the_route_says_so(url: str, kind: str, colour: Colour) -> None:
    app, called = deadlocked(url, colour, retries=3)
    answers = asyncio.run(both(app, "/1/2", "/2/1"))
    assert [answer.status for answer in answers] == [204, 204]
    assert len(called) == 3
    assert databases.rows(url, "SELECT value FROM counter") == [(2,), (2,)]
    assert len(databases.rows(url, "SELECT name FROM author")) == 2
    assert pool_of(app).checkedout() == 0


@POSTGRESQL
@pytest.mark.parametrize("retries", [0, 3])
def test_F4_a_serialization_failure(url: str, kind: str, colour: Colour, retries: int) -> None:
    """Each counts what is there and adds as many: one of both must see what the other did."""
    app, meeting = app_on(f"{url}?options=-c%20default_transaction_isolation%3Dserializable"), Meeting()

    @app.post("/{name}", retries=retries)
    @colour
    def add(name: str, db: Session) -> None:
        many = db.scalar(select(func.count()).select_from(Counter)) or 0
        meeting.wait()
        db.add(Counter(value=many))

    answers = asyncio.run(both(app, "/a", "/b"))
    assert sorted(answer.status for answer in answers) == ([204, 204] if retries else [204, 409])
    expected = [(0,), (1,)] if retries else [(0,)]
    assert databases.rows(url, "SELECT value FROM counter ORDER BY value") == expected


@SQLITE
@pytest.mark.parametrize(("retries", "status"), [(0, 503), (5, 204)])
def test_F4_a_lock_that_is_held_for_long(url: str, kind: str, colour: Colour, retries: int, status: int) -> None:
    app = app_on(url, patience=0.3)

    @app.post("/", retries=retries)
    @colour
    def add(db: Session) -> None:
        db.add(Counter(value=1))

    with contextlib.closing(databases.connect(url)) as other, Client(app) as client:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.8, lambda: other.execute("ROLLBACK")).start()
        assert client.post("/").status == status
        until(lambda: not other.in_transaction)
    assert databases.rows(url, "SELECT COUNT(*) FROM counter") == [(1 if retries else 0,)]


# -- what is tried again -----------------------------------------------------------------------------------------------


def test_it_ends_after_so_many_times(url: str, colour: Colour) -> None:
    app = app_on(url)
    seen: list[str] = []

    class Named:
        def __init__(self, db: Session) -> None:
            seen.append("provider")

    app.provide(Named)

    def rule(db: Session) -> bool:
        seen.append("rule")
        return True

    @app.post("/", retries=2, needs=rule)
    @colour
    def add(db: Session, named: Named) -> None:
        db.add(Author(name="ann"))
        db.flush()
        db.after(failure=lambda: seen.append("failed"), commit=lambda: seen.append("committed"))
        _conflict(db)

    with Client(app) as client:
        answer = client.post("/")
    assert (answer.status, answer.json()["code"]) == (409, "stale-row")
    assert seen == ["rule", "provider", "failed"] * 3
    assert databases.rows(url, "SELECT name FROM author") == []


def _conflict(db: Session) -> None:
    """What SQLAlchemy says of a row that has gone in between."""
    counter = Counter(value=1)
    db.add(counter)
    db.flush()
    db.execute(text("DELETE FROM counter"))
    counter.value = 2
    db.flush()


def test_an_error_of_another_kind_is_not_tried_again(url: str, colour: Colour) -> None:
    app = app_on(url)
    called: list[int] = []

    @app.post("/{how}", retries=3)
    @colour
    def add(how: str, db: Session) -> None:
        called.append(1)
        if how == "breaks":
            raise ZeroDivisionError
        db.add_all([Author(name="ann"), Author(name="ann")])

    with Client(app, raise_errors=False) as client:
        assert [client.post(f"/{how}").status for how in ("breaks", "duplicate")] == [500, 409]
    assert len(called) == 2


def test_a_body_is_there_each_time(url: str, colour: Colour) -> None:
    """JSON and uploads; a body that the handler reads as it comes is gone, and is not tried again."""
    app = app_on(url)
    read: list[Any] = []

    @app.post("/json", retries=1)
    @colour
    def json(numbers: Body[list[int]], db: Session) -> list[int]:
        read.append(list(numbers))
        if len(read) == 1:
            _conflict(db)
        return numbers

    @app.post("/upload", retries=1)
    @colour
    def upload(file: Upload, name: Form[str], db: Session) -> str:
        read.append(file.read())
        if len(read) == 1:
            _conflict(db)
        return name

    @app.post("/stream", retries=1)
    async def stream(chunks: Body[AsyncIterator[bytes]], db: Session) -> None:
        read.append(b"".join([chunk async for chunk in chunks]))
        _conflict(db)

    with Client(app) as client:
        assert client.post("/json", json=[1, 2]).json() == [1, 2]
        assert read == [[1, 2], [1, 2]]
        read.clear()
        assert client.post("/upload", files={"file": ("a.txt", b"content")}, data={"name": "x"}).status == 200
        assert read == [b"content", b"content"]
        read.clear()
        assert client.post("/stream", body=b"content").status == 409
        assert read == [b"content"]


def test_an_app_may_answer_a_conflict_in_its_own_way(url: str, colour: Colour) -> None:
    app = app_on(url)

    @app.post("/")
    @colour
    def add(db: Session) -> None:
        raise TransactionConflict

    with Client(app) as client:
        assert client.post("/").json()["code"] == "transaction-conflict"


# -- the commit is the last word ---------------------------------------------------------------------------------------


@POSTGRESQL
def test_F10_nothing_is_said_before_the_commit(url: str, kind: str) -> None:
    """A commit that takes a second: not a byte comes before, and a client that leaves meanwhile does no harm."""
    with served(url, pool=1) as running:
        for sql in (
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM PG_SLEEP(1); RETURN NULL; END'",
            """CREATE CONSTRAINT TRIGGER late AFTER INSERT ON author DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION slow()""",
        ):
            with contextlib.closing(databases.connect(url)) as connection:
                connection.execute(sql)
        running.ready()
        for colour in ("def", "async"):
            with wire.Connection(running.port) as client:
                client.send(wire.request(f"/{colour}/name/{colour}", "POST", [("content-length", "0")]))
                client.socket.settimeout(0.5)
                with pytest.raises(TimeoutError):
                    client.socket.recv(1)
                assert databases.rows(url, f"SELECT name FROM author WHERE name = '{colour}'") == []
                client.socket.settimeout(wire.PATIENCE)
                assert client.answer().status == 200
            assert databases.rows(url, f"SELECT name FROM author WHERE name = '{colour}'") == [(colour,)]
        with wire.Connection(running.port) as client:
            client.send(wire.request("/async/name/leaves", "POST", [("content-length", "0")]))
            until(
                lambda: databases.rows(
                    url, "SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'"
                )
            )
        until(lambda: pool(running)["requests"] == {"taken": 0, "waiting": 0})
        assert ask(running, "/async/one").status == 200
    with contextlib.closing(databases.connect(url)) as connection:
        connection.execute("DROP FUNCTION slow CASCADE")


def test_F10_what_answers_with_an_error_has_written_nothing(url: str, colour: Colour) -> None:
    app = app_on(url)

    @app.post("/{how}")
    @colour
    def write(how: str, db: Session) -> int:
        db.add(Author(name=how))
        db.flush()
        if how == "raises":
            raise ZeroDivisionError
        return "not a number"  # type: ignore[return-value]

    with Client(app, raise_errors=False) as client:
        assert [client.post(f"/{how}").status for how in ("raises", "is-wrong")] == [500, 500]
    assert databases.rows(url, "SELECT name FROM author") == []
