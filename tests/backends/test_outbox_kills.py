"""Rows H1 and H4 of the table of faults: processes of a served app that are killed, or frozen for a while."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import databases
from backends.outbox_shop import PATIENCE, Shop
from databases import until

pytestmark = [
    pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True),
    pytest.mark.usefixtures("untraced"),  # What is measured runs in other processes.
]


@pytest.fixture
def served(url: str, tmp_path: Path, long: bool) -> Iterator[Shop]:
    shop = Shop(url, tmp_path, long)
    yield shop
    shop.end()


def test_h1_a_killed_process_loses_nothing(served: Shop, long: bool) -> None:
    count = 100 if long else 24
    names = [f"t{number}" for number in range(count)]
    process = served.serve()
    for task, of_this in (("effect", names[::2]), ("effect_async", names[1::2])):
        served.post(f"/put/{task}", [{"what": each, "seconds": 0.1} for each in of_this])
    until(lambda: len(served.effects()) >= 4, PATIENCE)
    [worker] = process.pids()
    os.kill(worker, signal.SIGKILL)
    if long:  # And all of it, not only its worker.
        served.serve()
    begun = time.monotonic()
    served.until_states(done=count)
    assert time.monotonic() - begun <= (60 if long else PATIENCE)
    assert served.effects() == Counter(names)
    again = {what: times for what, times in Counter(what for what, _ in served.begun()).items() if times > 1}
    assert len(again) <= 4  # As many as ran at a time.
    assert set(again.values()) <= {2}
    assert served.rows("SELECT COUNT(*) FROM outbox WHERE failures > 0 OR attempts > 2") == [(0,)]


def test_h4_a_frozen_process_is_taken_over_and_its_late_result_refused(served: Shop, long: bool) -> None:
    process = served.serve("--workers", "2")
    until(lambda: len(process.pids()) == 2, PATIENCE)
    served.post("/put/effect", [{"what": "once", "seconds": 1.0}])
    [(_, first)] = until(served.begun, PATIENCE)
    freeze(served, first)
    begun = time.monotonic()
    until(lambda: len(served.begun()) == 2, PATIENCE)
    assert time.monotonic() - begun <= (60 if long else PATIENCE)
    assert served.begun()[1][1] != first
    served.until_states(done=1)
    os.kill(first, signal.SIGCONT)
    process.said("is refused", PATIENCE)
    assert served.effects() == Counter(["once"])
    assert served.rows("SELECT state, attempts, crashes, failures FROM outbox") == [("done", 2, 1, 0)]


def freeze(served: Shop, pid: int) -> None:
    """Stop a process at a moment when it does not hold SQLite's one lock, as nobody could write before it goes on."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        if not served.url.startswith("sqlite"):
            return
        with contextlib.closing(databases.connect(served.url)) as connection:
            connection.execute("PRAGMA busy_timeout = 100")
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
                return
            except Exception as error:
                assert "locked" in str(error)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)
