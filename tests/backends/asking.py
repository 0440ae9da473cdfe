"""Many requests at once, slow statements, and how long an event loop did not turn meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Callable
from typing import Any

import databases
from backends.models import Counter, app_on
from wholestack import App
from wholestack.db import Database, Session, func, select, text
from wholestack.testing import AsyncClient

Colour = Callable[[Any], Any]


def slow(kind: str, seconds: float) -> Any:
    """A statement that takes so long at the database; SQLite's is a recursion that counts."""
    if kind == "sqlite":
        rounds = int(seconds * 2_000_000)
        return text(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rounds}) SELECT MAX(i) FROM n"
        )
    return text(f"SELECT {'PG_SLEEP' if kind == 'postgresql' else 'SLEEP'}({seconds})")


class Nested:
    """Asks for a session, as its handler does."""

    def __init__(self, db: Session) -> None:
        self.db = db


class Deeper:
    def __init__(self, nested: Nested, db: Session) -> None:
        assert nested.db is db
        self.db = db


async def ask(app: App, times: int, path: str = "/") -> tuple[Tally[int], list[Any], float]:
    """So many requests at once: their statuses, their answers, and how long all of them took."""
    async with AsyncClient(app) as client:
        begun = time.monotonic()
        answers = await asyncio.gather(*(client.get(path) for _ in range(times)))
        return Tally(answer.status for answer in answers), answers, time.monotonic() - begun


def pool_of(app: App) -> Any:
    return app.plugin(Database).engine.pool


def nested_app(url: str, kind: str, colour: Colour, seconds: float, **options: Any) -> App:
    """Each request asks for the session three times: itself, and through two providers."""
    app = app_on(url, **options)
    app.provide(Nested)
    app.provide(Deeper)

    @app.get("/", timeout=None)
    @colour
    def query(deeper: Deeper, nested: Nested, db: Session) -> int:
        assert deeper.db is nested.db is db
        db.execute(slow(kind, seconds)).all()
        return nested.db.scalar(select(func.count()).select_from(Counter)) or 0

    return app


async def ticks(while_running: asyncio.Future[Any]) -> float:
    """The longest time that the event loop did not turn."""
    worst = 0.0
    while not while_running.done():
        before = time.monotonic()
        await asyncio.sleep(0.005)
        worst = max(worst, time.monotonic() - before - 0.005)
    return worst


def at_work(kind: str) -> int:
    """How many slow statements a server is at; SQLite has none."""
    if kind == "sqlite":
        return 0
    table, column = (
        ("pg_stat_activity", "query") if kind == "postgresql" else ("information_schema.processlist", "info")
    )
    return len(
        databases.ask(kind, f"SELECT 1 FROM {table} WHERE {column} LIKE '%SLEEP(%' AND {column} NOT LIKE '%LIKE%'")
    )
