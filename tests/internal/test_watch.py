"""Time limits, and cancellations that are not theirs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wholestack.servers import Watch


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setattr("wholestack.servers._watch._EVERY", 0.01)
    return Watch()


def test_a_loop_has_one_look_however_often_loops_take_turns(watch: Watch) -> None:
    loops = [asyncio.new_event_loop(), asyncio.new_event_loop()]

    async def begin() -> None:
        watch.begin(asyncio.get_running_loop())

    async def looks() -> int:
        loop: Any = asyncio.get_running_loop()
        await asyncio.sleep(0.05)
        return sum(
            1 for handle in (*loop._scheduled, *loop._ready) if not handle.cancelled() and "_look" in repr(handle)
        )

    for _ in range(10):
        for loop in loops:
            loop.run_until_complete(begin())
    assert [loop.run_until_complete(looks()) for loop in loops] == [0, 1]
    for loop in loops:
        loop.close()


def test_whose_cancellation_it_was(watch: Watch) -> None:
    async def cut(deadline: float | None, outside: bool) -> tuple[str, int]:
        task: Any = asyncio.current_task()
        watch.begin(asyncio.get_running_loop())
        if deadline is not None:
            watch.deadlines[task] = deadline
        if outside:
            asyncio.get_running_loop().call_later(0.01, task.cancel)
        try:
            if deadline is None and not outside:
                raise asyncio.CancelledError  # as of a task that it waited for
            await asyncio.sleep(1)
        except asyncio.CancelledError as error:
            return type(watch.answer_to(task, error)).__name__, task.cancelling()
        return "nothing", 0

    assert asyncio.run(cut(0.0, outside=False)) == ("ServiceUnavailable", 0)
    assert asyncio.run(cut(None, outside=True)) == ("NoneType", 1)
    assert asyncio.run(cut(None, outside=False)) == ("RuntimeError", 0)
