"""The example's back office on a real server, as `scripts/demo` begins it; its people, and what they look at."""

from __future__ import annotations

import contextlib
import io
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from servers.serving import Serving

PIL = pytest.importorskip("PIL.Image")

APP = "examples/airports/app.py"
TOP = Path(__file__).parents[2]
MADE = "2026-02-01 10:00:00.000000"
REPORTS = [("JFK", "Bo Bell", 5), ("HNL", "Ann Able", 2), ("SFO", "Cy Young", 3), ("JFK", "Di Drew", 1)]
"""Airport, visitor and stars of what is there when a day begins; the numbers of the rows are 1 and up."""


class Office:
    """A back office that is served, and what lies in its database.

    Attributes:
        address: where it is, without a slash at the end.
        passwords: of those who work there, by the first part of their address.
    """

    def __init__(self, address: str, passwords: dict[str, str], database: Path) -> None:
        self.address = address
        self.passwords = passwords
        self.database = database

    def rows(self, statement: str, *values: object) -> list[Any]:
        """What the database has, past all pages."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as db:
            return db.execute(statement, values).fetchall()

    def value(self, statement: str, *values: object) -> Any:
        """The one value that is asked for."""
        ((value,),) = self.rows(statement, *values)
        return value


@contextlib.contextmanager
def office(folder: Path) -> Iterator[Office]:
    """Begun, with its people and some rows, and served until the block ends."""
    database = folder / "airports.db"
    own = {
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": "a long text that nobody can guess, for a test",
        "MAIL_URL": "console:",
        "AIRPORTS_UPLOADS": str(folder / "uploads"),
    }
    said = [done(words, own) for words in (("db", "migrate", APP), ("run", APP, "office-people"))]
    fill(database)
    with Serving("serve", APP, "--port", "0", environment=own, cwd=TOP) as server:
        address = f"http://localhost:{server.ready().port}"
        yield Office(address, dict(re.findall(r"(\w+)@airports\.example  (\S+)", said[1])), database)


def done(words: Sequence[str], environment: dict[str, str]) -> str:
    """What a command says that has ended well."""
    with Serving(*words, environment=environment, cwd=TOP) as running:
        code, _ = running.ended(120)
    assert code == 0, running.output
    return running.output


def fill(database: Path) -> None:
    """Reports to work with, and a flight of a club that nobody in the office is in."""
    with contextlib.closing(sqlite3.connect(database)) as db, db:
        db.execute("INSERT INTO airport_club (id, name) VALUES (2, 'Night Owls')")
        for code, name, stars in REPORTS:
            db.execute(
                "INSERT INTO airport_report (airport_code, name, stars, text, created_at) VALUES (?, ?, ?, 'Fine.', ?)",
                (code, name, stars, MADE),
            )
        flight = "INSERT INTO airport_flight (club_id, origin, destination, flown) VALUES (?, ?, ?, '2026-02-01')"
        db.execute(flight, (1, "JFK", "HNL"))
        db.execute(flight, (2, "U36", "HNL"))


def picture(colour: str = "red") -> bytes:
    """A PNG."""
    written = io.BytesIO()
    PIL.new("RGB", (64, 48), colour).save(written, "png")
    return written.getvalue()
