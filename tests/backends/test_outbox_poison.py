"""Row H5 of the table of faults: tasks that end the process they run in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def test_h5_a_task_that_ends_its_process_is_given_up_and_the_others_run(served: Shop, long: bool) -> None:
    served.lease = 2.0
    process = served.serve("--workers", "2")
    served.post("/put/poison", [{"how": how} for how in (("abort", "kill", "leave") if long else ("abort",))])
    served.post("/put/poison", [{"how": "exit"}])  # Python's own exit ends the task, and not the process.
    names = [f"t{number}" for number in range(20)]
    served.post("/put/effect", [{"what": each, "seconds": 0.02} for each in names])
    served.until_states(done=20, dead=4 if long else 2)
    dead = served.rows(
        "SELECT payload, attempts, crashes, failures, error FROM outbox WHERE state = 'dead' ORDER BY id"
    )
    for payload, attempts, crashes, failures, error in dead:
        if "exit" in payload:  # Whatever ran beside the others was cut off with them now and then.
            assert (attempts - crashes, failures) == (1, 1) and crashes < 3 and "exit" in error
        else:
            assert (attempts, crashes, failures) == (3, 3, 0)
            assert "its process ended without a word 3 times" in error
    assert served.effects() == Counter(names)
    until(lambda: len(process.pids()) == 2 and process._open(), PATIENCE)
