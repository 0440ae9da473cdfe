"""What every store of rates and of first answers must do: one suite each, which a store's own tests inherit."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wholestack.middleware import Attempt, IdempotencyStore, Rate, RateStore, StoredAnswer


@contextlib.contextmanager
def often() -> Iterator[None]:
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class RateStoreContract:
    """A store's tests inherit this, and give `store` and `pass_time`, which lets so many seconds go by for the store."""

    @pytest.fixture
    def store(self) -> RateStore:
        raise NotImplementedError

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None]:
        return time.sleep

    def test_the_quota_and_not_one_more(self, store: RateStore) -> None:
        taken = [store.take("a", Rate(3, 60)) for _ in range(5)]
        assert [each.allowed for each in taken] == [True, True, True, False, False]
        assert [each.remaining for each in taken] == [2, 1, 0, 0, 0]
        assert taken[0].retry_after == 0
        assert 19 < taken[3].retry_after <= 20
        assert 59 < taken[4].reset <= 60

    def test_one_share_comes_back_at_a_time(self, store: RateStore, pass_time: Any) -> None:
        rate = Rate(4, 1)
        assert [store.take("a", rate).allowed for _ in range(5)] == [True] * 4 + [False]
        pass_time(0.3)
        assert [store.take("a", rate).allowed for _ in range(2)] == [True, False]
        pass_time(1.1)
        assert store.take("a", rate).remaining == 3

    def test_time_that_went_by_is_not_saved_up(self, store: RateStore, pass_time: Any) -> None:
        rate = Rate(2, 0.2)
        assert store.take("a", rate).allowed
        pass_time(1.5)
        assert [store.take("a", rate).allowed for _ in range(3)] == [True, True, False]

    def test_what_is_refused_costs_nothing(self, store: RateStore, pass_time: Any) -> None:
        rate = Rate(1, 0.5)
        assert store.take("a", rate).allowed
        assert not any(store.take("a", rate).allowed for _ in range(20))
        pass_time(0.6)
        assert store.take("a", rate).allowed

    def test_keys_have_counts_of_their_own(self, store: RateStore) -> None:
        assert store.take("a", Rate(1, 60)).allowed
        assert store.take("b", Rate(1, 60)).allowed
        assert not store.take("a", Rate(1, 60)).allowed

    def test_many_at_once(self, store: RateStore) -> None:
        barrier = threading.Barrier(8)

        def ask(_: int) -> int:
            barrier.wait()
            return sum(store.take("a", Rate(100, 3600)).allowed for _ in range(50))

        with often(), ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(ask, range(8))) == 100

    def test_it_says_what_it_is(self, store: RateStore) -> None:
        assert isinstance(store.waits, bool)
        assert isinstance(store.shared, bool)


ANSWER = StoredAnswer(201, "application/json", (("x-a", "1"), ("x-a", "2")), b'{"a": 1}')


class IdempotencyStoreContract:
    """As above, for first answers."""

    @pytest.fixture
    def store(self) -> IdempotencyStore:
        raise NotImplementedError

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None]:
        return time.sleep

    def test_the_first_goes_on_and_others_see_it(self, store: IdempotencyStore) -> None:
        assert store.begin("k", "print", 60) is None
        assert store.begin("k", "other", 60) == Attempt("print")
        store.finish("k", Attempt("print", ANSWER), 60)
        assert store.begin("k", "print", 60) == Attempt("print", ANSWER)

    def test_what_is_forgotten_may_begin_again(self, store: IdempotencyStore) -> None:
        assert store.begin("k", "print", 60) is None
        store.forget("k")
        store.forget("k")
        assert store.begin("k", "other", 60) is None

    def test_a_lease_ends(self, store: IdempotencyStore, pass_time: Any) -> None:
        assert store.begin("k", "print", 0.2) is None
        assert store.begin("k", "print", 0.2) is not None
        pass_time(0.3)
        assert store.begin("k", "print", 60) is None

    def test_an_answer_is_forgotten_after_its_time(self, store: IdempotencyStore, pass_time: Any) -> None:
        assert store.begin("k", "print", 60) is None
        store.finish("k", Attempt("print", ANSWER), 0.2)
        assert store.begin("k", "print", 60) is not None
        pass_time(0.3)
        assert store.begin("k", "print", 60) is None

    def test_of_many_at_once_one_is_first(self, store: IdempotencyStore) -> None:
        barrier = threading.Barrier(8)

        def ask(number: int) -> bool:
            barrier.wait()
            return store.begin("k", str(number), 60) is None

        with often(), ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(ask, range(8))) == 1

    def test_it_says_what_it_is(self, store: IdempotencyStore) -> None:
        assert isinstance(store.shared, bool)
