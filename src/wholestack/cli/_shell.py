"""`wholestack shell`: Python with the app and its names at hand."""

from __future__ import annotations

import code
import importlib.util
import sys
from collections.abc import Mapping
from typing import Any

import click

from wholestack.testing import Client

from ._fail import Broken, report
from ._find import read_target
from ._sealing import sealed


def shell(options: Mapping[str, Any]) -> None:
    """Read and run lines: at a terminal one by one, else all that standard input has."""
    names = names_of(options["target"])
    if not sys.stdin.isatty():
        run(sys.stdin.read(), names)
        return
    banner = f"{greeting(names)}\n"
    if not options["plain"] and importlib.util.find_spec("IPython") is not None:
        with_ipython(banner, names)
        return
    try:
        importlib.import_module("readline")  # Lines can be edited and called back, where there is one.
    except ImportError:
        pass
    code.interact(banner=banner, local=names, exitmsg="")


def names_of(target: str) -> dict[str, Any]:
    """The public names of the app's module, and `app`, `client` and `settings`.

    The client asks the app in this process. The app starts at its first request, and stops when Python ends.
    """
    app = sealed(target)
    module = sys.modules[read_target(target).module]
    own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return {**own, "app": app, "client": Client(app), "settings": app.settings}


def greeting(names: Mapping[str, Any]) -> str:
    """What stands above the first line."""
    app = names["app"]
    routes = sum(not view.hidden for view in app.describe().routes)
    return (
        f"Python {sys.version.partition(' ')[0]}, {app.title}: {routes} routes\n"
        f'app, client (client.get("/")), settings, and: {", ".join(sorted(set(names) - {"app", "client", "settings"}))}'
    )


def run(text: str, names: dict[str, Any]) -> None:
    """Run a script, as Python runs one; an error ends it, with the traceback of the script's own lines."""
    names = {**names, "__name__": "__main__"}
    try:
        exec(compile(text, "<stdin>", "exec"), names)  # noqa: S102 - a shell is there to run what is typed
    except click.ClickException:
        raise
    except Exception as error:
        raise Broken(report(error)) from error


def with_ipython(banner: str, names: dict[str, Any]) -> None:
    """IPython, told no more than the names."""
    ipython: Any = importlib.import_module("IPython")
    settings: Any = importlib.import_module("traitlets.config").Config()
    settings.TerminalInteractiveShell.banner1 = banner
    ipython.start_ipython(argv=[], user_ns=names, config=settings)
