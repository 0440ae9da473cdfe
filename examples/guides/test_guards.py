"""What docs/guides/guards.md shows, and the tests that hold it."""

from __future__ import annotations

import gzip

from wholestack import HTML, JSON, App, Body, Request, Stream, rule
from wholestack.cache import RedisStore
from wholestack.middleware import (
    CORS,
    AllowedHosts,
    Compression,
    HTTPSOnly,
    Idempotency,
    Nonce,
    OriginPattern,
    RateLimit,
    SecurityHeaders,
    TrustedProxies,
    header_key,
    idempotent,
    rate_limit,
    security,
)
from wholestack.testing import Client

# [first]
app = App(docs=False)
app.use(
    TrustedProxies("10.0.0.0/8"),
    AllowedHosts("example.org", "*.example.org"),
    HTTPSOnly(),
    SecurityHeaders(),
    Compression(),
    RateLimit("1000/minute"),
)


# [/first]
@app.get("/")
def home() -> str:
    return "home"


def test_all_at_once() -> None:
    client = Client(app, base_url="https://example.org")
    # [first-seen]
    answer = client.get("/").expect(200)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    assert answer.headers["ratelimit"].startswith('"app 1000/minute";r=999;')
    assert client.get("/", headers={"host": "evil.example"}).status == 400
    # [/first-seen]


def test_hosts() -> None:
    only = App(docs=False)
    # [hosts]
    only.use(AllowedHosts("example.org", "*.example.org", "[::1]"))
    # [/hosts]
    only.get("/")(home)
    client = Client(only)
    # [hosts-seen]
    assert client.get("/", headers={"host": "shop.example.org:8443"}).status == 200
    assert client.get("/", headers={"host": "evilexample.org"}).json()["code"] == "host-not-allowed"
    # [/hosts-seen]


def test_proxies() -> None:
    behind = App(docs=False)
    # [proxies]
    behind.use(TrustedProxies("10.0.0.0/8", fields=("for", "proto", "host", "prefix")))

    @behind.get("/where")
    def where(request: Request) -> dict[str, str | None]:
        return {"client": request.client, "url": request.url}

    # [/proxies]
    said = {
        "x-forwarded-for": "6.6.6.6, 192.0.2.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "example.org",
        "x-forwarded-prefix": "/shop",
    }
    # [proxies-seen]
    proxy, stranger = Client(behind, address="10.0.0.7"), Client(behind, address="192.0.2.66")
    assert proxy.get("/where", headers=said).json() == {
        "client": "192.0.2.1",  # what stands left of it is the client's own word
        "url": "https://example.org/shop/where",
    }
    assert stranger.get("/where", headers=said).json() == {"client": "192.0.2.66", "url": "http://testserver/where"}
    # [/proxies-seen]


def test_https() -> None:
    secure = App(docs=False)
    # [https]
    secure.use(HTTPSOnly(subdomains=True, exempt=["/health"]))
    # [/https]
    secure.get("/notes")(home)
    secure.get("/health")(home)
    secure.post("/login")(home)
    client = Client(secure, base_url="http://example.org")
    # [https-seen]
    assert client.get("/notes?page=2").headers["location"] == "https://example.org/notes?page=2"
    assert client.post("/login", json="secret").json()["code"] == "https-only"
    assert client.get("/health").status == 200
    # [/https-seen]


def test_security_headers() -> None:
    pages = App(docs=False)
    # [headers]
    pages.use(SecurityHeaders(csp={"img-src": "'self' https://images.example.org"}))

    @pages.get("/map")
    def show_map(nonce: Nonce) -> HTML:
        return HTML(f"<script {nonce.attribute}>draw()</script>")

    # [/headers]

    # [security]
    @pages.get("/embedded")
    @security(csp={"frame-ancestors": "https://partner.example"}, referrer_policy="no-referrer")
    def show_embedded() -> HTML:
        return HTML("<p>in a frame of the partner</p>")

    # [/security]
    embedded = Client(pages).get("/embedded").headers
    assert embedded["content-security-policy"].endswith("frame-ancestors https://partner.example")
    assert embedded["referrer-policy"] == "no-referrer"
    answer = Client(pages).get("/map")
    word = answer.text.partition('nonce="')[2].partition('"')[0]
    # [headers-seen]
    assert f"script-src 'self' 'nonce-{word}'" in answer.headers["content-security-policy"]
    # [/headers-seen]


def test_cors() -> None:
    api = App(docs=False)
    # [cors]
    api.use(
        CORS(
            origins=["https://app.example.org", OriginPattern("https://*.preview.example.org")],
            headers=["content-type", "authorization"],
            expose=["ratelimit"],
        )
    )
    # [/cors]
    api.get("/")(home)
    client = Client(api)
    # [cors-seen]
    answer = client.get("/", headers={"origin": "https://app.example.org"})
    assert answer.headers["access-control-allow-origin"] == "https://app.example.org"
    assert "access-control-allow-origin" not in client.get("/", headers={"origin": "null"}).headers
    # [/cors-seen]


def test_compression() -> None:
    packed = App(docs=False)
    # [compression]
    packed.use(Compression(minimum="1 KiB"))

    @packed.get("/numbers")
    def numbers() -> Stream:
        return Stream((f"{number}\n" for number in range(1000)), media_type="text/plain")

    # [/compression]
    answer = Client(packed).get("/numbers", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body).startswith(b"0\n1\n")


def test_rate_limits() -> None:
    limited = App(docs=False)
    # [rates]
    limited.use(RateLimit("1000/hour"))  # every route, each client by its address

    @limited.post("/login", needs=rate_limit("5/minute"))
    def login() -> str:
        return "welcome"

    @limited.get("/export", needs=rate_limit("10/day", by=header_key("x-api-key")))
    def export() -> str:
        return "all of it"

    # [/rates]
    client = Client(limited)
    # [rates-seen]
    for _ in range(5):
        client.post("/login").expect(200)
    refused = client.post("/login").expect(429)
    assert int(refused.headers["retry-after"]) <= 12
    assert refused.headers["ratelimit-policy"] == '"app 1000/hour";q=1000;w=3600, "5/minute";q=5;w=60'
    # [/rates-seen]
    assert client.get("/export").text == "all of it"


def test_rates_that_processes_share() -> None:
    # [rates-shared]
    shared = RateLimit("1000/hour", store=RedisStore("redis://127.0.0.1:6379/0", prefix="rates"))
    # [/rates-shared]
    assert shared.store.shared and shared.store.waits


def test_idempotency() -> None:
    shop = App(docs=False)
    payments: list[int] = []

    @rule
    def is_customer(request: Request) -> bool:
        return "authorization" in request.headers

    # [idempotency]
    shop.use(Idempotency())

    @shop.post("/payments", needs=[is_customer, idempotent(required=True)])
    def pay(amount: Body[int]) -> JSON:
        payments.append(amount)
        return JSON({"payment": len(payments)}, 201)

    # [/idempotency]
    client = Client(shop, headers={"authorization": "Bearer ann"})
    # [idempotency-seen]
    key = {"idempotency-key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
    first = client.post("/payments", json=5, headers=key).expect(201)
    again = client.post("/payments", json=5, headers=key).expect(201)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert payments == [5]
    assert client.post("/payments", json=6, headers=key).json()["code"] == "idempotency-key-reused"
    # [/idempotency-seen]
