"""Asking somebody else's server: within a time, within a size, and never blocking the event loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import functools
import http.client
import io
import ipaddress
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

from wholestack import ServiceUnavailable
from wholestack.handlers import is_driven, wait

T = TypeVar("T")
SECONDS = 5.0
"""For one answer as a whole, from the connection to the last byte."""
MOST_BYTES = 1_000_000
_THREADS = 8
_CHUNK = 64 * 1024
_LONGEST_ADDRESS = 2000
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""What a translator of a network without IPv4 makes of an IPv4 address (RFC 6052)."""


class ProviderAway(ServiceUnavailable):
    """503: a provider of logins, or of the keys that tokens are checked with, does not answer as it should.

    Example:
        >>> ProviderAway("accounts.example.org does not answer.").status
        503
    """

    code: str = "provider-away"

    def __init__(self, detail: str = "A provider of logins does not answer.") -> None:
        super().__init__(detail, retry_after=10)


@dataclasses.dataclass(frozen=True)
class Reply:
    """What a server has said.

    Attributes:
        status: its status.
        body: its bytes.
        media_type: what it says they are, in small letters.
    """

    status: int
    body: bytes
    media_type: str = ""

    def json(self) -> dict[str, Any]:
        """The object that it is.

        Raises:
            ProviderAway: it is none.
        """
        found = self.value()
        if not isinstance(found, dict):
            raise ProviderAway("A provider of logins has answered with what is no JSON object.")
        return found

    def value(self) -> Any:
        """What it is in JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def is_loopback(address: str) -> bool:
    """Whether an address is on this machine: the one case in which plain http is spoken.

    Example:
        >>> is_loopback("http://127.0.0.1:8080/realm"), is_loopback("http://accounts.example.org")
        (True, False)
    """
    host = _host(address)
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def is_public(host: str) -> bool:
    """Whether an IP address is one of the world: none of this machine, of a private network or of a cloud itself.

    One that stands for another (IPv4-mapped, 6to4, NAT64) is what it stands for.

    Raises:
        ValueError: it is no IP address.

    Example:
        >>> is_public("2606:4700::1111"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
        (True, False, False)
    """
    found = ipaddress.ip_address(host)
    if isinstance(found, ipaddress.IPv6Address):
        translated = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF) if found in _TRANSLATED else None
        found = found.ipv4_mapped or found.sixtofour or translated or found
    return found.is_global and not found.is_multicast and not found.is_reserved


def is_private(address: str) -> bool:
    """Whether an address says of itself that it is no public one; what a name resolves to is seen when it is asked.

    Example:
        >>> is_private("https://10.0.0.7/realm"), is_private("https://accounts.example.org")
        (True, False)
    """
    host = _host(address)
    with contextlib.suppress(ValueError):
        return not is_public(host)
    return host == "localhost" or host.endswith(".localhost")


def is_sound(address: object, *, loopback: bool = False) -> bool:
    """Whether something is an address that may be asked: https, or http to this machine where that is allowed.

    Arguments:
        address: what a setting or a document has.
        loopback: whether http to this machine counts.

    Example:
        >>> is_sound("https://accounts.example.org"), is_sound("http://accounts.example.org"), is_sound("file:///etc")
        (True, False, False)
    """
    if not isinstance(address, str) or len(address) > _LONGEST_ADDRESS or not address.isascii():
        return False
    if any(each <= " " or each in '\\"<>\x7f' for each in address) or not _host(address):
        return False
    parts = urlsplit(address)
    if parts.username is not None or parts.password is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and is_loopback(address))


def _host(address: str) -> str:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return ""
    return parts.hostname or ""


class Asker:
    """Asks one provider's servers; in threads of its own, so that one that hangs keeps nobody else waiting.

    Arguments:
        loopback: whether plain http to this machine is spoken.
        private: whether what is asked may be at an address that is not public (`is_public`).
        seconds: how long an answer may take as a whole.
    """

    def __init__(self, *, loopback: bool = False, private: bool = False, seconds: float = SECONDS) -> None:
        self._loopback = loopback
        self._private = private
        self._seconds = seconds
        self._process = 0
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None

    def get(self, address: str, headers: Mapping[str, str] | None = None) -> Reply:
        """What is at an address.

        Raises:
            ProviderAway: no answer in time, one that is too large, or no address that may be asked.
        """
        return self.away(lambda: self.ask(address, None, headers or {}))

    def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The answer to a form; raises as `get` does."""
        return self.away(lambda: self.ask(address, body, headers))

    def away(self, call: Callable[[], T]) -> T:
        """Make a blocking call where it blocks no event loop: in this thread, or in one of the provider's.

        Raises:
            CannotWait: on the event loop, outside a driven call.
        """
        if not is_driven() and asyncio._get_running_loop() is None:
            return call()
        return wait(self._beside(call))

    async def _beside(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads(), call)

    def _threads(self) -> concurrent.futures.ThreadPoolExecutor:
        if self._pool is None or self._process != os.getpid():  # Threads do not go over a fork.
            self._pool = concurrent.futures.ThreadPoolExecutor(_THREADS, "wholestack-provider")
            self._process = os.getpid()
        return self._pool

    def ask(self, address: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """As `get` and `post`, blocking."""
        if not is_sound(address, loopback=self._loopback):
            raise ProviderAway("A provider of logins names an address that is not asked: it is not https.")
        if is_private(address) and not self._private:
            raise ProviderAway(f"{_host(address)} is not asked: it is no public address.")
        sent = {"accept": "application/json", **headers}
        asked = urllib.request.Request(address, data=body, headers=sent)  # noqa: S310  # is_sound has said so
        terms = _Terms(time.monotonic() + self._seconds, self._private)
        try:
            with _opened(asked, terms, self._seconds, self._loopback) as answer:
                return Reply(answer.status, _read(answer, terms.end), answer.headers.get_content_type())
        except (OSError, http.client.HTTPException, ValueError) as error:
            name = _host(address)
            raise ProviderAway(f"{name} does not answer as it should: {type(error).__name__}.") from None


class PrivateAddress(ValueError):
    """What was to be asked is at an address that is not public."""


@dataclasses.dataclass(frozen=True)
class _Terms:
    """Until when an answer is taken, and whether from an address that is not public."""

    end: float
    private: bool


def _opened(asked: urllib.request.Request, terms: _Terms, seconds: float, loopback: bool) -> Any:
    handlers: list[Any] = [_Redirects(), _HTTP(terms), _HTTPS(terms)]
    if loopback:  # What is on this machine is not asked for by a proxy.
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        return urllib.request.build_opener(*handlers).open(asked, timeout=seconds)
    except urllib.error.HTTPError as error:
        if 300 <= error.code < 400:
            error.close()
            raise ValueError("a redirect to somewhere else") from None
        return error  # Its status says no; it is an answer all the same.


def _read(answer: Any, end: float) -> bytes:
    found = b""
    while chunk := answer.read1(_CHUNK):
        found += chunk
        if len(found) > MOST_BYTES:
            raise ValueError("too large")
        _left(end)
    return found


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows within one origin, and only where nothing was sent."""

    max_redirections = 3

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if req.data is not None or (old.scheme, old.netloc) != (new.scheme, new.netloc):
            raise ValueError("a redirect to somewhere else")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _HTTP(urllib.request.HTTPHandler):
    def __init__(self, terms: _Terms) -> None:
        super().__init__()
        self._terms = terms

    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(functools.partial(_Connection, terms=self._terms), req)


class _HTTPS(urllib.request.HTTPSHandler):
    def __init__(self, terms: _Terms) -> None:
        super().__init__()
        self._terms = terms

    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(functools.partial(_SecureConnection, terms=self._terms), req)


class _Looking(http.client.HTTPConnection):
    """Looks where a connection was really made to, before anything is sent on it, whatever its name resolved to before.

    Where the environment names a proxy, that is where the connection goes, and what names resolve to is for the proxy
    to judge.
    """

    terms: _Terms
    _has_proxy = False

    def set_tunnel(self, *arguments: Any, **options: Any) -> None:
        self._has_proxy = True
        super().set_tunnel(*arguments, **options)

    def connect(self) -> None:
        super().connect()
        if not self.terms.private and not self._has_proxy and not is_public(self.sock.getpeername()[0]):
            raise PrivateAddress


class _Connection(_Looking):
    def __init__(self, *args: Any, terms: _Terms, **options: Any) -> None:
        super().__init__(*args, **options)
        self.terms = terms

    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Timed(self.sock, self.terms.end)


class _SecureConnection(http.client.HTTPSConnection, _Looking):
    # In this order `_Looking` stands between the connection and what is said to begin TLS.
    def __init__(self, *args: Any, terms: _Terms, **options: Any) -> None:
        super().__init__(*args, **options)
        self.terms = terms

    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Timed(self.sock, self.terms.end)


class _Timed:
    """A socket whose reads end at one moment: a server that sends a byte now and then is given no more by each."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._sock = sock
        self._end = end

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reads(self._sock, self._end))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Reads(io.RawIOBase):
    def __init__(self, sock: socket.socket, end: float) -> None:
        self._sock = sock
        self._end = end
        self._raw: Any = sock.makefile("rb", 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left(self._end))
        return self._raw.readinto(buffer)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._raw.close()
        super().close()
