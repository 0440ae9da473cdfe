"""A handler whose client leaves ends where it waits, unless its route lets it finish; nobody else pays for it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from callers import RsgiHeaders, RsgiProtocol
from wholestack import App, Body, Request, Response, Stream, wait

HOST = [("host", "example.org")]


class Session:
    """Of one request; it is always given back."""


class Talk:
    """One request, whose client leaves when it is told to."""

    def __init__(self, app: App, interface: str, path: str, chunks: list[bytes], method: str) -> None:
        self.gone = asyncio.Event()
        self.answer: list[Any] = []
        self._chunks = list(chunks)
        ask = self._asgi if interface == "asgi" else self._rsgi
        self.task = asyncio.create_task(
            ask(app, path, method, [*HOST, *([("transfer-encoding", "chunked")] * bool(chunks))])
        )

    async def _asgi(self, app: App, path: str, method: str, headers: Any) -> None:
        scope = {
            **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http"},
            **{"path": path, "query_string": b"", "client": ("127.0.0.1", 1), "root_path": ""},
            "headers": [(name.encode(), value.encode()) for name, value in headers],
        }
        first = True

        async def receive() -> dict[str, Any]:
            nonlocal first
            if first or self._chunks:
                first = False
                chunk = self._chunks.pop(0) if self._chunks else b""
                return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks)}
            await self.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            self.answer.append(message.get("status", message.get("body")))

        await app(scope, receive, send)

    async def _rsgi(self, app: App, path: str, method: str, headers: Any) -> None:
        protocol = RsgiProtocol(self._chunks)
        protocol.gone = self.gone
        scope = SimpleNamespace(
            proto="http", http_version="1.1", server="x:80", client="192.0.2.7:5", scheme="http", method=method,
            path=path, query_string="", headers=RsgiHeaders(headers), authority=None,
        )  # fmt: skip
        await app.__rsgi__(scope, protocol)
        self.answer = [protocol.answer.status, b"".join(protocol.answer.chunks)]


class House:
    """An app that notes what happens in it."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.app = App(docs=False)
        self.go_on = asyncio.Event()

    async def rest(self, name: str = "rest") -> str:
        self.noted.append(f"{name} begun")
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.noted.append(f"{name} cancelled")
            raise
        self.noted.append(f"{name} done")
        return "whole"

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.005)


