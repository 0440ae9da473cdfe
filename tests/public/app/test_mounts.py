"""Foreign applications below a path: any ASGI or WSGI app, on every interface."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
import time
from collections.abc import AsyncIterator, Generator
from typing import Any

import fastapi
import pytest
import starlette.requests
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from callers import Asgi
from wholestack import App, Request, Response, Router, SetupError, Text
from wholestack.errors import BadGateway
from wholestack.mounting import Foreign, interface_of


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Any:
    length = len(environ["wsgi.input"].read())
    text = f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']}|{environ['PATH_INFO']}?{environ['QUERY_STRING']} {length}"
    start_response(
        "201 Created",
        [
            ("Content-Type", "text/plain"),
            ("X-Seen", environ.get("HTTP_X_OWN", "")),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
        ],
    )
    return [text.encode()]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("knows no lifespan")
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    path = scope["path"].removeprefix(scope["root_path"])
    text = f"{scope['method']} {scope['root_path']}|{path}?{scope['query_string'].decode()} {length}"
    headers = [
        (b"content-type", b"text/plain"),
        (b"x-seen", dict(scope["headers"]).get(b"x-own", b"")),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()[:4], "more_body": True})
    await send({"type": "http.response.body", "body": text.encode()[4:]})


@pytest.mark.parametrize("inner", [wsgi_app, asgi_app])
def test_it_sees_where_it_is_mounted(serve: Any, inner: Any) -> None:
    app, router = App(docs=False), Router("/v1")
    router.mount("/old", inner)
    app.include(router)
    app.get("/v1/older")(lambda: 1)
    client = serve(app)
    for target, seen in {
        "/v1/old": "GET /v1/old|? 0",
        "/v1/old/": "GET /v1/old|/? 0",
        "/v1/old/a/b?c=%20d": "GET /v1/old|/a/b?c=%20d 0",
        "/v1/old/a//b": "GET /v1/old|/a//b? 0",
    }.items():
        answer = client.get(target, headers={"x-own": "me"})
        assert (answer.status, answer.text, answer.headers["x-seen"]) == (201, seen, "me"), target
        assert answer.all("set-cookie") == ["a=1", "b=2"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]
    assert client.get("/v1/older").text == "1"
    assert client.get("/v1/oldest").status == 404
    assert client.post("/v1/old/x", body=[b"ab", b"c"]).text == "POST /v1/old|/x? 3"
    assert client.request("PURGE", "/v1/old/x").text == "PURGE /v1/old|/x? 0"
    assert client.head("/v1/old/x").status == 201
    assert client.head("/v1/old/x").body == b""
    assert client.get("/v1/old/%C3%BC").text.encode("utf-8", "surrogateescape")


def test_of_one_app_of_ours_in_another(serve: Any) -> None:
    outer, inner = App(docs=False), App(docs=False)

    @inner.get("/hello")
    def hello(request: Request) -> list[str]:
        return [request.root_path, request.path, request.url]

    @inner.get("/")
    def index() -> str:
        return "index"

    outer.mount("/inner", inner)
    client = serve(outer)
    assert client.get("/inner/hello?a=1").json() == ["/inner", "/hello", "http://example.org/inner/hello?a=1"]
    assert client.get("/inner/").text == "index"
    assert client.get("/inner").text == "index"
    assert client.get("/inner/nothing").status == 404
    assert client.get("/inner/hello/").headers["location"] == "/inner/hello"


def test_at_the_root_it_takes_what_is_left(serve: Any) -> None:
    app = App(docs=False)
    app.get("/own")(lambda: 1)
    app.mount("/", wsgi_app)
    client = serve(app)
    assert client.get("/own").text == "1"
    assert client.get("/other").text == "GET |/other? 0"
    assert client.get("/").text == "GET |/? 0"


def test_which_interface_it_speaks() -> None:
    class Callable3:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    class Callable2:
        def __call__(self, environ: Any, start_response: Any) -> Any: ...

    for inner, interface in [
        (wsgi_app, "wsgi"),
        (asgi_app, "asgi"),
        (Callable3(), "asgi"),
        (Callable2(), "wsgi"),
        (App(docs=False), "asgi"),
        (lambda scope, receive, send: None, "asgi"),
        (lambda environ, start_response: [], "wsgi"),
        (dict, "wsgi"),
    ]:
        assert interface_of(inner) == interface, inner
    assert Foreign(wsgi_app, None, "/old").lifespan is None
    assert Foreign(wsgi_app, "asgi", "/forced").lifespan is not None


def test_an_app_that_gives_no_answer_or_breaks(serve: Any, caplog: Any) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None: ...

    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    def silent_wsgi(environ: Any, start_response: Any) -> Any:
        return []

    def breaks_wsgi(environ: Any, start_response: Any) -> Any:
        raise ZeroDivisionError

    app = App(docs=False)
    for name, inner in {"a": silent, "b": breaks, "c": silent_wsgi, "d": breaks_wsgi}.items():
        app.mount(f"/{name}", inner)
    client = serve(app)
    assert [client.get(f"/{name}/x").status for name in "abcd"] == [502, 500, 502, 500]


def test_a_body_over_the_limit_is_cut(serve: Any) -> None:
    from wholestack import Limits

    app = App(docs=False, limits=Limits(body=5))
    app.mount("/w", wsgi_app)
    app.mount("/a", asgi_app)
    client = serve(app)
    for path in ("/w/x", "/a/x"):
        assert client.post(path, body=b"12345").status == 201
        assert client.post(path, body=b"123456").status == 413
        assert client.post(path, body=[b"123", b"456"], chunked=True).status == 413


def test_the_lifespan_of_a_mounted_app(serve: Any) -> None:
    log: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for what in ("startup", "shutdown"):
                log.append((await receive())["type"])
                await send({"type": f"lifespan.{what}.complete"})
        else:
            await asgi_app(scope, receive, send)

    app = App(docs=False)
    app.mount("/in", inner)
    client = serve(app)
    assert client.get("/in/x").status == 201
    client.stop()
    assert log == ["lifespan.startup", "lifespan.shutdown"]


def test_a_mounted_app_that_does_not_start_is_told() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no disk"})

    app = App(docs=False)
    app.mount("/in", inner)
    client = Asgi(app)
    (told,) = client.start()
    assert told["type"] == "lifespan.startup.failed"
    assert "no disk" in told["message"]
    client.close()


def test_sockets_below_a_mount_go_to_it() -> None:
    seen: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            seen.append((scope["path"], scope["root_path"]))
            await send({"type": "websocket.accept"})

    app = App(docs=False)
    app.mount("/in", inner)
    app.mount("/w", wsgi_app)
    client = Asgi(app)

    async def send(message: Any) -> None:
        seen.append(message["type"])

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    for path in ("/in/ws", "/other", "/w/ws"):
        client.runner.run(app({"type": "websocket", "path": path, "headers": []}, receive, send))
    assert seen == [("/in/ws", "/in"), "websocket.accept", "websocket.close", "websocket.close"]
    client.close()


def test_flask_django_and_fastapi(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import django.conf
    import flask

    flask_app = flask.Flask("small")

    @flask_app.get("/hello/<name>")
    def hello(name: str) -> Any:
        return {"flask": name, "url": flask.url_for("hello", name="you")}

    fast = fastapi.FastAPI()

    @fast.get("/hello/{name}")
    async def hello_fast(name: str, request: fastapi.Request) -> Any:
        return {"fastapi": name, "url": request.url_for("hello_fast", name="you").path}

    if not django.conf.settings.configured:
        django.conf.settings.configure(SECRET_KEY="x" * 50)
        django.setup()
    # They are the process's, and another test may have configured them.
    for name, value in {"ROOT_URLCONF": __name__, "ALLOWED_HOSTS": ["*"]}.items():
        monkeypatch.setattr(django.conf.settings, name, value, raising=False)
    from django.core.wsgi import get_wsgi_application

    app = App(docs=False)
    app.mount("/flask", flask_app)
    app.mount("/fastapi", fast)
    app.mount("/django", get_wsgi_application())
    client = serve(app)
    assert client.get("/flask/hello/me").json() == {"flask": "me", "url": "/flask/hello/you"}
    assert client.get("/fastapi/hello/me").json() == {"fastapi": "me", "url": "/fastapi/hello/you"}
    assert client.get("/django/hello/me").json() == {"django": "me", "url": "/django/hello/you"}
    assert client.get("/flask/nothing").status == 404


def _hello_django(request: Any, name: str) -> Any:
    from django.http import JsonResponse
    from django.urls import reverse

    return JsonResponse({"django": name, "url": reverse("hello", args=["you"])})


def __getattr__(name: str) -> Any:
    """Django's `urlpatterns`, made when they are asked for, so that Django is loaded by that test only."""
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.urls import path

    return [path("hello/<name>", _hello_django, name="hello")]


