"""What the guard of the event loop sees of a loop that has nothing to do: nothing, however late its sign of life is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from wholestack.debug._guard import Watchdog


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_an_idle_loop_blocks_nothing(new_loop: Callable[[], Any]) -> None:
    loop, seen = new_loop(), []

    async def life() -> None:
        watchdog = Watchdog(loop, 0.05, 1.0)
        loop.call_soon(watchdog._remember)
        await asyncio.sleep(0.1)
        thread = threading.Thread(target=lambda: (time.sleep(0.1), seen.append(watchdog._stack())))
        thread.start()
        await asyncio.sleep(0.4)
        assert watchdog._below

    def run() -> None:
        loop.run_until_complete(life())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [[]]
