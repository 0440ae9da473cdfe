"""A migration's file: what it says of itself, what it acknowledges, and the files that a change is split into."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import render_python_code
from alembic.operations import ops

from wholestack.migrations import (
    MigrationError,
    Part,
    backfill,
    due,
    end_mirror,
    examine,
    examined,
    mirror,
    phase_of,
    phase_of_file,
    reasons,
    recorded,
    rewritten,
    split,
)


def file(upgrade: Callable[[], object], downgrade: Callable[[], object] | None = None, **names: Any) -> Any:
    """A migration's file as a module."""
    return types.SimpleNamespace(upgrade=upgrade, downgrade=downgrade or (lambda: None), **names)


def drop() -> None:
    op.drop_column("note", "title")


def put_back() -> None:
    op.add_column("note", sa.Column("title", sa.Text))


def codes(module: Any, dialect: str = "postgresql") -> list[str]:
    return [finding.code for finding in examined(module, dialect) if finding.level == "block"]


def test_what_is_acknowledged_with_a_reason() -> None:
    assert codes(file(drop, put_back)) == ["drop-column"]
    assert codes(file(drop, put_back, acknowledged={"drop-column": "Nobody has used it since May."})) == []
    for empty in ({"drop-column": "  "}, {"drop-column": None}, {"drop-table": "Another one."}, ["drop-column"], None):
        assert codes(file(drop, put_back, acknowledged=empty)) == ["drop-column"]


def test_reasons() -> None:
    assert reasons(file(drop, acknowledged={"raw-sql": "A sequence.", "truncate": ""})) == {"raw-sql": "A sequence."}


def test_what_nothing_takes_back() -> None:
    assert codes(file(put_back)) == ["irreversible"]
    assert codes(file(put_back, drop)) == []

    def refuses() -> None:
        raise NotImplementedError

    assert codes(file(put_back, refuses)) == ["irreversible"]
    module = file(put_back, drop)
    del module.downgrade
    assert codes(module) == ["irreversible"]
    assert codes(file(lambda: backfill(op, "note", set={"a": "1"}))) == [], "rows need not be put back"
    assert codes(file(lambda: op.execute("ALTER TABLE note VALIDATE CONSTRAINT ck"))) == []


def test_the_phase_of_a_file() -> None:
    assert phase_of_file(file(drop), "postgresql") == "contract", "its operations tell"
    assert phase_of_file(file(drop, phase="expand"), "postgresql") == "expand", "it says so itself"
    with pytest.raises(ValueError, match="'later' is none"):
        phase_of_file(file(drop, phase="later"), "postgresql")
    assert codes(file(drop, put_back, phase="contract")) == []


def test_which_are_due() -> None:
    pending: Any = [("a", "expand"), ("b", "data"), ("c", "contract"), ("d", "expand"), ("e", "contract")]
    assert due(pending, None) == ["a", "b", "c", "d", "e"]
    assert due(pending, "expand") == ["a", "b"]
    assert due(pending[2:], "contract") == ["c"]
    assert due(pending[:2], "contract") == []
    assert due([], "expand") == []
    with pytest.raises(MigrationError, match="Run first: wholestack db migrate --phase expand"):
        due(pending, "contract")
    with pytest.raises(MigrationError, match="runs any more: wholestack db migrate --phase contract"):
        due(pending[2:], "expand")


# -- the files of a change ---------------------------------------------------------------------------------------


def code(part: Part, *, down: bool = False) -> str:
    return render_python_code(part.downgrade if down else part.upgrade, render_as_batch=True)


def function(text: str) -> Callable[[], None]:
    names: dict[str, Any] = {}
    head = "from alembic import op\nimport sqlalchemy as sa\nfrom wholestack.migrations import *\n"
    exec(f"{head}def function():\n    {text.lstrip()}\n", names)
    found: Callable[[], None] = names["function"]
    return found


def added(name: str, table: str = "note", **options: Any) -> ops.AddColumnOp:
    return ops.AddColumnOp(table, sa.Column(name, sa.Text, **options))


def altered(name: str, **options: Any) -> ops.AlterColumnOp:
    return ops.AlterColumnOp("note", name, existing_type=sa.Text(), **options)


WHOLE: list[ops.MigrateOperation] = [
    ops.RenameTableOp("tag", "label"),
    ops.CreateTableOp("fresh", [sa.Column("id", sa.BigInteger, primary_key=True)]),
    ops.CreateIndexOp("ix_fresh", "fresh", ["id"]),
    ops.ModifyTableOps(
        "note",
        [
            added("state", nullable=False, default="new"),
            added("key", nullable=False, server_default=sa.text("gen_random_uuid()")),
            added("fresh_id"),
            ops.CreateForeignKeyOp("fk_note_fresh", "note", "fresh", ["fresh_id"], ["id"]),
            ops.CreateIndexOp("ix_note_fresh_id", "note", ["fresh_id"]),
            ops.CreateUniqueConstraintOp("uq_note_title", "note", ["title"]),
            ops.CreateCheckConstraintOp("ck_note_title", "note", "length(title) > 1"),
            altered("body", existing_nullable=True, modify_nullable=False),
            altered("body", existing_nullable=True, modify_server_default="x"),
            ops.DropIndexOp("ix_old", "note", _reverse=ops.CreateIndexOp("ix_old", "note", ["old"])),
            ops.DropColumnOp("note", "old", _reverse=added("old")),
        ],
    ),
    ops.ModifyTableOps("user", [added("x", "user"), ops.AlterColumnOp("user", "name", modify_name="full_name")]),
]


