"""Each test that asks for `colour` runs with a `def` and with an `async def` handler."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(params=["def", "async"])
def colour(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """`app.get("/")(colour(handler))`: the plain handler as it is, or as `async def`, with the same calls inside."""
    return _plain if request.param == "def" else _asynchronous


def _plain(function: Any) -> Any:
    return function


def _asynchronous(function: Any) -> Any:
    @functools.wraps(function)
    async def handler(**arguments: Any) -> Any:
        return function(**arguments)

    return handler
