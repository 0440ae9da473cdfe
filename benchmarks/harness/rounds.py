"""Times every peer in turn, several rounds over, so that a slow minute of the machine strikes all alike."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from harness import load
from harness.checks import check
from harness.load import LoadFailed
from harness.peers import Peer
from harness.servers import Server, ServerFailed, start
from harness.workloads import Workload, WrongAnswer

Say = Callable[[str], None]


@dataclass(frozen=True)
class Sample:
    """One timed run; the processor time is the server's, in microseconds a request."""

    rate: float
    p50: float
    p99: float
    cpu: float


@dataclass
class Results:
    """What is known after the rounds: samples by workload and peer, and why a peer has none."""

    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def fail(self, workload: str, peer: str, reason: str) -> None:
        """Take a peer out of a workload."""
        self.failures.setdefault(workload, {})[peer] = reason
        self.samples.get(workload, {}).pop(peer, None)

    def reason(self, workload: str, peer: str) -> str:
        """Why a peer has no figure."""
        return self.absent.get(peer) or self.failures.get(workload, {}).get(peer, "not measured")

    def rate(self, workload: str, peer: str) -> float | None:
        """The median of its requests a second."""
        samples = self.samples.get(workload, {}).get(peer)
        return median(sample.rate for sample in samples) if samples else None

    def ratio(self, workload: str, peer: str, base: str) -> float | None:
        """The median, over the rounds, of its rate against another's in the same round."""
        return self._paired(workload, peer, base, lambda mine, other: mine.rate / other.rate)

    def cpu_ratio(self, workload: str, peer: str, base: str) -> float | None:
        """The same from processor time: what is left of the base's speed where only the server's own work counts."""
        return self._paired(workload, peer, base, lambda mine, other: other.cpu / mine.cpu if mine.cpu else 0.0)

    def _paired(self, workload: str, peer: str, base: str, of: Callable[[Sample, Sample], float]) -> float | None:
        mine, other = (self.samples.get(workload, {}).get(name, []) for name in (peer, base))
        pairs = [of(one, two) for one, two in zip(mine, other, strict=False)]
        return median(pairs) if pairs else None


@dataclass(frozen=True)
class Pace:
    """How long and how often."""

    rounds: int
    seconds: int
    warm_up: int = 1


def time_once(server: Server, workload: Workload, seconds: int) -> Sample:
    """One timed run."""
    before = server.cpu_seconds()
    counted = load.run(server.port, workload.request, workload.connections, seconds)
    spent = server.cpu_seconds() - before
    return Sample(counted.rate, counted.p50, counted.p99, spent * 1e6 / counted.requests)


def start_all(peers: Sequence[Peer], stack: ExitStack, results: Results, say: Say) -> list[Server]:
    """Start each peer; why one does not start is noted."""
    servers = []
    for peer in peers:
        try:
            server = start(peer)
        except (ServerFailed, OSError) as error:
            say(f"{peer.name}: does not start: {error}")
            results.absent[peer.name] = f"does not start: {error}"
        else:
            stack.callback(server.stop)
            servers.append(server)
    return servers


def admit(server: Server, workload: Workload, pace: Pace, results: Results, say: Say) -> bool:
    """Check a peer's answers and warm it up; False (and a noted reason) if it may not take part."""
    peer = server.peer
    try:
        if workload.name in peer.lacks:
            raise WrongAnswer(peer.lacks[workload.name])
        check(server.port, workload)
        load.run(server.port, workload.request, workload.connections, pace.warm_up)
    except (WrongAnswer, LoadFailed) as error:
        say(f"{peer.name}: {workload.name}: {error}")
        results.fail(workload.name, peer.name, str(error))
        return False
    return True


def time_workload(servers: Sequence[Server], workload: Workload, pace: Pace, results: Results, say: Say) -> None:
    """All rounds of one workload, every other round in the opposite order."""
    admitted = [server for server in servers if admit(server, workload, pace, results, say)]
    by_peer: dict[str, list[Sample]] = {server.peer.name: [] for server in admitted}
    results.samples[workload.name] = by_peer
    for number in range(pace.rounds):
        for server in admitted if number % 2 == 0 else reversed(admitted):
            if server.peer.name not in by_peer:
                continue
            try:
                by_peer[server.peer.name].append(time_once(server, workload, pace.seconds))
            except LoadFailed as error:
                results.fail(workload.name, server.peer.name, str(error))
        say(f"{workload.name}: round {number + 1} of {pace.rounds}")


def run(peers: Sequence[Peer], workloads: Sequence[Workload], pace: Pace, say: Say) -> Results:
    """Start all peers, then time workload after workload."""
    results = Results()
    with ExitStack() as stack:
        servers = start_all(peers, stack, results, say)
        for workload in workloads:
            time_workload(servers, workload, pace, results, say)
    return results
