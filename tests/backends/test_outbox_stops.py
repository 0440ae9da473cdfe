"""Rows H2 and H9 of the table of faults: a served app that is stopped, and one that is full of work."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

import databases
from backends import outbox_app
from backends.outbox_shop import PATIENCE, Shop
from databases import until
from wholestack.db import Database
from wholestack.outbox import Queue

pytestmark = [
    pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True),
    pytest.mark.usefixtures("untraced"),  # What is measured runs in other processes.
]


@pytest.fixture
def served(url: str, tmp_path: Path, long: bool) -> Iterator[Shop]:
    shop = Shop(url, tmp_path, long)
    yield shop
    shop.end()


def test_h2_a_stop_lets_tasks_end_or_gives_them_back(served: Shop) -> None:
    process = served.serve(OUTBOX_GRACE="2")
    short = [{"what": f"short {number}", "seconds": 0.3} for number in range(2)]
    long = [{"what": f"long {number}", "seconds": 30.0} for number in range(2)]
    served.post("/put/effect", short[:1] + long[:1])
    served.post("/put/effect_async", short[1:] + long[1:])
    until(lambda: len(served.begun()) == 4, PATIENCE)
    code, taken = process.stop(seconds=PATIENCE)
    assert code == 0
    assert taken < 25  # The grace of 2 s, what every stop takes, and a slow machine; not the 30 s of the tasks.
    assert set(served.effects()) == {each["what"] for each in short}
    back = served.rows(
        "SELECT attempts, failures, crashes FROM outbox WHERE state = 'waiting' AND payload LIKE '%long%'"
    )
    assert back == [(0, 0, 0)] * 2
    assert served.states() == Counter(done=2, waiting=2)
    assert set(served.effects().values()) == {1}


def test_h9_many_entries_are_each_run_once_and_found_by_the_index(served: Shop, kind: str, long: bool) -> None:
    count = 100_000 if long else 300
    database = Database(make_url(served.url), models=outbox_app.Base, migrations=None)
    begun = time.monotonic()
    for start in range(0, count, 1000):
        with database.session() as db:
            queue = Queue(outbox_app.app, db)
            for index in range(start, min(start + 1000, count)):
                queue.put(outbox_app.plain, f"t{index}")
    database.dispose()
    print(f"{kind}: {count / (time.monotonic() - begun):.0f} put a second")
    assert "ix_outbox_due" in plan(served, kind)
    served.serve("--workers", "2")
    marks = [(time.monotonic(), count)]
    while marks[-1][1]:
        assert time.monotonic() - marks[0][0] < count * 0.1 + PATIENCE
        time.sleep(0.2)
        marks.append((time.monotonic(), served.rows("SELECT COUNT(*) FROM outbox WHERE due IS NOT NULL")[0][0]))
    rates = [rate(marks, count, part) for part in (0.2, 1.0)]
    print(f"{kind}: {count / (marks[-1][0] - marks[0][0]):.0f} run a second; at the beginning and the end {rates}")
    if long:
        assert rates[1] * 1.5 >= rates[0]
    assert served.rows("SELECT COUNT(*), COUNT(DISTINCT what) FROM effect") == [(count, count)]
    assert served.rows("SELECT MIN(attempts), MAX(attempts), MAX(crashes) FROM outbox") == [(1, 1, 0)]


def rate(marks: list[tuple[float, int]], count: int, part: float) -> float:
    """How many were run a second in the fifth that ends when this part has been run."""
    times = [next(when for when, left in marks if left <= count * (1 - each)) for each in (part - 0.2, part)]
    return count * 0.2 / max(times[1] - times[0], 0.001)


def plan(served: Shop, kind: str) -> str:
    """How the database finds what is due."""
    moment = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S")
    wanted = f"due <= '{moment}' AND state = 'waiting' AND crashes = 0 ORDER BY due, id LIMIT 4"
    with contextlib.closing(databases.connect(served.url)) as connection:
        if kind == "sqlite":
            return str(connection.execute(f"EXPLAIN QUERY PLAN SELECT id FROM outbox WHERE {wanted}").fetchall())
        connection.execute("SET enable_seqscan = off")
        return str(connection.execute(f"EXPLAIN SELECT id FROM outbox WHERE {wanted}").fetchall())
