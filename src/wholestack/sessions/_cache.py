"""Sessions in a store of the cache: in Redis or Valkey, for apps that keep them apart from their database."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import functools
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from wholestack import App, SetupError, wait
from wholestack.errors import Fault, ServiceUnavailable
from wholestack.handlers import is_driven
from wholestack.routing import where_of

from ._kept import Change, StoredSession, key_of

_log = logging.getLogger("wholestack.sessions")
T = TypeVar("T")
Ends = Mapping[str, float]
"""The sessions of a user: the key of each, and when it ends, by the clock of sessions."""

_PATIENCE = 10.0
"""Seconds for which a change is tried again, where others were faster each time."""
_TOLD, _SLACK = 300.0, 3600.0
"""Seconds after which a user's list is told of a session's later end, and by which it outlives the last one."""
_MOVED = b"-"
"""Stands where a session was that has taken a new key, until it is deleted."""


class ValueStore(Protocol):
    """What `CacheSessions` needs of a store of values; the stores of `wholestack.cache` have it.

    Attributes:
        shared: whether all processes see the same values.
        one_writer: whether writing has to wait for the end of a transaction that has written itself.
        failures: the kinds of errors that say that the store is away.
    """

    shared: bool
    one_writer: bool
    failures: tuple[type[Exception], ...]

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """The values of these names, in their order."""
        ...

    def set(self, name: str, value: bytes, seconds: float) -> None:
        """Keep a value for so many seconds."""
        ...

    def add(self, name: str, value: bytes, seconds: float) -> bool:
        """Keep a value where none is there."""
        ...

    def swap(self, name: str, value: bytes, new: bytes, seconds: float) -> bool:
        """Put a new value in the place of this one, if it is still there; of several at once exactly one gets True."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Forget the values of these names."""
        ...


