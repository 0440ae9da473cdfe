"""Metrics for Prometheus: requests by route, what is in work, and what waits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from wholestack import App, Request, Response
from wholestack.errors import Fault
from wholestack.servers import Sealed

from ._faults import bad_observer, outside
from ._routes import Routes

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other method is one label: clients choose methods, and must not choose labels."""
UNMATCHED = "(none)"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BEGUN = "wholestack.metrics"
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """Measure requests, and tell Prometheus at `/metrics`; needs the extra `prometheus`.

    Told are `wholestack_requests_total` by method, route and class of status, `wholestack_request_seconds` by method
    and route, `wholestack_requests_in_work`, `wholestack_sockets_total` by route and by how they ended,
    `wholestack_sockets_open` by route, `wholestack_socket_messages_total` and `wholestack_socket_bytes_total` by route
    and direction (`in`, `out`), and of this process the worker threads that are busy, the requests that
    wait for one, and the after-send actions that are not done. A route is the path as it is written in the app; what
    no route answers is one label. What an app counts with `prometheus_client` itself is told along.

    Each process counts for itself. Where several serve one address, set ``PROMETHEUS_MULTIPROC_DIR`` to an empty
    folder: then each process tells the sums of all, without the figures of single processes.

    Arguments:
        path: where they lie; outside of the app's own network nobody should reach it.
        needs: rules for who may read them.
        buckets: upper bounds of the histogram, in seconds.

    Raises:
        SetupError: `prometheus_client` is not installed, or a path that is none.

    Example:
        >>> app = App()
        >>> app.use(Metrics())
    """

    def __init__(self, path: str = "/metrics", *, needs: object = (), buckets: Sequence[float] = _BUCKETS) -> None:
        if not path.startswith("/") or "{" in path:
            raise bad_observer(f"Metrics(path={path!r}) is no path.", 'Write one like "/metrics".')
        if not buckets or list(buckets) != sorted(set(buckets)):
            raise bad_observer("Metrics(buckets=…) do not rise.", "Give seconds, each above the one before.")
        try:
            import prometheus_client  # noqa: F401  (asked for here, so that its absence is told where it is used)
        except ImportError:
            cure = "pip install wholestack[prometheus]"
            raise bad_observer("Metrics() needs prometheus_client, which is not installed.", cure) from None
        self.path = path
        self.needs = needs
        self.buckets: tuple[float, ...] = tuple(buckets)
        self._where = outside()

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        shared = bool(os.environ.get(_FOLDER))
        meters = Meters(app, self.buckets)
        told = _whole(meters) if not shared else _of_all_processes

        async def metrics(request: Request) -> Response:
            body, media_type = await asyncio.to_thread(told, request.headers.get("accept") or "")
            return Response(body, media_type=media_type, headers={"cache-control": "no-store"})

        app.get(self.path, hidden=True, timeout=None, needs=self.needs)(metrics)
        app.middlewares.insert(0, meters.measured)
        if shared:
            app.lifespan(_forgotten_at_the_end)
        app.check(self._apart)

    def _apart(self) -> list[Fault]:
        workers = os.environ.get("WEB_CONCURRENCY", "1")
        if os.environ.get(_FOLDER) or not workers.isdigit() or int(workers) < 2:
            return []
        message = f"Metrics() counts by process, and WEB_CONCURRENCY starts {workers}: a reader meets one at random."
        return [Fault("metrics-apart", message, self._where, f"Set {_FOLDER} to an empty folder.")]


