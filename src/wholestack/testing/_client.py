"""The two clients: one to be called, one to be awaited."""

from __future__ import annotations

import abc
import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar, Unpack, overload

from ._answer import Answer, AnswerHead
from ._body import items
from ._cookies import CookieJar
from ._core import Core, Flow
from ._errors import ClientFault
from ._events import EventParser, EventStream, ReceivedEvent
from ._life import Interface, Life, life_of, remember
from ._sent import HeaderFields, RequestOptions
from ._sockets import AsyncClientSocket, ClientSocket, Line

R = TypeVar("R")
T = TypeVar("T")


class Verbs(abc.ABC, Generic[R]):
    """What both clients have in common: how they are made, and a method for each method of HTTP.

    Arguments:
        app: an `App`, or any application of the interface, such as an app inside foreign middleware.
        interface: the driver that answers: ``"asgi"``, ``"wsgi"`` or ``"rsgi"``.
        base_url: scheme, host and port of the requests; a path in it goes before each path.
        raise_errors: raise in the test what a handler raised and nothing took, instead of giving its 500.
        headers: header fields of every request.
        cookies: cookies to begin with.
        address: the client's address, as the app sees it.
    """

    def __init__(
        self,
        app: Any,
        *,
        interface: Interface = "asgi",
        base_url: str = "http://testserver",
        raise_errors: bool = True,
        headers: HeaderFields = (),
        cookies: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        self._core = Core(app, interface, base_url, headers)
        self._core.raise_errors = raise_errors
        self._core.address = address
        self._core.cookies.update(cookies or {})
        self._held: list[Life] = []
        remember(self)

    @property
    def app(self) -> Any:
        """The application under test."""
        return self._core.app

    @property
    def interface(self) -> Interface:
        """The interface that the application is asked by."""
        return self._core.interface

    @property
    def same_origin(self) -> bool:
        """Whether requests with cookies that the client keeps come from the app's own pages, as a browser says it
        (`Sec-Fetch-Site`); True until a test says otherwise. A test of another site gives that field itself.
        """
        return self._core.same_origin

    @same_origin.setter
    def same_origin(self, value: bool) -> None:
        self._core.same_origin = value

    @property
    def cookies(self) -> CookieJar:
        """The cookies that the client keeps."""
        return self._core.cookies

    @abc.abstractmethod
    def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> R:
        """Send a request; see `RequestOptions` for what may be said about it."""

    def get(self, url: str, **options: Unpack[RequestOptions]) -> R:
        """Send a GET request."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Unpack[RequestOptions]) -> R:
        """Send a HEAD request."""
        return self.request("HEAD", url, **options)

    def options(self, url: str, **options: Unpack[RequestOptions]) -> R:
        """Send an OPTIONS request."""
        return self.request("OPTIONS", url, **options)

    def post(self, url: str, **options: Unpack[RequestOptions]) -> R:
        """Send a POST request."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[RequestOptions]) -> R:
        """Send a PUT request."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[RequestOptions]) -> R:
        """Send a PATCH request."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[RequestOptions]) -> R:
        """Send a DELETE request."""
        return self.request("DELETE", url, **options)


class StreamedAnswer(AnswerHead):
    """An answer whose body is read as it comes, inside `with client.stream(…)`."""

    def __init__(self, flow: Flow, life: Life) -> None:
        super().__init__(flow.head, flow.request, flow.history)
        self.flow = flow
        self.life = life

    def chunks(self) -> Iterator[bytes]:
        """The body, chunk by chunk; the handler's stream goes on as they are read."""
        while (chunk := self.life.run(self.flow.chunk())) is not None:
            yield chunk

    def read(self) -> bytes:
        """The rest of the body."""
        return b"".join(self.chunks())


class AsyncStreamedAnswer(AnswerHead):
    """An answer whose body is read as it comes, inside `async with client.stream(…)`."""

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow.head, flow.request, flow.history)
        self._flow = flow

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, chunk by chunk; the handler's stream goes on as they are read."""
        while (chunk := await self._flow.chunk()) is not None:
            yield chunk

    async def read(self) -> bytes:
        """The rest of the body."""
        return b"".join([chunk async for chunk in self.chunks()])


