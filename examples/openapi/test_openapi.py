"""What docs/guides/openapi.md shows, and the tests that hold it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field, computed_field

from wholestack import App, Conflict, Header, HTTPError, NotFound, Query, Redirect, Unauthorized, rule
from wholestack.openapi import OpenAPI, document
from wholestack.testing import Client

app = App(title="Films", version="1.2.0")
app.use(
    # [plugin]
    OpenAPI(
        summary="What is on, and where",
        license={"name": "CC0-1.0"},
        servers=["https://api.example.org"],
        tags={"films": "Everything that is on."},
    )
    # [/plugin]
)


# [handler]
class Film(BaseModel):
    """A film that is on."""

    title: Annotated[str, Field(min_length=1, description="As on the poster.", examples=["The Sea"])]
    price: Decimal = Decimal("9.50")

    @computed_field
    def label(self) -> str:
        """Title and price."""
        return f"{self.title}, {self.price}"


class Search(BaseModel):
    words: Annotated[str, Field(description="Parts of the title.")] = ""
    genre: list[str] = []
    page: Annotated[int, Field(ge=1)] = 1


@app.get("/films", tags=["films"])
def list_films(what: Query[Search]) -> list[Film]:
    """What is on.

    The film that starts next comes first. Every one of the `words` is in the title.
    """
    return [Film(title="The Sea")]


# [/handler]


# [errors]
class SoldOut(Conflict):
    """No seat is left."""

    code = "sold-out"


@app.get("/films/{id}", tags=["films"], errors=(NotFound,))
def show_film(id: int) -> Film:
    raise NotFound("There is no such film.")


@app.post("/films/{id}/seats", tags=["films"], status=201, errors=(NotFound, SoldOut), answers={202: None})
def take_seat(id: int) -> Film | Redirect:
    raise SoldOut("No seat is left.")


# [/errors]


# [security]
@rule(scheme={"key": {"type": "apiKey", "in": "header", "name": "x-key", "description": "From the box office."}})
def has_key(x_key: Header[str] = "") -> bool:
    if not x_key:
        raise Unauthorized("Send the key.", challenge="Key")
    return x_key == "open sesame"


@app.post("/films", tags=["films"], needs=has_key)
def add_film(new: Film) -> Film:
    return new


# [/security]


@app.get("/health", hidden=True)
def health() -> str:
    return "well"


def test_words_and_parameters() -> None:
    found = document(app)["paths"]["/films"]["get"]
    # [handler-shown]
    assert found["summary"] == "What is on"
    assert found["description"].startswith("The film that starts next")
    assert [(each["name"], each["in"]) for each in found["parameters"]] == [
        ("words", "query"),
        ("genre", "query"),
        ("page", "query"),
    ]
    # [/handler-shown]
    assert list(OpenAPIV31SpecValidator(document(app)).iter_errors()) == []


def test_errors() -> None:
    # [errors-shown]
    paths = document(app)["paths"]
    assert list(paths["/films/{id}"]["get"]["responses"]) == ["200", "404", "422"]
    assert list(paths["/films/{id}/seats"]["post"]["responses"]) == ["201", "202", "303", "404", "409", "422"]
    # [/errors-shown]


def test_a_format_of_ones_own() -> None:
    # [format]
    class Oops(BaseModel):
        message: str
        wrong: list[str] = []

    class OurErrors:
        media_type = "application/json"
        model: type = Oops

        def body(self, error: HTTPError, request_id: str) -> dict[str, Any]:
            return {"message": error.detail, "wrong": [fault.pointer for fault in error.faults]}

    ours = App(errors=OurErrors())
    # [/format]

    @ours.get("/films/{id}")
    def film(id: int) -> str:
        return ""

    # [format-shown]
    shown = document(ours)["components"]["responses"]["ValidationFailed"]["content"]
    assert shown == {"application/json": {"schema": {"$ref": "#/components/schemas/Oops"}}}
    assert Client(ours).get("/films/seven").json() == {"message": "1 field is wrong.", "wrong": ["/id"]}
    # [/format-shown]


def test_security() -> None:
    found = document(app)["paths"]["/films"]["post"]
    # [security-shown]
    assert found["security"] == [{"key": []}]
    assert "parameters" not in found  # the scheme says it all
    assert {"401", "403"} <= set(found["responses"])
    # [/security-shown]


def test_models() -> None:
    # [models]
    schemas = document(app)["components"]["schemas"]
    assert list(schemas["Film-Input"]["properties"]) == ["title", "price"]
    assert list(schemas["Film-Output"]["properties"]) == ["title", "price", "label"]
    # [/models]


def test_the_plugin() -> None:
    made = document(app)
    assert made["info"] == {
        "title": "Films",
        "version": "1.2.0",
        "summary": "What is on, and where",
        "license": {"name": "CC0-1.0"},
    }
    assert made["servers"] == [{"url": "https://api.example.org"}]
    assert made["tags"] == [{"name": "films", "description": "Everything that is on."}]
    assert "/health" not in made["paths"]


def test_where_they_are() -> None:
    # [where]
    internal = App()
    internal.use(OpenAPI("/internal/spec.json", docs=None))  # no page
    none = App(docs=False)  # neither
    # [/where]
    assert Client(internal).get("/internal/spec.json").json() == document(internal)
    assert Client(internal).get("/docs").status == 404
    assert Client(none).get("/openapi.json").status == 404


def test_a_page_of_ones_own() -> None:
    # [own]
    ours = App()

    @ours.get("/docs", hidden=True)
    def our_docs() -> Redirect:
        return Redirect("https://docs.example.org", hosts=["docs.example.org"])

    # [/own]
    assert Client(ours).get("/docs").headers["location"] == "https://docs.example.org"
    assert Client(ours).get("/openapi.json").status == 200


def test_after_a_plugin() -> None:
    # [plugin-of-ones-own]
    class Versioned:
        """Shows each document with the day it is from."""

        def setup(self, app: App) -> None:
            @app.get("/openapi-dated.json", hidden=True)
            def dated() -> dict[str, Any]:
                made = document(app)
                return {**made, "info": {**made["info"], "x-day": "2026-01-02"}}

    # [/plugin-of-ones-own]
    ours = App()
    ours.use(Versioned())
    assert Client(ours).get("/openapi-dated.json").json()["info"]["x-day"] == "2026-01-02"


def test_one_app_answers_as_it_says() -> None:
    client = Client(app)
    assert client.get("/films").json() == [{"title": "The Sea", "price": "9.50", "label": "The Sea, 9.50"}]
    assert client.get("/films/7").status == 404
    assert client.post("/films/7/seats").json()["code"] == "sold-out"
    assert client.post("/films", json={"title": "Rain"}).status == 401
    assert client.post("/films", json={"title": "Rain"}, headers={"x-key": "open sesame"}).json()["title"] == "Rain"
    assert client.get("/health").text == "well"
