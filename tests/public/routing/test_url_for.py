"""`app.url_for(handler, id=3)`: back from a handler to its path, checked against its types."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholestack import App, Cookie, Header, Query, Request, Router


class Colour(enum.Enum):
    RED = "red"


APP = App(docs=False)


@APP.get("/notes/{id}")
def note(id: Annotated[int, pydantic.Field(ge=1)], page: int = 1, tag: list[str] = []) -> str:  # noqa: B006
    return ""


@APP.get("/files/{name}.{kind}", name="the file")
def file(name: str, kind: str) -> str:
    return ""


@APP.get("/of/{day:date}/{key:uuid}/{colour}")
def of(day: datetime.date, key: uuid.UUID, colour: Colour) -> str:
    return ""


@APP.get("/rest/{path:path}")
def rest(
    path: str, q: Annotated[str, pydantic.Field(alias="search-for")] = "", at: datetime.datetime | None = None
) -> str:
    return f"{path}|{q}"


@APP.get("/one/{text}")
def one(text: str, x_token: Header[str] = "", seen: Cookie[str] = "") -> str:
    return text


router = Router()


@router.get("/{id}")
def nested(shop: str, id: int) -> str:
    return ""


APP.include(router, at="/shops/{shop}")


def test_by_function_and_by_name() -> None:
    assert APP.url_for(note, id=3) == "/notes/3"
    assert APP.url_for("note", id=3) == "/notes/3"
    assert APP.url_for("the file", name="a b", kind="txt") == "/files/a%20b.txt"
    assert APP.url_for(nested, shop="acme", id=1) == "/shops/acme/1"


def test_values_of_every_kind() -> None:
    key = uuid.uuid4()
    assert APP.url_for(of, day=datetime.date(2026, 2, 28), key=key, colour=Colour.RED) == f"/of/2026-02-28/{key}/red"
    assert APP.url_for(rest, path="a/b c") == "/rest/a/b%20c"


def test_the_query() -> None:
    assert APP.url_for(note, id=3, page=2, tag=["a b", "c"]) == "/notes/3?page=2&tag=a+b&tag=c"
    assert APP.url_for(rest, path="x", q="a&b", at=None) == "/rest/x?search-for=a%26b"
    at = datetime.datetime(2026, 2, 28, 10, tzinfo=datetime.UTC)
    assert APP.url_for(rest, path="x", at=at) == "/rest/x?at=2026-02-28T10%3A00%3A00%2B00%3A00"


@pytest.mark.parametrize(
    ("handler", "values", "word"),
    [
        (note, {}, "'id'"),
        (note, {"id": "x"}, "'id'"),
        (note, {"id": 0}, "'id'"),
        (note, {"id": 1, "other": 2}, "'other'"),
        (file, {"name": "a/b", "kind": "c"}, "'name'"),
        (file, {"name": "", "kind": "c"}, "'name'"),
        (of, {"day": "x", "key": uuid.uuid4(), "colour": "red"}, "'day'"),
        (of, {"day": datetime.date(2026, 1, 1), "key": uuid.uuid4(), "colour": "blue"}, "'colour'"),
        (one, {"text": ".."}, "'text'"),
        (one, {"text": "a", "x_token": "b"}, "'x_token'"),
        (one, {"text": "a", "seen": "b"}, "'seen'"),
    ],
)
def test_what_the_path_would_not_take_back_is_refused(handler: Any, values: Any, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        APP.url_for(handler, **values)


def test_a_handler_of_another_app() -> None:
    def stranger() -> str:
        return ""

    with pytest.raises(LookupError, match="stranger"):
        APP.url_for(stranger)
    with pytest.raises(LookupError, match="nothing"):
        APP.url_for("nothing")


def test_booleans_and_decimals() -> None:
    app = App(docs=False)

    @app.get("/{price}")
    def show(price: decimal.Decimal, new: bool = False) -> str:
        return ""

    assert app.url_for(show, price=decimal.Decimal("1.10"), new=True) == "/1.10?new=true"


def test_a_whole_model_is_no_value_for_a_url() -> None:
    class Search(pydantic.BaseModel):
        q: str = ""

    app = App(docs=False)

    @app.get("/")
    def show(search: Query[Search]) -> str:
        return ""

    with pytest.raises(ValueError, match="'search'"):
        app.url_for(show, search=Search())


@given(st.text(min_size=1))
def test_what_is_built_leads_back(text: str) -> None:
    from urllib.parse import unquote

    try:
        path = APP.url_for(one, text=text)
    except (ValueError, UnicodeError):
        assert "/" in text or text in {".", ".."} or any("\ud800" <= each <= "\udfff" for each in text)
        return
    table, values = APP.seal().match(unquote(path))
    assert values == {"text": text}
    assert "GET" in table


def test_inside_a_request_below_a_mount_point(serve: Any) -> None:
    app = App(docs=False)

    @app.get("/{id}")
    def show(id: int, request: Request, app: App) -> list[str]:
        return [request.url, request.base_url + app.url_for(show, id=id + 1)]

    client = serve(app)
    assert client.get("/1").json() == ["http://example.org/1", "http://example.org/2"]


def test_by_a_bound_method() -> None:
    class Pages:
        def index(self) -> str:
            return ""

    app, pages = App(docs=False), Pages()
    app.get("/index")(pages.index)
    assert app.url_for(pages.index) == "/index"


def test_a_name_that_two_handlers_share_is_no_name(serve_one: Any) -> None:
    app = App(docs=False)

    def shared() -> str:
        return ""

    app.get("/a")(shared)
    app.get("/b")(shared)
    assert app.url_for("shared") == app.url_for(shared) == "/a"  # one function at two paths: the first
    app.unseal()

    def other() -> str:
        return ""

    app.get("/c", name="shared")(other)
    assert app.url_for(other) == "/c"
    assert app.url_for(shared) == "/a"
    with pytest.raises(LookupError, match="Several"):
        app.url_for("shared")


def test_what_else_the_handler_needs_is_no_matter_of_the_url() -> None:
    app = App(docs=False)

    @app.get("/notes/{number}")
    def show(number: int, key: str) -> str:
        return key

    assert app.url_for(show, number=3) == "/notes/3"
    with pytest.raises(ValueError, match="'number' does not fit"):
        app.url_for(show, number="three")
