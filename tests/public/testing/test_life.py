"""An app starts and stops with its client, over each interface."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wholestack import App, SetupError, wait
from wholestack.testing import AsyncClient, Client, ClientFault


class Noted:
    """An app that notes its starts and stops."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.app = app = App(docs=False)

        @app.lifespan
        @contextlib.contextmanager
        def plain() -> Iterator[None]:
            self.notes.append("start")
            yield
            self.notes.append("stop")

        @app.lifespan
        @contextlib.asynccontextmanager
        async def asynchronous() -> AsyncIterator[None]:
            await asyncio.sleep(0)
            self.notes.append("async start")
            yield
            await asyncio.sleep(0)
            self.notes.append("async stop")

        @app.get("/")
        async def index() -> str:
            return "here"

        @app.get("/wait")
        def waiting() -> str:
            wait(asyncio.sleep(0))
            return "waited"


WHOLE = ["start", "async start", "async stop", "stop"]


def test_with(interface: Any) -> None:
    noted = Noted()
    with Client(noted.app, interface=interface) as client:
        assert noted.notes == WHOLE[:2]
        assert client.get("/").text == "here"
        assert client.get("/wait").text == "waited"
    assert noted.notes == WHOLE
    with Client(noted.app, interface=interface) as client:
        assert client.get("/").text == "here"
        assert client.get("/wait").text == "waited"
    assert noted.notes == WHOLE * 2


def test_async_with(interface: Any) -> None:
    noted = Noted()

    async def main() -> None:
        async with AsyncClient(noted.app, interface=interface) as client:
            assert noted.notes == WHOLE[:2]
            answers = await asyncio.gather(*(client.get(path) for path in ["/", "/wait"] * 3))
            assert [each.text for each in answers] == ["here", "waited"] * 3
        assert noted.notes == WHOLE

    asyncio.run(main())


def test_without_it_starts_by_itself(interface: Any) -> None:
    noted = Noted()
    client = Client(noted.app, interface=interface)
    assert noted.notes == []
    client.get("/").expect(200)
    Client(noted.app, interface=interface).get("/").expect(200)
    assert noted.notes == WHOLE[:2]
    # A block begins with an app that has just started, and ends with one that has stopped.
    with client:
        assert noted.notes == WHOLE + WHOLE[:2]
    assert noted.notes == WHOLE * 2


def test_without_it_stops_with_its_loop(interface: Any) -> None:
    noted = Noted()

    async def main() -> None:
        client = AsyncClient(noted.app, interface=interface)
        await asyncio.gather(client.get("/"), client.get("/"))
        assert noted.notes == WHOLE[:2]
        if interface == "wsgi":
            async with client:  # Its loop is another, which goes on.
                assert noted.notes == WHOLE + WHOLE[:2]

    asyncio.run(main())
    assert noted.notes == WHOLE * (2 if interface == "wsgi" else 1)


SCRIPT = """
import contextlib
from wholestack import App
from wholestack.testing import Client

app = App(docs=False)

@app.lifespan
@contextlib.contextmanager
def life():
    print("start")
    yield
    print("stop")

@app.get("/")
def index() -> str:
    return "here"

try:
    Client(App(docs=False), interface="INTERFACE").get("nonsense://")
except Exception as error:
    print(type(error).__name__)
print(Client(app, interface="INTERFACE").get("/").text)
"""


