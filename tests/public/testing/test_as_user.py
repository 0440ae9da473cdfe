"""The fixtures `as_user` and `async_as_user` in a project of its own; on each database: tests/backends/test_as_user.py."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

APP = """
from wholestack import App
from wholestack.auth import Auth, UserMixin, role
from wholestack.db import Database, UUIDModel

class User(UserMixin, UUIDModel):
    pass

app = App(docs=False)
app.use(Database("sqlite:///precious.db", migrations=None), Auth(User))

@app.lifespan
def life():
    import contextlib

    @contextlib.asynccontextmanager
    async def noted():
        print("started")
        yield
        print("stopped")

    return noted()

@app.get("/desk", needs=role("editor"))
def desk(user: User) -> str:
    return user.email
"""

TEST = """
import asyncio

def test_two_users(as_user):
    assert as_user("editor").get("/desk").text == "user1@example.org"
    assert as_user().get("/desk").status == 403

def test_alone_and_awaited(async_as_user):
    async def ask():
        return (await async_as_user("editor").get("/desk")).text

    assert asyncio.run(ask()) == "user1@example.org"

def test_with_others(client, as_user, db):
    assert client.get("/desk").status == 401
    assert as_user("editor").get("/desk").text == "user1@example.org"
"""


def run(top: Path) -> tuple[int, str]:
    (top / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\npythonpath = .\n")
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=top, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_users_of_each_test_are_rolled_back(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "test_app.py").write_text(TEST)
    with contextlib.closing(sqlite3.connect(tmp_path / "precious.db")) as precious, precious:
        precious.execute("CREATE TABLE kept (id INTEGER)")
    precious.close()
    status, text = run(tmp_path)
    assert (status, text.count("started"), text.count("stopped")) == (0, 3, 3), text
    with contextlib.closing(sqlite3.connect(tmp_path / "precious.db")) as precious, precious:
        assert precious.execute("SELECT name FROM sqlite_master").fetchall() == [("kept",)]
    precious.close()


def test_what_it_says_without_a_login(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from wholestack import App\n\napp = App(docs=False)\n")
    (tmp_path / "test_app.py").write_text("def test_it(as_user):\n    as_user()\n")
    status, text = run(tmp_path)
    assert status == 1 and "no-plugin" in text
