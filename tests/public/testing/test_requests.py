"""What a test says about a request is what the handler gets, over each interface."""

from __future__ import annotations

import datetime
import enum
import io
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from wholestack import App, Body, Form, Request, Upload
from wholestack.testing import Client, ClientFault

ClientOf = Callable[..., Client]


def echo() -> App:
    """Says what came in."""
    app = App(docs=False)

    def seen(request: Request, body: bytes) -> dict[str, Any]:
        return {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": [list(pair) for pair in request.headers.pairs],
            "cookies": dict(request.cookies),
            "url": request.url,
            "client": request.client,
            "body": body.decode("latin-1"),
        }

    @app.route("/{rest:path}", methods=["GET", "DELETE"])
    @app.route("/", methods=["GET", "DELETE"])
    def without_body(request: Request) -> dict[str, Any]:
        return seen(request, b"")

    @app.route("/{rest:path}", methods=["POST", "PUT", "PATCH"])
    @app.route("/", methods=["POST", "PUT", "PATCH"])
    def with_body(request: Request, body: Body[bytes]) -> dict[str, Any]:
        return seen(request, body)

    return app


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_each_method(client_of: ClientOf, method: str) -> None:
    answer = getattr(client_of(echo()), method)("/here").expect(200)
    assert (answer.json()["method"], answer.json()["path"]) == (method.upper(), "/here")


def test_head_and_options(client_of: ClientOf) -> None:
    client = client_of(echo())
    head = client.head("/here").expect(200)
    assert (head.body, int(head.headers["content-length"]) > 100) == (b"", True)
    assert "GET" in client.options("/here").expect(204).headers["allow"]
    assert client.request("PUT", "/here").json()["method"] == "PUT"


class Colour(enum.Enum):
    RED = "red"


DAY = datetime.date(2026, 11, 23)
KEY = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("url", "query", "expected"),
    [
        ("/?a=1&a=2", None, {"a": ["1", "2"]}),
        ("/", {"q": "x", "tag": ["a", "b"]}, {"q": ["x"], "tag": ["a", "b"]}),
        ("/?a=1", {"b": "ä &=+"}, {"a": ["1"], "b": ["ä &=+"]}),
        ("/", [("a", 1), ("a", 2.5)], {"a": ["1", "2.5"]}),
        ("/", {"yes": True, "no": False, "none": None}, {"yes": ["true"], "no": ["false"]}),
        ("/", {"day": DAY, "key": KEY, "c": Colour.RED}, {"day": ["2026-11-23"], "key": [str(KEY)], "c": ["red"]}),
        ("/", "raw=1&x=%20", {"raw": ["1"], "x": [" "]}),
        ("/?a=1#part", {}, {"a": ["1"]}),
    ],
)
def test_queries(client_of: ClientOf, url: str, query: Any, expected: dict[str, list[str]]) -> None:
    options = {} if query is None else {"query": query}
    assert client_of(echo()).get(url, **options).json()["query"] == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/a/b", "/a/b"),
        ("/caf%C3%A9", "/café"),
        ("/café and more", "/café and more"),
        ("relative", "/relative"),
        ("http://testserver/whole", "/whole"),
        ("http://testserver", "/"),
    ],
)
def test_paths(client_of: ClientOf, url: str, path: str) -> None:
    assert client_of(echo()).get(url).json()["path"] == path


def test_addresses(client_of: ClientOf) -> None:
    client = client_of(echo(), base_url="https://api.example.org:8443/v1", address="10.0.0.7")
    seen = client.get("/x").json()
    assert (seen["url"], seen["client"]) == ("https://api.example.org:8443/v1/x", "10.0.0.7")
    assert client.get("http://other.example/y").json()["url"] == "http://other.example/y"
    assert client.get("/x").url == "https://api.example.org:8443/v1/x"


def test_header_fields(client_of: ClientOf) -> None:
    client = client_of(echo(), headers={"X-Always": "1", "User-Agent": "mine"})
    fields = [tuple(pair) for pair in client.get("/", headers={"X-One": "Zoë"}).json()["headers"]]
    assert ("x-always", "1") in fields
    assert ("user-agent", "mine") in fields
    assert ("accept", "*/*") in fields
    assert ("x-one", "Zoë") in fields
    fields = [
        tuple(pair) for pair in client.get("/", headers=[("x-always", "2"), ("Accept", "text/html")]).json()["headers"]
    ]
    assert [value for name, value in fields if name in {"x-always", "accept"}] == ["2", "text/html"]


def test_the_host_can_be_said(client_of: ClientOf) -> None:
    client = client_of(echo())
    assert client.get("/x", headers={"host": "other.example"}).json()["url"] == "http://other.example/x"
    other = Client(client.app, interface=client.interface, headers={"host": "third.example"})
    assert other.get("/x").json()["url"] == "http://third.example/x"


@dataclass
class Item:
    name: str
    day: datetime.date


class Order(BaseModel):
    items: list[Item]
    note: str | None = None


def test_json(client_of: ClientOf) -> None:
    app = App(docs=False)

    @app.post("/orders", status=201)
    def order(new: Order) -> Order:
        return new

    client = client_of(app)
    plain = {"items": [{"name": "x", "day": "2026-11-23"}], "note": None}
    assert client.post("/orders", json=plain).expect(201).json() == plain
    # Models, dataclasses and dates are written as Pydantic writes them.
    assert client.post("/orders", json=Order(items=[Item("x", DAY)])).expect(201).json() == plain
    assert client.post("/orders", json={"items": [Item("x", DAY)]}).expect(201).json() == plain
    assert client_of(echo()).post("/", json=None).json()["body"] == "null"


