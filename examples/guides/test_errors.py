"""What docs/guides/errors.md shows, and the tests that hold it."""

from __future__ import annotations

from pydantic import BaseModel
from typing_extensions import TypedDict

from wholestack import App, Conflict, HTTPError, NotFound, Request, Response, Router, Text
from wholestack.errors import FieldFault, ValidationFailed
from wholestack.testing import Client

app = App(docs=False)


# [raise]
notes = {1: "milk"}


def find(id: int) -> str:
    if id not in notes:
        raise NotFound("There is no note of this number.")
    return notes[id]


@app.get("/notes/{id}", errors=(NotFound,))
def read(id: int) -> str:
    return find(id)


# [/raise]
def test_a_problem() -> None:
    client = Client(app)
    # [problem]
    answer = client.get("/notes/7")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no note of this number.",
        "code": "not-found",
        "request_id": answer.headers["x-request-id"],
    }
    # [/problem]
    # [page]
    page = client.get("/notes/7", headers={"accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>404 Not Found</h1>" in page.text
    # [/page]


# [own]
class NoteLocked(Conflict):
    code = "note-locked"
    detail = "Somebody else is editing this note."


@app.put("/notes/{id}", errors=(NotFound, NoteLocked))
def write(id: int) -> None:
    find(id)
    raise NoteLocked(headers={"retry-after": "60"}, extra={"locked_by": "ada"})


# [/own]
def test_an_error_of_ones_own() -> None:
    answer = Client(app).put("/notes/1")
    assert (answer.status, answer.headers["retry-after"]) == (409, "60")
    assert (answer.json()["code"], answer.json()["locked_by"]) == ("note-locked", "ada")


# [faults]
class Stay(BaseModel):
    arrival: int
    nights: int


@app.post("/stays")
def stay(new: Stay) -> None:
    if new.arrival + new.nights > 31:
        raise ValidationFailed([FieldFault("body", "/nights", "beyond-month", "We are closed from the 31st on.")])


# [/faults]
def test_faults_of_fields() -> None:
    answer = Client(app).post("/stays", json={"arrival": 30, "nights": 3})
    assert answer.expect(422).json()["errors"] == [
        {"in": "body", "pointer": "/nights", "code": "beyond-month", "detail": "We are closed from the 31st on."}
    ]


# [on-error]
class OutOfStock(Exception):
    def __init__(self, item: str) -> None:
        self.item = item


@app.on_error(OutOfStock)
def sold_out(error: OutOfStock, request: Request) -> Response:
    return Text(f"No {error.item} left. This was {request.path}.", status=409)


@app.get("/buy/{item}")
def buy(item: str) -> str:
    raise OutOfStock(item)


# [/on-error]
def test_an_error_handler() -> None:
    answer = Client(app).get("/buy/tea")
    assert (answer.status, answer.text) == (409, "No tea left. This was /buy/tea.")


# [nearest]
api = Router("/api")


@api.on_error(NotFound)
def nothing(error: NotFound) -> Response:
    return Text(f"API: {error.detail}", status=404)


@api.get("/notes/{id}")
def api_read(id: int) -> str:
    return find(id)


app.include(api)


# [/nearest]
def test_the_nearest_handler_counts() -> None:
    client = Client(app)
    assert client.get("/api/notes/7").text == "API: There is no note of this number."
    assert client.get("/notes/7").json()["code"] == "not-found"


# [unknown]
@app.get("/share")
def share(people: int) -> float:
    return 100 / people


# [/unknown]
def test_an_unknown_error_tells_nothing() -> None:
    # [unknown-asked]
    answer = Client(app, raise_errors=False).get("/share?people=0")
    assert (answer.status, answer.json()["code"]) == (500, "internal-error")
    assert "ZeroDivisionError" not in answer.text
    # [/unknown-asked]


# [format]
class Failure(TypedDict):
    error: str
    message: str
    trace: str


class HouseStyle:
    media_type = "application/json"
    model: type = Failure

    def body(self, error: HTTPError, request_id: str) -> Failure:
        return {"error": error.code, "message": error.detail, "trace": request_id}


styled = App(errors=HouseStyle(), docs=False)


# [/format]
def test_a_format_of_ones_own() -> None:
    answer = Client(styled).get("/nowhere")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"] == "not-found"
