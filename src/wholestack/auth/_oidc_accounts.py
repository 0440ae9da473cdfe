"""Whose account a login at a provider opens: the one it is linked with, and no other by an address alone.

An address opens an account by itself only where the provider is trusted for it, has proven it, and the account's own
was proven, too. Else somebody who writes another's address at some provider would be let in; and somebody who makes an
account with another's address, and waits, would keep a way into it (pre-hijacking).
"""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from sqlalchemy import delete

from wholestack.db import select
from wholestack.languages import gettext

from ._accounts import Accounts
from ._links import HOUR, digest_of
from ._oidc_terms import ExternalLogins, Flow, Profile, Provider, Refusal
from ._user import normal_email
from ._ways import has_way_in

PROOF = "external-proof"
"""What the link is for that proves the address of who signs up by a provider."""
_log = logging.getLogger("wholestack.auth")


@dataclasses.dataclass(frozen=True)
class Entered:
    """What has become of a login.

    Attributes:
        user: who is in, or half way in; None where a mail is awaited.
        step: the path of the second factor, where one is awaited.
        mailed: the address that a mail is on its way to.
        proof: the digest of the link in that mail, which holds in this browser only.
        next: where the person was on the way to, before the mail.
    """

    user: Any = None
    step: str | None = None
    mailed: str = ""
    proof: str = ""
    next: str = ""


def check_profile(provider: Provider, profile: Profile) -> None:
    """Whether a provider's people include this one: of the right domain, tenant, …

    Raises:
        Refusal: they do not.
    """
    domain = normal_email(profile.email).rpartition("@")[2] if profile.is_verified else ""
    if provider.domains and domain not in provider.domains:
        raise Refusal(gettext("This login is not one of those that are let in here."), "domain")
    for name, taken in provider.only.items():
        if profile.claims.get(name) not in taken:
            raise Refusal(gettext("This login is not one of those that are let in here."), f"claim {name}")


def linked(accounts: Accounts[Any], profile: Profile) -> Any:
    """The row that links a login at a provider with a user here; None where there is none."""
    external = accounts.tables.external
    wanted = select(external).where(external.issuer == profile.issuer, external.subject == profile.subject)
    return accounts.db.scalar(wanted)


def enter(accounts: Accounts[Any], provider: Provider, profile: Profile, flow: Flow, *, may_sign_up: bool) -> Entered:
    """Let somebody in who has logged in at a provider.

    Arguments:
        accounts: the request's.
        provider: at whom.
        profile: who they are there.
        flow: the login that was under way.
        may_sign_up: whether an account may be made.

    Raises:
        Refusal: nobody here is known by it, and it opens nothing.
        IntegrityError: somebody was faster, in another tab.
    """
    row = linked(accounts, profile)
    if row is not None:
        user = accounts.db.get(accounts.tables.user, row.user_id)
        row.email, row.last_used_at = profile.email, accounts.now()
        return _let_in(accounts, provider, profile, user)
    if not profile.is_verified:
        raise Refusal(_unknown(), "unknown, without a proven address")
    known: Any = accounts.find(profile.email)
    trusted = provider.trusts_email(profile.claims)
    if known is not None and trusted and known.email_confirmed_at is not None:
        link(accounts, known, provider, profile)
        return _let_in(accounts, provider, profile, known)
    if not may_sign_up:
        raise Refusal(_unknown(), "unknown")
    if trusted and known is None:
        return _let_in(accounts, provider, profile, _made(accounts, provider, profile))
    # From outside it looks the same whether there is an account.
    return _mail_proof(accounts, provider, profile, flow, known)


def _unknown() -> str:
    return gettext(
        "This login is not linked with an account here. If you have one, log in to it first, and link it there."
    )


def _let_in(accounts: Accounts[Any], provider: Provider, profile: Profile, user: Any) -> Entered:
    if not user.is_active:
        raise Refusal(gettext("This account is closed."), "closed")
    if accounts.must_confirm and user.email_confirmed_at is None:
        accounts.mail_confirmation(user, user.password)  # Who has begun it must also read the mail, in this browser.
        return Entered(mailed=user.email)
    synchronise_roles(accounts, provider, profile, user)
    step = accounts.log_in(user, *provider.methods(profile.claims), remember=provider.remember)
    return Entered(user, step)


def _made(accounts: Accounts[Any], provider: Provider, profile: Profile) -> Any:
    user: Any = accounts.create(profile.email, **provider.fields(profile.claims))
    user.email_confirmed_at = accounts.now()
    link(accounts, user, provider, profile, tell=False)
    return user


