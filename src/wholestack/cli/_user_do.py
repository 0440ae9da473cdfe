"""What `wholestack user` does: users made, listed, changed, taken over."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Iterator
from typing import Any

import click
from sqlalchemy import create_engine, func, or_, select
from sqlalchemy.exc import ArgumentError as BadURL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from wholestack import App, SetupError
from wholestack.auth import (
    Accounts,
    Auth,
    HeldFactors,
    PasswordRefused,
    Tokens,
    add_to_role,
    held_factors,
    import_django,
    remove_factors,
    role_called,
    take_from_role,
)
from wholestack.auth import invite as send_invitation
from wholestack.db import Database, Duplicate
from wholestack.mail import MessageRefused

from ._fail import Broken, Stop, report
from ._sealing import sealed


@contextlib.contextmanager
def within(target: str) -> Iterator[tuple[App, Accounts[Any]]]:
    """An app and its accounts, in a session that is committed at the end.

    Raises:
        Stop: the app is not found, or has no login; or its database says no.
    """
    app = sealed(target)
    try:
        auth = app.plugin(Auth)
        with app.plugin(Database).session() as db:
            yield app, auth.accounts(app, db)
    except SetupError as error:
        raise Stop(report(error)) from error
    except DBAPIError as error:
        raise Broken(f"The database says: {error.orig}") from error


@contextlib.contextmanager
def opened(target: str) -> Iterator[Accounts[Any]]:
    """The accounts of an app; see `within`."""
    with within(target) as (_, accounts):
        yield accounts


def say(accounts: Accounts[Any], text: str, *, err: bool = False) -> None:
    """Print a line once the transaction has committed: what is said is so."""
    accounts.db.after(commit=functools.partial(click.echo, text, err=err))


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
        without = options["no_password"] or options["service"]
        word = None if without else asked_password()
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
        if options["no_password"] and not options["service"]:
            accounts.mail_link("reset", user, hours=24)
        accounts.db.flush()
        say(accounts, f"{user.email} is user {user.key}.")


def invite(target: str, email: str, *, roles: tuple[str, ...], days: float) -> None:
    """Mail an invitation."""
    with within(target) as (app, accounts):
        if app.plugin(Auth).sign_up != "invited":
            raise Stop('Nobody could follow it: Auth(User, sign_up="invited") has the page of invitations.')
        roles_there(accounts, roles)
        if accounts.find(email) is not None:
            raise Stop(f"{email} has an account.")
        try:
            send_invitation(accounts, email, roles=roles, days=days)
        except MessageRefused as refused:
            raise Stop(f"{refused}") from refused
        say(accounts, f"{email} is invited, for {days:g} days.")


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
        say(accounts, f"{user.email} has a new password, and is logged out everywhere.")


def grant(target: str, email: str, *, roles: tuple[str, ...], **options: bool | None) -> None:
    """Change what a user may."""
    with opened(target) as accounts:
        user = found(accounts, email)
        roles_there(accounts, tuple(each.removeprefix("!") for each in roles))
        for name in roles:
            changed = take_from_role(accounts, user, name[1:]) if name[0] == "!" else add_to_role(accounts, user, name)
            say(accounts, f"{user.email}: {name}" if changed else f"{user.email}: {name}, as before")
        for name, value in options.items():
            if value is not None:
                setattr(user, f"is_{name}", value)
                accounts.note("account-changed", user, **{name: value})
                say(accounts, f"{user.email}: {'' if value else 'not '}{name}")


def role(target: str, name: str, permissions: tuple[str, ...]) -> None:
    """Make a role, or change its permissions."""
    with opened(target) as accounts:
        one = role_called(accounts, name)
        if permissions:
            one.permissions = sorted(permissions)
            accounts.note("role-changed", None, role=name, permissions=one.permissions)
        say(accounts, f"{name}: {', '.join(one.permissions) or 'no permissions'}")


def revoke_sessions(target: str, email: str) -> None:
    """Log a user out everywhere."""
    with opened(target) as accounts:
        user = found(accounts, email)
        accounts.log_out_everywhere(user)
        accounts.note("logout-everywhere", user)
        say(accounts, f"{user.email} is logged out everywhere.")


def factors(target: str, email: str, *, kinds: tuple[str, ...]) -> None:
    """List a user's second factors, or take some away."""
    with opened(target) as accounts:
        user = found(accounts, email)
        if not kinds:
            lines = [*_factor_lines(held_factors(accounts, user))]
            say(accounts, "\n".join([user.email, *(f"  {each}" for each in lines)]))
            return
        chosen: tuple[Any, ...] = () if "all" in kinds else kinds
        gone = remove_factors(accounts, user, *chosen)
        if not gone:
            raise Stop(f"{user.email} has none of these.")
        for each in _factor_lines(gone):
            say(accounts, f"removed: {each}")
        say(accounts, f"{user.email} is logged out everywhere, and told by mail.")
        if user.password is None and gone.passkeys:
            say(accounts, f"They have no password: wholestack user password {user.email} gives them one.")


