"""What the runner asks of the table: take entries, keep them, give them back, and say how they ended.

Each call is one short transaction. Whoever takes an entry raises its `token`; all that is said of a run afterwards
names the token that it was begun with, so a run that was taken over meanwhile changes nothing any more (fencing).
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import random
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Integer, and_, bindparam, delete, or_, select, update

from wholestack.db import Opened, Session

from ._entry import Entry, State, now
from ._leases import Held

_TABLE: Any = Entry.__table__
_C: Any = _TABLE.c
_LONGEST_ERROR = 2000
_BATCH = 500
UNKNOWN = "unknown-task"
"""How the `error` of an entry begins whose task this release does not know."""


Told = tuple[float | None, str | None]
"""Progress, from 0 to 1, and a note."""
Over = Literal["lost", "cancelled"]


class Taken(NamedTuple):
    """An entry that this process runs, as it was when it was taken."""

    id: int
    task: str
    payload: str
    attempts: int
    failures: int
    crashes: int
    token: int
    request: str | None


_MINE = (_C.id == bindparam("at_id"), _C.token == bindparam("at_token"), _C.state == State.RUNNING)

# Made once: to build them costs more than to run them.
_DUE = select(_C.id).where(_C.due <= bindparam("now")).limit(1)
_HELD = select(*(getattr(_C, name) for name in Held._fields)).where(
    _C.due <= bindparam("soon"), _C.state == State.RUNNING
)
_NEXT = {
    suspects: select(*(getattr(_C, name) for name in Taken._fields))
    .where(_C.due <= bindparam("now"), _C.state == State.WAITING, _C.crashes > 0 if suspects else _C.crashes == 0)
    .order_by(_C.due, _C.id)
    .limit(bindparam("most", type_=Integer()))
    # SQLite has one lock for all, which is held already, and leaves this out.
    .with_for_update(skip_locked=True)
    for suspects in (False, True)
}
_BEGIN = (
    update(_TABLE)
    .where(_C.id.in_(bindparam("numbers", expanding=True)))
    .values(state=State.RUNNING, attempts=_C.attempts + 1, token=_C.token + 1, cancelling=False)
    .values(progress=None, note=None)
    .values({name: bindparam(f"to_{name}") for name in ("due", "runner", "started_at")})
)
_DONE = (
    update(_TABLE)
    .where(*_MINE)
    .values(state=State.DONE, due=None, error=None)
    .values({name: bindparam(f"to_{name}") for name in ("finished_at", "progress", "note")})
)


@dataclasses.dataclass(frozen=True)
class Times:
    """How long what takes, in seconds.

    Attributes:
        lease: how long an entry belongs to a process that does not say so again.
        keep: how long entries are kept that are done or cancelled.
        crashes: how often an entry may end its process (a count).
    """

    lease: float = 30.0
    keep: float = 7 * 86400.0
    crashes: int = 3


class Store:
    """The table, for one runner.

    Arguments:
        opened: opens a session that begins in a mode (`Units.opened`).
        times: how long what takes.
        ahead: how much later than the clock it is taken to be (tests).
        mariadb: whether the database is one, which would lock more than it must.
    """

    def __init__(
        self,
        opened: Callable[[Literal["write", "lazy"]], Opened],
        times: Times,
        ahead: datetime.timedelta = datetime.timedelta(0),
        *,
        mariadb: bool = False,
    ) -> None:
        self.times = times
        self._opened = opened
        self._ahead = ahead
        self._mariadb = mariadb
        self.name = f"{socket.gethostname()[:200]}:{os.getpid()}"

    def now(self) -> datetime.datetime:
        """The moment that counts."""
        return now() + self._ahead

    def _later(self, seconds: float) -> datetime.datetime:
        return self.now() + datetime.timedelta(seconds=seconds)

    def _soon(self) -> datetime.datetime:
        """No lease of a process whose clock is right ends later than this."""
        return self._later(2 * self.times.lease)

    # -- taking --------------------------------------------------------------------------------------------------

    def is_due(self) -> bool:
        """Whether there is anything to take or to rescue: a look that locks nothing and writes nothing."""
        with self._opened("lazy") as session:
            return session.scalar(_DUE, {"now": self.now()}) is not None

    def take(self, most: int, *, suspects: bool = False) -> Sequence[Taken]:
        """Take up to so many entries that are due, the longest due first.

        Arguments:
            most: how many.
            suspects: take those that were running when a process ended without a word, and no others.
        """
        at = self.now()
        with self._locking() as session:
            rows = session.execute(_NEXT[suspects], {"now": at, "most": most}).all()
            if rows:
                words = {"to_due": self._later(self.times.lease), "to_runner": self.name, "to_started_at": at}
                session.execute(_BEGIN, {"numbers": [row.id for row in rows], **words})
        taken = (Taken(*row) for row in rows)
        return [each._replace(attempts=each.attempts + 1, token=each.token + 1) for each in taken]

    def held(self) -> list[Held]:
        """What runs, here and elsewhere: a look that locks nothing and writes nothing."""
        with self._opened("lazy") as session:
            return [Held(*row) for row in session.execute(_HELD, {"soon": self._soon()})]

    def rescue(self, left: Sequence[Held]) -> int:
        """Let those run again whose process has said nothing for longer than its lease; how many there were.

        Arguments:
            left: what was found to be left behind; one of which has been heard meanwhile is left alone.
        """
        marks = {each.id: each for each in left[:_BATCH]}
        with self._locking() as session:
            over = select(_C.id, _C.token, _C.due, _C.crashes, _C.cancelling).where(
                _C.id.in_(list(marks)), _C.state == State.RUNNING
            )
            found = session.execute(over.order_by(_C.id).with_for_update(skip_locked=True)).all()
            rows = [row for row in found if marks[row.id] == (row.id, row.token, row.due)]
            for row in rows:
                crashes = row.crashes + 1
                if row.cancelling:
                    values = self._ended(State.CANCELLED)
                elif crashes >= self.times.crashes:
                    words = f"its process ended without a word {crashes} times: killed, out of memory, or cut off"
                    values = self._ended(State.DEAD, words)
                else:
                    values = {"state": State.WAITING, "due": self._later(random.uniform(0, 1))}  # noqa: S311
                session.execute(update(_TABLE).where(_C.id == row.id).values({**values, "crashes": crashes}))
        return len(rows)

    def set_right(self) -> int:
        """Bring back to the present what a clock has written that was put back since; how many rows that were.

        What was put or begun at a moment that is yet to come says by it that it is of such a clock. A moment that
        somebody has asked for (`at=`) stays as it is.
        """
        at, soon = self.now(), self._soon()
        begun = _C.started_at > soon
        put = and_(_C.started_at.is_(None), _C.created_at > soon, _C.due <= _C.created_at)
        of_it = or_(_C.state == State.RUNNING, and_(_C.state == State.WAITING, or_(begun, put)))
        wanted = select(_C.id, _C.state, _C.due, _C.started_at).where(_C.due > soon, of_it).order_by(_C.id)
        count = 0
        while True:
            with self._locking() as session:
                rows = session.execute(wanted.limit(_BATCH).with_for_update(skip_locked=True)).all()
                for row in rows:
                    values = {"due": at}
                    if row.state is State.RUNNING:  # Whoever runs it says so again; else its lease is over some day.
                        values = {"due": self._later(self.times.lease)}
                    elif row.started_at is not None and row.started_at > soon:  # As long a pause as it was given.
                        values = {"due": at + max(row.due - row.started_at, datetime.timedelta()), "started_at": at}
                    session.execute(update(_TABLE).where(_C.id == row.id).values(values))
            count += len(rows)
            if len(rows) < _BATCH:
                return count

    @contextlib.contextmanager
    def _locking(self) -> Iterator[Session]:
        """A transaction that takes rows which nobody else is taking."""
        with self._opened("lazy" if self._mariadb else "write") as session:
            if self._mariadb:
                # REPEATABLE READ would lock the gaps between rows, too, and with them whoever puts another. It is said
                # before the transaction begins, and not in SQLAlchemy's way, which ends a connection's autocommit.
                connection: Any = session.connection().connection.dbapi_connection
                connection.run(connection.query, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            yield session

    # -- keeping -------------------------------------------------------------------------------------------------

    def keep(self, runs: Mapping[int, int], told: Mapping[int, Told]) -> dict[int, Over]:
        """Say that these runs go on, and what they say of their progress.

        Arguments:
            runs: the token of each entry.
            told: progress and note of those that have said something new.

        Returns:
            what has come to those that should not go on: ``"lost"`` or ``"cancelled"``.
        """
        with self._opened("write") as session:
            mine = or_(*(and_(_C.id == number, _C.token == token) for number, token in runs.items()))
            due = {"due": self._later(self.times.lease)}
            session.execute(update(_TABLE).where(_C.state == State.RUNNING, mine).values(due))
            for number, (progress, note) in told.items():
                self._say(session, number, runs[number], {"progress": progress, "note": note})
            # One that has just been done is ours as well, though it does not run any more.
            ours = (_C.state.in_([State.RUNNING, State.DONE]), mine)
            rows = session.execute(select(_C.id, _C.cancelling).where(*ours)).all()
        there = {row.id: row.cancelling for row in rows}
        return {each: "lost" if each not in there else "cancelled" for each in runs if there.get(each, True)}

    def calls_off(self, runs: Collection[int]) -> bool:
        """Whether one of these runs is to be cancelled: a look that writes nothing."""
        with self._opened("lazy") as session:
            return session.scalar(select(_C.id).where(_C.id.in_(list(runs)), _C.cancelling).limit(1)) is not None

    # -- ending --------------------------------------------------------------------------------------------------

    def done(self, session: Session, run: Taken, progress: float | None, note: str | None) -> bool:
        """Mark a run done in its own transaction; False where it has been taken over."""
        words = {"to_finished_at": self.now(), "to_progress": progress, "to_note": note}
        found: Any = session.execute(_DONE, {"at_id": run.id, "at_token": run.token, **words})
        return bool(found.rowcount == 1)

    def failed(self, run: Taken, error: str, again: float | None) -> bool:
        """A run raised; it is tried again in so many seconds, or given up."""
        values: dict[str, Any] = {"state": State.WAITING, "due": self._later(again or 0.0)}
        if again is None:
            values = self._ended(State.DEAD)
        return self._alone(run, {**values, "failures": run.failures + 1, "error": told_of(error)})

    def cancelled(self, run: Taken) -> bool:
        """A run was ended since somebody has cancelled it."""
        return self._alone(run, self._ended(State.CANCELLED))

    def give_back(self, *runs: Taken) -> int:
        """Runs were cut off by a stop, or have not begun: they are begun anew, and count as no attempt; how many."""
        mine = or_(*(and_(_C.id == run.id, _C.token == run.token) for run in runs))
        back = {"state": State.WAITING, "due": self.now(), "attempts": _C.attempts - 1}
        with self._opened("write") as session:
            found: Any = session.execute(update(_TABLE).where(_C.state == State.RUNNING, mine).values(back))
            return int(found.rowcount)

    def park(self, run: Taken, reason: str) -> bool:
        """This release cannot run it: it is kept until one can, or until somebody says what is to become of it."""
        return self._alone(run, {**self._ended(State.PARKED, reason), "attempts": run.attempts - 1})

    def _ended(self, state: State, error: str | None = None) -> dict[str, Any]:
        values = {"state": state, "due": None, "finished_at": self.now()}
        return values if error is None else {**values, "error": told_of(error)}

    def _alone(self, run: Taken, values: dict[str, Any]) -> bool:
        with self._opened("write") as session:
            return self._say(session, run.id, run.token, values)

    def _say(self, session: Session, number: int, token: int, values: dict[str, Any]) -> bool:
        statement = update(_TABLE).where(*_MINE).values(values)
        found: Any = session.execute(statement, {"at_id": number, "at_token": token})
        return bool(found.rowcount == 1)

    # -- looking after it ----------------------------------------------------------------------------------------

    def wake_known(self, names: Collection[str]) -> int:
        """Let those go on that were parked by a release which did not know their task; how many there were."""
        # By its index: what has ended has a time at which it did.
        parked = (_C.state == State.PARKED, _C.finished_at.is_not(None), _C.task.in_(list(names)))
        unknown = _C.error.startswith(UNKNOWN)
        with self._opened("write") as session:
            again = {"state": State.WAITING, "due": self.now(), "finished_at": None, "error": None}
            found: Any = session.execute(update(_TABLE).where(*parked, unknown).values(again))
            return int(found.rowcount)

    def sweep(self) -> int:
        """Take away, in small steps, what was done or cancelled long ago; how many rows that were."""
        old = self._later(-self.times.keep)
        ended = (_C.finished_at < old, _C.state.in_([State.DONE, State.CANCELLED]))
        count = 0
        while True:
            with self._opened("write") as session:
                numbers = session.scalars(select(_C.id).where(*ended).limit(_BATCH)).all()
                if numbers:
                    session.execute(delete(_TABLE).where(_C.id.in_(numbers)))
            count += len(numbers)
            if len(numbers) < _BATCH:
                return count

    def entries(self, numbers: Collection[int]) -> list[Entry]:
        """These entries as they are now."""
        with self._opened("lazy") as session:
            return list(session.scalars(select(Entry).where(Entry.id.in_(list(numbers))).order_by(Entry.id)))


def told_of(error: str) -> str:
    r"""Words that every database can keep, and that are not too many.

    Example:
        >>> told_of("a\0b\ud800")
        'a�b?'
    """
    return error.replace("\0", "�").encode("utf-8", "replace").decode()[:_LONGEST_ERROR]