def whole() -> ops.UpgradeOps:
    import copy

    return ops.UpgradeOps(copy.deepcopy(WHOLE))


def test_a_change_is_split_by_phase_and_by_table() -> None:
    parts = split(whole(), "sqlite")
    phases = [part.phase for part in parts]
    assert phases == sorted(phases, key=["expand", "data", "contract"].index) or phases.count("data") == 1
    assert phases.index("contract") > max(n for n, phase in enumerate(phases) if phase != "contract")
    for part in parts:
        upgrade = function(code(part))
        found = examine(recorded(upgrade, "postgresql"), dialect="postgresql", phase=part.phase)
        assert [finding.code for finding in found if finding.level == "block"] == [], code(part)
        assert phase_of(recorded(upgrade, "postgresql")) in {part.phase, "expand"}
        taken_back = examined(file(upgrade, function(code(part, down=True)), phase=part.phase), "postgresql")
        assert "irreversible" not in [finding.code for finding in taken_back]


def test_what_is_plain_stays_one_file() -> None:
    (part,) = split(ops.UpgradeOps([WHOLE[1], WHOLE[2]]), "sqlite")
    assert part.phase == "expand"
    assert [type(each).__name__ for each in part.upgrade.ops] == ["CreateTableOp", "CreateIndexOp"]
    (part,) = split(ops.UpgradeOps([added("a"), added("b")]), "sqlite")
    assert [each.column.name for each in part.upgrade.ops] == ["a", "b"]  # type: ignore[attr-defined]
    assert split(ops.UpgradeOps([]), "sqlite") == []


def test_what_runs_outside_comes_first_in_a_file() -> None:
    """So that the transaction at the end holds the record that the file was run."""
    for part in split(whole(), "sqlite"):
        text = code(part)
        block = text.rfind("autocommit_block")
        before = text[: text.find("autocommit_block")] if block >= 0 else ""
        assert "batch_op." not in before and "add_column" not in before, text


def test_other_databases_get_the_change_as_it_was() -> None:
    seen = [
        type(step).__name__
        for part in split(whole(), "sqlite")
        for step in flat(recorded(function(code(part)), "sqlite"))
    ]
    asked = [type(step).__name__ for step in flat(whole())]
    # A default that is filled in for old code is taken away when that code runs no more: one step more.
    assert sorted(seen) == sorted([*asked, "AlterColumnOp"])


def flat(container: Any) -> list[Any]:
    return [
        each
        for one in container.ops
        for each in (flat(one) if isinstance(one, ops.OpContainer) else [one])
        if not isinstance(each, ops.ExecuteSQLOp)
    ]


def test_the_safe_form_in_one_piece() -> None:
    change = ops.UpgradeOps([ops.CreateIndexOp("ix", "note", ["a"]), ops.CreateUniqueConstraintOp("uq", "note", ["b"])])
    text = render_python_code(rewritten(change, "postgresql"), render_as_batch=True)
    assert "postgresql_concurrently=True" in text
    assert "UNIQUE USING INDEX uq" in text
    assert text.count("autocommit_block") == 1


def test_what_has_no_safe_form_is_named() -> None:
    left = [
        (added("a", nullable=False), "add-not-null"),
        (altered("a", modify_type=sa.BigInteger()), "change-type"),
        (ops.CreatePrimaryKeyOp("pk", "note", ["a"]), "primary-key"),
        (ops.AddColumnOp("note", sa.Column("n", sa.Integer, sa.Identity())), "numbered-column"),
    ]
    for operation, expected in left:
        found = [
            finding.code
            for part in split(ops.UpgradeOps([operation]), "postgresql")
            for finding in examine(part.upgrade, dialect="postgresql", phase=part.phase)
        ]
        assert expected in found


def test_a_deferrable_unique_constraint_stays_one() -> None:
    unique = ops.CreateUniqueConstraintOp("uq", "note", ["a"], deferrable=True, initially="DEFERRED")
    text = "".join(code(part) for part in split(ops.UpgradeOps([unique]), "postgresql"))
    assert "UNIQUE USING INDEX uq DEFERRABLE INITIALLY DEFERRED" in text


def test_names_are_quoted() -> None:
    change = ops.UpgradeOps([
        ops.RenameTableOp("order", 'Odd "name"'),
        ops.CreateUniqueConstraintOp("uq", "user", ["group"], schema="select"),
    ])  # fmt: skip
    text = "".join(code(part) for part in split(change, "postgresql"))
    assert 'CREATE VIEW "order" AS SELECT * FROM "Odd ""name"""' in text
    assert 'ALTER TABLE "select"."user" ADD CONSTRAINT uq UNIQUE USING INDEX uq' in text


def test_our_operations_are_written_into_files() -> None:
    both = {"forward": {"full_name": "name"}, "backward": {"name": "full_name"}}

    def upgrade() -> None:
        mirror(op, "person", **both)
        backfill(op, "person", set={"full_name": "name"}, where="full_name IS NULL", schema="app")

    def later() -> None:
        end_mirror(op, "person", **both)

    text = render_python_code(recorded(upgrade, "postgresql"))
    assert f"mirror(op, 'person', forward={both['forward']!r}, backward={both['backward']!r})" in text
    again = recorded(function(text), "postgresql")
    assert render_python_code(again) == text
    assert "end_mirror(op, 'person'" in render_python_code(again.reverse())
    assert "end_mirror(op, 'person'" in render_python_code(recorded(later, "postgresql"))
