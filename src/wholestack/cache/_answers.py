"""Whole answers of handlers, kept and given again: to whom, for how long, and never to another user by mistake.

An answer goes four ways here: `begin` looks for it when rules and arguments have let the request pass; `taken` notes
it when its body is built, and says to clients what they may do with it; `finish` keeps it after the transaction's
commit, when nobody can add a cookie any more; `fail` lets the next one try.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pydantic
from pydantic_core import to_json

from wholestack import App, HTTPError, Request, Response
from wholestack.http import etag_of
from wholestack.routing import Route

from ._errors import misuse
from ._keeper import Keeper, Turn, Versions
from ._keys import name_of
from ._said import CREDENTIALS, Said
from ._spoken import LANGUAGE, TIMEZONE, spoken
from ._values import seconds_of

if TYPE_CHECKING:
    from collections.abc import Collection

MARK = "__cached__"
PARAMETER = "cached_answer"
_SLOT, _CONTROL = "cached answer", "said by @cached"
_SAFE = ("GET", "HEAD")
_SPOKEN = frozenset({LANGUAGE, TIMEZONE})
_OURS = {"cache-control", "etag", "vary", "age", "set-cookie", "connection", "date"}
"""Header fields that are not kept with an answer: made anew for each, or the caller's own."""
_NONCE = re.compile(r"'nonce-")
_POLICIES = "content-security-policy", "content-security-policy-report-only"
_OF_THE_WAY = frozenset({"accept-encoding", "origin"})
"""Header fields by which the way differs on which an answer goes out, and not the answer that is kept."""
PERSONAL = "wholestack.personal"
"""Where a request notes what was given out for its reader alone: a name (``csrf_token``) and the text, for each."""


class _Kept(pydantic.BaseModel):
    """What stands before the body of a kept answer; or, without one, by which more header fields answers differ."""

    model_config = pydantic.ConfigDict(extra="forbid")
    differs: tuple[str, ...] | None = None
    media_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cache_control: str | None = None
    vary: tuple[str, ...] = ()
    etag: str = ""
    made_at: float = 0.0


def said_of(handler: object) -> tuple[Said, object] | None:
    """What `@cached` says of a handler, and the function that it made; None where it stands nowhere in it."""
    while handler is not None:
        said = vars(handler).get(MARK) if hasattr(handler, "__dict__") else None
        if isinstance(said, Said):
            return said, handler
        handler = getattr(handler, "__wrapped__", None)
    return None


