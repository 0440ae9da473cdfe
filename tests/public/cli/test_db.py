"""`wholestack db`: each command as it is typed, on a database in a file."""

from __future__ import annotations

import json
import os
import pty
import select
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Wholestack = Callable[..., Any]
Write = Callable[[str, str], Path]

APP = """
from sqlalchemy.orm import DeclarativeBase
from wholestack import App
from wholestack.db import AsyncSession, Database, Encrypted, Mapped, Session, Table, mapped_column, select

class Base(DeclarativeBase):
    type_annotation_map = Table.type_annotation_map

class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    MORE

app = App(docs=False)
database = Database(models=Base)
app.use(database)

@database.seed
def first_notes(db: Session) -> None:
    db.add(Note(text="first"))

@database.seed
async def more_notes(db: Session) -> None:
    db.add(Note(text=str(len(db.scalars(select(Note)).all()))))

@database.seed
async def other_notes(db: AsyncSession) -> None:
    db.add(Note(text="other"))
    await db.flush()
"""


@pytest.fixture
def app(write: Write, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """`app("done: Mapped[bool]")`: an app whose note has one more column."""
    monkeypatch.delenv("DATABASE_URL", raising=False)

    def made(more: str = "") -> Path:
        for name in [each for each in sys.modules if each == "app"]:
            del sys.modules[name]
        return write("app.py", APP.replace("MORE", more))

    made()
    yield made


def rows(statement: str) -> list[Any]:
    connection = sqlite3.connect("app.db")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


@pytest.fixture
def again(app: Callable[[str], Path], wholestack: Wholestack) -> Callable[..., Any]:
    """Run a command with the app as it is written now."""

    def run(*words: str) -> Any:
        sys.modules.pop("app", None)
        return wholestack("db", *words)

    return run


def test_from_nothing_to_a_second_release_and_back(app: Callable[[str], Path], again: Callable[..., Any]) -> None:
    assert again("status").out.endswith('There is no migration yet: wholestack db make "first"\n')
    assert (again("check").code, again("check").err) == (1, 'There is no migration yet: wholestack db make "first"\n')
    assert again("make", "first").out == "Wrote migrations/0001_first.py\nLook at it, then: wholestack db migrate\n"
    assert again("check").err == "0001_first is pending: wholestack db migrate\n"
    assert "  pending  0001_first  (expand)\n" in again("status").out
    assert again("migrate").out.startswith("Applied 0001_first (")
    assert again("migrate").out == "Nothing to do: no migration is pending.\n"
    done = again("check")
    assert (done.code, done.out) == (0, "The database is at its last migration, and is what the models say.\n")
    assert again("make", "again").out == "Nothing has changed: the migrations make what the models say.\n"
    app("done: Mapped[bool] = mapped_column(default=False)")
    assert "Wrote migrations/0002_done.py" in again("make", "done").out
    assert again("migrate", "--to", "0002").code == 0
    found = json.loads(again("status", "--json").out)
    assert [each["name"] for each in found["applied"]] == ["0001_first", "0002_done"]
    assert found["pending"] == found["interrupted"] == found["unknown"] == []
    no = again("rollback")
    assert (no.code, no.err) == (
        1,
        "Error: Take back 0002_done, with the data of what it added? Nobody can be asked here: say --yes.\n",
    )
    assert again("rollback", "--yes").out.startswith("Took back 0002_done (")
    assert again("rollback", "--to", "base", "--yes").code == 0
    assert again("rollback").out == "Nothing to do: no migration has been applied.\n"


def test_what_is_unclear_is_told_with_the_words_that_answer_it(
    app: Callable[[str], Path], again: Callable[..., Any]
) -> None:
    app("old: Mapped[str] = mapped_column(server_default='')")
    assert again("make", "first").code == 0
    app("new: Mapped[str] = mapped_column(server_default='')")
    done = again("make", "another name")
    assert done.code == 1
    assert (
        "  - The column note.old is gone. Say --rename note.old:new, or --drop note.old (its data is lost).\n"
        in done.err
    )
    assert again("make", "x", "--rename", "old").err.endswith("--rename OLD:NEW, such as note.text:body.\n")
    assert again("make", "x", "--fill", "note.a").err.endswith("--fill NAME=VALUE, such as note.author=unknown.\n")
    assert again("make", "another name", "--rename", "note.old:new", "--plain").code == 0
    assert "op.alter_column('note', 'old'," in Path("migrations/0002_another_name.py").read_text()


def test_empty_ones_and_branches(again: Callable[..., Any]) -> None:
    again("make", "first")
    assert again("make", "--empty", "some rows").out.startswith("Wrote migrations/0002_some_rows.py")
    ours = Path("migrations/0002_some_rows.py")
    Path("migrations/0002_theirs.py").write_text(ours.read_text().replace('revision = "', 'revision = "f', 1))
    assert "end in several heads" in again("migrate").err
    assert again("make", "--merge", "both").out.startswith("Wrote migrations/0003_both.py")
    assert again("migrate").code == 0


def test_tables_that_were_made_before(again: Callable[..., Any]) -> None:
    again("make", "first")
    again("migrate")
    rows("DROP TABLE alembic_version")
    assert "no record of a migration that made them" in again("migrate").err
    assert again("migrate", "--adopt").out == "Written down: the database has had all up to 0001_first.\n"
    assert again("migrate", "--adopt", "0001").code == 0
    assert again("check").code == 0


def test_seeds(again: Callable[..., Any]) -> None:
    again("make", "first")
    again("migrate")
    assert again("seed").out == "first-notes: done.\nmore-notes: done.\nother-notes: done.\n"
    assert again("seed", "first-notes").out == "first-notes: done.\n"
    assert again("seed", "app.py", "more-notes").out == "more-notes: done.\n"
    assert rows("SELECT text FROM note") == [("first",), ("1",), ("other",), ("first",), ("4",)]
    done = again("seed", "wrong")
    assert (done.code, done.err) == (
        2,
        "Error: There is no seed function 'wrong'. There are: first-notes, more-notes, other-notes.\n",
    )


def test_a_seed_that_fails_leaves_nothing(app: Callable[[str], Path], again: Callable[..., Any], write: Write) -> None:
    again("make", "first")
    again("migrate")
    write(
        "app.py",
        APP.replace("MORE", "")
        + "\n@database.seed\ndef broken(db: Session) -> None:\n    db.add(Note(text='x'))\n    db.flush()\n    1 / 0\n@database.seed\ndef none() -> None: ...\n",
    )
    done = again("seed", "broken")
    assert (done.code, "ZeroDivisionError: division by zero" in done.err) == (1, True)
    assert rows("SELECT * FROM note") == []
    assert "must ask for one thing, its session: def none(db: Session)" in again("seed", "none").err


def test_dumped_and_loaded(again: Callable[..., Any]) -> None:
    again("make", "first")
    again("migrate")
    again("seed")
    done = again("dump", "-o", "rows.jsonl")
    assert (done.code, done.err) == (0, "3 rows of 1 tables.\n")
    lines = Path("rows.jsonl").read_text().splitlines()
    assert lines[1:] == ['["note",1,"first"]', '["note",2,"1"]', '["note",3,"other"]', '{"rows":{"note":3}}']
    assert os.stat("rows.jsonl").st_mode & 0o777 == 0o600
    assert again("dump").out.splitlines() == lines
    assert (
        again("load", "rows.jsonl").err
        == "Error: The table note has rows. Load into an empty database, or say --replace.\n"
    )
    assert "Nobody can be asked here: say --yes." in again("load", "rows.jsonl", "--replace").err
    rows("SELECT 1")
    assert again("load", "rows.jsonl", "--replace", "--yes").err == "3 rows of 1 tables.\n"
    assert again("load", "gone.jsonl").err == "Error: There is no file 'gone.jsonl'.\n"
    assert rows("SELECT text FROM note ORDER BY id") == [("first",), ("1",), ("other",)]


def test_encrypted_anew(app: Callable[[str], Path], again: Callable[..., Any]) -> None:
    keys = "secret: Mapped[str] = mapped_column(Encrypted(lambda: {}))"
    first, second = ("x" * 43 + "=").replace("x", "A"), ("x" * 43 + "=").replace("x", "B")
    app(keys.format([first]))
    again("make", "first")
    again("migrate")
    Path("fill.py").write_text(
        "import app\nwith app.database.session() as db:\n    db.add(app.Note(text='t', secret='hidden'))\n"
    )
    subprocess.run([sys.executable, "fill.py"], check=True)
    before = rows("SELECT secret FROM note")
    app(keys.format([second, first]))
    assert again("reencrypt").out == "note.secret: 1 values encrypted anew.\n"
    assert rows("SELECT secret FROM note") != before
    assert again("reencrypt").out == "note.secret: 0 values encrypted anew.\n"
    Path("read.py").write_text(
        "import app\nwith app.database.session() as db:\n    print(db.scalars(app.select(app.Note.secret)).one())\n"
    )
    app(keys.format([second]))
    assert subprocess.run([sys.executable, "read.py"], check=True, capture_output=True, text=True).stdout == "hidden\n"
    app(keys.format([first]))
    assert "None of the keys decrypts this value. Put its key among them." in again("reencrypt").err


def test_a_shell(again: Callable[..., Any]) -> None:
    again("make", "first")
    again("migrate")
    again("seed", "first-notes")
    done = subprocess.run(
        [sys.executable, "-m", "wholestack", "db", "shell", "--python"],
        input="print(db.scalars(select(Note.text)).all())\ndb.add(Note(text='not kept'))\ndb.flush()\n",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "['first']\n"
    assert rows("SELECT text FROM note") == [("first",)]


def test_the_databases_own_client(
    again: Callable[..., Any], write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is told where to go; the password stands in its environment, and not among its words."""
    for name in ("sqlite3", "psql", "mariadb"):
        program = write(f"bin/{name}", '#!/bin/sh\necho "$0 $* [$PGPASSWORD$MYSQL_PWD]" > said\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    for url, words in {
        "sqlite:///app.db": "sqlite3 app.db []",
        "postgresql://me:hidden@db.example:5433/shop?sslmode=require": "psql postgresql://me@db.example:5433/shop?sslmode=require [hidden]",
        "mariadb://me:hidden@db.example/shop": "mariadb --host=db.example --user=me shop [hidden]",
    }.items():
        monkeypatch.setenv("DATABASE_URL", url)
        assert again("shell").code == 0
        assert Path("said").read_text().strip() == f"{tmp_path}/bin/{words}"


def test_sql_and_squash_and_snapshot(app: Callable[[str], Path], again: Callable[..., Any]) -> None:
    again("make", "first")
    assert "CREATE TABLE note" in again("sql").out
    again("sql", "-o", "script.sql")
    assert Path("script.sql").read_text() == again("sql", "--from", "base").out
    again("migrate")
    assert "CREATE TABLE note" not in again("sql").out
    again("snapshot", "-o", "release.json")
    app("more: Mapped[str] = mapped_column(server_default='')")
    again("make", "more")
    again("migrate")
    assert again("check", "--against", "release.json").code == 0
    assert "is no snapshot of a release" in again("check", "--against", "app.py").err
    assert again("squash", "all").out == "Wrote migrations/0003_all.py in place of 2 migrations, which are removed.\n"
    assert again("check").code == 0


def test_which_database(again: Callable[..., Any], write: Write) -> None:
    write("app.py", "from wholestack import App\napp = App()\n")
    assert again("status").err == "Error: The app uses no database: app.use(Database())\n"
    write(
        "app.py",
        "from typing import NewType\nfrom wholestack import App\nfrom wholestack.db import Database, Session\n"
        "Reports, Replica = NewType('Reports', Session), NewType('Replica', Session)\napp = App()\n"
        "app.use(Database('sqlite:///a.db', session=Reports, migrations='reports'), Database('sqlite:///b.db'), "
        "Database('sqlite:///b.db', session=Replica, read_only=True))\n",
    )
    assert again("status").out.startswith("sqlite+pysqlite:///b.db\n")
    assert again("status", "--database", "reports").out.startswith("sqlite+pysqlite:///a.db\n")
    wrong = again("status", "--database", "x")
    assert (wrong.code, wrong.err) == (
        2,
        "Error: Say which database: --database Reports or --database Session or --database Replica.\n",
    )


def test_wrong_words(again: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for words, cause in {
        ("make",): "Say [APP] MESSAGE; a message with spaces stands in quotes.",
        ("make", "a", "b", "c"): "Say [APP] MESSAGE; a message with spaces stands in quotes.",
        ("migrat",): "There is no command 'migrat'. Did you mean migrate?",
        ("migrate", "nope.py"): "There is no file 'nope.py'. Did you mean app.py?",
        ("migrate", "--to", "7"): "There is no folder",
    }.items():
        done = again(*words)
        assert (done.code in {1, 2}, cause in done.err) == (True, True), (words, done)
    again("make", "first")
    done = again("migrate", "--to", "7000")
    assert (done.code, "No migration has the name '7000'" in done.err) == (2, True)
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hidden@127.0.0.1:1/shop")
    done = again("migrate")
    assert (done.code, "The database said no:" in done.err, "hidden" in done.err) == (1, True, False)


def test_check_of_the_whole_app(again: Callable[..., Any], wholestack: Wholestack, app: Callable[[str], Path]) -> None:
    def check() -> str:
        sys.modules.pop("app", None)
        return str(wholestack("check").out)

    assert (
        '  - There is no folder of migrations, without which the app is not served: wholestack db make "first"\n'
        in check()
    )
    again("make", "first")
    assert ("migrat" in check(), Path("app.db").exists()) == (False, False)
    app("more: Mapped[str] = mapped_column(server_default='')")
    assert "  - The migrations do not make what the models say: The column note.more is missing.\n" in check()
    app("")
    again("migrate")
    assert "migrat" not in check()
    again("make", "--empty", "pending")
    assert "  - 0002_pending is pending: wholestack db migrate\n" in check()


def on_a_terminal(answers: dict[str, str], *words: str) -> str:
    """What a command says on a terminal where each question gets its answer."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "wholestack", "db", *words], stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    said, rest = "", dict(answers)
    while True:
        try:
            ready = select.select([master], [], [], 30)[0]
            if not ready:  # It waits for an answer that nobody has.
                process.kill()
            chunk = os.read(master, 65536).decode()
        except OSError:  # The other end is closed.
            break
        said += chunk
        for question in [each for each in rest if each in said]:
            os.write(master, f"{rest.pop(question)}\n".encode())
    os.close(master)
    process.wait(20)
    return said.replace("\r\n", "\n")


def test_a_person_may_stop(app: Callable[[str], Path], again: Callable[..., Any]) -> None:
    app("old: Mapped[str]; kind: Mapped[str | None]")
    again("make", "first")
    app("new: Mapped[str]; kind: Mapped[str | None]")
    assert on_a_terminal({"Which?": "0"}, "make", "changes").endswith("Error: Nothing was written.\n")
    app("old: Mapped[str]; kind: Mapped[int | None]")
    assert on_a_terminal({"Change it?": "n"}, "make", "changes").endswith("Error: Nothing was written.\n")
    assert not Path("migrations/0002_changes.py").exists()


def test_a_question_with_names_to_choose_from(app: Callable[[str], Path], again: Callable[..., Any]) -> None:
    app("old: Mapped[str | None]; kind: Mapped[str | None]")
    again("make", "first")
    again("migrate")
    app("new: Mapped[str | None]; kind: Mapped[int | None]; count: Mapped[int]")
    answers = {"What do they get?": "7", "Change it?": "y", "Which?": "3"}
    said = on_a_terminal(answers, "make", "changes", "--plain")
    for words in (
        "The column note.old is gone.\n  1. it is called note.",
        "it goes, with its data\n  0. stop, and write nothing\n",
        "which may not hold each value that is there.",
        "Wrote migrations/0002_changes.py",
    ):
        assert words in said, said
    assert "server_default='7'" in Path("migrations/0002_changes.py").read_text()
    assert on_a_terminal({"added?": "n"}, "rollback").endswith("Error: Nothing was done.\n")
    assert "Took back 0001_first" in on_a_terminal({"added?": "y"}, "rollback")
