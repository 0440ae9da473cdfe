"""The router: it collects, and does nothing else."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict, TypeVar

from typing_extensions import Unpack

from wholestack.http import Limits, Request, Response, check_header

Handler = TypeVar("Handler", bound=Callable[..., Any])
Middleware = Callable[[Request], Generator[None, Response, Response]]


class RouteOptions(TypedDict, total=False):
    """What a route may say beside its path and its function's types.

    `returns` is what the wire shows where the annotation says something else; `status` the status of a plain answer;
    `needs` rules; `answers` more documented answers by status; `errors` error classes that the handler raises;
    `media` the answer's media type; `timeout` seconds; `limits` this route's own; `hidden` keeps it out of OpenAPI;
    `etag` tags a whole answer by its bytes and answers 304 where the client has it; `finish` lets an `async def`
    handler go on to its end when its client leaves. `again` is the handler whose page shows a form once more when what
    was sent is not right (left out, the `GET` of the same path), and ``csrf=False`` takes requests from other sites.
    With a database, `transaction` ``"manual"`` leaves committing to the handler, `queries` is the most statements that
    it may send, and `retries` how often it is called again after a conflict of transactions.
    """

    returns: object
    status: int
    again: Callable[..., Any]
    csrf: bool
    needs: object
    tags: Sequence[str]
    name: str
    summary: str
    description: str
    deprecated: bool
    answers: Mapping[int, object]
    errors: Sequence[type[Exception]]
    media: str
    timeout: float | None
    limits: Limits
    hidden: bool
    etag: bool
    finish: bool
    transaction: Literal["manual"]
    queries: int
    retries: int
    extra: Mapping[str, Any]


class SocketOptions(RouteOptions, total=False):
    """What a socket may say beside what a route may.

    `protocols` are the sub-protocols it speaks, the best first; `origins` other sites whose pages may connect, or
    ``"*"``; `message` the most bytes of one message (64 KiB); `faults` whether a faulty message is answered in the
    socket (``"answer"``) or closes it (``"close"``, with 1007); `patience` the seconds that a client may not read (20);
    `waiting` how many messages may wait for it (100); `stays` True leaves the handler running when the client leaves.
    """

    protocols: Sequence[str]
    origins: Sequence[str]
    message: int | str
    faults: Literal["answer", "close"]
    patience: float
    waiting: int
    stays: bool


@dataclasses.dataclass(frozen=True)
class Route:
    """A handler, and where it is to be found; `names` are the local names its hints may need."""

    methods: tuple[str, ...]
    path: str
    handler: Callable[..., Any]
    options: RouteOptions
    where: str
    names: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


@dataclasses.dataclass(frozen=True)
class Inclusion:
    """A router inside another, below a prefix."""

    router: Router
    at: str
    where: str


@dataclasses.dataclass(frozen=True)
class Mount:
    """A foreign application below a prefix."""

    at: str
    app: Any
    interface: Literal["asgi", "wsgi"] | None
    where: str


@dataclasses.dataclass(frozen=True)
class Provision:
    """A function that provides its return type, once a request or once a process."""

    function: Callable[..., Any]
    scope: Literal["request", "app"]
    waits: bool
    where: str
    names: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    key: object = None
    outermost: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class ErrorHandler:
    """A function that answers errors of a kind; `names` are the local names its hints may need."""

    kind: type[Exception]
    function: Callable[..., Any]
    names: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


def where_of(function: object) -> str:
    """File and line of a function's or a class's definition.

    Example:
        >>> where_of(where_of).rpartition(":")[0].endswith("_router.py")
        True
    """
    target = inspect.unwrap(function) if callable(function) else function
    code = getattr(target, "__code__", None) or getattr(getattr(target, "__call__", None), "__code__", None)
    if code is None:
        return f"{getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', repr(type(target)))}"
    return f"{code.co_filename}:{code.co_firstlineno}"


def _caller(depth: int = 2) -> tuple[str, Mapping[str, Any]]:
    """Where the user called us from, and the local names there (hints of a function inside a function need them)."""
    frame = sys._getframe(depth)
    names = {} if frame.f_locals is frame.f_globals else dict(frame.f_locals)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}", names


class Router:
    """A group of handlers that a module exports without knowing the app.

    Arguments:
        prefix: stands before every path in it.
        tags: for every route in it.
        needs: rules for every route in it.
        host: answers only for this host; ``{name}.example.org`` takes the name as a path field.

    Example:
        >>> router = Router(tags=["notes"])
        >>> @router.get("/{id}")
        ... def show(id: int) -> str:
        ...     return f"note {id}"
        >>> router.routes[0].path
        '/{id}'
    """

    def __init__(
        self, prefix: str = "", *, tags: Sequence[str] = (), needs: object = (), host: str | None = None
    ) -> None:
        self.prefix = prefix
        self.tags: tuple[str, ...] = tuple(tags)
        self.needs = needs
        self.host = host
        self.routes: list[Route] = []
        self.inclusions: list[Inclusion] = []
        self.mounts: list[Mount] = []
        self.provisions: list[Provision] = []
        self.middlewares: list[Middleware] = []
        self.error_handlers: dict[type[Exception], ErrorHandler] = {}

    def _collecting(self) -> None:
        """Called before anything is added; a sealed app refuses here."""

    def route(self, path: str, methods: Iterable[str], **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Answer these methods at this path with the decorated function."""
        names = _caller()[1]
        return self._adds(tuple(method.upper() for method in methods), path, options, names)

    def get(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Answer GET (and HEAD) at this path with the decorated function."""
        return self._adds(("GET",), path, options, _caller()[1])

    def post(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Answer POST at this path with the decorated function."""
        return self._adds(("POST",), path, options, _caller()[1])

    def put(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Answer PUT at this path with the decorated function."""
        return self._adds(("PUT",), path, options, _caller()[1])

    def patch(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Answer PATCH at this path with the decorated function."""
        return self._adds(("PATCH",), path, options, _caller()[1])

    def delete(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Answer DELETE at this path with the decorated function."""
        return self._adds(("DELETE",), path, options, _caller()[1])

    def socket(self, path: str, **options: Unpack[SocketOptions]) -> Callable[[Handler], Handler]:
        """Talk over a WebSocket at this path by the decorated `async def` function, which asks for a `Socket`."""
        return self._adds(("WEBSOCKET",), path, options, _caller()[1])

    def _adds(
        self, methods: tuple[str, ...], path: str, options: RouteOptions, names: Mapping[str, Any]
    ) -> Callable[[Handler], Handler]:
        self._collecting()
        if "media" in options:
            check_header("content-type", options["media"])

        def add(handler: Handler) -> Handler:
            self.routes.append(Route(methods, path, handler, options, where_of(handler), names))
            return handler

        return add

    def include(self, router: Router, at: str = "") -> None:
        """Take another router's handlers in, below the prefix `at`."""
        self._collecting()
        self.inclusions.append(Inclusion(router, at, _caller()[0]))

    def mount(self, path: str, app: Any, *, interface: Literal["asgi", "wsgi"] | None = None) -> None:
        """Hand everything below a path to a foreign ASGI or WSGI application, which is told apart by itself."""
        self._collecting()
        self.mounts.append(Mount(path, app, interface, _caller()[0]))

    def provide(
        self,
        function: Handler,
        *,
        scope: Literal["request", "app"] = "request",
        waits: bool = False,
        outermost: bool = False,
    ) -> Handler:
        """Let handlers ask for the function's return type; what it yields is cleaned up afterwards.

        Arguments:
            function: any function under the calling convention, `def` or `async def`, with `return` or one `yield`.
            scope: once a ``"request"``, or once an ``"app"`` (from start to stop).
            waits: it calls `wait(…)`, so the `async def` plans that need it must be driven.
            outermost: it is entered before all others and left after them, as a transaction is, whose commit is the
                last word; it may ask for nothing of the request but the `Request` itself.
        """
        self._collecting()
        where, names = _caller()
        self.provisions.append(Provision(function, scope, waits, where, names, outermost=outermost))
        return function

    def middleware(self, generator: Middleware) -> Middleware:
        """Put a one-`yield` generator around the handlers: `response = yield`, then `return response`."""
        self._collecting()
        self.middlewares.append(generator)
        return generator

    def on_error(self, kind: type[Exception]) -> Callable[[Handler], Handler]:
        """Answer errors of this kind with the decorated function, which may ask for the error by its type."""
        self._collecting()
        names = _caller()[1]

        def add(handler: Handler) -> Handler:
            self.error_handlers[kind] = ErrorHandler(kind, handler, names)
            return handler

        return add
