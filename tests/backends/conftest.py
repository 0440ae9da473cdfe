"""Each test of a database runs on SQLite, PostgreSQL and MariaDB, and in both colours where it asks for `colour`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import databases


@pytest.fixture(scope="module", params=databases.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database; `@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)` takes one only."""
    return str(request.param)


@pytest.fixture(scope="module")
def url(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database of this module's own."""
    with databases.fresh(kind, tmp_path_factory.mktemp("database")) as address:
        yield address


@pytest.fixture(params=["def", "async"])
def colour(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """`app.get("/")(colour(handler))`: the plain handler as it is, or as `async def`, with the same calls inside."""
    return plain if request.param == "def" else asynchronous


def plain(function: Any) -> Any:
    """A handler as it is."""
    return function


def asynchronous(function: Any) -> Any:
    """A plain handler as `async def`."""
    assert not inspect.iscoroutinefunction(function)

    @functools.wraps(function)
    async def handler(**arguments: Any) -> Any:
        return function(**arguments)

    return handler
