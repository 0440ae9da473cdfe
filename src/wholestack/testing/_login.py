"""Logging a client in, without the page of login."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._client import AsyncClient, Client
from ._errors import ClientFault
from ._factories import factory

if TYPE_CHECKING:
    from wholestack.auth import Auth, UserMixin

C = TypeVar("C", Client, AsyncClient)
T = TypeVar("T")


def log_in(client: Client | AsyncClient, user: Any, *methods: str) -> None:
    """Let a client be logged in as a user from here on, as if by a password.

    Arguments:
        client: the client; its app uses `Auth`.
        user: who: a row that the database has, committed or in the test's own transaction.
        methods: by what, in the words of RFC 8176: ``"pwd"``, ``"otp"``, ``"hwk"``; a password where none is given.

    Raises:
        SetupError: the app has no login (``no-plugin``).

    Example:
        >>> from wholestack import App
        >>> from wholestack.auth import Auth, UserMixin
        >>> from wholestack.db import Database, UUIDModel
        >>> class Pilot(UserMixin, UUIDModel): ...
        >>> app = App()
        >>> app.use(Database("sqlite://"), Auth(Pilot))
        >>> @app.get("/me")
        ... def me(pilot: Pilot) -> str:
        ...     return pilot.email
        >>> with Client(app) as client:
        ...     with app.session() as db:
        ...         db.add(pilot := Pilot(email="ann@example.org"))
        ...     log_in(client, pilot)
        ...     client.get("/me").text
        'ann@example.org'
    """
    auth = _auth_of(client)
    scheme = client._core.builder.scheme
    name, text = _beside_the_loop(lambda: auth.begin_session(client.app, user, *methods, scheme=scheme))
    client.cookies[name] = text


class AsUser(Generic[C]):
    """Gives clients that are logged in, each as somebody else; the fixtures `as_user` and `async_as_user` are such.

    Arguments:
        make: makes a client; its app uses `Auth`, and its tables are there.

    Example:
        >>> from wholestack import App
        >>> from wholestack.auth import Auth, UserMixin, role
        >>> from wholestack.db import Database, UUIDModel
        >>> class Columnist(UserMixin, UUIDModel): ...
        >>> app = App()
        >>> app.use(Database("sqlite://"), Auth(Columnist))
        >>> @app.get("/desk", needs=role("editor"))
        ... def desk(columnist: Columnist) -> str:
        ...     return columnist.email
        >>> with Client(app):
        ...     as_user = AsUser(lambda: Client(app))
        ...     as_user("editor").get("/desk").text, as_user().get("/desk").status
        ('user1@example.org', 403)
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._make: Callable[[], C] = make

    def __call__(
        self,
        *roles: str,
        user: UserMixin | None = None,
        permissions: Collection[str] = (),
        methods: Collection[str] = (),
        **columns: Any,
    ) -> C:
        """A new client, logged in as a new user, or as one that there is.

        A new user has an address that is confirmed, and a value in each column that needs one (see `factory`).

        Arguments:
            roles: names of roles that they are given; one that the database does not have is made, and holds nothing.
            user: who, instead of a new user: a row that the database has, or that a session of the test has.
            permissions: what they may beside what their roles hold.
            methods: by what they have come in, as for `log_in`.
            columns: columns of a new user. A `password` is what they type, and is hashed.

        Raises:
            SetupError: the app has no login (``no-plugin``).
            CannotMake: the model of users has no such column.
            ClientFault: columns beside `user`, which has its own.
        """
        if user is not None and columns:
            raise ClientFault(f"as_user(user=…) takes the row as it is: set {next(iter(columns))} there.")
        client = self._make()
        auth = _auth_of(client)
        somebody = _beside_the_loop(lambda: _somebody(client.app, auth, user, roles, permissions, columns))
        log_in(client, somebody, *methods)
        return client


def _auth_of(client: Client | AsyncClient) -> Auth:
    from wholestack.auth import Auth

    client.app.seal()
    auth: Auth = client.app.plugin(Auth)
    return auth


def _somebody(
    app: Any, auth: Auth, user: Any, roles: Collection[str], permissions: Collection[str], columns: dict[str, Any]
) -> Any:
    """The user, with the roles, in the database."""
    from sqlalchemy.orm import object_session

    from wholestack.auth import role_called

    if user is not None and (waiting := object_session(user)) is not None:
        waiting.flush()  # What the test has added to its session is in its transaction from here on.
    with app.session() as db:
        accounts, tables = auth.accounts(app, db), auth.tables
        if user is None:
            user = _new_user(accounts, auth, columns)
            db.add(user)
            db.flush()
        held = [role_called(accounts, name) for name in roles]
        if permissions:
            own = role_called(accounts, f"of {user.email} alone")
            own.permissions = sorted({*own.permissions, *permissions})
            held.append(own)
        for each in held:
            db.merge(tables.membership(user_id=user.id, role_id=each.id))
    return user


def _new_user(accounts: Any, auth: Auth, columns: dict[str, Any]) -> Any:
    number = 1
    while accounts.find(f"user{number}@example.org") is not None:
        number += 1
    given = {"email": f"user{number}@example.org", "email_confirmed_at": accounts.now()} | columns
    if given.get("password") is not None:
        given["password"] = auth.passwords.hash(given["password"])
    return factory(auth.user, seed=number)(**given)


def _beside_the_loop(work: Callable[[], T]) -> T:
    """Do what asks the database; where an event loop runs, in a thread: on the loop nothing may wait."""
    if asyncio._get_running_loop() is None:
        return work()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.copy_context().run, work).result()
