"""Sockets and streams of events end with their session: by a logout, from another device, at a limit, or elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from servers.serving import until
from wholestack import App, SetupError
from wholestack.db import Database, Session, text
from wholestack.realtime import Events, Socket
from wholestack.sessions import BrowserSession, CookieSessions, DatabaseSessions, MemorySessions, Sessions
from wholestack.testing import Client, ClientSocket, SocketEnded

OWN = {"sec-fetch-site": "same-origin"}
NOW = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
STORES = pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions])


class Counting(MemorySessions):
    """Knows how often it was asked."""

    asked = 0

    def load(self, key: str) -> Any:
        self.asked += 1
        return super().load(key)


def as_async(function: Any) -> Any:
    @functools.wraps(function)
    async def handler(**arguments: Any) -> Any:
        return function(**arguments)

    return handler


def site(store: Any, colour: Any = as_async, **options: Any) -> App:
    app = App(docs=False)
    app.use(Database("sqlite://"), Sessions(store, **options))

    @app.socket("/echo")
    async def echo(session: BrowserSession, socket: Socket[str, str]) -> None:
        name = session.user or "nobody"
        async for said in socket:
            await socket.send(f"{name}: {said}")

    @app.socket("/told")
    async def told(session: BrowserSession, socket: Socket[None, str]) -> None:
        await socket.send(session.user or "nobody")
        await asyncio.Event().wait()

    @app.get("/events")
    async def events(session: BrowserSession) -> Events[str]:
        name = session.user or "nobody"

        async def source() -> AsyncIterator[str]:
            yield name
            await asyncio.Event().wait()

        return Events(source())

    @app.get("/plain")
    def plain(session: BrowserSession) -> Events[str]:
        return Events(iter([session.user or "nobody"] * 1_000_000))

    @app.post("/login/{user}")
    @colour
    def login(user: str, session: BrowserSession) -> None:
        session.user = user

    @app.post("/logout")
    @colour
    def logout(session: BrowserSession) -> None:
        session.revoke()

    @app.post("/rotate")
    @colour
    def rotate(session: BrowserSession) -> None:
        session.rotate()

    @app.post("/others")
    @colour
    def others(db: Session, session: BrowserSession, sessions: Sessions, fail: bool = False) -> None:
        db.execute(text("SELECT 1"))
        sessions.revoke_all(session.user or "", but=session)
        if fail:
            raise RuntimeError("rolled back")

    @app.post("/device/{key}")
    @colour
    def device(key: str, sessions: Sessions) -> None:
        sessions.revoke(key)

    @app.get("/key")
    @colour
    def key(session: BrowserSession) -> str:
        return session.key or ""

    return app


@contextlib.contextmanager
def client_of(app: App, interface: Any = "asgi") -> Iterator[Client]:
    app.seal()
    app.plugin(Database).create_tables()
    with Client(app, interface=interface, headers=OWN, raise_errors=False) as client:
        client.post("/login/ann")
        yield client


def said(line: ClientSocket, word: str = "hi") -> str:
    line.send(word)
    return line.receive(str)


def ended(line: ClientSocket, interface: str = "asgi", *, quiet: bool = False) -> bool:
    """Whether it is closed, soon; one whose handler answers is asked, so that nobody waits for ever."""
    found: list[SocketEnded] = []

    def is_over() -> bool:
        try:
            line.receive() if quiet else said(line)
        except SocketEnded as error:
            found.append(error)
        return bool(found)

    until(is_over, 20)
    return found[0].closed == (4401 if interface == "asgi" else 1005)


@STORES
@pytest.mark.parametrize("interface", ["asgi", "rsgi"])
def test_what_is_open_ends_with_a_logout(interface: str, store: Any, colour: Any) -> None:
    with (
        client_of(site(store(), colour), interface) as client,
        client_of(client.app, interface) as other,
        client.socket("/echo") as echo,
        client.socket("/told") as told,
        client.events("/events", str) as events,
        client.events("/plain", str) as plain,
        other.socket("/echo") as others,
    ):
        assert (said(echo), told.receive(str), said(others)) == ("ann: hi", "ann", "ann: hi")
        assert next(events).data == next(plain).data == "ann"
        client.post("/logout")
        assert ended(echo, interface) and ended(told, interface, quiet=True)
        assert [(each.event, each.data) for each in events] == [("session-ended", "null")]
        assert [*plain][-1].event == "session-ended"
        assert said(others) == "ann: hi", "another session of the same user"


@STORES
def test_another_device_ends_it(store: Any, colour: Any) -> None:
    with client_of(site(store(), colour)) as client, client_of(client.app) as other, client_of(client.app) as third:
        bob = third.post("/login/bob") and third
        with client.socket("/echo") as line, client.socket("/echo") as mine, bob.socket("/echo") as bobs:
            assert [said(each) for each in (line, mine, bobs)] == ["ann: hi", "ann: hi", "bob: hi"]
            assert other.post("/others", query={"fail": "true"}).status == 500
            if store is DatabaseSessions:  # What was rolled back has ended nobody's.
                assert said(line) == "ann: hi"
                other.post("/others")
            assert ended(line) and ended(mine) and said(bobs) == "bob: hi"
        with bob.socket("/echo") as line:
            said(line)
            other.post(f"/device/{bob.get('/key').text}")
            assert ended(line)


def test_a_script_and_a_new_id_end_it() -> None:
    with client_of(site(DatabaseSessions())) as client:
        with client.socket("/echo") as line, client.events("/events", str) as events:
            assert (said(line), next(events).data) == ("ann: hi", "ann")
            client.post("/rotate")
            assert ended(line) and [each.event for each in events] == ["session-ended"]
        sessions = client.app.plugin(Sessions)
        with client.socket("/echo") as line:  # With the new id.
            assert said(line) == "ann: hi"
            assert sessions.revoke_all("ann") == 1
            assert ended(line)
        client.post("/login/ann")
        with client.socket("/echo") as line:
            assert said(line) == "ann: hi"
            with client.app.session() as db:
                db.execute(text("DELETE FROM browser_session WHERE key = 'none'"))
                assert sessions.within(db).revoke_all("ann") == 1
            assert ended(line), "when it is committed"


def test_a_look_now_and_then_sees_limits_and_what_others_ended() -> None:
    now, store = [NOW], Counting()
    with client_of(site(store, recheck=0.02, idle=3600, clock=lambda: now[0])) as client:
        with client.socket("/echo") as line:
            said(line)
            now[0] += datetime.timedelta(hours=2)
            assert ended(line), "at its idle limit"
        client.post("/login/ann")
        with client.socket("/echo") as line:
            said(line)
            store.delete([client.get("/key").text])  # As another process does.
            assert ended(line)


def test_no_message_asks_the_store(colour: Any) -> None:
    store = Counting()
    with client_of(site(store, colour)) as client, client.socket("/echo") as line:
        said(line)
        before = store.asked
        assert {said(line) for _ in range(50)} == {"ann: hi"} and store.asked == before
        with client.socket("/echo", cookies={"session": "x" * 43}) as nobody:
            assert said(nobody) == "nobody: hi"


def test_a_store_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Counting):
        fails = False

        def load(self, key: str) -> Any:
            if self.fails:
                self.asked += 1
                raise OSError("away")
            return super().load(key)

    store = Failing()
    with client_of(site(store, recheck=0.01)) as client, client.socket("/echo") as line:
        said(line)
        store.fails, before = True, store.asked
        while store.asked < before + 3:
            assert said(line) == "ann: hi"
        assert "could not be seen" in caplog.text
        store.fails = False
        client.post("/logout")
        assert ended(line)


def test_signed_cookies_cannot_end_it() -> None:
    with client_of(site(CookieSessions())) as client, client.socket("/echo") as line:
        assert said(line) == "ann: hi"
        client.post("/logout")
        assert said(line) == "ann: hi"


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(SetupError, match="recheck"):
        Sessions(recheck=0)
