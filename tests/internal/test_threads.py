"""The worker threads: who runs what, when they are full, and that no call waits behind another one for nothing."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from wholestack.errors import ServiceUnavailable
from wholestack.servers import Workers

WHO = contextvars.ContextVar("WHO", default="nobody")


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


def test_a_call_has_a_result_or_an_error_and_the_tasks_context() -> None:
    async def main() -> None:
        workers = Workers(2, 10)
        WHO.set("me")
        assert await workers.run(lambda a, b: a + b, 1, 2) == 3
        assert await workers.run(WHO.get) == "me"
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await workers.run(next, iter(()))
        workers.stop()

    asyncio.run(main())


def test_a_call_never_waits_behind_another_while_a_thread_could_be_started(hasty: None) -> None:
    async def main() -> None:
        for _ in range(25):
            workers = Workers(2, 10)
            await workers.run(int)  # a thread is there, and idle
            hold = threading.Event()
            slow = workers.run(hold.wait, 10)
            time.sleep(0)
            assert await asyncio.wait_for(workers.run(int), 5) == 0
            hold.set()
            await slow
            workers.stop()

    asyncio.run(main())


def test_calls_after_a_stop_get_threads_of_their_own(hasty: None) -> None:
    async def main() -> None:
        workers = Workers(2, 10)
        for _ in range(25):
            assert await asyncio.wait_for(workers.run(int), 5) == 0
            workers.stop()

    asyncio.run(main())


def test_calls_one_after_another_share_a_thread() -> None:
    async def main() -> None:
        workers = Workers(5, 10)
        seen = set()
        for _ in range(10):
            seen.add(await workers.run(threading.get_ident))
            await asyncio.sleep(0.01)  # the thread has time to be idle again
        assert len(seen) == 1
        workers.stop()

    asyncio.run(main())


def test_one_pool_serves_one_loop_after_another() -> None:
    workers = Workers(1, 1)

    async def main() -> int:
        return await asyncio.wait_for(workers.run(int), 5)

    assert asyncio.run(main()) == 0
    assert asyncio.run(main()) == 0
    workers.stop()


def test_threads_are_bounded_and_a_full_pool_says_so_at_once() -> None:
    async def main() -> None:
        workers = Workers(2, 1)
        hold = threading.Event()
        running = [workers.run(hold.wait, 10) for _ in range(2)]
        await asyncio.sleep(0.05)
        waiting = workers.run(int)
        with pytest.raises(ServiceUnavailable) as refused:
            workers.run(int)
        assert refused.value.headers["retry-after"]
        hold.set()
        assert await waiting == 0
        assert await asyncio.gather(*running) == [True, True]
        assert await workers.run(int) == 0
        workers.stop()

    asyncio.run(main())


def test_nobody_waits_any_more() -> None:
    workers = Workers(1, 2)  # the first call may not have been fetched when the second is made
    hold = threading.Event()

    async def cancelled() -> None:
        future = workers.run(hold.wait, 10)
        future.cancel()
        hold.set()
        assert await workers.run(int) == 0

    asyncio.run(cancelled())
    hold.clear()

    async def gone() -> None:
        workers.run(hold.wait, 10)

    asyncio.run(gone())
    hold.set()  # its loop is closed by now
    assert asyncio.run(_one(workers)) == 0
    workers.stop()


async def _one(workers: Workers) -> int:
    return await workers.run(int)
