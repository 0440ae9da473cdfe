"""The RSGI driver (Granian): the same steps; the server reads and sends with fewer crossings.

RSGI gives no raw path and no path the app is mounted at, and its sending is not awaited but for streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any

from wholestack.errors import HTTPError
from wholestack.handlers import BodyReader, Drive, Plan, current_request
from wholestack.http import AskedHeaders, Headers, Request, Response

from ._intake import admit, as_stream, form_parser, gone, take, too_large
from ._lifespan import begin
from ._outgoing import Outgoing, filtered, outgoing, own_pairs, with_own
from ._sealed import Sealed, computed
from ._streams import answer_in_thread, async_chunks, opened_in_thread, while_there
from ._watch import clock, too_many

Driver = Callable[[Any, Any], Coroutine[Any, Any, None]]

_bits = random.getrandbits


class RsgiRequest(Request):
    """A request over an RSGI scope.

    Attributes:
        pairs: the header fields; the server makes them anew whenever it is asked, so it is asked once.
        fields: the same by name, as the gate let them pass; of a name that came twice the last.
    """

    fields: Mapping[str, str] = {}

    def __init__(self, scope: Any) -> None:
        self.raw = scope
        self.method: str = scope.method
        self.path: str = scope.path
        self.query_string: str = scope.query_string
        self.pairs: list[tuple[str, str]] = scope.headers.items()
        if (authority := scope.authority) and "host" not in scope.headers:
            self.pairs.append(("host", authority))
        self.id: str = _bits(64).to_bytes(8, "big").hex()

    def _read_headers(self) -> Headers:
        distinct = len(self.fields) == len(self.pairs)
        return AskedHeaders(self.fields.get, self.fields.items) if distinct else Headers(self.pairs)

    scheme: Any = computed(lambda self: self.raw.scheme)
    version: Any = computed(lambda self: self.raw.http_version)
    client: Any = computed(lambda self: self.raw.client.rpartition(":")[0].strip("[]") or None)


def driver(sealed: Sealed) -> Driver:
    """What an RSGI server calls, for a sealed app."""
    gate, match, refusal, constant = sealed.gate.rsgi, sealed.match, sealed.refusal, sealed.headers
    watch, deadlines, most, find = sealed.watch, sealed.watch.deadlines, sealed.most, sealed.find
    remember, running_loop, late = current_request.set, asyncio.get_running_loop, watch.late
    here, watchers, prepared_at = watch.here, watch.watchers, sealed.prepared.get

    async def answer(scope: Any, protocol: Any) -> None:
        if scope.proto != "http":
            if sealed.socket_driver is None:
                protocol.close(404)
            else:
                await sealed.socket_driver.rsgi(scope, protocol)
            return
        if running_loop() is not watch.loop:
            await begin(sealed)
        request = RsgiRequest(scope)
        remember(request)
        task, plan, fault, found = watch.current_task(), refusal, None, None
        try:
            try:
                path = request.path
                request.fields = gate(path, request.query_string, request.pairs, scope.http_version)
                if (prepared := prepared_at(path)) is None or (found := prepared.rsgi(request)) is None:
                    table, request.params = match(path) if find is None else find(request, path)
                    plan = table.get(request.method) or table[""]
                    limit = plan.timeout
                    if limit is not None:
                        if len(deadlines) >= most:
                            plan = refusal  # Said right here: a worker thread may be long in coming.
                            raise too_many()
                        deadlines[task] = clock() + limit
                    if plan.body is not None:
                        await _read(sealed, plan, plan.body, request, protocol)
                    if plan.cancelled and request.stream is None:
                        here[task] = _gone, protocol, request
            except Exception as error:
                fault = error
            if found is not None:
                protocol.response_bytes(found[0], [*found[1], ("x-request-id", request.id)], found[2])
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
                await _send_more(sealed, request, response, protocol)
            else:
                headers = [*constant, ("x-request-id", request.id), ("content-type", kind)]
                if response._headers is not None:
                    headers = with_own([*headers, ("content-length", str(len(body)))], own_pairs(response, request))
                protocol.response_bytes(status, headers, body)
        finally:
            if response._after is not None or request.form is not None:
                await sealed.after.finish(request, response)

    return answer


# -- reading -----------------------------------------------------------------------------------------------------


async def _read(sealed: Sealed, plan: Plan, body: BodyReader, request: RsgiRequest, protocol: Any) -> None:
    """Step 2: the body, as far as the plan reads one."""
    fields = request.fields
    request.content_type = fields.get("content-type", "")
    length = fields.get("content-length", "")
    admit(plan, body, length, fields.get("content-encoding", ""))
    if length and body.reads == "whole":
        # One crossing takes all of it; a body that was cut short has another length than it said.
        request.body = await _whole(protocol)
        if len(request.body) != int(length):
            raise gone()
        return
    # Where there are frames, an empty one is a client's right.
    incoming = _incoming(protocol, plan.body_limit, length, framed=request.version[:1] != "1")
    if body.reads == "stream":
        request.stream = as_stream(plan, incoming)
        return
    form = form_parser(plan, body, request.content_type)
    async with contextlib.aclosing(incoming) as chunks:
        await take(chunks, form, request, sealed.workers)


async def _whole(protocol: Any) -> bytes:
    try:
        return await protocol()  # type: ignore[no-any-return]
    except Exception:  # An error of the server's own, which is no OSError.
        raise gone() from None


async def _incoming(protocol: Any, limit: int, length: str, *, framed: bool) -> AsyncGenerator[bytes, None]:
    """The body chunk by chunk, counted.

    The server does not say that a body was cut short or its chunks are broken: it ends as if it were whole. But it
    gives one empty piece for the end, and one more where something was wrong (or where trailer fields came).
    """
    taken, empty = 0, 0
    try:
        async for chunk in protocol:
            taken += len(chunk)
            if taken > limit:
                raise too_large(limit)
            if chunk:
                yield bytes(chunk)
            else:
                empty += 1
    except OSError:
        raise gone() from None
    if (empty > 1 and not framed) or (length and taken != int(length)):
        raise gone()


# -- sending -----------------------------------------------------------------------------------------------------


async def _send_more(sealed: Sealed, request: Request, response: Response, protocol: Any) -> None:
    """Send an answer that is more than bytes with a media type; a stream at the client's pace."""
    opened, response = await opened_in_thread(sealed, request, response)
    out = outgoing(sealed, request, response, opened)
    plain = opened is not None and len(opened.parts) == 1 and opened.pack is iter and not response._filters
    if out.chunks is not None and opened is not None and plain:
        # At the client's pace; what goes through a stream waits in the server's memory until the client takes it.
        ((_, start, stop),) = opened.parts
        opened.file.close()
        protocol.response_file_range(response.status, out.pairs, str(opened.file.name), start, stop)
    elif out.chunks is not None:
        await while_there(_send_chunks(sealed, out, response, protocol), _gone(protocol, request))
    elif out.body:
        protocol.response_bytes(response.status, out.pairs, out.body)
    else:
        protocol.response_empty(response.status, out.pairs)


async def _send_chunks(sealed: Sealed, out: Outgoing, response: Response, protocol: Any) -> None:
    transport = protocol.response_stream(response.status, out.pairs)
    try:
        async with contextlib.aclosing(async_chunks(out.chunks, sealed.workers)) as chunks:
            async for chunk in chunks:
                await transport.send_bytes(filtered(response, chunk))
    finally:
        # The answer ends when this is let go; an error's traceback would keep it.
        del transport


async def _gone(protocol: Any, request: Request) -> None:
    """Wait until the client goes away."""
    await protocol.client_disconnect()
