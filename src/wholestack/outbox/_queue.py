"""The queue: what a handler puts tasks into, in its own transaction."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from sqlalchemy import case, insert, select, update
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql import func

from wholestack import App
from wholestack.db import Session, TransactionConflict
from wholestack.handlers import current_request

from ._entry import Entry, State, now
from ._errors import PayloadRefused
from ._tasks import Tasks, tasks_of

if TYPE_CHECKING:
    from wholestack.realtime import Channel

P = ParamSpec("P")
T = TypeVar("T")

_TABLE: Any = Entry.__table__
_C: Any = _TABLE.c
_LONGEST_KEY = 255
_TURNS = 3
_PUT = insert(_TABLE)
# With a key that is there already, each of these changes nothing, and waits for who is just about to put it.
_ONCE: dict[str, Any] = {
    "sqlite": sqlite_insert(_TABLE).on_conflict_do_nothing(index_elements=["task", "key"]).returning(_C.id),
    "postgresql": postgresql_insert(_TABLE).on_conflict_do_nothing(index_elements=["task", "key"]).returning(_C.id),
    "mariadb": mysql_insert(_TABLE).on_duplicate_key_update(id=func.last_insert_id(_C.id)),
}


class Queue:
    """Tasks to be run when, and only if, this transaction commits; a handler asks for ``queue: Queue``.

    Arguments:
        app: whose tasks these are.
        session: in whose transaction they are put; a handler's `Queue` has the session that the handler has.

    Example:
        >>> from wholestack.db import Database
        >>> from wholestack.outbox import Entry, Outbox, task
        >>> @task
        ... def tell(post_id: int) -> None: ...
        >>> app = App()
        >>> app.use(Database("sqlite://"), Outbox(tell))
        >>> app.plugin(Database).create_tables()
        >>> with app.session() as db:
        ...     number = Queue(app, db).put(tell, 7)
        >>> with app.session() as db:
        ...     db.get(Entry, number).payload
        '{"post_id":7}'
    """

    def __init__(self, app: App, session: Session) -> None:
        self._tasks: Tasks = tasks_of(app)
        self._session = session

    @overload
    def put(
        self,
        function: Callable[..., object],
        /,
        *args: Any,
        at: datetime.datetime | datetime.timedelta,
        key: str | None = None,
        **kwargs: Any,
    ) -> int: ...
    @overload
    def put(self, function: Callable[..., object], /, *args: Any, key: str, **kwargs: Any) -> int: ...
    @overload
    def put(self, function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> int: ...
    def put(self, function: Callable[..., object], /, *args: Any, **kwargs: Any) -> int:
        """Have a task run once this transaction has committed; if it rolls back, nothing was put.

        Arguments:
            function: a function marked with `@task`.
            args, kwargs: its arguments, without those that the framework gives; checked here, and kept as JSON. A type
                checker compares them with the function's own, but for a call with `at` or `key`.
            at: not before this moment (with its time zone), or this long from now.
            key: there is never more than one entry of a task with the same key: what is put with it again, also
                after the first has run, is the first, for as long as the row is kept (`Outbox(keep=…)`).

        Returns:
            the entry's number, `Entry.id`.

        Raises:
            TaskUnknown: the app does not know this task.
            PayloadRefused: other arguments than it takes, too many bytes, or no key or moment.
        """
        at, key = kwargs.pop("at", None), kwargs.pop("key", None)
        bound = self._tasks.bound(function)
        payload = bound.written(args, kwargs, self._tasks.largest)
        moment = now()
        request = current_request.get()
        row = {
            "task": bound.task.name,
            "key": key,
            "payload": payload,
            "state": State.WAITING,
            "due": moment if at is None else _moment(at, moment),
            "attempts": 0,
            "failures": 0,
            "crashes": 0,
            "token": 0,
            "cancelling": False,
            "request": request.id[:64] if request is not None and request.id else None,
            "created_at": moment,
        }
        number = self._put(row) if key is None else self._put_once(row, key)
        self._wake()
        return number

    def publish(self, channel: Channel[T], message: T, room: str = "") -> int:
        """Send a message to all who subscribe to a room once this transaction has committed; if it rolls back, nobody
        gets it. ``await channel.publish(…)`` sends at once, before what the message is about can be read.

        Messages that are put one after the other may arrive in another order.

        Arguments:
            channel: the channel that the handler has asked for.
            message: what is sent.
            room: its name, at most 200 characters.

        Returns:
            the entry's number, `Entry.id`.

        Raises:
            ValueError: the room's name is too long, or the message is not of the channel's type.
            PayloadRefused: the message has too many bytes.
        """
        from ._broadcast import broadcast  # An app without channels does not load them.

        topic, written = channel.sent(message, room)
        return self.put(broadcast, topic, written.decode())

    def _put(self, row: dict[str, Any]) -> int:
        found: Any = self._session.execute(_PUT, row)
        return int(found.inserted_primary_key[0])

    def _put_once(self, row: dict[str, Any], key: str) -> int:
        if not 1 <= len(key) <= _LONGEST_KEY or "\0" in key or not key.isprintable():
            raise PayloadRefused(f"A key has from 1 to {_LONGEST_KEY} printable characters.")
        kind = self._tasks.database.kind
        same = select(_C.id).where(_C.task == row["task"], _C.key == key)
        for _ in range(_TURNS):
            found: Any = self._session.execute(_ONCE[kind], row)
            if kind == "mariadb":
                return int(found.lastrowid)
            number: Any = found.scalar_one_or_none() or self._session.scalar(same)
            if number is not None:
                return int(number)
        raise TransactionConflict  # The first was there each time, and was taken away before it could be seen.

    def cancel(self, number: int) -> bool:
        """Take an entry back: what waits will not run; what runs is told to end, and ends where it waits or says how
        far it is (`Progress`).

        Returns:
            whether there was something to take back.
        """
        waiting = _C.state == State.WAITING
        values = {
            "state": case((waiting, State.CANCELLED), else_=_C.state),
            "due": case((waiting, None), else_=_C.due),
            "finished_at": case((waiting, now()), else_=_C.finished_at),
            "cancelling": True,
        }
        return self._change(number, (State.WAITING, State.RUNNING), values)

    def retry(self, number: int) -> bool:
        """Let an entry run again that is dead, cancelled, parked or done, with all its tries.

        Returns:
            whether there was such an entry.
        """
        ended = (State.DEAD, State.CANCELLED, State.PARKED, State.DONE)
        values = {
            "state": State.WAITING,
            "due": now(),
            "finished_at": None,
            "failures": 0,
            "crashes": 0,
            "cancelling": False,
        }
        return self._change(number, ended, values)

    def _change(self, number: int, states: tuple[State, ...], values: dict[str, Any]) -> bool:
        wanted = (_C.id == number, _C.state.in_(states))
        found: Any = self._session.execute(update(_TABLE).where(*wanted).values(values))
        self._wake()
        return bool(found.rowcount == 1)

    def _wake(self) -> None:
        """Let the runner of this process look as soon as this has committed; others look once a second."""
        self._session.after(commit=self._tasks.wake)  # Each time: a savepoint may take one back.


def _moment(at: datetime.datetime | datetime.timedelta, moment: datetime.datetime) -> datetime.datetime:
    """When an entry is due."""
    try:
        due = moment + at if isinstance(at, datetime.timedelta) else at
        if due.tzinfo is None:
            raise PayloadRefused(
                "`at` is a moment with its time zone, or a time from now: datetime.timedelta(hours=1)."
            )
        return due.astimezone(datetime.UTC)
    except OverflowError:
        raise PayloadRefused("`at` lies beyond the calendar.") from None
