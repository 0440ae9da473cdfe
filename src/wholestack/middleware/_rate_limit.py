"""Rate limits: a rule for routes, and a plugin that brings the store and may limit the whole app."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import AsyncIterator, Generator
from typing import Any

from wholestack import App, HTTPError, Request, Response, Rule, TooManyRequests, rule
from wholestack.errors import Fault

from ._faults import bad_guard, outside
from ._keys import KeyFunction, client_address, digest
from ._rates import MemoryRateStore, Rate, RateStore, Taken
from ._rates_redis import RedisRateStore, ScriptStore


class RateLimitCounts:
    """What the rate limits of one request have counted, for its answer's header fields."""

    def __init__(self, store: RateStore) -> None:
        self._store = store
        self._taken: list[tuple[str, Rate, Taken]] = []

    def take(self, name: str, rate: Rate, key: str) -> None:
        """Count this request, or refuse it."""
        taken = self._store.take(key, rate)
        self._taken.append((name, rate, taken))
        if not taken.allowed:
            seconds = max(1, math.ceil(taken.retry_after))
            raise TooManyRequests(
                f"That is more than {rate}. Ask again in {seconds} seconds.", headers={"retry-after": str(seconds)}
            )

    def fields(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers: each policy, and what is left of it."""
        if not self._taken:
            return {}
        policies = (f'"{name}";q={rate.quota};w={math.ceil(rate.seconds)}' for name, rate, _ in self._taken)
        left = (f'"{name}";r={taken.remaining};t={math.ceil(taken.reset)}' for name, _, taken in self._taken)
        return {"ratelimit-policy": ", ".join(policies), "ratelimit": ", ".join(left)}


def rate_limit(text: str, *, by: KeyFunction = client_address, name: str = "") -> Rule:
    """A rule that lets so many requests of one client pass: ``needs=rate_limit("10/minute")``.

    All routes that have the same rule share its count. The app needs `app.use(RateLimit())`, which brings the store.

    Arguments:
        text: a rate, such as ``10/minute`` or ``100/15 minutes``.
        by: what tells clients apart; where it gives None, their address does.
        name: what this limit is called in header fields and in a shared store; else the rate, and where it stands.

    Raises:
        SetupError: a text that is no rate.

    Example:
        >>> app = App()
        >>> app.use(RateLimit())
        >>> @app.post("/login", needs=rate_limit("5/minute"))
        ... def login() -> str:
        ...     return "welcome"
    """
    rate = Rate.of(text)
    shown = name.replace('"', "").replace("\\", "") or text
    # One limit, one count: over restarts and processes the same place in the code is the same limit.
    own = digest("rate", name or outside().replace("\\", "/").rpartition("/")[2], text)

    def rate_limit(request: Request, counts: RateLimitCounts) -> None:
        value = by(request)  # What a client made up must not be able to name another's address.
        counts.take(shown, rate, f"{own}:by:{value}" if value else f"{own}:at:{client_address(request)}")

    rate_limit.__qualname__ = "rate_limit(…), which needs app.use(RateLimit()),"
    return rule(rate_limit)


class RateLimit:
    """Brings the store of rate limits, and limits every route of the app where rates are given.

    Requests are counted before anything else is judged. An answer says what is left (`RateLimit`, `RateLimit-Policy`);
    one more is a 429 with `Retry-After`. What no route answers (404, 405) is not counted.

    Arguments:
        rates: rates for all routes together, such as ``100/minute``.
        by: what tells clients apart; where it gives None, their address does.
        store: where requests are counted; in memory, it is this process's own; in a `RedisStore` of `wholestack.cache`
            all processes and machines count together (`RedisRateStore`).

    Raises:
        SetupError: a text that is no rate, or a store that counts nothing.

    Example:
        >>> app = App()
        >>> app.use(RateLimit("10/second", "1000/hour"))
    """

    def __init__(
        self, *rates: str, by: KeyFunction = client_address, store: RateStore | ScriptStore | None = None
    ) -> None:
        self.store: RateStore = MemoryRateStore() if store is None else _counting(store)
        self.rules: tuple[Rule, ...] = tuple(rate_limit(text, by=by, name=f"app {text}") for text in rates)
        self.where: str = outside()

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        store = self.store

        def rate_store() -> RateStore:
            return store

        def rate_limit_counts(store: RateStore) -> Generator[RateLimitCounts, Response, None]:
            counts = RateLimitCounts(store)
            try:
                response = yield counts
            except HTTPError as error:
                error.headers.update(counts.fields())
                raise
            for name, value in counts.fields().items():
                response.headers.set(name, value)

        app.provide(rate_store, scope="app")
        app.provide(rate_limit_counts, waits=store.waits)
        present = needed(app.needs)
        app.needs = (*(each for each in self.rules if each not in present), *present)
        app.check(lambda: own_memory(store, "RateLimit", self.where))
        if isinstance(store, RedisRateStore):
            app.lifespan(lambda: _closed(store))


def _counting(store: Any) -> RateStore:
    """A store of rates, or one over a server that runs scripts."""
    if hasattr(store, "take"):
        counts: RateStore = store
        return counts
    if hasattr(store, "run"):
        return RedisRateStore(store)
    raise bad_guard(f"{store!r} counts no requests.", 'RateLimit(…, store=RedisStore("redis://…", prefix="rates"))')


@contextlib.asynccontextmanager
async def _closed(store: RedisRateStore) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await asyncio.to_thread(store.close)


def needed(needs: Any) -> tuple[Any, ...]:
    """The rules in a `needs=`, one or several, as a tuple."""
    return tuple(needs) if isinstance(needs, (tuple, list)) else () if needs is None else (needs,)


def own_memory(store: Any, guard: str, where: str) -> list[Fault]:
    """The fault of a store in memory where there is more than one process."""
    workers = os.environ.get("WEB_CONCURRENCY", "1")
    if store.shared or not workers.isdigit() or int(workers) < 2:
        return []
    message = f"{guard} keeps its store in memory, and WEB_CONCURRENCY starts {workers} processes: each has its own."
    return [Fault("memory-store", message, where, f"{guard}(store=…) with a store that they share, or one process.")]
