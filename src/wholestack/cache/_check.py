"""What `wholestack check` asks of cached handlers: whether users could get each other's answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from wholestack import App
from wholestack.errors import Fault
from wholestack.handlers import hints_of

from ._answers import cached_routes
from ._said import CREDENTIALS

_OF_A_USER = re.compile(r"\w*(?:User(?!Agent)|Account|Session|Identity|Principal|Visitor|Member|Customer|Login)\w*")
_OF_THE_DATABASE = re.compile(r"\b(?:wholestack\.db|sqlalchemy|collections\.abc)[\w.]*")
"""Its sessions are no users'."""


def faults(app: App) -> Iterator[Fault]:
    """Cached handlers that know their user, and whose answers do not say so."""
    for placed, said in cached_routes(app):
        if all(said.tells_apart(each) for each in CREDENTIALS):
            continue
        reads = sorted({each for each in _read(placed.plan) if not said.tells_apart(each)})
        knows = sorted({each for step in placed.plan.steps if (each := _user_of(step.call.function))})
        if reads or (knows and not any(map(said.tells_apart, CREDENTIALS))):
            what = f"reads {' and '.join(reads)}" if reads else f"asks for {' and '.join(knows)}"
            message = f"{placed.name} is @cached and {what}, and its vary= does not say how users differ."
            cure = 'Say it: @cached(…, vary="cookie"), or vary=lambda user: user.id; or cache what is the same for all.'
            yield Fault("cached-user", message, said.where, cure)


def _read(plan: Any) -> Iterator[str]:
    """The header fields with credentials that the handler, its providers or its rules read."""
    for each in plan.parameters.values():
        if each.place == "cookie":
            yield "cookie"
        elif each.place == "header" and each.alias in CREDENTIALS:
            yield str(each.alias)


def _user_of(function: Any) -> str:
    """The name of what a provider gives, where it sounds like somebody's own."""
    try:
        gives = function if isinstance(function, type) else hints_of(function, {}).get("return")
    except (NameError, TypeError, AttributeError):
        return ""
    named = _OF_THE_DATABASE.sub("", getattr(gives, "__name__", "") if isinstance(gives, type) else str(gives))
    found = _OF_A_USER.search(named)
    return found[0] if found else ""
