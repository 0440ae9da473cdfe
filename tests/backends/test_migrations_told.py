"""What a migration's file says of a change: the words of the models as they are, names and values as each database has.

One file serves each kind of database, whichever it was made on.
"""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

import databases
from migrating import QUIET, Shop, schema
from wholestack.db import Database, Exact, Mapped, Moment
from wholestack.migrations import RULES, Answers, ChangeUnclear, check, make, migrate, rollback, sql


def note(*parts: Any, **columns: Any) -> Any:
    """A release whose only table has these columns and parts, each made anew."""

    def declare(base: Any) -> None:
        made = {name: each() for name, each in columns.items()}
        hints = {"id": Mapped[int], **dict.fromkeys(made, Mapped[Any])}
        body = {"__tablename__": "note", "__annotations__": hints, "id": mapped_column(primary_key=True), **made}
        type("Note", (base,), {**body, "__table_args__": tuple(part() for part in parts)})

    return declare


def column(kind: Any, **more: Any) -> Any:
    return lambda: mapped_column(kind, **more)


NUMBER = column(sa.Integer)


@pytest.fixture
def shop(kind: str, tmp_path: Path) -> Iterator[Shop]:
    with databases.fresh(kind, tmp_path) as url:
        found = Shop(url, tmp_path / "migrations")
        yield found
        found.close()


# -- percent signs -----------------------------------------------------------------------------------------------------


def percents(sign: str) -> Any:
    """A table whose words have a sign, in each place where words may stand."""
    return note(
        lambda: sa.CheckConstraint("n % 2 = 0", name="even"),
        lambda: sa.CheckConstraint(sa.text(f"s <> '{sign}'"), name="signed"),
        n=NUMBER,
        s=column(sa.String(20), server_default=sa.text(f"'x{sign}y'")),
        plain=column(sa.String(20), server_default=f"x{sign}y"),
        half=lambda: mapped_column(sa.Integer, sa.Computed("n % 2", persisted=True), nullable=True),
    )


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
def test_a_percent_sign_is_one(shop: Shop, plain: bool) -> None:
    made = shop.make(percents("%"), plain=plain)
    assert "%%" not in "".join(each.read_text() for each in made.files)
    database = shop.release(percents("%"))
    with database.session() as db:
        db.execute(sa.text("INSERT INTO note (id, n) VALUES (1, 4)"))
    assert databases.rows(shop.url, "SELECT s, plain, half FROM note") == [("x%y", "x%y", 0)]
    assert check(database) == []
    assert "%%" not in sql(database, start="base")
    at_first = schema(shop.url)
    later = shop.release(percents("%%"))
    assert len(check(later)) == 4  # Two defaults; a check that is there, and one that is not.
    shop.make(percents("%%"), plain=plain)
    assert check(later) == []
    rollback(later, to="0001", how=QUIET)
    assert schema(shop.url) == at_first


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
def test_a_percent_sign_in_an_index_is_one(shop: Shop, plain: bool) -> None:
    def indexed(rest: int) -> Any:
        words = f"n % 2 = {rest}"
        where: dict[str, Any] = {"sqlite_where": sa.text(words), "postgresql_where": sa.text(words)}
        return note(
            lambda: sa.Index("some", "n", **where), lambda: sa.Index("others", sa.text(f"(n % {rest + 2})")), n=NUMBER
        )

    made = shop.make(indexed(0), plain=plain)
    assert "%%" not in "".join(each.read_text() for each in made.files)
    assert check(shop.release(indexed(0))) == []
    later = shop.release(indexed(1))
    assert check(later) != []
    assert "%%" not in "".join(each.read_text() for each in shop.make(indexed(1), plain=plain).files)
    assert check(later) == []
    assert make(later, "nothing").files == ()


# -- values for rows that are there ------------------------------------------------------------------------------------


FIRST_DAY = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
SOME = uuid.UUID("587c1f68-0eff-4c14-8b46-0e51766f5622")


def filled(nullable: bool) -> Any:
    """A column that must have a value, or not: one whose name has to be quoted, one of each kind of value."""
    given: dict[str, tuple[Any, Any]] = {
        "order": (sa.Integer(), 7),
        "Mixed": (sa.String(20), "x%y"),
        "rows": (Exact(12, 2), decimal.Decimal("1.50")),
        "plain": (sa.Numeric(12, 2), decimal.Decimal("1.50")),
        "at": (Moment(), FIRST_DAY),
        "key": (sa.Uuid(), SOME),
        "done": (sa.Boolean(), True),
    }
    columns = {name: column(kind, default=value, nullable=nullable) for name, (kind, value) in given.items()}
    return note(n=NUMBER, **columns)


