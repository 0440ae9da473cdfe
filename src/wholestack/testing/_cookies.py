"""The cookies that a client keeps, as a browser would (RFC 6265, RFC 6265bis)."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Container, Iterator, MutableMapping

from wholestack.http import parse_date

_TRUSTED = ("testserver", "localhost", "127.0.0.1", "[::1]")


@dataclasses.dataclass(slots=True)
class KeptCookie:
    """A cookie in the jar.

    Attributes:
        host_only: sent to this host only, not to those below it.
        expires: seconds since the epoch; None until the client ends.
    """

    name: str
    value: str
    domain: str
    path: str = "/"
    host_only: bool = True
    secure: bool = False
    httponly: bool = False
    samesite: str | None = None
    expires: float | None = None


class CookieJar(MutableMapping[str, str]):
    """What the server has set, sent back by path, domain, `Secure` and expiry; by name it is a plain mapping.

    As browsers do for localhost, a `Secure` cookie also goes to ``http://testserver`` and ``http://localhost``.

    Example:
        >>> jar = CookieJar("testserver")
        >>> jar["theme"] = "dark"
        >>> jar.take("http", "testserver", "/shop/cart", ["id=7; Path=/shop; Secure; HttpOnly"])
        >>> jar.header("http", "testserver", "/shop/")
        'id=7; theme=dark'
        >>> jar.header("http", "testserver", "/other"), dict(jar)
        ('theme=dark', {'theme': 'dark', 'id': '7'})
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._kept: dict[tuple[str, str, str], KeptCookie] = {}

    # -- by name -------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> str:
        for cookie in self.all():
            if cookie.name == name:
                return cookie.value
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        found = [key for key in self._kept if key[2] == name]
        if not found:
            raise KeyError(name)
        for key in found:
            del self._kept[key]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(cookie.name for cookie in self.all()))

    def __len__(self) -> int:
        return len({cookie.name for cookie in self.all()})

    def __repr__(self) -> str:
        # Values may be secrets: a repr shows names only.
        return f"<CookieJar {', '.join(self)}>"

    def set(self, name: str, value: str, *, domain: str | None = None, path: str = "/", secure: bool = False) -> None:
        """Keep a cookie as if the server had set it, for the client's host or for `domain` and what is below it."""
        self._keep(KeptCookie(name, value, (domain or self._host).lstrip(".").lower(), path, domain is None, secure))

    def all(self) -> list[KeptCookie]:
        """Every cookie that has not expired, with its attributes."""
        now = time.time()
        expired = [key for key, cookie in self._kept.items() if cookie.expires is not None and cookie.expires <= now]
        for key in expired:
            del self._kept[key]
        return list(self._kept.values())

    # -- as a browser --------------------------------------------------------------------------------------------

    def header(self, scheme: str, host: str, path: str, but: Container[str] = ()) -> str:
        """The Cookie field for a request, longer paths first, without the names in `but`; empty where no cookie fits.

        Source: RFC 6265 §5.4.
        """
        trusted = _trusted(scheme, host)
        fitting = [
            cookie
            for cookie in self.all()
            if (host == cookie.domain if cookie.host_only else _below(host, cookie.domain))
            and _path_matches(path, cookie.path)
            and (trusted or not cookie.secure)
            and cookie.name not in but
        ]
        fitting.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in fitting)

    def take(self, scheme: str, host: str, path: str, fields: list[str]) -> None:
        """Take the Set-Cookie fields of an answer in; what a browser would refuse is left out (RFC 6265bis §5.7)."""
        for field in fields:
            cookie = parse_set_cookie(field, host, path)
            if cookie is not None and _acceptable(cookie, _trusted(scheme, host), host):
                self._keep(cookie)

    def _keep(self, cookie: KeptCookie) -> None:
        key = (cookie.domain, cookie.path, cookie.name)
        if cookie.expires is not None and cookie.expires <= time.time():
            self._kept.pop(key, None)
        else:
            self._kept[key] = cookie


def parse_set_cookie(field: str, host: str, path: str) -> KeptCookie | None:
    """The cookie of a Set-Cookie field of an answer for `path` of `host` (RFC 6265 §5.2, §5.3)."""
    pair, *attributes = field.split(";")
    name, equals, value = pair.partition("=")
    name = name.strip()
    if not equals or not name:
        return None
    cookie = KeptCookie(name, value.strip(), host, _default_path(path))
    max_age: float | None = None
    for attribute in attributes:
        key, _, text = attribute.partition("=")
        key, text = key.strip().lower(), text.strip()
        if key == "domain" and text:
            cookie.domain, cookie.host_only = text.lstrip(".").lower(), False
        elif key == "path":
            cookie.path = text if text.startswith("/") else _default_path(path)
        elif key == "secure":
            cookie.secure = True
        elif key == "httponly":
            cookie.httponly = True
        elif key == "samesite":
            cookie.samesite = text.lower()
        elif key == "expires":
            cookie.expires = parse_date(text) if cookie.expires is None else cookie.expires
        elif key == "max-age" and text.lstrip("-").isdigit():
            max_age = time.time() + int(text) if int(text) > 0 else 0.0
    if max_age is not None:
        cookie.expires = max_age
    return cookie


def _acceptable(cookie: KeptCookie, trusted: bool, host: str) -> bool:
    prefix = cookie.name[:9].lower()
    if prefix.startswith("__host-") and not (cookie.secure and cookie.host_only and cookie.path == "/"):
        return False
    if (prefix == "__secure-" or cookie.samesite == "none") and not cookie.secure:
        return False
    return (trusted or not cookie.secure) and (cookie.host_only or _below(host, cookie.domain))


def _trusted(scheme: str, host: str) -> bool:
    return scheme == "https" or host in _TRUSTED or host.endswith(".localhost")


def _below(host: str, domain: str) -> bool:
    """RFC 6265 §5.1.3; an address has nothing below it."""
    return host == domain or (host.endswith(f".{domain}") and not host.rpartition(".")[2].isdigit())


def _path_matches(path: str, cookie_path: str) -> bool:
    """RFC 6265 §5.1.4."""
    return path == cookie_path or (
        path.startswith(cookie_path) and (cookie_path.endswith("/") or path[len(cookie_path)] == "/")
    )


def _default_path(path: str) -> str:
    return path[: path.rfind("/")] or "/"
