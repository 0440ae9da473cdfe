"""What a streamed answer is made of: an iterable in either colour, taken item by item while the client is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from time import monotonic
from typing import Any

from ._backend import QuickFeed, Stored
from ._ending import Ending
from ._held import driven, held, rest

_BATCH = 64 * 1024
"""Bytes of rows that go together."""
_ROWS = 64
"""Rows that are written together."""
_QUICK = 0.001
"""Seconds: what came sooner waits for what comes next, to be sent with it."""
_AHEAD = 128
"""Rows that an async source may be ahead of what is sent."""


class Waiting:
    """What a stream waits on: the next items, a silence, or a stop.

    Attributes:
        over: nothing comes any more.
        stopped: the server stops, and this with it.
        word: why it was told to end, where the app has said so.
    """

    def __init__(self, ending: Ending, *, until_stop: bool) -> None:
        self.over: bool = False
        self.stopped: bool = False
        self.word: str | None = None
        self._ending = ending
        self._until_stop = until_stop
        self._waiter: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        ending.add(self)

    def tell(self) -> None:
        """Something has come."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)

    async def _told(self, patience: float | None) -> bool:
        """Wait until something has come; False after a silence."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        if patience is not None:
            # One timer for many waits: it is set anew only when it rings.
            self._since = loop.time()
            if self._timer is None:
                self._timer = loop.call_later(patience, self._ring, patience)
        return await self._waiter

    def _ring(self, patience: float) -> None:
        self._timer = None
        if self._waiter is not None and not self._waiter.done():
            loop = self._waiter.get_loop()
            rest = self._since + patience - loop.time()
            if rest <= 0:
                self._waiter.set_result(False)
            else:
                self._timer = loop.call_later(rest, self._ring, patience)

    async def some(self, patience: float | None = None) -> list[Any]:
        """The next items, in order; none after `patience` seconds without, at a stop, and when it is over."""
        raise NotImplementedError

    async def close(self) -> None:
        """The stream has ended."""
        self._ending.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def end(self) -> None:
        """See `Open.end`."""
        if self._until_stop:
            self.stopped = True
            self.tell()

    def part(self, word: str) -> None:
        """See `Parting`."""
        self.word, self.stopped = word, True
        self.tell()

    def look(self, now: float) -> None:
        """See `Open.look`."""


class Taking(Waiting):
    """An async source, run by one task at the pace of who takes from it.

    Arguments:
        finish: a source whose client leaves goes on to its end.
        ahead: how many items it may be ahead; with one it goes on when the item before has been sent.
    """

    def __init__(
        self, source: AsyncIterable[Any], ending: Ending, *, finish: bool, until_stop: bool, ahead: int = 1
    ) -> None:
        self._source: Any = source.__aiter__()
        self._finish = finish
        self._ahead = ahead
        self._items: list[Any] = []
        self._nobody = False  # The client has left, and the source is to finish.
        self._alone = bool(held.get())  # What it holds is used by one at a time: by it, or by who writes its items.
        self._room: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        super().__init__(ending, until_stop=until_stop)

    async def _run(self) -> None:
        async for item in self._source:
            if self._nobody:
                continue
            self._items.append(item)
            if len(self._items) >= self._ahead:
                self._room = room = asyncio.get_running_loop().create_future()
                rest()  # Before it is told: from there on what it holds is another's.
                self.tell()
                await room
            elif not self._alone:
                self.tell()

    def _go_on(self) -> asyncio.Task[None]:
        """Let the source make its next items."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(driven(self._run()))
            self._task.add_done_callback(lambda _: self.tell())
        elif self._room is not None and not self._room.done():
            self._room.set_result(None)
        return self._task

    async def some(self, patience: float | None = None) -> list[Any]:
        """See `Waiting.some`; raises what the source raises."""
        while not self._items and not self.stopped:
            task = self._go_on()
            if task.done():
                self.over = True
                task.result()
                break
            if not await self._told(patience):
                break
        found, self._items = self._items, []
        return found

    async def close(self) -> None:
        """Let the source end: cancelled where it waits, or, where it is to finish, by itself."""
        await super().close()
        if self.over:
            return
        if self._finish and not self.stopped:
            self._nobody = True
            self._ending.let_finish(self._rest(self._go_on()))
            return
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.exception()
        if hasattr(self._source, "aclose"):
            await self._source.aclose()

    async def _rest(self, task: asyncio.Task[None]) -> None:
        await task


class Following(Waiting):
    """A feed whose messages are taken as they wait, without a task of its own.

    Arguments:
        first: what comes before all messages.
        item: what a message is for the stream; None for itself.
    """

    def __init__(self, feed: QuickFeed, ending: Ending, first: list[Any], item: Callable[[Stored], Any] | None) -> None:
        self._feed = feed
        self._first = first
        self._item = item
        super().__init__(ending, until_stop=True)

    async def some(self, patience: float | None = None) -> list[Any]:
        """See `Waiting.some`."""
        if self._first:
            first, self._first = self._first, []
            return first
        while not self.stopped:
            if found := self._feed.take(self.tell):
                return found if self._item is None else [self._item(stored) for stored in found]
            if not await self._told(patience):
                break
        return []

    async def close(self) -> None:
        """No more of it."""
        await super().close()
        self._feed.close()


class Plain:
    """A plain source, which a worker thread takes item by item; it ends between two of them."""

    def __init__(self, source: Iterable[Any], ending: Ending, *, finish: bool, until_stop: bool) -> None:
        self._source = iter(source)
        self._ending = ending
        self._finish = finish
        self._until_stop = until_stop
        self.stopped = False
        self.word: str | None = None
        ending.add(self)

    def __iter__(self) -> Iterator[Any]:
        try:
            for value in self._source:
                yield value
                if self.stopped:
                    return
        except GeneratorExit:
            if self._finish:
                for _ in self._source:
                    pass
            raise
        finally:
            self._ending.discard(self)
            close: Callable[[], None] = getattr(self._source, "close", _nothing)
            close()

    def end(self) -> None:
        """See `Open.end`."""
        self.stopped = self._until_stop

    def part(self, word: str) -> None:
        """See `Parting`."""
        self.word, self.stopped = word, True

    def look(self, now: float) -> None:
        """See `Open.look`."""


def _nothing() -> None:
    """An iterator without a clean-up."""


Write = Callable[[list[Any]], bytes]


async def async_batches(
    source: AsyncIterable[Any], ending: Ending, write: Write, head: bytes, *, live: bool, finish: bool
) -> AsyncIterator[bytes]:
    """The chunks of an async source, which is taken from the first of them on: what has come goes together."""
    taking = Taking(source, ending, finish=finish, until_stop=live, ahead=1 if live else _AHEAD)
    try:
        if head:
            yield head
        while rows := await taking.some():
            yield write(rows)
    finally:
        await taking.close()


def plain_batches(source: Plain, write: Write, head: bytes, *, live: bool) -> Iterator[bytes]:
    """The chunks of a plain source: what comes quickly goes together, since each chunk costs a crossing of threads."""
    if head:
        yield head
    rows: list[Any] = []
    parts: list[bytes] = []
    size, before = 0, monotonic()
    for row in source:
        rows.append(row)
        now = monotonic()
        slow, before = live or now - before > _QUICK, now
        if slow or len(rows) >= _ROWS:
            parts.append(write(rows))
            size += len(parts[-1])
            rows = []
            if slow or size >= _BATCH:
                yield b"".join(parts)
                parts, size, before = [], 0, monotonic()
    if rows or parts:
        yield b"".join([*parts, write(rows)])
