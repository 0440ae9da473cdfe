"""What was done in the admin, and to the models that are tracked: by whom, when, from where, and each value before and
after.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import pydantic_core
from sqlalchemy import JSON, BigInteger, Column, Integer, MetaData, Row, Select, String, delete, func, insert, select
from sqlalchemy import Table as Rows

from wholestack import Request
from wholestack.auth import Identity
from wholestack.db import Index, Moment, Session, insert_at_once, same_json
from wholestack.files import StoredFile

from ._kept import KeptFiles, Models, of_row
from ._kept import table_in as files_in

TABLE = "admin_change"
MAY_READ = f"{TABLE}.view"
"""The permission to read what everybody did, of the models that one may see."""
_SHORT = 255
_ADDRESS = 64
_ACTION = 40
_MOST = 200
"""Changes that a page shows."""
_VERSIONS = 10_000
"""Changes of one row through which a version is found."""
_SWEPT = 3_600.0
"""Seconds after which a process looks again for changes that are too old to keep."""
_AT_ONCE = 1_000
"""Changes that one sweep deletes: it runs beside somebody's request."""
CHANGED: tuple[()] = ()
"""In the place of the values of a field that is secret: that they are not the same any more."""
Values = Mapping[str, Any]


def table_in(metadata: MetaData) -> Rows:
    """The table of changes among the app's others, where migrations see it."""
    return Rows(
        TABLE,
        metadata,
        Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
        Column("at", Moment(), nullable=False),
        Column("user", String(_SHORT), nullable=False),
        Column("name", String(_SHORT), nullable=False),
        Column("impersonator", String(_SHORT), nullable=True),
        Column("address", String(_ADDRESS), nullable=False),
        Column("place", String(_SHORT), nullable=False),
        Column("model", String(_SHORT), nullable=False),
        Column("key", String(_SHORT), nullable=False),
        Column("tenant", String(_SHORT), nullable=True),
        Column("label", String(_SHORT), nullable=False),
        Column("action", String(_ACTION), nullable=False),
        Column("values", JSON(), nullable=False),
        Column("labels", JSON(), nullable=False),
        Column("batch", String(32), nullable=False),
        Index(None, "model", "key"),
        Index(None, "user"),
        Index(None, "at"),
        Index(None, "batch"),
        keep_existing=True,
    )


@dataclasses.dataclass(frozen=True)
class Author:
    """Who did something.

    Attributes:
        user: the key of the user; empty for nobody, as of a task.
        name: their address.
        impersonator: the key of who acted as them.
        address: the network address that it came from.
        place: the method and the path of the request.
    """

    user: str = ""
    name: str = ""
    impersonator: str | None = None
    address: str = ""
    place: str = ""

    @classmethod
    def of(cls, request: Request | None, identity: Identity[Any] | None) -> Author:
        """Of a request, as far as it is known; a task has none."""
        user = None if identity is None else identity.user
        acting = None if identity is None or user is None else identity.impersonator
        who = ("", "") if user is None else (str(user.key), str(user.email))
        if request is None:
            return cls(*who, acting)
        return cls(*who, acting, request.client or "", f"{request.method} {request.path}")


@dataclasses.dataclass(frozen=True)
class Change:
    """What was done to a row.

    Attributes:
        action: ``"add"``, ``"change"``, ``"delete"`` or the name of an action.
        model: the name of the row's own class: its table's, as `Resource.table` has it.
        key: the row's, as text.
        label: what the row was called.
        values: by attribute, the value before and the one after, as JSON has them; nothing of a secret.
        labels: by attribute of a relation, what the rows of some keys were called.
        tenant: whose row it was, where it was somebody's.
        files: by attribute, the stored file that the row had before and has no more.
        table: the table that held them, where it is called otherwise.
    """

    action: str
    model: str
    key: str
    label: str
    values: Mapping[str, Sequence[Any]]
    labels: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    tenant: str | None = None
    files: Mapping[str, StoredFile] = dataclasses.field(default_factory=dict)
    table: str = ""


