"""Jobs: what was asked for many rows, from the question to its result, in a table of the app's."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Text,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy import Table as Rows
from sqlalchemy.dialects.mysql import LONGBLOB

from wholestack import NotFound
from wholestack.auth import Identity
from wholestack.db import Index, Moment, Session
from wholestack.languages import gettext

from ._history import plain

TABLE = "admin_job"
ASKED, WAITING, RUNNING = "asked", "waiting", "running"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
LIVE = frozenset({WAITING, RUNNING})
"""The states in which a job has something before it."""
_KEPT = datetime.timedelta(days=7)
"""How long a job is kept, and what was uploaded for it."""
_SHORT = 255
_BYTES = LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")
_BLOBS = ("source", "outcome")


def jobs_in(metadata: MetaData) -> Rows:
    """The table of jobs among the app's others, where migrations see it."""
    return Rows(
        TABLE,
        metadata,
        Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
        Column("user", String(_SHORT), nullable=False),
        Column("email", String(_SHORT), nullable=False),
        Column("address", String(_SHORT), nullable=False),
        Column("model", String(_SHORT), nullable=False),
        Column("kind", String(20), nullable=False),
        Column("name", String(_SHORT), nullable=False),
        Column("state", String(20), nullable=False),
        Column("settings", JSON(), nullable=False),
        Column("tenant", JSON()),
        Column("total", Integer(), nullable=False),
        Column("done", Integer(), nullable=False),
        Column("after", String(1_000)),
        Column("entry", BigInteger()),
        Column("cancelling", Boolean(), nullable=False),
        Column("note", Text()),
        Column("source", _BYTES),
        Column("outcome", _BYTES),
        Column("created_at", Moment(), nullable=False),
        Column("finished_at", Moment()),
        Index(None, "user"),
        Index(None, "created_at"),
        keep_existing=True,
    )


class Jobs:
    """The jobs of an admin.

    Arguments:
        rows: their table.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._short = select(*(each for each in rows.c if each.name not in _BLOBS))

    def put(self, db: Session, identity: Identity[Any], address: str, values: Mapping[str, Any]) -> int:
        """Write a new job of a person; what is older than a week goes meanwhile.

        Returns:
            its number.
        """
        now = datetime.datetime.now(datetime.UTC)
        db.execute(delete(self.rows).where(self.rows.c.created_at < now - _KEPT, self.rows.c.state.not_in(LIVE)))
        user = identity.required()
        row = {
            "user": user.key[:_SHORT],
            "email": str(user.email)[:_SHORT],
            "address": address[:_SHORT],
            "state": ASKED,
            "total": 0,
            "done": 0,
            "cancelling": False,
            "created_at": now,
            **values,
        }
        row["tenant"] = plain(row.get("tenant"))
        made: Any = db.execute(insert(self.rows), row)
        return int(made.inserted_primary_key[0])

    def get(self, db: Session, identity: Identity[Any], number: int, model: str, kind: str | None = None) -> Row[Any]:
        """A job of the person, without what was uploaded and what came of it.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        found = self.of(db, number)
        theirs = found is not None and found.user == identity.required().key and found.model == model
        if found is None or not theirs or (kind is not None and found.kind != kind):
            raise NotFound(gettext("There is no such row, or it is not yours to see."))
        return found

    def of(self, db: Session, number: int) -> Row[Any] | None:
        """A job by its number."""
        return db.execute(self._short.where(self.rows.c.id == number)).first()

    def blob(self, db: Session, number: int, name: str) -> bytes:
        """What was uploaded (``"source"``), or what came of it (``"outcome"``)."""
        return bytes(db.scalar(select(self.rows.c[name]).where(self.rows.c.id == number)) or b"")

    def change(self, db: Session, number: int, *states: str, **values: Any) -> bool:
        """Change a job that is in one of these states, or in any.

        Returns:
            whether it was.
        """
        wanted = [self.rows.c.id == number, *([self.rows.c.state.in_(states)] if states else [])]
        if values.get("state") in {DONE, FAILED, CANCELLED}:
            values.setdefault("finished_at", datetime.datetime.now(datetime.UTC))
        found: Any = db.execute(update(self.rows).where(*wanted).values(**values))
        return bool(found.rowcount == 1)

    def move(self, db: Session, number: int, done: int, values: Mapping[str, Any]) -> bool:
        """Change a job that is still as far as it was.

        Returns:
            whether it is.
        """
        same = (self.rows.c.id == number, self.rows.c.done == done, self.rows.c.state.in_(LIVE))
        found: Any = db.execute(update(self.rows).where(*same).values(**values))
        return bool(found.rowcount == 1)
