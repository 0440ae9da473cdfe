"""One client of each interface, as users make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from wholestack.testing import Client


@pytest.fixture(params=["asgi", "wsgi", "rsgi"])
def interface(request: pytest.FixtureRequest) -> str:
    """Each interface in turn."""
    return str(request.param)


@pytest.fixture
def client_of(interface: str) -> Iterator[Callable[..., Client]]:
    """`client = client_of(app)`: a client that has started the app, and stops it after the test."""
    with ExitStack() as stack:

        def client_of(app: Any, **options: Any) -> Client:
            return stack.enter_context(Client(app, interface=interface, **options))  # type: ignore[arg-type]

        yield client_of
