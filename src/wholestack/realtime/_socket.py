"""The socket that a handler talks over: typed messages both ways, at the client's pace, until one side leaves."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, Self, TypeVar

from pydantic_core import to_json

from wholestack.errors import ClientDisconnected, ErrorFormat, Forbidden, HTTPError
from wholestack.http import Request

from ._backend import Stored
from ._connections import (
    LATER,
    LOST,
    NORMAL,
    RESTART,
    TOO_BIG,
    UNSUPPORTED,
    WRONG_DATA,
    Connection,
    Counted,
    Data,
    bytes_of,
)
from ._ending import Ending
from ._held import over
from ._messages import Read, Write, WrongKind

In = TypeVar("In")
Out = TypeVar("Out")

_INBOX = 16
_LET_OTHERS = 16
"""Messages after which the loop turns: a client that reads as fast as we write would never let it."""
_LEAVE = 5.0
"""Seconds that a handler which has read has for its present work, when the client has left."""
_STOP = 0.5
"""The same when the server stops."""


class SocketClosed(ClientDisconnected):
    """The socket is closed: nothing can be sent or received any more.

    Attributes:
        closed: the close code (RFC 6455 §7.4.1).
        reason: the same in words.
    """

    code: str = "socket-closed"

    def __init__(self, closed: int = LOST, reason: str = "") -> None:
        super().__init__(f"The socket is closed ({closed}{' ' if reason else ''}{reason}).")
        self.closed = closed
        self.reason = reason


class Written(Protocol):
    """What a socket asks of a channel whose messages it sends.

    Attributes:
        kind: their type.
    """

    kind: Any

    def value(self, stored: Stored) -> Any:
        """A message as it was published."""
        ...

    def written(self, stored: Stored) -> str:
        """A message as a socket that sends this type writes it."""
        ...


@dataclasses.dataclass(slots=True)
class Terms:
    """What a route says of its socket, made ready."""

    read: Read
    write: Write
    formats: ErrorFormat
    out: Any = None
    protocols: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    message: int = 64 * 1024
    answers: bool = True
    patience: float = 20.0
    waiting: int = 100
    stays: bool = False

    def admit(self, request: Request) -> None:
        """Refuse a page of another site (RFC 6455 §10.2): it would come with this site's cookies.

        Raises:
            Forbidden: the Origin is neither this host nor one of those that the route names.
        """
        origin = request.headers.get("origin")
        if origin is None or "*" in self.origins or origin in self.origins:
            return
        scheme, _, host = origin.partition("://")
        if host.lower() != request.host.lower() or scheme not in {"http", "https"}:
            raise Forbidden("A page of another site may not connect here: name it in origins=.", code="other-origin")


class Socket(Generic[In, Out]):
    """An open WebSocket: `In` are the messages that the client sends, `Out` those that it gets.

    Models, unions and other types go as JSON in texts; `str` and `bytes` as they are; None stands for no messages.
    The handshake is accepted when the handler first waits: an error raised before is an HTTP answer, one raised later
    closes the socket, 1008 for an `HTTPError` below 500 (its code is the reason), 1011 for others.

    Attributes:
        request: the handshake.
        protocol: the sub-protocol that was agreed on.

    Example:
        >>> from wholestack import App
        >>> app = App()
        >>> @app.socket("/echo")
        ... async def echo(socket: Socket[str, str]) -> None:
        ...     async for text in socket:
        ...         await socket.send(text)
    """

    __slots__ = (  # There are many of them at a time.
        *("_accepting", "_came", "_closed", "_connection", "_ending", "_farewell", "_has_read", "_inbox", "_progress"),
        *(
            "_pump",
            "_receiving",
            "_sending",
            "_sent",
            "_taken",
            "_task",
            "_until",
            "left",
            "protocol",
            "request",
            "terms",
        ),
    )

    def __init__(self, request: Request, connection: Connection, terms: Terms, ending: Ending) -> None:
        self.request = request
        self.terms = terms
        self.protocol: str | None = next((each for each in terms.protocols if each in connection.offered), None)
        self.left: bool = False  # the handler was cancelled because of the client's leave, or of a stop
        self._connection = connection
        self._ending = ending
        self._accepting: asyncio.Task[None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._farewell: asyncio.Task[None] | None = None
        self._inbox: deque[Data | None] | None = None  # These three come with the pump, which most never need.
        self._came: asyncio.Event | None = None
        self._taken: asyncio.Event | None = None
        self._closed: tuple[int, str] | None = None
        self._receiving = self._has_read = False
        self._sending = self._sent = 0
        self._progress = 0.0
        self._until: float | None = None

    # -- what handlers call --------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether it is closed, by either side."""
        return self._closed is not None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> In:
        try:
            return await self.receive()
        except SocketClosed:
            raise StopAsyncIteration from None

    async def receive(self) -> In:
        """The next message. One that is faulty is answered with a problem, and the next one is waited for.

        Raises:
            SocketClosed: the client has left, or the server stops.
        """
        while True:
            data = await self._next()
            if len(data) * 4 > self.terms.message and self._too_big(data):
                await self.close(TOO_BIG, f"A message has at most {self.terms.message} bytes.")
                raise self._shut(TOO_BIG, "")
            try:
                value: In = self.terms.read(data)
                return value
            except WrongKind:
                await self.close(UNSUPPORTED, "Messages of this kind are not read here.")
            except HTTPError as error:
                await self._answer(error)

    async def send(self, value: Out) -> None:
        """Send a message; it waits while the client is slow to read.

        Raises:
            SocketClosed: the client has left, did not read for too long, or too many messages wait for it already.
        """
        data = self.terms.write(value)
        over(read=False)  # What is told is true by then, and holds nothing while the client is slow.
        await self.send_written(data)

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close it, with a code (RFC 6455 §7.4.1) and a reason of at most 123 bytes."""
        await self._ready()
        if self._closed is None:
            self._shut(code, reason)
            await self._connection.close(code, reason)

    def count(self, came: Callable[[int], None], went: Callable[[int], None]) -> None:
        """Have each message counted that comes, and each that goes, with its bytes; for a middleware.

        Faulty messages and their answers are counted too; handshakes, pings and closes are not. What counts must not
        raise. A socket that nobody asks to count does nothing for it.

        Example:
            >>> from wholestack import App
            >>> from wholestack.testing import Client
            >>> app, came, went = App(), [], []
            >>> @app.middleware
            ... def counted(request):
            ...     if request.connection is not None:
            ...         request.connection.count(came.append, went.append)
            ...     return (yield)
            >>> @app.socket("/echo")
            ... async def echo(socket: Socket[str, str]) -> None:
            ...     await socket.send(await socket.receive() + "!")
            >>> with Client(app) as client, client.socket("/echo") as line:
            ...     line.send("tea")
            ...     line.receive(str)
            'tea!'
            >>> came, went
            ([3], [4])
        """
        counted: Any = Counted(self._connection, came, went)
        self._connection = counted

    # -- receiving -----------------------------------------------------------------------------------------------

    async def _next(self) -> Data:
        over(read=True)
        if self._accepting is not None:
            await self._ready()
        self._has_read = self._receiving = True
        try:
            data = await (self._connection.receive() if self._pump is None else self._from_inbox())
        finally:
            self._receiving = False
        if data is None or self._closed is not None:
            raise self._shut(self._connection.code or LOST, self._connection.reason)
        return data

    async def _from_inbox(self) -> Data | None:
        while not self._inbox:
            if self._closed is not None or self._came is None:
                return None
            self._came.clear()
            await self._came.wait()
        data = self._inbox.popleft()
        if self._taken is not None:
            self._taken.set()
        return data

    async def _pumped(self, inbox: deque[Data | None], came: asyncio.Event, taken: asyncio.Event) -> None:
        """Read ahead, a little, so that the client's leave is seen while the handler waits for something else."""
        data: Data | None = ""
        while data is not None:
            while len(inbox) >= _INBOX:
                taken.clear()
                await taken.wait()
            data = await self._connection.receive()
            inbox.append(data)
            came.set()
        self._gone()

    def _gone(self) -> None:
        """The client has left: a handler that never reads is told by a cancellation, another one by its next call."""
        if self.terms.stays:
            return
        if self._has_read:
            self._until = asyncio.get_running_loop().time() + _LEAVE
        else:
            self._cancel()

    def _too_big(self, data: Data) -> bool:
        return bytes_of(data) > self.terms.message

    async def _answer(self, error: HTTPError) -> None:
        """A faulty message is answered in the socket, or closes it."""
        if not self.terms.answers:
            await self.close(WRONG_DATA, error.code)
            return
        problem = to_json(self.terms.formats.body(error, self.request.id))
        await self.send_written(problem.decode())

    # -- sending -------------------------------------------------------------------------------------------------

    async def send_written(self, data: Data) -> None:
        """Send a message that is written already."""
        if self._accepting is not None:
            await self._ready()
        if self._closed is not None:
            raise SocketClosed(*self._closed)
        if self._sending >= self.terms.waiting:
            self._cancel()
            raise self._shut(LATER, "Too many messages wait for this client.")
        if not self._sending:
            self._progress = asyncio.get_running_loop().time()
        self._sending += 1
        try:
            await self._connection.send(data)
            self._progress = asyncio.get_running_loop().time()
            self._sent += 1
            if self._sent % _LET_OTHERS == 0:
                await asyncio.sleep(0)
        except (OSError, RuntimeError):  # As servers say that the client is gone (ASGI 2.4: an OSError).
            raise self._shut(self._connection.code or LOST, self._connection.reason) from None
        finally:
            self._sending -= 1

    async def send_stored(self, stored: Stored, channel: Written) -> None:
        """Send a message of a channel: as it is written already where the socket sends the same type."""
        if channel.kind is self.terms.out and channel.kind is not bytes:
            await self.send_written(channel.written(stored))
        else:
            await self.send(channel.value(stored))

    def offer(self, stored: Stored, channel: Written) -> bool:
        """Send a message of a channel here and now; False where that cannot be, and nothing is sent."""
        write = self._connection.write
        if write is None or self._sending or self._closed is not None or self._accepting is not None:
            return False
        if channel.kind is not self.terms.out or channel.kind is bytes:
            return False
        return write(stored.frame(channel.written(stored)))

    # -- its life ------------------------------------------------------------------------------------------------

    def begin(self) -> Socket[In, Out]:
        """The handler is about to be called: accept when it first waits."""
        if self._accepting is None and not self._connection.accepted:
            self._task = asyncio.current_task()
            self._accepting = asyncio.get_running_loop().create_task(self._accept())
            self._ending.add(self)
        return self

    async def _accept(self) -> None:
        try:
            await self._connection.accept(self.protocol)
        except (OSError, RuntimeError):
            self._shut(LOST, "")

    async def _ready(self) -> None:
        """Wait for the handshake."""
        if self._accepting is not None:
            await asyncio.shield(self._accepting)
            self._accepting = None

    async def finish(self, *, accept: bool) -> None:
        """The handler has ended; the handshake is done, or never will be."""
        self._ending.discard(self)
        if self._accepting is not None:
            # What has begun of a handshake is done; what has not is done only for a handler that ended well.
            if accept or self._connection.accepted:
                await self._ready()
            else:
                self._accepting.cancel()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait({self._pump})

    def look(self, now: float) -> None:
        """Called about once a second: start to read ahead, give up a client that does not read, end who should have."""
        if self._until is not None and now >= self._until:
            self._cancel()
        elif self._sending and now - self._progress > self.terms.patience:
            self._shut(LATER, "The client did not read.")
            self._cancel()
        elif self._pump is None and not self._receiving and self._connection.accepted and self._closed is None:
            self._inbox, self._came, self._taken = deque(), asyncio.Event(), asyncio.Event()
            pumping = self._pumped(self._inbox, self._came, self._taken)
            self._pump = asyncio.get_running_loop().create_task(pumping)

    def end(self) -> None:
        """The server stops: close it with 1012, and let the handler come to its end."""
        self.part(RESTART, "The server restarts.")

    def part(self, code: int, reason: str) -> None:
        """Close it from outside, and let the handler come to its end."""
        loop = asyncio.get_running_loop()
        if self._closed is None and self._connection.accepted:
            self._farewell = loop.create_task(self._say(code, reason))
        loop.call_later(_STOP, self._cancel)

    async def _say(self, code: int, reason: str) -> None:
        try:
            await asyncio.wait_for(self._connection.close(code, reason), _STOP)
        except (OSError, RuntimeError, TimeoutError):
            pass
        self._shut(code, reason)

    def _shut(self, code: int, reason: str) -> SocketClosed:
        """It is closed from now on, if it was not already; the error that says so."""
        if self._closed is None:
            self._closed = (code, reason)
            if self._came is not None:
                self._came.set()
        return SocketClosed(*self._closed)

    def _cancel(self) -> None:
        if self in self._ending.open and self._task is not None and not self._task.done():
            self._until = None
            self.left = True
            self._task.cancel()


def problem_of(value: Any) -> str:
    """The code in an error's document, as the reason of a close.

    Example:
        >>> problem_of({"code": "note-gone", "status": 404})
        'note-gone'
    """
    return str(value.get("code", "")) if isinstance(value, Mapping) else ""
