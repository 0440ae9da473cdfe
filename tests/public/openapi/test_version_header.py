"""Versions by a header field: who is answered by what, on every interface, and how the document shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wholestack import App, Request, Response, Router, Text
from wholestack.middleware import CORS
from wholestack.observe import Routes
from wholestack.openapi import OpenAPI, UnknownVersion, VersionHeader, document
from wholestack.realtime import Socket
from wholestack.testing import Client

Serve = Callable[[App], Any]
VERSIONS = {"1": "/v1", "2": "/v2"}


def house(default: str | None = None, **options: Any) -> App:
    """Two versions of one path, one that only the second has, and paths without a version."""
    app = App(title="Notes", **options)
    app.use(
        VersionHeader(VERSIONS, default=default),
        *([OpenAPI(versions={"/v1": "1.2", "/v2": "2.0"})] if app.docs else []),
    )
    kept = Text("kept")

    @app.get("/health")
    def health() -> str:
        return "well"

    for number in (1, 2):
        router = Router(f"/v{number}")
        router.get("/notes/{id}", returns=str, name=f"show_{number}")(_shows(number))
        router.post("/notes")(_adds(number))
        router.get("/kept")(lambda: kept)
        app.include(router)
    app.get("/v2/new", returns=str)(lambda: "new")
    app.get("/v2/health", returns=str)(lambda: "never by the header field")
    return app


def _shows(number: int) -> Callable[..., str]:
    def show(id: int, request: Request) -> str:
        return f"{number}: {id} at {request.path}"

    return show


def _adds(number: int) -> Callable[..., str]:
    async def add(text: str) -> str:
        return f"{number}: {text}"

    return add


def asked(client: Any, path: str, version: str | None, method: str = "GET") -> tuple[int, str]:
    headers = {} if version is None else {"api-version": version}
    answer = client.request(method, path, headers=headers)
    code = answer.json()["code"] if answer.status >= 400 and method != "HEAD" else answer.text
    return answer.status, code


def test_the_header_field_says_which(serve: Serve) -> None:
    client = serve(house())
    assert asked(client, "/notes/7", "1") == (200, "1: 7 at /v1/notes/7")
    assert asked(client, "/notes/7", "2") == (200, "2: 7 at /v2/notes/7")
    assert asked(client, "/notes?text=milk", "2", "POST") == (200, "2: milk")
    assert asked(client, "/v1/notes/7", "2") == (200, "1: 7 at /v1/notes/7")  # The prefix says it already.
    assert asked(client, "/notes/7", "2", "HEAD") == (200, "")
    assert asked(client, "/notes/7", "2", "DELETE") == (405, "method-not-allowed")
    assert asked(client, "/notes/x", "2") == (422, "validation-failed")
    assert asked(client, "/new", "2") == (200, "new")
    assert asked(client, "/new", "1") == (404, "not-found")


@pytest.mark.parametrize("version", [None, "3", "", "1, 2", "v1", "1 ", "é"])
def test_an_unknown_version_is_refused(serve: Serve, version: str | None) -> None:
    client = serve(house())
    if version is not None and version.strip() == "1":
        assert asked(client, "/notes/7", version)[0] in {200, 400}  # Servers strip it, as they may (RFC 9110 §5.5).
        return
    assert asked(client, "/notes/7", version) == (400, "unknown-version")
    assert asked(client, "/nowhere", version) == (404, "not-found")
    assert asked(client, "/health", version) == (200, "well")


def test_two_header_fields_are_no_version(serve: Serve) -> None:
    answer = serve(house()).get("/notes/7", headers=[("api-version", "1"), ("api-version", "2")])
    assert (answer.status, answer.json()["code"]) == (400, "unknown-version")
    assert "There are '1' and '2'." in answer.json()["detail"]


def test_a_default(serve: Serve) -> None:
    client = serve(house("2"))
    assert asked(client, "/notes/7", None) == (200, "2: 7 at /v2/notes/7")
    assert asked(client, "/notes/7", "1") == (200, "1: 7 at /v1/notes/7")
    assert asked(client, "/notes/7", "3") == (400, "unknown-version")
    assert asked(client, "/new/", None)[0] == 308  # To the path that is there, without its prefix.
    assert client.get("/new/").headers["location"] == "/new"


def test_the_answer_names_it_and_caches_hear_of_it(serve: Serve) -> None:
    client = serve(house())
    for version in ("1", "2", "1"):  # One object answers them all.
        answer = client.get("/kept", headers={"api-version": version})
        assert (answer.text, answer.all("api-version"), answer.all("vary")) == ("kept", [version], ["API-Version"])
    refused = client.get("/kept", headers={"api-version": "9"})
    assert "API-Version" in refused.headers["vary"]
    for path in ("/health", "/v1/kept"):
        assert "api-version" not in client.get(path, headers={"api-version": "1"}).headers


def test_a_page_of_another_site_may_ask_which_versions_it_may(serve: Serve) -> None:
    app = house()
    app.use(CORS("https://friend.example", headers=["api-version"]))
    fields = {"origin": "https://friend.example", "access-control-request-method": "GET"}
    preflight = serve(app).request("OPTIONS", "/notes/7", headers=fields)
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "https://friend.example")


def test_a_socket_is_found_by_it_too() -> None:
    app = house(docs=False)

    @app.socket("/v2/talk")
    async def talk(socket: Socket[str, str]) -> None:
        await socket.send("two")

    with Client(app) as client, client.socket("/talk", headers={"api-version": "2"}) as line:
        assert line.receive(str) == "two"


def test_a_router_of_a_host_and_a_mount_keep_their_places(serve: Serve) -> None:
    def other(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("content-type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    app, bound = house(), Router("/v2", host="{shop}.example")
    bound.get("/shop")(_shop)
    app.include(bound)
    app.mount("/old", other)
    client = serve(app)
    answer = client.get("/shop", headers={"host": "books.example", "api-version": "2"})
    assert (answer.status, answer.text) == (200, "books")
    assert client.get("/shop", headers={"host": "example", "api-version": "2"}).status == 404
    assert client.get("/old/notes/7", headers={"api-version": "2"}).text == "/notes/7"


def _shop(shop: str) -> str:
    return shop


def test_metrics_name_the_route() -> None:
    app, seen = house(), list[str | None]()
    routes = Routes(app)

    @app.middleware
    def named(request: Request) -> Any:
        response: Response = yield
        seen.append(routes.template(request))
        return response

    with Client(app) as client:
        for version in ("1", "2", "3"):
            client.get("/notes/7", headers={"api-version": version})
    assert seen == ["/v1/notes/{id}", "/v2/notes/{id}", None]


def test_the_document_of_a_version() -> None:
    app = house("2")
    first, second = document(app, below="/v1"), document(app, below="/v2")
    assert list(first["paths"]) == ["/notes/{id}", "/notes", "/kept"]
    fields = [
        next(each for each in made["paths"]["/notes/{id}"]["get"]["parameters"] if each["in"] == "header")
        for made in (first, second)
    ]
    assert [(each["name"], each.get("required", False), each["schema"]["const"]) for each in fields] == [
        ("API-Version", True, "1"),
        ("API-Version", False, "2"),
    ]
    refusals = first["paths"]["/notes/{id}"]["get"]["responses"]["400"]
    assert "UnknownVersion" in str(refusals)
    # What is there without a prefix is answered there, so only the prefix leads to the other.
    assert "/v2/health" in second["paths"]
    whole = document(app)["paths"]
    assert "/v1/notes/{id}" in whole
    assert "/notes/{id}" not in whole


def test_errors_are_documented_as_they_are(serve_one: Serve) -> None:
    answer = serve_one(house()).get("/notes/7", headers={"api-version": "x" * 500})
    assert answer.json()["code"] == UnknownVersion.code
    assert len(answer.json()["detail"]) < 200


@pytest.mark.parametrize(
    ("versions", "options"),
    [
        ({"1": "v1"}, {}),
        ({"1": "/v1/"}, {}),
        ({"1": "/{v}"}, {}),
        ({"": "/v1"}, {}),
        ({"1,2": "/v1"}, {}),
        ({" 1": "/v1"}, {}),
        ({"1\n": "/v1"}, {}),
        ({"1": "/v1"}, {"default": "2"}),
        ({"1": "/v1"}, {"name": "API Version"}),
    ],
)
def test_what_is_no_version(versions: dict[str, str], options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"VersionHeader|header"):
        VersionHeader(versions, **options)
