"""SQLite's file: many writers, a writer that takes long, processes that are killed, a full disk, a file that is not ours.

Rows F5 to F9.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import databases
from backends.models import Counter, app_on, empty
from backends.served import HERE, PATHS, ask, environment, served
from databases import Cluster, until
from servers import serving, wire
from servers.matrix import free_port
from servers.serving import Serving, processor
from wholestack import App
from wholestack.db import Database, Session, func, insert, select
from wholestack.testing import Client

SQLITE_ONLY = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
figures: list[str] = []


@SQLITE_ONLY
def test_F5_writers_of_many_processes(url: str, long: bool, record_property: Any) -> None:
    """Each reads, adds one and writes, through the ORM: no error, and no update is lost."""
    writers, times = (8, 150) if long else (4, 50)
    empty(url)
    databases.rows(url, "INSERT INTO counter (id, value) VALUES (1, 0)")
    processes = [
        subprocess.Popen(
            [sys.executable, str(HERE / "writer.py"), url, str(times)],
            env={**os.environ, "PYTHONPATH": PATHS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(writers)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = [process.communicate("go\n", timeout=120) for process in _go(processes)]
    assert [error for _, error in outputs if error] == []
    took = sorted(float(line) for output, _ in outputs for line in output.split())
    assert len(took) == writers * times
    assert databases.rows(url, "SELECT value FROM counter") == [(writers * times,)]
    p50, p99 = statistics.median(took), took[int(len(took) * 0.99)]
    record_property("F5", f"{writers} writers x {times}: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
    print(f"F5: {writers} writers x {times}: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, worst {took[-1]:.3f} s")


def _go(processes: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    """Let all of them begin at once."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes


@SQLITE_ONLY
def test_F5_requests_of_several_workers(url: str, long: bool) -> None:
    clients, times = (8, 150) if long else (6, 20)
    with served(url, "--workers", "2") as running:
        databases.rows(url, "INSERT INTO counter (id, value) VALUES (1, 0)")
        running.ready()
        seen: list[int] = []

        def count(number: int) -> None:
            with wire.Connection(running.port) as connection:
                for _ in range(times):
                    path = f"/{'async' if number % 2 else 'def'}/count/1"
                    seen.append(connection.ask(path, method="POST", headers=[("content-length", "0")]).status)

        serving.all_of([lambda number=number: count(number) for number in range(clients)])  # type: ignore[misc]
    assert set(seen) == {200}
    assert databases.rows(url, "SELECT value FROM counter") == [(clients * times,)]


@SQLITE_ONLY
def test_F6_a_writer_that_takes_long(url: str, colour: Any, long: bool) -> None:
    """Who reads is not held up; who writes waits, and is told in the end, with when to come again."""
    patience, held = (5.0, 6.0) if long else (0.5, 1.5)
    app = app_on(url, patience=patience)

    @app.get("/")
    @colour
    def count(db: Session) -> int:
        return db.scalar(select(func.count()).select_from(Counter)) or 0

    @app.post("/")
    @colour
    def add(db: Session) -> None:
        db.add(Counter(value=1))

    with contextlib.closing(databases.connect(url)) as other, Client(app) as client:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO counter (value) VALUES (7)")
        begun = time.monotonic()
        assert client.get("/").json() == 0
        read = time.monotonic() - begun
        answer = client.post("/")
        waited = time.monotonic() - begun - read
        assert (answer.status, answer.json()["code"]) == (503, "database-busy")
        assert int(answer.headers["retry-after"]) >= 1
        assert waited >= patience
        assert read < patience, "a reader does not wait"
        threading.Timer(max(0.0, held - waited), lambda: other.execute("COMMIT")).start()
        until(lambda: client.post("/").status == 204)
        assert client.get("/").json() == 2


