"""Row C24: pages of other origins read what was configured, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from wholestack import App, Conflict, Request, Response, SetupError, Stream, Text
from wholestack.middleware import CORS, OriginPattern
from wholestack.testing import Client

ClientOf = Callable[..., Client]

SHOP, APP = "https://shop.example", "https://app.example:8443"


def app_with(**options: Any) -> App:
    app = App(docs=False)
    app.use(CORS(**options))
    app.get("/")(lambda: Text("home"))
    app.post("/")(lambda: Text("made"))

    @app.get("/conflict")
    def conflict() -> str:
        raise Conflict("Taken.")

    @app.get("/stream")
    def stream() -> Stream:
        return Stream(["a", "b"])

    @app.get("/varied")
    def varied() -> Text:
        return Text("varied", headers={"vary": "Accept-Language"})

    return app


def preflight(
    client: Client, origin: str | None, method: str = "POST", headers: str = "", path: str = "/", **more: str
) -> Any:
    fields = {
        "access-control-request-method": method,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    if origin is not None:
        fields["origin"] = origin
    if headers:
        fields["access-control-request-headers"] = headers
    return client.options(path, headers=fields)


ORIGINS: list[tuple[Any, str, bool]] = [
    # what is configured, what comes, whether it may read
    ([SHOP], SHOP, True),
    ([SHOP, APP], APP, True),
    ([SHOP], "https://evil.example", False),
    ([SHOP], "https://evilshop.example", False),
    ([SHOP], "https://shop.example.evil.com", False),
    ([SHOP], "https://a.shop.example", False),
    ([SHOP], "http://shop.example", False),
    ([SHOP], "https://shop.example:444", False),
    ([SHOP], "HTTPS://SHOP.EXAMPLE", False),
    ([SHOP], "https://shop.example/", False),
    ([SHOP], "null", False),
    ([SHOP], "", False),
    ([SHOP], f"{SHOP}, https://evil.example", False),
    ([OriginPattern("https://*.shop.example")], "https://a.shop.example", True),
    ([OriginPattern("https://*.shop.example")], "https://a.b.shop.example", True),
    ([OriginPattern("https://*.shop.example")], SHOP, False),
    ([OriginPattern("https://*.shop.example")], "https://evilshop.example", False),
    ([OriginPattern("https://*.shop.example")], "https://evil.com#.shop.example", False),
    ([OriginPattern("https://*.shop.example")], "http://a.shop.example", False),
    ([OriginPattern("https://*.shop.example")], "null", False),
]


@pytest.mark.parametrize(("origins", "origin", "allowed"), ORIGINS)
@pytest.mark.parametrize("credentials", [False, True])
def test_C24_who_may_read(origins: Any, origin: str, allowed: bool, credentials: bool) -> None:
    assert len(ORIGINS) == 20
    with Client(app_with(origins=origins, credentials=credentials)) as client:
        answer = client.get("/", headers={"origin": origin})
        assert (answer.status, answer.text) == (200, "home")
        assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
        assert answer.headers.get("access-control-allow-credentials") == ("true" if allowed and credentials else None)
        assert answer.headers["vary"] == "origin"
        asked = preflight(client, origin)
        if allowed:
            assert (asked.status, asked.headers["access-control-allow-origin"]) == (204, origin)
        else:
            assert "access-control-allow-origin" not in asked.headers
            assert asked.status == (403 if origin else 204)


def test_C24_everybody_without_credentials(client_of: ClientOf) -> None:
    client = client_of(app_with(origins="*"))
    answer = client.get("/", headers={"origin": "https://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "vary" not in answer.headers
    assert "access-control-allow-credentials" not in answer.headers
    assert preflight(client, "null").headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "options",
    [
        {"origins": "*"},
        {"origins": [SHOP, "*"]},
        {"origins": [SHOP], "headers": "*"},
        {"origins": [SHOP], "methods": ["*"]},
        {"origins": [SHOP], "expose": ["*"]},
    ],
)
def test_C24_a_star_with_credentials_is_a_fault_at_the_start(options: Any) -> None:
    with pytest.raises(SetupError, match="cors-credentials") as raised:
        CORS(credentials=True, **options)
    assert raised.value.faults[0].where.startswith(__file__)
    CORS(**options)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "shop.example",
        "https://shop.example/",
        "https://Shop.example",
        "https://shop.example:443",
        "https://*.shop.example",
        "http://a.example:80",
        "https://a b",
    ],
)
def test_an_origin_that_no_browser_sends_is_a_fault(origin: str) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        CORS(origins=[origin])


@pytest.mark.parametrize(
    "text", ["*", "https://*", "https://*.org", "https://a*.example.org", "https://*.b.*.org", "*.example.org", "null"]
)
def test_a_pattern_is_of_one_shape(text: str) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        OriginPattern(text)


def test_a_dot_of_a_pattern_is_a_dot() -> None:
    pattern = OriginPattern("https://*.shop.example:8443")
    assert pattern.matches("https://a.shop.example:8443")
    assert not pattern.matches("https://a.shopxexample:8443")
    assert not pattern.matches("https://a.shop.example")
    assert not pattern.matches(f"https://{'a.' * 100}shop.example:8443")


@pytest.mark.parametrize(
    "options", [{"origins": []}, {"methods": ["GET, POST"]}, {"headers": ["x y"]}, {"max_age": -1}]
)
def test_other_faults(options: Any) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        CORS(**{"origins": [SHOP], **options})


# -- preflights --------------------------------------------------------------------------------------------------


def test_a_preflight_says_what_was_configured(client_of: ClientOf) -> None:
    client = client_of(
        app_with(origins=[SHOP], methods=["PUT", "GET"], headers=["X-Key", "content-type"], credentials=True, max_age=5)
    )
    answer = preflight(client, SHOP, "PUT", "x-key")
    assert answer.status == 204
    assert {name: value for name, value in answer.headers.pairs if name.startswith(("access", "vary"))} == {
        "access-control-allow-origin": SHOP,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT, GET",
        "access-control-allow-headers": "X-Key, content-type",
        "access-control-max-age": "5",
        "vary": "origin, access-control-request-method, access-control-request-headers",
    }


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("POST", "", 204),
        ("post", "", 403),
        ("TRACE", "", 403),
        ("POST", "content-type", 204),
        ("POST", "Content-Type , ,x-key", 204),
        ("POST", "x-other", 403),
        ("POST", "content-type,authorization", 403),
        ("POST", "*", 403),
    ],
)
def test_what_was_not_configured_is_refused(method: str, headers: str, expected: int) -> None:
    with Client(app_with(origins=[SHOP], methods=["POST"], headers=["content-type", "X-Key"])) as client:
        answer = preflight(client, SHOP, method, headers)
        assert answer.status == expected
        if expected == 403:
            assert answer.json()["code"] == "cors-refused"
            assert "access-control-allow-origin" not in answer.headers
            assert "origin" in answer.headers["vary"]
            assert method == "POST" or method not in answer.text
            assert "x-other" not in answer.text


def test_every_header_but_authorization() -> None:
    with Client(app_with(origins=[SHOP], headers="*", methods="*")) as client:
        assert preflight(client, SHOP, "PURGE", "x-any, x-other").headers["access-control-allow-headers"] == "*"
        assert preflight(client, SHOP, "PUT", "Authorization").status == 403
    with Client(app_with(origins=[SHOP], headers=["*", "authorization"])) as client:
        assert preflight(client, SHOP, "PUT", "Authorization, x-any").status == 204


def test_a_preflight_is_answered_before_routing(client_of: ClientOf) -> None:
    """Also where nothing is, and where only other methods are; a plain OPTIONS is the route's."""
    client = client_of(app_with(origins=[SHOP]))
    assert preflight(client, SHOP, "PUT", path="/nowhere").headers["access-control-allow-origin"] == SHOP
    plain = client.options("/", headers={"origin": SHOP})
    assert plain.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert plain.headers["access-control-allow-origin"] == SHOP
    assert client.options("/", headers={"access-control-request-method": "PUT"}).headers["allow"]


