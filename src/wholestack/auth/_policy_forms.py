"""A policy in Python and in SQL: as it was written, combined, or of a rule that asks for no row."""

from __future__ import annotations

import dataclasses
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, ColumnExpressionArgument, and_, false, func, not_, or_, true
from sqlalchemy.orm import Session as AlchemySession
from sqlalchemy.orm import object_session

from wholestack import HTTPError, Rule, SetupError
from wholestack.errors import Fault
from wholestack.handlers import hints_of

from ._identity import Identity, Login, Terms
from ._tables import tables_for

U = TypeVar("U")
Judge = Callable[[Any, Any], bool]
Where = Callable[[Any], ColumnExpressionArgument[bool]]


class Form(Protocol):
    """A policy in Python and in SQL.

    Attributes:
        for_visitors: whether nobody in particular may ever pass it.
        asks_for_roles: whether a rule is part of it that asks for the user's roles.
    """

    @property
    def for_visitors(self) -> bool: ...
    @property
    def asks_for_roles(self) -> bool: ...
    def allows(self, identity: Identity[Any] | None, row: Any) -> bool: ...
    def condition(self, identity: Identity[Any] | None) -> ColumnElement[bool]: ...


@dataclasses.dataclass
class Leaf:
    """A policy as it was written."""

    name: str
    judge: Judge
    for_visitors: bool
    place: str
    where: Where | None = None
    asks_for_roles: bool = False

    def allows(self, identity: Identity[Any] | None, row: Any) -> bool:
        user = None if identity is None else identity.user
        return (user is not None or self.for_visitors) and bool(self.judge(user, row))

    def condition(self, identity: Identity[Any] | None) -> ColumnElement[bool]:
        if self.where is None:
            raise bad(f"{self.name} has no form in SQL: decorate one with `@{self.name}.where`.", self.place)
        user = None if identity is None else identity.user
        return and_(self.where(user)) if user is not None or self.for_visitors else false()


@dataclasses.dataclass(frozen=True)
class Both:
    """Two policies: both must allow (`every`), or one of them."""

    forms: tuple[Form, ...]
    every: bool

    @property
    def for_visitors(self) -> bool:
        return (all if self.every else any)(form.for_visitors for form in self.forms)

    @property
    def asks_for_roles(self) -> bool:
        return any(form.asks_for_roles for form in self.forms)

    def allows(self, identity: Identity[Any] | None, row: Any) -> bool:
        return (all if self.every else any)(form.allows(identity, row) for form in self.forms)

    def condition(self, identity: Identity[Any] | None) -> ColumnElement[bool]:
        return (and_ if self.every else or_)(*(form.condition(identity) for form in self.forms))


@dataclasses.dataclass(frozen=True)
class Not:
    """The opposite of a policy."""

    form: Form

    @property
    def for_visitors(self) -> bool:
        return True

    @property
    def asks_for_roles(self) -> bool:
        return self.form.asks_for_roles

    def allows(self, identity: Identity[Any] | None, row: Any) -> bool:
        return not self.form.allows(identity, row)

    def condition(self, identity: Identity[Any] | None) -> ColumnElement[bool]:
        # A comparison with NULL is neither true nor false, and Python says False.
        return not_(func.coalesce(self.form.condition(identity), false()))


class OfRule:
    """A rule that asks for the identity only, such as `permission`: the same for each row."""

    for_visitors = False

    def __init__(self, rule: Rule) -> None:
        for leaf in rule.leaves():
            given: Any = leaf.function
            if len(inspect.signature(given).parameters) != 1 or inspect.iscoroutinefunction(given):
                raise bad(f"{leaf.name} asks for more than the identity, so it is no part of a policy.", outside())
        self._rule = rule
        self.asks_for_roles: bool = ask_for_roles([rule])

    def allows(self, identity: Identity[Any] | None, row: Any) -> bool:
        return identity is not None and _passes(self._rule, identity)

    def condition(self, identity: Identity[Any] | None) -> ColumnElement[bool]:
        return true() if self.allows(identity, None) else false()


def ask_for_roles(rules: Iterable[Rule]) -> bool:
    """Whether some of these rules ask for the roles of who is there: `permission`, `role`, and policies of them."""
    return any(getattr(leaf.function, "asks_for_roles", False) for rule in rules for leaf in rule.leaves())


def _passes(rule: Rule, identity: Identity[Any]) -> bool:
    if rule.how == "leaf":
        judge: Any = rule.function
        try:
            value = judge(identity)
        except HTTPError as error:
            if error.status >= 500:
                raise
            return False
        return bool(value) or (value is None and _gives_nothing(judge))
    found = (_passes(part, identity) for part in rule.parts)
    return not next(found) if rule.how == "not" else all(found) if rule.how == "and" else any(found)


def _gives_nothing(function: Any) -> bool:
    return hints_of(function, {}).get("return", types.NoneType) in {None, types.NoneType}


# -- who ----------------------------------------------------------------------------------------------


class Person(Identity[U]):
    """A user outside a request, as an identity: in a task, a command or a test.

    Arguments:
        user: the user; a row of a session, which is asked for the roles.
    """

    def __init__(self, user: Any) -> None:
        self._user, self._found, self._borne, self._held = user, True, None, None
        self._terms: Terms = Terms(tables_for(type(user)), 0, lambda: _nothing("clock"))
        self._roles_from: AlchemySession | None = object_session(user)

    @property
    def login(self) -> Login:
        """None was shown: an empty one."""
        return Login()

    def _roles_of(self, key: Any) -> Sequence[Any]:
        if self._roles_from is None:
            return ()
        self._db: Any = self._roles_from
        return super()._roles_of(key)


def _nothing(what: str) -> Any:
    raise LookupError(f"A user outside a request has no {what}.")


def identity_from(who: Any) -> Identity[Any] | None:
    return who if who is None or isinstance(who, Identity) else Person(who)


def bad(message: str, where: str, cure: str = "def can_edit(user: User, post: Post) -> bool: …") -> SetupError:
    return SetupError([Fault("bad-policy", message, where, cure)])


def outside() -> str:
    frame: Any = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("wholestack."):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"
