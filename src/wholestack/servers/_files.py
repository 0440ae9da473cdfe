"""Files on their way out: opened and read in a thread, in pieces, within the ranges that were asked for."""

from __future__ import annotations

import dataclasses
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from typing import BinaryIO

from wholestack.http import (
    Headers,
    Limits,
    Refused,
    Response,
    byteranges,
    http_date,
    if_range_matches,
    parse_ranges,
    preconditions,
)

_PIECE = 64 * 1024
_MISSING = "There is no such file."


@dataclasses.dataclass
class Opened:
    """An open file and what of it goes out: literal bytes between pieces of the file.

    Attributes:
        parts: in order, bytes to send before a piece, and the piece's start and stop.
        trailer: bytes to send at the end.
        headers: length, ranges and validators.
        pack: what the chunks go through, in the thread that reads them.
    """

    file: BinaryIO
    parts: list[tuple[bytes, int, int]]
    trailer: bytes
    headers: list[tuple[str, str]]
    pack: Callable[[Iterator[bytes]], Iterator[bytes]] = iter

    def chunks(self) -> Iterator[bytes]:
        """What goes out, piece by piece; the file is closed whatever happens."""
        with self.file:
            for prefix, start, stop in self.parts:
                if prefix:
                    yield prefix
                self.file.seek(start)
                while start < stop:
                    piece = self.file.read(min(_PIECE, stop - start))
                    if not piece:
                        raise OSError("The file became shorter while it was sent.")
                    start += len(piece)
                    yield piece
            if self.trailer:
                yield self.trailer


def open_file(response: Response, method: str, headers: Headers, limits: Limits) -> Opened:
    """Open the file of a `File` answer and decide what of it goes out (RFC 9110 §13.2, §14). Blocks.

    Sets the answer's status: 200, 206, 304 or 412.

    Raises:
        Refused: 404 for what is not there, not a plain file, hidden or outside `below`; 416 for ranges past the end.
    """
    file = _open(response.file, getattr(response, "below", None))
    try:
        info = os.fstat(file.fileno())
        etag, modified = f'"{info.st_mtime_ns:x}-{info.st_size:x}"', info.st_mtime
        own = response.headers.get("etag", etag)
        # Who wants a part of it wants it as it is.
        packing = response.repack(info.st_size) if response.repack and "range" not in headers else None
        # Packed, it is other bytes that mean the same (RFC 9110 §8.8.1).
        shown = [("etag", f"W/{etag}" if packing else etag)] if own is etag else []
        validators = [("last-modified", http_date(modified)), *shown]
        status = preconditions(method, headers, own, modified)
        if status is not None:
            response.status, response.media_type = status, None
            return Opened(file, [], b"", validators)
        counts = method == "GET" and if_range_matches(headers.get("if-range"), own, modified)
        wanted = headers.get("range") if counts else None
        ranges = parse_ranges(wanted, info.st_size, limits.ranges) if wanted is not None else None
        if packing is not None:
            validators.append(("content-encoding", packing[0]))
            return Opened(file, [(b"", 0, info.st_size)], b"", validators, packing[1])
        if response._filters:
            return Opened(file, [(b"", 0, info.st_size)], b"", validators)  # What they make of it is of any length.
        return _ranged(file, info.st_size, response, ranges, validators)
    except BaseException:
        file.close()
        raise


def _ranged(
    file: BinaryIO,
    size: int,
    response: Response,
    ranges: list[tuple[int, int]] | None,
    validators: list[tuple[str, str]],
) -> Opened:
    fields = [*validators, ("accept-ranges", "bytes")]
    if ranges is None:
        return Opened(file, [(b"", 0, size)], b"", [*fields, ("content-length", str(size))])
    response.status = 206
    if len(ranges) == 1:
        ((start, stop),) = ranges
        length = [("content-range", f"bytes {start}-{stop - 1}/{size}"), ("content-length", str(stop - start))]
        return Opened(file, [(b"", start, stop)], b"", [*fields, *length])
    boundary = secrets.token_hex(16)
    framed = byteranges(ranges, size, response.media_type or "application/octet-stream", boundary)
    response.media_type = f"multipart/byteranges; boundary={boundary}"
    return Opened(file, list(framed.parts), framed.trailer, [*fields, ("content-length", str(framed.length))])


def _open(path: str, below: str | None) -> BinaryIO:
    try:
        if below is not None:
            path = _kept_below(path, below)
        file = open(path, "rb", opener=_at_once)
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise Refused(404, "not-found", _MISSING)
        return file
    except (OSError, ValueError):
        # ValueError: a NUL in the name. Which of them it was is nobody's business outside.
        raise Refused(404, "not-found", _MISSING) from None


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for a writer, where the file is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _kept_below(path: str, below: str) -> str:
    """The real path, if it lies in the real folder and no part below it is hidden."""
    folder = os.path.realpath(below)
    real = os.path.realpath(os.path.join(folder, path.lstrip("/\\")))
    inside = os.path.relpath(real, folder)
    hidden = any(part.startswith(".") for part in inside.split(os.sep))
    # A slash at the end names a folder; `realpath` would drop it, and give one file two paths.
    if path.endswith(("/", "\\")) or hidden or os.path.commonpath([folder, real]) != folder:
        raise Refused(404, "not-found", _MISSING)
    return real
