"""What does not show in requests a second: start-up, memory of a worker, and what many routes cost.

Every application adds `BENCH_ROUTES` routes to its own when asked: resources of five routes on two addresses,
`/resource7` (GET, POST) and `/resource7/{item_id}` (GET, PUT, DELETE).
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import median

from harness import load
from harness.checks import check
from harness.load import LoadFailed
from harness.peers import Peer
from harness.rounds import Pace, Say
from harness.servers import Server, ServerFailed, running, start
from harness.wire import Request
from harness.workloads import WORKLOADS, Workload, WrongAnswer, check_json

SIZES = (10, 100, 1_000, 10_000)
SLOW_ROUNDS = 3
BY_NAME = {workload.name: workload for workload in WORKLOADS}
WARM_UP = (BY_NAME["json"], BY_NAME["params"], BY_NAME["post"])


@dataclass(frozen=True)
class StartUp:
    """From the start of the process to its first answer, and the processor time spent by then; both in seconds."""

    seconds: float
    cpu: float


@dataclass(frozen=True)
class Memory:
    """In MiB: RSS of the largest process (the worker), PSS of all processes of the server."""

    worker: float
    server: float


@dataclass(frozen=True)
class RouteRates:
    """Requests a second of the last route and of one with a parameter in the middle."""

    last: float
    middle: float


@dataclass
class Growth:
    """What is known, by peer; start-up and routes also by the number of routes added."""

    start_up: dict[str, dict[int, list[StartUp]]] = field(default_factory=dict)
    memory: dict[str, list[Memory]] = field(default_factory=dict)
    routes: dict[str, dict[int, list[RouteRates]]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)

    def start_up_seconds(self, peer: str, routes: int = 0) -> float | None:
        """The median start-up with so many routes added."""
        found = self.start_up.get(peer, {}).get(routes)
        return median(one.seconds for one in found) if found else None

    def start_up_cpu(self, peer: str) -> float | None:
        """The median processor time of a start-up with no routes added, in seconds."""
        found = self.start_up.get(peer, {}).get(0)
        return median(one.cpu for one in found) if found else None

    def memory_of(self, peer: str) -> Memory | None:
        """The median memory after warm-up."""
        found = self.memory.get(peer)
        return Memory(median(one.worker for one in found), median(one.server for one in found)) if found else None

    def rates(self, peer: str, routes: int) -> RouteRates | None:
        """The median rates with so many routes."""
        found = self.routes.get(peer, {}).get(routes)
        return RouteRates(median(one.last for one in found), median(one.middle for one in found)) if found else None


def sizes_of(peer: Peer, sizes: Sequence[int]) -> list[int]:
    """The numbers of routes a peer is started with: a bare callable has no routes to add."""
    return [0] if peer.framework == "bare" else [0, *sizes]


def measure_start_up(peers: Sequence[Peer], sizes: Sequence[int], pace: Pace, growth: Growth, say: Say) -> None:
    """Start every peer `pace.rounds` times, three times also with routes, after one start that fills the caches."""
    for number in range(pace.rounds + 1):
        for peer in peers:
            for routes in sizes_of(peer, sizes) if 0 < number <= SLOW_ROUNDS else [0]:
                start_once(peer, routes, pace, growth, timed=number > 0)
        say(f"start-up and memory: round {number} of {pace.rounds}")


def start_once(peer: Peer, routes: int, pace: Pace, growth: Growth, *, timed: bool) -> None:
    """One start; with no routes added also the memory after a warm-up."""
    noted = growth.failures.setdefault(peer.name, {})
    what = f"start-up with {routes} routes added"
    if what in noted:
        return
    try:
        with running(peer, routes) as server:
            if not timed:
                return
            figure = StartUp(server.first_answer, server.cpu_seconds())
            growth.start_up.setdefault(peer.name, {}).setdefault(routes, []).append(figure)
            if routes == 0:
                growth.memory.setdefault(peer.name, []).append(memory_when_warm(server, pace))
    except (ServerFailed, LoadFailed, OSError) as error:
        noted[what] = str(error)


def memory_when_warm(server: Server, pace: Pace) -> Memory:
    """The memory after some thousand requests of each common kind."""
    for workload in WARM_UP:
        load.run(server.port, workload.request, workload.connections, pace.warm_up)
    return Memory(*server.memory_mib())


def route_workloads(routes: int) -> tuple[Workload, Workload]:
    """The last route's address, and one with a parameter in the middle."""
    last, middle = routes // 5 - 1, routes // 10
    return (
        Workload("last", Request(f"/resource{last}?q=hello"), check_json({"item_id": last, "q": "hello"}), (), 8),
        Workload("middle", Request(f"/resource{middle}/42?q=hello"), check_json({"item_id": 42, "q": "hello"}), (), 8),
    )


def measure_routes(peers: Sequence[Peer], sizes: Sequence[int], pace: Pace, growth: Growth, say: Say) -> None:
    """For one peer after another: servers with all numbers of routes at once, timed in turn."""
    for peer in peers:
        if peer.framework == "bare":
            continue
        with ExitStack() as stack:
            servers = {routes: server for routes in sizes if (server := start_many(peer, routes, stack, growth))}
            for _ in range(pace.rounds):
                for routes, server in servers.items():
                    time_routes(server, routes, pace, growth)
        say(f"cost of routes: {peer.name}")


def start_many(peer: Peer, routes: int, stack: ExitStack, growth: Growth) -> Server | None:
    """A server with so many routes, both addresses checked; None (and a noted reason) if that fails."""
    try:
        server = start(peer, routes)
        stack.callback(server.stop)
        for workload in route_workloads(routes):
            check(server.port, workload)
    except (ServerFailed, WrongAnswer, OSError) as error:
        growth.failures.setdefault(peer.name, {})[f"{routes} routes"] = str(error)
        return None
    return server


def time_routes(server: Server, routes: int, pace: Pace, growth: Growth) -> None:
    """One timed run of each of the two addresses."""
    name = server.peer.name
    try:
        rates = [
            load.run(server.port, workload.request, workload.connections, pace.seconds).rate
            for workload in route_workloads(routes)
        ]
    except LoadFailed as error:
        growth.failures.setdefault(name, {})[f"{routes} routes"] = str(error)
    else:
        growth.routes.setdefault(name, {}).setdefault(routes, []).append(RouteRates(*rates))


def one_server_each(peers: Sequence[Peer]) -> list[Peer]:
    """Each application once: what a route costs is the framework's, not the server's."""
    first: dict[str, Peer] = {}
    for peer in peers:
        first.setdefault(peer.app, peer)
    return list(first.values())


def run(peers: Sequence[Peer], kinds: Sequence[str], sizes: Sequence[int], pace: Pace, say: Say) -> Growth:
    """Measure the kinds that are asked for: `start-up` (with memory) and `routes`."""
    growth = Growth()
    if "start-up" in kinds:
        measure_start_up(peers, sizes, pace, growth, say)
    if "routes" in kinds:
        measure_routes(one_server_each(peers), sizes, replace(pace, rounds=min(pace.rounds, SLOW_ROUNDS)), growth, say)
    return growth
