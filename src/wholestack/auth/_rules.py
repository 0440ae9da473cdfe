"""Rules that name who may come in: for `needs=` of handlers and routers; each asks the request's `Identity`."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, TypeVar

from wholestack import Rule, rule
from wholestack.description import Proof

from ._errors import SecondFactorRequired
from ._identity import EVERY, Identity
from ._schemes import BY_SESSION

_STRONG = frozenset({"mfa", "hwk"})
"""Words of RFC 8176 that stand for more than one factor: a passkey is shown with a finger or a code of its own."""
_BY_MAIL = frozenset({"pwd", "mca", "fed"})
"""What whoever reads somebody's mail can show: a link that was mailed, a password that was set by one, and a login at
another provider, which is often that of the mail."""
_ACTIONS = ("view", "add", "change", "delete")
DECLARED: set[str] = set()
"""The permissions that some rule asks for."""


F = TypeVar("F")


def _asks(*scopes: str, by: frozenset[str] | None = None, roles: bool = False) -> Callable[[F], F]:
    """Say for documents what a client shows for a rule, and for sealing whether it will ask for roles."""

    def marked(function: F) -> F:
        vars(function).update(proof=Proof(scopes=scopes, by=by), asks_for_roles=roles)
        return function

    return marked


@rule
def public() -> None:
    """Lets everybody pass: says by name that a route is for all, where a project asks for a rule on each."""


@rule
@_asks()
def logged_in(identity: Identity[Any]) -> None:
    """Lets pass who is logged in, or shows a token; anybody else gets a 401, or the login page."""
    identity.required()


@rule
@_asks(EVERY)
def staff(identity: Identity[Any]) -> bool:
    """Lets staff and superusers pass; a token of theirs that carries all that they may."""
    user = identity.required()
    identity.require_scope()
    return bool(user.is_staff or user.is_superuser)


@rule
@_asks(EVERY)
def superuser(identity: Identity[Any]) -> bool:
    """Lets superusers pass; a token of theirs that carries all that they may."""
    user = identity.required()
    identity.require_scope()
    return bool(user.is_superuser)


@rule
@_asks()
def confirmed(identity: Identity[Any]) -> bool:
    """Lets pass whose address was proven to be theirs. It opens nothing by itself: any token of theirs will do."""
    return identity.required().email_confirmed_at is not None


@rule
@_asks(by=BY_SESSION)
def by_session(identity: Identity[Any]) -> bool:
    """Lets pass who is logged in with a browser, and no token: for what a stolen token must not do."""
    identity.required()
    return not identity.by_token


def permission(name: str) -> Rule:
    """A rule that lets pass who has a permission, by a token that carries it: ``needs=permission("blog.publish")``.

    Those of a model are called after its table: `permission_name`.

    Example:
        >>> permission("blog.publish").name
        "permission('blog.publish')"
    """
    DECLARED.add(name)

    def may(identity: Identity[Any]) -> bool:
        identity.required()
        identity.require_scope(name)
        return identity.can(name)

    return _named(_asks(name, roles=True)(may), f"permission({name!r})")


def role(name: str) -> Rule:
    """A rule that lets pass who has a role, by a token that carries all that they may.

    Ask for permissions where you can: roles change with the house, and a token carries them by their names.
    """

    def has(identity: Identity[Any]) -> bool:
        identity.required()
        identity.require_scope()
        return name in identity.roles

    return _named(_asks(EVERY, roles=True)(has), f"role({name!r})")


def recent_login(*, minutes: float = 10) -> Rule:
    """A rule that lets pass who has proven within so many minutes who they are; a browser is sent to do so again.

    Who acts for somebody else (impersonation), or shows a token, never passes.
    """

    def recent(identity: Identity[Any]) -> None:
        identity.require_recent(datetime.timedelta(minutes=minutes))

    return _named(_asks(by=BY_SESSION)(recent), f"recent_login(minutes={minutes:g})")


def mfa() -> Rule:
    """A rule that lets pass who has shown two factors, or a passkey; a browser is sent to where it can be done."""

    def second_factor(identity: Identity[Any]) -> None:
        identity.required()
        if identity.impersonator is not None or not is_strong(identity.methods):
            raise SecondFactorRequired("This needs a login with a second factor.")

    return _named(_asks(by=BY_SESSION)(second_factor), "mfa()")


def is_strong(methods: frozenset[str]) -> bool:
    """Whether what was shown, in the words of RFC 8176, is two factors.

    Example:
        >>> [is_strong(frozenset(each)) for each in ({"pwd"}, {"pwd", "mca"}, {"pwd", "otp"}, {"hwk"})]
        [False, False, True, True]
    """
    return bool(methods & _STRONG) or (len(methods) > 1 and not methods <= _BY_MAIL)


def permission_name(model: type[Any], action: str) -> str:
    """The name of a permission over a model's rows, ``view``, ``add``, ``change``, ``delete`` or one of your own.

    Example:
        >>> from wholestack.db import Model
        >>> class Flyer(Model): ...
        >>> permission_name(Flyer, "change")
        'flyer.change'
    """
    table: Any = model
    return (
        f"{table.__tablename__ or table.__table__.name}.{action}"  # One in its parent's table has no name of its own.
    )


def permissions_of(*models: type[Any]) -> list[str]:
    """The permissions over the rows of models that have a name by themselves.

    Example:
        >>> from wholestack.db import Model
        >>> class Brochure(Model): ...
        >>> permissions_of(Brochure)
        ['brochure.view', 'brochure.add', 'brochure.change', 'brochure.delete']
    """
    return [permission_name(model, action) for model in models for action in _ACTIONS]


def _named(function: Any, name: str) -> Rule:
    function.__name__ = function.__qualname__ = name
    return rule(function)
