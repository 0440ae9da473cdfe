"""`wholestack test`: pytest with our plugin, which runs in a process of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ._fail import Stop, WrongCall
from ._find import Target, read_target

_NEEDED = {"pytest": "which runs the tests", "schemathesis": "which invents the requests of --contract"}
_CONTRACT = ("url", "interface", "examples")


def test(options: Mapping[str, Any], words: Sequence[str]) -> int:
    """Run pytest; its exit code.

    Raises:
        Stop: what is needed is not installed; WrongCall: the app is not found.
    """
    for name in ("pytest", *(["schemathesis"] if options["contract"] else [])):
        if importlib.util.find_spec(name) is None:
            raise Stop(f"{name}, {_NEEDED[name]}, is not installed: {sys.executable} -m pip install {name}")
    command = [sys.executable, "-m", "pytest", *arguments(options), *words]
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # The terminal told pytest, too, which ends in good order.


def arguments(options: Mapping[str, Any]) -> Iterator[str]:
    """What pytest is told for these options."""
    if options["app"] is not None:  # Without it the plugin looks into the ini file, and for app.py.
        yield f"--wholestack-app={shown(read_target(options['app']))}"
    if options["routes"]:
        yield "--wholestack-routes"
    if options["fail_under"] is not None:
        yield f"--wholestack-routes-fail-under={options['fail_under']:g}"
    if options["contract"]:
        yield "--wholestack-contract"
        yield from (f"--wholestack-contract-{name}={options[name]}" for name in _CONTRACT if options[name] is not None)
        yield from (f"--wholestack-contract-header={each}" for each in options["header"])


def shown(target: Target) -> str:
    """The app's file, as the plugin takes it."""
    file = target.file or _file_of(target)
    return f"{file}:{target.name}" if target.name else str(file)


def _file_of(target: Target) -> Path:
    sys.path.insert(0, str(target.root))
    try:
        found = importlib.util.find_spec(target.module)
    except ModuleNotFoundError:
        found = None
    if found is None or found.origin is None:
        raise WrongCall(
            f"There is no module {target.module!r} in {target.root}. Name the app's file: --app path/to/app.py"
        )
    return Path(found.origin)
