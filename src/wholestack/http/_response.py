"""What goes out, as values; a driver turns them into its protocol."""

from __future__ import annotations

import datetime
import functools
import operator
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict
from urllib.parse import quote

from typing_extensions import Unpack

from ._cookies import write_cookie
from ._headers import HeaderFault, MutableHeaders, Pairs, check_header
from ._redirects import safe_redirect

Chunks = Iterable[bytes | str] | AsyncIterable[bytes | str]
After = tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]
#: A content coding, and what packs chunks into it.
Packing = tuple[str, Callable[[Iterator[bytes]], Iterator[bytes]]]


# What was found to be fit for a header is remembered.
_checked = functools.lru_cache(256)(check_header)


class CookieOptions(TypedDict, total=False):
    """How a cookie is sent; what is left out is secure (RFC 6265bis §4.1)."""

    max_age: int | None
    expires: datetime.datetime | None
    path: str
    domain: str | None
    secure: bool
    httponly: bool
    samesite: Literal["lax", "strict", "none"]
    partitioned: bool


def _set_media_type(response: Response, media_type: str | None) -> None:
    if media_type is not None:
        _checked("content-type", media_type)
    response._media_type = media_type


class Response:
    """An answer: a status, a body and headers.

    Arguments:
        body: bytes, or text that is sent as UTF-8.
        status: the HTTP status, 200 to 599.
        media_type: the Content-Type, checked whenever it is set; bytes without one are `application/octet-stream`.
        headers: more header fields; names and values are checked.

    Raises:
        HeaderFault: for a header that would break the answer.

    Example:
        >>> response = Response("made", status=201, headers={"location": "/notes/7"})
        >>> response.status, response.body, response.headers["location"]
        (201, b'made', '/notes/7')
    """

    status: int = 200
    if TYPE_CHECKING:
        media_type: str | None
    else:
        # Read without a Python call; what the framework itself writes goes into `_media_type`.
        media_type = property(operator.attrgetter("_media_type"), _set_media_type)
    _media_type: str | None = None
    body: bytes = b""
    # A kind that is more than bytes overrides one of these; drivers look at them in this order.
    value: Any = None
    file: Any = None
    #: Of a file: from its size to the coding that it is sent in, and what packs its chunks; None to send it as it is.
    repack: Callable[[int], Packing | None] | None = None
    stream: Chunks | None = None
    length: str | None = None
    _headers: MutableHeaders | None = None
    _after: list[After] | None = None
    _filters: list[Callable[[bytes], bytes]] | None = None

    def __init__(
        self,
        body: bytes | str = b"",
        status: int = 200,
        media_type: str | None = None,
        headers: Mapping[str, str] | Pairs | None = None,
    ) -> None:
        if isinstance(body, str):
            body = body.encode("utf-8", "replace")
            media_type = media_type or "text/plain; charset=utf-8"
        elif body and media_type is None:
            media_type = "application/octet-stream"
        self._begin(status, media_type, headers)
        self.body = body

    def _begin(self, status: int, media_type: str | None, headers: Mapping[str, str] | Pairs | None) -> None:
        if not 200 <= status <= 599:
            raise ValueError("An answer's status is a number from 200 to 599 (RFC 9110 §15).")
        self.status = status
        _set_media_type(self, media_type)
        if headers:
            self._headers = MutableHeaders(_pairs_of(headers))

    @property
    def headers(self) -> MutableHeaders:
        """The header fields that this answer sets; Content-Type and Content-Length are written by the driver."""
        if self._headers is None:
            self._headers = MutableHeaders()
        return self._headers

    def set_cookie(self, name: str, value: str, **options: Unpack[CookieOptions]) -> None:
        """Send a cookie: `Secure`, `HttpOnly`, `SameSite=Lax` and `Path=/` unless said otherwise by name.

        Raises:
            HeaderFault: a name, value or combination that browsers refuse (RFC 6265bis §4.1, §5.7).
        """
        self.headers.add("set-cookie", write_cookie(name, value, **options))

    def delete_cookie(self, name: str, **options: Unpack[CookieOptions]) -> None:
        """Make the browser forget a cookie; path and domain must be those it was set with."""
        options["max_age"] = 0
        self.set_cookie(name, "", **options)

    def after(self, function: Callable[..., object], *args: Any, **kwargs: Any) -> Response:
        """Call a function after the answer was sent: bounded in number, drained at a stop, **lost in a crash**.

        What must not be lost is a job, not this. Returns the answer, so that calls chain.
        """
        self._after = [*(self._after or ()), (function, args, kwargs)]
        return self

    def filter(self, push: Callable[[bytes], bytes]) -> Response:
        """Send what `push` makes of each chunk of the body (of a stream: chunk by chunk, in either colour)."""
        self._filters = [*(self._filters or ()), push]
        return self

    def copy(self) -> Self:
        """The same answer with header fields of its own, so that what one request adds no other sends."""
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        if self._headers is not None:
            made._headers = self._headers.copy()
        return made

    __copy__ = copy

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}>"


