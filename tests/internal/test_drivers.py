"""The drivers in this process, where a server misbehaves: clients that leave, bodies that lie, too much at once."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
import time
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from callers import Asgi, Rsgi, RsgiHeaders, RsgiProtocol, Wsgi, multipart
from wholestack import App, Body, Form, Limits, Request, Response, Stream, Text, Upload
from wholestack.handlers import background_loop, forget_background_loop
from wholestack.servers import AfterSend, Watch

REACHED: list[str] = []


@pytest.fixture
def app() -> App:
    REACHED.clear()
    app = App(docs=False)

    @app.post("/whole")
    def whole(content: Body[bytes]) -> int:
        REACHED.append("whole")
        return len(content)

    @app.post("/stream")
    async def stream(chunks: Body[AsyncIterator[bytes]]) -> int:
        total = 0
        async for chunk in chunks:
            total += len(chunk)
        REACHED.append("stream")
        return total

    @app.post("/plain-stream")
    def plain_stream(chunks: Body[Iterator[bytes]]) -> int:
        total = sum(map(len, chunks))
        REACHED.append("plain stream")
        return total

    @app.post("/form")
    def form(name: Form[str] = "", file: Upload | None = None) -> str:
        REACHED.append("form")
        return name

    return app


def leaving(client: Asgi, path: str, chunks: list[bytes]) -> Any:
    """A client that sends these chunks, says that more come, and goes."""

    async def main() -> list[Any]:
        sent: list[Any] = []
        messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

        async def receive() -> Any:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [
            (b"host", b"a"),
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"transfer-encoding", b"chunked"),
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": headers,
            "http_version": "1.1",
        }
        await client.app(scope, receive, send)
        return sent

    return client.runner.run(main())


@pytest.mark.parametrize("path", ["/whole", "/stream", "/plain-stream", "/form"])
@pytest.mark.parametrize("chunks", [[], [b"name="], [b"na", b"me="]])
def test_a_client_that_leaves_in_the_middle_of_its_request(
    app: App, path: str, chunks: list[bytes], caplog: Any
) -> None:
    client = Asgi(app)
    sent = leaving(client, path, chunks)
    assert REACHED == []
    assert sent[0]["status"] == 400
    assert caplog.records == []  # nobody's fault, and nobody left to tell
    client.close()


def test_the_same_under_rsgi(app: App) -> None:
    class Broken(RsgiProtocol):
        async def __call__(self) -> bytes:
            raise RuntimeError("the transport is gone")

        async def _each(self) -> AsyncIterator[bytes]:
            yield b"name="
            raise OSError("the transport is gone")

    class Short(RsgiProtocol):
        async def __call__(self) -> bytes:
            return b"na"

    client = Rsgi(app)
    for kind, paths in ((Broken, ("/whole", "/stream", "/plain-stream", "/form")), (Short, ("/whole",))):
        for path in paths:
            headers = [("host", "a"), ("content-length", "5"), ("content-type", "application/x-www-form-urlencoded")]
            assert _rsgi(client, kind([b"name="]), path, headers).answer.status == 400, (kind, path)
    assert REACHED == []
    client.close()


def _rsgi(client: Rsgi, protocol: Any, path: str, headers: list[tuple[str, str]], **more: Any) -> Any:
    scope = SimpleNamespace(
        **{
            **{
                "proto": "http",
                "http_version": "1.1",
                "method": "POST",
                "path": path,
                "query_string": "",
                "scheme": "http",
            },
            **{"headers": RsgiHeaders(headers), "authority": None, "client": "192.0.2.7:1", **more},
        }
    )
    client.runner.run(client.app.__rsgi__(scope, protocol))
    return protocol


def test_rsgi_sockets_are_closed_and_the_authority_is_the_host(app: App) -> None:
    client = Rsgi(app)
    assert _rsgi(client, RsgiProtocol([]), "/", [], proto="ws").answer.status == 404
    app.unseal()

    @app.get("/host")
    async def host(request: Request) -> list[str | None]:
        return [request.host, request.client, request.headers["host"], request.version, request.scheme]

    protocol = _rsgi(client, RsgiProtocol([]), "/host", [], method="GET", http_version="2", authority="b.example")
    assert protocol.answer.json() == ["b.example", "192.0.2.7", "b.example", "2", "http"]
    client.close()


def test_the_same_under_wsgi(app: App) -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the transport is gone")

    client = Wsgi(app)
    for path in ("/whole", "/stream", "/plain-stream", "/form"):
        headers = {"content-length": "9", "content-type": "application/x-www-form-urlencoded"}
        client.environ = {}
        assert client.post(path, body=b"name=", headers=headers).status == 400, path
        client.environ = {"wsgi.input": Breaks()}
        assert client.post(path, body=b"name=", headers=headers).status == 400, path
    assert REACHED == []
    client.close()


def test_a_wsgi_server_that_does_not_mark_the_end(app: App) -> None:
    client = Wsgi(app)
    client.environ = {"wsgi.input_terminated": False}
    assert client.post("/whole", body=[b"abc"], chunked=True).json()["code"] == "length-required"
    assert client.post("/whole").text == "0"
    assert client.post("/whole", body=b"abc").text == "3"
    client.close()


def test_a_plain_plan_that_suspends_under_wsgi_is_an_error_of_the_apps() -> None:
    app = App(docs=False)

    @app.get("/")
    def show() -> Any:
        return Text("x")

    class Odd:
        def __await__(self) -> Any:
            yield

    app.seal()
    plan = app.sealed.match("/")[0]["GET"]  # type: ignore[union-attr]

    async def answer(*arguments: Any) -> Any:
        await Odd()

    object.__setattr__(
        plan,
        "handler",
        type(
            "Call",
            (),
            {"function": staticmethod(lambda: answer()), "kind": "await", "arguments": plan.handler.arguments},
        )(),
    )
    client = Wsgi(app)
    from wholestack.errors import CannotWait

    with pytest.raises(CannotWait):
        client.get("/")
    client.close()


def test_threads_that_are_all_busy_say_so_at_once() -> None:
    hold = threading.Event()
    app = App(docs=False, threads=1)

    @app.get("/")
    def show() -> str:
        hold.wait(10)
        return "x"

    for client in (Asgi(app), Rsgi(app)):
        hold.clear()

        async def main(client: Any = client) -> list[int]:
            if client.interface == "asgi":
                asked = [asyncio.create_task(client.exchange("GET", "/")) for _ in range(40)]
            else:
                asked = [asyncio.create_task(_get(client)) for _ in range(40)]
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            early = [task.result() for task in done]
            assert {answer.json()["code"] for answer in early} <= {"all-threads-busy", "server-full"}
            assert all(answer.headers["retry-after"] for answer in early)
            hold.set()
            return [answer.status for answer in await asyncio.gather(*asked)]

        statuses = client.runner.run(main())
        assert set(statuses) == {200, 503}
        client.stop()
        client.runner.close()


async def _get(client: Rsgi) -> Any:
    protocol = RsgiProtocol([])
    scope = SimpleNamespace(
        proto="http",
        http_version="1.1",
        method="GET",
        path="/",
        query_string="",
        scheme="http",
        headers=RsgiHeaders([("host", "a")]),
        authority=None,
        client="192.0.2.7:1",
    )
    await client.app.__rsgi__(scope, protocol)
    return protocol.answer


def test_more_requests_than_may_be_in_work() -> None:
    app = App(docs=False, concurrency=3)

    @app.get("/")
    async def show() -> str:
        await asyncio.sleep(0.05)
        return "x"

    for client in (Asgi(app), Rsgi(app)):

        async def main(client: Any = client) -> list[Any]:
            ask = (lambda: client.exchange("GET", "/")) if client.interface == "asgi" else (lambda: _get(client))
            return await asyncio.gather(*(ask() for _ in range(5)))

        answers = client.runner.run(main())
        assert sorted(answer.status for answer in answers) == [200, 200, 200, 503, 503]
        assert {answer.json()["code"] for answer in answers if answer.status == 503} == {"server-full"}
        client.stop()
        client.runner.close()


@pytest.mark.parametrize("kind", [Asgi, Rsgi])
def test_a_server_that_cancels_is_obeyed(kind: Any) -> None:
    log: list[str] = []
    begun = asyncio.Event()
    app = App(docs=False)

    @app.get("/")
    async def show() -> str:
        begun.set()
        try:
            await asyncio.sleep(10)
        finally:
            log.append("cleaned up")
        return "x"

    client = kind(app)

    async def main() -> None:
        task = asyncio.create_task(client.exchange("GET", "/") if kind is Asgi else _get(client))
        await begun.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()

    client.runner.run(main())
    assert log == ["cleaned up"]
    assert app.sealed is not None
    assert app.sealed.watch.deadlines == {}
    client.close()


@pytest.mark.parametrize("kind", [Asgi, Rsgi])
def test_a_client_that_leaves_in_the_middle_of_a_stream(kind: Any) -> None:
    log: list[str] = []
    app = App(docs=False)

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0.001)
        finally:
            log.append("async closed")

    def plain() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
                time.sleep(0.001)
        finally:
            log.append("plain closed")

    app.get("/async")(lambda: Stream(endless()))
    app.get("/plain")(lambda: Stream(plain()))
    client = kind(app)
    for path in ("/async", "/plain"):
        if kind is Asgi:
            client.leaves = True
            client.get(path)
        else:
            protocol = RsgiProtocol([])

            async def main(protocol: Any = protocol, path: str = path) -> None:

                scope = SimpleNamespace(
                    proto="http",
                    http_version="1.1",
                    method="GET",
                    path=path,
                    query_string="",
                    scheme="http",
                    headers=RsgiHeaders([("host", "a")]),
                    authority=None,
                    client="a:1",
                )
                task = asyncio.create_task(client.app.__rsgi__(scope, protocol))
                await asyncio.sleep(0.05)
                protocol.gone.set()
                await asyncio.wait_for(task, 5)

            client.runner.run(main())
    assert log == ["async closed", "plain closed"]
    client.close()


def test_after_send_actions_are_bounded_and_cut_off_at_the_stop(caplog: Any) -> None:
    async def main() -> None:
        after = AfterSend(most=1)
        order: list[str] = []
        request = Request("GET", "/")
        slow = asyncio.Event()

        async def first() -> None:
            await asyncio.sleep(0.02)
            order.append("first")

        await after.finish(request, Response().after(first))
        await after.finish(request, Response().after(order.append, "second"))  # waits for its turn
        assert order == ["first"]
        await after.drain(5)
        assert order == ["first", "second"]
        await after.finish(request, Response().after(slow.wait))
        await after.drain(0.01)
        assert "cut off" in caplog.text
        await after.finish(request, Response())

    asyncio.run(main())


def test_the_after_send_thread() -> None:
    after = AfterSend()
    done: list[str] = []
    after.start_in_thread(Response().after(done.append, "a"))
    after.settle_thread()
    assert done == ["a"]
    hold = threading.Event()
    after.start_in_thread(Response().after(hold.wait, 5).after(done.append, "late"))

    async def main() -> None:
        await after.drain(0.02)

    asyncio.run(main())
    assert done == ["a"]
    hold.set()
    after.drain_thread(1)


def test_a_watch_looks_after_one_loop_at_a_time() -> None:
    watch = Watch()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        watch.begin(loop)
        watch.begin(loop)
        assert watch.current_task() is asyncio.current_task()
        watch.end()
        watch.end()

    asyncio.run(main())
    asyncio.run(main())


def test_a_loop_that_a_fork_left_behind_is_forgotten() -> None:
    before = background_loop()
    forget_background_loop()
    after = background_loop()
    assert after is not before
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(0, 3), after).result(5) == 3
    before.call_soon_threadsafe(before.stop)
    while before.is_running():
        time.sleep(0.001)
    before.close()


def test_an_upload_in_pieces_that_spills_to_disk() -> None:
    app = App(docs=False, limits=Limits(spool=100))

    @app.post("/")
    async def take(file: Upload) -> list[object]:
        return [file.size, file.on_disk]

    client = Asgi(app)
    body, headers = multipart([("file", "f", None, b"x" * 5000)])
    assert client.post("/", body=[body[i : i + 500] for i in range(0, len(body), 500)], headers=headers).json() == [
        5000,
        True,
    ]
    client.close()


def test_more_media_types_than_are_remembered() -> None:
    app = App(docs=False)

    @app.get("/{n}")
    async def show(n: int) -> Response:
        return Response(b"x", media_type=f"text/x-{n}")

    client = Asgi(app)
    for n in range(300):
        assert client.get(f"/{n}").headers["content-type"] == f"text/x-{n}"
    client.close()


@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_a_server_that_cancels_a_request_is_let_to(interface: str) -> None:
    app = App(docs=False)
    ended: list[str] = []
    begun = asyncio.Event()

    @app.get("/")
    async def slow() -> str:
        begun.set()
        try:
            await asyncio.sleep(10)
        finally:
            ended.append("ended")
        return "late"

    client: Any = Asgi(app) if interface == "asgi" else Rsgi(app)

    async def main() -> None:
        if interface == "asgi":
            task = asyncio.ensure_future(client.exchange("GET", "/"))
        else:
            scope = {"proto": "http", "http_version": "1.1", "method": "GET", "path": "/", "query_string": ""}
            more = {
                "scheme": "http",
                "headers": RsgiHeaders([("host", "a")]),
                "authority": None,
                "client": "192.0.2.7:1",
            }
            task = asyncio.ensure_future(app.__rsgi__(SimpleNamespace(**scope, **more), RsgiProtocol([])))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    client.runner.run(main())
    assert ended == ["ended"]
    client.close()
