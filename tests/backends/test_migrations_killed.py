"""A migration that is killed at any statement goes on to the same schema; two migrators never meet (rows G1, G2).

Really killed: a process of its own gets SIGKILL before or after its n-th statement, book-keeping included.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import databases
from migrating import Migrators, schema, write
from wholestack.migrations import RULES

# Five steps, and on PostgreSQL some of them outside of the transaction; with rows, so that one done twice is seen.
FIRST = """
    op.create_table(
        "note",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("text", sa.String(50), index=True),
        sa.Column("count", sa.Integer, nullable=False, server_default="0"),
    )
    op.execute("INSERT INTO note (text) VALUES ('one')")
"""
SECOND = """
    op.execute("UPDATE note SET count = count + 1")
    with op.batch_alter_table("note") as batch_op:
        batch_op.add_column(sa.Column("words", sa.Integer))
        batch_op.create_check_constraint("ck_note_count", "count >= 0")
    op.execute("UPDATE note SET count = count + 10")
    concurrently = {"postgresql_concurrently": True} if op.get_context().dialect.name == "postgresql" else {}
    with op.get_context().autocommit_block():
        op.execute("UPDATE note SET count = count + 100")
        op.create_index("ix_note_words", "note", ["words"], **concurrently)
        op.drop_index("ix_note_text", "note", **concurrently)
    op.create_table("tag", sa.Column("id", sa.Integer, primary_key=True))
    op.get_bind().execute(sa.table("tag", sa.column("id")).insert().values(id=7))
    op.execute("UPDATE note SET count = count + 1000")
"""
BACK = """
    op.drop_table("tag")
    op.create_index("ix_note_text", "note", ["text"])
    op.drop_index("ix_note_words", "note")
    with op.batch_alter_table("note") as batch_op:
        batch_op.drop_constraint("ck_note_count", type_="check")
        batch_op.drop_column("words")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("migrations")
    write(found, "0001_first", None, FIRST, 'op.drop_table("note")')
    write(found, "0002_second", "0001", SECOND, BACK, f"acknowledged = {dict.fromkeys(RULES, 'nobody is there')}")
    return found


@pytest.fixture(scope="module")
def migrators() -> Iterator[Migrators]:
    found = Migrators()
    yield found
    found.close()


@pytest.fixture
def new(kind: str, tmp_path: Path) -> Iterator[str]:
    with databases.fresh(kind, tmp_path) as url:
        yield url


def rows(url: str) -> list[tuple[object, ...]]:
    return [*databases.rows(url, "SELECT text, count FROM note"), *databases.rows(url, "SELECT id FROM tag")]


DONE = [("one", 1111), (7,)]


@pytest.fixture(scope="module")
def whole(
    kind: str, folder: Path, migrators: Migrators, tmp_path_factory: pytest.TempPathFactory
) -> tuple[object, int]:
    """The schema of a run that nobody disturbs, and how many statements it takes."""
    with databases.fresh(kind, tmp_path_factory.mktemp("whole")) as url:
        code, out = migrators.one(url, folder)
        assert code == 0, out
        assert rows(url) == DONE
        return schema(url), int(out.rpartition("statements ")[2])


def numbers(count: int, long: bool, *shares: float) -> list[int]:
    """Which statements: all, or those at some shares of the way."""
    return list(range(1, count + 1)) if long else [max(1, round(share * count)) for share in shares]


@pytest.mark.parametrize("when", ["before", "after"])
def test_G1_killed_at_each_statement_and_run_again(
    when: str, kind: str, folder: Path, whole: tuple[object, int], tmp_path: Path, long: bool, migrators: Migrators
) -> None:
    wanted, count = whole
    assert count > 20
    for number in numbers(count, long, *((0.3, 0.72) if when == "before" else (0.5, 0.93))):
        with databases.fresh(kind, tmp_path) as url:
            code, out = migrators.one(url, folder, "migrate", when, number)
            assert code in {-9, 0}, out  # There are fewer "after" than "before": a commit has none.
            code, out = migrators.one(url, folder)
            assert code == 0, (number, out)
            assert (schema(url), rows(url)) == (wanted, DONE), number
            assert databases.rows(url, "SELECT version_num FROM alembic_version") == [("0002",)]


def test_G1_killed_on_the_way_back(kind: str, folder: Path, new: str, long: bool, migrators: Migrators) -> None:
    assert migrators.one(new, folder)[0] == 0
    code, out = migrators.one(new, folder, "rollback")
    assert code == 0, out
    count, nothing = int(out.rpartition("statements ")[2]), schema(new)
    assert "note" not in nothing
    for number in numbers(count, long, 0.6):
        assert migrators.one(new, folder)[0] == 0
        assert migrators.one(new, folder, "rollback", "before", number)[0] == -9
        code, out = migrators.one(new, folder, "rollback")
        assert code == 0, (number, out)
        assert schema(new) == nothing, number


def test_G2_two_migrators_at_once(kind: str, folder: Path, tmp_path: Path, long: bool, migrators: Migrators) -> None:
    for _ in range(20 if long else 1):
        with databases.fresh(kind, tmp_path) as url:
            ended = migrators.run(url, folder, times=2)
            assert [code for code, _ in ended] == [0, 0], ended
            assert sum(out.count("Applied 0002") for _, out in ended) == 1, ended
            assert rows(url) == DONE
