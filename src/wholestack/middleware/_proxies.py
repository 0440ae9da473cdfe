"""Proxies in front of the app: whom to believe, and what."""

from __future__ import annotations

import functools
import ipaddress
import itertools
from collections.abc import Collection, Generator, Mapping
from typing import Any, Literal

from wholestack import App, Request, Response
from wholestack.errors import Fault
from wholestack.http import Headers

from ._faults import bad_guard, outside
from ._forwarded import Told, customary, standard
from ._place import PROXIES, place

Field = Literal["for", "proto", "host", "prefix"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FIELDS = frozenset({"for", "proto", "host", "prefix"})
_SAID = frozenset({"forwarded", *(f"x-forwarded-{name}" for name in _FIELDS)})
UNIX = "unix"
# With "-" and "_" in any mixture: in an environ they are the same field.
_SPELLINGS = frozenset(
    "".join(pair)
    for name in _SAID
    for pair in itertools.product(*(("-", "_") if letter == "-" else (letter,) for letter in name))
)


class TrustedProxies:
    """Take the client's address, the scheme, the host and the prefix from proxies that are ours, and from nobody else.

    Stands outside all other middleware, so that rules, URLs, limits and logs see what the client did. Fields from
    any other peer are taken away. What is malformed from a trusted one is refused (400): in a broken field nobody can
    tell the client's part from the proxy's.

    Arguments:
        networks: addresses and networks of the proxies, and ``unix`` for a peer behind a Unix socket.
        fields: which of the `X-Forwarded-*` fields the nearest proxy sets **and overwrites**: ``for``, ``proto``,
            ``host``, ``prefix`` (a path that it has stripped). A field that it hands on untouched is the client's word.
        standard: read `Forwarded` (RFC 7239) in place of them, since a proxy that writes one hands the other on.

    Raises:
        SetupError: no network, something that is none, or an unknown field.

    Example:
        >>> proxies = TrustedProxies("10.0.0.0/8", fields=("for", "proto", "host"))
        >>> proxies.trusts("10.1.2.3"), proxies.trusts("192.0.2.1")
        (True, False)
    """

    def __init__(self, *networks: str, fields: Collection[Field] = ("for", "proto"), standard: bool = False) -> None:
        if not networks:
            cure = 'Name the addresses of your proxies: TrustedProxies("10.0.0.0/8").'
            raise bad_guard("TrustedProxies() names no network.", cure)
        if unknown := sorted({fields} if isinstance(fields, str) else set(fields) - _FIELDS):
            cure = 'Write fields=("for", "proto", "host", "prefix"), or fewer of them.'
            raise bad_guard(f"TrustedProxies(fields=…) names {unknown[0]!r}.", cure)
        self.networks: tuple[Network, ...] = tuple(_network(each) for each in networks if each != UNIX)
        self.fields: frozenset[str] = frozenset(fields)
        self.standard = standard
        self.unix: bool = UNIX in networks
        self.where: str = outside()

    def trusts(self, address: str | None) -> bool:
        """Whether this peer is a proxy of ours; None is a peer without an address."""
        if not address:
            return self.unix
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(mapped in network for network in self.networks if network.version == mapped.version)

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        trusts = functools.lru_cache(4096)(self.trusts)

        def trusted_proxies(request: Request) -> Generator[None, Response, Response]:
            headers = request.headers
            if trusts(request.client):
                told = (
                    standard(headers.get_all("forwarded"), trusts)
                    if self.standard
                    else customary(headers.get_all, self.fields, trusts)
                )
                apply(request, told)
            elif not _SPELLINGS.isdisjoint(dict(headers.pairs)):
                _forget(request)
            return (yield)

        place(app, PROXIES, trusted_proxies)
        app.check(functools.partial(self._open, app))

    def _open(self, app: App) -> list[Fault]:
        faults = []
        wide = [str(each) for each in self.networks if each.prefixlen == 0]
        if wide:
            message = (
                f"TrustedProxies({', '.join(map(repr, wide))}) believes everybody: each client chooses its address."
            )
            cure = "Name the addresses of your proxies."
            faults.append(Fault("proxies-open", message, self.where, cure))
        if (self.standard or "host" in self.fields) and any(view.host for view in app.describe().routes):
            message = "A router is bound to a host, which is looked up before a proxy's word for it is taken."
            cure = 'Have the proxy hand on the client\'s own Host, and leave "host" out of fields=.'
            faults.append(Fault("forwarded-host", message, self.where, cure))
        return faults


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        cure = 'Write an address or a network: "10.0.0.7", "10.0.0.0/8", "fd00::/8", or "unix".'
        raise bad_guard(f"TrustedProxies({text!r}): {error}.", cure) from error


# -- the request -------------------------------------------------------------------------------------------------


def apply(request: Request, told: Told) -> None:
    """Make a request what it was in front of the proxies."""
    if told.host is not None:
        request.host = told.host
        request.headers = Headers([("host", told.host), *(pair for pair in request.headers.pairs if pair[0] != "host")])
    if told.client is None and told.scheme is None and told.prefix is None:
        return
    raw = request.raw
    if isinstance(raw, Mapping):
        environ = "wsgi.url_scheme" in raw
        request.raw = {**raw, **(_environ(request, told) if environ else _scope(request, told))}
    else:
        request.raw = Seen(raw, told)
        request.root_path = (told.prefix or "") + request.root_path


def _scope(request: Request, told: Told) -> dict[str, Any]:
    changed: dict[str, Any] = {"root_path": (told.prefix or "") + request.root_path}
    if told.client is not None:
        changed["client"] = (told.client, 0) if told.client else None
    if told.scheme is not None:
        changed["scheme"] = of_its_kind(told.scheme, request.scheme)
    return changed


def _environ(request: Request, told: Told) -> dict[str, Any]:
    changed: dict[str, Any] = {"SCRIPT_NAME": ((told.prefix or "") + request.root_path).encode().decode("latin-1")}
    if told.client is not None:
        changed["REMOTE_ADDR"] = told.client
    if told.scheme is not None:
        changed["wsgi.url_scheme"] = told.scheme
    return changed


def of_its_kind(scheme: str, present: str) -> str:
    """What a proxy said of a request, in the words of a WebSocket where it is one.

    Example:
        >>> of_its_kind("https", "ws"), of_its_kind("https", "http")
        ('wss', 'https')
    """
    return {"http": "ws", "https": "wss"}[scheme] if present in {"ws", "wss"} else scheme


class Seen:
    """An RSGI scope with another client and scheme; the server's own cannot be changed."""

    def __init__(self, scope: Any, told: Told) -> None:
        self._scope = scope
        self.scheme: str = of_its_kind(told.scheme, scope.scheme) if told.scheme else scope.scheme
        self.client: str = scope.client
        if told.client is not None:
            self.client = f"[{told.client}]:0" if ":" in told.client else f"{told.client}:0"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scope, name)


def _forget(request: Request) -> None:
    """Take away what a stranger says of itself: a mounted app might believe it."""
    request.headers = Headers([pair for pair in request.headers.pairs if pair[0] not in _SPELLINGS])
    if isinstance(request.raw, Mapping) and "wsgi.url_scheme" in request.raw:
        names = {f"HTTP_{name.upper().replace('-', '_')}" for name in _SAID}
        request.raw = {key: value for key, value in request.raw.items() if key not in names}
