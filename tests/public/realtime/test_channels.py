"""Channels as handlers use them, in process over ASGI and RSGI."""

from __future__ import annotations

import asyncio
from typing import Any

import pydantic
import pytest

from wholestack import App, wait
from wholestack.realtime import Channel, Events, Feed, LastEventId, Live, MemoryBackend, MessagesMissed, Socket
from wholestack.testing import AsyncClient, Client, SocketEnded


class Say(pydantic.BaseModel):
    text: str


class Secret(Say):
    word: str


def chat(**options: Any) -> App:
    app = App(docs=False)
    app.use(Live(MemoryBackend(**options)))

    @app.socket("/{room}")
    async def talk(room: str, socket: Socket[Say, Say], says: Channel[Say], name: str | None = None) -> None:
        async with says.join(room, socket, name):
            async for say in socket:
                await says.publish(say, room=room)

    @app.post("/{room}")
    def publish(room: str, say: Say, says: Channel[Say]) -> str:
        return wait(says.publish(say, room=room))

    @app.get("/{room}/here")
    async def here(room: str, says: Channel[Say]) -> list[str]:
        return await says.here(room)

    @app.get("/{room}/events")
    async def events(room: str, says: Channel[Say], last: LastEventId) -> Events[Say]:
        return Events(says.subscribe(room, after=last))

    @app.get("/{room}/history")
    async def history(room: str, says: Channel[Say], count: int = 100) -> list[Say]:
        return await says.history(room, count)

    return app


