"""Each folder's `__init__` is its front door: the folder's law, and exactly the names one may import."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from types import ModuleType

import pytest

from house import exceptions, figures
from house.source import PACKAGE, SRC, TOP, Module, modules, public_modules

DOORS = [each for each in modules() if each.path.name == "__init__.py"]


def test_a_public_path_is_one_folder_deep() -> None:
    deep = [name for name in public_modules() if name.count(".") > 1 and not name.endswith("__main__")]
    assert not deep, "the work of a folder is in `_files.py`; a public path is `wholestack.folder.Name`"


def test_every_folder_has_a_front_door() -> None:
    holders = {path.parent for path in (SRC / PACKAGE).rglob("*.py")}
    without = [str(folder.relative_to(SRC)) for folder in sorted(holders) if not (folder / "__init__.py").is_file()]
    assert not without


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_it_opens_with_the_law(door: Module) -> None:
    law = ast.get_docstring(door.tree) or ""
    assert len(law.splitlines()) >= 3, "what belongs here, what never does, how a call flows through the files"


@pytest.mark.parametrize("name", [each.name for each in DOORS])
def test_all_is_what_can_be_imported(name: str) -> None:
    module = importlib.import_module(name)
    listed = list(module.__all__)
    assert listed == sorted(set(listed), key=order)
    missing = [each for each in listed if not hasattr(module, each)]
    assert not missing
    there = {
        key
        for key, value in vars(module).items()
        if not key.startswith(("_", "@"))  # "@": pytest's own, since this package is a plugin of it
        and not (isinstance(value, ModuleType) and value.__name__.startswith(name + "."))
    }
    assert there - set(listed) == set(), "importable, but not in __all__"


def order(name: str) -> tuple[int, list[tuple[int, int, str]]]:
    """The order ruff's RUF022 asks for: CONSTANTS, Classes, functions; numbers by size."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
    return kind, parts


def test_importing_is_cheap() -> None:
    code = f"import json, sys; import {PACKAGE}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, cwd=TOP)
    loaded = json.loads(done.stdout)
    heavy = [
        each for each in loaded if any(each == name or each.startswith(f"{name}.") for name in exceptions.NOT_LOADED)
    ]
    own = [each for each in loaded if each.split(".")[0] == PACKAGE]
    figures.note(f"import wholestack: {len(own)} modules of its own, {len(loaded)} in all")
    assert not heavy
    assert len(own) <= exceptions.OWN_MODULES, own
