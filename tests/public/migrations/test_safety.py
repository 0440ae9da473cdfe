"""What a migration should not do to a live database: each finding, from an operation and from raw SQL, and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.operations import ops
from sqlalchemy.dialects import postgresql

from house.source import TOP
from wholestack.migrations import RULES, Finding, examine, mirror, phase_of, recorded

Upgrade = Callable[[], object]


def found(upgrade: Upgrade, dialect: str = "postgresql", **options: Any) -> dict[str, Finding]:
    """The findings of a migration's `upgrade`, by code."""
    return {finding.code: finding for finding in examine(recorded(upgrade, dialect), dialect=dialect, **options)}


def outside(*steps: Upgrade) -> Upgrade:
    """These steps outside of the transaction."""

    def upgrade() -> None:
        with op.get_context().autocommit_block():
            for step in steps:
                step()

    return upgrade


def both(*steps: Upgrade) -> Upgrade:
    return lambda: [step() for step in steps]


def column(name: str = "words", kind: Any = sa.BigInteger, **options: Any) -> Upgrade:
    return lambda: op.add_column("note", sa.Column(name, kind, **options))


def altered(name: str = "title", **options: Any) -> Upgrade:
    return lambda: op.alter_column("note", name, **options)


def sql(*statements: str) -> Upgrade:
    return lambda: [op.execute(statement) for statement in statements]


def created(*columns: sa.Column[Any]) -> Upgrade:
    return lambda: op.create_table("fresh", *(columns or (sa.Column("id", sa.BigInteger, primary_key=True),)))


