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

_PATTERN = "/-/style.{version}.css"
_DIGITS = 12
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


class StyleSheet:
    """A style sheet in the two forms in which it is sent, each with its own entity tag (RFC 9110 §8.8.3).

    Attributes:
        version: changes with the content.
        path: the address below the app.
    """

    def __init__(self, content: bytes) -> None:
        self._plain = (content, etag_of(content))
        packed = gzip.compress(content, 9, mtime=0)
        self._packed = (packed, etag_of(packed))
        self.version: str = hashlib.sha256(content).hexdigest()[:_DIGITS]
        self.path: str = _PATTERN.replace("{version}", self.version)

    def answer(self, version: str, request: Request) -> Response:
        """The sheet; a page of an earlier release that asks for its own gets this one, to be asked for anew."""
        packs = best_coding(request.headers.get("accept-encoding", ""), ("gzip",)) is not None
        body, tag = self._packed if packs else self._plain
        response = Response(body, media_type="text/css; charset=utf-8", headers={"etag": tag})
        response.headers.set("cache-control", _FOR_A_YEAR if version == self.version else _ASK_AGAIN)
        response.headers.vary("accept-encoding")
        if packs:
            response.headers.set("content-encoding", "gzip")
        return response


@functools.cache
def style_sheet() -> StyleSheet:
    """Our own, read once.

    Example:
        >>> style_sheet().path.startswith("/-/style.")
        True
    """
    with open(os.path.join(_HERE, "assets", "style.css"), "rb") as file:
        return StyleSheet(file.read())


def serve(app: App) -> None:
    """Serve it, once for all plugins of an app that bring pages."""
    if any(route.path == _PATTERN for route in app.routes):
        return
    sheet = style_sheet()

    @app.get(_PATTERN, hidden=True, name="wholestack_style")
    def wholestack_style(version: str, request: Request) -> Response:
        return sheet.answer(version, request)


def style_url(request: Request) -> str:
    """`style` of templates: the sheet's address, below where the app is mounted."""
    return quote(request.root_path) + style_sheet().path
