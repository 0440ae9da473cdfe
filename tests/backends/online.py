"""A migration on PostgreSQL, watched statement by statement: what it locks, and what it reads through meanwhile.

A reader has the table open, and a gate (an advisory lock) holds whatever calls the function `gate` in the migration's
session: so a statement that must read the table stops in the middle, and its locks can be looked at.
"""

from __future__ import annotations

import contextlib
import dataclasses
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic.autogenerate import render_python_code
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext

from wholestack.migrations import Part, split

GATE = 42
SCHEMA = """
CREATE FUNCTION gate(value anyelement) RETURNS anyelement IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('application_name') = 'migrator' THEN
    PERFORM pg_advisory_lock_shared(42);
    PERFORM pg_advisory_unlock_shared(42);
  END IF;
  RETURN value;
END $$;
CREATE TABLE tag (id bigint PRIMARY KEY, name text);
CREATE TABLE note (
  id bigserial PRIMARY KEY, title text, body varchar(50) DEFAULT 'b', tag_id bigint, number integer, old text, words text
);
CREATE INDEX ix_note_old ON note (old);
INSERT INTO tag VALUES (1, 'a'), (2, 'b');
INSERT INTO note (title, tag_id, number, old) SELECT 'title ' || n, 1 + n % 2, n, 'old' FROM generate_series(1, 200) n;
"""
STOPS_WRITES = {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}
READS_THROUGH = ("verifying table", "rewriting table", "building index")


@dataclasses.dataclass
class Seen:
    """One statement: what it waited for, the locks on the table it then held, and what it read through."""

    statement: str
    waited: list[str] = dataclasses.field(default_factory=list)
    held: set[str] = dataclasses.field(default_factory=set)
    through: list[str] = dataclasses.field(default_factory=list)

    @property
    def stops_writes_while_reading(self) -> bool:
        return bool(self.through) and bool(self.held & STOPS_WRITES)


def code_of(operations: ops.OpContainer) -> Callable[[], None]:
    """The function that the operations are written as in a migration's file."""
    body = render_python_code(operations, render_as_batch=True)
    names: dict[str, Any] = {"revision": "r1"}
    head = "from alembic import op\nimport sqlalchemy as sa\nfrom wholestack.migrations import backfill\n"
    exec(f"{head}def function():\n    {body.lstrip()}\n", names)
    function: Callable[[], None] = names["function"]
    return function


