"""Lists in plain handlers: filters and order by allowed names, pages by keys and by numbers."""

from __future__ import annotations

import base64
import datetime
import enum
import functools
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, LargeBinary, MetaData

from wholestack import App, Query, Router, Secret, SetupError, rule
from wholestack.crud import Listing, Page, Pager, Paging, filtered, listing, schema
from wholestack.db import Database, Mapped, Model, Session, Table, func, mapped_column, select
from wholestack.testing import Client

Colour = Callable[[Any], Any]


def plain(function: Any) -> Any:
    return function


def asynchronous(function: Any) -> Any:
    @functools.wraps(function)
    async def handler(**arguments: Any) -> Any:
        return function(**arguments)

    return handler


NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Status(enum.Enum):
    DRAFT = "draft"
    PUBLISHED = "published"


class Entry(Base):
    title: Mapped[str]
    status: Mapped[Status] = mapped_column(default=Status.DRAFT)
    stars: Mapped[int | None]
    created_at: Mapped[datetime.datetime]
    secret: Mapped[str] = mapped_column(default="hidden")
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    data: Mapped[dict[str, Any] | None] = mapped_column(JSON)


PostOut = schema(Entry, only=["id", "title", "stars"])


class Posts(
    Listing,
    of=Entry,
    filters=("title", "status", "stars", "created_at", "id__in"),
    orders=("-created_at", "title", "stars", "id"),
    size=3,
    most=5,
):
    """Posts, the latest first."""

    shout: bool = False


class Numbered(Listing, of=Entry, paging="offset", size=3, orders=("title",)): ...


