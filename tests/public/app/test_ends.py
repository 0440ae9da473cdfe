"""How a request ends: answers without a body, cancellations, what is sent or done when something breaks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from callers import Wsgi
from wholestack import App, File, Limits, Response, Stream, Text
from wholestack.handlers import current_request


def test_an_answer_that_has_no_body_by_its_status_sends_none(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.delete("/note", status=204)
    @colour
    def delete() -> dict[str, int]:
        return {"deleted": 1}

    answer = serve(app).request("DELETE", "/note")
    assert (answer.status, answer.body, answer.headers.get("content-length")) == (204, b"", None)


def test_a_header_that_an_answer_sets_itself_is_there_once(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def page() -> Response:
        return Response(
            b"<p>", headers={"Content-Type": "text/html", "X-Request-ID": "mine", "X-Frame-Options": "SAMEORIGIN"}
        )

    answer = serve(app).get("/")
    assert answer.all("content-type") == ["text/html"]
    assert answer.all("x-request-id") == ["mine"]
    assert answer.all("x-frame-options") == ["SAMEORIGIN"]


def test_a_cancellation_of_the_handlers_own_is_a_500(serve: Any, caplog: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    async def waits() -> str:
        other = asyncio.ensure_future(asyncio.sleep(1))
        other.cancel()
        await other
        return "never"

    assert serve(app).get("/").status == 500
    assert "let out the cancellation" in caplog.text


def test_a_handler_that_takes_its_time_limit_for_its_own_cancellation(serve_one: Any) -> None:
    app = App(docs=False, limits=Limits(timeout=0.01))

    @app.get("/")
    async def stubborn() -> list[int]:
        task: Any = asyncio.current_task()
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            pass
        return [task.cancelling()]

    assert serve_one(app).get("/").json() == [1]
    assert not app.seal().watch.late


def test_a_file_kept_for_the_next_request(serve: Any, colour: Any, tmp_path: Any) -> None:
    (tmp_path / "a.txt").write_text("hello")
    app, kept = App(docs=False), File(tmp_path / "a.txt")
    app.get("/", returns=File)(colour(lambda: kept))
    client = serve(app)
    assert client.get("/", headers={"range": "bytes=0-1"}).body == b"he"
    answer = client.get("/")
    assert (answer.status, answer.body) == (200, b"hello")


def test_a_file_when_every_thread_is_busy(tmp_path: Any) -> None:
    (tmp_path / "a.txt").write_text("hello")
    app, go_on = App(docs=False, threads=1), threading.Event()

    @app.get("/file")
    async def file() -> File:
        return File(tmp_path / "a.txt")

    async def full() -> int:
        workers = app.seal().workers
        waiting = [workers.run(go_on.wait, 10)]
        await asyncio.sleep(0.1)  # Now it is in the thread, and the others wait for it.
        waiting += [workers.run(go_on.wait, 10) for _ in range(workers.waiting)]
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/file", "query_string": b"", "http_version": "1.1"}
        await app(scope | {"headers": [(b"host", b"example.org")]}, receive, send)
        go_on.set()
        await asyncio.gather(*waiting)
        return int(sent[0]["status"])

    assert asyncio.run(full()) == 503


def test_work_after_an_answer_that_broke_is_done_all_the_same(serve: Any, colour: Any) -> None:
    app, done = App(docs=False), threading.Event()

    def chunks() -> Any:
        yield b"a"
        raise ValueError("on purpose")

    app.get("/", returns=Stream)(colour(lambda: Stream(chunks()).after(done.set)))
    client = serve(app)
    with pytest.raises(ValueError, match="on purpose"):
        client.get("/")
    client.stop()
    assert done.is_set()


class Later:
    def __init__(self) -> None:
        self.done = threading.Event()

    async def __call__(self) -> None:
        self.done.set()


def test_work_after_the_answer_by_what_gives_an_awaitable(serve: Any, colour: Any) -> None:
    app, first, second = App(docs=False), Later(), Later()

    @app.get("/")
    @colour
    def answers() -> Response:
        return Response(b"x").after(first).after(lambda: second())

    client = serve(app)
    client.get("/")
    client.stop()
    assert first.done.is_set()
    assert second.done.is_set()


def test_a_response_kept_for_the_next_request(serve: Any, colour: Any) -> None:
    app, kept = App(docs=False), Response(b"hello", headers={"etag": '"a"'})
    app.get("/", returns=Response)(colour(lambda: kept))
    client = serve(app)
    assert client.get("/", headers={"if-none-match": '"a"'}).status == 304
    answer = client.get("/")
    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize("path", ["/", "/headers", "/stream", "/async", "/after", "/missing"])
def test_a_thread_of_a_wsgi_server_keeps_no_request(path: str) -> None:
    app = App(docs=False)
    seen: list[Any] = []

    @app.get("/")
    def plain() -> str:
        return "plain"

    @app.get("/headers")
    def headers() -> Response:
        return Text("headers", headers={"x-own": "1"})

    @app.get("/stream")
    def stream() -> Stream:
        def chunks() -> Iterator[str]:
            seen.append(current_request.get())
            yield "stream"
            seen.append(current_request.get())

        return Stream(chunks())

    @app.get("/async")
    async def later() -> str:
        return "later"

    @app.get("/after")
    def after() -> Response:
        return Text("after").after(len, "")

    client = Wsgi(app)
    client.get(path)
    assert current_request.get() is None
    assert all(each.path == path for each in seen)  # While it lasted, it was there.
    client.close()
