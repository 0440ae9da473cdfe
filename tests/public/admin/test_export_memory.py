"""However many rows an export has, it takes no more memory: measured at the process of a real server."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import databases
from admin.bulk import bulk_site
from admin.site import Book, Genre, login
from servers import serving, wire
from wholestack.db import insert_many

APP = str(Path(__file__).with_name("export_app.py"))
MIB = 1024**2
PLAIN, RELATED = "_columns=title&_columns=price&_columns=author_id", "_columns=title&_columns=author&_columns=words"


class Shop:
    """The server, and the cookie of somebody who may export."""

    def __init__(self, running: serving.Serving, cookie: str) -> None:
        self._running = running
        self._cookie = cookie

    def peak(self) -> int:
        """The most memory that its processes have had."""
        top = self._running.process.pid
        status = [Path(f"/proc/{pid}/status").read_text() for pid in (top, *serving.children(top))]
        sizes = [found for each in status if (found := re.search(r"VmHWM:\s*(\d+) kB", each)) is not None]
        return sum(int(each[1]) * 1024 for each in sizes)

    def export(self, query: str) -> bytes:
        with wire.Connection(self._running.port, timeout=600) as connection:
            answer = connection.ask(f"/admin/book/-/export/file?{query}", headers=[("Cookie", self._cookie)])
        assert answer.status == 200
        return answer.body


@contextlib.contextmanager
def shop(folder: Path, rows: int, url: str = "") -> Iterator[Shop]:
    url = url or f"sqlite:///{folder / 'shop.db'}"
    with bulk_site(url=url).running() as site:
        author = site.author()
        values = {"genre": Genre.NOVEL, "author_id": author.id, "in_print": True}
        with site.app.session() as db:
            insert_many(db, Book, ({"title": f"The title of book {each}", **values} for each in range(rows)))
        login(site.client, "*")
    tests = Path(__file__).parents[2]
    more = {"SHOP_DATABASE": url, "SECRET_KEY": "a secret of thirty-two characters", "MAIL_URL": "smtp://127.0.0.1:9"}
    more["WHOLESTACK_STAGE"] = "production"
    more["PYTHONPATH"] = os.pathsep.join([serving.environment()["PYTHONPATH"], str(tests), str(tests / "public")])
    done = subprocess.run(
        [sys.executable, APP], env=serving.environment(**more), capture_output=True, text=True, check=True
    )
    with serving.serve(app=APP, environment=more, cwd=folder) as running:
        running.ready()
        yield Shop(running, done.stdout.strip())


def taken(folder: Path, rows: int, *queries: str, url: str = "") -> list[int]:
    """The memory over what a small export has taken before, after each of some large ones."""
    with shop(folder, rows, url) as served:
        for query in queries:
            served.export(f"{query}&q=book+1234")
        before = served.peak()
        found = []
        for query in queries:
            body = served.export(query)
            if "xlsx" not in query:
                assert body.count(b"\n") == rows + ("json" not in query)
            found.append(served.peak() - before)
        return found


def test_50_000_rows_take_no_memory_to_speak_of(tmp_path: Path) -> None:
    for memory in taken(tmp_path, 50_000, f"_format=csv&{PLAIN}", f"_format=jsonl&{RELATED}"):
        assert memory < 16 * MIB


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_1_000_000_rows_in_64_mib(tmp_path: Path, kind: str) -> None:
    queries = (f"_format=csv&{PLAIN}", f"_format=jsonl&{RELATED}", f"_format=xlsx&{PLAIN}")
    with databases.fresh(kind, tmp_path) as url:
        for memory in taken(tmp_path, 1_000_000, *queries, url=url):
            assert memory < 64 * MIB
