"""What came in, as a value; each driver fills it from its own protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload
from urllib.parse import quote

from ._conditional import preconditions
from ._cookies import parse_cookies
from ._headers import Headers, Pairs
from ._limits import Limits
from ._media_types import accepts_html
from ._query import parse_query
from ._refused import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

T = TypeVar("T")

_DEFAULTS = Limits()
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class lazy(Generic[T]):  # noqa: N801  (used as a decorator, named as one)
    """An attribute computed when it is first asked for; a driver or a plan may set it before.

    `functools.cached_property` does the same, but on Python 3.11 takes a lock that costs more than what it guards.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> T | lazy[T]:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value

    if TYPE_CHECKING:

        def __set__(self, instance: object, value: T) -> None: ...


class Request:
    """One request; read-only for handlers. What costs something is computed when it is first asked for.

    Attributes:
        method: the method in capitals (RFC 9110 §9).
        path: the path below `root_path`, decoded once.
        query_string: the query as it was sent, still encoded.
        params: what the path template took from the path, as text.
        id: this request's id, also in the answer (`x-request-id`) and in the log.
        content_type: the media type of the body as it was sent, where the handler's plan reads one.
        body: the whole body where the handler's plan reads one, else ``b""``.
        connection: the WebSocket that a socket handler talks over, else None.

    Example:
        >>> request = Request("GET", "/notes", "tag=a&tag=b", [("host", "example.org")])
        >>> request.query["tag"], request.url
        (['a', 'b'], 'http://example.org/notes?tag=a&tag=b')
    """

    # Defaults of the class, so that a driver sets only what differs; an instance holds five names on the hot path.
    scheme: str = "http"
    version: str = "1.1"
    root_path: str = ""
    client: str | None = None
    hop_by_hop: bool = True
    content_type: str = ""
    body: bytes = b""
    form: Any = None
    stream: Iterator[bytes] | AsyncIterator[bytes] | None = None
    limits: Limits = _DEFAULTS
    params: Mapping[str, str] = MappingProxyType({})
    id: str = ""
    raw: Any = None
    connection: Any = None

    def __init__(self, method: str, path: str, query_string: str = "", headers: Pairs = ()) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self._pairs = headers

    def _read_headers(self) -> Headers:
        return Headers(self._pairs)

    @lazy
    def headers(self) -> Headers:
        """The header fields."""
        return self._read_headers()

    @lazy
    def query(self) -> dict[str, list[str]]:
        """Every value of every name in the query, decoded."""
        return parse_query(self.query_string, self.limits.query_pairs) if self.query_string else {}

    @lazy
    def cookies(self) -> Mapping[str, str]:
        """The cookies; of two with one name the first counts (RFC 6265 §5.4)."""
        return parse_cookies("; ".join(self.headers.get_all("cookie")), self.limits)

    @lazy
    def host(self) -> str:
        """The host and port that the client asked for, as the gate let it pass; never trusted for links in mail."""
        return self.headers.get("host") or "localhost"

    @property
    def base_url(self) -> str:
        """Scheme, host and the path that the app is mounted at."""
        return f"{self.scheme}://{self.host.removesuffix(_DEFAULT_PORTS.get(self.scheme, ''))}{quote(self.root_path)}"

    @property
    def url(self) -> str:
        """The whole URL."""
        query = f"?{self.query_string}" if self.query_string else ""
        return f"{self.base_url}{quote(self.path, safe=_PATH_SAFE)}{query}"

    @property
    def wants_html(self) -> bool:
        """Whether a browser asks: the Accept field prefers a page to JSON."""
        return accepts_html(self.headers.get("accept"))

    def precondition(self, etag: str | None = None, last_modified: float | None = None) -> None:
        """Refuse with 412 a change whose `If-Match` or `If-Unmodified-Since` no longer holds (RFC 9110 §13.1).

        Arguments:
            etag: the resource's present entity tag, quotes included.
            last_modified: when it last changed, in seconds since the epoch.
        """
        if preconditions(self.method, self.headers, etag, last_modified) == 412:
            raise Refused(412, "precondition-failed", "The resource has changed since you read it; read it again.")

    def __repr__(self) -> str:
        # No query, header or body: they may hold secrets.
        return f"<Request {self.method} {self.path}>"


_PATH_SAFE = "/:@!$&'()*+,;=-._~"
