"""Tries to log in, counted on each database: the same counts as in memory, exactly at the edge, swept afterwards.

What holds for every store, `test_auth_throttle_redis` runs as well, with Redis and with memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

import databases
from wholestack import App, TooManyRequests
from wholestack.auth import Throttle
from wholestack.db import Database, Model, Table
from wholestack.settings import SigningKeys
from wholestack.testing import AsyncClient, Client

Made = Callable[..., Throttle]
PROCESS = str(Path(__file__).with_name("throttle_process.py"))
_names = itertools.count()


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    """With the table in it, as one process has it."""
    app = App(docs=False)
    found = Database(url, models=Base, migrations=None)
    app.use(found)
    app.seal()
    Throttle().setup(app)
    found.create_tables()
    yield found
    found.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(database: Database, clock: Clock) -> Made:
    """As another process would have it: nothing but the table and the secret is shared."""

    def made(**limits: Any) -> Throttle:
        app = App(docs=False)
        app.plugins.append(database)
        throttle = Throttle(clock=clock, **limits)
        throttle.setup(app, SigningKeys("s" * 32))
        return throttle

    return made


@pytest.fixture
def shared(database: Database, url: str) -> str:
    """Where other processes find the counts."""
    return url


@pytest.fixture
def throttle(made: Made) -> Throttle:
    return made()


@pytest.fixture
def ann() -> str:
    """An account that no other test has tried."""
    return f"ann{next(_names)}@example.org"


def home(ann: str) -> str:
    """An address that no other test has tried from."""
    return f"192.0.{ann[3:-12]}.7"


def wait(throttle: Throttle, account: str, address: str | None = None, device: str | None = None) -> int:
    try:
        throttle.take(account, address or home(account), device=device)
    except TooManyRequests as error:
        return int(error.headers["retry-after"])
    return 0


def rows(url: str) -> list[Any]:
    return databases.rows(url, "SELECT * FROM login_tries")


def test_counts_are_those_of_memory(throttle: Throttle, clock: Clock, ann: str) -> None:
    """The same tries, at the same moments, with the same outcome."""
    memory = Throttle(store="memory", clock=clock)
    for number in range(120):
        address, device = f"198.51.{ann[3:-12]}.{number % 3}", "laptop" if number % 5 == 4 else None
        found = [wait(each, ann, address, device) for each in (throttle, memory)]
        assert found[0] == found[1]
        if number % 17 == 16 and found == [0, 0]:
            for each in (throttle, memory):
                each.passed(ann, address, device=device)
        clock.now += number % 7


def test_of_two_at_the_edge_one_passes(made: Made, clock: Clock, ann: str) -> None:
    """The race at the edge (row C16): 20 threads, and two processes' worth of throttles."""
    both = [made() for _ in range(2)]
    for _ in range(4):
        both[0].take(ann, home(ann))
    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(lambda number: wait(both[number % 2], ann), range(20)))
    assert sorted(found) == [0] + [1] * 19
    clock.now += 1
    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(lambda number: wait(both[number % 2], ann), range(20)))
    assert sorted(found) == [0] + [2] * 19


def test_of_processes_at_the_edge_one_passes(shared: str, ann: str) -> None:
    """The race at the edge (row C16), by four processes with five threads each: of twenty tries five are free."""
    command = [sys.executable, PROCESS, shared, ann, home(ann), "5"]
    with contextlib.ExitStack() as stack:
        begun = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(4)
        ]
        for each in begun:
            assert each.stdout is not None and each.stdout.readline() == "ready\n"
        for each in begun:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        found = [wait for each in begun for wait in json.loads(each.communicate(timeout=60)[0])]
    assert sorted(found) == [0] * 5 + [1] * 15


def test_of_many_from_everywhere_as_many_pass_as_may(throttle: Throttle, ann: str) -> None:
    """Keys that are new, and each try under three of them, one of which all share."""
    with ThreadPoolExecutor(20) as threads:
        found = list(threads.map(lambda number: wait(throttle, ann, f"203.0.113.{number}"), range(60)))
    assert found.count(0) == 6 and set(found) == {0, 2}


