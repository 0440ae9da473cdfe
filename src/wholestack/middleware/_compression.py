"""Compression of answers: what is worth it, what is safe, and what the client reads."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterable, Callable, Generator, Iterator, Sequence
from typing import Any

from wholestack import App, Request, Response
from wholestack.http import Headers, best_coding, size

from ._codings import CODINGS, Coder, maker
from ._faults import bad_guard, texts
from ._packed import PackedAsync, PackedPlain
from ._place import COMPRESSION, place

_WORTH_IT = re.compile(
    r"(?:text/(?!event-stream)[^;]+|[^;]+\+(?:json|xml|text)|application/(?:json|javascript|xml|yaml|x-ndjson|jsonl|"
    r"json-seq|graphql|wasm|x-www-form-urlencoded|openmetrics-text|vnd\.ms-fontobject|sql|toml|rtf|x-sh)|"
    r"font/(?:ttf|otf)|image/(?:svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)|model/[^;]+)(?:;.*)?",
    re.IGNORECASE,
)
_BY_ITSELF = re.compile(r"(?:basic|digest|negotiate|ntlm)\b", re.IGNORECASE)
_OWN_PAGES = frozenset({"same-origin", "none"})
_IN_THREAD = 64 * 1024
_PIECE = 256 * 1024


@dataclasses.dataclass(frozen=True)
class Compression:
    """Compress answers by what the client takes: zstd, brotli (both by their extras) and gzip.

    Left as they are: small bodies, media that are compressed already, files of which a part is asked for, what is
    encoded or marked `no-transform`, events, answers that set a cookie, and answers to credentials that a browser may
    have sent for another site's page (BREACH).

    Arguments:
        minimum: the smallest body that is compressed, as bytes or text.
        codings: which codings, the preferred one first; without it all that are installed.
        cross_site: compress answers to credentials for pages of other sites, too: for an app whose answers never
            hold a secret beside something that the asker chose.

    Raises:
        SetupError: a coding that is unknown or not installed.

    Example:
        >>> app = App()
        >>> app.use(Compression(minimum="2 KiB", codings=["gzip"]))
    """

    minimum: int | str = 1024
    codings: Sequence[str] = ()
    cross_site: bool = False

    def __post_init__(self) -> None:
        named = texts(self.codings, "codings") if self.codings else ()
        makers: dict[str, Callable[[], Coder]] = {}
        for name in named or CODINGS:
            make = maker(name) if name in CODINGS else None
            if make is not None:
                makers[name] = make
            elif named:
                extra = {"br": "brotli"}.get(name, name)
                cure = f"pip install 'wholestack[{extra}]'" if name in CODINGS else f"There are {', '.join(CODINGS)}."
                raise bad_guard(f"Compression(codings=…) names {name!r}, which is not there.", cure)
        try:
            least = size(self.minimum)
        except ValueError as error:
            raise bad_guard(f"Compression(minimum={self.minimum!r}): {error}", 'Write 1024 or "1 KiB".') from error
        vars(self).update(_makers=makers, _least=least)

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        makers: dict[str, Callable[[], Coder]] = vars(self)["_makers"]
        offers, least = tuple(makers), vars(self)["_least"]

        def compression(request: Request) -> Generator[None, Response, Response]:
            coding = best_coding(request.headers.get("accept-encoding") or "", offers)
            _plain_condition(request)
            response = yield
            if response.status == 304:
                return _tagged(response, coding)
            small = response.stream is None and response.file is None and len(response.body) < least
            if small or not _may_be_packed(response):
                return response
            response.headers.vary("accept-encoding")
            if coding is None or "set-cookie" in response.headers or not (self.cross_site or _is_ours(request)):
                return response
            if response.file is not None:
                return _repacked(response, coding, makers[coding], least)
            return _packed(response, coding, makers[coding]())

        place(app, COMPRESSION, compression)


def _may_be_packed(response: Response) -> bool:
    """Whether what goes out is whole, and of a kind that becomes smaller."""
    if response.status in {204, 206} or not response.media_type or not _WORTH_IT.fullmatch(response.media_type):
        return False
    headers = response.headers
    return (
        "content-encoding" not in headers and "no-transform" not in ",".join(headers.get_all("cache-control")).lower()
    )


def _is_ours(request: Request) -> bool:
    """Whether no page of another site can have made the browser ask with this user's credentials."""
    headers = request.headers
    by_itself = "cookie" in headers or _BY_ITSELF.match(headers.get("authorization") or "")
    return not by_itself or headers.get("sec-fetch-site") in _OWN_PAGES


def _plain_condition(request: Request) -> None:
    """Let `If-Match` hold with a tag that was weakened here: it stands for the same state, which is the question."""
    condition = request.headers.get("if-match")
    if condition is not None and 'W/"' in condition:
        pairs = [
            (name, value.replace('W/"', '"') if name == "if-match" else value) for name, value in request.headers.pairs
        ]
        request.headers = Headers(pairs)


def _tagged(response: Response, coding: str | None) -> Response:
    """The 304 with the tag of the answer that it stands for."""
    if coding is None:
        return response
    response.headers.vary("accept-encoding")
    _weaken(response)
    return response


def _weaken(response: Response) -> None:
    tag = response.headers.get("etag")
    if tag is not None and not tag.startswith("W/"):
        response.headers.set("etag", f"W/{tag}")


def _packed(response: Response, coding: str, coder: Coder) -> Response:
    response.headers.set("content-encoding", coding)
    _weaken(response)
    response.length = None
    stream: Any = response.stream
    if stream is not None:
        response.stream = (
            PackedAsync(stream, coder) if isinstance(stream, AsyncIterable) else PackedPlain(stream, coder)
        )
    elif len(response.body) > _IN_THREAD and asyncio._get_running_loop() is not None:
        # A worker thread compresses it: here, every other request would wait.
        response.stream = PackedPlain(_pieces(response.body), coder)
    else:
        response.body = coder.whole(response.body)
    return response


def _repacked(response: Response, coding: str, make: Callable[[], Coder], least: int) -> Response:
    """A file, which the server opens: it is compressed as it is read, in the thread that reads it."""
    if "etag" in response.headers:
        _weaken(response)

    def repack(size: int) -> tuple[str, Callable[[Iterator[bytes]], Iterator[bytes]]] | None:
        return (coding, lambda chunks: PackedPlain(chunks, make())) if size >= least else None

    response.repack = repack
    return response


def _pieces(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _PIECE] for start in range(0, len(body), _PIECE))
