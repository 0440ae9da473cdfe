"""`Socket[In, Out]` as a kind of parameter: its messages' readers and writers are made when the app is sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wholestack import App, Request
from wholestack.errors import Fault, HTTPError
from wholestack.handlers import kind_of
from wholestack.http import size
from wholestack.routing import Route

from ._messages import arguments_of, is_a, reader, writer
from ._socket import Socket, Terms

_MESSAGE = 64 * 1024


def largest_message(app: App) -> int:
    """The most bytes that a message may have on any socket of an app, 0 where it has none; the app is sealed for it.

    A server that is told so need not read a message which no socket will take.

    Example:
        >>> app = App()
        >>> @app.socket("/drawings", message="1 MB")
        ... async def draw(socket: Socket[bytes, None]) -> None: ...
        >>> largest_message(app)
        1000000
    """
    readers = [read for placed in app.sealing().placed for _, read in placed.plan.handler.own]
    return max((read.terms.message for read in readers if isinstance(read, SocketReader)), default=0)


class SocketKind:
    """See `App.parameter`.

    Attributes:
        readers: of every route that has a socket, by the handler.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self.readers: dict[Callable[..., Any], SocketReader] = {}

    def matches(self, annotation: Any) -> bool:
        """See `App.parameter`."""
        return is_a(annotation, Socket)

    def reader(self, name: str, annotation: Any) -> SocketReader:
        """See `App.parameter`."""
        return SocketReader(self._app, self, annotation)


class SocketReader:
    """Gives a handler its socket, and knows the terms of its route.

    Attributes:
        types: what comes in and what goes out.
    """

    terms: Terms

    def __init__(self, app: App, kind: SocketKind, annotation: Any) -> None:
        self._app = app
        self._kind = kind
        self.types = arguments_of(annotation, 2)

    def __call__(self, request: Request) -> Socket[Any, Any]:
        if request.connection is None:
            raise HTTPError("This is a WebSocket.", status=426, code="upgrade-required")
        socket: Socket[Any, Any] = request.connection
        return socket.begin()

    def placed(self, route: Route) -> list[Fault]:
        """Make the terms ready, for the route that asks for a socket; what is wrong with it."""
        if "WEBSOCKET" not in route.methods:
            message = f"A Socket is asked for by a handler of {', '.join(route.methods)}."
            return [Fault("no-socket", message, route.where, "Register it with @app.socket(…).")]
        if kind_of(route.handler) != "await":
            return [Fault("socket-colour", "The handler of a socket is `def`.", route.where, "Make it `async def`.")]
        self._kind.readers[route.handler] = self
        options: Any = route.options
        limits = options.get("limits") or self._app.limits
        try:
            read, write = reader(self.types[0], limits), writer(self.types[1], self._app.encoder)
        except Exception as error:  # A type's own schema hook may raise anything; the fault names the handler.
            message = f"A message of the socket has no schema: {str(error).splitlines()[0].rstrip('.')}."
            return [Fault("no-schema", message, route.where, "Use a model, a dataclass, a TypedDict or plain types.")]
        self.terms = Terms(
            read,
            write,
            self._app.errors,
            self.types[1],
            tuple(options.get("protocols", ())),
            tuple(options.get("origins", ())),
            size(options.get("message", _MESSAGE)),
            options.get("faults", "answer") == "answer",
            options.get("patience", 20.0),
            options.get("waiting", 100),
            options.get("stays", False),
        )
        return []
