"""A request that is to be sent, as plain data, built from what the test says."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, TypedDict
from urllib.parse import quote, urljoin

from pydantic_core import to_json

from ._body import Fields, Files, items, multipart, urlencoded
from ._errors import ClientFault

HeaderFields = Mapping[str, str] | Iterable[tuple[str, str]]
Chunks = Iterable[bytes] | AsyncIterable[bytes]

_PLAIN = re.compile(r"/[0-9A-Za-z/_.~-]*")
_PATH_SAFE = "/%:@!$&'()*+,;=~"
_QUERY_SAFE = "/%:@!$&'()*+,;=~?"
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class RequestOptions(TypedDict, total=False):
    """What may be said about a request.

    `query` is appended to the URL's own; `json` is any value that Pydantic can write; `data` a form; `files` uploads,
    ``{"file": ("a.csv", b"…", "text/csv")}``, with `data` as the form's other fields; `body` bytes, text or an iterable
    of chunks; `cookies` go with this request besides those in the jar; `follow` follows redirects, at most ten.
    """

    query: Fields | str
    headers: HeaderFields
    cookies: Mapping[str, str]
    json: Any
    data: Fields
    files: Files
    body: bytes | str | Chunks
    follow: bool


@dataclasses.dataclass(slots=True)
class SentRequest:
    """A request as it goes to the application.

    Attributes:
        authority: host and port, as in the Host field.
        path: percent-encoded, as on the wire.
        query: the same, without its question mark.
        headers: every field, names in lower case.
    """

    method: str
    scheme: str
    authority: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes | Chunks

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{self.scheme}://{self.authority}{self.path}{'?' if self.query else ''}{self.query}"

    @property
    def host(self) -> str:
        """The host alone, in lower case."""
        return host_of(self.authority)

    def has(self, name: str) -> bool:
        """Whether a field of this name is sent."""
        return _has(self.headers, name)


def host_of(authority: str) -> str:
    """The host of a host and port.

    Example:
        >>> host_of("TestServer:8000"), host_of("[::1]:80")
        ('testserver', '[::1]')
    """
    host, colon, port = authority.rpartition(":")
    return (host if colon and port.isdigit() else authority).lower()


@functools.lru_cache(512)
def split_url(base: str, url: str) -> tuple[str, str, str, str]:
    """Scheme, authority, path and query of a URL, or of a path below `base`; what is not ASCII is percent-encoded.

    Example:
        >>> split_url("http://testserver", "/café?q=a b")
        ('http', 'testserver', '/caf%C3%A9', 'q=a%20b')
    """
    if "://" not in url.partition("?")[0]:
        url = f"{base.rstrip('/')}{'' if url.startswith('/') else '/'}{url}"
    scheme, _, rest = url.partition("://")
    if scheme not in {"http", "https"}:
        raise ClientFault("A URL for a test client begins with http:// or https://, or is a path like /items.")
    rest = rest.partition("#")[0]
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    path = slash + path or "/"
    if not _PLAIN.fullmatch(path):
        path = quote(path, safe=_PATH_SAFE)
    return scheme, authority, path, quote(query, safe=_QUERY_SAFE)


class Builder:
    """Makes requests for one client: its address and the header fields that each of its requests has."""

    def __init__(self, base_url: str, headers: HeaderFields) -> None:
        self.base_url = base_url
        scheme, authority, _, _ = split_url(base_url, "")
        self.scheme: str = scheme
        self.authority: str = authority
        self.host: str = host_of(authority)
        own = _lowered(headers)
        names = {name for name, _ in own}
        self._names = names
        self._fields = [pair for pair in _DEFAULTS if pair[0] not in names] + own

    def build(self, method: str, url: str, options: RequestOptions) -> SentRequest:
        """The request that the test asks for."""
        scheme, authority, path, query = split_url(self.base_url, url)
        body: bytes | Chunks = b""
        headers = [*self._fields]
        if "host" not in self._names:
            headers.insert(0, ("host", authority))
        if options:
            _refuse_unknown(options)
            if "query" in options:
                query = _joined(query, options["query"])
            if "headers" in options:
                own = _lowered(options["headers"])
                names = {name for name, _ in own}
                headers = [pair for pair in headers if pair[0] not in names] + own
            body, media_type = _body(options)
            if media_type is not None and not _has(headers, "content-type"):
                headers.append(("content-type", media_type))
        if isinstance(body, bytes):
            framed = _has(headers, "content-length") or _has(headers, "transfer-encoding")
            if (body or method in _WITH_BODY) and not framed:
                headers.append(("content-length", str(len(body))))
        elif not _has(headers, "content-length"):
            headers.append(("transfer-encoding", "chunked"))
        return SentRequest(method, scheme, authority, path, query, headers, body)


_DEFAULTS = [("accept", "*/*"), ("user-agent", "wholestack-testing")]


def _lowered(headers: HeaderFields) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in items(headers)]


def _has(headers: list[tuple[str, str]], name: str) -> bool:
    return any(pair[0] == name for pair in headers)


def _joined(query: str, more: Fields | str) -> str:
    text = quote(more, safe=_QUERY_SAFE) if isinstance(more, str) else urlencoded(more)
    return f"{query}&{text}" if query and text else query or text


def _refuse_unknown(options: RequestOptions) -> None:
    """An option that is not known would be left out without a word, and the test prove something else."""
    for name in options.keys() - RequestOptions.__annotations__.keys():
        meant = {"content": "body", "params": "query"}.get(name)
        raise TypeError(f"There is no option {name}=." + (f" Is {meant}= meant?" if meant else ""))


def _body(options: RequestOptions) -> tuple[bytes | Chunks, str | None]:
    """The body and the media type it goes by itself."""
    given = [name for name in ("json", "body", "files", "data") if name in options]
    if len(given) > 1 and given != ["files", "data"]:
        raise ClientFault(f"A request has one body, not {' and '.join(given)}. Only files= and data= go together.")
    if "json" in options:
        return to_json(options["json"]), "application/json"
    if "files" in options:
        return multipart(options.get("data", ()), options["files"])
    if "data" in options:
        return urlencoded(options["data"]).encode(), "application/x-www-form-urlencoded"
    body = options.get("body", b"")
    return (body.encode() if isinstance(body, str) else body), None


def redirected(sent: SentRequest, status: int, location: str, builder: Builder) -> SentRequest:
    """The request that a redirect leads to (RFC 9110 §15.4).

    303 leads to a GET, and so do 301 and 302 after a POST, as browsers have it; 307 and 308 keep method and body. To
    another origin no credentials are sent on.

    Raises:
        ClientFault: it leads to a host where this app is not, or a stream would have to be sent again.
    """
    target = urljoin(sent.url, location)
    scheme, authority, path, query = split_url(builder.base_url, target)
    host = host_of(authority)
    at_home = (sent.host, host_of(builder.authority))
    if not any(host == known or host.endswith(f".{known}") or known.endswith(f".{host}") for known in at_home):
        raise ClientFault(
            f"The answer leads to another host, {host}, where this app is not: leave follow= out and look at "
            "answer.headers['location']."
        )
    method, body, dropped = sent.method, sent.body, {"host", "cookie"}
    if (status == 303 and method != "HEAD") or (status in {301, 302} and method == "POST"):
        method, body = "GET", b""
        dropped |= {"content-type", "content-length", "transfer-encoding"}
    elif not isinstance(body, (bytes, list, tuple)):
        raise ClientFault(
            "A redirect asks for the body again, and a stream is sent once: give body= as bytes or a list."
        )
    if (scheme, authority) != (sent.scheme, sent.authority):
        dropped.add("authorization")
    headers = [("host", authority), *(pair for pair in sent.headers if pair[0] not in dropped)]
    return SentRequest(method, scheme, authority, path, query, headers, body)
