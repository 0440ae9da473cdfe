"""Many rows at once: inserts and upserts in batches on every database, ``COPY`` on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Dialect,
    Integer,
    Select,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    exc,
    func,
    insert,
    inspect,
    literal_column,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import Mapper
from sqlalchemy.orm import Session as AlchemySession

from wholestack.errors import WholestackError

from ._errors import Duplicate

Rows = Iterable[Mapping[str, Any]]
Row = TypeVar("Row")

_BATCH = 1_000
_CHUNK = 64 * 1024
_MARIADB = {"mariadb", "mysql"}
_OF_MARIADB = ("SELECT @@max_statement_time", "SET SESSION max_statement_time=%s")
_LIMITS = {
    "postgresql": (
        "SELECT current_setting('statement_timeout')",
        "SELECT set_config('statement_timeout', '%s', false)",
    ),
    "mariadb": _OF_MARIADB,
    "mysql": _OF_MARIADB,
}
"""How the time limit of a statement is asked for, and changed."""
_TWO_ROWS = 1242  # MariaDB's number for "subquery returns more than 1 row"


class NoCopy(WholestackError):
    """``COPY`` was asked of a database that has none."""

    code = "no-copy"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"COPY is PostgreSQL's, and this database is {name}. `insert_many(db, Model, rows)` writes many rows on "
            "each of them; a select with `yield_per` reads them."
        )


def insert_many(db: AlchemySession, model: type, rows: Rows, *, batch: int = _BATCH) -> int:
    """Insert rows, some in each statement, and never more of them in memory; defaults are those of the model.

    Arguments:
        db: the session; what it holds is flushed first.
        model: the model.
        rows: values by the names of attributes; a generator is read as it is needed.
        batch: rows in one statement.

    Returns:
        how many.

    Example:
        >>> from sqlalchemy import Integer, create_engine
        >>> from wholestack.db import Model, mapped_column
        >>> class Coin(Model):
        ...     cents = mapped_column(Integer())
        >>> engine = create_engine("sqlite://")
        >>> Coin.metadata.create_all(engine, [Coin.__table__])
        >>> with AlchemySession(engine) as db:
        ...     insert_many(db, Coin, ({"cents": value} for value in range(2500)))
        2500
    """
    db.flush()
    return sum(_run(db, insert(model), group) for group in _batches(rows, batch))


def upsert(
    db: AlchemySession,
    model: type,
    rows: Rows,
    *,
    on: Sequence[str],
    update: Collection[str] | None = None,
    batch: int = _BATCH,
) -> int:
    """Insert rows, and where one is there already with the same values of `on`, change that one.

    Arguments:
        db: the session; what it holds is flushed first. Rows that it has loaded keep their old values until they are
            refreshed.
        model: the model; marks of time and a counted version, which an update by SQLAlchemy changes, change here, too.
        rows: values by the names of attributes; a generator is read as it is needed.
        on: the attributes by which a row is known; they are the key, or a unique constraint.
        update: the attributes that change; all that a row gives where left out, but for `on` and the key.
        batch: rows in one statement.

    Returns:
        how many rows were given.

    Raises:
        Duplicate: a row meets another one by another unique constraint; nothing of the batch was written.

    Example:
        >>> from sqlalchemy import Double, String, create_engine, select
        >>> from wholestack.db import Model, mapped_column
        >>> class Rate(Model):
        ...     currency = mapped_column(String(3), unique=True)
        ...     rate = mapped_column(Double())
        >>> engine = create_engine("sqlite://")
        >>> Rate.metadata.create_all(engine, [Rate.__table__])
        >>> with AlchemySession(engine) as db:
        ...     for rate in (1.08, 1.09):
        ...         _ = upsert(db, Rate, [{"currency": "USD", "rate": rate}], on=["currency"])
        ...     db.execute(select(Rate.currency, Rate.rate)).all()
        [('USD', 1.09)]
    """
    db.flush()
    return sum(
        _run(db, _upsert(db, model, frozenset(group[0]), list(on), update), group) for group in _batches(rows, batch)
    )


def _batches(rows: Rows, size: int) -> Iterator[list[dict[str, Any]]]:
    """Rows that follow each other and have the same names, so many at most."""
    for _, alike in itertools.groupby(rows, key=frozenset):
        while group := [dict(row) for row in itertools.islice(alike, size)]:
            yield group


def _run(db: AlchemySession, statement: Any, rows: list[dict[str, Any]]) -> int:
    try:
        db.execute(statement, rows)
    except exc.DBAPIError as error:
        if getattr(error.orig, "args", (None,))[0] == _TWO_ROWS:
            raise Duplicate from error
        raise
    return len(rows)


def _upsert(
    db: AlchemySession, model: type, given: frozenset[str], on: list[str], update: Collection[str] | None
) -> Any:
    mapper: Mapper[Any] = inspect(model)
    keys = set(mapper.primary_key)
    wanted = [
        mapper.columns[name]
        for name in (given if update is None else update)
        if name not in on and (update is not None or mapper.columns[name] not in keys)
    ]
    wanted.sort(key=lambda column: column.name)  # A set has no order, and a statement that differs is compiled anew.
    own = [mapper.columns[name] for name in on]
    dialect = db.get_bind().dialect
    kept = _by_itself(mapper, {column.name for column in (*wanted, *own)}, dialect) if wanted else {}
    if dialect.name in _MARIADB:
        return _on_mariadb(model, mapper, own, wanted, kept, given)
    statement: Any = (sqlite if dialect.name == "sqlite" else postgresql).insert(model)
    if not wanted:
        return statement.on_conflict_do_nothing(index_elements=own)
    values = {column.name: statement.excluded[column.name] for column in wanted} | kept
    return statement.on_conflict_do_update(index_elements=own, set_=values)


def _by_itself(mapper: Mapper[Any], given: set[str], dialect: Dialect) -> dict[str, Any]:
    """What an update changes beside what it is told: marks of time, and the version."""
    found: dict[str, Any] = {}
    columns: list[Any] = list(mapper.columns.values())
    for column in columns:
        if not isinstance(column, Column) or column.name in given:
            continue
        if column is mapper.version_id_col:
            if isinstance(column.type, Integer) and mapper.version_id_generator is not False:
                found[column.name] = column + literal_column("1")
        elif column.onupdate is not None:
            change: Any = column.onupdate
            value = change.arg(None) if change.is_callable else change.arg
            written = dialect.name in _MARIADB and not change.is_clause_element
            found[column.name] = _written(dialect, column, value) if written else value
    return found


def _written(dialect: Dialect, column: Column[Any], value: Any) -> Any:
    """A value as text of the statement: PyMySQL sends rows together only where all parameters are theirs."""
    bound = bindparam(None, value, column.type)
    text = str(bound.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    return literal_column(text.replace("%%", "%"))  # which doubles them again


def _on_mariadb(
    model: type, mapper: Mapper[Any], own: list[Any], wanted: list[Any], kept: dict[str, Any], given: frozenset[str]
) -> Any:
    """``ON DUPLICATE KEY UPDATE`` asks by which key a row is there already: by `on`, or it must not be changed."""
    statement = mysql.insert(model)
    values: list[tuple[str, Any]] = []
    if _has_other_keys(mapper.local_table, own, {mapper.columns[name].name for name in given}):
        same = and_(*[column.bool_op("<=>")(statement.inserted[column.name]) for column in own])
        # There is no other way to raise from here than a subquery that may have one row and has two.
        refused: Any = literal_column("(SELECT 1 UNION ALL SELECT 2)")
        values.append((own[0].name, func.if_(same, own[0], refused)))
    values += [(column.name, statement.inserted[column.name]) for column in wanted]
    values += kept.items()
    return statement.on_duplicate_key_update(values or [(own[0].name, own[0])])


def _has_other_keys(table: Any, own: list[Any], given: set[str]) -> bool:
    """Whether a row may meet another one by something else than `own`."""
    unique = [{column.name for column in table.primary_key.columns}]
    unique += [{column.name for column in each.columns} for each in _constraints(table)]
    unique += [{column.name for column in each.columns} for each in table.indexes if each.unique]
    mine = {column.name for column in own}
    return any(names != mine and names & given for names in unique)


def _constraints(table: Any) -> list[UniqueConstraint]:
    return [each for each in table.constraints if isinstance(each, UniqueConstraint)]


def read_many(db: AlchemySession, statement: Select[Row], *, batch: int = _BATCH) -> Iterator[Row]:
    """Read rows some at a time from a cursor of the server, never more of them in memory: for answers without an end.

    The select is sent when the first row is asked for; so in an answer that is streamed it runs on the stream's own
    connection, after the handler has ended. The time limit of a statement is not for it: MariaDB would count the time
    in which the rows are taken.

    Arguments:
        db: the session.
        statement: a select of a model, or of one column.
        batch: rows that are fetched together.

    Example:
        >>> from sqlalchemy import Integer, create_engine, select
        >>> from wholestack.db import Model, mapped_column
        >>> class Grain(Model):
        ...     size = mapped_column(Integer())
        >>> engine = create_engine("sqlite://")
        >>> Grain.metadata.create_all(engine, [Grain.__table__])
        >>> with AlchemySession(engine) as db:
        ...     _ = insert_many(db, Grain, ({"size": size} for size in range(2500)))
        ...     sum(read_many(db, select(Grain.size)))
        3123750
    """
    with _without_limit(db.connection()):
        rows = db.scalars(statement.execution_options(yield_per=batch))
        try:
            yield from rows
        finally:
            rows.close()


@contextmanager
def _without_limit(connection: Connection) -> Iterator[None]:
    """Let a statement run as long as its rows are taken, or given; the limit is back afterwards."""
    driver: Any = connection.connection.dbapi_connection
    if hasattr(driver, "unlimited"):
        with driver.unlimited():
            yield
        return
    if connection.dialect.name not in _LIMITS:
        yield
        return
    ask, change = _LIMITS[connection.dialect.name]
    cursor = driver.cursor()
    cursor.execute(ask)
    (limit,) = cursor.fetchone()
    _say(driver, change % 0)
    try:
        yield
    finally:
        try:
            _say(driver, change % limit)
        except connection.dialect.loaded_dbapi.Error:
            # A transaction that has failed is rolled back, and this with it; else nothing more can be said here.
            if connection.dialect.name in _MARIADB:
                connection.invalidate()


def _say(driver: Any, sql: str) -> None:
    """Send a statement past what asks whether it writes."""
    if hasattr(driver, "pgconn"):
        driver.cursor().execute(sql)
    else:
        driver.run(driver._statement, sql)


# -- COPY ------------------------------------------------------------------------------------------------------------


def copy_in(db: AlchemySession, model: type | Table, rows: Rows) -> int:
    """Write rows by PostgreSQL's ``COPY``, the fastest way in; they are sent as they are made.

    Defaults that the model makes in Python are made here, too; one that breaks a constraint breaks them all.

    Arguments:
        db: the session; what it holds is flushed first. It can do nothing else until this is over.
        model: the model, or a table.
        rows: values by the names of attributes, of a table's columns, each row with the same names.

    Returns:
        how many.

    Raises:
        NoCopy: the database is not PostgreSQL.
        ValueError: a row has other names than the first, or no value where a default is not Python's alone.
    """
    db.flush()
    dialect = _postgresql(db)
    sent = _as_sent(dialect, model, rows)
    if sent is None:
        return 0
    table, columns, values = sent
    with _copying(db, f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for each in values:
            copy.write_row(each)
    return int(copy.cursor.rowcount)


def insert_by_driver(db: AlchemySession, model: type | Table, rows: Rows) -> None:
    """Insert rows into SQLite as `copy_in` does into PostgreSQL: what they are sent as is made here, once for all, and
    the driver takes them as they are.
    """
    db.flush()
    connection = db.connection()
    sent = _as_sent(connection.dialect, model, rows)
    if sent is not None:
        table, columns, values = sent
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  (names that are quoted)
        connection.exec_driver_sql(sql, [*map(tuple, values)])


def _as_sent(dialect: Dialect, model: type | Table, rows: Rows) -> tuple[str, list[str], Iterator[list[Any]]] | None:
    """The names of a table and of its columns, and the values of rows as a driver takes them, with the defaults that
    Python makes; None where there is no row.
    """
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return None
    target: Any = inspect(model)
    table: Any = target if isinstance(target, Table) else target.local_table
    own: list[tuple[str, Any]] = list(target.columns.items())
    defaults = {
        name: _made(target, column)
        for name, column in own
        if name not in first and isinstance(column, Column) and _is_made(target, column)
    }
    columns = [target.columns[name] for name in (*first, *defaults)]
    preparer = dialect.identifier_preparer
    write = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]

    def values() -> Iterator[list[Any]]:
        for row in itertools.chain([first], rows):
            if row.keys() != first.keys():
                raise ValueError("Rows that are written together have the same names.")
            given = [*row.values()] if [*row] == [*first] else [row[name] for name in first]
            given += [make() for make in defaults.values()]
            yield [value if each is None else each(value) for each, value in zip(write, given, strict=True)]

    return preparer.format_table(table), [preparer.format_column(column) for column in columns], values()


def _is_made(target: Mapper[Any] | Table, column: Column[Any]) -> bool:
    given: Any = column.default
    if isinstance(target, Mapper) and column is target.version_id_col:
        return target.version_id_generator is not False  # Else the database makes it.
    if given is not None and not is_made_alone(given):
        raise ValueError(
            f"The default of {column} is an expression, or wants to know the row that it is for: rows that are sent as "
            "they are have none to ask. Give its value with each row."
        )
    return given is not None


def is_made_alone(default: Any) -> bool:
    """Whether Python makes a default, without a look at the row that it is for."""
    # SQLAlchemy puts a function that takes nothing into one of its own; the others want to know the statement.
    return bool(default.is_scalar or (default.is_callable and default.arg is not default._fn))


def _made(target: Mapper[Any] | Table, column: Column[Any]) -> Callable[[], Any]:
    given: Any = column.default
    if isinstance(target, Mapper) and column is target.version_id_col:
        first: Any = target.version_id_generator
        return lambda: first(None)
    return (lambda: given.arg(None)) if given.is_callable else (lambda: given.arg)


def copy_out(
    db: AlchemySession,
    statement: Select[Any] | type,
    *,
    format: Literal["csv", "text", "binary"] = "csv",
    header: bool = True,
) -> Iterator[bytes]:
    """Read rows by PostgreSQL's ``COPY``, the fastest way out: chunks of bytes for a `Stream` or a file.

    The bytes are PostgreSQL's own: for another database or a program. A spreadsheet would take a text such as ``=1+1``
    for a formula; for people, answer with `wholestack.realtime.CSV`.

    Arguments:
        db: the session; it can do nothing else until this is over, and what it has written is rolled back when the
            chunks are not read to their end.
        statement: a select, or a model for all its columns.
        format: as ``COPY`` has them.
        header: whether the first line of CSV and text names the columns.

    Raises:
        NoCopy: the database is not PostgreSQL.
    """
    dialect = _postgresql(db)
    if isinstance(statement, type):
        mapper: Mapper[Any] = inspect(statement)
        statement = Select(*mapper.columns.values())
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    parameters = compiled.params
    processors: Mapping[str, Any] = getattr(compiled, "_bind_processors", {})
    bound = {name: processors[name](value) if name in processors else value for name, value in parameters.items()}
    named = "" if format == "binary" else f", HEADER {'TRUE' if header else 'FALSE'}"
    sql = f"COPY ({compiled}) TO STDOUT WITH (FORMAT {format}{named})"
    return _read(db, sql, bound)


def _read(db: AlchemySession, sql: str, bound: Mapping[str, Any]) -> Iterator[bytes]:
    """The chunks; the session is asked for its connection with the first, since a stream has one of its own."""
    with _copying(db, sql, bound) as copy:
        waiting: list[bytes] = []
        size = 0
        for data in copy:
            waiting.append(bytes(data))
            size += len(data)
            if size >= _CHUNK:
                yield b"".join(waiting)
                waiting, size = [], 0
        if waiting:
            yield b"".join(waiting)


def _postgresql(db: AlchemySession) -> Dialect:
    dialect = db.get_bind().dialect
    if dialect.name != "postgresql":
        raise NoCopy(dialect.name)
    return dialect


@contextmanager
def _copying(db: AlchemySession, sql: str, bound: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """Psycopg's copy, with its errors as SQLAlchemy has them.

    Its lock is not held meanwhile: a statement in between gets an error, where it would wait for ever. A connection
    that was given up in the middle, by a cancelled request, is not used again.
    """
    from psycopg import Error
    from psycopg.pq import TransactionStatus

    connection = db.connection()
    driver: Any = connection.connection.dbapi_connection
    if bound is None:
        driver.before(sql)  # It writes, so that a unit that only read until now begins its transaction.
    try:
        with _without_limit(connection), driver.cursor().copy(sql, bound or None) as copy:
            driver.lock.release()
            try:
                yield copy
            finally:
                driver.lock.acquire()
    except Error as error:
        raise exc.DBAPIError.instance(sql, None, error, Error, dialect=connection.dialect) from error
    finally:
        if driver.pgconn.transaction_status == TransactionStatus.ACTIVE:
            connection.invalidate()
