"""What is asked of a database through each peer, what a right answer is, and who is asked."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.peers import PYTHON, SERVERS, Peer, granian
from harness.wire import Answer, Request
from harness.workloads import JSON, Workload, WrongAnswer, check_head, equal

WORLDS, BOOKS, AUTHORS, FORTUNES = 10_000, 100, 20, 12
FOUR_THREADS = "granian-wsgi-4"
SERVERS = {**SERVERS, FOUR_THREADS: granian("wsgi", "--blocking-threads", "4")}


@dataclass(frozen=True)
class DataPeer(Peer):
    """A peer that is told where the database lies."""

    only: str = ""
    """The one kind of database that it speaks to; empty for each."""

    def command(self, port: int) -> list[str]:
        """The command that serves it."""
        return SERVERS[self.server](self.app, port)

    def environment(self, port: int, routes: int) -> dict[str, str]:
        """Its environment, with the address, which `fill` has set."""
        return super().environment(port, routes) | {"BENCH_DATABASE": os.environ["BENCH_DATABASE"]}


PEERS = (
    DataPeer("driver alone (asyncpg)", "uvicorn", "apps.rows.raw_asyncpg:app", "asyncpg", only="postgresql"),
    DataPeer("wholestack async", "uvicorn", "apps.rows.wholestack_async:app", "wholestack"),
    DataPeer("wholestack def", "uvicorn", "apps.rows.wholestack_def:app", "wholestack"),
    DataPeer("wholestack def", FOUR_THREADS, "apps.rows.wholestack_def:app", "wholestack"),
    DataPeer("fastapi async", "uvicorn", "apps.rows.fastapi_async:app", "fastapi"),
    DataPeer("fastapi def", "uvicorn", "apps.rows.fastapi_def:app", "fastapi"),
    DataPeer("starlette async", "uvicorn", "apps.rows.starlette_async:app", "starlette"),
    DataPeer("litestar async", "uvicorn", "apps.rows.litestar_async:app", "advanced-alchemy"),
    DataPeer("blacksheep async", "uvicorn", "apps.rows.blacksheep_async:app", "blacksheep"),
    DataPeer("robyn async", "robyn", "apps.rows.robyn_async", "robyn"),
    DataPeer("flask def", FOUR_THREADS, "apps.rows.flask_def:app", "flask"),
    DataPeer("django orm", FOUR_THREADS, "apps.rows.django_sync:app", "django"),
)


def numbers(found: Any, count: int, first: int) -> None:
    """Complain unless these are so many rows of `world`, from a key on."""
    equal("number of rows", len(found), count)
    equal("keys", sorted(each["id"] for each in found), list(range(first, first + count)))
    for each in found:
        if not isinstance(each["randomnumber"], int) or len(each) != 2:
            raise WrongAnswer(f"no row of world: {each}")


def check_key(answer: Answer) -> None:
    """One row."""
    check_head(answer, JSON)
    numbers([answer.json()], 1, 77)


def check_twenty(answer: Answer) -> None:
    """Twenty rows."""
    check_head(answer, JSON)
    numbers(answer.json(), 20, 101)


def check_books(answer: Answer) -> None:
    """A hundred books with their authors."""
    check_head(answer, JSON)
    wanted = [
        {"id": n, "title": f"Book {n}", "author": {"id": n % AUTHORS + 1, "name": f"Author {n % AUTHORS + 1}"}}
        for n in range(1, BOOKS + 1)
    ]
    equal("books", answer.json(), wanted)


def check_entry(answer: Answer) -> None:
    """The row that was inserted."""
    check_head(answer, JSON)
    equal("status", answer.status, 201)
    equal("randomnumber", answer.json()["randomnumber"], 7)


def check_fortunes(answer: Answer) -> None:
    """All fortunes and one more, sorted."""
    check_head(answer, JSON)
    found = [each["message"] for each in answer.json()]
    equal("number of fortunes", len(found), FORTUNES + 1)
    equal("order", found, sorted(found))


WORKLOADS = (
    Workload("key", Request("/key/77"), check_key, connections=16, title="one row by key"),
    Workload("keys", Request("/keys/101"), check_twenty, connections=16, title="20 rows, each by its key"),
    Workload("books", Request("/books"), check_books, connections=16, title="a list of 100 with a relation"),
    Workload(
        "insert",
        Request("/entries", "POST", json.dumps({"randomnumber": 7}).encode()),
        check_entry,
        connections=16,
        title="insert",
    ),
    Workload("updates", Request("/updates/101", "POST", b"{}"), check_twenty, connections=16, title="update of 20"),
    Workload("fortunes", Request("/fortunes"), check_fortunes, connections=16, title="a short list, sorted"),
)

SCHEMA = """
DROP TABLE IF EXISTS entry; DROP TABLE IF EXISTS book; DROP TABLE IF EXISTS author;
DROP TABLE IF EXISTS fortune; DROP TABLE IF EXISTS world;
CREATE TABLE world (id {big} PRIMARY KEY, randomnumber BIGINT NOT NULL);
CREATE TABLE fortune (id {big} PRIMARY KEY, message VARCHAR NOT NULL);
CREATE TABLE author (id {big} PRIMARY KEY, name VARCHAR NOT NULL);
CREATE TABLE book (id {big} PRIMARY KEY, title VARCHAR NOT NULL, author_id BIGINT NOT NULL REFERENCES author (id));
CREATE TABLE entry (id {serial} PRIMARY KEY, randomnumber BIGINT NOT NULL);
"""


def statements(kind: str) -> str:
    """What makes and fills the tables."""
    big, serial = ("INTEGER", "INTEGER") if kind == "sqlite" else ("BIGINT", "BIGSERIAL")
    rows = [f"INSERT INTO world VALUES ({n}, {n * 7919 % WORLDS + 1});" for n in range(1, WORLDS + 1)]
    rows += [f"INSERT INTO fortune VALUES ({n}, 'Fortune number {n * 7 % 13}');" for n in range(1, FORTUNES + 1)]
    rows += [f"INSERT INTO author VALUES ({n}, 'Author {n}');" for n in range(1, AUTHORS + 1)]
    rows += [f"INSERT INTO book VALUES ({n}, 'Book {n}', {n % AUTHORS + 1});" for n in range(1, BOOKS + 1)]
    return SCHEMA.format(big=big, serial=serial) + "BEGIN;\n" + "\n".join(rows) + "\nCOMMIT;\n"


def fill(url: str) -> None:
    """Make the tables anew, and tell the peers where they lie."""
    os.environ["BENCH_DATABASE"] = url
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(statements("sqlite"))
        connection.close()
        return
    subprocess.run([PYTHON, "-c", MAKE, url], input=statements("postgresql"), text=True, check=True)


MAKE = """
import sys, psycopg
url, _, name = sys.argv[1].rpartition("/")
with psycopg.connect(f"{url}/postgres", autocommit=True) as server:
    if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        server.execute(f'CREATE DATABASE "{name}"')
with psycopg.connect(sys.argv[1], autocommit=True) as database:
    database.execute(sys.stdin.read())
"""
"""Run by the peers' Python, which has the driver."""


def peers_for(url: str) -> list[DataPeer]:
    """Who speaks to this kind of database."""
    return [peer for peer in PEERS if url.startswith(peer.only)]


Say = Callable[[str], None]