def test_C24_a_private_network(client_of: ClientOf) -> None:
    asked = {"access_control_request_private_network": "true"}
    refused = preflight(client_of(app_with(origins=[SHOP])), SHOP, **asked)
    assert refused.status == 403
    assert "access-control-allow-private-network" not in refused.headers
    let_in = preflight(client_of(app_with(origins=[SHOP], private_network=True)), SHOP, **asked)
    assert let_in.headers["access-control-allow-private-network"] == "true"
    assert (
        "access-control-allow-private-network"
        not in preflight(client_of(app_with(origins=[SHOP], private_network=True)), SHOP).headers
    )


# -- answers -----------------------------------------------------------------------------------------------------


def test_errors_streams_and_refusals_can_be_read_too(client_of: ClientOf) -> None:
    app = app_with(origins=[SHOP], expose=["x-total"])

    @app.middleware
    def closed(request: Request) -> Generator[None, Response, Response]:
        return Text("closed", 503) if request.path == "/closed" else (yield)

    client = client_of(app)
    for path, expected in (("/conflict", 409), ("/nowhere", 404), ("/stream", 200), ("/closed", 503)):
        answer = client.get(path, headers={"origin": SHOP})
        assert answer.status == expected
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert answer.headers["access-control-expose-headers"] == "x-total"
    assert client.delete("/", headers={"origin": SHOP}).headers["access-control-allow-origin"] == SHOP
    over = client.get(f"/?{'a' * 9000}", headers={"origin": SHOP})
    assert (over.status, over.headers["access-control-allow-origin"]) == (414, SHOP)


def test_vary_is_added_to_what_is_there(client_of: ClientOf) -> None:
    client = client_of(app_with(origins=[SHOP]))
    assert client.get("/varied").headers["vary"] == "Accept-Language, origin"
    assert client.get("/").headers["vary"] == "origin"  # a cache must not give this answer to the shop
    assert "access-control-allow-origin" not in client.get("/").headers
