"""The ASGI driver: one coroutine a request; the steps between reading and sending are the plan's.

A call flows so: `answer` is what the server awaits; it passes the gate, finds the plan, reads the body, awaits the
plan's answer (in a worker thread for a `def` plan) and sends it; `_send_more` sends what is more than bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, MutableMapping
from typing import Any

from wholestack.errors import HTTPError, WholestackError
from wholestack.handlers import BodyReader, Drive, Plan, current_request
from wholestack.http import AskedHeaders, Headers, Request, Response

from ._intake import admit, as_stream, form_parser, gone, take, too_large
from ._lifespan import begin, lifespan
from ._outgoing import filtered, outgoing, own_pairs, with_own
from ._sealed import Sealed, computed, media_pair, to_bytes
from ._streams import answer_in_thread, async_chunks, opened_in_thread, while_there
from ._watch import clock, too_many

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Driver = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

_bits = random.getrandbits


class AsgiRequest(Request):
    """A request over an ASGI scope; fields are decoded when they are asked for.

    Attributes:
        fields: the header fields by name, as the gate let them pass; of a name that came twice the last.
        arrived: set when the handler has read its body's stream to the end; None where there is no such stream.
    """

    arrived: asyncio.Event | None = None
    fields: Mapping[bytes, bytes] = {}

    def __init__(self, scope: Scope) -> None:
        self.raw = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: str = scope["query_string"].decode("latin-1")
        self.id: str = _bits(64).to_bytes(8, "big").hex()

    def _read_headers(self) -> Headers:
        pairs = self.raw["headers"]
        return AskedHeaders(self._one, self._every) if len(self.fields) == len(pairs) else Headers(self._every())

    def _one(self, name: str) -> str | None:
        value = self.fields.get(name.encode("utf-8", "replace"))
        return None if value is None else value.decode("latin-1")

    def _every(self) -> list[tuple[str, str]]:
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw["headers"]]

    scheme: Any = computed(lambda self: self.raw.get("scheme", "http"))
    version: Any = computed(lambda self: self.raw["http_version"])
    root_path: Any = computed(lambda self: self.raw.get("root_path", ""))
    client: Any = computed(lambda self: (self.raw.get("client") or (None,))[0])


def driver(sealed: Sealed) -> Driver:
    """What an ASGI server calls, for a sealed app."""
    gate, match, refusal, constant = sealed.gate.asgi, sealed.match, sealed.refusal, to_bytes(list(sealed.headers))
    watch, deadlines, most, find = sealed.watch, sealed.watch.deadlines, sealed.most, sealed.find
    remember, running_loop, late = current_request.set, asyncio.get_running_loop, watch.late
    here, watchers, prepared_at = watch.here, watch.watchers, sealed.prepared.get

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _other(sealed, scope, receive, send)
            return
        if running_loop() is not watch.loop:
            await begin(sealed)
        request = AsgiRequest(scope)
        remember(request)
        task, plan, fault, found = watch.current_task(), refusal, None, None
        try:
            try:
                path, root = request.path, scope.get("root_path")
                if root and (path == root or path.startswith(f"{root}/")):
                    path = request.path = path[len(root) :] or "/"
                request.fields = gate(path, request.query_string, scope["headers"], scope["http_version"])
                if (prepared := prepared_at(path)) is None or (found := prepared.asgi(request)) is None:
                    table, request.params = match(path) if find is None else find(request, path)
                    plan = table.get(request.method) or table[""]
                    limit = plan.timeout
                    if limit is not None:
                        if len(deadlines) >= most:
                            plan = refusal  # Said right here: a worker thread may be long in coming.
                            raise too_many()
                        deadlines[task] = clock() + limit
                    if plan.body is not None:
                        await _read(sealed, plan, plan.body, request, receive)
                    if plan.cancelled:
                        here[task] = _gone, receive, request
            except Exception as error:
                fault = error
            if found is not None:
                headers = [*found[1], (b"x-request-id", request.id.encode())]
                await send({"type": "http.response.start", "status": found[0], "headers": headers})
                await send({"type": "http.response.body", "body": found[2]})
                return
            if plan.colour == "def":
                response = await sealed.workers.run(answer_in_thread, plan, request, fault)
            elif plan.driven:
                response = await Drive(plan.answer(request, fault))
            else:
                response = await plan.answer(request, fault)
        except HTTPError as full:
            response = await refusal.answer(request, full)
        except asyncio.CancelledError as error:
            fault = watch.answer_to(task, error)
            if fault is None:
                raise
            response = await refusal.answer(request, fault)
        finally:
            deadlines.pop(task, None)
            here.pop(task, None)
            if late or watchers:
                watch.settle(task)
        try:
            body, status, kind = response.body, response.status, response._media_type
            bodiless = not body or request.method == "HEAD" or status == 204 or status == 304
            if bodiless or kind is None or response.stream is not None or response._filters:
                await _send_more(sealed, request, response, receive, send)
            else:
                each = (b"x-request-id", request.id.encode()), media_pair(kind)
                headers = [*constant, *each, (b"content-length", b"%d" % len(body))]
                if response._headers is not None:
                    headers = with_own(headers, to_bytes(own_pairs(response, request)))
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
        finally:
            if response._after is not None or request.form is not None:
                await sealed.after.finish(request, response)

    return answer


async def _other(sealed: Sealed, scope: Scope, receive: Receive, send: Send) -> None:
    """What is no request: the start and stop of the server, and sockets."""
    if scope["type"] == "lifespan":
        await lifespan(sealed, receive, send)
    elif scope["type"] == "websocket":
        path, root = scope["path"], scope.get("root_path")
        if root and (path == root or path.startswith(f"{root}/")):
            path = path[len(root) :] or "/"
        serve = sealed.socket_driver.asgi if sealed.socket_driver is not None else sealed.sockets(path)
        if serve is not None:
            await serve(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1000})
    else:
        raise WholestackError(f"An ASGI scope of the type {scope['type']!r} is not known here.")


# -- reading -----------------------------------------------------------------------------------------------------


async def _read(sealed: Sealed, plan: Plan, body: BodyReader, request: AsgiRequest, receive: Receive) -> None:
    """Step 2: the body, as far as the plan reads one."""
    fields = request.fields
    request.content_type = fields.get(b"content-type", b"").decode("latin-1")
    length, limit = fields.get(b"content-length", b""), plan.body_limit
    admit(plan, body, length, fields.get(b"content-encoding", b"").decode("latin-1"))
    if body.reads == "stream":
        # Without a length and a coding there is no body (RFC 9112 §6.3), but for HTTP/2, which needs neither.
        if length or b"transfer-encoding" in fields or request.version[:1] != "1":
            request.arrived = asyncio.Event()
        request.stream = as_stream(plan, _streamed(receive, limit, request.arrived))
        return
    form = form_parser(plan, body, request.content_type)
    first = await receive()
    if form is None and not first.get("more_body") and first["type"] == "http.request":
        request.body = first.get("body", b"")
        if len(request.body) > limit:
            raise too_large(limit)
        return
    async with contextlib.aclosing(_incoming(receive, limit, first)) as chunks:
        await take(chunks, form, request, sealed.workers)


async def _streamed(receive: Receive, limit: int, arrived: asyncio.Event | None) -> AsyncGenerator[bytes, None]:
    """The body for a handler that reads it as it comes."""
    if arrived is not None:
        async for chunk in _incoming(receive, limit):
            yield chunk
        arrived.set()


async def _incoming(
    receive: Receive, limit: int, message: MutableMapping[str, Any] | None = None
) -> AsyncGenerator[bytes, None]:
    """The body chunk by chunk, counted; `message` is the first, where it was received already."""
    taken, more = 0, True
    while more:
        message = message or await receive()
        if message["type"] == "http.disconnect":
            raise gone()
        chunk, more = message.get("body", b""), message.get("more_body", False)
        if (taken := taken + len(chunk)) > limit:
            raise too_large(limit)
        if chunk:
            yield chunk
        message = None


# -- sending -----------------------------------------------------------------------------------------------------


async def _send_more(sealed: Sealed, request: AsgiRequest, response: Response, receive: Receive, send: Send) -> None:
    """Send an answer that is more than bytes with a media type; a stream at the client's pace."""
    opened, response = await opened_in_thread(sealed, request, response)
    out = outgoing(sealed, request, response, opened)
    await send({"type": "http.response.start", "status": response.status, "headers": to_bytes(out.pairs)})
    if out.chunks is None:
        await send({"type": "http.response.body", "body": out.body})
    else:
        await while_there(_send_chunks(sealed, out.chunks, response, send), _gone(receive, request))


async def _send_chunks(sealed: Sealed, stream: Any, response: Response, send: Send) -> None:
    async with contextlib.aclosing(async_chunks(stream, sealed.workers)) as chunks:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": filtered(response, chunk), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive, request: AsgiRequest, ended: bool = False) -> None:
    """Wait until the client goes away; what is left of a body that nobody reads is let go, until it has `ended`.

    After the end of a body nothing can come but the leave. A caller that says something else says it again and again,
    without ever waiting, so it is asked no more but once an hour. Any other leaves the answer its turn.
    """
    if request.arrived is not None:
        await request.arrived.wait()
    while (message := await receive())["type"] != "http.disconnect":
        await asyncio.sleep(3600 if ended else 0)
        ended = not message.get("more_body")
