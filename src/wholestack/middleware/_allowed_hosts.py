"""The hosts that an app answers for."""

from __future__ import annotations

import functools
import re
from collections.abc import Generator
from typing import NoReturn

from wholestack import App, BadRequest, Request, Response
from wholestack.errors import Fault

from ._faults import bad_guard, outside
from ._place import HOSTS, place

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)*{_LABEL}|\[[0-9a-f:.]+\]")
_PORT = re.compile(r":[0-9]{1,5}\Z")


class AllowedHosts:
    """Answer only for these hosts, and refuse every other with 400 before anything could make a URL of it.

    Arguments:
        hosts: names or addresses, without a port (every port is allowed): ``example.org``; ``*.example.org`` for all
            names below it, at any depth, but not for itself; ``*`` for every host, which `wholestack check` names.

    Raises:
        SetupError: no host, or something that is none.

    Example:
        >>> AllowedHosts("example.org", "*.example.org").allows("shop.example.org:8443")
        True
        >>> AllowedHosts("example.org").allows("evilexample.org")
        False
    """

    def __init__(self, *hosts: str) -> None:
        if not hosts:
            raise bad_guard("AllowedHosts() names no host.", 'Name those that are yours: AllowedHosts("example.org").')
        for host in hosts:
            if host != "*" and not _NAME.fullmatch(host.lower()):
                cure = 'Write a name like "example.org" or "*.example.org", or an address, "[::1]" in brackets.'
                raise bad_guard(f"AllowedHosts({host!r}) is no host name.", cure)
        self.hosts: tuple[str, ...] = tuple(host.lower() for host in hosts)
        self.where: str = outside()
        self._exact = frozenset(host for host in self.hosts if "*" not in host)
        self._below = tuple(host[1:] for host in self.hosts if host.startswith("*."))

    def allows(self, host: str) -> bool:
        """Whether a `Host` field is one of ours."""
        name = _PORT.sub("", host.lower())
        return (
            "*" in self.hosts
            or name in self._exact
            or (name.endswith(self._below) and _NAME.fullmatch(name) is not None)
        )

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        allows = functools.lru_cache(256)(self.allows)

        def allowed_hosts(request: Request) -> Generator[None, Response, Response]:
            if not allows(request.host):
                _refuse()
            return (yield)

        place(app, HOSTS, allowed_hosts)
        app.check(self._open)

    def _open(self) -> list[Fault]:
        if "*" not in self.hosts:
            return []
        message = 'AllowedHosts("*") lets a client choose the host that stands in the URLs we make.'
        return [Fault("hosts-open", message, self.where, 'Name the hosts that are yours: AllowedHosts("example.org").')]


def _refuse() -> NoReturn:
    # The host is not repeated: what refuses a name must not show it.
    raise BadRequest("This server does not answer for that host.", code="host-not-allowed")
