"""The database: SQLAlchemy and Alembic, unhidden, with one `Session` in either colour.

Here belongs what joins them to an app: the plugin (`_database`), a request's unit of work (`_unit`, `_session`), the
connections that wait as their caller's colour asks (`_colour`, `_connection`, `_sqlite`, `_postgresql`, `_mariadb`),
the pool (`_pool`, `_slots`), the bases of models and their types (`_models`, `_types`; when JSON has changed: `_json`),
many rows at once (`_bulk`; `_new_rows`: those that are wanted back), how SQLite reckons with decimals (`_exact`,
`_exact_functions`, `_computed`), and the drivers' errors as answers (`_errors`). Never here: SQL that SQLAlchemy could
say, a page, a user. A call flows so: a handler's `db.get(…)` goes through SQLAlchemy to a cursor of ours; that asks how
it may wait (`how_to_wait`), waits so, and gives SQLAlchemy its rows; after the handler the unit commits, before the
first byte is sent.

What SQLAlchemy is asked for most is named here, too, so that one import serves a file of models.
"""

from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, insert, select, text, update
from sqlalchemy import func as _func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.functions import _FunctionGenerator

from ._begin import STAGE, stage
from ._bulk import NoCopy, copy_in, copy_out, insert_many, read_many, upsert
from ._database import Database
from ._errors import (
    ConstraintFailed,
    DatabaseAway,
    DatabaseBusy,
    Duplicate,
    NotExact,
    NotWritable,
    QueryBudgetExceeded,
    ReadOnly,
    RepeatedQuery,
    SessionEnded,
    SessionInOtherTask,
    Stale,
    StatementTimeout,
    StorageFull,
    TransactionConflict,
    UnreadRows,
    ValueRefused,
)
from ._history import History, Revision, applied
from ._json import same_json
from ._models import Model, Table, Timestamps, UUIDModel
from ._new_rows import NewRows, insert_at_once
from ._row import RowMaker
from ._session import Session
from ._types import Encrypted, Exact, Moment
from ._unit import Opened
from ._watch import Watch, assert_queries

# Named with its type, which SQLAlchemy leaves to be inferred.
func: _FunctionGenerator = _func

__all__ = [
    "STAGE",
    "AsyncSession",
    "ConstraintFailed",
    "Database",
    "DatabaseAway",
    "DatabaseBusy",
    "Duplicate",
    "Encrypted",
    "Exact",
    "ForeignKey",
    "History",
    "Index",
    "IntegrityError",
    "Mapped",
    "Model",
    "Moment",
    "NewRows",
    "NoCopy",
    "NotExact",
    "NotWritable",
    "Opened",
    "QueryBudgetExceeded",
    "ReadOnly",
    "RepeatedQuery",
    "Revision",
    "RowMaker",
    "Session",
    "SessionEnded",
    "SessionInOtherTask",
    "Stale",
    "StatementTimeout",
    "StorageFull",
    "Table",
    "Timestamps",
    "TransactionConflict",
    "UUIDModel",
    "UniqueConstraint",
    "UnreadRows",
    "ValueRefused",
    "Watch",
    "applied",
    "assert_queries",
    "copy_in",
    "copy_out",
    "delete",
    "func",
    "insert",
    "insert_at_once",
    "insert_many",
    "mapped_column",
    "read_many",
    "relationship",
    "same_json",
    "select",
    "stage",
    "text",
    "update",
    "upsert",
]