def test_a_media_type_of_its_own(client_of: ClientOf) -> None:
    sent = client_of(echo()).post("/", json={}, headers={"content-type": "application/vnd.api+json"}).json()["headers"]
    assert [value for name, value in sent if name == "content-type"] == ["application/vnd.api+json"]


def test_forms(client_of: ClientOf) -> None:
    app = App(docs=False)

    @app.post("/")
    def take(title: Form[str], tag: Form[list[str]], done: Form[bool] = False) -> list[Any]:
        return [title, tag, done]

    data = {"title": "ä & b", "tag": ["x", "y"], "done": True}
    assert client_of(app).post("/", data=data).expect(200).json() == ["ä & b", ["x", "y"], True]


class Named(io.BytesIO):
    name = "/tmp/some/where.bin"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (("a.csv", b"1;2", "text/csv"), ["a.csv", "text/csv", "1;2"]),
        (("a.csv", "1;2"), ["a.csv", "application/octet-stream", "1;2"]),
        (b"1;2", ["upload", "application/octet-stream", "1;2"]),
        (Named(b"1;2"), ["where.bin", "application/octet-stream", "1;2"]),
        (('qu"ote\r\n.txt', b""), ['qu"ote.txt', "application/octet-stream", ""]),
    ],
)
def test_files(client_of: ClientOf, file: Any, expected: list[str]) -> None:
    app = App(docs=False)

    @app.post("/")
    def take(upload: Upload, title: Form[str]) -> list[Any]:
        return [title, upload.filename, upload.media_type, upload.read().decode()]

    assert client_of(app).post("/", files={"upload": file}, data={"title": "t"}).expect(200).json() == ["t", *expected]
    if isinstance(file, Named):
        file.seek(0)


def test_several_files(client_of: ClientOf) -> None:
    app = App(docs=False)

    @app.post("/")
    def take(files: list[Upload]) -> list[str]:
        return [each.filename for each in files]

    client = client_of(app)
    assert client.post("/", files={"files": [("a", b"1"), ("b", b"2")]}).expect(200).json() == ["a", "b"]
    assert client.post("/", files=[("files", ("a", b"1")), ("files", ("b", b"2"))]).expect(200).json() == ["a", "b"]


def chunks() -> Iterator[bytes]:
    yield b"one "
    yield b""
    yield b"two"


@pytest.mark.parametrize(
    ("body", "expected"), [(b"bytes", "bytes"), ("täxt", "täxt"), ([b"a", b"b"], "ab"), (chunks, "one two")]
)
def test_bodies(client_of: ClientOf, body: Any, expected: str) -> None:
    answer = client_of(echo()).post("/", body=body() if callable(body) else body).expect(200)
    assert answer.json()["body"].encode("latin-1").decode() == expected


def test_an_async_iterable(client_of: ClientOf, interface: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    client = client_of(echo())
    if interface == "wsgi":
        with pytest.raises(ClientFault, match="async iterable"):
            client.post("/", body=chunks())
    else:
        assert client.post("/", body=chunks()).json()["body"] == "one two"


def test_a_body_that_declares_its_length_wrongly_is_the_tests_affair(client_of: ClientOf) -> None:
    app = App(docs=False)

    @app.post("/")
    def take(body: Body[bytes]) -> int:
        return len(body)

    assert client_of(app).post("/", body=[b"abc"], headers={"content-length": "3"}).expect(200).json() == 3


def test_one_body_only(client_of: ClientOf) -> None:
    with pytest.raises(ClientFault, match="json and data"):
        client_of(echo()).post("/", json={}, data={})


def test_a_url_of_another_kind(client_of: ClientOf) -> None:
    with pytest.raises(ClientFault, match="http://"):
        client_of(echo()).get("ftp://testserver/x")


def test_an_unknown_interface() -> None:
    with pytest.raises(ClientFault, match="asgi"):
        Client(App(), interface="cgi")  # type: ignore[arg-type]


def test_a_client_that_breaks_off(client_of: ClientOf, interface: str) -> None:
    app, cleaned = App(docs=False), []

    @app.post("/")
    def take(body: Body[Iterator[bytes]]) -> str:
        try:
            return str(list(body))
        finally:
            cleaned.append("done")

    def broken() -> Iterator[bytes]:
        yield b"one"
        raise ConnectionResetError("gone")

    async def async_broken() -> AsyncIterator[bytes]:
        for chunk in broken():
            yield chunk

    client = client_of(app)
    bodies = [broken()] if interface == "wsgi" else [broken(), async_broken()]
    for body in bodies:
        with pytest.raises(ConnectionResetError, match="gone"):
            client.post("/", body=body)
    assert cleaned == ["done"] * len(bodies)
    assert client.post("/", body=[b"one"]).expect(200)


def test_an_option_that_is_not_known_is_refused(client_of: ClientOf) -> None:
    client = client_of(App(docs=False))
    with pytest.raises(TypeError, match=r"There is no option content=\. Is body= meant\?"):
        client.post("/", content=b"lost")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"There is no option colour=\."):
        client.get("/", colour="red")  # type: ignore[call-arg]
