"""What `db make` writes: from the models alone, readable, the same for each database; what is unclear is asked."""

from __future__ import annotations

import datetime
import decimal
import enum
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from migrating import QUIET, Shop, schema
from wholestack.db import (
    Encrypted,
    ForeignKey,
    Index,
    Mapped,
    Moment,
    Timestamps,
    UniqueConstraint,
    mapped_column,
    relationship,
)
from wholestack.migrations import (
    Answers,
    ChangeUnclear,
    Question,
    SeveralHeads,
    SeveralRenames,
    check,
    make,
    make_empty,
    merge,
    migrate,
    rollback,
    squash,
    status,
)


class Colour(enum.Enum):
    red = "red"
    green = "green"


class Shouted(TypeDecorator[str]):
    """A type of an app's own."""

    impl = sa.String(30)
    cache_ok = True


def first(base: Any) -> None:
    class Author(base):
        __tablename__ = "author"
        id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(index=True)

    class Note(Timestamps, base):
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str]
        price: Mapped[decimal.Decimal]
        colour: Mapped[Colour]
        data: Mapped[dict[str, Any]]
        secret: Mapped[str | None] = mapped_column(Encrypted(lambda: "key"))
        shouted: Mapped[str] = mapped_column(Shouted)
        done: Mapped[bool] = mapped_column(server_default=sa.false())
        greeting: Mapped[str] = mapped_column(server_default="it's")
        count: Mapped[int] = mapped_column(server_default="5")
        day: Mapped[datetime.date] = mapped_column(server_default=sa.text("'2026-11-22'"))
        author_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("author.id"))
        author: Mapped[Author] = relationship()
        __table_args__ = (
            UniqueConstraint("text", "author_id"),
            sa.CheckConstraint("count > 0", name="positive"),
            Index("ix_note_lower", sa.text("lower(text)")),
        )


def test_the_first_migration_makes_what_the_models_say(shop: Shop) -> None:
    database = shop.release(first)
    (file,) = make(database, "The first one").files
    assert file.name == "0001_the_first_one.py"
    assert migrate(database, how=QUIET) == ["0001_the_first_one"]
    made = schema(shop.url)
    assert made["note"]["columns"]["price"] == ("BIGINT()", False, "None")
    assert check(database) == []
    other = shop.release(first)
    other.url = sa.make_url(f"sqlite+pysqlite:///{shop.folder}.db")
    other.create_tables()
    assert schema(f"sqlite:///{shop.folder}.db") == made


def test_a_file_serves_each_database_and_names_no_class_of_the_app(shop: Shop) -> None:
    text = make(shop.release(first), "first").files[0].read_text()
    for words in (
        "from wholestack import db\n",
        "sa.Column('price', db.Exact(18, 4), nullable=False)",
        "sa.Column('created_at', db.Moment(), server_default=sa.func.current_timestamp(), nullable=False)",
        "sa.Column('name', sa.String().with_variant(sa.String(length=255), 'mariadb', 'mysql'), nullable=False)",
        "sa.Column('secret', sa.LargeBinary(), nullable=True)",
        "sa.Column('shouted', sa.String(length=30), nullable=False)",
        "sa.Column('done', sa.Boolean(), server_default=sa.false(), nullable=False)",
        'server_default="it\'s", nullable=False)',
        "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')",
        "sa.Enum('red', 'green', name='colour', native_enum=False, length=64)",
        'phase = "expand"\n',
        "    op.create_index(op.f('ix_author_name'), 'author', ['name'], unique=False)\n",
        "    op.drop_table('author')\n",
    ):
        assert words in text
    assert __name__ not in text


def test_nothing_changed_writes_nothing(shop: Shop) -> None:
    shop.make(first)
    assert make(shop.release(first), "nothing").files == ()
    assert [each.name for each in shop.folder.glob("*.py")] == ["0001_a_change.py"]


def note(**columns: Any) -> Any:
    """A release whose only table has these columns: their types, or what `mapped_column` makes."""

    def declare(base: Any) -> None:
        # A column belongs to one table: each release has its own.
        made = {
            name: each._copy() if hasattr(each, "column") else mapped_column(each) for name, each in columns.items()
        }
        hints = {"id": Mapped[int], **dict.fromkeys(made, Mapped[Any])}
        key = mapped_column(primary_key=True)
        type("Note", (base,), {"__tablename__": "note", "__annotations__": hints, "id": key, **made})

    return declare


