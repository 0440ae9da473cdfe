"""How far a backfill came: kept in a table of ours, and told to whoever watches."""

from __future__ import annotations

import datetime
import decimal
import json
import logging
import sys
import time
import uuid
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
)
from sqlalchemy import update as changed
from sqlalchemy.schema import CreateTable

_log = logging.getLogger("wholestack.migrations")

_TABLE = Table(
    "wholestack_migration_backfill",
    MetaData(),
    Column("name", String(190), primary_key=True),
    Column("last", Text),
    Column("written", BigInteger, nullable=False),
    Column("finished", Boolean, nullable=False),
)
OWN_RECORD = {"wholestack_unrecorded": True}
"""The execution option of statements whose record is kept here, and not by the runner."""

_TELL_SECONDS = 5.0
_WIDTH = 30


class Place:
    """How far one backfill came.

    Arguments:
        connection: where the table is.
        name: which backfill.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection = connection
        self.name = name
        self.last: list[Any] | None = None
        self.rows = 0
        self.finished = False

    def begin(self) -> None:
        """Read it, or write that it begins."""
        self.connection.execute(CreateTable(_TABLE, if_not_exists=True), execution_options=OWN_RECORD)
        found = self.connection.execute(select(_TABLE).where(_TABLE.c.name == self.name)).mappings().first()
        if found is None:
            new = insert(_TABLE).values(name=self.name, last=None, written=0, finished=False)
            self.connection.execute(new, execution_options=OWN_RECORD)
            return
        self.last = read_key(found["last"]) if found["last"] is not None else None
        self.rows, self.finished = found["written"], found["finished"]

    def move(self, last: list[Any], written: int) -> None:
        """It has come to this key; in the transaction that wrote the rows."""
        self._write(last=write_key(last), written=self.rows + written)
        self.last, self.rows = last, self.rows + written

    def end(self) -> None:
        """It is through."""
        self._write(finished=True)
        self.finished = True

    def _write(self, **values: Any) -> None:
        mine = changed(_TABLE).where(_TABLE.c.name == self.name).values(**values)
        self.connection.execute(mine, execution_options=OWN_RECORD)


def forget_places(connection: Connection, revision: str) -> None:
    """Forget how far the backfills of a migration came, in the transaction that records it as applied."""
    if inspect(connection).has_table(_TABLE.name):
        gone = delete(_TABLE).where(_TABLE.c.name.startswith(f"{revision}:", autoescape=True))
        connection.execute(gone, execution_options=OWN_RECORD)


_WRITERS: list[tuple[type, str, Any]] = [
    (bool, "bool", bool),
    (int, "int", int),
    (str, "str", str),
    (uuid.UUID, "uuid", str),
    (decimal.Decimal, "decimal", str),
    (float, "float", float.hex),
    (bytes, "bytes", bytes.hex),
    (datetime.datetime, "datetime", datetime.datetime.isoformat),
    (datetime.date, "date", datetime.date.isoformat),
    (datetime.time, "time", datetime.time.isoformat),
]
_READERS: dict[str, Any] = {
    "bool": bool,
    "int": int,
    "str": str,
    "uuid": uuid.UUID,
    "decimal": decimal.Decimal,
    "float": float.fromhex,
    "bytes": bytes.fromhex,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
}


def write_key(values: list[Any]) -> str:
    """A key as text.

    Example:
        >>> write_key([7, datetime.date(2026, 11, 22)])
        '[["int", 7], ["date", "2026-11-22"]]'
    """
    return json.dumps([_written(value) for value in values])


def _written(value: Any) -> list[Any]:
    for kind, name, write in _WRITERS:
        if isinstance(value, kind):
            return [name, write(value)]
    raise TypeError(f"A key of the type {type(value).__name__} cannot be kept.")


def read_key(text: str) -> list[Any]:
    """A key from text.

    Example:
        >>> read_key('[["int", 7], ["date", "2026-11-22"]]')
        [7, datetime.date(2026, 11, 22)]
    """
    return [_READERS[name](value) for name, value in json.loads(text)]


class Progress:
    """Tells how far it is: a bar in a terminal, a line now and then in a log.

    Arguments:
        name: the table.
        total: about how many rows it has.
        rows: how many were written before.
    """

    def __init__(self, name: str, total: int | None, rows: int) -> None:
        self.name = name
        self.total = total
        self.began = self.told = time.monotonic()
        self.bar = sys.stderr.isatty()
        if rows:
            _log.info("filling %s: going on after %s rows", name, f"{rows:,}")

    def at(self, rows: int) -> None:
        """So many rows are written."""
        now = time.monotonic()
        if now - self.told < (0.2 if self.bar else _TELL_SECONDS):
            return
        self.told = now
        if self.bar:
            sys.stderr.write("\r" + self.line(rows))
            sys.stderr.flush()
        else:
            _log.info("filling %s", self.line(rows))

    def end(self, rows: int) -> None:
        """It is through."""
        seconds = time.monotonic() - self.began
        if self.bar:
            sys.stderr.write("\r" + " " * (len(self.name) + _WIDTH + 60) + "\r")
        _log.info("filled %s: %s rows in %.1f seconds", self.name, f"{rows:,}", seconds)

    def line(self, rows: int) -> str:
        """What is told.

        Example:
            >>> Progress("note", 1000, 0).line(250)
            'note [#######                       ]  25 % (250 of about 1,000 rows)'
        """
        if not self.total:
            return f"{self.name}: {rows:,} rows"
        share = min(1.0, rows / self.total)
        bar = "#" * int(share * _WIDTH)
        return f"{self.name} [{bar:<{_WIDTH}}] {share:4.0%} ({rows:,} of about {self.total:,} rows)".replace("%", " %")
