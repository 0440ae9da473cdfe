"""One contract for all stores of the cache: memory, a table on each database, and Redis; and what is each one's own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

import databases
from conftest import find
from databases import until
from servers.matrix import free_port
from wholestack import App, Conflict, Request, Secret, SetupError, Text, wait
from wholestack.cache import Cache, Caching, DatabaseStore, MemoryStore, RedisStore, cached
from wholestack.db import Database, Mapped, Model, Session, Table, mapped_column, select
from wholestack.errors import CannotWait
from wholestack.migrations import differing
from wholestack.sessions import BrowserSession, MemorySessions, Sessions
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]
STORES = ["memory", *databases.KINDS, "redis"]
DATABASES = pytest.mark.parametrize("make", databases.KINDS, indirect=True)


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Price(Base):
    amount: Mapped[int] = mapped_column(default=0)


class Redis:
    """A server of one's own, which may be stopped and killed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.start()

    def start(self) -> None:
        command = [
            find("redis"),
            "--port",
            str(self.port),
            "--save",
            "",
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.folder),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(lambda: self.answers(), 60)

    def answers(self) -> bool:
        try:
            RedisStore(self.url, timeout=10).get(["a"])
        except Exception:
            return False
        return True

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """It neither answers nor closes: what it holds is there afterwards."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="module", params=STORES)
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Any]]:
    """Makes an app whose cache lies in the store, as each process of an app makes one."""
    kind = request.param
    memory = MemoryStore()
    made: list[App] = []
    with contextlib.ExitStack() as stack:
        url = ""
        if kind in databases.KINDS:
            url = stack.enter_context(databases.fresh(kind, tmp_path_factory.mktemp("database")))
        elif kind == "redis":
            url = request.getfixturevalue("redis").url

        def app(**options: Any) -> App:
            app = App(docs=False, threads=60)
            if kind in databases.KINDS:
                app.use(Database(url, models=Base), Caching(DatabaseStore(), **options))
            else:
                app.use(Caching(memory if kind == "memory" else RedisStore(Secret(url), timeout=20), **options))
            made.append(app)
            return app

        app.kind = kind  # type: ignore[attr-defined]  # for tests of one kind
        yield app
        for each in made:
            close(each)


def close(app: App) -> None:
    for plugin in app.plugins:
        if isinstance(plugin, Database):
            plugin.dispose()
    store = app.plugin(Caching).store
    if isinstance(store, RedisStore):
        store.close()


def sealed(app: App) -> App:
    app.seal()
    for plugin in app.plugins:
        if isinstance(plugin, Database):
            plugin.create_tables()
    return app


@pytest.fixture
def store(make: Any) -> Any:
    found = sealed(make()).plugin(Caching).store
    found.clear()
    return found


# -- the contract ------------------------------------------------------------------------------------------------


def test_values(store: Any) -> None:
    store.set("a", b"1\x00\xff", 60)
    store.set("b", b"1234567", float("inf"))
    store.set("c", b"", 60)
    assert store.get(["b", "x", "a", "c"]) == [b"1234567", None, b"1\x00\xff", b""]
    store.set("a", b"2", 60)
    store.set("b", b"text", 60)
    assert store.get(["a", "b"]) == [b"2", b"text"]
    store.delete(["a", "x"])
    assert store.get(["a", "b"]) == [None, b"text"]
    assert store.get([]) == []
    store.set("large", b"x" * 1_000_000, 60)
    assert store.get(["large"]) == [b"x" * 1_000_000]
    store.clear()
    assert store.get(["b", "c"]) == [None, None]
    assert ("1234567" not in repr(store) and "127.0.0.1" in repr(store)) or "Redis" not in repr(store)


def test_times(store: Any) -> None:
    store.set("a", b"1", 0.05)
    store.set("b", b"1", 60)
    assert store.add("c", b"1", 0.05) and not store.add("c", b"2", 60)
    assert store.increment("n", 1, 0.05) == 1
    until(lambda: store.get(["a", "c", "n"]) == [None, None, None])
    assert store.get(["b"]) == [b"1"]
    assert store.add("c", b"3", 60) and store.get(["c"]) == [b"3"]
    assert store.increment("n", 5, 60) == 5


def test_only_one_adds(store: Any) -> None:
    store.set("lock", b"old", 0.001)
    time.sleep(0.01)
    with ThreadPoolExecutor(10) as threads:
        results = [*threads.map(lambda number: store.add("lock", b"l%d" % number, 60), range(10))]
    assert sum(results) == 1
    mine = b"l%d" % results.index(True)
    store.release("lock", b"another's")
    assert store.get(["lock"]) == [mine]
    store.release("lock", mine)
    assert store.get(["lock"]) == [None] and store.add("lock", b"l", 60)


def test_only_one_swaps(store: Any) -> None:
    store.set("a", b"old", 60)
    with ThreadPoolExecutor(10) as threads:
        results = [*threads.map(lambda number: store.swap("a", b"old", b"new %d" % number, 60), range(10))]
    assert sum(results) == 1 and store.get(["a"]) == [b"new %d" % results.index(True)]
    assert not store.swap("none", b"", b"new", 60) and store.get(["none"]) == [None]
    mine = store.get(["a"])[0]
    assert store.swap("a", mine, mine, float("inf")) and store.swap("a", mine, b"short", 0.05)
    until(lambda: store.get(["a"]) == [None])
    assert not store.swap("a", b"short", b"new", 60)


def test_no_count_is_lost(store: Any) -> None:
    with ThreadPoolExecutor(8) as threads:
        counted = sorted(threads.map(lambda _: store.increment("n", 1, 60), range(80)))
    assert counted == [*range(1, 81)]
    assert store.increment("n", -81, 60) == -1 and store.get(["n"]) == [b"-1"]
    store.set("n", b"text", 60)
    assert store.increment("n", 2, 60) == 2, "what is no number begins anew"
    store.set("n", b"40", 60)
    assert store.increment("n", 2, 60) == 42


# -- in an app ---------------------------------------------------------------------------------------------------


def test_in_handlers_of_either_colour(make: Any, colour: Colour) -> None:
    app = make()

    @app.get("/{name}")
    @colour
    def use(name: str, cache: Cache) -> list[Any]:
        cache.clear()
        cache.set(name, {"a": 1}, tags=["x"])
        found = [cache.get(name), cache.increment("n"), cache.get_or_set("m", lambda: [1], type=list[int])]
        cache.delete("m")
        return [*found, cache.get("m"), cache.get(name, type=dict[str, int])]

    @app.get("/answers/{name}")
    @cached(tags=["x"])
    @colour
    def answer(name: str) -> dict[str, float]:
        return {name: time.perf_counter()}

    @app.post("/")
    @colour
    def change(cache: Cache) -> None:
        cache.invalidate("x")

    with Client(sealed(app)) as client:
        assert client.get("/a").json() == [{"a": 1}, 1, [1], None, {"a": 1}]
        first = client.get("/answers/a").json()
        assert client.get("/answers/a").json() == first
        client.post("/")
        assert client.get("/answers/a").json() != first


def test_one_maker_in_all_processes(make: Any, colour: Colour) -> None:
    """Two apps over one store are as two processes: neither knows of the other but by the store."""
    apps = [make(patience=60, lease=60) for _ in range(2)]
    if make.kind == "memory":
        apps = apps[:1]
    made: list[int] = []

    def slow() -> int:
        made.append(1)
        time.sleep(0.3)
        return len(made)

    async def slowly() -> int:
        return await asyncio.to_thread(slow)

    for app in apps:

        @app.get("/")
        @colour
        def value(cache: Cache) -> int:
            return cache.get_or_set("a", slow if colour.__name__ == "plain" else slowly, type=int)

        sealed(app).plugin(Caching).store.clear()

    async def ask() -> list[int]:
        async with AsyncClient(apps[0]) as one, AsyncClient(apps[-1]) as other:
            asked = [each.get("/") for _ in range(25) for each in (one, other)]
            return [answer.json() for answer in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == [1] * 50
    assert len(made) == 1


def test_no_process_waits_for_a_request_that_was_cancelled(make: Any) -> None:
    """It had its answer, and was cancelled where a middleware wrote its session: nothing of it went on."""

    class Slow(MemorySessions):
        waits = True

        def create(self, key: Any, kept: Any) -> None:
            wait(asyncio.sleep(60))

    made: list[int] = []
    apps = [make(patience=60, lease=60) for _ in range(2)]
    if make.kind == "memory":
        apps = apps[:1]
    for app in apps:
        app.use(Sessions(Slow()))

        @app.get("/", timeout=0.2)
        @cached(vary=lambda request: 1)
        async def page(request: Request, session: BrowserSession) -> str:
            if not made:
                session.data["a"] = 1
            made.append(1)
            return "page"

        sealed(app).plugin(Caching).store.clear()
    with Client(apps[0]) as one, Client(apps[-1]) as other:
        assert one.get("/").status == 503
        for client in (other, one):
            begun = time.monotonic()
            assert client.get("/").text == "page" and time.monotonic() - begun < 20
    assert len(made) == 2


def test_the_loop_goes_on(make: Any) -> None:
    app = make()
    turns = [0, 0]

    @app.get("/")
    async def use(cache: Cache) -> int:
        async def turn() -> None:
            while True:
                turns[0] += 1
                await asyncio.sleep(0)

        turning = asyncio.ensure_future(turn())
        await asyncio.sleep(0)
        for _ in range(20):
            cache.set("a", 1)
        turning.cancel()
        return turns[0]

    with Client(sealed(app)) as client:
        assert client.get("/").json() >= (1 if make.kind == "memory" else 20), "a wait was the whole loop's"


def test_in_async_functions_that_nobody_drives(make: Any) -> None:
    app = sealed(make())
    app.plugin(Caching).store.clear()
    made: list[int] = []

    @cached(caching=app.plugin(Caching), name="rate")
    async def rate(number: int) -> int:
        made.append(number)
        return number

    async def ask() -> list[int]:
        return [*await asyncio.gather(*(rate(1) for _ in range(5))), await rate(2)]

    assert asyncio.run(ask()) == [1] * 5 + [2] and made == [1, 2]


# -- databases ---------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(make: Any, colour: Colour) -> Iterator[tuple[App, Client]]:
    """Prices are rows, and kept in the database's own cache."""
    app = make()

    def amount(db: Session) -> int:
        return db.scalar(select(Price.amount)) or 0

    @app.get("/")
    @colour
    def show(cache: Cache, db: Session) -> int:
        return cache.get_or_set("price", lambda: amount(db), tags=["price"], type=int)

    @app.post("/{value}")
    @colour
    def change(value: int, cache: Cache, db: Session) -> list[Any]:
        price = db.scalar(select(Price)) or Price()
        price.amount = value
        db.add(price)
        db.flush()
        cache.invalidate("price")
        cache.set("last", value)
        cache.delete("gone")
        seen = [cache.get("last"), cache.get("gone"), cache.get_or_set("price", lambda: amount(db), tags=["price"])]
        seen.append(cache.increment("changes"))
        if value < 0:
            raise Conflict
        return seen

    @app.get("/last")
    @colour
    def last(cache: Cache) -> list[Any]:
        return [cache.get("last"), cache.get("gone")]

    sealed(app)
    cache = app.plugin(Caching).cache()
    cache.clear()
    with app.session() as db:
        for price in db.scalars(select(Price)):
            db.delete(price)
    cache.set("gone", 1)
    with Client(app) as client:
        yield app, client


