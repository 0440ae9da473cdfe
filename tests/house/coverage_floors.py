"""Hold the measured coverage of each floor to its figure: PYTHONPATH=tests python -m house.coverage_floors report.json

Lines and branches count. What tests/house/exceptions.py names (a file, or one function of it) is left out; what runs in
a process of its own (a server) is not measured.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from house import exceptions
from house.floors import CORE, FLOORS


def counted(name: str, file: dict[str, Any]) -> tuple[int, int, list[str]]:
    """What of a file is run, what there is, and which lines and branches are missing, without the exceptions."""
    if name in exceptions.NOT_COVERED:
        return 0, 0, []
    run = whole = 0
    missing: list[str] = []
    for qualified, part in file["functions"].items():
        if f"{name}::{qualified}" in exceptions.NOT_COVERED:
            continue
        summary = part["summary"]
        run += summary["covered_lines"] + summary["covered_branches"]
        whole += summary["num_statements"] + summary["num_branches"]
        missing += [f"{name}:{line}" for line in part["missing_lines"]]
        missing += [f"{name}:{start}->{'exit' if stop < 0 else stop}" for start, stop in part["missing_branches"]]
    return run, whole, missing


def floor_of(name: str) -> int:
    """The floor of `src/wholestack/http/_headers.py`: 0."""
    below = Path(name).parts
    part = below[below.index("wholestack") + 1]
    return FLOORS.get(part.removesuffix(".py"), CORE)


def unused(files: dict[str, Any]) -> list[str]:
    """Exceptions that name nothing, or something that is run after all."""
    stale = []
    for each in exceptions.NOT_COVERED:
        path, _, qualified = each.partition("::")
        part = files.get(path, {}) if not qualified else files.get(path, {}).get("functions", {}).get(qualified, {})
        if not part or not (part["missing_lines"] or part["missing_branches"]):
            stale.append(each)
    return stale


def check(files: dict[str, Any]) -> tuple[list[str], list[str]]:
    """One line for each floor, and the faults."""
    table, faults = [], [f"no longer needed in exceptions.NOT_COVERED: {each}" for each in unused(files)]
    for floor in sorted({floor_of(name) for name in files}):
        parts = [counted(name, file) for name, file in files.items() if floor_of(name) == floor]
        run, whole = sum(part[0] for part in parts), sum(part[1] for part in parts)
        missing = [line for part in parts for line in part[2]]
        reached = 100 * run / whole if whole else 100.0
        asked = exceptions.COVERAGE.get(floor, exceptions.COVERAGE_ABOVE)
        table.append(
            f"coverage: floor {floor:>2}: {reached:6.2f} % of {whole:,} lines and branches (asked: {asked:g} %)"
        )
        if reached < asked:
            shown = ", ".join(missing[:40]) + (f" and {len(missing) - 40} more" if len(missing) > 40 else "")
            faults.append(f"floor {floor} is under {asked:g} %; not run: {shown}")
    return table, faults


def main(report: str) -> int:
    table, faults = check(json.loads(Path(report).read_text())["files"])
    print("\n".join([*table, *(f"coverage: {fault}" for fault in faults)]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
