"""What the tests of faults serve: a counter, an account that many write, slow statements, and what the pool says.

`DATABASE_URL` names the database, `OPTIONS` (JSON) the rest of what `Database` takes. Each path is there in both
colours, below /def and /async.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from backends.asking import slow
from backends.conftest import asynchronous as made
from backends.models import Author, Base, Counter
from wholestack import App, Router, Stream, wait
from wholestack.db import Database, Session, func, select, text, update
from wholestack.realtime import Events, Socket

database = Database(models=Base, migrations=None, **json.loads(os.environ.get("OPTIONS", "{}")))
app = App(docs=False, title="The tests of databases")
app.use(database)
done: list[str] = []


def engine_pool(engine: Any) -> dict[str, int]:
    pool: Any = engine.pool
    return {"taken": pool.checkedout(), "waiting": pool.slots.waiting}


@app.get("/")
async def alive() -> str:
    return "here"


@app.get("/pool")
def pool() -> dict[str, Any]:
    """What is in use, and which connections this process has: their numbers at the server."""
    return {
        "process": os.getpid(),
        "requests": engine_pool(database.engine),
        "streams": engine_pool(database.streams_for("read")),
        "done": len(done),
    }


def handlers(asynchronous: bool) -> Router:
    """The same handlers, in one colour."""
    router = Router()

    def coloured(function: Any) -> Any:
        return made(function) if asynchronous else function

    @router.get("/one")
    @coloured
    def one(db: Session) -> int:
        return db.scalar(select(func.count()).select_from(Author)) or 0

    @router.post("/name/{name}")
    @coloured
    def add(name: str, db: Session) -> int:
        author = Author(name=name)
        db.add(author)
        db.flush()
        return author.id

    @router.post("/count/{id}", retries=3)
    @coloured
    def count(id: int, db: Session) -> int:
        """Read, think, write: what loses updates where nothing guards it."""
        counter = db.get_one(Counter, id, with_for_update=True)
        counter.value += 1
        return counter.value

    @router.get("/slow/{seconds}")
    @coloured
    def wait_long(seconds: float, db: Session) -> None:
        db.execute(slow(database.kind, seconds)).all()
        done.append("slow")

    @router.post("/hold/{id}/{seconds}")
    @coloured
    def hold(id: int, seconds: float, db: Session) -> None:
        """Write, and keep the transaction open for a while."""
        db.execute(update(Counter).where(Counter.id == id).values(value=Counter.value + 1))
        if asynchronous:
            wait(asyncio.sleep(seconds))
        else:
            time.sleep(seconds)

    return router


@app.socket("/talk")
async def talk(socket: Socket[str, int], db: Session) -> None:
    async for _ in socket:
        await socket.send(db.scalar(select(func.count()).select_from(Author)) or 0)


@app.get("/events")
async def events(db: Session) -> Events[int]:
    """What is there now, and then nothing for an hour."""

    async def source() -> AsyncIterator[int]:
        while True:
            yield db.scalar(select(func.count()).select_from(Author)) or 0
            await asyncio.sleep(3600)

    return Events(source())


@app.get("/rows")
async def rows(db: Session) -> Stream:
    """20 MB from a cursor."""

    def chunks() -> Iterator[str]:
        numbers = text("SELECT generate_series(1, 200000)")
        for (number,) in db.execute(numbers.execution_options(yield_per=100)):
            yield f"{number:>99}\n"

    return Stream(chunks(), media_type="text/plain")


app.include(handlers(asynchronous=False), at="/def")
app.include(handlers(asynchronous=True), at="/async")
