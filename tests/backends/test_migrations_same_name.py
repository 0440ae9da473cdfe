"""What changes under its own name, and what depends on what changes with it: there at the end, and back again."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

import databases
from migrating import QUIET, Shop, schema
from wholestack.db import Mapped
from wholestack.migrations import RULES, Answers, check, make, migrate, rollback

Part = Callable[[], Any]
Release = Callable[[Any], object]


class Mood(enum.Enum):
    x = "x"
    y = "y"


MOOD = sa.Enum(Mood, name="mood", native_enum=True)


def note(*parts: Part, **columns: Any) -> Release:
    """A release whose only table has these columns, each a type or what `mapped_column` takes, and these parts."""

    def declare(base: Any) -> None:
        given = {name: each if isinstance(each, tuple) else (each, {}) for name, each in columns.items()}
        made = {name: mapped_column(kind, **more) for name, (kind, more) in given.items()}
        hints = {"id": Mapped[int], **dict.fromkeys(made, Mapped[Any])}
        body = {"__tablename__": "note", "__annotations__": hints, "id": mapped_column(primary_key=True), **made}
        type("Note", (base,), {**body, "__table_args__": tuple(part() for part in parts)})

    return declare


def index(*columns: Any, **more: Any) -> Part:
    return lambda: sa.Index("same", *columns, **more)


def unique(*columns: str) -> Part:
    return lambda: sa.UniqueConstraint(*columns, name="same")


def rule(words: str) -> Part:
    return lambda: sa.CheckConstraint(words, name="same")


TWO: dict[str, Any] = {"a": sa.Integer, "s": sa.String(20)}
ONLY_ONCE = note(index("a", unique=True), **TWO)


@pytest.fixture
def shop(kind: str, tmp_path: Path) -> Iterator[Shop]:
    with databases.fresh(kind, tmp_path) as url:
        found = Shop(url, tmp_path / "migrations")
        yield found
        found.close()


def acknowledge(files: tuple[Path, ...]) -> None:
    """Let them be applied whatever the linter says: it is not what is tested here."""
    for file in files:
        file.write_text(file.read_text().replace("\nphase =", f"\nacknowledged = {dict.fromkeys(RULES, 'x')}\nphase ="))


def there_and_back(shop: Shop, before: Release, after: Release, answers: Answers | None = None) -> str:
    """From one release to the next in the safe form, and back, and there again; the text of the files."""
    shop.make(before)
    at_first = schema(shop.url)
    new = shop.release(after)
    files = make(new, "second", answers).files
    assert files
    if answers is not None:
        acknowledge(files)
    migrate(new, how=QUIET)
    assert check(new) == []
    at_last = schema(shop.url)
    rollback(new, to="0001", how=QUIET)
    assert schema(shop.url) == at_first
    migrate(new, how=QUIET)
    assert schema(shop.url) == at_last
    return "".join(each.read_text() for each in files)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (note(index("a"), **TWO), note(index("a", "s"), **TWO)),
        (note(index("a"), **TWO), note(index("a", unique=True), **TWO)),
        (note(index("a", "s"), **TWO), note(index("a", "b"), **TWO, b=(sa.Integer, {"nullable": True}))),
        (note(unique("a"), **TWO), note(unique("a", "s"), **TWO)),
        (note(unique("a"), **TWO), note(index("a", "s", unique=True), **TWO)),
        (ONLY_ONCE, note(unique("a"), **TWO)),
        (note(rule("a > 0"), **TWO), note(rule("a >= 0 AND a < 100"), **TWO)),
    ],
    ids=[
        "columns",
        "becomes unique",
        "new column",
        "constraint",
        "constraint to index",
        "index to constraint",
        "check",
    ],
)
def test_an_index_or_a_rule_that_changes_under_its_own_name(
    kind: str, shop: Shop, before: Release, after: Release
) -> None:
    if kind == "mariadb" and before is ONLY_ONCE:
        pytest.skip("MariaDB knows one of them")
    there_and_back(shop, before, after)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
def test_an_index_on_an_expression_that_changes_under_its_own_name(shop: Shop) -> None:
    there_and_back(shop, note(index(sa.text("lower(s)")), **TWO), note(index(sa.text("upper(s)"), unique=True), **TWO))


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_meanwhile_there_is_an_index(shop: Shop) -> None:
    text = there_and_back(shop, note(index("a"), **TWO), note(index("a", "s"), **TWO))
    upgrade = text[: text.index("def downgrade")]
    made, gone = (
        upgrade.index("op.f('same_changing'), 'note', ['a', 's']"),
        upgrade.index("op.drop_index(op.f('same'), "),
    )
    assert made < gone < upgrade.index("ALTER INDEX IF EXISTS same_changing RENAME TO same")


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"], indirect=True)
def test_rows_stay_beside_a_constraint_that_changes(shop: Shop) -> None:
    shop.make(note(unique("a"), **TWO))
    with shop.release(note(**TWO)).session() as db:
        db.execute(sa.text("INSERT INTO note (id, a, s) VALUES (1, 1, 'x')"))
    shop.make(note(unique("a", "s"), **TWO), plain=False)
    assert databases.rows(shop.url, "SELECT id, a, s FROM note") == [(1, 1, "x")]


NUMBER, WORDS = sa.Integer, sa.String(20)
INDEXED = note(index(sa.text("(a + 1)")), a=NUMBER)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (note(a=NUMBER), note(a=(WORDS, {"server_default": "x"}))),
        (note(a=(WORDS, {"server_default": "7"})), note(a=(NUMBER, {"server_default": "8"}))),
        (note(a=(WORDS, {"server_default": "7"})), note(a=(NUMBER, {"nullable": True}))),
        (note(a=NUMBER), note(a=(WORDS, {"nullable": True}))),
        (note(a=(NUMBER, {"nullable": True})), note(a=(WORDS, {"server_default": "7"}))),
        (note(rule("a > 0"), a=NUMBER), note(rule("a <> ''"), a=WORDS)),
        (INDEXED, note(index("a"), a=WORDS)),
        (note(a=WORDS), note(a=(MOOD, {"server_default": "x"}))),
        (note(a=(MOOD, {"server_default": "x"})), note(a=WORDS)),
    ],
    ids=["new default", "other default", "no default", "may be null", "must have a value", "check", "index",
         "to an enum", "from an enum"],
)  # fmt: skip
def test_what_depends_on_a_type_changes_with_it(kind: str, shop: Shop, before: Release, after: Release) -> None:
    if kind == "mariadb" and before is INDEXED:
        pytest.skip("MariaDB has no indexes on expressions")
    there_and_back(shop, before, after, Answers(converts={"note.a"}))


def test_a_type_goes_when_its_last_column_has_gone(shop: Shop) -> None:
    there_and_back(shop, note(a=MOOD, b=NUMBER), note(b=NUMBER), Answers(drops={"note.a"}))
