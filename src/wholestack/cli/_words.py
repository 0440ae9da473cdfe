"""The group of commands: what it says of a word that is none, and what a shell may complete."""

from __future__ import annotations

import difflib
import os

import click
from click.shell_completion import CompletionItem


class Commands(click.Group):
    """As click's own; where there is no such command it names the nearest ones, or what to type for a file."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names."""
        word = args[0]
        if word[:1] != "-" and self.get_command(ctx, word) is None and not ctx.resilient_parsing:
            ctx.fail(unknown(word, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def unknown(word: str, names: list[str]) -> str:
    """What to say of a word that is no command.

    Example:
        >>> unknown("rotues", ["dev", "routes"])
        "There is no command 'rotues'. Did you mean routes?"
    """
    if os.path.exists(word) or word.endswith(".py"):
        return f"{word!r} is no command. To serve an app, type: wholestack dev {word}"
    near = difflib.get_close_matches(word, names, 3, 0.5)
    cure = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(names)}."
    return f"There is no command {word!r}. {cure}"


def apps(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """An app's name on the command line is completed as a file's or a folder's."""
    return [CompletionItem(incomplete, type="file")]
