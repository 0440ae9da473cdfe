"""Channels: typed messages from whoever publishes to all who subscribe, in rooms."""

from __future__ import annotations

import asyncio
import secrets
import types
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

from wholestack import App, Request, ServiceUnavailable

from ._backend import Backend, Feed, QuickFeed, Stored
from ._connections import LATER
from ._ending import Ending
from ._events import Event, Position, Reset
from ._messages import Read, arguments_of, bare, is_a, json_reader
from ._socket import Socket, SocketClosed
from ._source import Following, Taking, Waiting

T = TypeVar("T")

_MOST_ROOM = 200


class MessagesMissed(ServiceUnavailable):
    """A subscriber has missed messages: it was too slow, or it came back too late. It begins anew from what there is.

    In a socket it closes it with 1013; events get ``event: reset`` in its place and go on.
    """

    code: str = "messages-missed"


class Channel(Generic[T]):
    """Messages of one type, in rooms. A handler asks for it by its type.

    Attributes:
        name: the type's, in all processes of the app.

    Example:
        >>> from wholestack import App
        >>> app = App()
        >>> @app.post("/news")
        ... async def publish(text: str, news: Channel[str]) -> None:
        ...     await news.publish(text)
    """

    def __init__(self, name: str, kind: Any, backend: Backend, encode: Callable[[Any], bytes], read: Read) -> None:
        self.name = name
        self.kind = kind
        self._backend = backend
        self._encode = encode
        self._read = read

    async def publish(self, message: T, room: str = "") -> str:
        """Send a message to all who subscribe to the room; its id. A `def` handler calls ``wait(news.publish(…))``."""
        return await self._backend.publish(*self.sent(message, room))

    def sent(self, message: T, room: str = "") -> tuple[str, bytes]:
        """What a backend is given of a message: its topic, and what is written.

        Raises:
            ValueError: the room's name is too long, or the message is not of the channel's type.
        """
        return self._topic(room), self._encode(message)

    def subscribe(self, room: str = "", after: str | None = None) -> Subscription[T]:
        """The messages of a room from now on, or all after the one with this id.

        Arguments:
            room: its name, at most 200 characters.
            after: the id of the last message that was seen (`LastEventId`).
        """
        return Subscription(self._backend, self._topic(room), after, self)

    async def history(self, room: str = "", count: int = 100) -> list[T]:
        """The last messages of a room that are kept, the oldest first."""
        return [self.value(stored) for stored in await self._backend.history(self._topic(room), count)]

    async def here(self, room: str = "") -> list[str]:
        """Who is in a room: the names of those who joined it, each once, in order."""
        return await self._backend.here(self._topic(room))

    def join(self, room: str, socket: Socket[Any, T], name: str | None = None) -> Joining[T]:
        """Send all that is published in a room to a socket, while the block of `async with` runs.

        Arguments:
            name: who it is, for `here`; without one it is not seen there.
        """
        return Joining(self, self._backend, self._topic(room), socket, name)

    def _topic(self, room: str) -> str:
        if len(room) > _MOST_ROOM:
            raise ValueError(f"The name of a room has at most {_MOST_ROOM} characters.")
        return f"{self.name}:{room}"

    def value(self, stored: Stored) -> T:
        """A message that is kept as the value that was published."""
        value: T = self._read(stored.text)
        return value

    def written(self, stored: Stored) -> str:
        """A message as a socket that sends this type writes it, once for all of them."""
        if stored.said is not None:
            return stored.said
        said: Any = self.value(stored) if self.kind is str else stored.text
        stored.said = said
        return said  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<Channel {self.name}>"


