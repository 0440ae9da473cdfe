"""What docs/guides/testing.md shows, and the tests that hold it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from wholestack import App, Cookie, Form, NotFound, Redirect, Response, Stream, Upload
from wholestack.testing import AsyncClient, Client, UnexpectedAnswer


class Film(BaseModel):
    id: int
    title: str


class Mailer:
    def send(self, to: str) -> None:
        raise ConnectionError("There is no mail server in this test.")


films = {7: Film(id=7, title="Sea")}
app = App(title="Films")
app.provide(Mailer)


@app.get("/films/{id}")
def film(id: int) -> Film:
    if id not in films:
        raise NotFound(f"There is no film {id}.")
    return films[id]


@app.get("/films")
def all_films(q: str = "", tag: list[str] | None = None) -> list[Film]:
    return [each for each in films.values() if q in each.title]


@app.post("/films", status=201)
def add(film: Film) -> Film:
    films[film.id] = film
    return film


@app.post("/posters")
def poster(title: Form[str], file: Upload) -> str:
    return f"{title}: {file.filename}, {file.size} bytes"


@app.post("/login")
def login(name: Form[str]) -> Redirect:
    answer = Redirect("/me")
    answer.set_cookie("name", name)
    return answer


@app.get("/me")
def me(name: Cookie[str] = "nobody") -> str:
    return name


@app.post("/invite/{name}")
def invite(name: str, mailer: Mailer) -> str:
    mailer.send(name)
    return "sent"


@app.post("/remind/{name}")
def remind(name: str) -> Response:
    return Response("later").after(reminded.append, name)


@app.get("/ticks")
async def ticks() -> Stream:
    return Stream(ticking())


async def ticking() -> AsyncIterator[str]:
    try:
        while True:
            yield "tick "
            await asyncio.sleep(0.001)
    finally:
        ended.append("clock")


@app.lifespan
@contextlib.contextmanager
def opened() -> Iterator[None]:
    ended.append("opened")
    yield
    ended.append("closed")


ended: list[str] = []
reminded: list[str] = []


# [first]
def test_a_film() -> None:
    with Client(app) as client:
        answer = client.get("/films/7").expect(200)
    assert answer.json() == {"id": 7, "title": "Sea"}
    assert answer.headers["content-type"] == "application/json"


# [/first]


def test_requests() -> None:
    client = Client(app)
    # [requests]
    client.get("/films", query={"q": "Sea", "tag": ["old", "blue"]})
    client.post("/films", json=Film(id=8, title="Fog"))
    client.post("/posters", data={"title": "Sea"}, files={"file": ("sea.png", b"...", "image/png")})
    client.post("/films", body=b'{"id": 9', headers={"content-type": "application/json"})
    client.request("GET", "/me", cookies={"name": "Ada"})
    # [/requests]
    assert client.get("/films", query={"q": "Fog"}).json() == [{"id": 8, "title": "Fog"}]
    answer = client.post("/posters", data={"title": "Sea"}, files={"file": ("sea.png", b"...", "image/png")})
    assert answer.text == "Sea: sea.png, 3 bytes"


def test_expect() -> None:
    client = Client(app)
    with pytest.raises(UnexpectedAnswer) as raised:
        # [expect]
        client.post("/films", json={"id": "seven"}).expect(201)
        # [/expect]
    lines = str(raised.value).splitlines()
    assert lines[0] == "POST http://testserver/films was answered 422 Unprocessable Content, not 201."
    assert lines[2].startswith("      body /id: int_parsing: ")


# [login]
def test_login() -> None:
    client = Client(app)
    answer = client.post("/login", data={"name": "Ada"}, follow=True).expect(200)
    assert (answer.url, answer.text) == ("http://testserver/me", "Ada")
    assert [each.status for each in answer.history] == [303]
    assert client.cookies["name"] == "Ada"
    assert Client(app).get("/me").text == "nobody"


# [/login]


# [errors]
def test_a_mail_server_that_is_away() -> None:
    with pytest.raises(ConnectionError, match="no mail server"):
        Client(app).post("/invite/ada")
    answer = Client(app, raise_errors=False).post("/invite/ada")
    assert (answer.status, answer.json()["code"]) == (500, "internal-error")


# [/errors]


# [replace]
class Outbox(Mailer):
    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, to: str) -> None:
        self.sent.append(to)


def test_an_invitation() -> None:
    outbox = Outbox()
    with app.replace(Mailer, outbox) as twin, Client(twin) as client:
        client.post("/invite/ada").expect(200)
    assert outbox.sent == ["ada"]


# [/replace]


# [after]
def test_a_reminder() -> None:
    Client(app).post("/remind/ada").expect(200)
    assert reminded == ["ada"]


# [/after]


# [stream]
def test_ticks() -> None:
    with Client(app).stream("GET", "/ticks") as answer:
        assert next(answer.chunks()) == b"tick "
    assert ended[-1] == "clock"


# [/stream]


# [async]
async def several() -> list[str]:
    async with AsyncClient(app) as client:
        answers = await asyncio.gather(client.get("/films/7"), client.get("/me"))
        return [answer.text for answer in answers]


def test_several() -> None:
    assert asyncio.run(several()) == ['{"id":7,"title":"Sea"}', "nobody"]


# [/async]


# [interfaces]
@pytest.mark.parametrize("interface", ["asgi", "wsgi", "rsgi"])
def test_on_every_interface(interface: Any) -> None:
    with Client(app, interface=interface) as client:
        client.get("/films/7").expect(200)


# [/interfaces]


# [life]
def test_it_starts_and_stops() -> None:
    with Client(app) as client:
        assert ended[-1] == "opened"
        client.get("/me").expect(200)
    assert ended[-1] == "closed"


# [/life]


# [fixture]
@pytest.fixture(name="app")
def the_app() -> App:
    return app


def test_with_the_plugin(client: Client) -> None:
    client.get("/films/7").expect(200)


def test_with_the_plugin_awaited(async_client: AsyncClient) -> None:
    async def ask() -> None:
        (await async_client.get("/films/7")).expect(200)

    asyncio.run(ask())


# [/fixture]
