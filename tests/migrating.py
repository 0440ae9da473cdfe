"""Models that change, for tests of migrations: bases of their own, the schema a database really has, processes to kill."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, inspect
from sqlalchemy.orm import DeclarativeBase

from servers.serving import environment
from wholestack.db import Database, Table
from wholestack.migrations import Answers, How, Made, make, migrate

QUIET = How(tell=lambda _: None)
HEAD = "import sqlalchemy as sa\nfrom alembic import op\n"


def base() -> Any:
    """A base of models with tables of its own, named and typed as ours."""

    class Base(DeclarativeBase):
        metadata = MetaData(naming_convention=Table.metadata.naming_convention)
        type_annotation_map = Table.type_annotation_map

    return Base


def models(change: Callable[[Any], object]) -> Any:
    """A base with what a function declares on it."""
    found = base()
    change(found)
    return found


class Shop:
    """A database whose models change from release to release.

    Arguments:
        url: where it is.
        folder: where its migrations are.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.open: list[Database] = []

    def release(self, change: Callable[[Any], object]) -> Database:
        """The database as a release with these models sees it."""
        database = Database(self.url, models=models(change), migrations=str(self.folder), pool=2, streams=1)
        self.open.append(database)
        return database

    def make(
        self, change: Callable[[Any], object], answers: Answers | None = None, *, plain: bool = True, **more: Any
    ) -> Made:
        """Write the migrations to a release, and apply them."""
        database = self.release(change)
        made = make(database, "a change", answers, plain=plain, **more)
        migrate(database, how=QUIET)
        return made

    def close(self) -> None:
        for each in self.open:
            each.dispose()


def write(folder: Path, name: str, after: str | None, upgrade: str, downgrade: str = "pass", more: str = "") -> None:
    """A migration written by hand; its revision is its file's number."""
    folder.mkdir(exist_ok=True)
    revision = name.partition("_")[0]
    body, back = (textwrap.indent(textwrap.dedent(each).strip(), "    ") for each in (upgrade, downgrade))
    (folder / f"{name}.py").write_text(
        f"{HEAD}\nrevision = {revision!r}\ndown_revision = {after!r}\n{more}\n\n"
        f"def upgrade():\n{body}\n\n\ndef downgrade():\n{back}\n"
    )
    # Python takes a compiled file for that of the same size and second; a test may write one twice in a second.
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)


def schema(url: str) -> dict[str, Any]:
    """What a database has, as SQLAlchemy finds it, without an order among columns; what is book-keeping is left out."""
    database = Database(url, migrations=None, pool=1, streams=1)
    try:
        with database.engine.connect() as connection, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipped unsupported reflection")
            there = inspect(connection)
            names = [each for each in there.get_table_names() if not each.startswith(("alembic_", "wholestack_"))]
            found = {name: _table(there, name) for name in names}
            found["types"] = sorted((each["name"], each["labels"]) for each in _enums(there))
            return found
    finally:
        database.dispose()


def _enums(there: Any) -> list[Any]:
    return list(there.get_enums()) if hasattr(there, "get_enums") else []


def _table(there: Any, name: str) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        return sorted(map(repr, value))

    columns = {
        each["name"]: (repr(each["type"]), each["nullable"], str(each["default"]).strip("()"))
        for each in there.get_columns(name)
    }
    keys = [
        (each["constrained_columns"], each["referred_table"], each["options"]) for each in there.get_foreign_keys(name)
    ]
    checks = [(each["name"], each["sqltext"].replace('"', "")) for each in there.get_check_constraints(name)]
    return {
        "columns": dict(sorted(columns.items())),
        "key": there.get_pk_constraint(name)["constrained_columns"],
        "foreign": plain(keys),
        "unique": plain((each["name"], each["column_names"]) for each in there.get_unique_constraints(name)),
        "indexes": plain((each["name"], each["column_names"], each["unique"]) for each in there.get_indexes(name)),
        "checks": plain(checks),
    }


SERVER = """
import json, os, signal, sys, tempfile, traceback
from sqlalchemy import event
from wholestack.db import Database
from wholestack.migrations import How, migrate, rollback

def child(out, url, folder, command, when, number):
    os.dup2(out, 1); os.dup2(out, 2)
    database = Database(url, migrations=folder, pool=2, streams=1)
    seen = 0
    def dies(moment):
        nonlocal seen
        if moment == when:
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
    event.listen(database.engine, "before_cursor_execute", lambda *_: dies("before"))
    event.listen(database.engine, "after_cursor_execute", lambda *_: dies("after"))
    event.listen(database.engine, "commit", lambda *_: dies("before"))
    how = How(wait=60, tell=lambda text: print(text, flush=True))
    if command == "migrate":
        migrate(database, how=how)
    else:
        rollback(database, to="base", how=how)
    database.dispose()
    print("statements", seen, flush=True)

for line in sys.stdin:
    running = []
    for words in json.loads(line):
        out = tempfile.TemporaryFile("w+")
        pid = os.fork()
        if pid == 0:
            try:
                child(out.fileno(), *words)
                os._exit(0)
            except BaseException:
                os.write(out.fileno(), traceback.format_exc().encode())
                os._exit(1)
        running.append((pid, out))
    answers = []
    for pid, out in running:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        answers.append((code, out.read()))
    print(json.dumps(answers), flush=True)
"""


class Migrators:
    """Processes that migrate, and are killed by SIGKILL before or after their n-th statement.

    One process has everything imported, and forks a new one for each run.
    """

    def __init__(self) -> None:
        words = [sys.executable, "-c", SERVER]
        self._server = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
        )

    def run(
        self, url: str, folder: Path, command: str = "migrate", when: str = "before", number: int = 0, times: int = 1
    ) -> list[tuple[int, str]]:
        """Run so many at once: the exit code of each (-9 where it was killed), and what it said."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps([[url, str(folder), command, when, number]] * times) + "\n")
        self._server.stdin.flush()
        return [(code, out) for code, out in json.loads(self._server.stdout.readline())]

    def one(self, *words: Any) -> tuple[int, str]:
        """Run one."""
        return self.run(*words)[0]

    def close(self) -> None:
        self._server.communicate(timeout=20)
