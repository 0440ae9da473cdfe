"""What answers the paths of files in memory without a plan: every header field is written when the app is sealed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from wholestack import App, Request, Response
from wholestack.http import best_coding

from ._held import ASK_AGAIN, HeldFile

_SHORT = 256  # bytes of an Accept-Encoding that is remembered

Pairs = list[tuple[str, str]]
T = TypeVar("T")


class Preparing:
    """Gives the app what answers the paths of its files by itself (`App.prepared`).

    A kind of parameter that no parameter has; it is told of all routes when they have their places. A path is left to
    the ordinary way where a rule, a provider or a middleware has a say in it, unless that has nothing to do with such
    answers (`passes_prepared`); and where another route of the app has it.

    Arguments:
        app: whose paths they are.
        handler: of the route that they are below.
        held: path → the file, and whether the path has its unique name.
    """

    def __init__(self, app: App, handler: Callable[..., Any], held: Mapping[str, tuple[HeldFile, bool]]) -> None:
        self._app = app
        self._handler = handler
        self._held = held

    def matches(self, annotation: Any) -> bool:
        """None."""
        return False

    def settled(self, placed: Iterable[Any]) -> tuple[()]:
        """See `Preparing`."""
        constant = self._app.constant_headers()
        for each in placed:
            passed = all(getattr(middleware, "passes_prepared", False) for middleware in each.plan.middleware)
            if each.route.handler is self._handler and passed and not each.plan.steps:
                for path, (file, unique) in self._held.items():
                    leads = functools.partial(self._leads, path, each.plan)
                    self._app.prepared[path] = PreparedFile(file, unique, constant, leads)
        return ()

    def _leads(self, path: str, plan: Any) -> bool:
        """Whether the path leads to that plan, and to no other route and no mounted app."""
        sealed = self._app.sealed
        return sealed is not None and sealed.match(path)[0].get("GET") is plan


@dataclasses.dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """The answers of one form as an interface's driver sends them: `whole` for GET, `head` for HEAD, and the 304."""

    tag: Any
    whole: T
    head: T
    unchanged: T


class PreparedFile:
    """A held file under one path: its answers to GET and HEAD, each header field written beforehand.

    It answers what nearly every request asks: the whole file, or whether the one tag that the client has is still
    right. None for all else: ranges, other conditions, other methods are the handler's and the core's.

    Arguments:
        held: the file.
        unique: whether the path has the unique name; else the file is looked at, whether it is unchanged.
        constant: the header fields that every answer of the app has.
        leads: whether the app's routes lead to this file; asked once.
    """

    def __init__(
        self, held: HeldFile, unique: bool, constant: tuple[tuple[str, str], ...], leads: Callable[[], bool]
    ) -> None:
        self._held = held
        self._leads = leads
        self._unique = unique
        self._constant = constant
        self._codings = held.codings
        self._fresh: Callable[[], bool] | None = None if unique else held.file.is_unchanged

    def wsgi(self, request: Request) -> tuple[str, Pairs, list[bytes]] | None:
        """The answer to a request whose `raw` is an environ."""
        environ = request.raw
        if "HTTP_RANGE" in environ or "HTTP_IF_MATCH" in environ or "HTTP_IF_UNMODIFIED_SINCE" in environ:
            return None
        form = self._by_coding(environ.get("HTTP_ACCEPT_ENCODING", ""), self._wsgi)
        return self._told(form, request.method, environ.get("HTTP_IF_NONE_MATCH"))

    def rsgi(self, request: Any) -> tuple[int, Pairs, bytes] | None:
        """The answer to a request whose `fields` are text."""
        fields = request.fields
        if "range" in fields or "if-match" in fields or "if-unmodified-since" in fields:
            return None
        if len(fields) != len(request.pairs):
            return None  # A field that came twice is read as one by the core.
        form = self._by_coding(fields.get("accept-encoding", ""), self._rsgi)
        return self._told(form, request.method, fields.get("if-none-match"))

    def asgi(self, request: Any) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
        """The answer to a request whose `fields` are bytes."""
        fields = request.fields
        if b"range" in fields or b"if-match" in fields or b"if-unmodified-since" in fields:
            return None
        if len(fields) != len(request.raw["headers"]):
            return None  # See above.
        form = self._by_coding(fields.get(b"accept-encoding", b""), self._asgi)
        return self._told(form, request.method, fields.get(b"if-none-match"))

    def _by_coding(self, accepted: str | bytes, written: Mapping[str, Written[T]]) -> Written[T] | None:
        if not self._codings:
            return written.get("")
        return written.get(_liked(accepted, self._codings)) if len(accepted) <= _SHORT else None

    def _told(self, form: Written[T] | None, method: str, known: str | bytes | None) -> T | None:
        if form is None or (self._fresh is not None and not self._fresh()):
            return None
        if known is None:
            return form.whole if method == "GET" else form.head if method == "HEAD" else None
        return form.unchanged if known == form.tag and method in {"GET", "HEAD"} else None

    @functools.cached_property
    def _rsgi(self) -> dict[str, Written[tuple[int, Pairs, bytes]]]:
        written: dict[str, Written[tuple[int, Pairs, bytes]]] = {}
        for coding, (tag, whole, unchanged) in self._held.forms.items() if self._leads() else ():
            content = whole.body
            about = [("content-type", whole.media_type or ""), ("content-length", str(len(content)))]
            fields, known = [*self._fields(whole), *about], self._fields(unchanged)
            written[coding] = Written(tag, (200, fields, content), (200, fields, b""), (304, known, b""))
        return written

    def _fields(self, response: Response) -> Pairs:
        own = dict(response.headers.pairs)
        if not self._unique:
            own["cache-control"] = ASK_AGAIN
        return [*(pair for pair in self._constant if pair[0] not in own), *own.items()]

    @functools.cached_property
    def _wsgi(self) -> dict[str, Written[tuple[str, Pairs, list[bytes]]]]:
        lines = {200: "200 OK", 304: "304 Not Modified"}

        def made(answer: tuple[int, Pairs, bytes]) -> tuple[str, Pairs, list[bytes]]:
            return lines[answer[0]], answer[1], [answer[2]] if answer[2] else []

        each = self._rsgi.items()
        return {coding: Written(of.tag, made(of.whole), made(of.head), made(of.unchanged)) for coding, of in each}

    @functools.cached_property
    def _asgi(self) -> dict[str, Written[tuple[int, list[tuple[bytes, bytes]], bytes]]]:
        def made(answer: tuple[int, Pairs, bytes]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
            pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer[1]]
            return answer[0], pairs, answer[2]

        each = self._rsgi.items()
        return {
            coding: Written(of.tag.encode("latin-1"), made(of.whole), made(of.head), made(of.unchanged))
            for coding, of in each
        }


@functools.lru_cache(512)
def _liked(accepted: str | bytes, codings: tuple[str, ...]) -> str:
    """The key of the form that a client likes best, by its Accept-Encoding."""
    return best_coding(accepted if isinstance(accepted, str) else accepted.decode("latin-1"), codings) or ""
