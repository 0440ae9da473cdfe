"""What is more than bytes with a media type, on its way out: own headers, filters, a file, a stream. The same for all
drivers.
"""

from __future__ import annotations

import dataclasses
from typing import Any, AnyStr

from wholestack.http import Request, Response

from ._files import Opened
from ._sealed import Pairs, Sealed

# A driver's or a server's own business, or nobody's (RFC 9110 §7.6.1, RFC 9113 §8.2.2).
_NOT_OURS = frozenset({"content-length", "transfer-encoding", "keep-alive"})
_NOT_OURS_NOR_THE_HOPS = _NOT_OURS | {"connection", "upgrade"}
_NO_LENGTH = frozenset({204, 304})


@dataclasses.dataclass(slots=True)
class Outgoing:
    """An answer as it goes out.

    Attributes:
        pairs: every header field.
        body: the whole body, where `chunks` is None.
        chunks: the body's chunks, a plain or an async iterable.
    """

    pairs: Pairs
    body: bytes
    chunks: Any


def outgoing(sealed: Sealed, request: Request, response: Response, opened: Opened | None) -> Outgoing:
    """Decide what goes out: the header fields, and the body whole or in chunks; nothing of it for HEAD, 204 and 304."""
    pairs = header_pairs(response, request, sealed.headers)
    bodiless = request.method == "HEAD" or not has_length(response.status)
    body = b""
    chunks: Any = None
    if opened is not None:
        pairs += opened.headers
        chunks = opened.pack(opened.chunks())
        if bodiless:
            opened.file.close()
    elif response.stream is not None:
        chunks = response.stream
        if response.length is not None and not response._filters:
            pairs.append(("content-length", response.length))
    else:
        body = filtered(response, response.body)
        if has_length(response.status):
            pairs.append(("content-length", str(len(body))))
    return Outgoing(pairs, b"" if bodiless else body, None if bodiless else chunks)


def header_pairs(response: Response, request: Request, constant: tuple[tuple[str, str], ...]) -> Pairs:
    """The header fields of an answer but for its length: its own, the request's id, and the constant ones it has not
    set.
    """
    pairs: Pairs = [("x-request-id", request.id), *constant]
    if response._media_type is not None:
        pairs.append(("content-type", response._media_type))
    return pairs if response._headers is None else with_own(pairs, own_pairs(response, request))


def own_pairs(response: Response, request: Request) -> Pairs:
    """The header fields that an answer sets itself, as far as they are its to set."""
    # `connection` and `upgrade` belong to HTTP/1 over ASGI and RSGI; HTTP/2 has no such fields,
    # and WSGI forbids them (PEP 3333).
    dropped = _NOT_OURS if request.version[:1] == "1" and request.hop_by_hop else _NOT_OURS_NOR_THE_HOPS
    return [pair for pair in response.headers.pairs if pair[0] not in dropped]


def with_own(pairs: list[tuple[AnyStr, AnyStr]], own: list[tuple[AnyStr, AnyStr]]) -> list[tuple[AnyStr, AnyStr]]:
    """Header fields, with others in the place of those of the same names."""
    names = {name for name, _ in own}
    return [pair for pair in pairs if pair[0] not in names] + own


def has_length(status: int) -> bool:
    """Whether an answer of this status says how long its body is (RFC 9110 §8.6)."""
    return status not in _NO_LENGTH


def filtered(response: Response, body: bytes) -> bytes:
    """The body, or a chunk of it, after the filters that middleware put on it."""
    for push in response._filters or ():
        body = push(body)
    return body
