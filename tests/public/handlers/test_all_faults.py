"""Every fault of every field at once, each with a pointer, none with the value that was sent."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic
from hypothesis import given
from hypothesis import strategies as st

from callers import multipart
from wholestack import App, Body, Cookie, Form, Header, Query, Upload
from wholestack.handlers import json_pointer


class Item(pydantic.BaseModel):
    price: Annotated[int, pydantic.Field(gt=0)]
    names: dict[str, int] = {}


class Basket(pydantic.BaseModel):
    items: list[Item]
    owner: str = pydantic.Field(alias="ownerName")
    either: int | list[int] | None = None
    nested: dict[str, dict[str, list[Item]]] = {}


class Filter(pydantic.BaseModel):
    size: Annotated[int, pydantic.Field(le=5)] = 1


def test_path_query_header_cookie_and_body_together(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.post("/shops/{shop}")
    @colour
    def buy(
        shop: int, basket: Basket, page: int, x_trace: Header[int], seen: Cookie[int], filter: Query[Filter]
    ) -> str:
        raise AssertionError("called")

    refused = serve(app).post(
        "/shops/s3cret-path?page=s3cret-page&size=9",
        headers={"x-trace": "s3cret-trace", "cookie": "seen=s3cret-cookie"},
        data={
            "items": [{"price": -12345}, {"price": 1, "names": {"s": "s3cret-name"}}],
            "ownerName": 98765,
            "either": {},
        },
    )
    assert refused.faults == [
        ("path", "/shop", "int_parsing"),
        ("query", "/page", "int_parsing"),
        ("header", "/x-trace", "int_parsing"),
        ("cookie", "/seen", "int_parsing"),
        ("query", "/size", "less_than_equal"),
        ("body", "/items/0/price", "greater_than"),
        ("body", "/items/1/names/s", "int_parsing"),
        ("body", "/ownerName", "string_type"),
        ("body", "/either", "int_type"),
        ("body", "/either", "list_type"),
    ]
    for value in ("s3cret", "12345", "98765"):
        assert value not in refused.text
    problem = refused.json()
    assert problem["code"] == "validation-failed"
    assert problem["title"] == "Unprocessable Content"
    assert problem["detail"] == "10 fields are wrong."
    assert problem["request_id"] == refused.headers["x-request-id"]
    assert all(each["detail"] for each in problem["errors"])


def test_faults_of_a_form_and_of_what_a_provider_reads(serve: Any) -> None:
    class Limit(pydantic.BaseModel):
        top: int

    def limit(top: int = 3) -> Limit:
        return Limit(top=top)

    app = App(docs=False)
    app.provide(limit)

    @app.post("/{id}")
    def send(id: int, limit: Limit, title: Form[str], photo: Upload) -> str:
        raise AssertionError("called")

    client = serve(app)
    body, headers = multipart([("other", None, None, b"x")])
    assert client.post("/a?top=b", body=body, headers=headers).faults == [
        ("path", "/id", "int_parsing"),
        ("query", "/top", "int_parsing"),
        ("form", "/title", "missing"),
        ("form", "/photo", "missing"),
    ]


def test_pointers_into_nested_values(serve_one: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    def take(basket: Basket) -> str:
        raise AssertionError("called")

    nested = {"a/b": {"c~d": [{"price": 1}, {"price": 0}], "": [{}]}, "0": {"int": [{"price": "x"}]}}
    refused = serve_one(app).post("/", data={"items": [], "ownerName": "x", "either": [1, "y"], "nested": nested})
    assert [pointer for _, pointer, _ in refused.faults] == [
        "/either",
        "/either/1",
        "/nested/a~1b/c~0d/1/price",
        "/nested/a~1b//0/price",
        "/nested/0/int/0/price",
    ]


def test_a_fault_of_a_whole_model_points_at_the_whole(serve_one: Any) -> None:
    class Range(pydantic.BaseModel):
        low: int
        high: int

        @pydantic.model_validator(mode="after")
        def ordered(self) -> Range:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    app = App(docs=False)

    @app.post("/body")
    def body(range: Range) -> str:
        raise AssertionError("called")

    @app.post("/list")
    def many(ranges: Body[list[Range]]) -> str:
        raise AssertionError("called")

    @app.get("/query")
    def query(range: Query[Range]) -> str:
        raise AssertionError("called")

    client = serve_one(app)
    assert client.post("/body", data={"low": 2, "high": 1}).faults == [("body", "", "value_error")]
    assert client.post("/list", data=[{"low": 2, "high": 1}]).faults == [("body", "/0", "value_error")]
    assert client.get("/query?low=2&high=1").faults == [("query", "", "value_error")]
    assert "low is above high" in client.get("/query?low=2&high=1").text


@given(st.lists(st.text() | st.integers(min_value=0)))
def test_a_pointer_leads_back_to_its_path(path: list[str | int]) -> None:
    pointer = json_pointer(path)
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    assert parts == [str(part) for part in path]
