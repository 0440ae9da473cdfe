"""`wholestack new`: a single file, or a small project, written where nothing is yet."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from ._fail import WrongCall

_ENDING = ".template"
_NAMES = (
    "Take letters, digits, `-` and `_`, a letter first, such as `wholestack new shop` or `wholestack new hello.py`."
)


def new(text: str) -> None:
    """Write a file with its test (NAME.py), or a project's folder (NAME), and say what to type next.

    Raises:
        WrongCall: the name is none for a module, or something is there already.
    """
    place = Path(text)
    single = place.suffix == ".py"
    name = checked_name(place.stem if single else place.resolve().name, place)
    if single:
        folder, made = place.parent, texts("file", name)
        commands = [f"wholestack dev {place}", "wholestack test" + ("" if folder == Path() else f" {folder}")]
    else:
        folder, made = place, texts("project", name)
        commands = [*([] if place.resolve() == Path.cwd() else [f"cd {place}"]), f"wholestack dev {module_name(name)}"]
    write(folder, made, empty=not single)
    click.echo(f"Made {', '.join(made)}." if single else f"Made {place.resolve().name}: {len(made)} files.")
    click.echo("\nType next:\n" + "".join(f"\n  {command}" for command in commands))


def checked_name(name: str, place: Path) -> str:
    """The name, if a module may be called so."""
    module = module_name(name)
    if not (re.fullmatch(r"[a-z][a-z0-9_]*", module) and not keyword.iskeyword(module)):
        raise WrongCall(f"{name!r} is no name for an app. {_NAMES}")
    if module in sys.stdlib_module_names:
        raise WrongCall(f"{name!r} would hide Python's own module {module!r}. Take another name, such as my_{module}.")
    here = str(place.parent.resolve())
    if module in {"test", "tests"} or _is_installed(module, here):
        raise WrongCall(
            f"{name!r} would hide the module {module!r} that is there. Take another name, such as my_{module}."
        )
    return name


def module_name(name: str) -> str:
    """How a module of this name is imported.

    Example:
        >>> module_name("My-Shop")
        'my_shop'
    """
    return name.lower().replace("-", "_")


def _is_installed(module: str, here: str) -> bool:
    """Whether an installed package has the name; what lies in the same folder is looked at when it is written."""
    found = importlib.util.find_spec(module)
    if found is None:
        return False
    places = [found.origin, *(found.submodule_search_locations or ())]
    return not all(place is None or os.path.realpath(place).startswith(here + os.sep) for place in places)


# -- texts -----------------------------------------------------------------------------------------------------------


def texts(kind: str, name: str) -> dict[str, str]:
    """The files of a template by their path, with the name filled in."""
    module = module_name(name)
    words = {
        "name": module,
        "project": name.lower(),
        "prefix": f"{module.upper()}_",
        "title": module.replace("_", " ").capitalize(),
    }
    made = {}
    for path, text in templates(files("wholestack.cli") / "templates" / kind):
        path = path.removesuffix(_ENDING).replace("dot-", ".")
        path = path.replace("package/", f"{module}/") if kind == "project" else path.replace("name", module)
        made[path] = re.sub(r"\{\{(\w+)\}\}", lambda word: words[word[1]], text)
    return dict(sorted(made.items()))


def templates(folder: Traversable, before: str = "") -> Iterator[tuple[str, str]]:
    """Every template below a folder, with its path in it."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from templates(each, f"{before}{each.name}/")
        elif each.name.endswith(_ENDING):
            yield before + each.name, each.read_text(encoding="utf-8")


def write(folder: Path, made: dict[str, str], *, empty: bool) -> None:
    """Write the files, if none of them is there.

    Arguments:
        empty: the folder must be empty, or not there.
    """
    if empty and folder.exists() and not folder.is_dir():
        raise WrongCall(f"{str(folder)!r} is a file, and nothing is overwritten. Take another name.")
    if empty and folder.is_dir() and any(folder.iterdir()):
        raise WrongCall(f"The folder {str(folder)!r} is not empty, and nothing is overwritten. Take another name.")
    there = [path for path in made if os.path.lexists(folder / path)]
    if there:
        raise WrongCall(f"{there[0]} is there already, and nothing is overwritten. Take another name.")
    try:
        for path, text in made.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as opened:
                opened.write(text)
            if text.startswith("#!"):
                file.chmod(0o755)
    except OSError as error:
        raise WrongCall(
            f"{error.filename} cannot be written: {error.strerror}. Name a place where you may write."
        ) from None
