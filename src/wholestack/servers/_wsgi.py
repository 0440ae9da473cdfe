"""The WSGI driver, and the door that all three interfaces knock at.

`call` is what `App.__call__` is. With three arguments an ASGI server calls, and its coroutine is handed on; with two it
is WSGI, and the request is answered right here: a `def` plan in this thread, an `async def` plan on the one event loop
that runs in the background of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from functools import partial
from typing import Any

from wholestack.handlers import BodyReader, Drive, Plan, background_loop, current_request, run_inline, suspended
from wholestack.http import AskedHeaders, Headers, Refused, Request, Response, environ_field, environ_pairs

from ._files import Opened, open_file
from ._intake import admit, form_parser, gone, too_large
from ._outgoing import filtered, outgoing
from ._sealed import STATUS_LINES, Sealed, computed
from ._streams import PlainChunks
from ._watch import let_out, too_slow

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_bits = random.getrandbits
_PIECE = 256 * 1024


class WsgiRequest(Request):
    """A request over a WSGI environ (PEP 3333)."""

    hop_by_hop = False

    def __init__(self, environ: Environ) -> None:
        self.raw = environ
        self.method = environ["REQUEST_METHOD"]
        # Empty is the root of where the app is mounted (PEP 3333); Granian says so of a target that is no path, too.
        path = environ.get("PATH_INFO") or ("/" if environ.get("SCRIPT_NAME") else "")
        self.path = path if path.isascii() else _utf8(path)
        self.query_string = environ.get("QUERY_STRING", "")
        self.id = _bits(64).to_bytes(8, "big").hex()

    def _read_headers(self) -> Headers:
        return AskedHeaders(partial(environ_field, self.raw), partial(environ_pairs, self.raw))

    scheme = computed(lambda self: self.raw["wsgi.url_scheme"])
    version = computed(lambda self: self.raw.get("SERVER_PROTOCOL", "HTTP/1.1")[5:])
    root_path = computed(lambda self: _utf8(self.raw.get("SCRIPT_NAME", "")))
    client = computed(lambda self: self.raw.get("REMOTE_ADDR") or None)


def _utf8(text: str) -> str:
    """A path as text, of the bytes that an environ holds as latin-1 (PEP 3333)."""
    return text.encode("latin-1").decode("utf-8", "replace")


def call(app: Any, scope: Any, receive: Any = None, send: Any = None) -> Any:
    """Answer a WSGI request, or hand an ASGI one on; the names are ASGI's, since one server passes them by name."""
    if send is not None:
        return (app.asgi if app.sealed is None else app.sealed_asgi)(scope, receive, send)
    environ, start_response = scope, receive
    sealed: Sealed = app.sealed or app.ready().sealed
    if not sealed.lifetime.started:
        sealed.lifetime.start_in_background()
    request, plan, fault, found = WsgiRequest(environ), sealed.refusal, None, None
    current_request.set(request)
    try:
        path, find = request.path, sealed.find
        sealed.gate.wsgi(path, request.query_string, environ)
        if (prepared := sealed.prepared.get(path)) is None or (found := prepared.wsgi(request)) is None:
            table, request.params = sealed.match(path) if find is None else find(request, path)
            plan = table.get(request.method) or table[""]
            if plan.body is not None:
                _read(plan, plan.body, request, environ)
    except Exception as error:
        fault = error
    if found is not None:
        current_request.set(None)
        start_response(found[0], [*found[1], ("X-Request-ID", request.id)])
        return found[2]
    if plan.colour == "async":
        response = _on_background_loop(sealed, plan, request, fault)
    else:
        # `run_inline`, spelled out: one frame less between the server and the handler.
        steps = plan.answer(request, fault)
        try:
            steps.send(None)
        except StopIteration as done:
            response = done.value
        except asyncio.CancelledError as error:
            response = run_inline(sealed.refusal.answer(request, let_out(error)))
        else:
            raise suspended(steps)
    body = response.body
    bodiless = not body or response.status == 204 or response.status == 304
    if bodiless or response._headers is not None or response._filters or response._after or request.form is not None:
        return _send_more(sealed, request, response, start_response)
    headers = [*sealed.headers, ("X-Request-ID", request.id), ("Content-Length", str(len(body)))]
    if response._media_type is not None:
        headers.append(("Content-Type", response._media_type))
    start_response(STATUS_LINES.get(response.status) or f"{response.status} Status", headers)
    current_request.set(None)  # The thread outlives the request.
    return [body] if request.method != "HEAD" else []


