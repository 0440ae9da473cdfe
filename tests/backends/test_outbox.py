"""The outbox on each database and in both colours: what is put runs when, and only if, its transaction commits."""

from __future__ import annotations

import asyncio
import datetime
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pydantic
import pytest
from sqlalchemy import MetaData

import databases
from wholestack import App, Conflict
from wholestack.db import AsyncSession, Database, Mapped, Model, Session, Table
from wholestack.outbox import Entry, Outbox, Progress, Queue, State, given, settle, settled, task
from wholestack.realtime import Channel
from wholestack.testing import AsyncClient, Client

Colour = Callable[[Any], Any]
HOUR = datetime.timedelta(hours=1)


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Effect(Base):
    what: Mapped[str]


class Mailer:
    """What an app provides: it keeps what was sent."""

    sent: list[str]

    def __init__(self) -> None:
        self.sent = []


class Address(pydantic.BaseModel):
    name: str
    since: datetime.date


@task(retries=2, wait=60.0, longest=60.0)
def note(what: str, *, db: Session = given) -> None:
    db.add(Effect(what=what))
    db.flush()
    if what == "raises":
        raise ValueError(what)


@task(retries=2, wait=60.0, longest=60.0)
async def note_async(what: str, *, db: Session = given) -> None:
    await asyncio.sleep(0)
    db.add(Effect(what=what))
    db.flush()
    if what == "raises":
        raise ValueError(what)


@task
async def note_awaited(what: str, *, db: AsyncSession = given) -> None:
    db.add(Effect(what=what))
    await db.flush()


@task
def mail(to: Address, words: list[str] | None = None, *, mailer: Mailer = given, progress: Progress = given) -> None:
    progress(1, of=4, note="writing")
    mailer.sent.append(f"{to.name} since {to.since.year}: {' '.join(words or ['nothing'])} ({progress.attempt})")


@task
def chain(left: int, *, queue: Queue = given, db: Session = given) -> None:
    db.add(Effect(what=f"chain {left}"))
    if left:
        queue.put(chain, left - 1)


TASKS: dict[str, Any] = {"def": note, "async": note_async, "awaited": note_awaited}


class Case:
    def __init__(self, url: str, colour: Colour) -> None:
        self.url = url
        self.app = App(docs=False)
        self.mailer = Mailer()
        self.app.use(Database(url, models=Base, migrations=None), Outbox(note_awaited))
        self.app.provide(self.provided, scope="app")
        self.does: Callable[[Session, Queue], object] = lambda db, queue: None
        self.app.post("/")(colour(self.handler))
        self.app.seal()
        database = self.app.plugin(Database)
        database.create_tables()
        with database.engine.begin() as connection:
            for table in Base.metadata.sorted_tables:
                connection.execute(table.delete())

    def provided(self) -> Mailer:
        return self.mailer

    def handler(self, db: Session, queue: Queue) -> str:
        return str(self.does(db, queue))

    def post(self, does: Callable[[Session, Queue], object], status: int = 200) -> Any:
        self.does = does
        return Client(self.app).post("/").expect(status)

    def effects(self) -> list[str]:
        return [what for (what,) in databases.rows(self.url, "SELECT what FROM effect ORDER BY id")]

    def entries(self) -> list[tuple[Any, ...]]:
        return databases.rows(self.url, "SELECT state, attempts, failures, crashes FROM outbox ORDER BY id")

    def entry(self, number: int) -> Entry:
        with self.app.session() as db:
            return db.get_one(Entry, number)


@pytest.fixture
def case(url: str, colour: Colour) -> Iterator[Case]:
    case = Case(url, colour)
    with Client(case.app):
        yield case


@pytest.mark.parametrize("name", TASKS)
def test_a_task_runs_after_the_commit_and_its_effect_is_there_once(case: Case, name: str) -> None:
    number = int(case.post(lambda db, queue: queue.put(TASKS[name], "a")).text)
    assert case.effects() == []
    [entry] = settle(case.app)
    assert (entry.id, entry.state, entry.attempts) == (number, State.DONE, 1)
    assert (entry.due, entry.error, entry.failures) == (None, None, 0)
    assert case.effects() == ["a"]
    assert settle(case.app) == []


