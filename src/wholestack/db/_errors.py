"""What a database may answer with: errors of ours, and the drivers' errors as answers."""

from __future__ import annotations

import logging
import re
from typing import Any, NoReturn

from sqlalchemy import exc

from wholestack.errors import Conflict, HTTPError, InternalError, ServiceUnavailable, WholestackError

_log = logging.getLogger("wholestack.db")


class SessionInOtherTask(WholestackError):
    """A handler's session was used where it cannot wait: in a task of its own, or after its handler had ended."""

    code = "session-in-other-task"

    def __init__(self) -> None:
        super().__init__(
            "This session belongs to the handler's own task, and this is another one (a child of a TaskGroup, a task "
            "that was created, a late clean-up). Open one here: `async with app.session() as db: await db.get(…)`."
        )


class SessionEnded(WholestackError):
    """A handler's session was used after its request had ended."""

    code = "session-ended"

    def __init__(self) -> None:
        super().__init__(
            "The request that this session belongs to has ended. Open one: `with app.session() as db:`, or let a "
            "function that runs later be told the id and not the row."
        )


class ReadOnly(WholestackError):
    """Something was to be written where only reading is allowed: in a stream, or on a read-only database."""

    code = "read-only-session"

    def __init__(self) -> None:
        super().__init__(
            "This session only reads: it belongs to a stream, whose transaction has been committed, or to a replica. "
            "Write before you return the stream, or ask for the session of the database that takes writes."
        )


class UnreadRows(WholestackError):
    """A handler has sent a query whose rows were to be read while its answer is streamed."""

    code = "unread-rows"

    def __init__(self) -> None:
        super().__init__(
            "The handler has sent a query and left rows of it for the answer that is streamed; its transaction ends "
            "before. Let the stream send it: `read_many(db, select(…))`, or a generator function in which `db` is "
            "used; or read the rows beforehand, with `.all()`."
        )


class QueryBudgetExceeded(WholestackError, AssertionError):
    """More statements were sent than the budget has."""

    code = "query-budget"


class RepeatedQuery(WholestackError):
    """A loop sends a statement for each row; one statement could load them all."""

    code = "repeated-query"


class NotExact(WholestackError):
    """A statement would reckon with decimals in a way that SQLite, which keeps them as whole numbers, cannot."""

    code = "not-exact"


class ValueRefused(HTTPError):
    """A value that its column cannot hold."""

    code = "value-refused"
    status = 422
    detail = "The database cannot hold a value that was sent."


class Duplicate(Conflict):
    """A value that is there already and may be there only once."""

    code = "duplicate"
    detail = "There is a record with this value already."


class ConstraintFailed(Conflict):
    """A change that the database's rules do not allow."""

    code = "constraint-failed"
    detail = "The change breaks a rule of the database: what it refers to is missing, or something refers to it."


class TransactionConflict(Conflict):
    """Another transaction was faster; nothing was written, and the request may be sent again."""

    code = "transaction-conflict"
    detail = "Another request changed the same records at the same time. Nothing was written; send it again."


class Stale(Conflict):
    """A row that has changed, or has gone, since it was read."""

    code = "stale-row"
    detail = "The record has changed since it was read. Nothing was written; read it again."


class DatabaseAway(ServiceUnavailable):
    """The database does not answer."""

    code = "database-away"
    detail = "The database cannot be reached."


class DatabaseBusy(ServiceUnavailable):
    """Every connection is in use, and none came free in time."""

    code = "database-busy"
    detail = "The database is busy."


class NotWritable(ServiceUnavailable):
    """The database's file cannot be written by this process."""

    code = "database-not-writable"
    detail = "The database takes no writes at the moment."


class StatementTimeout(ServiceUnavailable):
    """A statement ran longer than it may."""

    code = "statement-timeout"
    detail = "The database took too long."


class StorageFull(HTTPError):
    """The database has no room left."""

    code = "storage-full"
    status = 507
    detail = "There is no room left to store this."


