"""Rates, and the store that counts by them: the generic cell rate algorithm (GCRA), one number for each key."""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Callable
from typing import Protocol

from ._faults import bad_guard

_RATE = re.compile(r"([0-9]{1,9})/(?:([0-9]{1,6}) ?)?(s|sec|seconds?|min|minutes?|h|hours?|d|days?)")
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_LARGEST_FIRST = tuple(reversed(_UNITS.items()))
_BY_LETTER = {unit[0]: seconds for unit, seconds in _UNITS.items()}
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds; unused ones may be made at once.

    Example:
        >>> Rate.of("100/15 minutes")
        Rate(quota=100, seconds=900)
    """

    quota: int
    seconds: float

    @classmethod
    def of(cls, text: str) -> Rate:
        """The rate that a text says: ``10/minute``, ``100/15 minutes``, ``10/min``.

        A unit is a second (``s``, ``sec``), a minute (``min``), an hour (``h``) or a day (``d``).

        Raises:
            SetupError: it says none.
        """
        found = _RATE.fullmatch(text)
        quota, count = (int(found[1]), int(found[2] or 1)) if found else (0, 0)
        if found is None or not quota or not count:
            cure = 'Write it like "10/minute" or "100/15 minutes", with second, minute (or min), hour or day.'
            raise bad_guard(f"{text!r} is no rate.", cure)
        return cls(quota, count * _BY_LETTER[found[3][0]])

    def __str__(self) -> str:
        """The rate for people: ``10 requests in 15 minutes``."""
        unit, length = next(each for each in _LARGEST_FIRST if self.seconds % each[1] == 0 or each[0] == "second")
        count = self.seconds / length
        several = f"{count:g} {unit}s" if count != 1 else f"a{'n' if unit == 'hour' else ''} {unit}"
        return f"{self.quota} request{'s' if self.quota != 1 else ''} in {several}"


@dataclasses.dataclass(frozen=True)
class Taken:
    """What a store says of one request.

    Attributes:
        allowed: whether it is within the rate.
        remaining: how many more may be made at once.
        reset: seconds until the whole quota is there again.
        retry_after: seconds until the next one is allowed; 0 where one is.
    """

    allowed: bool
    remaining: int
    reset: float
    retry_after: float


class RateStore(Protocol):
    """Where requests are counted; ask for it by this type, and give another with ``RateLimit(store=…)``.

    Attributes:
        waits: whether `take` calls `wait(…)`.
        shared: whether all processes of the app see the same counts.
    """

    waits: bool
    shared: bool

    def take(self, key: str, rate: Rate) -> Taken:
        """Count one request for a key, unless it is over the rate; never more than the quota pass at once."""
        ...


class MemoryRateStore:
    """Counts in this process's memory, which it keeps within a bound.

    Arguments:
        most: how many keys are kept; when there are more, the tenth that was seen least lately is forgotten.
        clock: seconds that never go back.

    Example:
        >>> store, rate = MemoryRateStore(), Rate.of("2/hour")
        >>> [store.take("ann", rate).allowed for _ in range(3)]
        [True, True, False]
    """

    waits = False
    shared = False

    def __init__(self, most: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.most: int = max(1, most)
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many keys are kept."""
        return len(self._full_at)

    def take(self, key: str, rate: Rate) -> Taken:
        """See `RateStore`."""
        each = rate.seconds / rate.quota
        with self._lock:
            now = self._clock()
            # When the whole quota is there again ("theoretical arrival time"): each request puts it off by one share.
            full_at = max(self._full_at.pop(key, now), now)
            over = full_at + each - now - rate.seconds
            allowed = over <= _ROUNDING
            if allowed:
                full_at += each
            self._full_at[key] = full_at
            if len(self._full_at) > self.most:
                self._shrink(now)
        remaining = int((rate.seconds - (full_at - now)) / each + _ROUNDING)
        return Taken(allowed, remaining if allowed else 0, full_at - now, 0.0 if allowed else over)

    def _shrink(self, now: float) -> None:
        """Forget whoever has the whole quota again; and where nearly all have not, those seen least lately."""
        kept = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        for key in list(kept)[: max(0, len(kept) - self.most * 9 // 10)]:
            del kept[key]
        self._full_at = kept
