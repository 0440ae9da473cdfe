"""Cookies: reading what a browser sends, writing what it will keep (RFC 6265, RFC 6265bis)."""

from __future__ import annotations

import datetime
import re
from typing import Literal

from ._conditional import http_date
from ._headers import HeaderFault
from ._limits import Limits
from ._refused import Refused

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_PATH = re.compile(r"/[ -:<-~]*")
_DOMAIN = re.compile(r"\.?[0-9A-Za-z](?:[0-9A-Za-z.\-]*[0-9A-Za-z])?")
_LONGEST = 4096


def parse_cookies(header: str, limits: Limits) -> dict[str, str]:
    """The cookies of a Cookie field, as the client sent them: nothing is decoded but one pair of quotes taken off.

    Of two cookies with one name the first counts; a cookie without a name is ignored, so that ``=__Host-a=b`` never
    becomes one.

    Raises:
        Refused: 400 for more than `limits.cookies` cookies, or one over `limits.cookie` bytes.

    Source: RFC 6265 §4.2, §5.4.

    Example:
        >>> parse_cookies('theme=dark; id="7"; theme=light; =nameless', Limits())
        {'theme': 'dark', 'id': '7'}
    """
    longest = limits.bytes_of("cookie")
    cookies: dict[str, str] = {}
    count = 0
    for raw in header.split(";"):
        # Only space and tab: str.strip() would also take \xa0 and \x85, and so turn "\xa0__Host-a" into "__Host-a".
        pair = raw.strip(" \t")
        if not pair:
            continue
        count += 1
        if count > limits.cookies:
            raise Refused(400, "too-many-cookies", f"The request holds more than {limits.cookies} cookies.")
        if len(pair) > longest:
            raise Refused(400, "cookie-too-large", f"A cookie is over the limit of {longest} bytes.")
        name, equals, value = pair.partition("=")
        name = name.rstrip(" \t")
        if equals and name and name not in cookies:
            cookies[name] = _unquoted(value.lstrip(" \t"))
    return cookies


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def write_cookie(
    name: str,
    value: str,
    *,
    max_age: int | None = None,
    expires: datetime.datetime | None = None,
    path: str = "/",
    domain: str | None = None,
    secure: bool = True,
    httponly: bool = True,
    samesite: Literal["lax", "strict", "none"] = "lax",
    partitioned: bool = False,
) -> str:
    """The value of a Set-Cookie field, or a fault for what browsers would drop without a word.

    The value is written as it stands, never quoted or escaped, so that what is read back is what was written: encode
    text with spaces, quotes, commas, semicolons, backslashes or letters outside ASCII first (`urllib.parse.quote`).

    Arguments:
        max_age: seconds to live; 0 or less removes the cookie; none with `expires` none: until the browser ends.
        expires: the same as a moment; needs a time zone.

    Raises:
        HeaderFault: a bad name, value, path or domain; ``__Host-`` without Secure and Path=/ or with a Domain;
            ``__Secure-``, SameSite=None or Partitioned without Secure; more than 4096 bytes in all.

    Source: RFC 6265bis §4.1, §5.7.

    Example:
        >>> write_cookie("__Host-id", "7f", max_age=3600)
        '__Host-id=7f; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax'
    """
    _check_text(name, value, path, domain)
    _check_prefix(name, path, domain, secure)
    if not secure and (samesite == "none" or partitioned):
        raise HeaderFault("Browsers drop a cookie with SameSite=None or Partitioned that is not Secure.")
    parts = [f"{name}={value}", f"Path={path}"]
    if max_age is not None:
        parts.append(f"Max-Age={max_age:d}")
    if expires is not None:
        parts.append(f"Expires={_moment(expires)}")
    if domain is not None:
        parts.append(f"Domain={domain}")
    if secure:
        parts.append("Secure")
    if httponly:
        parts.append("HttpOnly")
    parts.append(_same_site(samesite))
    if partitioned:
        parts.append("Partitioned")
    cookie = "; ".join(parts)
    if len(cookie) > _LONGEST:
        raise HeaderFault(f"The cookie {name[:64]!r} is over {_LONGEST} bytes; keep the data on the server.")
    return cookie


def _check_text(name: str, value: str, path: str, domain: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise HeaderFault("A cookie's name is one token of letters, digits and !#$%&'*+-.^_`|~ (RFC 6265 §4.1.1).")
    if not _VALUE.fullmatch(value):
        raise HeaderFault(
            f"The value of the cookie {name[:64]!r} holds a space, quote, comma, semicolon, backslash, control "
            "character or a letter outside ASCII; encode it first, as with urllib.parse.quote (RFC 6265 §4.1.1)."
        )
    if not _PATH.fullmatch(path):
        raise HeaderFault("A cookie's path begins with '/' and holds visible ASCII characters but ';'.")
    if domain is not None and not _DOMAIN.fullmatch(domain):
        raise HeaderFault("A cookie's domain is a host name of letters, digits, dots and hyphens.")


def _check_prefix(name: str, path: str, domain: str | None, secure: bool) -> None:
    # Browsers compare the prefixes without regard to case (RFC 6265bis §5.7).
    prefix = name[:9].lower()
    if prefix.startswith("__host-") and (not secure or path != "/" or domain is not None):
        raise HeaderFault("A cookie called __Host-… must be Secure, have Path=/ and no Domain (RFC 6265bis §4.1.3).")
    if prefix == "__secure-" and not secure:
        raise HeaderFault("A cookie called __Secure-… must be Secure (RFC 6265bis §4.1.3).")


def _moment(expires: datetime.datetime) -> str:
    if expires.tzinfo is None:
        raise HeaderFault("A cookie's expires= needs a time zone, for example datetime.now(timezone.utc).")
    return http_date(expires.timestamp())


def _same_site(samesite: str) -> str:
    if samesite not in {"lax", "strict", "none"}:
        raise HeaderFault('A cookie\'s samesite= is "lax", "strict" or "none".')
    return f"SameSite={samesite.capitalize()}"
