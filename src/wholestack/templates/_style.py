"""The style sheet of our own pages: served under a name that tells its content, packed for those who take it so."""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
from urllib.parse import quote

from wholestack import App, Request, Response
from wholestack.http import best_coding, etag_of

_HERE = os.path.dirname(os.path.abspath(__file__))
PAGES = os.path.join(_HERE, "pages")
"""Where our own templates lie, the last place of all: a file of the same name in a folder of the app's goes before."""

_DIGITS = 12
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


class Asset:
    """A file of ours that pages load: under a name that tells its content, packed for those who take it so.

    Each of its two forms has an entity tag of its own (RFC 9110 §8.8.3).

    Arguments:
        name: as the address has it, ``"admin.css"``.
        media_type: its media type.

    Attributes:
        version: changes with the content.
        path: the address below the app.

    Example:
        >>> sheet = Asset("desk.css", "text/css; charset=utf-8")
        >>> sheet.fill(b"p { margin: 0 }")
        >>> sheet.path
        '/-/desk.ec85a1831a0e.css'
    """

    def __init__(self, name: str, media_type: str) -> None:
        stem, dot, kind = name.rpartition(".")
        self._pattern = f"/-/{stem}.{{version}}{dot}{kind}"
        self._route = f"wholestack_{stem}_{kind}"
        self._media_type = media_type
        self.version: str = ""
        self.path: str = ""

    def fill(self, content: bytes) -> None:
        """Give it its content."""
        self._plain = (content, etag_of(content))
        packed = gzip.compress(content, 9, mtime=0)
        self._packed = (packed, etag_of(packed))
        self.version = hashlib.sha256(content).hexdigest()[:_DIGITS]
        self.path = self._pattern.replace("{version}", self.version)

    def answer(self, version: str, request: Request) -> Response:
        """The file; a page of an earlier release that asks for its own gets this one, to be asked for anew."""
        packs = best_coding(request.headers.get("accept-encoding", ""), ("gzip",)) is not None
        body, tag = self._packed if packs else self._plain
        response = Response(body, media_type=self._media_type, headers={"etag": tag})
        response.headers.set("cache-control", _FOR_A_YEAR if version == self.version else _ASK_AGAIN)
        response.headers.vary("accept-encoding")
        if packs:
            response.headers.set("content-encoding", "gzip")
        return response

    def serve(self, app: App) -> None:
        """Serve it, once for all plugins of an app that bring it."""
        if any(route.path == self._pattern for route in app.routes):
            return

        def asset(version: str, request: Request) -> Response:
            return self.answer(version, request)

        app.get(self._pattern, hidden=True, name=self._route)(asset)

    def url(self, request: Request) -> str:
        """Its address, below where the app is mounted."""
        return quote(request.root_path) + self.path


@functools.cache
def style_sheet() -> Asset:
    """Our own, read once.

    Example:
        >>> style_sheet().path.startswith("/-/style.")
        True
    """
    found = Asset("style.css", "text/css; charset=utf-8")
    with open(os.path.join(_HERE, "assets", "style.css"), "rb") as file:
        found.fill(file.read())
    return found


def style_url(request: Request) -> str:
    """`style` of templates: the sheet's address."""
    return style_sheet().url(request)
