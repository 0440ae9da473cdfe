"""Databases for tests: a fresh one of each kind, and a PostgreSQL cluster of one's own that may be stopped and killed.

`WHOLESTACK_POSTGRESQL` and `WHOLESTACK_MARIADB` name other servers than those of this machine; their users may create
databases. Without a server a test is skipped, and fails where WHOLESTACK_REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

KINDS = ("sqlite", "postgresql", "mariadb")
SERVERS = {
    "postgresql": os.environ.get("WHOLESTACK_POSTGRESQL", "postgresql://postgres@127.0.0.1/test"),
    "mariadb": os.environ.get("WHOLESTACK_MARIADB", "mariadb://root@127.0.0.1/test"),
}
_numbers = itertools.count(1)


def absent(message: str) -> Any:
    """Skip the test, or fail it where services are required."""
    if os.environ.get("WHOLESTACK_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{message}, and WHOLESTACK_REQUIRE_SERVICES=1 asks for it")
    pytest.skip(message)


@contextlib.contextmanager
def fresh(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty database, which is gone afterwards; SQLite's lies in the folder."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / f'fresh{next(_numbers)}.db'}"
        return
    name = f"wholestack_{os.getpid()}_{next(_numbers)}"
    ask(kind, f"CREATE DATABASE {name}")
    try:
        yield SERVERS[kind].rpartition("/")[0] + f"/{name}"
    finally:
        ask(kind, f"DROP DATABASE {name}" + (" WITH (FORCE)" if kind == "postgresql" else ""))


def ask(kind: str, *statements: str) -> list[Any]:
    """Run statements on the server itself, past everything of ours; the rows of the last one."""
    try:
        with contextlib.closing(connect(SERVERS[kind])) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    except Exception as error:
        if "connect" not in str(error).lower():
            raise
        return absent(f"no {kind} answers ({error})")  # type: ignore[no-any-return]


def connect(url: str) -> Any:
    """A connection of the bare driver, in autocommit."""
    parts = urlsplit(url)
    kind = parts.scheme.partition("+")[0]
    if kind == "sqlite":
        import sqlite3

        return sqlite3.connect(
            url.removeprefix("sqlite:///"), timeout=10, isolation_level=None, check_same_thread=False
        )
    if kind == "postgresql":
        import psycopg

        return psycopg.connect(url, autocommit=True)
    import pymysql

    return pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path[1:] or None,
        autocommit=True,
    )


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What is really there: the rows of a statement, asked past everything of ours."""
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        cursor.execute(statement)
        return [tuple(row) for row in cursor.fetchall()]


def program(name: str) -> str:
    """The path of a program of PostgreSQL."""
    found = shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    return found or absent(f"{name} of PostgreSQL is not on this machine")  # type: ignore[no-any-return]


class Cluster:
    """A PostgreSQL server of one's own, on a port of its own; its user is not root, which PostgreSQL refuses.

    Arguments:
        settings: more of its configuration, as `max_connections="10"`.
    """

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wholestack-pg-", dir="/tmp"))
        self.port = _free_port()
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user is not None:
            try:
                entry = pwd.getpwnam(self._user)
            except KeyError:
                absent("there is no user `postgres`, and root runs no PostgreSQL")
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-N", "--no-instructions")
        settings = {
            "port": str(self.port),
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": "''",
            "fsync": "off",  # A killed process loses nothing that the system has; only a power cut would.
            "shared_buffers": "16MB",
            **settings,
        }
        self._run(
            "bash",
            "-c",
            f"cat >> {self.data}/postgresql.conf",
            stdin="\n".join(f"{k}={v}" for k, v in settings.items()),
        )
        self.running = False

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> Self:
        self._run("pg_ctl", "start", "-w", "-D", str(self.data), "-l", str(self.folder / "log"))
        self.running = True
        return self

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "stop", "-w", "-D", str(self.data), "-m", mode)
        self.running = False

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """SIGKILL to its first process; the others end by themselves."""
        number = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(number, 9)
        end = time.monotonic() + 20
        while time.monotonic() < end and Path(f"/proc/{number}").exists():
            time.sleep(0.02)
        self.running = False

    def _run(self, name: str, *words: str, stdin: str = "") -> None:
        command = [name if name == "bash" else program(name), *words]
        # Files and not pipes: the server inherits them, and a pipe would stay open as long as it runs.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                command, input=stdin, stdout=output, stderr=output, text=True, cwd="/", user=self._user, timeout=60
            )
            output.seek(0)
            assert done.returncode == 0, output.read()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            if self.running:
                self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def until(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until something is true, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.02)
    raise TimeoutError(f"not within {seconds} s")