class JSON(Response):
    """Any value as JSON, with a status or headers of its own.

    Example:
        >>> JSON({"made": True}, status=201).value
        {'made': True}
    """

    def __init__(
        self,
        value: Any,
        status: int = 200,
        media_type: str = "application/json",
        headers: Mapping[str, str] | Pairs | None = None,
    ) -> None:
        self._begin(status, media_type, headers)
        self.value = value


class Text(Response):
    """Plain text in UTF-8.

    Example:
        >>> Text("hello").media_type
        'text/plain; charset=utf-8'
    """

    def __init__(self, text: str, status: int = 200, headers: Mapping[str, str] | Pairs | None = None) -> None:
        super().__init__(text, status, "text/plain; charset=utf-8", headers)


class HTML(Response):
    """A page as text that is HTML already; nothing is escaped here.

    Example:
        >>> HTML("<p>hello</p>").media_type
        'text/html; charset=utf-8'
    """

    def __init__(self, text: str, status: int = 200, headers: Mapping[str, str] | Pairs | None = None) -> None:
        super().__init__(text, status, "text/html; charset=utf-8", headers)


class Redirect(Response):
    """Send the client to another page of this site, or of a host that is named.

    Arguments:
        to: a path on this site, or an absolute http(s) URL whose host is in `hosts`.
        status: 303 (see other: always asked for with GET), 307 or 308 (same method), 301 or 302.
        hosts: other hosts that are allowed.
        otherwise: where to go when `to` is not safe; without it an unsafe target is a fault.

    Raises:
        HeaderFault: an unsafe target and no `otherwise`.

    Example:
        >>> Redirect("//evil.example", otherwise="/").headers["location"]
        '/'
    """

    def __init__(self, to: str, status: int = 303, *, hosts: Iterable[str] = (), otherwise: str | None = None) -> None:
        if status not in {301, 302, 303, 307, 308}:
            raise ValueError("A redirect's status is 301, 302, 303, 307 or 308 (RFC 9110 §15.4).")
        if not safe_redirect(to, frozenset(hosts)):
            if otherwise is None or not safe_redirect(otherwise):
                raise HeaderFault(
                    "Redirect to a target that could leave this site; pass a path, name the host in hosts=[…], "
                    "or give otherwise='/'."
                )
            to = otherwise
        self._begin(status, None, {"location": _ascii_url(to)})


class Stream(Response):
    """An answer sent as it is made: any iterable or async iterable of bytes or text.

    A slow client holds the stream up, not memory: the next chunk is asked for when the last one is away.
    A `def` handler's iterable is read in a worker thread.

    Example:
        >>> Stream(str(n) for n in range(3)).status
        200
    """

    def __init__(
        self,
        chunks: Chunks,
        status: int = 200,
        media_type: str = "application/octet-stream",
        headers: Mapping[str, str] | Pairs | None = None,
    ) -> None:
        self._begin(status, media_type, headers)
        self.stream: Chunks | None = chunks


def _ascii_url(url: str) -> str:
    return quote(url, safe="/:?#[]@!$&'()*+,;=%-._~")


def _pairs_of(headers: Any) -> Pairs:
    """Header pairs of a mapping, or as they are."""
    return headers.items() if isinstance(headers, Mapping) else headers
