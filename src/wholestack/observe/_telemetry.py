"""OpenTelemetry: a span and two metrics for each request, and its trace through outgoing calls."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
import traceback
from collections.abc import Callable, Generator
from typing import Any

from wholestack import App, Request, Response
from wholestack.handlers import current_request
from wholestack.servers import AsgiRequest, RsgiRequest

from ._faults import bad_observer
from ._metrics import METHODS
from ._noted import unhandled_errors
from ._redact import redacted_text
from ._routes import Routes

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


_SPAN = "wholestack.telemetry"


@dataclasses.dataclass
class _Now:
    """A request that is in work: its span, the context that its handler runs in, and what its metrics have."""

    span: Any
    inside: Any
    common: dict[str, Any]
    template: str | None
    begun: float
    passes: int = 0

    def cancelled(self, kept: dict[str, Any], active: Any, passes: int, when: int) -> None:
        """End it as of a time in nanoseconds, unless it has passed once more since."""
        if self.passes == passes:
            kept.pop(_SPAN)  # What passes later all the same is a span of its own.
            active.add(-1, self.common)
            self.span.set_attribute("error.type", "cancelled")
            self.span.end(when)


class Telemetry:
    """Trace and measure requests with OpenTelemetry, by its conventions for HTTP servers; needs the extra `otel`.

    Each request is a span named by method and route; what its handler does in the tracer's name lies below it. An
    error that no handler took is an event of the span, without secrets; neither query nor header fields are told.
    Where nothing else is said, spans go where the process's own providers send them.

    Arguments:
        trust: go on with the trace that a client names in `traceparent`: only where all clients are your own, since
            it decides what is sampled, and joins traces that have nothing to do with each other.
        tracer_provider: in place of the process's own.
        meter_provider: in place of the process's own.

    Raises:
        SetupError: OpenTelemetry is not installed.

    Example:
        >>> app = App()
        >>> app.use(Telemetry())
    """

    def __init__(self, *, trust: bool = False, tracer_provider: Any = None, meter_provider: Any = None) -> None:
        try:
            import opentelemetry.trace  # noqa: F401  (asked for here, so that its absence is told where it is used)
        except ImportError:
            cure = "pip install wholestack[otel]"
            raise bad_observer("Telemetry() needs OpenTelemetry, which is not installed.", cure) from None
        self.trust = trust
        self.tracer_provider = tracer_provider
        self.meter_provider = meter_provider

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        app.middlewares.insert(0, _traced(app, self))


def outgoing_headers() -> dict[str, str]:
    """Header fields for a call to another service: this request's id and, with OpenTelemetry, its trace.

    Example:
        >>> outgoing_headers()  # outside of a request
        {}
    """
    request = current_request.get()
    headers = {"x-request-id": request.id} if request is not None else {}
    if "opentelemetry.trace" in sys.modules:
        from opentelemetry import propagate

        propagate.inject(headers)
    return headers


def _traced(app: App, telemetry: Telemetry) -> Callable[[Request], Generator[None, Response, Response]]:
    from opentelemetry import context, metrics, propagate, trace

    tracer = trace.get_tracer("wholestack", tracer_provider=telemetry.tracer_provider)
    meter = metrics.get_meter("wholestack", meter_provider=telemetry.meter_provider)
    duration = meter.create_histogram(
        "http.server.request.duration",
        "s",
        "Duration of HTTP server requests.",
        explicit_bucket_boundaries_advisory=_SECONDS,
    )
    active = meter.create_up_down_counter("http.server.active_requests", "{request}", "Requests that are in work.")
    routes = Routes(app)
    counted = _sockets(meter, routes)

    def traced(request: Request) -> Generator[None, Response, Response]:
        if request.connection is not None:  # It lasts as long as two people like to talk: no span, and no duration.
            return (yield from counted(request))
        kept = vars(request)
        # A request that missed its time limit passes a second time, with its 503; it is one span all the same.
        now: _Now = kept.get(_SPAN) or kept.setdefault(_SPAN, begin(request))
        now.passes += 1
        token = context.attach(now.inside)
        try:
            with unhandled_errors() as errors:
                response = yield
            context.detach(token)  # Not where the request was cancelled: then this runs somewhere else.
        except GeneratorExit:
            # The 503 of a time limit passes before the loop's next turn, and over WSGI, where no client is seen to
            # leave, always: then that one ends the span.
            if isinstance(request, (AsgiRequest, RsgiRequest)):
                _next_turn(now.cancelled, kept, active, now.passes, time.time_ns())
            raise
        kept.pop(_SPAN)
        active.add(-1, now.common)
        result = _result(now.span, response, errors)
        now.span.end()
        route = {} if now.template is None else {"http.route": now.template}
        duration.record(time.perf_counter() - now.begun, {**now.common, **route, **result})
        return response

    def begin(request: Request) -> _Now:
        template, common, outer = routes.template(request), _common(request), context.get_current()
        if telemetry.trust:
            outer = propagate.extract(dict(request.headers.pairs), outer)
        attributes = {**common, **_of_the_request(request, template)}
        span = tracer.start_span(_name(common, template), outer, trace.SpanKind.SERVER, attributes)
        active.add(1, common)
        return _Now(span, trace.set_span_in_context(span, outer), common, template, time.perf_counter())

    return traced


def _next_turn(call: Callable[..., None], *arguments: Any) -> None:
    """Call a function when the loop has its next turn; at once where no loop runs any more."""
    try:
        asyncio.get_running_loop().call_soon(call, *arguments)
    except RuntimeError:
        call(*arguments)


def _sockets(meter: Any, routes: Routes) -> Callable[[Request], Generator[None, Response, Response]]:
    opened = meter.create_up_down_counter("wholestack.sockets.open", "{socket}", "WebSockets that are open.")
    messages = meter.create_counter("wholestack.sockets.messages", "{message}", "Messages of WebSockets.")
    passed = meter.create_counter("wholestack.sockets.io", "By", "Bytes of the messages of WebSockets.")

    def counts(route: dict[str, Any], direction: str) -> Callable[[int], None]:
        attributes = {**route, "network.io.direction": direction}

        def message(size: int) -> None:
            messages.add(1, attributes)
            passed.add(size, attributes)

        return message

    def counted(request: Request) -> Generator[None, Response, Response]:
        template = routes.template(request)
        route = {} if template is None else {"http.route": template}
        request.connection.count(counts(route, "receive"), counts(route, "transmit"))
        opened.add(1, route)
        try:
            return (yield)
        finally:
            opened.add(-1, route)

    return counted


def _name(common: dict[str, Any], template: str | None) -> str:
    """The span's name: few, whatever clients send."""
    method = common["http.request.method"]
    method = "HTTP" if method == "_OTHER" else method
    return f"{method} {template}" if template is not None else method


