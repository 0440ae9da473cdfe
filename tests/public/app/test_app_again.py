"""An app that is sealed again, or has a twin: plugins are set up once for each, and the app itself can be asked for."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from wsgiref.util import setup_testing_defaults

import pytest

from wholestack import App, SetupError
from wholestack.testing import Client

ENVIRON: dict[str, object] = {}
setup_testing_defaults(ENVIRON)


class Clock:
    """What the plugin below provides."""


class Pool:
    """What lives as long as the app."""


class Adds:
    def setup(self, app: App) -> None:
        app.get("/added")(lambda: "added")
        app.provide(_clock)


def _clock() -> Clock:
    return Clock()


@pytest.fixture
def app() -> App:
    app = App(docs=False)
    app.use(Adds())
    return app


def paths(app: App) -> list[str]:
    return [route.path for route in app.describe().routes]


def test_a_plugin_is_set_up_once_for_a_sealed_app_and_once_for_its_twin(app: App) -> None:
    app.seal()
    with app.replace(Clock, Clock()) as twin:
        assert paths(twin) == paths(app) == ["/added"]
    assert paths(app) == ["/added"]


def test_a_plugin_is_set_up_again_after_unseal_and_what_was_added_since_stays(app: App) -> None:
    app.seal()
    app.unseal()
    app.get("/later")(lambda: "later")
    assert paths(app) == ["/later", "/added"]


def test_unsealing_closes_what_lives_as_long_as_the_app(app: App) -> None:
    notes: list[str] = []

    def pool() -> Iterator[Pool]:
        notes.append("open")
        yield Pool()
        notes.append("close")

    app.provide(pool, scope="app")

    @app.get("/pool")
    def use(pool: Pool) -> str:
        return "used"

    for again in range(2):
        app.wsgi({**ENVIRON, "PATH_INFO": "/pool"}, lambda status, headers: None)
        assert notes == ["open", "close"] * again + ["open"]
        app.unseal()
        app.unseal()
        assert notes == ["open", "close"] * (again + 1)


def test_unsealing_inside_a_loop_closes_what_was_opened_there(app: App) -> None:
    notes: list[object] = []

    @app.lifespan
    @contextlib.asynccontextmanager
    async def life() -> AsyncIterator[None]:
        notes.append("open")
        yield
        await asyncio.sleep(0)
        notes.append("close")

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        notes.append(message.get("status", message["type"]))

    async def main() -> None:
        scope = {"type": "http", "method": "GET", "path": "/added", "query_string": b"", "http_version": "1.1"}
        await app({**scope, "headers": [(b"host", b"x")]}, receive, send)
        app.unseal()
        notes.append("unsealed")

    asyncio.run(main())
    assert notes == ["open", 200, "http.response.body", "close", "unsealed"]


def test_nothing_keeps_an_app_s_old_life_even_where_its_end_fails(app: App) -> None:
    @app.lifespan
    @contextlib.contextmanager
    def life() -> Iterator[None]:
        yield
        raise ZeroDivisionError("stop")

    app.wsgi({**ENVIRON, "PATH_INFO": "/added"}, lambda status, headers: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what tests before this one left to the collector is not asked here
        gc.collect()
    old = weakref.ref(app.seal().lifetime)
    with pytest.raises(ZeroDivisionError):
        app.unseal()
    app.lifespans.clear()
    assert app.seal().lifetime is not old()
    gc.collect()
    assert old() is None


def test_an_app_that_could_not_be_sealed_can_be_mended(app: App) -> None:
    def broken(clock: Callable[[], None]) -> str:
        return ""

    app.get("/broken")(broken)
    with pytest.raises(SetupError):
        app.seal()
    app.routes.clear()
    app.get("/mended")(lambda: "mended")
    app.unseal()
    assert paths(app) == ["/mended", "/added"]


def test_the_app_can_be_asked_for_by_its_public_name_and_a_twin_is_itself(app: App) -> None:
    seen: list[App] = []

    @app.get("/asked")
    def asked(app: App) -> str:
        seen.append(app)
        return app.title

    app.wsgi({**ENVIRON, "PATH_INFO": "/asked"}, lambda status, headers: None)
    with app.replace(Clock, Clock()) as twin:
        twin.wsgi({**ENVIRON, "PATH_INFO": "/asked"}, lambda status, headers: None)
        assert seen == [app, twin]


def test_a_plugin_that_fails_once_has_added_nothing(app: App) -> None:
    class Fails:
        times = 0

        def setup(self, app: App) -> None:
            self.times += 1
            if self.times == 1:
                raise ConnectionError("not yet")

    app.use(Fails())
    with pytest.raises(ConnectionError):
        app.seal()
    assert paths(app).count("/added") == 1


def test_a_faulty_app_costs_no_more_with_every_request(app: App) -> None:
    def broken(clock: Callable[[], None]) -> str:
        return ""

    app.get("/broken")(broken)

    def length() -> int:
        assert b"1 fault" in b"".join(app(dict(ENVIRON), lambda status, headers: None))
        with pytest.raises(SetupError) as caught:
            app.seal()
        return len(caught.traceback)

    first = app.ready()
    assert length() == length()
    assert app.ready() is first


def test_a_class_that_stands_in_is_made_as_one_that_is_provided() -> None:
    class Clock:
        def now(self) -> int:
            return 1

    class Stopped(Clock):
        def now(self) -> int:
            return 7

    app = App()
    app.provide(Clock)

    @app.get("/now")
    def now(clock: Clock) -> int:
        return clock.now()

    with app.replace(Clock, Stopped) as twin, Client(twin) as client:
        assert client.get("/now").json() == 7
    with Client(app) as client:
        assert client.get("/now").json() == 1
