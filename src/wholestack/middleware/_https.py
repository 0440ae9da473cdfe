"""HTTPS only: where plain HTTP is sent, and how browsers are told to remember it (RFC 6797)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Generator, Sequence

from wholestack import App, Forbidden, Redirect, Request, Response
from wholestack.errors import Fault
from wholestack.http import safe_redirect

from ._faults import bad_guard, outside, texts
from ._place import HTTPS, place

# Also of a WebSocket's handshake, which is no GET here: over plain HTTP it is refused.
_SECURE = frozenset({"https", "wss"})
_YEAR = 365 * 24 * 3600
_SHORT = 180 * 24 * 3600
_PORT = re.compile(r":[0-9]{1,5}\Z")


@dataclasses.dataclass(frozen=True)
class HTTPSOnly:
    """Send plain HTTP to HTTPS, refuse what has told its secret already, and let browsers remember (HSTS).

    A `GET` or `HEAD` is sent to the same address with https (308); anything else is a 403. Behind a proxy that ends
    TLS, `TrustedProxies` says what the client used.

    Arguments:
        max_age: for how many seconds browsers go straight to https; 0 makes them forget.
        subdomains: this holds for every name below the host, too.
        preload: the host may be put on the browsers' own lists, from which it does not come off in months.
        exempt: paths that are answered over plain HTTP, such as a health check's.
        port: the port of https in the redirect.

    Raises:
        SetupError: `preload` without `subdomains` and a year, which the lists ask for.

    Example:
        >>> HTTPSOnly(subdomains=True).hsts
        'max-age=31536000; includeSubDomains'
    """

    max_age: int = _YEAR
    subdomains: bool = False
    preload: bool = False
    exempt: Sequence[str] = ()
    port: int = 443

    def __post_init__(self) -> None:
        if self.max_age < 0:
            raise bad_guard("HTTPSOnly(max_age=…) is negative.", "Give seconds; 0 makes browsers forget.")
        if self.preload and not (self.subdomains and self.max_age >= _YEAR):
            cure = f"HTTPSOnly(max_age={_YEAR}, subdomains=True, preload=True)"
            raise bad_guard("The preload lists ask for a year and for all subdomains.", cure)
        if not 1 <= self.port <= 65535:
            raise bad_guard(f"HTTPSOnly(port={self.port}) is no port.", "Leave it out for 443.")
        object.__setattr__(self, "exempt", texts(self.exempt, "exempt"))
        object.__setattr__(self, "_where", outside())

    @property
    def hsts(self) -> str:
        """The field value that browsers remember."""
        words = [f"max-age={self.max_age}"]
        words += ["includeSubDomains"] if self.subdomains else []
        return "; ".join(words + (["preload"] if self.preload else []))

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        exempt, hsts = frozenset(self.exempt), self.hsts

        def https_only(request: Request) -> Generator[None, Response, Response]:
            if request.scheme in _SECURE:
                response = yield
                response.headers.set("strict-transport-security", hsts)
                return response
            if request.path not in exempt:
                return self._elsewhere(request)
            return (yield)

        place(app, HTTPS, https_only)
        app.check(self._short)

    def _elsewhere(self, request: Request) -> Response:
        name = _PORT.sub("", request.host.lower())
        host = name if self.port == 443 else f"{name}:{self.port}"
        target = f"https://{host}/{request.url.partition('://')[2].partition('/')[2]}"
        # A host that the gate refuses is sent nowhere.
        if request.method not in {"GET", "HEAD"} or not safe_redirect(target, {host}):
            raise Forbidden("Send this over https. What was in it has been readable on the way.", code="https-only")
        return Redirect(target, 308, hosts=[host])

    def _short(self) -> list[Fault]:
        if self.max_age >= _SHORT:
            return []
        message = f"HTTPSOnly(max_age={self.max_age}) is forgotten before most users come again."
        return [
            Fault("no-hsts", message, vars(self)["_where"], f"HTTPSOnly(max_age={_YEAR}), once https is there to stay.")
        ]