def _on_background_loop(sealed: Sealed, plan: Plan, request: Request, fault: Exception | None) -> Response:
    """The whole of an `async def` plan on the background loop: one hop, within the plan's time limit."""
    coroutine = _limited(plan.answer(request, fault), plan)
    try:
        return asyncio.run_coroutine_threadsafe(coroutine, background_loop()).result()
    except TimeoutError:
        return run_inline(sealed.refusal.answer(request, too_slow()))
    except CancelledError as error:
        return run_inline(sealed.refusal.answer(request, let_out(error)))


async def _limited(coroutine: Any, plan: Plan) -> Response:
    async with asyncio.timeout(plan.timeout):
        return await (Drive(coroutine) if plan.driven else coroutine)


# -- reading -----------------------------------------------------------------------------------------------------


def _read(plan: Plan, body: BodyReader, request: Request, environ: Environ) -> None:
    """Step 2: the body, as far as the plan reads one."""
    request.content_type = environ.get("CONTENT_TYPE", "")
    admit(plan, body, environ.get("CONTENT_LENGTH") or "", environ.get("HTTP_CONTENT_ENCODING", ""))
    chunks = _incoming(environ, plan.body_limit)
    if body.reads == "stream":
        request.stream = _as_async(chunks) if plan.colour == "async" else chunks
    elif (form := form_parser(plan, body, request.content_type)) is None:
        request.body = b"".join(chunks)
    else:
        try:
            for chunk in chunks:
                form.feed(chunk)
            request.form = form.close()
        except BaseException:
            form.abort()
            raise


def _incoming(environ: Environ, limit: int) -> Iterator[bytes]:
    """The body in pieces, counted: exactly its length, or to its end where the server has put chunks together."""
    declared = environ.get("CONTENT_LENGTH")
    source = environ["wsgi.input"]
    if declared:
        left = int(declared)
        while left:
            piece = _piece(source, min(left, _PIECE))
            if not piece:
                raise gone()
            left -= len(piece)
            yield piece
        return
    if not environ.get("wsgi.input_terminated"):
        # Reading to an end that the server does not mark would wait for ever.
        if environ.get("HTTP_TRANSFER_ENCODING"):
            raise Refused(411, "length-required", "This server passes a body on only with its length.")
        return  # No length and no coding: there is no body (RFC 9112 §6.3).
    taken = 0
    while piece := _piece(source, _PIECE):
        taken += len(piece)
        if taken > limit:
            raise too_large(limit)
        yield piece


def _piece(source: Any, size: int) -> bytes:
    """What can be read, at the most `size` bytes; a broken body is a client that went away."""
    try:
        return bytes(source.read(size))
    except Exception as error:  # Each server has errors of its own for broken chunks.
        raise gone() from error


async def _as_async(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The body's pieces for an `async def` handler; each is read in a thread."""
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk


# -- sending -----------------------------------------------------------------------------------------------------


class Body:
    """A body whose `close`, which the server calls at the end (PEP 3333), runs clean-ups and after-send actions.

    It is no list, since Granian's WSGI closes none of those.
    """

    def __init__(self, chunks: Iterable[bytes], closers: list[Callable[[], Any]]) -> None:
        self._chunks = chunks
        self._closers = closers

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        """Called whether the answer was sent whole or not."""
        with contextlib.ExitStack() as stack:
            for close in reversed(self._closers):
                stack.callback(close)


def _send_more(sealed: Sealed, request: Request, response: Response, start_response: StartResponse) -> Iterable[bytes]:
    """Send an answer that is more than bytes with a media type."""
    opened: Opened | None = None
    if response.file is not None:
        try:
            opened = open_file(response, request.method, request.headers, sealed.limits)
        except Refused as refused:
            response = run_inline(sealed.refusal.answer(request, refused))
    out = outgoing(sealed, request, response, opened)
    closers: list[Callable[[], Any]] = [] if request.form is None else [request.form.close]
    chunks = PlainChunks(out.chunks) if out.chunks is not None else None
    if chunks is not None:
        closers.append(chunks.close)
    if response._after is not None:
        closers.append(lambda: sealed.after.start_in_thread(response))
    start_response(STATUS_LINES.get(response.status) or f"{response.status} Status", out.pairs)
    if chunks is not None:
        # The first to come is closed last: what ends the stream may still write to the log.
        closers.insert(0, lambda: current_request.set(None))
        return Body(map(partial(filtered, response), chunks), closers)
    current_request.set(None)
    whole = [out.body] if out.body else []
    return Body(whole, closers) if closers else whole