@pytest.fixture(params=["asgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wholestack.servers._watch._EVERY", 0.01)


def run(interface: str, talks: Callable[[House, Callable[..., Talk]], Coroutine[Any, Any, None]]) -> House:
    async def main() -> House:
        house = House()

        def ask(path: str = "/", *chunks: bytes, method: str = "GET") -> Talk:
            return Talk(house.app, interface, path, list(chunks), method)

        async with asyncio.timeout(20):  # What does not end would hang.
            await talks(house, ask)
        await house.app.seal().lifetime.stop()
        watch = house.app.seal().watch
        assert not (watch.here or watch.watchers or watch.late or watch.deadlines)
        assert len(asyncio.all_tasks()) == 1
        return house

    return asyncio.run(main())


def test_E9_it_ends_where_it_waits(interface: str) -> None:
    async def talks(house: House, ask: Any) -> None:
        @house.app.provide
        async def session() -> AsyncIterator[Session]:
            try:
                yield Session()
            finally:
                house.noted.append("given back")

        @house.app.middleware
        def statuses(request: Request) -> Generator[None, Response, Response]:
            response = yield
            house.noted.append(str(response.status))
            return response

        @house.app.get("/")
        async def handler(session: Session) -> str:
            return await house.rest()

        talk = ask()
        await house.until(lambda: house.noted)
        talk.gone.set()
        await talk.task
        assert talk.answer[0] == 400  # As for any request whose client is gone; nobody reads it.

    assert run(interface, talks).noted == ["rest begun", "rest cancelled", "given back", "400"]


def test_a_route_may_finish(interface: str) -> None:
    async def talks(house: House, ask: Any) -> None:
        house.app.get("/", finish=True)(house.rest)
        talk = ask()
        await house.until(lambda: house.noted)
        talk.gone.set()
        await asyncio.sleep(0.1)
        house.go_on.set()
        await talk.task

    assert run(interface, talks).noted == ["rest begun", "rest done"]


def test_who_stays_gets_the_whole_answer(interface: str) -> None:
    async def talks(house: House, ask: Any) -> None:
        house.app.get("/")(house.rest)
        talk = ask()
        await house.until(lambda: house.app.seal().watch.watchers)
        house.go_on.set()
        await talk.task
        assert talk.answer == [200, b"whole"]

    assert run(interface, talks).noted == ["rest begun", "rest done"]


def test_it_waits_in_plain_code(interface: str) -> None:
    async def talks(house: House, ask: Any) -> None:
        def session() -> Iterator[Session]:
            try:
                wait(house.rest("provider"))
                yield Session()
            finally:
                house.noted.append("given back")

        house.app.provide(session, waits=True)

        @house.app.get("/")
        async def handler(session: Session) -> str:
            return "never"

        talk = ask()
        await house.until(lambda: house.noted)
        talk.gone.set()
        await talk.task

    assert run(interface, talks).noted == ["provider begun", "provider cancelled", "given back"]


def test_one_that_takes_no_notice(interface: str) -> None:
    async def talks(house: House, ask: Any) -> None:
        @house.app.get("/")
        async def stubborn() -> list[int]:
            task: Any = asyncio.current_task()
            try:
                await house.rest()
            except asyncio.CancelledError:
                await asyncio.sleep(0.05)
            return [task.cancelling()]

        talk = ask()
        await house.until(lambda: house.noted)
        talk.gone.set()
        await talk.task
        assert talk.answer == [200, b"[1]"]

    assert run(interface, talks).noted == ["rest begun", "rest cancelled"]


def test_with_a_body_that_was_read(interface: str) -> None:
    async def talks(house: House, ask: Any) -> None:
        @house.app.post("/")
        async def handler(data: Body[bytes]) -> str:
            house.noted.append(data.decode())
            return await house.rest()

        talk = ask("/", b"a", b"b", method="POST")
        await house.until(lambda: house.noted)
        talk.gone.set()
        await talk.task

    assert run(interface, talks).noted == ["ab", "rest begun", "rest cancelled"]


def test_a_body_that_the_handler_reads_itself_is_left_to_it(interface: str) -> None:
    async def talks(house: House, ask: Any) -> None:
        @house.app.post("/")
        async def handler(data: Body[AsyncIterator[bytes]]) -> str:
            await asyncio.sleep(0.1)  # Several looks; none of them takes a piece of the body.
            house.noted.append(b"".join([chunk async for chunk in data]).decode())
            return "read"

        talk = ask("/", b"a", b"b", method="POST")
        await talk.task
        assert talk.answer == [200, b"read"]

    assert run(interface, talks).noted == ["ab"]


def test_a_plain_handler_and_a_mounted_app_go_on(interface: str) -> None:
    async def talks(house: House, ask: Any) -> None:
        async def other(scope: Any, receive: Any, send: Any) -> None:
            assert scope["type"] == "http"  # It knows no lifespan.
            await house.rest("mounted")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"whole"})

        def plain() -> str:
            wait(house.rest("plain"))
            return "whole"

        house.app.mount("/other", other, interface="asgi")
        house.app.get("/plain")(plain)
        for path in ("/other/", "/plain"):
            talk = ask(path)
            await house.until(lambda: house.noted and house.noted[-1].endswith("begun"))
            talk.gone.set()
            await asyncio.sleep(0.1)
            house.go_on.set()
            await talk.task
            house.go_on.clear()

    assert run(interface, talks).noted == ["mounted begun", "mounted done", "plain begun", "plain done"]


def test_a_quick_request_starts_no_task(interface: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def talks(house: House, ask: Any) -> None:
        house.app.get("/")(house.rest)
        house.go_on.set()
        await ask().task
        watch = house.app.seal().watch
        monkeypatch.setattr(watch, "_until_gone", None)  # Calling it would fail.
        for _ in range(50):
            talk = ask()
            await talk.task
            assert talk.answer == [200, b"whole"]
            assert not watch.here

    run(interface, talks)


class Chatter:
    """What a caller of ASGI says that never waits; it fails when it is asked again and again."""

    def __init__(self, *first: dict[str, Any], then: dict[str, Any]) -> None:
        self.first, self.then, self.whole, self.asked = list(first), then, len(first), 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        assert self.asked <= 1000, "It would be asked for ever."
        return self.first.pop(0) if self.first else {**self.then}


async def exchange(app: App, path: str, method: str, chatter: Chatter) -> list[Any]:
    answer: list[Any] = []

    async def send(message: dict[str, Any]) -> None:
        answer.append(message.get("status", message.get("body")))

    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http"},
        **{"path": path, "query_string": b"", "client": ("127.0.0.1", 1), "root_path": ""},
        "headers": [(b"host", b"example.org"), (b"transfer-encoding", b"chunked")][: 1 + (method == "POST")],
    }
    await app(scope, chatter.receive, send)
    return answer


