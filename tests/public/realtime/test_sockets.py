"""Sockets in process, over ASGI and RSGI: what handlers can say and what their clients see."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Annotated, Any, Literal

import pydantic
import pytest

from wholestack import App, Forbidden, Header, NotFound, Request, Response, Router, SetupError, rule, wait
from wholestack.realtime import Socket, SocketClosed
from wholestack.testing import AsyncClient, Client, ClientFault, SocketEnded, SocketRefused


class Add(pydantic.BaseModel):
    kind: Literal["add"]
    by: int


class Clear(pydantic.BaseModel):
    kind: Literal["clear"]


Action = Annotated[Add | Clear, pydantic.Field(discriminator="kind")]


@dataclasses.dataclass
class Total:
    value: int


class Unreadable:
    """No type that Pydantic knows."""


@pytest.fixture(params=["asgi", "rsgi"])
def ask(request: pytest.FixtureRequest) -> Iterator[Callable[..., Client]]:
    """`ask(app)`: a client over each interface that has sockets; with `raise_errors=False` errors are the app's."""
    clients = []

    def ask(app: App, **options: Any) -> Client:
        clients.append(Client(app, interface=request.param, **options).__enter__())
        return clients[-1]

    yield ask
    for client in clients:
        client.__exit__()


def coded(client: Client, code: int) -> int:
    """The close code as the client sees it: RSGI has none."""
    return 1005 if client.interface == "rsgi" else code


def calculator(**options: Any) -> App:
    app = App(docs=False)

    @app.socket("/sum", **options)
    async def add_up(socket: Socket[Action, Total], start: int = 0) -> None:
        total = Total(start)
        async for action in socket:
            total.value = 0 if isinstance(action, Clear) else total.value + action.by
            await socket.send(total)

    return app


def test_typed_messages_both_ways(ask: Callable[..., Client]) -> None:
    with ask(calculator()).socket("/sum?start=40") as socket:
        socket.send({"kind": "add", "by": 2})
        assert socket.receive(Total) == Total(42)
        socket.send(Clear(kind="clear"))
        assert socket.receive() == {"value": 0}


def test_a_fault_is_answered_with_its_pointer(ask: Callable[..., Client]) -> None:
    with ask(calculator()).socket("/sum") as socket:
        for sent, pointer, kind in [
            ({"kind": "add", "by": "x"}, "/by", "int_parsing"),
            ({"kind": "add"}, "/by", "missing"),
            ({"kind": "sub"}, "", "union_tag_invalid"),
        ]:
            socket.send(sent)
            problem = socket.receive()
            assert (problem["status"], problem["code"]) == (422, "validation-failed")
            assert [(each["in"], each["pointer"], each["code"]) for each in problem["errors"]] == [
                ("message", pointer, kind)
            ]
        for text in ("{", '{"kind": "add", "by": NaN}', "[" * 1000):
            socket.send(text)
            assert socket.receive()["status"] in {400, 422}
        socket.send({"kind": "add", "by": 1})
        assert socket.receive(Total) == Total(1)


def test_a_fault_can_close(ask: Callable[..., Client]) -> None:
    client = ask(calculator(faults="close"))
    with client.socket("/sum") as socket:
        socket.send("{}")
        with pytest.raises(SocketEnded) as ended:
            socket.receive()
        assert ended.value.closed == coded(client, 1007)


def test_only_declared_fields_go_out(ask: Callable[..., Client]) -> None:
    class Public(pydantic.BaseModel):
        name: str

    class Private(Public):
        secret: str

    app = App(docs=False)

    @app.socket("/")
    async def show(socket: Socket[None, Public]) -> None:
        await socket.send(Private(name="a", secret="b"))

    with ask(app).socket("/") as socket:
        assert socket.receive() == {"name": "a"}


