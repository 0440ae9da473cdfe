"""Content codings: the coders of those that we write (RFC 9110 §8.4)."""

from __future__ import annotations

import functools
import importlib
import zlib
from collections.abc import Callable
from typing import Any, Protocol


class Coder(Protocol):
    """Compresses one body, piece by piece."""

    def push(self, data: bytes) -> bytes:
        """What comes out for a piece, all of it: the other side can read the piece at once."""
        ...

    def finish(self) -> bytes:
        """The end of the body."""
        ...

    def whole(self, data: bytes) -> bytes:
        """A body that is there as a whole, in the place of the other two."""
        ...


_LEVEL = 5
_GZIP = 16
"""Added to the bits of the window: a gzip header around them."""
_LOOKAHEAD = 262
"""Bytes of the window that zlib keeps for itself."""


class _Gzip:
    @functools.cached_property
    def _inner(self) -> Any:
        return zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP + zlib.MAX_WBITS)

    def whole(self, data: bytes) -> bytes:
        # A window of 32 KiB is a quarter of a megabyte to be made ready: for some KiB that costs more than the work.
        bits = (len(data) + _LOOKAHEAD).bit_length()
        memory = min(max(bits - 7, 1), zlib.DEF_MEM_LEVEL)
        coder = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP + min(bits, zlib.MAX_WBITS), memory)
        return coder.compress(data) + coder.flush()

    def push(self, data: bytes) -> bytes:
        packed: bytes = self._inner.compress(data) + self._inner.flush(zlib.Z_SYNC_FLUSH)
        return packed

    def finish(self) -> bytes:
        packed: bytes = self._inner.flush(zlib.Z_FINISH)
        return packed


class _Brotli:
    def __init__(self, module: Any) -> None:
        self._inner = module.Compressor(mode=module.MODE_TEXT, quality=4)

    def push(self, data: bytes) -> bytes:
        packed: bytes = self._inner.process(data) + self._inner.flush()
        return packed

    def finish(self) -> bytes:
        packed: bytes = self._inner.finish()
        return packed

    def whole(self, data: bytes) -> bytes:
        packed: bytes = self._inner.process(data) + self._inner.finish()
        return packed


class _Zstandard:
    """Of the package `zstandard`."""

    def __init__(self, module: Any) -> None:
        self._inner = module.ZstdCompressor(level=3).compressobj()
        self._block = module.COMPRESSOBJ_FLUSH_BLOCK

    def push(self, data: bytes) -> bytes:
        packed: bytes = self._inner.compress(data) + self._inner.flush(self._block)
        return packed

    def finish(self) -> bytes:
        packed: bytes = self._inner.flush()
        return packed

    def whole(self, data: bytes) -> bytes:
        packed: bytes = self._inner.compress(data) + self._inner.flush()
        return packed


class _StandardZstd:
    """Of the standard library, from Python 3.14 on."""

    def __init__(self, module: Any) -> None:
        self._inner = module.ZstdCompressor(level=3)

    def push(self, data: bytes) -> bytes:
        packed: bytes = self._inner.compress(data, mode=self._inner.FLUSH_BLOCK)
        return packed

    def finish(self) -> bytes:
        packed: bytes = self._inner.flush()
        return packed

    def whole(self, data: bytes) -> bytes:
        packed: bytes = self._inner.compress(data) + self._inner.flush()
        return packed


_MODULES: dict[str, tuple[tuple[str, Callable[[Any], Coder]], ...]] = {
    "zstd": (("compression.zstd", _StandardZstd), ("zstandard", _Zstandard)),
    "br": (("brotli", _Brotli),),
}
CODINGS = (*_MODULES, "gzip")
"""What we can write, what we would rather write first."""


def maker(coding: str) -> Callable[[], Coder] | None:
    """What makes coders of a coding; None where its module is not installed.

    Example:
        >>> make = maker("gzip")
        >>> coder = make()
        >>> zlib.decompress(coder.push(b"hello") + coder.finish(), 31)
        b'hello'
        >>> zlib.decompress(make().whole(b"hello"), 31)
        b'hello'
    """
    if coding == "gzip":
        return _Gzip
    for name, kind in _MODULES[coding]:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return functools.partial(kind, module)
    return None
