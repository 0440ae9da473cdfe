"""Sessions in the memory of one process: for development, tests and small things."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Collection

from ._kept import Change, StoredSession


class MemorySessions:
    """Sessions in this process's memory; they end with it, and no other process sees them.

    Example:
        >>> now = datetime.datetime.now(datetime.UTC)
        >>> store = MemorySessions()
        >>> store.create("k", StoredSession({}, now, now, now, user="ann"))
        >>> [key for key, _ in store.of("ann")], store.delete_of("ann", None), store.load("k")
        (['k'], 1, None)
    """

    shared: bool = False
    waits: bool = False

    def __init__(self) -> None:
        self._found: dict[str, StoredSession] = {}
        self._lock = threading.Lock()

    def load(self, key: str) -> StoredSession | None:
        """See `SessionStore`."""
        return self._found.get(key)

    def create(self, key: str, kept: StoredSession) -> None:
        """See `SessionStore`."""
        self._found[key] = kept

    def update(self, key: str, known: StoredSession, change: Change, *, to: str | None = None) -> StoredSession | None:
        """See `SessionStore`."""
        with self._lock:
            kept = self._found.get(key)
            if kept is None:
                return None
            # Whoever loads it meanwhile finds it, before or after.
            changed = self._found[to or key] = dataclasses.replace(change(kept), version=kept.version + 1)
            if to is not None:
                del self._found[key]
            return changed

    def touch(self, key: str, kept: StoredSession) -> None:
        """See `SessionStore`."""
        with self._lock:
            if key in self._found:
                found = self._found[key]
                self._found[key] = dataclasses.replace(found, seen_at=kept.seen_at, expires_at=kept.expires_at)

    def delete(self, keys: Collection[str]) -> None:
        """See `SessionStore`."""
        with self._lock:
            for key in keys:
                self._found.pop(key, None)

    def of(self, user: str) -> list[tuple[str, StoredSession]]:
        """See `SessionStore`."""
        with self._lock:
            return [(key, kept) for key, kept in self._found.items() if kept.user == user]

    def delete_of(self, user: str, but: str | None) -> int:
        """See `SessionStore`."""
        keys = [key for key, _ in self.of(user) if key != but]
        self.delete(keys)
        return len(keys)

    def sweep(self, before: datetime.datetime, most: int) -> int:
        """See `SessionStore`."""
        with self._lock:
            old = [key for key, kept in self._found.items() if kept.expires_at <= before][:most]
        self.delete(old)
        return len(old)

    def __repr__(self) -> str:
        return f"<MemorySessions {len(self._found)}>"
