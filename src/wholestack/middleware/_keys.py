"""By what clients are told apart when they are counted."""

from __future__ import annotations

import functools
import hashlib
import ipaddress
from collections.abc import Callable

from wholestack import Request

KeyFunction = Callable[[Request], str | None]


def client_address(request: Request) -> str:
    """The client's address; of IPv6 the network (/64), since one household has that many addresses.

    Behind a proxy this is the proxy's, unless `TrustedProxies` is used.

    Example:
        >>> request = Request("GET", "/")
        >>> request.client = "2001:db8::17"
        >>> client_address(request)
        '2001:db8::/64'
    """
    return _network(request.client or "")


@functools.lru_cache(4096)
def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))
    return address


def header_key(name: str) -> KeyFunction:
    """Tell clients apart by a header field (hashed), and those without it by their address.

    Each value has a count of its own: use it where a wrong value is refused, and limit by address as well.

    Example:
        >>> header_key("x-api-key")(Request("GET", "/", "", [("x-api-key", "k1")])).startswith("x-api-key:")
        True
    """
    wanted = name.lower()

    def key(request: Request) -> str | None:
        value = request.headers.get(wanted)
        return None if value is None else f"{wanted}:{digest(value)}"

    return key


def digest(*texts: str) -> str:
    """A short, one-way name for texts; the end of one is never the beginning of the next.

    Example:
        >>> digest("ab", "c") == digest("a", "bc")
        False
    """
    found = hashlib.blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "surrogateescape")
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()