def test_a_request_that_fails_has_put_nothing(case: Case) -> None:
    def does(db: Session, queue: Queue) -> None:
        queue.put(note, "a")
        raise Conflict

    case.post(does, 409)
    assert case.entries() == []
    assert settle(case.app) == []


@pytest.mark.parametrize("name", ["def", "async"])
def test_a_task_that_raises_writes_nothing_and_is_tried_again(case: Case, name: str) -> None:
    case.post(lambda db, queue: queue.put(TASKS[name], "raises"))
    [entry] = settle(case.app)
    assert (entry.state, entry.attempts, entry.failures) == (State.WAITING, 1, 1)
    assert (
        entry.error is not None and entry.error.startswith("ValueError: raises (") and "test_outbox.py:" in entry.error
    )
    assert entry.due is not None and 25 <= (entry.due - datetime.datetime.now(datetime.UTC)).total_seconds() <= 60
    assert settle(case.app) == []
    assert [each.attempts for each in settle(case.app, HOUR)] == [2]
    [entry] = settle(case.app, 2 * HOUR)
    assert (entry.state, entry.attempts, entry.failures, entry.due) == (State.DEAD, 3, 3, None)
    assert settle(case.app, 9 * HOUR) == []
    assert case.effects() == []


def test_the_payload_comes_back_as_the_types_say(case: Case) -> None:
    address = Address(name="Ada", since=datetime.date(1833, 6, 5))
    case.post(lambda db, queue: queue.put(mail, address, words=["good", "day"]))
    case.post(lambda db, queue: queue.put(mail, to=address))
    entries = settle(case.app)
    assert case.mailer.sent == ["Ada since 1833: good day (1)", "Ada since 1833: nothing (1)"]
    assert [(each.progress, each.note) for each in entries] == [(0.25, "writing")] * 2
    assert json.loads(entries[1].payload) == {"to": {"name": "Ada", "since": "1833-06-05"}}


def test_a_task_puts_another_in_its_own_transaction(case: Case) -> None:
    case.post(lambda db, queue: queue.put(chain, 2))
    assert [each.state for each in settle(case.app)] == [State.DONE] * 3
    assert case.effects() == ["chain 2", "chain 1", "chain 0"]


class Line(pydantic.BaseModel):
    text: str


@pytest.mark.parametrize("fails", [False, True])
def test_a_message_is_sent_when_and_only_if_its_transaction_has_committed(
    case: Case, colour: Colour, fails: bool
) -> None:
    app = App(docs=False)
    app.use(Database(case.url, models=Base, migrations=None), Outbox())

    @app.post("/say")
    @colour
    def say(lines: Channel[Line], queue: Queue, db: Session) -> None:
        db.add(Effect(what="said"))
        queue.publish(lines, Line(text="hello"), room="hall")
        if fails:
            raise Conflict

    @app.get("/hall")
    async def hall(lines: Channel[Line]) -> list[str]:
        return [each.text for each in await lines.history("hall")]

    with Client(app) as client:
        client.post("/say").expect(409 if fails else 204)
        assert client.get("/hall").json() == [], "nobody hears of what cannot be read yet"
        assert [each.state for each in settle(app)] == ([] if fails else [State.DONE])
        assert client.get("/hall").json() == ([] if fails else ["hello"])
    assert case.effects() == ([] if fails else ["said"])


def test_not_before_its_time(case: Case) -> None:
    moment = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=5))) + HOUR / 2
    case.post(lambda db, queue: (queue.put(note, "a", at=HOUR), queue.put(note, "b", at=moment)))
    assert settle(case.app) == []
    settle(case.app, HOUR * 0.75)
    assert case.effects() == ["b"]
    settle(case.app, HOUR * 1.25)
    assert case.effects() == ["b", "a"]


