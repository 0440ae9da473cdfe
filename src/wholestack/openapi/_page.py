"""The page that shows the document: Swagger UI, with every file from this package."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote, urlsplit

from ._served import ASSETS, REDIRECT, asset

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
{files}
</head>
<body>
<noscript><p>This page needs JavaScript. The document itself is <a href="{document}">{document}</a>.</p></noscript>
{versions}<main id="docs" data-document="{document}" data-redirect="{redirect}"></main>
</body>
</html>
"""

_REDIRECT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Authorising</title>
<link rel="icon" href="data:,">
<script src="{script}" defer></script>
</head>
<body></body>
</html>
"""


def page(title: str, docs: str, path: str, pages: Mapping[str, str] | None = None) -> str:
    """The page at `docs` for the document at `path`; both are named from where the page is, whatever lies before them.

    Arguments:
        pages: the pages of an API that has several versions, this one among them, by what they are called.

    Example:
        >>> 'data-document="openapi.json"' in page("Notes", "/docs", "/openapi.json")
        True
    """
    files = []
    for name in ASSETS:
        address = f"{_from(docs, asset_path(docs, name))}?v={asset(name).version}"
        is_style = name.endswith(".css")
        files.append(
            f'<link rel="stylesheet" href="{address}">' if is_style else f'<script src="{address}" defer></script>'
        )
    links = "".join(
        f'<a href="{escape(_from(docs, at))}"{" aria-current=page" if at == docs else ""}>{escape(text)}</a>\n'
        for text, at in (pages or {}).items()
    )
    versions = f'<nav class="versions" aria-label="Versions">\n{links}</nav>\n' if links else ""
    document, redirect = escape(_from(docs, path)), escape(_from(docs, redirect_path(docs)))
    return _PAGE.format(
        title=escape(title), files="\n".join(files), document=document, redirect=redirect, versions=versions
    )


def asset_path(docs: str, name: str) -> str:
    """Where a file of the page lies.

    Example:
        >>> asset_path("/docs", "init.js")
        '/docs/init.js'
    """
    return f"{docs.rstrip('/')}/{name}"


def redirect_path(docs: str) -> str:
    """Where a login leads back to.

    Example:
        >>> redirect_path("/docs")
        '/docs/oauth2-redirect.html'
    """
    return asset_path(docs, "oauth2-redirect.html")


def redirect_page() -> str:
    """The page that a login leads back to."""
    return _REDIRECT.format(script=f"{REDIRECT}?v={asset(REDIRECT).version}")


def _from(docs: str, path: str) -> str:
    return quote(posixpath.relpath(path, posixpath.dirname(docs)))


def policy(servers: Iterable[str]) -> str:
    """The page's content security policy: its own files, and requests to the API's and the login's servers."""
    parts = [urlsplit(each) for each in servers]
    origins = {f"{each.scheme}://{each.netloc}" for each in parts if each.scheme and each.netloc}
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            " ".join(["connect-src 'self'", *sorted(origins)]),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
