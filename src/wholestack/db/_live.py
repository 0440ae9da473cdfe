"""A session in a socket or in a stream of events: a unit for each message, and no connection between two of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from wholestack.handlers import Drive

from ._colour import WAITING
from ._session import Session
from ._watch import Watch

if TYPE_CHECKING:
    from wholestack.realtime import Held


class LiveUnit:
    """What `wholestack.realtime` tells of the life of a handler or stream; see its `Held`.

    Arguments:
        session: the handler's or the stream's.
        manual: the handler commits by hand.

    Attributes:
        is_told: whether it is told of each message; else its chunks are its messages.
    """

    def __init__(self, session: Session, *, manual: bool = False) -> None:
        self.is_told: bool = False
        self._session = session
        self._manual = manual
        self._strict: bool | None = None if session.watch is None else session.watch.strict

    def rest(self) -> None:
        """Give the connection back while something else is waited for: a unit that only reads needs none meanwhile."""
        session = self._session
        unit = session._unit
        if not session.in_transaction() or unit is None or unit.holds() or asyncio.current_task() in WAITING:
            return
        if (unit.lazy or session.mode == "read") and not session.is_changed and not session.waits_for_end:
            session.commit()  # Of nothing; what was loaded stays.
            session.pause()

    def over(self, *, read: bool) -> None:
        """Commit what was done for a message: before an answer to it is sent, and before the next one is read."""
        self.is_told = True
        session = self._session
        unit = session._unit
        if session.in_transaction() and unit is not None and unit.holds():
            return  # The message is part of a larger answer, whose rows are still being read.
        if self._manual:
            self.rest()
        elif session.in_transaction() or session.is_changed or session.waits_for_end:
            session.commit()
            session.pause()
        if read:
            session.expire_all()
        if self._strict is not None:
            session.watch = Watch(strict=self._strict)

    async def step(self, chunks: Any) -> Any:
        """The next chunk of a stream, whose generator may wait for the database in plain calls."""
        if self.is_told:
            return await Drive(_next(chunks))
        from wholestack.realtime import drive

        chunk = await drive(_next(chunks))
        if not self.is_told:
            await Drive(self._chunk_is_over())
        return chunk

    async def _chunk_is_over(self) -> None:
        self.over(read=False)
        self.is_told = False


async def _next(chunks: Any) -> Any:
    return await anext(chunks)


class StreamUnit(LiveUnit):
    """The same for a stream that is not told message by message: its connection is its own until it ends."""

    def rest(self) -> None:
        """Nothing: rows are read as they are sent."""

    def over(self, *, read: bool) -> None:
        """Nothing."""

    async def step(self, chunks: Any) -> Any:
        """The next chunk."""
        return await Drive(_next(chunks))


def hold(unit: Held) -> None:
    """Let the handler or stream at hand tell a unit of its life."""
    from wholestack.realtime import held

    held.set((*held.get(), unit))
