"""What went wrong, said shortly: a line for a wrong call, a traceback without our frames for the user's own code."""

from __future__ import annotations

import traceback
from pathlib import Path

import click

from wholestack.errors import SetupError

_OURS = str(Path(__file__).parents[1])


class Stop(click.ClickException):
    """The command cannot go on; the message says what to do next."""


class WrongCall(Stop):
    """What was typed cannot be done; the exit code is that of click's own."""

    exit_code = 2


class Broken(Stop):
    """The user's own code raised; the message is the report, traceback included."""

    def show(self, file: object = None) -> None:
        """Print the report as it is."""
        click.echo(self.message, err=True)


def report(error: BaseException) -> str:
    """An error for the terminal: a wrong call's message, an app's faults, or a traceback of the user's frames.

    Example:
        >>> report(Stop("There is no app.py."))
        'Error: There is no app.py.'
    """
    if isinstance(error, Broken):
        return error.message
    if isinstance(error, click.ClickException):
        return f"Error: {error.format_message()}"
    if isinstance(error, SetupError):
        return f"Error: {error}"
    return "".join(trimmed(error).format()).rstrip()


def trimmed(error: BaseException) -> traceback.TracebackException:
    """The traceback without the frames of the framework and of the import machinery."""
    whole = traceback.TracebackException.from_exception(error)
    pending = [whole]
    while pending:
        one = pending.pop()
        mine = [frame for frame in one.stack if not _hidden(frame.filename)]
        if mine or isinstance(error, SyntaxError):  # Else it is our own fault, and every frame counts.
            one.stack = traceback.StackSummary.from_list(mine)
        pending += [each for each in (one.__cause__, one.__context__, *(one.exceptions or ())) if each is not None]
    return whole


def _hidden(filename: str) -> bool:
    return filename.startswith((_OURS, "<frozen "))
