"""`wholestack completion`: the lines that let a shell complete our words."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from ._fail import WrongCall

SHELLS = ("bash", "zsh", "fish")


def completion(shell: str, command: click.Command) -> None:
    """Print what the shell is to read at its start."""
    kind = get_completion_class(shell)
    if kind is None:
        raise WrongCall(f"click completes nothing for {shell}. Take {', '.join(SHELLS)}.")
    # The base class's `source`: bash's own asks the bash on the path for its version, which may be another one.
    click.echo(ShellComplete.source(kind(command, {}, "wholestack", "_WHOLESTACK_COMPLETE")))
