"""Server-sent events (the HTML standard §9.2): typed, with ids to resume by, a heartbeat, and an end at a stop."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import pydantic

from wholestack import App, Header, Request, Response, Stream
from wholestack.errors import AnswerMismatch, NotImplementedByServer
from wholestack.handlers import responder

from ._backend import Stored
from ._ending import Ending
from ._held import over
from ._messages import arguments_of, is_a
from ._open import OpenStream
from ._source import Plain, Taking, Waiting

T_co = TypeVar("T_co", covariant=True)

_HEARTBEAT = b":\n\n"
_BACK = (1000, 3000)
"""Milliseconds after which clients come back from a stop, each at a time of its own."""

LastEventId: TypeAlias = Annotated[
    Header[str | None], pydantic.Field(alias="Last-Event-ID", max_length=200, default=None)
]
"""The id of the last event that the client has seen, or None: a browser sends it when it comes back."""


@dataclasses.dataclass(frozen=True)
class Event(Generic[T_co]):
    """One event: a value, with what the wire can say of it.

    Arguments:
        data: the value.
        id: what `LastEventId` will be when the client comes back after this one.
        event: its name; a browser listens to it by ``addEventListener(name, …)``.
        retry: seconds after which the client is to come back when the connection is lost.

    Example:
        >>> Event("milk", id="7").id
        '7'
    """

    data: T_co
    id: str | None = None
    event: str | None = None
    retry: float | None = None

    def __post_init__(self) -> None:
        for name in ("id", "event"):
            value = getattr(self, name)
            if value is not None and any(each in value for each in "\r\n\0"):
                raise ValueError(f"The {name} of an event holds no line end and no NUL.")


class Reset:
    """Stands for events that the client has missed and cannot get: it is sent as ``event: reset``."""

    def __init__(self, id: str) -> None:
        self.id = id


class Position:
    """Stands for the place that a stream begins at, so that a client which has seen nothing yet comes back there."""

    def __init__(self, id: str) -> None:
        self.id = id


@dataclasses.dataclass(frozen=True)
class Events(Generic[T_co]):
    """An answer of server-sent events (`text/event-stream`), of an iterable in either colour, or of a subscription.

    Arguments:
        source: values, or `Event` objects around them. An async iterable is cancelled when the client leaves.
        heartbeat: seconds of silence after which a comment keeps the connection open; None for never.
        retry: seconds after which clients come back when the connection is lost.
        finish: when the client leaves, the source goes on to its end all the same.
        headers: more header fields.

    Example:
        >>> import asyncio
        >>> from collections.abc import AsyncIterator
        >>> from wholestack import App
        >>> app = App()
        >>> async def ticks() -> AsyncIterator[int]:
        ...     for number in range(10):
        ...         yield number
        ...         await asyncio.sleep(1)
        >>> @app.get("/ticks")
        ... async def tick() -> Events[int]:
        ...     return Events(ticks())
    """

    source: Iterable[T_co | Event[T_co]] | AsyncIterable[T_co | Event[T_co]]
    heartbeat: float | None = 15.0
    retry: float | None = None
    finish: bool = False
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


class EventsKind:
    """`Events[T]` as a kind of answer; see `App.answer`."""

    def __init__(self, app: App, ending: Ending) -> None:
        self._app = app
        self._ending = ending

    def matches(self, annotation: Any) -> bool:
        """See `App.answer`."""
        return is_a(annotation, Events)

    def shown(self, annotation: Any) -> tuple[Any, str]:
        """What the documentation shows: the data of one event."""
        return arguments_of(annotation, 1)[0], "text/event-stream"

    def responder(self, annotation: Any, status: int | None) -> Callable[[Any, Request], Response]:
        """See `App.answer`."""
        (kind,) = arguments_of(annotation, 1)
        encode = _text if kind is str else self._app.encoder(kind)
        as_it_is = responder(Response, None, encoder=self._app.encoder)

        def respond(value: Any, request: Request) -> Response:
            if isinstance(value, Response):
                return as_it_is(value, request)
            if not isinstance(value, Events):
                raise AnswerMismatch("The handler returned no Events, as its annotation says.")
            if isinstance(request.raw, dict) and "wsgi.version" in request.raw:
                raise NotImplementedByServer(
                    f"{request.path} answers with events, for which WSGI has no end: serve it over ASGI or RSGI.",
                    code="needs-event-loop",
                )
            chunks = _chunks(value, kind, encode, self._ending, OpenStream(request))
            response = Stream(chunks, status or 200, "text/event-stream")
            for name, text in {"cache-control": "no-store", "x-accel-buffering": "no", **value.headers}.items():
                response.headers.set(name, text)
            return response

        return respond


def _chunks(value: Events[Any], kind: Any, encode: Callable[[Any], bytes], ending: Ending, opened: OpenStream) -> Any:
    """The frames of one answer; a plain source gives a plain iterable, which a worker thread takes."""
    if isinstance(value.source, AsyncIterable):
        return _frames(value, kind, encode, ending, opened)
    return _plain(Plain(value.source, ending, finish=value.finish, until_stop=True), value, encode, opened)


async def _frames(
    value: Events[Any], kind: Any, encode: Callable[[Any], bytes], ending: Ending, opened: OpenStream
) -> AsyncIterator[bytes]:
    over(read=False)  # Nothing has been told yet; from here on each message is.
    source: Any = value.source
    subscribed = hasattr(source, "followed")
    taking = None if subscribed else Taking(source, ending, finish=value.finish, until_stop=True)
    try:
        # At once, so that the client knows that it is connected.
        yield _hello(value)
        waiting: Waiting = taking or await source.followed(kind, ending)
    except BaseException:
        opened.end()
        if taking is not None:
            await taking.close()
        raise
    try:
        opened.begin(waiting)
        while True:
            items = await waiting.some(value.heartbeat)
            if items:
                frames = [frame(item, encode) for item in items]
                chunk = frames[0] if len(frames) == 1 else b"".join(frames)
                over(read=False)
                yield chunk
            elif waiting.over:
                return
            elif waiting.stopped:
                yield _goodbye(value, waiting.word)
                return
            else:
                yield _HEARTBEAT
    finally:
        opened.end()
        await waiting.close()


def _plain(source: Plain, value: Events[Any], encode: Callable[[Any], bytes], opened: OpenStream) -> Iterator[bytes]:
    yield _hello(value)
    opened.begin(source)
    try:
        for item in source:
            yield frame(item, encode)
    finally:
        opened.end()
    if source.stopped:
        yield _goodbye(value, source.word)


def _hello(value: Events[Any]) -> bytes:
    return b":\n\n" if value.retry is None else b"retry: %d\n\n" % (value.retry * 1000)


def _goodbye(value: Events[Any], word: str | None) -> bytes:
    """The last words at a stop: when to come back, so that not everybody does at once; or what has ended it."""
    if word is not None:
        return f"event: {word}\ndata: null\n\n".encode()
    low, high = _BACK if value.retry is None else (value.retry * 500, value.retry * 1500)
    return b": the server restarts\nretry: %d\n\n" % random.uniform(low, high)  # noqa: S311  (no secret)


def frame(item: Any, encode: Callable[[Any], bytes]) -> bytes:
    r"""One event as it goes over the wire.

    Example:
        >>> frame(Event("two\nlines", id="7", event="note"), str.encode)
        b'id: 7\nevent: note\ndata: two\ndata: lines\n\n'
    """
    if isinstance(item, Stored):
        return item.event
    if isinstance(item, Position):
        return f"id: {item.id}\n\n".encode()
    if isinstance(item, Reset):
        return f"id: {item.id}\nevent: reset\ndata: null\n\n".encode()
    head = b""
    if isinstance(item, Event):
        if item.id is not None:
            head += f"id: {item.id}\n".encode()
        if item.event is not None:
            head += f"event: {item.event}\n".encode()
        if item.retry is not None:
            head += b"retry: %d\n" % (item.retry * 1000)
        item = item.data
    data = encode(item)
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    return head + b"data: " + data + b"\n\n"


def _text(value: str) -> bytes:
    if not isinstance(value, str):
        raise AnswerMismatch("The data of an event is no text, as the handler's annotation says.")
    return value.encode("utf-8", "replace")
