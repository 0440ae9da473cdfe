"""Tries in Redis or Valkey: each count is one script, which the server runs as one step, by its own clock."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from wholestack.errors import ServiceUnavailable
from wholestack.languages import gettext

from ._throttle_limits import Limit

_log = logging.getLogger("wholestack.auth")

# What `_throttle_limits` says, in Lua; the same tests hold both. A count is rounded as Python does it, to the even one
# of two that are as near. Under a key stands "tries tried_at free_at", until nothing of it counts any more.
_LIMITS = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local function limit_at(place)
  local given = {}
  for each = 0, 4 do given[each + 1] = tonumber(ARGV[place + each]) end
  return {free = given[1], first = given[2], longest = given[3], forgets = given[4], most = given[5]}
end
local function read(text)
  local count, last, till = string.match(text or '', '^(%S+) (%S+) (%S+)$')
  return {count = tonumber(count or 0), last = tonumber(last or 0), till = tonumber(till or 0)}
end
local function rounded(number)
  local down = math.floor(number)
  local rest = number - down
  if rest > 0.5 or (rest == 0.5 and down % 2 == 1) then return down + 1 end
  return down
end
local function left(tries, limit)
  return math.max(0, tries.count - math.max(0, now - tries.last) / limit.forgets)
end
local function free_at(count, limit)
  local over = rounded(math.min(count, limit.most)) - limit.free
  if over < 0 then return 0 end
  return now + math.min(limit.longest, limit.first * 2 ^ over)
end
local function keep(key, count, till, limit)
  local seconds = math.max(count * limit.forgets, till - now)
  local text = string.format('%.17g %.17g %.17g', count, now, till)
  redis.call('SET', key, text, 'PX', math.max(1, math.ceil(seconds * 1000)))
end
"""
_COUNT = f"""{_LIMITS}
local found, wait = redis.call('MGET', unpack(KEYS)), 0
for each = 1, #KEYS do
  found[each] = read(found[each])
  wait = math.max(wait, math.min(found[each].till - now, limit_at(5 * each - 3).longest))
end
if wait > 0 then return string.format('%.17g', wait) end
for each = 1, #KEYS do
  local limit = limit_at(5 * each - 3)
  local count = math.min(left(found[each], limit) + 1, limit.most)
  keep(KEYS[each], count, free_at(count, limit), limit)
end
return '0'
"""
_PASSED = f"""{_LIMITS}
for each = 1, #KEYS do
  local place = 5 * each - 3
  local text = redis.call('GET', KEYS[each])
  if text and ARGV[place] == '' then
    redis.call('DEL', KEYS[each])
  elseif text then
    local tries, limit = read(text), limit_at(place)
    local count = math.max(0, left(tries, limit) - 1)
    keep(KEYS[each], count, math.min(tries.till, free_at(count, limit)), limit)
  end
end
return '0'
"""
_FORGOTTEN = ("",) * 5


class ScriptStore(Protocol):
    """What a throttle asks of a server of values that all processes share; `RedisStore` of `wholestack.cache` has it.

    Attributes:
        failures: the kinds of errors that say that it is away.
    """

    failures: tuple[type[Exception], ...]

    def run(self, script: str, names: Sequence[str], *arguments: str) -> Any:
        """Run a script of Lua, with the keys of some names."""
        ...


class RedisTries:
    """Tries in Redis. See `TriesStore`.

    They end there by themselves. Where the server is away, nobody is let try: what is not counted is not tried.

    Arguments:
        store: the server.
    """

    def __init__(self, store: ScriptStore) -> None:
        self._store = store
        self._is_away = False

    def count(self, limits: Mapping[str, Limit], now: float | None) -> float:
        """See `TriesStore`.

        Raises:
            ServiceUnavailable: the server is away (``throttle-away``).
        """
        given = [each for limit in limits.values() for each in _figures(limit)]
        try:
            return float(self._asked(_COUNT, [*limits], now, given))
        except self._store.failures as error:
            message = gettext("Nobody can log in at the moment. Please try again a little later.")
            raise ServiceUnavailable(message, code="throttle-away") from error

    def passed(self, forget: Collection[str], give_back: Mapping[str, Limit], now: float | None) -> None:
        """See `TriesStore`. Where the server is away, they are forgotten a little later: the login was right."""
        given = [each for _ in forget for each in _FORGOTTEN]
        given += [each for limit in give_back.values() for each in _figures(limit)]
        with contextlib.suppress(*self._store.failures):
            self._asked(_PASSED, [*forget, *give_back], now, given)

    def _asked(self, script: str, keys: Sequence[str], now: float | None, given: Sequence[str]) -> Any:
        names = [f"login:{key}" for key in keys]  # No value of a cache in the same store is called so.
        try:
            found = self._store.run(script, names, "" if now is None else repr(now), *given)
        except self._store.failures as error:
            if not self._is_away:  # Each request is told; once is enough for the log.
                _log.warning("%s does not answer: %s: %s", self._store, type(error).__name__, error)
            self._is_away = True
            raise
        self._is_away = False
        return found


def _figures(limit: Limit) -> list[str]:
    return [repr(float(each)) for each in (limit.free, limit.first, limit.longest, limit.forgets, limit.most)]
