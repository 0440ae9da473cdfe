"""The plugin: the cache for handlers, kept answers, and fragments of pages."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from wholestack import App, Request
from wholestack.db import Database, Session

from ._answers import Answers
from ._cache import Cache
from ._cached import is_latest
from ._check import faults
from ._errors import misuse
from ._fragments import FragmentCache, fragment, fragment_cache
from ._keeper import Keeper
from ._store import CacheStore, MemoryStore
from ._values import seconds_of


class Caching:
    """A cache for an app: ``cache: Cache`` in handlers, `@cached` on them, ``{% call cache(…) %}`` in templates.

    Arguments:
        store: where values are kept: `MemoryStore`, `DatabaseStore` or `RedisStore`; this process's memory if left out.
        ttl: seconds for what says no time of its own.
        largest: bytes of a value or an answer; a larger one is made anew each time.
        patience: seconds that one waits for another that makes the same value, before it makes its own.
        lease: seconds after which a value is made by another process, too.

    Raises:
        SetupError: a time or a size that is none (``bad-cache``).

    Example:
        >>> app = App()
        >>> app.use(Caching(MemoryStore(16 * 1024 * 1024)))
        >>> @app.get("/rates/{currency}")
        ... def rate(currency: str, cache: Cache) -> float:
        ...     return cache.get_or_set(("rate", currency), lambda: 1.09, ttl=60, type=float)
    """

    def __init__(
        self,
        store: CacheStore | None = None,
        *,
        ttl: float = 300.0,
        largest: int = 1024 * 1024,
        patience: float = 10.0,
        lease: float = 10.0,
    ) -> None:
        if min(ttl, largest, patience, lease) <= 0:
            raise misuse("Caching(ttl=…, largest=…, patience=…, lease=…) are above 0.", "Caching(ttl=300)")
        self.store: CacheStore = store if store is not None else MemoryStore()
        self.ttl = ttl
        self._keeper = Keeper(self.store, largest, patience, lease)

    def cache(self, db: Session | None = None) -> Cache:
        """The cache outside a request: for scripts and tasks.

        Arguments:
            db: the session whose commit `invalidate` waits for.
        """
        return Cache(self._keeper, self.ttl, db)

    def seconds_of(self, ttl: float | None) -> float:
        """How long something is kept that says so, or does not."""
        return seconds_of(ttl, self.ttl)

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        begins: Callable[[App], None] | None = getattr(self.store, "setup", None)
        if begins is not None:
            begins(app)
        if any(isinstance(each, Database) and each.is_default for each in app.plugins):
            app.provide(_with_session(self), waits=True)
        else:
            app.provide(_alone(self), waits=True)
        answers = Answers(app, self._keeper, self.ttl)
        app.provide(answers.provider(), waits=True, outermost=True)
        app.provide(fragment_cache, waits=True)
        app.middlewares.insert(0, answers.middleware())  # The outermost: it sees what all others have added.
        app.check(lambda: faults(app))
        app.lifespan(self._life)
        is_latest(self)

    @contextlib.asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            close: Callable[[], None] | None = getattr(self.store, "close", None)
            if close is not None:
                await asyncio.to_thread(close)

    @property
    def template_helpers(self) -> Mapping[str, Callable[[Request], Any]]:
        """What templates get by this plugin: `cache`, for fragments."""
        return {"cache": lambda request: functools.partial(self._fragment, request)}

    @property
    def template_needs(self) -> tuple[type, ...]:
        """What pages need for it: the cache of their request."""
        return (FragmentCache,)

    def _fragment(
        self,
        request: Request,
        key: object,
        ttl: float | None = None,
        *,
        tags: Iterable[str] = (),
        caller: Callable[[], str],
    ) -> Any:
        """A part of a page that is kept: ``{% call cache("sidebar", 60) %}…{% endcall %}``; escaped as it was made."""
        from markupsafe import Markup

        found = fragment(request, self.cache, key, ttl, tags, caller)
        return Markup(found)  # noqa: S704  (Jinja2 has escaped it when it was made)

    def __repr__(self) -> str:
        return f"<Caching {self.store!r}>"


def _with_session(caching: Caching) -> Callable[..., Cache]:
    """The provider of `Cache` for an app with a database: what is invalid is so after the request's commit."""

    def cache(db: Session) -> Cache:
        return caching.cache(db)

    return cache


def _alone(caching: Caching) -> Callable[..., Cache]:
    """The provider of `Cache` for an app without a database."""

    def cache() -> Cache:
        return caching.cache()

    return cache
