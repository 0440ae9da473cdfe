"""One back office in a process of its own: reads which page to ask, writes how long it took."""

from __future__ import annotations

import importlib
import json
import re
import sys
import time


def main(module: str, url: str) -> None:
    """Ask pages as the lines of standard input name them, until it ends."""
    out = sys.stdout
    sys.stdout = sys.stderr
    found = importlib.import_module(module)
    site = found.open_site(url)
    for line in sys.stdin:
        address = found.PATHS[json.loads(line)]
        queries, cpu, begun = site.queries(), time.process_time(), time.perf_counter()
        status, body = site.ask(address)
        took, used = time.perf_counter() - begun, time.process_time() - cpu
        # A title ends in its key, and the SKU has it again: so the rows are counted in any page, or JSON.
        rows = len(set(re.findall(rb"SKU-(\d+)", body)))
        said = {"status": status, "rows": rows, "took": took, "cpu": used, "queries": site.queries() - queries}
        print(json.dumps(said), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
