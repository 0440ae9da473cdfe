"""The served app of the outbox as tests see it: its processes, its database, and what its tasks have begun."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

import databases
from backends import outbox_app
from databases import until
from servers import serving
from wholestack.db import Database

APP = str(Path(__file__).with_name("outbox_app.py"))
PATIENCE = 120.0
"""Seconds, an order of magnitude more than anything here takes on a machine with nothing else to do."""


class Shop:
    """One at a time; a lease of two seconds in the short form, the real one in the long."""

    def __init__(self, url: str, folder: Path, long: bool) -> None:
        self.url = url
        self.events = folder / "events"
        self.events.touch()
        self.lease = 30.0 if long else 2.0
        self.process: serving.Serving | None = None
        outbox_app.app.seal()  # Only then its models know the table of the outbox.
        database = Database(make_url(url), models=outbox_app.Base, migrations=None)
        database.create_tables()
        with database.engine.begin() as connection:
            for table in outbox_app.Base.metadata.sorted_tables:
                connection.execute(table.delete())
        database.dispose()

    def serve(self, *words: str, **more: str) -> serving.Serving:
        self.end()
        environment = {
            "DATABASE_URL": self.url,
            "EVENTS": str(self.events),
            "OUTBOX_LEASE": str(self.lease),
            "WHOLESTACK_STAGE": "production",
            **more,
        }
        self.process = serving.serve(*words, "--watchdog", "300", app=APP, environment=environment)
        return self.process.ready()

    def post(self, path: str, words: Any = None) -> Any:
        """What a request got, or None where its worker was killed meanwhile."""
        assert self.process is not None
        body = json.dumps(words).encode() if words is not None else b""
        headers = [("content-type", "application/json")] if words is not None else []
        with contextlib.suppress(OSError):
            answer = self.process.ask(path, method="POST", body=body, headers=headers)
            assert answer.status == 200, answer.body
            return json.loads(answer.body)
        return None

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return databases.rows(self.url, statement)

    def effects(self) -> Counter[str]:
        return Counter(what for (what,) in self.rows("SELECT what FROM effect"))

    def begun(self) -> list[tuple[str, int]]:
        """What was begun, and by which process."""
        lines = self.events.read_text(encoding="utf-8").splitlines()
        return [(what, int(pid)) for what, _, pid in (line.rpartition(" ") for line in lines)]

    def states(self) -> Counter[str]:
        return Counter(state for (state,) in self.rows("SELECT state FROM outbox"))

    def until_states(self, **states: int) -> None:
        until(lambda: self.states() == Counter(states), PATIENCE)

    def end(self) -> None:
        if self.process is not None:
            self.process.__exit__()
            self.process = None
