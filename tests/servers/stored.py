"""A backend of channels in a file of SQLite, for all processes that open it: made of the public protocol alone."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
from pathlib import Path

from wholestack.realtime import Stored

_LOOK = 0.01
_TABLES = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS life (word TEXT);
    CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, number INTEGER);
    CREATE TABLE IF NOT EXISTS message (topic TEXT, number INTEGER, payload BLOB, PRIMARY KEY (topic, number));
    CREATE TABLE IF NOT EXISTS member (topic TEXT, member TEXT, name TEXT, PRIMARY KEY (topic, member));
    INSERT INTO life SELECT '{word}' WHERE NOT EXISTS (SELECT 1 FROM life);
    COMMIT;
"""


class StoredFeed:
    """See `Feed`; it holds a few messages, and a place in the file."""

    def __init__(self, backend: StoredBackend, topic: str, number: int) -> None:
        self.position = backend.id_of(number)
        self._backend = backend
        self._topic = topic
        self._number = number
        self._waiting: list[Stored] = []
        self._closed = False

    def gap(self, number: int) -> StoredFeed:
        """Begin at this place, with the word that something was missed before it."""
        self._number = number
        self._waiting = [Stored(self._backend.id_of(number), None)]
        return self

    async def next(self) -> Stored:
        """See `Feed.next`."""
        while not self._waiting:
            seen = self._backend.changed
            if not self._closed:
                self._waiting = self._backend.read(self._topic, self._number)
            if not self._waiting:
                await seen.wait()
        found = self._waiting.pop(0)
        self._number = self._backend.number_of(found.id)
        return found

    def close(self) -> None:
        """See `Feed.close`."""
        self._closed = True
        self._waiting = []


class StoredBackend:
    """See `Backend`.

    Arguments:
        path: the file.
        keep: how many messages of a topic are kept.
    """

    many = True

    def __init__(self, path: Path, keep: int = 1000) -> None:
        self._path = path
        self._keep = keep
        self._open: list[sqlite3.Connection] = []
        self.changed = asyncio.Event()

    async def open(self) -> None:
        """See `Backend.open`."""
        self._store, self._looking = (sqlite3.connect(self._path, isolation_level=None) for _ in range(2))
        self._open = [self._store, self._looking]
        self._store.executescript(_TABLES.format(word=secrets.token_hex(4)))
        self._word = self._store.execute("SELECT word FROM life").fetchone()[0]
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def close(self) -> None:
        """See `Backend.close`."""
        self._task.cancel()
        await asyncio.wait({self._task})
        for each in self._open:
            each.close()

    async def _look(self) -> None:
        """Wake those who wait whenever anybody has written, in whichever process."""
        version = None
        while True:
            found = self._looking.execute("PRAGMA data_version").fetchone()[0]
            if found != version:
                version, before, self.changed = found, self.changed, asyncio.Event()
                before.set()
            await asyncio.sleep(_LOOK)

    # -- places --------------------------------------------------------------------------------------------------

    def id_of(self, number: int) -> str:
        return f"{self._word}-{number}"

    def number_of(self, id: str) -> int:
        return int(id.partition("-")[2])

    def read(self, topic: str, after: int, most: int = 4) -> list[Stored]:
        """The next messages after a number; a gap first where the next one is kept no longer."""
        rows = self._store.execute(
            "SELECT number, payload FROM message WHERE topic = ? AND number > ? ORDER BY number LIMIT ?",
            (topic, after, most),
        ).fetchall()
        found = [Stored(self.id_of(number), payload) for number, payload in rows]
        if rows and rows[0][0] > after + 1:
            found.insert(0, Stored(self.id_of(rows[0][0] - 1), None))
        return found

    def _last(self, topic: str) -> int:
        row = self._store.execute("SELECT number FROM topic WHERE name = ?", (topic,)).fetchone()
        return row[0] if row else 0

    # -- the protocol --------------------------------------------------------------------------------------------

    async def publish(self, topic: str, payload: bytes) -> str:
        """See `Backend.publish`."""
        store = self._store
        store.execute("BEGIN IMMEDIATE")
        try:
            store.execute("INSERT INTO topic VALUES (?, 1) ON CONFLICT DO UPDATE SET number = number + 1", (topic,))
            number = self._last(topic)
            store.execute("INSERT INTO message VALUES (?, ?, ?)", (topic, number, payload))
            store.execute("DELETE FROM message WHERE topic = ? AND number <= ?", (topic, number - self._keep))
        except BaseException:
            store.execute("ROLLBACK")
            raise
        store.execute("COMMIT")
        return self.id_of(number)

    async def subscribe(self, topic: str, after: str | None) -> StoredFeed:
        """See `Backend.subscribe`."""
        last = self._last(topic)
        feed = StoredFeed(self, topic, last)
        if after is None:
            return feed
        word, _, number = after.partition("-")
        oldest = self._store.execute("SELECT min(number) FROM message WHERE topic = ?", (topic,)).fetchone()[0]
        if word == self._word and number.isdecimal() and (oldest or last + 1) - 1 <= int(number) <= last:
            return StoredFeed(self, topic, int(number))
        return feed.gap(last)

    async def history(self, topic: str, count: int) -> list[Stored]:
        """See `Backend.history`."""
        if count <= 0:
            return []
        rows = self._store.execute(
            "SELECT number, payload FROM message WHERE topic = ? ORDER BY number DESC LIMIT ?", (topic, count)
        )
        return [Stored(self.id_of(number), payload) for number, payload in rows.fetchall()][::-1]

    async def enter(self, topic: str, member: str, name: str) -> None:
        """See `Backend.enter`."""
        self._store.execute("INSERT OR REPLACE INTO member VALUES (?, ?, ?)", (topic, member, name))

    async def leave(self, topic: str, member: str) -> None:
        """See `Backend.leave`."""
        with contextlib.suppress(sqlite3.ProgrammingError):
            self._store.execute("DELETE FROM member WHERE topic = ? AND member = ?", (topic, member))

    async def here(self, topic: str) -> list[str]:
        """See `Backend.here`."""
        rows = self._store.execute("SELECT DISTINCT name FROM member WHERE topic = ? ORDER BY name", (topic,))
        return [name for (name,) in rows.fetchall()]
