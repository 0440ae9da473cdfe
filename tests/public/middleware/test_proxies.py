"""Row A8: what proxies say is believed of those that are ours, and of nobody else."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from middleware.conftest import over_asgi
from wholestack import App, Limits, Request, Response, Router, SetupError, rule
from wholestack.middleware import AllowedHosts, HTTPSOnly, TrustedProxies
from wholestack.testing import Client

ClientOf = Callable[..., Client]
ALL = ("for", "proto", "host", "prefix")
PROXY = "10.0.0.7"


def app_with(*networks: str, **options: Any) -> App:
    app = App(docs=False)
    app.use(TrustedProxies(*(networks or ("10.0.0.0/8", "fd00::/8")), **options))

    @app.get("/seen")
    def seen(request: Request) -> dict[str, Any]:
        names = sorted(name for name in request.headers if "forwarded" in name)
        return {"client": request.client, "url": request.url, "root": request.root_path, "fields": names}

    @app.get("/slash/")
    def slash() -> str:
        return "slash"

    return app


def ask(client: Client, *headers: tuple[str, str], path: str = "/seen") -> Any:
    return client.get(path, headers=headers)


X = "x-forwarded-"


def test_what_a_proxy_of_ours_says(client_of: ClientOf) -> None:
    client = client_of(app_with(fields=ALL), address=PROXY)
    seen = ask(
        client, (f"{X}for", "192.0.2.1"), (f"{X}proto", "https"), (f"{X}host", "shop.example"), (f"{X}prefix", "/shop")
    ).json()
    assert seen["client"] == "192.0.2.1"
    assert seen["url"] == "https://shop.example/shop/seen"
    assert seen["root"] == "/shop"


def test_A8_a_stranger_is_not_believed_and_its_fields_are_taken_away(client_of: ClientOf) -> None:
    client = client_of(app_with(fields=ALL), address="192.0.2.66")
    seen = ask(
        client,
        *((f"{X}for", "127.0.0.1"), (f"{X}proto", "https"), (f"{X}host", "evil.example"), (f"{X}prefix", "/evil")),
        *(("forwarded", "for=127.0.0.1;proto=https;host=evil.example"), ("x_forwarded_for", "127.0.0.1")),
    ).json()
    assert seen == {"client": "192.0.2.66", "url": "http://testserver/seen", "root": "", "fields": []}


def test_A8_twins_are_no_fields_of_ours(interface: str, client_of: ClientOf) -> None:
    if interface == "wsgi":
        pytest.skip("an environ has one name for both; servers drop the twin or the proxy does")
    client = client_of(app_with(), address=PROXY)
    assert ask(client, ("x_forwarded_for", "127.0.0.1")).json()["client"] == PROXY


def test_A8_a_mounted_app_cannot_be_told_either(client_of: ClientOf) -> None:
    got: list[Any] = []

    def old(environ: Any, start_response: Any) -> list[bytes]:
        names = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_HOST", "REMOTE_ADDR", "wsgi.url_scheme")
        got.append([environ.get(name) for name in names])
        got.append(environ["SCRIPT_NAME"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"old"]

    app = app_with(fields=ALL)
    app.mount("/old", old)
    ask(client_of(app, address="192.0.2.66"), (f"{X}for", "127.0.0.1"), (f"{X}proto", "https"), path="/old/x")
    assert got == [[None, None, "testserver", "192.0.2.66", "http"], "/old"]
    got.clear()
    fields = ((f"{X}for", "192.0.2.1"), (f"{X}proto", "https"), (f"{X}host", "shop.example"), (f"{X}prefix", "/shop"))
    ask(client_of(app, address=PROXY), *fields, path="/old/x")
    assert got == [["192.0.2.1", "https", "shop.example", "192.0.2.1", "https"], "/shop/old"]


def test_only_the_fields_that_were_named(client_of: ClientOf) -> None:
    client = client_of(app_with(), address=PROXY)
    seen = ask(client, (f"{X}for", "192.0.2.1"), (f"{X}host", "evil.example"), (f"{X}prefix", "/evil")).json()
    assert (seen["client"], seen["url"]) == ("192.0.2.1", "http://testserver/seen")
    assert ask(client, ("forwarded", "for=192.0.2.9")).json()["client"] == PROXY


@pytest.mark.parametrize(
    ("values", "client"),
    [
        (["192.0.2.1"], "192.0.2.1"),
        (["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        (["6.6.6.6", "192.0.2.1"], "192.0.2.1"),  # given twice
        (["6.6.6.6, 192.0.2.1, 10.1.1.1, 10.2.2.2"], "192.0.2.1"),
        (["garbage, 192.0.2.1"], "192.0.2.1"),
        (["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        (["192.0.2.1:5000"], "192.0.2.1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["[2001:db8::1]:443"], "2001:db8::1"),
        (["192.0.2.1, fd00::5"], "192.0.2.1"),
        ([" 192.0.2.1 ,, "], "192.0.2.1"),
        (["192.0.2.1, unknown"], None),
        (["unknown, 192.0.2.1"], "192.0.2.1"),
        ([""], PROXY),
        ([], PROXY),
    ],
)
def test_the_right_most_address_that_is_no_proxy(client_of: ClientOf, values: list[str], client: str | None) -> None:
    asked = client_of(app_with(), address=PROXY)
    assert ask(asked, *((f"{X}for", value) for value in values)).json()["client"] == client


@pytest.mark.parametrize(
    "field",
    [
        *(
            (f"{X}for", value)
            for value in ("garbage", "192.0.2.1, <script>", "1.2.3", "1.2.3.4.5", "[::1", "1.2.3.4:a", "_" + "a" * 200)
        ),
        *((f"{X}proto", value) for value in ("ftp", "https://", "javascript", "http, wsss")),
        *((f"{X}host", value) for value in ("a/b", "u@b", "a b", "a?b", "http://a", "[::1")),
        *((f"{X}prefix", value) for value in ("//evil.example", "shop", "/a/../b", "/a?b", "/a b", "/a//b", "/%2e")),
    ],
)
def test_A8_what_is_malformed_from_a_proxy_is_refused(client_of: ClientOf, field: tuple[str, str]) -> None:
    app = app_with(fields=ALL)
    refused = ask(client_of(app, address=PROXY), field)
    assert (refused.status, refused.json()["code"]) == (400, "bad-forwarded")
    assert field[1] not in refused.text
    assert ask(client_of(app, address="192.0.2.66"), field).status == 200


def test_of_several_values_the_nearest_proxys(client_of: ClientOf) -> None:
    client = client_of(app_with(fields=ALL), address=PROXY)
    fields = [(f"{X}proto", "http, https"), (f"{X}host", "evil.example"), (f"{X}host", "shop.example")]
    assert ask(client, *fields).json()["url"] == "https://shop.example/seen"


@pytest.mark.parametrize(
    ("scheme", "said", "expected"),
    [
        ("ws", "https", "wss"),
        ("ws", "wss", "wss"),
        ("wss", "http", "ws"),
        ("http", "wss", "https"),
        ("https", "ws", "http"),
    ],
)
def test_a_web_socket_is_called_one(scheme: str, said: str, expected: str) -> None:
    status, _, body = over_asgi(app_with(), (f"{X}proto", said), scheme=scheme, path="/seen")
    assert (status, json.loads(body)["url"]) == (200, f"{expected}://example.org/seen")


# -- Forwarded ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "client", "url"),
    [
        ("for=192.0.2.1;proto=https;host=shop.example", "192.0.2.1", "https://shop.example/seen"),
        ("For=192.0.2.1 ; PROTO=HTTPS", "192.0.2.1", "https://testserver/seen"),
        ('for="[2001:db8::1]:4711"', "2001:db8::1", "http://testserver/seen"),
        ('for="192.0.2.1:80";by=10.0.0.7', "192.0.2.1", "http://testserver/seen"),
        ("for=6.6.6.6;proto=https;host=evil.example, for=192.0.2.1", "192.0.2.1", "http://testserver/seen"),
        ("for=192.0.2.1;proto=https, for=10.1.1.1;proto=http", "192.0.2.1", "https://testserver/seen"),
        ('for=192.0.2.1;host="shop.exa\\mple"', "192.0.2.1", "http://shop.example/seen"),
        ("for=_hidden;proto=https", None, "https://testserver/seen"),
        ("for=unknown", None, "http://testserver/seen"),
        ("proto=https", PROXY, "https://testserver/seen"),
        (" , for=192.0.2.1, ", "192.0.2.1", "http://testserver/seen"),
        ("", PROXY, "http://testserver/seen"),
    ],
)
def test_the_standard_field(client_of: ClientOf, field: str, client: str | None, url: str) -> None:
    seen = ask(client_of(app_with(standard=True), address=PROXY), ("forwarded", field), (f"{X}for", "9.9.9.9")).json()
    assert (seen["client"], seen["url"]) == (client, url)


@pytest.mark.parametrize(
    "field",
    [
        'for="',  # what a proxy appends would lie within the quotes
        'for=", for=192.0.2.1',
        "for=192.0.2.1;for=192.0.2.2",
        "for = 192.0.2.1",
        "for",
        "for=192.0.2.1 proto=https",
        "for=[2001:db8::1]",
        "for=192.0.2.1;proto=gopher",
        'for=192.0.2.1;host="a/b"',
        "for=nonsense",
        "=;,",
    ],
)
def test_A8_a_malformed_standard_field_is_refused(client_of: ClientOf, field: str) -> None:
    refused = ask(client_of(app_with(standard=True), address=PROXY), ("forwarded", field))
    assert (refused.status, refused.json()["code"]) == (400, "bad-forwarded")


# -- who is trusted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.255.0.1", True),
        ("11.0.0.1", False),
        ("fd00::1", True),
        ("fe80::1", False),
        ("::ffff:10.0.0.1", True),
        ("::ffff:11.0.0.1", False),
        ("somewhere", False),
        ("", False),
        (None, False),
    ],
)
def test_who_is_trusted(address: str | None, trusted: bool) -> None:
    assert TrustedProxies("10.0.0.0/8", "fd00::/8").trusts(address) is trusted


def test_a_unix_socket_has_to_be_named() -> None:
    assert TrustedProxies("unix").trusts(None)
    assert TrustedProxies("unix").trusts("")
    assert not TrustedProxies("unix").trusts("10.0.0.1")


@pytest.mark.parametrize(
    ("networks", "options"),
    [
        ((), {}),
        (("10.0.0.1/8",), {}),
        (("proxy.example",), {}),
        (("*",), {}),
        (("10.0.0.0/8",), {"fields": ("port",)}),
        (("10.0.0.0/8",), {"fields": "for"}),
    ],
)
def test_faults(networks: tuple[str, ...], options: Any) -> None:
    with pytest.raises(SetupError, match="bad-guard"):
        TrustedProxies(*networks, **options)


# -- before everything else --------------------------------------------------------------------------------------


def test_it_stands_before_all_that_was_named_earlier(client_of: ClientOf) -> None:
    """Rules, other guards, the app's own middleware and the log see what the client did."""
    seen: list[Any] = []
    app = App(docs=False)

    @app.middleware
    def noting(request: Request) -> Generator[None, Response, Response]:
        seen.append(("middleware", request.client, request.scheme))
        return (yield)

    @rule
    def near(request: Request) -> bool:
        seen.append(("rule", request.client, request.scheme))
        return True

    @app.get("/", needs=near)
    def home() -> str:
        logging.getLogger("wholestack.test").info("here")
        return "home"

    app.use(AllowedHosts("shop.example"), HTTPSOnly(), TrustedProxies("10.0.0.0/8", fields=ALL))
    client = client_of(app, address=PROXY)
    fields = [(f"{X}for", "192.0.2.1"), (f"{X}proto", "https"), (f"{X}host", "shop.example")]
    answer = ask(client, *fields, path="/")
    assert (answer.status, answer.text) == (200, "home")
    assert answer.headers["strict-transport-security"]
    assert seen == [("middleware", "192.0.2.1", "https"), ("rule", "192.0.2.1", "https")]
    assert ask(client, *fields[:2], (f"{X}host", "evil.example"), path="/").json()["code"] == "host-not-allowed"
    assert ask(client, (f"{X}host", "shop.example"), path="/").headers["location"] == "https://shop.example/"