def _factor_lines(held: HeldFactors) -> Iterator[str]:
    if held.totp is not None:
        wrong = f", wrong codes in a row: {held.totp.failures}" if held.totp.failures else ""
        yield f"totp, since {held.totp.confirmed_at:%Y-%m-%d}{wrong}"
    for each in held.passkeys:
        used = f"last used {each.last_used_at:%Y-%m-%d}" if each.last_used_at else "never used"
        yield f"passkey {_said(each.name)}, since {each.created_at:%Y-%m-%d}, {used}"
    if held.recovery:
        yield f"recovery codes, {held.recovery} left"
    if not held:
        yield "no second factor"


def tokens(
    target: str, email: str, *, name: str | None, scopes: tuple[str, ...], hints: tuple[str, ...], **options: Any
) -> None:
    """List a user's tokens, make one, or end some."""
    if name is None and (scopes or options["days"] or options["for_good"]):
        raise click.UsageError("Say --make NAME, too.")
    if options["days"] and options["for_good"]:
        raise click.UsageError("Say --days or --for-good.")
    with within(target) as (app, accounts):
        plugin = next((each for each in app.plugins if isinstance(each, Tokens)), None)
        if plugin is None:
            raise Stop("The app takes no tokens: app.use(Tokens()).")
        user = found(accounts, email)
        for hint in hints:
            _revoke(accounts, plugin, user, hint)
        if name is not None:
            lifetime = {"days": None} if options["for_good"] else {"days": options["days"]} if options["days"] else {}
            try:
                text = plugin.make(user, name, scopes=scopes, **lifetime)
            except (ValueError, OverflowError) as refused:
                raise Stop(f"{refused}") from refused
            say(accounts, "Keep it safe: nobody can show it again.", err=True)
            say(accounts, text)
        elif not hints:
            say(accounts, "\n".join([user.email, *_token_lines(accounts, user)]))


def _revoke(accounts: Accounts[Any], plugin: Tokens, user: Any, hint: str) -> None:
    table = accounts.tables.token
    rows = accounts.db.scalars(select(table).where(table.user_id == user.id)).all()
    meant = [each for each in rows if each.hint.startswith(hint)]
    if len(meant) != 1:
        raise Stop(
            f"{user.email} has {'several tokens that begin' if meant else 'no token that begins'} with {hint!r}."
        )
    say(accounts, f"revoked: {_said(meant[0].hint)}… {_said(meant[0].name)}")
    plugin.revoke(user, key=meant[0].id)


def _token_lines(accounts: Accounts[Any], user: Any) -> Iterator[str]:
    table = accounts.tables.token
    rows = accounts.db.scalars(select(table).where(table.user_id == user.id).order_by(table.created_at)).all()
    for each in rows:
        ends = f"ends {each.expires_at:%Y-%m-%d}" if each.expires_at else "does not end"
        used = f"last used {each.last_used_at:%Y-%m-%d}" if each.last_used_at else "never used"
        yield f"  {_said(each.hint)}… {_said(each.name)}: {', '.join(each.scopes) or 'no permissions'}; {ends}, {used}"
    if not rows:
        yield "  no token"


def _said(text: str) -> str:
    """What somebody has chosen, so that it does not write to this terminal by itself (CWE-150)."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


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
