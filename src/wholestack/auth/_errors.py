"""What login says no with."""

from __future__ import annotations

import re

from wholestack import Forbidden, Unauthorized, WholestackError

CHALLENGE = "Bearer"
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""What may stand in a header as a scope (RFC 6749 §3.3)."""


class LoginRequired(Unauthorized):
    """401: nobody is logged in. A browser that asks for a page is sent to the login, and comes back afterwards.

    Example:
        >>> LoginRequired().headers["www-authenticate"]
        'Bearer'
    """

    code: str = "login-required"

    def __init__(self, detail: str = "This needs a login.") -> None:
        super().__init__(detail, challenge=CHALLENGE)


class TokenRefused(Unauthorized):
    """401: the token in `Authorization` is none of ours, or has ended. It says not which (RFC 6750 §3.1)."""

    code: str = "token-refused"

    def __init__(self, detail: str = "The token is not valid, or has ended.") -> None:
        super().__init__(detail, challenge=f'{CHALLENGE} error="invalid_token"')


class ScopeMissing(Forbidden):
    """403: the token that was shown does not carry what this needs (RFC 6750 §3.1), whatever its owner may.

    Arguments:
        scope: what it would have to carry; ``"*"`` is all that its owner may.

    Example:
        >>> ScopeMissing("news.publish").headers["www-authenticate"]
        'Bearer error="insufficient_scope", scope="news.publish"'
    """

    code: str = "scope-missing"
    unjudged: bool = True

    def __init__(self, scope: str) -> None:
        named = f', scope="{scope}"' if _SCOPE.fullmatch(scope) else ""
        challenge = f'{CHALLENGE} error="insufficient_scope"{named}'
        super().__init__(f"The token does not carry {scope!r}.", headers={"www-authenticate": challenge})


class LoginTooOld(Forbidden):
    """403: this needs somebody who has proven a short while ago who they are. A browser is sent to do so again."""

    code: str = "login-too-old"


class SecondFactorRequired(Forbidden):
    """403: this needs a login with a second factor. A browser is sent to where one is shown, or set up."""

    code: str = "second-factor-required"


class NoTenant(Forbidden):
    """403: what is asked for belongs to a tenant, and the request is for none."""

    code: str = "no-tenant"

    def __init__(self, detail: str = "This belongs to a tenant, and you act for none.") -> None:
        super().__init__(detail)


class ForeignRow(Forbidden):
    """403: a row is written, or referred to, that is not the tenant's, or is not there. It says not which."""

    code: str = "foreign-row"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} refers to a row that you do not have.")


class UnscopedStatement(WholestackError):
    """A statement through a session of one tenant reads or writes rows that it does not filter."""

    code = "unscoped-statement"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why} Write it with the models, as `select(Model)` and `update(Model).where(…)`; or, for the rows of all "
            "tenants, by name: `with unscoped(db) as everything:`."
        )
