"""What each built-in middleware costs: one page with it and without it, in turn, by the server's processor time."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from statistics import median

from apps.guarded.data import SITE

from harness import load
from harness.cores import LOAD_CORE, on_core
from harness.live.rounds import Say
from harness.load import LoadFailed
from harness.peers import Peer
from harness.servers import Server, ServerFailed, start
from harness.wire import HOST, Request

CONNECTIONS = 16


@dataclass(frozen=True)
class Guard:
    """One kind of middleware.

    Attributes:
        more: header fields of the request, with the guard and without it.
        shows: what an answer must have in its head; an empty text for nothing.
        refused: header fields of a request that it refuses.
    """

    name: str
    title: str
    more: tuple[tuple[str, str], ...] = ()
    shows: str = ""
    refused: tuple[tuple[str, str], ...] = ()


GUARDS = (
    Guard("cors", "CORS, a page of another site that may", (("Origin", SITE),), f"access-control-allow-origin: {SITE}"),
    Guard("hosts", "allowed hosts", refused=(("Host", "evil.example"),)),
    Guard("compression", "compression, gzip of 3 KB", (("Accept-Encoding", "gzip"),), "content-encoding: gzip"),
    Guard("rate-limit", "rate limit, in memory", shows="ratelimit"),
    Guard("proxies", "trusted proxies", (("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"))),
    Guard("https", "trusted proxies and HTTPS only", (("X-Forwarded-Proto", "https"),), "strict-transport-security"),
    Guard("security-headers", "security headers beyond the default ones", shows="content-security-policy"),
)
EVERYWHERE = frozenset({"cors", "hosts", "compression"})
PEERS: Sequence[tuple[Peer, frozenset[str]]] = (
    (Peer("wholestack", "serve", "apps.guarded.wholestack:app", "wholestack"), frozenset(one.name for one in GUARDS)),
    (Peer("starlette", "uvicorn", "apps.guarded.starlette:app", "starlette"), EVERYWHERE),
    (Peer("fastapi", "uvicorn", "apps.guarded.fastapi:app", "fastapi"), EVERYWHERE),
    (Peer("litestar", "uvicorn", "apps.guarded.litestar:app", "litestar"), EVERYWHERE | {"rate-limit"}),
    (Peer("blacksheep", "uvicorn", "apps.guarded.blacksheep:app", "blacksheep"), EVERYWHERE),
)
"""Who has which."""


@dataclass(frozen=True)
class Cost:
    """One round: the server's processor time in microseconds a request, without the guard and with it."""

    without: float
    guarded: float

    @property
    def more(self) -> float:
        """What the guard costs."""
        return self.guarded - self.without


@dataclass
class Costs:
    """What is known, by guard and peer."""

    rounds: dict[str, dict[str, list[Cost]]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)

    def more(self, guard: str, peer: str) -> float | None:
        """The median of what it costs, in microseconds a request."""
        found = self.rounds.get(guard, {}).get(peer)
        return median(cost.more for cost in found) if found else None

    def without(self, peer: str) -> float | None:
        """The median of a request without any."""
        found = [cost.without for rounds in self.rounds.values() for cost in rounds.get(peer, [])]
        return median(found) if found else None


@contextmanager
def guarded(peer: Peer, guard: str) -> Iterator[Server]:
    """A server whose app has this middleware."""
    os.environ["BENCH_GUARD"] = guard
    try:
        server = start(peer)
    finally:
        del os.environ["BENCH_GUARD"]
    try:
        yield server
    finally:
        server.stop()


def head_of(port: int, request: Request) -> str:
    """The status line's number and the fields of an answer, in small letters."""
    with socket.create_connection((HOST, port), 10) as connection:
        connection.sendall(request.encode(port))
        response = HTTPResponse(connection, method="GET")
        response.begin()
        response.read()
        fields = "\n".join(f"{name}: {value}" for name, value in response.getheaders())
        return f"{response.status}\n{fields}".lower()


def check(server: Server, guard: Guard, *, stands: bool) -> None:
    """Complain unless the middleware does what it is for, and where it is not there, does not."""
    head = head_of(server.port, Request("/things", more=guard.more))
    if not head.startswith("200"):
        raise LoadFailed(f"answered with {head[:3]}")
    if guard.shows and (guard.shows in head) != stands:
        raise LoadFailed(f"{guard.shows!r} is {'not ' if stands else ''}in {head!r}")
    if guard.refused and head_of(server.port, Request("/things", more=guard.refused)).startswith("4") != stands:
        raise LoadFailed(f"{guard.refused} is {'not ' if stands else ''}refused")


def time_once(peer: Peer, guard: Guard, seconds: int) -> Cost:
    """Both servers at the same time, timed in turn: first one, then the other, then the first one again."""
    request = Request("/things", more=guard.more)
    with guarded(peer, "none") as plain, guarded(peer, guard.name) as other:
        check(plain, guard, stands=False)
        check(other, guard, stands=True)
        for server in (plain, other):
            load.run(server.port, request, CONNECTIONS, 1)
        first, with_it, again = (one_cost(server, request, seconds) for server in (plain, other, plain))
    return Cost((first + again) / 2, with_it)


def one_cost(server: Server, request: Request, seconds: int) -> float:
    """The processor time of one request, in microseconds."""
    before = server.cpu_seconds()
    counted = load.run(server.port, request, CONNECTIONS, seconds)
    return (server.cpu_seconds() - before) * 1e6 / counted.requests


def run(
    peers: Sequence[tuple[Peer, frozenset[str]]], guards: Sequence[Guard], rounds: int, seconds: int, say: Say
) -> Costs:
    """All rounds of each middleware."""
    costs = Costs()
    with on_core(LOAD_CORE):
        for guard in guards:
            known = costs.rounds.setdefault(guard.name, {})
            for number in range(rounds):
                for peer in (peer for peer, has in peers if guard.name in has):
                    if peer.name in costs.failures.get(guard.name, {}):
                        continue
                    try:
                        known.setdefault(peer.name, []).append(time_once(peer, guard, seconds))
                    except (LoadFailed, ServerFailed, OSError, HTTPException) as error:
                        say(f"{peer.name}: {guard.name}: {error!r}")
                        costs.failures.setdefault(guard.name, {})[peer.name] = repr(error)
                        known.pop(peer.name, None)
                say(f"{guard.name}: round {number + 1} of {rounds}")
    return costs
