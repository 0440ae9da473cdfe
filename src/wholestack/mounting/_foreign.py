"""Foreign applications: any ASGI or WSGI app as a handler that takes a request's stream and gives a `Response`.

So a mounted app works under all three interfaces, behind our gate, and inside the app's middleware and constant
headers.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Literal
from urllib.parse import quote

from wholestack.errors import BadGateway
from wholestack.http import Request, Response, Stream

from ._interface import interface_of

Sockets = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

_SPOOL = 1024 * 1024
_GRACE = 10.0
_UNSEEN = 64
_UNSEEN_SECONDS = 1.0
_OWN = frozenset({"content-type", "content-length"})


class Foreign:
    """A foreign app below `at`, which it sees as the path it is mounted at (ASGI `root_path`, WSGI `SCRIPT_NAME`).

    Arguments:
        app: any ASGI or WSGI application.
        interface: which of the two it speaks; None to tell it from what the app says of itself.
        at: the path.

    Attributes:
        answer: a handler for everything below: `async def` for an ASGI app, `def` for a WSGI app.
        lifespan: a context manager that starts and stops an ASGI app with ours; None for a WSGI app.
        sockets: an ASGI callable for WebSockets below; None for a WSGI app.
        state: what an ASGI app's lifespan has put there; each of its requests gets a copy.
    """

    def __init__(self, app: Any, interface: Literal["asgi", "wsgi"] | None, at: str) -> None:
        self.answer: Callable[[Request], Any]
        self.lifespan: Callable[[], Any] | None = None
        self.sockets: Sockets | None = None
        self.state: dict[str, Any] = {}
        if (interface or interface_of(app)) == "wsgi":

            def answer_wsgi(request: Request) -> Response:
                return _wsgi_response(app, request, at)

            self.answer = answer_wsgi
            return

        async def answer(request: Request) -> Response:
            return await _Exchange(app, request, asgi_scope(request, at, self.state)).response()

        async def sockets(scope: dict[str, Any], receive: Any, send: Any) -> None:
            await app({**scope, "root_path": scope.get("root_path", "") + at, "state": {**self.state}}, receive, send)

        self.answer, self.sockets = answer, sockets
        self.lifespan = lambda: foreign_lifespan(app, self.state)


def asgi_scope(request: Request, at: str, state: dict[str, Any]) -> dict[str, Any]:
    """The HTTP scope of a request for an app that is mounted at `at` (ASGI 3.0: `path` holds `root_path`)."""
    host, _, port = request.host.rpartition(":")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": request.version,
        "method": request.method,
        "scheme": request.scheme,
        "path": request.root_path + request.path,
        "raw_path": quote(request.root_path + request.path).encode(),
        "query_string": request.query_string.encode("latin-1"),
        "root_path": request.root_path + at,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.pairs],
        "client": (request.client, 0) if request.client else None,
        "server": (host or port, int(port) if host and port.isdigit() else None),
        "state": {**state},
    }


class _Exchange:
    """One request to a foreign ASGI app: it runs as a task, its messages are turned into a `Response` with a stream."""

    def __init__(self, app: Any, request: Request, scope: dict[str, Any]) -> None:
        self._app = app
        self._request = request
        self._scope = scope
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(1)
        self._over = asyncio.Event()
        self._body: Any = request.stream
        self._sent_all = False

    async def response(self) -> Response:
        """The answer, as soon as the app has begun it; its body follows as a stream, its background work after that."""
        task = asyncio.create_task(self._run())
        try:
            start = await self._messages.get()
        except BaseException:
            task.cancel()
            raise
        if start is None or start["type"] != "http.response.start":
            if start is None:
                await task
            task.cancel()
            raise BadGateway("The mounted application ended without an answer.")
        pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in start.get("headers", ())]
        if _has_no_body(self._request, start["status"]):
            return _streamed((), start["status"], pairs).after(self._end_unseen, task)
        chunks = self._chunks(task)
        # Nobody may ever ask for them: a middleware gave another answer, or the client had gone before the first.
        weakref.finalize(chunks, self._let_go, task).atexit = False
        return _streamed(chunks, start["status"], pairs).after(self._end, task)

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except asyncio.CancelledError:
            # Whoever cancelled it may be the end of the loop, and then nobody reads: the last word takes the place of
            # the message before it, and waits for no room.
            if self._messages.full():
                self._messages.get_nowait()
            self._messages.put_nowait(None)
            raise
        except BaseException:
            await self._finish()
            raise
        await self._finish()

    async def _finish(self) -> None:
        if not self._over.is_set():
            await self._messages.put(None)

    async def _receive(self) -> dict[str, Any]:
        if self._body is not None:
            async for chunk in self._body:
                return {"type": "http.request", "body": chunk, "more_body": True}
            self._body = None
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if self._over.is_set():
            raise OSError("The answer is over: nobody takes what is sent.")  # ASGI 3.0, spec version 2.4
        await self._messages.put(message)

    async def _chunks(self, task: asyncio.Task[None]) -> AsyncIterator[bytes]:
        try:
            while (message := await self._next(task)) is not None:
                yield message
        finally:
            self._over.set()
            if not self._sent_all:
                task.cancel()
                await asyncio.wait({task}, timeout=_GRACE)

    async def _next(self, task: asyncio.Task[None]) -> bytes | None:
        """The next piece of the body; None at its end."""
        if self._sent_all:
            return None
        message = await self._messages.get()
        if message is None:
            await task  # Its own error says more.
            raise BadGateway("The mounted application ended before its answer did.")
        self._sent_all = not message.get("more_body")
        return message.get("body") or b""

    async def _end_unseen(self, task: asyncio.Task[None]) -> None:
        """Take what nobody is to see, as far as it is short: an endless stream ends as if its client had left."""
        until = asyncio.get_running_loop().time() + _UNSEEN_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                for _ in range(_UNSEEN):
                    if await self._next(task) is None:
                        break
        await self._end(task)

    async def _end(self, task: asyncio.Task[None]) -> None:
        """After the answer: wait for the app's background work, or end the app where its answer was cut off."""
        self._over.set()
        if not self._sent_all:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def _let_go(self, task: asyncio.Task[None]) -> None:
        if not self._sent_all and not task.done():
            with contextlib.suppress(RuntimeError):  # The loop is closed.
                task.get_loop().call_soon_threadsafe(task.cancel)