def fill(app: App, count: int = 8) -> None:
    with app.session() as db:
        for number in range(1, count + 1):
            db.add(
                Entry(
                    title=f"post {number}",
                    status=Status.PUBLISHED if number % 2 else Status.DRAFT,
                    stars=None if number % 3 == 0 else number % 3,
                    created_at=NOON + datetime.timedelta(hours=number // 2),
                )
            )


def app_with(colour: Colour) -> App:
    app = App()
    app.use(Database("sqlite://", models=Base))

    # [by hand]
    @app.get("/posts", returns=Page[PostOut])  # type: ignore[valid-type]
    @colour
    def posts(db: Session, asked: Query[Posts], pages: Pager) -> Page[Entry]:
        return pages(db, select(Entry), asked)

    # [/by hand]
    @app.get("/numbered", returns=Page[PostOut])  # type: ignore[valid-type]
    @colour
    def numbered(db: Session, asked: Query[Numbered], pages: Pager) -> Page[Entry]:
        return pages(db, select(Entry), asked)

    @app.get("/count")
    @colour
    def count(db: Session, asked: Query[Posts]) -> int:
        return db.scalar(filtered(select(func.count()).select_from(Entry), asked)) or 0

    return app


@pytest.fixture(scope="module", params=[plain, asynchronous])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """Eight posts that no test changes."""
    yield from changing(request.param)


@pytest.fixture
def own(colour: Colour) -> Iterator[Client]:
    """Eight posts of this test's own."""
    yield from changing(colour)


def changing(colour: Colour) -> Iterator[Client]:
    app = app_with(colour)
    with Client(app) as client:
        fill(app)
        yield client


def in_row(pages: list[list[int]]) -> list[int]:
    return list(itertools.chain.from_iterable(pages))


def ids(page: Any) -> list[int]:
    return [each["id"] for each in page["items"]]


def walk(client: Client, path: str, way: str = "next") -> list[list[int]]:
    """The ids of each page, from this one on."""
    found = []
    while path:
        page = client.get(path).expect(200).json()
        found.append(ids(page))
        path = page[way]
    return found


# -- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("title=post 3", [3]),
        ("title__ne=post 3", [1, 2, 4, 5, 6, 7, 8]),
        ("title__in=post 3&title__in=post 5&title__in=none", [3, 5]),
        ("title__contains=st 4", [4]),
        ("title__contains=%25", []),
        ("title__begins=post&title__contains=8", [8]),
        ("title__begins=ost", []),
        ("title=POST 3", []),
        ("status=draft", [2, 4, 6, 8]),
        ("status__in=published", [1, 3, 5, 7]),
        ("status__ne=published", [2, 4, 6, 8]),
        ("stars=1", [1, 4, 7]),
        ("stars__ge=2", [2, 5, 8]),
        ("stars__gt=1&stars__lt=2", []),
        ("stars__ne=1", [2, 5, 8]),
        ("stars__null=true", [3, 6]),
        ("stars__null=false&stars__le=1", [1, 4, 7]),
        ("created_at__ge=2026-11-22T16:00:00Z", [8]),
        ("created_at__lt=2026-11-22T14:00:00%2B01:00", [1]),
        ("id__in=2&id__in=7", [2, 7]),
        ("", [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_filters(client: Client, query: str, expected: list[int]) -> None:
    pages = walk(client, f"/posts?{query}&order=id".replace(" ", "%20"))
    assert in_row(pages) == expected
    assert client.get(f"/count?{query}".replace(" ", "%20")).json() == len(expected)


@pytest.mark.parametrize(
    "query",
    [
        "secret=hidden",
        "secret__contains=h",
        "titel=x",
        "title__like=x",
        "title__contains__x=1",
        "id=1",
        "order=secret",
        "order=-secret",
        "order=created_at,title",
        "order=title&order=id&order=stars&order=created_at&order=title",
        "status=gone",
        "stars=one",
        "stars=99999999999999999999",
        "stars=1&stars=2",
        "created_at__ge=yesterday",
        "created_at__ge=2026-11-22T10:00:00",
        "created_at__ge=0000-01-01T00:00:00Z",
        "limit=0",
        "limit=6",
        "limit=-1",
        "limit=x",
        "total=maybe",
        "offset=1",
        "__class__=x",
        "model_config=x",
        "limit__gt=1",
    ],
)
def test_what_is_not_allowed_is_refused(client: Client, query: str) -> None:
    problem = client.get(f"/posts?{query}").expect(422).json()
    assert problem["code"] == "validation-failed"
    assert [each["in"] for each in problem["errors"]] == ["query"] * len(problem["errors"])


def test_many_values_have_an_end(client: Client) -> None:
    assert client.get("/posts?" + "&".join(f"id__in={number}" for number in range(100))).status == 200
    assert client.get("/posts?" + "&".join(f"id__in={number}" for number in range(101))).status == 422


def test_fields_of_ones_own_stay_what_they_are(client: Client) -> None:
    assert client.get("/posts?shout=true").status == 200


# -- by keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("order=id", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("order=-title", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("order=created_at", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("order=created_at&order=-title", [1, 3, 2, 5, 4, 7, 6, 8]),
        ("order=stars", [1, 4, 7, 2, 5, 8, 3, 6]),  # what there is none of comes last, in either direction
        ("order=-stars", [8, 5, 2, 7, 4, 1, 6, 3]),
        ("order=-stars&order=title", [2, 5, 8, 1, 4, 7, 3, 6]),
        ("order=stars&order=-stars", [1, 4, 7, 2, 5, 8, 3, 6]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pages_by_keys_forth_and_back(client: Client, order: str, expected: list[int], size: int) -> None:
    pages = walk(client, f"/posts?{order}&limit={size}")
    assert in_row(pages) == expected
    assert [len(page) for page in pages] == [size] * (8 // size) + ([8 % size] if 8 % size else [])
    path = f"/posts?{order}&limit={size}"
    while (following := client.get(path).json()["next"]) is not None:
        path = following
    assert walk(client, path, "previous") == pages[::-1]


def test_a_page_holds_under_inserts_and_deletes(own: Client) -> None:
    """Every row that is there all the time comes once; what comes in behind it does not move it."""
    seen: list[int] = []
    path = "/posts?order=-created_at&limit=2"
    number = 100
    while path:
        page = own.get(path).json()
        seen += ids(page)
        with own.app.session() as db:
            db.add(Entry(id=number, title="new", created_at=NOON + datetime.timedelta(days=number)))
            if number == 101:
                db.delete(db.get(Entry, 8))
        number += 1
        path = page["next"]
    assert seen == [8, 7, 6, 5, 4, 3, 2, 1]


def test_a_value_too_long_for_a_url_is_read_again(own: Client) -> None:
    with own.app.session() as db:
        for post in db.scalars(select(Entry)):
            post.title = "x" * 5000 + post.title
    first = own.get("/posts?order=title&limit=3").json()
    assert len(first["next"]) < 300
    assert in_row(walk(own, "/posts?order=title&limit=3")) == [1, 2, 3, 4, 5, 6, 7, 8]
    with own.app.session() as db:
        db.delete(db.get(Entry, 3))
    gone = own.get(first["next"]).expect(400).json()
    assert (gone["code"], "has gone" in gone["detail"]) == ("bad-cursor", True)


def test_an_empty_list(client: Client) -> None:
    page = client.get("/posts?title=none&total=true").json()
    assert page == {"items": [], "next": None, "previous": None, "total": 0}


def tampered(text: str) -> Iterator[str]:
    raw = base64.urlsafe_b64decode(text + "==")
    for place in range(len(raw)):
        yield base64.urlsafe_b64encode(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]).rstrip(b"=").decode()
    yield from (text[:-4], text + "AAAA", "", "A", "é", "%00", "' OR 1=1 --", "a" * 4000, text * 2)
    body = json.dumps(["next", True, [1]]).encode()
    yield base64.urlsafe_b64encode(bytes(16) + body).decode()


def test_a_cursor_that_was_tampered_with(client: Client) -> None:
    """It is signed: not a bit of it may change; and it belongs to one order of one list."""
    cursor = client.get("/posts?limit=2").json()["next"].partition("cursor=")[2]
    assert client.get("/posts", query={"cursor": cursor}).status == 200
    for wrong in tampered(cursor):
        answer = client.get("/posts", query={"cursor": wrong})
        assert (answer.status, answer.json()["code"]) == (400, "bad-cursor"), wrong
    assert client.get("/posts", query={"cursor": "a" * 4001}).status == 422
    assert client.get("/posts", query={"cursor": cursor, "order": "title"}).status == 400
    assert client.get("/posts", query={"cursor": cursor, "order": "-created_at"}).status == 200


def test_keys_of_cursors() -> None:
    """The same key takes them, another does not; without one, it is made of the database's address."""

    def cursor_of(*plugins: Any, url: str = "sqlite://", cursor: str | None = None) -> tuple[int, str]:
        app = app_with(plain)
        app.plugins.clear()
        app.use(Database(url, models=Base), *plugins)
        with Client(app) as client:
            fill(app)
            answer = client.get("/posts", query={"limit": "2"} | ({"cursor": cursor} if cursor else {}))
            return answer.status, (answer.json().get("next") or "").partition("cursor=")[2]

    _, first = cursor_of()
    assert cursor_of(cursor=first)[0] == 200
    assert cursor_of(url="sqlite:///:memory:", cursor=first)[0] == 400
    _, keyed = cursor_of(Paging(key=Secret("one")))
    assert cursor_of(Paging(key="one"), cursor=keyed)[0] == 200
    assert cursor_of(Paging(key=Secret("two")), cursor=keyed)[0] == 400
    assert cursor_of(cursor=keyed)[0] == 400
    assert "one" not in repr(Paging(key=Secret("one")))


class EachPost(Listing, of=Entry, orders=("title",)): ...


class NumberedPosts(Listing, of=Entry, orders=("title",), paging="offset"): ...


WITHOUT, WITH = "sqlite:///shop.db", "postgresql://shop:word@db.example/shop"


@pytest.mark.parametrize(
    ("address", "paging", "of", "why"),
    [
        (WITHOUT, None, EachPost, "is made of the database's address, which has no password"),
        ("postgresql://shop@db.example/shop", None, EachPost, "is made of the database's address"),
        (WITHOUT, Paging(), EachPost, "is made of the database's address"),
        (WITHOUT, Paging(key=""), EachPost, "is empty"),
        (WITH, Paging(key=Secret("")), EachPost, "is empty"),
        (WITH, None, EachPost, ""),
        (WITHOUT, Paging(key="secret"), EachPost, ""),
        (WITHOUT, None, NumberedPosts, ""),
        (None, None, EachPost, ""),
    ],
)
def test_C26_a_key_of_cursors_that_can_be_guessed_is_named(
    address: str | None, paging: Paging | None, of: Any, why: str
) -> None:
    app = App(docs=False)
    app.use(*([Database(address, models=Base)] if address else []), *([paging] if paging else []))

    @app.get("/posts")
    def posts(asked: Query[of], pages: Pager) -> str:
        return pages.url()

    app.seal()
    faults = [fault for check in app.checks for fault in check()]
    assert [fault.code for fault in faults] == (["guessable-key"] if why else [])
    for fault in faults:
        assert why in fault.message
        assert fault.where.startswith(__file__)
        assert "shop" not in fault.message


def test_the_command_names_a_key_that_can_be_guessed(tmp_path: Path) -> None:
    text = (
        "from wholestack import App\nfrom wholestack.crud import Paging, crud\n"
        "from wholestack.db import Database, Mapped, Model\n\n\n"
        "class Memo(Model):\n    text: Mapped[str]\n\n\n"
        "app = App()\napp.use(Database('sqlite:///app.db', migrations=None){})\n"
        "app.include(crud(Memo, '/memos', orders=('text',)))\n"
    )
    for key, code in (("", 1), (", Paging(key='of the settings')", 0)):
        (tmp_path / "app.py").write_text(text.format(key))
        command = [sys.executable, "-m", "wholestack", "check", "app.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert ("[guessable-key]" in done.stderr, done.returncode) == (code == 1, code), done.stdout + done.stderr
        assert ("app.py:12" in done.stderr) == (code == 1)


class Addresses:
    def __init__(self, pages: Pager) -> None:
        self.here = pages.url()


def asked_by_a_handler(app: App) -> None:
    @app.get("/")
    def home(pages: Pager) -> str:
        return pages.url()


def asked_by_a_router(app: App) -> None:
    inner, outer = Router(), Router()

    @inner.get("/")
    def home(pages: Pager) -> str:
        return pages.url()

    outer.include(inner)
    app.include(outer)


def asked_by_a_provider(app: App) -> None:
    def address(pages: Pager) -> Addresses:
        return Addresses(pages)

    app.provide(address)

    @app.get("/")
    def home(address: Addresses) -> str:
        return address.here


def asked_by_a_class(app: App) -> None:
    app.provide(Addresses)

    @app.get("/")
    def home(address: Addresses) -> str:
        return address.here


def asked_by_a_rule(app: App) -> None:
    def first(pages: Pager) -> bool:
        return pages.url() == "/"

    @app.get("/", needs=rule(first))
    def home() -> str:
        return "/"


@pytest.mark.parametrize("asks", [value for name, value in vars().items() if name.startswith("asked_by_")])
def test_pages_are_there_where_they_are_asked_for(asks: Callable[[App], None]) -> None:
    app = App(docs=False)
    asks(app)
    with Client(app) as client:
        assert client.get("/").text == "/"


def test_an_app_that_asks_for_no_pages_gets_nothing() -> None:
    """What else the process has imported is nothing to it."""
    app = App(docs=False)

    @app.get("/")
    def home(limit: int = 1) -> int:
        return limit

    app.seal()
    assert (app.provisions, app.checks) == ([], [])


# -- by numbers ------------------------------------------------------------------------------------------------------


def test_pages_by_numbers_forth_and_back(client: Client) -> None:
    assert walk(client, "/numbered") == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert walk(client, "/numbered?offset=6", "previous") == [[7, 8], [4, 5, 6], [1, 2, 3]]
    assert walk(client, "/numbered?offset=2", "previous") == [[3, 4, 5], [1, 2, 3]]
    assert walk(client, "/numbered?order=-title") == [[8, 7, 6], [5, 4, 3], [2, 1]]
    assert client.get("/numbered?offset=100").json()["items"] == []
    assert client.get("/numbered?offset=9223372036854775807").json()["items"] == []


@pytest.mark.parametrize("query", ["offset=-1", "offset=9223372036854775808", "offset=1e3", "cursor=x", "limit=101"])
def test_numbers_that_are_none(client: Client, query: str) -> None:
    assert client.get(f"/numbered?{query}").status == 422


# -- links -----------------------------------------------------------------------------------------------------------


def links(answer: Any) -> dict[str, str]:
    found = {}
    for each in answer.headers["link"].split(", "):
        target, _, relation = each.partition("; rel=")
        found[relation.strip('"')] = target.strip("<>")
    return found


def test_links_to_the_pages_around(client: Client) -> None:
    """RFC 8288: each is what was asked for, with another place in the list."""
    first = client.get("/posts?title__begins=post%20&limit=3&order=id")
    assert links(first) == {"first": "/posts?title__begins=post+&limit=3&order=id", "next": first.json()["next"]}
    second = client.get(links(first)["next"])
    assert links(second) == {
        "first": "/posts?title__begins=post+&limit=3&order=id",
        "prev": second.json()["previous"],
        "next": second.json()["next"],
    }
    assert ids(client.get(links(second)["prev"]).json()) == [1, 2, 3]
    assert ids(client.get(links(second)["first"]).json()) == [1, 2, 3]
    last = client.get("/numbered?total=true")
    assert links(last)["last"] == "/numbered?total=true&offset=6"
    assert ids(client.get(links(last)["last"]).json()) == [7, 8]


def test_a_total_where_it_is_asked_for(client: Client) -> None:
    assert client.get("/posts").json()["total"] is None
    assert client.get("/posts?total=true&limit=1&status=draft").json()["total"] == 4


def test_below_another_path_and_behind_a_proxy() -> None:
    app = app_with(plain)
    whole = App()
    whole.use(*app.plugins)
    whole.include(app, at="/über/{space}")

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await whole(scope if scope["type"] == "lifespan" else {**scope, "root_path": "/root"}, receive, send)

    with Client(mounted) as client:
        fill(whole)
        page = client.get("/root/%C3%BCber/a%20b/posts?limit=1").json()
        assert page["next"].startswith("/root/%C3%BCber/a%20b/posts?limit=1&cursor=")
        assert ids(client.get(page["next"]).json()) == [7]


# -- where it is made ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "cure"),
    [
        ({"filters": ["titel"]}, "no-column", "Did you mean 'title'?"),
        ({"orders": ["-created"]}, "no-column", "Did you mean 'created_at'?"),
        ({"filters": ["raw"]}, "cannot-filter", "It can be filtered as nothing."),
        ({"filters": ["data"]}, "cannot-filter", "It can be filtered as nothing."),
        ({"filters": ["title__gt"]}, "cannot-filter", "title__contains"),
        ({"orders": ["data"]}, "cannot-filter", "Order by another column."),
    ],
)
def test_what_cannot_be_is_told_at_once(options: Any, code: str, cure: str) -> None:
    with pytest.raises(SetupError) as caught:
        listing(Entry, **options)
    (fault,) = caught.value.faults
    assert fault.code == code
    assert cure in fault.cure
    assert fault.where.startswith(__file__)


def test_a_column_called_like_a_part_of_the_query() -> None:
    class Batch(Base):
        limit: Mapped[int]
        json: Mapped[str]

    with pytest.raises(SetupError, match="cannot-filter"):
        listing(Batch, filters=["limit"])
    kind = listing(Batch, filters=["limit__ge", "json"])
    asked = kind.model_validate({"limit__ge": 3, "json": "x", "limit": 10})
    assert str(filtered(select(Batch.id), asked).whereclause).split(" AND ") == [
        'batch."limit" >= :limit_1',
        "(batch.json = :json_1)",
    ]


def test_in_the_document(client: Client) -> None:
    document = client.get("/openapi.json").json()
    parameters = {each["name"]: each for each in document["paths"]["/posts"]["get"]["parameters"]}
    assert parameters["order"]["schema"]["items"]["enum"][:2] == ["created_at", "-created_at"]
    assert parameters["limit"]["schema"] == {"default": 3, "maximum": 5, "minimum": 1, "type": "integer"}
    assert parameters["status"]["schema"] == {"$ref": "#/components/schemas/Status"}
    assert parameters["created_at__ge"]["description"] == "This or more."
    assert not any("secret" in name for name in parameters)
    page = document["components"]["schemas"]["Page_Entry_"]
    assert page["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Entry"}
    assert "offset" in {each["name"] for each in document["paths"]["/numbered"]["get"]["parameters"]}


def test_a_listing_without_a_model() -> None:
    class Bare(Listing): ...

    with pytest.raises(TypeError, match="of="):
        filtered(select(Entry), Bare())
