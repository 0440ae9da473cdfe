"""The tables beside the users': made for a model of users, so that each of their rows goes with its user.

Each class here holds the columns of a table; `tables_for` makes the mapped classes of them, with keys of the type that
the model of users has, in its metadata, where migrations see them.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy import inspect as inspect_mapped
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from wholestack import SetupError
from wholestack.db import Moment
from wholestack.errors import Fault
from wholestack.routing import where_of

from ._user import UserMixin

# MariaDB needs lengths, and its usual collation takes "A" and "a" for one text.
NAME = String().with_variant(VARCHAR(255, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")
STRUCTURE = JSON().with_variant(JSONB(), "postgresql")
DIGEST = String().with_variant(String(64), "mysql", "mariadb")
"""A SHA-256 as hexadecimal digits."""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Keyed:
    """A row with a key that nobody can guess."""

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4, sort_order=-100)
    created_at: Mapped[datetime.datetime] = mapped_column(Moment(), default=_now, sort_order=100)


class RoleFields(Keyed):
    """A role: permissions under a name, that users have together.

    Attributes:
        name: unique.
        permissions: names of permissions; ``"*"`` is every one.
    """

    name: Mapped[str] = mapped_column(NAME, unique=True)
    permissions: Mapped[list[str]] = mapped_column(STRUCTURE, default=list)


class MembershipFields:
    """That a user has a role."""


class LinkFields(Keyed):
    """What was sent to an address to be shown once: a link, or a code of digits.

    Attributes:
        purpose: what it is for; it opens nothing else.
        digest: SHA-256 of what was sent; what lies here opens nothing.
        data: what it carries, such as a new address.
        expires_at: when it ends.
        used_at: when it was shown; None before.
        tries: how often a wrong code was shown for it.
    """

    purpose: Mapped[str] = mapped_column(NAME)
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    data: Mapped[dict[str, Any]] = mapped_column(STRUCTURE, default=dict)
    expires_at: Mapped[datetime.datetime] = mapped_column(Moment(), index=True)
    used_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)
    tries: Mapped[int] = mapped_column(default=0)


class EventFields(Keyed):
    """One line of the audit trail. It stays when its user goes, so it names them by text.

    Attributes:
        kind: what happened, such as ``login`` or ``password-changed``.
        user: the key of whose account it was; empty where there is none.
        actor: the key of who did it; empty for a visitor.
        address: the client's address.
        agent: what the browser called itself.
        request: the request's id, as in the log.
        details: more, never a secret.
    """

    kind: Mapped[str] = mapped_column(NAME)
    user: Mapped[str] = mapped_column(NAME, default="", index=True)
    actor: Mapped[str] = mapped_column(NAME, default="")
    address: Mapped[str] = mapped_column(NAME, default="")
    agent: Mapped[str] = mapped_column(NAME, default="")
    request: Mapped[str] = mapped_column(NAME, default="")
    details: Mapped[dict[str, Any]] = mapped_column(STRUCTURE, default=dict)


class TokenFields(Keyed):
    """A token for programs, of a person or of a service.

    Attributes:
        name: what its owner calls it.
        digest: SHA-256 of the token; the token itself is shown once, when it is made.
        hint: its first characters, by which its owner knows it again.
        scopes: the permissions that it carries of its owner's; ``"*"`` is all of them.
        expires_at: when it ends; None: never.
        last_used_at: when it was last shown, to within a minute.
        last_used_address: from where.
    """

    name: Mapped[str] = mapped_column(NAME)
    digest: Mapped[str] = mapped_column(DIGEST, unique=True)
    hint: Mapped[str] = mapped_column(NAME, default="")
    scopes: Mapped[list[str]] = mapped_column(STRUCTURE, default=list)
    expires_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)
    last_used_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)
    last_used_address: Mapped[str] = mapped_column(NAME, default="")


class TOTPFields(Keyed):
    """A user's app for codes (RFC 6238).

    Attributes:
        secret: what the codes are made of, encrypted under the app's secret.
        confirmed_at: when a first code was shown; it asks for none before.
        last_step: the number of the last time step that was taken, which is not taken again.
        failures: wrong codes since the last right one.
    """

    secret: Mapped[bytes] = mapped_column(LargeBinary)
    confirmed_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)
    last_step: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)


class RecoveryCodeFields(Keyed):
    """One of the codes that let a user in without the second factor, each once.

    Attributes:
        digest: HMAC of the code.
        used_at: when it was shown; None before.
    """

    digest: Mapped[str] = mapped_column(DIGEST, index=True)
    used_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)


class PasskeyFields(Keyed):
    """A passkey (WebAuthn level 3).

    Attributes:
        name: what its owner calls it.
        credential: its id, as its maker gave it, base64url.
        public_key: its key in COSE.
        sign_count: the last counter that it showed.
        transports: how a browser reaches it.
        verifies: whether it knows its owner by a finger or a code, and so is good for a login of its own.
        copyable: whether its maker may keep a copy of it; this never changes.
        backed_up: whether its maker keeps one.
        last_used_at: when it last let its owner in.
    """

    name: Mapped[str] = mapped_column(NAME)
    credential: Mapped[str] = mapped_column(
        String().with_variant(VARCHAR(1400, charset="ascii", collation="ascii_bin"), "mysql", "mariadb"), unique=True
    )
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(default=0)
    transports: Mapped[list[str]] = mapped_column(STRUCTURE, default=list)
    verifies: Mapped[bool] = mapped_column(default=False)
    copyable: Mapped[bool] = mapped_column(default=False)
    backed_up: Mapped[bool] = mapped_column(default=False)
    last_used_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)


class ExternalFields(Keyed):
    """That a user is known to somebody else, who says so at login (OpenID Connect).

    Attributes:
        issuer: who says so.
        subject: what they are called there; the two together are unique, and nothing else of it is.
        email: the address that was told last.
        last_used_at: when it last let them in.
    """

    issuer: Mapped[str] = mapped_column(NAME)
    subject: Mapped[str] = mapped_column(NAME)
    email: Mapped[str] = mapped_column(NAME, default="")
    last_used_at: Mapped[datetime.datetime | None] = mapped_column(Moment(), default=None)


@dataclasses.dataclass(frozen=True)
class Tables:
    """The mapped classes beside a model of users; each but `event` and `role` has the key of its user, `user_id`.

    Attributes:
        user: the model of users.
        role: `RoleFields`.
        membership: `MembershipFields`.
        link: `LinkFields`; its user may be None, as an invitation has none.
        event: `EventFields`.
        token: `TokenFields`.
        totp: `TOTPFields`.
        recovery_code: `RecoveryCodeFields`.
        passkey: `PasskeyFields`.
        external: `ExternalFields`.
    """

    user: Any
    role: Any
    membership: Any
    link: Any
    event: Any
    token: Any
    totp: Any
    recovery_code: Any
    passkey: Any
    external: Any


_made: dict[type[Any], Tables] = {}


def tables_for(user: type[UserMixin]) -> Tables:
    """The tables beside a model of users, made when they are first asked for.

    Raises:
        SetupError: it is no mapped class with one key that is called ``id``, or not made with `UserMixin`.
    """
    if user not in _made:
        mapper: Any = inspect_mapped(user, raiseerr=False)
        keys = [] if mapper is None else mapper.primary_key
        if mapper is None or len(keys) != 1 or not issubclass(user, UserMixin):
            message = f"{getattr(user, '__name__', user)} is no model of users."
            cure = "class User(UserMixin, UUIDModel): …, with one column as its key"
            raise SetupError([Fault("bad-user-model", message, where_of(user), cure)])
        name = mapper.get_property_by_column(keys[0]).key
        if name != "id":
            message = f"The key of {user.__name__} is {name!r}, and users are found by the attribute `id`."
            cure = f'id: Mapped[…] = mapped_column("{keys[0].name}", primary_key=True)'
            raise SetupError([Fault("bad-user-model", message, where_of(user), cure)])
        _made[user] = _tables(user, keys[0])
    return _made[user]


def tables_of(row: object) -> Tables:
    """The tables beside the model of a user's row, which may be of a subclass of it.

    Arguments:
        row: the user.
    """
    made = (each for each in type(row).__mro__ if each in _made)
    kind: Any = next(made, type(row))
    return tables_for(kind)


def _tables(user: type[UserMixin], key: Any) -> Tables:
    bases = [each for each in user.__mro__ if issubclass(each, DeclarativeBase) and each is not DeclarativeBase]
    # The furthest with the same tables: a nearer one may have columns of its own.
    base = next(each for each in reversed(bases) if each.metadata is user.metadata)  # type: ignore[attr-defined]

    def made(name: str, fields: type, *constraints: Any, **columns: Any) -> Any:
        # After the users' own, so that two models of users may stand in one database.
        table = f"{user.__table__.name}_auth_{name}"  # type: ignore[attr-defined]
        title = f"{user.__name__}{''.join(word.title() for word in name.split('_'))}"
        more: dict[str, Any] = {"__tablename__": table, "__module__": user.__module__, "__doc__": fields.__doc__}
        if constraints:
            more["__table_args__"] = constraints
        return type(title, (fields, base), more | columns)

    def owner(**options: Any) -> Any:
        options.setdefault("index", True)
        return mapped_column(key.type, ForeignKey(key, ondelete="CASCADE"), sort_order=-90, **options)

    role = made("role", RoleFields)
    membership = made(
        "membership",
        MembershipFields,
        user_id=owner(primary_key=True),
        role_id=mapped_column(ForeignKey(role.id, ondelete="CASCADE"), primary_key=True, index=True),
    )
    return Tables(
        user,
        role,
        membership,
        made("link", LinkFields, user_id=owner(nullable=True)),
        made("event", EventFields),
        made("token", TokenFields, user_id=owner()),
        made("totp", TOTPFields, user_id=owner(unique=True, index=False)),
        made("recovery_code", RecoveryCodeFields, user_id=owner()),
        made("passkey", PasskeyFields, user_id=owner()),
        made("external", ExternalFields, UniqueConstraint("issuer", "subject"), user_id=owner()),
    )


def of_accounts() -> set[Any]:
    """The mapped classes beside models of users, of all that were made."""
    made = [getattr(tables, field.name) for tables in _made.values() for field in dataclasses.fields(tables)]
    return {each for each in made if each not in _made}
