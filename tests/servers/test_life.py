"""A server's start and stop: hooks run, requests in flight are finished, nothing is answered twice."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import known
from servers.boundary import settled
from servers.matrix import Kind, Server
from servers.serving import pace
from servers.wire import PATIENCE, Gone


@contextlib.contextmanager
def fresh(kind: Kind, folder: Path) -> Iterator[Server]:
    """A server of its own for one test."""
    server = Server(kind, folder)
    try:
        yield server
    finally:
        server.end()


def ask_slowly(server: Server, path: str, answers: list[str]) -> None:
    """One slow request; what comes of it is noted."""
    try:
        answer = server.ask(path)
        answers.append("whole" if answer.whole and answer.body == b"done" else "cut")
    except (Gone, OSError):
        answers.append("dropped")


def flight(server: Server, count: int, key: str) -> tuple[list[threading.Thread], list[str]]:
    """So many requests of a second in flight, half of each colour, every one begun.

    A server that drops them gets longer ones: on a busy machine the first would end before the last has begun.
    """
    answers: list[str] = []
    drops = known.outcome(server.kind, "E1", "in flight", "all") != "all"
    query = f"{key}?seconds={10 if drops else 1}"
    threads = [
        threading.Thread(target=ask_slowly, args=(server, f"/{'da'[number % 2]}/slow/{query}", answers))
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    return threads, answers


def stop(server: Server) -> tuple[int | None, float]:
    """SIGTERM: the exit code, and how long it took from the signal that was heard."""
    forgets = known.outcome(server.kind, "E1", "SIGTERM", "heard") != "heard"
    began = time.monotonic()
    server.terminate()
    code = server.wait(10 if forgets else PATIENCE)
    if code is None and forgets:
        began = time.monotonic()
        for worker in server.pids()[1:]:
            os.kill(worker, signal.SIGTERM)
        code = server.wait(PATIENCE)
    return code, time.monotonic() - began


def test_the_start_hook_runs_once_before_the_first_answer(kind: Kind, tmp_path: Path) -> None:
    with fresh(kind, tmp_path) as server:
        if kind.lifespan:
            settled(server.records)
        else:
            assert server.records() == []
            assert server.ask("/d/text").status == 200
        assert server.records() == ["started"]
        for path in ("/a/text", "/d/file", "/a/waited", "/d/waited"):
            assert server.ask(path).status == 200
        assert server.records() == ["started"]


def test_E1_a_stop_lets_requests_in_flight_finish(kind: Kind, tmp_path: Path) -> None:
    """SIGTERM with requests of a second in flight: all answered, the stop hook run after them, exit within 2
    seconds."""
    with fresh(kind, tmp_path) as server:
        key = uuid.uuid4().hex
        server.ask("/d/text")
        slowness = pace()
        count = 1 if kind.workers == 1 else 20
        threads, answers = flight(server, count, key)
        assert settled(lambda: server.records().count("began") == count), server.log()[-3000:]
        code, took = stop(server)
        for thread in threads:
            thread.join(PATIENCE)
        finished = f"{answers.count('whole')} of {count}"
        assert finished == known.outcome(kind, "E1", "in flight", f"{count} of {count}"), answers
        hooks = "run" if server.records().count("stopped") == 1 else "not run"
        assert hooks == known.outcome(kind, "E1", "stop hook", "run"), server.log()[-3000:]
        if hooks == "run":
            assert server.records()[-1] == "stopped"
        assert str(code) == known.outcome(kind, "E1", "exit code", "0"), server.log()[-3000:]
        assert took < 3 * slowness


@pytest.mark.parametrize("colour", ["d", "a"])
def test_a_stop_drains_after_send_actions(kind: Kind, colour: str, tmp_path: Path) -> None:
    """What `response.after` began is done before the stop hook runs."""
    with fresh(kind, tmp_path) as server:
        key = uuid.uuid4().hex
        assert server.ask(f"/{colour}/after/{key}?seconds=1").text == "answered"
        stop(server)
        drained = "drained" if key in server.records() else "lost"
        assert drained == known.outcome(kind, "after-send", f"{colour} at a stop", "drained"), server.log()[-3000:]
        if "stopped" in server.records():
            assert server.records() == ["started", key, "stopped"]
