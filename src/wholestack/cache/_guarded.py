"""A store that may be away: then nothing is kept and nothing found, the log says so once, and no request fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from ._store import CacheStore

T = TypeVar("T")

_log = logging.getLogger("wholestack.cache")
_PAUSE = 1.0
"""Seconds in which a store that has failed is not asked again: its time-outs must not become every request's."""
_MOST_OWED = 10_000


class Guarded:
    """A store, behind which its failures end.

    What was to be forgotten while it was away is forgotten before it is asked again: a value must not come back that
    somebody has called wrong. If this process ends before, the value's own time is its bound.

    Example:
        >>> from wholestack.cache import MemoryStore
        >>> Guarded(MemoryStore()).get(["a"])
        [None]
    """

    def __init__(self, store: CacheStore, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._away = False
        self._until = 0.0
        self._owed: dict[str, None] = {}
        self._owes_all = False

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """See `CacheStore`."""
        return self._ask(lambda: self.store.get(names), [None] * len(names))

    def set(self, name: str, value: bytes, seconds: float) -> bool:
        """See `CacheStore`; whether it was kept."""
        return self._do(lambda: self.store.set(name, value, seconds))

    def add(self, name: str, value: bytes, seconds: float) -> bool:
        """See `CacheStore`; where the store is away, the caller is the one."""
        return self._ask(lambda: self.store.add(name, value, seconds), True)

    def release(self, name: str, value: bytes) -> None:
        """See `CacheStore`."""
        self._do(lambda: self.store.release(name, value))

    def increment(self, name: str, by: int, seconds: float) -> int:
        """See `CacheStore`; where the store is away, each number is the first."""
        return self._ask(lambda: self.store.increment(name, by, seconds), by)

    def delete(self, names: Sequence[str]) -> None:
        """See `CacheStore`."""
        if not self._do(lambda: self.store.delete(names)):
            with self._lock:
                self._owed.update(dict.fromkeys(names))
                self._owes_all = self._owes_all or len(self._owed) > _MOST_OWED

    def clear(self) -> None:
        """See `CacheStore`."""
        if not self._do(self.store.clear):
            self._owes_all = True

    def _do(self, call: Callable[[], None]) -> bool:
        """Make a call that gives nothing; whether it was made."""

        def done() -> bool:
            call()
            return True

        return self._ask(done, False)

    def _ask(self, call: Callable[[], T], otherwise: T) -> T:
        if self._away and self._clock() < self._until:
            return otherwise
        try:
            if self._owed or self._owes_all:
                self._pay()
            found = call()
        except self.store.failures as error:
            self._fails(error)
            return otherwise
        if self._away:
            self._is_back()
        return found

    def _pay(self) -> None:
        """Forget what was to be forgotten; where it fails again, it is owed as before."""
        with self._lock:
            owed, whole = list(self._owed), self._owes_all
        if whole:
            self.store.clear()
        else:
            self.store.delete(owed)
        with self._lock:
            for name in owed:
                self._owed.pop(name, None)
            self._owes_all = self._owes_all and not whole

    def _fails(self, error: Exception) -> None:
        with self._lock:
            first, self._away = not self._away, True
            self._until = self._clock() + _PAUSE
        if first:
            # The driver's own words; SQLAlchemy's would hold the statement and what was to be kept.
            why = getattr(error, "orig", None) or error
            _log.warning("%s does not answer, and the app goes on without: %s: %s", self.store, type(why).__name__, why)

    def _is_back(self) -> None:
        with self._lock:
            again, self._away = self._away, False
        if again:
            _log.info("%s answers again", self.store)
