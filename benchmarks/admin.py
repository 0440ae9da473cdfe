"""Measure back offices on 1,000,000 rows with 5 relations: `scripts/bench admin`, or `… admin --quick --only wholestack,django`.

The list's first page, page 10,000, a filtered and a searched list of Wholestack, Django, sqladmin and starlette-admin, and the form of
a row with 50 rows inside of the two that have such, all in turn on one core, on SQLite and PostgreSQL (BENCH_ADMIN_POSTGRESQL, a database that is made anew). A quick run prints; a full one writes `results-admin.md` and
`results-admin.json` beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from apps.admin.data import ROWS, SIZE, fill
from harness import further, machine
from harness.admin.environment import python, versions
from harness.cores import SERVER_CORE, on_core

HERE = Path(__file__).parent
POSTGRESQL = os.environ.get("BENCH_ADMIN_POSTGRESQL", "postgresql://postgres@127.0.0.1/wholestack_bench_admin")
PEERS = {
    "wholestack": "wholestack_app",
    "django": "django_app",
    "sqladmin": "sqladmin_app",
    "starlette-admin": "starlette_admin_app",
}
PAGES = ("first", "page 10,000", "filtered", "searched", "a row with 50 inline")
WITHOUT = {"a row with 50 inline": ("sqladmin", "starlette-admin")}
"""Who has no such page."""
TARGET, MOST_QUERIES, LEAST_ROWS = 0.060, 8, 5_000
NOTE = (
    "Each is asked in a process of its own, without a server: Wholestack for a person with a session and a role's permissions, Django for a "
    "superuser with a session, the other two for nobody, as they are given no users; nor have they rows inside of a row's form. "
    "`ms` is the median of a page from the request to its last byte, the database's time in it; `CPU` is that of the process, without "
    "PostgreSQL's."
)


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def surroundings() -> dict[str, str]:
    """The environment of a process that is measured."""
    told = {"WHOLESTACK_STAGE": "production", "PYTHONPATH": str(HERE), "SECRET_KEY": "of a benchmark"}
    # In production there must be one; nothing is sent.
    return {**os.environ, **told, "MAIL_URL": "smtp://nobody:nothing@127.0.0.1"}


class Peer:
    """A back office at work."""

    def __init__(self, name: str, url: str, executable: Path) -> None:
        self.name = name
        command = [str(executable), "-m", "harness.admin.worker", f"apps.admin.{PEERS[name]}", url]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE, env=surroundings()
        )

    def ask(self, page: str) -> dict[str, Any]:
        """What a page took; it is right where it has as many rows as a page."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("not begun")
        print(json.dumps(page), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended on the page {page!r}")
        said: dict[str, Any] = json.loads(line)
        if said["status"] != 200 or said["rows"] != SIZE:
            raise RuntimeError(f"{self.name} answered the page {page!r} with {said}")
        return said


@contextmanager
def peers(names: Sequence[str], url: str) -> Iterator[list[Peer]]:
    """Those at work, each on the one core of servers."""
    executable = python()
    found: list[Peer] = []
    try:
        with on_core(SERVER_CORE):
            found = [Peer(name, url, executable) for name in names]
        yield found
    finally:
        for each in found:
            each.process.kill()
            each.process.wait()


def measure(names: Sequence[str], url: str, rounds: int) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """By page and peer, what each round took; a round asks everybody in turn."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {page: {} for page in PAGES}
    with peers(names, url) as there:
        for page in PAGES:
            for number in range(rounds + 2):
                for each in (peer for peer in there if peer.name not in WITHOUT.get(page, ())):
                    said = each.ask(page)
                    if number >= 2:
                        found[page].setdefault(each.name, []).append(said)
            say(f"{url.partition(':')[0]}, {page}")
    return found


def imported(url: str) -> dict[str, float]:
    """What an import of ours took, in seconds."""
    environment = {**surroundings(), "WHOLESTACK_STAGE": "test"}  # Else it would not run what is queued by itself.
    command = [str(python()), "-m", "apps.admin.import_rows", url]
    with on_core(SERVER_CORE):
        done = subprocess.run(command, capture_output=True, text=True, cwd=HERE, env=environment, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def import_table(told: dict[str, float]) -> list[str]:
    """The figures of an import."""
    lines = [
        f"An import of {told['rows']:,.0f} rows, with a history of each:",
        "",
        "| | rows/s | s | CPU s |",
        "|---|---|---|---|",
    ]
    words = {
        "checked": "the dry run, with what becomes of each row",
        "written": "checked again and written, all or nothing",
    }
    return lines + [
        f"| {text} | {told['rows'] / told[name]:,.0f} | {told[name]:.1f} | {told[f'{name}, CPU']:.1f} |"
        for name, text in words.items()
    ]


def table(found: dict[str, dict[str, list[dict[str, Any]]]]) -> list[str]:
    """The figures of one database."""
    lines = ["| page | | ms | CPU ms | queries | of ours |", "|---|---|---|---|---|---|"]
    for page, by in found.items():
        ours = median(each["took"] for each in by["wholestack"]) if "wholestack" in by else None
        for name, said in by.items():
            took, cpu = (median(each[what] for each in said) for what in ("took", "cpu"))
            ratio = f"{took / ours:.1f}" if ours else "-"
            lines.append(
                f"| {page} | {name} | {took * 1000:.1f} | {cpu * 1000:.1f} | {max(each['queries'] for each in said)} | {ratio} |"
            )
    return lines


def missed(found: dict[str, dict[str, list[dict[str, Any]]]]) -> list[str]:
    """The pages of ours that take longer, or more queries, than they may."""
    lines = []
    for page, by in found.items():
        ours = by.get("wholestack", [])
        if ours and median(each["took"] for each in ours) > TARGET:
            lines.append(f"{page}: {median(each['took'] for each in ours) * 1000:.1f} ms")
        if ours and max(each["queries"] for each in ours) > MOST_QUERIES:
            lines.append(f"{page}: {max(each['queries'] for each in ours)} queries")
    return lines


def main(words: Sequence[str]) -> int:
    """Run what the command line asks for; 1 where a page of ours misses its target."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench admin", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="5 rounds, and only printed; 11 without it")
    parser.add_argument("--only", default=",".join(PEERS), help="peers, with commas")
    parser.add_argument("--databases", default="sqlite,postgresql", help="which, with commas")
    parser.add_argument("--keep", action="store_true", help="take the rows of the run before")
    options = parser.parse_args(words)
    results: dict[str, Any] = {}
    over: list[str] = []
    text = [f"# Back offices on {ROWS:,} rows with 5 relations", "", NOTE, ""]
    folder = Path(tempfile.gettempdir()) / "wholestack-bench-admin"
    folder.mkdir(exist_ok=True)
    urls = {"sqlite": f"sqlite:///{folder}/admin.db", "postgresql": POSTGRESQL}
    for kind in options.databases.split(","):
        if not options.keep:
            say(f"filling {kind}")
            fill(urls[kind])
        found = measure(options.only.split(","), urls[kind], 5 if options.quick else 11)
        results[kind] = found
        over += [f"{kind}, {each}" for each in missed(found)]
        text += [f"## {kind}", "", *table(found), ""]
        if "wholestack" in options.only.split(","):
            told = imported(urls[kind])
            results[kind]["import"] = told
            text += [*import_table(told), ""]
            slow = [name for name in ("checked", "written") if told["rows"] / told[name] < LEAST_ROWS]
            over += [f"{kind}, import, {name}: {told['rows'] / told[name]:,.0f} rows/s" for name in slow]
    looked = machine.look([])
    text.append(
        f"{looked.processor}; {looked.python}; {versions()}; load average at the end {looked.load_average:.1f}."
    )
    text += [
        "",
        *(
            f"Over the target of {TARGET * 1000:.0f} ms, {MOST_QUERIES} queries, {LEAST_ROWS:,} rows a second: {each}."
            for each in over
        ),
    ]
    if options.quick:
        print("\n".join(text))
    else:
        (HERE / "results-admin.md").write_text("\n".join(text).rstrip() + "\n", "utf-8")
        (HERE / "results-admin.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        further.rewrite()
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
