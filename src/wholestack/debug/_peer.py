"""Whether a request comes from the developer: from a program on this machine, and by no way around it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from wholestack import Request

_RELAYED = (
    "x-forwarded",
    "x-real-",
    "x-original-",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-",
    "x-amzn-",
    "x-cloud-trace",
    "x-azure-",
    "cf-",
    "fly-",
    "fastly-",
    "ngrok-",
    "tailscale-",
    "true-client-ip",
    "forwarded",
    "via",
)
"""How the fields begin that proxies and tunnels add: with one of them, who asks is somewhere else."""


def is_developer(request: Request) -> bool:
    """Whether what only a developer may see can be shown.

    The peer's address is not enough: a tunnel's end is on this machine, too, and a page of another site that has its
    name lead here (DNS rebinding) asks from the developer's own browser.

    Example:
        >>> request = Request("GET", "/", headers=[("host", "localhost:8000")])
        >>> request.client = "127.0.0.1"
        >>> is_developer(request)
        True
        >>> request = Request("GET", "/", headers=[("host", "localhost:8000"), ("x-forwarded-for", "192.0.2.1")])
        >>> request.client = "127.0.0.1"
        >>> is_developer(request)
        False
    """
    fields = request.headers.pairs
    if any(name.replace("_", "-").startswith(_RELAYED) for name, _ in fields):
        return False
    origins = [value for name, value in fields if name == "origin"]
    return (
        _is_loopback(request.client or "")
        and _is_here(request.host)
        and all(_is_here(urlsplit(origin).netloc) for origin in origins)
    )


def _is_here(host: str) -> bool:
    """Whether a host, with or without a port, is a name of this machine for itself (RFC 6761 §6.3)."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback
