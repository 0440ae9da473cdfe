"""What the app sends: webhooks and callbacks from typed functions; and what else a document says of an API."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from wholestack import App, Body, Header, Router, SetupError, Unauthorized, rule
from wholestack.openapi import OpenAPI, compare, document


class Note(BaseModel):
    """Something to remember."""

    text: Annotated[str, Field(max_length=80)]


class Order(BaseModel):
    told_at: str


class Taken(BaseModel):
    number: int


hooks = Router(tags=["hooks"])


@hooks.post("note-added")
def note_added(new: Note, x_signature: Header[str]) -> None:
    """A note was added.

    Sent within a second; answer with any status below 300.
    """


@hooks.post("notes-lost", status=200, answers={410: None}, deprecated=True, tags=["rare"])
def notes_lost(notes: Body[list[Note]]) -> Taken: ...  # type: ignore[empty-body]


def make(*, with_hooks: bool = True) -> App:
    app = App(title="Notes")
    app.use(OpenAPI(webhooks=hooks if with_hooks else None, external_docs="https://notes.example.org"))

    @app.post("/notes", tags=["notes"], extra={"docs": "https://notes.example.org/adding"})
    def create(new: Note) -> Note:
        return new

    return app


@pytest.fixture
def made() -> Any:
    return document(make())


def test_it_is_valid(made: Any) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(made).iter_errors()] == []


def test_a_webhook_is_what_its_function_says(made: Any) -> None:
    assert list(made["webhooks"]) == ["note-added", "notes-lost"]
    assert made["webhooks"]["note-added"] == {
        "post": {
            "operationId": "note_added",
            "summary": "A note was added",
            "description": "Sent within a second; answer with any status below 300.",
            "tags": ["hooks"],
            "parameters": [{"name": "x-signature", "in": "header", "required": True, "schema": {"type": "string"}}],
            "requestBody": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}},
                "required": True,
            },
            "responses": {"204": {"description": "No Content"}},
        }
    }
    lost = made["webhooks"]["notes-lost"]["post"]
    assert lost["deprecated"] is True
    assert lost["tags"] == ["hooks", "rare"]
    assert list(lost["responses"]) == ["200", "410"], "no error of ours: somebody else answers"
    assert made["components"]["schemas"]["Taken"]["properties"] == {"number": {"type": "integer"}}


def test_webhooks_answer_nobody_and_change_nothing_else(made: Any) -> None:
    plain = document(make(with_hooks=False))
    assert "webhooks" not in plain
    assert {name: value for name, value in made.items() if name not in {"webhooks", "components"}} == {
        name: value for name, value in plain.items() if name != "components"
    }
    assert [each.kind for each in compare(made, plain) if each.breaks] == ["webhook-removed"] * 2
    assert [route.path for route in make().describe().routes if not route.hidden] == ["/notes"]


def test_a_callback_stands_with_the_operation_that_makes_it() -> None:
    callbacks = Router()

    @callbacks.post("{$request.body#/told_at}")
    def order_sold(note: Note) -> None:
        """The order was sold."""

    app = App()

    @app.post("/orders", extra={"callbacks": callbacks})
    def create(order: Order) -> None: ...

    made = document(app)
    assert [error.message for error in OpenAPIV31SpecValidator(made).iter_errors()] == []
    found = made["paths"]["/orders"]["post"]["callbacks"]
    assert list(found) == ["order_sold"]
    ((address, item),) = found["order_sold"].items()
    assert address == "{$request.body#/told_at}"
    assert item["post"]["summary"] == "The order was sold"
    assert item["post"]["operationId"] == "create_order_sold"
    assert "Note" in made["components"]["schemas"]


def test_routers_of_webhooks_include_others() -> None:
    outer = Router(tags=["all"])
    outer.include(hooks)
    app = App()
    app.use(OpenAPI(webhooks=outer))
    assert document(app)["webhooks"]["note-added"]["post"]["tags"] == ["all", "hooks"]


def test_faults_are_found_while_the_app_is_sealed() -> None:
    wrong = Router()

    @wrong.post("note added")
    def note_added(new: Note) -> None: ...

    @wrong.post("lost")
    def lost(what) -> None: ...  # type: ignore[no-untyped-def]

    app = App()
    app.use(OpenAPI(webhooks=wrong))
    with pytest.raises(SetupError, match="no-type"):
        app.seal()
    wrong.routes.pop()
    app = App()
    app.use(OpenAPI(webhooks=wrong))
    with pytest.raises(SetupError, match=r"bad-webhook.*'note added' is no name"):
        app.seal()
    app = App()
    wrong.routes.clear()
    wrong.post("{$request.body#/url}")(lambda what: None)
    app.post("/orders", extra={"callbacks": wrong})(lambda: None)
    with pytest.raises(SetupError, match="no-type"):
        app.seal()


def test_addresses_of_more_documentation(made: Any) -> None:
    assert made["externalDocs"] == {"url": "https://notes.example.org"}
    assert made["paths"]["/notes"]["post"]["externalDocs"] == {"url": "https://notes.example.org/adding"}
    assert "external_docs" not in made["info"]


# -- who may come in -------------------------------------------------------------------------------------------------

LOGIN = {
    "type": "oauth2",
    "flows": {"authorizationCode": {
        "authorizationUrl": "https://login.example.org/authorize",
        "tokenUrl": "https://login.example.org/token",
        "scopes": {"read": "Read notes.", "write": "Write notes."},
    }},
}  # fmt: skip


@rule(scheme={"login": {**LOGIN, "scopes": ["read"]}})
def may_read(authorization: Header[str] = "") -> bool:
    raise Unauthorized("Log in.", challenge="Bearer")


@rule(scheme={"login": {**LOGIN, "scopes": ["write", "read"]}})
def may_write(authorization: Header[str] = "") -> bool:
    raise Unauthorized("Log in.", challenge="Bearer")


def test_scopes_are_what_an_operation_asks_for() -> None:
    app = App()
    app.get("/one", needs=may_read)(lambda: "")
    app.get("/both", needs=[may_read, may_write])(lambda: "")
    app.get("/either", needs=may_read | may_write)(lambda: "")
    made = document(app)
    assert [error.message for error in OpenAPIV31SpecValidator(made).iter_errors()] == []
    assert made["components"]["securitySchemes"] == {"login": LOGIN}
    found = {path: item["get"]["security"] for path, item in made["paths"].items()}
    assert found == {
        "/one": [{"login": ["read"]}],
        "/both": [{"login": ["read", "write"]}],
        "/either": [{"login": ["read"]}, {"login": ["write", "read"]}],
    }
