"""Applications of others: behind a client, around an App, and mounted in one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from wholestack import App
from wholestack.testing import BrokenAnswer, Client, ClientFault

ClientOf = Callable[..., Client]


def hello() -> App:
    app = App(docs=False)

    @app.get("/")
    async def index() -> str:
        return "hello"

    return app


# -- ASGI --------------------------------------------------------------------------------------------------------


def test_asgi_middleware_around_an_app() -> None:
    app = hello()

    async def around(scope: Any, receive: Any, send: Any) -> None:
        async def named(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"X-Around", b"1")]
            await send(message)

        await app(scope, receive, named)

    with Client(around) as client:
        assert client.get("/").expect(200).headers["x-around"] == "1"


def test_starlette() -> None:
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Route

    notes = []

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, str]]:
        notes.append("start")
        yield {"name": "state"}
        notes.append("stop")

    async def index(request: Any) -> Any:
        return PlainTextResponse(request.state.name)

    async def stream(request: Any) -> Any:
        async def chunks() -> AsyncIterator[bytes]:
            while True:
                yield b"x"

        return StreamingResponse(chunks())

    async def breaks(request: Any) -> Any:
        raise ZeroDivisionError

    async def disconnected(request: Any) -> Any:
        await request.body()
        return PlainTextResponse(str(await request.is_disconnected()))

    routes = [Route("/", index), Route("/stream", stream), Route("/breaks", breaks), Route("/there", disconnected)]
    app = Starlette(routes=routes, lifespan=lifespan)
    with Client(app) as client:
        assert client.get("/").text == "state"
        assert client.get("/there").text == "False"
        with client.stream("GET", "/stream") as answer:
            assert next(answer.chunks()) == b"x"
        with pytest.raises(ZeroDivisionError):
            client.get("/breaks")
        assert Client(app, raise_errors=False).get("/breaks").status == 500
    assert notes == ["start", "stop"]


async def without_lifespan(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    if scope["path"] == "/fails":
        raise ZeroDivisionError
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"3")]})
    if scope["path"] == "/late":
        raise ZeroDivisionError
    if scope["path"] == "/again":
        await send({"type": "http.response.start", "status": 200})
    if scope["path"] == "/half":
        return
    await send({"type": "http.response.body", "body": b"abc" if scope["path"] == "/" else b"ab"})
    if scope["path"] == "/more":
        await send({"type": "http.response.body", "body": b"c"})


def test_what_knows_no_lifespan() -> None:
    with Client(without_lifespan) as client:
        assert client.get("/").body == b"abc"


async def ends_at_once(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    if scope["path"] == "/early":
        await send({"type": "http.response.body"})


def test_what_answers_nothing() -> None:
    with Client(ends_at_once) as client:
        with pytest.raises(BrokenAnswer, match="ended"):
            client.get("/")
        with pytest.raises(BrokenAnswer, match="ended"), client.stream("GET", "/"):
            pass
        with pytest.raises(RuntimeError, match=r"http\.response\.start"):
            client.get("/early")


def test_answers_that_are_not_whole() -> None:
    client = Client(without_lifespan)
    with pytest.raises(BrokenAnswer, match="Content-Length"):
        client.get("/lies")
    with pytest.raises(BrokenAnswer, match="ended before"):
        client.get("/half")
    with pytest.raises(RuntimeError, match="begun"):
        client.get("/again")
    with pytest.raises(RuntimeError, match="complete"):
        client.get("/more")
    with client.stream("GET", "/half") as answer, pytest.raises(BrokenAnswer, match="ended before"):
        answer.read()


def test_errors_of_others() -> None:
    quiet = Client(without_lifespan, raise_errors=False)
    assert (quiet.get("/fails").status, quiet.get("/fails").text) == (500, "Internal Server Error")
    with pytest.raises(BrokenAnswer, match="middle"):
        quiet.get("/late")
    with quiet.stream("GET", "/fails") as answer:
        assert (answer.status, answer.read()) == (500, b"Internal Server Error")
    with pytest.raises(ZeroDivisionError):
        Client(without_lifespan).get("/fails")


@pytest.mark.parametrize("when", ["startup", "shutdown"])
def test_a_lifespan_that_fails(when: str) -> None:
    async def refuses(scope: Any, receive: Any, send: Any) -> None:
        while True:
            kind = (await receive())["type"]
            if kind == f"lifespan.{when}":
                return await send({"type": f"{kind}.failed", "message": "no table"})
            await send({"type": f"{kind}.complete"})

    with pytest.raises(ClientFault, match="no table"), Client(refuses):
        pass


async def listens(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    messages = [await receive()]
    if scope["path"] == "/late":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        listening = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send({"type": "http.response.body"})
        messages.append(await listening)
    elif scope["path"] == "/sleeps":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(3600)
    else:
        await send({"type": "http.response.start", "status": 99})
    messages.append(await receive())
    scope["state"]["messages"].append([each["type"] for each in messages])


def test_what_an_application_hears() -> None:
    messages: list[list[str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await listens({**scope, "state": {"messages": messages}}, receive, send)

    client = Client(app)
    assert client.get("/late").body == b"x"
    assert messages.pop() == ["http.request", "http.disconnect", "http.disconnect"]
    with client.stream("GET", "/late") as answer:
        assert answer.read() == b"x"
    assert messages.pop() == ["http.request", "http.disconnect", "http.disconnect"]
    with pytest.raises(BrokenAnswer, match="200 on"):
        client.get("/odd")
    # One that listens to nothing is cancelled.
    with client.stream("GET", "/sleeps") as answer:
        assert next(answer.chunks()) == b"x"
    assert messages == []


# -- WSGI --------------------------------------------------------------------------------------------------------


def test_flask() -> None:
    from flask import Flask, request

    app = Flask("shop")

    @app.post("/orders/<int:number>")
    def order(number: int) -> Any:
        return {"number": number, "form": request.form.to_dict(), "q": request.args["q"]}

    with Client(app, interface="wsgi") as client:
        answer = client.post("/orders/4", data={"a": "1"}, query={"q": "ä"}).expect(200)
    assert answer.json() == {"number": 4, "form": {"a": "1"}, "q": "ä"}


class Closing(list[bytes]):
    closed = False

    def close(self) -> None:
        self.closed = True


def wsgi(environ: dict[str, Any], start_response: Any) -> Any:
    path = environ["PATH_INFO"]
    if path == "/nothing":
        return []
    if path == "/late":
        return late(start_response)
    write = start_response("200 OK", [("X-Tag", environ.get("HTTP_X_TAG", ""))])
    if path == "/written":
        write(b"written ")
    if path == "/twice":
        start_response("200 OK", [])
    if path == "/mended":
        start_response("500 Mended", [], (ZeroDivisionError, ZeroDivisionError(), None))
    if path == "/lines":
        return [environ["wsgi.input"].readline()]
    return Closing([b"a", b"b"])


def late(start_response: Any) -> Any:
    start_response("201 Created", [])
    yield b"late"


def test_what_wsgi_allows() -> None:
    client = Client(wsgi, interface="wsgi")
    assert client.get("/").body == b"ab"
    assert client.get("/written").body == b"written ab"
    assert (client.get("/late").status, client.get("/late").body) == (201, b"late")
    assert client.get("/mended").status == 500
    assert client.get("/", headers=[("x-tag", "a"), ("x-tag", "b")]).headers["x-tag"] == "a,b"
    assert client.post("/lines", body=[b"one\nt", b"wo\n"]).body == b"one\n"
    with client.stream("GET", "/late") as answer:
        assert (answer.status, answer.read()) == (201, b"late")
    with pytest.raises(RuntimeError, match="twice"):
        client.get("/twice")
    with pytest.raises(BrokenAnswer, match="without an answer"):
        client.get("/nothing")
    with pytest.raises(BrokenAnswer, match="without an answer"), client.stream("GET", "/nothing"):
        pass


def test_closed() -> None:
    answers: list[Closing] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        answers.append(wsgi(environ, start_response))
        return answers[-1]

    client = Client(app, interface="wsgi")
    client.get("/")
    with client.stream("GET", "/"):
        pass
    assert [each.closed for each in answers] == [True, True]


# -- RSGI --------------------------------------------------------------------------------------------------------


class Rsgi:
    """An RSGI application that uses what Granian offers."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.notes: list[str] = []

    def __rsgi_init__(self, loop: Any) -> None:
        self.notes.append(f"init {loop.is_closed()}")
        loop.run_until_complete(self.note("started"))

    def __rsgi_del__(self, loop: Any) -> None:
        self.notes.append("del")

    async def note(self, what: str) -> None:
        self.notes.append(what)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        await getattr(self, scope.path[1:])(scope, protocol)

    async def headers(self, scope: Any, protocol: Any) -> None:
        headers = scope.headers
        assert headers["Host"] == "testserver"
        assert "HOST" in headers and "nothing" not in headers
        assert headers.get("nothing", 1) == 1
        assert headers.get_all("x-tag") == ["a", "b"]
        assert set(headers) == set(headers.keys()) and len(headers) == len(headers.keys())
        assert ("x-tag", "b") in headers.items() and "b" in headers.values()
        with pytest.raises(KeyError):
            headers["nothing"]
        protocol.response_str(200, [("X-Path", scope.path)], f"{scope.client} {scope.server} {scope.http_version}")

    async def file_(self, scope: Any, protocol: Any) -> None:
        protocol.response_file(200, [], str(self.file))

    async def range_(self, scope: Any, protocol: Any) -> None:
        protocol.response_file_range(206, [], str(self.file), 1, 3)

    async def stream(self, scope: Any, protocol: Any) -> None:
        transport = protocol.response_stream(200, [])
        await transport.send_str("a")
        await transport.send_bytes(b"")
        await transport.send_bytes(b"b")

    async def twice(self, scope: Any, protocol: Any) -> None:
        assert await protocol() == b"ab"
        with pytest.raises(RuntimeError):
            await protocol()
        protocol.response_bytes(200, [], b"first")
        protocol.response_empty(500, [])

    async def listens(self, scope: Any, protocol: Any) -> None:
        transport = protocol.response_stream(200, [])
        await transport.send_bytes(b"a")
        await protocol.client_disconnect()
        self.notes.append("gone")

    async def pieces(self, scope: Any, protocol: Any) -> None:
        protocol.response_str(200, [], str([piece async for piece in protocol]))

    async def nothing(self, scope: Any, protocol: Any) -> None:
        pass


