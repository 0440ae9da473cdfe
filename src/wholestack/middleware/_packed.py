"""Streams that are compressed as they go: each chunk can be read when it arrives, in either colour."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any

from ._codings import Coder


def _to_bytes(chunk: bytes | str) -> bytes:
    return chunk.encode("utf-8", "replace") if isinstance(chunk, str) else chunk


class PackedPlain(Iterator[bytes]):
    """A plain iterable through a coder; closing it closes what is inside, begun or not."""

    def __init__(self, chunks: Iterable[bytes | str], coder: Coder) -> None:
        self._chunks = iter(chunks)
        self._coder: Coder | None = coder

    def __next__(self) -> bytes:
        while self._coder is not None:
            try:
                chunk = _to_bytes(next(self._chunks))
            except StopIteration:
                coder, self._coder = self._coder, None
                return coder.finish()
            if chunk and (packed := self._coder.push(chunk)):
                return packed
        raise StopIteration

    def close(self) -> None:
        """Run the clean-up of what is inside."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


class PackedAsync(AsyncIterator[bytes]):
    """An async iterable through a coder."""

    def __init__(self, chunks: AsyncIterable[bytes | str], coder: Coder) -> None:
        self._chunks: Any = chunks.__aiter__()
        self._coder: Coder | None = coder

    async def __anext__(self) -> bytes:
        while self._coder is not None:
            try:
                chunk = _to_bytes(await self._chunks.__anext__())
            except StopAsyncIteration:
                coder, self._coder = self._coder, None
                return coder.finish()
            if chunk and (packed := self._coder.push(chunk)):
                return packed
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Run the clean-up of what is inside."""
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()
