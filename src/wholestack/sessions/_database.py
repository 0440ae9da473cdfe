"""Sessions as rows of the app's database."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal

from sqlalchemy import Column, Connection, Integer, MetaData, String, Text, bindparam, delete, insert, select, update
from sqlalchemy import Table as Rows
from sqlalchemy.dialects.mysql import MEDIUMTEXT, VARCHAR

from wholestack import App, SetupError
from wholestack.db import Database, Index, Moment, Session
from wholestack.errors import Fault
from wholestack.routing import where_of

from ._kept import Change, StoredSession
from ._owner import Beside, WithOwner, with_owner

TABLE = "browser_session"
_FIELDS = tuple(field.name for field in dataclasses.fields(StoredSession))


def table_in(metadata: MetaData) -> Rows:
    """The table of sessions among others, where migrations see it."""
    found = metadata.tables.get(TABLE)
    if found is not None:
        return found
    # Lengths are for MariaDB, which needs them, and whose usual collation takes "A" and "a" for one user.
    exact = String().with_variant(VARCHAR(255, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
    short = String().with_variant(String(255), "mysql", "mariadb")
    return Rows(
        TABLE,
        metadata,
        Column("key", String().with_variant(String(64), "mysql", "mariadb"), primary_key=True),
        Column("user", exact, nullable=True),
        Column("created_at", Moment(), nullable=False),
        Column("seen_at", Moment(), nullable=False),
        Column("expires_at", Moment(), nullable=False),
        Column("agent", short, nullable=False),
        Column("address", short, nullable=False),
        # As text, and not as the database's JSON: what is in it is ours alone, and may hold what JSONB refuses (NUL).
        Column("data", Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb"), nullable=False),
        Column("version", Integer(), nullable=False),
        Index(None, "user"),
        Index(None, "expires_at"),
    )


class _Statements:
    """What requests send again and again, made once: to make a statement costs about as much as to send it."""

    def __init__(self, rows: Rows) -> None:
        key, is_at = rows.c.key, rows.c.key == bindparam("at")
        self.read = select(*(rows.c[name] for name in _FIELDS)).where(is_at)
        self.locked = self.read.with_for_update()
        several = key.in_(bindparam("keys", expanding=True))
        self.read_many = select(key, *(rows.c[name] for name in _FIELDS)).where(several)
        self.create = insert(rows)
        self.write = update(rows).where(is_at)
        self.write_same = self.write.where(rows.c.version == bindparam("known"))
        self.touch = self.write.values(seen_at=bindparam("seen"), expires_at=bindparam("expires"))
        self.delete = delete(rows).where(several)


class DatabaseSessions:
    """Sessions as rows of a table, `browser_session`, of the app's `Database`.

    A row's key is a hash of the cookie, so a stolen table gives no session. Where a request has a transaction open,
    a session is read in it; what is written goes into a short transaction of its own, when the request's is over.

    Arguments:
        database: another one than the app's first that takes writes.

    Example:
        >>> from wholestack.sessions import Sessions
        >>> app = App()
        >>> app.use(Database("sqlite://"), Sessions(DatabaseSessions()))
    """

    shared: bool = True
    waits: bool = True

    def __init__(self, database: Database | None = None) -> None:
        self._database = database
        self._session: Session | None = None
        self._rows: Any = None
        #: What asks for a session and its owner, by the model; made once a connection has said what it knows.
        self._with: dict[tuple[Any, Beside | None], WithOwner | None] = {}
        self._statements: Any = None

    @property
    def session_type(self) -> Any:
        """The type by which handlers ask for the session of its database."""
        return self._used().session_type

    def setup(self, app: App) -> None:
        """Find the database, and add the table to its tables."""
        if self._database is None:
            found = (each for each in app.plugins if isinstance(each, Database) and not each.read_only)
            self._database = next((each for each in found if each.is_default), None)
        if self._database is None:
            message = "DatabaseSessions needs a Database that takes writes."
            cure = "app.use(Database(), Sessions(DatabaseSessions()))"
            raise SetupError([Fault("no-database", message, where_of(type(self)), cure)])
        self._rows = table_in(self._database.metadata)
        self._statements = _Statements(self._rows)

    def is_beside(self, other: DatabaseSessions) -> bool:
        """Whether both keep their sessions in the same table, as apps do that share their logins."""
        mine, its = self._used(), other._used()
        return mine is its or (mine.url == its.url and mine.url.database not in {None, "", ":memory:"})

    def within(self, session: Session) -> DatabaseSessions:
        """The store for a request that has this session of the database."""
        bound = object.__new__(type(self))
        vars(bound).update(vars(self), _session=session)
        return bound

    def _used(self) -> Database:
        if self._database is None:
            raise RuntimeError("DatabaseSessions is not set up: app.use(Database(), Sessions(DatabaseSessions())).")
        return self._database

    def _connected(self, mode: Literal["lazy", "write"]) -> contextlib.AbstractContextManager[Connection]:
        """The request's own connection where it holds one, since who has one must not wait for another, and where it
        is only read from, since no transaction begins by that; else a new one.
        """
        session = self._session
        reads = session is not None and mode == session.mode == "lazy" and not session.ended
        if session is not None and (reads or session.in_transaction()):
            return contextlib.nullcontext(session.connection())
        return self._used().units.reading() if mode == "lazy" else self._written_alone()

    @contextlib.contextmanager
    def _written_alone(self) -> Iterator[Connection]:
        with self._used().units.opened("write") as own:
            yield own.connection()

    def load(self, key: str) -> StoredSession | None:
        """See `SessionStore`."""
        with self._connected("lazy") as connection:
            return self._one(connection, key)

    def load_with(
        self, key: str, model: Any, db: Session, beside: Beside | None = None
    ) -> tuple[StoredSession | None, Any, Sequence[Sequence[Any]]] | None:
        """See `SessionStore`: where `db` is the request's own session of the database that this one is in."""
        if db is not self._session or db.ended:
            return None
        if (model, beside) not in self._with:
            columns = [self._rows.c[name] for name in _FIELDS]
            made = with_owner(columns, model, beside, db.connection().dialect)
            # One for all who came here together: an equal statement that is another takes SQLAlchemy a longer way.
            self._with.setdefault((model, beside), made)
        statement = self._with[model, beside]
        if statement is None:
            return None
        found = statement.asked(db, key)
        return (None, None, ()) if found is None else (_kept(found[0]), *found[1:])

    def load_many(self, keys: Collection[str]) -> dict[str, StoredSession]:
        """See `SessionStore`."""
        with self._connected("lazy") as connection:
            rows = connection.execute(self._statements.read_many, {"keys": [*keys]})
            return {row.key: _kept(row) for row in rows}

    def _one(self, connection: Connection, key: str, *, locked: bool = False) -> StoredSession | None:
        statement = self._statements.locked if locked else self._statements.read
        row = connection.execute(statement, {"at": key}).first()
        return None if row is None else _kept(row)

    def create(self, key: str, kept: StoredSession) -> None:
        """See `SessionStore`."""
        with self._connected("write") as connection:
            connection.execute(self._statements.create, {"key": key, **_values(kept)})

    def update(self, key: str, known: StoredSession, change: Change, *, to: str | None = None) -> StoredSession | None:
        """See `SessionStore`."""
        with self._connected("write") as connection:
            changed = dataclasses.replace(change(known), version=known.version + 1)
            if self._written(connection, key, changed, to, known.version):
                return changed
            kept = self._one(connection, key, locked=True)
            if kept is None:
                return None
            changed = dataclasses.replace(change(kept), version=kept.version + 1)
            self._written(connection, key, changed, to)
            return changed

    def _written(
        self, connection: Connection, key: str, kept: StoredSession, to: str | None, known: int | None = None
    ) -> bool:
        values = {"key": to or key, **_values(kept), "at": key}
        if known is None:
            return connection.execute(self._statements.write, values).rowcount == 1
        return connection.execute(self._statements.write_same, {**values, "known": known}).rowcount == 1

    def touch(self, key: str, kept: StoredSession) -> None:
        """See `SessionStore`."""
        with self._connected("write") as connection:
            connection.execute(self._statements.touch, {"at": key, "seen": kept.seen_at, "expires": kept.expires_at})

    def delete(self, keys: Collection[str]) -> None:
        """See `SessionStore`."""
        with self._connected("write") as connection:
            connection.execute(self._statements.delete, {"keys": list(keys)})

    def of(self, user: str) -> list[tuple[str, StoredSession]]:
        """See `SessionStore`."""
        with self._connected("lazy") as connection:
            columns = (self._rows.c[name] for name in ("key", *_FIELDS))
            asked = select(*columns).where(self._rows.c.user == user).order_by(self._rows.c.seen_at.desc())
            return [(row.key, _kept(row)) for row in connection.execute(asked)]

    def delete_of(self, user: str, but: str | None) -> int:
        """See `SessionStore`."""
        with self._connected("write") as connection:
            ended = delete(self._rows).where(self._rows.c.user == user, self._rows.c.key != (but or ""))
            return connection.execute(ended).rowcount

    def sweep(self, before: datetime.datetime, most: int) -> int:
        """See `SessionStore`."""
        rows = self._rows
        with self._connected("lazy") as connection:
            keys = list(connection.scalars(select(rows.c.key).where(rows.c.expires_at <= before).limit(most)))
        if keys:
            # One that is used again meanwhile stays.
            with self._connected("write") as connection:
                connection.execute(delete(rows).where(rows.c.key.in_(keys), rows.c.expires_at <= before))
        return len(keys)

    def __repr__(self) -> str:
        return "<DatabaseSessions>"


def _values(kept: StoredSession) -> dict[str, Any]:
    return {**{name: getattr(kept, name) for name in _FIELDS}, "data": json.dumps(kept.data, separators=(",", ":"))}


def _kept(row: Any) -> StoredSession:
    """The session of a row whose last columns are the fields of one, in their order."""
    text, *others = row[-len(_FIELDS) :]
    return StoredSession(json.loads(text), *others)
