"""Sessions in a store of the cache: the same contract as in the other stores, and what is this one's own."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from backends.test_cache_stores import Redis
from backends.test_sessions_stores import (
    KEPT,
    NOW,
    OWN,
    Colour,
    lose_nothing,
    never_back,
    test_a_new_key_in_the_same_step,
    test_an_update_is_one_step,
    test_the_sessions_of_a_user,
    test_what_has_ended_does_not_begin_again,
    test_what_is_kept_comes_back,
    with_field,
)
from servers.matrix import free_port
from wholestack import App, SetupError, Text
from wholestack.cache import DatabaseStore, MemoryStore, RedisStore
from wholestack.db import Database
from wholestack.errors import ServiceUnavailable
from wholestack.sessions import BrowserSession, CacheSessions, Sessions
from wholestack.testing import Client

# The contract, which runs here with this module's `store`.
CONTRACT = (
    test_a_new_key_in_the_same_step,
    test_an_update_is_one_step,
    test_the_sessions_of_a_user,
    test_what_has_ended_does_not_begin_again,
    test_what_is_kept_comes_back,
)
DAY = datetime.timedelta(days=1)
KEY = "a" * 64


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(params=["memory", "redis"])
def values(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A store of values, empty."""
    if request.param == "memory":
        yield MemoryStore()
        return
    found = RedisStore(request.getfixturevalue("redis").url, timeout=20)
    found.clear()
    yield found
    found.close()


@pytest.fixture
def store(values: Any) -> CacheSessions:
    return CacheSessions(values)


def app_with(store: CacheSessions, **options: Any) -> App:
    app = App(docs=False, threads=60)
    app.use(Sessions(store, **options))
    return app


def test_C6_parallel_requests_lose_nothing(store: CacheSessions, colour: Colour) -> None:
    lose_nothing(app_with(store), colour, lambda app: app, 10)


def test_C6_a_session_that_is_revoked_meanwhile_is_never_back(store: CacheSessions, colour: Colour) -> None:
    never_back(app_with(store), colour, lambda app: app)


def test_idle_and_absolute_limits(store: CacheSessions, colour: Colour) -> None:
    now = [NOW]
    app = app_with(store, idle=3600, lifetime=7200, clock=lambda: now[0])

    @app.post("/login")
    @colour
    def login(session: BrowserSession) -> None:
        session.user = "ann"

    @app.get("/")
    @colour
    def who(session: BrowserSession) -> str:
        return session.user or "nobody"

    def seen_after(minutes: int) -> str:
        now[0] += datetime.timedelta(minutes=minutes)
        return client.get("/").text

    with Client(app, headers=OWN) as client:
        client.post("/login")
        assert [seen_after(50), seen_after(50), seen_after(50)] == ["ann", "ann", "nobody"], "the absolute limit"
        client.post("/login")
        assert [seen_after(59), seen_after(61)] == ["ann", "nobody"], "the idle limit"


def test_devices_are_listed_and_ended(store: CacheSessions, colour: Colour) -> None:
    app = app_with(store)

    @app.post("/login")
    @colour
    def login(session: BrowserSession) -> None:
        session.user = "ann"

    @app.post("/others")
    @colour
    def end_others(session: BrowserSession, sessions: Sessions) -> int:
        return sessions.revoke_all("ann", but=session)

    @app.get("/")
    @colour
    def who(session: BrowserSession, sessions: Sessions) -> list[Any]:
        return [session.user, len(sessions.of("ann"))]

    with Client(app, headers=OWN) as one, Client(app, headers=OWN) as other:
        one.post("/login")
        one.post("/login")  # Again: the old id is dead, and no device more.
        other.post("/login")
        assert one.get("/").json() == ["ann", 2]
        assert one.post("/others").json() == 1
        assert (one.get("/").json(), other.get("/").json()) == (["ann", 1], [None, 1])


