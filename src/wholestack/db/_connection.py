"""What our connections have in common, whatever the database: when a transaction really begins.

The drivers run in autocommit, and a transaction begins when its unit says so. A unit that *writes* begins at its first
statement. A *lazy* one, a request with a safe method, reads without any and begins before the first statement that may
write: on PostgreSQL that saves two of three round trips, on SQLite the one lock there is. One that only *reads* is a
transaction in which the database itself refuses to write. One that *looks* reads without any, and refuses by itself
what may write: a stream of events, which holds no connection while nothing happens. SQLAlchemy's `isolation_level`
works as it says: it is a promise about a transaction, so one that was asked for it, or whose engine was, is one from
its beginning, whatever its mode.
"""

from __future__ import annotations

from typing import Literal

from ._errors import ReadOnly
from ._statements import may_write
from ._watch import LISTENING, Watch, heard

Mode = Literal["write", "lazy", "read", "look"]

_WITH_LEVEL: dict[Mode, Mode] = {"lazy": "write", "look": "read"}
"""What a unit is that would be no transaction, where it has a level of isolation."""


class UnitOfWork:
    """The part of a connection that knows its unit's mode; mixed into each driver's connection class."""

    lazy: bool = False
    looks: bool = False
    by_hand: bool = False  # SQLAlchemy's AUTOCOMMIT: no unit begins or ends a transaction.
    has_level: bool = False  # A level of isolation was asked for, by the engine or for this unit.
    watch: Watch | None = None

    def begin_unit(self, mode: Mode) -> None:
        """Begin a unit, called when SQLAlchemy begins its transaction."""
        self.watch = None
        if self.has_level:
            mode = _WITH_LEVEL.get(mode, mode)
        self.looks = mode == "look"
        self.lazy = (mode == "lazy" or self.looks) and not self.by_hand
        if not self.lazy and not self.by_hand:
            self.start(mode)

    def before(self, statement: object) -> None:
        """Called before each statement."""
        text = statement if isinstance(statement, str) else str(statement)
        if self.watch is not None:
            self.watch.note(text)
        if LISTENING:
            heard(text)
        if self.lazy and may_write(text):
            if self.looks:
                raise ReadOnly
            self.lazy = False
            self.start("write")

    def start(self, mode: Mode) -> None:
        """Begin a transaction of the database."""
        raise NotImplementedError

    def holds(self) -> bool:
        """Whether a cursor on it has rows that were not read yet."""
        return False

    def let_go(self) -> None:
        """Close what a fork has copied, without a word to the server: the connection is the parent's."""

    def alive(self) -> bool:
        """Whether the server still holds this connection, as far as can be seen without asking it."""
        return True
