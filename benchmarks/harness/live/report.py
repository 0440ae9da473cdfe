"""Writes what was measured of live answers: tables to read, and everything as JSON."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from harness.live.guards import GUARDS, Costs, Guard
from harness.live.guards import PEERS as GUARDED
from harness.live.rounds import Results
from harness.live.workloads import PEERS, Workload
from harness.machine import Machine
from harness.report import number, table

NOTES = ("<!-- what stands below is written by hand -->", "<!-- what stands above is written by hand -->")
METHOD = """\
`scripts/bench live`. Each peer is written as its own documentation shows it (`apps/live/`, `apps/guarded/`), with one
worker and no access log; all but Sanic, which has a server of its own, run on Uvicorn with its C parser and uvloop, Wholestack
also by `wholestack serve`. The server has one core, the load generator the other: one Python process with uvloop and raw
frames, which compares what comes, byte by byte (rooms, echoes) or number by number (events), so that nothing is lost,
doubled or out of order unseen. It offers no compression of messages. Rounds visit all peers in turn, every other round
backwards, each on a server of its own.

The figure to go by is **CPU**: the processor time of the server's processes for one message, once all is open. The rate
is what came through in a second on a machine that may have had other work to do. *Of bare* is the CPU against that of a
callable without a framework on Uvicorn, in the same round: less is better. Figures are medians over the rounds.
"""
GUARD_METHOD = """\
One page of 40 objects (2.6 KB) with a middleware and without it, on two servers at the same time, timed in turn with
`wrk`; that each middleware does what it is for is checked first. The figure is what a request costs more, in microseconds
of the server's processor time; in brackets what the page costs without any. An empty cell: the framework has none built in.
"""


@dataclass(frozen=True)
class Whole:
    """All that a report is written from."""

    machine: Machine
    rounds: int
    seconds: float
    workloads: Sequence[Workload]
    results: Results
    guards: Sequence[Guard]
    costs: Costs


def workload_table(run: Whole, workload: Workload) -> str:
    """One workload, the cheapest first."""
    counts = run.results.counts.get(workload.name, {})
    known = sorted(
        ((peer, counts[peer.name]) for peer in PEERS if counts.get(peer.name)),
        key=lambda pair: median(count.cost for count in pair[1]),
    )
    rows = []
    for peer, found in known:
        rates, p99 = [count.rate for count in found], median(count.p99 for count in found)
        rows.append(
            (
                f"**{peer.name}**" if peer.framework == "wholestack" else peer.name,
                number(median(count.cost for count in found)),
                f"{min(count.cost for count in found):.2f}-{max(count.cost for count in found):.2f}",
                number(run.results.ratio(workload.name, peer.name, "bare-uvicorn")),
                number(median(rates), 0),
                number(p99 / 1000) if p99 else "",
            )
        )
    return table(("peer", f"CPU µs of {workload.unit}", "min-max", "of bare", "a second", "p99 ms"), rows)


def guard_table(run: Whole) -> str:
    """What each middleware costs, a column for each framework."""
    names = [peer.name for peer, _ in GUARDED]
    head = ["middleware"]
    for name in names:
        without = run.costs.without(name)
        head.append(f"{name} ({number(without, 1)})" if without else name)
    rows = [(guard.title, *(number(run.costs.more(guard.name, name), 1) for name in names)) for guard in run.guards]
    return table(head, rows)


def missing(run: Whole) -> str:
    """Who could not be measured, and why."""
    lines = [
        f"- {peer}, {what}: {reason}"
        for failures in (run.results.failures, run.costs.failures)
        for what, reasons in failures.items()
        for peer, reason in reasons.items()
    ]
    return "\n".join(line.replace("|", "/") for line in lines) or "Nobody."


def notes(page: Path) -> str:
    """What was written by hand into the page that there is."""
    if not page.exists():
        return ""
    found = re.search(f"{re.escape(NOTES[0])}(.*?){re.escape(NOTES[1])}", page.read_text("utf-8"), re.DOTALL)
    return found[1].strip() if found else ""


def markdown(run: Whole, by_hand: str = "") -> str:
    """The whole page."""
    machine = run.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    where = f"{machine.processor}; {machine.system}; {machine.python}"
    how = f"{run.rounds} rounds of {run.seconds:g} s; load average at the start {machine.load_average:.1f}"
    parts = ["# Benchmarks of live answers", f"{machine.date}. {where}. {how}.", f"Versions: {versions}.", METHOD]
    for workload in run.workloads:
        parts += [f"## {workload.title} (`{workload.name}`)", workload_table(run, workload)]
    if run.costs.rounds:
        parts += ["## What each middleware costs (`guards`)", GUARD_METHOD, guard_table(run)]
    parts += ["## What the figures say", NOTES[0], by_hand, NOTES[1], "## Not measured", missing(run)]
    return "\n\n".join(part for part in parts if part) + "\n"


def brief(run: Whole) -> str:
    """What a quick run prints."""
    parts = [f"{workload.name}\n{workload_table(run, workload)}" for workload in run.workloads]
    if run.costs.rounds:
        parts.append(guard_table(run))
    return "\n\n".join([*parts, f"not measured:\n{missing(run)}"])


def everything(run: Whole) -> str:
    """All samples, as JSON."""
    return json.dumps(
        {
            "machine": asdict(run.machine),
            "rounds": run.rounds,
            "seconds": run.seconds,
            "live": asdict(run.results),
            "guards": {"rounds": asdict(run.costs)["rounds"], "failures": run.costs.failures},
            "titles": {guard.name: guard.title for guard in GUARDS},
        },
        indent=1,
    )
