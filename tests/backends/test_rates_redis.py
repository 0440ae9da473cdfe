"""Rates that are counted in Redis: the contract of all stores, and what is Redis' own."""

from __future__ import annotations

import contextlib
import itertools
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from backends.test_cache_stores import Redis
from databases import until
from middleware.store_contracts import RateStoreContract
from servers.matrix import free_port
from wholestack import App, SetupError
from wholestack.cache import MemoryStore, RedisStore
from wholestack.middleware import Rate, RateLimit, RateStore, RedisRateStore, rate_limit
from wholestack.testing import Client

PROCESS = Path(__file__).with_name("rates_process.py")
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def server(redis: Redis) -> Iterator[Callable[..., RedisStore]]:
    """Makes a store as each process makes one; all of a test see the same values, which are none at first."""
    prefix = f"rates{next(_numbers)}"
    with contextlib.ExitStack() as stack:

        def made(**options: Any) -> RedisStore:
            store = RedisStore(redis.url, **{"prefix": prefix, "timeout": 20, **options})
            stack.callback(store.close)
            return store

        yield made


class TestRedisRateStore(RateStoreContract):
    @pytest.fixture
    def store(self, server: Callable[..., RedisStore]) -> RateStore:
        return RedisRateStore(server())


def kept(store: RedisStore) -> dict[str, int]:
    """What is kept under the store's prefix, and for how many milliseconds it still is."""
    found = store.run("return redis.call('KEYS', KEYS[1])", ["*"])
    names = [name.decode().partition(":")[2] for name in found]
    return {name: store.run("return redis.call('PTTL', KEYS[1])", [name]) for name in names}


# -- how it counts -----------------------------------------------------------------------------------------------------


def test_two_stores_share_a_count(server: Callable[..., RedisStore]) -> None:
    first, second, rate = RedisRateStore(server()), RedisRateStore(server()), Rate(3, 3600)
    taken = [each.take("ann", rate) for each in (first, second, first, second)]
    assert [each.allowed for each in taken] == [True, True, True, False]
    assert [each.remaining for each in taken] == [2, 1, 0, 0]
    assert 1199 < taken[3].retry_after <= 1200 and 3599 < taken[3].reset <= 3600


def test_of_processes_at_the_edge_as_many_pass_as_may(redis: Redis) -> None:
    command = [sys.executable, str(PROCESS), redis.url, "100", "150"]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(subprocess.Popen(command, **pipes)) for _ in range(3)]
        for each in processes:
            assert each.stdout is not None and each.stdout.readline() == "ready\n"
        with ThreadPoolExecutor(3) as threads:
            passed = [int(output) for output, _ in threads.map(lambda each: each.communicate("\n", 60), processes)]
    # An hour's share of one comes back in 36 seconds.
    assert sum(passed) == 100, passed


def test_a_rate_that_has_no_end_of_digits(server: Callable[..., RedisStore]) -> None:
    """Each share of it is a number that is rounded, a thousand times."""
    store, rate = RedisRateStore(server()), Rate(1000, 7 * 86400)
    taken = [store.take("ann", rate) for _ in range(1001)]
    assert [each.remaining for each in taken] == [*range(999, -1, -1), 0]
    assert [each.allowed for each in taken].count(False) == 1


