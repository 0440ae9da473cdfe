"""Writes what was measured of pages: tables to read, and everything as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from harness.machine import Machine
from harness.pages.ground import BASE, PagePeer
from harness.pages.lines import Line
from harness.pages.upload import MIB, Uploads
from harness.report import number, table
from harness.rounds import Pace, Results

METHOD = """\
Each peer is written as its own documentation shows it (`apps/pages/`), with one worker and no access log, and has shown the same
content before it is timed: the pages are read (`harness/pages/content.py`), the form is sent with the cookies and the token that
came with it, and one that another site sends without a token must be refused. The server has one core, the load generator the
other. The figure to go by is **of Django**: the processor time of the server's processes for one request against that of Django
with its default middleware in the same round; less is better. The figures are medians over the rounds.
"""
STATIC_BASE = BASE.replace("django", "django whitenoise", 1)


@dataclass(frozen=True)
class Whole:
    """All that a report is written from."""

    machine: Machine
    pace: Pace
    peers: Sequence[PagePeer]
    lines: Sequence[Line]
    results: dict[str, Results]
    """By kind of database."""
    uploads: Uploads | None


def bold(peer: str) -> str:
    """Our own stand out."""
    return f"**{peer}**" if peer.startswith("wholestack") else peer


def line_table(results: Results, line: Line) -> list[str]:
    """One line, the cheapest first."""
    samples = {name: found for name, found in results.samples.get(line.name, {}).items() if found}
    base = BASE if BASE in samples else STATIC_BASE
    cpu = {name: median(each.cpu for each in found) for name, found in samples.items()}
    rows = []
    for name in sorted(cpu, key=lambda each: cpu[each]):
        times = results.cpu_ratio(line.name, name, base)
        rows.append(
            (
                bold(name),
                number(1 / times if times else None),
                number(cpu[name], 0),
                number(median(each.rate for each in samples[name]), 0),
                number(median(each.p99 for each in samples[name]) / 1000, 1),
            )
        )
    failed = [f"Not measured: {name}: {why}." for name, why in results.failures.get(line.name, {}).items()]
    head = ("peer", "of Django", "CPU µs", "requests/s", "p99 ms")
    return [f"### {line.title}", "", table(head, rows), "", *failed, ""]


def upload_table(uploads: Uploads) -> list[str]:
    """Uploads, the fastest first."""
    rows = []
    for name, found in sorted(uploads.found.items(), key=lambda pair: median(each.seconds for each in pair[1])):
        seconds = median(each.seconds for each in found)
        rows.append(
            (
                bold(name),
                number(uploads.of_base(name, "bare-uvicorn")),
                number(uploads.size / MIB / seconds, 0),
                number(median(each.cpu for each in found)),
                number(max(each.memory for each in found), 1),
            )
        )
    failed = [f"Not measured: {name}: {why}." for name, why in uploads.failures.items()]
    head = ("peer", "speed, of bare", "MiB/s", "CPU s", "MiB over the idle worker, at most")
    return [f"## an upload of {uploads.size // MIB} MiB in a form", "", table(head, rows), "", *failed, ""]


def markdown(run: Whole) -> str:
    """The page."""
    text = ["# Pages through Wholestack and its peers", "", METHOD]
    for kind, results in run.results.items():
        text += [f"## {kind}", ""]
        for line in run.lines:
            text += line_table(results, line)
        text += [f"Not measured: {name}: {why}." for name, why in results.absent.items()]
    if run.uploads:
        text += upload_table(run.uploads)
    versions = ", ".join(f"{name} {version}" for name, version in run.machine.versions.items())
    text += [
        f"{run.pace.rounds} rounds of {run.pace.seconds} s, {run.machine.date}, {run.machine.processor}.",
        f"{run.machine.system}, {run.machine.python}, load {run.machine.load_average:.1f}. {versions}.",
        "",
    ]
    return "\n".join(text)


def everything(run: Whole) -> str:
    """All samples, as JSON."""
    found: dict[str, object] = {
        "machine": asdict(run.machine),
        "samples": {
            kind: {
                line: {name: [asdict(each) for each in some] for name, some in by_peer.items()}
                for line, by_peer in results.samples.items()
            }
            for kind, results in run.results.items()
        },
        "failures": {kind: results.failures | {"": results.absent} for kind, results in run.results.items()},
    }
    if run.uploads:
        found["uploads"] = asdict(run.uploads)
    return json.dumps(found, indent=1)
