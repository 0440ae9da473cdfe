"""A pytest plugin: writes down which errors' codes each test file makes. Used by test_errors.py, in its own process."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from wholestack import errors, http

CODES: dict[str, list[str]] = {}


def watch(kind: type) -> None:
    """Record the `code` of each object that is made of this class or one below it."""
    plain = kind.__init__

    @functools.wraps(plain)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        name = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
        CODES.setdefault(Path(name).name, []).append(str(self.code))

    kind.__init__ = init  # type: ignore[misc]


def pytest_configure() -> None:
    for kind in (errors.WholestackError, errors.HTTPError, errors.Fault, http.Refused):
        watch(kind)


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path(os.environ["RECORDED"]).write_text(json.dumps(CODES))
