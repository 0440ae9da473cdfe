"""The way of a request through a client, written once for both colours: cookies, the exchange, errors, redirects."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from wholestack.handlers import unhandled

from ._answer import Answer, AnswerHead, Head
from ._cookies import CookieJar
from ._errors import BrokenAnswer, ClientFault
from ._exchange import Exchange
from ._heard import hearers
from ._life import Interface, Life
from ._sent import Builder, HeaderFields, RequestOptions, SentRequest, redirected

A = TypeVar("A", bound=AnswerHead)
History = tuple[AnswerHead, ...]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FROM_WHERE = ("sec-fetch-site", "origin", "referer")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 10
_NO_LENGTH = frozenset({204, 304})


class Core:
    """What a client is, but for its colour."""

    def __init__(self, app: Any, interface: Interface, base_url: str, headers: HeaderFields) -> None:
        if interface not in {"asgi", "wsgi", "rsgi"}:
            raise ClientFault('A client\'s interface= is "asgi", "wsgi" or "rsgi".')
        self.app = app
        self.interface: Interface = interface
        self.builder: Builder = Builder(base_url, headers)
        self.cookies: CookieJar = CookieJar(self.builder.host)
        self.raise_errors = True
        self.address = "127.0.0.1"
        self.same_origin = True

    async def request(self, life: Life, method: str, url: str, options: RequestOptions) -> Answer:
        """The whole answer to a request."""
        return await self._follow(life, self.builder.build(method, url, options), options, self._whole)

    async def open(self, life: Life, method: str, url: str, options: RequestOptions) -> Flow:
        """The answer to a request, as soon as its head is there."""
        return await self._follow(life, self.builder.build(method, url, options), options, self._open)

    async def _follow(
        self,
        life: Life,
        sent: SentRequest,
        options: RequestOptions,
        ask: Callable[[Life, SentRequest, History], Awaitable[A]],
    ) -> A:
        """Send a request and, where `follow` is given, those that its answers lead to."""
        if not life.started:
            await life.start()
        history: History = ()
        while True:
            self.add_cookies(sent, options.get("cookies"))
            answer = await ask(life, sent, history)
            for told in hearers:
                told(self.app, sent, answer)
            fields = dict(answer.head.pairs)
            if "set-cookie" in fields:
                self.cookies.take(sent.scheme, sent.host, sent.path, answer.headers.get_all("set-cookie"))
            if "location" not in fields or answer.status not in _REDIRECTS or not options.get("follow"):
                return answer
            if len(history) == _MOST_REDIRECTS:
                raise ClientFault(f"{_MOST_REDIRECTS} redirects led to another one: {history[0].url} has no end.")
            if isinstance(answer, Flow):
                await answer.close()
            history = (*history, answer)
            sent = redirected(sent, answer.status, fields["location"], self.builder)

    def add_cookies(self, sent: SentRequest, own: Mapping[str, str] | None) -> None:
        """Add the Cookie field, unless the test has given one of its own."""
        if not (own or self.cookies._kept):
            return
        kept = self.cookies.header(sent.scheme, sent.host, sent.path, own or ())
        text = "; ".join([kept] * bool(kept) + [f"{name}={value}" for name, value in (own or {}).items()])
        if text and not sent.has("cookie"):
            sent.headers.append(("cookie", text))
            # Cookies that a browser keeps, it sends from pages; without a word to the contrary, from the app's own.
            if kept and self.same_origin and sent.method not in _SAFE and not any(map(sent.has, _FROM_WHERE)):
                sent.headers.append(("sec-fetch-site", "same-origin"))

    # -- one exchange --------------------------------------------------------------------------------------------

    async def _whole(self, life: Life, sent: SentRequest, history: History) -> Answer:
        exchange = life.exchange(sent, self.address)
        noted: list[Exception] = []
        token = unhandled.set(noted)
        try:
            body = await exchange.whole()
            await life.settle()
        except Exception as error:
            body = self._failed(exchange, error)
        finally:
            unhandled.reset(token)
        self._raise(exchange, noted)
        answer = Answer(_head(exchange), b"" if sent.method == "HEAD" else body, sent, history)
        _check_length(answer)
        return answer

    async def _open(self, life: Life, sent: SentRequest, history: History) -> Flow:
        exchange = life.exchange(sent, self.address)
        noted: list[Exception] = []
        token = unhandled.set(noted)
        rest: bytes | None = None
        try:
            await exchange.open()
        except Exception as error:
            rest = self._failed(exchange, error)
        finally:
            unhandled.reset(token)
        if exchange.upload.broke is not None or (noted and self.raise_errors):
            with contextlib.suppress(Exception):
                await exchange.close()
            self._raise(exchange, noted)
        return Flow(self, life, exchange, noted, rest, sent, history)

    def _failed(self, exchange: Exchange, error: Exception) -> bytes:
        """The body of the 500 that a server sends for an application that raised; the test's own errors go up."""
        if exchange.upload.broke is not None:
            return b""
        if self.raise_errors or isinstance(error, (BrokenAnswer, ClientFault)):
            raise error
        if (body := exchange.sent()) is not None:
            return body
        if exchange.head is not None:
            raise BrokenAnswer("The application raised an error in the middle of its answer.") from error
        exchange.head = Head(500, [("content-type", "text/plain; charset=utf-8")])
        return b"Internal Server Error"

    def _raise(self, exchange: Exchange, noted: list[Exception]) -> None:
        """Raise what broke the request off, or what only the log would show."""
        if exchange.upload.broke is not None:
            raise exchange.upload.broke
        if noted and self.raise_errors:
            raise noted[0]


class Flow(AnswerHead):
    """An answer whose body is still to come."""

    def __init__(
        self,
        core: Core,
        life: Life,
        exchange: Exchange,
        noted: list[Exception],
        rest: bytes | None,
        sent: SentRequest,
        history: History,
    ) -> None:
        super().__init__(_head(exchange), sent, history)
        self._core = core
        self._life = life
        self._exchange = exchange
        self._noted = noted
        self._rest = rest

    async def chunk(self) -> bytes | None:
        """The next chunk; None at the end."""
        if self._rest is not None:
            rest, self._rest = self._rest, b""
            return rest or None
        try:
            return await self._exchange.chunk()
        except Exception as error:
            return self._core._failed(self._exchange, error) or None

    async def close(self) -> None:
        """Go away, whether the body has come to its end or not."""
        try:
            await self._exchange.close()
            await self._life.settle()
        except Exception:
            if self._core.raise_errors:
                raise
        self._core._raise(self._exchange, self._noted)


def _head(exchange: Exchange) -> Head:
    if exchange.head is None:
        raise BrokenAnswer("The application ended without an answer.")
    return exchange.head


def _check_length(answer: Answer) -> None:
    """Refuse a Content-Length that lies, as a browser would (RFC 9112 §6.3)."""
    declared = dict(answer.head.pairs).get("content-length")
    if declared is None or answer.request.method == "HEAD" or answer.status in _NO_LENGTH:
        return
    if declared != str(len(answer.body)):
        raise BrokenAnswer(
            f"The answer declares a Content-Length of {declared[:20]!r}, and its body has {len(answer.body)} bytes."
        )
