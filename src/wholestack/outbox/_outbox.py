"""The plugin: the queue for handlers, and the runner in each process that serves the app."""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
from collections.abc import AsyncIterator
from typing import Any, TypedDict

from typing_extensions import Unpack

from wholestack import App, SetupError
from wholestack.db import Database, Session, stage
from wholestack.errors import Fault
from wholestack.handlers import Providers, provider_of, wait
from wholestack.routing import Provision, where_of

from ._carried import Carrier
from ._entry import Entry
from ._queue import Queue
from ._runner import Runner
from ._store import Store, Times
from ._tasks import Listed, Tasks, tasks_of

SWITCH = "WHOLESTACK_OUTBOX"
"""``on`` or ``off`` in the environment decides whether this process runs tasks, whatever the app says."""

_BY_HAND = {"wholestack.cli._run", "wholestack.cli._shell"}
"""Loaded only where somebody works with an app by hand: a command, the shell."""
_BESIDE_RUNS = 2
"""Connections for the two loops of the runner."""


class OutboxOptions(TypedDict, total=False):
    """How an outbox works; each has a default. Times are seconds.

    `concurrency`: tasks that run at a time in one process (4); `lease`: after so long without a word from its process
    an entry is run by another (30); `poll`: between two looks for what other processes have put (1); `grace`: that
    running tasks may go on after a stop (5); `keep`: that rows of what was done or cancelled are kept (a week);
    `crashes`: how often an entry may end its process before it is given up (3); `largest`: bytes of a payload at most
    (65,536); `embedded`: whether the processes that serve the app run its tasks as well (True; not in tests, the shell
    and commands).
    """

    concurrency: int
    lease: float
    poll: float
    grace: float
    keep: float
    crashes: int
    largest: int
    embedded: bool


class Outbox:
    """Tasks in the transaction that asks for them, and a runner for them: ``app.use(Database(), Outbox())``.

    Handlers ask for ``queue: Queue`` and put functions marked with `@task`.

    Arguments:
        tasks: functions, and modules of functions, that are tasks of this app. Those that the modules of the app's
            own functions name are known without being listed.
        options: see `OutboxOptions`.

    Raises:
        SetupError: an option that cannot be (``bad-task``).

    Example:
        >>> from wholestack.outbox import task
        >>> told = []
        >>> @task
        ... def tell(post_id: int) -> None:
        ...     told.append(post_id)
        >>> app = App()
        >>> app.use(Database("sqlite://"), Outbox(tell))
        >>> @app.post("/posts")
        ... def publish(queue: Queue) -> int:
        ...     return queue.put(tell, 7)
    """

    def __init__(self, *tasks: Listed, **options: Unpack[OutboxOptions]) -> None:
        self.tasks = tasks
        self.concurrency: int = options.get("concurrency", 4)
        self.poll: float = options.get("poll", 1.0)
        self.grace: float = options.get("grace", 5.0)
        self.largest: int = options.get("largest", 65_536)
        self.embedded: bool | None = options.get("embedded")
        self.times: Times = Times(
            options.get("lease", 30.0), options.get("keep", 7 * 86_400.0), options.get("crashes", 3)
        )
        positive = (self.concurrency, self.poll, self.largest, self.times.lease, self.times.crashes)
        if min(positive) <= 0 or self.grace < 0 or self.times.keep < 0:
            message = (
                "An Outbox needs a concurrency, a poll, a lease, crashes and a size above 0, and times of 0 or more."
            )
            raise SetupError([Fault("bad-task", message, _caller(), "Leave the option out for its default.")])

    def setup(self, app: App) -> None:
        """Give handlers the queue, and the app's life a runner."""
        database = self._database(app)
        metadata = database.metadata
        if Entry.__tablename__ not in metadata.tables:
            Entry.metadata.tables[Entry.__tablename__].to_metadata(metadata)
        tasks = Tasks(app, database, self.tasks, self.largest)

        def queue(db: Session) -> Queue:
            return Queue(app, db)

        def tasks_are_sound() -> list[Fault]:
            faults: list[Fault] = []
            tasks.bind(app.seal().providers, faults)
            return faults

        @contextlib.asynccontextmanager
        async def run_tasks() -> AsyncIterator[None]:
            tasks.ready()  # What is wrong with them is told at the start, whoever runs them.
            if not self.is_embedded:
                yield
                return
            runner = self._runner(tasks)
            tasks.wake = runner.wake
            async with runner.running():
                yield

        app.provide(queue)
        app.check(tasks_are_sound)
        app.lifespan(run_tasks)

    @property
    def is_embedded(self) -> bool:
        """Whether this process runs tasks."""
        switch = os.environ.get(SWITCH)
        if switch in {"on", "off"}:
            return switch == "on"
        if self.embedded is not None:
            return self.embedded
        return stage() != "test" and not _BY_HAND & sys.modules.keys()

    @property
    def outbox_tasks(self) -> tuple[Listed, ...]:
        """What it brings itself: messages of channels, where there are any."""
        if "wholestack.realtime" not in sys.modules:
            return ()
        from ._broadcast import broadcast

        return (broadcast,)

    def _database(self, app: App) -> Database:
        """The database that handlers get as `Session`; it starts before the outbox, and stops after it."""
        for plugin in app.plugins[: app.plugins.index(self)]:
            if isinstance(plugin, Database) and plugin.is_default and not plugin.read_only:
                return plugin
        message = "An Outbox needs a Database that takes writes, used before it."
        raise SetupError([Fault("no-database", message, where_of(type(self)), "app.use(Database(), Outbox())")])

    def _runner(self, tasks: Tasks) -> Runner:
        """A runner on connections of its own: tasks take none from requests, nor the other way round."""
        database = tasks.database
        units = database.apart("tasks", self.concurrency + _BESIDE_RUNS)
        faults: list[Fault] = []
        provision = Provision(units.provider(Session), "request", True, where_of(Database), outermost=True)
        session = provider_of(provision, faults)
        providers: Providers = tasks.app.seal().providers.nearer([session] if session is not None else [])
        bound = {each.task.name: each for each in tasks.bind(providers, faults)}
        if faults:
            raise SetupError(faults)
        store = Store(units.opened, self.times, mariadb=database.kind == "mariadb")
        return Runner(bound, store, concurrency=self.concurrency, poll=self.poll, grace=self.grace)

    def __repr__(self) -> str:
        return f"<Outbox concurrency={self.concurrency} lease={self.times.lease:g}>"