class CachedAnswer:
    """The way of one request through the kept answers of its handler.

    `@cached` asks for it by type, and `Caching` provides it.
    """

    def __init__(self, answers: Answers, said: Said | None, request: Request) -> None:
        self._answers = answers
        self._request = request
        self.said = said
        self._turn: Turn | None = None
        self._base: str | None = None
        self._fields: tuple[str, ...] = ()
        self._differs: tuple[str, ...] = ()
        self._versions: Versions = {}
        self._found = False
        self._body: tuple[_Kept, bytes] | None = None
        self._control: str | None = None  # What we have said of `Cache-Control`.

    # -- before the handler --------------------------------------------------------------------------------------

    def begin(self, arguments: Mapping[str, Any]) -> Response | None:
        """The answer that was kept, or None where the handler is to make it."""
        said = self.said
        # A form's page that is shown again (`forms`) is for one reader, whatever its address.
        if said is None or "_wholestack_form" in vars(self._request) or not self._may_share(said):
            return None
        given = {**arguments, "request": self._request}
        tags = said.tags_of(given)
        self._fields = self._answers.fields_of(said)
        self._base = name_of("answer", self._facts(said.differs_by(given)))
        found, self._turn = self._answers.keeper.begin(self._base, self._look)
        if found is None:
            self._versions = self._answers.keeper.versions(tags)
        self._found = found is not None
        return found

    def _may_share(self, said: Said) -> bool:
        """Whether the request says nothing of its user, or the handler says what tells users apart."""
        return self._request.method in _SAFE and all(
            self._request.headers.get(field) is None or said.tells_apart(field) for field in CREDENTIALS
        )

    def _facts(self, differs_by: list[object]) -> list[object]:
        """All that the answer may differ by: the address, as the client and proxies have it, and what was said."""
        request = self._request
        return [
            self.said.name if self.said is not None else None,
            request.method,
            request.scheme,
            request.host,
            request.root_path,
            request.path,
            request.query_string,
            self._values(self._fields),
            differs_by,
        ]

    def _values(self, fields: Iterable[str]) -> dict[str, object]:
        headers = self._request.headers
        return {field: spoken(field) if field in _SPOKEN else headers.get_all(field) for field in fields}

    def _look(self) -> Response | None:
        found = self._read(self._base)
        if found is not None and found[0].differs is not None:
            self._differs = found[0].differs
            found = self._read(self._variant())
        if found is None or found[0].differs is not None:
            return None
        try:
            return self._again(*found)
        except ValueError:  # A header field that no answer may have: it was not we who have kept it.
            return None

    def _variant(self) -> str:
        return name_of("answer", self._base, self._values(self._differs))

    def _read(self, name: str | None) -> tuple[_Kept, bytes] | None:
        payload = None if name is None else self._answers.keeper.find(name)
        if payload is None:
            return None
        head, _, body = payload.partition(b"\n")
        try:
            return _Kept.model_validate_json(head), body
        except ValueError:
            return None

    def _again(self, kept: _Kept, body: bytes) -> Response:
        response = Response(body, 200, kept.media_type, kept.headers)
        for field in kept.vary:
            response.headers.vary(field)
        response.headers.set("etag", kept.etag)
        if kept.cache_control is None:
            self._say(response, self._cache_control(time.time() - kept.made_at))
        else:
            response.headers.set("cache-control", kept.cache_control)
        return response

    # -- after the handler ---------------------------------------------------------------------------------------

    def taken(self, response: Response) -> None:
        """Note the answer, whose body is built, and say what clients may do with it."""
        said = self.said
        if said is None or self._found or not (response.status == 200 and is_whole(response)):
            return
        control = response.headers.get("cache-control")
        if control is not None and control == vars(response).get(_CONTROL):
            control = self._control = None  # The handler gives one response again and again, and we have said it.
            response.headers.remove("cache-control")
        added = {*said.headers, *self._answers.fields_of(said), *(() if said.functions else CREDENTIALS)}
        for field in sorted(added):
            response.headers.vary(field)
        if response.headers.get("etag") is None:
            response.headers.set("etag", etag_of(response.body))
        shared = self._base is not None and self._is_shared(response)
        if control is None:
            self._say(response, self._cache_control(0.0) if shared else PRIVATE)
        if shared:
            kept = _Kept(
                media_type=response.media_type,
                headers=tuple(pair for pair in response.headers.pairs if pair[0] not in _OURS),
                cache_control=control,
                vary=tuple(listed(response.headers.get_all("vary"))),
                etag=response.headers["etag"],
                made_at=time.time(),
            )
            self._body = kept, response.body

    def _is_shared(self, response: Response) -> bool:
        """Whether what the answer says of itself lets it be given to others."""
        said, headers = self.said, response.headers
        # "private" is meant for one user: others are told apart only where the request says who it is of.
        sent = [field for field in CREDENTIALS if self._request.headers.get(field) is not None]
        told = said is not None and (bool(said.functions) or any(map(said.tells_apart, sent)))
        refused = {"no-store"} if told else {"no-store", "private"}
        controls = [each for each in headers.get_all("cache-control") if each != self._control]
        return (
            headers.get("set-cookie") is None
            and refused.isdisjoint(each.partition("=")[0].strip() for each in listed(controls))
            and "*" not in listed(headers.get_all("vary"))
            and not _NONCE.search(" ".join(each for field in _POLICIES for each in headers.get_all(field)))
            and not vars(self._request).get(PERSONAL)
        )

    def _say(self, response: Response, control: str) -> None:
        self._control = vars(response)[_CONTROL] = control
        response.headers.set("cache-control", control)

    def _cache_control(self, age: float) -> str:
        said = self.said
        if said is None or said.cache_control == "no-cache":
            return PRIVATE
        seconds = min(self._answers.seconds_of(said), _A_YEAR) - max(age, 0.0)
        return f"{said.cache_control}, max-age={max(0, int(seconds))}"

    def finish(self, response: Response) -> None:
        """Keep the answer, if nothing was added since that is its reader's own."""
        turn, self._turn = self._turn, None
        body, self._body = self._body, None
        kept = False
        try:
            if not self._is_shared(response):
                if self._control is not None and response.headers.get("cache-control") == self._control:
                    response.headers.set("cache-control", PRIVATE)
            elif body is not None and turn is not None and response.status in {200, 304}:
                kept = self._keep(self._whole(body[0], response), body[1])
        finally:
            if turn is not None:
                turn.end(apart=not kept)

    def _whole(self, kept: _Kept, response: Response) -> _Kept:
        """What is kept, with what middleware has said since of what it differs by, such as its language."""
        added = {*listed(response.headers.get_all("vary"))} - {*kept.vary, *_OF_THE_WAY}
        own = {name for name, _ in kept.headers}
        language = [("content-language", each) for each in response.headers.get_all("content-language")]
        language = [] if "content-language" in own else language
        # Header fields alone do not tell: a cookie may have chosen, and its user may be told apart by something else.
        chosen = {LANGUAGE for _ in [*language, *(added & {"accept-language"})]} | {
            TIMEZONE for _ in added & {"cookie"}
        }
        told = {*CREDENTIALS, *self._fields}
        self._differs = tuple(sorted({*self._differs, *chosen, *({*kept.vary, *added} - told)}))
        return kept.model_copy(update={"headers": (*kept.headers, *language), "vary": (*kept.vary, *sorted(added))})

    def _keep(self, kept: _Kept, body: bytes) -> bool:
        said, keeper, name = self.said, self._answers.keeper, self._base
        if said is None or name is None:
            return False
        seconds = self._answers.seconds_of(said)
        if self._differs:
            keeper.keep(name, _payload(_Kept(differs=self._differs), b""), seconds, {})
            name = self._variant()
        return keeper.keep(name, _payload(kept, body), seconds, self._versions)

    def fail(self, *, apart: bool) -> None:
        """The handler has made no answer; `apart`: it has refused, and the others need not wait for each other."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.end(apart=apart)


# What is wrong where nobody provides it is told by this name.
CachedAnswer.__name__ = "CachedAnswer of app.use(Caching())"

PRIVATE = "private, no-cache"
"""Nobody on the way keeps it, and the reader's browser asks each time, with the tag: most often a 304."""
_A_YEAR = 31_536_000.0


