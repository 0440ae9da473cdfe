"""Rows that are filled while their table is used: in batches, each once, whatever stops it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import databases
from backends.online import migrations
from wholestack.db import Database
from wholestack.migrations import MigrationError, migrate, rollback, sql

Make = Callable[..., Database]
ROWS = 2500
TABLE = """
op.create_table("note", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("number", sa.Integer))
rows = [{{"id": 3 * n, "number": 0}} for n in range({rows})]
op.bulk_insert(sa.table("note", sa.column("id"), sa.column("number")), rows)
---
op.drop_table("note")
"""
ONCE_MORE = 'backfill(op, "note", set={"number": "number + 1"}, size=100)'


@pytest.fixture
def make(kind: str, tmp_path: Path) -> Iterator[Make]:
    """`make(a="…", b="…")`: a database with these migrations."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(databases.fresh(kind, tmp_path))

        def made(**files: str) -> Database:
            database = Database(url, migrations=str(migrations(tmp_path / "migrations", **files)))
            stack.callback(database.dispose)
            return database

        yield made


def url_of(database: Database) -> str:
    url = database.url.set(drivername={"mariadb": "mariadb"}.get(database.kind, database.kind))
    return url.render_as_string(hide_password=False)


def rows(database: Database, statement: str) -> list[Any]:
    return databases.rows(url_of(database), statement)


def written(database: Database) -> int:
    """How many rows the backfills have come to."""
    with contextlib.suppress(Exception):  # before its table is there
        return int(rows(database, "SELECT sum(written) FROM wholestack_migration_backfill")[0][0])
    return 0


