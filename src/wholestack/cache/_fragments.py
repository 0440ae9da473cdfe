"""Parts of pages that are kept: in the cache of the request, in its language, and nothing that is its reader's own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any

from wholestack import Request, Response

from ._answers import PERSONAL
from ._cache import Cache
from ._errors import CacheFault
from ._spoken import LANGUAGE, TIMEZONE, spoken

_OF_A_READER = frozenset({"csrf", "csrf_token", "messages", "nonce"})
"""Helpers of templates that give what is its reader's own."""
_REFUSES = "wholestack.refuses"
"""Where a request has what templates ask before they give a name's helper."""
_CACHE = "wholestack.cache"


class FragmentCache:
    """Stands in the plan of a handler that answers with a page: its fragments are kept by the request's own `Cache`."""


def fragment_cache(request: Request, cache: Cache) -> Generator[FragmentCache, Response, None]:
    """The provider: fragments that are made within the request's transaction are kept as its own values are."""
    vars(request)[_CACHE] = cache
    try:
        yield FragmentCache()
    finally:  # An error's page is made after the transaction, which has ended then.
        vars(request).pop(_CACHE, None)


def fragment(
    request: Request,
    otherwise: Callable[[], Cache],
    key: object,
    ttl: float | None,
    tags: Iterable[str],
    caller: Callable[[], str],
) -> Any:
    """The text of a part, as it was kept or is made now, by its key and what is spoken.

    Arguments:
        request: the one whose page it is part of.
        otherwise: the cache of a page that no handler's plan has made, as of one for an error.
        key: what the part differs by.
        ttl: seconds; the plugin's if None.
        tags: names by which `Cache.invalidate` finds it.
        caller: makes the part, escaped.

    Raises:
        CacheFault: something that is no key; or what is made holds its reader's own.
    """
    cache: Cache = vars(request).get(_CACHE) or otherwise()
    whole = ("fragment", key, spoken(LANGUAGE), spoken(TIMEZONE))
    return cache.get_or_set(whole, lambda: _made(request, caller), ttl=ttl, tags=tags, type=str)


def _made(request: Request, caller: Callable[[], str]) -> str:
    held = vars(request)
    given: list[tuple[str, str]] = held.setdefault(PERSONAL, [])
    before, around = len(given), held.get(_REFUSES)
    held[_REFUSES] = _refuse
    try:
        text = str(caller())
    finally:
        held[_REFUSES] = around
    # A name that the page uses outside as well was looked up before; a form brings its token along.
    for index, (name, own) in enumerate(given):
        if index >= before or (own and own in text):
            raise _personal(name)
    return text


def _refuse(name: str) -> None:
    if name in _OF_A_READER:
        raise _personal(name)


def _personal(name: str) -> CacheFault:
    return CacheFault(
        f"{{% call cache(…) %}} is kept for all readers, and `{name}` in it is one reader's own. Put what uses it "
        "outside of the part that is cached."
    )
