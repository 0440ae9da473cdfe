"""Asking a person what a change of the models means."""

from __future__ import annotations

import click

from wholestack.migrations import Answers, Question

from ._fail import Stop


def ask(question: Question, answers: Answers) -> None:
    """Ask, and write the answer down.

    Raises:
        Stop: the person wants neither.
    """
    click.echo(question.text)
    if question.kind == "filled":
        answers.fills[question.name] = click.prompt("  What do they get?")
        return
    if question.kind == "converted":
        if not click.confirm("  Change it?", default=False):
            raise Stop("Nothing was written.")
        answers.converts.add(question.name)
        return
    choices = [f"it is called {name} now, and keeps its data" for name in question.renamed]
    for number, text in enumerate([*choices, "it goes, with its data"], 1):
        click.echo(f"  {number}. {text}")
    click.echo("  0. stop, and write nothing")
    number = click.prompt("  Which?", type=click.IntRange(0, len(choices) + 1))
    if number == 0:
        raise Stop("Nothing was written.")
    if number <= len(choices):
        answers.renames[question.name] = question.renamed[number - 1]
    else:
        answers.drops.add(question.name)
