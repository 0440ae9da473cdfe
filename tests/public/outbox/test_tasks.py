"""Tasks as one writes them: what `@task` takes, what is put, what is wrong with them and when that is said."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NewType

import pydantic
import pytest

from wholestack import App, Request, SetupError
from wholestack.db import Database, Session
from wholestack.handlers import current_request
from wholestack.outbox import (
    Entry,
    NotGiven,
    Outbox,
    PayloadRefused,
    Progress,
    Queue,
    RunEnded,
    State,
    TaskUnknown,
    given,
    settle,
    task,
)
from wholestack.realtime import Channel, Live, Socket
from wholestack.testing import Client

Name = NewType("Name", str)


class Clock:
    """Something that an app may provide."""


@task
def plain(number: int) -> None:
    """Does nothing."""


@task
def timed(number: int, *, clock: Clock = given) -> None:
    """Of an app that has a clock."""


def app_with(*tasks: Any, **options: Any) -> App:
    """An app in memory with these tasks."""
    app = App(docs=False)
    app.use(Database("sqlite://"), Outbox(*tasks, **options))
    return app


def faults_of(app: App) -> list[str]:
    """The codes of what is wrong, told when the app starts."""
    with pytest.raises(SetupError) as report, Client(app):
        pass
    return [fault.code for fault in report.value.faults]


def put(app: App, function: Any, *args: Any, **words: Any) -> str:
    """The payload of what was put."""
    with app.session() as db:
        number = Queue(app, db).put(function, *args, **words)
        return db.get_one(Entry, number).payload


@contextlib.contextmanager
def running(*tasks: Any) -> Iterator[App]:
    """An app with these tasks, with its tables."""
    app = app_with(*tasks)
    with Client(app):
        yield app


def test_a_task_is_the_function_that_it_was() -> None:
    @task(retries=3)
    def add(a: int, b: int = 2, *, db: Session = given) -> int:
        return a + b

    assert add(1) == 3
    assert add.__name__ == "add"


def test_what_is_not_given_says_so() -> None:
    @task
    def uses(*, db: Session = given) -> None:
        db.flush()

    with pytest.raises(NotGiven, match="wants it from you"):
        uses()
    assert repr(given) == "given"


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("function", [generator, async_generator, int, len])
def test_only_plain_functions_are_tasks(function: Any) -> None:
    with pytest.raises(SetupError, match=r"bad-task.*no plain function"):
        task(name="a")(function)


class Account(pydantic.BaseModel):
    password: pydantic.SecretStr


def test_a_task_takes_no_secret_that_would_come_as_asterisks() -> None:
    def plain_secret(account: Account) -> None: ...

    def within(tokens: list[pydantic.SecretBytes] | None = None) -> None: ...

    for function, field in ((plain_secret, "password"), (within, "tokens")):
        app = app_with(task(name=field)(function))
        with pytest.raises(SetupError, match=rf"bad-task. {field} takes a secret in {field},"), Client(app):
            pass


@pytest.mark.parametrize(
    "options",
    [{"retries": -1}, {"wait": -1}, {"wait": 10, "longest": 5}, {"timeout": 0}, {"name": "a" * 256}, {"name": "a\0"}],
)
def test_options_that_cannot_be(options: Any) -> None:
    with pytest.raises(SetupError, match="bad-task"):
        task(**options)(plain)


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"lease": 0}, {"poll": -1}, {"crashes": 0}, {"keep": -1}])
def test_options_of_an_outbox_that_cannot_be(options: Any) -> None:
    with pytest.raises(SetupError, match="bad-task") as report:
        Outbox(**options)
    assert report.value.faults[0].where.partition(":")[0] == __file__


def test_an_outbox_needs_a_database_before_it() -> None:
    for plugins in ([Outbox()], [Outbox(), Database("sqlite://")], [Database("sqlite://", read_only=True), Outbox()]):
        app = App()
        app.use(*plugins)
        with pytest.raises(SetupError, match="no-database"):
            app.seal()


def test_a_queue_needs_an_outbox() -> None:
    app = App()
    app.use(Database("sqlite://"))
    with app.session() as db, pytest.raises(SetupError, match="no-plugin"):
        Queue(app, db)


# -- which tasks an app has ----------------------------------------------------------------------------------------


def test_an_app_knows_what_the_modules_of_its_functions_name() -> None:
    app = app_with()

    @app.post("/")
    def publish(queue: Queue) -> int:
        return queue.put(plain, 7)

    with Client(app) as client:
        assert client.post("/").json() == 1
        assert [each.state for each in settle(app)] == [State.DONE]


def test_a_task_of_another_app_of_this_module_is_not_this_apps() -> None:
    app = app_with()
    app.get("/")(test_two_tasks_of_one_name)  # Anything of this module.
    with (
        Client(app),
        app.session() as db,
        pytest.raises(TaskUnknown, match=r"timed was put, and this app does not give it.*clock"),
    ):
        Queue(app, db).put(timed, 1)


def test_what_is_listed_must_be_right() -> None:
    assert faults_of(app_with(timed)) == ["no-place"]


def test_modules_are_listed_as_well(tmp_path: Path) -> None:
    import types

    module = types.ModuleType("shop_tasks")
    exec("from wholestack.outbox import task\n@task\ndef count(number: int) -> None: ...", vars(module))
    with running(module) as app:
        assert put(app, module.count, 3) == '{"number":3}'


def test_what_is_no_task_cannot_be_put() -> None:
    @task
    def unknown() -> None: ...

    for function, words in ((len, "is no task"), (unknown, "no module of this app's functions names it")):
        with running() as app, pytest.raises(TaskUnknown, match=words):
            put(app, function)


def test_two_tasks_of_one_name() -> None:
    def same() -> None: ...

    assert faults_of(app_with(task(name="a")(same), task(name="a")(lambda: None))) == ["bad-task"]


# -- what is wrong with a task -------------------------------------------------------------------------------------


def test_all_faults_come_together_with_file_and_line() -> None:
    @task
    def first(request: Request) -> None: ...

    @task
    def second(clock: Clock = given, at: int = 1) -> None: ...

    @task
    def third(*numbers: int) -> None: ...

    @task
    def fourth(number) -> None: ...  # type: ignore[no-untyped-def]

    @task
    def fifth(thing: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    @task
    def sixth(thing: Clock) -> None: ...

    app = app_with(first, second, third, fourth, fifth, sixth)
    with pytest.raises(SetupError) as report, Client(app):
        pass
    found = [(fault.code, fault.where.partition(":")[0]) for fault in report.value.faults]
    codes = ["short-lived", "no-place", "bad-task", "bad-parameter", "no-type", "bad-hint", "no-schema"]
    assert found == [(code, __file__) for code in codes]
    assert app.checks  # `wholestack check` tells the same.
    assert [fault.code for fault in app.checks[-1]()] == codes


def test_what_belongs_to_a_request_is_no_tasks() -> None:
    app = App(docs=False)

    class Watch:
        """What an app provides, too; the tasks of this module that want a `Clock` are not meant."""

    class Visitor:
        """Who is asking."""

    def visitor(request: Request) -> Visitor:
        return Visitor()

    def watch(visitor: Visitor, page: int = 1) -> Watch:
        return Watch()

    app.provide(visitor)
    app.provide(watch)

    @task
    def greets(watch: Watch = given) -> None: ...

    @task
    def talks(socket: Socket[int, int] = given) -> None: ...

    app.use(Database("sqlite://"), Live(), Outbox(greets, talks))
    assert faults_of(app) == ["short-lived", "short-lived", "short-lived"]


def test_a_provider_of_the_other_colour() -> None:
    app = App(docs=False)

    class Watch:
        """As above."""

    async def watch() -> Watch:
        return Watch()

    app.provide(watch)

    @task
    def plain_one(watch: Watch = given) -> None: ...

    @task
    async def async_one(watch: Watch = given) -> None: ...

    app.use(Database("sqlite://"), Outbox(plain_one, async_one))
    with pytest.raises(SetupError) as report, Client(app):
        pass
    [fault] = report.value.faults
    assert fault.code == "async-provider"
    assert fault.where.startswith(__file__) and "plain_one" in fault.message


def test_providers_yield_and_see_how_a_task_ends() -> None:
    app = App(docs=False)
    seen: list[str] = []

    def clock() -> Iterator[Clock]:
        try:
            yield Clock()
            seen.append("well")
        except ValueError:
            seen.append("badly")
            raise

    app.provide(clock)

    @task(retries=0)
    def ends(well: bool, *, clock: Clock = given, optional: Clock | None = given) -> None:
        assert clock is optional
        if not well:
            raise ValueError

    app.use(Database("sqlite://"), Outbox(ends))
    with Client(app):
        put(app, ends, True)
        put(app, ends, well=False)
        assert [each.state for each in settle(app)] == [State.DONE, State.DEAD]
    assert seen == ["well", "badly"]


def test_a_task_publishes_to_a_channel() -> None:
    @task
    async def broadcast(text: str, *, channel: Channel[str] = given) -> None:
        await channel.publish(text)

    app = App(docs=False)
    app.use(Database("sqlite://"), Live(), Outbox(broadcast))

    @app.get("/history")
    async def history(channel: Channel[str]) -> list[str]:
        return await channel.history("", 10)

    with Client(app) as client:
        put(app, broadcast, "hello")
        assert [each.error for each in settle(app)] == [None]
        assert client.get("/history").status == 200


# -- what is put ---------------------------------------------------------------------------------------------------


class Address(pydantic.BaseModel):
    street: str
    since: datetime.date | None = None


@task
def sends(to: Address, tags: set[str] | None = None, weight: float = 1.0, anything: Any = None) -> None:
    """Does nothing."""


def test_what_is_put_is_json_of_the_types() -> None:
    with running(sends) as app:
        are_json_of_the_types(app, datetime.date(2026, 11, 26))


def are_json_of_the_types(app: App, today: datetime.date) -> None:
    assert put(app, sends, Address(street="A", since=today)) == '{"to":{"street":"A","since":"2026-11-26"}}'
    assert put(app, sends, {"street": "A"}, {"x"}) == '{"to":{"street":"A","since":null},"tags":["x"]}'
    assert put(app, sends, Address(street="A\0"), weight="2") == (
        '{"to":{"street":"A\\u0000","since":null},"weight":2.0}'
    )


@pytest.mark.parametrize(
    ("args", "words", "says"),
    [
        ((), {}, "missing a required argument"),
        (("A",), {}, "at /to"),
        (({"street": "A"}, {"x"}, 1.0, None, 5), {}, "too many positional"),
        (({"street": "A"},), {"more": 1}, "unexpected keyword"),
        (({"street": "A"},), {"weight": float("nan")}, "at /weight"),
        (({"street": "A"},), {"anything": Clock()}, "no form"),
        (({"street": "A"},), {"anything": "x" * 70_000}, "of 65536 at most"),
        (({"street": "A"},), {"anything": {"pin": pydantic.SecretStr("x")}}, "with a secret"),
        (({"street": "A"},), {"anything": [Account(password=pydantic.SecretStr("x"))]}, "with a secret"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_is_put(args: Any, words: Any, says: str) -> None:
    with running(sends) as app, pytest.raises(PayloadRefused, match=says):
        put(app, sends, *args, **words)


NAIVE = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    "words",
    [{"key": ""}, {"key": "a" * 256}, {"key": "a\n"}, {"at": NAIVE}, {"at": datetime.timedelta.max}],
    ids=["empty", "long", "line", "naive", "beyond"],
)
def test_no_key_and_no_moment(words: Any) -> None:
    with running(plain) as app, pytest.raises(PayloadRefused):
        put(app, plain, 1, **words)


def test_a_refused_payload_says_nothing_of_the_values() -> None:
    with running(sends) as app, pytest.raises(PayloadRefused) as refused:
        put(app, sends, {"street": ["secret"]}, weight="secret")
    assert "secret" not in str(refused.value)


# -- what a run says -----------------------------------------------------------------------------------------------


def test_progress_is_a_part_of_one() -> None:
    progress = Progress(id=1, attempt=1)
    for done, of, part in ((1, 4, 0.25), (9, 3, 1.0), (-1, 3, 0.0), (0, 0, 1.0), (0.5, 1.0, 0.5)):
        progress(done, of=of, note="n\0" * 300)
        assert progress.part == part
    assert progress.note is not None and len(progress.note) == 255 and "\0" not in progress.note
    progress.end = "lost"
    with pytest.raises(RunEnded, match="another process has taken it over"):
        progress(1)


def test_a_task_runs_under_the_id_of_the_request_that_put_it() -> None:
    ids: list[str] = []

    @task
    def notes() -> None:
        request = current_request.get()
        ids.append(request.id if request is not None else "")

    app = app_with(notes)

    @app.post("/")
    def handler(queue: Queue) -> None:
        queue.put(notes)

    with Client(app) as client:
        answer = client.post("/")
        settle(app)
        put(app, notes)
        [entry] = settle(app)
    assert ids == [answer.headers["x-request-id"], f"outbox-{entry.id}"]


def test_an_error_whose_words_fail_and_one_of_the_database() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise ValueError

    @task(retries=0)
    def odd() -> None:
        raise Odd

    @task(retries=0)
    def asks(*, db: Session = given) -> None:
        from wholestack.db import text

        db.execute(text("SELECT :word FROM nowhere"), {"word": "hunter2"})

    @task(retries=0)
    async def leaves() -> None:
        await asyncio.sleep(0)
        raise SystemExit(1)

    with running(odd, asks, leaves) as app:
        for each in (odd, asks, leaves):
            put(app, each)
        errors = [each.error or "" for each in settle(app)]
    assert errors[0].startswith("Odd (")
    assert "no such table: nowhere" in errors[1] and "hunter2" not in errors[1]
    assert "asked Python to exit" in errors[2]


def test_who_runs_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHOLESTACK_OUTBOX", raising=False)
    for name in ("wholestack.cli._run", "wholestack.cli._shell"):  # Other tests may have loaded them.
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert not Outbox().is_embedded  # A test.
    monkeypatch.setenv("WHOLESTACK_STAGE", "production")
    assert Outbox().is_embedded
    assert not Outbox(embedded=False).is_embedded
    monkeypatch.setenv("WHOLESTACK_OUTBOX", "off")
    assert not Outbox(embedded=True).is_embedded
    monkeypatch.setenv("WHOLESTACK_OUTBOX", "on")
    assert Outbox(embedded=False).is_embedded
    assert repr(Outbox()) == "<Outbox concurrency=4 lease=30>"
