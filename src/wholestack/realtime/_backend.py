"""What channels stand on: one protocol, for memory here and for databases and brokers above."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable


class Stored:
    """A message as a backend has it; `payload` is None where messages were lost before this place.

    Attributes:
        id: its place in its topic, to go on from.
    """

    __slots__ = ("_event", "_frame", "_text", "id", "payload", "said")

    def __init__(self, id: str, payload: bytes | None) -> None:
        self.id: str = id
        self.payload: bytes | None = payload
        self.said: str | None = None  # As a socket writes it, once one has; see `Channel.written`.
        self._text: str | None = None
        self._event: bytes | None = None
        self._frame: bytes | None = None

    @property
    def text(self) -> str:
        """The payload as text, decoded once for all who get it."""
        if self._text is None:
            self._text = (self.payload or b"").decode()
        return self._text

    @property
    def event(self) -> bytes:
        """The message as a server-sent event, written once for all who get it; JSON has no line ends.

        A gap is a `reset`: the client is to begin anew.
        """
        if self._event is None:
            name = b"event: reset\n" if self.payload is None else b""
            self._event = b"id: %b\n%bdata: %b\n\n" % (self.id.encode(), name, self.payload or b"null")
        return self._event

    def frame(self, said: str) -> bytes:
        """The message as a WebSocket's frame (RFC 6455 §5.2), made once for all who get it."""
        if self._frame is None:
            self._frame = text_frame(said)
        return self._frame


def text_frame(text: str) -> bytes:
    r"""A text as the frame that a server sends: whole, without a mask.

    Example:
        >>> text_frame("Hi")
        b'\x81\x02Hi'
    """
    payload = text.encode("utf-8", "replace")
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class Feed(Protocol):
    """The messages of one topic, for one subscriber. It holds a bounded number of them.

    A feed may also be a `QuickFeed`, whose messages are handed over several at once.

    Attributes:
        position: the id that it begins behind.
    """

    position: str

    async def next(self) -> Stored:
        """The next message; a gap where some were lost, because they are too old or the subscriber is too slow."""
        ...

    def close(self) -> None:
        """No more of them."""
        ...


@runtime_checkable
class QuickFeed(Feed, Protocol):
    """A feed that knows what waits: a task fewer for each subscriber, and one write for what came together."""

    def take(self, wake: Callable[[], object]) -> list[Stored]:
        """All that wait. Where none does, `wake` is called once, when the next one has come; it never raises."""
        ...


class Backend(Protocol):
    """Where messages are kept and how they get around; `tests/public/realtime/contract.py` is what each must pass.

    Attributes:
        many: whether what one process publishes reaches all of them.
    """

    many: bool

    async def open(self) -> None:
        """Called when the app starts."""
        ...

    async def close(self) -> None:
        """Called when the app stops."""
        ...

    async def publish(self, topic: str, payload: bytes) -> str:
        """Keep a message and give it to all who subscribe; its id."""
        ...

    async def subscribe(self, topic: str, after: str | None) -> Feed:
        """What comes from now on, or what came after an id; a gap first where that is not known any more."""
        ...

    async def history(self, topic: str, count: int) -> list[Stored]:
        """The last messages, the oldest first."""
        ...

    async def enter(self, topic: str, member: str, name: str) -> None:
        """Somebody is here; `member` is one connection, `name` who it is."""
        ...

    async def leave(self, topic: str, member: str) -> None:
        """A connection has gone."""
        ...

    async def here(self, topic: str) -> list[str]:
        """Who is here, each name once, in order."""
        ...