class Joining(Generic[T]):
    """A socket's stay in a room; see `Channel.join`."""

    __slots__ = ("_backend", "_channel", "_feed", "_forwarding", "_member", "_name", "_socket", "_take", "_topic")

    def __init__(
        self, channel: Channel[T], backend: Backend, topic: str, socket: Socket[Any, T], name: str | None
    ) -> None:
        self._channel = channel
        self._backend = backend
        self._topic = topic
        self._socket = socket
        self._name = name
        self._forwarding: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._feed = await self._backend.subscribe(self._topic, None)
        self._take = self._feed.take if isinstance(self._feed, QuickFeed) else None
        if self._take is None:
            self._forward([])
        else:
            self._flush()
        if self._name is not None:
            self._member = secrets.token_hex(8)
            try:
                await self._backend.enter(self._topic, self._member, self._name)
            except BaseException:
                await self._end()
                raise

    async def __aexit__(self, *_: object) -> None:
        await self._end()
        if self._name is not None:
            await self._backend.leave(self._topic, self._member)

    async def _end(self) -> None:
        self._feed.close()
        if self._forwarding is not None:
            self._forwarding.cancel()
            await asyncio.wait({self._forwarding})

    def _flush(self) -> None:
        """Send what waits, here and now where the server takes it, else in a task; called again when more has come."""
        while self._take is not None and (messages := self._take(self._flush)):
            for at, stored in enumerate(messages):
                try:
                    sent = stored.payload is not None and self._socket.offer(stored, self._channel)
                except Exception:
                    sent = False  # The publisher has nothing to do with it: the task meets it again.
                if not sent:
                    self._forward(messages[at:])
                    return

    def _forward(self, messages: list[Stored]) -> None:
        self._forwarding = asyncio.get_running_loop().create_task(self._run(messages))

    async def _run(self, messages: list[Stored]) -> None:
        """Send at the client's pace."""
        try:
            while True:
                for stored in messages:
                    if stored.payload is None:
                        await self._socket.close(LATER, MessagesMissed.code)
                        return
                    await self._socket.send_stored(stored, self._channel)
                if self._take is None:
                    messages = [await self._feed.next()]
                elif not (messages := self._take(self._flush)):
                    return
        except SocketClosed:
            return


class Subscription(Generic[T]):
    """The messages of a room, one after the other; see `Channel.subscribe`. As the source of `Events` each has its id.

    Raises:
        MessagesMissed: while it is iterated: some were lost.
    """

    def __init__(self, backend: Backend, topic: str, after: str | None, channel: Channel[T]) -> None:
        self._backend = backend
        self._topic = topic
        self._after = after or None
        self._channel = channel

    async def __aiter__(self) -> AsyncIterator[T]:
        feed = await self._backend.subscribe(self._topic, self._after)
        try:
            while True:
                stored = await feed.next()
                if stored.payload is None:
                    raise MessagesMissed("Messages were missed: begin anew.")
                yield self._channel.value(stored)
        finally:
            feed.close()

    async def followed(self, kind: Any, ending: Ending) -> Waiting:
        """The same as items of a stream of events, with ids; what was missed is told by a `reset`.

        Arguments:
            kind: what the events are declared to be; where that is the channel's own type, they are written already.
        """
        as_it_is = kind is self._channel.kind and kind is not str

        def item(stored: Stored) -> Event[T] | Reset:
            return Reset(stored.id) if stored.payload is None else Event(self._channel.value(stored), id=stored.id)

        feed = await self._backend.subscribe(self._topic, self._after)
        first: list[Any] = [Position(feed.position)] if self._after is None else []
        if isinstance(feed, QuickFeed):
            return Following(feed, ending, first, None if as_it_is else item)
        return Taking(_each(feed, first, None if as_it_is else item), ending, finish=False, until_stop=True)


async def _each(feed: Feed, first: list[Any], item: Callable[[Stored], Any] | None) -> AsyncIterator[Any]:
    try:
        for each in first:
            yield each
        while True:
            stored = await feed.next()
            yield stored if item is None else item(stored)
    finally:
        feed.close()


class ChannelKind:
    """`Channel[T]` as a kind of parameter; see `App.parameter`.

    Attributes:
        channels: those that are asked for, by the name of their type.
    """

    def __init__(self, app: App, backend: Backend) -> None:
        self._app = app
        self._backend = backend
        self.channels: dict[str, Channel[Any]] = {}

    def matches(self, annotation: Any) -> bool:
        """See `App.parameter`."""
        return is_a(annotation, Channel)

    def reader(self, name: str, annotation: Any) -> Callable[[Request], Channel[Any]]:
        """See `App.parameter`."""
        (kind,) = arguments_of(annotation, 1)
        key = name_of(kind)
        if key in self.channels and self.channels[key].kind != kind:
            key = str(kind)  # Another type of the same name, such as one with tighter bounds.
        if key not in self.channels:
            encode = self._app.encoder(kind)
            self.channels[key] = Channel(key, kind, self._backend, encode, json_reader(kind, self._app.limits))
        channel = self.channels[key]
        return lambda request: channel


def name_of(kind: Any) -> str:
    """The name of a channel: that of its type, of a union those of its members.

    Example:
        >>> from typing import Annotated
        >>> name_of(str), name_of(list[int]), name_of(Annotated[int | str | None, "either"])
        ('str', 'list[int]', 'int | str | None')
    """
    found = bare(kind)
    if get_origin(found) in {Union, types.UnionType}:
        return " | ".join(map(name_of, get_args(found)))
    if found is types.NoneType:
        return "None"
    if isinstance(found, type) and get_origin(found) is None:
        return f"{found.__module__}.{found.__qualname__}".removeprefix("builtins.")
    return str(found)
