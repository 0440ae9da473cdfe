"""Code blocks of the documentation, each taken from a tested file.

Above a block stands where it is from: a whole file, or a region of it::

    <!-- from: examples/airports/app.py#search -->

and the file marks the region with the comments ``# [search]`` and ``# [/search]``. `scripts/docs --write` runs this
file as a program: it writes all blocks anew.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from house.source import TOP

FENCE = re.compile(
    r"^(?P<source>[ ]*<!-- from: (?P<path>[^\s#]+)(?:\#(?P<region>[\w-]+))? -->\n\n?)?"
    r"(?P<indent>[ ]*)```(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
SOURCE = re.compile(r"^[ ]*(<!-- from: .*?-->)[ ]*$", re.MULTILINE)
MARK = re.compile(r"^\s*# \[/?[\w-]+\]$")


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    code: str
    path: str | None
    region: str | None

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(TOP).as_posix()}:{self.line}"


def pages() -> list[Path]:
    """README and everything below docs/ that is written in Markdown."""
    return [path for path in [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))] if path.is_file()]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        code = textwrap.dedent(found["code"])
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["language"], code, found["path"], found["region"])


def without_block(page: Path) -> Iterator[str]:
    """Where it is said where a block is from, and none follows: readers would see nothing there."""
    text = page.read_text(encoding="utf-8")
    within = [found.span() for found in FENCE.finditer(text)]
    for found in SOURCE.finditer(text):
        if not any(start <= found.start() < end for start, end in within):
            yield f"{page.name}:{text.count(chr(10), 0, found.start(1)) + 1}: no block follows {found[1]}"


def original(path: str, region: str | None) -> str:
    """What the tested file says there; an unknown file or region raises `LookupError`."""
    file = TOP / path
    if not file.is_file():
        raise LookupError(f"{path} does not exist")
    lines = file.read_text(encoding="utf-8").splitlines()
    if region:
        marks = [line.strip() for line in lines]
        if f"# [{region}]" not in marks or f"# [/{region}]" not in marks:
            raise LookupError(f"{path} has no region between '# [{region}]' and '# [/{region}]'")
        lines = lines[marks.index(f"# [{region}]") + 1 : marks.index(f"# [/{region}]")]
    kept = "\n".join(line for line in lines if not MARK.match(line))
    return textwrap.dedent(kept).strip("\n") + "\n"


def write() -> list[str]:
    """Copy every block anew; the pages that changed."""
    changed = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        fresh = FENCE.sub(renewed, text)
        if fresh != text:
            page.write_text(fresh, encoding="utf-8")
            changed.append(page.relative_to(TOP).as_posix())
    return changed


def renewed(found: re.Match[str]) -> str:
    if not found["path"]:
        return found[0]
    code = textwrap.indent(original(found["path"], found["region"]), found["indent"])
    start, end = (place - found.start() for place in found.span("code"))
    return found[0][:start] + code + found[0][end:]


if __name__ == "__main__":
    for name in write():
        print(f"written: {name}")
