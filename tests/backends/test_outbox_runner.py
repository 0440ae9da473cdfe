"""The runner of a process, on each database: several at a time, each once; progress, cancel, time limits, stops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData

import databases
from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, Table, func, select
from wholestack.outbox import Entry, Outbox, Progress, Queue, RunEnded, State, given, settle, task
from wholestack.testing import Client

Colour = Callable[[Any], Any]


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Effect(Base):
    what: Mapped[str]


@task
def note(what: str, *, db: Session = given) -> None:
    db.add(Effect(what=what))


class Served:
    """An app whose own runner runs, at a quick pace."""

    def __init__(self, url: str, *tasks: Any, **options: Any) -> None:
        self.app = App(docs=False)
        settings: Any = {"poll": 0.05, "lease": 2.0, "grace": 5.0, "embedded": True, **options}
        self.app.use(Database(url, models=Base, migrations=None), Outbox(*tasks, **settings))
        self.app.seal()
        database = self.app.plugin(Database)
        database.create_tables()
        with database.engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                connection.execute(table.delete())

    def running(self) -> Client:
        """Its life, on the background loop: that of a client over ASGI runs only while it asks."""
        return Client(self.app, interface="wsgi")

    def put(self, function: Any, *args: Any, **words: Any) -> int:
        with self.app.session() as db:
            return Queue(self.app, db).put(function, *args, **words)

    def entry(self, number: int) -> Entry:
        with self.app.session() as db:
            return db.get_one(Entry, number)

    def until(self, number: int, *states: State) -> Entry:
        databases.until(lambda: self.entry(number).state in states)
        return self.entry(number)


def test_many_are_run_by_several_at_a_time_each_once(url: str, colour: Colour) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(what: int, *, db: Session = given) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        db.add(Effect(what=str(what)))
        with lock:
            running -= 1

    work = task(colour(work))
    served = Served(url, work, concurrency=3)
    with served.running():
        numbers = [served.put(work, each) for each in range(60)]
        databases.until(lambda: databases.rows(url, "SELECT 1 FROM outbox WHERE due IS NOT NULL LIMIT 1") == [], 40)
    assert most <= 3
    assert sorted(int(what) for (what,) in databases.rows(url, "SELECT what FROM effect")) == list(range(60))
    assert {served.entry(each).attempts for each in numbers} == {1}


def test_what_runs_says_how_far_it_is_and_is_cancelled(url: str) -> None:
    ended: list[str] = []

    def steps(progress: Progress) -> Iterator[int]:
        for step in range(2000):
            progress(step, of=2000, note=f"step {step}")
            yield step

    @task
    def in_thread(*, progress: Progress = given, db: Session = given) -> None:
        try:
            for _ in steps(progress):
                threading.Event().wait(0.01)
        except RunEnded as error:
            ended.append(f"def: {error}")
            db.add(Effect(what="never"))
            raise

    @task
    async def on_loop(*, progress: Progress = given, db: Session = given) -> None:
        try:
            for _ in steps(progress):
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            ended.append("async")
            db.add(Effect(what="never"))
            raise

    served = Served(url, in_thread, on_loop)
    with served.running():
        cancelled_under_way(served, in_thread)
        cancelled_under_way(served, on_loop)
    assert ended == ["def: This run is over: it has been cancelled.", "async"]
    assert databases.rows(url, "SELECT what FROM effect") == []


def cancelled_under_way(served: Served, function: Any) -> None:
    number = served.put(function)
    databases.until(lambda: served.entry(number).progress)
    assert (served.entry(number).note or "").startswith("step ")
    with served.app.session() as db:
        assert Queue(served.app, db).cancel(number)
    entry = served.until(number, State.CANCELLED)
    assert (entry.due, entry.attempts) == (None, 1)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_run_that_takes_too_long_has_failed(url: str, is_async: bool) -> None:
    release = threading.Event()

    def sleeps(*, db: Session = given) -> None:
        release.wait(20)
        db.add(Effect(what="too late"))

    async def sleeps_async(*, db: Session = given) -> None:
        await asyncio.sleep(20)
        db.add(Effect(what="too late"))

    slow = task(retries=0, timeout=0.2)(sleeps_async if is_async else sleeps)
    served = Served(url, slow, note, concurrency=2)
    with served.running():
        entry = served.until(served.put(slow), State.DEAD)
        assert entry.error is not None and entry.error.startswith("TimeoutError: it took longer than 0.2 seconds")
        served.until(served.put(note, "others go on"), State.DONE)
        release.set()
        served.until(served.put(note, "and the thread is free again"), State.DONE)
    assert "too late" not in [what for (what,) in databases.rows(url, "SELECT what FROM effect")]
    assert entry.attempts == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_a_stop_lets_a_run_end_or_gives_it_back(url: str, is_async: bool) -> None:
    begun = threading.Event()

    def sleeps(seconds: float, *, db: Session = given) -> None:
        begun.set()
        threading.Event().wait(seconds)
        db.add(Effect(what="ended"))

    async def sleeps_async(seconds: float, *, db: Session = given) -> None:
        begun.set()
        await asyncio.sleep(seconds)
        db.add(Effect(what="ended"))

    slow = task(sleeps_async if is_async else sleeps)
    for seconds, grace, expected in ((0.5, 10.0, (State.DONE, 1)), (3.0, 0.1, (State.WAITING, 0))):
        begun.clear()
        served = Served(url, slow, grace=grace)
        with served.running():
            number = served.put(slow, seconds)
            assert begun.wait(20)
        entry = served.entry(number)
        assert (entry.state, entry.attempts) == expected
        assert databases.rows(url, "SELECT COUNT(*) FROM effect") == [(1 if entry.state is State.DONE else 0,)]
        assert entry.crashes == entry.failures == 0


def test_what_is_done_is_kept_for_a_while_and_what_is_dead_for_ever(url: str) -> None:
    @task(retries=0)
    def works(what: str) -> None:
        if what == "raises":
            raise ValueError

    served = Served(url, works, embedded=False)
    dead, done = served.put(works, "raises"), served.put(works, "works")
    assert sorted(each.state for each in settle(served.app)) == [State.DEAD, State.DONE]
    forgetful = App(docs=False)
    settings: Any = {"keep": 0.0, "embedded": True}
    forgetful.use(Database(url, models=Base, migrations=None), Outbox(works, **settings))
    with Client(forgetful, interface="wsgi"):  # A look at the start, then one a minute.
        databases.until(lambda: databases.rows(url, f"SELECT state FROM outbox WHERE id = {done}") == [])
    assert served.entry(dead).state is State.DEAD


def test_counts_and_looks(url: str, colour: Colour) -> None:
    served = Served(url, note, embedded=False)
    served.put(note, "a")

    @served_app_reads(served, colour)
    def waiting(db: Session) -> int:
        return db.scalar(select(func.count()).select_from(Entry).where(Entry.state == State.WAITING)) or 0

    assert waiting() == 1


def served_app_reads(served: Served, colour: Colour) -> Callable[[Any], Callable[[], int]]:
    """Ask a function of the database as a handler of the app."""

    def made(function: Any) -> Callable[[], int]:
        twin = App(docs=False)
        twin.use(*served.app.plugins)
        twin.get("/")(colour(function))
        return lambda: int(Client(twin).get("/").expect(200).json())

    return made
