"""How many hashes are worked on and wait, also while the threads for them begin."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from wholestack.auth import _hash_pool
from wholestack.auth._hash_pool import HashingThreads
from wholestack.errors import ServiceUnavailable


def until(pool: HashingThreads, number: int) -> None:
    """Wait for so many to have come."""
    for _ in range(2000):
        with pool._lock:
            if len(pool._jobs) == number:
                return
        threading.Event().wait(0.005)
    raise AssertionError(f"{len(pool._jobs)} have come, and not {number}")


def test_what_threads_have_not_begun_yet_takes_no_room_from_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    monkeypatch.setattr(_hash_pool, "_stand_back", begun.wait)  # The first that a thread does.
    pool = HashingThreads(at_once=2, waiting=3)
    with ThreadPoolExecutor(5) as threads:
        found = [threads.submit(pool.run, int, str(number)) for number in range(5)]
        try:
            until(pool, 5)
            with pytest.raises(ServiceUnavailable):
                pool.run(int, "5")
        finally:
            begun.set()
        assert [each.result(timeout=10) for each in found] == [0, 1, 2, 3, 4]


def test_whoever_was_told_finds_room_at_once() -> None:
    pool = HashingThreads(at_once=1, waiting=0)
    assert [pool.run(int, str(number)) for number in range(200)] == [*range(200)]
    for _ in range(20):
        with pytest.raises(ValueError, match="invalid literal"):
            pool.run(int, "none")