volatile = sa.text("gen_random_uuid()")
BLOCKED: list[tuple[str, Upgrade]] = [
    ("drop-column", lambda: op.drop_column("note", "title")),
    ("drop-column", sql("ALTER TABLE note DROP COLUMN title")),
    ("drop-column", sql('alter table only public."note" drop if exists "title" cascade')),
    ("drop-table", lambda: op.drop_table("note")),
    ("drop-table", sql("DROP TABLE IF EXISTS a, note CASCADE")),
    ("drop-view", sql("DROP VIEW note_view")),
    ("rename-column", altered(new_column_name="headline")),
    ("rename-column", sql("ALTER TABLE note RENAME COLUMN title TO headline")),
    ("rename-column", sql("ALTER TABLE note RENAME title TO headline")),
    ("rename-table", lambda: op.rename_table("note", "entry")),
    ("rename-table", sql("ALTER TABLE note RENAME TO entry")),
    ("rename-constraint", sql("ALTER TABLE note RENAME CONSTRAINT a TO b")),
    ("change-type", altered(existing_type=sa.Integer(), type_=sa.BigInteger())),
    ("change-type", altered(existing_type=sa.Text(), type_=sa.String(50))),
    ("change-type", sql("ALTER TABLE note ALTER COLUMN title TYPE bigint USING title::bigint")),
    ("change-type", sql("ALTER TABLE note ALTER title SET DATA TYPE bigint")),
    ("narrower-type", altered(existing_type=sa.String(100), type_=sa.String(50))),
    ("narrower-type", altered(existing_type=sa.BigInteger(), type_=sa.Integer())),
    ("add-not-null", column(nullable=False)),
    ("add-not-null", sql("ALTER TABLE note ADD COLUMN words bigint NOT NULL")),
    ("volatile-default", column("key", sa.Uuid, server_default=volatile)),
    ("volatile-default", sql("ALTER TABLE note ADD key uuid DEFAULT gen_random_uuid() NOT NULL")),
    ("volatile-default", sql("ALTER TABLE note ADD made timestamptz DEFAULT clock_timestamp()")),
    ("stored-generated", lambda: op.add_column("note", sa.Column("n", sa.Integer, sa.Computed("1", persisted=True)))),
    ("stored-generated", sql("ALTER TABLE note ADD n int GENERATED ALWAYS AS (length(title)) STORED")),
    ("numbered-column", lambda: op.add_column("note", sa.Column("n", sa.Integer, sa.Identity()))),
    ("numbered-column", sql("ALTER TABLE note ADD n bigserial")),
    ("set-not-null", altered(nullable=False)),
    ("set-not-null", sql("ALTER TABLE note ALTER COLUMN title SET NOT NULL")),
    ("foreign-key-validates", lambda: op.create_foreign_key("fk", "note", "user", ["user_id"], ["id"])),
    ("foreign-key-validates", lambda: op.add_column("note", sa.Column("u", sa.BigInteger, sa.ForeignKey("user.id")))),
    ("foreign-key-validates", sql('ALTER TABLE note ADD CONSTRAINT fk FOREIGN KEY (u) REFERENCES "user" (id)')),
    ("check-validates", lambda: op.create_check_constraint("ck", "note", "length(title) > 1")),
    ("check-validates", sql("ALTER TABLE note ADD CHECK (length(title) > 1)")),
    ("unique-constraint", lambda: op.create_unique_constraint("uq", "note", ["title"])),
    ("unique-constraint", sql("ALTER TABLE note ADD CONSTRAINT uq UNIQUE (title)")),
    ("exclusion-constraint", lambda: op.create_exclude_constraint("ex", "note", (sa.column("a"), "="))),
    ("exclusion-constraint", sql("ALTER TABLE note ADD CONSTRAINT ex EXCLUDE USING gist (a WITH &&)")),
    ("primary-key", lambda: op.create_primary_key("pk", "note", ["title"])),
    ("primary-key", lambda: op.drop_constraint("pk_note", "note", type_="primary")),
    ("primary-key", sql("ALTER TABLE note ADD PRIMARY KEY USING INDEX ix")),
    ("index-not-concurrent", lambda: op.create_index("ix", "note", ["title"])),
    ("index-not-concurrent", sql("CREATE INDEX ON note (lower(title))")),
    ("drop-index-not-concurrent", lambda: op.drop_index("ix", "note")),
    ("drop-index-not-concurrent", sql("DROP INDEX IF EXISTS ix")),
    ("reindex", sql("REINDEX TABLE note")),
    ("detach-partition", sql("ALTER TABLE note DETACH PARTITION note_2025")),
    ("concurrently-in-transaction", lambda: op.create_index("ix", "note", ["title"], postgresql_concurrently=True)),
    ("concurrently-in-transaction", sql("DROP INDEX CONCURRENTLY ix")),
    ("concurrently-in-transaction", sql("REINDEX INDEX CONCURRENTLY ix")),
    ("no-lock-timeout", sql("SET LOCAL lock_timeout = 0")),
    ("no-lock-timeout", sql("SET lock_timeout TO DEFAULT")),
    ("no-statement-timeout", sql("SET statement_timeout = '0'")),
    ("data-with-ddl", both(column(), sql("UPDATE note SET words = 1 WHERE id = 7"))),
    ("data-with-ddl", both(column(), lambda: op.bulk_insert(sa.table("tag", sa.column("id")), [{"id": 1}]))),
    ("unbatched-update", sql("UPDATE note SET words = length(title)")),
    ("unbatched-update", sql("UPDATE note SET words = 1 WHERE words IS NULL")),
    ("unbatched-update", sql("DELETE FROM note WHERE id = 1 OR true")),
    ("unbatched-update", sql("WITH old AS (SELECT 1) UPDATE note SET words = 1")),
    ("unbatched-update", lambda: op.execute(sa.table("note", sa.column("words")).update().values(words=1))),
    ("unbatched-update", lambda: op.get_bind().execute(sa.text("UPDATE note SET words = 1"))),
    ("several-tables-locked", both(column(), lambda: op.add_column("user", sa.Column("a", sa.Text)))),
    ("enum-changed", sql("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'")),
    ("enum-changed", altered(existing_type=sa.Enum("a", "b", name="mood"), type_=sa.Enum("a", name="mood"))),
    ("enum-used", both(sql("ALTER TYPE mood ADD VALUE 'calm'"), altered(server_default="calm"))),
    ("truncate-cascade", sql("TRUNCATE TABLE note CASCADE")),
    ("truncate", sql("TRUNCATE note")),
    ("vacuum-full", outside(sql("VACUUM FULL note"))),
    ("vacuum-full", outside(sql("VACUUM (FULL, ANALYZE) note"))),
    ("cluster", sql("CLUSTER note USING ix")),
    ("disable-trigger", sql("ALTER TABLE note DISABLE TRIGGER ALL")),
    ("rewrite-table", sql("ALTER TABLE note SET UNLOGGED")),
    ("lock-table", sql("LOCK TABLE note IN ACCESS EXCLUSIVE MODE")),
    ("refresh-view", sql("REFRESH MATERIALIZED VIEW totals")),
    ("raw-sql", sql("DO $$ BEGIN PERFORM 1; DROP TABLE x; END $$")),
    ("raw-sql", sql("SELECT setval('note_id_seq', 1)")),
    ("raw-sql", sql("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$")),
    ("raw-sql", sql("ALTER TABLE note REPLICA IDENTITY FULL")),
    ("opaque", lambda: [print(row) for row in op.get_bind().execute(sa.text("SELECT id FROM note"))]),
    ("opaque", lambda: op.get_bind().begin_nested()),
    ("opaque", lambda: 1 / 0),
    ("drop-default", altered(server_default=None)),
    ("drop-default", sql("ALTER TABLE note ALTER title DROP DEFAULT")),
    ("new-restriction", altered(nullable=False)),
    ("new-restriction", lambda: op.create_check_constraint("ck", "note", "n > 1", postgresql_not_valid=True)),
    ("validates-at-once", sql("ALTER TABLE note ADD CONSTRAINT c CHECK (a > 1) NOT VALID", "ALTER TABLE note VALIDATE CONSTRAINT c")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "upgrade"), BLOCKED, ids=[f"{code}-{n}" for n, (code, _) in enumerate(BLOCKED)])
