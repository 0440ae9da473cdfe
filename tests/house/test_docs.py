"""Every Python block of the documentation is taken from a tested file; every link within it leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from house.blocks import FENCE, Block, blocks, original, pages, renewed, without_block
from house.source import TOP

TESTED = ("tests/", "examples/", "docs/")


def fault(block: Block) -> str:
    """Why this block may not stand as it is; empty where it may."""
    if block.path is None:
        return "has no `<!-- from: path#region -->` above it" if block.language == "python" else ""
    if not block.path.startswith(TESTED):
        return f"{block.path} is not among the tested files ({', '.join(TESTED)})"
    try:
        there = original(block.path, block.region)
    except LookupError as missing:
        return str(missing)
    return "" if block.code.strip("\n") == there.strip("\n") else f"differs from {block.path}: scripts/docs --write"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(TOP).as_posix())
def test_docs_blocks_are_tested(page: Path) -> None:
    wrong = [f"{block.where}: {why}" for block in blocks(page) if (why := fault(block))]
    wrong += without_block(page)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(TOP).as_posix())
def test_docs_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:|#|/", target)]
    broken = [target for target in targets if not (page.parent / target.partition("#")[0]).exists()]
    assert not broken


def test_docs_rule_itself(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    here = "tests/house/test_docs.py"
    # [sample]
    sample = 1
    # [/sample]
    assert sample == 1
    page.write_text(
        f"<!-- from: {here}#sample -->\n```python\nsample = 1\n```\n\n"
        f"<!-- from: {here}#sample -->\n\n```python\nsample = 2\n```\n\n"
        f"<!-- from: {here}#nothing -->\n```python\nsample = 1\n```\n\n"
        "```python\nsample = 1\n```\n\n```console\n$ ls\n```\n"
    )
    assert [bool(fault(block)) for block in blocks(page)] == [False, True, True, True, False]


def test_docs_a_marker_has_a_block_and_an_empty_one_is_filled(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    marker = "<!-- from: tests/house/test_docs.py#sample -->"
    page.write_text(f"{marker}\n\nA text.\n\n{marker}\n```python\n```\n\n```markdown\n{marker}\n```\n\n{marker}\n")
    assert [each.split(":")[1] for each in without_block(page)] == ["1", "13"]
    assert FENCE.sub(renewed, f"{marker}\n```python\n```\n") == f"{marker}\n```python\nsample = 1\n```\n"
    # What a block has in common with its own head is not taken for its code.
    assert FENCE.sub(renewed, f"{marker}\n```python\no\n```\n") == f"{marker}\n```python\nsample = 1\n```\n"
