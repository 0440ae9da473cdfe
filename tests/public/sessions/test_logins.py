"""Whose a session is: another user's begins anew, two logins at once both hold, and what is lost is said."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import logging
from collections.abc import Callable, Collection
from typing import Any

import pydantic
import pytest

from wholestack import App
from wholestack.db import Database
from wholestack.sessions import (
    BrowserSession,
    CookieSessions,
    DatabaseSessions,
    MemorySessions,
    Messages,
    Sessions,
    SessionStore,
    StoredSession,
)
from wholestack.testing import AsyncClient, Client

OWN = {"sec-fetch-site": "same-origin"}
STORES = pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions, CookieSessions])
SHARED = pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions])
Colour = Callable[[Any], Any]


class Cart(pydantic.BaseModel):
    items: list[int] = []


def shop(store: Any, colour: Colour = lambda function: function) -> App:
    """An app with logins."""
    app = App(docs=False)
    app.use(Database("sqlite://"), Sessions(store()))

    @app.post("/cart/{item}")
    @colour
    def add(item: int, session: BrowserSession[Cart]) -> None:
        session.data.items.append(item)

    @app.post("/login/{name}")
    @colour
    def login(name: str, session: BrowserSession) -> None:
        session.user = name

    @app.post("/switch/{name}")
    @colour
    def switch(name: str, session: BrowserSession[Cart], messages: Messages) -> None:
        session.data.items.append(13)
        session.user = name
        messages.info(f"You are {name}.")

    @app.post("/leave")
    @colour
    def leave(session: BrowserSession) -> None:
        session.user = None

    @app.get("/")
    @colour
    def read(session: BrowserSession[Cart], messages: Messages) -> list[Any]:
        return [session.user, session.data.items, [each.text for each in messages]]

    return app


@STORES
def test_another_user_has_nothing_of_the_first(store: Any, colour: Colour) -> None:
    with Client(shop(store, colour), headers=OWN) as client:
        client.post("/cart/1")
        client.post("/login/ann")
        assert client.get("/").json() == ["ann", [1], []]  # What a visitor had is the user's.
        anns = client.cookies["session"]
        client.post("/login/bob")
        assert client.get("/").json() == ["bob", [], []]
        client.post("/cart/2")
        client.post("/switch/cleo")
        assert client.get("/").json() == ["cleo", [], ["You are cleo."]]
        client.post("/leave")
        assert list(client.cookies) == []
        assert client.get("/").json() == [None, [], []]
        if store is not CookieSessions:
            client.cookies["session"] = anns
            assert client.get("/").json() == [None, [], []]


@STORES
def test_the_same_user_again_takes_a_new_id(store: Any) -> None:
    with Client(shop(store), headers=OWN) as client:
        client.post("/login/ann")
        client.post("/cart/1")
        first = client.cookies["session"]
        client.post("/login/ann")
        assert client.cookies["session"].partition(".")[0] != first.partition(".")[0]
        assert client.get("/").json() == ["ann", [1], []]


def test_a_user_is_text() -> None:
    app = App(docs=False)
    app.use(Sessions(MemorySessions()))

    @app.post("/")
    def login(session: BrowserSession) -> None:
        session.user = 7  # type: ignore[assignment]  # What is tested.

    with Client(app, headers=OWN) as client, pytest.raises(TypeError, match=r"str\(user\.id\).*type int"):
        client.post("/")


@SHARED
def test_two_logins_at_once_both_hold(store: Any) -> None:
    app = shop(store)
    inside: list[int] = []

    @app.post("/late-login/{name}")
    async def late_login(name: str, session: BrowserSession) -> None:
        session.user = name
        inside.append(1)
        while len(inside) < 2:
            await asyncio.sleep(0.01)

    async def ask() -> None:
        async with AsyncClient(app, headers=OWN) as client:
            await client.post("/cart/7")
            jar = {"session": client.cookies["session"]}

            async def one() -> Any:
                async with AsyncClient(app, headers=OWN, cookies=jar) as other:
                    await other.post("/late-login/ann")
                    return (await other.get("/")).json(), other.cookies["session"]

            (first, one_id), (second, other_id) = await asyncio.gather(one(), one())
            assert first == second == ["ann", [7], []]
            assert len({one_id, other_id, jar["session"]}) == 3

    asyncio.run(ask())


@SHARED
def test_what_is_lost_beside_a_rotation_is_said(store: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = App(docs=False)
    app.use(Database("sqlite://"), Sessions(store()))
    rotated = asyncio.Event()
    loaded = asyncio.Event()

    @app.post("/cart/{item}")
    async def add(item: int, session: BrowserSession[Cart], slow: bool = False) -> None:
        session.data.items.append(item)
        if slow:
            loaded.set()
            await rotated.wait()

    @app.post("/rotate")
    async def rotate(session: BrowserSession) -> None:
        session.rotate()

    async def ask() -> None:
        async with AsyncClient(app, headers=OWN) as client:
            await client.post("/cart/1")
            jar = {"session": client.cookies["session"]}
            async with AsyncClient(app, headers=OWN, cookies=jar) as other:
                writing = asyncio.create_task(other.post("/cart/2", query={"slow": "true"}))
                await asyncio.wait_for(loaded.wait(), 30)
                await client.post("/rotate")
                assert not caplog.records
                rotated.set()
                assert (await writing).status == 204

    with caplog.at_level(logging.WARNING, "wholestack.sessions"):
        asyncio.run(ask())
    assert [each.message.partition(";")[0] for each in caplog.records] == ["a session was ended or rotated meanwhile"]


class OwnStore:
    """A store of an app's own, by public names only."""

    shared = True
    waits = False

    def __init__(self) -> None:
        self.rows: dict[str, StoredSession] = {}

    def load(self, key: str) -> StoredSession | None:
        return self.rows.get(key)

    def create(self, key: str, kept: StoredSession) -> None:
        self.rows[key] = kept

    def update(
        self, key: str, known: StoredSession, change: Callable[[StoredSession], StoredSession], *, to: str | None = None
    ) -> StoredSession | None:
        found = self.rows.pop(key, None)
        if found is None:
            return None
        self.rows[to or key] = changed = dataclasses.replace(change(found), version=found.version + 1)
        return changed

    def touch(self, key: str, kept: StoredSession) -> None: ...

    def delete(self, keys: Collection[str]) -> None:
        for key in keys:
            self.rows.pop(key, None)

    def of(self, user: str) -> list[tuple[str, StoredSession]]:
        return [(key, kept) for key, kept in self.rows.items() if kept.user == user]

    def delete_of(self, user: str, but: str | None) -> int:
        keys = [key for key, _ in self.of(user) if key != but]
        self.delete(keys)
        return len(keys)

    def sweep(self, before: datetime.datetime, most: int) -> int:
        return 0


def test_a_store_of_an_app_s_own() -> None:
    store: SessionStore = OwnStore()
    with Client(shop(lambda: store), headers=OWN) as client:
        client.post("/cart/1")
        client.post("/login/ann")
        assert client.get("/").json() == ["ann", [1], []]
    ((_, kept),) = store.of("ann")
    assert (kept.data, kept.version) == ({"Cart": {"items": [1]}}, 2)
