"""What `wholestack user` does: users made, listed, changed, taken over."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import click
from sqlalchemy import create_engine, func, or_, select
from sqlalchemy.exc import ArgumentError as BadURL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from wholestack import SetupError
from wholestack.auth import (
    Accounts,
    Auth,
    HeldFactors,
    PasswordRefused,
    add_to_role,
    held_factors,
    import_django,
    remove_factors,
    role_called,
    take_from_role,
)
from wholestack.db import Database, Duplicate

from ._fail import Broken, Stop, report
from ._sealing import sealed


@contextlib.contextmanager
def opened(target: str) -> Iterator[Accounts[Any]]:
    """The accounts of an app, in a session that is committed at the end.

    Raises:
        Stop: the app is not found, or has no login; or its database says no.
    """
    app = sealed(target)
    try:
        auth = app.plugin(Auth)
        with app.plugin(Database).session() as db:
            yield auth.accounts(app, db)
    except SetupError as error:
        raise Stop(report(error)) from error
    except DBAPIError as error:
        raise Broken(f"The database says: {error.orig}") from error


def found(accounts: Accounts[Any], email: str) -> Any:
    """The user with an address.

    Raises:
        Stop: there is none.
    """
    user = accounts.find(email)
    if user is None:
        raise Stop(f"Nobody has the address {email}.")
    return user


def roles_there(accounts: Accounts[Any], names: tuple[str, ...]) -> None:
    """See that there is a role of each name: one that is mistyped must not become a role that opens nothing.

    Raises:
        Stop: there is none.
    """
    there = sorted(accounts.db.scalars(select(accounts.tables.role.name)))
    for name in names:
        if name not in there:
            known = f"There are: {', '.join(there)}." if there else "There is none yet."
            raise Stop(f"There is no role {name!r}. {known} `wholestack user role {name}` makes it.")


def asked_password() -> str:
    """A new password: typed twice, or the first line of a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def add(target: str, email: str, *, fields: tuple[str, ...], roles: tuple[str, ...], **options: Any) -> None:
    """Make a user."""
    with opened(target) as accounts:
        roles_there(accounts, roles)
        word = None if options["no_password"] else asked_password()
        try:
            user = accounts.create(email, word, **_pairs(fields))
        except PasswordRefused as refused:
            raise Stop(str(refused)) from refused
        except (Duplicate, DBAPIError) as error:
            raise Stop(f"{email} has an account, or a column is missing: {error}") from error
        user.is_staff, user.is_superuser = options["staff"] or options["superuser"], options["superuser"]
        user.email_confirmed_at = accounts.now()
        for name in roles:
            add_to_role(accounts, user, name)
        if word is None:
            accounts.mail_link("reset", user, hours=24)
        accounts.db.flush()
        click.echo(f"{user.email} is user {user.key}.")


def show(target: str, *, staff: bool, find: str, most: int, **options: Any) -> None:
    """List users."""
    with opened(target) as accounts:
        tables = accounts.tables
        user = tables.user
        wanted = select(user).where(user.email.contains(find.lower(), autoescape=True)).order_by(user.email).limit(most)
        if staff:
            wanted = wanted.where(or_(user.is_staff, user.is_superuser))
        total = accounts.db.scalar(select(func.count()).select_from(user)) or 0
        lines = [_line(accounts, each) for each in accounts.db.scalars(wanted)]
    if options["json"]:
        click.echo(json.dumps({"total": total, "users": lines}, indent=2))
        return
    for each in lines:
        state = ", ".join([*each["is"], *each["roles"]]) or "-"
        click.echo(f"{each['email']}  {state}  last login {each['last_login_at'] or 'never'}")
    click.echo(f"{total} users in all.")


def _line(accounts: Accounts[Any], user: Any) -> dict[str, Any]:
    role, membership = accounts.tables.role, accounts.tables.membership
    held = select(role.name).join(membership, membership.role_id == role.id).where(membership.user_id == user.id)
    said = {"superuser": user.is_superuser, "staff": user.is_staff, "closed": not user.is_active}
    said["unconfirmed"] = user.email_confirmed_at is None
    return {
        "key": user.key,
        "email": user.email,
        "is": [word for word, holds in said.items() if holds],
        "roles": sorted(accounts.db.scalars(held)),
        "last_login_at": user.last_login_at and user.last_login_at.isoformat(timespec="minutes"),
    }


def password(target: str, email: str) -> None:
    """Give a user a new password."""
    with opened(target) as accounts:
        user = found(accounts, email)
        try:
            accounts.set_password(user, asked_password(), stay=False)
        except PasswordRefused as refused:
            raise Stop(str(refused)) from refused
        click.echo(f"{user.email} has a new password, and is logged out everywhere.")


