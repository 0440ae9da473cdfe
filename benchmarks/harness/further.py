"""The tables beside the main one: where they are, and the figures of back offices in short."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).parents[1]
HEADING = "## Further tables"
_LINKS = """- [Instructions of a request](results-instructions.md): `scripts/bench instructions`, the same on each machine.
- [Live answers and middleware](results-live.md): `scripts/bench live`.
- [A database](results-data.md): `scripts/bench data`.
- [Pages, forms, login, static files, uploads](results-pages.md): `scripts/bench pages`.
- [Back offices on a million rows](results-admin.md): `scripts/bench admin`; in short, milliseconds of ours and of the best other one:"""


def further(folder: Path = FOLDER) -> str:
    """The end of the page of results."""
    file = folder / "results-admin.json"
    return "\n\n".join([HEADING, _LINKS, *([offices(json.loads(file.read_text("utf-8")))] if file.exists() else [])])


def offices(found: dict[str, Any]) -> str:
    """The table of back offices, of what `scripts/bench admin` has found: by database, page and peer."""
    kinds = list(found)
    head = ["page", *(f"{kind}, {whose}" for kind in kinds for whose in ("ours", "other"))]
    lines = [f"| {' | '.join(head)} |", "| --- |" + " --: |" * (len(head) - 1)]
    for page in (page for page in found[kinds[0]] if page != "import"):
        cells = [cell for kind in kinds for cell in _page(found[kind][page])]
        lines.append(f"| {page} | {' | '.join(cells)} |")
    for what, words in (("checked", "import, dry run, rows a second"), ("written", "import, written, rows a second")):
        rates = [found[kind]["import"] for kind in kinds]
        cells = [cell for told in rates for cell in (f"{told['rows'] / told[what]:,.0f}", "")]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _page(by: dict[str, list[dict[str, Any]]]) -> tuple[str, str]:
    took = {name: median(each["took"] for each in said) * 1000 for name, said in by.items()}
    ours = took.pop("wholestack")
    name = min(took, key=lambda each: took[each])
    return f"{ours:.1f}", f"{took[name]:.1f} ({name})"


def rewrite(folder: Path = FOLDER) -> None:
    """Write the end of the page of results anew."""
    page = folder / "results.md"
    before = page.read_text("utf-8").partition(HEADING)[0]
    page.write_text(before + further(folder) + "\n", "utf-8")