def statements(database: Database, run: Callable[[], object]) -> list[tuple[str, int]]:
    """The updates of a table that were run, each with how many rows it wrote."""
    seen: list[tuple[str, int]] = []

    def after(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE note"):
            seen.append((statement, cursor.rowcount))

    sa.event.listen(sa.Engine, "after_cursor_execute", after)
    try:
        run()
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", after)
    return seen


def test_each_row_once_in_batches(make: Make) -> None:
    database = make(a=TABLE.format(rows=ROWS), b=ONCE_MORE)
    seen = statements(database, lambda: migrate(database))
    assert [count for _, count in seen if count > 100] == []
    assert sum(count for _, count in seen) == ROWS
    assert rows(database, "SELECT number, count(*) FROM note GROUP BY number") == [(1, ROWS)]
    assert rows(database, "SELECT count(*) FROM wholestack_migration_backfill") == [(0,)]


def test_applied_again_after_it_was_taken_back(make: Make) -> None:
    database = make(a=TABLE.format(rows=250), b=ONCE_MORE)
    migrate(database)
    rollback(database)
    migrate(database)
    assert rows(database, "SELECT number, count(*) FROM note GROUP BY number") == [(2, 250)]


RUN = """
import sys
from wholestack.db import Database
from wholestack.migrations import migrate
database = Database(sys.argv[1], migrations=sys.argv[2])
migrate(database)
"""


def test_a_kill_in_the_middle_is_made_good(make: Make, tmp_path: Path, long: bool) -> None:
    """SIGKILL at some place: the rows that were written are not written again, the others are."""
    slow = ONCE_MORE.replace("size=100", "size=20")
    database = make(a=TABLE.format(rows=ROWS))
    migrate(database)
    migrations(tmp_path / "migrations", a=TABLE.format(rows=ROWS), b=slow)
    command = [sys.executable, "-c", RUN, url_of(database), str(tmp_path / "migrations")]
    kills, reached = 0, 0
    for _ in range(6 if long else 1):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None:
            if written(database) >= reached + 100:
                os.kill(process.pid, signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            time.sleep(0.01)
        process.communicate()
        reached = written(database)
    assert kills and 0 < reached < ROWS
    migrate(database)
    assert rows(database, "SELECT number, count(*) FROM note GROUP BY number") == [(1, ROWS)]


def test_two_in_one_migration(make: Make) -> None:
    """The second one is stopped: the first is not done again."""
    broken = 'backfill(op, "note", set={"number": "number + 1", "id": "id / (id - 300)"}, size=50)'
    database = make(a=TABLE.format(rows=250), b=f"{ONCE_MORE}\n{broken}")
    if database.kind != "postgresql":
        broken = 'backfill(op, "note", set={"missing": "number + 1"}, size=50)'
        migrations(database.migrations, a=TABLE.format(rows=250), b=f"{ONCE_MORE}\n{broken}")  # type: ignore[arg-type]
    with pytest.raises(MigrationError):
        migrate(database)
    migrations(database.migrations, a=TABLE.format(rows=250), b=ONCE_MORE)  # type: ignore[arg-type]
    migrate(make(a=TABLE.format(rows=250), b=ONCE_MORE))
    assert rows(database, "SELECT min(number), max(number) FROM note WHERE id > 600") == [(1, 1)]


KEYS = {
    "two columns": ("number INTEGER, a INTEGER, b VARCHAR(20), PRIMARY KEY (a, b)", "{n} % 7, 'b{n}'"),
    "text": ("number INTEGER, a VARCHAR(40) PRIMARY KEY, b INTEGER", "'k{n}', 1"),
    "a date": ("number INTEGER, a DATE, b INTEGER, PRIMARY KEY (a, b)", "'2026-11-2{digit}', {n}"),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_of_each_type(make: Make, name: str) -> None:
    definition, values = KEYS[name]
    database = make(a="pass", b='backfill(op, "keyed", set={"number": "number + 1"}, size=10)')
    lines = ", ".join("(0, " + values.format(n=n, digit=n % 10) + ")" for n in range(95))
    with contextlib.closing(databases.connect(url_of(database))) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE TABLE keyed ({definition})")
        cursor.execute(f"INSERT INTO keyed (number, a, b) VALUES {lines}")
    migrate(database)
    assert rows(database, "SELECT number, count(*) FROM keyed GROUP BY number") == [(1, 95)]


def test_rows_that_come_behind_its_back(make: Make) -> None:
    """With `where`, what is written behind the place that it has reached is found in the end."""
    fill = 'backfill(op, "note", set={"number": "7"}, where="number = 0", size=100)'
    database = make(a=TABLE.format(rows=1000), b=fill)
    url = url_of(database)
    added: list[int] = []

    def behind(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """Before each batch: a row at the beginning of the table."""
        if statement.startswith("SELECT note.id") and len(added) < 5 and database.kind != "sqlite":
            added.append(-1 - len(added))
            with contextlib.closing(databases.connect(url)) as connection:
                connection.cursor().execute(f"INSERT INTO note VALUES ({added[-1]}, 0)")

    migrate(database, to="a")
    sa.event.listen(sa.Engine, "before_cursor_execute", behind)
    try:
        migrate(database)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", behind)
    assert rows(database, "SELECT number, count(*) FROM note GROUP BY number") == [(7, 1000 + len(added))]
    assert database.kind == "sqlite" or len(added) == 5


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"], indirect=True)
def test_rows_that_others_have_locked(make: Make) -> None:
    """It waits for them, in smaller batches, and holds nothing meanwhile that others want."""
    database = make(a=TABLE.format(rows=500), b=ONCE_MORE)
    migrate(database, to="a")
    failed: list[BaseException] = []

    def run() -> None:
        try:
            migrate(database)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    with contextlib.closing(databases.connect(url_of(database))) as holder:
        cursor = holder.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE note SET number = number WHERE id = 600")
        thread.start()
        databases.until(lambda: written(database) == 200, 60)
        # The rows before the locked one are committed; those behind it wait; the others are free.
        with contextlib.closing(databases.connect(url_of(database))) as other:
            other.cursor().execute("UPDATE note SET number = number WHERE id IN (0, 300, 900)")
            other.cursor().execute("INSERT INTO note VALUES (298, 0)")
        time.sleep(1.5)
        assert thread.is_alive()
        cursor.execute("COMMIT")
    thread.join(60)
    assert failed == []
    assert rows(database, "SELECT number, count(*) FROM note GROUP BY number ORDER BY 1") == [(0, 1), (1, 500)]


def test_what_it_cannot_fill(make: Make) -> None:
    bare = 'op.create_table("bare", sa.Column("a", sa.Integer))'
    database = make(a=bare, b='backfill(op, "nowhere", set={"a": "1"})')
    with pytest.raises(MigrationError, match="no table nowhere"):
        migrate(database)
    with pytest.raises(MigrationError, match="no primary key"):
        migrate(make(a=bare, b='backfill(op, "bare", set={"a": "1"})'))


def test_as_a_script(make: Make) -> None:
    database = make(a='backfill(op, "note", set={"number": "1"}, where="number IS NULL")')
    script = sql(database)
    assert "-- In batches by the primary key of note" in script
    assert "UPDATE note SET number=1 WHERE (number IS NULL)" in script
