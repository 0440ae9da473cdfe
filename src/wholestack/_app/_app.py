"""The application: one object that collects, seals, and answers on every interface."""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from typing import Any, Literal, Protocol, Self, TypedDict, TypeVar, runtime_checkable

from typing_extensions import Unpack

from wholestack.errors import ErrorFormat, Fault, ProblemDetails, SetupError, WholestackError
from wholestack.handlers import Media, hints_read_once
from wholestack.http import Limits, Request, Response, Text, check_header
from wholestack.routing import Provision, Router, pattern_of, where_of
from wholestack.servers import Find, Sealed, asgi_driver, call, rsgi_driver

from ._seal import Sealing

P = TypeVar("P")
F = TypeVar("F", bound=Callable[..., Any])

#: Sent with every answer; a name set to None in ``App(headers={…})`` takes one away.
SECURITY_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


@runtime_checkable
class Plugin(Protocol):
    """Anything with `setup(app)`; it has the verbs that the app's user has.

    Example:
        >>> class Clock:
        ...     def setup(self, app: App) -> None:
        ...         app.get("/time")(lambda: "now")
    """

    # The public `App` is a class over ours, which a plugin names and a protocol with our `App` would refuse.
    def setup(self, app: Any) -> None:
        """Called once, when the app is sealed, in the order of `use`; `app` is the `App`."""
        ...


class AppOptions(TypedDict, total=False):
    """What an app may be told; each has a default that is safe.

    `slashes` is ``"redirect"`` (308 to the path that is there) or ``"strict"``; `threads` the most worker threads for
    `def` handlers, `concurrency` the most requests in work at once (one more is a 503); `checked` validates answers
    too (development and tests); `docs` False leaves the documentation out.
    """

    limits: Limits
    errors: ErrorFormat
    slashes: str
    headers: Mapping[str, str | None]
    threads: int
    concurrency: int
    checked: bool
    docs: bool
    media: tuple[Media, ...]