def _has_no_body(request: Request, status: int) -> bool:
    return request.method == "HEAD" or status in {204, 304}


def _streamed(chunks: Any, status: int, pairs: list[tuple[str, str]]) -> Response:
    fields = dict(pairs)
    response = Stream(chunks, status, fields.get("content-type", "application/octet-stream"))
    if "content-type" not in fields:
        response.media_type = None
    for name, value in pairs:
        if name not in _OWN:
            response.headers.add(name, value)
    response.length = fields.get("content-length")
    return response


# -- WSGI --------------------------------------------------------------------------------------------------------


def wsgi_environ(request: Request, at: str, body: Any) -> dict[str, Any]:
    """The environ of a request for an app that is mounted at `at` (PEP 3333)."""
    own = request.raw if isinstance(request.raw, dict) and "wsgi.version" in request.raw else {}
    host, _, port = request.host.rpartition(":")
    environ = {
        "SERVER_NAME": host or port,
        "SERVER_PORT": port if host else "443" if request.scheme == "https" else "80",
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "REMOTE_ADDR": request.client or "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **own,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": _wire(request.root_path + at),
        "PATH_INFO": _wire(request.path[len(at) :]),
        "QUERY_STRING": request.query_string,
        "wsgi.input": body,
        "wsgi.input_terminated": True,
    }
    for name, value in request.headers.pairs:
        if "_" in name:
            continue  # `x_user` would take the place of `x-user` (nginx leaves such fields out, too)
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value
    return environ


def _wire(path: str) -> str:
    return path.encode().decode("latin-1")


def _sized(environ: dict[str, Any], size: int) -> dict[str, Any]:
    """The environ of a body that has come in whole: with its length, since a WSGI app reads no more than that."""
    if environ.pop("HTTP_TRANSFER_ENCODING", None) or size:
        environ["CONTENT_LENGTH"] = str(size)
    return environ


def _wsgi_response(app: Any, request: Request, at: str) -> Response:
    with contextlib.ExitStack() as stack:
        body = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_SPOOL))
        for chunk in request.stream or ():  # type: ignore[union-attr]
            body.write(chunk)
        size = body.tell()
        body.seek(0)
        started: list[Any] = []
        written: list[bytes] = []
        sent: list[bool] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], None]:
            if exc_info is not None and sent:
                raise exc_info[1]
            started[:] = [int(status.split(" ", 1)[0]), headers]
            return written.append

        chunks = app(_sized(wsgi_environ(request, at, body), size), start_response)
        stack.callback(getattr(chunks, "close", lambda: None))
        iterator: Iterator[bytes] = iter(chunks)
        first = next(iterator, b"")
        if not started:
            raise BadGateway("The mounted application ended without an answer.")
        pairs = [(name.lower(), value) for name, value in started[1]]
        if _has_no_body(request, started[0]):
            return _streamed((), started[0], pairs)
        ends = stack.pop_all()
        sent.append(True)

        def all_chunks() -> Iterator[bytes]:
            with ends:
                yield from written
                yield first
                yield from iterator

        return _streamed(all_chunks(), started[0], pairs)


# -- lifespan ----------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def foreign_lifespan(app: Any, state: dict[str, Any]) -> AsyncIterator[None]:
    """Start and stop a mounted ASGI app with ours; an app that knows no lifespan runs without one."""
    state.clear()
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def run() -> None:
        try:
            await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}, incoming.get, outgoing.put)
        finally:
            await outgoing.put({"type": "ended"})

    task = asyncio.create_task(run())
    await incoming.put({"type": "lifespan.startup"})
    answer = await outgoing.get()
    if answer["type"] == "lifespan.startup.failed":
        await asyncio.wait({task})
        raise BadGateway(f"The mounted application did not start: {answer.get('message', '')}")
    try:
        yield
    finally:
        if answer["type"] == "lifespan.startup.complete":
            await incoming.put({"type": "lifespan.shutdown"})
            await outgoing.get()
        await asyncio.wait({task}, timeout=_GRACE)
        if task.done() and not task.cancelled():
            task.exception()
