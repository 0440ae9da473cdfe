"""What docs/guides/openapi.md shows of what an app sends, and of who may come in."""

from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from wholestack import App, Header, Router, Unauthorized, rule
from wholestack.openapi import OpenAPI, document


class Film(BaseModel):
    title: str


# [webhooks]
webhooks = Router(tags=["films"])


@webhooks.post("film-added")
def film_added(new: Film, x_signature: Header[str]) -> None:
    """A film is on.

    Sent to every address that asked for it; answer with any status below 300.
    """


app = App(title="Films")
app.use(OpenAPI(webhooks=webhooks, external_docs="https://films.example.org/help"))
# [/webhooks]


# [callbacks]
class Order(BaseModel):
    title: str
    told_at: str


class Seat(BaseModel):
    number: int


callbacks = Router()


@callbacks.post("{$request.body#/told_at}")
def seat_found(seat: Seat) -> None:
    """Your seat."""


@app.post("/orders", status=202, extra={"callbacks": callbacks, "docs": "https://films.example.org/orders"})
def order(new: Order) -> None:
    """Order a seat."""
    # [/callbacks]


# [scopes]
LOGIN: dict[str, Any] = {
    "type": "oauth2",
    "flows": {
        "authorizationCode": {
            "authorizationUrl": "https://login.example.org/authorize",
            "tokenUrl": "https://login.example.org/token",
            "scopes": {"films:write": "Add and change films."},
        }
    },
}


@rule(scheme={"login": {**LOGIN, "scopes": ["films:write"]}})
def may_write(authorization: Header[str] = "") -> bool:
    if authorization != "Bearer open sesame":
        raise Unauthorized("Log in.", challenge="Bearer")
    return True


@app.post("/films", needs=may_write)
def add_film(new: Film) -> Film:
    return new


# [/scopes]


def test_the_app_says_what_it_sends() -> None:
    made = document(app)
    assert [error.message for error in OpenAPIV31SpecValidator(made).iter_errors()] == []
    # [webhooks-shown]
    sent = made["webhooks"]["film-added"]["post"]
    assert sent["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Film"}
    assert list(sent["responses"]) == ["204"]
    # [/webhooks-shown]
    # [callbacks-shown]
    shown = made["paths"]["/orders"]["post"]
    assert list(shown["callbacks"]["seat_found"]) == ["{$request.body#/told_at}"]
    assert shown["externalDocs"] == {"url": "https://films.example.org/orders"}
    # [/callbacks-shown]


def test_scopes_stand_with_the_operation() -> None:
    made = document(app)
    # [scopes-shown]
    assert made["paths"]["/films"]["post"]["security"] == [{"login": ["films:write"]}]
    assert made["components"]["securitySchemes"] == {"login": LOGIN}
    # [/scopes-shown]
