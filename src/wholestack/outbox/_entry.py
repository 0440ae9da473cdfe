"""The table: one row for each task that was put, from the transaction that put it to long after its end."""

from __future__ import annotations

import datetime
import enum
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.mysql import MEDIUMTEXT, VARCHAR
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from wholestack.db import Model, Moment

# MariaDB's usual collation takes "A" and "a" for one name.
_NAME = String(255).with_variant(VARCHAR(255, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
_LONG = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


class State(enum.StrEnum):
    """Where an entry stands."""

    WAITING = "waiting"
    """Put, given back, or to be tried again; `due` says from when on."""
    RUNNING = "running"
    """A process runs it, and says so again before `due`."""
    DONE = "done"
    """Run to its end, in the transaction that says so."""
    DEAD = "dead"
    """Given up: it raised, or ended its process, as often as it may."""
    CANCELLED = "cancelled"
    """Taken back by `queue.cancel`."""
    PARKED = "parked"
    """It cannot be run by this release: its task is not known, or its payload does not fit; `error` says which."""


class Entry(Model):
    """A task that was put into the outbox. Rows are read as those of any model; to change one, use `Queue`.

    Attributes:
        id: its number, in the order in which entries were put.
        task: the name of the function.
        key: what makes it the only one, if it was put with a key.
        payload: the arguments as JSON.
        state: where it stands.
        due: when somebody is to take it next: not before this moment; of a running one, the end of its lease. None:
            never.
        attempts: how often it was begun.
        failures: how many of these raised.
        crashes: how many of these ended without a word, since their process was killed or cut off.
        token: which run is the present one; another one's result is refused (fencing).
        cancelling: it runs, and is to end.
        progress: from 0 to 1, as the task says.
        note: what the task says of its progress.
        error: why it last failed, or why it is parked.
        runner: the host and the process that run it, or did.
        request: the id of the request that put it, as in the log.
        created_at: when it was put.
        started_at: when it was last begun.
        finished_at: when it was done, given up, cancelled or parked.
    """

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805  (SQLAlchemy's way: a class is asked)
        return "outbox"

    __table_args__: Any = (
        UniqueConstraint("task", "key"),
        # What is due is found by one index, however many have ended: theirs is NULL.
        Index(None, "due", "id"),
        Index(None, "finished_at"),
    )

    task: Mapped[str] = mapped_column(_NAME)
    key: Mapped[str | None] = mapped_column(_NAME, default=None)
    payload: Mapped[str] = mapped_column(_LONG)
    state: Mapped[State] = mapped_column(default=State.WAITING)
    due: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    token: Mapped[int] = mapped_column(BigInteger(), default=0)
    cancelling: Mapped[bool] = mapped_column(default=False)
    progress: Mapped[float | None] = mapped_column(default=None)
    note: Mapped[str | None] = mapped_column(String(255), default=None)
    error: Mapped[str | None] = mapped_column(_LONG, default=None)
    runner: Mapped[str | None] = mapped_column(String(255), default=None)
    request: Mapped[str | None] = mapped_column(String(64), default=None)
    created_at: Mapped[datetime.datetime] = mapped_column(Moment())
    started_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)


LIVE = (State.WAITING, State.RUNNING)
"""The states in which an entry still has something before it."""


def now() -> datetime.datetime:
    """The present moment, in UTC."""
    return datetime.datetime.now(datetime.UTC)
