"""Who sends a request: found when somebody asks, from its session or its token."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import pydantic
from sqlalchemy import ColumnElement, Select, and_, bindparam, or_
from sqlalchemy import inspect as inspect_mapped

from wholestack import Forbidden, Request
from wholestack.db import Session, select
from wholestack.languages import gettext
from wholestack.sessions import BrowserSession, owner_key

from ._errors import LoginRequired, LoginTooOld, ScopeMissing, TokenRefused
from ._opened import OpenLogins
from ._tables import Tables

U = TypeVar("U")
EVERY = "*"
"""The permission that holds every other."""
IMPERSONATE = "user.impersonate"
"""Who has it may act as another user; superusers do."""
_IDENTITY = "_wholestack_identity"
_BEARER = "bearer "


class Pending(pydantic.BaseModel):
    """Who has shown a first factor, and not yet the second."""

    user: str
    methods: list[str]
    at: datetime.datetime
    version: int
    remember: bool = False


class Login(pydantic.BaseModel):
    """What a session keeps of a login.

    Attributes:
        at: when they came in.
        confirmed_at: when they last proved who they are.
        methods: by what, in the words of RFC 8176: ``pwd``, ``otp``, ``hwk``, ``mca`` …
        version: the user's `login_version` then.
        remember: whether it stays when the day is over.
        impersonator: the key of the member of staff who acts as this user.
        acts_by: the `login_version` of theirs.
        pending: who is half way in.
        chosen: links that are mailed to prove an address, begun by this browser: it knows the password that they carry.
    """

    at: datetime.datetime | None = None
    confirmed_at: datetime.datetime | None = None
    methods: list[str] = []
    version: int = 0
    remember: bool = False
    impersonator: str | None = None
    acts_by: int = 0
    pending: Pending | None = None
    chosen: list[str] = []


@dataclasses.dataclass(frozen=True)
class Borne:
    """What a token in `Authorization` stands for.

    Attributes:
        user: whose it is.
        scopes: the permissions that it carries of theirs; ``"*"`` all.
        token: its row, where it is one of ours.
    """

    user: Any
    scopes: frozenset[str]
    token: Any = None


class Bearer(Protocol):
    """What knows a kind of token: asked in turn, with the text behind ``Bearer``."""

    def __call__(self, token: str, request: Request, db: Session) -> Borne | None:
        """Whom it stands for; None where it is no token of this kind.

        Raises:
            TokenRefused: it is of this kind, and not valid.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Terms:
    """What an app's logins have in common.

    Attributes:
        tables: the mapped classes.
        brief: seconds after which a login ends that is not to be remembered.
        clock: the present moment.
        bearers: what knows tokens.
        opened: sockets and streams of who is logged in.
    """

    tables: Tables
    brief: float
    clock: Callable[[], datetime.datetime]
    bearers: Sequence[Bearer] = ()
    opened: OpenLogins | None = None

    @functools.cached_property
    def roles(self) -> Any:
        """The statement for the roles of the user ``user``, made once: it costs as much to make as to send."""
        role, membership = self.tables.role.__table__.c, self.tables.membership.__table__.c
        theirs = membership.user_id == bindparam("user", type_=membership.user_id.type)
        return select(role.name, role.permissions).where(membership.role_id == role.id, theirs)

    def with_roles(self, statement: Select[Any]) -> Select[Any]:
        """A statement for users, and for their roles with them: a row for each role, one for a user of none."""
        role, membership = self.tables.role.__table__, self.tables.membership.__table__
        (key,) = inspect_mapped(self.tables.user).primary_key
        joined = statement.outerjoin(membership, membership.c.user_id == key)
        joined = joined.outerjoin(role, role.c.id == membership.c.role_id)
        return joined.add_columns(role.c.name, role.c.permissions)

    def key_of(self, text: str) -> Any:
        """A user's key from its text; None where it is none."""
        return owner_key(self.tables.user, text)