@SQLITE_ONLY
@pytest.mark.parametrize("full", [False, True], ids=["NORMAL", "FULL"])
def test_F7_SIGKILL_in_the_middle_of_commits(url: str, long: bool, full: bool) -> None:
    """What was acknowledged is there, and the file is whole."""
    empty(url)
    acknowledged: set[str] = set()
    for turn in range(20 if long else 2):
        with served(url, "--workers", "2", full=full) as running:
            acknowledged.clear()
            running.ready()
            stop = threading.Event()

            def write(number: int, running: Serving = running, stop: Any = stop, turn: int = turn) -> None:
                count = 0
                while not stop.is_set():
                    name = f"{turn}-{number}-{count}"
                    count += 1
                    with contextlib.suppress(OSError):
                        if ask(running, f"/{'async' if number % 2 else 'def'}/name/{name}", "POST").status == 200:
                            acknowledged.add(name)

            threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            until(lambda turn=turn: len(acknowledged) > 40 + 5 * turn)
            os.killpg(running.process.pid, 9)
            stop.set()
            for thread in threads:
                thread.join(wire.PATIENCE)
        there = {name for (name,) in databases.rows(url, "SELECT name FROM author")}
        assert acknowledged <= there
        assert databases.rows(url, "PRAGMA integrity_check") == [("ok",)]


@pytest.fixture
def small() -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = Path(tempfile.mkdtemp(prefix="wholestack-small-", dir="/tmp"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True).returncode:
        folder.rmdir()
        databases.absent("this user may mount nothing")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


def filling(url: str, colour: Any) -> App:
    app = app_on(url)

    @app.post("/")
    @colour
    def add(db: Session) -> None:
        db.execute(insert(Counter), [{"value": number} for number in range(5000)])

    @app.get("/")
    @colour
    def count(db: Session) -> int:
        return db.scalar(select(func.count()).select_from(Counter)) or 0

    return app


@SQLITE_ONLY
def test_F8_a_full_disk(small: Path, colour: Any, kind: str) -> None:
    """It says so, keeps what it has, reads on, and writes again when there is room."""
    filler = small / "filler"
    filler.write_bytes(b"x" * 2_000_000)
    url = f"sqlite:///{small / 'app.db'}"
    with Client(filling(url, colour)) as client:
        done = 0
        while (answer := client.post("/")).status == 204:
            done += 1
            assert done < 100
        assert (answer.status, answer.json()["code"]) == (507, "storage-full")
        assert client.get("/").json() == 5000 * done
        filler.unlink()
        assert client.post("/").status == 204
        assert client.get("/").json() == 5000 * (done + 1)
    assert databases.rows(url, "PRAGMA integrity_check") == [("ok",)]


def test_F8_a_full_disk_of_PostgreSQL(small: Path) -> None:
    with Cluster() as cluster:
        if os.geteuid() == 0:
            os.chown(small, pwd.getpwnam("postgres").pw_uid, -1)
        (small / "space").mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(small / "space", pwd.getpwnam("postgres").pw_uid, -1)
        filler = small / "filler"
        filler.write_bytes(b"x" * 2_000_000)
        with contextlib.closing(databases.connect(cluster.url)) as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{small / 'space'}'")
            connection.execute("CREATE DATABASE app TABLESPACE pg_default")
            connection.execute("ALTER ROLE postgres SET default_tablespace = 'small'")
        url = cluster.url.replace("/postgres", "/app").replace("//app@", "//postgres@")
        with Client(filling(url, lambda function: function)) as client:
            done = 0
            while (answer := client.post("/")).status == 204:
                done += 1
                assert done < 100
            assert (answer.status, answer.json()["code"]) == (507, "storage-full")
            assert client.get("/").json() == 5000 * done
            filler.unlink()
            assert client.post("/").status == 204


LOGGING_APP = """
import logging
from wholestack import App

app = App(docs=False)


@app.get("/")
def talk() -> str:
    logging.getLogger("app").warning("a line of the log " + "x" * 2000)
    return "said"


@app.get("/broken")
async def broken() -> str:
    raise RuntimeError("broken on purpose " + "y" * 2000)
"""


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_F8_a_full_disk_of_the_log(small: Path, tmp_path: Path, server: str) -> None:
    """What cannot be logged is lost, and nothing else: everybody is answered, and when there is room it is logged."""
    (tmp_path / "talking.py").write_text(LOGGING_APP)
    log, filler = small / "log", small / "filler"
    port = free_port()
    words = ("serve", str(tmp_path / "talking.py"), "--port", str(port), "--server", server, "--workers", "2")
    told = serving.environment(WHOLESTACK_ENV="production", SECRET_KEY="k" * 32)
    with log.open("wb") as stderr:
        process = subprocess.Popen([*serving.COMMAND, *words], stdout=stderr, stderr=stderr, env=told)
    try:

        def ask(path: str) -> int:
            with wire.Connection(port) as connection:
                return connection.ask(path).status

        def answered() -> bool:
            with contextlib.suppress(OSError):
                return ask("/") == 200
            return False

        until(answered)
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 512)
        full = log.stat().st_size
        for _ in range(50):
            assert (ask("/"), ask("/broken")) == (200, 500)
        assert log.stat().st_size - full < 8192
        assert process.poll() is None
        filler.unlink()
        until(lambda: ask("/") == 200 and log.stat().st_size > full + 20_000)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


