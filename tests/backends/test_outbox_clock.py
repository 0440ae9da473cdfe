"""Row E14 of the table of faults, for the outbox on each database: the wall clock of the machine is set anew."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import MetaData

import databases
from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, Table
from wholestack.outbox import Entry, Outbox, Queue, State, given, settle, task
from wholestack.outbox._leases import Held, Leases
from wholestack.testing import Client

Colour = Callable[[Any], Any]
HOUR = datetime.timedelta(hours=1)
LEASE = 1.5


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Effect(Base):
    what: Mapped[str]


@task(retries=2, wait=300.0, longest=300.0)
def note(what: str, *, db: Session = given) -> None:
    if what == "raises":
        raise ValueError
    db.add(Effect(what=what))


class Wall:
    """The machine's wall clock, as the outbox reads it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jumped = datetime.timedelta(0)
        for module in ("_store", "_queue"):
            monkeypatch.setattr(f"wholestack.outbox.{module}.now", self.now)

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC) + self.jumped


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


class Processes:
    """Apps beside each other, each with a runner of its own, as the processes of a server have."""

    def __init__(self, url: str, *tasks: Any) -> None:
        self.url = url
        self.tasks = tasks
        self.app = self._made()
        database = self.app.plugin(Database)
        database.create_tables()
        with database.engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                connection.execute(table.delete())

    def _made(self) -> App:
        app = App(docs=False)
        settings: Any = {"poll": 0.05, "lease": LEASE, "embedded": True}
        app.use(Database(self.url, models=Base, migrations=None), Outbox(*self.tasks, **settings))
        app.seal()
        return app

    @contextlib.contextmanager
    def running(self, count: int) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for app in (self.app, *(self._made() for _ in range(count - 1))):
                stack.enter_context(Client(app, interface="wsgi"))
            yield

    def put(self, function: Any, *args: Any, **words: Any) -> int:
        with self.app.session() as db:
            return Queue(self.app, db).put(function, *args, **words)

    def entry(self, number: int) -> Entry:
        with self.app.session() as db:
            return db.get_one(Entry, number)

    def change(self, number: int, **values: Any) -> None:
        with self.app.session() as db:
            for name, value in values.items():
                setattr(db.get_one(Entry, number), name, value)

    def until(self, number: int, state: State) -> Entry:
        databases.until(lambda: self.entry(number).state is state)
        return self.entry(number)

    def effects(self) -> list[str]:
        return [what for (what,) in databases.rows(self.url, "SELECT what FROM effect ORDER BY id")]


@pytest.mark.parametrize("hours", [1, -1])
def test_e14_a_clock_that_jumps_runs_nothing_twice(url: str, colour: Colour, wall: Wall, hours: int) -> None:
    begun, release = [], threading.Event()

    def work(what: str, *, db: Session = given) -> None:
        begun.append(what)
        while not release.is_set():
            time.sleep(0.02)
        db.add(Effect(what=what))

    async def work_async(what: str, *, db: Session = given) -> None:
        begun.append(what)
        while not release.is_set():
            await asyncio.sleep(0.02)
        db.add(Effect(what=what))

    slow = task(work_async if asyncio.iscoroutinefunction(colour(lambda: 0)) else work)
    processes = Processes(url, slow)
    with processes.running(3):
        number = processes.put(slow, "once")
        databases.until(lambda: begun)
        time.sleep(LEASE / 6)  # Its process has said so by now, and will not again for a while.
        for _ in range(2):  # There, and back again.
            wall.jumped = HOUR * hours if not wall.jumped else datetime.timedelta(0)
            time.sleep(1.5 * LEASE)
        release.set()
        entry = processes.until(number, State.DONE)
    assert begun == processes.effects() == ["once"]
    assert (entry.attempts, entry.crashes, entry.failures) == (1, 0, 0)


def test_e14_what_is_due_at_once_does_not_wait_for_the_clock(url: str, wall: Wall) -> None:
    processes = Processes(url, note)
    wall.jumped = HOUR
    first, asked = processes.put(note, "a"), processes.put(note, "b", at=HOUR / 2)
    moment = processes.entry(asked).due
    wall.jumped = datetime.timedelta(0)
    with processes.running(1):
        processes.until(first, State.DONE)  # By a process that has not seen the jump …
        wall.jumped = 2 * HOUR
        with processes.app.session() as db:
            last = Queue(processes.app, db).put(note, "c")
            wall.jumped = HOUR / 4  # Set back before anyone could take it, and once more.
        time.sleep(1.0)
        wall.jumped = datetime.timedelta(0)
        processes.until(last, State.DONE)  # … and by one that has.
    assert processes.entry(asked).due == moment, "a moment that was asked for is one of the clock"
    assert processes.effects() == ["a", "c"]


def test_e14_a_pause_before_the_next_try_stays_as_long_as_it_was(url: str, wall: Wall) -> None:
    processes = Processes(url, note)
    wall.jumped = HOUR
    number = processes.put(note, "raises")
    settle(processes.app)
    wall.jumped = datetime.timedelta(0)
    for _ in range(2):  # What was set right is left as it is from then on.
        with processes.running(1):
            databases.until(lambda: (processes.entry(number).due or wall.now()) < wall.now() + HOUR / 2)
        entry = processes.entry(number)
        assert entry.due is not None and 100 < (entry.due - wall.now()).total_seconds() <= 300
        assert (entry.state, entry.attempts, entry.failures) == (State.WAITING, 1, 1)


@pytest.mark.parametrize("hours", [0, 1, -1])
def test_e14_what_a_killed_process_left_is_run_after_one_lease(url: str, wall: Wall, hours: int) -> None:
    processes = Processes(url, note)
    number = processes.put(note, "a")
    left = wall.now() - HOUR * hours + datetime.timedelta(seconds=LEASE)
    processes.change(number, state=State.RUNNING, token=1, attempts=1, due=left)
    begun = time.monotonic()
    with processes.running(2):
        entry = processes.until(number, State.DONE)
    # A moment by chance, and some seconds for a slow machine.
    assert LEASE <= time.monotonic() - begun <= LEASE + 1.0 + 4.0
    assert (entry.attempts, entry.crashes) == (2, 1)
    assert processes.effects() == ["a"]


def test_e14_nobody_is_left_behind_while_all_were_frozen() -> None:
    """The looker was frozen itself, or the database was away from everybody."""
    run = Held(7, 1, datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC))
    leases = Leases(lease=30.0, gap=15.0)
    assert not any(leases.over([run], at) for at in (0.0, 10.0, 20.0, 29.0))
    assert leases.over([run], 600.0) == [], "others may only be about to say that they go on"
    said = run._replace(due=run.due + HOUR)
    assert not any(leases.over([said], at) for at in (601.0, 615.0, 630.0))
    assert leases.over([said], 631.0) == [said]