# PostgreSQL's by SQLSTATE (its documentation, appendix A), MariaDB's by error number, SQLite's by name.
_BY_STATE: dict[str, type[HTTPError]] = {
    "40001": TransactionConflict,
    "40P01": TransactionConflict,
    "23505": Duplicate,
    "23P01": Duplicate,
    "55P03": DatabaseBusy,
    "57014": StatementTimeout,
    "53100": StorageFull,
    "53300": DatabaseAway,
    "57P01": DatabaseAway,
    "57P02": DatabaseAway,
    "57P03": DatabaseAway,
}
_BY_NUMBER: dict[int, type[HTTPError]] = {
    1020: TransactionConflict,
    1213: TransactionConflict,
    1062: Duplicate,
    1205: DatabaseBusy,
    1969: StatementTimeout,
    3024: StatementTimeout,
    1021: StorageFull,
    1114: StorageFull,
    1040: DatabaseAway,
    1264: ValueRefused,
    1366: ValueRefused,
    1406: ValueRefused,
    1292: ValueRefused,
    3819: ConstraintFailed,
    4025: ConstraintFailed,
}
_BY_NAME: dict[str, type[HTTPError]] = {
    "SQLITE_BUSY": DatabaseBusy,
    "SQLITE_LOCKED": DatabaseBusy,
    "SQLITE_BUSY_SNAPSHOT": TransactionConflict,
    "SQLITE_FULL": StorageFull,
    "SQLITE_READONLY": NotWritable,
    "SQLITE_CANTOPEN": DatabaseAway,
    "SQLITE_CONSTRAINT_UNIQUE": Duplicate,
    "SQLITE_CONSTRAINT_PRIMARYKEY": Duplicate,
    "SQLITE_INTERRUPT": StatementTimeout,
    "SQLITE_IOERR": DatabaseAway,
}


def answer_for(error: exc.SQLAlchemyError) -> HTTPError | None:
    """The answer for an error of SQLAlchemy or its driver; None where the fault is the program's own.

    Example:
        >>> answer_for(exc.TimeoutError("no connection")).status
        503
    """
    if isinstance(error, exc.TimeoutError):
        return DatabaseBusy()
    orig = getattr(error, "orig", None)
    if isinstance(orig, HTTPError):
        return orig
    if type(error).__name__ == "StaleDataError":
        return Stale()
    if not isinstance(error, exc.DBAPIError):
        return None
    kind = _kind_of(orig)
    if kind is None and error.connection_invalidated:
        kind = DatabaseAway
    if kind is None and isinstance(error, exc.DataError):
        kind = ValueRefused
    if kind is None and isinstance(error, exc.IntegrityError):
        kind = ConstraintFailed
    if kind is None and isinstance(error, exc.OperationalError) and _lost(str(orig)):
        kind = DatabaseAway
    return kind() if kind is not None else None


def passes(error: Exception) -> bool:
    """Whether the same again may well succeed: another transaction was faster, or held a lock for too long.

    Example:
        >>> passes(exc.TimeoutError("no connection"))
        False
    """
    if isinstance(error, exc.TimeoutError) or not isinstance(error, exc.SQLAlchemyError):
        return False
    return isinstance(answer_for(error), (TransactionConflict, Stale, DatabaseBusy))


def _kind_of(orig: Any) -> type[HTTPError] | None:
    number = orig.args[0] if getattr(orig, "args", None) else None
    if isinstance(number, int) and number in _BY_NUMBER:  # It says more than the SQLSTATE, which MariaDB has as well.
        return _BY_NUMBER[number]
    name = getattr(orig, "sqlite_errorname", None)
    if name == "SQLITE_ERROR" and str(orig) == "integer overflow":  # A sum past 64 bits; it has no name of its own.
        return ValueRefused
    if name is not None:
        return _BY_NAME.get(name) or _BY_NAME.get("_".join(name.split("_")[:2]))
    state = getattr(orig, "sqlstate", None)
    return _BY_STATE.get(state) or (DatabaseAway if state.startswith("08") else None) if state is not None else None


def _lost(text: str) -> bool:
    return (
        re.search(r"connection|server closed|timeout|timed out|refused|gone away|unable to open", text, re.IGNORECASE)
        is not None
    )


def answer_error(error: exc.SQLAlchemyError) -> NoReturn:
    """Answer an error of the database: the handler that `Database` registers for them.

    Raises:
        HTTPError: what went wrong, without a word of the statement, which may hold what is secret.
    """
    answer = answer_for(error)
    if answer is None:
        _log.error("the database refused a statement", exc_info=error)
        answer = InternalError("The server met an error. The log has it under the request's id.")
    elif answer.status >= 500:
        _log.warning("%s: %s", answer.code, type(getattr(error, "orig", None) or error).__name__, exc_info=error)
    raise answer from error
