"""The app's life in a process: start, stop, lifespans, plugins, twins."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import gc
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

import anyio
import pytest

from callers import Asgi, Rsgi, Wsgi
from wholestack import App, Request, Router, SetupError, wait
from wholestack.errors import WholestackError
from wholestack.handlers import current_request


@dataclasses.dataclass
class Database:
    url: str


class Mailer(Protocol):
    def send(self) -> str: ...


@dataclasses.dataclass
class Repository:
    database: Database


class Real:
    def send(self) -> str:
        return "real"


class Fake:
    def send(self) -> str:
        return "fake"


def test_lifespans_open_in_order_after_the_providers_and_close_in_reverse(serve: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    def database() -> Iterator[Database]:
        log.append("database opens")
        yield Database("x")
        log.append("database closes")

    app.provide(database, scope="app")

    @app.lifespan
    @contextlib.asynccontextmanager
    async def waits(database: Database) -> AsyncIterator[None]:
        log.append(f"waits {database.url}")
        yield
        log.append("waits ends")

    @app.lifespan
    @contextlib.contextmanager
    def plain() -> Iterator[None]:
        log.append("plain")
        yield
        log.append("plain ends")

    @app.lifespan
    async def given() -> Any:
        return contextlib.nullcontext(log.append("given"))

    @app.get("/")
    def show() -> str:
        return "up"

    client = serve(app)
    assert client.get("/").text == "up"
    client.stop()
    assert log == ["database opens", "waits x", "plain", "given", "plain ends", "waits ends", "database closes"]


def test_a_server_that_says_start_and_stop() -> None:
    log: list[str] = []
    app = App(docs=False)

    @app.lifespan
    @contextlib.contextmanager
    def span() -> Iterator[None]:
        log.append("start")
        yield
        log.append("stop")

    asgi = Asgi(app)
    assert [message["type"] for message in asgi.start()] == ["lifespan.startup.complete"]
    assert log == ["start"]
    assert asgi.get("/").status == 404
    sent = asgi._lifespan[2]
    asgi.close()
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert log == ["start", "stop"]

    rsgi = Rsgi(app)
    rsgi.start()
    assert log == ["start", "stop", "start"]
    assert rsgi.get("/").status == 404
    rsgi.close()
    assert log == ["start", "stop", "start", "stop"]


def test_a_start_or_a_stop_that_fails_is_told(caplog: Any) -> None:
    def app_that_fails(when: str) -> App:
        app = App(docs=False)

        @app.lifespan
        @contextlib.contextmanager
        def span() -> Iterator[None]:
            if when == "start":
                raise OSError("no disk")
            yield
            raise OSError("no disk")

        return app

    starting = Asgi(app_that_fails("start"))
    (told,) = starting.start()
    assert told == {"type": "lifespan.startup.failed", "message": "OSError: no disk"}
    starting.close()
    stopping = Asgi(app_that_fails("stop"))
    sent = stopping.start()
    stopping.close()
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.failed"]


def test_a_faulty_app_does_not_start() -> None:
    app = App(docs=False)

    @app.get("no-slash")
    def show() -> str:
        return ""

    client = Asgi(app)
    (told,) = client.start()
    assert told["type"] == "lifespan.startup.failed"
    assert "bad-path" in told["message"]
    client.close()


def test_many_first_requests_start_it_once() -> None:
    log: list[str] = []
    app = App(docs=False)

    @app.lifespan
    @contextlib.asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        log.append("start")
        await asyncio.sleep(0.01)
        yield

    client = Asgi(app)

    async def main() -> list[Any]:
        return await asyncio.gather(*(client.exchange("GET", "/") for _ in range(5)))

    assert {answer.status for answer in client.runner.run(main())} == {404}
    assert log == ["start"]
    client.close()


def test_an_odd_scope_and_a_socket_that_nobody_answers() -> None:
    app = App(docs=False)
    client = Asgi(app)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    client.runner.run(app({"type": "websocket", "path": "/", "headers": []}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1000}]
    with pytest.raises(WholestackError, match="carrier-pigeon"):
        client.runner.run(app({"type": "carrier-pigeon"}, receive, send))
    client.close()


def test_plugins_are_set_up_when_it_is_sealed() -> None:
    class Adds:
        def __init__(self, path: str) -> None:
            self.path = path

        def setup(self, app: App) -> None:
            app.get(self.path)(lambda: self.path)

    class Other:
        def setup(self, app: App) -> None: ...

    app = App(docs=False)
    app.use(Adds("/one"), Adds("/two"))
    assert app.routes == []
    assert app.plugin(Adds).path == "/one"
    with pytest.raises(SetupError, match="Other"):
        app.plugin(Other)
    client = Asgi(app)
    assert client.get("/two").json() == "/two"
    client.close()


def test_commands_and_checks_are_kept_for_the_command_line() -> None:
    app = App(docs=False)

    @app.command
    def greet() -> None: ...

    @app.check
    def check() -> list[Any]:
        return []

    assert (app.commands, app.checks) == ([greet], [check])


def test_a_twin_with_something_else_provided(serve: Any, colour: Any) -> None:
    app, router = App(docs=False), Router()

    def mailer() -> Mailer:
        return Real()

    app.provide(mailer)

    @router.get("/")
    @colour
    def show(mailer: Mailer) -> str:
        return mailer.send()

    app.include(router)

    def by_function(n: int = 1) -> Fake:
        fake = Fake()
        fake.send = lambda: f"function {n}"  # type: ignore[method-assign]
        return fake

    with app.replace(Mailer, Fake()) as twin:
        assert serve(twin).get("/").text == "fake"
        with twin.replace(Mailer, by_function) as another:
            assert serve(another).get("/?n=2").text == "function 2"
    assert serve(app).get("/").text == "real"


def test_a_twin_of_what_lives_as_long_as_the_app(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    def database() -> Database:
        raise AssertionError("opened")

    def repository(database: Database) -> Repository:
        return Repository(database)

    app.provide(database, scope="app")
    app.provide(repository, scope="app")

    @app.get("/")
    @colour
    def show(repository: Repository) -> str:
        return repository.database.url

    with app.replace(Database, Database("fake")) as twin:
        assert serve(twin).get("/").text == "fake"
    opened: list[int] = []

    def by_function() -> Iterator[Database]:
        opened.append(1)
        yield Database("made")
        opened.append(0)

    with app.replace(Database, by_function) as twin:
        client = serve(twin)
        assert client.get("/").text == client.get("/").text == "made"
        client.stop()
    assert opened == [1, 0]


def test_a_twin_of_what_waits(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    def database() -> Database:
        return wait(asyncio.sleep(0, Database("real")))

    app.provide(database, waits=True)

    @app.get("/")
    @colour
    def show(database: Database) -> str:
        return database.url

    def stand_in() -> Database:
        return wait(asyncio.sleep(0, Database("fake")))

    with app.replace(Database, stand_in) as twin:
        assert serve(twin).get("/").text == "fake"
    assert serve(app).get("/").text == "real"


def test_a_twin_where_a_router_has_a_nearer_provider(serve_one: Any) -> None:
    app, router = App(docs=False), Router()

    def far() -> Database:
        return Database("far")

    def near() -> Database:
        return Database("near")

    app.provide(far)
    router.provide(near)

    @router.get("/")
    def show(database: Database) -> str:
        return database.url

    app.include(router)
    with app.replace(Database, Database("fake")) as twin:
        assert serve_one(twin).get("/").text == "fake"


def test_replacing_what_nobody_provides_provides_it(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(database: Database) -> str:
        return database.url

    with app.replace(Database, Database("fake")) as twin:
        assert serve_one(twin).get("/").text == "fake"
    with pytest.raises(SetupError):
        app.seal()


def test_many_threads_at_once_seal_and_start_it_once() -> None:
    log: list[str] = []

    class Slow:
        def setup(self, app: App) -> None:
            log.append("setup")
            time.sleep(0.02)

    app = App(docs=False)
    app.use(Slow())

    @app.lifespan
    @contextlib.asynccontextmanager
    async def span() -> AsyncIterator[None]:
        log.append("start")
        await asyncio.sleep(0.02)
        yield

    app.get("/")(lambda: 1)
    clients = [Wsgi(app) for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: client.get("/").text, clients))
    assert answers == ["1"] * 8
    assert log == ["setup", "start"]
    for client in clients:
        client.close()


def test_a_task_group_lives_as_long_as_the_app(serve: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    @app.lifespan
    @contextlib.asynccontextmanager
    async def group() -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            yield
            tasks.cancel_scope.cancel()
        log.append("closed")

    async def scope() -> AsyncIterator[Database]:
        with anyio.CancelScope():
            yield Database("x")

    app.provide(scope, scope="app")

    @app.get("/")
    def show(database: Database) -> str:
        return database.url

    client = serve(app)
    assert client.get("/").text == "x"
    client.stop()
    assert log == ["closed"]


def test_under_rsgi_it_is_left_where_it_was_entered() -> None:
    app = App(docs=False)
    tasks: list[Any] = []

    @app.lifespan
    @contextlib.asynccontextmanager
    async def span() -> AsyncIterator[None]:
        tasks.append(asyncio.current_task())
        with anyio.CancelScope():
            yield
        tasks.append(asyncio.current_task())

    rsgi = Rsgi(app)
    rsgi.start()
    rsgi.close()
    assert tasks[0] is tasks[1]


def test_a_life_that_fails_is_logged_and_begun_anew(caplog: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    async def fails() -> None:
        await asyncio.sleep(0.01)
        raise ZeroDivisionError

    @app.lifespan
    @contextlib.asynccontextmanager
    async def group() -> AsyncIterator[None]:
        log.append("open")
        async with asyncio.TaskGroup() as tasks:
            if len(log) == 1:
                tasks.create_task(fails())
            yield

    @app.get("/")
    async def show() -> str:
        return "up"

    client = Asgi(app)
    assert client.get("/").text == "up"
    client.runner.run(asyncio.sleep(0.05))
    assert [record.exc_info[0] for record in caplog.records] == [ExceptionGroup]
    assert client.get("/").text == "up"
    assert log == ["open", "open"]
    client.close()


def noting(log: list[str]) -> App:
    """An app whose lifespan waits while it ends."""
    app = App(docs=False)

    @app.lifespan
    @contextlib.asynccontextmanager
    async def span() -> AsyncIterator[None]:
        log.append("start")
        yield
        await asyncio.sleep(0)
        log.append("stop")

    return app


def test_a_server_that_ends_its_loop_and_says_nothing() -> None:
    log: list[str] = []
    app = noting(log)

    client = Asgi(app)
    assert client.runner.run(client.exchange("GET", "/")).status == 404
    client.runner.close()  # which cancels what still runs
    assert log == ["start", "stop"]
    app.seal().lifetime.stop_in_background()
    assert log == ["start", "stop"]


@pytest.mark.parametrize("closed", [False, True])
def test_a_server_that_lets_its_loop_lie(closed: bool) -> None:
    log: list[str] = []
    app = noting(log)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(app.seal().lifetime.start())
    told: list[Any] = []
    loop.set_exception_handler(lambda _, context: told.append(context))
    if closed:
        loop.close()
    app.seal().lifetime.stop_in_background()
    gc.collect()
    assert (log, told) == (["start", "stop"], [])
    loop.close()


def test_a_stop_from_another_loop() -> None:
    log: list[str] = []
    app = noting(log)
    lifetime = app.seal().lifetime
    lifetime.start_in_background()
    asyncio.run(lifetime.stop())
    assert log == ["start", "stop"]
    # And of one that does not turn.
    loop = asyncio.new_event_loop()
    loop.run_until_complete(lifetime.start())
    loop.run_until_complete(lifetime.start())  # It has begun already.
    asyncio.run(lifetime.stop())
    assert log == ["start", "stop"] * 2
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_a_stop_in_plain_code_on_the_very_loop() -> None:
    log: list[str] = []

    async def main() -> None:
        with noting(log).replace(Mailer, Fake()) as twin:
            await twin.seal().lifetime.start()
        assert log == ["start", "stop"]

    asyncio.run(main())


def test_one_who_waits_for_the_start_and_leaves_takes_it_from_nobody() -> None:
    log: list[str] = []
    app = App(docs=False)

    @app.lifespan
    @contextlib.asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        await asyncio.sleep(0.02)
        log.append("start")
        yield

    client = Asgi(app)

    async def main() -> int:
        first = asyncio.ensure_future(client.exchange("GET", "/"))
        await asyncio.sleep(0.005)
        second = asyncio.ensure_future(client.exchange("GET", "/"))
        await asyncio.sleep(0)
        first.cancel()
        return (await second).status

    assert client.runner.run(main()) == 404
    assert log == ["start"]
    client.close()


def test_the_life_keeps_no_request(serve: Any) -> None:
    seen: list[Any] = []
    app = App(docs=False)

    @app.lifespan
    @contextlib.asynccontextmanager
    async def span() -> AsyncIterator[None]:
        seen.append(current_request.get())
        yield

    token = current_request.set(Request("GET", "/"))
    serve(app).get("/")
    current_request.reset(token)
    assert seen == [None]
