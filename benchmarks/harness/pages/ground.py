"""What the peers stand on: two tables, the folders of the style sheet, a folder for uploads; and who they are."""

from __future__ import annotations

import gzip
import os
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path

from apps.pages.data import CSS, CSS_NAME, FORTUNES, MEMBER

from harness.peers import HERE, PYTHON, QUIET, SERVERS, Peer
from harness.rows import FOUR_THREADS, MAKE
from harness.rows import SERVERS as MORE_SERVERS

SHOWN = frozenset({"fortunes", "form", "post", "again"})
STATIC = frozenset({"static", "static-304", "static-gzip"})
UPLOAD = frozenset({"upload"})
MEMBER_PAGE = frozenset({"member"})
GRANTED = {**SERVERS, **MORE_SERVERS}


@dataclass(frozen=True)
class PagePeer(Peer):
    """A peer with the lines that it takes part in, and a variant that its module reads from BENCH_VARIANT."""

    does: frozenset[str] = SHOWN | UPLOAD
    variant: str = ""

    def command(self, port: int) -> list[str]:
        """The command that serves it."""
        return GRANTED[self.server](self.app, port)

    def environment(self, port: int, routes: int) -> dict[str, str]:
        """Its environment, with the database and the folder that `lay` has set."""
        ours = {name: os.environ[name] for name in ("BENCH_DATABASE", "BENCH_FOLDER")}
        return super().environment(port, routes) | ours | {"BENCH_VARIANT": self.variant}


PEERS = (
    PagePeer("bare", "uvicorn", "apps.pages.bare_asgi:app", does=UPLOAD),
    PagePeer("wholestack def", "serve", "apps.pages.wholestack_def:app", does=SHOWN | UPLOAD | STATIC),
    PagePeer("wholestack async", "serve", "apps.pages.wholestack_async:app", does=SHOWN | UPLOAD | STATIC),
    PagePeer("wholestack def", FOUR_THREADS, "apps.pages.wholestack_def:app", does=SHOWN | UPLOAD | STATIC),
    PagePeer("wholestack cookie", "serve", "apps.pages.wholestack_def:app", does=SHOWN, variant="cookie"),
    PagePeer("wholestack login def", "serve", "apps.pages.wholestack_members_def:app", does=MEMBER_PAGE),
    PagePeer("wholestack login async", "serve", "apps.pages.wholestack_members_async:app", does=MEMBER_PAGE),
    PagePeer("wholestack login def", FOUR_THREADS, "apps.pages.wholestack_members_def:app", does=MEMBER_PAGE),
    PagePeer("django", FOUR_THREADS, "apps.pages.django_app:app", "django", does=SHOWN | UPLOAD | MEMBER_PAGE),
    PagePeer("django cookie", FOUR_THREADS, "apps.pages.django_app:app", "django", does=SHOWN, variant="cookie"),
    PagePeer("django whitenoise", FOUR_THREADS, "apps.pages.django_app:app", does=STATIC, variant="whitenoise"),
    PagePeer("flask", FOUR_THREADS, "apps.pages.flask_app:app", "flask", does=SHOWN | UPLOAD | STATIC),
    PagePeer("fastapi async", "uvicorn", "apps.pages.fastapi_async:app", "fastapi", does=SHOWN | UPLOAD | STATIC),
    PagePeer("fastapi def", "uvicorn", "apps.pages.fastapi_def:app", "fastapi", does=SHOWN),
    PagePeer("litestar async", "uvicorn", "apps.pages.litestar_async:app", "litestar", does=SHOWN | UPLOAD | STATIC),
    PagePeer("whitenoise", FOUR_THREADS, "apps.pages.files_whitenoise:app", "whitenoise", does=STATIC),
    PagePeer("servestatic", "uvicorn", "apps.pages.files_servestatic:app", "servestatic", does=STATIC),
)
BASE = f"django-{FOUR_THREADS}"
PREPARE = ("apps.pages.django_prepare", "apps.pages.wholestack_prepare")
"""Modules that are run once before the servers start."""

SCHEMA = """
DROP TABLE IF EXISTS fortune; DROP TABLE IF EXISTS member;
CREATE TABLE fortune (id {big} PRIMARY KEY, message VARCHAR NOT NULL);
CREATE TABLE member (id {big} PRIMARY KEY, name VARCHAR NOT NULL);
"""


def statements(kind: str) -> str:
    """What makes and fills the tables."""

    def text(value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    rows = [f"INSERT INTO fortune VALUES ({number}, {text(message)});" for number, message in FORTUNES]
    rows.append(f"INSERT INTO member VALUES ({MEMBER[0]}, {text(MEMBER[1])});")
    return SCHEMA.format(big="INTEGER" if kind == "sqlite" else "BIGINT") + "\n".join(rows)


def lay(url: str, folder: str) -> None:
    """Make the tables and the folders, tell the peers where they lie, and let each prepare what is its own."""
    os.environ["BENCH_DATABASE"], os.environ["BENCH_FOLDER"] = url, folder
    for name in ("source", "named", "django", "wholestack", "uploads"):
        Path(folder, name).mkdir(exist_ok=True)
    Path(folder, "source", "app.css").write_bytes(CSS)
    Path(folder, "named", CSS_NAME).write_bytes(CSS)
    Path(folder, "named", f"{CSS_NAME}.gz").write_bytes(gzip.compress(CSS, 9))
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(statements("sqlite"))
        connection.close()
    else:
        subprocess.run([PYTHON, "-c", MAKE, url], input=statements("postgresql"), text=True, check=True)
    paths = os.pathsep.join([str(HERE), str(HERE.parent / "src")])
    for module in PREPARE:
        command = [PYTHON, "-m", module]
        subprocess.run(command, cwd=HERE, env=os.environ | QUIET | {"PYTHONPATH": paths}, check=True)
