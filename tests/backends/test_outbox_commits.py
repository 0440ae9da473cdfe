"""Row H3 of the table of faults: a task is there if, and only if, what it was put for is; whoever is killed when."""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.outbox_shop import PATIENCE, Shop
from databases import until
from servers import serving

pytestmark = [
    pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True),
    pytest.mark.usefixtures("untraced"),  # What is measured runs in other processes.
]


@pytest.fixture
def served(url: str, tmp_path: Path, long: bool) -> Iterator[Shop]:
    shop = Shop(url, tmp_path, long)
    yield shop
    shop.end()


def test_h3_a_task_is_there_if_and_only_if_its_row_is(served: Shop, long: bool) -> None:
    process = served.serve(OUTBOX_CONCURRENCY="2")
    for number in range(30 if long else 2):
        if number and number % 4 == 0:  # Whose workers die young again and again, gives up in the end.
            process = served.serve(OUTBOX_CONCURRENCY="2")
        until(process.pids, PATIENCE)
        wait = random.uniform(0.0, 0.05)
        puts = [functools.partial(served.post, f"/notes/s{number}-{index}?wait={wait}") for index in range(8)]
        serving.all_of([*puts, functools.partial(kill, process, wait)])
        until(process._open, PATIENCE)
    served.end()
    rounds = 1000 if long else 20
    environment = serving.environment(DATABASE_URL=served.url, EVENTS=str(served.events), WHOLESTACK_STAGE="test")
    command = [sys.executable, str(Path(__file__).with_name("outbox_forks.py")), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1800, check=True)
    assert done.stdout.split() == ["killed", str(rounds)]
    notes = {text for (text,) in served.rows("SELECT text FROM note")}
    tasks = [json.loads(payload)["what"] for (payload,) in served.rows("SELECT payload FROM outbox")]
    assert set(tasks) == notes
    assert len(tasks) == len(notes) >= rounds
    assert set(served.effects()) <= notes


def kill(process: serving.Serving, seconds: float) -> None:
    """Kill the workers after a while; their parent starts others."""
    time.sleep(seconds)
    for each in process.pids():
        os.kill(each, signal.SIGKILL)
