"""Greenlets that drive one request after the other: nothing goes from one to the next."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import greenlet
import pytest

from wholestack.handlers import Drive, is_driven, wait
from wholestack.handlers._drive import _home

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


class Thing:
    """Something that can be seen to be gone."""


@pytest.fixture(autouse=True)
def idle() -> list[Any]:
    _home.idle.clear()
    return _home.idle


async def slept(value: Any, seconds: float = 0.0) -> Any:
    await asyncio.sleep(seconds)
    return value


async def current() -> tuple[Any, Any]:
    found = greenlet.getcurrent()
    return found, wait(slept(greenlet.getcurrent()))


def test_one_greenlet_drives_what_comes_one_after_the_other(idle: list[Any]) -> None:
    async def main() -> list[Any]:
        return [await Drive(current()) for _ in range(3)]

    found = asyncio.run(main())
    assert len({each for pair in found for each in pair}) == 1
    assert idle == [found[0][0]]


def test_those_at_the_same_time_have_one_each(idle: list[Any]) -> None:
    async def one(value: int) -> int:
        return int(wait(slept(value, 0.01)))

    async def many(count: int) -> list[int]:
        return await asyncio.gather(*(_awaited(Drive(one(value))) for value in range(count)))

    assert asyncio.run(many(7)) == [*range(7)]
    assert len({*idle}) == 7
    assert asyncio.run(many(5)) == [*range(5)]  # Another loop of the same thread.
    assert len({*idle}) == 7
    assert asyncio.run(many(300)) == [*range(300)]
    assert len(idle) == 100


async def _awaited(found: Awaitable[Any]) -> Any:
    return await found


def test_each_has_the_context_of_its_own_task(idle: list[Any]) -> None:
    async def handler() -> tuple[str, str]:
        before = NAME.get()
        NAME.set(f"{before}, changed")
        return before, wait(slept(NAME.get()))

    async def task(name: str) -> tuple[Any, str]:
        NAME.set(name)
        return await Drive(handler()), NAME.get()

    async def main() -> list[Any]:
        return [await asyncio.create_task(task(name)) for name in ("Ann", "Ben")]

    assert asyncio.run(main()) == [((each, f"{each}, changed"), f"{each}, changed") for each in ("Ann", "Ben")]
    assert [each.gr_context for each in idle] == [None]


def test_an_idle_one_holds_nothing_of_the_last(idle: list[Any]) -> None:
    seen: list[weakref.ref[Thing]] = []

    async def handler() -> Thing:
        loop = asyncio.get_running_loop()
        things = [Thing(), Thing()]
        seen.extend(weakref.ref(each) for each in things)
        future = loop.create_future()
        loop.call_soon(future.set_result, things.pop())
        await future  # What it waited for last is let go of, too.
        return things.pop()

    async def main() -> None:
        await Drive(handler())
        await Drive(handler())

    asyncio.run(main())
    gc.collect()
    assert ([each() for each in seen], len(idle)) == ([None] * 4, 1)


def failed(error: BaseException) -> Callable[[], Awaitable[Any]]:
    async def handler() -> None:
        wait(slept(1))
        raise error

    return handler


@pytest.mark.parametrize(
    "error", [ValueError("mine"), StopAsyncIteration(), SystemExit(3)], ids=lambda e: type(e).__name__
)
def test_one_that_has_raised_drives_no_more(idle: list[Any], error: BaseException) -> None:
    async def main() -> Any:
        with pytest.raises(type(error)) as found:
            await Drive(failed(error)())  # type: ignore[arg-type]
        return found.value is error, await Drive(slept("well"))

    assert asyncio.run(main()) == (True, "well")
    assert len(idle) == 1


def test_a_cancelled_one_ends_where_it_waits(idle: list[Any]) -> None:
    ended: list[str] = []

    async def handler() -> str:
        try:
            wait(slept(1, 60))
        finally:
            ended.append("cleaned up")
        return "never"

    async def caught() -> str:
        try:
            wait(slept(1, 60))
        except asyncio.CancelledError:
            return str(wait(slept("answered")))
        return "never"

    async def main() -> str:
        task = asyncio.create_task(_awaited(Drive(handler())))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        other = asyncio.create_task(_awaited(Drive(caught())))
        await asyncio.sleep(0.01)
        other.cancel()
        return str(await other)

    assert asyncio.run(main()) == "answered"
    assert ended == ["cleaned up"]
    assert len(idle) == 1


def test_one_within_another(idle: list[Any]) -> None:
    async def inner(value: int) -> int:
        assert is_driven()
        return int(wait(slept(value)))

    async def outer() -> list[int]:
        return [await Drive(inner(1)), wait(_awaited(Drive(inner(2)))), wait(slept(3))]

    async def main() -> list[Any]:
        found = [await Drive(outer()), await Drive(outer())]
        # What was within another is not any more.
        return [*found, *await asyncio.gather(*(_awaited(Drive(inner(value))) for value in (4, 5)))]

    assert asyncio.run(main()) == [[1, 2, 3], [1, 2, 3], 4, 5]
    assert len({*idle}) == len(idle) == 2
    assert not is_driven()


def test_one_that_is_left_in_the_middle_is_closed(idle: list[Any]) -> None:
    closed: list[str] = []

    async def handler() -> None:
        try:
            wait(slept(1, 60))
        except GeneratorExit:
            closed.append("closed")
            raise

    async def main() -> None:
        steps = Drive(handler()).__await__()
        next(steps)
        steps.close()  # As Python does with what nobody awaits any more.

    asyncio.run(main())
    assert (closed, idle) == (["closed"], [])