class Migrator:
    """Runs functions of migrations in a thread, each in a transaction; before each statement it asks to go on."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(
            url.replace("postgresql://", "postgresql+psycopg://"),
            poolclass=sa.NullPool,
            connect_args={"options": "-c application_name=migrator -c client_min_messages=debug1"},
        )
        self.now: Seen | None = None
        self.seen: list[Seen] = []
        self.may_go = threading.Semaphore(0)
        self.asks = threading.Semaphore(0)
        self.did = threading.Event()
        self.may_end = threading.Semaphore(0)
        self.pid = 0

    def run(self, function: Callable[[], None]) -> None:
        with self.engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            driver.add_notice_handler(self._notice)
            self.pid = driver.info.backend_pid
            sa.event.listen(self.engine, "before_cursor_execute", self._before)
            sa.event.listen(self.engine, "after_cursor_execute", self._after)
            context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
            with context.begin_transaction(_per_migration=True), Operations.context(context):
                function()
            sa.event.remove(self.engine, "before_cursor_execute", self._before)
            sa.event.remove(self.engine, "after_cursor_execute", self._after)

    def _before(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.now = Seen(" ".join(statement.split()))
        self.asks.release()
        self.may_go.acquire()
        self.seen.append(self.now)

    def _after(self, *_: Any) -> None:
        """The statement is through; its transaction, and with it the locks, is not."""
        self.did.set()
        self.may_end.acquire()

    def _notice(self, notice: Any) -> None:
        text = str(notice.message_primary)
        if self.now is not None and text.startswith(READS_THROUGH):
            self.now.through.append(text)


@contextlib.contextmanager
def asked(url: str) -> Iterator[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def watched(url: str, function: Callable[[], None], table: str = "note") -> list[Seen]:
    """Run a migration's function while a reader has the table open and the gate is closed; what was seen."""
    migrator = Migrator(url)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            migrator.run(function)
        except BaseException as error:
            failed.append(error)
        finally:
            migrator.now = None
            migrator.did.set()
            migrator.asks.release()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    with asked(url) as look, asked(url) as keeper, psycopg.connect(url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # a report, which sees one state all along
        while True:
            migrator.asks.acquire()
            if migrator.now is None:
                break
            _one(migrator, look, keeper, reader, table)
    thread.join(30)
    if failed:
        raise failed[0]
    return migrator.seen


def _one(migrator: Migrator, look: Any, keeper: Any, reader: Any, table: str) -> None:
    """One statement: let it go, and look at it each time it waits."""
    seen = migrator.now
    assert seen is not None
    before = _locks(look, migrator.pid, table)
    keeper.execute("SELECT pg_advisory_lock(%s)", [GATE])
    closed = True
    if "VALIDATE CONSTRAINT fk" in seen.statement:
        reader.execute("LOCK TABLE tag IN EXCLUSIVE MODE")  # where its query stops: it reads both tables
    elif "AccessExclusiveLock" not in before:
        reader.execute(f"SELECT 1 FROM {table} LIMIT 1")  # ACCESS SHARE, until its transaction ends
    migrator.may_go.release()
    end = time.monotonic() + 60
    while not migrator.did.is_set():
        assert time.monotonic() < end, f"{seen.statement} does not come to an end"
        waits = look.execute(
            "SELECT wait_event FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", [migrator.pid]
        ).fetchone()
        if waits is None:
            time.sleep(0.005)
            continue
        held = _locks(look, migrator.pid, table)
        if waits[0] not in seen.waited:
            seen.waited.append(waits[0])
        seen.held |= held
        # It waits for the table's lock; for the gate; or for older transactions (virtualxid), as CONCURRENTLY does.
        if (not held & STOPS_WRITES and waits[0] != "relation") or "VALIDATE" in seen.statement:
            _reads_and_writes(look, table)
        if waits[0] == "advisory":
            keeper.execute("SELECT pg_advisory_unlock(%s)", [GATE])
            closed = False
        else:
            reader.rollback()
        time.sleep(0.01)
    seen.held |= _locks(look, migrator.pid, table)
    migrator.did.clear()
    migrator.may_end.release()
    if closed:
        keeper.execute("SELECT pg_advisory_unlock(%s)", [GATE])
    reader.rollback()


def _locks(look: Any, pid: int, table: str) -> set[str]:
    rows = look.execute(
        "SELECT mode FROM pg_locks WHERE pid = %s AND granted AND relation = to_regclass(%s)", [pid, table]
    ).fetchall()
    return {row[0] for row in rows}


def _reads_and_writes(look: Any, table: str) -> None:
    """Others read and write the table meanwhile."""
    look.execute("SET lock_timeout = '2s'")
    look.execute(f"SELECT count(*) FROM {table}")
    look.execute(f"UPDATE {table} SET id = id WHERE id = 7")
    look.execute("SET lock_timeout = 0")


def parts_of(*operations: ops.MigrateOperation) -> list[Part]:
    return split(ops.UpgradeOps(list(operations)), "postgresql")


MIGRATION = """
import sqlalchemy as sa
from alembic import op
from wholestack.migrations import backfill, end_mirror, mirror

revision = "{name}"
down_revision = {before!r}
{more}

def upgrade():
{upgrade}


def downgrade():
{downgrade}
"""


def migrations(folder: Path, **files: str) -> Path:
    """A folder of migrations: each name with its `upgrade`, and after a line of dashes its `downgrade`."""
    folder.mkdir(parents=True, exist_ok=True)
    before = None
    for name, text in files.items():
        upgrade, _, downgrade = textwrap.dedent(text).partition("\n---\n")
        names, there, body = upgrade.partition("\n===\n")
        more, upgrade = (names, body) if there else ("", upgrade)
        (folder / f"{name}.py").write_text(
            MIGRATION.format(
                name=name,
                before=before,
                more=more,
                upgrade=textwrap.indent(upgrade.strip("\n"), "    ") or "    pass",
                downgrade=textwrap.indent(downgrade.strip("\n"), "    ") or "    pass",
            )
        )
        before = name
    return folder
