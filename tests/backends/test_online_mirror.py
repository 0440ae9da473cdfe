"""A column split in two while old code writes the one form and new code the other: a trigger keeps them alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import databases
from backends.online import migrations
from wholestack.db import Database
from wholestack.migrations import migrate, rollback

Ask = Callable[[str], list[tuple[Any, ...]]]
FIRST = {
    "postgresql": ("split_part(name, ' ', 1)", "substr(name, length(split_part(name, ' ', 1)) + 2)"),
    "mariadb": ("substring_index(name, ' ', 1)", "substr(name, length(substring_index(name, ' ', 1)) + 2)"),
    "sqlite": ("substr(name, 1, instr(name || ' ', ' ') - 1)", "substr(name, instr(name || ' ', ' ') + 1)"),
}
JOINED = {"mariadb": "concat(first, ' ', last)"}
TABLE = """
op.create_table(
    "person", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(90)),
    sa.Column("visits", sa.Integer, server_default="0"),
)
op.bulk_insert(sa.table("person", sa.column("id"), sa.column("name")), [{"id": 1, "name": "Ada  King Lovelace"}])
"""


@pytest.fixture
def ask(kind: str, tmp_path: Path) -> Iterator[Ask]:
    """Runs a statement on a database whose `person` is kept in both forms; the rows of that person or those."""
    first, last = FIRST[kind]
    both = {"forward": {"first": first, "last": last}, "backward": {"name": JOINED.get(kind, "first || ' ' || last")}}
    words = ", ".join(f"{name}={value!r}" for name, value in both.items())
    with databases.fresh(kind, tmp_path) as url:
        folder = migrations(
            tmp_path / "migrations",
            a=TABLE,
            b=f"""
            op.add_column("person", sa.Column("first", sa.String(45)))
            op.add_column("person", sa.Column("last", sa.String(45)))
            mirror(op, "person", {words})
            ---
            end_mirror(op, "person", {words})
            op.drop_column("person", "last")
            op.drop_column("person", "first")
            """,
            c=f'backfill(op, "person", set={both["forward"]!r}, where="first IS NULL")',
            d=f'end_mirror(op, "person", {words})\n---\nmirror(op, "person", {words})',
        )
        database = Database(url, migrations=str(folder))
        migrate(database, to="b")

        def run(statement: str) -> list[tuple[Any, ...]]:
            if statement in {"c", "d"}:
                migrate(database, to=statement)
            elif statement == "back":
                rollback(database)
            else:
                with contextlib.closing(databases.connect(url)) as connection:
                    connection.cursor().execute(statement)
            return databases.rows(url, "SELECT id, name, first, last FROM person ORDER BY id")

        yield run
        database.dispose()


def test_old_code_writes_one_column(ask: Ask) -> None:
    ask("INSERT INTO person (id, name) VALUES (2, 'Grace Hopper')")
    assert ask("DELETE FROM person WHERE id = 1") == [(2, "Grace Hopper", "Grace", "Hopper")]
    assert ask("UPDATE person SET name = 'Grace Murray Hopper'") == [
        (2, "Grace Murray Hopper", "Grace", "Murray Hopper")
    ]


def test_new_code_writes_the_others(ask: Ask) -> None:
    ask("INSERT INTO person (id, first, last) VALUES (2, 'Mary Ann', 'Lee')")
    assert ask("DELETE FROM person WHERE id = 1") == [(2, "Mary Ann Lee", "Mary Ann", "Lee")]
    assert ask("UPDATE person SET last = 'Poe'") == [(2, "Mary Ann Poe", "Mary Ann", "Poe")]
    # What concerns neither form leaves both alone, though `name` alone would be split elsewhere.
    assert ask("UPDATE person SET visits = 7") == [(2, "Mary Ann Poe", "Mary Ann", "Poe")]


def test_rows_from_before_are_filled_and_keep_what_they_said(ask: Ask) -> None:
    assert ask("c") == [(1, "Ada  King Lovelace", "Ada", " King Lovelace")]


def test_a_row_from_before_is_filled_when_it_is_written(ask: Ask) -> None:
    assert ask("UPDATE person SET visits = 1") == [(1, "Ada  King Lovelace", "Ada", " King Lovelace")]


def test_several_rows_at_once(ask: Ask) -> None:
    ask("INSERT INTO person (id, name) VALUES (2, 'A B'), (3, 'C D')")
    found = ask("UPDATE person SET last = 'Z' WHERE id > 1")
    assert found[1:] == [(2, "A Z", "A", "Z"), (3, "C Z", "C", "Z")]


def test_it_ends(ask: Ask) -> None:
    ask("c")
    ask("d")
    assert ask("UPDATE person SET name = 'Nobody'") == [(1, "Nobody", "Ada", " King Lovelace")]
    ask("back")
    assert ask("UPDATE person SET name = 'Some Body'") == [(1, "Some Body", "Some", "Body")]