def link(accounts: Accounts[Any], user: Any, provider: Provider, profile: Profile, *, tell: bool = True) -> None:
    """Link a login at a provider with a user, who is told by mail.

    Raises:
        Refusal: it is linked with somebody already.
        IntegrityError: somebody was faster, in another tab.
    """
    row = linked(accounts, profile)
    if row is not None:
        mine = row.user_id == user.id
        message = (
            gettext("This login is linked already.") if mine else gettext("This login belongs to another account.")
        )
        raise Refusal(message, "linked already")
    made = accounts.tables.external(
        user_id=user.id,
        issuer=profile.issuer,
        subject=profile.subject,
        email=profile.email,
        last_used_at=accounts.now(),
        created_at=accounts.now(),
    )
    accounts.db.add(made)
    accounts.db.flush()
    accounts.note("external-linked", user, provider=provider.name)
    if tell:
        accounts.mail("account/mail/external-linked", user.email, provider=provider.title)


def unlink(accounts: Accounts[Any], user: Any, key: Any) -> bool:
    """Take a link away, unless it is the last way into the account.

    Arguments:
        accounts: the request's.
        user: whose.
        key: the link's.

    Returns:
        whether it is gone.
    """
    external, db = accounts.tables.external, accounts.db
    accounts.lock(user.id)  # Of two that go at once, one must see that the other is gone.
    row = db.scalar(select(external).where(external.user_id == user.id, external.id == key).with_for_update())
    if row is None:
        return False
    opens = accounts._means.ways.knows_issuer(row.issuer)
    if opens and not has_way_in(accounts, user, external=row.id):
        raise Refusal(gettext("This is the last way into your account. Set a password first."), "last way in")
    db.execute(delete(external).where(external.id == row.id))
    accounts.note("external-unlinked", user, issuer=row.issuer)
    accounts.mail("account/mail/external-unlinked", user.email, provider=row.issuer)
    return True


# -- proof by mail -----------------------------------------------------------------------------------------------------


def _mail_proof(accounts: Accounts[Any], provider: Provider, profile: Profile, flow: Flow, known: Any) -> Entered:
    email = normal_email(profile.email)
    text = accounts.links.make(
        PROOF, None, lifetime=HOUR, provider=provider.name, issuer=profile.issuer, subject=profile.subject, email=email,
        claims=dict(profile.claims), next=flow.next,
    )  # fmt: skip
    if known is None:
        accounts.mail("account/mail/external-proof", email, provider=provider.title, name=provider.name, token=text)
    else:
        accounts.mail("account/mail/external-known", known.email, provider=provider.title)
    return Entered(mailed=email, proof=digest_of(text))


def prove(accounts: Accounts[Any], provider: Provider, kept: ExternalLogins, token: str) -> Entered:
    """Make the account of who has shown the link that was mailed, in the browser in which the login was begun.

    Raises:
        Refusal: the link is of another browser, was used, or has ended.
    """
    # Who opens the mail may not be who has logged in there: they would make an account that both can open.
    if not kept.proof or kept.proof != digest_of(token):
        message = gettext("Open this link in the browser in which you have begun, or begin again.")
        raise Refusal(message, "proof of another browser")
    found = accounts.links.take(PROOF, token)
    if found is None or found.data["provider"] != provider.name or accounts.find(found.data["email"]) is not None:
        raise Refusal(gettext("This link was used already, or has ended."), "proof ended")
    data = found.data
    profile = Profile(data["issuer"], data["subject"], data["email"], True, data["claims"])
    entered = _let_in(accounts, provider, profile, _made(accounts, provider, profile))
    return dataclasses.replace(entered, next=data["next"])


# -- roles -------------------------------------------------------------------------------------------------------------


def synchronise_roles(accounts: Accounts[Any], provider: Provider, profile: Profile, user: Any) -> None:
    """Give and take the roles that the provider's groups stand for; others are left alone."""
    if not provider.roles:
        return
    tables, db = accounts.tables, accounts.db
    role, membership = tables.role, tables.membership
    groups = provider.groups(profile.claims)
    wanted = {name for group, name in provider.roles.items() if group in groups}
    found = select(role).where(role.name.in_({*provider.roles.values()}))
    keys = {row.name: row.id for row in db.scalars(found)}
    for missing in sorted(wanted - keys.keys()):
        _log.warning("There is no role of the name that a group at %s stands for: %r", provider.name, missing)
    mine = membership.user_id == user.id
    # Locked, the user first: two logins at once must not give a role twice.
    db.execute(select(tables.user.id).where(tables.user.id == user.id).with_for_update())
    held = {
        *db.scalars(select(membership.role_id).where(mine, membership.role_id.in_(keys.values())).with_for_update())
    }
    added = [name for name in sorted(wanted & keys.keys()) if keys[name] not in held]
    removed = [name for name, key in sorted(keys.items()) if name not in wanted and key in held]
    for name in added:
        db.add(membership(user_id=user.id, role_id=keys[name]))
    if removed:
        db.execute(delete(membership).where(mine, membership.role_id.in_([keys[name] for name in removed])))
    if added or removed:
        db.flush()
        accounts.note("roles-changed", user, provider=provider.name, added=added, removed=removed)
