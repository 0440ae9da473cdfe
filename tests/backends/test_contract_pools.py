"""Connections are few, and requests many: nobody starves, and who cannot wait is told."""

from __future__ import annotations

import asyncio

from backends.asking import Colour, ask, nested_app, pool_of
from wholestack.testing import AsyncClient


def test_500_requests_on_5_connections_are_all_answered(url: str, kind: str, colour: Colour, long: bool) -> None:
    """Each asks for a session three times, through nested providers."""
    times, seconds = (500, 0.02 if kind == "sqlite" else 0.1) if long else (500, 0.005)
    app = nested_app(url, kind, colour, seconds, pool=5, wait=300)
    statuses, _, _ = asyncio.run(ask(app, times))
    assert statuses == {200: times}


def test_who_cannot_wait_is_told_soon(url: str, kind: str, colour: Colour) -> None:
    app = nested_app(url, kind, colour, 0.3, pool=2, wait=0.1)
    statuses, answers, took = asyncio.run(ask(app, 40))
    assert statuses.keys() == {200, 503}
    assert statuses[200] >= 2
    busy = next(answer for answer in answers if answer.status == 503)
    assert busy.json()["code"] == "database-busy"
    assert int(busy.headers["retry-after"]) >= 1
    assert took < 10, "one after the other would take 12 s and more"


def test_the_pool_is_whole_afterwards(url: str, kind: str, colour: Colour) -> None:
    app = nested_app(url, kind, colour, 0.05, pool=2, wait=0.02)
    held: list[tuple[int, int]] = []

    async def twice() -> None:
        async with AsyncClient(app) as client:
            for _ in range(3):
                await asyncio.gather(*(client.get("/") for _ in range(20)))
                held.append((pool_of(app).checkedout(), pool_of(app).slots.waiting))

    asyncio.run(twice())
    assert held == [(0, 0)] * 3