class Meters:
    """The meters of one app, and the middleware that moves them."""

    def __init__(self, app: App, buckets: Sequence[float]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.app = app
        self.registry = CollectorRegistry()
        self._routes = Routes(app)
        self._requests = Counter(
            "wholestack_requests", "Requests that were answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "wholestack_request_seconds",
            "Time from the request's arrival in the app to its answer; a stream's or a file's sending is not in it.",
            ("method", "route"),
            registry=self.registry,
            buckets=buckets,
        )
        self._in_work = Gauge(
            "wholestack_requests_in_work",
            "Requests that are being answered.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._sockets = Counter(
            "wholestack_sockets",
            "WebSockets that are over, by how they ended.",
            ("route", "end"),
            registry=self.registry,
        )
        self._open = Gauge(
            "wholestack_sockets_open",
            "WebSockets that are open.",
            ("route",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._messages = Counter(
            "wholestack_socket_messages", "Messages of WebSockets.", ("route", "direction"), registry=self.registry
        )
        self._bytes = Counter(
            "wholestack_socket_bytes",
            "Bytes of the messages of WebSockets, without frames and compression.",
            ("route", "direction"),
            registry=self.registry,
        )
        self._passed: dict[str, tuple[Callable[[int], None], Callable[[int], None]]] = {}
        self._known: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def measured(self, request: Request) -> Generator[None, Response, Response]:
        """Middleware: one request."""
        if request.connection is not None:  # It lasts as long as two people like to talk, which is no time to compare.
            return (yield from self._socket(request))
        # A request that missed its time limit passes a second time, with its 503: its time is that of both.
        begun: float = vars(request).setdefault(_BEGUN, time.perf_counter())
        self._in_work.inc()
        try:
            response = yield
        finally:
            self._in_work.dec()
        method = request.method if request.method in METHODS else "other"
        key = (method, self._routes.template(request) or UNMATCHED, response.status // 100)
        known = self._known.get(key)
        if known is None:
            count = self._requests.labels(method, key[1], f"{key[2]}xx").inc
            known = self._known[key] = (count, self._seconds.labels(method, key[1]).observe)
        known[0]()
        known[1](time.perf_counter() - begun)
        return response

    def _socket(self, request: Request) -> Generator[None, Response, Response]:
        route = self._routes.template(request) or UNMATCHED
        end = "left"  # Where the client goes while the handler waits, it is cancelled, and no answer comes here.
        passed = self._passed.get(route)
        if passed is None:
            passed = self._passed[route] = self._counts(route, "in"), self._counts(route, "out")
        request.connection.count(*passed)
        self._open.labels(route).inc()
        try:
            response = yield
            end = "done" if response.status < 400 else f"{response.status // 100}xx"
        finally:
            self._open.labels(route).dec()
            self._sockets.labels(route, end).inc()
        return response

    def _counts(self, route: str, direction: str) -> Callable[[int], None]:
        """What counts one message of so many bytes."""
        one_more, more_bytes = self._messages.labels(route, direction).inc, self._bytes.labels(route, direction).inc

        def message(size: int) -> None:
            one_more()
            more_bytes(size)

        return message


class _Process:
    """What one process has in hand, read when it is asked for."""

    def __init__(self, app: App) -> None:
        self._app = app

    def collect(self) -> Iterator[Any]:
        """See `prometheus_client.registry.Collector`."""
        from prometheus_client.metrics_core import GaugeMetricFamily

        for name, (text, value) in in_hand(self._app.seal()).items():
            yield GaugeMetricFamily(name, text, value=value)


def in_hand(sealed: Sealed) -> dict[str, tuple[str, int]]:
    """The figures of one process."""
    workers = sealed.workers
    return {
        "wholestack_worker_threads": ("The most worker threads.", workers.size),
        "wholestack_worker_threads_busy": ("Worker threads that run something.", workers.busy),
        "wholestack_worker_threads_waiting": ("Calls that wait for a worker thread.", workers.queued),
        "wholestack_after_send_waiting": ("After-send actions, by answer, that are not done.", sealed.after.pending),
    }


def _whole(meters: Meters) -> Callable[[str], tuple[bytes, str]]:
    """What one process tells: its own meters, and what is counted with the library itself."""
    from prometheus_client import REGISTRY
    from prometheus_client.exposition import choose_encoder

    class Others:
        def collect(self) -> Iterator[Any]:
            return iter(REGISTRY.collect())

    meters.registry.register(_Process(meters.app))
    meters.registry.register(Others())

    def told(accept: str) -> tuple[bytes, str]:
        encode, media_type = choose_encoder(accept)
        return encode(meters.registry), media_type

    return told


def _of_all_processes(accept: str) -> tuple[bytes, str]:
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type


@contextlib.contextmanager
def _forgotten_at_the_end() -> Iterator[None]:
    """A process that ends takes what it had in hand out of the sums; what it has counted stays."""
    yield
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]
