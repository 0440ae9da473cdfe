"""Guards, as users write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

from wholestack import HTML, App, Plugin, Request, Rule
from wholestack.cache import RedisStore
from wholestack.middleware import (
    CORS,
    AllowedHosts,
    Attempt,
    Compression,
    HTTPSOnly,
    Idempotency,
    IdempotencyStore,
    MemoryIdempotencyStore,
    MemoryRateStore,
    Nonce,
    OriginPattern,
    Rate,
    RateLimit,
    RateStore,
    RedisRateStore,
    SecurityHeaders,
    Taken,
    TrustedProxies,
    client_address,
    header_key,
    idempotent,
    rate_limit,
    unguarded,
)


class Counting:
    """A store of one's own."""

    waits = True
    shared = True

    def take(self, key: str, rate: Rate) -> Taken:
        return Taken(allowed=True, remaining=rate.quota, reset=0.0, retry_after=0.0)


class Forgetful:
    shared = True

    def begin(self, key: str, fingerprint: str, seconds: float) -> Attempt | None:
        return None

    def finish(self, key: str, attempt: Attempt, seconds: float) -> None: ...

    def forget(self, key: str) -> None: ...


app = App()
guards: list[Plugin] = [
    AllowedHosts("example.org", "*.example.org"),
    CORS(origins=["https://example.org", OriginPattern("https://*.example.org")], credentials=True),
    CORS("*", headers="*"),
    Compression(minimum="2 KiB", codings=["gzip"]),
    HTTPSOnly(subdomains=True, exempt=["/health"]),
    Idempotency(expires=60, store=Forgetful()),
    Idempotency(store=MemoryIdempotencyStore()),
    RateLimit("1/minute", store=Counting()),
    RateLimit(store=MemoryRateStore(most=10)),
    RateLimit("10/min", store=RedisStore(prefix="rates")),
    RateLimit(store=RedisRateStore(RedisStore())),
    SecurityHeaders(csp={"img-src": "'self'", "object-src": None}),
    SecurityHeaders(csp=None),
    TrustedProxies("10.0.0.0/8", "unix", fields=("for", "host")),
]
app.use(*guards)
stores: tuple[RateStore, IdempotencyStore] = (Counting(), Forgetful())


def by_account(request: Request) -> str:
    return request.headers.get("x-account") or client_address(request)


assert_type(rate_limit("1/minute", by=by_account), Rule)
assert_type(rate_limit("1/minute", by=header_key("x-key")) & idempotent(by=by_account), Rule)
assert_type(Rate.of("1/minute").quota, int)
assert_type(unguarded(app), list[str])
assert_type(header_key("x-key"), Callable[[Request], str | None])


@app.get("/page", needs=rate_limit("1/minute"))
def page(nonce: Nonce) -> HTML:
    assert_type(nonce.attribute, str)
    return HTML(f"<script {nonce.attribute}></script>")


TrustedProxies("10.0.0.0/8", fields=("port",))  # wrong
CORS(origin=["https://example.org"])  # wrong
RateLimit("1/minute", store=object())  # wrong
rate_limit(10)  # wrong
HTTPSOnly().max_age = 5  # wrong
Idempotency("memory")  # wrong
