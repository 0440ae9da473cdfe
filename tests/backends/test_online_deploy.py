"""A release that renames a table and splits a column, on a live database under load: no request fails.

The two releases are those of docs/guides/online-migrations.md: examples/online/before and examples/online/after.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

import databases
from backends.online import asked, migrations
from house.source import TOP
from servers import serving
from servers.serving import Serving
from wholestack.db import Database
from wholestack.migrations import How, UnsafeMigration, migrate, rollback

RELEASES = TOP / "examples" / "online"
numbers = itertools.count(1)


class Clients:
    """Clients of one release: each lists, creates, and writes to what it has created, one after the other.

    Arguments:
        port: where it is served.
        new: what is sent to create somebody; `{}` stands for a number.
        read: the name in an answer, as one text.
    """

    def __init__(self, port: int, new: dict[str, str], read: Callable[[Any], str], clients: int = 3) -> None:
        self.port, self.new, self.read = port, new, read
        self.failed: list[str] = []
        self.created: dict[int, str] = {}
        self.rounds = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Let each finish what it has begun."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def more(self, count: int) -> None:
        """Wait for so many rounds more."""
        wanted = self.rounds + count
        databases.until(lambda: self.rounds >= wanted or self.failed, 120)

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            while not self._stop.is_set() and not self.failed:
                try:
                    self._round(connection)
                except Exception as error:
                    self.failed.append(repr(error))

    def _round(self, connection: Any) -> None:
        number = next(numbers)
        self._ask(connection, "GET", "/people")
        sent = {key: value.format(number) for key, value in self.new.items()}
        person = self._ask(connection, "POST", "/people", sent)
        wanted = self.read(sent)
        assert self.read(person) == wanted, (person, wanted)
        self.created[person["id"]] = wanted
        visited = self._ask(connection, "POST", f"/people/{person['id']}/visits")
        assert (self.read(visited), visited["visits"]) == (wanted, 1), visited
        self.rounds += 1

    def _ask(self, connection: Any, method: str, path: str, body: Any = None) -> Any:
        headers = {"content-type": "application/json"} if body is not None else {}
        content = json.dumps(body) if body is not None else "" if method == "POST" else None
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            self.failed.append(f"{method} {path}: {answer.status} {text[:300]!r}")
            raise ValueError(answer.status)
        return json.loads(text)


@pytest.fixture
def club(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A database of the release before with people in it, and a folder with both releases."""
    with databases.fresh("postgresql", tmp_path) as url:
        shutil.copytree(RELEASES, tmp_path / "online", ignore=shutil.ignore_patterns("__pycache__"))
        migrate(Database(url, migrations=str(RELEASES / "before" / "migrations")))
        with asked(url) as connection:
            connection.execute(
                "INSERT INTO person (name, visits) SELECT 'Ada ' || n || ' Lovelace', 0 FROM generate_series(1, 5000) n"
            )
        yield url, tmp_path / "online"


def wholestack(url: str, folder: Path, *words: str, code: int = 0) -> str:
    """`wholestack db …` in a release's folder."""
    command = [sys.executable, "-m", "wholestack", "db", *words]
    environment = serving.environment(DATABASE_URL=url)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def served(url: str, folder: Path) -> Serving:
    return serving.serve(app="app.py", cwd=folder, environment={"DATABASE_URL": url})


def one_name(person: Any) -> str:
    return str(person["name"])


def two_names(person: Any) -> str:
    return f"{person['first_name']} {person['last_name']}"


@pytest.mark.services("postgresql")
def test_G3_a_table_renamed_and_a_column_split_under_load(club: tuple[str, Path], long: bool) -> None:
    url, folder = club
    rounds = 300 if long else 30
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(served(url, folder / "before")).ready()
        old = stack.enter_context(Clients(before.port, {"name": "Old {} Code"}, one_name))
        old.more(rounds)
        assert "Applied 0002" in wholestack(url, folder / "after", "migrate", "--phase", "expand")
        old.more(rounds)
        after = stack.enter_context(served(url, folder / "after")).ready()
        new = stack.enter_context(Clients(after.port, {"first_name": "New", "last_name": "{} Code"}, two_names))
        new.more(rounds)
        old.more(rounds)
        assert (old.failed, new.failed) == ([], [])
        both_forms(url, old, new)
        old.stop()
        assert before.stop(signal.SIGTERM)[0] == 0
        assert "Applied 0003" in wholestack(url, folder / "after", "migrate", "--phase", "contract")
        new.more(rounds)
        new.stop()
    assert (old.failed, new.failed) == ([], [])
    found = dict(databases.rows(url, "SELECT id, first_name || ' ' || last_name FROM member"))
    assert {key: found[key] for key in (old.created | new.created)} == old.created | new.created
    assert databases.rows(url, "SELECT count(*) FROM member WHERE first_name = 'Ada' AND last_name LIKE '% Lovelace'")
    assert databases.rows(url, "SELECT count(*) FROM member")[0][0] == 5000 + len(old.created) + len(new.created)
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name IN ('member', 'person')"
    assert sorted(databases.rows(url, columns)) == [("first_name",), ("id",), ("last_name",), ("visits",)]


@pytest.mark.services("postgresql")
@pytest.mark.parametrize("contracted", [True, False])
def test_G3_the_release_can_be_taken_back(club: tuple[str, Path], contracted: bool) -> None:
    """The view of the old name is there again on the way back, and holds no column that has to go."""
    url, folder = club
    wholestack(url, folder / "after", "migrate", *([] if contracted else ["--phase", "expand"]))
    database = Database(url, migrations=str(folder / "after" / "migrations"))
    rollback(database, to="0001", how=How(tell=lambda _: None))
    found = databases.rows(url, "SELECT id, name, visits FROM person ORDER BY id LIMIT 1")
    assert found == [(1, "Ada 1 Lovelace", 0)]
    assert databases.rows(url, "SELECT table_name FROM information_schema.views WHERE table_schema = 'public'") == []
    database.dispose()


