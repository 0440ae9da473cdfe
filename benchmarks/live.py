"""Measure live answers and middleware of Wholestack and its peers: `scripts/bench live`.

A quick run prints; a full one also writes `results-live.md` and `results-live.json` beside this file.
"""

import argparse
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import machine
from harness.live import guards, report, rounds
from harness.live.workloads import PEERS, workloads
from harness.peers import HERE

GUARDS = "guards"


def names(text: str) -> list[str]:
    """A list written with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    every = ", ".join([*(one.name for one in workloads(0, 0)), GUARDS])
    parser = argparse.ArgumentParser(
        prog="scripts/bench live", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, help="timed rounds of each workload (default 5; 1 with --quick)")
    parser.add_argument("--duration", type=int, help="seconds of each timed run (default 4; 1 with --quick)")
    parser.add_argument("--only", type=names, metavar="PEER,…", help="peers: names, frameworks or servers")
    parser.add_argument("--workloads", type=names, metavar="NAME,…", help=f"of {every}")
    parser.add_argument("--clients", type=int, default=1000, help="clients of a room, and streams (default 1000)")
    parser.add_argument("--window", type=int, default=8, help="messages on their way to all at any time (default 8)")
    parser.add_argument("--quick", action="store_true", help="short, and only printed")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the results (default: beside this file)")
    return parser.parse_args(words)


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def measure(options: argparse.Namespace) -> report.Whole:
    """Everything that was asked for."""
    wanted, every = set(options.only or ()), workloads(options.clients, options.window)
    chosen = options.workloads or [*(one.name for one in every), GUARDS]
    if unknown := set(chosen) - {*(one.name for one in every), GUARDS}:
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; --help shows the workloads")
    peers = [peer for peer in PEERS if not wanted or {peer.name, peer.framework, peer.server} & wanted]
    guarded = [
        each for each in guards.PEERS if not wanted or {each[0].name, each[0].framework, each[0].server} & wanted
    ]
    count, seconds = options.rounds or (1 if options.quick else 5), options.duration or (1 if options.quick else 4)
    looked = machine.look(peer.distribution for peer in PEERS)
    some = [one for one in every if one.name in chosen]
    results = rounds.run(peers, some, count, seconds, say)
    kinds = guards.GUARDS if GUARDS in chosen else ()
    costs = guards.run(guarded, kinds, count, seconds, say)
    return report.Whole(looked, count, seconds, some, results, kinds, costs)


def main(words: Sequence[str]) -> int:
    """Run what the command line asks for."""
    options = arguments(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped, as with Ctrl-C
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # The servers inherit it.
    run = measure(options)
    if options.quick:
        print(report.brief(run))
        return 0
    page = options.out / "results-live.md"
    page.write_text(report.markdown(run, report.notes(page)), "utf-8")
    (options.out / "results-live.json").write_text(report.everything(run) + "\n", "utf-8")
    say(f"written to {options.out}: results-live.md, results-live.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
