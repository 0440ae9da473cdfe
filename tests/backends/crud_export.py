"""A process that answers with all rows of a table, and tells how much memory that took: `python crud_export.py URL …`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData

from house import breaker
from wholestack import App, Stream
from wholestack.crud import schema
from wholestack.db import (
    Database,
    Mapped,
    Model,
    Session,
    copy_out,
    func,
    insert_many,
    mapped_column,
    read_many,
    select,
)
from wholestack.realtime import CSV, JSONLines


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Reading(Base):
    number: Mapped[int]
    text: Mapped[str] = mapped_column(default="x" * 100)


ReadingOut = schema(Reading, only=["number", "text"])


def app_on(url: str) -> App:
    app = App()
    app.use(Database(url, models=Base, migrations=None))

    # [export]
    @app.get("/def/lines")
    def lines(db: Session) -> JSONLines[ReadingOut]:  # type: ignore[valid-type]
        return JSONLines(read_many(db, select(Reading).order_by(Reading.id)))

    # [/export]

    @app.get("/async/lines")
    async def lines_async(db: Session) -> JSONLines[ReadingOut]:  # type: ignore[valid-type]
        return JSONLines(read_many(db, select(Reading).order_by(Reading.id)))

    @app.get("/def/csv")
    def table(db: Session) -> CSV[ReadingOut]:  # type: ignore[valid-type]
        return CSV(read_many(db, select(Reading).order_by(Reading.id)), filename="readings.csv")

    @app.get("/async/csv")
    async def table_async(db: Session) -> CSV[ReadingOut]:  # type: ignore[valid-type]
        return CSV(read_many(db, select(Reading).order_by(Reading.id)), filename="readings.csv")

    @app.get("/def/copy")
    def copied(db: Session) -> Stream:
        return Stream(copy_out(db, select(Reading.number, Reading.text).order_by(Reading.id)), media_type="text/csv")

    @app.get("/async/copy")
    async def copied_async(db: Session) -> Stream:
        return Stream(copy_out(db, select(Reading.number, Reading.text).order_by(Reading.id)), media_type="text/csv")

    return app


def own_memory() -> int:
    """The bytes that this process holds itself: not the pages of a file that SQLite has mapped, which are the system's."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


async def ask(app: App, path: str) -> dict[str, Any]:
    """What an answer came to, chunk by chunk, and how far the process grew meanwhile."""
    told: dict[str, Any] = {"bytes": 0, "lines": 0, "largest": 0, "last": b""}
    before = most = own_memory()
    messages = 0

    async def send(message: Any) -> None:
        nonlocal most, messages
        body = message.get("body", b"")
        messages += 1
        if messages % 20 == 0 or not message.get("more_body"):
            most = max(most, own_memory())
        told["bytes"] += len(body)
        told["lines"] += body.count(b"\n")
        told["largest"] = max(told["largest"], len(body))
        told["last"] = (told["last"] + body)[-200:]
        told["status"] = message.get("status", told.get("status"))

    async def receive() -> Any:
        await asyncio.sleep(3600)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    scope |= {
        "http_version": "1.1",
        "scheme": "http",
        "headers": [(b"host", b"testserver")],
        "asgi": {"version": "3.0"},
    }
    await app(scope, receive, send)
    return told | {"grown": most - before, "messages": messages, "last": told["last"].decode().splitlines()[-1]}


def main(url: str, count: str, *paths: str) -> None:
    app = app_on(url)
    database = app.plugin(Database)
    database.create_tables()
    with app.session() as db:
        if db.scalar(select(func.count()).select_from(Reading)) == 0:
            insert_many(db, Reading, ({"number": number} for number in range(int(count))))

    async def each() -> list[dict[str, Any]]:
        await ask(app, "/nothing")  # What is loaded with the first request is not counted.
        return [await ask(app, path) for path in paths]

    print(json.dumps(asyncio.run(each())))


if __name__ == "__main__":
    if "BREAK" in os.environ:  # tests/house/test_features.py breaks what a feature rests on, here as well.
        breaker.pytest_configure()
    main(*sys.argv[1:])
