"""Measure pages of Wholestack and its peers: `scripts/bench pages`, or `… pages --quick --only wholestack,django`.

Fortunes, a form with session, user and CSRF token, a static file, an upload. SQLite by default; `--databases postgresql,sqlite` asks
PostgreSQL, too (BENCH_POSTGRESQL, by default `wholestack_bench` on the local server, made where it is missing).
A quick run prints; a full one writes `results-pages.md` and `results-pages.json` beside this file.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import machine
from harness.cores import LOAD_CORE, on_core
from harness.pages import report, rounds, upload
from harness.pages.ground import PEERS, PagePeer, lay
from harness.pages.lines import LINES
from harness.peers import HERE
from harness.rounds import Pace

POSTGRESQL = os.environ.get("BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1/wholestack_bench")
UPLOAD = "upload"
VERSIONS = (
    *("django", "flask", "flask-wtf", "wtforms", "fastapi", "starlette", "litestar", "jinja2", "sqlalchemy"),
    *("whitenoise", "servestatic", "python-multipart", "multipart", "itsdangerous"),
)


def names(text: str) -> list[str]:
    """A list written with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    every = [*(line.name for line in LINES), UPLOAD]
    parser = argparse.ArgumentParser(
        prog="scripts/bench pages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="short, and only printed")
    parser.add_argument("--full", action="store_true", help="an upload of 1 GiB, not of 100 MiB")
    parser.add_argument("--only", type=names, metavar="PEER,…", help="peers: names, frameworks or servers")
    parser.add_argument("--workloads", type=names, default=every, metavar="NAME,…", help=f"of {', '.join(every)}")
    parser.add_argument("--databases", type=names, default=["sqlite"], help="sqlite (default), postgresql, or both")
    parser.add_argument("--rounds", type=int, help="timed rounds (default 5; 2 with --quick)")
    parser.add_argument("--duration", type=int, help="seconds of each timed run (default 3; 1 with --quick)")
    parser.add_argument("--folder", help="where the files of the run lie (default: the system's temporary folder)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the results (default: beside this file)")
    options = parser.parse_args(words)
    if unknown := set(options.workloads) - set(every):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    return options


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def chosen(options: argparse.Namespace) -> list[PagePeer]:
    """The peers that were asked for."""
    wanted = set(options.only or ())
    return [
        peer
        for peer in PEERS
        if not wanted or {peer.name, peer.framework, peer.framework.split()[0], peer.server} & wanted
    ]


def measure(options: argparse.Namespace) -> report.Whole:
    """Everything that was asked for."""
    pace = Pace(options.rounds or (2 if options.quick else 5), options.duration or (1 if options.quick else 3))
    peers, lines = chosen(options), [line for line in LINES if line.name in options.workloads]
    results = {}
    uploads = None
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, on_core(LOAD_CORE):
        urls = {"sqlite": f"sqlite:///{folder}/bench.db", "postgresql": POSTGRESQL}
        for kind in options.databases:
            lay(urls[kind], folder)
            if lines:
                results[kind] = rounds.run(peers, lines, pace, say)
        if UPLOAD in options.workloads:
            uploads = upload.run(peers, (1024 if options.full else 100) * upload.MIB, pace.rounds, say)
    looked = machine.look(VERSIONS)
    return report.Whole(looked, pace, peers, lines, results, uploads)


def main(words: Sequence[str]) -> int:
    """Run what the command line asks for."""
    options = arguments(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped, as with Ctrl-C
    run = measure(options)
    if options.quick:
        print(report.markdown(run))
        return 0
    (options.out / "results-pages.md").write_text(report.markdown(run), "utf-8")
    (options.out / "results-pages.json").write_text(report.everything(run) + "\n", "utf-8")
    say(f"written to {options.out}: results-pages.md, results-pages.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