class HistoryOptions(TypedDict, total=False):
    """For how long the history is kept; each has a default.

    `keep`: days after which it forgets a change (None: it keeps all); `keep_files`: whether a file that was replaced,
    or deleted with its row, stays for as long as the history has the change, so that it can be had back (True);
    otherwise it is deleted at once.
    """

    keep: float | None
    keep_files: bool


def kept_for(*, keep: float | None = None, keep_files: bool = True) -> Callable[[MetaData], History]:
    """What makes a history that is kept so, with its tables among the others of the app; see `HistoryOptions`."""

    def made(metadata: MetaData) -> History:
        return History(table_in(metadata), keep, KeptFiles(files_in(metadata) if keep_files else None))

    return made


class History:
    """Writes what was done, in the transaction that does it, and reads it.

    Arguments:
        rows: the table.
        keep: days after which a change is forgotten; None keeps it.
        files: the files that changes refer to.
    """

    def __init__(self, rows: Rows, keep: float | None = None, files: KeptFiles | None = None) -> None:
        self.rows = rows
        self.keep = keep
        self.files: KeptFiles = files or KeptFiles(None)
        self._insert = insert(rows)
        self._swept = 0.0

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(
        self, db: Session, author: Author, changes: Sequence[Change], batch: str = "", *, many: bool = False
    ) -> str:
        """Write down changes that belong together.

        Arguments:
            db: the session whose transaction they are part of.
            author: who did it.
            changes: what was done.
            batch: the name of a batch that was begun.
            many: whether they are hundreds, and this is no event of a flush.

        Returns:
            the name of the batch.
        """
        batch = batch or uuid.uuid4().hex
        if changes:
            now = _now()
            beside = _bounded(dataclasses.asdict(author)) | {"at": now, "batch": batch}
            rows = ({**beside, **_row(each)} for each in changes)  # Made while the database writes those before.
            if many:
                insert_at_once(db, self.rows, rows)
            else:
                db.execute(self._insert, [*rows])
            here = (each for each in changes if (each.table or each.model) in self.rows.metadata.tables)
            taken = ((each.model, each.key, name, file) for each in here for name, file in each.files.items())
            self.files.keep(db, now, taken)
            self._sweep_at_times(db)
        return batch

    def note(
        self,
        db: Session,
        request: Request,
        identity: Identity[Any],
        action: str,
        model: str,
        key: str,
        label: str,
        values: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """Write down one change by its parts; see `Change`."""
        self.write(db, Author.of(request, identity), [Change(action, model, key, label, values or {})])

    def sweep(self, db: Session, most: int = _AT_ONCE) -> int:
        """Forget the oldest changes that are older than `keep` days, and let the files go that they refer to.

        Arguments:
            db: a session; its transaction is the caller's.
            most: of how many at once, and of how many files.

        Returns:
            how many changes it were, or files where these were more: call it again while these are as many.
        """
        if self.keep is None:
            return 0
        column, before = self.rows.c, _now() - datetime.timedelta(days=self.keep)
        old = select(column.id).where(column.at < before)
        keys = db.scalars(old.order_by(column.at).limit(most)).all()
        files = self.files.forget(db, before, most)
        if keys:
            db.execute(delete(self.rows).where(column.id.in_(keys)))
        return max(len(keys), files)  # A change may have several files.

    def _sweep_at_times(self, db: Session) -> None:
        now = time.monotonic()
        if self.keep is not None and (not self._swept or now - self._swept > _SWEPT):
            self._swept = now
            self.sweep(db)

    # -- reading -----------------------------------------------------------------------------------------------------

    def of(self, db: Session, model: Models, key: str, *, after: int = 0, most: int = _MOST) -> Sequence[Row[Any]]:
        """The changes of one row, the latest first; those that came after one of them."""
        column = self.rows.c
        asked = select(self.rows).where(*of_row(self.rows, model, key), column.id > after)
        return db.execute(asked.order_by(column.id.desc()).limit(most)).all()

    def begun(self, db: Session, model: Models, key: str) -> tuple[int, datetime.datetime | None]:
        """Where the history of a row that is there begins: after the deletion of another one that had its key.

        SQLite gives the key of a last row that was deleted to the next one; what the first one was is nothing for those
        who may see the second.

        Returns:
            the number of that deletion, and when it was; 0 and None where there was none, or that row was had back.
        """
        column = self.rows.c
        ends = column.action.in_(("delete", "restore"))
        asked = select(column.id, column.at, column.action).where(*of_row(self.rows, model, key), ends)
        last = db.execute(asked.order_by(column.id.desc()).limit(1)).first()
        return (0, None) if last is None or last.action == "restore" else (last.id, last.at)

    def ended(self, db: Session, models: Sequence[str], keys: Sequence[str], *, marked: bool) -> dict[str, int]:
        """The number of the last change of others that had some of these keys, of rows that are there; see `begun`.

        Arguments:
            db: the session.
            models: the names of their classes.
            keys: the keys.
            marked: whether rows are only marked as deleted: then a deletion is an end where a row was added after it.
        """
        column = self.rows.c
        of_these = (column.model.in_(models), column.key.in_(keys))
        if marked:
            added = select(column.key, func.max(column.id)).where(*of_these, column.action == "add")
            return {key: number - 1 for key, number in db.execute(added.group_by(column.key))} if keys else {}
        last = select(func.max(column.id)).where(*of_these, column.action.in_(("delete", "restore")))
        asked = select(column.key, column.id).where(column.id.in_(last.group_by(column.key)), column.action == "delete")
        return {each.key: each.id for each in db.execute(asked)} if keys else {}

    def since(self, db: Session, model: Models, key: str, change: int) -> Sequence[Row[Any]]:
        """All changes of a row after one of them, the latest first."""
        return self.of(db, model, key, after=change, most=_VERSIONS)

    def of_batch(self, db: Session, batch: str) -> Sequence[Row[Any]]:
        """The changes that were written together, in their order."""
        column = self.rows.c
        return db.execute(select(self.rows).where(column.batch == batch).order_by(column.id).limit(_VERSIONS)).all()

    def one(self, db: Session, change: int) -> Row[Any] | None:
        """A change by its number."""
        return db.execute(select(self.rows).where(self.rows.c.id == change)).first()

    def asked(self, models: Sequence[str]) -> Select[Any]:
        """A select of the changes of some models, the latest first."""
        column = self.rows.c
        return select(self.rows).where(column.model.in_(models)).order_by(column.id.desc())

    def latest(self, db: Session, models: Sequence[str], limit: int = 10) -> Sequence[Row[Any]]:
        """The latest changes of some models; whether a person may see each of these rows is another question."""
        return db.execute(self.asked(models).limit(limit)).all()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _bounded(values: dict[str, Any]) -> dict[str, Any]:
    """Texts as long as their columns."""
    longest = {"address": _ADDRESS}
    return {
        name: value[: longest.get(name, _SHORT)] if isinstance(value, str) else value for name, value in values.items()
    }


def _row(change: Change) -> dict[str, Any]:
    return {
        "action": change.action[:_ACTION],
        "model": change.model[:_SHORT],
        "key": change.key[:_SHORT],
        "label": str(change.label)[:_SHORT],
        "values": change.values,
        "labels": change.labels,
        "tenant": change.tenant and change.tenant[:_SHORT],
    }


def plain(value: Any) -> Any:
    """A value as a history keeps it.

    Example:
        >>> plain(datetime.date(2026, 11, 27))
        '2026-11-27'
    """
    return pydantic_core.to_jsonable_python(value, bytes_mode="base64", inf_nan_mode="strings", fallback=str)


def differences(before: Values, after: Values) -> dict[str, list[Any]]:
    """What is not the same any more, by attribute: before and after.

    Example:
        >>> differences({"a": 1, "b": 2}, {"a": 1, "b": 3})
        {'b': [2, 3]}
    """
    return {name: [before.get(name), value] for name, value in after.items() if not same_json(before.get(name), value)}
