"""The app of `test_leaving.py`: what became of handlers whose clients have left, and of what they had taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from wholestack import App

app = App(title="Leaving", docs=False)
COUNTS = {"begun": 0, "cancelled": 0, "done": 0, "in use": 0}


class Connection:
    """Stands for what a pool lends."""


@app.provide
async def connection() -> AsyncIterator[Connection]:
    COUNTS["in use"] += 1
    try:
        yield Connection()
    finally:
        COUNTS["in use"] -= 1


async def work(seconds: float) -> str:
    COUNTS["begun"] += 1
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        COUNTS["cancelled"] += 1
        raise
    COUNTS["done"] += 1
    return "done"


@app.get("/")
async def home() -> dict[str, int]:
    return COUNTS


@app.get("/work")
async def ends(connection: Connection, seconds: float) -> str:
    return await work(seconds)


@app.get("/finish", finish=True)
async def finishes(connection: Connection, seconds: float) -> str:
    return await work(seconds)
