"""A stop as a balancer sees it (E18): not ready from SIGTERM on, alive and answering until the end."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from servers import serving, wire
from servers.serving import Serving, until

APP = """
import asyncio
import os

from wholestack import App
from wholestack.observe import Health

app = App(docs=False)
app.use(Health())


@app.get("/")
async def home() -> int:
    return os.getpid()


@app.get("/slow")
async def slow(seconds: float) -> str:
    open(os.environ["BEGUN"], "w").close()
    await asyncio.sleep(seconds)
    return "whole"
"""


@contextlib.contextmanager
def served(folder: Path, *words: str) -> Iterator[Serving]:
    (folder / "app.py").write_text(APP)
    with serving.serve(*words, app=str(folder / "app.py"), environment={"BEGUN": str(folder / "begun")}) as server:
        yield server.ready()


@contextlib.contextmanager
def in_flight(server: Serving, folder: Path, seconds: float) -> Iterator[list[wire.Answer]]:
    """A request that is on its way, and at the end its answer."""
    answers: list[wire.Answer] = []
    thread = threading.Thread(target=lambda: answers.append(server.ask(f"/slow?seconds={seconds}")))
    thread.start()
    until((folder / "begun").exists)
    yield answers
    thread.join(wire.PATIENCE)


def test_E18_not_ready_from_the_signal_on_and_alive_to_the_end(tmp_path: Path) -> None:
    with served(tmp_path, "--grace", "2") as server:
        with wire.Connection(server.port) as kept, in_flight(server, tmp_path, 4) as answers:
            assert kept.ask("/health/ready").status == 200
            server.send(signal.SIGTERM)
            begun = time.monotonic()
            until(lambda: server.ask("/health/ready").status == 503, what="not ready, on a connection of its own")
            assert time.monotonic() - begun < 1 * serving.pace()
            ready = kept.ask("/health/ready")
            assert (ready.status, ready.json()) == (503, {"status": "draining"})
            assert kept.ask("/health/live").status == server.ask("/health/live").status == 200
            assert server.ask("/").status == 200  # And it accepts, for as long as the grace lasts.
        code, _ = server.ended()
    assert code == 0
    assert [(answer.status, answer.text) for answer in answers] == [(200, "whole")]


def test_without_a_grace_only_who_is_connected_is_told(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        with wire.Connection(server.port) as kept, in_flight(server, tmp_path, 1.5) as answers:
            assert kept.ask("/health/ready").status == 200
            server.send(signal.SIGTERM)
            seen = []
            with contextlib.suppress(wire.Gone, OSError):  # Closed half a second after the signal.
                while True:
                    seen.append(kept.ask("/health/ready").status)
                    time.sleep(0.02)
            assert seen == sorted(seen)  # It never comes back; on a full machine it may be closed before it is asked.
            assert set(seen) <= {200, 503}
        code, _ = server.ended()
    assert code == 0
    assert [(answer.status, answer.text) for answer in answers] == [(200, "whole")]


def test_a_second_signal_ends_the_grace(tmp_path: Path) -> None:
    with served(tmp_path, "--grace", "60") as server:
        server.send(signal.SIGTERM)
        until(lambda: server.ask("/health/ready").status == 503)
        code, taken = server.stop()
    assert code == 0
    assert taken < 30


def test_a_worker_that_is_replaced_is_not_told_of(tmp_path: Path) -> None:
    with served(tmp_path, "--grace", "60") as server, wire.Connection(server.port) as kept:
        before = kept.ask("/").text
        server.send(signal.SIGHUP)
        seen = set()
        until(lambda: server.ask("/").text != before and len(server.pids()) == 1, seconds=30 * serving.pace())
        with contextlib.suppress(wire.Gone, OSError):
            while True:  # The old worker closes the connection in the end; until then it says that all is well.
                seen.add(kept.ask("/health/ready").status)
                time.sleep(0.05)
        assert seen <= {200}
        assert server.ask("/health/ready").status == 200