async def settled(app: App, ahead: datetime.timedelta = datetime.timedelta(0)) -> list[Entry]:
    """Run all that is due, one after the other, and what that puts; see `settle`, which plain code calls."""
    lifetime = app.seal().lifetime
    if lifetime.started:
        return await _settled(app, ahead)
    await lifetime.start()
    try:
        return await _settled(app, ahead)
    finally:
        await lifetime.stop()


async def _settled(app: App, ahead: datetime.timedelta) -> list[Entry]:
    tasks = tasks_of(app)
    store = Store(tasks.database.units.opened, app.plugin(Outbox).times, ahead)
    carrier = Carrier(tasks.ready(), store, 1)
    numbers: dict[int, None] = {}
    try:
        # By the clock, which may be ahead: whoever settles says what time it is.
        over = [each for each in await carrier.ask(store.held) if each.due <= store.now()]
        await carrier.ask(store.rescue, over)
        while taken := [*await carrier.ask(store.take, 1), *await carrier.ask(store.take, 1, suspects=True)]:
            for each in taken:
                await carrier.carry_out(each)
                numbers[each.id] = None
        return await carrier.ask(store.entries, list(numbers))
    finally:
        carrier.stop()


def settle(app: App, ahead: datetime.timedelta = datetime.timedelta(0)) -> list[Entry]:
    """Run all that is due, one after the other, and what that puts; for tests and scripts, in plain code.

    Arguments:
        app: whose tasks are to be run.
        ahead: how much later it is taken to be: for what was put with `at=`, and for retries.

    Returns:
        the entries that were run, as they are now.

    Example:
        >>> from wholestack.outbox import task
        >>> told = []
        >>> @task
        ... def tell(post_id: int) -> None:
        ...     told.append(post_id)
        >>> app = App()
        >>> app.use(Database("sqlite://"), Outbox(tell, embedded=False))
        >>> app.plugin(Database).create_tables()
        >>> with app.session() as db:
        ...     number = Queue(app, db).put(tell, 7)
        >>> [entry.state.value for entry in settle(app)], told
        (['done'], [7])
    """
    return wait(settled(app, ahead))


def _caller() -> str:
    frame: Any = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
