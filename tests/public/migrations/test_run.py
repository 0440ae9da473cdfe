"""What `db migrate` and its like do: each migration whole or not at all, in order, and told."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from migrating import QUIET, Shop, schema, write
from wholestack.db import Database, History, Revision, applied
from wholestack.migrations import (
    RULES,
    How,
    MigrationChanged,
    MigrationError,
    MigrationsBusy,
    TablesWithoutHistory,
    UnknownRevision,
    UnsafeMigration,
    adopt,
    breaking,
    check,
    head_names,
    migrate,
    names_of,
    rollback,
    snapshot_of,
    sql,
    status,
    to_take_back,
)

ALL = f"acknowledged = {dict.fromkeys(RULES, 'tested')}"


@pytest.fixture
def database(shop: Shop) -> Database:
    return shop.release(lambda _: None)


def three(folder: Path, **more: str) -> None:
    write(
        folder,
        "0001_first",
        None,
        'op.create_table("a", sa.Column("id", sa.Integer))',
        'op.drop_table("a")',
        more.get("a", ""),
    )
    write(
        folder,
        "0002_second",
        "0001",
        'op.create_table("b", sa.Column("id", sa.Integer))',
        'op.drop_table("b")',
        more.get("b", ""),
    )
    write(
        folder,
        "0003_third",
        "0002",
        'op.create_table("c", sa.Column("id", sa.Integer))',
        'op.drop_table("c")',
        more.get("c", ""),
    )


def tables(shop: Shop) -> list[str]:
    return sorted(set(schema(shop.url)) - {"types"})


def test_all_or_up_to_one_and_back(shop: Shop, database: Database) -> None:
    three(shop.folder)
    said: list[str] = []
    assert migrate(database, to="0002", how=How(tell=said.append)) == ["0001_first", "0002_second"]
    assert [each.partition(" (")[0] for each in said] == ["Applied 0001_first", "Applied 0002_second"]
    assert tables(shop) == ["a", "b"]
    found = status(database)
    assert [[each.name for each in some] for some in (found.done, found.pending)] == [
        ["0001_first", "0002_second"],
        ["0003_third"],
    ]
    assert migrate(database, how=QUIET) == ["0003_third"]
    assert migrate(database, how=QUIET) == []
    assert rollback(database, how=QUIET) == ["0003_third"]
    assert rollback(database, to="0001_first", how=QUIET) == ["0002_second"]
    assert tables(shop) == ["a"]
    assert names_of(database, to_take_back(database, to="base")) == ["0001_first"]
    assert rollback(database, to="base", how=QUIET) == ["0001_first"]
    assert (tables(shop), rollback(database, how=QUIET), status(database).done) == ([], [], ())


def test_phases(shop: Shop, database: Database) -> None:
    three(shop.folder, b='phase = "data"', c='phase = "contract"')
    assert migrate(database, phase="expand", how=QUIET) == ["0001_first", "0002_second"]
    assert migrate(database, phase="expand", how=QUIET) == []
    assert migrate(database, phase="contract", how=QUIET) == ["0003_third"]


def test_a_migration_that_fails_leaves_nothing(shop: Shop, database: Database) -> None:
    upgrade = 'op.create_table("a", sa.Column("id", sa.Integer))\nop.execute("INSERT INTO a VALUES (1)")\nop.execute("nonsense")'
    write(shop.folder, "0001_first", None, upgrade)
    with pytest.raises(MigrationError, match=r'0001_first failed: near "nonsense": syntax error\n  in: nonsense\n'):
        migrate(database, how=QUIET)
    assert tables(shop) == []
    assert applied_in(database) == ()


def applied_in(database: Database) -> tuple[str, ...]:
    with database.engine.connect() as connection:
        return applied(connection)


def test_rows_that_would_refer_to_nothing_stop_it(shop: Shop, database: Database) -> None:
    upgrade = """
        op.create_table("a", sa.Column("id", sa.Integer, primary_key=True))
        op.create_table("b", sa.Column("a_id", sa.Integer, sa.ForeignKey("a.id")))
        op.execute("INSERT INTO b VALUES (1), (2)")
    """
    write(shop.folder, "0001_first", None, upgrade)
    with pytest.raises(MigrationError, match=r"Rows would refer to what is not there any more: 2 of b to a\. Nothing"):
        migrate(database, how=QUIET)
    assert tables(shop) == []


OUTSIDE = """
    with op.get_context().autocommit_block():
        op.create_table("a", sa.Column("id", sa.Integer))
        op.execute("INSERT INTO a VALUES (1)")
    op.execute("INSERT INTO a VALUES (2)")
    found = op.get_bind().execute(sa.text("UPDATE a SET id = id + 10")).rowcount
    op.execute(f"INSERT INTO {TABLE} VALUES ({found})")