def test_a_redirect_keeps_the_prefix_that_the_proxy_stripped(client_of: ClientOf) -> None:
    client = client_of(app_with(fields=ALL), address=PROXY)
    assert ask(client, (f"{X}prefix", "/shop/"), path="/slash").headers["location"] == "/shop/slash/"
    app = app_with(fields=ALL)
    app.use(HTTPSOnly())
    answer = ask(client_of(app, address=PROXY), (f"{X}prefix", "/shop"), (f"{X}proto", "http"), path="/seen?a=b")
    assert answer.headers["location"] == "https://testserver/shop/seen?a=b"


def test_a_router_of_a_host_goes_by_the_real_host(client_of: ClientOf) -> None:
    """What `check` says of it: see test_check.py."""
    app = app_with(fields=ALL)
    api = Router(host="api.example")

    @api.get("/")
    def api_home() -> str:
        return "api"

    app.include(api)
    client = client_of(app, address=PROXY)
    assert client.get("/", headers={"host": "api.example"}).text == "api"
    assert client.get("/", headers={f"{X}host": "api.example"}).status == 404


@pytest.mark.parametrize(
    ("name", "part", "options"),
    [
        (f"{X}for", "10.0.0.1,", {}),
        (f"{X}for", ",", {}),
        (f"{X}for", "a", {}),
        ("forwarded", "for=10.0.0.1,", {"standard": True}),
        ("forwarded", 'for="', {"standard": True}),
        ("forwarded", " ", {"standard": True}),
        ("forwarded", 'a="\\\\', {"standard": True}),
        (f"{X}prefix", "/a", {"fields": ALL}),
        (f"{X}host", "a.", {"fields": ALL}),
    ],
)
def test_B17_a_huge_field_costs_little(untraced: None, name: str, part: str, options: Any) -> None:
    app = App(docs=False, limits=Limits(header="100 KiB", headers_total="200 KiB"))
    app.use(TrustedProxies("10.0.0.0/8", **options))
    app.get("/")(lambda: "home")
    with Client(app, address=PROXY) as client:
        for size in (1_000, 15_000, 60_000):
            field = (part * size)[:size]
            assert min(timed(client, name, field) for _ in range(5)) < 0.2  # a cost by the square takes seconds


def timed(client: Client, name: str, value: str) -> float:
    begun = time.process_time()
    assert client.get("/", headers={name: value}).status in {200, 400}
    return time.process_time() - begun