@DATABASES
def test_after_the_commit_and_not_after_a_roll_back(shop: tuple[App, Client]) -> None:
    _, client = shop
    assert client.get("/").json() == 0
    # SQLite has one writer, which the request itself is: what it keeps is there for itself at once.
    assert client.post("/5").json() == [5, None, 5, 1]
    assert client.get("/last").json() == [5, None]
    assert client.get("/").json() == 5
    assert client.post("/-1").status == 409
    assert client.get("/").json() == 5
    assert client.post("/6").json()[3] == 3, "what was counted is counted, whatever came of the request"
    assert client.get("/").json() == 6


@DATABASES
def test_everything_is_forgotten_within_a_transaction(make: Any) -> None:
    app = sealed(make())
    with app.session() as db:
        db.add(Price())
        db.flush()
        cache = app.plugin(Caching).cache(db)
        cache.set("a", 1)
        cache.clear()
        assert cache.get("a") is None
    assert app.plugin(Caching).cache().get("a") is None


@DATABASES
def test_migrations_know_the_table(make: Any) -> None:
    database = sealed(make()).plugin(Database)
    assert "cache" in database.metadata.tables and differing(database) == []


@DATABASES
def test_in_a_test_that_is_rolled_back_nothing_stays(make: Any) -> None:
    app = sealed(make())
    cache = app.plugin(Caching).cache()
    with app.plugin(Database).rolled_back():
        cache.set("rolled", 1)
        assert cache.get("rolled") == 1
    assert cache.get("rolled") is None


