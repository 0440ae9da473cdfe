"""Where tries are kept: in the memory of one process, or in a table that all of them share."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from sqlalchemy import Column, Double, Index, MetaData, String, bindparam, delete, select, update
from sqlalchemy import Table as Columns
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects import postgresql, sqlite

from wholestack.db import Database, DatabaseBusy, TransactionConflict
from wholestack.errors import ServiceUnavailable
from wholestack.languages import gettext

from ._throttle_limits import Limit, Tries

TABLE = "login_tries"
_SWEPT_EVERY = 200
_SWEPT_AT_ONCE = 1000
_CONNECTIONS = 3
_AGAIN = 20


class TriesStore(Protocol):
    """What a throttle asks of where its tries are kept; `now` is None where the store's own clock is to count."""

    def count(self, limits: Mapping[str, Limit], now: float | None) -> float:
        """Count a try under each of some keys, or under none of them where one has to wait: seconds until it may."""
        ...

    def passed(self, forget: Collection[str], give_back: Mapping[str, Limit], now: float | None) -> None:
        """Forget all tries under some keys, and give back one under others."""
        ...


def _longest_wait(found: Mapping[str, Tries], limits: Mapping[str, Limit], now: float) -> float:
    return max((found[key].wait(limits[key], now) for key in found), default=0.0)


