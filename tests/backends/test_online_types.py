"""What a change of type and a new default cost: what `examine` says, held against what PostgreSQL does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.dialects import postgresql as pg

import databases
from backends.online import asked
from wholestack.migrations import examine

TYPES: list[tuple[Any, Any]] = [
    (sa.String(50), sa.String(100)),
    (sa.String(50), sa.String(20)),
    (sa.String(50), sa.String()),
    (sa.String(50), sa.Text()),
    (sa.Text(), sa.String()),
    (sa.Text(), sa.String(50)),
    (sa.CHAR(5), sa.CHAR(9)),
    (sa.CHAR(5), sa.Text()),
    (sa.SmallInteger(), sa.Integer()),
    (sa.Integer(), sa.BigInteger()),
    (sa.Integer(), sa.Numeric(12, 2)),
    (sa.Numeric(10, 2), sa.Numeric(12, 2)),
    (sa.Numeric(10, 2), sa.Numeric(8, 2)),
    (sa.Numeric(10, 2), sa.Numeric(12, 4)),
    (sa.Numeric(10, 2), sa.Numeric()),
    (sa.Float(), sa.Double()),
    (sa.Boolean(), sa.Text()),
    (sa.JSON(), pg.JSONB()),
    (pg.TIMESTAMP(precision=3), pg.TIMESTAMP(precision=6)),
    (pg.TIMESTAMP(precision=6), pg.TIMESTAMP(precision=3)),
    (pg.TIMESTAMP(timezone=True, precision=0), pg.TIMESTAMP(timezone=True)),
    (pg.TIME(precision=0), pg.TIME(precision=3)),
    (pg.CIDR(), pg.INET()),
    (pg.BIT(5, varying=True), pg.BIT(9, varying=True)),
    (sa.Date(), sa.DateTime()),
    (sa.LargeBinary(), sa.LargeBinary()),
]
DEFAULTS = [
    "0", "-1.5", "'x'", "'a'::text", "NULL", "true", "now()", "CURRENT_TIMESTAMP", "current_date", "('b')",
    "'{}'::jsonb", "gen_random_uuid()", "random()", "clock_timestamp()", "timeofday()", "nextval('numbers')",
    "md5(random()::text)", "'now'::timestamp",
]  # fmt: skip


@pytest.fixture(scope="module")
def connection() -> Iterator[Any]:
    with databases.fresh("postgresql", Path()) as url, asked(url) as found:
        found.execute("CREATE SEQUENCE numbers")
        yield found


def written(connection: Any, statement: str) -> bool:
    """Whether a statement writes the table anew, or reads it through: PostgreSQL says so at the level of debugging."""
    told: list[str] = []
    connection.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
    connection.execute("SET client_min_messages = debug1")
    connection.execute(statement)
    connection.execute("RESET client_min_messages")
    return any(each.startswith(("rewriting table", "verifying table")) for each in told)


@pytest.mark.parametrize(("old", "new"), TYPES, ids=[f"{old!r} to {new!r}" for old, new in TYPES])
def test_a_change_of_type(connection: Any, old: Any, new: Any) -> None:
    dialect = pg.dialect()
    before, after = old.compile(dialect=dialect), new.compile(dialect=dialect)
    connection.execute("DROP TABLE IF EXISTS kept")
    connection.execute(f"CREATE TABLE kept (a {before}); INSERT INTO kept VALUES (NULL)")
    costs = written(
        connection, f"ALTER TABLE kept ALTER a TYPE {after} USING a::{after}" if before != after else "SELECT 1"
    )
    change = ops.UpgradeOps([ops.AlterColumnOp("kept", "a", existing_type=old, modify_type=new)])
    found = [finding.code for finding in examine(change, dialect="postgresql")]
    assert ("change-type" in found) is costs


@pytest.mark.parametrize("default", DEFAULTS)
def test_a_new_column_with_a_default(connection: Any, default: str) -> None:
    connection.execute("DROP TABLE IF EXISTS kept")
    connection.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)")
    kind = connection.execute(f"SELECT pg_typeof({default})").fetchone()[0]
    kind = "text" if kind == "unknown" else kind
    costs = written(connection, f"ALTER TABLE kept ADD a {kind} DEFAULT {default}")
    change = ops.UpgradeOps([ops.AddColumnOp("kept", sa.Column("a", sa.Text, server_default=sa.text(default)))])
    found = [finding.code for finding in examine(change, dialect="postgresql")]
    assert ("volatile-default" in found) is costs
