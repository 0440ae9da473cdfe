"""What `wholestack check` says of sessions."""

from __future__ import annotations

import os
from collections.abc import Iterator

from wholestack import App
from wholestack.db import stage
from wholestack.errors import Fault
from wholestack.handlers import rules_of

from ._csrf import SAFE
from ._keys import NAME, SHORTEST, Keys
from ._visit import Terms
from ._wanted import kinds_of


def faults(app: App, terms: Terms, where: str) -> list[Fault]:
    """A store that workers do not share, a secret that is missing or short, an open route that takes cookies."""
    return [*_of_store(terms, where), *of_secret(terms.keys, where), *_of_routes(app, terms)]


def _of_store(terms: Terms, where: str) -> Iterator[Fault]:
    workers = os.environ.get("WEB_CONCURRENCY", "1")
    if terms.store is not None and not terms.store.shared and workers.isdigit() and int(workers) > 1:
        message = f"Sessions are kept in memory, and WEB_CONCURRENCY starts {workers} processes: each has its own."
        yield Fault("memory-store", message, where, "app.use(Database(), Sessions()), or one process.")


def of_secret(keys: Keys, where: str) -> Iterator[Fault]:
    """A secret that other processes do not know, or that can be found by trying."""
    if not keys.given and stage() == "production":
        yield no_secret(where)
    if keys.weak:
        message = f"A secret is shorter than {SHORTEST} characters, and might be found by trying."
        cure = f'{NAME}=$(python -c "import secrets; print(secrets.token_hex(32))")'
        yield Fault("weak-secret", message, where, cure)


def no_secret(where: str) -> Fault:
    """The fault of an app in production without a secret."""
    message = f"There is no secret: what one process signs no other takes, nor itself after a restart. Set {NAME}."
    cure = f'{NAME}=$(python -c "import secrets; print(secrets.token_hex(32))")'
    return Fault("no-secret", message, where, cure)


def _of_routes(app: App, terms: Terms) -> Iterator[Fault]:
    """Routes that take requests of other sites, and cookies with them."""
    for placed in app.sealing().placed:
        route = placed.route
        if route.options.get("csrf") is not False or {*route.methods} <= SAFE:
            continue
        leaves = (leaf for rule in rules_of(placed.around.rules) for leaf in rule.leaves())
        asking = [route.handler, *(leaf.function for leaf in leaves if leaf.function is not None)]
        cookies = any(each.place == "cookie" for each in placed.plan.parameters.values())
        if cookies or (terms.store is not None and any(kinds_of(each, route.names) for each in asking)):
            what = " ".join((*route.methods, placed.template.plain))
            message = f"{what} says csrf=False, and takes cookies or the session."
            cure = "Take csrf=False away, or have the route tell its callers by a token in `Authorization`."
            yield Fault("csrf-exempt", message, route.where, cure)