def test_a_session_ends_in_the_store_by_itself(values: Any, store: CacheSessions) -> None:
    kept = dataclasses.replace(KEPT, expires_at=NOW + datetime.timedelta(milliseconds=30), user=None)
    store.create(KEY, kept)
    ended = threading.Event()
    while store.load(KEY) is not None:
        ended.wait(0.01)
    assert store.sweep(NOW + DAY, 10) == 0 and store.update(KEY, kept, with_field("b", 2)) is None


def test_it_is_noted_that_a_session_is_used(values: Any, store: CacheSessions) -> None:
    store.create(KEY, KEPT)
    seen = dataclasses.replace(KEPT, seen_at=NOW + DAY, expires_at=NOW + 2 * DAY, data={}, version=9)
    store.touch(KEY, seen)
    found = store.load(KEY)
    assert found is not None
    assert (found.seen_at, found.expires_at, found.data, found.version) == (NOW + DAY, NOW + 2 * DAY, KEPT.data, 1)
    # The list has the later end, and lets one go whose end is over when the next one comes.
    later = dataclasses.replace(KEPT, seen_at=NOW + 4 * DAY, expires_at=NOW + 5 * DAY)
    store.create("b" * 64, later)
    assert [key for key, _ in store.of("ann")] == ["b" * 64]


def test_a_user_whose_list_is_gone_logs_in_again(values: Any, store: CacheSessions) -> None:
    """A store that is full throws away what it likes: a session must not outlive the list by which it is ended."""
    store.create(KEY, KEPT)
    store.create("b" * 64, dataclasses.replace(KEPT, user=None))
    lists = list_of(values)
    values.delete(lists)
    assert store.load(KEY) is None and store.of("ann") == []
    assert store.load("b" * 64) is not None, "a visitor has none"


def test_a_session_that_takes_a_new_key_ends_with_all_others(store: CacheSessions, monkeypatch: Any) -> None:
    """Its user ends all of them while it does: they are off the list, and what is kept of them is still to be deleted."""
    store.create(KEY, KEPT)

    def ends_meanwhile(kept: Any) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(store, "_forget", lambda keys: None)
            assert store.delete_of("ann", None) == 1
        return kept

    store.update(KEY, KEPT, ends_meanwhile, to="b" * 64)
    assert [store.load(KEY), store.load("b" * 64), store.of("ann")] == [None, None, []]


def list_of(values: Any) -> list[str]:
    """The names of lists in a store."""
    if isinstance(values, MemoryStore):
        return [name for name in values._kept if name.startswith("u")]
    return [key.decode().partition(":")[2] for key in values._connected().scan_iter("cache:u*")]


def test_what_is_kept_gives_no_session(values: Any, store: CacheSessions) -> None:
    """Who reads the store learns no cookie, and cannot make a session of what is none."""
    app = app_with(store)

    @app.post("/")
    def write(session: BrowserSession) -> Text:
        session.data["a"] = 1
        return Text(session.key or "")

    with Client(app, headers=OWN) as client:
        client.post("/")
        names = [*values._kept] if isinstance(values, MemoryStore) else [*map(str, values._connected().keys())]
        assert len(names) == 1 and client.cookies["session"] not in names[0]
    values.set(names[0].strip("b'").rpartition(":")[2], b"[]", 60)
    assert store.load(KEY) is None


def test_a_store_that_is_away_is_told(colour: Colour, caplog: pytest.LogCaptureFixture) -> None:
    store = CacheSessions(RedisStore(f"redis://127.0.0.1:{free_port()}/0"))
    app = app_with(store)

    @app.get("/")
    @colour
    def who(session: BrowserSession) -> str:
        return session.user or "nobody"

    with Client(app, headers=OWN, raise_errors=False) as client:
        answer = client.get("/", headers={"cookie": f"session={'x' * 43}"})
        assert (answer.status, answer.json()["code"]) == (503, "sessions-away") and answer.headers["retry-after"]
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        store.load(KEY)
    assert sum("does not answer" in each.getMessage() for each in caplog.records) == 1


def test_a_table_of_sqlite_is_refused() -> None:
    app = App(docs=False)
    app.use(Database("sqlite://"), Sessions(CacheSessions(DatabaseStore())))
    with pytest.raises(SetupError, match="one writer"):
        app.seal()
