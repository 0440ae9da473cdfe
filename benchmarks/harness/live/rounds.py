"""Times every peer in turn, several rounds over: one server at a time, so that nothing else of ours is open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from harness.cores import LOAD_CORE, on_core
from harness.live.generator import Count, Run
from harness.live.workloads import Workload
from harness.load import LoadFailed
from harness.peers import Peer
from harness.servers import ServerFailed, running

Say = Callable[[str], None]


@dataclass
class Results:
    """What is known after the rounds, by workload and peer."""

    counts: dict[str, dict[str, list[Count]]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)

    def cost(self, workload: str, peer: str) -> float | None:
        """The median of the server's processor time in microseconds a message."""
        found = self.counts.get(workload, {}).get(peer)
        return median(count.cost for count in found) if found else None

    def rate(self, workload: str, peer: str) -> float | None:
        """The median of its messages a second."""
        found = self.counts.get(workload, {}).get(peer)
        return median(count.rate for count in found) if found else None

    def ratio(self, workload: str, peer: str, base: str) -> float | None:
        """The median, over the rounds, of its cost against another's in the same round."""
        mine, other = (self.counts.get(workload, {}).get(name, []) for name in (peer, base))
        pairs = [one.cost / two.cost for one, two in zip(mine, other, strict=False)]
        return median(pairs) if pairs else None


def time_once(peer: Peer, workload: Workload, seconds: float) -> Count:
    """One run on a server of its own, after a short one that warms it up."""
    with running(peer) as server:
        workload.run(Run(server.port, min(0.5, seconds), server.cpu_seconds))
        return workload.run(Run(server.port, seconds, server.cpu_seconds))


def run(peers: Sequence[Peer], workloads: Sequence[Workload], rounds: int, seconds: float, say: Say) -> Results:
    """All rounds of each workload, every other round in the opposite order; who fails is out of it, with the reason."""
    results = Results()
    with on_core(LOAD_CORE):
        for workload in workloads:
            counts: dict[str, list[Count]] = {peer.name: [] for peer in peers}
            results.counts[workload.name] = counts
            for number in range(rounds):
                for peer in peers if number % 2 == 0 else tuple(reversed(peers)):
                    if peer.name not in counts:
                        continue
                    try:
                        counts[peer.name].append(time_once(peer, workload, seconds))
                    except (LoadFailed, ServerFailed, OSError, TimeoutError, ValueError) as error:
                        say(f"{peer.name}: {workload.name}: {error!r}")
                        results.failures.setdefault(workload.name, {})[peer.name] = repr(error)
                        del counts[peer.name]
                say(f"{workload.name}: round {number + 1} of {rounds}")
    return results