class MemoryTries:
    """Tries in this process's memory.

    Arguments:
        most: keys that are kept; when there are more, those that count no more are forgotten, and then the oldest.

    Example:
        >>> store, limits = MemoryTries(), {"ann": Limit(1, 60, 60, 60)}
        >>> store.count(limits, 0.0), store.count(limits, 10.0)
        (0.0, 50.0)
    """

    def __init__(self, most: int = 100_000) -> None:
        self.most = most
        self._found: dict[str, tuple[Tries, float]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._found)

    def count(self, limits: Mapping[str, Limit], now: float | None) -> float:
        """See `TriesStore`."""
        now = time.time() if now is None else now
        with self._lock:
            found = {key: self._found[key][0] if key in self._found else Tries() for key in limits}
            wait = _longest_wait(found, limits, now)
            if not wait:
                for key, limit in limits.items():
                    self._put(key, found[key].tried(limit, now), limit)
                if len(self._found) > self.most:
                    self._shrink(now)
        return wait

    def passed(self, forget: Collection[str], give_back: Mapping[str, Limit], now: float | None) -> None:
        """See `TriesStore`."""
        now = time.time() if now is None else now
        with self._lock:
            for key in forget:
                self._found.pop(key, None)
            for key, limit in give_back.items():
                if key in self._found:
                    self._put(key, self._found[key][0].given_back(limit, now), limit)

    def _put(self, key: str, tries: Tries, limit: Limit) -> None:
        self._found.pop(key, None)  # In the order in which they were tried last.
        self._found[key] = (tries, tries.forgotten(limit))

    def _shrink(self, now: float) -> None:
        kept = {key: each for key, each in self._found.items() if each[1] > now}
        for key in list(kept)[: max(0, len(kept) - self.most * 9 // 10)]:
            del kept[key]
        self._found = kept


def table_in(metadata: MetaData) -> Columns:
    """The table among others, where migrations see it. What its keys are of cannot be read from them."""
    found = metadata.tables.get(TABLE)
    if found is not None:
        return found
    return Columns(
        TABLE,
        metadata,
        Column("name", String().with_variant(String(64), "mysql", "mariadb"), primary_key=True),
        Column("tries", Double(), nullable=False),
        Column("tried_at", Double(), nullable=False),
        Column("free_at", Double(), nullable=False),
        Column("expires_at", Double(), nullable=False),
        Index("ix_login_tries_expires_at", "expires_at"),
    )


class DatabaseTries:
    """Tries as rows of a table of the app's database, on connections of their own.

    A try is counted in a short transaction, under locks of its rows that are taken in one order. The rows are there
    before: two that lock the gap where one is missing, as MariaDB does, would wait for each other.

    Arguments:
        database: which.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._apart = database.apart("login", _CONNECTIONS)
        rows = table_in(database.metadata)
        named = rows.c.name.in_(bindparam("names", expanding=True))
        self._find = select(rows).where(named)
        self._lock = select(rows).where(named).order_by(rows.c.name).with_for_update()
        self._write = (
            update(rows)
            .where(rows.c.name == bindparam("at"))
            .values({name: bindparam(f"to_{name}") for name in ("tries", "tried_at", "free_at", "expires_at")})
        )
        self._forget = delete(rows).where(named)
        self._old = select(rows.c.name).where(rows.c.expires_at <= bindparam("now")).limit(_SWEPT_AT_ONCE)
        self._forget_old = delete(rows).where(named, rows.c.expires_at <= bindparam("now"))
        self._make: Any = {
            "sqlite": sqlite.insert(rows).on_conflict_do_nothing(),
            "postgresql": postgresql.insert(rows).on_conflict_do_nothing(),
            "mariadb": plain_insert(rows).prefix_with("IGNORE"),
        }[database.kind]
        self._counted = 0

    @property
    def _units(self) -> Any:
        # In a test that is rolled back there is one transaction, of which this is part.
        return self._apart if self._database.units.joined is None else self._database.units

    def count(self, limits: Mapping[str, Limit], now: float | None) -> float:
        """See `TriesStore`."""
        now = time.time() if now is None else now
        keys = sorted(limits)
        for _ in range(_AGAIN):
            with self._units.reading() as connection:
                found = _read(connection.execute(self._find, {"names": keys}))
            wait = _longest_wait(found, limits, now)
            if wait:
                return wait  # Who is to wait costs one question, and no lock.
            with contextlib.suppress(TransactionConflict):
                self._add(key for key in keys if key not in found)
                counted = self._count(keys, limits, now)
                if counted is not None:
                    self._sweep_at_times(now)
                    return counted
        raise ServiceUnavailable(gettext("Too many tries at the same time."), code="logins-busy")

    def _add(self, missing: Any) -> None:
        new = [{"name": key, "tries": 0.0, "tried_at": 0.0, "free_at": 0.0, "expires_at": 0.0} for key in missing]
        if new:
            with self._units.opened("write") as session:
                session.connection().execute(self._make, new)

    def _count(self, keys: list[str], limits: Mapping[str, Limit], now: float) -> float | None:
        """As `count`; None where a row has been swept away meanwhile."""
        with self._units.opened("write") as session:
            connection = session.connection()
            found = _read(connection.execute(self._lock, {"names": keys}))
            if len(found) < len(keys):
                return None
            wait = _longest_wait(found, limits, now)
            if not wait:
                tried = {key: found[key].tried(limits[key], now) for key in keys}
                connection.execute(self._write, [_written(key, tried[key], limits[key]) for key in keys])
            return wait

    def passed(self, forget: Collection[str], give_back: Mapping[str, Limit], now: float | None) -> None:
        """See `TriesStore`."""
        now = time.time() if now is None else now
        # One that another was faster with is left: it is forgotten a little later.
        with contextlib.suppress(TransactionConflict), self._units.opened("write") as session:
            connection = session.connection()
            found = _read(connection.execute(self._lock, {"names": sorted({*forget, *give_back})}))
            for key, limit in give_back.items():
                if key in found:
                    connection.execute(self._write, _written(key, found[key].given_back(limit, now), limit))
            gone = [key for key in forget if key in found]
            if gone:
                connection.execute(self._forget, {"names": gone})

    def _sweep_at_times(self, now: float) -> None:
        self._counted += 1
        if self._counted % _SWEPT_EVERY == 0:
            self.sweep(now)

    def sweep(self, now: float) -> int:
        """Delete up to a thousand rows of which nothing counts any more: how many there were."""
        with self._units.reading() as connection:
            names = list(connection.scalars(self._old, {"now": now}))
        if names:
            # One that is used again meanwhile stays.
            with contextlib.suppress(TransactionConflict, DatabaseBusy), self._units.opened("write") as session:
                session.connection().execute(self._forget_old, {"names": names, "now": now})
        return len(names)


def _read(rows: Any) -> dict[str, Tries]:
    return {row.name: Tries(row.tries, row.tried_at, row.free_at) for row in rows}


def _written(key: str, tries: Tries, limit: Limit) -> dict[str, Any]:
    return {
        "at": key,
        "to_tries": tries.count,
        "to_tried_at": tries.last,
        "to_free_at": tries.until,
        "to_expires_at": tries.forgotten(limit),
    }