def rows(shop: Shop, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(shop.url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        return list(connection.execute(statement))
    finally:
        connection.close()


def text(**more: Any) -> Any:
    return mapped_column(sa.String(50), **more)


def test_a_column_with_another_name_keeps_its_data(shop: Shop) -> None:
    shop.make(note(text=text(nullable=False)))
    rows(shop, "INSERT INTO note (text) VALUES ('kept')")
    later = shop.release(note(body=text(nullable=False)))
    with pytest.raises(ChangeUnclear) as unclear:
        make(later, "another name")
    assert unclear.value.questions[1] == (
        "The column note.body is new and must have a value, and rows that are there have none. Give it a default in "
        "the model, or make it `| None`. Say --fill note.body=VALUE."
    )
    assert unclear.value.questions[0] == (
        "The column note.text is gone. Say --rename note.text:body, or --drop note.text (its data is lost)."
    )
    assert len(list(shop.folder.glob("*.py"))) == 1
    shop.make(note(body=text(nullable=False)), Answers(renames={"note.text": "body"}))
    assert rows(shop, "SELECT body FROM note") == [("kept",)]
    rollback(later, how=QUIET)
    assert rows(shop, "SELECT text FROM note") == [("kept",)]


def test_a_table_with_another_name_keeps_its_data_and_what_refers_to_it(shop: Shop) -> None:
    def before(base: Any) -> None:
        note(text=text())(base)
        parent = mapped_column(ForeignKey("note.id", ondelete="CASCADE"))
        hints = {"id": Mapped[int], "note_id": Mapped[int]}
        body = {
            "__tablename__": "tag",
            "__annotations__": hints,
            "id": mapped_column(primary_key=True),
            "note_id": parent,
        }
        type("Tag", (base,), body)

    def after(base: Any) -> None:
        hints = {"id": Mapped[int], "text": Mapped[str | None]}
        body = {
            "__tablename__": "memo",
            "__annotations__": hints,
            "id": mapped_column(primary_key=True),
            "text": text(),
        }
        type("Memo", (base,), body)
        parent = mapped_column(ForeignKey("memo.id", ondelete="CASCADE"))
        hints = {"id": Mapped[int], "note_id": Mapped[int]}
        body = {
            "__tablename__": "tag",
            "__annotations__": hints,
            "id": mapped_column(primary_key=True),
            "note_id": parent,
        }
        type("Tag", (base,), body)

    shop.make(before)
    rows(shop, "INSERT INTO note (id, text) VALUES (1, 'kept')")
    rows(shop, "INSERT INTO tag (id, note_id) VALUES (7, 1)")
    with pytest.raises(ChangeUnclear, match=r"The table note is gone\. Say --rename note:memo, or --drop note"):
        make(shop.release(after), "memos")
    shop.make(after, Answers(renames={"note": "memo"}))
    assert rows(shop, "SELECT text FROM memo") == [("kept",)]
    assert rows(shop, "SELECT note_id FROM tag") == [(1,)]
    assert schema(shop.url)["tag"]["foreign"] == ["(['note_id'], 'memo', {'ondelete': 'CASCADE'})"]
    assert check(shop.release(after)) == []


def entry(**columns: Any) -> Any:
    """As `note`, under another name."""

    def declare(base: Any) -> None:
        hints = {"id": Mapped[int], **dict.fromkeys(columns, Mapped[Any])}
        key = mapped_column(primary_key=True)
        type("Entry", (base,), {"__tablename__": "entry", "__annotations__": hints, "id": key, **columns})

    return declare


@pytest.mark.parametrize(
    ("later", "renames", "named"),
    [
        (entry(body=text(), other=text()), {"note": "entry", "entry.text": "body"}, "note to entry, entry.text to"),
        (
            note(body=text(), more=text()),
            {"note.text": "body", "note.other": "more"},
            r"note.text to note.body, note.o",
        ),
    ],
    ids=["a table and its column", "two columns"],
)
def test_several_new_names_of_one_table_are_refused(
    shop: Shop, later: Any, renames: dict[str, str], named: str
) -> None:
    """On PostgreSQL a view keeps an old name, and no view keeps two; a file made on SQLite is run there, too."""
    shop.make(note(text=text(), other=text()))
    rows(shop, "INSERT INTO note (text, other) VALUES ('kept', '')")
    database = shop.release(later)
    with pytest.raises(SeveralRenames, match=named) as refused:
        make(database, "names", Answers(renames=renames))
    assert refused.value.code == "several-renames"
    assert len(refused.value.names) == 2
    assert refused.value.table in named
    assert len(list(shop.folder.glob("*.py"))) == 1, "nothing is written"
    make(database, "names", Answers(renames=renames), plain=True)
    migrate(database, how=QUIET)
    assert rows(shop, f"SELECT body FROM {refused.value.table}") == [("kept",)]


def test_new_names_one_after_the_other(shop: Shop) -> None:
    """What the refusal says to do."""
    shop.make(note(text=text(), other=text()))
    rows(shop, "INSERT INTO note (text, other) VALUES ('one', 'two')")
    shop.make(note(body=text(), other=text()), Answers(renames={"note.text": "body"}), plain=False)
    last = shop.make(note(body=text(), more=text()), Answers(renames={"note.other": "more"}), plain=False)
    assert last.files
    assert rows(shop, "SELECT body, more FROM note") == [("one", "two")]


def test_a_foreign_key_that_goes_with_its_columns_name_comes_back(shop: Shop) -> None:
    """It was dropped while the column had its old name, so it is made again when the column has that name again."""

    def before(base: Any) -> None:
        note(parent=mapped_column(sa.Integer, ForeignKey("note.id")))(base)

    shop.make(before)
    at_first = schema(shop.url)
    later = note(above=mapped_column(sa.Integer))
    shop.make(later, Answers(renames={"note.parent": "above"}), plain=False)
    assert schema(shop.url)["note"]["foreign"] == []
    rollback(shop.release(later), to="0001", how=QUIET)
    assert schema(shop.url) == at_first


def test_a_rename_that_fits_nothing_is_refused(shop: Shop) -> None:
    shop.make(note(text=text(), other=text()))
    later = shop.release(note(body=text(), other=text()))
    for renames, message in (
        ({"note": "memo"}, "no table note has gone. Gone: none; new: none."),
        ({"note.txt": "body"}, "the models have no such column, or the database still needs the old one"),
        ({"note.other": "body"}, "the models have no such column, or the database still needs the old one"),
        ({"note.text": "bdy"}, "the models have no such column, or the database still needs the old one"),
    ):
        with pytest.raises(ChangeUnclear, match=message):
            make(later, "wrong", Answers(renames=renames))


def test_what_is_dropped_is_asked_for(shop: Shop) -> None:
    shop.make(note(text=text(), old=text(index=True)))
    asked: list[str] = []

    def ask(question: Question, answers: Answers) -> None:
        asked.append(str(question))
        answers.drops.add(question.name)

    made = make(shop.release(note(text=text())), "less", ask=ask, plain=True)
    assert asked == ["The column note.old is gone. Say --drop note.old (its data is lost)."]
    migrate(shop.release(note(text=text())), how=QUIET)
    assert sorted(schema(shop.url)["note"]["columns"]) == ["id", "text"]
    assert "drop-column" in [finding.code for _, finding in made.findings]


@pytest.mark.parametrize(
    ("before", "after", "asks"),
    [
        (sa.String(20), sa.String(50), False),
        (sa.String(20), sa.Text(), False),
        (sa.Integer(), sa.BigInteger(), False),
        (sa.String(50), sa.String(20), True),
        (sa.String(50), sa.Integer(), True),
        (sa.BigInteger(), sa.Integer(), True),
        (sa.Numeric(10, 2), sa.Integer(), True),
    ],
)
def test_a_type_that_may_not_hold_what_is_there_is_asked_for(shop: Shop, before: Any, after: Any, asks: bool) -> None:
    shop.make(note(it=mapped_column(before)))
    later = shop.release(note(it=mapped_column(after)))
    if asks:
        with pytest.raises(
            ChangeUnclear, match=r"which may not hold each value that is there. Say --convert note\.it\."
        ):
            make(later, "another type")
    shop.make(note(it=mapped_column(after)), Answers(converts={"note.it"} if asks else set()))
    assert check(later) == []


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (sa.String(20), "un'known", "un'known"),
        (sa.Integer(), "7", 7),
        (sa.Boolean(), "true", 1),
        (sa.Double(), "0.5", 0.5),
        (sa.Date(), "2026-11-22", "2026-11-22"),
        (Moment(), "2026-11-22T10:00:00Z", "2026-11-22 10:00:00.000000"),
        (sa.Uuid(), "c9a646d3-9c61-4cb7-bfcd-ee2522c8f633", "c9a646d39c614cb7bfcdee2522c8f633"),
    ],
)
def test_rows_that_are_there_get_a_value(shop: Shop, kind: Any, value: str, found: Any) -> None:
    shop.make(note(text=text()))
    rows(shop, "INSERT INTO note (text) VALUES ('old')")
    later = note(text=text(), new=mapped_column(kind, nullable=False))
    shop.make(later, Answers(fills={"note.new": value}))
    assert rows(shop, "SELECT new FROM note") == [(found,)]
    assert schema(shop.url)["note"]["columns"]["new"][1:] == (False, "None")
    assert check(shop.release(later)) == []


