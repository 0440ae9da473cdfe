"""A client that leaves (E9): its handler ends where it waits and gives back what it had, on every server with a loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers import wire
from servers.live import KINDS, Running
from servers.matrix import Kind
from servers.serving import until

PATIENCE = 60.0
"""Seconds that nothing here takes; a handler that were not cancelled would."""


@pytest.fixture(scope="module", params=KINDS, ids=str)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    kind: Kind = request.param
    made = Running(kind, tmp_path_factory.mktemp(kind.name), "leaving_app")
    yield made
    made.end()


def counts(running: Running) -> dict[str, int]:
    with wire.Connection(running.port) as connection:
        found: dict[str, int] = connection.ask("/").json()
    return found


def test_E9_handlers_end_with_their_clients(running: Running, long: bool) -> None:
    before, many, at_once = counts(running), 1000 if long else 100, 50
    for _ in range(many // at_once):
        known = counts(running)["begun"]
        clients = [wire.Connection(running.port) for _ in range(at_once)]
        for client in clients:
            client.send(wire.request("/work?seconds=3600"))
        until(lambda known=known: counts(running)["begun"] == known + at_once, PATIENCE)
        for client in clients:
            client.close()
    until(lambda: counts(running)["cancelled"] == before["cancelled"] + many, PATIENCE, "all are cancelled")
    after = counts(running)
    assert (after["in use"], after["done"]) == (0, before["done"])


def test_who_stays_is_answered(running: Running) -> None:
    before = counts(running)
    with wire.Connection(running.port) as client:
        for _ in range(2):  # Long enough to be looked after, and the connection is as good as before.
            answer = client.ask("/work?seconds=1.5")
            assert (answer.status, answer.text) == (200, "done")
    assert counts(running)["cancelled"] == before["cancelled"]


def test_a_route_may_finish(running: Running) -> None:
    before = counts(running)
    with wire.Connection(running.port) as client:
        client.send(wire.request("/finish?seconds=2"))
        until(lambda: counts(running)["begun"] == before["begun"] + 1)
    until(lambda: counts(running)["done"] == before["done"] + 1, PATIENCE)
    assert counts(running)["cancelled"] == before["cancelled"]