def rows_of(database: Database) -> list[Any]:
    table = database.models.metadata.tables["note"]
    with database.session() as db:
        return [tuple(each) for each in db.execute(sa.select(table).order_by(table.c.id))]


FULL = (1, 4, 7, "x%y", decimal.Decimal("1.50"), decimal.Decimal("1.50"), FIRST_DAY, SOME, True)


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
@pytest.mark.parametrize("made_on", ["sqlite", "postgresql", "mariadb"])
def test_rows_without_a_value_get_the_default(shop: Shop, tmp_path: Path, made_on: str, plain: bool) -> None:
    before, after = filled(True), filled(False)
    (tmp_path / "made").mkdir()
    with databases.fresh(made_on, tmp_path / "made") as url:
        other = Shop(url, shop.folder)
        other.make(before)
        migrate(shop.release(before), how=QUIET)
        with shop.release(before).session() as db:
            db.execute(sa.text("INSERT INTO note (id, n) VALUES (1, 4)"))
        assert make(other.release(after), "second", plain=plain).files
        other.close()
    database = shop.release(after)
    migrate(database, how=QUIET)
    assert rows_of(database) == [FULL]
    assert check(database) == []


def test_a_default_that_has_no_words_is_said(shop: Shop) -> None:
    def span(nullable: bool) -> Any:
        return note(n=NUMBER, span=column(sa.Interval(), default=datetime.timedelta(days=1), nullable=nullable))

    shop.make(span(True))
    with pytest.raises(ChangeUnclear, match=r"note\.span must have a value .*--empty"):
        make(shop.release(span(False)), "second")
    assert len(list(shop.folder.glob("0*.py"))) == 1


# -- names -------------------------------------------------------------------------------------------------------------


def there_and_back(shop: Shop, before: Any, after: Any, answers: Answers, plain: bool) -> str:
    """From one release to the next, and back, and there again; the text of the files."""
    shop.make(before)
    at_first = schema(shop.url)
    new = shop.release(after)
    files = make(new, "second", answers, plain=plain).files
    text = "".join(each.read_text() for each in files)
    for file in files:
        words = file.read_text().replace("\nphase =", f"\nacknowledged = {dict.fromkeys(RULES, 'x')}\nphase =")
        file.write_text(words)
    migrate(new, how=QUIET)
    assert check(new) == []
    at_last = schema(shop.url)
    rollback(new, to="0001", how=QUIET)
    assert schema(shop.url) == at_first
    migrate(new, how=QUIET)
    assert schema(shop.url) == at_last
    return text


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
def test_an_index_on_an_expression_stays_where_its_column_has_another_name(shop: Shop, plain: bool) -> None:
    def indexed(name: str) -> Any:
        return note(
            lambda: sa.Index("some", sa.text(f"({name} + n)")),
            lambda: sa.Index("mixed", "n", sa.text(f"abs({name})"), name),
            n=NUMBER,
            **{name: NUMBER},
        )

    text = there_and_back(shop, indexed("old"), indexed("new"), Answers(renames={"note.old": "new"}), plain)
    assert "_index(" not in text
    assert "DROP INDEX" not in text


WORDS = column(sa.String(20))


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (NUMBER, WORDS),
        (column(sa.String(20), server_default="x"), column(sa.String(40), server_default="y")),
        (column(sa.Integer, server_default="1"), column(sa.Integer, server_default="2")),
        (column(sa.Integer, server_default="1"), NUMBER),
        (NUMBER, column(sa.Integer, server_default="1")),
    ],
    ids=["type", "type and default", "default", "no default any more", "default from now on"],
)
def test_a_column_that_gets_another_name_and_form_gets_both_back(
    shop: Shop, plain: bool, before: Any, after: Any
) -> None:
    answers = Answers(renames={"note.old": "new"}, converts={"note.new"})
    there_and_back(shop, note(n=NUMBER, old=before), note(n=NUMBER, new=after), answers, plain)


