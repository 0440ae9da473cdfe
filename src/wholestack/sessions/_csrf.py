"""The guard against requests that another site has made a browser send (cross-site request forgery)."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from typing import Any

from markupsafe import Markup

from wholestack import Forbidden, Request
from wholestack.http import parse_media_type
from wholestack.routing import Route

from ._keys import encoded
from ._origin import Trusted, origin_of, own_origin
from ._visit import Terms, Visit, base_sent

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""
FIELD, HEADER = "csrf_token", "x-csrf-token"
_AMBIENT = frozenset({"basic", "digest", "negotiate", "ntlm"})
"""Schemes of `Authorization` that a browser sends by itself."""
_TOKEN = re.compile(r"[\w-]{86}", re.ASCII)
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_SIZE = 32
_PURPOSE = "csrf"
_SILENT = "The request has neither `Origin` nor `Sec-Fetch-Site`"


def is_guarded(route: Route) -> bool:
    """Whether requests for a route are looked at; one without methods of its own takes all.

    Example:
        >>> is_guarded(Route(("GET",), "/", print, {}, "")), is_guarded(Route((), "/old", print, {}, ""))
        (False, True)
    """
    return route.options.get("csrf") is not False and not (route.methods and {*route.methods} <= SAFE | {"WEBSOCKET"})


class Guard:
    """Refuses what another site has made a browser send.

    Arguments:
        terms: the keys, and the names of cookies.
        trusted: other sites whose pages may send requests.
    """

    def __init__(self, terms: Terms, trusted: Trusted) -> None:
        self._terms = terms
        self._trusted = trusted

    # -- tokens --------------------------------------------------------------------------------------------------

    def token(self, visit: Visit) -> str:
        """A token for a form of this visitor's: another text each time, so that a packed page does not betray it.

        Source: BREACH (2013), §3.4 "masking secrets".
        """
        found, mask = self._terms.keys.signed(_PURPOSE, visit.token_base), secrets.token_bytes(_SIZE)
        token = encoded(mask + _mixed(mask, found))
        vars(visit.request).setdefault("wholestack.personal", []).append(("csrf_token", token))  # No cache keeps it.
        return token

    def field(self, visit: Visit) -> Markup:
        """The token as a hidden field of a form."""
        # A token has letters, digits, - and _ only.
        return Markup(f'<input type="hidden" name="{FIELD}" value="{self.token(visit)}">')  # noqa: S704

    def _takes(self, request: Request) -> bool:
        """Whether the request has a token that was given to this visitor."""
        form: Any = request.form
        fields = form.fields if form is not None else ()
        text = request.headers.get(HEADER) or next((value for name, value in fields if name == FIELD), "")
        base = base_sent(self._terms, request) if _TOKEN.fullmatch(text) else None
        if base is None:
            return False
        raw = base64.urlsafe_b64decode(text + "==")
        found = _mixed(raw[:_SIZE], raw[_SIZE:])
        return any(hmac.compare_digest(each, found) for each in self._terms.keys.signatures(_PURPOSE, base))

    # -- requests ------------------------------------------------------------------------------------------------

    def judge(self, request: Request) -> None:
        """Refuse a request that another site may have sent.

        Raises:
            Forbidden: `csrf-failed`, which says why.
        """
        if request.method in SAFE:
            return
        headers = request.headers
        scheme = (headers.get("authorization") or "").partition(" ")[0].lower()
        if scheme and scheme not in _AMBIENT:
            return  # No browser adds such a field by itself.
        sites, origins = headers.get_all("sec-fetch-site"), headers.get_all("origin")
        origin = origins[0] if len(origins) == 1 else None
        if sites in (["same-origin"], ["none"]) or (origin is not None and origin in self._trusted):
            return
        own = own_origin(request)
        if sites:
            raise _refused(
                f"The browser says that another site sent this request ({origin or 'it does not say which'})."
            )
        if origins:
            if origin != own:
                raise _refused(f"This request comes from {origin or 'several origins'}, and the app's own is {own}.")
            return
        if not scheme and "cookie" not in headers:
            return  # Nothing in it that a browser would have added.
        self._judge_old(request, own)

    def _judge_old(self, request: Request, own: str) -> None:
        """A client that does not say where a request comes from, as old browsers do not."""
        if request.scheme == "https":
            referer = origin_of(request.headers.get("referer") or "")
            if referer != own and (referer is None or referer not in self._trusted):
                raise _refused(f"{_SILENT}, and its `Referer` is no page of this app.")
        if not self._takes(request):
            unread = ""
            if request.form is None and parse_media_type(request.headers.get("content-type") or "")[0] in _FORMS:
                unread = f" The handler reads no form, so this one was not read: give it `{FIELD}: Form[str] = ''`."
            raise _refused(
                f"{_SILENT}, and no right token: `{FIELD}` in the form, or the header `{HEADER}`. "
                f"A token is no longer right after a login or logout.{unread}"
            )


def _mixed(mask: bytes, found: bytes) -> bytes:
    """Each bit of a text turned over where the mask has a one; the same mask again gives the text."""
    return (int.from_bytes(mask) ^ int.from_bytes(found)).to_bytes(_SIZE)


def _refused(why: str) -> Forbidden:
    advice = (
        "Nothing was done. Load the page again and send its form from there. Who writes the app: another site of yours "
        "goes into trusted_origins; a proxy that ends https is named with TrustedProxies; a route for programs that "
        "takes no cookies says csrf=False."
    )
    return Forbidden(f"{why} {advice}", code="csrf-failed")
