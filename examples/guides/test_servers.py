"""What docs/guides/servers-and-interfaces.md shows, and the tests that hold it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

import pytest

from wholestack import App, wait
from wholestack.testing import Client

Interface = Literal["asgi", "wsgi", "rsgi"]

# [app]
app = App()


@app.get("/plain")
def plain() -> str:
    return threading.current_thread().name


@app.get("/async")
async def asynchronous() -> str:
    return threading.current_thread().name


# [/app]
@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_one_app_on_every_interface(interface: Interface) -> None:
    # [interfaces]
    with Client(app, interface=interface) as client:
        assert client.get("/plain").status == 200
        assert client.get("/async").status == 200
    # [/interfaces]
    names = (client.get("/plain").text, client.get("/async").text)
    if interface == "wsgi":
        assert (names[0] == threading.current_thread().name, names[1]) == (True, "wholestack-loop")
    else:
        assert names[0] == "wholestack-worker"


# [lifespan]
events: list[str] = []
lively = App()


@lively.lifespan
@asynccontextmanager
async def connections() -> AsyncIterator[None]:
    events.append("connected")
    yield
    events.append("disconnected")


@lively.lifespan
@contextmanager
def files() -> Iterator[None]:
    events.append("opened")
    yield
    events.append("closed")


# [/lifespan]
@lively.get("/")
def home() -> str:
    return "home"


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_lifespan(interface: Interface) -> None:
    events.clear()
    # [lifespan-asked]
    with Client(lively, interface=interface) as client:
        client.get("/")
    assert events == ["connected", "opened", "closed", "disconnected"]
    # [/lifespan-asked]


# [wait]
async def look_up(name: str) -> str:
    await asyncio.sleep(0.01)
    return name.title()


@app.get("/people/{name}")
def person(name: str) -> str:
    return wait(look_up(name))


# [/wait]
@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_waiting_in_a_def_handler(interface: Interface) -> None:
    assert Client(app, interface=interface).get("/people/ada").text == "Ada"


paid: list[int] = []


async def ask_the_bank(cents: int) -> None:
    await asyncio.sleep(2)  # Longer than it takes to see that a client has left.
    paid.append(cents)


# [finish]
@app.post("/payments", finish=True)
async def pay(cents: int) -> str:
    await ask_the_bank(cents)
    return "paid"


# [/finish]
@app.post("/quotes")
async def quote(cents: int) -> str:
    await ask_the_bank(cents)
    return "quoted"


async def leave_at_once(path: str, query: bytes) -> None:
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query, "http_version": "1.1"}
    messages = [{"type": "http.request"}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        """Nobody listens."""

    await app(scope | {"headers": [(b"host", b"example.org")]}, receive, send)


def test_who_leaves_has_paid_all_the_same() -> None:
    async def both() -> None:
        await asyncio.gather(leave_at_once("/payments", b"cents=120"), leave_at_once("/quotes", b"cents=99"))
        await app.seal().lifetime.stop()

    asyncio.run(both())
    assert paid == [120]
