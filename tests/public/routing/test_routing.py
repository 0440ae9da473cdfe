"""Which handler answers: methods, precedence, nesting, hosts, slashes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest

from elsewhere import ELSEWHERE
from wholestack import App, NotFound, Request, Router, Text


def say(text: str) -> Any:
    def handler() -> str:
        return text

    return handler


def test_each_method_has_its_own_handler(serve: Any, colour: Any) -> None:
    app = App(docs=False)
    for method in ("get", "post", "put", "patch", "delete"):
        getattr(app, method)("/thing")(colour(say(method)))
    app.route("/thing", methods=["purge", "Lock"])(colour(say("other")))
    client = serve(app)
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/thing").text == method.lower()
    assert client.request("PURGE", "/thing").text == "other"
    assert client.request("LOCK", "/thing").text == "other"


def test_head_and_options_by_themselves(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/thing")
    @colour
    def show() -> Text:
        return Text("hello", headers={"x-own": "1"})

    @app.post("/other")
    @colour
    def make() -> str:
        return "made"

    client = serve(app)
    got, head = client.get("/thing"), client.head("/thing")
    assert (head.status, head.body) == (200, b"")
    changing = {"x-request-id"}
    assert {pair for pair in head.pairs if pair[0] not in changing} == {
        pair for pair in got.pairs if pair[0] not in changing
    }
    assert head.headers["content-length"] == "5"
    options = client.options("/thing")
    assert (options.status, options.headers["allow"], options.body) == (204, "GET, HEAD, OPTIONS", b"")
    assert client.options("/other").headers["allow"] == "OPTIONS, POST"
    assert client.head("/other").status == 405
    assert client.head("/other").body == b""
    assert client.options("/nothing").status == 404


def test_ones_own_head_and_options_go_first(serve: Any) -> None:
    app = App(docs=False)
    app.get("/")(say("get"))

    @app.route("/", methods=["HEAD"])
    def head() -> Text:
        return Text("", headers={"x-own": "head"})

    @app.route("/", methods=["OPTIONS"])
    def options() -> str:
        return "mine"

    client = serve(app)
    assert client.head("/").headers["x-own"] == "head"
    assert client.options("/").text == "mine"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "get", "Get", "__init__", "__class__", "X" * 300, "GET ", ""])
def test_a10_any_other_method_is_405_with_what_there_is(serve: Any, method: str) -> None:
    app = App(docs=False)
    app.get("/thing")(say("get"))
    app.delete("/thing")(say("delete"))
    answer = serve(app).request(method, "/thing")
    assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS")
    assert answer.json()["code"] == "method-not-allowed"


def test_the_most_particular_path_answers_whatever_the_order(serve_one: Any) -> None:
    paths = [
        "/{rest:path}",
        "/{plain}",
        "/x{pattern}",
        "/{n:int}",
        "/static",
        "/{plain}/{b}",
        "/static/{b}",
        "/{plain}/end",
        "/",
    ]
    for order in (paths, paths[::-1]):
        app = App(docs=False)
        for path in order:
            app.get(path)(say(path))
        client = serve_one(app)
        for asked, answers in {
            "/": "/",
            "/static": "/static",
            "/5": "/{n:int}",
            "/xyz": "/x{pattern}",
            "/abc": "/{plain}",
            "/static/end": "/static/{b}",
            "/abc/end": "/{plain}/end",
            "/abc/d": "/{plain}/{b}",
            "/a/b/c": "/{rest:path}",
            "/x": "/{plain}",
            "/5/end": "/{plain}/end",
            "/a/": "/{rest:path}",
            "/static/a/b": "/{rest:path}",
        }.items():
            assert client.get(asked).text == answers, asked


def test_a_way_that_leads_nowhere_is_left_again(serve_one: Any) -> None:
    app = App(docs=False)
    app.get("/a/{x}/c")(say("literal"))
    app.get("/{x}/b/{y}")(say("plain"))
    app.get("/{n:int}/b/d/{z}")(say("pattern"))
    client = serve_one(app)
    assert client.get("/a/b/c").text == "literal"
    assert client.get("/a/b/x").text == "plain"
    assert client.get("/1/b/c").text == "plain"
    assert client.get("/1/b/d/e").text == "pattern"
    assert client.get("/1/x").status == 404


def test_routers_nest(serve: Any, colour: Any) -> None:
    app, shop, admin = App(docs=False), Router("/shop"), Router("/admin", tags=["admin"])
    admin.get("/users/{id}")(colour(say("user")))
    admin.get("")(colour(say("index")))
    shop.include(admin, at="/of/{country}")
    shop.get("/{id}")(colour(say("item")))
    app.include(shop, at="/v1")
    app.include(admin)
    client = serve(app)
    assert client.get("/v1/shop/7").text == "item"
    assert client.get("/v1/shop/of/de/admin/users/3").text == "user"
    assert client.get("/v1/shop/of/de/admin").text == "index"
    assert client.get("/admin/users/1").text == "user"
    assert client.get("/admin").text == "index"


def test_a_field_in_the_prefix_reaches_every_handler_below(serve: Any, colour: Any) -> None:
    app, router = App(docs=False), Router()

    @router.get("/items/{id}")
    @colour
    def show(tenant: str, id: int) -> list[object]:
        return [tenant, id]

    app.include(router, at="/{tenant}")
    client = serve(app)
    assert client.get("/acme/items/3").json() == ["acme", 3]
    assert client.get("/acme/items/x").faults == [("path", "/id", "int_parsing")]


def test_tags_of_all_the_routers_on_the_way() -> None:
    app, outer, inner = App(docs=False), Router(tags=["a"]), Router(tags=["b", "c"])
    inner.get("/", tags=["d"])(say("x"))
    outer.include(inner)
    app.include(outer)
    (route,) = app.describe().routes
    assert route.tags == ("a", "b", "c", "d")


def test_by_host(serve: Any, colour: Any) -> None:
    app = App(docs=False)
    api, tenants = Router(host="api.example.org"), Router(host="{tenant}.example.org")

    @tenants.get("/who/{n}")
    @colour
    def who(tenant: str, n: int) -> str:
        return f"{tenant} {n}"

    api.get("/")(colour(say("api")))
    tenants.get("/")(colour(say("tenant")))
    app.include(api)
    app.include(tenants)
    app.get("/")(colour(say("everyone")))
    app.get("/shared")(colour(say("shared")))
    client = serve(app)

    def at(host: str, path: str = "/") -> str:
        answer = client.get(path, headers={"host": host})
        return answer.text if answer.status == 200 else str(answer.status)

    assert at("api.example.org") == "api"
    assert at("API.Example.ORG:8000") == "api"
    assert at("acme.example.org") == "tenant"
    assert at("acme.example.org", "/who/3") == "acme 3"
    assert at("acme.example.org", "/who/x") == "422"
    assert at("a.b.example.org") == "everyone"
    assert at("example.org") == "everyone"
    assert at("acme.example.org.evil.net") == "everyone"
    assert at("apixexample.org") == "everyone"
    assert at("acme.example.org", "/shared") == "shared"
    assert at("api.example.org", "/who/3") == "api 3"
    assert at("other.net", "/who/3") == "404"
    assert client.post("/", headers={"host": "api.example.org"}).status == 405


def test_a_slash_too_much_or_too_little_leads_to_the_path_that_is_there(serve: Any) -> None:
    app = App(docs=False)
    app.get("/notes")(say("notes"))
    app.post("/folders/")(say("folders"))
    app.get("/items/{id}")(say("item"))
    client = serve(app)
    for asked, to in {
        "/notes/": "/notes",
        "/folders": "/folders/",
        "/items/3/": "/items/3",
        "/notes/?a=1&b=%20x": "/notes?a=1&b=%20x",
        "/items/caf%C3%A9/": "/items/caf%C3%A9",
    }.items():
        answer = client.get(asked)
        assert (answer.status, answer.headers["location"]) == (308, to), asked
    assert client.get("/notes//").status == 404
    assert client.get("/nothing/").status == 404
    assert client.get("/nothing").status == 404


@pytest.mark.parametrize(
    "target",
    [
        *(
            "//evil.example",
            "//evil.example/",
            "//evil.example//",
            "/%2Fevil.example/",
            "/\\evil.example/",
            "/%5Cevil.example/",
        ),
        *(
            "/%5C/evil.example/",
            "/%09/evil.example/",
            "/%0d%0aset-cookie:x=1/",
            "/%E2%80%AE/",
            "/x/?next=\\",
            "/x/?a=%0d%0ab",
        ),
        *("/x/?a=\x7f", "/x/?a=\xe9", "/x/?" + "a" * 8100, "/;/", "/:80/", "/@evil.example/", "/.%2e/"),
    ],
)
def test_the_way_there_never_leads_to_another_host_nor_to_an_error_of_ours(serve: Any, target: str) -> None:
    app = App(docs=False)
    app.get("/{name}")(say("x"))
    app.get("/{a}/{b}")(say("x"))
    answer = serve(app).get(target)
    assert answer.status in {200, 308, 400, 404}, answer.text
    location = answer.headers.get("location", "/")
    assert location.startswith("/")
    assert location[1:2] not in {"/", "\\"}
    assert location.isascii()
    assert location.isprintable()


@pytest.mark.parametrize("ends", ["", "/"])
def test_C22_a_slash_more_or_less_leads_nowhere_else(serve: Any, ends: str) -> None:
    """Each of the addresses as a path, as it is and encoded, where only its last slash is wrong."""
    app = App(docs=False)
    for path in ("/{a}", "/{a}/{b}", "/{a}/{b}/{c}", "/deep/{a}/{b}/{c}/{d}"):
        app.get(path.removesuffix("/") + ("" if ends else "/"))(say("x"))
    client = serve(app)
    led = 0
    for target in ELSEWHERE:
        path = target if target.startswith("/") else f"/{target}"
        for asked in {
            quote(path, safe="/\\:@?#"),
            quote(path, safe=""),
            quote(path),
            f"/{quote(path)}",
            f"/deep{quote(path)}",
        }:
            if not asked.startswith("/"):
                asked = f"/{asked}"
            answer = client.get(asked.partition("#")[0].removesuffix("/") + ends)
            assert answer.status in {200, 308, 400, 404, 414}, (asked, answer.status)
            location = answer.headers.get("location")
            if location is None:
                continue
            led += 1
            assert location.startswith("/") and location[1:2] not in {"/", "\\"}, (asked, location)
            assert location.isascii() and location.isprintable() and urlsplit(location).netloc == "", (asked, location)
            assert urlsplit(urljoin("https://testserver/here", location)).netloc == "testserver", (asked, location)
    assert led >= 40, "what stays here is led on"


def test_strict_slashes(serve: Any) -> None:
    app = App(docs=False, slashes="strict")
    app.get("/notes")(say("notes"))
    app.get("/folders/")(say("folders"))
    client = serve(app)
    assert client.get("/notes").status == 200
    assert client.get("/notes/").status == 404
    assert client.get("/folders").status == 404


def test_nothing_there(serve: Any) -> None:
    app = App(docs=False)
    client = serve(app)
    answer = client.get("/")
    assert (answer.status, answer.json()["code"]) == (404, "not-found")
    assert answer.headers["content-type"] == "application/problem+json"


def test_one_router_in_two_apps(serve: Any) -> None:
    router = Router()
    router.get("/")(say("hello"))
    one, two = App(docs=False), App(docs=False)
    one.include(router, at="/one")
    two.include(router, at="/two")
    assert serve(one).get("/one/").text == "hello"
    assert serve(two).get("/two/").text == "hello"
    assert serve(two).get("/one/").status == 404


SPELLINGS = (
    *("/admin/secret", "/admin%2Fsecret", "/admin%2fsecret", "/%61dmin/secret", "/admin/%73ecret", "/ADMIN/secret"),
    *(
        "/admin//secret",
        "//admin/secret",
        "/admin/./secret",
        "/admin/x/../secret",
        "/x/../admin/secret",
        "/admin/secret/",
    ),
    *(
        "/admin/%2e/secret",
        "/admin/x/%2e%2e/secret",
        "/admin/secret%00",
        "/admin\\secret",
        "/admin%5Csecret",
        "/admin;x/secret",
    ),
    *(
        "/admin/secret;x=1",
        "/admin/secret%3f",
        "/admin/secret%23",
        "/admin/secret#x",
        "/%2561dmin/secret",
        "/admin/secret%20",
    ),
    *(
        "/admin/secret?x",
        "/admin%E2%80%8B/secret",
        "/admin/secret%ff",
        "/admin/secret%C0%AF",
        "/admin/secret.",
        "/admin/%u0073ecret",
    ),
    *("/admin/secret%09", "/.//admin/secret", "/admin/secret/.", "/%E0%80%AFadmin/secret", "/admin/s%65cret"),
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a7_every_spelling_of_a_protected_path_gets_the_same_decision(serve: Any, spelling: str) -> None:
    app, admin = App(docs=False), Router(needs=lambda: False)
    reached: list[str] = []

    @admin.get("/{page:path}")
    def secret(page: str) -> str:
        reached.append(page)
        return "the secret"

    @app.get("/{anything:path}")
    def public(anything: str, request: Request) -> str:
        # What the public handler sees is not the protected path in another dress.
        assert "admin/secret" not in request.path.rstrip("/").casefold() or not request.path.startswith("/admin/")
        return "public"

    app.include(admin, at="/admin")
    answer = serve(app).get(spelling)
    assert answer.status in {200, 308, 400, 403, 404}
    assert reached == []
    if spelling in {
        "/admin%2Fsecret",
        "/admin%2fsecret",
        "/%61dmin/secret",
        "/admin/%73ecret",
        "/admin/s%65cret",
        "/admin/secret?x",
    }:
        assert answer.status == 403  # decoded once, everywhere: these are the path


def test_an_error_handler_for_404_in_either_colour(serve: Any) -> None:
    app = App(docs=False)

    @app.on_error(NotFound)
    async def missing(error: NotFound, request: Request) -> Text:
        return Text(f"no {request.path}", status=404)

    assert serve(app).get("/nowhere").text == "no /nowhere"


def test_a_literal_host_goes_before_a_field_in_any_order(serve: Any) -> None:
    app = App(docs=False)

    def show(request: Request) -> dict[str, str]:
        return dict(request.params)

    for host in ("{a}.{b}.org", "{tenant}.example.org", "api.{Domain}.org", "API.example.org"):
        router = Router(host=host)
        router.get("/")(show)
        app.include(router)
    other_spelling = Router(host="api.Example.org")
    other_spelling.get("/more")(say("more"))
    app.include(other_spelling)
    client = serve(app)

    def at(host: str) -> Any:
        return client.get("/", headers={"host": host}).json()

    assert at("api.example.org") == at("API.EXAMPLE.ORG:81") == {}
    assert at("acme.example.org") == {"tenant": "acme"}
    assert at("api.other.org") == {"Domain": "other"}
    assert at("acme.other.org") == {"a": "acme", "b": "other"}
    assert client.get("/more", headers={"host": "api.example.org"}).text == "more"
