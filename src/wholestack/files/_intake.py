"""A file on its way in: from wherever it comes, counted, digested, and looked at before the first byte is kept."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import hashlib
import itertools
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Protocol

from wholestack import Upload

from ._colour import for_it, on_loop
from ._errors import too_large
from ._received import Digest, ReceivedFile
from ._sniff import HEAD, sniff
from ._storage import PIECE


class Readable(Protocol):
    """An open binary file."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes, at most so many; none at the end."""
        ...


Source = Upload | bytes | Readable | Iterable[bytes] | AsyncIterable[bytes]
"""Where a file's bytes may come from: an upload, bytes, an open binary file, or a stream of a body in either colour."""


class Intake:
    """The bytes of a source, once.

    Arguments:
        source: where they come from.
        largest: bytes at most.

    Attributes:
        size: how many bytes have come.
    """

    def __init__(self, source: Source, largest: int) -> None:
        self._source = source
        self._largest = largest
        self._stopped = threading.Event()
        self._pulled: concurrent.futures.Future[bytes | None] | None = None
        self._digest: Digest = hashlib.sha256()
        self.size: int = 0
        self._chunks = self._counted(self._all(source))

    def stop(self) -> None:
        """Let whoever reads give up soon."""
        self._stopped.set()
        if self._pulled is not None:
            self._pulled.cancel()

    @property
    def digest(self) -> str:
        """The SHA-256 of what has come."""
        return self._digest.hexdigest()

    def received(self, storage: object) -> ReceivedFile | None:
        """The file of an upload that has been written into this storage while it came in, to be kept as it is; its size
        and digest are known by then.
        """
        upload = self._source
        if not isinstance(upload, Upload) or not isinstance(upload.file, ReceivedFile):
            return None
        file = upload.file
        if file.storage is not storage or not file.is_whole(upload.size):
            return None
        self.size, self._digest = upload.size, file.digest
        return file

    def media_type(self) -> str:
        """What the bytes are, by their beginning; they stay to be read."""
        head: list[bytes] = []
        while sum(map(len, head)) < HEAD and (chunk := next(self._chunks, None)) is not None:
            head.append(chunk)
        self._chunks = itertools.chain(head, self._chunks)
        return sniff(b"".join(head))

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._stopped.is_set():
                raise concurrent.futures.CancelledError
            self.size += len(chunk)
            if self.size > self._largest:
                raise too_large(self._largest)
            self._digest.update(chunk)
            yield chunk

    def _all(self, source: Source) -> Iterator[bytes]:
        if isinstance(source, bytes | bytearray | memoryview):
            return iter((bytes(source),))
        if isinstance(source, Upload):
            return _of_upload(source, self._largest)
        if isinstance(source, AsyncIterable):
            return self._pulling(source.__aiter__())
        if isinstance(source, Iterable) and not hasattr(source, "read"):
            return iter(source)
        return _read(source.read)  # type: ignore[union-attr]  # What is left has it, or says so itself.

    def _pulling(self, chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
        """An asynchronous stream, read in a thread: each chunk is made on the loop that it belongs to."""
        if not on_loop():
            return _until_none(lambda: for_it(_next(chunks)))
        loop = asyncio.get_running_loop()

        def pull() -> bytes | None:
            self._pulled = asyncio.run_coroutine_threadsafe(_next(chunks), loop)
            if self._stopped.is_set():
                self._pulled.cancel()
            return self._pulled.result()

        return _until_none(pull)


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    with contextlib.suppress(StopAsyncIteration):
        return await chunks.__anext__()
    return None


def _until_none(pull: Callable[[], bytes | None]) -> Iterator[bytes]:
    while (chunk := pull()) is not None:
        yield chunk


def _of_upload(upload: Upload, largest: int) -> Iterator[bytes]:
    if upload.size > largest:
        raise too_large(largest)
    upload.seek(0)
    yield from _read(upload.read)
    upload.seek(0)


def _read(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := read(PIECE):
        yield chunk
