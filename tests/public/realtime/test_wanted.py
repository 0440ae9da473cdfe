"""`Live` comes into an app by itself where the app has something live, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NewType

import pydantic
import pytest

from wholestack import App, Request, Response, Router
from wholestack.realtime import CSV, Channel, Event, Events, JSONLines, Live, MemoryBackend, Socket
from wholestack.testing import Client

Says = NewType("Says", str)


def with_events(app: App) -> None:
    @app.get("/x")
    async def x() -> Events[int]:
        return Events([1])


def with_events_or_another_answer(app: App) -> None:
    @app.get("/x")
    async def x() -> Events[int] | Response:
        return Events([1])


def with_rows_named_by_returns(app: App) -> None:
    @app.get("/x", returns=JSONLines[int])
    def x() -> Any:
        return JSONLines([1])


def with_a_table_of_a_local_type(app: App) -> None:
    class Row(pydantic.BaseModel):
        n: int

    @app.get("/x")
    def x() -> CSV[Row]:
        return CSV([Row(n=1)])


def with_a_socket_in_a_router(app: App) -> None:
    inner, outer = Router(), Router("/b")

    @inner.socket("/x")
    async def x(socket: Socket[str, str]) -> None: ...

    outer.include(inner)
    app.include(outer, at="/a")


def with_a_channel_in_a_handler(app: App) -> None:
    @app.post("/x")
    async def x(channel: Channel[str]) -> None: ...


def with_a_channel_in_a_provider(app: App) -> None:
    def says(channel: Channel[str]) -> Says:
        return Says(channel.name)

    app.provide(says)

    @app.get("/x")
    async def x(says: Says) -> str:
        return says


def with_a_channel_in_a_rule(app: App) -> None:
    def may(channel: Channel[str]) -> bool:
        return bool(channel.name)

    @app.get("/x", needs=may)
    async def x() -> str:
        return ""


def with_a_channel_in_a_routers_rule(app: App) -> None:
    def may(channel: Channel[str]) -> bool:
        return bool(channel.name)

    router = Router(needs=may)
    router.get("/x")(lambda: "")
    app.include(router)


def with_a_plugin_that_adds_one(app: App) -> None:
    class Adds:
        def setup(self, app: App) -> None:
            with_events(app)

    app.use(Adds())


@pytest.mark.parametrize("adds", [value for name, value in vars().items() if name.startswith("with_")])
def test_what_is_live_is_seen(adds: Callable[[App], None]) -> None:
    app = App()
    adds(app)
    app.seal()
    assert "/asyncapi" in {route.path for route in app.routes}


def test_an_app_without_anything_live_gets_nothing() -> None:
    def plain(app: App) -> App:
        @app.get("/plain")
        def x(request: Request, event: str = "") -> dict[str, str]:
            return {"event": event}

        return app

    live, other = plain(App()), plain(App())
    with_events(live)
    assert Event(1).data == 1  # imported, and used, in this process
    for app in (live, other):
        app.seal()
    assert ("/asyncapi.json" in {route.path for route in live.routes}) is True
    assert not {"/asyncapi.json", "/asyncapi", "/asyncapi.css"} & {route.path for route in other.routes}
    assert other.parameter_kinds == other.answer_kinds == other.checks == []
    with Client(other) as client:
        assert client.get("/asyncapi").status == 404
        assert client.get("/plain").json() == {"event": ""}


def test_what_is_asked_for_comes_all_the_same() -> None:
    app = App()
    app.use(Live(MemoryBackend()))
    with Client(app) as client:
        assert client.get("/asyncapi").status == 200


def test_what_stands_in_may_be_live() -> None:
    def says() -> Says:
        return Says("plain")

    def live(channel: Channel[str]) -> str:
        return channel.name

    app = App()
    app.provide(says)

    @app.get("/x")
    async def x(says: Says) -> str:
        return says

    app.seal()
    with app.replace(Says, live) as twin, Client(twin) as client:
        assert client.get("/x").text == "str"
    with Client(app) as client:
        assert client.get("/x").text == "plain"
