"""The app's database in tests: one of its own for each process, and each test in a transaction that is rolled back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pytest


class Databases:
    """The databases that tests have asked for; each is made once a process and dropped at its end."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._made: dict[int, Any] = {}

    def of(self, app: Any) -> list[Any]:
        """The app's `Database` plugins, each moved to a database of its own."""
        if found := _databases(app):
            app.seal()  # A plugin may add tables of its own only now.
        for each in found:
            if id(each) not in self._made:
                from wholestack.testing import fresh_database

                worker = os.environ.get("PYTEST_XDIST_WORKER", "")
                self._made[id(each)] = self._stack.enter_context(fresh_database(each, worker=worker))
        return found

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Drop them."""
        self._stack.close()


@contextlib.contextmanager
def sessions(databases: list[Any], *, committing: bool) -> Iterator[Any]:
    """The session of a test, in which everything is rolled back; or one that commits, where the test says so."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(each.session() if committing else each.rolled_back()) for each in databases]
        yield opened[0] if opened else None


def _databases(app: Any) -> list[Any]:
    import sys

    module = sys.modules.get("wholestack.db")  # An app that has one has loaded it.
    return [each for each in app.plugins if isinstance(each, module.Database)] if module is not None else []