def test_text_bytes_and_the_wrong_kind(ask: Callable[..., Client]) -> None:
    app = App(docs=False)

    @app.socket("/text")
    async def text(socket: Socket[str, str]) -> None:
        async for each in socket:
            await socket.send(each.upper())

    @app.socket("/bytes")
    async def data(socket: Socket[bytes, bytes]) -> None:
        async for each in socket:
            await socket.send(each[::-1])

    client = ask(app)
    with client.socket("/text") as socket:
        socket.send("é")
        assert socket.receive(str) == "É"
        socket.send(b"x")
        with pytest.raises(SocketEnded) as ended:
            socket.receive()
        assert ended.value.closed == coded(client, 1003)
    with client.socket("/bytes") as socket:
        socket.send(b"abc")
        assert socket.receive(bytes) == b"cba"


def test_a_message_has_a_limit(ask: Callable[..., Client]) -> None:
    app = App(docs=False)

    @app.socket("/", message=10)
    async def text(socket: Socket[str, str]) -> None:
        async for each in socket:
            await socket.send(each)

    client = ask(app)
    for sent, passes in [("x" * 10, True), ("x" * 11, False), ("éééééé", False)]:
        with client.socket("/") as socket:
            socket.send(sent)
            if passes:
                assert socket.receive(str) == sent
                continue
            with pytest.raises(SocketEnded) as ended:
                socket.receive()
            assert ended.value.closed == coded(client, 1009)


def test_it_is_a_handler_like_any_other(ask: Callable[..., Client]) -> None:
    """Providers with clean-up, rules, header fields, the query, a router's prefix, middleware."""
    seen: list[str] = []

    class Unit:
        pass

    async def unit() -> AsyncIterator[Unit]:
        seen.append("opened")
        yield Unit()
        seen.append("closed")

    @rule
    def knows_the_word(word: str = "") -> bool:
        return word == "open"

    def noting(request: Request) -> Generator[None, Response, Response]:
        seen.append(request.method)
        response = yield
        seen.append(str(response.status))
        return response

    router = Router("/inner")
    router.provide(unit)
    router.middleware(noting)

    @router.socket("/{number}", needs=knows_the_word)
    async def inner(number: int, unit: Unit, socket: Socket[str, str], x_name: Header[str] = "nobody") -> None:
        await socket.send(f"{number} {x_name}")
        async for _ in socket:
            pass

    app = App(docs=False)
    app.include(router)
    client = ask(app)
    with client.socket("/inner/7?word=open", headers={"x-name": "ann"}) as socket:
        assert socket.receive(str) == "7 ann"
    assert seen == ["WEBSOCKET", "opened", "closed", "204"]
    for path, status in [("/inner/7", 403), ("/inner/x?word=open", 422), ("/inner", 404)]:
        with pytest.raises(SocketRefused) as refused, client.socket(path):
            pass
        assert refused.value.answer.status == status
    if client.interface == "asgi":
        assert refused.value.answer.json()["code"] == "not-found"
        assert refused.value.answer.headers["x-content-type-options"] == "nosniff"


def test_a_driven_plan(ask: Callable[..., Client]) -> None:
    """A provider that waits in plain code."""

    class Slow:
        def __init__(self, value: str) -> None:
            self.value = value

    def slow() -> Slow:
        return Slow(wait(asyncio.sleep(0.001, "waited")))

    app = App(docs=False)
    app.provide(slow, waits=True)

    @app.socket("/")
    async def handler(slow: Slow, socket: Socket[None, str]) -> None:
        await socket.send(slow.value)

    with ask(app).socket("/") as socket:
        assert socket.receive(str) == "waited"


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (NotFound("No.", code="note-gone"), 1008, "note-gone"),
        (ValueError("secret"), 1011, "internal-error"),
        (None, 1000, ""),
    ],
    ids=str,
)
def test_how_it_ends(ask: Callable[..., Client], error: Exception | None, code: int, reason: str) -> None:
    app = App(docs=False)

    @app.socket("/")
    async def handler(socket: Socket[str, str]) -> None:
        await socket.receive()
        if error is not None:
            raise error

    client = ask(app, raise_errors=False)
    with client.socket("/") as socket:
        socket.send("go")
        with pytest.raises(SocketEnded) as ended:
            socket.receive()
    assert ended.value.closed == coded(client, code)
    assert ended.value.reason == ("" if client.interface == "rsgi" else reason)


