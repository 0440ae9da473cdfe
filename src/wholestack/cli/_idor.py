"""`wholestack test --idor`: each route asked as somebody else with values of the owner's."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from wholestack.testing import CannotMake, ClientFault, Intruder, Intrusion, fresh_database

from ._fail import Stop, WrongCall
from ._find import read_target
from ._sealing import sealed


def idor(options: Mapping[str, Any], words: Sequence[str]) -> int:
    """Print what came through; 1 where anything did.

    Raises:
        Stop: the app has no database or login, or a row cannot be made; WrongCall: more than one app.
    """
    if len(words) > 1:
        raise WrongCall(f"{' '.join(words)!r} is more than one app. Write: wholestack test --idor [APP].")
    from wholestack.db import STAGE, Database

    os.environ[STAGE] = "test"
    app = sealed(words[0] if words else options["app"] or ".")  # Plugins have tables of their own, and add them now.
    world = _function(options["world"]) if options["world"] else None
    try:
        with fresh_database(app.plugin(Database)):
            found = Intruder(app, world=world, allow=options["allow"]).run()
    except (CannotMake, ClientFault) as error:
        raise Stop(f"{error} Say what belongs to whom with a function: --world tests/world.py:world") from None
    for line in _lines(found):
        click.echo(line)
    return 1 if found.holes else 0


def _lines(found: Intrusion) -> list[str]:
    lines = [f"{len(found.asked)} requests that their owner may send were sent by another user, and by nobody."]
    if found.holes:
        lines += ["", "What came through:", *(f"  {hole}" for hole in found.holes)]
    else:
        lines.append("Nothing came through.")
    if found.unasked:
        lines += ["", "Not asked, so nothing is known of:"]
        lines += [f"  {name}: {why}" for name, why in found.unasked.items()]
    return lines


def _function(text: str) -> Any:
    """The function that `--world` names."""
    target = read_target(text)
    if not target.name:
        raise WrongCall(f"{text!r} names no function. Write: --world tests/world.py:world")
    sys.path.insert(0, str(target.root))
    found = getattr(importlib.import_module(target.module), target.name, None)
    if not callable(found):
        raise WrongCall(f"{target.module} has no function {target.name!r}.")
    return found