class CacheSessions:
    """Sessions in a store of the cache, `RedisStore` above all: ``Sessions(CacheSessions(RedisStore("redis://…")))``.

    They end there by themselves, and a change is one step: it is made only to what is kept at that moment. A user's
    sessions are told by a list beside them, without which none of them is alive: to end all is one step, too, and where
    the store has thrown the list away, its user logs in again. So each load for a user who is logged in is two
    questions. A store that throws values away when it is full ends sessions; where it is away, requests that use a
    session get a 503. `Cache.clear` on the same store ends all sessions: give them one of their own, or a ``prefix``.

    Arguments:
        store: a store of `wholestack.cache`, or of one's own.

    Raises:
        SetupError: when the app is sealed: a table of SQLite, whose one writer may be the request itself
            (``bad-guard``).

    Example:
        >>> from wholestack.cache import MemoryStore
        >>> now = datetime.datetime.now(datetime.UTC)
        >>> sessions = CacheSessions(MemoryStore())
        >>> sessions.create("k", StoredSession({}, now, now, now + datetime.timedelta(days=1), user="ann"))
        >>> [key for key, _ in sessions.of("ann")], sessions.delete_of("ann", None), sessions.load("k")
        (['k'], 1, None)
    """

    def __init__(self, store: ValueStore) -> None:
        self.store = store
        self.shared: bool = store.shared
        self.waits: bool = store.shared
        self._is_away = False

    def setup(self, app: App) -> None:
        """Set the store up, and close it when the app stops."""
        begins: Callable[[App], None] | None = getattr(self.store, "setup", None)
        if begins is not None:
            begins(app)
        if self.store.one_writer:
            message = "CacheSessions(DatabaseStore()) may wait for the request itself: SQLite has one writer."
            raise SetupError([Fault("bad-guard", message, where_of(type(self)), "Sessions(DatabaseSessions())")])
        app.lifespan(self._life)

    @contextlib.asynccontextmanager
    async def _life(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            close: Callable[[], None] | None = getattr(self.store, "close", None)
            if close is not None:
                await asyncio.to_thread(close)

    # -- one session ---------------------------------------------------------------------------------------------

    def load(self, key: str) -> StoredSession | None:
        """See `SessionStore`."""
        return self._found(key)[1]

    def _found(self, key: str) -> tuple[bytes, StoredSession | None]:
        """What is kept, and what it says; None where its user's list does not have it."""
        raw = self._ask(lambda store: store.get([_name_of(key)]))[0] or b""
        kept = _read(raw)
        if kept is not None and kept.user is not None and key not in self._listed(kept.user).ends:
            kept = None
        return raw, kept

    def create(self, key: str, kept: StoredSession) -> None:
        """See `SessionStore`."""
        if kept.user is not None:
            self._list(kept.user, key, kept)
        self._ask(lambda store: store.set(_name_of(key), _written(kept), _seconds(kept)))

    def update(self, key: str, known: StoredSession, change: Change, *, to: str | None = None) -> StoredSession | None:
        """See `SessionStore`."""
        raw, kept = _written(known), known
        for _ in _turns("a session is changed by too many at once"):
            changed = dataclasses.replace(change(kept), version=kept.version + 1)
            if self._put(key, raw, kept, changed, to):
                return changed
            raw, found = self._found(key)
            if found is None:
                break
            kept = found
        return None

    def _put(self, key: str, raw: bytes, kept: StoredSession, changed: StoredSession, to: str | None) -> bool:
        """Put a session in the place of what is kept; whether that was still there."""
        user, at, seconds = changed.user, to or key, _seconds(changed)
        moves = at != key or user != kept.user
        if moves and user is not None:
            self._list(user, at, changed, beside=key if user == kept.user else None)
        if to is not None:
            # Nobody knows the new key before the answer is sent: until then only the old one can be used.
            self._ask(lambda store: store.set(_name_of(to), _written(changed), seconds))
        new, seconds = (_written(changed), seconds) if to is None else (_MOVED, 1.0)
        done = self._ask(lambda store: store.swap(_name_of(key), raw, new, seconds))
        if to is not None:
            self._forget([key if done else to])
        if moves and (owner := kept.user if done else user) is not None:
            self._unlist(owner, [key if done else at])
        elif done and user is not None and not moves:
            self._tell(user, key, kept, changed)
        return done

    def touch(self, key: str, kept: StoredSession) -> None:
        """See `SessionStore`."""
        raw, found = self._found(key)
        if found is None:
            return
        seen = dataclasses.replace(found, seen_at=kept.seen_at, expires_at=kept.expires_at)
        # Where another was faster, it has noted that it was seen.
        if self._ask(lambda store: store.swap(_name_of(key), raw, _written(seen), _seconds(seen))) and seen.user:
            self._tell(seen.user, key, found, seen)

    def delete(self, keys: Collection[str]) -> None:
        """See `SessionStore`."""
        if keys:
            names = [_name_of(key) for key in keys]
            kept = [_read(raw or b"") for raw in self._ask(lambda store: store.get(names))]
            self._forget(keys)
            for user in {each.user for each in kept if each is not None and each.user is not None}:
                self._unlist(user, keys)

    def _forget(self, keys: Collection[str]) -> None:
        self._ask(lambda store: store.delete([_name_of(key) for key in keys]))

    # -- the sessions of a user ----------------------------------------------------------------------------------

    def of(self, user: str) -> list[tuple[str, StoredSession]]:
        """See `SessionStore`."""
        keys = [*self._listed(user).ends]
        found = self._ask(lambda store: store.get([_name_of(key) for key in keys])) if keys else []
        pairs = ((key, _read(raw or b"")) for key, raw in zip(keys, found, strict=True))
        return [(key, kept) for key, kept in pairs if kept is not None and kept.user == user]

    def delete_of(self, user: str, but: str | None) -> int:
        """See `SessionStore`."""
        alive = {key for key, _ in self.of(user)}
        ended = self._change_list(user, lambda ends: {key: end for key, end in ends.items() if key == but})
        if ended:
            self._forget(ended)
        return len(alive & ended)

    def sweep(self, before: datetime.datetime, most: int) -> int:
        """See `SessionStore`: none, since they end in the store by themselves."""
        return 0

    def _listed(self, user: str) -> _List:
        return _List.of(self._ask(lambda store: store.get([_list_of(user)]))[0])

    def _list(self, user: str, key: str, kept: StoredSession, *, beside: str | None = None) -> None:
        """Put a session on the list; where it is to follow another one, only if that is still there: it may have ended
        a moment ago, with all of its user's.
        """
        now, end = kept.seen_at.timestamp(), kept.expires_at.timestamp()
        self._change_list(
            user, lambda ends: {**_alive(ends, now), key: end} if beside is None or beside in ends else ends, now
        )

    def _unlist(self, user: str, keys: Collection[str]) -> None:
        self._change_list(user, lambda ends: {key: end for key, end in ends.items() if key not in keys})

    def _tell(self, user: str, key: str, before: StoredSession, kept: StoredSession) -> None:
        """Tell the list of a later end, now and then; where it has the session no more, that stays so."""
        now, end = kept.seen_at.timestamp(), kept.expires_at.timestamp()
        if end // _TOLD != before.expires_at.timestamp() // _TOLD:
            self._change_list(user, lambda ends: {**_alive(ends, now), key: end} if key in ends else ends, now)

    def _change_list(self, user: str, change: Callable[[Ends], Ends], now: float | None = None) -> set[str]:
        """Change a user's list in one step; gives the keys that it has lost by that."""
        name = _list_of(user)
        for _ in _turns("a user's list is changed by too many at once"):
            found = self._listed(user)
            ends = change(found.ends)
            if ends == found.ends:
                break
            made = _List(found.at if now is None else now, ends)
            if self._ask(functools.partial(made.put, name, found.raw)):
                return {*found.ends} - {*ends}
        return set()

    # -- the store -----------------------------------------------------------------------------------------------

    def _ask(self, call: Callable[[ValueStore], T]) -> T:
        try:
            found = call(self.store)
            self._is_away = False
            return found
        except self.store.failures as error:
            if not self._is_away:  # Each request is told; once is enough for the log.
                _log.warning("%s does not answer: %s: %s", self.store, type(error).__name__, error)
            self._is_away = True
            raise _away(f"their store does not answer ({type(error).__name__})") from error

    def __repr__(self) -> str:
        return f"<CacheSessions {self.store!r}>"


@dataclasses.dataclass(frozen=True)
class _List:
    """The list of a user's sessions: those that are on it are alive, and no others.

    Attributes:
        at: when something was put on it last, by the clock of sessions; the store's own is not asked.
        ends: the sessions that are on it.
        raw: as the store has it; None where it has none.
    """

    at: float = 0.0
    ends: Ends = dataclasses.field(default_factory=dict)
    raw: bytes | None = None

    @staticmethod
    def of(raw: bytes | None) -> _List:
        return _List() if raw is None else _List(**json.loads(raw), raw=raw)

    def put(self, name: str, raw: bytes | None, store: ValueStore) -> bool:
        """Put it in the place of what the store had; whether that was still so."""
        text = json.dumps({"at": self.at, "ends": self.ends}).encode()
        seconds = max(self.ends.values(), default=self.at) - self.at + _SLACK
        return store.add(name, text, seconds) if raw is None else store.swap(name, raw, text, seconds)


def _alive(ends: Ends, now: float) -> Ends:
    return {key: end for key, end in ends.items() if end + _SLACK > now}


def _name_of(key: str) -> str:
    """The name of a session in a store, of as many characters as the cache's own, none of which begins so."""
    return f"s{key_of(key)[1:]}"


def _list_of(user: str) -> str:
    return f"u{key_of(user)[1:]}"


def _seconds(kept: StoredSession) -> float:
    """How long it is kept: times are told by the clock of sessions, whatever the store's says."""
    return max((kept.expires_at - kept.seen_at).total_seconds(), 0.001)


def _written(kept: StoredSession) -> bytes:
    found = {name: getattr(kept, name) for name in _FIELDS}
    return json.dumps(found, separators=(",", ":"), default=datetime.datetime.isoformat).encode()


def _read(raw: bytes) -> StoredSession | None:
    """What the store had; None for nothing, for what has moved, and for what is none of ours."""
    try:
        found: dict[str, Any] = json.loads(raw)
        moments: dict[str, Any] = {name: datetime.datetime.fromisoformat(found[name]) for name in _MOMENTS}
        return StoredSession(**found | moments)
    except (KeyError, TypeError, ValueError):
        return None


_FIELDS = tuple(field.name for field in dataclasses.fields(StoredSession))
_MOMENTS = ("created_at", "seen_at", "expires_at")


def _turns(why: str) -> Iterator[int]:
    """Turns of something that is tried until nobody was faster; each failure says that somebody else has succeeded.

    Raises:
        ServiceUnavailable: it is tried for too long.
    """
    end, turn = time.monotonic() + _PATIENCE, 0
    while time.monotonic() < end:
        yield turn
        turn += 1
        seconds = random.uniform(0.0, min(0.001 * 2**turn, 0.05))  # noqa: S311  (no secret)
        if is_driven():
            wait(asyncio.sleep(seconds))
        elif asyncio._get_running_loop() is None:
            time.sleep(seconds)
    raise _away(why)


def _away(why: str) -> ServiceUnavailable:
    return ServiceUnavailable(f"Sessions cannot be read or written now: {why}.", code="sessions-away")
