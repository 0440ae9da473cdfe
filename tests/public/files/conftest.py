"""Storages of each kind, and a store in an app of each colour."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from s3_service import S3Service, bucket, s3_service
from wholestack.files import LocalStorage, MemoryStorage, Storage


@pytest.fixture(scope="session")
def s3_running() -> Iterator[S3Service]:
    with s3_service() as service:
        yield service


@pytest.fixture
def s3(s3_running: S3Service) -> S3Service:
    """The service, with nothing in its bucket."""
    s3_running.objects.clear()
    s3_running.parts.clear()
    s3_running.calls.clear()
    s3_running.failing = False
    return s3_running


@pytest.fixture(params=["local", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "files")
    if request.param == "memory":
        return MemoryStorage()
    return bucket(request.getfixturevalue("s3"))


@pytest.fixture(params=["def", "async"])
def colour(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """A plain handler as it is, or as `async def` with the same calls inside."""

    def asynchronous(function: Any) -> Any:
        @functools.wraps(function)
        async def handler(**arguments: Any) -> Any:
            return function(**arguments)

        return handler

    return asynchronous if request.param == "async" else lambda function: function
