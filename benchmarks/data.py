"""Measure a database through Wholestack and its peers: `scripts/bench data`, or `… data --quick --only wholestack,fastapi`.

The addresses are those of BENCH_POSTGRESQL (default: `wholestack_bench` on the local server, made where it is missing) and of a SQLite file of its own.
A quick run prints; a full one writes `results-data.md` and `results-data.json` beside this file.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from statistics import median

from harness import machine, rounds
from harness.cores import LOAD_CORE, on_core
from harness.peers import HERE
from harness.rows import WORKLOADS, fill, peers_for

POSTGRESQL = os.environ.get("BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1/wholestack_bench")


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def table(results: rounds.Results, names: Sequence[str]) -> list[str]:
    """A table for each workload: requests a second, and the processor time of the server for each."""
    lines: list[str] = []
    for workload in WORKLOADS:
        samples = results.samples.get(workload.name, {})
        rates = {name: median(each.rate for each in found) for name, found in samples.items() if found}
        if not rates:
            continue
        cpu = {name: median(each.cpu for each in samples[name]) for name in rates}
        fast = "fastapi async-uvicorn"
        lines += [
            f"### {workload.title}",
            "",
            "| | requests/s | CPU µs | CPU of FastAPI async's |",
            "|---|---|---|---|",
        ]
        for name in sorted(rates, key=lambda each: cpu[each]):
            ratio = f"{cpu[name] / cpu[fast]:.2f}" if fast in cpu else "-"
            lines.append(f"| {name} | {rates[name]:,.0f} | {cpu[name]:,.0f} | {ratio} |")
        missing = [f"{name}: {results.reason(workload.name, name)}" for name in names if name not in rates]
        lines += ["", *(f"Not measured: {each}." for each in missing), ""]
    return lines


def main(words: Sequence[str]) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short, and only printed")
    parser.add_argument("--only", default="", help="frameworks, with commas")
    parser.add_argument("--databases", default="postgresql,sqlite", help="which, with commas")
    options = parser.parse_args(words)
    pace = rounds.Pace(2, 2) if options.quick else rounds.Pace(5, 3)
    text = ["# A database through Wholestack and its peers", "", __doc__.strip().splitlines()[0], ""]
    kept: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder, on_core(LOAD_CORE):
        urls = {"postgresql": POSTGRESQL, "sqlite": f"sqlite:///{folder}/bench.db"}
        for kind in options.databases.split(","):
            fill(urls[kind])
            wanted = [each for each in options.only.split(",") if each]
            peers = [each for each in peers_for(urls[kind]) if not wanted or each.framework.split()[0] in wanted]
            results = rounds.run(peers, WORKLOADS, pace, say)
            text += [f"## {kind}", "", *table(results, [peer.name for peer in peers])]
            kept[kind] = {
                name: {peer: [vars(each) for each in found] for peer, found in by.items()}
                for name, by in results.samples.items()
            }
    looked = machine.look(["sqlalchemy", "psycopg", "asyncpg", "fastapi", "django", "litestar", "advanced-alchemy"])
    text.append(f"Machine and versions: {looked}")
    if options.quick:
        print("\n".join(text))
    else:
        (HERE / "results-data.md").write_text("\n".join(text) + "\n", "utf-8")
        (HERE / "results-data.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
