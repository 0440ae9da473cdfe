"""The contract asks for refusals: what the document forbids gets a 4xx; what the types read leniently is no fault."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import pydantic
import pytest

from wholestack import App, Body, Form, Header, Query
from wholestack.testing import Contract, UnexpectedAnswer

ZIP = {"type": "string", "pattern": "^[0-9]{5}$", "minLength": 5, "maxLength": 5}
#: It says more than it holds, as a schema that was written by hand may.
Zip = Annotated[str, pydantic.WithJsonSchema(ZIP)]


class Loose(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(json_schema_extra={"required": ["street"]})

    street: str = ""


class Kept(pydantic.BaseModel):
    """Everything that Pydantic reads leniently, besides what it does not."""

    name: Annotated[str, pydantic.Field(min_length=1, max_length=20)]
    tags: set[str] = set()
    done: bool = False
    share: float = 0.0
    day: datetime.date = datetime.date(2026, 1, 1)
    parts: list[Annotated[int, pydantic.Field(ge=0, le=9)]] = []


def app() -> App:
    made = App(title="Refusals")

    @made.post("/query", status=204)
    def query(zip: Zip = "10001") -> None: ...

    @made.get("/path/{zip}", status=204)
    def path(zip: Zip) -> None: ...

    @made.post("/header", status=204)
    def header(x_zip: Header[Zip]) -> None: ...

    @made.post("/body", status=204)
    def body(zips: Body[list[Zip]]) -> None: ...

    @made.post("/required", status=204)
    def required(address: Loose) -> None: ...

    @made.post("/kept")
    def kept(item: Kept, page: Annotated[Query[int], pydantic.Field(ge=1, le=50)] = 1) -> Kept:
        return item

    @made.post("/form", status=204)
    def form(
        name: Form[str], count: Annotated[Form[int], pydantic.Field(ge=1)] = 1, sure: Form[bool] = False
    ) -> None: ...

    @made.get("/plain")
    def plain() -> str:
        return "nothing to get wrong"

    @made.post("/secret", hidden=True)
    def secret(zip: Body[Zip]) -> None: ...

    return made


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(app(), examples=150)


@pytest.mark.parametrize(
    "operation", ["POST /query", "GET /path/{zip}", "POST /header", "POST /body", "POST /required"]
)
def test_what_is_forbidden_and_taken(contract: Contract, operation: str) -> None:
    with pytest.raises(UnexpectedAnswer) as found:
        contract.check(operation)
    assert "Invalid data should have been rejected" in str(found.value)
    assert "curl -X " in str(found.value)


@pytest.mark.parametrize("operation", ["POST /kept", "POST /form", "GET /plain"])
def test_what_is_refused_or_read_leniently(contract: Contract, operation: str) -> None:
    contract.check(operation)


def test_what_is_hidden_is_not_asked(contract: Contract) -> None:
    assert not any("/secret" in each for each in contract.operations)


def test_it_was_asked_for_what_is_forbidden() -> None:
    """Else the operations that pass would say nothing."""
    made, seen = App(title="Seen"), list[Any]()

    @made.middleware
    def statuses(request: Any) -> Any:
        response = yield
        seen.append(response.status)
        return response

    @made.post("/kept", status=204)
    def kept(item: Kept) -> None: ...

    Contract(made, examples=60).check("POST /kept")
    assert {204, 422} <= set(seen)
