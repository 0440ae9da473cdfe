"""Which content coding a client likes best (RFC 9110 §12.5.3)."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

_LONGEST = 4 * 1024
_SHORT = 256
# Possessive: no input makes the matcher go back.
_ENTRY = re.compile(r"[ \t]*+([!#$%&'*+\-.^_`|~0-9A-Za-z]++)[ \t]*+(?:;[ \t]*+[qQ]=([01](?:\.[0-9]{0,3})?))?[ \t]*+")
_ALIASES = {"x-gzip": "gzip"}


def best_coding(accept_encoding: str, offers: Sequence[str]) -> str | None:
    """The coding that the client likes best, of equals the first offer; None for the body as it is.

    Linear in the length of the field; one over 4 KiB counts as if it were not there.

    Example:
        >>> best_coding("gzip, br;q=0.9, *;q=0.1", ["br", "gzip"]), best_coding("gzip;q=0", ["gzip"])
        ('gzip', None)
    """
    if len(accept_encoding) > _LONGEST:
        return None
    known = _short if len(accept_encoding) <= _SHORT else _qualities
    qualities = known(accept_encoding)
    other = qualities.get("*", 0.0)
    best = max(offers, key=lambda offer: qualities.get(offer, other), default=None)
    if best is None:
        return None
    liked = qualities.get(best, other)
    # `identity` is as good as any where nothing is said of it; named with more, it is wanted more.
    return best if liked > 0 and liked >= qualities.get("identity", 0.0) else None


def _qualities(field: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in field.split(","):
        match = _ENTRY.fullmatch(part)
        if match:
            name = match[1].lower()
            found.setdefault(_ALIASES.get(name, name), min(1.0, float(match[2] or "1")))
    return found


_short = functools.lru_cache(512)(_qualities)
