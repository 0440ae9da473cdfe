"""Each error has a code, a page in docs/errors/, and an example there that raises it."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from house import exceptions
from house.blocks import blocks
from house.source import TOP, Module, called, modules, public_modules

PAGES = TOP / "docs" / "errors"
CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
SAYS_NO = re.compile(r"refuse|(?<!de)fault", re.IGNORECASE)  # not `setdefault`


def classes() -> Iterator[type]:
    """The public error classes of every folder, but for the root of the tree, which nobody raises."""
    root = importlib.import_module("wholestack.errors").WholestackError
    seen = {root}
    for name in public_modules():
        if name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(name)).values():
            if inspect.isclass(value) and issubclass(value, root) and value not in seen:
                seen.add(value)
                yield value


def called_codes(module: Module) -> Iterator[str]:
    """Codes given where an error is made: `Refused(400, "bad-host", …)`, `Fault("no-provider", …)`, `code="gone"`."""
    for call in ast.walk(module.tree):
        if not isinstance(call, ast.Call):
            continue
        if SAYS_NO.search(called(call)):
            yield from (text for each in call.args if KEBAB.fullmatch(text := constant(each)))
        yield from (
            text for each in call.keywords if each.arg == "code" and KEBAB.fullmatch(text := constant(each.value))
        )


def constant(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@cache
def codes() -> set[str]:
    given = {code for module in modules() for code in called_codes(module)}
    return (given | {kind.code for kind in classes()}) - set(exceptions.NO_PAGE)  # type: ignore[attr-defined]


def example(code: str) -> str:
    return f"test_{code.replace('-', '_')}.py"


def test_each_class_has_a_code_of_its_own() -> None:
    by_code: dict[str, list[str]] = {}
    for kind in classes():
        by_code.setdefault(kind.code, []).append(kind.__qualname__)  # type: ignore[attr-defined]
    assert [code for code in by_code if not CODE.fullmatch(code)] == []
    assert {code: names for code, names in by_code.items() if len(names) > 1} == {}


def test_each_code_has_a_page() -> None:
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README", "index"}
    without, idle = sorted(codes() - pages), sorted(pages - codes())
    assert not without, "docs/errors/<code>.md is missing: " + " ".join(without)
    assert not idle, "nothing raises what these pages describe: " + " ".join(idle)


def test_each_page_shows_its_example() -> None:
    without = []
    for code in sorted(codes()):
        page = PAGES / f"{code}.md"
        if page.is_file():
            shown = {block.path for block in blocks(page)}
            if f"docs/errors/examples/{example(code)}" not in shown or code not in page.read_text(encoding="utf-8"):
                without.append(code)
    assert not without, "the page does not name its code, or does not show its example: " + " ".join(without)


def test_each_example_raises_its_error(tmp_path: Path) -> None:
    recorded = tmp_path / "codes.json"
    environment = os.environ | {"PYTHONPATH": str(TOP / "tests"), "RECORDED": str(recorded)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "house.recorder",
        "-p",
        "no:cacheprovider",
        str(PAGES / "examples"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=TOP)
    assert done.returncode == 0, done.stdout[-4000:]
    made = json.loads(recorded.read_text())
    without = [code for code in sorted(codes()) if code not in made.get(example(code), [])]
    assert not without, "docs/errors/examples/test_<code>.py does not raise: " + " ".join(without)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('raise Refused(400, "bad-host", "A host.")', ["bad-host"]),
        ('_refuse("too-long", f"Over {n}.", 414)', ["too-long"]),
        ('errors.Fault("no-provider", "Nothing.", where, cure)', ["no-provider"]),
        ('NotFound("No.", code="note-gone")', ["note-gone"]),
        ('TemplateFault("The path.")', []),
        ('headers.setdefault("retry-after", "1")', []),
        ('FieldFault("body", "/a", "int_parsing", "An int.")', []),
    ],
)
def test_the_rule_itself(tmp_path: Path, line: str, expected: list[str]) -> None:
    file = tmp_path / "a.py"
    file.write_text(line)
    assert list(called_codes(Module(file))) == expected