# -- a unique constraint by another name ---------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
@pytest.mark.parametrize("names", [("n",), ("n", "s")], ids=["one", "two"])
def test_a_unique_constraint_with_another_name_stays(shop: Shop, names: tuple[str, ...], plain: bool) -> None:
    """SQLite has one index for two that are of the same columns, and tells of one of them."""

    def unique(name: str) -> Any:
        return note(lambda: sa.UniqueConstraint(*names, name=name), n=NUMBER, s=column(sa.String(20)))

    def held() -> list[str]:
        found: list[str] = schema(shop.url)["note"]["unique"]
        return found

    shop.make(unique("first_name"))
    at_first = schema(shop.url)
    later = shop.release(unique("second_name"))
    made = shop.make(unique("second_name"), plain=plain)
    assert held() == [repr(("second_name", [*names]))]
    assert (check(later), make(later, "nothing").files) == ([], ())
    for _ in made.files:
        rollback(later, to="0001", how=QUIET)
    assert schema(shop.url) == at_first
    assert held() == [repr(("first_name", [*names]))]
    migrate(later, how=QUIET)
    assert held() == [repr(("second_name", [*names]))]


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
def test_a_unique_constraint_takes_the_name_of_another(shop: Shop, plain: bool) -> None:
    def unique(**of: str) -> Any:
        parts = [lambda name=name, each=each: sa.UniqueConstraint(each, name=name) for name, each in of.items()]
        return note(*parts, n=NUMBER, s=column(sa.String(20)))

    before, after = unique(first="n"), unique(first="s", second="n")
    shop.make(before)
    at_first = schema(shop.url)
    later = shop.release(after)
    made = shop.make(after, plain=plain)
    assert schema(shop.url)["note"]["unique"] == ["('first', ['s'])", "('second', ['n'])"]
    assert check(later) == []
    for _ in made.files:
        rollback(later, to="0001", how=QUIET)
    assert schema(shop.url) == at_first


# -- what SQLite's tables have, and SQLAlchemy does not read ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
def test_a_table_that_is_made_anew_keeps_how_it_compares_orders_and_counts(shop: Shop, plain: bool) -> None:
    def declare(kind: Any, *more: Any) -> Any:
        return note(
            lambda: sa.Index("newest", sa.column("n").desc()),
            lambda: sa.Index("names", sa.column("s").collate("BINARY"), sa.column("kind").desc()),
            lambda: sa.Index("plain", "n", "s", unique=True),
            *more,
            lambda: {"sqlite_autoincrement": True},
            n=NUMBER,
            s=column(sa.String(20, collation="NOCASE")),
            kind=column(sa.String(20), nullable=True),
            other=column(kind, nullable=True),
        )

    def held() -> dict[str, list[Any]]:
        words = databases.rows(shop.url, "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'note' AND sql <> ''")
        found = {
            name: [row[2:5] for row in databases.rows(shop.url, f"PRAGMA index_xinfo({name})")] for name, _ in words
        }
        return found | {"note": sorted(re.findall(r"COLLATE \W?\w+|AUTOINCREMENT", dict(words)["note"]))}

    shop.make(declare(sa.String(20)))
    with shop.release(declare(sa.String(20))).session() as db:
        db.execute(sa.text("INSERT INTO note (n, s) VALUES (1, 'Ann'), (2, 'Bob')"))
        db.execute(sa.text("DELETE FROM note WHERE n = 2"))
    at_first = held()
    assert at_first == {
        "note": ["AUTOINCREMENT", 'COLLATE "NOCASE'],
        "newest": [("n", 1, "BINARY"), (None, 0, "BINARY")],
        "names": [("s", 0, "BINARY"), ("kind", 1, "BINARY"), (None, 0, "BINARY")],
        "plain": [("n", 0, "BINARY"), ("s", 0, "NOCASE"), (None, 0, "BINARY")],
    }
    after = declare(sa.String(40), lambda: sa.Index("third", sa.column("other").desc()))
    later, made = shop.release(after), shop.make(after, plain=plain)
    assert held() == {**at_first, "third": [("other", 1, "BINARY"), (None, 0, "BINARY")]}
    with later.session() as db:
        db.execute(sa.text("INSERT INTO note (n, s) VALUES (3, 'Cid')"))
        assert db.execute(sa.text("SELECT id, s FROM note WHERE s = 'CID'")).all() == [(3, "Cid")], "2 was there once"
    assert check(later) == []
    for _ in made.files:
        rollback(later, to="0001", how=QUIET)
    assert held() == at_first