def test_what_rsgi_allows(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"abcd")
    app = Rsgi(file)
    with Client(app, interface="rsgi") as client:
        answer = client.get("/headers", headers=[("x-tag", "a"), ("x-tag", "b")])
        assert (answer.text, answer.headers["x-path"]) == ("127.0.0.1:50000 testserver:80 1.1", "/headers")
        assert client.get("/file_").body == b"abcd"
        assert client.get("/range_").body == b"bc"
        assert client.get("/stream").body == b"ab"
        assert client.post("/pieces", body=[b"a", b"", b"b"]).text == "[b'a', b'b', b'']"
        assert client.post("/pieces", body=b"ab").text == "[b'ab', b'']"
        assert client.post("/twice", body=[b"a", b"b"]).body == b"first"
        with client.stream("GET", "/listens") as streamed:
            assert next(streamed.chunks()) == b"a"
        with client.stream("GET", "/stream") as streamed:
            assert list(streamed.chunks()) == [b"a", b"b"]
        with pytest.raises(BrokenAnswer):
            client.get("/nothing")
        with pytest.raises(BrokenAnswer), client.stream("GET", "/nothing"):
            pass
    assert app.notes == ["init False", "started", "gone", "del"]


def test_an_rsgi_function() -> None:
    async def app(scope: Any, protocol: Any) -> None:
        protocol.response_str(200, [], scope.path)

    assert Client(app, interface="rsgi").get("/caf%C3%A9").text == "/café"


# -- mounted -----------------------------------------------------------------------------------------------------


def test_mounted(client_of: ClientOf) -> None:
    from flask import Flask
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def index(request: Any) -> Any:
        return PlainTextResponse(request.scope["root_path"])

    flask = Flask("old")

    @flask.get("/")
    def old() -> str:
        from flask import request

        return request.script_root

    app = hello()
    app.mount("/star", Starlette(routes=[Route("/", index)]))
    app.mount("/flask", flask)
    app.mount("/own", hello())
    client = client_of(app)
    assert client.get("/").text == "hello"
    assert client.get("/star/").expect(200).text == "/star"
    assert client.get("/flask/").expect(200).text == "/flask"
    assert client.get("/own/").expect(200).text == "hello"
