"""The cache as handlers have it: plain calls in either colour, bound to the request's transaction."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from wholestack import wait

from ._keeper import Keeper, Versions, tag_of
from ._keys import name_of
from ._values import decode, encode, seconds_of

if TYPE_CHECKING:
    from wholestack.db import Session

T = TypeVar("T")


class Cache:
    """Values that are kept for a while; handlers ask for ``cache: Cache``. Its calls are plain in either colour.

    A key is any text, or a tuple of plain values, and may come from a request: a store only sees its hash. Keys that
    differ in anything, also in their types, are different keys. Values are kept as JSON. What is not there, or not of
    the type that is asked for, is None.

    Example:
        >>> from wholestack.cache import Caching
        >>> cache = Caching().cache()
        >>> cache.set(("post", 7), {"title": "Cats"}, ttl=60, tags=["posts"])
        >>> cache.get(("post", 7))
        {'title': 'Cats'}
        >>> cache.invalidate("posts")
        >>> cache.get(("post", 7)) is None
        True
    """

    def __init__(self, keeper: Keeper, ttl: float, db: Session | None = None) -> None:
        self._keeper = keeper
        self._ttl = ttl
        self._db = db
        # Names of tags that are invalid to this request alone, until its transaction has committed.
        self._gone: set[str] = set()
        # What is written at the end of the transaction, since a writer of its own would wait for it for ever.
        self._later: dict[str, tuple[bytes, frozenset[str]] | None] = {}

    @overload
    def get(self, key: object) -> Any: ...
    @overload
    def get(self, key: object, *, type: type[T]) -> T | None: ...
    def get(self, key: object, *, type: Any = None) -> Any:
        """The value of a key, or None.

        Arguments:
            key: a text, or a tuple of plain values.
            type: what the value is to be: a model, a dataclass, ``list[Post]``. A value that was kept in another form,
                as by an earlier release, is none. Without a type it is plain JSON: dicts, lists, texts, numbers.

        Raises:
            CacheFault: something that is no key.
        """
        payload = self._find(name_of("value", key))
        return None if payload is None else _read(payload, type)

    def set(self, key: object, value: object, *, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Keep a value.

        Arguments:
            key: a text, or a tuple of plain values.
            value: plain values, a dataclass or a model: what has a form in JSON. Never a secret: a store is read by
                whoever has its file or its server.
            ttl: seconds (`math.inf`: as long as there is room); the plugin's `ttl` if left out.
            tags: names by which `invalidate` finds it.

        Raises:
            CacheFault: something that is no key, a value that has no form in JSON, or a time that is none.
        """
        name, payload, seconds = name_of("value", key), encode(value), seconds_of(ttl, self._ttl)
        versions = self._keeper.versions([*tags])
        self._keep(name, payload, seconds, versions)

    def delete(self, *keys: object) -> None:
        """Forget the values of these keys, at once."""
        names = [name_of("value", key) for key in keys]
        if self._writes_later():
            self._later.update(dict.fromkeys(names))
            self._at_end(lambda: self._keeper.store.delete(names), always=True)
        else:
            self._keeper.store.delete(names)

    def increment(self, key: object, by: int = 1, *, ttl: float | None = None) -> int:
        """Add to a number that begins at 0, and give what it is then. None of those who add at once is lost.

        Its time begins with it and is not renewed, so it counts within a window. A value that is no whole number begins
        anew. While the store is away, each is the first: what must be counted belongs into the database.
        """
        name, seconds = name_of("value", key), seconds_of(ttl, self._ttl)
        if not self._writes_later():
            return self._keeper.store.increment(name, by, seconds)
        found = decode(self._find(name) or b"0")
        number = (found if isinstance(found, int) else 0) + by
        self._later[name] = b"%d" % number, frozenset()
        self._at_end(lambda: self._keeper.store.increment(name, by, seconds), always=True)
        return number

    @overload
    def get_or_set(
        self, key: object, make: Callable[[], object], *, ttl: float | None = None, tags: Iterable[str] = ()
    ) -> Any: ...
    @overload
    def get_or_set(
        self,
        key: object,
        make: Callable[[], object],
        *,
        ttl: float | None = None,
        tags: Iterable[str] = (),
        type: type[T],
    ) -> T: ...
    def get_or_set(
        self,
        key: object,
        make: Callable[[], object],
        *,
        ttl: float | None = None,
        tags: Iterable[str] = (),
        type: Any = None,
    ) -> Any:
        """The value of a key; where there is none, what `make` gives, which is kept.

        Of all who ask at the same time, in this process and in others, one makes it and the others wait for it. They
        wait as their colour does, so no event loop is held up. Where making fails, the error goes to the one who made
        it, and the next one tries.

        Arguments:
            key: a text, or a tuple of plain values.
            make: a function without arguments, `def` or `async def`.
            ttl: seconds; the plugin's `ttl` if left out.
            tags: names by which `invalidate` finds it.
            type: what the value is; it may be made of rows then, ``type=list[PostOut]``. What is given back is the
                value as it was kept, also the first time.

        Raises:
            CacheFault: something that is no key, a value that has no form in JSON, or a time that is none.
        """
        return self.made(name_of("value", key), make, seconds_of(ttl, self._ttl), [*tags], type)

    def invalidate(self, *tags: str) -> None:
        """Let no value with one of these tags be found any more.

        Within a request that has a `Session`, that is so for everybody after the commit, and never after a roll-back;
        for the request itself at once. Elsewhere it is so at once. What is being made meanwhile, of what was there
        before, is not found either.
        """
        if self._db is None:
            self._keeper.invalidate(tags)
            return
        self._gone.update(map(tag_of, tags))
        self._db.after(commit=lambda: self._committed(tags))

    def clear(self) -> None:
        """Forget everything, for all, at once."""
        self._later.clear()
        if self._writes_later():
            self._at_end(self._keeper.store.clear, always=True)
        else:
            self._keeper.store.clear()

    # -- what functions and fragments use as well ----------------------------------------------------------------

    def made(
        self,
        name: str,
        make: Callable[[], object],
        seconds: float,
        tags: list[str],
        type: Any,
        *,
        kept_as: Callable[[str], str] = str,
    ) -> Any:
        """See `get_or_set`; the key is the name of a store's, by which its makers take turns.

        `kept_as` says under which one of its own it is kept: asked for each look, and again when it is made, since that
        may tell what it differs by.
        """

        def look() -> tuple[Any] | None:
            payload = self._find(kept_as(name))
            if payload is None:
                return None
            try:
                return (decode(payload, type),)
            except ValueError:
                return None

        found, turn = self._keeper.begin(name, look, alone=self._writes_later())
        if found is not None:
            return found[0]
        kept = True
        try:
            versions = self._keeper.versions(tags)  # Before it is made: what is declared invalid meanwhile counts.
            value = make()
            if inspect.isawaitable(value):
                value = wait(value)
            payload = encode(value, type)
            kept = self._keep(kept_as(name), payload, seconds, versions)
            return decode(payload, type)
        finally:
            turn.end(apart=not kept)

    def _find(self, name: str) -> bytes | None:
        if name in self._later:
            found = self._later[name]
            return None if found is None or not found[1].isdisjoint(self._gone) else found[0]
        return self._keeper.find(name, self._gone)

    def _keep(self, name: str, payload: bytes, seconds: float, versions: Versions) -> bool:
        if not versions.keys().isdisjoint(self._gone):
            return False  # It may be made of what this request has changed, which may be rolled back.
        if not self._writes_later():
            return self._keeper.keep(name, payload, seconds, versions)
        self._later[name] = payload, frozenset(versions)
        self._at_end(lambda: self._keeper.keep(name, payload, seconds, versions))
        return False

    def _writes_later(self) -> bool:
        db = self._db
        return db is not None and self._keeper.store.store.one_writer and db.in_transaction()

    def _at_end(self, write: Callable[[], object], *, always: bool = False) -> None:
        """Write when the transaction is over; what it may have made of its own changes, only after its commit."""
        if self._db is not None:
            self._db.after(commit=write, failure=write if always else None)

    def _committed(self, tags: Iterable[str]) -> None:
        self._keeper.invalidate([*tags])
        self._gone.clear()


def _read(payload: bytes, type: Any) -> Any:
    try:
        return decode(payload, type)
    except ValueError:
        return None
