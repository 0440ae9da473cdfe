"""Times every peer of a line in turn, several rounds over."""

from collections.abc import Sequence
from contextlib import ExitStack

from harness import load
from harness.load import LoadFailed
from harness.pages.browser import Visitor
from harness.pages.ground import PagePeer
from harness.pages.lines import Line, Timed
from harness.rounds import Pace, Results, Sample, Say, start_all
from harness.servers import Server
from harness.workloads import WrongAnswer

Admitted = list[tuple[Server, Timed]]


def time_once(server: Server, timed: Timed, connections: int, seconds: int) -> Sample:
    """One timed run."""
    before = server.cpu_seconds()
    counted = load.run(server.port, timed.request, connections, seconds, refused=timed.refused)
    spent = server.cpu_seconds() - before
    return Sample(counted.rate, counted.p50, counted.p99, spent * 1e6 / counted.requests)


def admit(servers: Sequence[Server], line: Line, pace: Pace, results: Results, say: Say) -> Admitted:
    """Who has answered rightly, each with what it is sent; why the others have not is noted."""
    found: Admitted = []
    for server in servers:
        try:
            timed = line.visit(Visitor(server.port))
            load.run(server.port, timed.request, line.connections, pace.warm_up, refused=timed.refused)
        except (WrongAnswer, LoadFailed, ValueError, KeyError) as error:
            say(f"{server.peer.name}: {line.name}: {error}")
            results.fail(line.name, server.peer.name, str(error))
        else:
            found.append((server, timed))
    return found


def time_line(servers: Sequence[Server], line: Line, pace: Pace, results: Results, say: Say) -> None:
    """All rounds of one line, every other round in the opposite order."""
    admitted = admit(servers, line, pace, results, say)
    by_peer: dict[str, list[Sample]] = {server.peer.name: [] for server, _ in admitted}
    results.samples[line.name] = by_peer
    for number in range(pace.rounds):
        for server, timed in admitted if number % 2 == 0 else reversed(admitted):
            if server.peer.name not in by_peer:
                continue
            try:
                by_peer[server.peer.name].append(time_once(server, timed, line.connections, pace.seconds))
            except LoadFailed as error:
                say(f"{server.peer.name}: {line.name}: {error}")
                results.fail(line.name, server.peer.name, str(error))
        say(f"{line.name}: round {number + 1} of {pace.rounds}")


def run(peers: Sequence[PagePeer], lines: Sequence[Line], pace: Pace, say: Say) -> Results:
    """Start all peers, then time line after line."""
    results = Results()
    with ExitStack() as stack:
        wanted = {line.name for line in lines}
        servers = start_all([peer for peer in peers if peer.does & wanted], stack, results, say)
        for line in lines:
            taking = [
                server for server in servers if isinstance(server.peer, PagePeer) and line.name in server.peer.does
            ]
            time_line(taking, line, pace, results, say)
    return results
