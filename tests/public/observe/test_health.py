"""Health: live and ready, on every interface, in every colour, when the app is full and when a check hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator
from typing import Any

import pytest

from wholestack import JSON, App, Request, Response, Secret, SetupError, wait
from wholestack.observe import Health
from wholestack.testing import AsyncClient, Client

INTERFACES = pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])


class Database:
    def __init__(self) -> None:
        self.up, self.opened, self.closed = True, 0, 0
        self.password = Secret("hunter2")


class Session:
    def __init__(self, database: Database) -> None:
        self.database = database


def app_with(*checks: Any, **options: Any) -> tuple[App, Database]:
    app, database = App(docs=False), Database()

    @app.provide
    def session() -> Generator[Session, Any, None]:
        if not database.up:
            raise ConnectionError("cannot log in with hunter2")
        database.opened += 1
        yield Session(database)
        database.closed += 1

    app.use(Health(*checks, **options))
    return app, database


def storage(session: Session) -> None:
    assert session.database.up


async def queue(app: App) -> bool:
    await asyncio.sleep(0)
    return app.title == "API"


@INTERFACES
def test_live_and_ready(interface: Any) -> None:
    app, database = app_with(storage, queue)
    client = Client(app, interface=interface)
    live, ready = client.get("/health/live"), client.get("/health/ready")
    assert (live.status, live.json()) == (200, {"status": "alive"})
    assert (ready.status, ready.json()) == (200, {"status": "ready"})
    assert live.headers["cache-control"] == ready.headers["cache-control"] == "no-store"
    assert client.head("/health/ready").status == 200
    assert (database.opened, database.closed) == (2, 2)


@INTERFACES
def test_what_is_not_well_is_told_by_name_and_without_a_secret(interface: Any, caplog: Any) -> None:
    app, database = app_with(storage, queue)
    client = Client(app, interface=interface)
    database.up, app.title = False, "other"
    answer = client.get("/health/ready")
    assert (answer.status, answer.json()) == (503, {"status": "not ready", "failing": ["storage", "queue"]})
    assert answer.headers["cache-control"] == "no-store"
    assert "hunter2" not in answer.text
    assert {getattr(record, "check", None) for record in caplog.records} >= {"storage", "queue"}
    assert "ConnectionError" in caplog.text
    database.up = True
    assert client.get("/health/ready").json()["failing"] == ["queue"]
    assert client.get("/health/live").status == 200


@INTERFACES
def test_a_check_alone(interface: Any) -> None:
    app, _ = app_with(storage, queue)
    client = Client(app, interface=interface, raise_errors=False)
    assert client.get("/health/ready/storage").status == 204
    app.title = "other"
    assert (client.get("/health/ready/queue").status, client.get("/health/ready/queue").json()["code"]) == (
        503,
        "not-ready",
    )
    assert client.get("/health/ready/other").status == 404


@INTERFACES
@pytest.mark.parametrize("colour", ["def", "async"])
def test_each_has_a_time_limit_and_none_waits_for_another(interface: Any, colour: str) -> None:
    free, ended, begun = threading.Event(), threading.Event(), []

    def hangs() -> None:
        begun.append(1)
        free.wait(10)

    async def waits() -> None:
        begun.append(1)
        try:
            await asyncio.sleep(10)
        finally:
            ended.set()

    app, _ = app_with(hangs if colour == "def" else waits, queue, patience=0.2)
    with Client(app, interface=interface) as client:
        started = time.monotonic()
        answer = client.get("/health/ready")
        assert time.monotonic() - started < 2
        assert answer.json()["failing"] == ["hangs" if colour == "def" else "waits"]
        if colour == "def":  # A second thread is not given to what the first still does.
            assert client.get("/health/ready").status == 503
            assert begun == [1]
        free.set()
        if colour == "async":
            # The client's loop turns only while it asks, and the check's own time may end after the answer's.
            while not ended.wait(0.01) and time.monotonic() - started < 30:
                client.get("/health/live")
            assert ended.is_set()


def test_of_many_who_ask_at_once_one_asks_the_checks() -> None:
    asked = []

    async def slow() -> None:
        asked.append(1)
        await asyncio.sleep(0.2)

    async def many() -> list[int]:
        async with AsyncClient(app) as client:
            return [each.status for each in await asyncio.gather(*(client.get("/health/ready") for _ in range(20)))]

    app, _ = app_with(slow)
    assert asyncio.run(many()) == [200] * 20
    assert asked == [1]


def test_it_answers_while_the_app_is_full() -> None:
    free = threading.Event()
    app = App(docs=False, concurrency=1)
    app.use(Health(queue))

    @app.get("/busy")
    async def busy() -> str:
        while not free.is_set():
            await asyncio.sleep(0.01)
        return "x"

    async def asked() -> list[int]:
        async with AsyncClient(app) as client:
            task = asyncio.create_task(client.get("/busy"))
            await asyncio.sleep(0.1)
            found = [(await client.get(path)).status for path in ("/busy", "/health/live", "/health/ready")]
            free.set()
            await task
        return found

    assert asyncio.run(asked()) == [503, 200, 200]


def test_what_stands_around_requests_is_none_of_the_checks() -> None:
    app, database = app_with(storage)
    seen: list[str] = []

    @app.middleware
    def note(request: Request) -> Generator[None, Response, Response]:
        seen.append(request.path)
        return (yield)

    @app.on_error(Exception)
    def all_is_well(error: Exception) -> JSON:
        return JSON({}, 200)

    client = Client(app)
    database.up = False
    assert client.get("/health/ready").status == 503
    assert seen == ["/health/ready"]


def test_a_check_that_waits_in_plain_code() -> None:
    app = App(docs=False)

    async def later() -> int:
        await asyncio.sleep(0)
        return 1

    class Cache: ...

    def cache() -> Cache:
        assert wait(later()) == 1
        return Cache()

    app.provide(cache, waits=True)

    async def cached(cache: Cache) -> bool:
        return isinstance(cache, Cache)

    app.use(Health(cached))
    assert Client(app).get("/health/ready").json() == {"status": "ready"}


def test_it_is_not_documented() -> None:
    app = App()
    app.use(Health(queue, path="/up"))
    client = Client(app)
    assert client.get("/up/live").status == 200
    assert client.get("/openapi.json").json()["paths"] == {}


@pytest.mark.parametrize(
    ("checks", "options"),
    [
        ((lambda: True,), {}),
        ((queue, queue), {}),
        ((object(),), {}),
        ((queue,), {"patience": 0}),
        ((queue,), {"path": "health"}),
        ((queue,), {"path": "/{x}"}),
    ],
)
def test_bad_arguments(checks: Any, options: Any) -> None:
    with pytest.raises(SetupError) as raised:
        Health(*checks, **options)
    assert raised.value.faults[0].code == "bad-observer"


def test_a_check_that_asks_for_what_is_not_there_is_a_fault_of_the_app() -> None:
    app = App(docs=False)
    app.use(Health(storage))
    with pytest.raises(SetupError):
        app.seal()


@INTERFACES
def test_an_app_that_drains_lives_and_is_not_ready(interface: Any) -> None:
    app, database = app_with(storage)
    with Client(app, interface=interface) as client:
        assert client.get("/health/ready").status == 200
        app.seal().lifetime.draining = True
        opened = database.opened
        ready = client.get("/health/ready")
        assert (ready.status, ready.json(), ready.headers["cache-control"]) == (503, {"status": "draining"}, "no-store")
        assert client.get("/health/live").status == 200
        assert database.opened == opened  # Nothing is asked of what may be closing.
    with Client(app, interface=interface) as client:
        assert client.get("/health/ready").status == 200  # A new life.
