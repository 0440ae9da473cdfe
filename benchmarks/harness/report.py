"""Writes what was measured: tables to read, and everything as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from harness.further import further
from harness.growth import SIZES, Growth
from harness.machine import Machine
from harness.peers import Peer
from harness.rounds import Pace, Results, Sample
from harness.targets import targets
from harness.workloads import Workload

Row = Sequence[str]
METHOD = """\
Each peer is written as its own documentation shows it (`apps/`), in its best configuration, with one worker, no access
log, warnings off; every answer is checked field by field before it is timed, and bad input must get a 4xx. The server
has one core, `wrk` another; every request carries sixteen headers, as a browser sends them. Rounds visit all peers in
turn, every other round backwards. A rate is the median over the rounds; a ratio is the median of the ratios within a
round. *CPU* is the processor time of the server's processes: less disturbed by what else the machine does.
`bare` is a callable without a framework on the same server, with msgspec for JSON and, in the POST, the same Pydantic
model as the frameworks.
"""


@dataclass(frozen=True)
class Run:
    """All that a report is written from."""

    machine: Machine
    pace: Pace
    peers: Sequence[Peer]
    workloads: Sequence[Workload]
    results: Results
    growth: Growth


def table(head: Row, rows: Iterable[Row]) -> str:
    """A table in Markdown; all columns after the first are figures."""
    line = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, line, *rows))


def number(figure: float | None, places: int = 2) -> str:
    """A figure, or nothing."""
    return "" if figure is None else f"{figure:,.{places}f}"


def measured(run: Run, workload: Workload) -> list[tuple[Peer, list[Sample]]]:
    """The peers with figures, the fastest first."""
    samples = run.results.samples.get(workload.name, {})
    known = [(peer, samples[peer.name]) for peer in run.peers if samples.get(peer.name)]
    return sorted(known, key=lambda pair: -median(sample.rate for sample in pair[1]))


def workload_table(run: Run, workload: Workload) -> str:
    """One workload."""
    head = ("peer", "requests/s", "min-max", "of bare", "of bare, by CPU", "CPU µs", "p50 ms", "p99 ms")
    return table(head, (workload_row(run, workload, peer, samples) for peer, samples in measured(run, workload)))


def workload_row(run: Run, workload: Workload, peer: Peer, samples: Sequence[Sample]) -> Row:
    """One peer in one workload."""
    rates = [sample.rate for sample in samples]
    return (
        f"**{peer.name}**" if peer.framework == "wholestack" else peer.name,
        number(median(rates), 0),
        f"{min(rates):,.0f}-{max(rates):,.0f}",
        number(run.results.ratio(workload.name, peer.name, peer.ceiling)),
        number(run.results.cpu_ratio(workload.name, peer.name, peer.ceiling)),
        number(median(sample.cpu for sample in samples), 1),
        number(median(sample.p50 for sample in samples) / 1000),
        number(median(sample.p99 for sample in samples) / 1000),
    )


def start_up_table(run: Run) -> str:
    """Milliseconds from the start of the process to its first answer, and memory."""
    sizes = [0, *SIZES]
    rows = []
    for peer in run.peers:
        if peer.name not in run.growth.start_up:
            continue
        seconds = [run.growth.start_up_seconds(peer.name, size) for size in sizes]
        memory = run.growth.memory_of(peer.name)
        cells = [number(each * 1000, 0) if each else "" for each in (run.growth.start_up_cpu(peer.name), *seconds)]
        cells += [number(memory.worker, 1), number(memory.server, 1)] if memory else ["", ""]
        rows.append((peer.name, *cells))
    added = [f"+{size:,} routes" if size else "one file, ms" for size in sizes]
    return table(("peer", "one file, CPU ms", *added, "worker RSS MiB", "server PSS MiB"), rows)


def routes_table(run: Run) -> str:
    """Requests a second of the last and of a middle route, by the number of routes."""
    rows = []
    for peer in run.peers:
        if peer.name not in run.growth.routes:
            continue
        found = [run.growth.rates(peer.name, size) for size in SIZES]
        cells = [f"{number(each.last, 0)} / {number(each.middle, 0)}" if each else "" for each in found]
        few, many = found[0], found[-1]
        left = f"{number(many.last / few.last)} / {number(many.middle / few.middle)}" if few and many else ""
        rows.append((peer.name, *cells, left))
    return table(("peer", *(f"{size:,} routes" for size in SIZES), f"left at {SIZES[-1]:,}"), rows)


def target_table(run: Run) -> str:
    """What was to be reached."""
    found = targets(run.results, run.growth, [workload.name for workload in run.workloads])
    rows = [
        (one.what, number(one.found), f"{'at most ' if one.at_most else ''}{one.wanted:.2f}", one.verdict)
        for one in found
    ]
    return table(("target", "found", "wanted", "verdict"), rows)


def missing(run: Run) -> str:
    """Who could not be measured, and why."""
    lines = [f"- {name}: {reason}" for name, reason in run.results.absent.items()]
    for workload, reasons in run.results.failures.items():
        lines += [f"- {name}, {workload}: {reason}" for name, reason in reasons.items()]
    for name, reasons in run.growth.failures.items():
        if name not in run.results.absent:
            lines += [f"- {name}, {what}: {reason}" for what, reason in reasons.items()]
    return "\n".join(line.replace("|", "/") for line in lines) or "Nobody."


def markdown(run: Run) -> str:
    """The whole page."""
    machine, pace = run.machine, run.pace
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    where = f"{machine.processor}; {machine.system}; {machine.python}; {machine.load_generator}"
    how = f"{pace.rounds} rounds of {pace.seconds} s; load average at the start {machine.load_average:.1f}"
    parts = [
        "# Benchmarks",
        f"{machine.date}. {where}. {how}.",
        f"Versions: {versions}.",
        METHOD,
        "![The figures as a chart](results.svg)",
        "## Targets",
        target_table(run),
    ]
    for workload in run.workloads:
        parts += [
            f"## {workload.title[0].upper()}{workload.title[1:]} (`{workload.name}`)",
            workload_table(run, workload),
        ]
    if run.growth.start_up:
        parts += ["## Start-up and memory", start_up_table(run)]
    if run.growth.routes:
        parts += ["## Requests a second with many routes (last / middle)", routes_table(run)]
    parts += ["## Not measured", missing(run), further()]
    return "\n\n".join(parts) + "\n"


def brief(run: Run) -> str:
    """What a quick run prints."""
    parts = [f"{workload.name}\n{workload_table(run, workload)}" for workload in run.workloads]
    if run.growth.start_up:
        parts.append(start_up_table(run))
    if run.growth.routes:
        parts.append(routes_table(run))
    return "\n\n".join([*parts, f"not measured:\n{missing(run)}"])


def everything(run: Run) -> str:
    """All samples, as JSON."""
    found = targets(run.results, run.growth, [workload.name for workload in run.workloads])
    return json.dumps(
        {
            "machine": asdict(run.machine),
            "pace": asdict(run.pace),
            "targets": [asdict(one) | {"verdict": one.verdict.strip("*")} for one in found],
            **asdict(run.results),
            "growth": asdict(run.growth),
        },
        indent=1,
    )
