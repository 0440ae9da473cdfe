"""Where a request comes from, as browsers say: origins (RFC 6454)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from wholestack import Request
from wholestack.middleware import OriginPattern

_PORTS = {"http": ":80", "https": ":443"}
_ORIGIN = re.compile(r"(https?)://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


def own_origin(request: Request) -> str:
    """The origin of the app's own pages, as the request has come.

    Example:
        >>> own_origin(Request("POST", "/", "", [("host", "Example.org:80")]))
        'http://example.org'
    """
    scheme = {"ws": "http", "wss": "https"}.get(request.scheme, request.scheme)
    return f"{scheme}://{request.host.lower().removesuffix(_PORTS.get(scheme, ''))}"


def origin_of(url: str) -> str | None:
    """The origin of a page's address (`Referer`); None where it has none.

    Example:
        >>> origin_of("https://Example.org:443/a?b"), origin_of("about:blank"), origin_of("https://[")
        ('https://example.org', None, None)
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.netloc or "@" in parts.netloc:
        return None
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(_PORTS[parts.scheme])}"


class Trusted:
    """Origins of other sites whose pages may send requests.

    Arguments:
        origins: exact ones, as browsers send them, and patterns.

    Raises:
        ValueError: something that no browser sends as an origin, or ``null``, which is nobody's name.

    Example:
        >>> trusted = Trusted(["https://example.org", OriginPattern("https://*.example.org")])
        >>> "https://example.org" in trusted, "https://a.example.org" in trusted, "null" in trusted
        (True, True, False)
    """

    def __init__(self, origins: Iterable[str | OriginPattern] = ()) -> None:
        given = [origins] if isinstance(origins, str) else list(origins)
        self._exact = frozenset(each for each in given if isinstance(each, str))
        self._patterns = tuple(each for each in given if isinstance(each, OriginPattern))
        for each in self._exact:
            found = _ORIGIN.fullmatch(each)
            if found is None or found[3] == _PORTS[found[1]]:
                raise ValueError(f"{each!r} is no origin as browsers send it")

    def __contains__(self, origin: str) -> bool:
        return origin in self._exact or any(each.matches(origin) for each in self._patterns)