def test_an_error_before_the_first_wait_is_an_answer(ask: Callable[..., Client]) -> None:
    app = App(docs=False)

    @app.socket("/{name}")
    async def handler(name: str, socket: Socket[str, str]) -> None:
        if name == "early":
            raise Forbidden("No.")
        await asyncio.sleep(0)
        raise Forbidden("Too late for an answer.")

    client = ask(app)
    with pytest.raises(SocketRefused) as refused, client.socket("/early"):
        pass
    assert refused.value.answer.status == 403
    with client.socket("/late") as socket, pytest.raises(SocketEnded):
        socket.receive()


@pytest.mark.parametrize(
    ("origin", "options", "passes"),
    [
        (None, {}, True),
        ("http://testserver", {}, True),
        ("https://TestServer", {}, True),
        ("http://testserver:8080", {}, False),
        ("http://testserver.evil.example", {}, False),
        ("http://evil.example/testserver", {}, False),
        ("null", {}, False),
        ("file://testserver", {}, False),
        ("https://friend.example", {"origins": ["https://friend.example"]}, True),
        ("http://friend.example", {"origins": ["https://friend.example"]}, False),
        ("null", {"origins": ["*"]}, True),
    ],
)
def test_C23_origins(ask: Callable[..., Client], origin: str | None, options: Any, passes: bool) -> None:
    headers = {"origin": origin} if origin is not None else {}
    client = ask(calculator(**options))
    try:
        with client.socket("/sum", headers=headers):
            assert passes
    except SocketRefused as refused:
        assert (refused.answer.status, passes) == (403, False)


def test_sub_protocols() -> None:
    client = Client(calculator(protocols=("v2", "v1")))
    for offered, chosen in [(["v1", "v2"], "v2"), (["v1"], "v1"), (["x"], None), ([], None)]:
        with client.socket("/sum", protocols=offered) as socket:
            assert socket.protocol == chosen


