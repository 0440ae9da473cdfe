"""Refusing what is too much before it costs anything: a ready-made 503 instead of a request.

The app counts its requests in work and refuses one more by itself; but where clients ask again at once, thousands of
such refusals a second would take the processor from the requests that were let in.
"""

from __future__ import annotations

import json
import random
from urllib.parse import unquote

from wholestack import App
from wholestack.errors import ServiceUnavailable

_ID = "0123456789abcdef"
PENALTY = 0.04
"""Seconds for which a refused connection is not read from: who does not heed `Retry-After` waits that long."""


class Overload:
    """Whether an app is full, and what to say then.

    Arguments:
        app: a sealed app.
    """

    def __init__(self, app: App) -> None:
        sealed = app.seal()
        self.busy, self.most = sealed.watch.deadlines, sealed.most
        self.refused = 0
        self._match = sealed.match
        error = ServiceUnavailable("The server has as many requests in work as it takes at once.", code="server-full")
        body = json.dumps(app.errors.body(error, _ID)).encode()
        fields = [
            *app.constant_headers(),
            ("x-request-id", _ID),
            ("retry-after", "1"),
            ("content-type", app.errors.media_type),
            ("content-length", str(len(body))),
        ]
        head = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1")
        self._head, self._body = head.split(_ID.encode()), body.split(_ID.encode())

    def spares(self, method: str, path: bytes) -> bool:
        """Whether this one is taken all the same: a route without a time limit, like a health check, is not counted."""
        table, _ = self._match(unquote(path.decode("latin-1")))
        plan = table.get(method) or table[""]
        return plan.timeout is None

    def answer(self, method: str, date: list[tuple[bytes, bytes]], *, close: bool) -> bytes:
        """The refusal as bytes, with an id of its own."""
        number = f"{random.getrandbits(64):016x}".encode()
        fields = b"".join(b"%s: %s\r\n" % pair for pair in date) + (b"connection: close\r\n" if close else b"")
        body = b"" if method == "HEAD" else number.join(self._body)
        self.refused += 1
        return b"".join((b"HTTP/1.1 503 Service Unavailable\r\n", fields, number.join(self._head), b"\r\n", body))

    def count(self) -> int:
        """How many were refused since the last question."""
        count, self.refused = self.refused, 0
        return count