END = {"type": "http.request", "body": b"", "more_body": False}
PIECE = {"type": "http.request", "body": b"x", "more_body": True}
DISCONNECT = {"type": "http.disconnect"}


@pytest.mark.parametrize("then", [END, {"type": "http.request"}, {"type": "something.else"}], ids=str)
@pytest.mark.parametrize("path", ["/stream", "/late", "/read", "/pieces"])
def test_a_caller_that_never_waits_is_asked_no_more_after_the_end(path: str, then: dict[str, Any]) -> None:
    async def talks(house: House, ask: Any) -> None:
        @house.app.get("/stream")
        async def stream() -> Stream:
            async def chunks() -> AsyncIterator[str]:
                for _ in range(3):
                    await asyncio.sleep(0.01)
                    yield "whole"

            return Stream(chunks())

        @house.app.post("/read")
        async def read(data: Body[bytes]) -> str:
            return await house.rest()

        @house.app.post("/pieces")
        async def pieces(data: Body[AsyncIterator[bytes]]) -> str:
            return await house.rest(str([chunk async for chunk in data]))

        house.app.get("/late")(house.rest)
        method = "POST" if path in {"/read", "/pieces"} else "GET"
        chatter = Chatter(PIECE, END, then=then) if method == "POST" else Chatter(END, then=then)
        asking = asyncio.create_task(exchange(house.app, path, method, chatter))
        if path != "/stream":  # It is looked after only when it has taken a while.
            await house.until(lambda: house.app.seal().watch.watchers and chatter.asked > chatter.whole)
        for _ in range(50):  # Who is asked again and again is asked in each turn of the loop.
            await asyncio.sleep(0)
        house.go_on.set()
        answer = await asking
        assert answer[0] == 200
        assert b"".join(answer[1:]) == b"whole" * (3 if path == "/stream" else 1)
        assert chatter.asked <= 4  # Two for a body, one end of a body that was not read, and one that is too much.

    assert not any(line.endswith("cancelled") for line in run("asgi", talks).noted)


@pytest.mark.parametrize("pieces", [0, 1, 50])
def test_a_body_that_nobody_reads_hides_no_leave(pieces: int) -> None:
    async def talks(house: House, ask: Any) -> None:
        house.app.get("/")(house.rest)
        chatter = Chatter(*[PIECE] * pieces, END, then=DISCONNECT)
        answer = await exchange(house.app, "/", "GET", chatter)
        assert answer[0] == 400

    assert run("asgi", talks).noted == ["rest begun", "rest cancelled"]


def test_a_body_without_an_end_leaves_the_answer_its_turn() -> None:
    async def talks(house: House, ask: Any) -> None:
        @house.app.get("/")
        async def stream() -> Stream:
            async def chunks() -> AsyncIterator[str]:
                for _ in range(10):
                    await asyncio.sleep(0)
                    yield "x"

            return Stream(chunks())

        answer = await exchange(house.app, "/", "GET", Chatter(then=PIECE))
        assert b"".join(answer[1:]) == b"x" * 10

    run("asgi", talks)


def test_an_interface_that_breaks_while_it_is_asked_has_said_nothing(recwarn: pytest.WarningsRecorder) -> None:
    async def talks(house: House, ask: Any) -> None:
        house.app.get("/")(house.rest)
        talk = ask()
        talk.gone.wait = lambda: 1 / 0
        await house.until(lambda: house.app.seal().watch.watchers)
        await asyncio.sleep(0.05)
        house.go_on.set()
        await talk.task
        assert talk.answer == [200, b"whole"]

    run("asgi", talks)
    gc.collect()
    assert [str(each.message) for each in recwarn] == []
