"""What docs/guides/responses.md shows, and the tests that hold it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from wholestack import HTML, JSON, App, Body, File, NotFound, Redirect, Request, Response, Stream, Text
from wholestack.http import HeaderFault, etag_of
from wholestack.testing import Client

HERE = Path(__file__).parent
app = App(docs=False)


# [plain]
@dataclass
class Film:
    id: int
    title: str


@app.get("/text")
def text() -> str:
    return "text/plain, in UTF-8"


@app.get("/bytes", media="image/png")
def image() -> bytes:
    return b"\x89PNG"


@app.get("/film")
def film() -> Film:
    return Film(7, "Sea")


@app.delete("/film")
def remove() -> None:
    """204, and no body."""


@app.post("/film", status=201)
def add(film: Film) -> Film:
    return film


# [/plain]
def test_plain_values() -> None:
    client = Client(app)
    assert client.get("/text").headers["content-type"] == "text/plain; charset=utf-8"
    assert client.get("/bytes").headers["content-type"] == "image/png"
    assert client.get("/film").json() == {"id": 7, "title": "Sea"}
    assert client.delete("/film").status == 204
    assert client.post("/film", json={"id": 8, "title": "Sky"}).status == 201


# [response]
@app.get("/report")
def report() -> Response:
    return Response("a,b\n1,2\n", media_type="text/csv", headers={"cache-control": "no-store"})


@app.get("/page")
def page() -> HTML:
    return HTML("<!doctype html><title>Page</title><p>Nothing is escaped here.")


@app.put("/film/{id}", returns=Film)
def put(id: int, film: Film) -> JSON:
    return JSON(film, status=201, headers={"location": f"/film/{id}"})


# [/response]
def test_responses() -> None:
    client = Client(app)
    assert client.get("/report").headers["cache-control"] == "no-store"
    assert client.get("/page").headers["content-type"] == "text/html; charset=utf-8"
    made = client.put("/film/9", json={"id": 9, "title": "Sun"})
    assert (made.status, made.headers["location"], made.json()["title"]) == (201, "/film/9", "Sun")


# [several]
class Queued(BaseModel):
    position: int


@app.post("/prints", status=201, answers={202: Queued}, errors=(NotFound,))
def print_film(film: Film) -> Film | JSON:
    if film.id > 100:
        return JSON(Queued(position=3), status=202)
    return film


# [/several]
def test_several_answers() -> None:
    client = Client(app)
    assert client.post("/prints", json={"id": 7, "title": "Sea"}).status == 201
    assert client.post("/prints", json={"id": 700, "title": "Sea"}).json() == {"position": 3}


# [cookies]
@app.post("/theme/{name}")
def choose(name: str) -> Response:
    response = Text("chosen")
    response.set_cookie("theme", name, max_age=365 * 24 * 3600)
    return response


@app.post("/forget")
def forget() -> Response:
    response = Text("forgotten")
    response.delete_cookie("theme")
    return response


# [/cookies]
def test_cookies() -> None:
    client = Client(app)
    # [cookies-asked]
    cookie = client.post("/theme/dark").headers["set-cookie"]
    assert cookie == "theme=dark; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax"
    # [/cookies-asked]
    assert "Max-Age=0" in client.post("/forget").headers["set-cookie"]


# [redirect]
@app.post("/login")
def login(next: str = "/") -> Redirect:
    return Redirect(next, otherwise="/")


# [/redirect]
def test_redirect() -> None:
    client = Client(app)
    # [redirect-asked]
    answer = client.post("/login?next=/basket", follow=False)
    assert (answer.status, answer.headers["location"]) == (303, "/basket")
    assert client.post("/login?next=//evil.example", follow=False).headers["location"] == "/"
    # [/redirect-asked]
    with pytest.raises(HeaderFault):
        Redirect("https://evil.example/")


# [file]
@app.get("/source")
def source() -> File:
    return File(HERE / "test_responses.py", name="Responses.py")


@app.get("/downloads/{path:path}")
def download(path: str) -> File:
    return File(path, below=HERE)


# [/file]
def test_files() -> None:
    client = Client(app)
    # [file-asked]
    answer = client.get("/source", headers={"range": "bytes=0-9"})
    assert (answer.status, answer.text) == (206, '"""What do')
    assert client.get("/source", headers={"if-none-match": answer.headers["etag"]}).status == 304
    assert client.get("/downloads/test_responses.py").status == 200
    assert client.get("/downloads/..%2Ffirst%2Fapp.py").status in {400, 404}
    # [/file-asked]


# [stream]
@app.get("/numbers")
def numbers() -> Stream:
    return Stream((f"{number}\n" for number in range(1000)), media_type="text/plain")


@app.get("/ticks")
async def ticks() -> Stream:
    async def chunks() -> AsyncIterator[str]:
        for number in range(3):
            yield f"tick {number}\n"
            await asyncio.sleep(0.001)

    return Stream(chunks(), media_type="text/plain")


# [/stream]
def test_streams() -> None:
    client = Client(app)
    assert client.get("/numbers").text.endswith("998\n999\n")
    assert client.get("/ticks").text == "tick 0\ntick 1\ntick 2\n"


# [stream-cleanup]
closed: list[str] = []


def rows() -> Iterator[bytes]:
    try:
        for number in range(10):
            yield b"%d\n" % number
    finally:
        closed.append("rows")


@app.get("/rows")
def export() -> Stream:
    return Stream(rows(), media_type="text/csv")


# [/stream-cleanup]
def test_a_stream_is_closed() -> None:
    Client(app).get("/rows")
    assert closed == ["rows"]


# [etag]
@app.get("/timetable", etag=True)
def timetable() -> list[str]:
    return ["12:00", "15:00"]


document = {"text": "first"}


def tag() -> str:
    return etag_of(document["text"].encode())


@app.get("/document")
def read_document() -> JSON:
    return JSON(document, headers={"etag": tag()})


@app.put("/document")
def write_document(request: Request, text: Body[str]) -> None:
    request.precondition(tag())
    document["text"] = text


# [/etag]
def test_conditional_requests() -> None:
    client = Client(app)
    # [etag-asked]
    first = client.get("/timetable")
    assert client.get("/timetable", headers={"if-none-match": first.headers["etag"]}).status == 304

    read = client.get("/document")
    mine = {"if-match": read.headers["etag"]}
    assert client.put("/document", body="second", headers=mine).status == 204
    assert client.put("/document", body="third", headers=mine).status == 412  # it has changed since
    # [/etag-asked]


# [after]
sent: list[str] = []


def send_receipt(address: str) -> None:
    sent.append(address)


@app.post("/buy")
def buy(address: str) -> Response:
    return Text("bought").after(send_receipt, address)


# [/after]
def test_after() -> None:
    with Client(app) as client:
        client.post("/buy?address=ada")
    assert sent == ["ada"]


# [media]
class MessagePack:
    type = "application/msgpack"

    def encode(self, value: Any) -> bytes:
        return msgspec.msgpack.encode(value)

    def decode(self, body: bytes) -> Any:
        return msgspec.msgpack.decode(body)


packed = App(media=(MessagePack(),), docs=False)


@packed.post("/films", media="application/msgpack")
def echo(film: Film) -> Film:
    return film


# [/media]
def test_media() -> None:
    body = msgspec.msgpack.encode({"id": 7, "title": "Sea"})
    answer = Client(packed).post("/films", body=body, headers={"content-type": "application/msgpack"})
    assert msgspec.msgpack.decode(answer.body) == {"id": 7, "title": "Sea"}
    assert Client(packed).post("/films", json={"id": 7, "title": "Sea"}).status == 200
