"""An app whose database is away, silent or behind its migrations: how it starts (row E6), and what it says (row E18)."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

import databases
from databases import until
from servers import serving
from servers.serving import COMMAND, Serving
from wholestack.db import Database

APP = """
import os

from wholestack import App
from wholestack.db import Database, Mapped, Model
from wholestack.observe import Health

with open(os.environ["STARTS"], "a") as file:
    file.write("x")


class Note(Model):
    text: Mapped[str]


app = App(docs=False)
app.use(Database(), Health())


@app.get("/")
async def home() -> str:
    return "home"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app with its migration."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "app.py").write_text(APP)
    command(folder, f"sqlite:///{folder}/made.db", "make", "first")
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A folder with the app and its migration."""
    shutil.copy(made / "app.py", tmp_path)
    shutil.copytree(made / "migrations", tmp_path / "migrations")
    return tmp_path


def variables(folder: Path, url: str) -> dict[str, str]:
    return {"DATABASE_URL": url, "STARTS": str(folder / "starts")}


def command(folder: Path, url: str, *words: str) -> None:
    """`wholestack db …`, which must go well."""
    environment = serving.environment(**variables(folder, url))
    done = subprocess.run([*COMMAND, "db", *words], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def serve(folder: Path, url: str, *words: str) -> Serving:
    return serving.serve(*words, app=str(folder / "app.py"), environment=variables(folder, url), cwd=folder)


def fails_once(folder: Path, url: str, said: str, waits: float = 0) -> str:
    """Serve with three workers, which must end soon and be said once, by the one worker that tried; its output.

    Arguments:
        folder: where the app is.
        url: the address of its database.
        said: what must be said.
        waits: seconds that somebody else lets it wait, whatever the machine does.
    """
    starts = folder / "starts"
    starts.unlink(missing_ok=True)
    with serve(folder, url, "--workers", "3") as server:
        ended, taken = server.ended()
        text = [line for line in server.lines if not line.startswith("{")]
        assert serving.children(server.process.pid) == []
    assert ended == 1
    assert sum(said in line for line in text) == 1, server.output
    assert len(text) == 3, "what is wrong, where, and what to do"
    assert "Traceback" not in server.output
    assert taken <= waits + 5 * serving.pace()
    assert len(starts.read_text()) == 1, "nobody tries again and again"
    return server.output


# -- the start ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["nonsense", "oracle://me:hidden@127.0.0.1/shop"])
def test_E6_an_address_that_is_none(project: Path, url: str) -> None:
    assert "hidden" not in fails_once(project, url, "[bad-database-url]")


@contextlib.contextmanager
def refuses() -> Iterator[int]:
    """A port that is taken, so that nobody else may, and refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections, and says nothing: a server that is frozen."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize("port", [refuses, silent])
@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_E6_a_server_that_is_away_or_frozen(project: Path, scheme: str, port: Callable[[], Any]) -> None:
    url = f"{scheme}://me:hidden@127.0.0.1:PORT/shop"
    with port() as number:
        output = fails_once(project, url.replace("PORT", str(number)), "[database-away]", 3 if port is silent else 0)
    assert f"127.0.0.1:{number}/shop does not answer" in output
    assert "hidden" not in output


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_E6_what_is_silent_is_given_up(scheme: str) -> None:
    """Where it has taken the connection, too; for as long as its address says."""
    with silent() as number:
        database = Database(f"{scheme}://me@127.0.0.1:{number}/shop?connect_timeout=2")
        with pytest.raises(OperationalError, match="time"):
            database.engine.connect()


def test_E6_a_database_that_is_not_there(kind: str, project: Path) -> None:
    if kind == "sqlite":
        fails_once(project, f"sqlite:///{project}/nowhere/app.db", "[database-not-writable]")
    else:
        databases.ask(kind, "SELECT 1")
        fails_once(project, databases.SERVERS[kind].rpartition("/")[0] + "/nowhere", "[database-away]")