def test_a_value_that_is_none_of_the_type_is_refused(shop: Shop) -> None:
    shop.make(note(text=text()))
    with pytest.raises(
        ChangeUnclear, match=r"--fill note\.new=many: that is no value of the column's type \(Integer\(\)\)"
    ):
        make(
            shop.release(note(text=text(), new=mapped_column(sa.Integer(), nullable=False))),
            "x",
            Answers(fills={"note.new": "many"}),
        )


def test_a_default_of_the_model_fills_rows_and_stays_for_code_that_does_not_know_the_column(shop: Shop) -> None:
    shop.make(note(text=text()))
    rows(shop, "INSERT INTO note (text) VALUES ('old')")
    later = note(
        text=text(),
        done=mapped_column(sa.Boolean(), nullable=False, default=False),
        colour=mapped_column(sa.Enum(Colour, native_enum=False), nullable=False, default=Colour.green),
    )
    shop.make(later)
    rows(shop, "INSERT INTO note (text) VALUES ('of the old code')")
    assert rows(shop, "SELECT done, colour FROM note") == [(0, "green"), (0, "green")]
    assert check(shop.release(later)) == []
    another = note(
        text=text(),
        done=mapped_column(sa.Boolean(), nullable=False, default=True),
        colour=mapped_column(sa.Enum(Colour, native_enum=False), nullable=False),
    )
    found = check(shop.release(another))
    assert ["note.done" in found[0], "note.colour" in found[1], len(found)] == [True, True, 2]