def test_the_client_leaves(ask: Callable[..., Client]) -> None:
    ended: list[str] = []
    app = App(docs=False)

    @app.socket("/reads")
    async def reads(socket: Socket[str, str]) -> None:
        async for _ in socket:
            pass
        ended.append(f"reads {socket.closed}")
        with pytest.raises(SocketClosed):
            await socket.receive()
        await socket.send("into the void")
        ended.append("never here")

    @app.socket("/waits")
    async def waits(socket: Socket[None, str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    @app.socket("/stays", stays=True)
    async def stays(socket: Socket[str, str]) -> None:
        await asyncio.sleep(0.05)
        ended.append("stays")

    client = ask(app)
    for path in ("/reads", "/waits", "/stays"):
        with client.socket(path):
            pass
    client.get("/nowhere")
    assert ended == ["reads True", "waits", "stays"]


def test_what_may_wait_is_bounded() -> None:
    app = App(docs=False)
    faults: list[int] = []

    @app.socket("/", waiting=3)
    async def flood(socket: Socket[None, str]) -> None:
        async def send() -> None:
            try:
                await socket.send("x")
            except SocketClosed as error:
                faults.append(error.closed)

        await asyncio.gather(*(send() for _ in range(40)))

    async def test() -> None:
        async with AsyncClient(app) as client, client.socket("/") as socket:
            await socket.receive(str)
            await asyncio.sleep(0.05)

    asyncio.run(test())
    assert faults
    assert set(faults) == {1013}


def test_wsgi_has_none() -> None:
    client = Client(calculator(), interface="wsgi")
    with pytest.raises(ClientFault, match="WSGI"), client.socket("/sum"):
        pass
    answer = client.get("/sum", headers={"upgrade": "websocket", "connection": "upgrade"})
    assert (answer.status, answer.json()["code"]) == (426, "upgrade-required")
    assert "/sum" in answer.json()["detail"]


@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_the_path_of_a_socket_for_other_requests(interface: Any) -> None:
    app = calculator()
    app.post("/both")(lambda: None)

    @app.socket("/both")
    async def both(socket: Socket[str, str]) -> None:
        pass

    client = Client(app, interface=interface)
    assert client.get("/sum").status == 426
    assert client.get("/sum").headers.get("upgrade") == (None if interface == "wsgi" else "websocket")
    assert client.options("/sum").headers["allow"] == "GET, OPTIONS"
    assert client.post("/sum").status == 405
    assert client.request("WEBSOCKET", "/sum").status == 405
    assert client.request("(WEBSOCKET)", "/sum").status in {405, 426}
    assert client.post("/both").status == 200


def test_faults_of_the_app() -> None:
    app = App(docs=False)

    @app.socket("/a")
    async def without() -> None: ...

    @app.socket("/b")
    def plain(socket: Socket[str, str]) -> None: ...

    @app.get("/c")
    async def other(socket: Socket[str, str]) -> None: ...

    @app.socket("/d")
    async def body(socket: Socket[str, str], add: Add) -> None: ...

    @app.socket("/e")
    async def twice(socket: Socket[str, str]) -> None: ...

    @app.socket("/e")
    async def again(socket: Socket[str, str]) -> None: ...

    @app.socket("/f")
    async def odd(socket: Socket[Unreadable, str]) -> None: ...

    with pytest.raises(SetupError) as report:
        app.seal()
    codes = [fault.code for fault in report.value.faults]
    assert sorted(codes) == sorted(
        ["no-socket", "socket-colour", "no-socket", "body-on-get", "same-route", "no-schema"]
    )


def test_two_apps_do_not_mix() -> None:
    one, two = calculator(), App(docs=False)
    with Client(one).socket("/sum"), pytest.raises(SocketRefused), Client(two).socket("/sum"):
        pass


def test_many_messages_do_not_starve_others() -> None:
    """A handler that sends without an end lets the loop turn."""
    app = App(docs=False)

    @app.socket("/")
    async def endless(socket: Socket[None, str]) -> None:
        for number in itertools.count():
            await socket.send(str(number))

    async def test() -> None:
        async with AsyncClient(app) as client, client.socket("/") as socket:
            for number in range(1000):
                assert await socket.receive(str) == str(number)

    asyncio.run(asyncio.wait_for(test(), 20))


def test_a_client_that_does_not_read_is_given_up() -> None:
    app = App(docs=False)
    ended: list[str] = []

    @app.socket("/", patience=0.1)
    async def flood(socket: Socket[None, str]) -> None:
        try:
            while True:
                await socket.send("x")
        except asyncio.CancelledError:
            ended.append("given up")
            raise

    async def test() -> None:
        async with AsyncClient(app) as client, client.socket("/"):
            for _ in range(50):
                await asyncio.sleep(0.1)
                if ended:
                    return

    asyncio.run(test())
    assert ended == ["given up"]


def test_E9_a_handler_that_waits_for_something_else_hears_of_the_leave() -> None:
    """Without a word from the client: what is read ahead ends, and the handler is cancelled while the app goes on."""
    app = App(docs=False)
    ended = asyncio.Event()

    @app.socket("/")
    async def waits(socket: Socket[None, str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def test() -> None:
        messages = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006}]
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0) if messages else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message["type"])

        scope = {
            "type": "websocket",
            "path": "/",
            "query_string": b"",
            "headers": [(b"host", b"x")],
            "http_version": "1.1",
        }
        async with AsyncClient(app) as client:
            await client.get("/")
            task = asyncio.ensure_future(app(scope, receive, send))
            await asyncio.wait_for(ended.wait(), 5)
            await task
            assert sent == ["websocket.accept"]

    asyncio.run(test())


def test_E2_a_stop_closes_with_1012() -> None:
    app = App(docs=False)
    ended: list[str] = []

    @app.socket("/reads")
    async def reads(socket: Socket[str, str]) -> None:
        async for _ in socket:
            pass
        ended.append("reads")

    @app.socket("/waits")
    async def waits(socket: Socket[None, str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    async def ending(client: AsyncClient, path: str) -> int:
        async with client.socket(path) as socket:
            with pytest.raises(SocketEnded) as found:
                await socket.receive()
        return found.value.closed

    async def test() -> list[int]:
        async with AsyncClient(app) as client:
            tasks = [asyncio.create_task(ending(client, path)) for path in ("/reads", "/waits")]
            await asyncio.sleep(0.1)
        return list(await asyncio.gather(*tasks))

    assert asyncio.run(test()) == [1012, 1012]
    assert sorted(ended) == ["reads", "waits"]
