"""Every public name says what it is, and the examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import inspect
from collections.abc import Iterator

import pytest

from house import exceptions
from house.source import PACKAGE, modules, public_modules


def undocumented() -> Iterator[str]:
    for module in public_modules():
        if module.endswith("__main__"):
            continue
        door = importlib.import_module(module)
        for name in door.__all__:
            value = getattr(door, name)
            if not getattr(value, "__module__", "").startswith(PACKAGE):
                continue  # another library's name, handed on with its own documentation
            if inspect.isclass(value):
                yield from members(f"{module}.{name}", value)
            elif inspect.isroutine(value) and not inspect.getdoc(value):
                yield f"{module}.{name}"


def members(where: str, kind: type) -> Iterator[str]:
    """The class itself, and its own methods and properties; an override inherits its docstring."""
    if not vars(kind).get("__doc__"):
        yield where
    for name, value in vars(kind).items():
        wrapped = inspect.isroutine(value) or isinstance(value, property | classmethod | staticmethod)
        if wrapped and not name.startswith("_") and not inspect.getdoc(getattr(kind, name, value)):
            yield f"{where}.{name}"


def test_every_public_name_has_a_docstring() -> None:
    found = set(undocumented())
    assert sorted(found - set(exceptions.UNDOCUMENTED)) == []
    assert sorted(set(exceptions.UNDOCUMENTED) - found) == [], "no longer needed: remove from exceptions.py"


@pytest.mark.parametrize("name", [each.name for each in modules() if ">>> " in each.text])
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.attempted
    assert not result.failed