def _common(request: Request) -> dict[str, Any]:
    """What spans and metrics have in common."""
    method = request.method if request.method in METHODS else "_OTHER"
    return {"http.request.method": method, "url.scheme": request.scheme}


def _of_the_request(request: Request, template: str | None) -> dict[str, Any]:
    """What a span says of its request; neither the query nor a header field that may be a secret."""
    host, colon, port = request.host.rpartition(":")
    named = (host, port) if colon and port.isdigit() else (request.host, "")
    found: dict[str, Any] = {
        "url.path": redacted_text(request.path),
        "server.address": named[0],
        "network.protocol.version": request.version,
        "wholestack.request_id": request.id,
    }
    if named[1]:
        found["server.port"] = int(named[1])
    if template is not None:
        found["http.route"] = template
    if request.client is not None:
        found["client.address"] = request.client
    if agent := request.headers.get("user-agent"):
        found["user_agent.original"] = redacted_text(agent, 256)
    if request.method not in METHODS:
        found["http.request.method_original"] = request.method[:32]
    return found


def _result(span: Any, response: Response, errors: list[Exception]) -> dict[str, Any]:
    """What came of the request, told to the span and given for the metric."""
    from opentelemetry import trace

    result: dict[str, Any] = {"http.response.status_code": response.status}
    if response.status >= 500:
        error = errors[-1] if errors else None
        result["error.type"] = type(error).__qualname__ if error is not None else str(response.status)
        span.set_status(trace.StatusCode.ERROR)
        if error is not None:
            span.add_event("exception", _told(error))
    span.set_attributes(result)
    return result


def _told(error: Exception) -> dict[str, str]:
    """An error as an event of a span."""
    try:
        message, trace = str(error), "".join(traceback.format_exception(error))
    except Exception as second:  # Another's code.
        message = trace = f"its text raises {type(second).__name__}"
    kind = type(error)
    return {
        "exception.type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        "exception.message": redacted_text(message),
        "exception.stacktrace": redacted_text(trace),
    }