def test_what_blocks(code: str, upgrade: Upgrade) -> None:
    findings = found(upgrade)
    assert code in findings, sorted(findings)
    finding = findings[code]
    assert finding.level == "block"
    assert finding.operation
    assert str(finding).startswith(f"{code}: ")
    assert finding.rewrite == RULES[code].rewrite


WARNED: list[tuple[str, Upgrade]] = [
    ("json-type", column("data", sa.JSON)),
    ("small-key", created(sa.Column("id", sa.Integer, primary_key=True))),
    ("char-limit", column("code", sa.String(5))),
    ("char-limit", sql("ALTER TABLE note ADD code char(5)")),
    ("naive-timestamp", column("at", sa.DateTime)),
    ("serial", sql("ALTER TABLE note ADD n serial")),
    (
        "foreign-key-without-index",
        created(sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("u", sa.ForeignKey("user.id"))),
    ),
    ("wide-index", lambda: op.create_index("ix", "note", ["a", "b", "c", "d"])),
    ("long-identifier", column("x" * 64)),
    ("long-identifier", lambda: op.create_index("ü" * 32, "note", ["a"])),
    ("not-repeatable", outside(lambda: op.create_index("ix", "note", ["a"], postgresql_concurrently=True))),
    ("drop-not-null", altered(nullable=True)),
    ("drop-unique", lambda: op.drop_constraint("uq", "note", type_="unique")),
]


@pytest.mark.parametrize(("code", "upgrade"), WARNED, ids=[f"{code}-{n}" for n, (code, _) in enumerate(WARNED)])
def test_what_is_worth_a_thought(code: str, upgrade: Upgrade) -> None:
    findings = found(upgrade)
    assert code in findings, sorted(findings)
    assert findings[code].level == "warn"


def rebuilt() -> None:
    with op.batch_alter_table("note") as batch:
        batch.alter_column("title", nullable=False)


