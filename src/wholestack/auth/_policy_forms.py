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

from ._errors import ScopeMissing
from ._identity import EVERY, Identity, Login, Terms
from ._tables import tables_of

U = TypeVar("U")
Judge = Callable[[Any, Any], bool]
Where = Callable[[Any], ColumnExpressionArgument[bool]]
SCOPES: set[str] = set()
"""What a token may carry for some policy; whoever has a token may give it these, since they open rows of theirs."""


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
    def require_scope(self, identity: Identity[Any]) -> None: ...
    def allows(self, identity: Identity[Any] | None, row: Any) -> bool: ...
    def condition(self, identity: Identity[Any] | None) -> ColumnElement[bool]: ...


@dataclasses.dataclass
class Leaf:
    """A policy as it was written.

    To it a token without its `scope` is nobody in particular.
    """

    name: str
    judge: Judge
    for_visitors: bool
    place: str
    where: Where | None = None
    asks_for_roles: bool = False
    scope: str = EVERY

    def require_scope(self, identity: Identity[Any]) -> None:
        if not self.for_visitors:
            identity.require_scope(self.scope)

    def allows(self, identity: Identity[Any] | None, row: Any) -> bool:
        user = self._user(identity)
        return (user is not None or self.for_visitors) and bool(self.judge(user, row))

    def condition(self, identity: Identity[Any] | None) -> ColumnElement[bool]:
        if self.where is None:
            raise bad(f"{self.name} has no form in SQL: decorate one with `@{self.name}.where`.", self.place)
        user = self._user(identity)
        return and_(self.where(user)) if user is not None or self.for_visitors else false()

    def _user(self, identity: Identity[Any] | None) -> Any:
        return None if identity is None or not identity.carries(self.scope) else identity.user


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

    def require_scope(self, identity: Identity[Any]) -> None:
        missing: list[ScopeMissing] = []
        for form in self.forms:
            try:
                form.require_scope(identity)
            except ScopeMissing as error:
                missing.append(error)
        if missing and (self.every or len(missing) == len(self.forms)):
            raise missing[0]

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

    def require_scope(self, identity: Identity[Any]) -> None:
        """What a token does not carry it may still not be allowed."""

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

    def require_scope(self, identity: Identity[Any]) -> None:
        """The rule asks for it."""

    def allows(self, identity: Identity[Any] | None, row: Any) -> bool:
        return identity is not None and _judged(self._rule, identity) is True

    def condition(self, identity: Identity[Any] | None) -> ColumnElement[bool]:
        return true() if self.allows(identity, None) else false()


def ask_for_roles(rules: Iterable[Rule]) -> bool:
    """Whether some of these rules ask for the roles of who is there: `permission`, `role`, and policies of them."""
    return any(getattr(leaf.function, "asks_for_roles", False) for rule in rules for leaf in rule.leaves())


def passes_rule(rule: Rule, identity: Identity[Any] | None) -> bool:
    """Whether somebody passes a rule that asks for nothing but who they are, as ``needs=`` has it.

    Raises:
        TypeError: a part of it asks for more than `Identity`.
    """
    return identity is not None and _judged(rule, identity) is True


def _judged(rule: Rule, identity: Identity[Any]) -> bool | None:
    """Whether a rule lets pass; None where it has judged nobody, which is no pass, and none for `~` either."""
    if rule.how == "leaf":
        judge: Any = rule.function
        try:
            value = judge(identity)
        except HTTPError as error:
            if error.status >= 500:
                raise
            return None if error.unjudged else False
        return bool(value) or (value is None and _gives_nothing(judge))
    if rule.how == "not":
        found = _judged(rule.parts[0], identity)
        return None if found is None else not found
    enough, unsure = rule.how == "or", False
    for part in rule.parts:
        found = _judged(part, identity)
        if found is enough:
            return enough
        unsure = unsure or found is None
    return None if unsure else not enough


def _gives_nothing(function: Any) -> bool:
    return hints_of(function, {}).get("return", types.NoneType) in {None, types.NoneType}


# -- who ----------------------------------------------------------------------------------------------


class Person(Identity[U]):
    """A user outside a request, as an identity: in a task, a command or a test.

    Arguments:
        user: the user; a row of a session, which is asked for the roles: without one that is a `LookupError`.
    """

    def __init__(self, user: Any) -> None:
        self._user, self._found, self._borne, self._held = user, True, None, None
        self._terms: Terms = Terms(tables_of(user), 0, lambda: _nothing("clock"))
        self._roles_from: AlchemySession | None = object_session(user)

    @property
    def login(self) -> Login:
        """None was shown: an empty one."""
        return Login()

    def _roles_of(self, key: Any) -> Sequence[Any]:
        if self._roles_from is None:
            # None at all would be an answer, and `~role(…)` a yes.
            raise LookupError("The roles of a user are asked for in the session of their row, and it is in none.")
        self._db: Any = self._roles_from
        return super()._roles_of(key)


def _nothing(what: str) -> Any:
    raise LookupError(f"A user outside a request has no {what}.")


def identity_from(who: Any) -> Identity[Any] | None:
    return who if who is None or isinstance(who, Identity) else Person(who)


def sides_of(identity: Identity[Any] | None) -> tuple[Identity[Any] | None, ...]:
    """As whom a policy is asked, and each must be allowed: a token does what its owner may, and what it carries.

    Asked as the token alone, `~` would let it do what its owner may not.
    """
    if identity is None or identity.carries(EVERY):
        return (identity,)
    return (identity._as_owner(), identity)


def bad(message: str, where: str, cure: str = "def can_edit(user: User, post: Post) -> bool: …") -> SetupError:
    return SetupError([Fault("bad-policy", message, where, cure)])


def outside() -> str:
    frame: Any = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("wholestack."):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"
