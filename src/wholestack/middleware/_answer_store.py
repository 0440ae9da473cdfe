"""Where first answers are kept under their idempotency keys."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Protocol

_ENTRY = 256


@dataclasses.dataclass(frozen=True)
class StoredAnswer:
    """A whole answer as it may be given again; plain values, for any store."""

    status: int
    media_type: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Attempt:
    """An earlier request with a key: what it said, and its answer; None while that is being made."""

    fingerprint: str
    answer: StoredAnswer | None = None


class IdempotencyStore(Protocol):
    """Where first answers are kept; give another with ``Idempotency(store=…)``. Its methods may `wait(…)`.

    Attributes:
        shared: whether all processes of the app see the same answers.
    """

    shared: bool

    def begin(self, key: str, fingerprint: str, seconds: float) -> Attempt | None:
        """Take a key for so many seconds: None for the first to ask, the earlier attempt for all others.

        Of any number that ask at the same time, exactly one gets None.
        """
        ...

    def finish(self, key: str, attempt: Attempt, seconds: float) -> None:
        """Keep the answer of the one that began, for so many seconds."""
        ...

    def forget(self, key: str) -> None:
        """Give a key back: its request came to nothing, and may be made again."""
        ...


class MemoryIdempotencyStore:
    """Answers in this process's memory, which it keeps within a bound.

    Arguments:
        most: bytes that all answers may take together; when they are more, the oldest are forgotten.
        clock: seconds that never go back.

    Example:
        >>> store = MemoryIdempotencyStore()
        >>> store.begin("k", "f", 60), store.begin("k", "f", 60)
        (None, Attempt(fingerprint='f', answer=None))
    """

    shared = False

    def __init__(self, most: int = 64 * 1024 * 1024, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.size: int = 0
        self._clock = clock
        self._kept: dict[str, tuple[float, Attempt]] = {}
        self._lock = threading.Lock()

    def begin(self, key: str, fingerprint: str, seconds: float) -> Attempt | None:
        """See `IdempotencyStore`."""
        with self._lock:
            now = self._clock()
            until, attempt = self._kept.get(key, (now, None))
            if attempt is not None and until > now:
                return attempt
            self._put(key, now + seconds, Attempt(fingerprint))
            return None

    def finish(self, key: str, attempt: Attempt, seconds: float) -> None:
        """See `IdempotencyStore`."""
        with self._lock:
            self._put(key, self._clock() + seconds, attempt)

    def forget(self, key: str) -> None:
        """See `IdempotencyStore`."""
        with self._lock:
            self._drop(key)

    def _put(self, key: str, until: float, attempt: Attempt) -> None:
        self._drop(key)
        self._kept[key] = until, attempt
        self.size += _cost(attempt)
        if self.size > self.most:
            self._shrink()

    def _drop(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.size -= _cost(found[1])

    def _shrink(self) -> None:
        """Forget what is past its time, then the oldest answers, to nine tenths; never one that is being made."""
        now, wanted = self._clock(), self.most * 9 // 10
        for key in [key for key, (until, _) in self._kept.items() if until <= now]:
            self._drop(key)
        for key in [key for key, (_, attempt) in self._kept.items() if attempt.answer is not None]:
            if self.size <= wanted:
                break
            self._drop(key)


def _cost(attempt: Attempt) -> int:
    answer = attempt.answer
    if answer is None:
        return _ENTRY
    return _ENTRY + len(answer.body) + sum(len(name) + len(value) for name, value in answer.headers)
