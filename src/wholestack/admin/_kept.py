"""Files that the history refers to: kept for as long as it does, so that rows are had back with them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, delete, insert, select
from sqlalchemy import Table as Rows

from wholestack.db import Index, Moment, Session
from wholestack.files import StoredFile, StoredFileType, release

TABLE = "admin_file"
_SHORT = 255
Files = Mapping[tuple[str, str], StoredFile]
"""Files by the attribute that held them and their stored name."""
Models = str | Sequence[str]
"""The name of a table; or, of a row that is of several classes, those by which any of them is recorded."""


def table_in(metadata: MetaData) -> Rows:
    """The table of these files. It is what has them: a file goes after a commit only if no table has it."""
    return Rows(
        TABLE,
        metadata,
        Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
        Column("at", Moment(), nullable=False),
        Column("model", String(_SHORT), nullable=False),
        Column("key", String(_SHORT), nullable=False),
        Column("field", String(_SHORT), nullable=False),
        Column("file", StoredFileType(), nullable=False),
        Index(None, "model", "key"),
        Index(None, "at"),
        keep_existing=True,
    )


class KeptFiles:
    """The files that changes have taken from rows.

    Arguments:
        rows: the table; None where none is kept.
    """

    def __init__(self, rows: Rows | None) -> None:
        self.rows = rows

    def keep(self, db: Session, at: datetime.datetime, taken: Iterable[tuple[str, str, str, StoredFile]]) -> None:
        """Keep files, in the transaction that takes them from their rows.

        Arguments:
            db: the session.
            at: when that is.
            taken: each with the name of its class, the key and the attribute that held it. None is of a table
                elsewhere: what is let go there is looked for there.
        """
        if self.rows is None:
            return
        found = [
            {"at": at, "model": model[:_SHORT], "key": key[:_SHORT], "field": field[:_SHORT], "file": file}
            for model, key, field, file in taken
        ]
        if found:
            db.execute(insert(self.rows), found)

    def of(self, db: Session, model: Models, key: str, since: datetime.datetime | None = None) -> Files:
        """The files that a row had; those that were taken from it after a moment."""
        if self.rows is None:
            return {}
        column = self.rows.c
        asked = select(column.field, column.file).where(*of_row(self.rows, model, key))
        asked = asked if since is None else asked.where(column.at > since)
        return {(field, file.name): file for field, file in db.execute(asked)}

    def forget(self, db: Session, before: datetime.datetime, most: int) -> int:
        """Let files go that were taken before a moment: they are deleted after the commit, unless a row has them.

        Returns:
            how many it were, of at most so many.
        """
        if self.rows is None:
            return 0
        column = self.rows.c
        old = db.execute(select(column.id, column.file).where(column.at < before).order_by(column.at).limit(most)).all()
        if old:
            db.execute(delete(self.rows).where(column.id.in_([key for key, _ in old])))
            release(db, [file for _, file in old], self.rows.metadata)
        return len(old)


def of_row(rows: Rows, model: Models, key: str) -> list[Any]:
    """What the lines of a row fulfil in a table that has them by model and key."""
    column = rows.c.model
    return [column == model if isinstance(model, str) else column.in_(model), rows.c.key == key[:_SHORT]]


def kept(files: Files, field: str, value: Any) -> StoredFile | None:
    """The file that a history names as the value of a field; None where it is not kept."""
    return files.get((field, str(value.get("name")))) if isinstance(value, dict) else None