class Identity(Generic[U]):
    """Who sends this request: ``identity: Identity[User]``. A handler that asks for a `User` has asked this.

    It looks when it is first asked: in `Authorization` for a token, else in the session. A user who has been closed
    out, or whose `login_version` was raised, is nobody, and their session ends.

    Arguments:
        terms: what all of an app's logins have in common.
        request: the request.
        session: its session.
        db: its session of the database.
        roles: whether roles will be asked for, and so are loaded with the user.
    """

    _whole: Identity[U] | None = None

    def __init__(
        self, terms: Terms, request: Request, session: BrowserSession[Login], db: Session, *, roles: bool = False
    ) -> None:
        self._terms = terms
        self._beside = terms.with_roles if roles else None
        self._request = request
        self._session = session
        self._db = db
        self._found = False
        self._user: U | None = None
        self._borne: Borne | None = None
        self._held: tuple[frozenset[str], frozenset[str]] | None = None
        vars(request)[_IDENTITY] = self

    # -- who -----------------------------------------------------------------------------------------------------

    @property
    def user(self) -> U | None:
        """The user; None for a visitor.

        Raises:
            TokenRefused: it has a token that is not valid; a session beside it does not count then.
        """
        if not self._found:
            self._user = self._looked()
            self._found = True
            opened = self._terms.opened
            if self._user is not None and opened is not None:
                self._may_open(opened)
        return self._user

    @property
    def request(self) -> Request:
        """The request."""
        return self._request

    def _may_open(self, opened: OpenLogins) -> None:
        """Let what the request opens end where its user is let in no more."""
        if self._request.method == "WEBSOCKET":
            opened.hold(self)
        else:
            self._session.when_open(functools.partial(opened.hold, self))

    def required(self) -> U:
        """The user.

        Raises:
            LoginRequired: nobody is logged in.
            TokenRefused: see `user`.
        """
        found = self.user
        if found is None:
            raise LoginRequired
        return found

    def _looked(self) -> U | None:
        shown = self._request.headers.get("authorization") or ""
        if shown[: len(_BEARER)].lower() == _BEARER:
            self._borne = self._by_token(shown[len(_BEARER) :].strip())
            return self._borne.user  # type: ignore[no-any-return]
        return self._by_session()

    def _by_token(self, token: str) -> Borne:
        for bearer in self._terms.bearers:
            found = bearer(token, self._request, self._db)
            if found is not None:
                if not found.user.is_active:
                    break
                return found
        raise TokenRefused

    def _by_session(self) -> U | None:
        user, roles = self._loaded()
        if self._session.user is None:
            return None
        login = self._session.data
        closed = user is None or not user.is_active or user.login_version != login.version
        if closed or self._is_over(login) or not self._may_act(login, user):
            self._session.revoke()
            return None
        if roles is not None:
            self._held = _of_roles(row for row in roles if row[0] is not None)
        return user  # type: ignore[no-any-return]

    def _loaded(self) -> tuple[Any, Sequence[Any] | None]:
        model = self._terms.tables.user
        if self._beside is None:
            return self._session.owner(model, self._db), None
        return self._session.owner_with(model, self._db, self._beside)

    def _is_over(self, login: Login) -> bool:
        end = datetime.timedelta(seconds=self._terms.brief)
        return login.at is None or (not login.remember and self._terms.clock() - login.at > end)

    def _may_act(self, login: Login, user: Any) -> bool:
        """Whether who acts for the user might still begin to; of one who is staff by now they go on seeing pages."""
        if login.impersonator is None:
            return True
        if user.is_superuser or self.permissions_of(user) & {IMPERSONATE, EVERY}:
            return False
        key = self._terms.key_of(login.impersonator)
        staff: Any = None if key is None else self._db.get(self._terms.tables.user, key)
        if staff is None or not staff.is_active or staff.login_version != login.acts_by:
            return False
        return bool(staff.is_superuser or self.permissions_of(staff) & {IMPERSONATE, EVERY})

    def became(self, user: U | None) -> None:
        """Take note that another user is logged in from here on."""
        self._user, self._found, self._held, self._borne, self._whole = user, True, None, None, None

    # -- how -----------------------------------------------------------------------------------------------------

    @property
    def login(self) -> Login:
        """What the session keeps of the login; an empty one for a visitor, and beside a token."""
        return Login() if self.user is None or self._borne is not None else self._session.data

    @property
    def token(self) -> Any:
        """The row of the token that was shown; None without one."""
        _ = self.user
        return None if self._borne is None else self._borne.token

    @property
    def by_token(self) -> bool:
        """Whether a token was shown, and not a session."""
        _ = self.user
        return self._borne is not None

    @property
    def methods(self) -> frozenset[str]:
        """By what they proved who they are, in the words of RFC 8176."""
        return frozenset(self.login.methods)

    @property
    def impersonator(self) -> str | None:
        """The key of the member of staff who acts as this user."""
        return self.login.impersonator

    def now(self) -> datetime.datetime:
        """The present moment, by the clock of the app's logins."""
        return self._terms.clock()

    def require_recent(self, within: datetime.timedelta) -> None:
        """Go on only where the user has proven who they are within a time, and nobody acts for them.

        Raises:
            LoginRequired: nobody is logged in.
            LoginTooOld: it is too long ago, or was never shown, as with a token.
        """
        self.required()
        confirmed = self.login.confirmed_at
        if confirmed is None or self.impersonator is not None or self.now() - confirmed > within:
            raise LoginTooOld("Log in again for this: the last time is too long ago.")

    def require_owner(self) -> None:
        """Go on only where the user themselves is here, and not somebody who acts for them.

        Raises:
            LoginRequired: nobody is logged in.
            Forbidden: somebody acts for the user.
        """
        self.required()
        if self.impersonator is not None:
            raise Forbidden(gettext("Whoever acts for somebody may not do this: it is for the owner of the account."))

    # -- what they may -------------------------------------------------------------------------------------------

    @property
    def roles(self) -> frozenset[str]:
        """The names of the user's roles."""
        return self._holds()[0]

    @property
    def permissions(self) -> frozenset[str]:
        """The permissions that the user's roles hold; ``"*"`` among them is every one."""
        return self._holds()[1]

    def can(self, permission: str) -> bool:
        """Whether the user has a permission, and the token that was shown carries it; False for a visitor.

        Example:
            >>> class Nobody:
            ...     headers = {}
            >>> identity = Identity(None, Nobody(), None, None)
            >>> identity.became(None)
            >>> identity.can("blog.publish")
            False
        """
        user: Any = self.user
        if user is None or not self.carries(permission):
            return False
        return bool(user.is_superuser) or bool(self.permissions & {permission, EVERY})

    def carries(self, permission: str) -> bool:
        """Whether what was shown, a session or a token, is good for a permission at all."""
        _ = self.user
        return self._borne is None or bool(self._borne.scopes & {permission, EVERY})

    def require_scope(self, scope: str = EVERY) -> None:
        """Go on only where what was shown, a session or a token, is good for a permission, whoever has it.

        Arguments:
            scope: the permission; left out, all that the user may.

        Raises:
            ScopeMissing: a token was shown that does not carry it.
        """
        if not self.carries(scope):
            raise ScopeMissing(scope)

    def _as_owner(self) -> Identity[U]:
        """The same as if the token that was shown carried all that its owner may."""
        if self._borne is None:
            return self
        if self._whole is None:
            self._whole = copy.copy(self)
            self._whole._borne = dataclasses.replace(self._borne, scopes=frozenset({EVERY}))
        return self._whole

    def _holds(self) -> tuple[frozenset[str], frozenset[str]]:
        if self._held is None:
            user: Any = self.user  # Its roles may come with it.
            if self._held is None:
                self._held = _of_roles(() if user is None else self._roles_of(user.id))
        return self._held

    def permissions_of(self, user: U) -> frozenset[str]:
        """The permissions that another user's roles hold."""
        row: Any = user
        return _of_roles(self._roles_of(row.id))[1]

    def is_outranked_by(self, user: U) -> bool:
        """Whether another user may do what this one may not, and so is not this one's to change: a member of staff by
        any permission, anybody by that of everything or of acting as others.
        """
        row: Any = user
        more = frozenset() if self.can(EVERY) else self.permissions_of(user) - self.permissions
        return bool(more) and bool(row.is_staff or more & {EVERY, IMPERSONATE})

    @functools.cached_property
    def outranking(self) -> ColumnElement[bool] | None:
        """The condition of the users who are so; None where there is no role by which somebody could be."""
        if self.can(EVERY):
            return None
        role, membership = (each.__table__.c for each in (self._terms.tables.role, self._terms.tables.membership))
        held = {key: {*found} - self.permissions for key, found in self._db.execute(select(role.id, role.permissions))}
        more = [key for key, found in held.items() if found]
        most = [key for key, found in held.items() if found & {EVERY, IMPERSONATE}]
        (key,) = inspect_mapped(self._terms.tables.user).primary_key
        theirs = select(membership.user_id)
        is_staff = self._terms.tables.user.is_staff.is_(True)
        ways = [and_(is_staff, key.in_(theirs.where(membership.role_id.in_(more))))] if more else []
        ways += [key.in_(theirs.where(membership.role_id.in_(most)))] if most else []
        return or_(*ways) if ways else None

    def _roles_of(self, key: Any) -> Sequence[Any]:
        return self._db.execute(self._terms.roles, {"user": key}).all()

    def __repr__(self) -> str:
        return f"<Identity {'unknown' if not self._found else getattr(self._user, 'key', None)}>"


def _of_roles(roles: Iterable[Any]) -> tuple[frozenset[str], frozenset[str]]:
    """The names of roles, and the permissions that they hold."""
    found = [*roles]
    return frozenset(name for name, _ in found), frozenset(each for _, permissions in found for each in permissions)


def identity_of(request: Request) -> Identity[Any] | None:
    """The identity that was made for a request; None where no provider of it was asked. Every page has been asked for.

    Arguments:
        request: the request; for helpers of templates, which are given no more.

    Example:
        >>> identity_of(Request("GET", "/")) is None
        True
    """
    found = vars(request).get(_IDENTITY)
    return found if isinstance(found, Identity) else None