def test_once_for_each_key(case: Case) -> None:
    def does(db: Session, queue: Queue) -> list[int]:
        return [queue.put(note, "a", key="k"), queue.put(note, "b", key="k"), queue.put(note, "c", key="K")]

    first, second, other = json.loads(case.post(does).text)
    assert first == second != other
    settle(case.app)
    assert json.loads(case.post(does).text) == [first, first, other]
    assert settle(case.app) == []
    assert case.effects() == ["a", "c"]


def test_two_at_a_time_put_one_key_once(case: Case) -> None:
    barrier = threading.Barrier(4, timeout=20)
    numbers: list[int] = []

    def put() -> None:
        barrier.wait()
        with case.app.session() as db:
            numbers.append(Queue(case.app, db).put(note, "a", key="one"))

    threads = [threading.Thread(target=put) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(numbers) == 4 and len(set(numbers)) == 1
    assert [each.id for each in settle(case.app)] == numbers[:1]


def test_cancelled_before_it_runs_and_put_back(case: Case) -> None:
    number = int(case.post(lambda db, queue: queue.put(note, "a")).text)
    assert case.post(lambda db, queue: (queue.cancel(number), queue.cancel(number), queue.cancel(10**9))).text == (
        "(True, False, False)"
    )
    assert settle(case.app) == []
    assert case.entry(number).state is State.CANCELLED
    assert case.post(lambda db, queue: (queue.retry(number), queue.retry(number))).text == "(True, False)"
    assert [each.state for each in settle(case.app)] == [State.DONE]
    assert case.effects() == ["a"]


def test_a_dead_one_gets_all_its_tries_again(case: Case) -> None:
    number = int(case.post(lambda db, queue: queue.put(note, "raises")).text)
    for hours in range(3):
        settle(case.app, hours * HOUR)
    assert case.entry(number).state is State.DEAD
    case.post(lambda db, queue: queue.retry(number))
    [entry] = settle(case.app)
    assert (entry.state, entry.attempts, entry.failures) == (State.WAITING, 4, 1)


def test_the_request_that_put_it_is_in_the_row(case: Case) -> None:
    answer = case.post(lambda db, queue: queue.put(chain, 1))
    assert [each.request for each in settle(case.app)] == [answer.headers["x-request-id"]] * 2


RAW = ('{"what": 1}', '{"what": "a", "more": 1}', "{}", "[]", "no JSON", "\x80", '{"what": NaN}', "[" * 10_000)


def test_h10_a_forged_or_old_payload_is_parked(case: Case) -> None:
    numbers = json.loads(case.post(lambda db, queue: [queue.put(note, "a") for _ in RAW]).text)
    with case.app.session() as db:
        for number, raw in zip(numbers, RAW, strict=True):
            db.get_one(Entry, number).payload = raw
    for entry in settle(case.app):
        assert (entry.state, entry.attempts, entry.due) == (State.PARKED, 0, None)
        assert entry.error is not None and entry.error.startswith("payload-refused: ")
    assert settle(case.app, HOUR) == []
    assert case.entries() == [("parked", 0, 0, 0)] * len(RAW)
    assert case.effects() == []


def test_h10_an_unknown_task_is_parked_and_goes_on_with_a_release_that_knows_it(case: Case, url: str) -> None:
    number = int(case.post(lambda db, queue: queue.put(note, "a")).text)
    with case.app.session() as db:
        db.get_one(Entry, number).task = "os.system"
    [entry] = settle(case.app)
    assert (entry.state, entry.attempts) == (State.PARKED, 0)
    assert entry.error is not None and entry.error.startswith("unknown-task")

    @task(name="os.system")
    def known(what: str, *, db: Session = given) -> None:
        db.add(Effect(what=f"known {what}"))

    app = App(docs=False)
    app.use(Database(url, models=Base, migrations=None), Outbox(known, embedded=True, poll=0.05))
    with Client(app, interface="wsgi"):
        databases.until(case.effects)
    assert case.effects() == ["known a"]
    assert case.entry(number).state is State.DONE


def test_h6_retries_are_counted_and_wait_longer_each_time(case: Case) -> None:
    runs: list[int] = []

    @task(retries=4, wait=100.0, longest=500.0)
    def fails(times: int, *, progress: Progress = given, db: Session = given) -> None:
        runs.append(progress.attempt)
        db.add(Effect(what=f"attempt {progress.attempt}"))
        db.flush()
        if progress.attempt <= times:
            raise ValueError(times)

    app = App(docs=False)
    app.use(Database(case.url, models=Base, migrations=None), Outbox(fails))
    for times, ends in ((2, State.DONE), (9, State.DEAD)):
        runs.clear()
        pauses: list[float] = []
        ahead = datetime.timedelta(0)
        with app.session() as db:
            Queue(app, db).put(fails, times)
        while entries := settle(app, ahead):
            [entry] = entries
            if entry.due is not None:
                pauses.append((entry.due - datetime.datetime.now(datetime.UTC) - ahead).total_seconds())
                assert settle(app, ahead + datetime.timedelta(seconds=pauses[-1] - 20)) == []
                ahead += datetime.timedelta(seconds=pauses[-1] + 1)
        assert (entry.state, entry.attempts, entry.failures) == (ends, len(runs), min(times, 5))
        assert runs == list(range(1, min(times + 1, 5) + 1))
        for pause, longest in zip(pauses, (100.0, 200.0, 400.0, 500.0), strict=False):
            assert longest / 2 - 10 <= pause <= longest  # Half of it is by chance; some seconds for a slow machine.
        assert len(pauses) == min(times, 4)
    assert case.effects() == ["attempt 3"]


def test_what_a_process_left_that_is_gone_is_run_again_and_not_for_ever(case: Case) -> None:
    numbers = json.loads(case.post(lambda db, queue: [queue.put(note, "a"), queue.put(note, "b")]).text)
    for crashes, number in ((0, numbers[0]), (2, numbers[1])):
        with case.app.session() as db:  # As if it had been taken, and nobody had heard of it since.
            entry = db.get_one(Entry, number)
            entry.state, entry.crashes = State.RUNNING, crashes
            entry.token = entry.attempts = crashes + 1
            entry.due = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
    settle(case.app)
    settle(case.app, datetime.timedelta(seconds=2))  # It waits a moment, so that not all come back at once.
    assert case.entries() == [("done", 2, 0, 1), ("dead", 3, 0, 3)]
    assert case.effects() == ["a"]
    error = case.entry(numbers[1]).error
    assert error is not None and error.startswith("its process ended without a word 3 times")


def test_a_run_that_was_taken_over_changes_nothing(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    @task
    def late(*, db: Session = given) -> None:
        db.add(Effect(what="late"))
        db.flush()
        db.commit()
        with case.app.session() as other:  # As another process does, when the lease is over.
            other.get_one(Entry, number).token += 1
        db.add(Effect(what="too late"))

    app = App(docs=False)
    app.use(Database(case.url, models=Base, migrations=None), Outbox(late))
    with app.session() as db:
        number = Queue(app, db).put(late)
    [entry] = settle(app)
    assert (entry.state, entry.attempts, entry.failures) == (State.RUNNING, 1, 0)
    assert case.effects() == ["late"]
    assert "is refused: another process took it over" in caplog.text


async def _settled(app: App) -> list[Entry]:
    async with AsyncClient(app) as client:
        (await client.post("/")).expect(200)
        return await settled(app)


def test_settled_on_the_loop(case: Case) -> None:
    app = App(docs=False)
    app.use(Database(case.url, models=Base, migrations=None), Outbox(note))

    @app.post("/")
    async def put(queue: Queue) -> int:
        return queue.put(note, "loop")

    [entry] = asyncio.run(_settled(app))
    assert entry.state is State.DONE
    assert case.effects() == ["loop"]


def test_what_a_transaction_rolled_back_by_hand_had_put(case: Case) -> None:
    def does(db: Session, queue: Queue) -> None:
        queue.put(note, "a")
        db.rollback()
        queue.put(note, "b")

    case.post(does)
    settle(case.app)
    assert case.effects() == ["b"]
