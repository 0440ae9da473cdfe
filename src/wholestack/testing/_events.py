"""Server-sent events as a test reads them (the HTML standard §9.2.6)."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ._sockets import read

if TYPE_CHECKING:
    from ._core import Flow
    from ._life import Life

T = TypeVar("T")

_AHEAD = 16
_TURNS = 20
"""Turns of the loop in which a handler's source gets from its head to its first wait."""


@dataclasses.dataclass(frozen=True)
class ReceivedEvent(Generic[T]):
    """An event that came: its data, the id to come back with, and its name; of a ``reset`` the data is None."""

    data: T
    id: str
    event: str


class EventStream(Generic[T]):
    """The events of one answer that has begun: what happens from now on will come. Leave it by `close`, or a `with`."""

    def __init__(self, opened: contextlib.ExitStack, life: Life, flow: Flow, kind: Any) -> None:
        self._opened = opened
        self._life = life
        self._parser = EventParser(kind)
        self._ready: deque[ReceivedEvent[T]] = deque()
        self._came: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(_AHEAD)
        life.run(self._begin(flow))

    async def _begin(self, flow: Flow) -> None:
        """Read ahead, a little: so the handler's source begins, and hears of what the test does next."""
        self._reading = asyncio.ensure_future(_read(flow, self._came))
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ReceivedEvent[T]:
        while not self._ready:
            came = None if self._reading.cancelled() else self._life.run(self._came.get())
            if not isinstance(came, bytes):
                self.close()
                raise StopIteration if came is None else came
            self._ready.extend(self._parser.feed(came))
        return self._ready.popleft()

    def close(self) -> None:
        """Leave, as a browser does that closes the page."""
        if not self._life.over and not self._reading.done():
            self._life.run(self._leave())
        self._opened.close()

    async def _leave(self) -> None:
        self._reading.cancel()
        await asyncio.wait({self._reading})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()  # `next(client.events(…))` leaves nothing open.


async def _read(flow: Flow, came: asyncio.Queue[bytes | BaseException | None]) -> None:
    """Put what comes into the queue; it knows no `EventStream`, so that one nobody holds is closed."""
    try:
        while (chunk := await flow.chunk()) is not None:
            await came.put(chunk)
        await came.put(None)
    except Exception as error:
        await came.put(error)


class EventParser:
    r"""Turns a body's chunks into events.

    Attributes:
        last_id: the id of the last event, with which a browser would come back.
        retry: milliseconds after which it would, where the app has said so.

    Example:
        >>> list(EventParser(str).feed(b"id: 7\ndata: a\n\n: beat\n\ndata: b\n"))
        [ReceivedEvent(data='a', id='7', event='message')]
    """

    def __init__(self, kind: Any) -> None:
        self.last_id = ""
        self.retry: int | None = None
        self._kind = kind
        self._rest = b""
        self._data: list[str] = []
        self._event = ""

    def feed(self, chunk: bytes) -> Iterator[ReceivedEvent[Any]]:
        """The events that end in this chunk."""
        self._rest += chunk
        *lines, self._rest = self._rest.replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if not line:
                yield from self._dispatch()
                continue
            name, _, value = line.decode().partition(":")
            self._take(name, value.removeprefix(" "))

    def _take(self, name: str, value: str) -> None:
        if name == "data":
            self._data.append(value)
        elif name == "id":
            self.last_id = value
        elif name == "event":
            self._event = value
        elif name == "retry" and value.isdecimal():
            self.retry = int(value)

    def _dispatch(self) -> Iterator[ReceivedEvent[Any]]:
        text, event = "\n".join(self._data), self._event or "message"
        had_data, self._data, self._event = bool(self._data), [], ""
        if had_data:
            yield ReceivedEvent(None if event == "reset" else read(text, self._kind), self.last_id, event)
