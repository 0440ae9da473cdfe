"""The browser's own name, by which an account knows a browser that it was let in with before.

The cookie opens nothing. It says that whoever tries a password here has known it before, so that the owner of an
account that others attack is not kept waiting; and a login without it is told to the owner by mail.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets

from wholestack import Request, Response
from wholestack.settings import SigningKeys

COOKIE = "device"
_YEAR = 365 * 86_400
_MOST = 5
"""Accounts that one browser is known to."""
_PURPOSE = "device"
_LONGEST = 1_000
_OURS = re.compile(r"[\w-]{22}(?:\.[\w-]+)+", re.ASCII)


class Device:
    """The browser of a request.

    Arguments:
        keys: what signs.
        request: the request.
        secure: whether its cookie is for https only, whatever the request came by.
    """

    def __init__(self, keys: SigningKeys, request: Request, *, secure: bool) -> None:
        self._keys = keys
        self._secure = secure or request.scheme in {"https", "wss"}
        text = request.cookies.get(self._name) or ""
        # What is not of our making is none: it could not be sent back, and its sender would have chosen the name.
        first, *rest = text.split(".")[: _MOST + 1] if len(text) < _LONGEST and _OURS.fullmatch(text) else [""]
        self.id: str = first
        self._signatures: list[str] = rest
        self._changed = False

    @property
    def _name(self) -> str:
        return f"__Host-{COOKIE}" if self._secure else COOKIE

    def knows(self, user: str) -> bool:
        """Whether somebody was let in here as this user before."""
        if not self.id or not self._signatures:
            return False
        taken = [_text(each) for each in self._keys.signatures(_PURPOSE, self.id, user)]
        return any(hmac.compare_digest(each.encode(), one.encode()) for each in self._signatures for one in taken)

    def learn(self, user: str) -> None:
        """Take note that somebody was let in here as this user."""
        if self.knows(user):
            return
        if not self.id or not self._signatures:
            self.id, self._signatures = secrets.token_urlsafe(16), []
        own = _text(self._keys.signed(_PURPOSE, self.id, user))
        self._signatures = [own, *self._signatures][:_MOST]
        self._changed = True

    def finish(self, response: Response) -> None:
        """Give the answer its cookie, where there is something new."""
        if self._changed:
            text = ".".join([self.id, *self._signatures])
            response.set_cookie(self._name, text, secure=self._secure, max_age=_YEAR)


def _text(signature: bytes) -> str:
    return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_name(agent: str) -> str:
    """What a browser calls itself, in words for people; what is none of the common ones stays as it is.

    Example:
        >>> browser_name("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")
        'Firefox, Linux'
        >>> browser_name("curl/8.1")
        'curl/8.1'
    """
    browser = next((name for mark, name in _BROWSERS if mark in agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in agent), None)
    return f"{browser}, {system}" if browser and system else agent[:80]
