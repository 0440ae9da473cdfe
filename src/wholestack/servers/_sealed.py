"""What the drivers share: the sealed app as plain data, and how a header gets to the wire."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from wholestack.handlers import Plan, Providers
from wholestack.http import Gate, Limits, Request

from ._after import AfterSend
from ._lifetime import Lifetime
from ._threads import Workers
from ._watch import Watch

Table = Mapping[str, Plan]
Match = Callable[[str], tuple[Table, dict[str, str]]]
Find = Callable[[Request, str], tuple[Table, dict[str, str]]]
Pairs = list[tuple[str, str]]

STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


@dataclasses.dataclass(slots=True)
class Sealed:
    """An app that is sealed: nothing in it changes any more.

    Attributes:
        match: from a path to the table of its methods and the text of its fields; ``""`` in a table is every other
            method.
        find: the same for a request and a path, where more than the path decides (a host, a plugin).
        refusal: the plan that answers what is refused before a plan is found.
        headers: the constant headers of every answer.
        providers: what is provided at the app's own level, to its commands among others.
        socket_driver: what talks over WebSockets, where the app has any (`wholestack.realtime`).
        most: how many requests may be in work at once; a further one is told to come back.
        prepared: what answers a path without a plan, from what was written when the app was sealed: `wsgi(request)`,
            `asgi(request)` and `rsgi(request)` give the status (WSGI: its line), the header fields but for the
            request's id, and the body (WSGI: its chunks), or None where the request asks for more than that.
    """

    match: Match
    gate: Gate
    limits: Limits
    refusal: Plan
    headers: tuple[tuple[str, str], ...]
    lifetime: Lifetime
    workers: Workers
    after: AfterSend
    watch: Watch
    sockets: Callable[[str], Any]
    providers: Providers
    most: int
    prepared: Mapping[str, Any]
    find: Find | None = None
    socket_driver: Any = None


def computed(read: Callable[[Any], Any]) -> Any:
    """A property in the place of a plain attribute of `Request`, read from what the server gave when asked for."""
    return property(read, doc="See `Request`.")


@functools.lru_cache(256)
def media_pair(media_type: str) -> tuple[bytes, bytes]:
    """The Content-Type pair in bytes, encoded once for each media type that comes again and again."""
    return b"content-type", media_type.encode("latin-1")


def to_bytes(pairs: Pairs) -> list[tuple[bytes, bytes]]:
    """Header pairs as ASGI has them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
