"""Users from elsewhere: the tables of Django's own login, read as they are."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, MetaData, Table, inspect, select
from sqlalchemy.exc import NoSuchTableError

from wholestack import SetupError
from wholestack.errors import Fault

from ._accounts import Accounts
from ._outside import role_called
from ._user import LONGEST_EMAIL, normal_email

_BATCH = 500


@dataclasses.dataclass
class Imported:
    """What an import did.

    Attributes:
        made: accounts that are new.
        known: addresses that had an account, which was left as it is.
        refused: who was left out, each with the reason.
        roles: groups that became roles.
        alone: users who had permissions of their own, beside those of groups; each has them in a role of their own.
        proven: new accounts whose address counts as proven; the others prove it when they first log in.
    """

    made: int = 0
    known: int = 0
    refused: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    roles: int = 0
    alone: int = 0
    proven: int = 0


def import_django(
    accounts: Accounts[Any],
    source: Connection,
    *,
    table: str = "auth_user",
    fields: Mapping[str, str] | None = None,
    confirmed: bool | str = False,
) -> Imported:
    """Take over the users of a Django site, with their passwords, groups and permissions.

    Passwords stay as Django has hashed them, and are hashed anew when their owners log in. Groups become roles of the
    same names, whose permissions are Django's, ``"blog.add_post"``; what a user has beside groups becomes a role of
    that user alone. Who has no address, or one that two have, is left out and told.

    Django itself asks for no proof of an address: whoever signed up may have typed anybody's. So an address counts as
    proven only where `confirmed` says so; everybody else is mailed a link when they first log in with their password.

    Arguments:
        accounts: where they go; who opened its session commits.
        source: a connection to Django's database.
        table: the table of users; its groups are in ``{table}_groups``, permissions of one user alone
            in ``{table}_user_permissions``.
        fields: by column of the app's own model, the column of Django's: ``{"nickname": "first_name"}``.
        confirmed: whose address counts as proven: nobody's (False), everybody's (True), or theirs for whom a column
            of `table` holds true or a moment (``"email_verified"``), or one of another table that has the address and
            its user, ``"account_emailaddress.verified"`` of django-allauth.

    Raises:
        SetupError: there is no such table, or a column that was named is not there, or holds neither truth nor
            moments (``bad-import``).
    """
    found = Imported()
    users = _table(source, table)
    lacking = [name for name in (fields or {}).values() if name not in users.c]
    if "email" not in users.c or "password" not in users.c or lacking:
        raise _bad(f"The table {table} has no column {(lacking or ['email, password'])[0]}.")
    proof = _proofs(accounts, source, users, confirmed)
    keys: dict[Any, Any] = {}
    seen: set[str] = set()
    for row in _rows(source, users):
        email = normal_email(row.get("email") or "")
        name = str(row.get("username") or email or row["id"])
        if "@" not in email or len(email) > LONGEST_EMAIL:
            found.refused.append((name, "has no e-mail address"))
        elif email in seen:
            found.refused.append((name, f"has the address of another: {email}"))
        elif (known := accounts.find(email)) is not None:
            found.known += 1
            if known.email_confirmed_at is not None:  # Else it may be another's, who has signed up with this address.
                keys[row["id"]] = known
        else:
            more = {own: row[theirs] for own, theirs in (fields or {}).items()}
            keys[row["id"]] = made = _made(accounts, row, email, proof(row, email), more)
            found.made += 1
            found.proven += made.email_confirmed_at is not None
        seen.add(email)
    accounts.db.flush()
    found.roles = _roles(accounts, source, table, keys)
    found.alone = _permissions_alone(accounts, source, table, keys)
    accounts.note("users-imported", None, made=found.made)
    return found


def _made(accounts: Accounts[Any], row: Mapping[Any, Any], email: str, proven: Any, more: Mapping[str, Any]) -> Any:
    password = row["password"]
    user = accounts.tables.user(
        email=email,
        # A password that Django calls unusable begins so.
        password=None if not password or password.startswith("!") else password,
        is_active=bool(row.get("is_active", True)),
        is_staff=bool(row.get("is_staff")),
        is_superuser=bool(row.get("is_superuser")),
        last_login_at=_moment(row.get("last_login")),
        email_confirmed_at=proven,
        **more,
    )
    user.created_at = _moment(row.get("date_joined")) or accounts.now()
    accounts.db.add(user)
    return user


def _proofs(
    accounts: Accounts[Any], source: Connection, users: Table, confirmed: bool | str
) -> Callable[[Mapping[Any, Any], str], datetime.datetime | None]:
    """What says when the address of a row was proven; None: it was not."""
    now = accounts.now()
    if isinstance(confirmed, bool):
        return lambda row, email: now if confirmed else None
    named, _, column = confirmed.rpartition(".")
    table = _table(source, named) if named else users
    needed = (column, "email", "user_id") if named else (column,)
    lacking = [name for name in needed if name not in table.c]
    if lacking:
        raise _bad(f"The table {table.name} has no column {lacking[0]}.")
    if not named:
        return lambda row, email: _since(row[column], confirmed, now)
    found = ((row, _since(row[column], confirmed, now)) for row in _rows(source, table))
    since = {(row["user_id"], normal_email(row["email"] or "")): at for row, at in found if at is not None}
    return lambda row, email: since.get((row["id"], email))


def _since(value: Any, named: str, now: datetime.datetime) -> datetime.datetime | None:
    """When an address was proven, by what a column holds."""
    if value in (None, "", 0, 1):
        return now if value else None
    if type(value) is datetime.date:
        value = datetime.datetime.combine(value, datetime.time(), datetime.UTC)
    try:
        moment = _moment(value)
    except ValueError:
        moment = None
    if moment is None:
        raise _bad(f"The column {named} holds neither truth nor moments.")
    return moment


def _moment(value: Any) -> datetime.datetime | None:
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    if not isinstance(value, datetime.datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)


def _roles(accounts: Accounts[Any], source: Connection, table: str, keys: Mapping[Any, Any]) -> int:
    """Groups as roles; gives how many there are."""
    if not inspect(source).has_table("auth_group"):
        return 0
    groups, links = _table(source, "auth_group"), _table(source, f"{table}_groups")
    held = _held(source, "auth_group_permissions", "group_id")
    made = {}
    for group in _rows(source, groups):
        role = made[group["id"]] = role_called(accounts, group["name"])
        role.permissions = sorted({*role.permissions, *held.get(group["id"], ())})
    for row in source.execute(select(links.c[_owner(links, "group_id")], links.c.group_id)):
        user, role = keys.get(row[0]), made.get(row[1])
        if user is not None and role is not None:
            accounts.db.merge(accounts.tables.membership(user_id=user.id, role_id=role.id))
    return len(made)


def _permissions_alone(accounts: Accounts[Any], source: Connection, table: str, keys: Mapping[Any, Any]) -> int:
    """What users have beside groups, as a role of each alone; gives how many they are."""
    name = f"{table}_user_permissions"
    if not inspect(source).has_table(name):
        return 0
    held = _held(source, name, _owner(_table(source, name), "permission_id"))
    taken = {key: names for key, names in held.items() if key in keys}
    for key, names in taken.items():
        user = keys[key]
        role = role_called(accounts, f"of user {user.key} alone")
        role.permissions = sorted({*role.permissions, *names})
        accounts.db.merge(accounts.tables.membership(user_id=user.id, role_id=role.id))
    return len(taken)


def _held(source: Connection, name: str, owner: str) -> dict[Any, set[str]]:
    """The permissions in a table of Django's, by whose they are."""
    permissions, kinds = _table(source, "auth_permission"), _table(source, "django_content_type")
    held = _table(source, name)
    wanted = (
        select(held.c[owner], kinds.c.app_label, permissions.c.codename)
        .join(permissions, permissions.c.id == held.c.permission_id)
        .join(kinds, kinds.c.id == permissions.c.content_type_id)
    )
    found: dict[Any, set[str]] = {}
    for key, label, codename in source.execute(wanted):
        found.setdefault(key, set()).add(f"{label}.{codename}")
    return found


def _owner(links: Table, other: str) -> str:
    """The column of a table between two that has the user, whose model may be called anything."""
    return next(each.name for each in links.c if each.name not in {"id", other})


def _table(source: Connection, name: str) -> Table:
    try:
        return Table(name, MetaData(), autoload_with=source, resolve_fks=False)
    except NoSuchTableError:
        raise _bad(f"There is no table {name}.") from None


def _rows(source: Connection, table: Table) -> Iterator[Mapping[Any, Any]]:
    with source.execute(select(table), execution_options={"yield_per": _BATCH}) as found:
        for part in found.mappings().partitions():
            yield from part


def _bad(message: str) -> SetupError:
    cure = "Give the address of a Django site's database, and --table where its users have a table of their own."
    return SetupError([Fault("bad-import", message, "wholestack user import", cure)])
