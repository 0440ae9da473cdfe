"""Sessions in the cookie itself: signed, so that nobody changes one, and readable by whoever has it."""

from __future__ import annotations

import base64
import datetime
import hmac
import json
import re
from typing import Any

from wholestack.errors import WholestackError

from ._kept import StoredSession
from ._keys import Keys, encoded

LONGEST = 4096
"""Bytes that browsers keep of a cookie, its name and attributes included (RFC 6265bis §5.6)."""
_ATTRIBUTES = 128
_PURPOSE = "session"
_FORM = re.compile(r"([\w-]{43})\.([\w-]{1,4096})\.([\w-]{43})", re.ASCII)


class SessionTooLarge(WholestackError):
    """What a session holds does not fit into a cookie: keep it in a `DatabaseSessions`, or keep less."""

    code: str = "session-too-large"


class CookieSessions:
    """Sessions in the visitor's own cookie: no table, and no state on the server.

    Stated limits: the visitor can read the data; it is at most 4 kB with all that surrounds it; of two requests at once
    the last answer wins; and **nothing can be revoked**: a copied cookie is good until it expires, also after logout.
    So there is no list of devices, and it is no choice for a login that must end when it is told to.

    Example:
        >>> keys, now = Keys("k" * 32), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        >>> kept = StoredSession({"Cart": {"count": 2}}, now, now, now)
        >>> text = CookieSessions().write(keys, "session", "i" * 43, kept)
        >>> CookieSessions().read(keys, "session", text).data
        {'Cart': {'count': 2}}
        >>> CookieSessions().read(Keys("other" * 8), "session", text)
    """

    shared: bool = True
    waits: bool = False

    def write(self, keys: Keys, name: str, id: str, kept: StoredSession) -> str:
        """The text of a session's cookie.

        Raises:
            SessionTooLarge: no browser would keep it.
        """
        times = [each.timestamp() for each in (kept.created_at, kept.seen_at, kept.expires_at)]
        found = {"times": times, "user": kept.user, "data": kept.data}
        payload = encoded(json.dumps(found, separators=(",", ":")).encode())
        text = f"{id}.{payload}.{encoded(keys.signed(_PURPOSE, name, id, payload))}"
        size = len(name) + len(text) + _ATTRIBUTES
        if size > LONGEST:
            raise SessionTooLarge(
                f"A session's cookie would have {size} bytes with its attributes, and browsers keep {LONGEST}. "
                "Keep less in the session, or keep sessions on the server: Sessions(DatabaseSessions())."
            )
        return text

    def read(self, keys: Keys, name: str, text: str) -> StoredSession | None:
        """The session in a cookie that one of the keys has signed under this name; None for any other."""
        found = _FORM.fullmatch(text)
        if found is None:
            return None
        own, payload, signature = found.groups()
        # The texts are compared, and not their bytes, of which several texts can be the form.
        taken = [encoded(each) for each in keys.signatures(_PURPOSE, name, own, payload)]
        if not any(hmac.compare_digest(each, signature) for each in taken):
            return None
        return _read(payload)

    def __repr__(self) -> str:
        return "<CookieSessions>"


def _read(payload: str) -> StoredSession | None:
    """What a payload of ours says; an earlier release may have written it in another form."""
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        created, seen, expires = (datetime.datetime.fromtimestamp(each, datetime.UTC) for each in found["times"])
        return StoredSession(
            {str(name): dict(fields) for name, fields in found["data"].items()}, created, seen, expires, found["user"]
        )
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return None
