"""Who comes into the admin: how long somebody may be away, and what `wholestack check` says of a door that a password
alone opens.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any

import pydantic

from wholestack import App, Rule, rule
from wholestack.auth import TOTP, Identity, LoginTooOld, Passkeys, mfa
from wholestack.db import stage
from wholestack.errors import Fault
from wholestack.sessions import BrowserSession

_MFA = mfa().name


class AdminVisit(pydantic.BaseModel):
    """What a session keeps of somebody's time in the admin.

    Attributes:
        seen_at: when they last asked for a page, to a tenth of the limit.
    """

    seen_at: datetime.datetime | None = None


def not_idle(minutes: float) -> Rule:
    """A rule that lets pass who was in the admin, or has proven who they are, within so many minutes; a browser is sent
    to do so again.

    Who acts for somebody else, or shows a token, never passes.
    """
    limit = datetime.timedelta(minutes=minutes)

    def recently_here(identity: Identity[Any], session: BrowserSession[AdminVisit]) -> None:
        identity.required()
        visit, now = session.data, identity.now()
        moments = [each for each in (visit.seen_at, identity.login.confirmed_at) if each is not None]
        if identity.impersonator is not None or identity.by_token or not moments or now - max(moments) > limit:
            raise LoginTooOld("Log in again for this: you were away for too long.")
        if visit.seen_at is None or now - visit.seen_at > limit / 10:
            visit.seen_at = now

    recently_here.__name__ = recently_here.__qualname__ = f"not_idle(minutes={minutes:g})"
    return rule(recently_here)


def faults(app: App, needs: Sequence[Rule], where: str) -> Iterator[Fault]:
    """An admin in production that a password alone opens. Where second factors can be set up, what brings them says
    ``staff-without-mfa`` of all routes for staff.
    """
    asked = any(leaf.name == _MFA for each in needs for leaf in each.leaves())
    if stage() == "production" and not asked and not any(isinstance(each, (TOTP, Passkeys)) for each in app.plugins):
        message = "The admin is open by a password alone, and there is no second factor that staff could set up."
        yield Fault("staff-without-mfa", message, where, "app.use(TOTP(), …, Admin(…, needs=mfa()))")
