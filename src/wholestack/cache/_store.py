"""Where values are kept: what each store can do, and the one in this process's memory."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from ._errors import misuse

COUNTER = re.compile(rb"-?[0-9]{1,18}")
"""What a counter looks like in a store: a number, as Redis counts."""
TAGS = "t"
"""What the names of tags begin with; all others are digits of base 16."""
_ENTRY = 200


class CacheStore(Protocol):
    """Where values are kept; give another with ``Caching(store)``. Its methods are plain calls that may `wait(…)`.

    What a store cannot do, since its server is away, it says with one of its `failures`; the cache then goes on as if
    nothing were kept.

    Attributes:
        shared: whether all processes of the app see the same values.
        one_writer: whether writing has to wait for the end of a transaction that has written itself.
        failures: the kinds of errors that say that the store is away.
    """

    shared: bool
    one_writer: bool
    failures: tuple[type[Exception], ...]

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """The values of these names, in their order; None where there is none, or its time is over."""
        ...

    def set(self, name: str, value: bytes, seconds: float) -> None:
        """Keep a value for so many seconds (`math.inf`: as long as there is room)."""
        ...

    def add(self, name: str, value: bytes, seconds: float) -> bool:
        """Keep a value where none is there; of any number that ask at the same time, exactly one gets True."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Forget the values of these names."""
        ...

    def release(self, name: str, value: bytes) -> None:
        """Forget the value of a name, if it is this one."""
        ...

    def swap(self, name: str, value: bytes, new: bytes, seconds: float) -> bool:
        """Keep a new value for so many seconds, if the name's value is this one; of any number at once one gets True.

        For what is more than a cache, such as sessions. No value is a counter here.
        """
        ...

    def increment(self, name: str, by: int, seconds: float) -> int:
        """Add to a number that begins at 0, and give what it is then; its time begins with it, and is not renewed.

        Of any number that add at the same time, none is lost.
        """
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...


class MemoryStore:
    """Values in this process's memory; when they are too many, those that nobody asked for longest are forgotten.

    Times are told by a clock that never goes back, so a wall clock that is set makes nothing older or younger.

    Arguments:
        most: bytes that all values may take together, with what keeping them costs.
        clock: seconds that never go back.

    Raises:
        SetupError: no room at all (``bad-cache``).

    Example:
        >>> store = MemoryStore()
        >>> store.set("a", b"1", 60)
        >>> store.get(["a", "b"])
        [b'1', None]
    """

    shared: bool = False
    one_writer: bool = False
    failures: tuple[type[Exception], ...] = ()

    def __init__(self, most: int = 64 * 1024 * 1024, clock: Callable[[], float] = time.monotonic) -> None:
        if most <= 0:
            raise misuse("MemoryStore(most=…) is a number of bytes above 0.", "MemoryStore(64 * 1024 * 1024)")
        self.most = most
        self.size: int = 0
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """See `CacheStore`."""
        with self._lock:
            return [self._get(name) for name in names]

    def set(self, name: str, value: bytes, seconds: float) -> None:
        """See `CacheStore`."""
        with self._lock:
            self._set(name, value, self._clock() + seconds)

    def add(self, name: str, value: bytes, seconds: float) -> bool:
        """See `CacheStore`."""
        with self._lock:
            if self._get(name) is not None:
                return False
            self._set(name, value, self._clock() + seconds)
            return True

    def delete(self, names: Sequence[str]) -> None:
        """See `CacheStore`."""
        with self._lock:
            for name in names:
                self._drop(name)

    def release(self, name: str, value: bytes) -> None:
        """See `CacheStore`."""
        with self._lock:
            if self._get(name) == value:
                self._drop(name)

    def swap(self, name: str, value: bytes, new: bytes, seconds: float) -> bool:
        """See `CacheStore`."""
        with self._lock:
            if self._get(name) != value:
                return False
            self._set(name, new, self._clock() + seconds)
            return True

    def increment(self, name: str, by: int, seconds: float) -> int:
        """See `CacheStore`."""
        with self._lock:
            found = self._get(name)
            begun = found is not None and COUNTER.fullmatch(found)
            until = self._kept[name][0] if begun else self._clock() + seconds
            number = (int(found) if found is not None and begun else 0) + by
            self._set(name, b"%d" % number, until)
            return number

    def clear(self) -> None:
        """See `CacheStore`."""
        with self._lock:
            self._kept.clear()
            self.size = 0

    def _get(self, name: str) -> bytes | None:
        until, value = self._kept.get(name, (0.0, None))
        if value is None:
            return None
        if until <= self._clock():
            self._drop(name)
            return None
        self._kept.move_to_end(name)
        return value

    def _set(self, name: str, value: bytes, until: float) -> None:
        self._drop(name)
        self._kept[name] = until, value
        self.size += _cost(name, value)
        while self.size > self.most:
            self._drop(next(iter(self._kept)))

    def _drop(self, name: str) -> None:
        found = self._kept.pop(name, None)
        if found is not None:
            self.size -= _cost(name, found[1])

    def __repr__(self) -> str:
        return f"<MemoryStore {self.size} of {self.most} bytes>"


def _cost(name: str, value: bytes) -> int:
    return _ENTRY + len(name) + len(value)