def test_a_client_that_leaves_ends_the_mounted_app() -> None:
    ended: list[str] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(0.001)
        finally:
            ended.append("ended")

    app = App(docs=False)
    app.mount("/in", endless)
    client = Asgi(app)
    client.leaves = True
    assert client.get("/in/x").status in {0, 200}
    assert ended == ["ended"]
    client.close()


@pytest.mark.parametrize("path", ["old", "/{tenant}/old"])
def test_a_path_that_is_not_plain_is_a_fault(path: str) -> None:
    app = App(docs=False)
    app.mount(path, wsgi_app)
    with pytest.raises(SetupError, match="bad-path"):
        app.seal()


def without_a_lifespan(function: Any) -> Any:
    """An ASGI app for requests only."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await function(scope, receive, send)

    return app


async def begin(send: Any, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(headers)})


@pytest.mark.parametrize("pause", [0, 0.2])
def test_head_of_an_endless_stream_is_answered_and_ends_the_stream(serve: Any, pause: float) -> None:
    ended: list[str] = []

    @without_a_lifespan
    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await begin(send, (b"x-kind", b"endless"))
        until = time.monotonic() + 20  # else a mount that ends nothing would hang this test, not fail it
        try:
            while time.monotonic() < until:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(pause)
            ended.append("ran out")
        finally:
            ended.append("ended")

    app = App(docs=False)
    app.mount("/in", endless)
    client = serve(app)
    answer = client.head("/in/x")
    assert (answer.status, answer.headers["x-kind"], answer.body) == (200, "endless", b"")
    client.stop()
    assert ended == ["ended"]


def test_head_lets_a_short_answer_come_to_its_end(serve: Any) -> None:
    log: list[str] = []

    @without_a_lifespan
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await begin(send)
        for more in (True, True, False):
            await send({"type": "http.response.body", "body": b"x", "more_body": more})
        log.append("background")

    app = App(docs=False)
    app.mount("/in", inner)
    client = serve(app)
    assert client.head("/in/x").status == 200
    client.stop()
    assert log == ["background"]


def test_what_the_lifespan_puts_into_its_state_is_in_every_request(serve: Any) -> None:
    @contextlib.asynccontextmanager
    async def opens(_: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"pool": ["a", "b"], "count": 0}

    async def show(request: starlette.requests.Request) -> Any:
        request.state.count += 1
        return JSONResponse([request.state.pool, request.state.count])

    app = App(docs=False)
    app.mount("/in", Starlette(routes=[Route("/", show)], lifespan=opens))
    client = serve(app)
    # Each request has a copy (ASGI 3.0, lifespan state): what one sets there the next does not see.
    assert [client.get("/in/").json(), client.get("/in/").json()] == [[["a", "b"], 1]] * 2


def test_background_work_does_not_hold_the_answer_up() -> None:
    log: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.05)
        log.append("work")

    async def show(request: Any) -> Any:
        return PlainTextResponse("shown", background=BackgroundTask(work))

    app = App(docs=False)
    app.mount("/in", Starlette(routes=[Route("/", show)]))
    client = Asgi(app)

    async def main() -> str:
        answer = await client.exchange("GET", "/in/")
        log.append("answered")
        return answer.text

    assert client.runner.run(main()) == "shown"
    client.close()  # which drains it
    assert log == ["answered", "work"]


def test_background_work_is_done_before_the_mounted_app_stops(serve: Any) -> None:
    log: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.05)
        log.append("work")

    @contextlib.asynccontextmanager
    async def span(_: Any) -> AsyncIterator[None]:
        yield
        log.append("stop")

    async def show(request: Any) -> Any:
        return PlainTextResponse("shown", background=BackgroundTask(work))

    app = App(docs=False)
    app.mount("/in", Starlette(routes=[Route("/", show)], lifespan=span))
    client = serve(app)
    assert client.get("/in/").text == "shown"
    client.stop()
    assert log == ["work", "stop"]


def test_background_work_that_fails_is_logged(serve: Any, caplog: Any) -> None:
    def work() -> None:
        raise ZeroDivisionError

    async def show(request: Any) -> Any:
        return PlainTextResponse("shown", background=BackgroundTask(work))

    app = App(docs=False)
    app.mount("/in", Starlette(routes=[Route("/", show)]))
    client = serve(app)
    assert client.get("/in/").text == "shown"
    client.stop()
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


def test_an_answer_that_ends_too_soon_is_no_whole_answer(serve: Any) -> None:
    @without_a_lifespan
    async def stops(scope: Any, receive: Any, send: Any) -> None:
        await begin(send)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    app = App(docs=False)
    app.mount("/in", stops)
    client = serve(app)
    with pytest.raises(BadGateway, match="before its answer did"):
        client.get("/in/x")


def test_a_message_out_of_order_is_a_bad_gateway(serve: Any) -> None:
    @without_a_lifespan
    async def wrong(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"", "more_body": True})

    app = App(docs=False)
    app.mount("/in", wrong)
    assert serve(app).get("/in/x").status == 502


def test_an_answer_that_middleware_replaces_ends_the_mounted_app(serve: Any) -> None:
    ended: list[str] = []

    @without_a_lifespan
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        try:
            await begin(send)
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            ended.append("ended")

    app = App(docs=False)
    app.mount("/in", inner)

    @app.middleware
    def replaces(request: Request) -> Generator[None, Response, Response]:
        yield
        return Text("another")

    @app.get("/out")
    async def out() -> str:
        await asyncio.sleep(0.01)
        return "out"

    client = serve(app)
    assert client.get("/in/x").text == "another"
    gc.collect()
    client.get("/out")  # The loop turns.
    assert ended == ["ended"]


def test_a_mounted_app_that_sends_on_after_its_answer_is_told() -> None:
    seen: list[Any] = []

    @without_a_lifespan
    async def goes_on(scope: Any, receive: Any, send: Any) -> None:
        await begin(send)
        await send({"type": "http.response.body", "body": b"all"})
        while (await receive())["type"] == "http.request":
            pass
        try:
            await send({"type": "http.response.body", "body": b"more"})
        except OSError as error:
            seen.append(str(error))

    app = App(docs=False)
    app.mount("/in", goes_on)
    client = Asgi(app)
    assert client.get("/in/x").text == "all"
    client.close()
    assert seen == ["The answer is over: nobody takes what is sent."]


def test_sockets_go_to_the_nearest_mount() -> None:
    def named(name: str) -> Any:
        async def inner(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "websocket.close", "reason": f"{name} {scope['state']}"})

        return inner

    app = App(docs=False)
    app.mount("/", named("root"))
    app.mount("/in", named("in"))
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["reason"])

    client = Asgi(app)
    for path in ("/in/ws", "/other"):
        client.runner.run(app({"type": "websocket", "path": path, "headers": []}, None, send))
    assert sent == ["in {}", "root {}"]
    client.close()


def test_a_client_that_leaves_before_the_mounted_app_answers_ends_it() -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    @without_a_lifespan
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()  # For ever.
        finally:
            ended.append("ended")

    app = App(docs=False)
    app.mount("/in", slow)
    client = Asgi(app)

    async def main() -> None:
        task = asyncio.ensure_future(client.exchange("GET", "/in/x"))
        async with asyncio.timeout(60):  # What does not begin, or does not end, would hang.
            await begun.wait()
            task.cancel()
            await asyncio.wait({task})
            await asyncio.sleep(0)

    client.runner.run(main())
    assert ended == ["ended"]
    client.close()


def test_a_field_with_an_underscore_takes_no_others_place(serve: Any) -> None:
    app = App(docs=False)
    app.mount("/in", wsgi_app)
    client = serve(app)
    answer = client.get("/in/x", headers=[("x_own", "forged"), ("x-own", "mine")])
    if client.interface != "wsgi":  # There the server has made the environ.
        assert answer.headers["x-seen"] == "mine"


def test_a_wsgi_app_that_begins_again_after_it_was_sent_raises_its_error(serve: Any) -> None:
    def begins_again(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"half"
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            start_response("500 Oh", [], sys.exc_info())

    app = App(docs=False)
    app.mount("/in", begins_again)
    client = serve(app)
    with pytest.raises(ZeroDivisionError):
        client.get("/in/x")


def test_a_socket_is_found_below_where_the_app_itself_is_mounted() -> None:
    seen: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["path"], scope["root_path"]))
        await send({"type": "websocket.close"})

    app = App(docs=False)
    app.mount("/in", inner)
    client = Asgi(app)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        seen.append(message["type"])

    for path in ("/out/in/ws", "/in/ws"):
        scope = {"type": "websocket", "path": path, "root_path": "/out", "query_string": b"", "headers": []}
        client.runner.run(app(scope, receive, send))
    # The second is a server's that leaves the root out of the path.
    assert seen == [("/out/in/ws", "/out/in"), "websocket.close", ("/in/ws", "/out/in"), "websocket.close"]
    client.close()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_loop_that_ends_waits_for_no_mounted_app_that_nobody_reads(method: str) -> None:
    @without_a_lifespan
    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await begin(send)
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})

    app = App(docs=False)
    app.mount("/in", endless)
    scope = {"type": "http", "http_version": "1.1", "method": method, "path": "/in/x", "query_string": b""}
    ended = threading.Event()

    async def main(turns: int) -> None:
        stuck = asyncio.Event()

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                stuck.set()
                if method == "GET":
                    await asyncio.Event().wait()  # a client that takes nothing more

        answering = asyncio.create_task(app({**scope, "headers": [(b"host", b"a")]}, receive, send))
        await stuck.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        del answering

    def run() -> None:
        for turns in range(30):
            asyncio.run(main(turns))
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    assert ended.wait(20)
