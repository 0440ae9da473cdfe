"""Who may reach what: for people, and for a project where each route must say it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

import wholestack
from wholestack import App, Rule
from wholestack.db import Database
from wholestack.description import Proof
from wholestack.errors import Fault
from wholestack.handlers import Step, hints_of
from wholestack.routing import Provision

from ._factor_check import faults_without_any
from ._identity import EVERY
from ._policies import OfPath, row_providers
from ._rules import DECLARED, permissions_of

if TYPE_CHECKING:
    from ._plugin import Auth

_OURS = os.path.dirname(os.path.abspath(wholestack.__file__)) + os.sep
ANYBODY = "anybody"
KNOWN = "logged in"
TENANT = "tenant"


@dataclasses.dataclass(frozen=True)
class RouteAccess:
    """Who may reach one route.

    Attributes:
        methods: as the route has them.
        path: its whole path.
        who: what is asked of who comes, all of it; ``"anybody"`` where nothing is, ``"public"`` where that was said;
            ``"rows of can_see"`` where `govern` lets a policy say which rows there are.
        tenant: whether it has the session of a tenant.
        where: file and line.
        hidden: whether the documentation leaves it out.
    """

    methods: tuple[str, ...]
    path: str
    who: tuple[str, ...]
    tenant: bool
    where: str
    hidden: bool

    @property
    def is_open(self) -> bool:
        """Whether it is for anybody, and nobody said so."""
        return self.who == (ANYBODY,)


def access_of(app: App) -> list[RouteAccess]:
    """Who may reach each route of an app, as it was sealed.

    What a handler does by itself, such as a look at `Identity`, is not seen.

    Example:
        >>> from wholestack import App
        >>> from wholestack.auth import public
        >>> app = App(docs=False)
        >>> @app.get("/news", needs=public)
        ... def news() -> str:
        ...     return "none"
        >>> [each.who for each in access_of(app)]
        [('public',)]
    """
    return list(_rows(app))


def _rows(app: App) -> Iterator[RouteAccess]:
    for placed in app.sealing().placed:
        called = list(_called(placed.plan.steps))
        said = [_said(function) for function in called]
        who = [_name(rule) for rule in placed.around.rules]
        if KNOWN in said and not any(_said(leaf.function) for rule in placed.around.rules for leaf in rule.leaves()):
            who.append(KNOWN)
        filters = [vars(function)["filters"] for function in called if "filters" in getattr(function, "__dict__", ())]
        who += [f"rows of {each.name}" for each in filters]
        yield RouteAccess(
            placed.route.methods,
            f"{placed.around.host or ''}{placed.template.plain}",
            tuple(who) or (ANYBODY,),
            TENANT in said,
            placed.route.where,
            bool(placed.route.options.get("hidden")),
        )


def _said(function: Any) -> str | None:
    """What a provider says of access: its own word, or that it wants somebody who is known."""
    proof = getattr(function, "proof", None)
    known = KNOWN if isinstance(proof, Proof) and not proof.optional else None
    return getattr(function, "access", None) or known


def _called(steps: tuple[Step, ...]) -> Iterator[Any]:
    for step in steps:
        yield step.call.function
        for needed in step.asks.values():
            yield from _called(needed)


def _name(rule: Rule) -> str:
    policy = getattr(rule.function, "policy", None)
    return f"{policy.name} of {policy.model.__name__}" if policy is not None else rule.name


class AccessRequired:
    """Lets `wholestack check` name each route of the app that says not who may reach it: ``app.use(AccessRequired())``.

    A route says it with ``needs=``, or its handler asks for the user; ``needs=public`` says that it is for all.

    Example:
        >>> from wholestack import App
        >>> app = App(docs=False)
        >>> app.use(AccessRequired())
        >>> @app.get("/salaries")
        ... def salaries() -> list[int]:
        ...     return []
        >>> _ = app.seal()
        >>> [fault.code for check in app.checks for fault in check(app)]
        ['no-rule']
    """

    def setup(self, app: App) -> None:
        """Add the check."""
        app.check(_open_routes)


def _open_routes(app: App) -> list[Fault]:
    return [
        Fault(
            "no-rule",
            f"{','.join(each.methods)} {each.path} says not who may reach it.",
            each.where,
            "needs=logged_in, a permission or a policy; or needs=public, where it is for all.",
        )
        for each in access_of(app)
        if each.is_open and not each.where.startswith(_OURS)
    ]


def join_access(app: App, auth: Auth, database: Database) -> None:
    """What `Auth` adds to an app for access: rows that policies let pass, and looks of `check` at roles and routes."""
    app.parameter(OfPath())
    there = [_given(provision) for provision in app.provisions]
    for function in row_providers():
        if function.__annotations__["return"] not in there:
            app.provide(function)
    app.check(lambda: list(_unknown_permissions(auth, database)))
    app.check(lambda: faults_without_any(app, auth))


def _given(provision: Provision) -> Any:
    """The type that an app's own provider gives."""
    try:
        return provision.key or hints_of(provision.function, provision.names).get("return")
    except (NameError, TypeError, AttributeError):
        return None  # Sealing names the fault.


def _unknown_permissions(auth: Auth, database: Database) -> Iterator[Fault]:
    models = [each.class_ for each in database.models.registry.mappers if hasattr(each.class_, "__tablename__")]
    known = {EVERY, *DECLARED, *auth.permissions, *permissions_of(*models)}
    role: Any = auth.tables.role
    try:
        with database.units.reading() as connection:
            rows = connection.execute(select(role.name, role.permissions)).all()
    except SQLAlchemyError:
        return  # A database that is away, or has no tables yet, has another line of `check`.
    for name, permissions in rows:
        for unknown in sorted(set(permissions) - known):
            message = f"The role {name!r} holds the permission {unknown!r}, which nothing asks for."
            cure = f'Write it as the rule has it; or say that it is one: Auth(…, permissions=["{unknown}"])'
            yield Fault("unknown-permission", message, auth.where, cure)
