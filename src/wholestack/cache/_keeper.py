"""What a cache and kept answers have in common: finding and keeping by name, tags, and one maker at a time."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from wholestack import WholestackError

from ._flights import Flight, Flights, may_wait, pause
from ._guarded import Guarded
from ._keys import name_of
from ._store import TAGS, CacheStore
from ._values import seal, unseal

F = TypeVar("F")
_TAG_SECONDS = 86_400.0
_TAG_SECONDS_AT_MOST = 30 * 86_400.0
"""How long a version of a tag is kept; when it is gone, so are the values with that tag."""
_BEGUN = "b"

Versions = Mapping[str, str | None]
_FIRST_LOOK, _LAST_LOOK = 0.02, 0.25


class Turn:
    """One maker's turn: whoever has it makes the value; all others wait until it ends."""

    def __init__(self, keeper: Keeper, name: str, flight: Flight | None) -> None:
        self._keeper = keeper
        self._name = name
        self._flight = flight
        self.token: bytes | None = None

    def end(self, *, apart: bool = False) -> None:
        """Let the next one look; `apart`: nothing was kept that others could find, and they need not take turns."""
        flight, self._flight = self._flight, None
        if flight is not None:
            self._keeper.flights.end(self._name, flight, apart=apart)
        token, self.token = self.token, None
        if token is not None:
            # Where nothing may wait any more, as when a task is torn down, the lock ends by itself.
            with contextlib.suppress(WholestackError):
                self._keeper.store.release(_lock_of(self._name), token)


class Keeper:
    """Finds and keeps values by their names in a store.

    Arguments:
        store: where they are kept.
        largest: bytes of a value; a larger one is not kept.
        patience: seconds that one waits for another that makes the same value, before it makes its own.
        lease: seconds after which another process makes a value, too.
    """

    def __init__(self, store: CacheStore, largest: int, patience: float, lease: float) -> None:
        self.store: Guarded = Guarded(store)
        self.flights: Flights = Flights()
        self.largest = largest
        self._patience = patience
        self._lease = lease

    # -- finding and keeping -------------------------------------------------------------------------------------

    def find(self, name: str, gone: Collection[str] = ()) -> bytes | None:
        """What is kept under a name, if none of its tags was declared invalid meanwhile.

        Arguments:
            name: of the value.
            gone: names of tags that count as invalid.
        """
        found = unseal(self.store.get([name])[0])
        if found is None:
            return None
        versions, payload = found
        if versions:
            present = self.store.get(list(versions))
            fresh = all(raw == version.encode() for raw, version in zip(present, versions.values(), strict=True))
            if not fresh or not versions.keys().isdisjoint(gone):
                return None
        return payload

    def keep(self, name: str, payload: bytes, seconds: float, versions: Versions) -> bool:
        """Keep a value; `versions` are those that its tags had before it was made. Whether it is kept now."""
        present = {tag: version or self._begun(tag, seconds) for tag, version in versions.items()}
        sealed = seal(payload, {tag: version for tag, version in present.items() if version is not None})
        return None not in present.values() and len(sealed) <= self.largest and self.store.set(name, sealed, seconds)

    def versions(self, tags: Collection[str]) -> Versions:
        """The present version of each tag, by its name in the store; None of one that has none yet.

        Noted before a value is made, and kept with it: a value is found as long as its tags have these versions.
        """
        names = [tag_of(tag) for tag in dict.fromkeys(tags)]
        found = self.store.get(names) if names else []
        return {name: None if raw is None else _text(raw) for name, raw in zip(names, found, strict=True)}

    def _begun(self, tag: str, seconds: float) -> str | None:
        """The version of a tag that had none; None where it was declared invalid since, and so has one."""
        version = _BEGUN + secrets.token_hex(8)
        if self.store.add(tag, version.encode(), min(max(_TAG_SECONDS, 2 * seconds), _TAG_SECONDS_AT_MOST)):
            return version
        raw = self.store.get([tag])[0]
        # Nothing but `invalidate` writes over a version: this one was begun by another maker.
        return _text(raw) if raw is not None and raw.startswith(_BEGUN.encode()) else None

    def invalidate(self, tags: Collection[str]) -> None:
        """Let no value be found any more that was made, or begun to be made, before now with one of these tags."""
        for name in dict.fromkeys(map(tag_of, tags)):
            if not self.store.set(name, f"i{secrets.token_hex(8)}".encode(), _TAG_SECONDS):
                self.store.delete([name])  # The store is away: it is owed.

    # -- one maker at a time -------------------------------------------------------------------------------------

    def begin(self, name: str, look: Callable[[], F | None], *, alone: bool = False) -> tuple[F | None, Turn]:
        """What `look` finds, or the turn to make it: one at a time for each name, in all processes of a shared store.

        Whoever comes second waits, and finds what the first has made. After `patience` it makes its own.

        Arguments:
            name: of the value.
            look: looks for it, and gives None where it is not.
            alone: other processes are not asked.
        """
        end = time.monotonic() + self._patience
        found = look()
        while found is None:
            flight, is_new = self.flights.take(name)
            if is_new:
                return self._turn(name, look, Turn(self, name, flight), None if alone else end)
            if self.flights.is_mine(flight) or not self.flights.wait(flight, end - time.monotonic()):
                break  # It is asked for by what makes it; or was waited for in vain.
            found = look()
            if flight.apart:
                break
        return found, Turn(self, name, None)

    def _turn(self, name: str, look: Callable[[], F | None], turn: Turn, end: float | None) -> tuple[F | None, Turn]:
        try:
            found = look()  # Its last maker may have ended between the first look and this turn.
            if found is None and self.store.store.shared and end is not None:
                found = self._lock(name, look, end, turn)
        except BaseException:
            turn.end()
            raise
        if found is not None:
            turn.end()
        return found, turn

    def _lock(self, name: str, look: Callable[[], F | None], end: float, turn: Turn) -> F | None:
        """Take the lock of a name among all processes, or find what another has made meanwhile."""
        token = b"l" + secrets.token_hex(8).encode()  # Not a number, which a store would take for a counter.
        seconds = _FIRST_LOOK
        while not self.store.add(_lock_of(name), token, self._lease):
            if time.monotonic() >= end or not may_wait():
                return None
            pause(seconds)
            seconds = min(seconds * 1.5, _LAST_LOOK)
            found = look()
            if found is not None:
                return found
        turn.token = token
        return look()  # The one that had the lock may have ended just now.


def tag_of(tag: str) -> str:
    """The name of a tag in a store: it begins as no other name does."""
    return TAGS + name_of("tag", tag)[1:]


def _text(version: bytes) -> str:
    return version.decode("ascii", "replace")


def _lock_of(name: str) -> str:
    return name_of("lock", name)