def test_E6_migrations_that_are_not_there_or_pending(kind: str, project: Path) -> None:
    with databases.fresh(kind, project) as url:
        assert "wholestack db migrate" in fails_once(
            project, url, "[migration-pending] 1 migration is pending: 0001_first"
        )
        shutil.rmtree(project / "migrations")
        assert 'wholestack db make "first"' in fails_once(project, url, "[no-migrations]")


def test_E6_a_port_that_is_taken(kind: str, project: Path) -> None:
    """It is said before the app, and with it the database, is asked."""
    with databases.fresh(kind, project) as url, socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ["serve", "app.py", "--port", port]
        with Serving(*words, environment=variables(project, url), cwd=project) as server:
            code, lived = server.ended()
        assert (code, len(server.lines)) == (1, 1)
        assert server.output.startswith(f"Error: 127.0.0.1:{port} is in use.")
        assert lived <= 5 * serving.pace()
        assert not (project / "starts").exists()


# -- health ------------------------------------------------------------------------------------------------------


class Relay:
    """A port before a database, which can be frozen, and closed.

    Arguments:
        port: of the database, on this machine.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._flows = threading.Event()
        self._flows.set()
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._start()

    def _start(self) -> None:
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                self._flows.wait()
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def hangs(self) -> None:
        """Take connections and what they say, and carry nothing."""
        self._flows.clear()

    def refuses(self) -> None:
        """End all connections, and refuse more."""
        if self._listening.fileno() >= 0:
            self._listening.shutdown(socket.SHUT_RDWR)  # To close it would not wake who accepts.
            self._listening.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def works(self) -> None:
        """Carry again, what waits as well."""
        if self._listening.fileno() < 0:
            self._listening = socket.create_server(("127.0.0.1", self.port))
            self._start()
        self._flows.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flows.set()
        self.refuses()


def is_ready(server: Serving) -> bool:
    return server.ask("/health/ready").status == 200


PORTS = {"postgresql": 5432, "mariadb": 3306}


@pytest.mark.parametrize("kind", list(PORTS), indirect=True)
@pytest.mark.parametrize("way", ["refuses", "hangs"])
def test_E18_a_database_that_is_away_or_frozen(kind: str, way: str, project: Path) -> None:
    """It lives, is not ready, says so within a second, and is ready again by itself."""
    with databases.fresh(kind, project) as url, Relay(make_url(url).port or PORTS[kind]) as relay:
        command(project, url, "migrate")
        through = make_url(url).set(host="127.0.0.1", port=relay.port).render_as_string(hide_password=False)
        with serve(project, through) as server:
            server.ready()
            until(lambda: is_ready(server))
            for _ in range(2):
                getattr(relay, way)()
                for _ in range(3):
                    begun = time.monotonic()
                    answer = server.ask("/health/ready")
                    taken = time.monotonic() - begun
                    failing = ["database", "migrations"]
                    assert (answer.status, answer.json()) == (503, {"status": "not ready", "failing": failing})
                    assert taken <= 1 * serving.pace()
                    assert server.ask("/health/live").status == 200
                relay.works()
                until(lambda: is_ready(server))
            getattr(relay, way)()
            assert not is_ready(server)
            code, _ = server.stop()  # And it can be stopped meanwhile.
        assert code == 0


def test_E18_a_migration_that_is_pending(kind: str, project: Path) -> None:
    with databases.fresh(kind, project) as url:
        command(project, url, "migrate")
        with serve(project, url, "--grace", "2") as server:
            server.ready()
            until(lambda: is_ready(server))
            command(project, url, "rollback", "--yes")
            answer = server.ask("/health/ready")
            assert (answer.status, answer.json()) == (503, {"status": "not ready", "failing": ["migrations"]})
            server.said("migrations are pending: 0001_first")
            assert server.ask("/health/live").status == 200
            command(project, url, "migrate")
            assert is_ready(server)
            server.send(signal.SIGTERM)
            until(lambda: server.ask("/health/ready").json() == {"status": "draining"})
            assert server.ask("/health/live").status == 200
            assert server.ended()[0] == 0
