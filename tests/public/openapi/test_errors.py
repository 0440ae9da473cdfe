"""Every error answer of a running app is what its own document says, whatever the app's format."""

import json
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from wholestack import (
    HTML,
    JSON,
    App,
    Conflict,
    Forbidden,
    Gone,
    Header,
    HTTPError,
    Limits,
    NotFound,
    Unauthorized,
    rule,
)
from wholestack.openapi import document


class Oops(TypedDict):
    """Our own shape."""

    message: str
    fields: dict[str, str]


class Mine:
    media_type = "application/vnd.oops+json"
    model: type = Oops

    def body(self, error: HTTPError, request_id: str) -> Any:
        fields = {f"{each.source}{each.pointer}": each.detail for each in error.faults}
        return {"message": error.detail or error.title, "fields": fields}


class Note(BaseModel):
    text: Annotated[str, Field(min_length=1)]


class TooSoon(Conflict):
    """Somebody else is writing."""

    code = "too-soon"

    def __init__(self, who: str) -> None:
        super().__init__(f"{who} is writing.", extra={"who": who})


@rule(scheme={"key": {"type": "apiKey", "in": "header", "name": "x-key"}})
def has_key(x_key: Header[str] = "") -> bool:
    if not x_key:
        raise Unauthorized("Send the key.", challenge="Key")
    return x_key == "secret"


def make(**options: Any) -> App:
    app = App(limits=Limits(body=100), **options)

    @app.put("/notes/{id}", needs=has_key, errors=(NotFound, TooSoon))
    def replace(id: int, note: Note, page: int = 1) -> Note:
        if id == 404:
            raise NotFound("There is no such note.")
        if id == 409:
            raise TooSoon("Ann")
        return note

    return app


KEY = {"x-key": "secret"}
OK = b'{"text": "milk"}'
PROVOKED: dict[int, list[dict[str, Any]]] = {
    400: [{"body": b"{"}, {"target": "/notes/1?page=%zz"}],
    401: [{"headers": {}}],
    403: [{"headers": {"x-key": "wrong"}}],
    404: [{"target": "/notes/404"}],
    409: [{"target": "/notes/409"}],
    413: [{"body": b" " * 101}],
    414: [{"target": f"/notes/1?page={'1' * 8192}"}],
    415: [{"headers": {**KEY, "content-type": "text/csv"}}],
    422: [{"body": b'{"text": ""}'}, {"target": "/notes/x?page=y"}, {"body": b""}],
}


def check(made: dict[str, Any], responses: dict[str, Any], answer: Any) -> None:
    found = responses[str(answer.status)]
    if "$ref" in found:
        found = made["components"]["responses"][found["$ref"].rpartition("/")[2]]
    (media,) = found["content"]
    assert answer.headers["content-type"] == media
    # The references of a schema lead into the document, so the document stands around it.
    schema = {**made, **found["content"][media]["schema"]}
    Draft202012Validator(schema).validate(answer.json())
    for example in found["content"][media].get("examples", {}).values():
        Draft202012Validator(schema).validate(example["value"])


@pytest.mark.parametrize("options", [{}, {"errors": Mine()}], ids=["problem", "mine"])
def test_each_error_that_is_documented_is_answered_so(serve_one: Callable[[App], Any], options: Any) -> None:
    app = make(**options)
    made = document(app)
    client = serve_one(app)
    responses = made["paths"]["/notes/{id}"]["put"]["responses"]
    assert [int(status) for status in responses] == [200, *PROVOKED]
    for status, requests in PROVOKED.items():
        for request in requests:
            sent = {"headers": KEY, "body": OK, **request}
            sent["headers"] = {"content-type": "application/json", **sent["headers"]}
            answer = client.put(sent.pop("target", "/notes/1"), **sent)
            assert answer.status == status, (request, answer.body)
            check(made, responses, answer)


def test_the_format_is_in_the_document_and_nothing_of_another() -> None:
    made = document(make(errors=Mine()))
    assert "Problem" not in json.dumps(made)
    assert made["components"]["schemas"]["Oops"]["required"] == ["message", "fields"]
    contents = [each["content"] for each in made["components"]["responses"].values()]
    assert contents == [{Mine.media_type: {"schema": {"$ref": "#/components/schemas/Oops"}}}] * len(contents)


def test_a_fault_of_a_field_is_described() -> None:
    made = document(make())
    problem, fault = (made["components"]["schemas"][name] for name in ("Problem", "ProblemFault"))
    assert problem["properties"]["errors"]["items"] == {"$ref": "#/components/schemas/ProblemFault"}
    assert fault["required"] == ["in", "pointer", "code", "detail"]
    examples = made["components"]["responses"]["ValidationFailed"]["content"]["application/problem+json"]["examples"]
    assert examples["validation-failed"]["value"]["errors"][0]["code"] == "int_parsing"


def test_an_error_of_the_app_s_own_is_described_by_its_words() -> None:
    responses = document(make())["components"]["responses"]
    assert responses["TooSoon"]["description"] == "Somebody else is writing."
    assert "examples" not in responses["TooSoon"]["content"]["application/problem+json"]
    assert responses["NotFound"]["description"] == "Not Found"


def test_several_errors_of_one_status_stand_in_one_answer() -> None:
    class Sold(Gone):
        code = "sold"

    class Burnt(Gone):
        """It burnt down."""

        code = "burnt"

    app = App()
    app.get("/", errors=(Sold, Burnt, Sold))(lambda: "")
    found = document(app)["paths"]["/"]["get"]["responses"]["410"]
    assert found["description"] == "Gone; It burnt down."
    assert list(found["content"]["application/problem+json"]["examples"]) == ["sold", "burnt"]


def test_errors_of_one_name_are_told_apart_by_their_modules() -> None:
    first = type("Lost", (NotFound,), {"__module__": "shop.errors"})
    second = type("Lost", (Gone,), {"__module__": "post.errors"})
    app = App()
    app.get("/", errors=(first, second))(lambda: "")
    made = document(app)
    assert list(made["components"]["responses"]) == ["post.errors.Lost", "shop.errors.Lost"]
    assert made["paths"]["/"]["get"]["responses"]["404"] == {"$ref": "#/components/responses/shop.errors.Lost"}


def test_what_an_error_handler_answers_stands_in_the_document(serve_one: Callable[[App], Any]) -> None:
    class Sorry(BaseModel):
        sorry: str

    app = make()

    @app.on_error(NotFound)
    def missing(error: NotFound) -> Sorry:
        return Sorry(sorry=error.detail)

    @app.on_error(Forbidden)
    def forbidden(error: Forbidden) -> HTML:
        return HTML("<p>No.</p>", status=403)

    made = document(app)
    responses = made["paths"]["/notes/{id}"]["put"]["responses"]
    assert responses["404"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Sorry"}
    assert list(responses["403"]["content"]) == ["text/html"]
    assert "NotFound" not in made["components"]["responses"]
    client = serve_one(app)
    answer = client.put("/notes/404", headers={**KEY, "content-type": "application/json"}, body=OK)
    check(made, responses, answer)


def test_what_the_route_says_of_a_status_goes_before_what_it_implies() -> None:
    class Wrong(BaseModel):
        wrong: str

    def answered(query: int) -> JSON:
        return JSON({})

    app = App()
    app.get("/", answers={422: Wrong, 500: None})(answered)
    responses = document(app)["paths"]["/"]["get"]["responses"]
    assert responses["422"]["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Wrong"}}}
    assert responses["500"]["description"] == "Internal Server Error"
