"""Values in a table of the app's own database: shared by all processes, with no other server to run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    LargeBinary,
    MetaData,
    String,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy import Table as Columns
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from wholestack import App, HTTPError, SetupError
from wholestack.db import Database, Session
from wholestack.errors import Fault
from wholestack.routing import where_of

from ._errors import misuse
from ._store import COUNTER, TAGS

# Not in the metadata of models: an app that keeps its values elsewhere has no such table.
_TABLE = Columns(
    "cache",
    MetaData(),
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"), nullable=True),
    Column("number", BigInteger(), nullable=True),
    Column("made_at", Double(), nullable=False),
    Column("expires_at", Double(), nullable=False),
    Index("ix_cache_expires_at", "expires_at"),
    Index("ix_cache_made_at", "made_at"),
)
_C = _TABLE.c
_SKEW = 10.0
"""Seconds by which the clocks of two machines may differ."""
_FOR_EVER = 1e15
_NAMED = _C.name == bindparam("at_name")
_VALID = (_C.expires_at > bindparam("now")) & (_C.made_at <= bindparam("soon"))
_FIND = select(_C.name, _C.value, _C.number).where(_C.name.in_(bindparam("names", expanding=True)), _VALID)
_STALE = delete(_TABLE).where(_NAMED, ~_VALID)
_FORGET = delete(_TABLE).where(_C.name.in_(bindparam("names", expanding=True)))
_RELEASE = delete(_TABLE).where(_NAMED, _C.value == bindparam("its_value"))
_SWAP = update(_TABLE).where(_NAMED, _C.value == bindparam("its_value"), _VALID)
_COUNT = update(_TABLE).where(_NAMED, _C.number.is_not(None), _VALID).values(number=_C.number + bindparam("by"))
_NO_COUNTER = delete(_TABLE).where(_NAMED, _C.number.is_(None) | ~_VALID)
_NUMBER = select(_C.number).where(_NAMED)
_CHANGED = ("value", "number", "made_at", "expires_at")
_CONNECTIONS = 5
_SWEPT_EVERY = 200
_TRIES = 20


class DatabaseStore:
    """Values in the table `cache` of the app's database; migrations make it as they make the tables of models.

    Its calls have connections of their own, and take none from requests. On SQLite, which has one writer, what is kept
    or forgotten within a transaction is so at its end. A row whose time of making lies ahead counts as gone, so a clock
    that is set makes values die early, and none live on.

    Arguments:
        most: rows that are kept; when there are more, those that were made first are deleted.

    Raises:
        SetupError: no room at all (``bad-cache``); when the app is sealed, there is no database (``no-database``).

    Example:
        >>> from wholestack.cache import Caching
        >>> app = App()
        >>> app.use(Database("sqlite://"), Caching(DatabaseStore()))
    """

    shared: bool = True
    # Beside errors of SQLAlchemy's: what `wholestack.db` makes of some of them, such as a pool that is full.
    failures: tuple[type[Exception], ...] = (SQLAlchemyError, HTTPError)

    def __init__(self, most: int = 100_000) -> None:
        if most <= 0:
            raise misuse("DatabaseStore(most=…) is a number of rows above 0.", "DatabaseStore(100_000)")
        self.most = most
        self.one_writer: bool = False
        self._written = 0
        self._put: Any = None
        self._put_new: Any = None
        self._open: Callable[..., Any] | None = None

    def setup(self, app: App) -> None:
        """Find the database, and let its migrations know of the table."""
        database = next(
            (each for each in app.plugins if isinstance(each, Database) and each.is_default and not each.read_only),
            None,
        )
        if database is None:
            message = "A DatabaseStore needs a Database that takes writes."
            cure = "app.use(Database(), Caching(DatabaseStore()))"
            raise SetupError([Fault("no-database", message, where_of(type(self)), cure)])
        if _TABLE.name not in database.metadata.tables:
            _TABLE.to_metadata(database.metadata)
        self.one_writer = database.kind == "sqlite"
        self._put, self._put_new = _INSERTS[database.kind]
        apart = database.apart("cache", _CONNECTIONS)

        def opened(mode: str) -> Any:
            # In a test that is rolled back there is one transaction, of which the values are part.
            units = apart if database.units.joined is None else database.units
            return units.opened("lazy" if mode == "lazy" else "write")

        self._open = opened

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """See `CacheStore`."""
        if not names:
            return []
        with self._session("lazy") as session:
            rows = session.execute(_FIND, {"names": list(names), **_now()}).all()
        found = {row.name: row.value if row.number is None else b"%d" % row.number for row in rows}
        return [None if found.get(name) is None else bytes(found[name]) for name in names]

    def set(self, name: str, value: bytes, seconds: float) -> None:
        """See `CacheStore`."""
        with self._session() as session:
            session.execute(self._put, _row(name, value, seconds))
        self._sweep_at_times()

    def add(self, name: str, value: bytes, seconds: float) -> bool:
        """See `CacheStore`."""
        # Each step is a transaction of its own: MariaDB locks gaps between rows, and two that do would meet in them.
        for _ in range(2):
            with self._session() as session:
                if _count(session, self._put_new, _row(name, value, seconds)):
                    return True
            with self._session() as session:
                if not _count(session, _STALE, {"at_name": name, **_now()}):
                    return False
        return False

    def delete(self, names: Sequence[str]) -> None:
        """See `CacheStore`."""
        with self._session() as session:
            session.execute(_FORGET, {"names": list(names)})

    def release(self, name: str, value: bytes) -> None:
        """See `CacheStore`."""
        with self._session() as session:
            session.execute(_RELEASE, {"at_name": name, "its_value": value})

    def swap(self, name: str, value: bytes, new: bytes, seconds: float) -> bool:
        """See `CacheStore`."""
        row = _row(name, new, seconds)
        with self._session() as session:
            found = _SWAP.values({each: row[each] for each in _CHANGED})
            return _count(session, found, {"at_name": name, "its_value": value, **_now()}) == 1

    def increment(self, name: str, by: int, seconds: float) -> int:
        """See `CacheStore`."""
        for _ in range(_TRIES):
            with self._session() as session:
                if _count(session, _COUNT, {"at_name": name, "by": by, **_now()}):
                    return int(session.scalar(_NUMBER, {"at_name": name}) or 0)
            with self._session() as session:
                session.execute(_NO_COUNTER, {"at_name": name, **_now()})
            with self._session() as session:
                if _count(session, self._put_new, _row(name, b"%d" % by, seconds)):
                    return by
        raise HTTPError("The counter was deleted again and again.", status=503)

    def clear(self) -> None:
        """See `CacheStore`."""
        with self._session() as session:
            session.execute(delete(_TABLE))

    def sweep(self) -> None:
        """Delete rows whose time is over, and of more than `most` those that were made first.

        Tags are counted by themselves: they are older than their values, which would all go with them.
        """
        with self._session() as session:
            session.execute(delete(_TABLE).where(_C.expires_at <= time.time()))
            for kind in (_C.name.like(f"{TAGS}%"), ~_C.name.like(f"{TAGS}%")):
                if (session.scalar(select(func.count()).where(kind)) or 0) > self.most:
                    newest = select(_C.made_at).where(kind).order_by(_C.made_at.desc())
                    bound = session.scalar(newest.offset(self.most * 9 // 10).limit(1))
                    session.execute(delete(_TABLE).where(kind, _C.made_at <= bound))

    def _sweep_at_times(self) -> None:
        self._written += 1
        if self._written % _SWEPT_EVERY == 0:
            self.sweep()

    def _session(self, mode: str = "write") -> Any:
        if self._open is None:
            raise misuse("A DatabaseStore is used before its app is sealed.", "app.seal()")
        return self._open(mode)

    def __repr__(self) -> str:
        return f"<DatabaseStore most={self.most}>"


def _count(session: Session, statement: Any, values: dict[str, Any]) -> int:
    # SQLAlchemy forgets how many rows an INSERT has made, unless it is told.
    found: Any = session.execute(statement, values, execution_options={"preserve_rowcount": True})
    return int(found.rowcount)


def _now() -> dict[str, float]:
    now = time.time()
    return {"now": now, "soon": now + _SKEW}


def _row(name: str, value: bytes, seconds: float) -> dict[str, Any]:
    now = time.time()
    number = int(value) if COUNTER.fullmatch(value) else None
    return {
        "name": name,
        "value": value if number is None else None,
        "number": number,
        "made_at": now,
        "expires_at": min(now + seconds, _FOR_EVER),
    }


def _upserts() -> dict[str, tuple[Any, Any]]:
    """For each kind of database: what puts a row in the place of another, and what puts one only where none is."""
    found: dict[str, tuple[Any, Any]] = {}
    for kind, made in (("sqlite", sqlite.insert(_TABLE)), ("postgresql", postgresql.insert(_TABLE))):
        put: Any = made
        changed = {each: put.excluded[each] for each in _CHANGED}
        found[kind] = (put.on_conflict_do_update(index_elements=["name"], set_=changed), put.on_conflict_do_nothing())
    mariadb = mysql.insert(_TABLE)
    changed = {each: mariadb.inserted[each] for each in _CHANGED}
    found["mariadb"] = (mariadb.on_duplicate_key_update(changed), plain_insert(_TABLE).prefix_with("IGNORE"))
    return found


_INSERTS = _upserts()
