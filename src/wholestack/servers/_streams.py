"""Streams in the other colour: a plain iterable on the event loop, an async one under WSGI; a chunk at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Coroutine, Iterable, Iterator
from typing import Any

from wholestack.errors import HTTPError
from wholestack.handlers import Plan, background_loop, run_inline
from wholestack.http import Refused, Request, Response

from ._files import Opened, open_file
from ._sealed import Sealed
from ._threads import Workers

_END = object()
_LET_OTHERS = 16
"""Chunks after which a stream lets the loop turn: one that never waits would not see its client leave, since a server
takes what is sent to a client that has gone at once."""


def to_chunk(chunk: bytes | str) -> bytes:
    """A chunk as bytes; text goes out as UTF-8."""
    return chunk.encode("utf-8", "replace") if isinstance(chunk, str) else chunk


async def async_chunks(
    stream: Iterable[bytes | str] | AsyncIterable[bytes | str], workers: Workers
) -> AsyncGenerator[bytes, None]:
    """The chunks of either kind of iterable, on the event loop; a plain one is advanced in a worker thread."""
    if isinstance(stream, AsyncIterable):
        chunks: Any = stream.__aiter__()
        try:
            turn = 0
            async for chunk in chunks:
                yield to_chunk(chunk)
                turn += 1
                if turn % _LET_OTHERS == 0:
                    await asyncio.sleep(0)
        finally:
            if hasattr(chunks, "aclose"):
                await chunks.aclose()
        return
    if isinstance(stream, (list, tuple)):
        for chunk in stream:
            yield to_chunk(chunk)
        return
    iterator: Any = iter(stream)
    advance: Any = next
    step = workers.run(advance, iterator, _END)
    try:
        while (piece := await asyncio.shield(step)) is not _END:
            yield to_chunk(piece)
            step = workers.run(advance, iterator, _END)
    finally:
        await asyncio.shield(_close(iterator, step, workers))


async def _close(iterator: Any, step: asyncio.Future[Any], workers: Workers) -> None:
    """Run a plain iterable's own clean-up, when the thread that may still be in it has come out."""
    await asyncio.wait({step})
    if hasattr(iterator, "close"):
        await workers.run(iterator.close)


class PlainChunks(Iterator[bytes]):
    """The chunks of either kind of iterable in a WSGI server's thread; an async one is advanced on the background
    loop.
    """

    def __init__(self, stream: Iterable[bytes | str] | AsyncIterable[bytes | str]) -> None:
        self._async: Any = None
        self._plain: Any = None
        if isinstance(stream, AsyncIterable):
            self._async = stream.__aiter__()
        else:
            self._plain = iter(stream)

    def __next__(self) -> bytes:
        if self._async is None:
            return to_chunk(next(self._plain))
        chunk: Any = asyncio.run_coroutine_threadsafe(anext(self._async, _END), background_loop()).result()
        if chunk is _END:
            raise StopIteration
        return to_chunk(chunk)

    def close(self) -> None:
        """Run the iterable's own clean-up, whether it came to its end or not."""
        if self._async is None:
            if hasattr(self._plain, "close"):
                self._plain.close()
        elif hasattr(self._async, "aclose"):
            asyncio.run_coroutine_threadsafe(self._async.aclose(), background_loop()).result()


def answer_in_thread(plan: Plan, request: Request, fault: Exception | None) -> Response:
    """The whole of a `def` plan, in one worker thread."""
    return run_inline(plan.answer(request, fault))


async def opened_in_thread(sealed: Sealed, request: Request, response: Response) -> tuple[Opened | None, Response]:
    """The open file of a `File` answer, or the answer that says that there is none."""
    if response.file is None:
        return None, response
    try:
        return await sealed.workers.run(open_file, response, request.method, request.headers, sealed.limits), response
    except (HTTPError, Refused) as refused:  # Every worker thread may be busy.
        return None, await sealed.refusal.answer(request, refused)


async def while_there(sending: Coroutine[Any, Any, None], leaving: Coroutine[Any, Any, None]) -> None:
    """Send while the client is there; when it leaves, the sending is cancelled where it stands, so its clean-ups
    run.
    """
    loop = asyncio.get_running_loop()
    sender, watcher = loop.create_task(sending), loop.create_task(leaving)
    try:
        await asyncio.wait({sender, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if sender.done():
            await sender
    finally:
        for task in (sender, watcher):
            task.cancel()
        await asyncio.gather(sender, watcher, return_exceptions=True)
