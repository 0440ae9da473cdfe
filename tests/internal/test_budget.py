"""The hop budget: how deep and after how many Python calls a handler is reached, counted exactly.

Counted from the app's own `__call__` (`__rsgi__`), gate and request id included, on the interface and in the colour that
need no other thread. What the first requests set up is left out: each app is asked twice before. A call is one of a Python
function, whoever's; those of the stand-in server's own (its `receive`, `send` and header map) are left out.
"""

from __future__ import annotations

import asyncio
import gc
import io
import sys
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Annotated, Any

import greenlet
import pydantic
import pytest

import callers
from callers import RsgiHeaders, RsgiProtocol
from wholestack import App, wait
from wholestack.realtime import Socket

HEADERS = [
    ("host", "example.org"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("connection", "keep-alive"),
    ("cookie", "session=0123456789abcdef"),
]
ORDER = b'{"customer": "Ann", "lines": [{"product": "tea", "count": 2}]}'


class Line(pydantic.BaseModel):
    product: str
    count: Annotated[int, pydantic.Field(ge=1)]


class Order(pydantic.BaseModel):
    customer: str
    lines: list[Line]


class Item(pydantic.BaseModel):
    id: int
    q: str | None


class Waited:
    pass


ITEM = Item(id=7, q="x")


class Counter:
    """Counts the calls of Python functions, and how deep the handler lies."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.depth = 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event != "call" or frame.f_code.co_filename == callers.__file__:
            return
        if frame.f_code.co_filename != __file__:
            self.names.append(frame.f_code.co_qualname)
        elif frame.f_code.co_name == "handler":
            self.names.append("handler")
            self.depth = depth_of(frame)


def depth_of(frame: FrameType | None) -> int:
    """The frames from the handler up to the server's, through the greenlets that it may run in."""
    depth, inside = 0, greenlet.getcurrent()
    while frame is None or frame.f_code.co_name != "server":
        if frame is None:
            assert inside.parent is not None
            inside = inside.parent
            frame = inside.gr_frame
        else:
            depth, frame = depth + 1, frame.f_back
    return depth


def parts(method: str) -> tuple[str, str, bytes, list[tuple[str, str]]]:
    if method == "GET":
        return "/items/7", "q=x", b"", HEADERS
    return "/orders", "", ORDER, [*HEADERS, ("content-type", "application/json"), ("content-length", str(len(ORDER)))]


def channel(message: Any = None) -> Any:
    """A `receive` or `send` that never suspends and is no Python call: the driver's awaits are all that is counted."""

    class Ready:
        def __await__(self) -> Any:
            return message
            yield

    ready = Ready()
    return lambda *arguments: ready


def ask_asgi(app: App, method: str, counter: Counter) -> None:
    path, query, body, headers = parts(method)
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http"},
        **{"path": path, "query_string": query.encode(), "client": ("127.0.0.1", 1), "root_path": ""},
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    receive, send = channel({"type": "http.request", "body": body}), channel()

    async def server(count: bool) -> None:
        if count:
            sys.setprofile(counter)
        try:
            await app(scope, receive, send)
        finally:
            sys.setprofile(None)

    _run(server)


def ask_rsgi(app: App, method: str, counter: Counter) -> None:
    path, query, body, headers = parts(method)
    scope = SimpleNamespace(
        **{"proto": "http", "http_version": "1.1", "method": method, "path": path, "query_string": query},
        **{"scheme": "http", "headers": RsgiHeaders(headers), "authority": None, "client": "127.0.0.1:1"},
    )

    async def server(count: bool) -> None:
        protocol = RsgiProtocol([body])
        if count:
            sys.setprofile(counter)
        try:
            await app.__rsgi__(scope, protocol)
        finally:
            sys.setprofile(None)
        assert protocol.answer.status == 200

    _run(server)


def _run(server: Callable[[bool], Any]) -> None:
    async def main() -> None:
        for count in (False, False, True):
            await server(count)

    asyncio.run(main())


def ask_wsgi(app: App, method: str, counter: Counter) -> None:
    path, query, body, headers = parts(method)
    environ: dict[str, Any] = {
        **{"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query},
        **{"SERVER_NAME": "a", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http"},
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    said: list[str] = []

    def server(count: bool) -> None:
        given = {**environ, "wsgi.input": io.BytesIO(body)}
        if count:
            sys.setprofile(counter)
        try:
            app(given, start_response)
        finally:
            sys.setprofile(None)

    def start_response(status: str, headers: Any) -> None:
        said.append(status)

    for count in (False, False, True):
        server(count)
    assert said == ["200 OK"] * 3


ASK = {"asgi": ask_asgi, "rsgi": ask_rsgi, "wsgi": ask_wsgi}


def app_for(interface: str, *, routes: int = 0, waits: bool = False) -> App:
    """An app in the colour that crosses to no other thread there."""
    app = App(docs=False)
    for number in range(routes):
        app.get(f"/other{number}/{{id}}/x")(lambda: 1)
        app.get(f"/items/{{id}}/x{number}")(lambda: 1)

    def waited() -> Waited:
        wait(asyncio.sleep(0))
        return Waited()

    if interface == "wsgi":

        @app.get("/items/{id}")
        def handler(id: int, q: str | None = None) -> Item:
            return ITEM

        @app.post("/orders")
        def handler(order: Order) -> Item:
            return ITEM
    elif waits:
        app.provide(waited, waits=True)

        @app.get("/items/{id}")
        async def handler(id: int, waited: Waited, q: str | None = None) -> Item:
            return ITEM
    else:

        @app.get("/items/{id}")
        async def handler(id: int, q: str | None = None) -> Item:
            return ITEM

        @app.post("/orders")
        async def handler(order: Order) -> Item:
            return ITEM

    return app


def measure(interface: str, method: str = "GET", **options: Any) -> Counter:
    app, counter = app_for(interface, **options), Counter()
    gc.disable()  # a finalizer that happens to run in between is no call of ours
    try:
        ASK[interface](app, method, counter)
    finally:
        gc.enable()
    assert "handler" in counter.names
    app.seal().lifetime.stop_in_background()
    return counter


@pytest.mark.parametrize("interface", list(ASK))
def test_a_typed_get_takes_three_frames_and_few_calls(untraced: None, interface: str) -> None:
    counter = measure(interface)
    assert counter.depth <= 3, counter.names
    assert len(counter.names) <= 15, counter.names  # the design allows 25; more than 15 is to be noticed


@pytest.mark.parametrize("interface", list(ASK))
def test_a_validated_post_takes_ten_calls_more(untraced: None, interface: str) -> None:
    get, post = measure(interface), measure(interface, "POST")
    assert post.depth <= 3, post.names
    assert len(post.names) <= len(get.names) + 10, post.names


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_a_driven_one_takes_two_frames_more(untraced: None, interface: str) -> None:
    # The fourth frame is that of any plan with a provider.
    assert measure(interface, waits=True).depth <= 3 + 1 + 2


@pytest.mark.parametrize("interface", list(ASK))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_number_of_routes_changes_nothing(untraced: None, interface: str, method: str) -> None:
    assert measure(interface, method).names == measure(interface, method, routes=500).names


def test_a_message_of_a_socket_takes_few_calls_and_none_to_count_it(untraced: None) -> None:
    app, came, went = App(docs=False), Counter(), Counter()
    messages = iter([{"type": "websocket.connect"}, *({"type": "websocket.receive", "text": text} for text in "abc")])

    @app.socket("/echo")
    async def echo(socket: Socket[str, str]) -> None:
        await socket.send(await socket.receive())
        sys.setprofile(came)
        text = await socket.receive()
        sys.setprofile(went)
        await socket.send(text)
        sys.setprofile(None)

    sent: list[dict[str, Any]] = []

    async def main() -> None:
        scope = {
            "type": "websocket",
            "path": "/echo",
            "headers": [(b"host", b"example.org")],
            "asgi": {"version": "3.0"},
        }
        done = channel()
        await app(scope, lambda: channel(next(messages))(), lambda message: (sent.append(message), done())[1])

    asyncio.run(main())
    app.seal().lifetime.stop_in_background()
    assert [each.get("text") for each in sent] == [None, "a", "b", None]
    assert "AsgiConnection.receive" in came.names and "AsgiConnection.send" in went.names
    assert len(came.names) <= 5, came.names
    assert len(went.names) <= 7, went.names
