"""A folder imports only lower floors; private names stay in their folder."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from house.floors import ARROWS, CORE, FLOORS
from house.source import PACKAGE, SRC, Import, Module, files, folders, modules


def floor(module: Module) -> int:
    return FLOORS[module.folder] if module.folder else CORE


def fault(module: Module, each: Import) -> str:
    """Why this import is not allowed; empty where it is."""
    if each.folder == module.folder:
        return ""
    if not module.folder:
        upward = FLOORS.get(each.folder, 99) > CORE
        return "the front door may load a higher floor only inside a function" if upward and each.kind == "top" else ""
    if not each.folder:
        return "the core does not know its own front door" if floor(module) <= CORE else ""
    if each.folder not in FLOORS:
        return f"{each.folder} has no floor in tests/house/floors.py"
    if FLOORS[each.folder] < floor(module) or (module.folder, each.folder) in ARROWS:
        return ""
    return f"floor {floor(module)} may not import floor {FLOORS[each.folder]} ({each.kind} import)"


def private(module: Module, each: Import) -> list[str]:
    """The private names this import takes from another folder."""
    if each.folder == module.folder:
        return []
    inner = each.target.split(".")[1:]
    if not module.folder and each.folder == "_app":
        inner = inner[1:]  # the front door opens on to `_app`, and nobody else does
    hidden = [part for part in inner if part.startswith("_")]
    return [*hidden, *(name for name in each.names if name.startswith("_") and not name.endswith("__"))]


def test_every_folder_has_a_floor() -> None:
    assert set(folders()) <= set(FLOORS)
    loose = {path.stem for path in (SRC / PACKAGE).glob("*.py")} - {"__init__"}
    assert loose <= set(FLOORS), "a file beside the folders needs a floor too"


def test_imports_go_downward() -> None:
    wrong = [
        f"{module.where}:{each.line} imports {each.target}: {why}"
        for module in modules()
        for each in module.imports
        if (why := fault(module, each))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_folder_takes_private_names_of_another() -> None:
    wrong = [
        f"{module.where}:{each.line} takes {', '.join(taken)} from {each.target}"
        for module in modules()
        for each in module.imports
        if (taken := private(module, each))
    ]
    assert not wrong, "\n".join(wrong)


def test_above_the_core_only_public_names_of_it() -> None:
    wrong = []
    for module in modules():
        if not module.folder or floor(module) <= CORE:
            continue
        for each in module.imports:
            if FLOORS.get(each.folder, CORE) <= CORE:
                wrong += [f"{module.where}:{each.line} {name}" for name in unknown(each)]
    assert not wrong, "\n".join(wrong)


def test_what_users_see_uses_public_names_only() -> None:
    wrong = []
    for module in files("tests/public", "tests/apps", "tests/typing", "examples", "docs", "benchmarks"):
        for each in module.imports:
            hidden = [part for part in each.target.split(".") if part.startswith("_")]
            wrong += [f"{module.where}:{each.line} {name}" for name in hidden or unknown(each)]
    assert not wrong, "\n".join(wrong)


def unknown(each: Import) -> list[str]:
    """Names an import takes that are not in the `__all__` of the module it takes them from."""
    if not each.names or any(part.startswith("_") for part in each.target.split(".")):
        return []
    public = getattr(importlib.import_module(each.target), "__all__", ())
    return [f"{each.target}.{name}" for name in each.names if name != "*" and name not in public]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("http/_a.py", "from wholestack.errors import NotFound", True),
        ("http/_a.py", "def f():\n    import wholestack.openapi", True),
        ("http/_a.py", "if TYPE_CHECKING:\n    from wholestack.handlers import Plan", True),
        ("http/_a.py", "import_module('wholestack.cli')", True),
        ("http/_a.py", "from wholestack import App", True),
        ("http/_a.py", "from ..routing import Tree", True),
        ("http/_a.py", "from .. import routing", True),
        ("http/_a.py", "from . import _headers", False),
        ("routing/_a.py", "from wholestack.handlers import Plan", True),
        ("errors/_a.py", "from wholestack.http import Headers", False),
        ("handlers/_a.py", "from wholestack.routing import Tree", False),
        ("openapi/_a.py", "from wholestack import App", False),
        ("middleware/_a.py", "import wholestack.openapi", True),
        ("__init__.py", "import wholestack.openapi", True),
        ("__init__.py", "def f():\n    import wholestack.openapi", False),
    ],
)
def test_the_rule_itself(tmp_path: Path, path: str, text: str, expected: bool) -> None:
    file = tmp_path / PACKAGE / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    (module,) = modules(tmp_path)
    assert module.imports, ast.dump(module.tree)
    assert any(fault(module, each) for each in module.imports) is expected


def test_the_rule_on_private_names(tmp_path: Path) -> None:
    file = tmp_path / PACKAGE / "cli" / "_a.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import wholestack._app\n"
        "from wholestack.http._headers import Headers\n"
        "from wholestack.http import _secret\n"
        "from wholestack.http import Headers, __version__\n"
        "from wholestack.cli._b import x\n"
    )
    (module,) = modules(tmp_path)
    assert [bool(private(module, each)) for each in module.imports] == [True, True, True, False, False]
