"""`wholestack outbox`: workers without a socket, and entries that are listed, run again and taken back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from servers import serving

Write = Callable[[str, str], Path]
APP = """
from sqlalchemy.orm import DeclarativeBase
from wholestack import App
from wholestack.db import Database, Mapped, Session, mapped_column
from wholestack.outbox import Outbox, Queue, given, task

class Base(DeclarativeBase):
    pass

class Told(Base):
    __tablename__ = "told"
    post_id: Mapped[int] = mapped_column(primary_key=True)

@task(retries=0)
def tell(post_id: int, *, db: Session = given) -> None:
    if post_id == 13:
        raise ValueError("no luck")
    db.add(Told(post_id=post_id))

app = App(docs=False)
app.use(Database("sqlite:///shop.db", models=Base, migrations=None), Outbox(embedded=False, poll=0.1))

@app.command
def publish(first: int, count: int) -> list[int]:
    app.plugin(Database).create_tables()
    with app.session() as db:
        queue = Queue(app, db)
        return [queue.put(tell, first + number) for number in range(count)]

@app.command
def work() -> int:
    from wholestack.outbox import settle
    return len(settle(app))
"""


@pytest.fixture
def shop(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOLESTACK_STAGE", "test")
    write("shop.py", APP)


def test_entries_are_listed_and_run_again(wholestack: Any, shop: None) -> None:
    assert wholestack("run", "shop.py", "publish", "11", "3").code == 0
    assert wholestack("outbox", "list", "shop.py").out.splitlines()[:2] == [
        "3 waiting, 0 running, 0 done, 0 dead, 0 cancelled, 0 parked",
        "3  waiting    shop.tell, 0 attempts",
    ]
    assert wholestack("outbox", "cancel", "shop.py", "1", "99").code == 1
    assert wholestack("run", "shop.py", "work").out.strip() == "2"
    listed = wholestack("outbox", "list", "shop.py").out.splitlines()
    assert listed[0] == "0 waiting, 0 running, 1 done, 1 dead, 1 cancelled, 0 parked"
    assert listed[1].startswith("3  dead       shop.tell, 1 attempt: ValueError: no luck (")
    assert listed[2:] == ["1  cancelled  shop.tell, 0 attempts"]
    document = json.loads(wholestack("outbox", "list", "shop.py", "--json", "--state", "done").out)
    assert document["counts"]["done"] == 1
    assert [(each["id"], each["state"]) for each in document["entries"]] == [(2, "done")]
    done = wholestack("outbox", "retry", "shop.py", "--all", "dead")
    assert (done.code, done.out) == (0, "1 waiting.\n")
    done = wholestack("outbox", "retry", "shop.py", "1", "1", "3")
    assert (done.code, done.out) == (1, "1 waiting.\n")
    assert done.err == "3 has nothing to retry: it waits or runs, or is not there.\n"


@pytest.mark.parametrize("words", [("retry",), ("retry", "shop.py"), ("cancel", "shop.py", "first")])
def test_numbers_are_needed(wholestack: Any, shop: None, words: tuple[str, ...]) -> None:
    done = wholestack("outbox", *words)
    assert done.code == 2
    assert "the numbers of entries" in done.err


def test_an_app_without_an_outbox_and_one_without_a_table(wholestack: Any, shop: None, write: Write) -> None:
    write("plain.py", "from wholestack import App\napp = App()")
    done = wholestack("outbox", "list", "plain.py")
    assert done.code == 1
    assert "[no-plugin]" in done.err
    done = wholestack("outbox", "list", "shop.py")
    assert done.code == 1
    assert "The database said no: no such table: outbox" in done.err


@pytest.mark.usefixtures("untraced")
def test_workers_run_tasks_and_serve_nothing(wholestack: Any, shop: None, tmp_path: Path) -> None:
    assert wholestack("run", "shop.py", "publish", "1", "5").code == 0
    with serving.Serving("outbox", "run", "shop.py", "--workers", "2", cwd=tmp_path) as process:
        process.said("serving the tasks of shop.py")
        serving.until(lambda: told(tmp_path) == [1, 2, 3, 4, 5])
        workers = process.pids()
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        serving.until(lambda: len(process.pids()) == 2 and workers[0] not in process.pids())
        code, _ = process.stop()
    assert code == 0


def test_no_worker_is_started_for_an_app_without_an_outbox(wholestack: Any, write: Write) -> None:
    write("plain.py", "from wholestack import App\napp = App()")
    assert wholestack("outbox", "run", "plain.py").code == 1


def told(folder: Path) -> list[int]:
    with contextlib.closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        rows = connection.execute("SELECT post_id FROM told ORDER BY post_id").fetchall()
    connection.close()
    return [number for (number,) in rows]
