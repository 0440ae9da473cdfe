"""What one request has open, a socket or a stream of events, and its end for a reason of the app's."""

from __future__ import annotations

from typing import Protocol

from wholestack import Request

from ._socket import Socket

_OPEN = "wholestack_open"


class Parting(Protocol):
    """A stream that can be told to end with a word."""

    def part(self, word: str) -> None:
        """End, and say why."""
        ...


class OpenStream:
    """Stands in a request for the stream of events that is its answer, from its beginning to its end."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._source: Parting | None = None
        self._word: str | None = None
        vars(request)[_OPEN] = self

    def begin(self, source: Parting) -> None:
        """It is sent from now on."""
        self._source = source
        if self._word is not None:
            source.part(self._word)

    def part(self, word: str) -> None:
        """See `Parting`."""
        self._word = word
        if self._source is not None:
            self._source.part(word)

    def end(self) -> None:
        """It has ended."""
        self._source = None
        vars(self._request).pop(_OPEN, None)


def has_open(request: Request) -> bool:
    """Whether a request has a socket or a stream of events that is open, or is about to be.

    Example:
        >>> from wholestack import App
        >>> from wholestack.testing import Client
        >>> app = App()
        >>> @app.get("/")
        ... def home(request: Request) -> bool:
        ...     return has_open(request)
        >>> Client(app).get("/").json()
        False
    """
    return isinstance(request.connection, Socket) or _OPEN in vars(request)


def end_open(request: Request, code: int, word: str) -> None:
    """End what a request has open, on its event loop: who sent it may not have it any more.

    A socket is closed with the code and the word as its reason, and its handler comes to its end as when the client has
    left. The last event of a stream has the word for its name and ``null`` for its data.

    Arguments:
        request: the handshake, or the request that is answered with events.
        code: of the close (RFC 6455 §7.4.2: 4000 to 4999 are the app's own).
        word: what has happened, as a name: ``"session-ended"``.
    """
    if isinstance(request.connection, Socket):
        request.connection.part(code, word)
    else:
        stream = vars(request).get(_OPEN)
        if stream is not None:
            stream.part(word)
