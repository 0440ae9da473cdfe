"""The driver of sockets: a handshake takes the way of a request, through the gate, the tree and the plan."""

from __future__ import annotations

import asyncio
from typing import Any

from wholestack.errors import HTTPError
from wholestack.handlers import Plan, current_request
from wholestack.http import Request, Response
from wholestack.servers import AsgiRequest, RsgiRequest, Sealed, begin

from ._connections import ERROR, LATER, NORMAL, POLICY, RESTART, AsgiConnection, Connection, RsgiConnection, offered_in
from ._ending import Ending
from ._held import drive
from ._kind import SocketReader
from ._socket import Socket, problem_of


class SocketDriver:
    """What the drivers of ASGI and RSGI hand a WebSocket to.

    Arguments:
        sealed: the sealed app.
        key: a socket's key in a table of methods.
        ending: what it is entered in while it is open.
    """

    def __init__(self, sealed: Sealed, key: str, ending: Ending) -> None:
        self._sealed = sealed
        self._key = key
        self._ending = ending

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """One WebSocket over ASGI."""
        await self._begin()
        # What ASGI lets a server leave out, and what it has no word for.
        request = AsgiRequest(
            {"query_string": b"", "http_version": "1.1", "headers": [], **scope, "method": "WEBSOCKET"}
        )
        path, root = request.path, scope.get("root_path")
        if root and (path == root or path.startswith(f"{root}/")):
            request.path = path[len(root) :] or "/"
        mounted = self._sealed.sockets(request.path)
        if mounted is not None and self._key not in self._table(request):
            await mounted(scope, receive, send)
            return
        await receive()
        fault = None
        try:
            self._sealed.gate.asgi(request.path, request.query_string, request.raw["headers"], request.version)
        except Exception as error:
            fault = error
        await self._serve(request, AsgiConnection(scope, receive, send, offered_in(request)), fault)

    async def rsgi(self, scope: Any, protocol: Any) -> None:
        """One WebSocket over RSGI."""
        await self._begin()
        request = RsgiRequest(scope)
        request.method = "WEBSOCKET"
        fault = None
        try:
            self._sealed.gate.rsgi(request.path, request.query_string, request.pairs, scope.http_version)
        except Exception as error:
            fault = error
        await self._serve(request, RsgiConnection(protocol, offered_in(request)), fault)

    async def _begin(self) -> None:
        if asyncio.get_running_loop() is not self._sealed.watch.loop:
            await begin(self._sealed)

    def _table(self, request: Request) -> Any:
        match, find = self._sealed.match, self._sealed.find
        table, request.params = match(request.path) if find is None else find(request, request.path)
        return table

    async def _serve(self, request: Request, connection: Connection, fault: Exception | None) -> None:
        current_request.set(request)
        plan = self._sealed.refusal
        socket: Socket[Any, Any] | None = None
        try:
            if fault is not None:
                raise fault
            table = self._table(request)
            plan = table.get(self._key) or table[""]
            reader = next((read for _, read in plan.handler.own if isinstance(read, SocketReader)), None)
            if reader is not None:
                reader.terms.admit(request)
                socket = request.connection = Socket(request, connection, reader.terms, self._ending)
            elif plan.body is not None:
                plan = self._sealed.refusal  # A mounted app that takes no sockets.
        except Exception as error:
            fault = error
        response = await self._answered(plan, request, fault, socket)
        await self._end(request, connection, socket, response)

    async def _answered(
        self, plan: Plan, request: Request, fault: Exception | None, socket: Socket[Any, Any] | None
    ) -> Response | None:
        """What the plan answers at the socket's end; None where the handler was cancelled since the client has left."""
        answering = plan.answer(request, fault)
        response = None
        try:
            response = await (drive(answering) if plan.driven else answering)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if socket is None or not socket.left or task is None or task.uncancel():
                raise
        finally:
            if socket is not None:
                await socket.finish(accept=response is not None and response.status < 300)
        return response

    async def _end(
        self, request: Request, connection: Connection, socket: Socket[Any, Any] | None, response: Response | None
    ) -> None:
        sealed = self._sealed
        try:
            if connection.accepted:
                if socket is not None and not socket.closed and connection.code is None:
                    await socket.close(*_parting(response))
            elif response is not None:
                own = response.headers.pairs if response._headers is not None else ()
                names = {name for name, _ in own}
                pairs = [("x-request-id", request.id), *(pair for pair in sealed.headers if pair[0] not in names), *own]
                if response.media_type is not None:
                    pairs.append(("content-type", response.media_type))
                await connection.refuse(response, pairs)
        except (OSError, RuntimeError):
            pass  # The client is gone.
        request.connection = None  # A circle, which would keep all of it until the collector comes.
        if response is not None and response._after is not None:
            await sealed.after.finish(request, response)


def _parting(response: Response | None) -> tuple[int, str]:
    """The close code for how a handler ended, and its reason."""
    if response is None:
        return RESTART, "The server restarts."
    if response.status < 400:
        return NORMAL, ""
    reason = problem_of(response.value) or HTTPError(status=response.status).title
    return (POLICY if response.status < 500 else LATER if response.status == 503 else ERROR), reason