def test_what_only_other_databases_mind() -> None:
    assert found(rebuilt, "sqlite")["batch-rebuild"].level == "warn"
    assert found(altered(existing_type=sa.Integer(), type_=sa.BigInteger()), "mariadb")["copies-table"].level == "warn"
    assert found(lambda: op.create_foreign_key("fk", "note", "user", ["u"], ["id"]), "mariadb")["copies-table"]
    assert not found(lambda: op.create_index("ix", "note", ["title"]), "mariadb")
    assert not found(lambda: op.create_index("ix", "note", ["title"]), "sqlite")


def test_old_code_is_in_the_way_on_each_database() -> None:
    for dialect in ("sqlite", "mariadb", "postgresql"):
        assert found(lambda: op.drop_column("note", "title"), dialect)["drop-column"].level == "block"
        assert found(column(nullable=False), dialect)["add-not-null"].level == "block"


QUIET: list[Upgrade] = [
    created(),
    both(created(), lambda: op.create_index("ix", "fresh", ["id"], unique=True)),
    both(created(), lambda: op.create_check_constraint("ck", "fresh", "id > 1"), sql("UPDATE fresh SET id = 1")),
    both(sql("CREATE TABLE fresh (id int, b int)"), sql("ALTER TABLE fresh DROP COLUMN b, ALTER id SET NOT NULL")),
    both(created(), lambda: op.bulk_insert(sa.table("fresh", sa.column("id")), [{"id": 1}])),
    both(created(), lambda: op.add_column("note", sa.Column("a", sa.Text))),
    column(),
    column(nullable=False, server_default="0"),
    column(nullable=False, server_default=sa.text("now()")),
    column(nullable=False, server_default=sa.false()),
    sql("ALTER TABLE note ADD COLUMN words bigint NOT NULL DEFAULT 0"),
    sql("ALTER TABLE note ADD COLUMN data jsonb DEFAULT '{}'::jsonb NOT NULL"),
    altered(existing_type=sa.String(50), type_=sa.String(100)),
    altered(existing_type=sa.String(50), type_=sa.Text()),
    altered(existing_type=sa.Numeric(8, 2), type_=sa.Numeric(10, 2)),
    altered(server_default="x"),
    altered(comment="What it is called"),
    both(column(), lambda: op.create_foreign_key("f", "note", "user", ["words"], ["id"], postgresql_not_valid=True)),
    both(column(), lambda: op.create_check_constraint("c", "note", "words > 1", postgresql_not_valid=True)),
    lambda: op.drop_constraint("ck", "note", type_="check"),
    sql("ALTER TABLE note VALIDATE CONSTRAINT ck"),
    sql("ALTER TABLE note ADD CONSTRAINT uq UNIQUE USING INDEX uq"),
    sql("COMMENT ON TABLE note IS 'x'; ANALYZE note; GRANT SELECT ON note TO a"),
    outside(sql("ALTER TABLE note DETACH PARTITION p CONCURRENTLY", "REINDEX TABLE CONCURRENTLY note")),
    outside(
        lambda: op.create_index("ix", "note", ["title"], postgresql_concurrently=True, if_not_exists=True),
        lambda: op.drop_index("iy", "note", postgresql_concurrently=True, if_exists=True),
    ),
    sql("DELETE FROM note WHERE id = 7", "UPDATE note SET a = 'UPDATE x SET y' WHERE id IN (1, 2)"),
    sql("SET LOCAL lock_timeout = '5s'"),
    sql("-- DROP TABLE note;\n/* TRUNCATE note; */ COMMENT ON TABLE note IS 'DROP TABLE note;'"),
    both(lambda: op.rename_table("note", "entry"), sql("CREATE VIEW note AS SELECT * FROM entry")),
    lambda: mirror(op, "note", forward={"a": "b"}, backward={"b": "a"}),
    lambda: None,
]


@pytest.mark.parametrize("upgrade", QUIET, ids=range(len(QUIET)))
def test_what_is_safe_is_left_alone(upgrade: Upgrade) -> None:
    assert [finding for finding in found(upgrade).values() if finding.level == "block"] == []


