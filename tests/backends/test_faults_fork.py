"""A server that forks after the app was imported, with a pool open (E15)."""

from __future__ import annotations

from pathlib import Path

import pytest

import databases
from backends.models import empty
from backends.served import environment
from servers import wire
from servers.matrix import BY_NAME, free_port
from servers.serving import Serving, until

COUNT = ("POST", [("content-length", "0")])


@pytest.mark.parametrize("server", ["gunicorn-gthread", "gunicorn-asgi"])
def test_E15_a_fork_with_a_pool_open(url: str, kind: str, server: str, tmp_path: Path) -> None:
    """No connection is used by two processes, nor is the parent's ended by its children."""
    empty(url)
    port = free_port()
    command = BY_NAME[server].argv(port, "backends.preloaded_app:app")
    with Serving("--preload", "--workers", "2", command=command, environment=environment(url)):
        until(lambda: _open(port))
        answers = [_ask(port) for _ in range(30)]
        while len({answer["process"] for answer in answers}) < 2:
            answers.append(_ask(port))
            assert len(answers) < 2000, "one worker answers all"
        parent, its = answers[0]["parent"]
        assert parent not in {answer["process"] for answer in answers}
        assert [answer["shared"] for answer in answers if answer["shared"]] == []
        if kind != "sqlite":
            connections = {(answer["process"], answer["connection"]) for answer in answers}
            assert len({number for _, number in connections}) == len(connections)
            assert its not in {number for _, number in connections}
            table, column = (
                ("pg_stat_activity", "pid") if kind == "postgresql" else ("information_schema.processlist", "id")
            )
            assert databases.ask(kind, f"SELECT 1 FROM {table} WHERE {column} = {its}"), "the parent's is still there"
    counted = databases.rows(url, "SELECT COUNT(*) FROM counter")
    assert counted == [(len(answers),)]


def _open(port: int) -> bool:
    try:
        with wire.Connection(port) as connection:
            return connection.ask("/").status > 0
    except OSError:
        return False


def _ask(port: int) -> dict[str, object]:
    with wire.Connection(port) as connection:
        answer = connection.ask("/", *COUNT)
    assert answer.status == 200, answer.text
    return dict(answer.json())
