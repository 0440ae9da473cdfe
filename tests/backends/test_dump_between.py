"""`wholestack db dump` and `db load` from one kind of database to the next, by the commands, with every type of column."""

from __future__ import annotations

import datetime
import decimal
import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, null, select
from sqlalchemy.orm import selectinload

import databases
from backends.models import Author, Base, Counter, Note, Size, Thing
from backends.served import PATHS
from servers import serving
from wholestack.db import Database

APP = """
from backends.models import Base
from wholestack import App
from wholestack.db import Database

app = App(docs=False)
app.use(Database(models=Base))
"""
ORDERS = [("sqlite", "postgresql", "mariadb", "sqlite"), ("sqlite", "mariadb", "postgresql", "sqlite")]
"""Each of the six ways from one kind to another."""
MOMENT = datetime.datetime(2026, 11, 22, 10, 30, 5, 123456, datetime.timezone(datetime.timedelta(hours=5, minutes=30)))

THINGS: list[dict[str, Any]] = [
    {
        "moment": MOMENT,
        "day": datetime.date(2024, 2, 29),
        "money": decimal.Decimal("12345678901234.5600"),
        "key": uuid.UUID("12345678-90ab-7def-9234-567890abcdef"),
        "size": Size.LARGE,
        "data": {"é": [1, 2.5, None, True, {"a": "\U0001f600"}], "": {}, "big": 2**53},
        "words": ["a", "", "ß\u2028"],
        "raw": bytes(range(256)),
        "big": 2**63 - 1,
        "text": "Zoë \U0001f469\u200d\U0001f680 'q' \"d\" \\ %s :x \t\r\n\u2028 e\u0301",
        "yes": True,
        "number": 0.1,
    },
    {
        "moment": datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
        "day": datetime.date(1, 1, 1),
        "money": decimal.Decimal("-0.0001"),
        "key": uuid.UUID(int=0),
        "size": Size.SMALL,
        "data": {},
        "words": [],
        "raw": b"",
        "big": -(2**63),
        "text": "",
        "yes": False,
        "number": -1.7976931348623157e308,
    },
    {
        "moment": datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, datetime.UTC),
        "day": datetime.date(9999, 12, 31),
        "money": decimal.Decimal("99999999999999.9999"),
        "key": uuid.UUID(int=2**128 - 1),
        "big": 0,
        "text": " NULL ",
        "number": 5e-324,
    },
    {},
]
COLUMNS = [*THINGS[0], "id", "created_at", "updated_at"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with migrations."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "app.py").write_text(APP)
    command(folder, f"sqlite:///{folder}/made.db", "make", "first")
    return folder


def command(folder: Path, url: str, *words: str, code: int = 0) -> str:
    """`wholestack db …`, which must go well, or else end with a code; what it said."""
    done = subprocess.run(
        [*serving.COMMAND, "db", *words],
        cwd=folder,
        env=serving.environment(DATABASE_URL=url, PYTHONPATH=PATHS),
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr


@pytest.fixture
def opened() -> Iterator[Any]:
    """`opened(url)`: a database that is closed at the end."""
    found: list[Database] = []

    def make(url: str) -> Database:
        found.append(Database(url, models=Base, migrations=None, pool=2, streams=1))
        return found[-1]

    yield make
    for each in found:
        each.dispose()


def fill(database: Database) -> None:
    with database.session() as db:
        db.add_all(Thing(id=7 * number, **values) for number, values in enumerate(THINGS, 1))
        # JSON's null is a value, and no value is none.
        db.add(Thing(id=90, data=null(), words=null(), text="nothing"))
        for name in ("Ada", "grace", "Ünal", "\U0001f600"):
            author = Author(name=name)
            author.notes = [Note(text=f"{name} {number}", likes=number) for number in range(3)]
            db.add(author)
        db.add(Counter(id=1000, value=-5))
    with database.session() as db:  # Keys with gaps, the last one too.
        db.delete(db.get_one(Note, 12))


def seen(database: Database) -> dict[str, list[Any]]:
    """What an app sees: each value as Python has it, with its type."""
    with database.session() as db:
        things = [
            [(type(value), value) for value in (getattr(each, name) for name in COLUMNS)]
            for each in db.scalars(select(Thing).order_by(Thing.id))
        ]
        authors = [
            (each.id, each.name, [(note.id, note.text, note.likes) for note in each.notes])
            for each in db.scalars(select(Author).options(selectinload(Author.notes)).order_by(Author.id))
        ]
        counters = [(each.id, each.value) for each in db.scalars(select(Counter))]
        absent = [tuple(row) for row in db.execute(select(Thing.id).where(Thing.data.is_(None)).order_by(Thing.id))]
    return {"things": things, "authors": authors, "counters": counters, "no data": absent}


def inserts_go_on(database: Database) -> None:
    """A row that is added gets the key after the last one, in each table; what is added is taken away again."""
    for model, values in (
        (Thing, {}),
        (Author, {"name": "new"}),
        (Counter, {}),
        (Note, {"text": "new", "author_id": 1}),
    ):
        with database.session() as db:
            last = db.scalar(select(func.max(model.id))) or 0
            row = model(**values)
            db.add(row)
            db.flush()
            assert row.id == last + 1, (database.kind, model)
            db.rollback()


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_rows_go_from_each_kind_to_the_next_and_back(
    order: tuple[str, ...], project: Path, tmp_path: Path, opened: Any
) -> None:
    with databases.fresh("sqlite", tmp_path) as first:
        command(project, first, "migrate")
        database = opened(first)
        fill(database)
        before = seen(database)
        assert before["no data"], "a row without data is there"
        file = tmp_path / "rows.jsonl"
        said = command(project, first, "dump", "-o", str(file))
        assert said == "21 rows of 4 tables.\n"
        whole = file.read_text(encoding="utf-8")
        for number, kind in enumerate(order[1:]):
            with databases.fresh(kind, tmp_path) as url:
                command(project, url, "migrate")
                assert command(project, url, "load", str(file)) == said
                database = opened(url)
                assert seen(database) == before, kind
                inserts_go_on(database)
                file = tmp_path / f"{number}.jsonl"
                assert command(project, url, "dump", "-o", str(file)) == said
                assert canonical(file.read_text(encoding="utf-8")) == canonical(whole), kind
                database.dispose()


def canonical(text: str) -> list[Any]:
    """A dump's lines, where an object's names have no order: PostgreSQL's `jsonb` keeps none."""
    return [json.loads(line) for line in text.split("\n") if line]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("postgresql", {"text": "a\0b"}),
        ("postgresql", {"data": {"a": "\0"}}),
        ("mariadb", {"text": "x" * 256}),
        # MariaDB's own type refuses some that are none of RFC 9562.
        ("mariadb", {"key": uuid.UUID("12345678-90ab-cdef-1234-567890abcdef")}),
    ],
    indirect=["kind"],
    ids=["nul", "nul in json", "long", "uuid"],
)
def test_what_the_next_one_cannot_hold_is_said_and_nothing_is_loaded(
    kind: str, value: dict[str, Any], project: Path, tmp_path: Path, opened: Any
) -> None:
    with databases.fresh("sqlite", tmp_path) as first, databases.fresh(kind, tmp_path) as url:
        command(project, first, "migrate")
        with opened(first).session() as db:
            db.add_all([Author(name="Ada"), Thing(id=1, text="fits"), Thing(id=2, **value)])
        file = str(tmp_path / "rows.jsonl")
        command(project, first, "dump", "-o", file)
        command(project, url, "migrate")
        said = command(project, url, "load", file, code=1)
        assert said.startswith("Error: ")
        assert "thing" in said, "whose rows they are"
        assert "Traceback" not in said
        database = opened(url)
        with database.session() as db:
            assert [db.scalar(select(func.count()).select_from(model)) for model in (Author, Thing)] == [0, 0]
        database.dispose()