class Client(Verbs[Answer]):
    """A client for tests that asks an app in this process, without a socket.

    Inside ``with Client(app) as client:`` the app is started and stopped; without, it starts at the first request and
    stops when Python ends. See `Verbs` for the arguments.

    Example:
        >>> from wholestack import App
        >>> app = App()
        >>> @app.get("/hello/{name}")
        ... def hello(name: str, loud: bool = False) -> dict[str, str]:
        ...     return {"hello": name.upper() if loud else name}
        >>> with Client(app) as client:
        ...     answer = client.get("/hello/you", query={"loud": True}).expect(200)
        >>> answer.json()
        {'hello': 'YOU'}
    """

    def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Answer:
        """Send a request and give the whole answer; see `RequestOptions` for what may be said about it."""
        life = self._life()
        return life.run(self._core.request(life, method, url, options))

    @contextlib.contextmanager
    def stream(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Iterator[StreamedAnswer]:
        """Read an answer as it comes; the client goes away where the block is left before its end.

        Example:
            >>> from wholestack import App, Stream
            >>> app = App()
            >>> @app.get("/count")
            ... def count() -> Stream:
            ...     return Stream(f"{number} " for number in range(1_000_000))
            >>> with Client(app).stream("GET", "/count") as answer:
            ...     next(answer.chunks())
            b'0 '
        """
        life = self._life()
        flow = life.run(self._core.open(life, method, url, options))
        try:
            yield StreamedAnswer(flow, life)
        finally:
            if not life.over:  # Else it has ended with the app.
                life.run(flow.close())

    @contextlib.contextmanager
    def socket(
        self, url: str, *, protocols: Sequence[str] = (), **options: Unpack[RequestOptions]
    ) -> Iterator[ClientSocket]:
        """Open a WebSocket, and leave it at the end of the block.

        Raises:
            SocketRefused: the application answers the handshake as HTTP.

        Example:
            >>> from wholestack import App
            >>> from wholestack.realtime import Socket
            >>> app = App()
            >>> @app.socket("/double")
            ... async def double(socket: Socket[int, int]) -> None:
            ...     async for number in socket:
            ...         await socket.send(number * 2)
            >>> with Client(app).socket("/double") as socket:
            ...     socket.send(21)
            ...     socket.receive(int)
            42
        """
        life = self._life()
        line = life.run(Line.open(self._core, life, url, tuple(protocols), options))
        try:
            yield ClientSocket(line, life)
        finally:
            life.run(line.close(1000, ""))

    @overload
    def events(self, url: str, **options: Unpack[RequestOptions]) -> EventStream[Any]: ...
    @overload
    def events(
        self, url: str, kind: type[T], *, after: str | None = None, **options: Unpack[RequestOptions]
    ) -> EventStream[T]: ...
    def events(
        self, url: str, kind: Any = Any, *, after: str | None = None, **options: Unpack[RequestOptions]
    ) -> EventStream[Any]:
        """The server-sent events of a GET, as they come; their data is JSON, read as a type where one is named.

        Arguments:
            after: come back as one who has seen the event with this id (`Last-Event-ID`).
        """
        opened = contextlib.ExitStack()
        try:
            answer = opened.enter_context(self.stream("GET", url, **_back(after, options)))
            answer.expect(200)
            return EventStream(opened, answer.life, answer.flow, kind)
        except BaseException:
            opened.close()
            raise

    def _life(self) -> Life:
        if asyncio._get_running_loop() is not None:
            raise ClientFault(
                "Client cannot run inside an event loop: use `async with AsyncClient(app)` and await its answers."
            )
        return life_of(self._core.app, self._core.interface, None)

    def __enter__(self) -> Self:
        life = self._life()
        if life.started and not life.holders:
            life.end()
            life = self._life()
        if not life.started:
            life.run(life.start())
        life.holders += 1
        self._held.append(life)
        return self

    def __exit__(self, *_: object) -> None:
        life = self._held.pop()
        life.holders -= 1
        if not life.holders:
            life.end()


class AsyncClient(Verbs[Coroutine[Any, Any, Answer]]):
    """`Client` for tests that run on an event loop: the same methods, awaited. See `Verbs` for the arguments.

    Example:
        >>> from wholestack import App
        >>> app = App()
        >>> @app.get("/hello")
        ... async def hello() -> str:
        ...     return "Hello!"
        >>> async def test() -> str:
        ...     async with AsyncClient(app) as client:
        ...         answer = await client.get("/hello")
        ...     return answer.text
        >>> asyncio.run(test())
        'Hello!'
    """

    async def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Answer:
        """Send a request and give the whole answer; see `RequestOptions` for what may be said about it."""
        return await self._core.request(self._life(), method, url, options)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, url: str, **options: Unpack[RequestOptions]
    ) -> AsyncIterator[AsyncStreamedAnswer]:
        """Read an answer as it comes; the client goes away where the block is left before its end."""
        flow = await self._core.open(self._life(), method, url, options)
        try:
            yield AsyncStreamedAnswer(flow)
        finally:
            await flow.close()

    @contextlib.asynccontextmanager
    async def socket(
        self, url: str, *, protocols: Sequence[str] = (), **options: Unpack[RequestOptions]
    ) -> AsyncIterator[AsyncClientSocket]:
        """See `Client.socket`."""
        line = await Line.open(self._core, self._life(), url, tuple(protocols), options)
        try:
            yield AsyncClientSocket(line)
        finally:
            await line.close(1000, "")

    @overload
    def events(self, url: str, **options: Unpack[RequestOptions]) -> AsyncGenerator[ReceivedEvent[Any], None]: ...
    @overload
    def events(
        self, url: str, kind: type[T], *, after: str | None = None, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[ReceivedEvent[T], None]: ...
    async def events(
        self, url: str, kind: Any = Any, *, after: str | None = None, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[ReceivedEvent[Any], None]:
        """See `Client.events`; wrap it in `contextlib.aclosing` to leave before the end."""
        async with self.stream("GET", url, **_back(after, options)) as answer:
            answer.expect(200)
            parser = EventParser(kind)
            async for chunk in answer.chunks():
                for event in parser.feed(chunk):
                    yield event

    def _life(self) -> Life:
        return life_of(self._core.app, self._core.interface, asyncio.get_running_loop())

    async def __aenter__(self) -> Self:
        life = self._life()
        if life.started and not life.holders:
            await life.stop()
            life = self._life()
        if not life.started:
            await life.start()
        life.holders += 1
        self._held.append(life)
        return self

    async def __aexit__(self, *_: object) -> None:
        life = self._held.pop()
        life.holders -= 1
        if not life.holders:
            await life.stop()


def _back(after: str | None, options: RequestOptions) -> RequestOptions:
    """The options of one who comes back to a stream of events."""
    if after is None:
        return options
    return {**options, "headers": [*items(options.get("headers", ())), ("last-event-id", after)]}
