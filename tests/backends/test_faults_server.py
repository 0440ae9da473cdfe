"""A PostgreSQL server that is restarted, stopped, full, or that ends a connection: rows F1 to F4, F7 and F12.

Each runs on a cluster of its own, under `wholestack serve`; F12 on each kind of database.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import Counter as Tally
from collections.abc import Iterator
from typing import Any, Self

import pytest

import databases
from backends.asking import at_work
from backends.served import APP, ask, environment, pool, served
from databases import Cluster, until
from servers import wire
from servers.serving import Serving


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture(autouse=True)
def runs(cluster: Cluster) -> Iterator[None]:
    yield
    if not cluster.running:
        cluster.start()


@pytest.fixture(scope="module")
def running(cluster: Cluster) -> Iterator[Serving]:
    """One server for all of them: what one test does to it must not be felt by the next."""
    with served(cluster.url, pool=3) as process:
        yield process.ready()
        assert process.process.poll() is None


class Clients:
    """Clients that ask the same path again and again, each request on a connection of its own, until they are stopped.

    Attributes:
        seen: when each was sent, its status, and how long it took; 0 where there was no answer.
    """

    def __init__(self, running: Serving, path: str, clients: int, method: str = "GET") -> None:
        self.seen: list[tuple[float, int, float]] = []
        self._call = running, path, method
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def _run(self) -> None:
        running, path, method = self._call
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                status = ask(running, path, method).status
            except OSError:
                status = 0
            self.seen.append((begun, status, time.monotonic() - begun))
            time.sleep(0.002)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(wire.PATIENCE)

    def statuses(self, since: float = 0.0) -> Tally[int]:
        return Tally(status for begun, status, _ in self.seen if begun >= since)


@pytest.mark.parametrize("colour", ["def", "async"])
def test_F1_a_restart_under_load(cluster: Cluster, running: Serving, colour: str, long: bool) -> None:
    """Who was in flight may fail, with a 503; nobody does afterwards."""
    clients = 16 if long else 6
    for _ in range(5 if long else 1):
        with Clients(running, f"/{colour}/one", clients) as load:
            until(lambda load=load: len(load.seen) > 10 * clients)
            before = load.statuses()
            cluster.restart()
            back = time.monotonic()
            until(lambda load=load, back=back: sum(load.statuses(back).values()) > 10 * clients)
        assert before.keys() == {200}
        # In flight, or sent while the server was down: none that was sent when it was back.
        assert {status for begun, status, _ in load.seen if begun < back} <= {200, 503}
        assert load.statuses(back).keys() == {200}


@pytest.mark.parametrize("colour", ["def", "async"])
def test_F2_stopped_and_started_again(cluster: Cluster, running: Serving, colour: str, long: bool) -> None:
    """Each is told with a 503, soon; when the server is back it is used again, by itself."""
    assert ask(running, f"/{colour}/one").status == 200
    cluster.stop()
    with Clients(running, f"/{colour}/one", 8) as load:
        time.sleep(30 if long else 1)
        until(lambda: len(load.seen) > 16)
        stopped = len(load.seen)
        cluster.start()
        back = time.monotonic()
        until(lambda: load.statuses(back)[200] > 10)
    assert {status for _, status, _ in load.seen[:stopped]} == {503}
    assert max(took for _, _, took in load.seen[:stopped]) < 10, "2 s are asked, of a machine with nothing else to do"
    assert load.statuses(back).keys() == {200}
    until(lambda: pool(running)["requests"] == {"taken": 0, "waiting": 0})


def test_F2_the_answer_says_when_to_come_back_and_nothing_of_the_server(cluster: Cluster, running: Serving) -> None:
    cluster.stop()
    answer = ask(running, "/async/one")
    assert (answer.status, answer.code, answer["retry-after"].isdecimal()) == (503, "database-away", True)
    assert str(cluster.port) not in answer.text
    assert "postgres" not in answer.text


def test_F3_a_server_without_room_is_found_beforehand_and_lived_with(long: bool) -> None:
    with Cluster(max_connections="10") as full:
        said = {}
        for workers in (1, 4):
            done = subprocess.run(
                [sys.executable, "-m", "wholestack", "check", APP, "--workers", str(workers)],
                env={**os.environ, **environment(full.url, pool=2, streams=1)},
                capture_output=True,
                text=True,
            )
            said[workers] = (done.returncode, "too-many-connections" in done.stdout + done.stderr)
        assert said == {1: (0, False), 4: (1, True)}
        with served(full.url, "--workers", "2", pool=8, wait=30) as running:
            running.said("2 processes with 14 connections each")
            running.ready()
            with Clients(running, "/async/one", 12) as load, Clients(running, "/def/one", 12) as more:
                until(lambda: len(load.seen) > 100 and len(more.seen) > 100, 120)
        statuses = load.statuses() + more.statuses()
        assert statuses.keys() <= {200, 503}
        assert statuses[200] > 10 * statuses[503], "those connections that there are serve everybody"


@pytest.mark.parametrize("colour", ["def", "async"])
def test_F4_a_connection_that_is_ended_in_a_transaction(cluster: Cluster, running: Serving, colour: str) -> None:
    """The whole unit is rolled back, its client is told, and the next one has a connection that works."""
    databases.rows(cluster.url, "DELETE FROM counter RETURNING id")
    databases.rows(cluster.url, "INSERT INTO counter (id, value) VALUES (1, 0) RETURNING id")
    with wire.Connection(running.port) as client:
        client.send(wire.request(f"/{colour}/hold/1/2", "POST", [("content-length", "0")]))
        until(lambda: _transactions(cluster))
        databases.rows(cluster.url, f"SELECT pg_terminate_backend({_transactions(cluster)[0]})")
        answer = client.answer()
    assert (answer.status, answer.code) == (503, "database-away")
    assert databases.rows(cluster.url, "SELECT value FROM counter") == [(0,)]
    assert ask(running, f"/{colour}/count/1", "POST").text == "1"
    assert pool(running)["requests"] == {"taken": 0, "waiting": 0}


def _transactions(cluster: Cluster) -> list[int]:
    """Connections of the app that are in a transaction and wait for it to go on."""
    sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'wholestack' AND state = 'idle in transaction'"
    return [number for (number,) in databases.rows(cluster.url, sql)]


def test_F12_a_statement_has_a_time_limit(url: str) -> None:
    with served(url, pool=1, timeout=0.3) as running:
        running.ready()
        for colour in ("def", "async"):
            answer = ask(running, f"/{colour}/slow/600")
            assert (answer.status, answer.code) == (503, "statement-timeout")
            assert ask(running, f"/{colour}/one").status == 200


def test_F12_a_statement_ends_with_its_client(url: str, kind: str) -> None:
    with served(url, pool=1) as running:
        running.ready()
        with wire.Connection(running.port) as client:
            client.send(wire.request("/async/slow/600"))
            until(lambda: pool(running)["requests"]["taken"] == 1 and at_work(kind) >= (kind != "sqlite"))
        until(lambda: pool(running)["requests"]["taken"] == 0 and at_work(kind) == 0)
        assert pool(running)["done"] == 0
        assert ask(running, "/async/one").status == 200


@pytest.mark.parametrize("mode", ["server", "app"])
def test_F7_SIGKILL_in_the_middle_of_commits(cluster: Cluster, mode: str, long: bool) -> None:
    """What was acknowledged is there: when the database's process is killed, and when the app's is."""
    for turn in range(20 if long else 1):
        acknowledged: list[str] = []
        with served(cluster.url, pool=5) as running:
            running.ready()
            stop = threading.Event()

            def write(
                number: int, running: Serving = running, acknowledged: Any = acknowledged, stop: Any = stop
            ) -> None:
                count = 0
                while not stop.is_set():
                    name = f"{number}-{count}"
                    count += 1
                    with contextlib.suppress(OSError):
                        if ask(running, f"/{'async' if number % 2 else 'def'}/name/{name}", "POST").status == 200:
                            acknowledged.append(name)

            writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
            for writer in writers:
                writer.start()
            until(lambda acknowledged=acknowledged, turn=turn: len(acknowledged) > 50 + 7 * turn)
            if mode == "server":
                cluster.kill()
                stop.set()
            else:
                os.killpg(running.process.pid, 9)
                stop.set()
            for writer in writers:
                writer.join(wire.PATIENCE)
        if mode == "server":
            cluster.start()
        there = {name for (name,) in databases.rows(cluster.url, "SELECT name FROM author")}
        assert set(acknowledged) <= there
