"""From what stands on the command line to the app: a file, a module or a folder, and the `App` in it."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import importlib.util
import inspect
import os
import sys
import types
import typing
from pathlib import Path
from typing import Any

from wholestack import App, Settings, SetupError

from ._fail import Broken, Stop, WrongCall, report

USUAL = ("app.py", "main.py")
_SHOWN = 5
_HOW = "Name a file (app.py), a module (shop.app) or a folder, with `:name` where the app has another name."


@dataclasses.dataclass(frozen=True)
class Target:
    """What is to be imported: a module's name, the folder it is imported from, and the app's name in it."""

    module: str
    root: Path
    name: str
    file: Path | None = None


def read_target(text: str, folder: Path | None = None) -> Target:
    """What the command line names; a path is meant from `folder`, or from the current one.

    Raises:
        WrongCall: no such file or module.
    """
    path, colon, name = text.partition(":")
    if colon and not name:
        raise WrongCall(f"No name stands after the colon of {text!r}. {_HOW}")
    given = Path(path) if folder is None else folder / path
    if given.is_dir():
        return _in_folder(given.resolve(), name)
    if path.endswith(".py"):
        if not given.is_file():
            raise WrongCall(f"There is no file {path!r}. {_found(given)}{_HOW}")
        return _of_file(given.resolve(), name)
    if not all(part.isidentifier() for part in path.split(".")):
        raise WrongCall(f"{path!r} is no file, module or folder. {_HOW}")
    return Target(path, folder or Path.cwd(), name)


def _in_folder(folder: Path, name: str) -> Target:
    found = next((folder / usual for usual in USUAL if (folder / usual).is_file()), None)
    if found is None and (folder / "__init__.py").is_file():
        found = folder / "__init__.py"
    if found is None:
        raise WrongCall(f"The folder {folder.name!r} has no {' or '.join(USUAL)}. {_found(folder / USUAL[0])}{_HOW}")
    return _of_file(found, name)


def _found(wanted: Path) -> str:
    """What there is in place of a file: the nearest name, or some of the Python files beside it."""
    there = sorted(path.name for path in wanted.parent.glob("*.py") if not path.name.startswith("_"))
    near = difflib.get_close_matches(wanted.name, there, 1)
    if near:
        return f"Did you mean {os.path.relpath(wanted.with_name(near[0]))}? "
    return f"Found here: {', '.join(there[:_SHOWN])}{', …' * (len(there) > _SHOWN)}. " if there else ""


def _of_file(file: Path, name: str) -> Target:
    """A file is imported under its whole name where it lies in a package, so that relative imports work."""
    parts = [] if file.name == "__init__.py" else [file.stem]
    root = file.parent
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    return Target(".".join(parts), root, name, file)


def find(text: str, folder: Path | None = None) -> App:
    """The app that the command line names, imported and not yet sealed; `folder` as in `read_target`.

    Raises:
        WrongCall: it cannot be found; Broken: the module itself raised.
    """
    target = read_target(text, folder)
    return _app_of(_imported(target), target)


def _imported(target: Target) -> types.ModuleType:
    _take_in(target)
    try:
        if target.file is not None and "." not in target.module:
            return _of_path(target.module, target.file)
        return importlib.import_module(target.module)
    except WrongCall:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{target.module}.".startswith(f"{error.name}."):
            raise WrongCall(f"There is no module {error.name!r} in {target.root}. {_HOW}") from None
        raise Broken(report(error)) from error
    except (Exception, SystemExit) as error:
        raise Broken(report(error)) from error


def _take_in(target: Target) -> None:
    root = str(target.root)
    if root not in sys.path:
        sys.path.insert(0, root)


def _of_path(module: str, file: Path) -> types.ModuleType:
    """Import just this file; a file called like a module of Python's own would hide it from everybody."""
    if module in sys.stdlib_module_names:
        raise WrongCall(
            f"{file.name} hides Python's own module {module!r}. Give the file another name, such as app.py."
        )
    there = sys.modules.get(module)
    if there is not None and Path(getattr(there, "__file__", None) or "").resolve() == file:
        return there  # A test has imported it already, and asks the app that it finds there.
    spec = importlib.util.spec_from_file_location(module, file)
    if spec is None or spec.loader is None:
        raise WrongCall(f"{file.name} cannot be imported. {_HOW}")
    made = importlib.util.module_from_spec(spec)
    sys.modules[module] = made
    try:
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[module]
        raise
    return made


def _app_of(module: types.ModuleType, target: Target) -> App:
    where = target.file.name if target.file else target.module
    if target.name:
        if not hasattr(module, target.name):
            others = [name for name, value in vars(module).items() if isinstance(value, App)]
            there = f"It has the app {', '.join(others)}." if others else "It has no app at all: write `app = App()`."
            raise WrongCall(f"{where} has no {target.name!r}. {there}")
        return _checked(getattr(module, target.name), f"{target.name!r} in {where}")
    if isinstance(getattr(module, "app", None), App):
        return module.app  # type: ignore[no-any-return]
    apps = {id(value): name for name, value in vars(module).items() if isinstance(value, App)}
    if len(apps) > 1:
        names = ", ".join(f"{target.module}:{name}" for name in apps.values())
        raise WrongCall(f"{where} has several apps. Name one: {names}.")
    if apps:
        return getattr(module, *apps.values())  # type: ignore[no-any-return]
    if callable(getattr(module, "create", None)):
        return _checked(module.create, f"create() in {where}")
    raise WrongCall(f"{where} has no app. Write `app = App()`, or a function `create()` that returns one.")


def _checked(value: Any, label: str) -> App:
    """The app, or what a factory makes."""
    if not isinstance(value, App) and callable(value):
        value = _made(value, label)
    if not isinstance(value, App):
        raise WrongCall(
            f"{label} is a {type(value).__name__}, not an App. Give an App, or a function that returns one."
        )
    return value


def _made(factory: Any, label: str) -> Any:
    """Call a factory; its parameters are settings, each read from the environment."""
    try:
        hints = typing.get_type_hints(factory)
        needed = [
            each for each in inspect.signature(factory).parameters.values() if each.default is each.empty and each.name
        ]
        strange = [each.name for each in needed if not _is_settings(hints.get(each.name))]
        if strange:
            raise WrongCall(f"{label} needs {', '.join(strange)}; only Settings classes can be filled in here.")
        return factory(**{each.name: hints[each.name].read() for each in needed})
    except (Stop, SetupError):
        raise
    except Exception as error:
        raise Broken(report(error)) from error


def _is_settings(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, Settings)
