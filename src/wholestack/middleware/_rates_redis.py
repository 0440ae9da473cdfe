"""Rates in Redis or Valkey: each request is one script, which the server runs as one step, by its own clock."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ._keys import digest
from ._rates import MemoryRateStore, Rate, Taken

_log = logging.getLogger("wholestack.rates")
_PAUSE = 1.0
"""Seconds in which a server that has failed is not asked again: its time-outs must not become every request's."""
_SHARE = 1000
"""What two numbers may differ by and be the same: a thousandth of the time that one request stands for."""

# What `MemoryRateStore` does, in Lua; the same tests hold both. Under a key stands when its whole quota is there again,
# in seconds since a moment of our days: since 1970 a number would have fewer digits left for their parts.
_TAKE = f"""
local time = redis.call('TIME')
local now = time[1] - 1700000000 + time[2] / 1000000
local quota, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local each = seconds / quota
local full_at = tonumber(redis.call('GET', KEYS[1]) or '') or now
-- A clock that was put back lets nobody wait for longer than the rate says.
full_at = math.min(math.max(full_at, now), now + seconds)
local over, allowed = full_at + each - now - seconds, 0
if over <= each / {_SHARE} then
  full_at, over, allowed = full_at + each, 0, 1
  local left = string.format('%.0f', math.max(1, math.ceil((full_at - now) * 1000)))
  redis.call('SET', KEYS[1], string.format('%.17g', full_at), 'PX', left)
end
return {{allowed, string.format('%.17g', full_at - now), string.format('%.17g', over)}}
"""


class ScriptStore(Protocol):
    """A server of values that all processes share and that runs scripts; `RedisStore` of `wholestack.cache` is one.

    Attributes:
        failures: the kinds of errors that say that it is away.
    """

    failures: tuple[type[Exception], ...]

    def run(self, script: str, names: Sequence[str], *arguments: str) -> Any:
        """Run a script of Lua, with the keys of some names."""
        ...


class RedisRateStore:
    """Counts in Redis or Valkey, for all processes and machines of the app together. See `RateStore`.

    Counts end there by themselves, and their names say nothing of whom they are of. While the server is away each
    process counts in its own memory, so that of as many processes as there are each lets the rate pass; the log says
    so once.

    Arguments:
        store: the server, a `RedisStore` of `wholestack.cache`; give it a `prefix` of its own.
        clock: seconds that never go back, by which an absent server is left alone for a while.

    Example:
        >>> from wholestack.cache import RedisStore
        >>> RedisRateStore(RedisStore("redis://127.0.0.1:6379/0", prefix="rates"))
        <RedisRateStore in <RedisStore redis://127.0.0.1:6379/0>>
    """

    waits = True
    shared = True

    def __init__(self, store: ScriptStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._meanwhile = MemoryRateStore()
        self._lock = threading.Lock()
        self._is_away = False
        self._until = 0.0

    def take(self, key: str, rate: Rate) -> Taken:
        """See `RateStore`."""
        if self._is_away and self._clock() < self._until:
            return self._meanwhile.take(key, rate)
        try:
            found = self._store.run(_TAKE, [f"rate:{digest(key)}"], str(rate.quota), repr(float(rate.seconds)))
        except self._store.failures as error:
            self._fails(error)
            return self._meanwhile.take(key, rate)
        if self._is_away:
            self._is_back()
        allowed, reset, over = bool(found[0]), float(found[1]), float(found[2])
        remaining = int((rate.seconds - reset) * rate.quota / rate.seconds + 1 / _SHARE) if allowed else 0
        return Taken(allowed, remaining, reset, over)

    def close(self) -> None:
        """Close the connections of this process to the server."""
        close: Callable[[], None] | None = getattr(self._store, "close", None)
        if close is not None:
            close()

    def _fails(self, error: Exception) -> None:
        with self._lock:
            first, self._is_away = not self._is_away, True
            self._until = self._clock() + _PAUSE
        if first:
            what = "does not answer, and each process counts requests by itself"
            _log.warning("%s %s: %s: %s", self._store, what, type(error).__name__, error)

    def _is_back(self) -> None:
        with self._lock:
            again, self._is_away = self._is_away, False
        if again:
            _log.info("%s answers again", self._store)

    def __repr__(self) -> str:
        return f"<RedisRateStore in {self._store}>"
