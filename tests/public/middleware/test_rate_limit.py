"""Rate limits: who is counted, what is said, and the store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from middleware.store_contracts import RateStoreContract
from wholestack import App, NotFound, Request, Router, SetupError, rule
from wholestack.middleware import (
    MemoryRateStore,
    Rate,
    RateLimit,
    RateStore,
    Taken,
    TrustedProxies,
    client_address,
    header_key,
    rate_limit,
)
from wholestack.testing import Client

ClientOf = Callable[..., Client]


class Clock:
    """Seconds that go by when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestMemoryRateStore(RateStoreContract):
    @pytest.fixture
    def store(self, clock: Clock) -> RateStore:
        return MemoryRateStore(clock=clock)

    @pytest.fixture
    def pass_time(self, clock: Clock) -> Callable[[float], None]:
        return clock.pass_time


class TestMemoryRateStoreInRealTime(RateStoreContract):
    @pytest.fixture
    def store(self) -> RateStore:
        return MemoryRateStore()


def app_with(needs: object, colour: Any, **options: Any) -> App:
    app = App(docs=False)
    app.use(RateLimit(**options))

    @colour
    def home() -> str:
        return "home"

    app.get("/", needs=needs)(home)
    return app


def fields(answer: Any) -> tuple[int, str | None, str | None, str | None]:
    headers = answer.headers
    return answer.status, headers.get("ratelimit-policy"), headers.get("ratelimit"), headers.get("retry-after")


def test_a_rule(client_of: ClientOf, colour: Any, clock: Clock) -> None:
    client = client_of(app_with(rate_limit("2/minute"), colour, store=MemoryRateStore(clock=clock)))
    policy = '"2/minute";q=2;w=60'
    assert fields(client.get("/")) == (200, policy, '"2/minute";r=1;t=30', None)
    assert fields(client.get("/")) == (200, policy, '"2/minute";r=0;t=60', None)
    refused = client.get("/")
    assert fields(refused) == (429, policy, '"2/minute";r=0;t=60', "30")
    assert refused.json()["code"] == "too-many-requests"
    assert refused.json()["detail"] == "That is more than 2 requests in a minute. Ask again in 30 seconds."
    clock.pass_time(30)
    assert fields(client.get("/")) == (200, policy, '"2/minute";r=0;t=60', None)


def test_the_whole_app(client_of: ClientOf, clock: Clock) -> None:
    app = App(docs=False)
    app.use(RateLimit("3/hour", store=MemoryRateStore(clock=clock)))
    app.get("/a")(lambda: "a")
    app.post("/b")(lambda: "b")

    @app.get("/c", needs=rate_limit("1/minute", name="c"))
    def c() -> str:
        raise NotFound("No c.")

    client = client_of(app)
    assert fields(client.get("/a"))[:3] == (200, '"app 3/hour";q=3;w=3600', '"app 3/hour";r=2;t=1200')
    both = client.get("/c")
    assert both.status == 404
    assert both.headers["ratelimit-policy"] == '"app 3/hour";q=3;w=3600, "c";q=1;w=60'
    assert both.headers["ratelimit"] == '"app 3/hour";r=1;t=2400, "c";r=0;t=60'
    assert client.get("/c").json()["detail"].startswith("That is more than 1 request in a minute.")
    assert client.post("/b").status == 429
    assert client.get("/nowhere").status == 404  # no route, not counted


def test_several_rates_and_one_more_seal(client_of: ClientOf) -> None:
    app = App(docs=False)
    app.use(RateLimit("3/second", "4/hour"))
    app.needs = rule(lambda: True)
    app.get("/")(lambda: "home")
    app.seal()
    app.unseal()
    client = client_of(app)
    assert client.get("/").headers["ratelimit-policy"] == '"app 3/second";q=3;w=1, "app 4/hour";q=4;w=3600'
    with app.replace(int, 1) as twin:
        assert client_of(twin).get("/").headers["ratelimit-policy"].count("q=") == 2


