"""Who tries too often waits: the counts, in memory and by a clock of the test's. On databases: tests/backends."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wholestack import App, SetupError, TooManyRequests
from wholestack.auth import Throttle
from wholestack.languages import language
from wholestack.settings import SigningKeys
from wholestack.testing import Client

HOME, OFFICE = "192.0.2.7", "198.51.100.9"
ANN, BOB = "ann@example.org", "bob@example.org"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(store="memory", clock=clock)


@pytest.fixture
def pairs(clock: Clock) -> Throttle:
    """It lets addresses alone, so that what a pair has is seen by itself."""
    return Throttle(store="memory", clock=clock, address={"free": 1_000})


def wait(throttle: Throttle, account: str = ANN, address: str | None = HOME, device: str | None = None) -> int:
    """Seconds that this try has to wait for; 0 where it is counted."""
    try:
        throttle.take(account, address, device=device)
    except TooManyRequests as error:
        assert error.code == "too-many-logins"
        return int(error.headers["retry-after"])
    return 0


def tries(throttle: Throttle, number: int, account: str = ANN, address: str | None = HOME, device: Any = None) -> int:
    """How many of so many tries are let through."""
    return sum(wait(throttle, account, address, device) == 0 for _ in range(number))


# -- one account from one address ------------------------------------------------------------------------------------


def test_five_tries_and_then_delays_that_grow(pairs: Throttle, clock: Clock) -> None:
    assert tries(pairs, 20) == 5
    delays = []
    for _ in range(13):
        delays.append(wait(pairs))
        clock.now += delays[-1] - 0.1
        assert wait(pairs) == 1  # Not a moment before.
        clock.now += 0.1
        assert wait(pairs) == 0
    # Of each hour's waiting a try is forgotten.
    assert delays[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert set(delays[10:]) == {900}


def test_who_waits_makes_nobody_wait_longer(throttle: Throttle, clock: Clock) -> None:
    assert tries(throttle, 500) == 5
    clock.now += 1
    assert wait(throttle) == 0
    assert wait(throttle) == 2


def test_a_try_is_forgotten_in_an_hour(throttle: Throttle, clock: Clock) -> None:
    assert tries(throttle, 5) == 5
    clock.now += 2 * 3600
    assert tries(throttle, 5) == 2
    clock.now += 6 * 3600
    assert tries(throttle, 10) == 5


def test_a_right_password_takes_the_tries_back(pairs: Throttle) -> None:
    assert tries(pairs, 4) == 4
    pairs.take(ANN, HOME)
    pairs.passed(ANN, HOME)
    assert tries(pairs, 10) == 5
    pairs.passed(BOB, HOME)
    assert wait(pairs) == 1


def test_names_of_one_account_count_together(throttle: Throttle) -> None:
    assert sum(wait(throttle, each) == 0 for each in (ANN, "Ann@Example.ORG", f" {ANN} ", ANN.upper(), ANN, ANN)) == 5
    assert wait(throttle, "\ud800") == 0


# -- one account from everywhere, and everything from one address ----------------------------------------------------


def test_an_account_that_is_tried_from_everywhere(throttle: Throttle, clock: Clock) -> None:
    passed = [n for n in range(100) if wait(throttle, ANN, f"192.0.2.{n}") == 0]
    assert passed == list(range(6))
    assert wait(throttle, BOB, "192.0.2.99") == 0
    clock.now += 2
    assert (wait(throttle, ANN, "192.0.2.99"), wait(throttle, ANN, "192.0.2.98")) == (0, 4)


def test_what_a_day_of_trying_from_everywhere_comes_to(throttle: Throttle, clock: Clock) -> None:
    """A try every ten seconds, each from another address; and how soon it is over afterwards."""
    passed = 0
    for number in range(8640):
        passed += wait(throttle, ANN, f"10.{number // 250}.{number % 250}.1") == 0
        clock.now += 10
    assert 100 < passed < 130
    clock.now += 12 * 3600
    assert wait(throttle, ANN, HOME) == 0 and wait(throttle, ANN, OFFICE) == 0


def test_an_address_that_tries_every_account(throttle: Throttle, clock: Clock) -> None:
    """At most ten in a minute, whatever it tries, and whenever (row C12)."""
    passed = [n for n in range(100) if wait(throttle, f"{n}@example.org") == 0]
    assert passed == list(range(8))
    assert wait(throttle, ANN, OFFICE) == 0
    passed, start = [0] * 8, clock.now
    for number in range(3600):
        clock.now += 1
        passed += [number + 1] if wait(throttle, f"{number}@example.net") == 0 else []
    assert max(sum(each <= other < each + 60 for other in passed) for each in passed) <= 10
    assert 8 + 60 <= len(passed) <= 8 + 100
    clock.now = start + 3 * 3600  # An hour after it has ended nothing is left of it.
    assert sum(wait(throttle, f"{n}@example.com") == 0 for n in range(100)) == 8


def test_an_office_where_all_log_in_is_kept_from_nothing(throttle: Throttle) -> None:
    for number in range(300):
        throttle.take(f"{number}@example.org", OFFICE)
        throttle.passed(f"{number}@example.org", OFFICE)
    assert tries(throttle, 5, ANN, OFFICE) == 5


def test_mails_are_counted_apart_from_tries(throttle: Throttle) -> None:
    """Who guesses at an address keeps nobody beside them from a mail (C12), nor does a mail give a guess back."""
    assert sum(wait(throttle, f"{n}@example.org") == 0 for n in range(100)) == 8
    throttle.take(ANN, HOME, mail=True)
    throttle.passed(ANN, HOME, mail=True)
    assert wait(throttle, BOB) == 20
    asked = 0
    with pytest.raises(TooManyRequests):
        for asked in range(100):
            throttle.take(f"{asked}@example.net", HOME, mail=True)
    assert asked == 50


def test_an_own_account_does_not_clear_the_address(throttle: Throttle) -> None:
    """Who guesses, and logs in as themselves in between, gets back that one try and no other."""
    counted = 0
    for number in range(200):
        counted += wait(throttle, f"{number}@example.org") == 0
        if wait(throttle, BOB) == 0:
            throttle.passed(BOB, HOME)
    assert counted == 8


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::7", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::7", "2001:db8:1:3::7", False),
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_addresses_of_ipv6_count_as_their_network(clock: Clock, first: str, second: str, same: bool) -> None:
    throttle = Throttle(store="memory", clock=clock, account={"free": 20})
    assert tries(throttle, 5, ANN, first) == 5
    assert wait(throttle, ANN, second) == (1 if same else 0)


@pytest.mark.parametrize("address", [None, "", "unix:", "a.b.c.d"])
def test_without_an_address_the_account_is_counted(throttle: Throttle, address: str | None) -> None:
    assert tries(throttle, 10, ANN, address) == 5
    assert sum(wait(throttle, f"{n}@example.org", address) == 0 for n in range(100)) == 100
    throttle.passed(ANN, address)
    assert wait(throttle, ANN, address) == 0


# -- the owner -----------------------------------------------------------------------------------------------------


def test_the_owner_is_not_kept_out_of_a_known_browser(throttle: Throttle) -> None:
    for number in range(100):
        wait(throttle, ANN, f"192.0.2.{number}")
    assert wait(throttle, ANN, HOME) == 2
    assert tries(throttle, 20, ANN, HOME, "laptop") == 10
    assert tries(throttle, 1, ANN, "192.0.2.3", "phone") == 1
    assert wait(throttle, BOB, HOME, "laptop") == 0


def test_a_login_in_a_known_browser_forgets_nothing_of_others(throttle: Throttle) -> None:
    for number in range(30):
        wait(throttle, ANN, f"192.0.2.{number}")
    assert tries(throttle, 9, ANN, HOME, "laptop") == 9
    throttle.passed(ANN, HOME, device="laptop")
    assert wait(throttle, ANN, HOME) == 2
    assert tries(throttle, 20, ANN, HOME, "laptop") == 10


# -- at once -------------------------------------------------------------------------------------------------------


class Slow(int):
    """A limit at which a thread pauses after it has read the count, and before it writes the next: others go on then."""

    def __rsub__(self, other: int) -> int:
        time.sleep(0.01)
        return other - int(self)


def test_of_many_at_once_as_many_pass_as_may() -> None:
    """The race at the edge (row C16): the last try that is free is let through once."""
    throttle = Throttle(store="memory", clock=lambda: 1000.0, pair={"free": Slow(7)}, account={"free": 20})
    with ThreadPoolExecutor(20) as threads:
        assert sum(each == 0 for each in threads.map(lambda _: wait(throttle), range(200))) == 7


def test_of_two_at_once_nobody_waits_for_the_other(throttle: Throttle, clock: Clock) -> None:
    """Whoever looked at the clock first may be counted last."""
    for account in (ANN, "bo@example.org"):
        clock.now -= 0.01
        assert wait(throttle, account) == 0
    throttle.passed(ANN, HOME)
    clock.now -= 0.01
    assert wait(throttle, ANN) == 0


def test_a_clock_that_is_set_back_keeps_nobody_out_for_long(throttle: Throttle, clock: Clock) -> None:
    assert tries(throttle, 5) == 5
    clock.now -= 7 * 86400
    assert wait(throttle) == 900


def test_memory_is_bounded(clock: Clock) -> None:
    throttle = Throttle(store="memory", clock=clock, account={"free": 10**6})
    store: Any = throttle._store
    store.most = 100
    assert tries(throttle, 5) == 5
    for number in range(500):
        throttle.take(ANN, f"10.0.{number % 250}.{number // 250}")
        clock.now += 5
    assert len(store) <= 100
    clock.now += 100 * 3600
    store.most = 0
    throttle.take(BOB, HOME)
    assert len(store) == 0  # All but the new ones are forgotten first.


# -- in an app -----------------------------------------------------------------------------------------------------


def test_the_answer_says_when(pairs: Throttle, clock: Clock) -> None:
    app = App(docs=False)

    @app.post("/login")
    def login() -> str:
        pairs.take(ANN, HOME)
        return "in"

    with Client(app) as client:
        assert [client.post("/login").status for _ in range(6)] == [200] * 5 + [429]
        answer = client.post("/login")
        assert (answer.headers["retry-after"], answer.json()["code"]) == ("1", "too-many-logins")
        assert answer.json()["detail"] == "Too many tries. Please try again in 1 second."
    for number in range(9):
        clock.now += 2.0**number
        pairs.take(ANN, HOME)
    with pytest.raises(TooManyRequests, match="in 9 minutes"), language("en"):
        pairs.take(ANN, HOME)


def test_keys_are_hmacs_of_a_secret() -> None:
    names = []
    for secret in ("a" * 32, "a" * 32, "b" * 32):
        throttle = Throttle(store="memory")
        throttle.setup(App(docs=False), SigningKeys(secret))
        throttle.take(ANN, HOME)
        found: Any = throttle._store
        names.append(sorted(found._found))
    assert names[0] == names[1] and not set(names[0]) & set(names[2])
    assert all(len(each) == 64 for each in names[0]) and len(names[0]) == 3


def test_limits_have_names(clock: Clock) -> None:
    limits: Any = {"pair": {"free": 1, "first": 30, "longest": 100}, "account": {"free": 99}}
    throttle = Throttle(store="memory", clock=clock, **limits)
    assert wait(throttle) == 0
    found = []
    for _ in range(3):
        found.append(wait(throttle))
        clock.now += found[-1]
        assert wait(throttle) == 0
    assert found == [30, 60, 100]
    assert "free=1" in repr(throttle)


@pytest.mark.parametrize(
    "options",
    [
        {"pair": {"free": 0}},
        {"account": {"first": 0}},
        {"address": {"longest": 0.5}},
        {"device": {"forgets": 0}},
        {"pair": {"most": 3}},
        {"user": {"free": 3}},
        {"store": "redis"},
    ],
)
def test_limits_that_limit_nothing(options: Any) -> None:
    with pytest.raises(SetupError) as raised:
        Throttle(**options)
    assert raised.value.faults[0].code == "bad-login-setting"


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="not set up"):
        Throttle().take(ANN, HOME)
    with pytest.raises(SetupError) as raised:
        Throttle().setup(App(docs=False))
    assert raised.value.faults[0].code == "no-database"


def test_memory_is_not_shared_by_processes(monkeypatch: pytest.MonkeyPatch, throttle: Throttle) -> None:
    app = App(docs=False)
    throttle.setup(app)
    [check] = app.checks
    for workers, codes in (("1", []), ("2", ["memory-store"]), ("x", [])):
        monkeypatch.setenv("WEB_CONCURRENCY", workers)
        assert [each.code for each in check()] == codes
