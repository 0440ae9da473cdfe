"""Bytes that never change while the app runs: kept plain and packed, each with its ETag."""

from __future__ import annotations

import functools
import zlib

from wholestack import Request, Response
from wholestack.http import best_coding, etag_of

_FOR_A_YEAR = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_GZIP = 31  # What zlib calls a window of 2**15 bytes in a gzip member (RFC 1952), here with no time in it.


class Served:
    """Bytes with their media type; they are packed, or unpacked, when somebody first asks for them so.

    Example:
        >>> Served(b"body { margin: 0 }", "text/css").answer(Request("GET", "/docs.css")).body
        b'body { margin: 0 }'
    """

    def __init__(self, body: bytes, media_type: str, *, is_packed: bool = False) -> None:
        self._body = body
        self._media_type = media_type
        self._is_packed = is_packed

    @functools.cached_property
    def plain(self) -> tuple[bytes, str]:
        """The bytes and their ETag."""
        body = zlib.decompress(self._body, _GZIP) if self._is_packed else self._body
        return body, etag_of(body)

    @functools.cached_property
    def packed(self) -> tuple[bytes, str]:
        """The same as gzip, which is another representation with another ETag (RFC 9110 §8.8.3)."""
        body = self._body if self._is_packed else zlib.compress(self._body, 9, _GZIP)
        return body, etag_of(body)

    @functools.cached_property
    def version(self) -> str:
        """Changes with the bytes; in an address it lets browsers keep them."""
        return etag_of(self._body).strip('"')[:12]

    def answer(self, request: Request) -> Response:
        """The answer in the coding that the client takes; an address with the version in it may be kept for a year."""
        packs = best_coding(request.headers.get("accept-encoding", ""), ("gzip",)) is not None
        body, tag = self.packed if packs else self.plain
        response = Response(body, media_type=self._media_type, headers={"etag": tag, "vary": "accept-encoding"})
        keeps = request.query_string == f"v={self.version}"
        response.headers.set("cache-control", _FOR_A_YEAR if keeps else _ASK_AGAIN)
        if packs:
            response.headers.set("content-encoding", "gzip")
        return response


@functools.cache
def asset(name: str) -> Served:
    """A file of the page by its name; what is big lies packed in the package."""
    import pkgutil

    media_type = "text/css" if name.endswith(".css") else "text/javascript"
    is_packed = name in PACKED
    body = pkgutil.get_data("wholestack.openapi", f"assets/{name}{'.gz' if is_packed else ''}") or b""
    return Served(body, f"{media_type}; charset=utf-8", is_packed=is_packed)


#: The files of the page; the first two are Swagger UI's own.
ASSETS = ("swagger-ui-bundle.js", "swagger-ui.css", "init.js", "docs.css")
PACKED = ASSETS[:2]
#: The script of the page that a login leads back to.
REDIRECT = "oauth2-redirect.js"
