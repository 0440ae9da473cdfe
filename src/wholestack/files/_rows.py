"""Rows and their files: what no row has any more is deleted, once that is committed."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, MetaData, String, event, inspect, or_, select, type_coerce
from sqlalchemy.orm import Mapper, object_session

from wholestack.db import Database, Session

from ._stored import StoredFile, StoredFileType, beginning, read_stored

_KEY = "wholestack.files"
_AT_A_TIME = 50


class Keeper(Protocol):
    """Who has the files of rows."""

    def remove(self, names: list[str]) -> None:
        """Delete files, by their stored names."""
        ...


def tend(metadata: MetaData, keeper: Keeper) -> None:
    """Let the files of a model's rows be deleted with them."""
    metadata.info.setdefault(_KEY, weakref.WeakSet()).add(keeper)


class InTransaction:
    """A session's transaction, as what files belong to.

    Arguments:
        session: whose transaction it is.
        databases: those whose rows may name its files.
    """

    def __init__(self, session: Session, databases: Iterable[Database]) -> None:
        self._session = session
        self._databases = databases

    def after(self, *, commit: Callable[[], object] | None = None, failure: Callable[[], object] | None = None) -> None:
        """Call a function when it has ended well, or when it has not."""
        self._session.after(commit=commit, failure=failure)

    def undone(self, names: list[str]) -> list[str]:
        """Of stored names of what was rolled back, those to delete. Where that was a savepoint, and the transaction has
        committed, a row may name them all the same: only the database knows.
        """
        if not names or not self._session.committed:
            return names
        bind = self._session.get_bind()
        beside = [each for each in self._databases if each.engine.url == bind.engine.url]
        if not beside:
            return []  # Whose rows they are is not known here: a sweep finds what nobody has.
        whole = [name for name in names if name.partition(".")[0].isalnum()]
        with Session(bind) as db:
            there = {_stem(name) for each in beside for name in referred(db, each.metadata, whole)}
        return [name for name in names if _stem(name) not in there]


def _stem(name: str) -> str:
    """What a file and its variants have in common."""
    return name.partition(".")[0].partition("-")[0]


class Ledger:
    """The files that rows of one transaction have let go."""

    def __init__(self, bind: Engine | Connection) -> None:
        self._bind = bind
        self._gone: dict[MetaData, dict[str, StoredFile]] = {}

    def add(self, stored: StoredFile, metadata: MetaData) -> None:
        """A row had it and has it no more."""
        self._gone.setdefault(metadata, {})[stored.name] = stored

    def settle(self) -> None:
        """After the commit: delete what no row has. Asked of the database, since only it knows what was committed: part
        may have been rolled back to a savepoint, and a file may have gone from one row to another.
        """
        for metadata, gone in self._gone.items():
            with Session(self._bind) as db:
                there = referred(db, metadata, list(gone))
            names = [name for each in gone.values() if each.name not in there for name in each.names()]
            for keeper in list(metadata.info.get(_KEY, ())):
                keeper.remove(names)


def columns_of(metadata: MetaData) -> Iterator[Any]:
    """The columns that hold files."""
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, StoredFileType):
                yield column


def referred(db: Session, metadata: MetaData, names: list[str]) -> set[str]:
    """Those of the names that a row has."""
    found: set[str] = set()
    for column in columns_of(metadata):
        text = type_coerce(column, String)
        for start in range(0, len(names), _AT_A_TIME):
            some = or_(*(text.like(beginning(name) + "%") for name in names[start : start + _AT_A_TIME]))
            found.update(read_stored(each).name for each in db.scalars(select(text).where(some)))
    return found


def all_referred(db: Session, metadata: MetaData) -> Iterator[StoredFile]:
    """The files of all rows."""
    for column in columns_of(metadata):
        yield from db.scalars(select(column).where(column.is_not(None)).execution_options(yield_per=1000))


def _let_go(target: object, stored: Iterable[object]) -> None:
    session = object_session(target)
    if isinstance(session, Session):  # SQLAlchemy's own has no end that can be relied on: a sweep finds them.
        found = [each for each in stored if isinstance(each, StoredFile)]
        release(session, found, inspect(type(target)).local_table.metadata)


def release(session: Session, stored: Iterable[StoredFile], metadata: MetaData) -> None:
    """Let files go that something beside a model's row had, as a table of your own with a `StoredFileType`: after the
    commit those are deleted that no table has.

    Arguments:
        session: whose transaction it is.
        stored: the files.
        metadata: that of the tables.
    """
    found = list(stored)
    if not found:
        return
    ledger: Ledger | None = session.info.get(_KEY)
    if ledger is None:
        ledger = session.info[_KEY] = Ledger(session.get_bind())
    for each in found:
        ledger.add(each, metadata)
    session.after(commit=lambda: _settle(session))  # Each time: a savepoint may take one back.


def _settle(session: Session) -> None:
    # What a failure has left in it is let be: a row has it.
    ledger = session.info.pop(_KEY, None)
    if ledger is not None:
        ledger.settle()


@event.listens_for(Mapper, "mapper_configured")
def _watch(mapper: Mapper[Any], model: type[Any]) -> None:
    """Listen to the models that have files, and to no others."""
    names = [each.key for each in mapper.column_attrs if isinstance(each.columns[0].type, StoredFileType)]
    if not names:
        return

    def deleted(_mapper: Mapper[Any], _connection: Connection, target: Any) -> None:
        _let_go(target, [getattr(target, name) for name in names])

    def replaced(target: Any, value: Any, old: Any, _initiator: Any) -> None:
        if old is not value:
            _let_go(target, [old])

    event.listen(mapper, "before_delete", deleted)
    for name in names:
        # Also what was set and set again before it was ever written; and the old value is loaded where it was not.
        event.listen(getattr(model, name), "set", replaced, active_history=True)
