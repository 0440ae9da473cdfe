"""What `db check` and `db make` see of a change, and what they cannot write: said, and never passed over."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

import databases
from migrating import QUIET, Shop, write
from wholestack.db import Database, Exact, Mapped
from wholestack.migrations import (
    RULES,
    Answers,
    ChangeUnclear,
    MigrationError,
    check,
    differing,
    make,
    migrate,
    rollback,
)


def note(*parts: Any, key: Any = None, **columns: Any) -> Any:
    """A release whose only table has these columns and parts, each made anew."""

    def declare(base: Any) -> None:
        made = {name: each() for name, each in columns.items()}
        hints = {"id": Mapped[int], **dict.fromkeys(made, Mapped[Any])}
        first = {"id": mapped_column(*([key()] if key else []), primary_key=True)}
        body = {"__tablename__": "note", "__annotations__": hints, **first, **made}
        type("Note", (base,), {**body, "__table_args__": tuple(part() for part in parts)})

    return declare


def number(**more: Any) -> Any:
    return lambda: mapped_column(sa.Integer, **more)


def computed(words: str) -> Any:
    return lambda: mapped_column(sa.Integer, sa.Computed(words, persisted=True), nullable=True)


@pytest.fixture
def shop(kind: str, tmp_path: Path) -> Iterator[Shop]:
    with databases.fresh(kind, tmp_path) as url:
        found = Shop(url, tmp_path / "migrations")
        yield found
        found.close()


def test_a_column_that_is_computed_or_numbered_stays_as_it_is(shop: Shop) -> None:
    release = note(key=lambda: sa.Identity(always=True), a=number(), twice=computed("a * 2"), more=computed("a + 1"))
    shop.make(release)
    database = shop.release(release)
    assert check(database) == []
    assert make(database, "nothing").files == ()
    later = note(
        key=lambda: sa.Identity(always=True), a=number(), twice=computed("a * 2"), more=computed("a + 1"),
        b=number(server_default="5"), c=lambda: mapped_column(sa.String(10), nullable=True),
    )  # fmt: skip
    shop.make(later, plain=False)
    assert check(shop.release(later)) == []


def test_a_table_with_a_computed_column_can_be_changed(shop: Shop) -> None:
    shop.make(note(a=number(), twice=computed("a * 2"), b=number(nullable=True)))
    with shop.release(note()).session() as db:
        db.execute(sa.text("INSERT INTO note (id, a, b) VALUES (1, 4, 7)"))
    shop.make(note(a=number(), twice=computed("a * 2"), b=number()), Answers(fills={"note.b": "1"}))
    assert databases.rows(shop.url, "SELECT a, twice, b FROM note") == [(4, 8, 7)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (computed("a * 2"), computed("a * 3")),
        (number(nullable=True), computed("a * 2")),
        (computed("a * 2"), number(nullable=True)),
    ],
    ids=["other words", "computed from now on", "computed no more"],
)
def test_a_column_that_is_computed_in_another_way_is_said(shop: Shop, before: Any, after: Any) -> None:
    shop.make(note(a=number(), more=before))
    database = shop.release(note(a=number(), more=after))
    assert any("note.more is computed in another way" in each for each in check(database))
    with pytest.raises(ChangeUnclear, match=r"note\.more is computed in another way"):
        make(database, "other words")
    assert len(list(shop.folder.glob("0*.py"))) == 1


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_column_that_is_numbered_in_another_way_is_written(shop: Shop) -> None:
    first, second = (note(a=number(), n=lambda each=each: mapped_column(sa.Integer, each)) for each in (
        sa.Identity(start=1, increment=1), sa.Identity(start=1, increment=5)))  # fmt: skip
    shop.make(first)
    shop.make(second, plain=False)
    assert check(shop.release(second)) == []


def test_another_key_is_said(shop: Shop) -> None:
    shop.make(note(a=number()))
    database = shop.release(note(a=number(primary_key=True, autoincrement=False)))
    assert any("The key of note is id, and not id, a" in each for each in check(database))
    with pytest.raises(ChangeUnclear, match="The key of note is id, and not id, a"):
        make(database, "another key")


def test_a_key_with_another_name_is_the_same_key(shop: Shop) -> None:
    def declare(base: Any) -> None:
        class Note(base):
            __tablename__ = "note"
            number: Mapped[int] = mapped_column(primary_key=True)
            a: Mapped[int] = mapped_column(sa.Integer)

    shop.make(note(a=number()))
    shop.make(declare, Answers(renames={"note.id": "number"}))
    assert check(shop.release(declare)) == []


def partial(words: str, *columns: Any, **more: Any) -> Any:
    """An index on some rows; no words: on all."""
    where = {f"{kind}_where": sa.text(words) for kind in ("sqlite", "postgresql")} if words else {}
    return lambda: sa.Index("some", *(columns or ("a",)), **where, **more)


TWO = {"a": number(), "s": lambda: mapped_column(sa.String(20))}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (partial("a > 3"), partial("a > 4")),
        (partial("", unique=True), partial("a > 4", unique=True)),
        (partial("a > 4 AND s <> 'A'", unique=True), partial("", unique=True)),
        (partial("s <> 'A'"), partial("s <> 'a'")),
        (partial("a > 3"), partial("a > 3", "a", "s")),
        (partial("a > 3", sa.text("lower(s)")), partial("a > 4", sa.text("lower(s)"))),
    ],
    ids=["other condition", "from now on", "no more", "other letters", "columns", "of an expression"],
)
def test_an_index_on_other_rows_is_another_index(kind: str, shop: Shop, plain: bool, before: Any, after: Any) -> None:
    def condition() -> Any:
        catalogue = {
            "sqlite": "SELECT sql FROM sqlite_master WHERE name = 'some'",
            "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = 'some'",
        }
        return databases.rows(shop.url, catalogue[kind])

    first, second = note(before, **TWO), note(after, **TWO)
    shop.make(first)
    at_first = condition()
    assert check(shop.release(first)) == []
    assert check(shop.release(second)) != []
    made = shop.make(second, plain=plain)
    at_last = condition()
    assert at_last != at_first
    assert check(shop.release(second)) == []
    rollback(shop.release(first), count=len(made.files), how=QUIET)
    assert condition() == at_first
    migrate(shop.release(second), how=QUIET)
    assert condition() == at_last


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
def test_a_condition_stays_where_its_column_has_another_name(shop: Shop) -> None:
    shop.make(note(partial("a > 3"), **TWO))
    later = note(partial("b > 3", "b"), b=TWO["a"], s=TWO["s"])
    shop.make(later, Answers(renames={"note.a": "b"}))
    assert check(shop.release(later)) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
def test_words_that_are_a_column_are_no_change(shop: Shop) -> None:
    release = note(partial("", sa.text("a DESC")), **TWO)
    shop.make(note(partial("", sa.text("a")), **TWO))
    shop.make(release)
    assert check(shop.release(release)) == []


def money(kind: Any, **more: Any) -> Any:
    return note(m=lambda: mapped_column(kind, **more))


MONEY = Exact(18, 4)


def stored(url: str, kind: Any) -> list[Any]:
    """What a release with this type reads."""
    database = Database(url, migrations=None, pool=1, streams=1)
    table = sa.Table("note", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("m", kind))
    try:
        with database.session() as db:
            return [decimal.Decimal(str(each)) for each in db.scalars(sa.select(table.c.m).order_by(table.c.id))]
    finally:
        database.dispose()


def fill(url: str, kind: Any, values: list[Any]) -> None:
    database = Database(url, migrations=None, pool=1, streams=1)
    table = sa.Table("note", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("m", kind))
    try:
        with database.session() as db:
            db.execute(sa.insert(table), [{"id": number, "m": each} for number, each in enumerate(values, 1)])
    finally:
        database.dispose()


D = decimal.Decimal


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "safe"])
@pytest.mark.parametrize(
    ("before", "after", "values", "found"),
    [
        (MONEY, Exact(18, 2), [D("12.5"), D("-0.07"), D("0.125"), D("-0.125")], ["12.5", "-0.07", "0.13", "-0.13"]),
        (Exact(12, 2), MONEY, [D("12.5"), D("-0.07")], ["12.5", "-0.07"]),
        (sa.BigInteger(), MONEY, [12, -3], ["12", "-3"]),
        (sa.Integer(), MONEY, [12, -3], ["12", "-3"]),
        (MONEY, sa.BigInteger(), [D("12.5"), D("-12.5"), D("3")], ["13", "-13", "3"]),
        (MONEY, sa.Numeric(18, 4), [D("12.5"), D("-0.07"), D("3")], ["12.5", "-0.07", "3"]),
        (sa.Numeric(18, 4), MONEY, [D("12.5"), D("-0.07"), D("3")], ["12.5", "-0.07", "3"]),
        (sa.Numeric(18, 4), Exact(18, 2), [D("12.5"), D("-0.07"), D("3")], ["12.5", "-0.07", "3"]),
    ],
    ids=["narrower", "wider", "big", "int", "to big", "to numeric", "from numeric", "from another numeric"],
)
def test_an_exact_number_keeps_its_value(
    kind: str, shop: Shop, plain: bool, before: Any, after: Any, values: list[Any], found: list[str]
) -> None:
    shop.make(money(before))
    fill(shop.url, before, values)
    database = shop.release(money(after))
    files = make(database, "second", Answers(converts={"note.m"}), plain=plain).files
    for file in files:
        text = file.read_text()
        file.write_text(text.replace("\nphase =", f"\nacknowledged = {dict.fromkeys(RULES, 'x')}\nphase =", 1))
    migrate(database, how=QUIET)
    assert stored(shop.url, after) == [D(each) for each in found]
    assert check(database) == []
    assert files or kind != "sqlite"
    if files:
        rollback(shop.release(money(before)), count=len(files), how=QUIET)
        assert stored(shop.url, before) == [D(each) for each in found]


def test_an_exact_number_may_not_hold_each_that_is_there(kind: str, shop: Shop) -> None:
    shop.make(money(sa.BigInteger()))
    with pytest.raises(ChangeUnclear, match=r"--convert note\.m"):
        make(shop.release(money(MONEY)), "second")


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_number_that_is_too_large_stops_it(shop: Shop) -> None:
    shop.make(money(Exact(18, 2)))
    fill(shop.url, Exact(18, 2), [D(10) ** 15])
    with pytest.raises(MigrationError, match="overflow"):
        shop.make(money(MONEY), Answers(converts={"note.m"}))
    assert stored(shop.url, Exact(18, 2)) == [D(10) ** 15]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_file_of_sqlite_serves_postgresql(shop: Shop, tmp_path: Path) -> None:
    steps = [sa.BigInteger(), MONEY, Exact(18, 2), sa.Numeric(18, 2)]
    with databases.fresh("postgresql", tmp_path) as url:
        other = Shop(url, shop.folder)
        shop.make(money(steps[0]))
        migrate(other.release(money(steps[0])), how=QUIET)
        fill(url, steps[0], [12])
        for kind in steps[1:]:
            shop.make(money(kind), Answers(converts={"note.m"}))
            migrate(other.release(money(kind)), how=QUIET)
            assert check(other.release(money(kind))) == []
            assert stored(url, kind) == [12]
        with other.release(money(steps[-1])).session() as db:
            db.execute(sa.text("UPDATE note SET m = 12.75"))
        rollback(other.release(money(steps[-1])), to="0002", how=QUIET)
        assert stored(url, MONEY) == [D("12.75")]
        other.close()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_file_of_postgresql_serves_sqlite(shop: Shop, tmp_path: Path) -> None:
    other = Shop(f"sqlite:///{tmp_path}/other.db", shop.folder)
    shop.make(money(MONEY))
    migrate(other.release(money(MONEY)), how=QUIET)
    fill(other.url, MONEY, [D("12.5")])
    shop.make(money(Exact(18, 2)), Answers(converts={"note.m"}))
    migrate(other.release(money(Exact(18, 2))), how=QUIET)
    assert stored(other.url, Exact(18, 2)) == [D("12.5")]
    assert check(other.release(money(Exact(18, 2)))) == []
    other.close()


BY_HAND = 'op.execute("CREATE TABLE note (id BIGINT NOT NULL, m BIGINT NOT NULL, CONSTRAINT pk_note PRIMARY KEY (id))")'


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_column_that_was_made_by_hand_may_be_exact_or_not(shop: Shop) -> None:
    write(shop.folder, "0001_first", None, BY_HAND)
    migrate(shop.release(money(MONEY)), how=QUIET)
    assert not any("note.m" in each for each in check(shop.release(money(MONEY))))
    database = shop.release(money(sa.Numeric(18, 4)))
    assert any("note.m" in each for each in check(database))
    with pytest.raises(ChangeUnclear, match=r"note\.m .*--empty"):
        make(database, "second", Answers(converts={"note.m", "note.id"}))


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_text_that_becomes_an_exact_number_is_said(shop: Shop) -> None:
    shop.make(money(sa.String(30)))
    with pytest.raises(ChangeUnclear, match=r"note\.m .*--empty"):
        make(shop.release(money(MONEY)), "second", Answers(converts={"note.m"}))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
def test_an_exact_number_as_text(shop: Shop) -> None:
    values = [D("12.5"), D("-0.07"), D("3"), None, D("-12345678901234.5678")]
    before, after = (money(kind, nullable=True) for kind in (MONEY, sa.String(30)))
    shop.make(before)
    fill(shop.url, MONEY, values)
    shop.make(after, Answers(converts={"note.m"}))
    found = databases.rows(shop.url, "SELECT m FROM note ORDER BY id")
    assert [each for (each,) in found] == ["12.5000", "-0.0700", "3.0000", None, "-12345678901234.5678"]
    rollback(shop.release(before), count=1, how=QUIET)
    assert databases.rows(shop.url, "SELECT count(*) FROM note") == [(5,)]
    with shop.release(before).session() as db:
        db.execute(sa.text("DELETE FROM note WHERE m IS NULL"))
    assert stored(shop.url, MONEY) == [each for each in values if each is not None]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_an_exact_number_under_another_name_is_still_known(shop: Shop) -> None:
    shop.make(money(MONEY))
    fill(shop.url, MONEY, [D("12.5")])
    later = note(price=lambda: mapped_column(Exact(18, 2)))
    shop.make(later, Answers(renames={"note.m": "price"}, converts={"note.price"}))
    assert databases.rows(shop.url, "SELECT price FROM note") == [(1250,)]
    assert check(shop.release(later)) == []
    shop.make(note(price=lambda: mapped_column(MONEY)), Answers(converts={"note.price"}))
    assert databases.rows(shop.url, "SELECT price FROM note") == [(125000,)]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_whole_numbers_become_what_else_they_like(shop: Shop) -> None:
    shop.make(money(sa.BigInteger()))
    fill(shop.url, sa.BigInteger(), [12])
    shop.make(money(sa.Double()), Answers(converts={"note.m"}))
    assert stored(shop.url, sa.Double()) == [12]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_database_that_is_behind_is_what_its_own_migrations_say(shop: Shop) -> None:
    shop.make(money(MONEY))
    shop.make(money(Exact(18, 2)), Answers(converts={"note.m"}))
    rollback(shop.release(money(MONEY)), how=QUIET)
    assert differing(shop.release(money(MONEY))) == []
    assert differing(shop.release(money(Exact(18, 2)))) != []
