"""Sessions: what is kept, when, and what the browser is told; in each store, in either colour, on each interface."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydantic
import pytest
from sqlalchemy import MetaData, event
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.exc import StaleDataError
from typing_extensions import TypedDict

from wholestack import App, BadRequest, Redirect, Response, SetupError
from wholestack.db import Database, Session
from wholestack.realtime import Socket
from wholestack.sessions import (
    BrowserSession,
    CookieSessions,
    DatabaseSessions,
    MemorySessions,
    NotRevocable,
    Sessions,
    SessionTooLarge,
)
from wholestack.testing import Client, SocketRefused

OWN = {"sec-fetch-site": "same-origin"}
INTERFACES = pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
STORES = pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions, CookieSessions])
Colour = Callable[[Any], Any]


class Cart(pydantic.BaseModel):
    items: list[int] = []
    note: str = ""


@dataclasses.dataclass
class Theme:
    dark: bool = False
    size: int = 12


class Seen(TypedDict, total=False):
    pages: list[str]


class Clock:
    """The present moment, as a test says."""

    def __init__(self) -> None:
        self.now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)


def made(store: Any = None, *, url: str = "sqlite://", **options: Any) -> App:
    app = App(docs=False)
    app.use(Database(url), Sessions(store() if isinstance(store, type) else store, **options))
    return app


def shop(store: Any, colour: Colour = lambda function: function, **options: Any) -> App:
    """An app with a cart."""
    app = made(store, **options)

    @app.post("/cart/{item}")
    @colour
    def add(item: int, session: BrowserSession[Cart]) -> list[int]:
        session.data.items.append(item)
        return session.data.items

    @app.get("/cart")
    @colour
    def cart(session: BrowserSession[Cart]) -> Cart:
        return session.data

    @app.get("/plain")
    @colour
    def plain(session: BrowserSession[Cart]) -> str:
        return "plain"

    @app.post("/login/{name}")
    @colour
    def login(name: str, session: BrowserSession) -> None:
        session.user = name

    @app.get("/who")
    @colour
    def who(session: BrowserSession) -> str:
        return session.user or "nobody"

    @app.post("/logout")
    @colour
    def logout(session: BrowserSession) -> None:
        session.revoke()

    return app


@INTERFACES
@STORES
def test_what_changes_is_kept(store: Any, interface: Any, colour: Colour) -> None:
    with Client(shop(store, colour), interface=interface, headers=OWN) as client:
        assert client.post("/cart/7").json() == [7]
        assert client.post("/cart/8").json() == [7, 8]
        assert client.get("/cart").json() == {"items": [7, 8], "note": ""}
    assert list(client.cookies) == ["session"]


@STORES
def test_a_visitor_who_stores_nothing_has_no_cookie(store: Any) -> None:
    app = shop(store)
    with Client(app) as client:
        read = client.get("/cart")
        assert "set-cookie" not in read.headers
        assert (read.headers["vary"], read.headers["cache-control"]) == ("cookie", "private")
        plain = client.get("/plain")
        assert "vary" not in plain.headers and "cache-control" not in plain.headers


def test_loading_is_lazy(tmp_path: Path) -> None:
    app = App(docs=False)
    app.use(database := Database(f"sqlite:///{tmp_path / 'a.db'}"), Sessions())
    asked: list[str] = []

    @app.get("/touch/{times}")
    def touch(times: int, session: BrowserSession[Cart], other: BrowserSession[Theme]) -> int:
        for _ in range(times):
            asked.append(f"{len(session.data.items)} {other.data.dark} {session.user}")
        return times

    @app.post("/")
    def write(session: BrowserSession[Cart]) -> None:
        session.data.items.append(1)

    with Client(app, headers=OWN) as client:
        client.post("/")
        statements: list[str] = []
        event.listen(database.engine_for("lazy"), "before_cursor_execute", lambda *given: statements.append(given[2]))
        client.get("/touch/0")
        assert statements == []
        client.get("/touch/3")
        assert [each.split()[0] for each in statements] == ["SELECT"]


def test_each_kind_of_model_and_several_in_one_session() -> None:
    app = made()

    @app.post("/")
    def write(
        cart: BrowserSession[Cart], theme: BrowserSession[Theme], seen: BrowserSession[Seen], free: BrowserSession
    ) -> None:
        cart.data.items.append(1)
        theme.data.dark = True
        seen.data["pages"] = [*seen.data.get("pages", []), "/"]
        free.data["at"] = {"x": [1.5, None, "ü\x00"]}

    @app.get("/")
    def read(
        cart: BrowserSession[Cart], theme: BrowserSession[Theme], seen: BrowserSession[Seen], free: BrowserSession
    ) -> tuple[Cart, Theme, Seen, dict[str, Any]]:
        return cart.data, theme.data, seen.data, free.data

    @app.delete("/cart")
    def clear(cart: BrowserSession[Cart]) -> None:
        cart.clear()

    @app.put("/cart")
    def put(cart: BrowserSession[Cart]) -> None:
        cart.data = Cart(items=[9])

    @app.delete("/free")
    def delete(free: BrowserSession) -> None:
        del free.data["at"]

    with Client(app, headers=OWN) as client:
        client.post("/")
        rest = [{"dark": True, "size": 12}, {"pages": ["/"]}]
        assert client.get("/").json() == [{"items": [1], "note": ""}, *rest, {"at": {"x": [1.5, None, "ü\x00"]}}]
        client.delete("/cart")
        client.delete("/free")
        assert client.get("/").json() == [{"items": [], "note": ""}, *rest, {}]
        client.put("/cart")
        assert client.get("/").json()[0] == {"items": [9], "note": ""}


def test_a_model_that_has_changed() -> None:
    """What a newer release has stored is kept, what does not fit begins anew."""
    store = MemorySessions()
    app = shop(store)

    class Later(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="forbid")
        items: dict[str, int] = {}
        note: str = ""

    Later.__name__ = "Cart"
    other = made(store)

    @other.post("/note/{text}")
    def note(text: str, session: BrowserSession[Later]) -> list[Any]:
        session.data.note = text
        return [session.data.items, session.data.note]

    with Client(app, headers=OWN) as client, Client(other, headers=OWN) as later:
        client.post("/cart/7")
        later.cookies.update(client.cookies)
        assert later.post("/note/x").json() == [{}, "x"]
        assert client.get("/cart").json() == {"items": [7], "note": "x"}


def test_what_a_failed_request_keeps() -> None:
    app = shop(MemorySessions)

    @app.post("/fails/{status}")
    def fails(status: int, session: BrowserSession[Cart], do: str = "") -> Response:
        session.data.items.append(status)
        if do:
            getattr(session, do)()
        if status == 400:
            raise BadRequest("no")
        if status == 500:
            raise RuntimeError("broken")
        return Response(status=status)

    with Client(app, headers=OWN, raise_errors=False) as client:
        client.post("/fails/500")
        assert "session" not in client.cookies
        for status in (422, 400, 500, 503):
            assert client.post(f"/fails/{status}").status == status
        assert client.get("/cart").json()["items"] == [422, 400]
        before = client.cookies["session"]
        assert client.post("/fails/500", query={"do": "rotate"}).status == 500
        assert client.cookies["session"] != before
        assert client.get("/cart").json()["items"] == [422, 400]
        client.post("/fails/500", query={"do": "revoke"})
        assert "session" not in client.cookies


def test_an_answer_that_a_handler_keeps_gets_nobody_s_cookie() -> None:
    app = shop(MemorySessions)
    kept = Response("the same for all")

    @app.post("/kept")
    def write(session: BrowserSession[Cart]) -> Response:
        session.data.items.append(1)
        return kept

    with Client(app, headers=OWN) as one, Client(app, headers=OWN) as two:
        first, second = one.post("/kept"), two.post("/kept")
        assert len(first.headers.get_all("set-cookie")) == len(second.headers.get_all("set-cookie")) == 1
        assert one.cookies["session"] != two.cookies["session"]
    assert not kept.headers.pairs


@pytest.mark.parametrize(
    ("given", "writes", "sent"),
    [
        (None, False, "private"),
        ("public, max-age=60", False, "public, max-age=60"),
        (None, True, "no-store"),
        ("PRIVATE, max-age=60", True, "PRIVATE, max-age=60"),
        ("public, max-age=60", True, "no-store"),
    ],
)
def test_C17_no_shared_cache_keeps_it(given: str | None, writes: bool, sent: str) -> None:
    app = made(MemorySessions)

    @app.get("/")
    def page(session: BrowserSession[Cart]) -> Response:
        if writes:
            session.data.items.append(1)
        return Response(f"{session.data.items}", headers={"cache-control": given} if given else None)

    with Client(app) as client:
        answer = client.get("/")
        assert (answer.headers["vary"], answer.headers["cache-control"]) == ("cookie", sent)


@STORES
def test_limits_of_time(store: Any) -> None:
    clock = Clock()
    with Client(shop(store, idle=1000, lifetime=5000, clock=clock), headers=OWN) as client:
        client.post("/cart/1")
        client.cookies.update({"session": client.cookies["session"]})  # The test's clock is not the jar's.
        for _ in range(6):  # It is used, so it goes on…
            clock.go(800)
            assert client.get("/cart").json()["items"] == [1]
        clock.go(201)  # … until its lifetime is over.
        assert client.get("/cart").json()["items"] == []
        client.post("/cart/2")
        clock.go(1001)
        assert client.get("/cart").json()["items"] == []  # Nobody has used it.


@STORES
@pytest.mark.parametrize("jump", [-3600, 3600])
def test_E14_the_clock_jumps(store: Any, jump: int) -> None:
    clock = Clock()
    clock.go(7200)
    with Client(shop(store, idle=2 * 3600, lifetime=24 * 3600, clock=clock), headers=OWN) as client:
        client.post("/cart/1")
        client.post("/login/ann")
        for _ in range(4):
            clock.go(jump)
            assert client.post("/cart/2").status == 200
            assert client.get("/who").text == "ann"
            clock.go(-jump)
            assert client.get("/who").text == "ann"
        clock.go(2 * 3600 + 1)
        assert client.get("/who").text == "nobody"


def test_limits_that_become_shorter_hold_for_what_is_there() -> None:
    store, clock = MemorySessions(), Clock()
    with Client(shop(store, clock=clock), headers=OWN) as client:
        client.post("/cart/1")
        clock.go(3600)
        with Client(shop(store, clock=clock, idle=1800), cookies=client.cookies) as shorter:
            assert shorter.get("/cart").json()["items"] == []
        assert client.get("/cart").json()["items"] == [1]


@STORES
def test_C4_a_session_that_the_server_has_not_made_is_never_adopted(store: Any) -> None:
    app = shop(store)
    planted = "A" * 43
    with Client(app, headers=OWN, cookies={"session": planted}) as client:
        client.post("/cart/1")
        first = client.cookies["session"]
        assert planted not in first
        client.post("/login/ann")
        second = client.cookies["session"]
        client.post("/login/bob")  # Another user: a change of what the visitor may do.
        third = client.cookies["session"]
        assert len({first.partition(".")[0], second.partition(".")[0], third.partition(".")[0]}) == 3
        assert client.get("/who").text == "bob"
        client.post("/logout")
        assert "session" not in client.cookies
        client.post("/cart/1")
        assert client.cookies["session"].partition(".")[0] not in first + second + third
    if store is not CookieSessions:
        for dead in (planted, first, second, third):
            with Client(app, cookies={"session": dead}) as other:
                assert other.get("/who").text == "nobody"
                assert other.get("/cart").json()["items"] == []


@STORES
def test_C5_a_copied_cookie_is_dead_after_logout(store: Any) -> None:
    app = shop(store)
    with Client(app, headers=OWN) as client:
        client.post("/login/ann")
        with Client(app, cookies=client.cookies, headers=OWN) as thief:
            assert thief.get("/who").text == "ann"
            client.post("/logout")
            # A signed cookie is good until it expires, which is stated: nothing on the server knows of it.
            dead = store is not CookieSessions
            assert thief.get("/who").text == ("nobody" if dead else "ann")
            # What is written with it begins a session that has nothing of the old one.
            thief.post("/cart/1")
            assert thief.get("/who").text == ("nobody" if dead else "ann")


@pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions])
def test_devices_and_their_ends(store: Any, colour: Colour) -> None:
    app = shop(store, colour)

    @app.get("/devices")
    @colour
    def devices(sessions: Sessions, session: BrowserSession) -> list[list[Any]]:
        found = sessions.of(session.user or "")
        return [[each.agent, each.address, each.key == session.key] for each in found]

    @app.post("/everywhere")
    @colour
    def everywhere(sessions: Sessions, session: BrowserSession, db: Session) -> int:
        db.connection()  # The request's own transaction holds the only connection.
        return sessions.revoke_all("ann", but=session)

    @app.post("/others")
    @colour
    def others(sessions: Sessions, session: BrowserSession) -> None:
        sessions.revoke(*(each.key for each in sessions.of("ann") if each.key != session.key))

    with Client(app, headers=OWN) as one, Client(app, headers={**OWN, "user-agent": "two"}) as two:
        for end in ("/everywhere", "/others"):
            one.post("/login/ann")
            two.post("/login/ann")
            listed = one.get("/devices").json()
            assert sorted(listed) == sorted([[one_agent(listed), "127.0.0.1", True], ["two", "127.0.0.1", False]])
            one.post(end)
            assert (one.get("/who").text, two.get("/who").text) == ("ann", "nobody")
        assert app.plugin(Sessions).revoke_all("ann") == 1
        assert one.get("/who").text == "nobody"


def one_agent(listed: list[list[Any]]) -> str:
    return next(agent for agent, _, mine in listed if mine)


def test_cookies_cannot_be_listed() -> None:
    app = shop(CookieSessions)
    app.seal()
    with pytest.raises(NotRevocable):
        app.plugin(Sessions).of("ann")


def test_a_cookie_that_is_too_large() -> None:
    app = made(CookieSessions)

    @app.post("/{size}")
    def write(size: int, session: BrowserSession[Cart]) -> None:
        session.data.note = "x" * size

    with Client(app, headers=OWN) as client:
        client.post("/2500")
        with pytest.raises(SessionTooLarge, match="DatabaseSessions"):
            client.post("/3000")


def test_a_request_that_is_tried_again_writes_once() -> None:
    app = made()
    turns: list[int] = []

    @app.post("/", retries=3)
    def write(session: BrowserSession[Cart], db: Session) -> None:
        session.data.items.append(len(turns))
        turns.append(1)
        if len(turns) < 3:
            raise StaleDataError("another transaction was faster")

    @app.get("/")
    def read(session: BrowserSession[Cart]) -> Cart:
        return session.data

    with Client(app, headers=OWN) as client:
        client.post("/")
        assert client.get("/").json()["items"] == [2]


@pytest.mark.parametrize("store", [MemorySessions, DatabaseSessions])
def test_expired_rows_are_swept(store: Any, tmp_path: Path) -> None:
    clock = Clock()
    app = shop(store, clock=clock, url=f"sqlite:///{tmp_path / 'a.db'}")
    with Client(app, headers=OWN) as client:
        client.post("/cart/1")
        sessions = app.plugin(Sessions)
        assert sessions.sweep() == 0
        clock.go(20 * 86_400)
        assert sessions.sweep() == 1
        client.post("/cart/1")
        clock.go(20 * 86_400)
        client.cookies.clear()
    with Client(app, headers=OWN, interface="wsgi") as client:
        client.post("/cart/1")  # By itself, after an answer that begins a session.
    assert app.plugin(Sessions).sweep() == 0


def test_they_come_by_themselves() -> None:
    app = App(docs=False)

    @app.post("/")
    def write(session: BrowserSession[Cart]) -> int:
        session.data.items.append(1)
        return len(session.data.items)

    with Client(app, headers=OWN) as client:
        assert [client.post("/").json() for _ in range(3)] == [1, 2, 3]
        assert isinstance(app.plugin(Sessions), Sessions)
        assert client.post("/", headers={"sec-fetch-site": "cross-site"}).status == 403


class Lacking(pydantic.BaseModel):
    name: str


def test_models_that_cannot_be() -> None:
    class Cart(pydantic.BaseModel):  # Another one under the same name.
        items: list[int] = []

    app = made()
    app.get("/lacking")(_asks(BrowserSession[Lacking]))
    app.get("/one")(_asks(BrowserSession[globals()["Cart"]]))  # type: ignore[misc]  # a type that is found by its name
    app.get("/two")(_asks(BrowserSession[Cart]))
    app.get("/number")(_asks(BrowserSession[int]))
    with pytest.raises(SetupError) as caught:
        app.seal()
    assert [fault.code for fault in caught.value.faults] == ["bad-session-model"] * 3
    assert "has none for name" in str(caught.value) and "is no model" in str(caught.value)


def _asks(kind: Any) -> Any:
    def handler(session: Any) -> None: ...

    handler.__annotations__["session"] = kind
    return handler


@pytest.mark.parametrize("options", [{"idle": 0}, {"lifetime": -1}, {"trusted_origins": ["https://a.example/"]}])
def test_options_that_cannot_be(options: Any) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        Sessions(**options)


def test_a_database_store_needs_a_database() -> None:
    app = App(docs=False)
    app.use(Sessions(DatabaseSessions()))
    with pytest.raises(SetupError, match="no-database"):
        app.seal()


def test_a_socket_reads_its_visitor_s_session() -> None:
    app = shop(MemorySessions)

    @app.socket("/live")
    async def live(socket: Socket[str, str], session: BrowserSession[Cart]) -> None:
        async for text in socket:
            session.data.note = text
            await socket.send(str(session.data.items))

    with Client(app, headers=OWN) as client:
        client.post("/cart/7")
        with client.socket("/live") as socket:
            socket.send("noted")
            assert socket.receive() == [7]
        assert client.get("/cart").json()["note"] == "noted"
    with Client(app) as stranger, stranger.socket("/live") as socket:
        socket.send("x")
        assert socket.receive() == []


def test_reprs_hold_no_data() -> None:
    app = made(MemorySessions)

    @app.post("/")
    def write(session: BrowserSession[Cart]) -> Redirect:
        session.data.note = "secret"
        assert repr(session) == "<BrowserSession Cart>"
        return Redirect("/")

    with Client(app, headers=OWN) as client:
        client.post("/")
        assert repr(app.plugin(Sessions)) == "<Sessions <MemorySessions 1>>"


def test_a_socket_of_a_visitor_whose_session_has_ended() -> None:
    """Row C23: refused before it is accepted."""
    app = shop(MemorySessions)

    def has_user(session: BrowserSession) -> bool:
        return session.user is not None

    @app.socket("/live", needs=has_user)
    async def live(socket: Socket[str, str]) -> None:
        await socket.send("7")

    with Client(app, headers=OWN) as client:
        client.post("/login/ann")
        copied = dict(client.cookies)
        with client.socket("/live") as socket:
            assert socket.receive() == 7
        client.post("/logout")
    with Client(app, cookies=copied) as thief, pytest.raises(SocketRefused) as caught, thief.socket("/live"):
        pass
    assert caught.value.answer.status == 403


def test_in_a_test_s_transaction(tmp_path: Path) -> None:
    app = App(docs=False)
    app.use(database := Database(f"sqlite:///{tmp_path / 'a.db'}"))

    @app.post("/")
    def write(db: Session, session: BrowserSession[Cart]) -> int:
        db.connection()
        session.data.items.append(1)
        return len(session.data.items)

    with Client(app, headers=OWN) as client:
        with database.rolled_back():
            assert [client.post("/").json() for _ in range(2)] == [1, 2]
        assert client.post("/").json() == 1


def test_the_table_is_there_for_migrations_where_it_is_used() -> None:
    tables: list[set[str]] = []
    for store in (CookieSessions(), DatabaseSessions()):

        class Base(DeclarativeBase):
            metadata = MetaData()

        app = App(docs=False)
        app.use(Sessions(store), database := Database("sqlite://", models=Base))
        app.seal()
        tables.append(set(database.metadata.tables))
    assert tables == [set(), {"browser_session"}]
