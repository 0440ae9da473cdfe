"""Content-Type and Accept: reading media types and choosing among them."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # noqa: S105
_TYPE = re.compile(rf"[ \t]*+({_TOKEN}/{_TOKEN})[ \t]*+(?:;|\Z)")
# Possessive throughout: no input makes the matcher go back.
_PARAMETER = re.compile(rf';[ \t]*+({_TOKEN})=(?:({_TOKEN})|"((?:[^"\\]++|\\.)*+)")', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_QUALITY = re.compile(r"1(?:\.0{0,3})?|0?\.[0-9]{1,3}|0\.?")
_SHORT = 256
_LONGEST_ACCEPT = 8 * 1024

# A media range with its parameters, and the quality asked for.
_Range = tuple[str, frozenset[tuple[str, str]]]
_PLAIN: frozenset[tuple[str, str]] = frozenset()
_ANYTHING: Mapping[_Range, float] = {("*/*", _PLAIN): 1.0}


def parse_parameters(text: str) -> dict[str, str]:
    """The ``; name=value`` parameters in a field value, names in lower case; the first of a name counts.

    What is not a parameter is passed over. Linear in the length of the text (RFC 9110 §5.6.6).

    Example:
        >>> parse_parameters('form-data; name="a; b"; broken; x=1')
        {'name': 'a; b', 'x': '1'}
    """
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(text):
        name = match[1].lower()
        if name not in found:
            found[name] = match[2] if match[3] is None else _ESCAPED.sub(r"\1", match[3])
    return found


def parse_media_type(value: str) -> tuple[str, dict[str, str]]:
    """The media type in lower case, ``""`` where it is malformed, and its parameters (RFC 9110 §8.3.1).

    Example:
        >>> parse_media_type('Application/JSON; charset="utf-8"')
        ('application/json', {'charset': 'utf-8'})
    """
    if len(value) > _SHORT:
        return _parse(value)
    kind, parameters = _parse_short(value)
    return kind, dict(parameters)


def _parse(value: str) -> tuple[str, dict[str, str]]:
    match = _TYPE.match(value)
    return (match[1].lower(), parse_parameters(value)) if match else ("", {})


_parse_short = functools.lru_cache(maxsize=512)(_parse)


def negotiate(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer that the client likes best; of equals the first; None where it takes none of them.

    A missing Accept field, one without a single valid media range, or one over 8 KiB counts as ``*/*``. The parameter
    `charset` is not compared, in either.

    Source: RFC 9110 §12.4.2, §12.5.1.

    Example:
        >>> negotiate("text/*;q=0.5, application/json", ["text/html", "application/json"])
        'application/json'
    """
    preferences = _preferences_of(accept)
    best = max(offers, key=lambda offer: _quality(offer, preferences), default=None)
    return best if best is not None and _quality(best, preferences) > 0 else None


def accepts_html(accept: str | None) -> bool:
    """Whether a browser asks: `text/html` is liked better than `application/json`.

    Example:
        >>> accepts_html("text/html,application/xhtml+xml,*/*;q=0.8"), accepts_html("*/*"), accepts_html(None)
        (True, False, False)
    """
    preferences = _preferences_of(accept)
    return _quality("text/html", preferences) > _quality("application/json", preferences)


def _preferences_of(accept: str | None) -> Mapping[_Range, float]:
    if accept is None or len(accept) > _LONGEST_ACCEPT:
        return _ANYTHING
    return (_short_preferences if len(accept) <= _SHORT else _preferences)(accept)


def _preferences(accept: str) -> Mapping[_Range, float]:
    found: dict[_Range, float] = {}
    for part in accept.split(","):
        kind, parameters = parse_media_type(part)
        if not kind and part.partition(";")[0].strip(" \t") == "*":
            # What Java's own client sends for "anything".
            kind, parameters = "*/*", parse_parameters(part)
        quality = parameters.pop("q", "1")
        parameters.pop("charset", None)
        if kind and _QUALITY.fullmatch(quality):
            found.setdefault((kind, frozenset(parameters.items())), float(quality))
    return found or _ANYTHING


_short_preferences = functools.lru_cache(maxsize=512)(_preferences)


def _quality(offer: str, preferences: Mapping[_Range, float]) -> float:
    kind, parameters = parse_media_type(offer)
    parameters.pop("charset", None)
    group = f"{kind.partition('/')[0]}/*"
    # From the most to the least specific: the first that is there decides.
    for wanted in ((kind, frozenset(parameters.items())), (kind, _PLAIN), (group, _PLAIN), ("*/*", _PLAIN)):
        if wanted in preferences:
            return preferences[wanted]
    return 0.0