class Answers:
    """The kept answers of one sealed app."""

    def __init__(self, app: App, keeper: Keeper, ttl: float) -> None:
        self.keeper = keeper
        self._app = app
        self._ttl = ttl
        self._known: dict[Said, tuple[str, ...]] | None = None

    def seconds_of(self, said: Said) -> float:
        """How long an answer is kept."""
        return seconds_of(said.ttl, self._ttl)

    def fields_of(self, said: Said) -> tuple[str, ...]:
        """The header fields by which an answer differs: those that were named, and those that the handler reads."""
        if self._known is None:
            found: dict[Said, tuple[str, ...]] = {}
            for placed, each in cached_routes(self._app):
                read = {value.alias for value in placed.plan.parameters.values() if value.place == "header"}
                found[each] = tuple(sorted({*found.get(each, ()), *each.headers, *read}))
            self._known = found
        return self._known.get(said, said.headers)

    def provider(self) -> Callable[..., Generator[CachedAnswer, Response, None]]:
        """The provider of `CachedAnswer`; sealing takes the one made for each route."""
        provides = self._for(None)
        vars(provides)["for_route"] = self._for
        return provides

    def _for(self, route: Route | None) -> Callable[..., Generator[CachedAnswer, Response, None]]:
        found = said_of(route.handler) if route is not None else None
        said = found[0] if found is not None else None
        if route is not None and said is not None and not {*_SAFE}.issuperset(route.methods):
            methods = ", ".join(route.methods)
            raise misuse(f"The handler of {methods} {route.path} is @cached.", "Answers to GET are cached.", said.where)

        def cached_answer(request: Request) -> Generator[CachedAnswer, Response, None]:
            _end(request)  # Of a handler that is called again: its first try is answered by nobody.
            answer = CachedAnswer(self, said, request)
            vars(request)[_SLOT] = answer
            try:
                response = yield answer
            except BaseException as error:
                answer.fail(apart=isinstance(error, HTTPError))
                raise
            answer.taken(response)

        return cached_answer

    def middleware(self) -> Callable[[Request], Generator[None, Response, Response]]:
        """What looks at an answer last, after every other middleware and the commit."""

        def for_route(route: Route) -> object:
            return finish_answer if said_of(route.handler) is not None else None

        vars(finish_answer)["for_route"] = for_route
        return finish_answer


def finish_answer(request: Request) -> Generator[None, Response, Response]:
    """Keep the answer that the request's handler has made; its plan is driven, so it may wait.

    A request can end between its handler and here, by a time limit or with its client: the next one's turn comes then.
    """
    try:
        response = yield
        answer = vars(request).get(_SLOT)
        if isinstance(answer, CachedAnswer):
            answer.finish(response)
    finally:
        _end(request)
    return response


def _end(request: Request) -> None:
    """Let nobody wait any more for what this request has begun to make; nothing where it is kept already."""
    answer = vars(request).get(_SLOT)
    if isinstance(answer, CachedAnswer):
        answer.fail(apart=False)


def cached_routes(app: App) -> Iterator[tuple[Any, Said]]:
    """The routes of an app whose handlers are cached, where they ended up."""
    for placed in app.sealing().placed:
        found = said_of(placed.route.handler)
        if found is not None:
            yield placed, found[0]


def is_whole(response: Response) -> bool:
    """Whether the body is there, and not yet to be read or made."""
    return response.stream is None and response.file is None


def listed(values: Collection[str]) -> list[str]:
    """The members of a list in header fields (RFC 9110 §5.6.1), in lower case.

    Example:
        >>> listed(["Cookie ,", "PRIVATE=x,no-store"])
        ['cookie', 'private=x', 'no-store']
    """
    return [part for value in values for each in value.split(",") if (part := each.strip().lower())]


def _payload(kept: _Kept, body: bytes) -> bytes:
    return to_json(kept, exclude_none=True) + b"\n" + body
