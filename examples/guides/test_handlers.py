"""What docs/guides/handlers.md shows, and the tests that hold it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from wholestack import App, Body, Cookie, Form, Header, Limits, Partial, Query, Upload
from wholestack.testing import Client

# [app]
app = App(title="Cinema")
# [/app]


# [path-query]
@app.get("/films/{id}")
def film(id: int, language: str = "en", subtitles: bool = False) -> str:
    return f"film {id} in {language}{' with subtitles' if subtitles else ''}"


# [/path-query]
def test_path_and_query() -> None:
    client = Client(app)
    # [path-query-asked]
    assert client.get("/films/7?subtitles=yes").text == "film 7 in en with subtitles"
    faults = client.get("/films/seven?subtitles=maybe").expect(422).json()["errors"]
    assert [(fault["in"], fault["pointer"]) for fault in faults] == [("path", "/id"), ("query", "/subtitles")]
    # [/path-query-asked]


# [constraints]
Page = Annotated[int, Field(ge=1, le=100)]
Genre = Literal["drama", "comedy", "documentary"]


@app.get("/films")
def films(page: Page = 1, genre: list[Genre] | None = None, since: date | None = None) -> dict[str, Any]:
    return {"page": page, "genre": genre, "since": since}


# [/constraints]
def test_constraints() -> None:
    client = Client(app)
    # [constraints-asked]
    answer = client.get("/films", query={"genre": ["drama", "comedy"], "since": date(2020, 1, 1)})
    assert answer.json() == {"page": 1, "genre": ["drama", "comedy"], "since": "2020-01-01"}
    assert client.get("/films?page=0").status == 422
    assert client.get("/films?page=1&page=2").status == 422  # one value is asked for
    # [/constraints-asked]


# [query-model]
class Search(BaseModel, extra="forbid"):
    words: Annotated[str, Field(min_length=1)]
    genre: list[Genre] = []
    page: Page = 1


@app.get("/search")
def search(what: Query[Search]) -> Search:
    return what


# [/query-model]
def test_a_model_from_the_query() -> None:
    client = Client(app)
    assert client.get("/search?words=sea&genre=drama").json() == {"words": "sea", "genre": ["drama"], "page": 1}
    assert client.get("/search?words=sea&colour=red").expect(422).json()["errors"][0]["pointer"] == "/colour"


# [header-cookie]
@app.get("/greeting")
def greeting(accept_language: Header[str] = "en", theme: Cookie[Literal["light", "dark"]] = "light") -> str:
    return f"{accept_language}, {theme}"


# [/header-cookie]
def test_headers_and_cookies() -> None:
    answer = Client(app).get("/greeting", headers={"accept-language": "cy", "cookie": "theme=dark"})
    assert answer.text == "cy, dark"


# [body]
class Seat(BaseModel):
    row: Annotated[str, Field(pattern="^[A-Z]$")]
    number: Annotated[int, Field(ge=1)]


class Booking(BaseModel):
    film: int
    seats: Annotated[list[Seat], Field(min_length=1, max_length=8)]


@app.post("/bookings", status=201)
def book(booking: Booking) -> Booking:
    return booking


# [/body]
def test_a_model_is_the_body() -> None:
    client = Client(app)
    # [body-asked]
    answer = client.post("/bookings", json={"film": 7, "seats": [{"row": "C", "number": 4}, {"row": "c", "number": 0}]})
    faults = answer.expect(422).json()["errors"]
    assert [fault["pointer"] for fault in faults] == ["/seats/1/row", "/seats/1/number"]
    # [/body-asked]
    assert client.post("/bookings", json={"film": 7, "seats": [{"row": "C", "number": 4}]}).status == 201


# [bodies]
@dataclass
class Rating:
    stars: int


class Review(TypedDict):
    text: str


@app.put("/films/{id}/rating")
def rate(id: int, rating: Rating) -> int:
    return rating.stars


@app.put("/films/{id}/review")
def review(id: int, review: Review) -> str:
    return review["text"]


@app.put("/films/{id}/tags")
def tag(id: int, tags: Body[list[str]]) -> list[str]:
    return sorted(tags)


# [/bodies]
def test_other_bodies() -> None:
    client = Client(app)
    assert client.put("/films/7/rating", json={"stars": 4}).json() == 4
    assert client.put("/films/7/review", json={"text": "long"}).text == "long"
    assert client.put("/films/7/tags", json=["sea", "art"]).json() == ["art", "sea"]


# [union]
class Card(BaseModel):
    kind: Literal["card"]
    number: str


class Voucher(BaseModel):
    kind: Literal["voucher"]
    code: str


Payment = Annotated[Card | Voucher, Field(discriminator="kind")]


@app.post("/payments")
def pay(payment: Payment) -> str:
    match payment:
        case Card():
            return "paid by card"
        case Voucher():
            return "paid by voucher"


# [/union]
def test_a_union() -> None:
    client = Client(app)
    assert client.post("/payments", json={"kind": "voucher", "code": "X"}).text == "paid by voucher"
    faults = client.post("/payments", json={"kind": "voucher"}).expect(422).json()["errors"]
    assert [fault["pointer"] for fault in faults] == ["/code"]


# [partial]
class Profile(BaseModel):
    name: Annotated[str, Field(min_length=1)]
    nickname: str | None = None


ada = Profile(name="Ada", nickname="Countess")


@app.patch("/profile")
def change(changes: Partial[Profile]) -> Profile:
    return changes.apply(ada)


# [/partial]
def test_a_partial_model() -> None:
    client = Client(app)
    # [partial-asked]
    assert client.patch("/profile", json={"nickname": None}).json() == {"name": "Ada", "nickname": None}
    assert client.patch("/profile", json={"name": ""}).status == 422
    # [/partial-asked]


# [forms]
class SignUp(BaseModel):
    name: str
    newsletter: bool = False


@app.post("/sign-up")
def sign_up(new: Form[SignUp]) -> SignUp:
    return new


@app.post("/posters", limits=Limits(body="5 MB"))
def poster(title: Form[str], image: Upload) -> dict[str, Any]:
    return {"title": title, "named": image.filename, "stored as": image.suffix, "bytes": image.size}


# [/forms]
def test_forms_and_uploads() -> None:
    client = Client(app)
    # [forms-asked]
    answer = client.post("/sign-up", data={"name": "Ada", "newsletter": "on"})
    assert answer.json() == {"name": "Ada", "newsletter": True}
    answer = client.post("/posters", data={"title": "Sea"}, files={"image": ("sea.png", b"...", "image/png")})
    assert answer.json() == {"title": "Sea", "named": "sea.png", "stored as": ".png", "bytes": 3}
    # [/forms-asked]


# [raw]
@app.post("/raw")
def raw(content: Body[bytes]) -> int:
    return len(content)


@app.post("/stream")
async def stream(chunks: Body[AsyncIterator[bytes]]) -> int:
    return sum([len(chunk) async for chunk in chunks])


# [/raw]
def test_raw_and_streamed_bodies() -> None:
    client = Client(app)
    assert client.post("/raw", body=b"12345").json() == 5
    assert client.post("/stream", body=b"12345").json() == 5


# [colours]
@app.get("/plain")
def plain() -> str:
    return "in a worker thread"


@app.get("/async")
async def asynchronous() -> str:
    return "on the event loop"


# [/colours]
def test_both_colours() -> None:
    client = Client(app)
    assert (client.get("/plain").text, client.get("/async").text) == ("in a worker thread", "on the event loop")
    colours = {route.path: route.colour for route in app.describe().routes}
    assert (colours["/plain"], colours["/async"]) == ("def", "async")


# [returns]
@dataclass
class Row:
    id: int
    title: str
    internal_note: str


class FilmOut(BaseModel):
    id: int
    title: str


@app.get("/catalogue", returns=list[FilmOut])
def catalogue() -> list[Row]:
    return [Row(7, "Sea", "cut the last scene")]


# [/returns]
def test_what_the_wire_shows() -> None:
    assert Client(app).get("/catalogue").json() == [{"id": 7, "title": "Sea"}]