def test_E14_the_servers_clock_counts(server: Callable[..., RedisStore], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines whose clocks differ by an hour see the same moment."""
    import time

    first, second, rate = RedisRateStore(server()), RedisRateStore(server()), Rate(1, 60)
    assert first.take("ann", rate).allowed
    now, moment = time.time, time.monotonic
    monkeypatch.setattr(time, "time", lambda: now() + 3600)
    monkeypatch.setattr(time, "monotonic", lambda: moment() + 3600)
    assert not second.take("ann", rate).allowed


def test_E14_a_clock_that_was_put_back_keeps_nobody_waiting_for_longer(server: Callable[..., RedisStore]) -> None:
    store, bare, rate = RedisRateStore(server()), server(), Rate(2, 60)
    assert store.take("ann", rate).allowed
    (name,) = kept(bare)
    bare.run("return redis.call('SET', KEYS[1], '9e9')", [name])
    assert 29 < store.take("ann", rate).retry_after <= 30
    bare.run("return redis.call('SET', KEYS[1], 'nonsense')", [name])
    assert store.take("ann", rate).remaining == 1


def test_what_is_kept_says_nothing_of_whom_it_is_and_ends(server: Callable[..., RedisStore]) -> None:
    store, bare = RedisRateStore(server()), server()
    store.take("limit:at:192.0.2.7", Rate(2, 120))
    store.take("limit:by:ann@example.org", Rate(9, 999_999 * 86400))
    found = kept(bare)
    assert {len(each) for each in found} == {len("rate:") + 32}
    assert not any(each in repr(found) for each in ("ann", "192.0", "limit"))
    assert sorted(round(each / 60_000) for each in found.values()) == [1, 159_999_840]
    store.take("short", Rate(1, 0.05))
    until(lambda: len(kept(bare)) == 2, 5)


# -- in an app, and where the server is away ---------------------------------------------------------------------------


def site(store: Any, colour: Callable[[Any], Any]) -> App:
    app = App(docs=False)
    app.use(RateLimit(store=store))
    app.get("/", needs=rate_limit("2/h", name="home"))(colour(home))
    return app


def home() -> str:
    return "home"


def test_processes_of_an_app_count_together(
    server: Callable[..., RedisStore], colour: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    stores = [server(), server()]
    apps = [site(store, colour) for store in stores]
    with Client(apps[0]) as first, Client(apps[1]) as second:
        answers = [each.get("/") for each in (first, second, first, second)]
        assert [each.status for each in answers] == [200, 200, 429, 429]
        assert answers[1].headers["ratelimit"].startswith('"home";r=0;t=')
        assert 1 <= int(answers[3].headers["retry-after"]) <= 1800
        assert [fault.code for check in apps[0].checks for fault in check()] == []
    assert [store._client for store in stores] == [None, None], "its connections are closed with the app"


@pytest.mark.parametrize("way", ["gone", "silent"])
def test_each_process_counts_by_itself_while_redis_is_away(
    redis: Redis,
    server: Callable[..., RedisStore],
    way: str,
    colour: Callable[[Any], Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="wholestack.rates")
    apps = [site(server(timeout=0.3), colour) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(Client(app)) for app in apps)
        assert first.get("/").status == 200
        away = stack.enter_context(contextlib.ExitStack())
        if way == "silent":
            away.enter_context(redis.stopped())
        else:
            redis.kill()
        for client in (first, second):
            assert [client.get("/").status for _ in range(3)] == [200, 200, 429]
        assert sum("does not answer" in each.getMessage() for each in caplog.records) == 2, "once for each process"
        away.close()
        if way == "gone":
            redis.start()

        def are_back() -> bool:
            for client in (first, second):
                client.get("/")
            return sum("answers again" in each.getMessage() for each in caplog.records) == 2

        until(are_back, 20)


def test_a_server_that_was_never_there() -> None:
    seconds = [0.0]
    server = RedisStore(f"redis://127.0.0.1:{free_port()}/0", timeout=0.3)
    store = RedisRateStore(server, clock=lambda: seconds[0])
    for moment in (0.0, 0.5, 2.0):
        seconds[0] = moment
        assert store.take("ann", Rate(3, 60)).allowed
    assert not store.take("ann", Rate(3, 60)).allowed


def test_a_store_that_counts_nothing_is_refused() -> None:
    other: Any = MemoryStore()
    with pytest.raises(SetupError, match="bad-guard"):
        RateLimit("1/minute", store=other)


def test_what_it_is_is_said_without_secrets() -> None:
    store = RateLimit(store=RedisStore("redis://:secret@127.0.0.1:6379/0")).store
    assert repr(store) == "<RedisRateStore in <RedisStore redis://127.0.0.1:6379/0>>"
    assert isinstance(store, RedisRateStore) and store.waits and store.shared