def test_without_it_stops_at_exit(interface: str) -> None:
    script = SCRIPT.replace("INTERFACE", interface)
    done = subprocess.run([sys.executable, "-X", "dev", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout.split(), done.stderr) == (["ClientFault", "start", "here", "stop"], "")


def test_blocks_within_each_other_share_the_app(interface: Any) -> None:
    noted = Noted()
    with Client(noted.app, interface=interface) as one:
        with Client(noted.app, interface=interface) as two, one:
            assert one.get("/").text == two.get("/").text
        assert noted.notes == WHOLE[:2]
        assert one.get("/wait").text == "waited"
    assert noted.notes == WHOLE


@pytest.mark.parametrize("first", ["asgi", "wsgi", "rsgi"])
def test_clients_of_different_kinds_after_each_other(first: Any, interface: Any) -> None:
    noted = Noted()

    async def main() -> str:
        return (await AsyncClient(noted.app, interface=interface).get("/wait")).text

    assert Client(noted.app, interface=first).get("/wait").text == "waited"
    assert asyncio.run(main()) == "waited"
    assert Client(noted.app, interface=first).get("/wait").text == "waited"
    assert Client(noted.app, interface=interface).get("/wait").text == "waited"
    assert asyncio.run(main()) == "waited"


def test_a_block_does_not_make_way(interface: Any) -> None:
    noted = Noted()
    other: Any = "rsgi" if interface == "asgi" else "asgi"
    with Client(noted.app, interface=interface) as client:
        with pytest.raises(ClientFault, match="another kind"):
            Client(noted.app, interface=other).get("/")
        assert client.get("/").text == "here"
    assert noted.notes == WHOLE


def test_a_loop_in_another_thread_does_not_make_way() -> None:
    noted = Noted()
    asked, ended = threading.Event(), threading.Event()

    async def main() -> None:
        await AsyncClient(noted.app).get("/")
        asked.set()
        await asyncio.to_thread(ended.wait)

    with ThreadPoolExecutor() as pool:
        running = pool.submit(asyncio.run, main())
        asked.wait()
        with pytest.raises(ClientFault, match="another thread"):
            Client(noted.app).get("/")
        ended.set()
        running.result()
    assert Client(noted.app).get("/").text == "here"


def test_a_loop_that_was_closed_without_a_word() -> None:
    noted = Noted()
    loop = asyncio.new_event_loop()
    client = AsyncClient(noted.app)
    assert loop.run_until_complete(client.get("/")).text == "here"
    task = asyncio.all_tasks(loop).pop()
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    assert Client(noted.app).get("/").text == "here"


def test_inside_a_loop() -> None:
    async def main() -> None:
        with pytest.raises(ClientFault, match="AsyncClient"):
            Client(Noted().app).get("/")
        with pytest.raises(ClientFault, match="AsyncClient"), Client(Noted().app):
            pass

    asyncio.run(main())


def test_from_several_threads(interface: Any) -> None:
    noted = Noted()
    with Client(noted.app, interface=interface) as client, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(client.get, ["/", "/wait"] * 10))
    assert [each.text for each in answers] == ["here", "waited"] * 10
    assert noted.notes == WHOLE


def test_an_app_that_does_not_start(interface: Any) -> None:
    app = App(docs=False)

    @app.lifespan
    @contextlib.contextmanager
    def life() -> Iterator[None]:
        raise ZeroDivisionError("start")
        yield

    with pytest.raises(ZeroDivisionError, match="start"):
        Client(app, interface=interface).get("/")
    with pytest.raises(ZeroDivisionError, match="start"), Client(app, interface=interface):
        pass

    async def main() -> None:
        async with AsyncClient(app, interface=interface):
            pass

    with pytest.raises(ZeroDivisionError, match="start"):
        asyncio.run(main())


def test_an_app_that_does_not_stop(interface: Any) -> None:
    app = App(docs=False)

    @app.lifespan
    @contextlib.contextmanager
    def life() -> Iterator[None]:
        yield
        raise ZeroDivisionError("stop")

    @app.get("/")
    def index() -> str:
        return "here"

    with pytest.raises(ZeroDivisionError, match="stop"), Client(app, interface=interface) as client:
        client.get("/").expect(200)


def test_a_faulty_app(interface: Any) -> None:
    app = App(docs=False)
    app.get("/{x}")(lambda x: x)
    with pytest.raises(SetupError):
        Client(app, interface=interface, raise_errors=False).get("/")


def test_an_app_that_is_unsealed(interface: Any) -> None:
    noted = Noted()
    client = Client(noted.app, interface=interface)
    assert client.get("/new").status == 404
    noted.app.unseal()

    @noted.app.get("/new")
    def new() -> str:
        return "new"

    assert client.get("/new").text == "new"
    assert noted.notes == WHOLE + WHOLE[:2]


def test_a_twin(interface: Any) -> None:
    app = App(docs=True)

    class Mailer:
        def name(self) -> str:
            return "mailer"

    class Fake(Mailer):
        def name(self) -> str:
            return "fake"

    @app.provide
    def mailer() -> Mailer:
        return Mailer()

    @app.get("/")
    def index(mailer: Mailer) -> str:
        return mailer.name()

    client = Client(app, interface=interface)
    assert client.get("/").text == "mailer"
    with app.replace(Mailer, Fake()) as twin, Client(twin, interface=interface) as of_twin:
        assert of_twin.get("/").text == "fake"
        assert client.get("/").text == "mailer"
