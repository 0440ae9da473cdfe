"""The core stays small, and so does every file, body and signature."""

from __future__ import annotations

import textwrap
from pathlib import Path

from house import exceptions, figures
from house.floors import CORE, FLOORS
from house.source import Module, body_lines, modules, parameters


def test_core_is_small() -> None:
    core = [each for each in modules() if FLOORS.get(each.folder, CORE) <= CORE]
    total = sum(each.code_lines for each in core)
    figures.note(f"core: {total:,} of {exceptions.CORE_LINES:,} lines of code")
    largest = sorted(((each.code_lines, each.where) for each in core), reverse=True)[:10]
    assert total <= exceptions.CORE_LINES, largest


def test_files_are_short() -> None:
    over = {each.where: len(each.text.splitlines()) for each in modules()}
    hold({name: size for name, size in over.items() if size > exceptions.FILE_LINES}, exceptions.LONG_FILES)


def test_bodies_are_short() -> None:
    over = {f"{each.where}::{name}": body_lines(node) for each in modules() for name, node in each.functions}
    hold({name: size for name, size in over.items() if size > exceptions.BODY_LINES}, exceptions.LONG_BODIES)


def test_signatures_are_short() -> None:
    over = {
        f"{each.where}::{name}": parameters(node, method="." in name)
        for each in modules()
        for name, node in each.functions
    }
    hold({name: size for name, size in over.items() if size > exceptions.PARAMETERS}, exceptions.WIDE_SIGNATURES)


def hold(over: dict[str, int], excepted: dict[str, str]) -> None:
    """What is over the bound is named with a reason, and nothing else is."""
    wrong = [f"{name}: {size}" for name, size in over.items() if name not in excepted]
    assert not wrong, "\n".join(wrong)
    assert [name for name in excepted if name not in over] == [], "no longer needed: remove from exceptions.py"
    assert all(reason.strip() for reason in excepted.values())


def test_the_measures_themselves(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(
        textwrap.dedent('''
        """Law,
        two lines."""
        # a comment

        class A:
            """One."""

            def f(self, a, *rest, b=1, **more):
                """Doc."""
                # why

                text = """
                two
                """
                return text
        ''')
    )
    module = Module(file)
    assert module.code_lines == 6
    ((name, function),) = module.functions
    assert name == "A.f"
    assert body_lines(function) == 4
    assert parameters(function, method=True) == 4