CHANGES: dict[str, tuple[Any, Any]] = {
    "an index": ({"text": text()}, {"text": text(index=True)}),
    "a unique column": ({"text": text()}, {"text": text(unique=True)}),
    "a server default": ({"text": text()}, {"text": text(server_default="x")}),
    "another server default": ({"text": text(server_default="a")}, {"text": text(server_default="b")}),
    "null no more": ({"text": text(nullable=True)}, {"text": text(nullable=False)}),
    "null allowed": ({"text": text(nullable=False)}, {"text": text(nullable=True)}),
    "a new column": ({"text": text()}, {"text": text(), "more": text(server_default="y")}),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("way", ["there", "back"])
def test_each_kind_of_change_there_and_back(shop: Shop, name: str, way: str) -> None:
    before, after = (note(**columns) for columns in CHANGES[name][:: 1 if way == "there" else -1])
    shop.make(before)
    at_first = schema(shop.url)
    made = shop.make(after, Answers(drops={"note.more"}))
    assert made.files
    assert schema(shop.url) != at_first
    assert check(shop.release(after)) == []
    rollback(shop.release(after), how=QUIET)
    assert schema(shop.url) == at_first


def checked(sql: str | None, values: list[str]) -> Any:
    def declare(base: Any) -> None:
        checks = (sa.CheckConstraint(sql, name="fine"),) if sql else ()
        kind = sa.Enum(*values, name="mood", native_enum=False, create_constraint=True, length=10)
        hints = {"id": Mapped[int], "count": Mapped[int], "mood": Mapped[str]}
        body = {
            "id": mapped_column(primary_key=True),
            "mood": mapped_column(kind, nullable=True),
            "count": mapped_column(),
        }
        type("Note", (base,), {"__tablename__": "note", "__annotations__": hints, "__table_args__": checks, **body})

    return declare


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((None, ["good"]), ("count > 0", ["good"])),
        (("count > 0", ["good"]), ("count > 1", ["good"])),
        (("count > 0", ["good"]), (None, ["good"])),
        ((None, ["good"]), (None, ["good", "bad"])),
    ],
    ids=["comes", "changes", "goes", "an enum's values"],
)
def test_checks_are_seen(shop: Shop, before: Any, after: Any) -> None:
    shop.make(checked(*before))
    at_first = schema(shop.url)
    assert make(shop.release(checked(*before)), "nothing").files == ()
    shop.make(checked(*after))
    assert schema(shop.url)["note"]["checks"] != at_first["note"]["checks"]
    assert check(shop.release(checked(*after))) == []