@DATABASES
@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_e14_rows_never_outlive_their_time(make: Any, monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    """Row E14: of a wall clock that jumps one hour, values die early, and none lives on."""
    store = sealed(make()).plugin(Caching).store
    store.clear()
    store.set("a", b"1", 60)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    assert store.get(["a"]) == [None]
    assert store.add("a", b"2", 60) and store.get(["a"]) == [b"2"]
    assert store.increment("n", 1, 60) == 1 and store.increment("n", 1, 60) == 2
    monkeypatch.setattr(time, "time", now)
    assert store.get(["a", "n"]) == [None, None]
    assert store.increment("n", 1, 60) == 1


def test_rows_are_bounded(tmp_path: Path) -> None:
    app = App(docs=False)
    store = DatabaseStore(most=100)
    app.use(Database(f"sqlite:///{tmp_path / 'app.db'}", models=Base), Caching(store))
    sealed(app)
    store.set("over", b"x", 0.001)
    time.sleep(0.01)
    for number in range(199):
        store.set(f"n{number}", b"x", 60)
    rows = databases.rows(f"sqlite:///{tmp_path / 'app.db'}", "SELECT name FROM cache")
    assert 80 <= len(rows) <= 100 and ("n198",) in rows and ("n0",) not in rows and ("over",) not in rows
    close(app)


def test_a_table_that_is_not_there_is_no_500(tmp_path: Path, caplog: pytest.LogCaptureFixture, colour: Colour) -> None:
    app = App(docs=False)
    app.use(Database(f"sqlite:///{tmp_path / 'app.db'}", models=Base, migrations=None), Caching(DatabaseStore()))

    @app.get("/")
    @colour
    def use(cache: Cache) -> list[Any]:
        cache.set("a", "a secret value")
        return [cache.get("a"), cache.get_or_set("b", lambda: 1), cache.increment("n", 3)]

    with Client(app) as client:
        assert client.get("/").json() == [None, 1, 3]
    lines = [each for each in caplog.records if each.name == "wholestack.cache"]
    assert len(lines) == 1 and "no such table" in lines[0].getMessage() and "secret" not in caplog.text


def test_what_a_database_store_needs() -> None:
    app = App(docs=False)
    app.use(Caching(DatabaseStore()))
    with pytest.raises(SetupError, match="no-database"):
        app.seal()
    for broken in (lambda: DatabaseStore(0), lambda: DatabaseStore().get(["a"])):
        with pytest.raises(SetupError, match="bad-cache"):
            broken()


# -- Redis -------------------------------------------------------------------------------------------------------


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    caplog.set_level(logging.INFO, logger="wholestack.cache")
    return lambda: [(each.levelname, each.getMessage()) for each in caplog.records if each.name == "wholestack.cache"]


@pytest.mark.parametrize("way", ["gone", "silent"])
def test_redis_away_is_a_miss_with_one_line_in_the_log(
    redis: Redis, way: str, colour: Colour, lines: Callable[[], list[tuple[str, str]]]
) -> None:
    app = App(docs=False)
    app.use(Caching(RedisStore(redis.url, prefix=f"away[{way}]", timeout=0.2)))
    made: list[int] = []

    @app.get("/")
    @colour
    def use(cache: Cache) -> Any:
        made.append(1)
        cache.set("a", 1)
        cache.delete("a")
        return [cache.get("a"), cache.increment("n"), cache.get_or_set("b", lambda: len(made), tags=["x"])]

    @app.get("/answer")
    @cached()
    @colour
    def answer() -> Text:
        return Text(f"{len(made)}")

    @app.post("/")
    @colour
    def change(cache: Cache) -> None:
        cache.invalidate("x")

    with contextlib.ExitStack() as stack, Client(app) as client:
        app.plugin(Caching).cache().clear()
        assert client.get("/").json() == [None, 1, 1] and client.get("/answer").text == "1"
        away = redis.stopped() if way == "silent" else contextlib.nullcontext()
        if way == "gone":
            redis.kill()
        stack.enter_context(away)
        for number in range(2, 6):
            assert client.get("/").json() == [None, 1, number]
            assert client.get("/answer").text == str(number)
            assert client.post("/").status == 204
        assert [level for level, _ in lines()] == ["WARNING"]
        assert "does not answer, and the app goes on without" in lines()[0][1]
        stack.close()
        if way == "gone":
            redis.start()
        until(lambda: client.get("/").json()[1] > 1)
        # What was declared invalid meanwhile is so, though the server has not heard of it then.
        assert client.get("/").json()[2] > 5
        assert [level for level, _ in lines()] == ["WARNING", "INFO"]
        assert client.get("/answer").text == client.get("/answer").text


def test_everything_is_forgotten_that_was_to_be(redis: Redis, lines: Callable[[], Any]) -> None:
    cache = Caching(RedisStore(redis.url, prefix="owed", timeout=0.2)).cache()
    cache.set("a", 1)
    with redis.stopped():
        cache.clear()
        cache.delete("b")
    until(lambda: cache.increment("n") > 1)
    assert cache.get("a") is None


def test_a_prefix_is_an_apps_own(redis: Redis) -> None:
    one, other = RedisStore(redis.url, prefix="a*"), RedisStore(redis.url, prefix="ab")
    for number in range(2500):
        one.set(str(number), b"1", 60)
    other.set("1", b"2", 60)
    one.clear()
    assert one.get(["1", "2499"]) == [None, None] and other.get(["1"]) == [b"2"]
    other.close()
    assert other.get(["1"]) == [b"2"], "it opens another one"


def test_redis_on_the_loop_is_told(redis: Redis) -> None:
    cache = Caching(RedisStore(redis.url)).cache()

    async def plain() -> None:
        cache.get("a")

    with pytest.raises(CannotWait, match="Let the handler ask for"):
        asyncio.run(plain())


def test_e15_a_fork_with_connections_open(redis: Redis) -> None:
    """No connection is used by two processes, nor is the parent's ended by its children."""
    store = RedisStore(redis.url, prefix="fork")
    store.set("a", b"parent", 60)
    children = []
    for number in range(3):
        process = os.fork()
        if process == 0:
            wrong = 1
            try:
                for turn in range(50):
                    store.set(f"c{number}", b"%d" % turn, 60)
                    assert store.get([f"c{number}", "a"]) == [b"%d" % turn, b"parent"]
                store.close()
                wrong = 0
            finally:
                os._exit(wrong)
        children.append(process)
    for _ in range(50):
        assert store.get(["a"]) == [b"parent"]
    assert [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in children] == [0, 0, 0]
    assert store.get(["c0", "c1", "c2", "a"]) == [b"49", b"49", b"49", b"parent"]
    store.close()


def test_what_a_redis_store_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SetupError, match="address of RedisStore is none"):
        RedisStore("http://127.0.0.1")
    assert repr(RedisStore("rediss://:secret@cache.example:6380/1")) == "<RedisStore rediss://cache.example:6380/1>"
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(SetupError, match=r"pip install 'wholestack\[redis\]'"):
        RedisStore()