@SQLITE_ONLY
def test_F9_a_read_only_file_system(small: Path, kind: str) -> None:
    url = f"sqlite:///{small / 'app.db'}"
    empty(url)
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    with serving.serve(app=str(HERE / "served_app.py"), environment=environment(url)) as running:
        code, _ = running.ended()
        said = [line for line in running.lines if "database-not-writable" in line]
    assert code != 0
    assert len(said) == 1, running.output
    assert str(small) in running.output
    assert "Traceback" not in running.output


@SQLITE_ONLY
def test_F9_a_file_system_that_becomes_read_only(small: Path, colour: Any, kind: str) -> None:
    app = filling(f"sqlite:///{small / 'app.db'}", colour)
    with Client(app) as client:
        assert client.post("/").status == 204
        # Files that are open for writing would keep it as it is; the next request opens them anew.
        app.plugin(Database).dispose()
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        try:
            answer = client.post("/")
            assert answer.status == 503
            assert answer.json()["code"] in {"database-not-writable", "database-away"}
        finally:
            subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
        assert client.post("/").status == 204


@SQLITE_ONLY
def test_F9_a_file_of_somebody_else(kind: str) -> None:
    """The process is another user's than the file."""
    if os.geteuid() != 0:
        databases.absent("only root can become another user")
    folder = Path(tempfile.mkdtemp(prefix="wholestack-owner-", dir="/tmp"))
    try:
        os.chmod(folder, 0o755)
        url = f"sqlite:///{folder / 'app.db'}"
        empty(url)
        # It starts as root, which may read this checkout, and becomes the other one before the database begins.
        text = f"""
import os
from wholestack import App, SetupError
from wholestack.db import Database
app = App()
app.use(Database({url!r}, migrations=None))
app.seal()
os.environ["LOGNAME"] = "nobody"
os.setuid({pwd.getpwnam("nobody").pw_uid})
try:
    app.plugin(Database).begin()
except SetupError as error:
    print(error)
"""
        done = subprocess.run(
            [sys.executable, "-c", text],
            env={"PYTHONPATH": PATHS, "PATH": os.environ["PATH"]},
            cwd="/",
            capture_output=True,
            text=True,
        )
        assert "database-not-writable" in done.stdout, done.stderr
        assert f"{folder} cannot be written by the user nobody" in done.stdout
    finally:
        shutil.rmtree(folder)


@SQLITE_ONLY
def test_nothing_waits_by_turning_round(url: str, colour: Any) -> None:
    """Who waits for the writer of another process uses next to no processor time."""
    app = app_on(url, patience=2.0)

    @app.post("/")
    @colour
    def add(db: Session) -> None:
        db.add(Counter(value=1))

    with contextlib.closing(databases.connect(url)) as other, Client(app) as client:
        assert client.post("/").status == 204
        other.execute("BEGIN IMMEDIATE")
        before = processor(os.getpid())
        assert client.post("/").status == 503
        assert processor(os.getpid()) - before < 1.0
        other.execute("ROLLBACK")