@pytest.fixture(params=["asgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_rooms(interface: Any) -> None:
    client = Client(chat(), interface=interface)
    with client.socket("/a") as ann, client.socket("/a") as bob, client.socket("/b") as eve:
        ann.send(Say(text="hi"))
        assert ann.receive(Say) == bob.receive(Say) == Say(text="hi")
        client.post("/b", json={"text": "only b"}).expect(200)
        assert eve.receive(Say).text == "only b"


def test_who_is_here(interface: Any) -> None:
    with Client(chat(), interface=interface) as client:
        with client.socket("/a?name=ann"), client.socket("/a?name=bob") as bob, client.socket("/a?name=bob"):
            with client.socket("/a"):
                assert client.get("/a/here").json() == ["ann", "bob"]
            bob.close()
            assert client.get("/a/here").json() == ["ann", "bob"]
        assert client.get("/a/here").json() == []


def test_resume_and_history(interface: Any) -> None:
    with Client(chat(history=3), interface=interface) as client:
        ids = [client.post("/a", json={"text": str(number)}).text for number in range(5)]
        assert [each["text"] for each in client.get("/a/history").json()] == ["2", "3", "4"]
        assert [each["text"] for each in client.get("/a/history?count=1").json()] == ["4"]
        events = client.events("/a/events", Say, after=ids[2])
        found = [next(events), next(events)]
        events.close()
        assert [(each.data.text, each.id) for each in found] == [("3", ids[3]), ("4", ids[4])]
        events = client.events("/a/events", Say, after=ids[0])
        reset = next(events)
        assert (reset.event, reset.data, reset.id) == ("reset", None, ids[4])
        last = client.post("/a", json={"text": "live"}).text
        live = next(events)
        events.close()
        assert (live.data.text, live.id) == ("live", last)


def test_only_the_declared_fields_are_published() -> None:
    app = App(docs=False)

    @app.get("/")
    async def handler(says: Channel[Say]) -> list[dict[str, str]]:
        await says.publish(Secret(text="a", word="b"))
        return [dict(each) for each in await says.history()]

    assert Client(app).get("/").json() == [{"text": "a"}]


def test_a_slow_socket_is_told() -> None:
    """What waits for one subscriber is bounded: it is closed with 1013 when it reads again; others get everything."""
    app = chat(queue=5)

    async def test() -> None:
        async with AsyncClient(app) as client, client.socket("/a") as slow, client.socket("/a") as quick:
            for number in range(60):
                await client.post("/a", json={"text": str(number)})
                assert (await quick.receive(Say)).text == str(number)
            with pytest.raises(SocketEnded) as ended:
                for _ in range(60):
                    await slow.receive(Say)
        assert (ended.value.closed, ended.value.reason) == (1013, "messages-missed")

    asyncio.run(test())


def test_a_gap_in_a_plain_subscription_is_raised() -> None:
    app = App(docs=False)
    app.use(Live(MemoryBackend(queue=2)))

    @app.get("/")
    async def handler(says: Channel[str]) -> list[str]:
        found = []
        try:
            async for text in says.subscribe():
                found.append(text)
                for number in range(10):
                    await says.publish(str(number))
        except MessagesMissed as missed:
            found.append(missed.code)
        return found

    @app.post("/")
    async def publish(says: Channel[str]) -> str:
        return await says.publish("first")

    async def test() -> Any:
        async with AsyncClient(app) as client:
            asking = asyncio.create_task(client.get("/"))
            await asyncio.sleep(0.05)
            await client.post("/")
            return (await asking).json()

    assert asyncio.run(test()) == ["first", "messages-missed"]


def test_text_is_text_and_a_socket_may_send_something_else() -> None:
    class Loud(pydantic.BaseModel):
        text: str

    app = App(docs=False)

    @app.socket("/text")
    async def text(socket: Socket[str, str], lines: Channel[str]) -> None:
        async with lines.join("", socket):
            async for line in socket:
                await lines.publish(line)

    @app.socket("/dict")
    async def shown(socket: Socket[None, dict[str, str]], says: Channel[dict[str, str]]) -> None:
        async with says.join("", socket):
            await says.publish({"a": "b"})
            async for _ in socket:
                pass

    client = Client(app)
    with client.socket("/text") as socket:
        socket.send('a "b"')
        assert socket.receive(str) == 'a "b"'
    with client.socket("/dict") as socket:
        assert socket.receive() == {"a": "b"}


def test_the_name_of_a_room_has_a_bound() -> None:
    app = App(docs=False)

    @app.get("/")
    async def handler(says: Channel[str], room: str) -> str:
        return await says.publish("x", room=room)

    client = Client(app, raise_errors=False)
    assert client.get("/", query={"room": "r" * 200}).status == 200
    assert client.get("/", query={"room": "r" * 201}).status == 500


@pytest.mark.parametrize(
    ("workers", "uses", "many", "faults"),
    [("1", True, False, []), ("4", True, False, ["one-process"]), ("4", False, False, []), ("4", True, True, [])],
)
def test_several_workers_with_one_memory_are_a_fault(
    monkeypatch: pytest.MonkeyPatch, workers: str, uses: bool, many: bool, faults: list[str]
) -> None:
    class Shared(MemoryBackend):
        pass

    Shared.many = many
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    app = App(docs=False)
    app.use(Live(Shared()))
    if uses:

        @app.get("/")
        async def handler(says: Channel[str]) -> None: ...

    app.seal()
    assert [fault.code for check in app.checks for fault in check()] == faults


def test_a_backend_lives_with_the_app() -> None:
    told: list[str] = []

    class Noting(MemoryBackend):
        async def open(self) -> None:
            told.append("open")

        async def close(self) -> None:
            told.append("close")

    app = App(docs=False)
    app.use(Live(Noting()))
    with Client(app):
        assert told == ["open"]
    assert told == ["open", "close"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_each_of_several_workers_warns_of_its_own_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, workers: str
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", workers)
    app = App(docs=False)

    @app.get("/")
    async def handler(says: Channel[str]) -> str:
        return says.name

    with Client(app) as client:
        assert client.get("/").text == "str"
    warned = [record for record in caplog.records if getattr(record, "code", "") == "one-process"]
    assert [record.levelname for record in warned] == ["WARNING"] * (int(workers) - 1)


# -- feeds that hand over one message at a time --------------------------------------------------------------------


class OneByOne:
    """A feed with the two methods that each must have, and no other."""

    def __init__(self, feed: Feed) -> None:
        self.position = feed.position
        self.next, self.close = feed.next, feed.close


class Slowly(MemoryBackend):
    """A backend of such feeds."""

    async def subscribe(self, topic: str, after: str | None) -> Any:
        return OneByOne(await super().subscribe(topic, after))


def test_a_backend_needs_no_quick_feeds(interface: Any) -> None:
    app = chat()
    app.plugins.clear()
    app.use(Live(Slowly(queue=3)))
    with Client(app, interface=interface) as client, client.socket("/a") as ann, client.socket("/a") as bob:
        events = client.events("/a/events", Say)
        for text in ("one", "two"):
            ann.send(Say(text=text))
            assert ann.receive(Say) == bob.receive(Say) == Say(text=text)
        assert [next(events).data for _ in range(2)] == [Say(text="one"), Say(text="two")]
        events.close()


# -- what goes over the wire ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "message"), [(str, 'a "text"'), (bytes, b"caf\xc3\xa9"), (int, 7), (list[int], [1, 2])]
)
def test_a_channel_of_any_type_in_a_socket_of_the_same(interface: Any, kind: Any, message: Any) -> None:
    app = App(docs=False)

    async def room(socket: Any, items: Any) -> None:
        async with items.join("", socket):
            async for item in socket:
                await items.publish(item)

    room.__annotations__ = {"socket": Socket[kind, kind], "items": Channel[kind], "return": None}
    app.socket("/")(room)
    with Client(app, interface=interface) as client, client.socket("/") as one, client.socket("/") as two:
        one.send(message)
        assert one.receive(kind) == two.receive(kind) == message


def test_a_channel_in_a_socket_of_another_type(interface: Any) -> None:
    """The socket's type decides what is written: of a secret no more than it declares."""
    app = App(docs=False)

    @app.socket("/")
    async def room(socket: Socket[str, Say], secrets: Channel[Secret]) -> None:
        async with secrets.join("", socket):
            async for text in socket:
                await secrets.publish(Secret(text=text, word="hidden"))

    with Client(app, interface=interface) as client, client.socket("/") as one:
        one.send("hi")
        assert one.receive() == {"text": "hi"}
