"""Servers as fixtures: `server` is each of them in turn, started when first asked for, ended when the next one
comes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers.matrix import KINDS, Kind, Server


@pytest.fixture(scope="session", params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each server in each set-up."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def running(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this kind that runs; the tests of the session share it."""
    server = Server(kind, tmp_path_factory.mktemp(kind.name))
    yield server
    server.end()


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """A server of this kind; after the test its processes must be the same as before: the worker lives on."""
    before = running.pids()
    yield running
    assert running.alive(), running.log()[-4000:]
    assert set(before) <= set(running.pids()), running.log()[-4000:]
