"""The app that tests of the outbox serve, kill and freeze: DATABASE_URL says where it works, OUTBOX_… how.

Each task writes a row of what it has done in its own session, and a line into EVENTS when it is begun.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

from sqlalchemy import MetaData

from wholestack import App, Body
from wholestack.db import Database, Mapped, Model, Session, Table
from wholestack.outbox import Outbox, Queue, given, task


class Base(Model):
    """Of these tests only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Note(Base):
    """What a request writes, and puts a task for."""

    text: Mapped[str]


class Effect(Base):
    """What a task has done."""

    what: Mapped[str]


def begun(what: str) -> None:
    """Say so past every transaction."""
    with open(os.environ["EVENTS"], "a", encoding="utf-8") as file:
        file.write(f"{what} {os.getpid()}\n")


@task(retries=0)
def effect(what: str, *, seconds: float = 0.0, db: Session = given) -> None:
    begun(what)
    time.sleep(seconds)
    db.add(Effect(what=what))


@task(retries=0)
async def effect_async(what: str, *, seconds: float = 0.0, db: Session = given) -> None:
    begun(what)
    await asyncio.sleep(seconds)
    db.add(Effect(what=what))


@task(retries=0, name="plain")  # Tests put it from a module of another name.
def plain(what: str, *, db: Session = given) -> None:
    db.add(Effect(what=what))


@task(retries=0)
def poison(how: str) -> None:
    begun("poison")
    time.sleep(0.2)  # So that others run beside it.
    if how == "abort":
        os.abort()
    if how == "exit":
        sys.exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(3)


app = App(docs=False)
outbox = Outbox(
    lease=float(os.environ.get("OUTBOX_LEASE", "30")),
    poll=float(os.environ.get("OUTBOX_POLL", "0.2")),
    concurrency=int(os.environ.get("OUTBOX_CONCURRENCY", "4")),
    grace=float(os.environ.get("OUTBOX_GRACE", "3")),
)
app.use(Database(os.environ.get("DATABASE_URL", "sqlite://"), models=Base, migrations=None), outbox)

TASKS = {each.__name__: each for each in (effect, effect_async, plain, poison)}


@app.get("/")
async def home() -> int:
    return os.getpid()


@app.post("/notes/{text}")
def write(text: str, db: Session, queue: Queue, wait: float = 0.0) -> int:
    """A note and its task, in one transaction."""
    db.add(Note(text=text))
    db.flush()
    number = queue.put(plain, text)
    time.sleep(wait)
    return number


@app.post("/put/{name}")
def put(name: str, queue: Queue, words: Body[list[dict[str, str | int | float]]]) -> list[int]:
    """Put a task for each set of words."""
    return [queue.put(TASKS[name], **each) for each in words]
