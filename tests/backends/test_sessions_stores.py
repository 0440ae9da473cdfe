"""The contract of sessions, in each store, on each database, in each colour; and requests at once (row C6)."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pydantic
import pytest
from sqlalchemy import MetaData, text

from wholestack import App, wait
from wholestack.db import Database, Mapped, Model, Session, func, mapped_column, select
from wholestack.sessions import BrowserSession, DatabaseSessions, MemorySessions, Messages, Sessions, StoredSession
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]
OWN = {"sec-fetch-site": "same-origin"}
NOW = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
KEPT = StoredSession({"Cart": {"a": 1}}, NOW, NOW, NOW + datetime.timedelta(days=1), "ann", "agent", "::1")


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Order(Base):
    text: Mapped[str] = mapped_column()


class Cart(pydantic.BaseModel):
    items: list[int] = []


def made(url: str, store: Any = None) -> App:
    app = App(docs=False)
    app.use(Database(url, models=Base, migrations=None), Sessions(store))
    return app


def ready(app: App) -> App:
    """The app with its tables, empty."""
    app.seal()
    database = app.plugin(Database)
    database.metadata.drop_all(database.engine)
    database.create_tables()
    return app


@pytest.fixture(params=["memory", "database"])
def store(request: pytest.FixtureRequest, url: str) -> Iterator[Any]:
    if request.param == "memory":
        yield MemorySessions()
        return
    found = DatabaseSessions()
    app = ready(made(url, found))
    yield found
    app.plugin(Database).dispose()


# -- the contract of a store ---------------------------------------------------------------------------------------


def with_field(name: str, value: Any) -> Callable[[StoredSession], StoredSession]:
    return lambda kept: dataclasses.replace(kept, data={"Cart": {**kept.data.get("Cart", {}), name: value}})


def test_what_is_kept_comes_back(store: Any) -> None:
    assert store.load("a" * 64) is None
    long = dataclasses.replace(KEPT, data={"": {"text": "ü€😀\x00" * 30_000}}, user="Änne")
    store.create("a" * 64, long)
    assert store.load("a" * 64) == long


def test_an_update_is_one_step(store: Any) -> None:
    key = "b" * 64
    store.create(key, KEPT)
    known = store.load(key)
    first = store.update(key, known, with_field("b", 2))
    assert (first.data, first.version) == ({"Cart": {"a": 1, "b": 2}}, 2)
    second = store.update(key, known, with_field("c", 3))  # What it knows is no longer what is kept.
    assert (second.data, second.version) == ({"Cart": {"a": 1, "b": 2, "c": 3}}, 3)
    assert store.load(key) == second


def test_what_has_ended_does_not_begin_again(store: Any) -> None:
    key = "c" * 64
    store.create(key, KEPT)
    store.delete([key])
    assert store.update(key, KEPT, with_field("b", 2)) is None
    store.touch(key, KEPT)
    assert store.load(key) is None


def test_a_new_key_in_the_same_step(store: Any) -> None:
    key, to = "d" * 64, "e" * 64
    store.create(key, KEPT)
    store.update(key, KEPT, with_field("b", 2), to=to)
    assert (store.load(key), store.load(to).data) == (None, {"Cart": {"a": 1, "b": 2}})
    assert store.update(key, KEPT, with_field("c", 3)) is None
    store.update(to, KEPT, with_field("c", 3), to=key)  # With another version meanwhile.
    assert store.load(key).data == {"Cart": {"a": 1, "b": 2, "c": 3}}


def test_seen_and_swept(store: Any) -> None:
    day = datetime.timedelta(days=1)
    for number in range(5):
        store.create(f"{number}" * 64, KEPT)
    seen = dataclasses.replace(KEPT, seen_at=NOW + day, expires_at=NOW + 2 * day, data={}, version=9)
    store.touch("0" * 64, seen)
    found = store.load("0" * 64)
    assert (found.seen_at, found.expires_at, found.data, found.version) == (NOW + day, NOW + 2 * day, KEPT.data, 1)
    later = NOW + day + datetime.timedelta(seconds=1)
    assert [store.sweep(later, 3) for _ in range(3)] == [3, 1, 0]
    assert store.load("0" * 64) is not None


def test_the_sessions_of_a_user(store: Any) -> None:
    for key, user in (("f" * 64, "ann"), ("1" * 64, "ann"), ("2" * 64, "Ann"), ("3" * 64, None)):
        store.create(key, dataclasses.replace(KEPT, user=user))
    assert {key for key, _ in store.of("ann")} == {"f" * 64, "1" * 64}
    assert store.delete_of("ann", "f" * 64) == 1
    assert [key for key, _ in store.of("ann")] == ["f" * 64]
    assert [key for key, _ in store.of("Ann")] == ["2" * 64]
    assert store.delete_of("ann", None) == 1
    assert store.load("3" * 64) is not None


# -- with the request's own transaction --------------------------------------------------------------------------------


def test_sessions_beside_the_transaction_of_a_request(url: str, colour: Colour) -> None:
    app = made(url)

    @app.post("/order")
    @colour
    def order(db: Session, session: BrowserSession[Cart], messages: Messages, fail: bool = False) -> int:
        db.add(Order(text="x"))
        db.flush()  # It holds a connection, and on SQLite the lock of all writers.
        session.data.items.append(1)
        messages.success("Ordered.")
        if fail:
            raise RuntimeError("broken")
        return len(session.data.items)

    @app.post("/password")
    @colour
    def password(db: Session, session: BrowserSession, sessions: Sessions, fail: bool = False) -> int:
        db.add(Order(text="password"))
        db.flush()
        ended = sessions.revoke_all("ann", but=session)
        if fail:
            raise RuntimeError("broken")
        return ended

    @app.post("/login")
    @colour
    def login(session: BrowserSession) -> None:
        session.user = "ann"

    @app.get("/")
    @colour
    def read(db: Session, session: BrowserSession[Cart]) -> list[int]:
        return [db.scalar(select(func.count()).select_from(Order)) or 0, len(session.data.items)]

    @app.get("/who")
    @colour
    def who(session: BrowserSession) -> str:
        return session.user or "nobody"

    with Client(ready(app), headers=OWN, raise_errors=False) as client, Client(app, headers=OWN) as other:
        assert client.post("/order").json() == 1
        assert client.post("/order").json() == 2
        assert client.post("/order", query={"fail": "true"}).status == 500
        assert client.get("/").json() == [2, 2]
        client.post("/login")
        other.post("/login")
        assert client.post("/password", query={"fail": "true"}).status == 500
        assert other.get("/who").text == "ann"  # The new password is not there, so nobody is logged out for it.
        assert client.post("/password").json() == 1
        assert (client.get("/who").text, other.get("/who").text) == ("ann", "nobody")
        assert client.get("/").json() == [3, 2]


def test_no_request_waits_for_a_connection_that_it_holds(url: str) -> None:
    """More requests at once than there are connections, each of which holds one when its session is loaded."""
    app = made(url)

    @app.post("/begin")
    async def begin(session: BrowserSession[Cart]) -> None:
        session.data.items.append(1)

    @app.get("/")
    async def read(db: Session, session: BrowserSession[Cart]) -> int:
        db.connection()
        db.scalar(select(func.count()).select_from(Order))
        held.append(1)
        while len(held) < 10:
            # Each waits until all connections are held.
            wait(asyncio.sleep(0.01))
        return len(session.data.items)

    held: list[int] = []

    async def ask() -> list[int]:
        async with AsyncClient(app, headers=OWN) as client:
            await client.post("/begin")
            return [each.json() for each in await asyncio.gather(*(client.get("/") for _ in range(30)))]

    ready(app)
    assert asyncio.run(ask()) == [1] * 30


# -- C6: requests at once ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made_of", ["database", "memory"])
def test_C6_parallel_requests_lose_nothing(url: str, colour: Colour, made_of: str) -> None:
    lose_nothing(made(url, MemorySessions() if made_of == "memory" else None), colour, ready)


def lose_nothing(app: App, colour: Colour, ready: Callable[[App], App], many: int = 45) -> None:
    @app.post("/set/{name}")
    @colour
    def write(name: str, session: BrowserSession) -> None:
        session.data[name] = 1

    @app.post("/say/{name}")
    @colour
    def say(name: str, messages: Messages) -> None:
        messages.info(name)

    @app.post("/drop/{name}")
    @colour
    def drop(name: str, session: BrowserSession) -> None:
        session.data.pop(name, None)

    @app.get("/")
    @colour
    def read(session: BrowserSession, messages: Messages) -> list[list[str]]:
        return [sorted(session.data), sorted(each.text for each in messages)]

    async def ask() -> None:
        async with AsyncClient(app, headers=OWN) as client:
            await client.post("/set/first")
            await client.post("/set/old")
            writes = [
                client.post(f"/{kind}/{who}{n}") for n in range(many) for who, kind in (("a", "set"), ("b", "set"))
            ]
            says = [client.post(f"/say/{n}") for n in range(90, 100)]
            drops = [client.post("/drop/old") for _ in range(10)]
            rest = [client.post(f"/set/c{n}") for n in range(2 * many)]
            answers = await asyncio.gather(*writes, *says, *drops, *rest)
            assert {answer.status for answer in answers} == {204}
            data, texts = (await client.get("/")).json()
            assert data == sorted(
                ["first", *(f"{who}{n}" for n in range(many) for who in "ab"), *(f"c{n}" for n in range(2 * many))]
            )
            assert texts == [str(n) for n in range(90, 100)]

    ready(app)
    asyncio.run(ask())


def test_C6_a_session_that_is_revoked_meanwhile_is_never_back(url: str, colour: Colour) -> None:
    never_back(made(url), colour, ready)


def never_back(app: App, colour: Colour, ready: Callable[[App], App]) -> None:
    @app.post("/set/{name}")
    @colour
    def write(name: str, session: BrowserSession) -> None:
        session.data[name] = 1

    @app.post("/rotate")
    @colour
    def rotate(session: BrowserSession) -> None:
        session.rotate()

    @app.post("/revoke")
    @colour
    def revoke(session: BrowserSession) -> None:
        session.revoke()

    @app.get("/")
    @colour
    def read(session: BrowserSession) -> dict[str, int]:
        return session.data

    async def ask() -> None:
        async with AsyncClient(app, headers=OWN) as client:
            for end in ("/revoke", "/rotate"):
                await client.post("/set/secret")
                old = client.cookies["session"]
                jar = {"session": old}

                async def one(path: str, jar: Any = jar) -> Any:
                    async with AsyncClient(app, headers=OWN, cookies=jar) as other:
                        await other.post(path)
                        return other.cookies.get("session")

                paths = [f"/set/k{n}" for n in range(30)]
                paths.insert(15, end)
                left = await asyncio.gather(*(one(path) for path in paths))
                async with AsyncClient(app, headers=OWN, cookies=jar) as thief:
                    assert (await thief.get("/")).json() == {}
                # Nothing that was begun by then has what was in it, but the one that has taken the new id.
                for index, cookie in enumerate(left):
                    if cookie and (index, end) != (15, "/rotate"):
                        async with AsyncClient(app, headers=OWN, cookies={"session": cookie}) as other:
                            assert "secret" not in (await other.get("/")).json()
                client.cookies.clear()

    ready(app)
    asyncio.run(ask())


def test_a_table_that_is_stolen_gives_no_session(url: str) -> None:
    app = made(url)

    @app.post("/")
    def write(session: BrowserSession) -> None:
        session.user = "ann"

    with Client(ready(app), headers=OWN) as client:
        client.post("/")
        with app.session() as db:
            rows = [str(value) for row in db.execute(text("SELECT * FROM browser_session")) for value in row]
        assert client.cookies["session"] not in " ".join(rows) and "ann" in rows
