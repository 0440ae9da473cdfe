"""Tries to log in, counted in Redis and in memory: the same contract as on the databases, and what is Redis' own."""

from __future__ import annotations

import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData

from backends.test_auth_throttle import (
    Clock,
    Made,
    ann,
    clock,
    home,
    test_counts_are_those_of_memory,
    test_in_either_colour,
    test_none_waits_for_another_that_waits_for_it,
    test_of_many_from_everywhere_as_many_pass_as_may,
    test_of_processes_at_the_edge_one_passes,
    test_of_two_at_the_edge_one_passes,
    throttle,
    wait,
)
from backends.test_cache_stores import Redis
from databases import until
from servers.matrix import free_port
from wholestack import App, SetupError, TooManyRequests
from wholestack.auth import Accounts, Auth, Passwords, Throttle, UserMixin
from wholestack.auth._throttle_limits import Limit
from wholestack.auth._throttle_redis import RedisTries
from wholestack.auth._throttle_stores import MemoryTries
from wholestack.cache import Cache, Caching, MemoryStore, RedisStore
from wholestack.db import Database, Model, Table
from wholestack.errors import ServiceUnavailable
from wholestack.settings import SigningKeys
from wholestack.testing import Client

# The contract and its fixtures, which are here with this module's `made` and `shared`.
CONTRACT = (
    test_counts_are_those_of_memory,
    test_in_either_colour,
    test_none_waits_for_another_that_waits_for_it,
    test_of_many_from_everywhere_as_many_pass_as_may,
    test_of_processes_at_the_edge_one_passes,
    test_of_two_at_the_edge_one_passes,
)
FIXTURES = (ann, clock, throttle)


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Climber(UserMixin, Base):
    pass


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def shared(redis: Redis) -> str:
    return redis.url


@pytest.fixture(params=["memory", "redis"])
def made(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Made]:
    """As another process would have it, of Redis; of memory, as another thread."""
    memory = MemoryTries()
    with contextlib.ExitStack() as stack:

        def made(**limits: Any) -> Throttle:
            if request.param == "memory":
                found = Throttle(store="memory", clock=clock, **limits)
                found._store = memory
            else:
                store = RedisStore(request.getfixturevalue("redis").url, timeout=20)
                stack.callback(store.close)
                found = Throttle(store=store, clock=clock, **limits)
            found.setup(App(docs=False), SigningKeys("s" * 32))
            return found

        yield made


@pytest.fixture
def store(redis: Redis) -> Iterator[RedisStore]:
    """The server, with nothing in it."""
    found = RedisStore(redis.url, timeout=20)
    found.run("redis.call('FLUSHALL') return 0", [])
    yield found
    found.close()


def keys(store: RedisStore) -> dict[str, int]:
    """What is kept, and for how many milliseconds it still is."""
    found = store.run("return redis.call('KEYS', '*')", [])
    bare = RedisStore(store._url, prefix="x", timeout=20)
    times = {name.decode(): bare.run("return redis.call('PTTL', ARGV[1])", [], name) for name in found}
    bare.close()
    return times


# -- how it counts ---------------------------------------------------------------------------------------------------


def test_limits_in_lua_are_those_in_python(store: RedisStore) -> None:
    """Any limits, at any moments, also at halves, which are rounded to the even one."""
    chance = random.Random(7)
    for number in range(60):
        redis, memory, now = RedisTries(store), MemoryTries(), 1_700_000_000.0
        first = chance.choice([0.25, 1.0, 3.0])
        given = {"longest": first * chance.choice([1.0, 5.0, 900.0]), "forgets": chance.choice([4.0, 60.0, 3600.0])}
        limits = {
            f"{number} {each}": Limit(chance.randint(1, 4), first, **given) for each in range(chance.randint(1, 3))
        }
        for _ in range(40):
            found = [each.count(limits, now) for each in (redis, memory)]
            assert found[0] == found[1], (number, limits, now)
            if chance.random() < 0.2:
                forget = [key for key in limits if chance.random() < 0.3]
                back = {key: limit for key, limit in limits.items() if key not in forget}
                for each in (redis, memory):
                    each.passed(forget, back, now)
            now += chance.choice([0.0, 0.5, 2.0, found[0], found[0] / 2, 30.0, 1800.0, 7200.0, -1.0])


def test_of_several_keys_all_count_or_none(store: RedisStore) -> None:
    tries, limit = RedisTries(store), Limit(1, 60.0, 60.0, 60.0)
    assert tries.count({"a": limit}, 1.0) == 0
    assert tries.count({"b": limit, "a": limit}, 1.0) == 60
    assert len(keys(store)) == 1


