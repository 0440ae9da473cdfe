"""`wholestack openapi`: the document as deterministic JSON, and what changed since an older one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._fail import Stop
from ._sealing import sealed

if TYPE_CHECKING:
    from wholestack.openapi import Change

_UNREADABLE = 2
_MOST_NAMED = 3


def openapi(options: Mapping[str, Any]) -> int:
    """Write the OpenAPI document to a file or to standard output, or compare it; the exit code."""
    from wholestack.openapi import document

    if options["diff"] is not None:
        return _difference(options)
    if options["json"] or options["all"]:
        raise click.UsageError("--json and --all say how to show what --diff finds.")
    text = json.dumps(document(sealed(options["target"])), indent=2, ensure_ascii=False) + "\n"
    if options["output"] is None:
        click.echo(text, nl=False)
        return 0
    try:
        Path(options["output"]).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stop(f"{options['output']} cannot be written: {error.strerror}.") from None
    click.echo(f"Written: {options['output']}", err=True)
    return 0


def _difference(options: Mapping[str, Any]) -> int:
    """0 where nothing breaks, 1 where something does, 2 where one of the two cannot be read."""
    from wholestack.openapi import compare, document

    target = options["target"]
    try:
        old = _read(options["diff"])
        new = _read(target) if target.endswith(".json") else document(sealed(target))
        changes = compare(old, new)
    except click.ClickException as error:
        error.show()
        return _UNREADABLE
    except ValueError as error:
        Stop(str(error)).show()
        return _UNREADABLE
    shown = [each for each in changes if each.breaks or options["all"]]
    if options["json"]:
        click.echo(json.dumps([dataclasses.asdict(each) for each in shown], indent=2, ensure_ascii=False))
    else:
        _print(shown, changes)
    return int(any(each.breaks for each in changes))


def _read(path: str) -> Any:
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise Stop(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise Stop(f"{path} is not JSON. `wholestack openapi -o {path}` writes such a document.") from None


def _print(shown: Sequence[Change], changes: Sequence[Change]) -> None:
    for each in shown:
        named = ", ".join(each.operations[:_MOST_NAMED])
        more = len(each.operations) - _MOST_NAMED
        where = f"{named} and {more} more" if more > 0 else named
        click.echo(f"{'breaks' if each.breaks else 'fine  '}  {each.kind}  {each.pointer}")
        click.echo(f"        {each.text}{f' ({where})' if where else ''}")
    breaking = sum(each.breaks for each in changes)
    fine = len(changes) - breaking
    rest = f" {fine} {'change does' if fine == 1 else 'changes do'} not." if fine else ""
    hint = " --all shows them." if fine and len(shown) < len(changes) else ""
    click.echo(f"{breaking or 'No'} {'changes break' if breaking > 1 else 'change breaks'} clients.{rest}{hint}")
