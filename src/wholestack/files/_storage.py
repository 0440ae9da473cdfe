"""Where files are kept: what each storage can do, the names that it knows, and the one in memory."""

from __future__ import annotations

import datetime
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from ._errors import FileMissing, StorageFault

PIECE = 256 * 1024
"""Bytes that are read at a time."""
_STORED = r"[0-9a-f]{32}(?:-[a-z0-9]{1,16})?\.[a-z0-9]{1,8}"
_NAME = re.compile(_STORED)
_ANY = re.compile(rf"{_STORED}|(?:incoming|part)-[0-9a-f]{{32}}")


class FileInfo(NamedTuple):
    """A file of a storage, as `Storage.names` lists it: its name, and when it was written.

    Example:
        >>> storage = MemoryStorage()
        >>> storage.save("0" * 32 + ".txt", [b"hello"], "text/plain", "attachment")
        >>> [(type(each).__name__, each.name[-5:], each.changed.tzname()) for each in storage.names()]
        [('FileInfo', '0.txt', 'UTC')]
    """

    name: str
    changed: datetime.datetime


class Storage(Protocol):
    """Where files are kept. A storage of your own is a class with these calls.

    They are plain calls that may block: a `FileStore` makes them where that is right. A name is always one that this
    layer has made (32 random hexadecimal digits and a harmless ending), never a client's word; refuse all others with
    `check_name`.
    """

    def save(self, name: str, chunks: Iterable[bytes], media_type: str, disposition: str) -> None:
        """Write a file, whole or not at all: until the last chunk nobody sees it, and an error leaves nothing behind.

        Arguments:
            name: what to keep it under.
            chunks: the bytes, in pieces.
            media_type: what a storage that answers browsers itself is to say it is.
            disposition: how such a storage is to offer it, the value of Content-Disposition.
        """
        ...

    def open(self, name: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces, from one place to another, or to the end.

        Raises:
            FileMissing: there is no such file.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete a file; it is no error where there is none."""
        ...

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        ...

    def size(self, name: str) -> int:
        """How many bytes it has.

        Raises:
            FileMissing: there is no such file.
        """
        ...

    def url(self, name: str, expires: float) -> str | None:
        """An address at the storage itself, good for so many seconds; None where it has none, and the app answers."""
        ...

    def upload_url(self, name: str, expires: float) -> str | None:
        """An address that takes the bytes with PUT, good for so many seconds; None where the app takes them."""
        ...

    def path(self, name: str) -> tuple[str, str] | None:
        """A folder and where the file lies below it; None where it is no file of this machine."""
        ...

    def names(self) -> Iterator[FileInfo]:
        """All files, also those that were begun and never ended."""
        ...


def new_stem() -> str:
    """What a stored name begins with: 128 random bits, so that nobody guesses it and no two are alike."""
    return secrets.token_hex(16)


def is_stored(name: str) -> bool:
    """Whether a text is the name of a stored file, as against one that is still on its way in.

    Example:
        >>> is_stored("0123456789abcdef0123456789abcdef.png"), is_stored("../secret.png")
        (True, False)
    """
    return _NAME.fullmatch(name) is not None


def check_name(name: str) -> str:
    """The name, if it is one that this layer makes.

    Raises:
        StorageFault: it is not.

    Example:
        >>> check_name("../../etc/passwd")
        Traceback (most recent call last):
        wholestack.files._errors.StorageFault: This is no name of a stored file. Names are made by files.save(…).
    """
    if _ANY.fullmatch(name) is None:
        raise StorageFault("This is no name of a stored file. Names are made by files.save(…).")
    return name


class MemoryStorage:
    """Files in the memory of this process: for tests.

    Example:
        >>> storage = MemoryStorage()
        >>> storage.save("0123456789abcdef0123456789abcdef.txt", [b"some", b"thing"])
        >>> b"".join(storage.open("0123456789abcdef0123456789abcdef.txt", 2, 6))
        b'meth'
    """

    def __init__(self) -> None:
        self._files: dict[str, tuple[bytes, datetime.datetime]] = {}
        self._lock = threading.Lock()

    def save(self, name: str, chunks: Iterable[bytes], media_type: str = "", disposition: str = "") -> None:
        """Keep a file."""
        content = b"".join(chunks)
        with self._lock:
            self._files[check_name(name)] = content, datetime.datetime.now(datetime.UTC)

    def _content(self, name: str) -> bytes:
        try:
            return self._files[check_name(name)][0]
        except KeyError:
            raise FileMissing from None

    def open(self, name: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes in pieces."""
        content = memoryview(self._content(name))[start:stop]
        return (bytes(content[place : place + PIECE]) for place in range(0, len(content), PIECE))

    def delete(self, name: str) -> None:
        """Forget a file."""
        with self._lock:
            self._files.pop(check_name(name), None)

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return check_name(name) in self._files

    def size(self, name: str) -> int:
        """How many bytes it has."""
        return len(self._content(name))

    def url(self, name: str, expires: float) -> str | None:
        """None: the app answers."""
        return None

    def upload_url(self, name: str, expires: float) -> str | None:
        """None: the app takes them."""
        return None

    def path(self, name: str) -> tuple[str, str] | None:
        """None: it is no file of this machine."""
        return None

    def names(self) -> Iterator[FileInfo]:
        """All files."""
        with self._lock:
            found = [FileInfo(name, changed) for name, (_, changed) in self._files.items()]
        return iter(found)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"<MemoryStorage of {len(self)} files>"
