"""`db dump` and `db load`: all rows as JSON Lines, which SQLite, PostgreSQL and MariaDB write and read alike.

The first line says what follows: the migrations that the database has had, and each table with its columns. Then comes
a line a row, a table after those it refers to; the last line has the counts, so that a file that was cut is known.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, exc, insert, select

from wholestack.db import Database, applied

from ._connection import Tell, begun, opened
from ._copy_references import deferred
from ._copy_values import Carried
from ._errors import DumpRefused

_FORMAT = 1
_BATCH = 500
_WAIT = 60.0


def dump(database: Database, write: Callable[[str], object]) -> dict[str, int]:
    """Write all rows, as they are at one moment; how many each table has.

    Arguments:
        database: whose rows; its models say which tables.
        write: takes a text; each ends a line.

    Raises:
        DumpRefused: a column's values have no form.
    """
    with opened(database, mode="read") as connection:
        if database.kind == "postgresql":  # One snapshot for all tables.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        tables = {table.key: _carried(table, connection) for table in in_order(database)}
        names = {key: [each.column.name for each in carried] for key, carried in tables.items()}
        write(_line({"wholestack": _FORMAT, "heads": sorted(applied(connection)), "tables": names}))
        counts = {}
        for table in in_order(database):
            counts[table.key] = _dump_table(connection, table, tables[table.key], write)
        write(_line({"rows": counts}))
    return counts


def _dump_table(connection: Connection, table: Table, carried: list[Carried], write: Callable[[str], object]) -> int:
    columns = [each.read for each in carried]
    ends = list(itertools.accumulate(map(len, columns)))
    named = [value.label(f"c{index}") for index, value in enumerate(itertools.chain(*columns))]
    query = select(*named).select_from(table).order_by(*table.primary_key.columns)
    count = 0
    # An option of the statement and not of the connection, which would keep it.
    for row in connection.execute(query, execution_options={"stream_results": True, "yield_per": _BATCH}):
        values = []
        for each, end in zip(carried, ends, strict=True):
            try:
                values.append(each.to_line(row[end - len(each.read) : end]))
            except TypeError as error:
                raise DumpRefused(
                    f"{table.key}.{each.column.name} holds {error}, which has no form in a dump."
                ) from error
        write(_line([table.key, *values]))
        count += 1
    return count


def load(database: Database, lines: Iterable[str], *, replace: bool = False, tell: Tell = print) -> dict[str, int]:
    """Insert what `dump` wrote, all of it or nothing; how many rows each table got.

    Arguments:
        database: where to; it must have had the same migrations, and hold no rows.
        lines: the lines of the file.
        replace: delete the rows that are there.
        tell: takes a line for the person who watches.

    Raises:
        DumpRefused: the file is none, is cut, is of another schema; there are rows; or rows refer to nothing, or have
            values that this database cannot hold.
    """
    numbered = _parsed(lines)
    with opened(database) as connection, begun(connection, _WAIT, tell):
        tables = _expected(next(numbered, (1, None))[1], database, connection)
        with _numbers_given(connection, database), deferred(connection, in_order(database)):
            _make_room(connection, database, replace=replace)
            counts = _insert(connection, tables, numbered)
        if database.kind == "postgresql":
            _count_on(connection, database)
    return counts


@contextlib.contextmanager
def _numbers_given(connection: Connection, database: Database) -> Iterator[None]:
    """Let rows bring their numbers where PostgreSQL takes none but its own (``Identity(always=True)``)."""
    quote = connection.dialect.identifier_preparer
    always = [
        f"ALTER TABLE {quote.format_table(table)} ALTER COLUMN {quote.quote(column.name)} SET GENERATED"
        for table in in_order(database)
        for column in table.columns
        if connection.dialect.name == "postgresql" and column.identity is not None and column.identity.always
    ]
    for each in always:
        connection.exec_driver_sql(f"{each} BY DEFAULT".replace("%", "%%"))
    yield
    for each in always:
        connection.exec_driver_sql(f"{each} ALWAYS".replace("%", "%%"))


def _insert(
    connection: Connection, tables: dict[str, tuple[Table, list[Carried]]], lines: Iterator[tuple[int, Any]]
) -> dict[str, int]:
    counts = dict.fromkeys(tables, 0)
    for key, batch in _batches(lines, tables, counts):
        table, carried = tables[key]
        statement = insert(table).values({each.column.name: each.write for each in carried}).inline()
        try:
            connection.execute(statement, batch)
        except exc.IntegrityError as error:
            raise DumpRefused(f"The rows of {key} break a rule of the table: {error.orig}") from error
        except exc.DataError as error:  # Of another kind of database, which has held more.
            reason = str(error.orig).strip().partition("\n")[0]
            raise DumpRefused(f"A row of {key} has a value that this database cannot hold: {reason}") from error
    return counts


def _batches(
    lines: Iterator[tuple[int, Any]], tables: dict[str, tuple[Table, list[Carried]]], counts: dict[str, int]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of one table at a time, some hundred at most."""
    key, batch = "", list[dict[str, Any]]()
    for number, line in lines:
        if isinstance(line, dict) and "rows" in line:
            if batch:
                yield key, batch
            if line["rows"] != counts or next(lines, None) is not None:
                raise DumpRefused(f"Line {number}: the file does not hold what its last line counts.")
            return
        if not isinstance(line, list) or not line or line[0] not in tables:
            raise DumpRefused(f"Line {number} is no row of a table of the first line.")
        if batch and (line[0] != key or len(batch) == _BATCH):
            yield key, batch
            batch = []
        key = line[0]
        batch.append(_row(number, line[1:], tables[key][1]))
        counts[key] += 1
    raise DumpRefused("The file was cut: its last line is missing.")