def test_counted_before_anything_is_judged(client_of: ClientOf) -> None:
    """Who guesses passwords is stopped, whatever the other rules say."""
    app = App(docs=False, title="guessing")
    app.use(RateLimit("2/hour"))

    @rule
    def has_key(request: Request) -> bool:
        return request.headers.get("x-key") == "k"

    app.needs = [has_key]
    app.get("/")(lambda: "in")
    client = client_of(app)
    assert [client.get("/").status for _ in range(4)] == [403, 403, 429, 429]


def test_routes_share_a_rule_and_a_router_has_one(client_of: ClientOf) -> None:
    app, shared = App(docs=False), rate_limit("2/hour")
    app.use(RateLimit())
    router = Router("/r", needs=rate_limit("1/hour"))
    router.get("/a")(lambda: "a")
    router.get("/b")(lambda: "b")
    app.include(router)
    app.get("/one", needs=shared)(lambda: "one")
    app.get("/two", needs=shared)(lambda: "two")
    client = client_of(app)
    assert [client.get(path).status for path in ("/one", "/two", "/one", "/two")] == [200, 200, 429, 429]
    assert [client.get(path).status for path in ("/r/a", "/r/b")] == [200, 429]


def test_by_address(interface: str) -> None:
    app = app_with(rate_limit("1/hour"), lambda function: function)

    def status(address: str) -> int:
        return Client(app, interface=interface, address=address).get("/").status  # type: ignore[arg-type]

    assert [status("192.0.2.1"), status("192.0.2.2"), status("192.0.2.1")] == [200, 200, 429]
    if interface != "rsgi":
        assert [status("2001:db8::1"), status("2001:db8::2"), status("2001:db8:0:1::1")] == [200, 429, 200]


def test_by_address_behind_a_proxy(client_of: ClientOf) -> None:
    app = app_with(rate_limit("1/hour"), lambda function: function)
    app.use(TrustedProxies("10.0.0.0/8"))
    client = client_of(app, address="10.0.0.1")
    statuses = [client.get("/", headers={"x-forwarded-for": f"6.6.6.{n}, 192.0.2.1"}).status for n in range(2)]
    assert statuses == [200, 429]


def test_by_a_header_field(client_of: ClientOf) -> None:
    client = client_of(app_with(rate_limit("1/hour", by=header_key("X-API-Key")), lambda function: function))

    def status(**headers: str) -> int:
        return client.get("/", headers={name.replace("_", "-"): value for name, value in headers.items()}).status

    assert [status(x_api_key="k1"), status(x_api_key="k2"), status(x_api_key="k1")] == [200, 200, 429]
    assert [status(), status()] == [200, 429]  # without it, by address


def test_by_a_function(client_of: ClientOf) -> None:
    client = client_of(
        app_with(rate_limit("1/hour", by=lambda request: request.query_string), lambda function: function)
    )
    assert [client.get(f"/?{word}").status for word in ("a", "b", "a")] == [200, 200, 429]


def test_nobody_can_use_up_anothers_count(client_of: ClientOf) -> None:
    needs = rate_limit("1/hour", by=lambda request: request.headers.get("x-name"))
    client = client_of(app_with(needs, lambda function: function))
    assert client.get("/", headers={"x-name": "127.0.0.1"}).status == 200
    assert client.get("/").status == 200


def test_a_key_is_no_secret_in_the_store() -> None:
    seen: list[str] = []

    class Store(MemoryRateStore):
        def take(self, key: str, rate: Rate) -> Taken:
            seen.append(key)
            return super().take(key, rate)

    app = app_with(rate_limit("9/hour", by=header_key("authorization")), lambda function: function, store=Store())
    Client(app).get("/", headers={"authorization": "Bearer s3cr3t"}).expect(200)
    assert len(seen) == 1
    assert "s3cr3t" not in seen[0]


def test_another_store_that_waits(client_of: ClientOf, colour: Any) -> None:
    import asyncio

    from wholestack import wait

    class Waiting(MemoryRateStore):
        waits = True

        def take(self, key: str, rate: Rate) -> Taken:
            wait(asyncio.sleep(0.001))
            return super().take(key, rate)

    client = client_of(app_with(rate_limit("1/hour"), colour, store=Waiting()))
    assert [client.get("/").status for _ in range(2)] == [200, 429]


