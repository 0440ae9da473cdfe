"""The command line: `wholestack new`, `dev`, `serve`, `test`, `shell`, `routes`, `explain`, `openapi`, `check`, `run`.

Here belongs what a terminal needs: finding the app, starting and supervising processes that serve it, printing what
is sealed. Never here: anything that an app or a plugin calls at run time. A call flows so: `main` → `_commands` (words
become options) → one file for each command, loaded when it is asked for; `_find` imports the user's module and finds
the app; `serve` and `dev` open the socket (`_sockets`), stay as a small parent (`_supervisor`, `_dev`), and start
workers (`_worker`), fresh interpreters that run the server (`_uvicorn`, `_protocol`). `new` fills in what lies in
`templates`; `test` starts pytest, whose plugin does the work; `shell` hands over a client of `wholestack.testing`.
"""

from pathlib import Path as _Path
from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from wholestack import App as _App


def find_app(text: str, folder: _Path | None = None) -> "_App":
    """The app that a file (``app.py``), a module (``shop.app``) or a folder has, as each command takes it.

    Arguments:
        text: what names it, with ``:name`` where the app has another name.
        folder: where a path begins; the current one without.

    Raises:
        click.ClickException: it cannot be found, or its own code raised; the message says what to do.
    """
    from ._find import find

    return find(text, folder)


def main() -> None:
    """The console script; ends the process with an exit code.

    Example:
        $ wholestack serve app.py --port 8000
    """
    from ._commands import group

    group(prog_name="wholestack")


__all__ = ["find_app", "main"]
