"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): a request that is sent twice is done once."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Generator
from typing import Any

from wholestack import App, BadRequest, Conflict, Header, HTTPError, Request, Response, Rule, Upload, rule, wait
from wholestack.http import parse_media_type

from ._answer_store import Attempt, IdempotencyStore, MemoryIdempotencyStore, StoredAnswer
from ._faults import bad_guard, outside
from ._keys import client_address, digest
from ._rate_limit import own_memory

_KEY = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,255})')
_METHODS = frozenset({"POST", "PATCH"})
# The caller's own, or made anew for every answer.
_NOT_KEPT = frozenset({"set-cookie", "connection", "date", "idempotent-replayed", "ratelimit", "ratelimit-policy"})
_PIECE = 256 * 1024


class Replay(Exception):
    """The way from the rule to the answer that was given before; it is no error and reaches nobody."""

    def __init__(self, answer: StoredAnswer) -> None:
        super().__init__()
        self.answer = answer


class IdempotentRequest:
    """One request's key in the store, from when the rule takes it until the answer is there."""

    def __init__(self, store: IdempotencyStore, lease: float) -> None:
        self.store = store
        self.lease = lease
        self.key: str = ""
        self.fingerprint: str = ""

    def begin(self, key: str, fingerprint: str) -> None:
        """Go on as the first with this key, or with what the first has brought."""
        earlier = self.store.begin(key, fingerprint, self.lease)
        if earlier is None:
            self.key, self.fingerprint = key, fingerprint
        elif earlier.fingerprint != fingerprint:
            raise HTTPError(
                "This Idempotency-Key was sent with another request. Take a new key for a new request.",
                status=422,
                code="idempotency-key-reused",
            )
        elif earlier.answer is None:
            raise Conflict(
                "The first request with this Idempotency-Key is still being answered.",
                code="idempotency-key-in-use",
                headers={"retry-after": "1"},
            )
        else:
            raise Replay(earlier.answer)

    def finish(self, response: Response, largest: int, expires: float) -> None:
        """Keep the answer of a request that was done; what came to nothing may be sent again."""
        whole = response.stream is None and response.file is None and len(response.body) <= largest
        if not whole or response.status >= 400:
            self.store.forget(self.key)
            return
        kept = tuple(pair for pair in response.headers.pairs if pair[0] not in _NOT_KEPT)
        answer = StoredAnswer(response.status, response.media_type, kept, response.body)
        self.store.finish(self.key, Attempt(self.fingerprint, answer), expires)


def caller_of(request: Request) -> str:
    """Whose key it is: the hash of the credentials, or without any the client's address."""
    named, cookies = request.headers.get("authorization"), "; ".join(request.headers.get_all("cookie"))
    return digest(named or "", cookies) if named or cookies else client_address(request)


def idempotent(*, required: bool = False, by: Callable[[Request], str] = caller_of) -> Rule:
    """A rule that has a `POST` or `PATCH` done once for each `Idempotency-Key`: ``needs=idempotent()``.

    The same request with the same key gets the first answer again. The app needs `app.use(Idempotency())`, which brings
    the store. Put it behind the rules that say who may come in: ``needs=[is_user, idempotent()]``.

    Arguments:
        required: refuse a request without a key (400).
        by: whose key it is; nobody sees an answer to another's. All credentials of the request, unless said otherwise.

    Example:
        >>> app = App()
        >>> app.use(Idempotency())
        >>> @app.post("/payments", needs=idempotent(required=True))
        ... def pay() -> str:
        ...     return "paid"
    """

    def idempotent(request: Request, attempt: IdempotentRequest, idempotency_key: Header[str | None] = None) -> None:
        if request.method not in _METHODS or (idempotency_key is None and not required):
            return
        found = _KEY.fullmatch(idempotency_key or "")
        if found is None:
            raise BadRequest(
                "Send an Idempotency-Key: 1 to 255 visible characters, a UUID by choice, new for each new request.",
                code="bad-idempotency-key",
            )
        scope = (request.method, request.root_path + request.path, by(request), found[1] or found[2])
        attempt.begin(digest("idempotency", *scope), _fingerprint(request))

    idempotent.__qualname__ = "idempotent(…), which needs app.use(Idempotency()),"
    return rule(idempotent)


class Idempotency:
    """Brings the store of first answers for routes with ``needs=idempotent()``.

    Kept is an answer below 400 that is whole; after an error, or an answer that rolls back, the request may be sent
    again. A replayed answer has `Idempotent-Replayed: true`. Cookies are not kept.

    Arguments:
        expires: seconds for which an answer is kept.
        lease: seconds after which a request that never ended, as in a crash, may be made again.
        largest: bytes of the largest answer that is kept.
        store: where answers are kept; in memory, it is this process's own.

    Raises:
        SetupError: a time that is no time.

    Example:
        >>> app = App()
        >>> app.use(Idempotency(expires=3600))
    """

    def __init__(
        self,
        *,
        expires: float = 24 * 3600,
        lease: float = 300,
        largest: int = 1024 * 1024,
        store: IdempotencyStore | None = None,
    ) -> None:
        if expires <= 0 or lease <= 0:
            raise bad_guard("Idempotency(expires=…, lease=…) are seconds, more than none.", "Idempotency(expires=3600)")
        self.expires = expires
        self.lease = lease
        self.largest = largest
        self.store: IdempotencyStore = store if store is not None else MemoryIdempotencyStore()
        self.where: str = outside()

    def setup(self, app: App) -> None:
        """See `Plugin`."""
        store, expires, lease, largest = self.store, self.expires, self.lease, self.largest

        def idempotency_store() -> IdempotencyStore:
            return store

        def idempotent_request(store: IdempotencyStore) -> Generator[IdempotentRequest, Response, None]:
            attempt = IdempotentRequest(store, lease)
            try:
                response = yield attempt
            except BaseException:
                if attempt.key:
                    store.forget(attempt.key)
                raise
            if attempt.key:
                attempt.finish(response, largest, expires)

        app.provide(idempotency_store, scope="app")
        app.provide(idempotent_request, waits=True)
        app.on_error(Replay)(replayed)
        app.check(lambda: own_memory(store, "Idempotency", self.where))


def replayed(replay: Replay) -> Response:
    """The first answer, once more."""
    answer = replay.answer
    fields = [*answer.headers, ("idempotent-replayed", "true")]
    return Response(answer.body, answer.status, answer.media_type, fields)


# -- what a request says -----------------------------------------------------------------------------------------


def _fingerprint(request: Request) -> str:
    """A hash of all that the request says beside its path; files are read where reading may take its time."""
    if request.stream is not None:
        raise RuntimeError("idempotent() cannot guard a handler that reads its body as a stream: take it whole.")
    if request.form is None:
        return digest(request.query_string, request.content_type, hashlib.sha256(request.body).hexdigest())
    texts = [text for pair in request.form.fields for text in pair]
    for name, upload in request.form.files:
        texts += [name, upload.filename, upload.media_type, _hash_of(upload)]
    # Of a multipart form the boundary is another each time.
    return digest(request.query_string, parse_media_type(request.content_type)[0], *texts)


def _hash_of(upload: Upload) -> str:
    if upload.on_disk and asyncio._get_running_loop() is not None:
        return wait(asyncio.to_thread(_read_through, upload))
    return _read_through(upload)


def _read_through(upload: Any) -> str:
    found = hashlib.sha256()
    upload.seek(0)
    while piece := upload.read(_PIECE):
        found.update(piece)
    upload.seek(0)
    return found.hexdigest()
