"""The words of `wholestack user`; everything heavy is loaded when a command runs."""

from __future__ import annotations

from typing import Any

import click

from ._words import Commands

WORDS = click.argument("words", nargs=-1, metavar="[APP] EMAIL", required=True)


@click.group("user", cls=Commands)
def user() -> None:
    """Look after the users of an app.

    APP is what it is for all commands: a file, a module or a folder. Each change is a line of the audit trail.
    """


@user.command()
@WORDS
@click.option("--staff", is_flag=True, help="A member of staff.")
@click.option("--superuser", is_flag=True, help="With every permission.")
@click.option("--role", "roles", multiple=True, metavar="NAME", help="In this role, which there is (again and again).")
@click.option("--no-password", is_flag=True, help="Without one: they are mailed a link to choose it by.")
@click.option("--service", is_flag=True, help="No person but a program: without a password, let in by tokens alone.")
@click.option("--set", "fields", multiple=True, metavar="COLUMN=TEXT", help="A further column (again and again).")
def add(words: tuple[str, ...], **options: Any) -> None:
    """Make a user, whose address counts as confirmed; the password is asked for, or read from a pipe."""
    from ._user_do import add

    add(*_split(words, 1), **options)


@user.command()
@WORDS
@click.option("--role", "roles", multiple=True, metavar="NAME", help="A role that they have then (again and again).")
@click.option(
    "--days", default=7.0, show_default=True, type=click.FloatRange(0, 365, min_open=True), help="For so long."
)
def invite(words: tuple[str, ...], **options: Any) -> None:
    """Mail an invitation to make an account, where sign-up is by invitation."""
    from ._user_do import invite

    invite(*_split(words, 1), **options)


@user.command("list")
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--staff", is_flag=True, help="Staff and superusers only.")
@click.option("--find", metavar="TEXT", default="", help="Whose address holds this.")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1), help="So many at most.")
@click.option("--json", is_flag=True, help="As JSON.")
def show(words: tuple[str, ...], **options: Any) -> None:
    """List users: address, state, roles, last login."""
    from ._user_do import show

    show(words[0] if words else ".", **options)


@user.command()
@WORDS
def password(words: tuple[str, ...]) -> None:
    """Give a user a new password, asked for or read from a pipe; all their sessions end."""
    from ._user_do import password

    password(*_split(words, 1))


@user.command()
@WORDS
@click.option("--role", "roles", multiple=True, metavar="NAME", help="A role that there is; `!NAME` takes it away.")
@click.option("--staff/--no-staff", default=None, help="A member of staff, or none.")
@click.option("--superuser/--no-superuser", default=None, help="Every permission, or not.")
@click.option("--active/--closed", default=None, help="Whether they may come in.")
def grant(words: tuple[str, ...], **options: Any) -> None:
    """Change what a user may: roles, staff, superuser, whether the door is open."""
    from ._user_do import grant

    grant(*_split(words, 1), **options)


@user.command()
@click.argument("words", nargs=-1, metavar="[APP] NAME [PERMISSION]…", required=True)
@click.option("--app", "target", default=".", metavar="APP", help="The app, where it is not in this folder.")
def role(words: tuple[str, ...], target: str) -> None:
    """Make a role, or give one other permissions; without any it is shown."""
    from ._user_do import role

    role(target, words[0], words[1:])


@user.command("revoke-sessions")
@WORDS
def revoke_sessions(words: tuple[str, ...]) -> None:
    """Log a user out everywhere, at once."""
    from ._user_do import revoke_sessions

    revoke_sessions(*_split(words, 1))


@user.command()
@WORDS
@click.option(
    "--remove",
    "kinds",
    multiple=True,
    type=click.Choice(["totp", "passkeys", "recovery", "all"]),
    help="Take these away (again and again).",
)
def factors(words: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    """List a user's second factors; take them away from who has lost them, which logs them out and is mailed."""
    from ._user_do import factors

    factors(*_split(words, 1), kinds=kinds)


@user.command()
@WORDS
@click.option("--make", "name", metavar="NAME", help="Make one that is called so; its text is shown once.")
@click.option(
    "--scope", "scopes", multiple=True, metavar="PERMISSION", help="What it carries (again and again); * is all."
)
@click.option("--days", type=click.FloatRange(0, min_open=True), help="It ends after so many.")
@click.option("--for-good", is_flag=True, help="It does not end by itself.")
@click.option("--revoke", "hints", multiple=True, metavar="HINT", help="End the one that begins so (again and again).")
def tokens(words: tuple[str, ...], **options: Any) -> None:
    """List a user's tokens for programs; make one, or end some."""
    from ._user_do import tokens

    tokens(*_split(words, 1), **options)


@user.command("import")
@click.argument("words", nargs=-1, metavar="[APP] DATABASE_URL", required=True)
@click.option("--table", default="auth_user", show_default=True, help="Django's table of users.")
@click.option(
    "--set", "fields", multiple=True, metavar="COLUMN=DJANGOS", help="A column of yours from one of Django's."
)
@click.option("--confirmed", is_flag=True, help="Each address counts as proven: the site has asked for proof.")
@click.option(
    "--confirmed-by",
    metavar="COLUMN",
    help="An address counts as proven where this column holds true or a moment; or TABLE.COLUMN.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def take_over(words: tuple[str, ...], **options: Any) -> None:
    """Take over the users of a Django site, with passwords, groups and permissions.

    Without --confirmed each of them proves their address by a link when they first log in.
    """
    from ._user_do import take_over

    take_over(*_split(words, 1), **options)


def _split(words: tuple[str, ...], count: int) -> tuple[str, ...]:
    """`[APP]` and what follows it.

    Example:
        >>> _split(("ann@example.org",), 1), _split(("app.py", "ann@example.org"), 1)
        (('.', 'ann@example.org'), ('app.py', 'ann@example.org'))
    """
    if len(words) == count:
        return (".", *words)
    if len(words) == count + 1:
        return words
    raise click.UsageError("Say [APP] and an address.")