class App(Router):
    """An application: collects everything, seals it before the first request, then answers.

    Arguments:
        settings: a `Settings` object; handlers can ask for it by its type.
        title: the name in the documentation.
        version: the API's version there.
        options: see `AppOptions`.

    Example:
        >>> app = App(title="Notes")
        >>> @app.get("/hello/{name}")
        ... def hello(name: str) -> str:
        ...     return f"Hello, {name}!"
        >>> app.seal().match("/hello/you")[1]
        {'name': 'you'}
    """

    def __init__(
        self,
        settings: object | None = None,
        *,
        title: str = "API",
        version: str = "0.1.0",
        **options: Unpack[AppOptions],
    ) -> None:
        super().__init__()
        #: File and line where it is made.
        self.where: str = _outside()
        self.settings = settings
        self.title = title
        self.version = version
        self.limits: Limits = options.get("limits", Limits())
        self.errors: ErrorFormat = options.get("errors", ProblemDetails())
        self.slashes: str = options.get("slashes", "redirect")
        self.headers: Mapping[str, str | None] = options.get("headers", {})
        self.threads: int = options.get("threads", 40)
        self.concurrency: int = options.get("concurrency", 1000)
        self.checked: bool = options.get("checked", False)
        self.docs: bool = options.get("docs", True)
        self.media: tuple[Media, ...] = options.get("media", ())
        self.plugins: list[Plugin] = []
        self.lifespans: list[Callable[..., Any]] = []
        self.commands: list[Callable[..., Any]] = []
        self.checks: list[Callable[..., Any]] = []
        self.converters: dict[str, str] = {}
        self.parameter_kinds: list[Any] = []
        self.answer_kinds: list[Any] = []
        self.finders: list[Callable[[Find, object], Find]] = []
        #: What answers a path by itself (`Sealed.prepared`); filled when all routes have their places (`settled`).
        self.prepared: dict[str, Any] = {}
        self.socket_driver: Callable[[Sealed, str], Any] | None = None
        self.replaced: dict[Any, Provision] = {}
        self.sealed: Sealed | None = None
        self._report: SetupError | None = None
        self._reporting: App | None = None
        self._lock = threading.RLock()
        self._sealing: Sealing | None = None
        self._before: dict[str, Any] = {}
        # Servers ask the instance whether it is a coroutine function; the class's method, which they call, is both.
        vars(self)["__call__"] = self.asgi

    # -- collect -------------------------------------------------------------------------------------------------

    def _collecting(self) -> None:
        if self.sealed is not None:
            cure = "Add it before the first request, or call app.unseal() in a notebook."
            raise SetupError([Fault("app-sealed", "The app is sealed; nothing can be added.", _outside(), cure)])

    def use(self, *plugins: Plugin) -> None:
        """Take plugins in; they are set up in this order when the app is sealed."""
        self._collecting()
        self.plugins += plugins

    def plugin(self, kind: type[P]) -> P:
        """The plugin of a type.

        Raises:
            SetupError: none of that type is used.
        """
        for each in self.plugins:
            if isinstance(each, kind):
                return each
        cure = f"app.use({kind.__name__}(…))"
        raise SetupError([Fault("no-plugin", f"No plugin of the type {kind.__name__} is used.", where_of(kind), cure)])

    def lifespan(self, manager: F) -> F:
        """Open this context manager (a function that gives one, plain or async) at the start and close it at the
        stop.
        """
        self._collecting()
        self.lifespans.append(manager)
        return manager

    def command(self, function: F) -> F:
        """Make a function a command: ``wholestack run app.py NAME``."""
        self._collecting()
        self.commands.append(function)
        return function

    def check(self, function: F) -> F:
        """Let `wholestack check` call a function that gives faults."""
        self._collecting()
        self.checks.append(function)
        return function

    def converter(self, name: str, kind: Any) -> None:
        """A converter for paths, ``{colour:name}``: a regular expression, or an enum whose values it takes."""
        self._collecting()
        self.converters[name] = pattern_of(kind)

    def parameter(self, kind: Any) -> None:
        """A new kind of parameter: `kind.matches(annotation)`, and `kind.reader(name, annotation)`, which gives a
        function
        from a `Request` to the value.
        """
        self._collecting()
        self.parameter_kinds.append(kind)

    def answer(self, kind: Any) -> None:
        """A new kind of answer: `kind.matches(annotation)`, and `kind.responder(annotation, status)`, which gives a
        function from the value and the `Request` to a `Response`.

        With `kind.build(response, request)` it completes what handlers return; `kind.needs(returns)` gives types whose
        providers are then part of the plan; `kind.waits` says that an error's answer may have to wait for them, too.
        """
        self._collecting()
        self.answer_kinds.append(kind)

    def foreign(self, app: Any, interface: Literal["asgi", "wsgi"] | None, at: str) -> Any:
        """How a mounted application is called; the front door knows."""
        raise WholestackError(f"Use `wholestack.App`, the front door's, to mount a foreign application at {at}.")

    def encoder(self, answer: Any) -> Callable[[Any], bytes]:
        """What writes answers of a type as JSON; the front door knows."""
        raise WholestackError(f"Use `wholestack.App`, the front door's, to answer with {answer}.")

    def form_reader(self, model: Any) -> Callable[[Request], Any]:
        """What finds the fields of a model in a request's form, or in JSON; the front door knows."""
        raise WholestackError(f"Use `wholestack.App`, the front door's, to read {model} from a form.")

    def default_plugins(self) -> Iterable[Plugin]:
        """Plugins that come by themselves; the front door has them, and asks for each when those before are set up."""
        return ()

    # -- seal ----------------------------------------------------------------------------------------------------

    def seal(self) -> Sealed:
        """Set plugins up, compile every handler and build the tree; nothing can be added afterwards.

        Raises:
            SetupError: everything that is wrong, each with file and line.
        """
        with self._lock, hints_read_once():
            if self.sealed is not None:
                return self.sealed
            if self._report is not None:
                raise self._report.with_traceback(None)  # Else it would grow, and keep each request's frames.
            self._before = _collections(vars(self))
            try:
                for plugin in tuple(self.plugins):
                    plugin.setup(self)
                # Asked last: what the app needs by itself depends on what its plugins have added.
                for plugin in self.default_plugins():
                    self.plugins.append(plugin)
                    plugin.setup(self)
                # What a plugin opens, such as a database, is there when the app's own lifespans begin.
                own = len(self._before["lifespans"])
                self.lifespans = self.lifespans[own:] + self.lifespans[:own]
                sealing = Sealing(self)
                sealed = sealing.run()
            except BaseException:
                self._undo()
                raise
            if sealing.faults:
                self._undo()
                # Routes that share a router share its faults.
                self._report = SetupError(list(dict.fromkeys(sealing.faults)))
                raise self._report
            self.sealed_asgi: Callable[[Any, Any, Any], Coroutine[Any, Any, None]] = asgi_driver(sealed)
            self.sealed_rsgi: Callable[[Any, Any], Coroutine[Any, Any, None]] = rsgi_driver(sealed)
            # Last: another thread that sees the app sealed must find its drivers.
            self._sealing, self.sealed = sealing, sealed
            sealed.lifetime.stop_at_exit()
            return sealed

    def unseal(self) -> None:
        """Let things be added again: for a notebook, never for a server. What lives as long as the app is closed."""
        sealed = self.sealed
        self.sealed = self._report = self._sealing = self._reporting = None
        self._undo()
        _end(sealed)

    def _undo(self) -> None:
        """Take back what plugins added when the app was sealed: they will add it again."""
        before, self._before = self._before, {}
        vars(self).update(before)

    def constant_headers(self) -> tuple[tuple[str, str], ...]:
        """The header fields of every answer."""
        wanted = {**SECURITY_HEADERS, **{name.lower(): value for name, value in self.headers.items()}}
        return tuple(check_header(name, value) for name, value in wanted.items() if value is not None)

    def sealing(self) -> Sealing:
        """What sealing found: every route where it ended up, with its plan, and the mounts."""
        self.seal()
        if self._sealing is None:
            raise WholestackError("The app was unsealed while it was looked at.")
        return self._sealing

    def twin(self) -> Self:
        """An app that has collected the same, yet to be sealed; this one is untouched."""
        twin = type(self).__new__(type(self))
        collected = {**vars(self), **self._before}
        vars(twin).update({**collected, **_collections(collected), "_before": {}})
        twin.sealed = twin._report = twin._sealing = twin._reporting = None
        twin._lock = threading.RLock()
        vars(twin)["__call__"] = twin.asgi
        return twin

    # -- answer --------------------------------------------------------------------------------------------------

    __call__ = call

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """The app as an ASGI 3 callable."""
        if scope["type"] == "lifespan":
            try:
                self.seal()
            except SetupError as report:
                # A faulty app must not start. A server that is told so prints the report; an error it may take for
                # "knows no lifespan" (Uvicorn does) and go on.
                await receive()
                await send({"type": "lifespan.startup.failed", "message": str(report)})
                return
        await self.ready().sealed_asgi(scope, receive, send)

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The app as a WSGI callable (PEP 3333)."""
        return self(environ, start_response)

    def __rsgi__(self, scope: Any, protocol: Any) -> Coroutine[Any, Any, None]:
        """The app as an RSGI callable."""
        return (self if self.sealed is not None else self.ready()).sealed_rsgi(scope, protocol)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        sealed = self.seal()
        loop.run_until_complete(sealed.lifetime.start())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.sealed is not None:
            loop.run_until_complete(self.sealed.lifetime.stop())

    def ready(self) -> App:
        """This app, sealed; or where it cannot be, one that answers every request with the report (a 500)."""
        try:
            self.seal()
        except SetupError as report:
            if self._reporting is None:
                text = str(report)
                reporting = App(docs=False)
                reporting.middleware(lambda _: _answering(Text(text, 500)))
                reporting.seal()
                self._reporting = reporting
            return self._reporting
        return self


def _answering(answer: Response | None) -> Generator[None, Response, Response]:
    return answer if answer is not None else (yield)


def _end(sealed: Sealed | None) -> None:
    """Close what an app has opened that will answer no more."""
    if sealed is not None:
        sealed.lifetime.stop_in_background()


def _collections(values: Mapping[str, Any]) -> dict[str, Any]:
    """Copies of the lists and dicts among these values."""
    return {key: each.copy() for key, each in values.items() if isinstance(each, (list, dict)) and key != "_before"}


def _outside() -> str:
    """File and line of the nearest caller that is not ours."""
    frame: types.FrameType | None = sys._getframe(1)
    ours = __name__.partition(".")[0]
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == ours:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "?"
