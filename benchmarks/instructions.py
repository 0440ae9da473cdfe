"""Count the instructions of one request: `scripts/bench instructions`, or `… instructions --only wholestack,falcon --workloads json`.

Times tell of the machine as well: of its neighbours, its cache, its clock. Valgrind counts what a server's process does for an
answer, the same each time, on whatever machine; so this is the table to look at where the other one's rounds disagree. All are served
by Uvicorn with its C parser and loop, so that what differs is the framework's. The kernel's part is not counted. Writes
`results-instructions.md` and `.json` beside this file.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness import machine
from harness.checks import check
from harness.peers import HERE, PEERS, Peer
from harness.servers import free_port
from harness.wire import HOST, fetch, read_answer
from harness.workloads import WORKLOADS, Workload

NAMES = ("plaintext", "json", "params", "post", "objects")
WARM, COUNTED = 120, 400
PATIENCE = 180.0
NOTE = """Thousands of instructions for one request, as Valgrind's callgrind counts them: the whole process of the server, Uvicorn's part in
it, without the kernel's. They are the same on each machine and each day, whatever else it does, and say nothing of the cache.
**+** is what is more than the bare callable has. The defaults of production are on (of ours the gate, a request id and four header
fields for safety), and sixteen header fields come with each request."""


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


class Counted:
    """A server under Valgrind."""

    def __init__(self, peer: Peer, folder: str) -> None:
        self.peer = peer
        self.port = free_port()
        self._folder = Path(folder)
        counting = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/{peer.name}"]
        self.process = subprocess.Popen(
            [*counting, *peer.command(self.port)],
            cwd=HERE,
            env=peer.environment(self.port, 0),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                fetch(self.port, WORKLOADS[0].request)
            except OSError:
                time.sleep(0.5)
            else:
                return
        raise RuntimeError(f"{self.peer.name} does not answer under Valgrind")

    def count(self, workload: Workload) -> float:
        """Instructions of one request, once the same was asked often enough for all caches."""
        check(self.port, workload)
        with socket.create_connection((HOST, self.port), PATIENCE) as connection:
            self._ask(connection, workload, WARM)
            self._dump("before")
            self._ask(connection, workload, COUNTED)
            return self._dump(workload.name) / COUNTED

    def _ask(self, connection: socket.socket, workload: Workload, times: int) -> None:
        sent = workload.request.encode(self.port)
        for _ in range(times):
            connection.sendall(sent)
            read_answer(connection, workload.request)

    def _dump(self, name: str) -> int:
        """What was counted since the last time."""
        there = set(self._folder.iterdir())
        subprocess.run(["callgrind_control", f"--dump={name}", str(self.process.pid)], check=True, capture_output=True)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for file in set(self._folder.iterdir()) - there:
                found = re.search(r"^(?:totals|summary): (\d+)", file.read_text("utf-8", "replace"), re.MULTILINE)
                if found is not None:
                    return int(found[1])
            time.sleep(0.1)
        raise RuntimeError(f"{self.peer.name}: nothing was counted")

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def table(found: dict[str, dict[str, float]], names: Sequence[str]) -> list[str]:
    """The figures, the least of the first workload first."""
    lines = [f"| | {' | '.join(f'{name} | +' for name in names)} |", "|---|" + "--:|--:|" * len(names)]
    bare = found.get("bare", {})
    for peer, counts in sorted(found.items(), key=lambda each: each[1].get(names[0], 0.0)):
        cells = []
        for name in names:
            count = counts.get(name)
            more = "" if count is None or name not in bare else f"{(count - bare[name]) / 1000:,.0f}"
            cells += ["" if count is None else f"{count / 1000:,.0f}", more]
        lines.append(f"| {f'**{peer}**' if peer == 'wholestack' else peer} | {' | '.join(cells)} |")
    return lines


def main(words: Sequence[str]) -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench instructions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="frameworks, with commas; then nothing is written")
    parser.add_argument("--workloads", default=",".join(NAMES), help="which, with commas")
    options = parser.parse_args(words)
    if shutil.which("valgrind") is None:
        say("valgrind is not on this machine: apt-get install valgrind")
        return 1
    names = options.workloads.split(",")
    chosen = [each for each in PEERS if each.name.endswith("-uvicorn")]
    only = set(options.only.split(",")) - {""}
    found: dict[str, dict[str, float]] = {}
    for peer in (each for each in chosen if not only or each.framework in only):
        with tempfile.TemporaryDirectory() as folder:
            server = Counted(peer, folder)
            try:
                server.wait()
                by_name = {each.name: each for each in WORKLOADS}
                found[peer.framework] = {name: server.count(by_name[name]) for name in names}
            finally:
                server.stop()
        say(f"{peer.name}: " + ", ".join(f"{name} {count:,.0f}" for name, count in found[peer.framework].items()))
    looked = machine.look(peer.distribution for peer in chosen)
    versions = ", ".join(f"{name} {version}" for name, version in sorted(looked.versions.items()))
    text = "\n".join(
        ["# Instructions of a request", "", NOTE, "", *table(found, names), "", f"{looked.python}; {versions}.", ""]
    )
    if only:
        print(text)
        return 0
    Path(HERE, "results-instructions.md").write_text(text, "utf-8")
    Path(HERE, "results-instructions.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
