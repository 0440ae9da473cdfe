"""What an exchange with an application is, on every interface, and the request's body on its way there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Protocol

from ._answer import Head
from ._errors import BrokenAnswer
from ._sent import SentRequest

_PATIENCE = 0.2
"""Seconds that an application has to end by itself after its client went away."""


class Gone(Exception):
    """What an application meets that sends to a client that has gone away."""


class Exchange(Protocol):
    """One request and its answer: `whole` for all at once, or `open`, `chunk` and `close` for a stream.

    Attributes:
        head: the answer's status and header fields, once the application has given them.
        upload: the request's body on its way.
    """

    head: Head | None
    upload: Upload

    async def whole(self) -> bytes:
        """The whole body."""
        ...

    def sent(self) -> bytes | None:
        """The whole body of an application that has sent it all, whatever it did afterwards; else None."""
        ...

    async def open(self) -> None:
        """Go on until the head is there."""
        ...

    async def chunk(self) -> bytes | None:
        """The next chunk of the body; None at its end."""
        ...

    async def close(self) -> None:
        """Go away, whether the body has come to its end or not."""
        ...


class Upload:
    """A request's body, chunk by chunk. A ConnectionError raised in the test's iterable is a client that went away.

    Attributes:
        broke: that error.
    """

    def __init__(self, sent: SentRequest) -> None:
        body: Any = sent.body
        self.broke: ConnectionError | None = None
        self._whole = body if isinstance(body, bytes) else None
        self._plain: Iterator[bytes] | None = None
        self._async: AsyncIterator[bytes] | None = None
        if not isinstance(body, bytes):
            if hasattr(body, "__aiter__"):
                self._async = body.__aiter__()
            else:
                self._plain = iter(body)

    async def next(self) -> tuple[bytes, bool]:
        """The next chunk, and whether more may follow.

        Raises:
            ConnectionError: the client goes away.
        """
        if self._async is None:
            return self.next_plain()
        try:
            return await anext(self._async), True
        except StopAsyncIteration:
            return b"", False
        except ConnectionError as error:
            self.broke = error
            raise

    def next_plain(self) -> tuple[bytes, bool]:
        """The same without waiting."""
        whole, self._whole = self._whole, None
        if whole is not None:
            return whole, False
        if self._plain is None:
            return b"", False
        try:
            return next(self._plain), True
        except StopIteration:
            return b"", False
        except ConnectionError as error:
            self.broke = error
            raise


class Running:
    """An application as a task of its own, which goes on as its answer's chunks are read.

    Attributes:
        left: the client went away before the answer was whole.
    """

    def __init__(self, call: Coroutine[Any, Any, None]) -> None:
        self.left = False
        self._task = asyncio.ensure_future(call)
        self._ready = asyncio.Event()
        self._room = asyncio.Event()
        self._task.add_done_callback(lambda _: self._ready.set())

    def ended(self) -> bool:
        """Whether the application has returned; an error of its own is raised."""
        if self._task.done():
            self._task.result()
            return True
        return False

    async def advance(self) -> None:
        """Let the application go on until it has sent something, or has ended without."""
        if self.ended():
            raise BrokenAnswer("The application ended before its answer did.")
        self._room.set()
        await self._ready.wait()
        self._ready.clear()

    async def handed_over(self, chunk: bool) -> None:
        """Say that something was sent; a chunk waits until it was read."""
        self._ready.set()
        if chunk:
            self._room.clear()
            await self._room.wait()

    async def close(self, *, left: bool) -> None:
        """Wait for the application's end; where it is left early and does not hear of it, it is cancelled."""
        self.left = left
        self._room.set()
        _, late = await asyncio.wait({self._task}, timeout=_PATIENCE if left else None)
        if late:
            self._task.cancel()
            await asyncio.wait(late)
        if not self._task.cancelled():
            error = self._task.exception()
            if error is not None and not (left and _only_gone(error)):
                raise error


def _only_gone(error: BaseException | None) -> bool:
    """Whether an error says just that the client is gone, in the application's own words or not.

    What a stream's own clean-up raises has a `GeneratorExit` before it, and is an error like any other.
    """
    while error is not None and not isinstance(error, (Gone, GeneratorExit)):
        error = error.__cause__ or error.__context__
    return isinstance(error, Gone)


def checked(status: int, pairs: list[tuple[str, str]]) -> Head:
    """The head of an answer, if it is one."""
    if not 200 <= status <= 999:
        raise BrokenAnswer("An answer's status is a number from 200 on (RFC 9110 §15).")
    return Head(status, pairs)


def address_of(sent: SentRequest) -> tuple[str, int]:
    """The host and port that a request goes to."""
    host, colon, port = sent.authority.rpartition(":")
    if colon and port.isdigit():
        return host, int(port)
    return sent.authority, 443 if sent.scheme == "https" else 80


def joined(chunks: list[bytes]) -> bytes:
    """Chunks in one piece."""
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