def test_a_table_that_is_made_anew_keeps_its_rows_triggers_and_indexes(shop: Shop) -> None:
    """SQLite copies a table to change it (Alembic's batch mode): nothing that hangs on it goes."""

    def before(base: Any) -> None:
        note(text=text(), count=sa.Integer())(base)
        parent = mapped_column(ForeignKey("note.id", ondelete="CASCADE"))
        hints = {"id": Mapped[int], "note_id": Mapped[int]}
        body = {
            "__tablename__": "tag",
            "__annotations__": hints,
            "id": mapped_column(primary_key=True),
            "note_id": parent,
        }
        type("Tag", (base,), body)

    def after(base: Any) -> None:
        before(base)
        base.metadata.tables["note"].columns["count"].nullable = False

    shop.make(before)
    for statement in (
        "CREATE INDEX by_length ON note (length(text))",
        "CREATE TRIGGER counted AFTER INSERT ON note BEGIN UPDATE note SET count = count + 1 WHERE id = new.id; END",
        "CREATE VIEW shown AS SELECT text FROM note",
        "INSERT INTO note (id, text, count) VALUES (1, 'kept', 5)",
        "INSERT INTO tag (id, note_id) VALUES (7, 1)",
    ):
        rows(shop, statement)
    shop.make(after)
    rows(shop, "INSERT INTO note (id, text, count) VALUES (2, 'new', 5)")
    assert rows(shop, "SELECT id, text, count FROM note") == [(1, "kept", 6), (2, "new", 6)]
    assert rows(shop, "SELECT note_id FROM tag") == [(1,)]
    assert rows(shop, "SELECT text FROM shown") == [("kept",), ("new",)]
    assert rows(shop, "SELECT name FROM sqlite_master WHERE name = 'by_length'") == [("by_length",)]


def test_the_safe_form_is_several_files_in_phases(shop: Shop) -> None:
    shop.make(note(text=text()))
    made = make(shop.release(note(text=text(), more=text(index=True, nullable=False, default="x"))), "more")
    phases = [file.read_text().partition('phase = "')[2].partition('"')[0] for file in made.files]
    assert phases[0] == "expand"
    assert phases == sorted(phases, key=["expand", "data", "contract"].index)


def test_two_branches_are_joined(shop: Shop) -> None:
    shop.make(note(text=text()))
    later = shop.release(note(text=text()))
    make_empty(later, "ours")
    ours = shop.folder / "0002_ours.py"
    theirs = ours.read_text().replace('revision = "', 'revision = "f', 1)
    (shop.folder / "0002_theirs.py").write_text(theirs)
    with pytest.raises(SeveralHeads):
        make(later, "more")
    assert check(later)[0].startswith("The migrations end in several heads")
    (file,) = merge(later, "both").files
    assert file.name == "0003_both.py"
    assert merge(later, "both").files == ()
    assert set(migrate(later, how=QUIET)) == {"0002_ours", "0002_theirs", "0003_both"}
    assert check(later) == []


def test_squashed_into_one(shop: Shop) -> None:
    shop.make(note(text=text()))
    shop.make(note(text=text(), more=text(server_default="")))
    later = note(text=text(), more=text(index=True, server_default=""))
    shop.make(later)
    wanted = schema(shop.url)
    file, gone = squash(shop.release(later), "all in one")
    assert (len(gone), [each.name for each in shop.folder.glob("*.py")]) == (3, [file.name])
    assert (status(shop.release(later)).pending, check(shop.release(later))) == ((), [])
    other = Shop(f"sqlite:///{shop.folder}.db", shop.folder)
    assert migrate(other.release(later), how=QUIET) == [file.stem]
    assert schema(other.url) == wanted
    other.close()


def test_what_wrote_rows_is_not_squashed_unseen(shop: Shop) -> None:
    shop.make(note(text=text()))
    database = shop.release(note(text=text()))
    (file,) = make_empty(database, "a first note").files
    file.write_text(file.read_text().replace("pass", "op.execute(\"INSERT INTO note (text) VALUES ('hello')\")", 1))
    migrate(database, how=QUIET)
    with pytest.raises(Exception, match="which the new one would not do: 0002_a_first_note"):
        squash(database, "all")
    squash(database, "all", without_data=True)
    assert [each.name for each in shop.folder.glob("*.py")] == ["0003_all.py"]


def test_a_database_that_missed_squashed_ones_is_told(shop: Shop, tmp_path: Path) -> None:
    shop.make(note(text=text()))
    behind = tmp_path / "behind.db"
    behind.write_bytes((tmp_path / "app.db").read_bytes())
    later = note(text=text(), more=text(server_default=""))
    shop.make(later)
    squash(shop.release(later), "all")
    other = Shop(f"sqlite:///{behind}", shop.folder)
    with pytest.raises(Exception, match=r"was squashed into 0003_all\. Migrate it with the release before"):
        migrate(other.release(later), how=QUIET)
    other.close()