def test_none_waits_for_another_that_waits_for_it(made: Made, ann: str) -> None:
    """Accounts and addresses crosswise, and logins that are right in between: no deadlock, and nothing is lost."""
    throttle = made(pair={"free": 100}, account={"free": 1000}, address={"free": 1000})

    def one(number: int) -> int:
        account, address = f"{number % 3}{ann}", f"10.9.{ann[3:-12]}.{number // 3 % 3}"
        found = wait(throttle, account, address)
        if number % 10 == 9:
            throttle.passed(f"x{account}", address)
        return found

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(one, range(120))) == {0}


def test_in_either_colour(throttle: Throttle, ann: str, colour: Callable[[Any], Any]) -> None:
    app = App(docs=False)

    def provided() -> Throttle:
        return throttle

    app.provide(provided, waits=True)

    @app.post("/login")
    @colour
    def login(found: Throttle) -> str:
        found.take(ann, home(ann))
        return "in"

    @app.post("/right")
    @colour
    def right(found: Throttle) -> str:
        found.passed(ann, home(ann))
        return "in"

    async def ask() -> list[int]:
        async with AsyncClient(app) as client:
            answers = await asyncio.gather(*(client.post("/login") for _ in range(12)))
            await client.post("/right")
            return [each.status for each in [*answers, await client.post("/login")]]

    first, last = (found := asyncio.run(ask()))[:-1], found[-1]
    assert (first.count(200), first.count(429), last) == (5, 7, 200)


def test_the_table_says_nothing_of_who_was_tried(throttle: Throttle, url: str, ann: str) -> None:
    throttle.take(ann, home(ann), device="laptop")
    throttle.take(ann, home(ann))
    text = repr(rows(url))
    assert not any(each in text for each in (ann, ann[:-12], home(ann), "laptop"))
    assert {len(row[0]) for row in rows(url)} == {64}


def test_what_counts_no_more_is_swept(throttle: Throttle, url: str, clock: Clock, ann: str) -> None:
    clock.now += 10 * 365 * 86400
    store: Any = throttle._store
    while store.sweep(clock.now):
        pass
    assert rows(url) == []
    for number in range(199):
        throttle.take(f"{number}{ann}", f"10.1.1.{number}")
    assert len(rows(url)) == 3 * 199
    clock.now += 3599
    throttle.take(ann, home(ann))  # The two hundredth sweeps: after an hour the rows of addresses count no more.
    assert len(rows(url)) == 2 * 199 + 3
    clock.now += 2
    assert store.sweep(clock.now) == 2 * 199


def test_a_row_that_is_swept_meanwhile_is_made_again(throttle: Throttle, ann: str) -> None:
    store: Any = throttle._store
    kept = store._units.reading

    class Units:
        """Between the first look and the lock another process sweeps."""

        swept = 0

        def reading(self) -> Any:
            return kept()

        def opened(self, mode: Any) -> Any:
            self.swept += 1
            if self.swept == 2:
                store.sweep(1e12)
            return real.opened(mode)

    real, store._apart = store._apart, Units()
    throttle.take(ann, home(ann))
    assert store._apart.swept >= 3
    store._apart = real
    assert wait(throttle, ann) == 0


def test_in_a_test_that_is_rolled_back_it_is_part_of_it(url: str, ann: str) -> None:
    app = App(docs=False)
    found = Database(url, models=Base, migrations=None)
    app.use(found)
    throttle = Throttle(clock=lambda: 1.0)
    throttle.setup(app, SigningKeys("s" * 32))

    def provided() -> Throttle:
        return throttle

    app.provide(provided, waits=True)

    @app.post("/login")
    def login(found: Throttle) -> str:
        found.take(ann, home(ann))
        return "in"

    app.seal()
    found.create_tables()
    before = len(rows(url))
    with Client(app) as client, found.rolled_back():
        assert [client.post("/login").status for _ in range(7)] == [200] * 5 + [429] * 2
    assert len(rows(url)) == before
    found.dispose()