def test_a_test_replaces_the_store(client_of: ClientOf) -> None:
    app = app_with(rate_limit("1/hour"), lambda function: function)
    with app.replace(RateStore, MemoryRateStore()) as twin:
        client = client_of(twin)
        assert [client.get("/").status for _ in range(2)] == [200, 429]
    assert client_of(app).get("/").status == 200


_A_JUMP = """
import sys, time
real, ahead = time.time, [0.0]
time.time = lambda: real() + ahead[0]  # before the store binds its clock
from wholestack.middleware import MemoryRateStore, Rate
store, rate = MemoryRateStore(), Rate(2, 60)
print(store.take("ann", rate).allowed, store.take("ann", rate).allowed)
ahead[0] = float(sys.argv[1])
refused = store.take("ann", rate)
print(refused.allowed, 25 < refused.retry_after <= 30)
ahead[0] = 0.0
print(store.take("ann", rate).allowed, store.take("bob", rate).remaining)
"""


@pytest.mark.parametrize("jump", [3600, -3600, -1])
def test_E14_a_wall_clock_that_jumps_gives_and_takes_no_requests(jump: int) -> None:
    """An hour forwards and back, and a second that comes twice; in a process of its own."""
    command = [sys.executable, "-c", _A_JUMP, str(jump)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert said.splitlines() == ["True True", "False True", "False 1"]


def test_memory_is_bounded(clock: Clock) -> None:
    store, rate = MemoryRateStore(most=1000, clock=clock), Rate(2, 60)
    for number in range(10_000):
        store.take(f"k{number}", rate)
        assert len(store) <= 1000
    assert store.take("k9999", rate).remaining == 0  # the latest are kept
    clock.pass_time(120)
    for number in range(900):
        store.take(f"new{number}", rate)
    assert store.take("new0", rate).remaining == 0  # only those were forgotten that had all again


def test_who_has_all_again_is_forgotten_first(clock: Clock) -> None:
    store = MemoryRateStore(most=100, clock=clock)
    for number in range(60):
        store.take(f"slow{number}", Rate(1, 3600))
    for number in range(40):
        store.take(f"fast{number}", Rate(1, 1))
    clock.pass_time(2)
    store.take("new", Rate(1, 3600))
    assert len(store) == 61
    assert not store.take("slow0", Rate(1, 3600)).allowed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10/second", Rate(10, 1)),
        ("10/seconds", Rate(10, 1)),
        ("1/day", Rate(1, 86400)),
        ("100/15 minutes", Rate(100, 900)),
        ("5/2hours", Rate(5, 7200)),
        ("10/min", Rate(10, 60)),
        ("100/15min", Rate(100, 900)),
        ("3/s", Rate(3, 1)),
        ("3/30 sec", Rate(3, 30)),
        ("3/2 h", Rate(3, 7200)),
        ("3/d", Rate(3, 86400)),
    ],
)
def test_rates(text: str, expected: Rate) -> None:
    assert Rate.of(text) == expected


def test_rates_for_people() -> None:
    rates = (Rate(2, 900), Rate(1, 3600), Rate(5, 86400), Rate(3, 0.5), Rate(3, 1))
    assert [str(rate) for rate in rates] == [
        *("2 requests in 15 minutes", "1 request in an hour", "5 requests in a day"),
        *("3 requests in 0.5 seconds", "3 requests in a second"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "10/week",
        "0/minute",
        "5/0 minutes",
        "-1/minute",
        "10 per minute",
        "1.5/second",
        "10/m",
        "10/mins",
        "10/hs",
        "10/M",
    ],
)
def test_what_is_no_rate(text: str) -> None:
    for make in (rate_limit, RateLimit, Rate.of):
        with pytest.raises(SetupError, match="bad-guard") as raised:
            make(text)
        assert raised.value.faults[0].where.startswith(__file__)


def test_without_the_plugin_the_fault_says_what_to_type() -> None:
    app = App(docs=False)
    app.get("/", needs=rate_limit("1/hour"))(lambda: "home")
    with pytest.raises(SetupError, match=r"rate_limit\(…\), which needs app\.use\(RateLimit\(\)\)"):
        app.seal()


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_the_key_of_an_address(address: str, key: str) -> None:
    request = Request("GET", "/")
    request.client = address
    assert client_address(request) == key
