"""How tries are counted: a count that is forgotten slowly, and a delay that grows with it."""

from __future__ import annotations

import dataclasses
import math
from typing import TypedDict

from ._misuse import misuse


class LimitOptions(TypedDict, total=False):
    """How often one may try; what is left out stays as it is.

    `free`: tries at once, without a delay; `first`: seconds of the first delay, each further one being twice the last;
    `longest`: seconds that a delay is at most; `forgets`: seconds after which one try is forgotten.
    """

    free: int
    first: float
    longest: float
    forgets: float


@dataclasses.dataclass(frozen=True)
class Limit:
    """How often one may try. See `LimitOptions`."""

    free: int
    first: float
    longest: float
    forgets: float

    def with_options(self, options: LimitOptions) -> Limit:
        """The limit with some of its figures changed.

        Raises:
            SetupError: figures that limit nothing (``bad-login-setting``).
        """
        unknown = set(options) - {field.name for field in dataclasses.fields(self)}
        changed = self if unknown else dataclasses.replace(self, **options)
        sound = changed.free >= 1 and 0 < changed.first <= changed.longest and changed.forgets > 0
        if unknown or not sound:
            raise misuse(
                f"Throttle(…) was given a limit that is none: {dict(options)}.",
                'Throttle(account={"free": 10, "first": 1, "longest": 900, "forgets": 3600}), or some of these.',
            )
        return changed

    def delay(self, count: float) -> float:
        """Seconds that pass after so many tries before there may be another.

        Example:
            >>> limit = Limit(free=3, first=1, longest=6, forgets=60)
            >>> [limit.delay(count) for count in range(1, 8)]
            [0.0, 0.0, 1.0, 2.0, 4.0, 6, 6]
        """
        # To the nearest: what was forgotten during the last delays makes the next one no shorter.
        over = round(min(count, self.most)) - self.free
        return min(self.longest, self.first * 2.0**over) if over >= 0 else 0.0

    @property
    def most(self) -> int:
        """Where a count ends, at the longest delay: an attack that goes on for weeks is not remembered for weeks."""
        return self.free + math.ceil(math.log2(self.longest / self.first))


@dataclasses.dataclass(frozen=True)
class Tries:
    """What is kept under one key.

    Attributes:
        count: tries that are not forgotten, at `last`.
        last: when it was counted last, in seconds since 1970.
        until: when there may be another one.
    """

    count: float = 0.0
    last: float = 0.0
    until: float = 0.0

    def wait(self, limit: Limit, now: float) -> float:
        """Seconds until there may be another try; 0 where there may be one."""
        # However the clock was set, nobody waits longer than the longest delay.
        return min(max(0.0, self.until - now), limit.longest)

    def left(self, limit: Limit, now: float) -> float:
        """How many tries are not forgotten."""
        return max(0.0, self.count - max(0.0, now - self.last) / limit.forgets)

    def tried(self, limit: Limit, now: float) -> Tries:
        """With one more try.

        Example:
            >>> limit = Limit(free=2, first=1, longest=60, forgets=60)
            >>> Tries().tried(limit, 100.0).tried(limit, 100.0)
            Tries(count=2.0, last=100.0, until=101.0)
        """
        count = min(self.left(limit, now) + 1, limit.most)
        return Tries(count, now, _after(now, limit.delay(count)))

    def given_back(self, limit: Limit, now: float) -> Tries:
        """With one try less, which was no failure; who waits does so no longer than that leaves.

        Example:
            >>> limit = Limit(free=2, first=1, longest=60, forgets=60)
            >>> Tries(2.0, 100.0, 101.0).given_back(limit, 100.0)
            Tries(count=1.0, last=100.0, until=0.0)
        """
        count = max(0.0, self.left(limit, now) - 1)
        return Tries(count, now, min(self.until, _after(now, limit.delay(count))))

    def forgotten(self, limit: Limit) -> float:
        """When nothing of it counts any more."""
        return max(self.last + self.count * limit.forgets, self.until)


def _after(now: float, delay: float) -> float:
    """When a delay is over; of none nothing is left: another request may have looked at the clock before."""
    return now + delay if delay else 0.0