def grant(target: str, email: str, *, roles: tuple[str, ...], **options: bool | None) -> None:
    """Change what a user may."""
    with opened(target) as accounts:
        user = found(accounts, email)
        roles_there(accounts, tuple(each.removeprefix("!") for each in roles))
        for name in roles:
            changed = take_from_role(accounts, user, name[1:]) if name[0] == "!" else add_to_role(accounts, user, name)
            click.echo(f"{user.email}: {name}" if changed else f"{user.email}: {name}, as before")
        for name, value in options.items():
            if value is not None:
                setattr(user, f"is_{name}", value)
                accounts.note("account-changed", user, **{name: value})
                click.echo(f"{user.email}: {'' if value else 'not '}{name}")


def role(target: str, name: str, permissions: tuple[str, ...]) -> None:
    """Make a role, or change its permissions."""
    with opened(target) as accounts:
        one = role_called(accounts, name)
        if permissions:
            one.permissions = sorted(permissions)
            accounts.note("role-changed", None, role=name, permissions=one.permissions)
        click.echo(f"{name}: {', '.join(one.permissions) or 'no permissions'}")


def revoke_sessions(target: str, email: str) -> None:
    """Log a user out everywhere."""
    with opened(target) as accounts:
        user = found(accounts, email)
        accounts.log_out_everywhere(user)
        accounts.note("logout-everywhere", user)
        click.echo(f"{user.email} is logged out everywhere.")


def factors(target: str, email: str, *, kinds: tuple[str, ...]) -> None:
    """List a user's second factors, or take some away."""
    with opened(target) as accounts:
        user = found(accounts, email)
        if not kinds:
            lines = [*_factor_lines(held_factors(accounts, user))]
            click.echo("\n".join([user.email, *(f"  {each}" for each in lines)]))
            return
        chosen: tuple[Any, ...] = () if "all" in kinds else kinds
        gone = remove_factors(accounts, user, *chosen)
        if not gone:
            raise Stop(f"{user.email} has none of these.")
        for each in _factor_lines(gone):
            click.echo(f"removed: {each}")
        click.echo(f"{user.email} is logged out everywhere, and told by mail.")
        if user.password is None and gone.passkeys:
            click.echo(f"They have no password: wholestack user password {user.email} gives them one.")


def _factor_lines(held: HeldFactors) -> Iterator[str]:
    if held.totp is not None:
        wrong = f", wrong codes in a row: {held.totp.failures}" if held.totp.failures else ""
        yield f"totp, since {held.totp.confirmed_at:%Y-%m-%d}{wrong}"
    for each in held.passkeys:
        used = f"last used {each.last_used_at:%Y-%m-%d}" if each.last_used_at else "never used"
        # What its owner calls it must not write to this terminal (CWE-150).
        name = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in each.name)
        yield f"passkey {name}, since {each.created_at:%Y-%m-%d}, {used}"
    if held.recovery:
        yield f"recovery codes, {held.recovery} left"
    if not held:
        yield "no second factor"


def take_over(target: str, url: str, *, table: str, fields: tuple[str, ...], dry_run: bool, **options: Any) -> None:
    """Take over the users of a Django site."""
    if options["confirmed"] and options["confirmed_by"]:
        raise click.UsageError("Say --confirmed or --confirmed-by.")
    confirmed: bool | str = options["confirmed_by"] or options["confirmed"]
    try:
        source = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    except (BadURL, NoSuchModuleError) as error:
        raise Stop(f"{error}") from error
    with opened(target) as accounts, source.connect() as connection:
        done = import_django(accounts, connection, table=table, fields=_pairs(fields), confirmed=confirmed)
        if dry_run:
            accounts.db.rollback()
    for name, reason in done.refused:
        click.echo(f"left out: {name} {reason}")
    if done.alone:
        click.echo(f"{done.alone} had permissions of their own, which are in a role of each alone.")
    if unproven := done.made - done.proven:
        click.echo(f"{unproven} prove their address when they first log in.")
    verb = "would be made" if dry_run else "made"
    click.echo(f"{done.made} users {verb}, {done.known} known, {len(done.refused)} left out, {done.roles} roles.")


def _pairs(fields: tuple[str, ...]) -> dict[str, str]:
    """`COLUMN=TEXT`, several times.

    Example:
        >>> _pairs(("nickname=Zoë",))
        {'nickname': 'Zoë'}
    """
    pairs = [each.partition("=") for each in fields]
    if wrong := [name for name, sign, _ in pairs if not (name.isidentifier() and sign)]:
        raise Stop(f"Say --set COLUMN=TEXT, and not {wrong[0]!r}.")
    return {name: value for name, _, value in pairs}
