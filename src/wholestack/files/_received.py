"""An upload that is written once: into the storage's own folder while it comes in, and digested on the way."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
from collections.abc import Iterator
from typing import Any, Protocol

from wholestack.db import StorageFull

_WINDOW = 4 * 1024 * 1024
"""Bytes that the disk is given to write at a time."""


class Digest(Protocol):
    """What `hashlib` gives."""

    def update(self, data: Any, /) -> None:
        """Add bytes."""
        ...

    def hexdigest(self) -> str:
        """The digest of all."""
        ...


class Keeper(Protocol):
    """A storage that takes files over as they are."""

    def keep(self, name: str, file: ReceivedFile) -> None:
        """Move it to its place."""
        ...


class ReceivedFile(io.BufferedRandom):
    """The temporary file of a large upload: deleted when it is closed, unless the storage has taken it over.

    Arguments:
        path: where it is made, for this user only; nothing may be there.
        storage: who may take it over.

    Attributes:
        digest: the SHA-256 of what was written, one byte after the other.
        ours: whether it is still to be deleted.

    Raises:
        StorageFull: here, and where it is written: there is no room left.
    """

    def __init__(self, path: str, storage: Keeper) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        self.path = path
        self.ours: bool = True
        self.storage: Keeper = storage
        self.digest: Digest = hashlib.sha256()
        self._summed = self._begun = 0
        with told_when_full():
            descriptor = os.open(path, flags, 0o600)
        super().__init__(io.FileIO(descriptor, "r+b"))

    def write(self, data: Any, /) -> int:
        """Add bytes; the digest follows as long as they come one after the other.

        Raises:
            UnsupportedOperation: it is stored already.
        """
        if not self.ours:
            raise io.UnsupportedOperation("It is stored already, and is not changed any more.")
        if self.tell() == self._summed:
            self.digest.update(data)
            self._summed += memoryview(data).nbytes
        else:
            self._summed = -1
        with told_when_full():
            written = super().write(data)
        self._begun = begin_to_disk(self.fileno(), self._begun, self._summed)
        return written

    def truncate(self, size: int | None = None, /) -> int:
        """Cut it; there is no digest then."""
        self._summed = -1
        return super().truncate(size)

    def is_whole(self, size: int) -> bool:
        """Whether it has so many bytes, `digest` is that of all of them, and nobody has taken it over yet."""
        with told_when_full():
            self.flush()
        return self.ours and self._summed == size == os.fstat(self.fileno()).st_size

    def move(self, target: str) -> None:
        """Give it its place. From now on it can only be read here: what is stored does not change."""
        os.rename(self.path, target)
        self.ours = False
        reading = os.open(target, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
        place = os.lseek(self.fileno(), 0, os.SEEK_CUR)
        os.dup2(reading, self.fileno(), inheritable=False)
        os.close(reading)
        os.lseek(self.fileno(), place, os.SEEK_SET)

    def close(self) -> None:
        """Close it, and delete it where nobody has taken it over."""
        with contextlib.suppress(OSError):  # What was still to be written is not wanted any more.
            super().close()
        if self.ours:
            self.ours = False
            with contextlib.suppress(OSError):
                os.unlink(self.path)


def begin_to_disk(descriptor: int, begun: int, written: int) -> int:
    """Have the disk begin with what was written, so that there is little to wait for at the end (`fsync`).

    Arguments:
        descriptor: of the file.
        begun: bytes that the disk has begun with.
        written: bytes that have been written.

    Returns:
        bytes that the disk has begun with now.
    """
    if written - begun < _WINDOW or not hasattr(os, "posix_fadvise"):
        return begun
    # Linux begins to write what is not to be kept in memory, and waits for nothing; what is yet unwritten is kept.
    os.posix_fadvise(descriptor, begun, written - begun, os.POSIX_FADV_DONTNEED)
    return written


@contextlib.contextmanager
def told_when_full() -> Iterator[None]:
    """Say of a full disk what an app can answer with.

    Raises:
        StorageFull: there is no room left.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull from error
        raise