def _row(number: int, values: list[Any], carried: list[Carried]) -> dict[str, Any]:
    try:
        return {each.column.name: each.from_line(value) for each, value in zip(carried, values, strict=True)}
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise DumpRefused(f"Line {number} cannot be read: {error!r}") from error


def _parsed(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            yield number, json.loads(line)
        except ValueError as error:
            raise DumpRefused(f"Line {number} is no JSON: {error}") from error


def _expected(head: Any, database: Database, connection: Connection) -> dict[str, tuple[Table, list[Carried]]]:
    """The tables of a file, by its first line."""
    if not isinstance(head, dict) or head.get("wholestack") != _FORMAT:
        raise DumpRefused("The first line is none of `wholestack db dump`.")
    heads = sorted(applied(connection))
    if head["heads"] != heads:
        raise DumpRefused(
            f"The file was written after the migrations {', '.join(head['heads']) or 'none'}, and this database has "
            f"had {', '.join(heads) or 'none'}. Migrate it to the same: wholestack db migrate --to …"
        )
    found = {}
    for key, names in head["tables"].items():
        table = database.metadata.tables.get(key)
        mine = {each.column.name: each for each in _carried(table, connection)} if table is not None else {}
        if table is None or any(name not in mine for name in names):
            raise DumpRefused(f"The models have no table {key} with the columns {', '.join(names)}.")
        found[key] = (table, [mine[name] for name in names])
    return found


def _make_room(connection: Connection, database: Database, *, replace: bool) -> None:
    for table in reversed(in_order(database)):
        if replace:
            connection.execute(table.delete())
        elif connection.execute(select(table).limit(1)).first() is not None:
            raise DumpRefused(f"The table {table.key} has rows. Load into an empty database, or say --replace.")


def _count_on(connection: Connection, database: Database) -> None:
    """Let PostgreSQL's sequences go on after the keys that were loaded."""
    quote = connection.dialect.identifier_preparer
    for table in in_order(database):
        column = table.autoincrement_column
        if column is not None:
            name, key = quote.format_table(table), quote.quote(column.name)
            sequence = f"pg_get_serial_sequence({_text(name)}, {_text(column.name)})"
            most = f"(SELECT max({key}) FROM {name})"  # noqa: S608  (quoted names of the models)
            words = f"SELECT setval({sequence}, coalesce({most}, 1), {most} IS NOT NULL)"
            connection.exec_driver_sql(f"{words} WHERE {sequence} IS NOT NULL".replace("%", "%%"))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _carried(table: Table, connection: Connection) -> list[Carried]:
    return [Carried(column, connection.dialect) for column in table.columns if column.computed is None]


def in_order(database: Database) -> list[Table]:
    """The tables of the models, each after those it refers to, as far as that can be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exc.SAWarning)  # Of circles: their rows are checked when all are there.
        return list(database.metadata.sorted_tables)


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
