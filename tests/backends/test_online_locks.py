"""The safe form of each change on a live PostgreSQL: no statement reads a table through under a lock that stops others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import ops

import databases
from backends.online import SCHEMA, STOPS_WRITES, Seen, asked, code_of, parts_of, watched

note = "note"


def column(name: str, kind: Any = sa.Text, **options: Any) -> ops.AddColumnOp:
    return ops.AddColumnOp(note, sa.Column(name, kind, **options))


def referring(columns: str) -> ops.CreateForeignKeyOp:
    return ops.CreateForeignKeyOp("fk_note_tag", note, "tag", [columns], ["id"])


def changed(name: str, kind: Any = sa.Text(), **options: Any) -> ops.AlterColumnOp:
    return ops.AlterColumnOp(note, name, existing_type=kind, **options)


def dropped_index() -> ops.DropIndexOp:
    return ops.DropIndexOp("ix_note_old", note, _reverse=ops.CreateIndexOp("ix_note_old", note, ["old"]))


CHANGES: dict[str, Any] = {
    "index": lambda: [ops.CreateIndexOp("ix_note_title", note, ["title"])],
    "index of an expression": lambda: [ops.CreateIndexOp("ix_note_gate", note, [sa.text("gate(title)")])],
    "unique index": lambda: [ops.CreateIndexOp("ux_note_title", note, ["title"], unique=True)],
    "unique constraint": lambda: [ops.CreateUniqueConstraintOp("uq_note_title", note, ["title"])],
    "check": lambda: [ops.CreateCheckConstraintOp("ck_note_title", note, "gate(length(title)) > 1")],
    "foreign key": lambda: [referring("tag_id")],
    "new column that refers": lambda: [column("tag2_id", sa.BigInteger), referring("tag2_id")],
    "set not null": lambda: [changed("title", existing_nullable=True, modify_nullable=False)],
    "not null with a default": lambda: [column("state", nullable=False, default="new")],
    "a server's default": lambda: [column("state", nullable=False, server_default="new")],
    "a default that differs": lambda: [
        column("key", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()"))
    ],
    "wider": lambda: [changed("body", sa.String(50), existing_nullable=True, modify_type=sa.String(80))],
    "drop column": lambda: [ops.DropColumnOp(note, "words", _reverse=column("words"))],
    "drop index": lambda: [dropped_index()],
    "drop default": lambda: [
        changed("body", sa.String(50), existing_nullable=True, existing_server_default="b", modify_server_default=None)
    ],
    "rename table": lambda: [ops.RenameTableOp(note, "entry")],
    "rename column": lambda: [changed("title", existing_nullable=True, modify_name="headline")],
}


LOOKED_AT = {
    "index": {"virtualxid"},
    "index of an expression": {"virtualxid", "advisory"},
    "unique index": {"virtualxid"},
    "unique constraint": {"virtualxid"},
    "drop index": {"virtualxid"},
    "check": {"advisory"},
    "foreign key": {"relation"},
}
"""What a statement that reads the table through waited for, while its locks were looked at and others wrote."""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with databases.fresh("postgresql", Path()) as address:
        yield address


@pytest.fixture
def url(database: str) -> str:
    return renewed(database)


def renewed(url: str) -> str:
    with asked(url) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute(SCHEMA)
    return url


@pytest.mark.parametrize("name", CHANGES)
def test_G3_the_safe_form_stops_nobody(url: str, name: str) -> None:
    before = schema(url)
    parts = parts_of(*CHANGES[name]())
    seen: list[Seen] = []
    for part in parts:
        table = "entry" if name == "rename table" and part is not parts[0] else note
        seen += watched(url, code_of(part.upgrade), table)
    assert [each for each in seen if each.stops_writes_while_reading] == []
    looked_at = {wait for each in seen for wait in each.waited if not each.held & STOPS_WRITES}
    assert LOOKED_AT.get(name, set()) <= looked_at, "it was not stopped in the middle"
    assert schema(url) != before
    for part in reversed(parts):
        watched(url, code_of(part.downgrade), "entry" if name == "rename table" else note)
    assert schema(url) == before


@pytest.mark.parametrize(
    "name",
    [
        *[
            "a default that differs",
            "index",
            "index of an expression",
            "unique index",
            "unique constraint",
            "check",
            "set not null",
            "foreign key",
        ]
    ],
)
def test_the_plain_form_would(url: str, name: str) -> None:
    """What is looked for is seen where it happens."""
    (operation,) = CHANGES[name]()
    seen = watched(url, code_of(ops.UpgradeOps([operation])))
    through = [each for each in seen if each.stops_writes_while_reading]
    if name == "foreign key":  # Its check is a query, which PostgreSQL does not tell of: it is in the lock.
        assert any("ShareRowExclusiveLock" in each.held and "NOT VALID" not in each.statement for each in seen)
    else:
        assert through, seen


@pytest.mark.parametrize(
    "name", ["unique constraint", "check", "set not null", "a default that differs", "foreign key"]
)
def test_the_safe_form_comes_to_the_same(url: str, name: str) -> None:
    for part in parts_of(*CHANGES[name]()):
        watched(url, code_of(part.upgrade))
    safe = schema(url)
    watched(renewed(url), code_of(ops.UpgradeOps(CHANGES[name]())))
    assert safe == schema(url)


def schema(url: str) -> list[tuple[Any, ...]]:
    """Columns, constraints and indexes of all tables, as PostgreSQL writes them."""
    return databases.rows(
        url,
        """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid)
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relkind IN ('r', 'v') AND c.relnamespace = 'public'::regnamespace
           AND c.relname <> 'wholestack_migration_backfill'
        UNION ALL
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated, NULL FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'wholestack_migration_backfill'
        UNION ALL
        SELECT tablename, indexname, indexdef, true, NULL FROM pg_indexes
         WHERE schemaname = 'public' AND tablename <> 'wholestack_migration_backfill'
        ORDER BY 1, 2, 3""",
    )