"""


def test_what_was_done_outside_the_transaction_is_not_done_twice(shop: Shop, database: Database) -> None:
    write(shop.folder, "0001_first", None, OUTSIDE.replace("{TABLE}", "missing"))
    with pytest.raises(MigrationError, match="no such table: missing"):
        migrate(database, how=QUIET)
    assert rows(shop, "SELECT id FROM a") == [(1,)]
    assert status(database).interrupted == (("0001_first", "up", 2),)
    write(shop.folder, "0001_first", None, OUTSIDE.replace("{TABLE}", "a"))
    assert migrate(shop.release(lambda _: None), how=QUIET) == ["0001_first"]
    assert rows(shop, "SELECT id FROM a") == [(11,), (12,), (2,)]
    assert status(database).interrupted == ()


def test_a_file_that_changed_before_the_place_is_refused_until_told(shop: Shop, database: Database) -> None:
    write(shop.folder, "0001_first", None, OUTSIDE.replace("{TABLE}", "missing"))
    with pytest.raises(MigrationError):
        migrate(database, how=QUIET)
    write(shop.folder, "0001_first", None, OUTSIDE.replace("{TABLE}", "a").replace('"id"', '"number"'))
    with pytest.raises(MigrationChanged, match="its statement 1 is not the one that was run then"):
        migrate(shop.release(lambda _: None), how=QUIET)
    rows(shop, "DROP TABLE a")
    write(shop.folder, "0001_first", None, OUTSIDE.replace("{TABLE}", "a"))
    assert migrate(shop.release(lambda _: None), how=How(from_start=True, tell=QUIET.tell)) == ["0001_first"]
    assert rows(shop, "SELECT id FROM a") == [(11,), (12,), (2,)]


def rows(shop: Shop, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(shop.url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        return list(connection.execute(statement))
    finally:
        connection.close()


def test_statements_are_counted_whoever_sends_them(shop: Shop, database: Database) -> None:
    """A row that is inserted with its key asked back, rows inserted at once, a batch: each is left out the second time."""
    upgrade = """
        op.create_table("a", sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String))
        table = sa.table("a", sa.column("id", sa.Integer), sa.column("text"))
        with op.get_context().autocommit_block():
            with op.batch_alter_table("a") as batch_op:
                batch_op.add_column(sa.Column("more", sa.Integer, server_default=sa.text("(1 + 1)")))
            op.bulk_insert(table, [{"text": "one"}, {"text": "two"}])
            op.get_bind().execute(sa.insert(table).values(text="three").returning(table.c.id))
            op.get_bind().execute(sa.text("INSERT INTO a (text) VALUES (:text)"), [{"text": "four"}, {"text": "five"}])
            op.get_bind().execute(sa.text("SELECT 1"))
        op.execute("INSERT INTO a (text) VALUES ('END')")
    """
    write(shop.folder, "0001_first", None, upgrade.replace("END')", "END"))
    with pytest.raises(MigrationError):
        migrate(database, how=QUIET)
    write(shop.folder, "0001_first", None, upgrade)
    assert migrate(shop.release(lambda _: None), how=QUIET) == ["0001_first"]
    assert rows(shop, "SELECT text, more FROM a") == [
        (text, 2) for text in ("one", "two", "three", "four", "five", "END")
    ]


def test_what_would_break_what_is_in_use_is_not_applied(shop: Shop, database: Database) -> None:
    three(shop.folder)
    migrate(database, to="0002", how=QUIET)
    back = 'op.create_table("a", sa.Column("id", sa.Integer))'
    write(shop.folder, "0003_third", "0002", 'op.drop_table("a")', back)
    with pytest.raises(UnsafeMigration, match="0003_third: drop-table") as unsafe:
        migrate(shop.release(lambda _: None), how=QUIET)
    assert len(unsafe.value.findings) == 1
    assert any("0003_third is not safe" in each for each in check(shop.release(lambda _: None)))
    write(
        shop.folder, "0003_third", "0002", 'op.drop_table("a")', back, 'acknowledged = {"drop-table": "nobody uses it"}'
    )
    assert migrate(shop.release(lambda _: None), how=QUIET) == ["0003_third"]


def test_one_that_waits_for_another(shop: Shop, database: Database) -> None:
    three(shop.folder)
    other = os.open(shop.folder.parent, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(MigrationsBusy, match="Another process has worked on this database for 0 seconds"):
        migrate(database, how=How(wait=0, tell=QUIET.tell))
    said: list[str] = []
    timer = threading.Timer(0.3, lambda: os.close(other))
    timer.start()
    assert len(migrate(database, how=How(wait=30, tell=said.append))) == 3
    assert said[0] == "Another process migrates this database. Waiting for it, 30 seconds at most."
    timer.join()


def test_one_that_waits_for_a_writer(shop: Shop) -> None:
    three(shop.folder)
    database = Database(shop.url, migrations=str(shop.folder), patience=0.05)
    assert migrate(database, to="0001", how=QUIET) == ["0001_first"]
    writer = sqlite3.connect(shop.url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(MigrationsBusy):
        migrate(database, how=How(wait=0, tell=QUIET.tell))
    said: list[str] = []
    timer = threading.Timer(0.5, lambda: writer.execute("ROLLBACK"))
    timer.start()
    assert len(migrate(database, how=How(wait=30, tell=said.append))) == 2
    assert said[0] == "Another process writes to this database. Waiting for it, 30 seconds at most."
    timer.join()
    writer.close()
    database.dispose()


def test_a_newer_release_has_migrated_it(shop: Shop, database: Database) -> None:
    three(shop.folder)
    migrate(database, how=QUIET)
    (shop.folder / "0003_third.py").unlink()
    older = shop.release(lambda _: None)
    with pytest.raises(UnknownRevision, match="which no file knows: a newer release has migrated it"):
        migrate(older, how=QUIET)
    assert (status(older).unknown, status(older).pending) == (("0003",), ())
    assert "The database is at 0003, which no file knows." in check(older)


def test_names(shop: Shop, database: Database) -> None:
    three(shop.folder)
    with pytest.raises(UnknownRevision, match="No migration has the name '9'"):
        migrate(database, to="9", how=QUIET)
    with pytest.raises(UnknownRevision, match="Several migrations have the name '000'"):
        migrate(database, to="000", how=QUIET)
    migrate(database, to="0001_first", how=QUIET)
    with pytest.raises(UnknownRevision, match="0003_third has not been applied"):
        rollback(database, to="0003", how=QUIET)


def note(base: Any) -> None:
    type("Note", (base,), {"__tablename__": "note", "id": sa.Column(sa.Integer, primary_key=True)})


def test_tables_that_nobody_knows_the_history_of(shop: Shop) -> None:
    write(shop.folder, "0001_first", None, 'op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))')
    write(
        shop.folder,
        "0002_second",
        "0001",
        'op.create_table("more", sa.Column("id", sa.Integer))',
        'op.drop_table("more")',
    )
    database = shop.release(note)
    database.create_tables()
    with pytest.raises(TablesWithoutHistory, match="The database has the tables note, and no record"):
        migrate(database, how=QUIET)
    assert adopt(database, "0001", how=QUIET) == "0001_first"
    assert migrate(database, how=QUIET) == ["0002_second"]


def test_drift_is_found(shop: Shop) -> None:
    shop.make(note)
    database = shop.release(note)
    assert check(database) == []
    rows(shop, "ALTER TABLE note ADD COLUMN hand TEXT")
    assert check(database) == [
        (
            "The database is not what the models say: The column note.hand is not among the models. Run wholestack db make "
            "where the models have changed; else somebody has changed the database."
        )
    ]


def test_no_folder(shop: Shop, database: Database) -> None:
    assert check(database) == ['There is no migration yet: wholestack db make "first"']
    assert head_names(database) == []
    with pytest.raises(MigrationError, match="There is no folder"):
        migrate(database, how=QUIET)
    with pytest.raises(MigrationError, match="somebody else makes the tables"):
        migrate(Database(shop.url, migrations=None), how=QUIET)


def test_a_file_that_is_broken(shop: Shop, database: Database) -> None:
    write(shop.folder, "0001_first", "nowhere", "pass")
    with pytest.raises((MigrationError, Warning), match="nowhere"):
        migrate(database, how=QUIET)


def test_as_a_script(shop: Shop, database: Database) -> None:
    three(shop.folder)
    whole = sql(database)
    assert whole == sql(database, start="base")
    assert [f"CREATE TABLE {name}" in whole for name in "abc"] == [True] * 3
    assert whole.count("BEGIN;") == whole.count("COMMIT;") == 3
    connection = sqlite3.connect(shop.url.removeprefix("sqlite:///"), isolation_level=None)
    connection.executescript(whole)
    connection.close()
    assert (tables(shop), status(database).pending) == (["a", "b", "c"], ())
    assert "CREATE TABLE c" not in sql(database, start="base", to="0002")
    assert "CREATE TABLE b" not in sql(database, start="0002")


def test_as_a_script_for_a_server_that_is_away(shop: Shop) -> None:
    three(shop.folder)
    away = Database("postgresql://nobody@127.0.0.1:1/none", migrations=str(shop.folder))
    with pytest.raises(MigrationError, match="Say it: --from base"):
        sql(away)
    assert sql(away, start="base").startswith("SET lock_timeout = '2s';\n\nBEGIN;\n")


def test_what_a_release_before_cannot_live_with(shop: Shop, tmp_path: Path) -> None:
    from wholestack.migrations import Snapshot

    write(shop.folder, "0001_first", None, 'op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))')
    database = shop.release(note)
    migrate(database, how=QUIET)
    (tmp_path / "before.json").write_text(Snapshot.of(database.metadata, head_names(database)).text())
    write(shop.folder, "0002_second", "0001", 'op.drop_table("note")', more='phase = "expand"')
    previous = snapshot_of("before.json", [], tmp_path)
    assert [name for name, _ in breaking(shop.release(note), previous)] == ["0002_second"]
    write(shop.folder, "0002_second", "0001", 'op.drop_table("note")', more='phase = "contract"')
    assert breaking(shop.release(note), previous) == []


class TestHistory:
    """What whoever serves the app reads of the folder, without Alembic."""

    def test_read(self, shop: Shop) -> None:
        three(shop.folder, c='phase = "contract"\nsquashed = ("x", "y")')
        (shop.folder / "helper.py").write_text("revision = 1")
        (shop.folder / "broken.py").write_text("revision = ")
        history = History.read(shop.folder)
        assert [each.name for each in history.heads] == ["0003_third"]
        third = history.revisions["0003"]
        assert (third.parents, third.phase, third.squashed) == (("0002",), "contract", ("x", "y"))
        assert [each.id for each in history.pending(["0001"])] == ["0002", "0003"]
        assert [each.id for each in history.blocking(["0001"])] == ["0002"]
        assert history.blocking(["0002"]) == []
        assert history.pending(["of a newer release"]) == []
        assert [each.id for each in history.pending(["x"])] == ["0001", "0002", "0003"]

    def test_versions_as_alembic_has_them(self, tmp_path: Path) -> None:
        (tmp_path / "m" / "versions").mkdir(parents=True)
        write(tmp_path / "m" / "versions", "0001_first", None, "pass")
        assert list(History.read(tmp_path / "m").revisions) == ["0001"]

    def test_branches_and_merges(self) -> None:
        def each(name: str, *parents: str) -> Revision:
            return Revision(name, parents, Path(f"{name}.py"))

        history = History([each("d", "b", "c"), each("c", "a"), each("b", "a"), each("a")])
        assert [one.id for one in history.heads] == ["d"]
        assert [one.id for one in history.pending(["b"])] == ["c", "d"]
        assert [one.id for one in history.pending([])][::3] == ["a", "d"]

    def test_ten_thousand(self) -> None:
        many = [
            Revision(str(number), (str(number - 1),) if number else (), Path(f"{number}.py"))
            for number in range(10_000)
        ]
        assert len(History(many[::-1]).pending(["4999"])) == 5_000
