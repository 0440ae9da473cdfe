"""Cells of a kind: badges, links, mail addresses, pictures. What they are given is escaped."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from ._cells import NOTHING, text_of

Kind = Literal["", "success", "warning", "error", "info"]
_LINKS = {"http", "https", "mailto", "tel", ""}
_PICTURES = {"http", "https", ""}


def badge(value: Any, kind: Kind = "") -> Markup:
    """A value in a badge.

    Arguments:
        value: a text, a member of an enum, anything that a cell shows.
        kind: its colour.

    Example:
        >>> badge("<new>", "success")
        Markup('<span class="badge success">&lt;new&gt;</span>')
        >>> badge(None)
        Markup('<span class="muted">-</span>')
    """
    text = text_of(value)
    return Markup('<span class="{}">{}</span>').format(f"badge {kind}".strip(), text) if text else NOTHING


def link(url: Any, words: Any = None) -> Markup:
    """A link; an address that is none of the web, of a mail or of a telephone is shown as a text.

    Arguments:
        url: the address.
        words: what is shown; the address where left out.

    Example:
        >>> link("https://example.org/?a=1&b=2", "Home")
        Markup('<a href="https://example.org/?a=1&amp;b=2" rel="noopener noreferrer">Home</a>')
        >>> link("javascript:alert(1)")
        Markup('<bdi>javascript:alert(1)</bdi>')
    """
    address, shown = _address(url, _LINKS), text_of(url if words is None else words)
    if not shown:
        return NOTHING
    if address is None:
        return Markup("<bdi>{}</bdi>").format(shown)
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(address, shown)


def mail(address: Any) -> Markup:
    """A mail address as a link.

    Example:
        >>> mail("ann@example.org")
        Markup('<a href="mailto:ann@example.org" rel="noopener noreferrer">ann@example.org</a>')
    """
    text = text_of(address)
    return link(f"mailto:{quote(text, safe='@+')}", text) if text else NOTHING


def thumbnail(url: Any, words: str = "") -> Markup:
    """A small picture.

    Arguments:
        url: its address, of the web or of this site.
        words: what it shows, for who cannot see it.

    Example:
        >>> thumbnail("/files/7.png", "A cover")
        Markup('<img class="thumbnail" src="/files/7.png" alt="A cover" loading="lazy">')
        >>> thumbnail("data:text/html,x")
        Markup('<span class="muted">-</span>')
    """
    address = _address(url, _PICTURES)
    if not address:
        return NOTHING
    return Markup('<img class="thumbnail" src="{}" alt="{}" loading="lazy">').format(address, words)


def _address(url: Any, schemes: set[str]) -> str | None:
    """The address, where its scheme is one of these; browsers take white space and controls out of one."""
    text = text_of(url).strip()
    if any(character <= " " or character == "\x7f" for character in text):
        return None
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        return None
    is_plain = scheme != "" or ":" not in text.partition("/")[0]
    return text if scheme in schemes and is_plain else None
