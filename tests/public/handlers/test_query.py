"""Rule 4: what is nothing else is read from the query string."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal, NewType, NotRequired

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from callers import Asgi
from wholestack import App, Limits, Query, Request

Amount = NewType("Amount", decimal.Decimal)


class Order(enum.Enum):
    UP = "up"
    DOWN = "down"


class Search(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    text: str = pydantic.Field(min_length=2)
    tag: list[str] = []
    page: Annotated[int, pydantic.Field(ge=1)] = 1
    order_by: Order = pydantic.Field(Order.UP, alias="order")


def test_scalars_and_defaults(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show(q: str, n: int = 3, exact: bool = False, near: float | None = None) -> list[object]:
        return [q, n, exact, near]

    client = serve(app)
    assert client.get("/?q=two+words%21").json() == ["two words!", 3, False, None]
    assert client.get("/?q=&n=-4&exact=true&near=0.5").json() == ["", -4, True, 0.5]
    assert client.get("/?q=a&unknown=1").json() == ["a", 3, False, None]
    assert client.get("/").faults == [("query", "/q", "missing")]
    assert client.get("/?n=x&exact=perhaps&near=nan").faults == [
        ("query", "/q", "missing"),
        ("query", "/n", "int_parsing"),
        ("query", "/exact", "bool_parsing"),
        ("query", "/near", "finite_number"),
    ]


def test_a_scalar_given_twice_is_refused(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(user: str = "", n: int = 0, order: Order = Order.UP, kind: Literal[1, 2] = 1, price: str | int = 0) -> str:
        return user

    client = serve(app)
    assert client.get("/?user=a&user=b").faults == [("query", "/user", "string_type")]
    assert [fault[1] for fault in client.get("/?n=1&n=1").faults] == ["/n"]
    assert [fault[1] for fault in client.get("/?order=up&order=up&kind=1&kind=1").faults] == ["/order", "/kind"]
    assert {fault[1] for fault in client.get("/?price=1&price=2").faults} == {"/price"}


def test_lists_and_sets(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show(
        tag: list[str] = [],  # noqa: B006  (what users write; it is never changed)
        n: list[int] | None = None,
        only: set[Order] = set(),  # noqa: B006
        pair: tuple[int, int] = (0, 0),
        few: Annotated[list[int], pydantic.Field(max_length=2)] = [],  # noqa: B006
    ) -> dict[str, object]:
        return {"tag": tag, "n": n, "only": sorted(each.value for each in only), "pair": pair, "few": few}

    client = serve(app)
    nothing = {"tag": [], "n": None, "only": [], "pair": [0, 0], "few": []}
    assert client.get("/").json() == nothing
    assert client.get("/?tag=a").json() == {**nothing, "tag": ["a"]}
    assert client.get("/?tag=a&n=1&tag=b&n=2").json() == {**nothing, "tag": ["a", "b"], "n": [1, 2]}
    assert client.get("/?only=up&only=down&only=up&pair=1&pair=2").json() == {
        **nothing,
        "only": ["down", "up"],
        "pair": [1, 2],
    }
    assert client.get("/?n=1&n=x&only=left&pair=1&few=1&few=2&few=3").faults == [
        ("query", "/n/1", "int_parsing"),
        ("query", "/only/0", "enum"),
        ("query", "/pair/1", "missing"),
        ("query", "/few", "too_long"),
    ]


def test_dates_numbers_and_words(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(
        day: datetime.date | None = None,
        at: datetime.datetime | None = None,
        price: decimal.Decimal = decimal.Decimal(0),
        amount: Amount = Amount(decimal.Decimal(0)),
        key: uuid.UUID | None = None,
        kind: Literal[1, 2, "all", True] | None = None,
        order: Order | None = None,
        url: pydantic.HttpUrl | None = None,
    ) -> list[object]:
        return [str(each) for each in (day, at, price, amount, key, kind, order, url) if each]

    client = serve(app)
    assert client.get("/?day=2026-02-28&at=2026-02-28T10:00:00%2B02:00").json() == [
        "2026-02-28",
        "2026-02-28 10:00:00+02:00",
    ]
    assert client.get("/?price=1.10&amount=2.50").json() == ["1.10", "2.50"]
    assert client.get("/?key=0B0A2B66-46F4-4C71-9A7A-6C0F8E6F0A11").json() == ["0b0a2b66-46f4-4c71-9a7a-6c0f8e6f0a11"]
    assert client.get("/?kind=2").json() == ["2"]
    assert client.get("/?kind=all&order=down").json() == ["all", "Order.DOWN"]
    assert client.get("/?url=https://example.org/x").json() == ["https://example.org/x"]
    wrong = client.get("/?day=tomorrow&at=x&price=x&amount=NaN&key=x&kind=3&order=left&url=x")
    assert {pointer for _, pointer, _ in wrong.faults} == {
        *("/day", "/at", "/price", "/amount", "/key", "/kind", "/order", "/url")
    }


def test_constraints_and_aliases(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show(
        page: Annotated[int, pydantic.Field(ge=1, le=100)] = 1,
        sort: Annotated[str, pydantic.Field(alias="sort-by", max_length=4)] = "name",
        word: Annotated[str | None, pydantic.Field(validation_alias="w")] = None,
    ) -> list[object]:
        return [page, sort, word]

    client = serve(app)
    assert client.get("/?page=100&sort-by=date&w=x").json() == [100, "date", "x"]
    assert client.get("/?sort=date&word=y").json() == [1, "name", None]
    assert client.get("/?page=0&sort-by=length").faults == [
        ("query", "/page", "greater_than_equal"),
        ("query", "/sort-by", "string_too_long"),
    ]


def test_a_default_by_field(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(
        n: Annotated[int, pydantic.Field(default=7, ge=1)],
        tags: Annotated[list[str], pydantic.Field(default_factory=list)],
    ) -> list[object]:
        return [n, tags]

    client = serve(app)
    assert client.get("/").json() == [7, []]
    assert client.get("/?n=2&tags=a").json() == [2, ["a"]]
    assert client.get("/?n=0").faults == [("query", "/n", "greater_than_equal")]


def test_a_whole_model(serve: Any, colour: Any) -> None:
    app = App(docs=False)

    @app.get("/")
    @colour
    def show(search: Query[Search]) -> Search:
        return search

    client = serve(app)
    assert client.get("/?text=ab&tag=x&tag=y&order=down").json() == {
        "text": "ab",
        "tag": ["x", "y"],
        "page": 1,
        "order": "down",
    }
    assert client.get("/?text=a&page=0&order=left").faults == [
        ("query", "/text", "string_too_short"),
        ("query", "/page", "greater_than_equal"),
        ("query", "/order", "enum"),
    ]
    assert client.get("/?text=ab&text=cd").faults == [("query", "/text", "string_type")]


def test_a_marked_scalar_beside_a_model_for_the_body(serve: Any) -> None:
    app = App(docs=False)

    @app.post("/")
    def show(search: Search, page: Query[int]) -> list[object]:
        return [search.text, page]

    assert serve(app).post("/?page=4", data={"text": "ab"}).json() == ["ab", 4]


@pytest.mark.parametrize("query", ["q=%", "q=%4", "q=%zz", "q=%ff", "q=a%00b", "q=%ED%A0%80", "q=caf\xe9"])
def test_what_cannot_be_decoded_is_refused(serve: Any, query: str) -> None:
    app = App(docs=False)

    @app.get("/")
    def show(q: str = "") -> str:
        return q

    refused = serve(app).get(f"/?{query}")
    assert (refused.status, refused.json()["code"]) == (400, "malformed-query")


def test_the_number_of_pairs_is_limited(serve: Any) -> None:
    app = App(docs=False, limits=Limits(query_pairs=3))

    @app.get("/typed")
    def typed(q: str = "") -> str:
        return q

    @app.get("/raw")
    def raw(request: Request) -> int:
        return len(request.query)

    @app.get("/wide", limits=Limits(query_pairs=5))
    def wide(a: str = "", d: str = "") -> str:
        return a + d

    client = serve(app)
    assert client.get("/typed?a=1&b=2&q=3").text == "3"
    assert client.get("/typed?a=1&b=2&c=3&q=4").json()["code"] == "too-many-query-pairs"
    assert client.get("/raw?a=1&b=2&c=3").text == "3"
    assert client.get("/raw?a=1&b=2&c=3&d=4").json()["code"] == "too-many-query-pairs"
    assert client.get("/wide?a=1&b=2&c=3&d=4").text == "14"


ECHO = App(docs=False)


@ECHO.get("/")
def echo(q: str, n: int | None = None, tag: list[str] = []) -> list[object]:  # noqa: B006
    return [q, n, tag]


@given(st.text("%&=+;/?#\x00aé0123456789ABCDEFf", max_size=40))
def test_no_query_is_an_error_of_ours(text: str) -> None:
    client = Asgi(ECHO)
    try:
        assert client.get(f"/?{text.encode().decode('latin-1')}").status in {200, 400, 422}
    finally:
        client.close()


class Loose(TypedDict):
    word: str
    n: NotRequired[list[int]]


@dataclasses.dataclass
class Place:
    near: str
    ids: Annotated[list[int], pydantic.Field(alias="id")] = dataclasses.field(default_factory=list)


class Either(pydantic.BaseModel):
    q: str = pydantic.Field(validation_alias=pydantic.AliasChoices("q", "query"))


def test_other_models_in_a_query(serve_one: Any) -> None:
    app = App(docs=False)

    @app.get("/dict")
    def loose(search: Query[Loose]) -> Loose:
        return search

    @app.get("/class")
    def place(where: Query[Place]) -> list[object]:
        return [where.near, where.ids]

    @app.get("/alias")
    def either(what: Query[Either]) -> str:
        return what.q

    client = serve_one(app)
    assert client.get("/dict?word=a&n=1").json() == {"word": "a", "n": [1]}
    assert client.get("/class?near=x&id=1&id=2").json() == ["x", [1, 2]]
    assert client.get("/alias?query=b").text == "b"
    assert client.get("/alias?q=a").text == "a"
