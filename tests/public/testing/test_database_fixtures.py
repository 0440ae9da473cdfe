"""The fixtures `db` and `client` over an app with a database, in runs of pytest of their own."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

APP = """
from pydantic import BaseModel

from wholestack import App
from wholestack.db import Database, Mapped, Model, Session, select

app = App(docs=False)
app.use(Database("sqlite:///precious.db"))

class Note(Model):
    text: Mapped[str]

class NoteOut(BaseModel):
    id: int
    text: str

class NewNote(BaseModel):
    text: str

@app.get("/notes", returns=list[NoteOut])
def list_notes(db: Session) -> object:
    return db.scalars(select(Note)).all()

@app.get("/later", returns=list[NoteOut])
async def list_later(db: Session) -> object:
    return db.scalars(select(Note)).all()

@app.post("/notes", returns=NoteOut, status=201)
async def make_note(new: NewNote, db: Session) -> object:
    note = Note(text=new.text)
    db.add(note)
    return note

@app.post("/broken")
def break_off(db: Session) -> None:
    db.add(Note(text="never"))
    db.flush()
    raise LookupError("broken")
"""

TEST = """
import pytest
from app import Note, app
from wholestack.db import func, select

@pytest.mark.parametrize("turn", [1, 2])
def test_everything_is_rolled_back(db, client, turn):
    assert client.get("/notes").json() == []
    db.add(Note(text="by hand"))
    db.commit()
    client.post("/notes", json={"text": "by a request"}).expect(201)
    with app.session() as other:
        other.add(Note(text="by a script"))
    for path in ("/notes", "/later"):
        assert [each["text"] for each in client.get(path).json()] == ["by hand", "by a request", "by a script"]
    assert db.scalar(select(func.count()).select_from(Note)) == 3

def test_a_request_that_fails_takes_only_its_own_work_back(db, client):
    client.post("/notes", json={"text": "stays"}).expect(201)
    with pytest.raises(LookupError):
        client.post("/broken")
    assert [each["text"] for each in client.get("/notes").json()] == ["stays"]

def test_a_client_alone(client):
    assert client.get("/notes").json() == []
    client.post("/notes", json={"text": "by a request"}).expect(201)

@pytest.mark.committing
def test_what_commits(db, client):
    client.post("/notes", json={"text": "kept"}).expect(201)
    assert db.scalar(select(func.count()).select_from(Note)) == 1

def test_what_was_committed_is_there(client):
    assert [each["text"] for each in client.get("/notes").json()] == ["kept"]
"""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A project with an app that has a database, and data in it that tests must not touch."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\npythonpath = .\n")
    (tmp_path / "app.py").write_text(APP)
    with contextlib.closing(sqlite3.connect(tmp_path / "precious.db")) as precious, precious:
        precious.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text VARCHAR NOT NULL)")
        precious.execute("INSERT INTO note (text) VALUES ('precious')")
    precious.close()
    return tmp_path


def run(top: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=top, timeout=120)
    return done.returncode, done.stdout + done.stderr


def kept(top: Path) -> list[tuple[str]]:
    with contextlib.closing(sqlite3.connect(top / "precious.db")) as precious, precious:
        found = precious.execute("SELECT text FROM note").fetchall()
    precious.close()
    return found


def test_each_test_is_rolled_back_and_the_data_is_never_touched(top: Path) -> None:
    (top / "test_app.py").write_text(TEST)
    status, text = run(top)
    assert status == 0, text
    assert "6 passed" in text
    assert kept(top) == [("precious",)]


def test_each_of_two_processes_has_a_database_of_its_own(top: Path) -> None:
    (top / "test_app.py").write_text(TEST.replace("def test_what_was_committed_is_there", "def _unused"))
    status, text = run(top, "-n", "2", "--dist", "load")
    assert status == 0, text
    assert "5 passed" in text


def test_db_without_a_database_says_what_to_do(top: Path) -> None:
    (top / "app.py").write_text("from wholestack import App\n\napp = App(docs=False)\n")
    (top / "test_app.py").write_text("def test_it(db):\n    pass\n")
    status, text = run(top)
    assert status == 1
    assert "app.use(Database())" in text


def test_the_tables_come_from_the_migrations(top: Path) -> None:
    make = [sys.executable, "-m", "wholestack", "db", "make", "app.py", "first"]
    done = subprocess.run(make, capture_output=True, text=True, cwd=top, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = (
        "from app import app\nfrom wholestack.db import Database, text\n\n\ndef test_history(db):\n"
        '    assert db.scalar(text("SELECT count(*) FROM note")) == 0\n'
        '    names = [each[0] for each in db.execute(text("SELECT name FROM sqlite_master"))]\n'
        '    assert any("version" in each or "migration" in each for each in names), names\n'
    )
    (top / "test_app.py").write_text(seen)
    status, said = run(top)
    assert status == 0, said
