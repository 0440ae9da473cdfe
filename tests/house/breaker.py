"""A pytest plugin: breaks one function (BREAK=module:qualified.name). Used by test_features.py, in its own process.

The code inside the function object is replaced, so that it is broken wherever it was imported or bound before.
"""

from __future__ import annotations

import functools
import importlib
import os
import tempfile
from pathlib import Path
from types import FunctionType
from typing import Any

MESSAGE = "broken on purpose"
_IN_CHILDREN = """
import os
try:
    from house import breaker
    breaker.break_it(os.environ["BREAK"])
except (ImportError, KeyError):
    pass  # A Python without the tests, or with another environment: not a server of theirs.
"""


def function(name: str) -> FunctionType:
    """The plain function behind `module:qualified.name`: of a method, a property, or what a decorator wraps."""
    module, _, path = name.partition(":")
    value: Any = importlib.import_module(module)
    for part in path.split("."):
        value = vars(value)[part] if isinstance(value, type) and part in vars(value) else getattr(value, part)
    if isinstance(value, property):
        value = value.fget
    elif isinstance(value, functools.cached_property):
        value = value.func
    elif isinstance(value, type):
        value = value.__init__
    value = getattr(value, "__func__", value)
    while not isinstance(value, FunctionType) and hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    if not isinstance(value, FunctionType):
        raise TypeError(f"{name} is not a function of ours that can be broken")
    return value


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("broken on purpose")


def break_it(name: str) -> None:
    found = function(name)
    found.__code__ = broken.__code__.replace(co_freevars=found.__code__.co_freevars)
    found.__defaults__ = found.__kwdefaults__ = None


def pytest_configure(config: Any) -> None:
    break_it(os.environ["BREAK"])
    # In the servers as well that a test starts: Python imports this module at its start (the documentation of `site`).
    folder = tempfile.TemporaryDirectory()
    Path(folder.name, "sitecustomize.py").write_text(_IN_CHILDREN)
    os.environ["BREAKS_CHILDREN"] = os.pathsep.join((folder.name, str(Path(__file__).parents[1])))
    config.add_cleanup(folder.cleanup)
