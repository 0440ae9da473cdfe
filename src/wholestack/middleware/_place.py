"""Where guards stand: outside the app's own middleware, in one order, however they were named."""

from __future__ import annotations

from typing import Any

from wholestack import App

PROXIES, LOGS, HOSTS, HTTPS, CROSS_ORIGIN, COMPRESSION, HEADERS, OWN = range(8)
"""From the outermost to the innermost. Logs and measures of ours see what guards refuse, under the client's address; a
redirect to HTTPS comes after the host is known to be ours; what is compressed is what goes out."""

_RANK = "wholestack_rank"


def place(app: App, rank: int, middleware: Any) -> None:
    """Put a guard's middleware before everything that stands further in."""
    vars(middleware)[_RANK] = rank
    ranks = [rank_of(each) for each in app.middlewares]
    at = next((index for index, other in enumerate(ranks) if other > rank), len(ranks))
    app.middlewares.insert(at, middleware)


def rank_of(middleware: Any) -> int:
    """The place of a middleware that stands there already."""
    own = getattr(middleware, _RANK, None)
    if own is not None:
        return int(own)
    ours = (getattr(middleware, "__module__", None) or "").startswith("wholestack.")
    return LOGS if ours else OWN
