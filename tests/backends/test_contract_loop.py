"""An event loop turns while the database works, in whatever colour the handler is."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter as Tally
from typing import Any

import pytest

import databases
from backends.asking import Colour, ask, nested_app, slow, ticks
from backends.models import Counter, app_on
from wholestack import wait
from wholestack.db import Session, insert, select, update
from wholestack.testing import AsyncClient


def test_a_slow_query_does_not_hold_the_event_loop(url: str, kind: str, colour: Colour) -> None:
    app = nested_app(url, kind, colour, 1.0, pool=3)

    async def run() -> tuple[Tally[int], float]:
        asking = asyncio.ensure_future(ask(app, 3))
        worst = await ticks(asking)
        return asking.result()[0], worst

    statuses, worst = asyncio.run(run())
    assert statuses == {200: 3}
    assert worst < 0.5, "the queries take a second each"


def test_waiting_for_a_lock_does_not_hold_the_event_loop(url: str, kind: str, colour: Colour) -> None:
    """Another writer holds the row (the file, on SQLite) for a second."""
    app = app_on(url)
    with app.session() as db:
        db.execute(insert(Counter), {"id": 1, "value": 0})

    @app.post("/")
    @colour
    def add(db: Session) -> None:
        db.execute(update(Counter).values(value=Counter.value + 1))

    other = databases.connect(url)
    other.cursor().execute("BEGIN IMMEDIATE" if kind == "sqlite" else "BEGIN")
    other.cursor().execute("UPDATE counter SET value = 10")
    threading.Timer(1.0, lambda: other.cursor().execute("COMMIT")).start()

    async def run() -> tuple[list[int], float]:
        async with AsyncClient(app) as client:
            asking = asyncio.gather(*(client.post("/") for _ in range(4)))
            worst = await ticks(asking)
            return [answer.status for answer in asking.result()], worst

    statuses, worst = asyncio.run(run())
    assert statuses == [204] * 4
    assert worst < 0.5
    other.close()
    assert databases.rows(url, "SELECT value FROM counter") == [(14,)]


def test_waiting_for_a_connection_does_not_hold_the_event_loop(url: str, kind: str) -> None:
    """Both colours wait in one line: threads and tasks, first come first served."""
    app = app_on(url, pool=1)
    order: list[str] = []

    @app.get("/def/{name}")
    def plain(name: str, db: Session) -> None:
        db.execute(slow(kind, 0.1)).all()
        order.append(name)

    @app.get("/async/{name}")
    async def driven(name: str, db: Session) -> None:
        db.execute(slow(kind, 0.1)).all()
        order.append(name)

    async def run() -> float:
        async with AsyncClient(app) as client:
            asked = []
            for number in range(8):
                asked.append(asyncio.ensure_future(client.get(f"/{'def' if number % 2 else 'async'}/{number}")))
                await asyncio.sleep(0.02)
            return await ticks(asyncio.gather(*asked))

    assert asyncio.run(run()) < 0.5
    assert order == [str(number) for number in range(8)]


def test_waiting_in_plain_code_beside_the_database(url: str, colour: Colour) -> None:
    """`wait` of something else, in a handler with a session, in either colour."""
    app = app_on(url)

    @app.get("/")
    @colour
    def show(db: Session) -> list[int]:
        found = [db.scalar(select(1)) or 0]
        wait(asyncio.sleep(0.01))
        return [*found, db.scalar(select(2)) or 0]

    _, answers, _ = asyncio.run(ask(app, 3))
    assert [answer.json() for answer in answers] == [[1, 2]] * 3


@pytest.mark.parametrize("runner", ["asyncio", "uvloop"])
def test_on_each_event_loop(url: str, kind: str, runner: str) -> None:
    app = app_on(url, pool=2)

    @app.get("/")
    async def show(db: Session) -> int:
        db.execute(slow(kind, 0.02)).all()
        return db.scalar(select(1)) or 0

    if runner == "uvloop":
        uvloop: Any = pytest.importorskip("uvloop")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runs:
            statuses, _, _ = runs.run(ask(app, 20))
    else:
        statuses, _, _ = asyncio.run(ask(app, 20))
    assert statuses == {200: 20}