def test_G3_a_release_is_checked_against_the_one_before(club: tuple[str, Path]) -> None:
    """Its phases are: the old code lives with the first. Where all of it comes at once, it does not."""
    url, folder = club
    release = wholestack(url, folder / "before", "snapshot")
    (folder / "after" / "release.json").write_text(release)
    said = wholestack(url, folder / "after", "check", "--against", "release.json", code=1)
    assert "0002_members_with_two_names is pending" in said
    assert "cannot live" not in said
    late = folder / "after" / "migrations" / "0003_members_with_two_names_contract.py"
    late.write_text(late.read_text().replace('phase = "contract"', 'phase = "expand"'))
    said = wholestack(url, folder / "after", "check", "--against", "release.json", code=1)
    assert "the code of release.json cannot live with it: drop-view: DROP VIEW person" in said


def both_forms(url: str, old: Clients, new: Clients) -> None:
    """Each release sees what the other one has written, in its own form."""
    written = [dict(old.created), dict(new.created)]
    by_old = dict(databases.rows(url, "SELECT id, name FROM person"))
    by_new = dict(databases.rows(url, "SELECT id, first_name || ' ' || last_name FROM member"))
    for each in written:
        assert {key: by_old[key] for key in each} == each
        assert {key: by_new[key] for key in each} == each
    assert None not in by_new.values()


UNSAFE = {
    "drop-column": 'op.drop_column("person", "name")',
    "rename-column": 'op.alter_column("person", "name", new_column_name="full_name")',
    "rename-table": 'op.rename_table("person", "member")',
    "add-not-null": 'op.add_column("person", sa.Column("age", sa.Integer, nullable=False))',
    "index-not-concurrent": 'op.create_index("ix_person_name", "person", ["name"])',
}


@pytest.mark.parametrize("code", UNSAFE)
def test_G3_what_is_unsafe_is_refused_by_name(club: tuple[str, Path], code: str) -> None:
    """Nothing is applied, and the message says what to do; acknowledged with a reason it is."""
    url, folder = club
    first = (folder / "before" / "migrations" / "0001_first.py").read_text()
    file = folder / "before" / "migrations" / "0002_unsafe.py"
    text = first.partition("def upgrade")[0].replace("= None\nbranch", '= "c1ub00000001"\nbranch')
    text = text.replace('revision = "c1ub00000001"\ndown', 'revision = "c1ub00000002"\ndown')
    file.write_text(f"{text}def upgrade():\n    {UNSAFE[code]}\n\n\ndef downgrade():\n    op.execute('SELECT 1')\n")
    before = databases.rows(url, "SELECT * FROM person WHERE id = 1")
    database = Database(url, migrations=str(file.parent))
    with pytest.raises(UnsafeMigration, match=f"0002_unsafe: {code}: "):
        migrate(database)
    assert databases.rows(url, "SELECT * FROM person WHERE id = 1") == before
    assert databases.rows(url, "SELECT version_num FROM alembic_version") == [("c1ub00000001",)]
    said = text + f"acknowledged = {{{code!r}: 'Nobody uses it yet.', 'new-restriction': 'x', 'irreversible': 'x'}}\n"
    file.write_text(f"{said}\ndef upgrade():\n    {UNSAFE[code]}\n")
    with contextlib.closing(databases.connect(url)) as connection:
        connection.execute("DELETE FROM person")
    assert migrate(Database(url, migrations=str(file.parent))) == ["0002_unsafe"]


@pytest.mark.services("postgresql")
def test_G4_a_change_behind_a_long_query(tmp_path: Path, long: bool) -> None:
    """It gives up its place in the queue after a while, and tries again: others read meanwhile."""
    seconds = 10 if long else 4
    with databases.fresh("postgresql", tmp_path) as url:
        folder = migrations(
            tmp_path / "migrations",
            a='op.create_table("note", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("a", sa.Text))',
            b='op.add_column("note", sa.Column("b", sa.Text))\n---\nop.drop_column("note", "b")',
        )
        database = Database(url, migrations=str(folder))
        migrate(database, to="a")
        told: list[str] = []
        with asked(url) as holder, reading(url) as taken:
            holder.execute("BEGIN")
            holder.execute("SELECT count(*) FROM note")  # a long query: it has the table until it ends
            thread = threading.Thread(target=migrate, args=[database], kwargs={"how": How(tell=told.append)})
            begun = time.monotonic()
            thread.start()
            time.sleep(seconds)
            assert thread.is_alive()
            while_it_waited = len(taken)
            holder.execute("COMMIT")
            thread.join(60)
            waited = time.monotonic() - begun
        assert databases.rows(url, "SELECT column_name FROM information_schema.columns WHERE column_name = 'b'")
        assert any("trying again" in line for line in told)
        slow = sorted(taken[:while_it_waited])
        assert slow[int(len(slow) * 0.99)] < 1, "99 of 100 reads take less than a second"
        assert slow[-1] < waited / 2 * serving.pace(), "no read waits as long as the long query takes"
        database.dispose()


@contextlib.contextmanager
def reading(url: str) -> Iterator[list[float]]:
    """Four clients read the table again and again; the seconds that each read took."""
    taken: list[float] = []
    stop = threading.Event()

    def read() -> None:
        with asked(url) as connection:
            while not stop.is_set():
                begun = time.monotonic()
                connection.execute("SELECT count(*) FROM note")
                taken.append(time.monotonic() - begun)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield taken
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