def test_the_servers_clock_counts_where_none_is_given(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines whose clocks differ by an hour see the same moment."""
    throttle = Throttle(store=store, pair={"free": 1, "first": 1.0})
    assert wait(throttle, "ann@example.org", "192.0.2.7") == 0
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600)
    assert wait(throttle, "ann@example.org", "192.0.2.7") == 1
    monkeypatch.setattr(time, "time", now)
    until(lambda: wait(throttle, "ann@example.org", "192.0.2.7") == 0, 10)


def test_what_is_kept_says_nothing_of_who_was_tried_and_ends(store: RedisStore) -> None:
    throttle = Throttle(store=store)
    throttle.setup(App(docs=False), SigningKeys("s" * 32))
    throttle.take("ann@example.org", "192.0.2.7")
    throttle.take("ann@example.org", "192.0.2.7", device="laptop")
    found = keys(store)
    assert len(found) == 5 and {len(each) for each in found} == {len("cache:login:") + 64}
    assert not any(each in repr(found) for each in ("ann", "192.0", "laptop"))
    minutes = sorted(round(each / 60_000) for each in found.values())
    assert minutes == [1, 60, 60, 60, 60]  # As each is forgotten.
    throttle.passed("ann@example.org", "192.0.2.7")
    # The device's own is there, and that of all devices; what was given back ends at once, and may be listed still.
    assert [round(each / 60_000) for each in keys(store).values() if each > 0] == [60, 60]


def test_a_cache_may_lie_in_the_same_store(store: RedisStore) -> None:
    app = App(docs=False)
    throttle = Throttle(store=store, pair={"free": 1})
    app.use(Caching(store))

    @app.post("/")
    def use(cache: Cache) -> int:
        throttle.take("ann@example.org", "192.0.2.7")
        return cache.increment("ann@example.org")

    with Client(app) as client:
        assert [client.post("/").status for _ in range(2)] == [200, 429]
        assert app.plugin(Caching).cache().get("ann@example.org") == 1


# -- in an app, and where the server is away -------------------------------------------------------------------------


@contextlib.contextmanager
def site(store: RedisStore, colour: Callable[[Any], Any]) -> Iterator[tuple[Client, Throttle]]:
    app = App(title="The peak", docs=False)
    database = Database("sqlite://", models=Base, migrations=None)
    throttle = Throttle(store=store, pair={"free": 2})
    app.use(database, Auth(Climber, throttle=throttle, passwords=Passwords(memory=8, passes=1)))

    @app.post("/password")
    @colour
    def set_password(accounts: Accounts[Climber], to: str) -> None:
        climber = accounts.find("ann@example.org")
        assert climber is not None
        accounts.set_password(climber, to)

    with Client(app) as client:
        database.create_tables()
        with app.session() as db:
            app.plugin(Auth).accounts(app, db).create("ann@example.org", "correct horse battery")
        yield client, throttle
    assert store._client is None, "its connections are closed with the app"


def log_in(client: Client, password: str) -> tuple[int, str]:
    answer = client.post("/account/login", json={"email": "ann@example.org", "password": password}, follow=False)
    return answer.status, answer.json().get("code", "") if answer.status >= 400 else ""


def test_logins_are_counted_in_redis(store: RedisStore, colour: Callable[[Any], Any]) -> None:
    with site(store, colour) as (client, _):
        assert [log_in(client, "wrong")[0] for _ in range(3)] == [422, 422, 429]
        assert "login_tries" not in client.app.plugin(Database).metadata.tables
        client.post("/password?to=battery horse correct").expect(204)  # Its owner does not go on waiting.
        assert log_in(client, "wrong")[0] == 422


@pytest.mark.parametrize("way", ["gone", "silent"])
def test_nobody_is_let_log_in_while_redis_is_away(
    redis: Redis, way: str, colour: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="wholestack.auth")
    store = RedisStore(redis.url, prefix=f"away-{way}-{colour.__name__}", timeout=0.3)
    with contextlib.ExitStack() as stack, site(store, colour) as (client, throttle):
        if way == "silent":
            away = stack.enter_context(contextlib.ExitStack())
            away.enter_context(redis.stopped())
        else:
            redis.kill()
        for password in ("wrong", "correct horse battery"):
            answer = client.post("/account/login", json={"email": "ann@example.org", "password": password})
            assert (answer.status, answer.json()["code"]) == (503, "throttle-away") and answer.headers["retry-after"]
        client.post("/password?to=battery horse correct").expect(204)  # What proves itself otherwise goes on.
        throttle.passed("ann@example.org", "192.0.2.7")
        assert sum("does not answer" in each.getMessage() for each in caplog.records) == 1
        if way == "silent":
            away.close()
        else:
            redis.start()
        until(lambda: log_in(client, "battery horse correct")[0] in {200, 303}, 20)


def test_a_server_that_was_never_there() -> None:
    throttle = Throttle(store=RedisStore(f"redis://127.0.0.1:{free_port()}/0", timeout=0.3))
    with pytest.raises(ServiceUnavailable, match="try again a little later"):
        throttle.take("ann@example.org", "192.0.2.7")


def test_a_store_that_runs_no_scripts_is_refused(store: RedisStore) -> None:
    others: Any = MemoryStore()
    with pytest.raises(SetupError, match="bad-login-setting"):
        Throttle(store=others)
    throttle = Throttle(store=store)
    throttle.take("ann@example.org", home("ann7@example.org"))  # Nothing has to be set up for it.
    with pytest.raises(TooManyRequests):
        for _ in range(5):
            throttle.take("ann@example.org", home("ann7@example.org"))
