"""Who is logged in, for templates: on the page of a handler, and on a page for an error."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from wholestack import App, Request, Rule
from wholestack.db import Database, Session
from wholestack.sessions import BrowserSession, Sessions
from wholestack.templates import ErrorPage, error_page_of

from ._identity import Identity, Login, Terms, identity_of
from ._policies import Policy
from ._policy_forms import passes_rule

T = TypeVar("T")
_log = logging.getLogger("wholestack.auth")
_FOUND = "_wholestack_shown"
_TOO_MANY = 429


class Shown:
    """What templates get of who is logged in: that of the handler's plan, or on a page for an error one of its own.

    A page for an error is rendered when the request's providers have ended, or for a handler that has asked for
    nobody. So the page looks itself, when its template first uses the name, in a session that ends with it. It looks
    for nobody where that might fail as well, or is what somebody is to be kept from: from 500 on, and at a 429. Where
    looking fails, it shows nobody: a page for an error is always shown.

    Arguments:
        app: the app.
        terms: what its logins have in common.
        database: where its users are.
    """

    def __init__(self, app: App, terms: Terms, database: Database) -> None:
        self._app = app
        self._terms = terms
        self._database = database

    def identity(self, request: Request) -> Identity[Any] | None:
        """Who sends the request, as far as a page may show it."""
        return self._asked(request, lambda identity: identity)

    def user(self, request: Request) -> Any:
        """`user` of templates: who is logged in, or None."""
        return self._asked(request, lambda identity: None if identity is None else identity.user)

    def impersonator(self, request: Request) -> str | None:
        """`impersonator` of templates: the key of who acts as the user, or None.

        Every page asks, and so the session is looked at first, which is loaded for messages: for most that is all.
        """

        def ask(identity: Identity[Any] | None) -> str | None:
            return None if identity is None or not _seems_acted(identity) else identity.impersonator

        return self._asked(request, ask)

    def can(self, request: Request) -> Callable[..., bool]:
        """`can` of templates: whether they have a permission, pass a rule, or may do something with a row."""

        def can(what: str | Rule | Policy[Any], row: object = None) -> bool:
            if isinstance(what, Policy):
                return self._asked(request, lambda identity: what(identity, row))
            if isinstance(what, Rule):
                return self._asked(request, lambda identity: passes_rule(what, identity))
            if not isinstance(what, str):
                raise TypeError(f"can() takes the name of a permission, a rule or a policy, and not {what!r}.")
            return self._asked(request, lambda identity: identity is not None and identity.can(what))

        return can

    def _asked(self, request: Request, ask: Callable[[Identity[Any] | None], T]) -> T:
        identity = identity_of(request)
        page = error_page_of(request)
        is_own = identity is not None and vars(request).get(_FOUND) is identity
        if page is None or (identity is not None and not is_own and not identity._db.ended):
            return ask(identity)
        if page.status >= 500 or page.status == _TOO_MANY:
            return ask(None)
        try:
            return ask(identity if is_own else self._found(request, page))
        except Exception as error:
            _log.warning("who is logged in is not shown on a page for an error: %s", type(error).__name__)
            return ask(None)

    def _found(self, request: Request, page: ErrorPage) -> Identity[Any]:
        # It reads only, and begins no transaction by that.
        db = self._database.units.opened("lazy").__enter__()
        page.open.callback(_end, db)
        vars(request)[_FOUND] = found = Identity[Any](self._terms, request, self._session(request), db)
        return found

    @functools.cached_property
    def _session(self) -> Callable[[Request], BrowserSession[Login]]:
        return self._app.plugin(Sessions).reader(Login)


def _seems_acted(identity: Identity[Any]) -> bool:
    """Whether somebody may act as the user, by what is known of them, or else by the session alone."""
    session = identity._session
    return identity._found or (session.user is not None and session.data.impersonator is not None)


def _end(db: Session) -> None:
    with contextlib.suppress(Exception):  # The page is rendered by now.
        db.fail()
        db.end()
