"""Measure Wholestack and its peers side by side: `scripts/bench`, or `python benchmarks/run.py --quick --only a,b`.

A quick run prints; a full one also writes `results.md`, `results.json` and `results.svg` beside this file.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import chart, growth, machine, report, rounds
from harness.cores import LOAD_CORE, on_core
from harness.peers import HERE, PEERS, Peer
from harness.workloads import WORKLOADS, Workload

KINDS = ("start-up", "routes")
QUICK_SIZES = (10, 1_000)


def names(text: str) -> list[str]:
    """A list written with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    every = ", ".join([*(one.name for one in WORKLOADS), *KINDS])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="timed rounds of each workload (default 5; 3 with --quick)")
    parser.add_argument("--duration", type=int, help="seconds of each timed run (default 3; 1 with --quick)")
    parser.add_argument("--only", type=names, metavar="PEER,…", help="peers: names, frameworks or servers")
    parser.add_argument("--workloads", type=names, metavar="NAME,…", help=f"of {every}")
    parser.add_argument("--quick", action="store_true", help="short, and only printed")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the results (default: beside this file)")
    parser.add_argument("--list", action="store_true", help="print the peers' names and stop")
    return parser.parse_args(words)


def select(options: argparse.Namespace) -> tuple[list[Peer], list[Workload], list[str]]:
    """The peers, workloads and kinds of growth that are asked for; a name nobody has is an error."""
    wanted = options.only or []
    peers = [peer for peer in PEERS if not wanted or {peer.name, peer.framework, peer.server} & set(wanted)]
    known = {name for peer in PEERS for name in (peer.name, peer.framework, peer.server)}
    every = [*(one.name for one in WORKLOADS), *KINDS]
    chosen = options.workloads or every
    unknown = sorted((set(wanted) - known) | (set(chosen) - set(every)))
    if unknown:
        raise SystemExit(f"unknown: {', '.join(unknown)}; --list shows the peers, --help the workloads")
    return peers, [one for one in WORKLOADS if one.name in chosen], [kind for kind in KINDS if kind in chosen]


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def measure(options: argparse.Namespace) -> report.Run:
    """Everything that was asked for."""
    peers, workloads, kinds = select(options)
    quick = options.quick
    pace = rounds.Pace(options.rounds or (3 if quick else 5), options.duration or (1 if quick else 3))
    looked = machine.look(peer.distribution for peer in peers)
    with on_core(LOAD_CORE):
        results = rounds.run(peers, workloads, pace, say)
        grown = growth.run(peers, kinds, QUICK_SIZES if quick else growth.SIZES, pace, say)
    return report.Run(looked, pace, peers, workloads, results, grown)


def write(run: report.Run, folder: Path) -> None:
    """The table, the figures and the chart."""
    (folder / "results.md").write_text(report.markdown(run), "utf-8")
    (folder / "results.json").write_text(report.everything(run) + "\n", "utf-8")
    (folder / "results.svg").write_text(chart.svg(run), "utf-8")


def main(words: Sequence[str]) -> int:
    """Run what the command line asks for."""
    options = arguments(words)
    if options.list:
        print("\n".join(peer.name for peer in PEERS))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped, as with Ctrl-C
    run = measure(options)
    if options.quick:
        print(report.brief(run))
    else:
        write(run, options.out)
        say(f"written to {options.out}: results.md, results.json, results.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
