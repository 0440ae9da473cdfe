"""The plugin: what live answers, sockets and channels need of an app, added when it is sealed."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import AsyncIterator, Callable

from wholestack import HTML, App, Request, Response
from wholestack.errors import Fault

from ._asyncapi import Document, written
from ._backend import Backend
from ._channel import ChannelKind
from ._driver import SocketDriver
from ._ending import Ending
from ._events import EventsKind
from ._kind import SocketKind
from ._memory import MemoryBackend
from ._page import POLICY, STYLE, page
from ._rows import RowsKind
from ._wanted import is_live

_log = logging.getLogger("wholestack.realtime")


class Live:
    """Sockets, events, rows and channels, and their document at /asyncapi.json and /asyncapi.

    An app has it by itself where a route answers with events or rows, or a function of the app takes a `Socket` or a
    `Channel` (`is_live`); an app without any of them gets nothing.

    Arguments:
        backend: where the messages of channels are; the memory of this process where none is given.

    Example:
        >>> app = App()
        >>> app.use(Live(MemoryBackend(history=1000, age=3600)))
    """

    def __init__(self, backend: Backend | None = None) -> None:
        self.backend = backend
        self._channels: ChannelKind | None = None

    @property
    def in_memory(self) -> list[str]:
        """What the channels are called whose messages stay in this process; empty before the app is sealed."""
        kind = self._channels
        return [] if kind is None or (self.backend is not None and self.backend.many) else [*kind.channels]

    def setup(self, app: App) -> None:
        """Add the kinds of parameters and answers, and the end of what is open at a stop."""
        ending, backend = Ending(), self.backend or MemoryBackend()
        sockets, channels = SocketKind(app), ChannelKind(app, backend)
        self._channels = channels
        app.provide(_given(backend), scope="app")
        app.parameter(sockets)
        app.parameter(channels)
        app.answer(EventsKind(app, ending))
        app.answer(RowsKind(app, ending))
        app.socket_driver = lambda sealed, key: SocketDriver(sealed, key, ending)
        if app.docs:
            add_document(app, sockets, channels)

        def one_process_has_one_memory() -> list[Fault]:
            workers = os.environ.get("WEB_CONCURRENCY", "1")
            if not self.in_memory or not workers.isdecimal() or int(workers) < 2:
                return []
            names = ", ".join(self.in_memory)
            message = f"{workers} workers would each have channels of their own, in memory: {names}."
            cure = "Serve with one (--workers 1), or app.use(Live(…)) with a Backend that reaches all processes."
            return [Fault("one-process", message, "WEB_CONCURRENCY", cure)]

        app.check(one_process_has_one_memory)

        @app.lifespan
        @contextlib.asynccontextmanager
        async def open_until_the_stop() -> AsyncIterator[None]:
            for fault in one_process_has_one_memory():
                _log.warning("%s %s", fault.message, fault.cure, extra={"code": fault.code})
            await backend.open()
            ending.begin()
            try:
                yield
            finally:
                await ending.finish()
                await backend.close()


def _given(backend: Backend) -> Callable[[], Backend]:
    def where_messages_are() -> Backend:
        return backend

    return where_messages_are


def add_document(app: App, sockets: SocketKind, channels: ChannelKind) -> None:
    """The AsyncAPI document, and the page that shows it; both are built when first asked for."""

    @functools.cache
    def built() -> tuple[bytes, str]:
        document = Document(app, sockets.readers, channels.channels).build()
        return written(document), page(document)

    @app.get("/asyncapi.json", hidden=True, etag=True)
    def asyncapi(request: Request) -> Response:
        return Response(built()[0], media_type="application/json", headers={"cache-control": "no-cache"})

    @app.get("/asyncapi", hidden=True, etag=True)
    def show_asyncapi(request: Request) -> HTML:
        return HTML(built()[1], headers={"content-security-policy": POLICY, "cache-control": "no-cache"})

    @app.get("/asyncapi.css", hidden=True, etag=True)
    def asyncapi_style(request: Request) -> Response:
        return Response(STYLE, media_type="text/css; charset=utf-8", headers={"cache-control": "no-cache"})


def by_itself(app: App) -> list[Live]:
    """The plugin, where a function of the app names a type of ours and nobody has used one."""
    return [Live()] if not any(isinstance(each, Live) for each in app.plugins) and is_live(app) else []
