"""An app asked in this process, over each interface and with each colour of handler."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from callers import CALLERS, Caller


@pytest.fixture(params=list(CALLERS))
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[[Any], Any]]:
    """`client = serve(app)`: the app behind an in-process server, on every interface in turn."""
    yield from _serve(request.param)


@pytest.fixture
def serve_one() -> Iterator[Callable[[Any], Any]]:
    """The same over ASGI only, for what lies above the drivers."""
    yield from _serve("asgi")


def _serve(interface: str) -> Iterator[Callable[[Any], Any]]:
    opened: list[Caller] = []

    def serve(app: Any) -> Caller:
        opened.append(CALLERS[interface](app))
        return opened[-1]

    yield serve
    for caller in opened:
        caller.close()


@pytest.fixture(params=["def", "async"])
def colour(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """`app.get("/")(colour(handler))`: the plain handler as it is, or as `async def`."""
    if request.param == "def":
        return lambda function: function

    def asynchronous(function: Any) -> Any:
        assert not inspect.iscoroutinefunction(function)

        @functools.wraps(function)
        async def handler(**arguments: Any) -> Any:
            return function(**arguments)

        return handler

    return asynchronous