def test_a_validated_check_spares_the_reading() -> None:
    steps = [sql("ALTER TABLE note VALIDATE CONSTRAINT ck"), altered(existing_type=sa.Text(), nullable=False)]
    assert "set-not-null" not in found(both(outside(steps[0]), steps[1]))
    assert "set-not-null" in found(both(outside(sql("ALTER TABLE other VALIDATE CONSTRAINT ck")), steps[1]))


def test_in_the_contract_phase_old_code_is_gone() -> None:
    def upgrade() -> None:
        op.drop_column("note", "title")
        op.rename_table("note", "entry")

    findings = found(upgrade, phase="contract")
    assert findings["drop-column"].level == "warn"
    assert findings["rename-table"].level == "block", "the new code runs, and knows one name only"


def test_phases() -> None:
    phases = {
        "expand": [column(), created(), altered(server_default="x"), lambda: op.create_index("ix", "note", ["a"])],
        "data": [sql("UPDATE note SET a = 1"), lambda: op.bulk_insert(sa.table("t", sa.column("a")), [{"a": 1}])],
        "contract": [
            lambda: op.drop_column("note", "a"),
            altered(nullable=False),
            altered(server_default=None),
            lambda: op.create_unique_constraint("uq", "note", ["title"]),
            lambda: op.create_index("ix", "note", ["a"], unique=True),
            altered(existing_type=sa.Text(), type_=sa.String(9)),
            both(column(), sql("UPDATE note SET words = 1"), lambda: op.drop_table("note")),
        ],
    }
    for phase, upgrades in phases.items():
        for upgrade in upgrades:
            assert phase_of(recorded(upgrade, "postgresql")) == phase


def test_the_phase_of_one_operation() -> None:
    assert phase_of(ops.AddColumnOp("note", sa.Column("a", sa.Text))) == "expand"
    assert phase_of(ops.DropTableOp("note")) == "contract"
    new = ops.UpgradeOps([
        ops.AddColumnOp("note", sa.Column("a", sa.Text)),
        ops.CreateUniqueConstraintOp("uq", "note", ["a"]),
    ])  # fmt: skip
    assert phase_of(new) == "expand", "nobody writes a column that comes with the rule"


def test_a_migration_is_recorded_for_its_database() -> None:
    def upgrade() -> None:
        if op.get_context().dialect.name == "postgresql":
            op.execute("ALTER TABLE note VALIDATE CONSTRAINT ck")
        else:
            with op.batch_alter_table("note") as batch:
                batch.drop_column("a")

    assert "drop-column" in found(upgrade, "sqlite")
    assert found(upgrade, "postgresql") == {}


def test_every_code_is_found_somewhere() -> None:
    """That of a whole file stands in test_safety_files.py."""
    tested = {code for code, _ in BLOCKED + WARNED} | {"batch-rebuild", "copies-table"}
    assert set(RULES) - tested == {"irreversible"}


def test_the_guide_has_them_all() -> None:
    guide = (TOP / "docs" / "guides" / "online-migrations.md").read_text(encoding="utf-8")
    without = [
        code
        for code, rule in RULES.items()
        if f"| `{code}` | {rule.level} | {rule.message} | {rule.rewrite} |" not in guide
    ]
    assert without == []


def test_types_of_postgresql() -> None:
    kinds = [
        (postgresql.CIDR(), postgresql.INET(), True),
        (postgresql.TIMESTAMP(precision=3), postgresql.TIMESTAMP(precision=6), True),
        (sa.DateTime(), sa.DateTime(timezone=True), False),
        (sa.Numeric(10, 2), sa.Numeric(10, 3), False),
        (sa.Numeric(10, 2), sa.Numeric(), True),
        (sa.JSON(), postgresql.JSONB(), False),
        (sa.String(5), sa.String(), True),
        (sa.Text(), sa.String(), True),
    ]
    for old, new, free in kinds:
        assert ("change-type" not in found(altered(existing_type=old, type_=new))) is free, (old, new)
