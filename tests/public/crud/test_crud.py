"""`crud(Model)`: the six actions, each of which can be one's own."""

from __future__ import annotations

import datetime
import decimal
import functools
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pydantic
import pytest
from sqlalchemy import MetaData, Select, String, UniqueConstraint
from sqlalchemy.orm import validates

from wholestack import App, Request, Router, SetupError, Unauthorized, rule
from wholestack.crud import CRUD, Schema, Versioned, crud, found
from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    Session,
    Table,
    Timestamps,
    UUIDModel,
    mapped_column,
    relationship,
    select,
)
from wholestack.testing import Client


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Author(Base):
    name: Mapped[str] = mapped_column(String(20), unique=True)


class Tagging(Table):
    metadata = Base.metadata
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tag.id"), primary_key=True)


class Tag(Base):
    name: Mapped[str]


class Post(Timestamps, Versioned, Base):
    title: Mapped[str]
    text: Mapped[str | None]
    price: Mapped[decimal.Decimal] = mapped_column(default=decimal.Decimal("1.5000"))
    words: Mapped[list[str]] = mapped_column(default=list)
    api_token: Mapped[str] = mapped_column(default="server's")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    tags: Mapped[list[Tag]] = relationship(secondary=Tagging.__table__, order_by=lambda: Tag.id)

    @validates("title")
    def no_shouting(self, _: str, title: str) -> str:
        if title.isupper():
            raise ValueError("A title does not shout.")
        return title


class Plain(Base):
    """No version, and a default that only the database knows."""

    text: Mapped[str]
    level: Mapped[int] = mapped_column(server_default="7")


def app_with(*routers: Router) -> App:
    app = App()
    app.use(Database("sqlite://", models=Base))
    for router in routers:
        app.include(router)
    return app


@pytest.fixture
def client() -> Iterator[Client]:
    posts = crud(Post, "/posts", filters=["title"], orders=["-id"], also=["tags"])
    app = app_with(posts, crud(Author), crud(Plain), crud(Tag))
    with Client(app) as client:
        yield client


# -- the actions -----------------------------------------------------------------------------------------------------


def test_a_row_from_its_making_to_its_end(client: Client) -> None:
    made = client.post("/posts", json={"title": "one", "words": ["a"]}).expect(201)
    post = made.json()
    assert (made.headers["location"], made.headers["etag"]) == ("/posts/1", '"1"')
    assert {name: post[name] for name in ("id", "title", "text", "price", "words", "tags", "version_id")} == {
        "id": 1,
        "title": "one",
        "text": None,
        "price": "1.5000",
        "words": ["a"],
        "tags": [],
        "version_id": 1,
    }
    assert "api_token" not in post
    assert client.get("/posts/1").expect(200).json() == post
    assert client.get("/posts").json()["items"] == [post]
    changed = client.patch("/posts/1", json={"text": "more"}).expect(200)
    assert (changed.json()["text"], changed.json()["title"], changed.headers["etag"]) == ("more", "one", '"2"')
    assert changed.headers["content-location"] == "/posts/1"
    assert changed.json()["updated_at"] > post["updated_at"]
    replaced = client.put("/posts/1", json={"title": "two"}).expect(200).json()
    assert (replaced["title"], replaced["text"], replaced["words"]) == ("two", None, [])
    assert replaced["created_at"] == post["created_at"]
    client.delete("/posts/1").expect(204)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        problem = client.request(method, "/posts/1", json={"title": "x"}).expect(404).json()
        assert problem["detail"] == "There is no such post."


@pytest.mark.parametrize(
    "body",
    [{"id": 7}, {"version_id": 9}, {"created_at": "2000-01-01T00:00:00Z"}, {"updated_at": "2000-01-01T00:00:00Z"}],
)
def test_nobody_sends_what_the_server_makes(client: Client, body: dict[str, Any]) -> None:
    post = client.post("/posts", json={"title": "x", **body}).expect(201).json()
    changed = client.patch(f"/posts/{post['id']}", json=body).expect(200).json()
    replaced = client.put(f"/posts/{post['id']}", json={"title": "x", **body}).expect(200).json()
    for each in (post, changed, replaced):
        assert not body.items() & {name: each[name] for name in body}.items()
        assert each["id"] == 1


def test_faults_of_what_was_sent(client: Client) -> None:
    problem = client.post("/posts", json={"text": 3, "price": "1.23456", "words": "x"}).expect(422).json()
    assert [each["pointer"] for each in problem["errors"]] == ["/title", "/text", "/price", "/words"]
    client.post("/posts", json={"title": "one"})
    problem = client.patch("/posts/1", json={"title": None, "price": "x"}).expect(422).json()
    assert [each["pointer"] for each in problem["errors"]] == ["/title", "/price"]
    assert client.get("/posts/1").json()["version_id"] == 1


def test_a_model_has_its_own_word(client: Client) -> None:
    problem = client.post("/posts", json={"title": "SHOUT"}).expect(422).json()
    assert problem["errors"] == [
        {"in": "body", "pointer": "", "code": "value_error", "detail": "A title does not shout."}
    ]
    client.post("/posts", json={"title": "one"})
    problem = client.patch("/posts/1", json={"title": "SHOUT"}).expect(422).json()
    assert problem["errors"][0]["pointer"] == "/title"


def test_a_value_that_may_be_there_once(client: Client) -> None:
    client.post("/author", json={"name": "ann"}).expect(201)
    assert client.post("/author", json={"name": "ann"}).expect(409).json()["code"] == "duplicate"
    client.post("/author", json={"name": "bob"}).expect(201)
    assert client.patch("/author/2", json={"name": "ann"}).expect(409).json()["code"] == "duplicate"
    assert client.put("/author/2", json={"name": "ann"}).expect(409).json()["code"] == "duplicate"


def test_rows_that_refer_to_each_other(client: Client) -> None:
    assert client.post("/posts", json={"title": "x", "author_id": 9}).expect(409).json()["code"] == "constraint-failed"
    client.post("/author", json={"name": "ann"})
    client.post("/posts", json={"title": "x", "author_id": 1}).expect(201)
    assert client.delete("/author/1").expect(409).json()["code"] == "constraint-failed"


def test_relations_by_the_keys_of_their_rows(client: Client) -> None:
    for name in ("red", "green", "blue"):
        client.post("/tag", json={"name": name})
    post = client.post("/posts", json={"title": "x", "tags": [2, 1, 2]}).expect(201).json()
    assert sorted(post["tags"]) == [1, 2]
    assert client.patch("/posts/1", json={"tags": [3]}).json()["tags"] == [3]
    assert client.patch("/posts/1", json={"title": "y"}).json()["tags"] == [3]
    assert client.get("/posts").json()["items"][0]["tags"] == [3]
    problem = client.patch("/posts/1", json={"tags": [1, 8, 9]}).expect(422).json()
    assert [each["pointer"] for each in problem["errors"]] == ["/tags/1", "/tags/2"]
    assert client.put("/posts/1", json={"title": "z"}).json()["tags"] == []


def test_a_list_with_relations_costs_two_statements(client: Client) -> None:
    with client.app.session() as db:
        tags = [Tag(name=str(number)) for number in range(3)]
        db.add_all([Post(title=f"{number}", tags=tags) for number in range(50)])
    from wholestack.db import assert_queries

    with assert_queries(3):
        page = client.get("/posts?limit=50&total=true").json()
    assert [sorted(each["tags"]) for each in page["items"]] == [[1, 2, 3]] * 50


def test_defaults_that_only_the_database_knows(client: Client) -> None:
    assert client.post("/plain", json={"text": "x"}).json() == {"id": 1, "text": "x", "level": 7}
    assert client.put("/plain/1", json={"text": "y", "level": 3}).json()["level"] == 3
    assert client.put("/plain/1", json={"text": "z"}).json() == {"id": 1, "text": "z", "level": 3}


# -- entity tags -----------------------------------------------------------------------------------------------------


def test_who_has_not_seen_the_last_change_changes_nothing(client: Client) -> None:
    """RFC 9110 §13.1.1: If-Match is compared with the version."""
    client.post("/posts", json={"title": "one"})
    first = client.get("/posts/1").headers["etag"]
    second = client.patch("/posts/1", json={"title": "two"}, headers={"if-match": first}).expect(200).headers["etag"]
    assert first != second
    for method, body in (("PUT", {"title": "x"}), ("PATCH", {"title": "x"}), ("DELETE", None)):
        answer = client.request(method, "/posts/1", json=body, headers={"if-match": first})
        assert (answer.status, answer.json()["code"]) == (412, "precondition-failed")
        assert client.request(method, "/posts/1", json=body, headers={"if-none-match": "*"}).status == 412
    assert client.get("/posts/1").json()["title"] == "two"
    client.put("/posts/1", json={"title": "three"}, headers={"if-match": f'"9", {second}'}).expect(200)
    client.delete("/posts/1", headers={"if-match": "*"}).expect(204)


def test_who_has_it_already_gets_304(client: Client) -> None:
    tag = client.post("/posts", json={"title": "one"}).headers["etag"]
    assert client.get("/posts/1", headers={"if-none-match": tag}).expect(304).body == b""
    client.patch("/posts/1", json={"title": "two"})
    assert client.get("/posts/1", headers={"if-none-match": tag}).status == 200


def test_a_model_without_a_version_has_no_tags(client: Client) -> None:
    """No tag can be the present one, so a client that names one is not let through as if it had been compared."""
    assert "etag" not in client.post("/plain", json={"text": "x"}).headers
    assert client.patch("/plain/1", json={"text": "y"}, headers={"if-match": '"1"'}).status == 412
    assert client.patch("/plain/1", json={"text": "y"}, headers={"if-match": "*"}).status == 200
    assert client.patch("/plain/1", json={"text": "z"}).status == 200


# -- one's own -------------------------------------------------------------------------------------------------------


class NewPost(Schema, of=Post, new=True, without=["api_token", "author_id"]):
    title: Annotated[str, pydantic.Field(min_length=3)]


class User:
    def __init__(self, request: Request) -> None:
        self.id = int(request.headers.get("x-user", "0"))
        if not self.id:
            raise Unauthorized("Who are you?")


def test_each_handler_can_be_ones_own() -> None:
    # [override]
    posts = crud(Post, "/posts", new=NewPost)

    @posts.create
    def add(new: NewPost, author: User, db: Session) -> Post:
        """Add a post of one's own."""
        post = Post(**new.model_dump(), author_id=author.id)
        db.add(post)
        return post

    @posts.detail(summary="One post, read aloud")
    async def read(id: int, db: Session) -> Post:
        return found(db.get(Post, id))

    @posts.delete
    def remove(id: int, db: Session) -> None:
        found(db.get(Post, id)).title = "removed"

    # [/override]
    @posts.patch(status=202)
    def change(id: int) -> None: ...

    @posts.replace
    def replace(id: int, new: NewPost, db: Session) -> Post:
        return found(db.get(Post, id))

    @posts.list(returns=list[int])
    def ids(db: Session) -> Any:
        return db.scalars(select(Post.id)).all()

    @posts.patch("/{id}/more")
    def more(id: int) -> str:
        return "more"

    @posts.delete("/{id}/more")
    def less(id: int) -> str:
        return "less"

    app = app_with(posts)
    app.provide(User)
    with Client(app) as client:
        with app.session() as db:
            db.add(Author(name="ann"))
        assert client.post("/posts", json={"title": "one"}).status == 401
        headers = {"x-user": "1"}
        assert client.post("/posts", json={"title": "x"}, headers=headers).status == 422
        assert client.post("/posts", json={"title": "one"}, headers=headers).expect(201).json()["author_id"] == 1
        assert client.get("/posts/1").json()["title"] == "one"
        assert client.put("/posts/1", json={"title": "other"}).json()["title"] == "one"
        assert client.patch("/posts/1").status == 202
        assert client.get("/posts").json() == [1]
        assert client.delete("/posts/1").status == 204
        assert client.get("/posts/1").json()["title"] == "removed"
        assert client.patch("/posts/1/more").text + client.delete("/posts/1/more").text == "moreless"
        paths = client.get("/openapi.json").json()["paths"]
    assert paths["/posts"]["post"]["summary"] == "Make a post record"
    assert paths["/posts/{id}"]["get"]["summary"] == "One post, read aloud"
    assert paths["/posts/{id}"]["get"]["responses"].keys() == {"200", "404", "422"}


def test_a_change_takes_no_more_than_what_is_sent_for_a_new_row() -> None:
    """PATCH and PUT take the fields of `new`: what that leaves out cannot be sent there, either."""
    with Client(app_with(crud(Post, "/posts", new=NewPost))) as client:
        client.post("/posts", json={"title": "one", "api_token": "mine"}).expect(201)
        client.patch("/posts/1", json={"api_token": "mine"}).expect(200)
        client.put("/posts/1", json={"title": "one", "api_token": "mine"}).expect(200)
        assert client.patch("/posts/1", json={"title": "x"}).status == 422
        with client.app.session() as db:
            assert db.get(Post, 1).api_token == "server's"


def test_some_actions_only() -> None:
    tags = crud(Tag, "/tags", actions=["list", "create"])
    with Client(app_with(tags)) as client:
        client.post("/tags", json={"name": "red"}).expect(201)
        assert client.get("/tags/1").status == 404
        assert client.put("/tags").expect(405).headers["allow"] == "GET, HEAD, OPTIONS, POST"


@rule
def is_known(request: Request) -> bool:
    return "x-user" in request.headers


@rule
def is_admin(request: Request) -> bool:
    return request.headers.get("x-user") == "admin"


def test_rules_for_all_actions_or_for_each() -> None:
    apart = crud(Tag, "/apart", needs={"write": is_known, "delete": is_admin})
    whole = crud(Tag, "/whole", needs=is_known)
    with Client(app_with(apart, whole)) as client:
        assert client.get("/whole").status == 403
        assert client.get("/whole", headers={"x-user": "ann"}).status == 200
        assert client.get("/apart").status == 200
        assert client.post("/apart", json={"name": "red"}).status == 403
        assert client.post("/apart", json={"name": "red"}, headers={"x-user": "ann"}).status == 201
        assert client.delete("/apart/1", headers={"x-user": "ann"}).status == 403
        assert client.delete("/apart/1", headers={"x-user": "admin"}).status == 204


def test_rows_of_the_user_only() -> None:
    """Whose row it is not, for them it is not there: for no action."""
    posts = crud(Post, "/posts", new=NewPost)

    @posts.rows
    def own(user: User) -> Select[Post]:
        return select(Post).where(Post.author_id == user.id)

    app = app_with(posts)
    app.provide(User)
    with Client(app) as client:
        with app.session() as db:
            db.add_all([Author(name="ann"), Author(name="bob")])
            db.flush()
            db.add_all([Post(title="of ann", author_id=1), Post(title="of bob", author_id=2)])
        ann = {"x-user": "1"}
        assert client.get("/posts").status == 401
        assert [each["title"] for each in client.get("/posts", headers=ann).json()["items"]] == ["of ann"]
        assert client.get("/posts?total=true", headers=ann).json()["total"] == 1
        assert client.get("/posts/1", headers=ann).status == 200
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            assert client.request(method, "/posts/2", json={"title": "stolen"}, headers=ann).status == 404
        with app.session() as db:
            assert db.get(Post, 2).title == "of bob"


class Pair(Table):
    metadata = Base.metadata
    left: Mapped[str] = mapped_column(String(20), primary_key=True)
    right: Mapped[datetime.date] = mapped_column(primary_key=True)
    value: Mapped[int]


class Thing(UUIDModel):
    metadata = Base.metadata
    name: Mapped[str]
    __table_args__ = (UniqueConstraint("name"),)


def test_keys_of_other_kinds() -> None:
    with Client(app_with(crud(Pair, "/pairs"), crud(Thing, "/things/"))) as client:
        made = client.post("/pairs", json={"left": "a b/é", "right": "2026-11-22", "value": 1}).expect(201)
        assert made.headers["location"] == "/pairs/a%20b%2F%C3%A9/2026-11-22"
        client.post("/pairs", json={"left": "a b", "right": "2026-11-22", "value": 1}).expect(201)
        assert client.patch("/pairs/a%20b/2026-11-22", json={"value": 2}).json()["value"] == 2
        assert client.get("/pairs/a%20b/2026-11-23").status == 404
        assert client.get("/pairs/a%20b/monday").status == 422
        assert len(client.get("/pairs").json()["items"]) == 2
        place = client.post("/things", json={"name": "x"}).expect(201).headers["location"]
        assert client.get(place).json()["name"] == "x"
        assert client.get("/things/7").status == 422


def test_in_either_colour() -> None:
    """Handlers of our own are `def`; in an app of `async def` handlers they stand beside those."""
    tags = crud(Tag, "/tags")

    def asynchronous(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        async def handler(id: int, db: Session) -> Any:
            return function(id, db)

        return handler

    @tags.detail
    @asynchronous
    def detail(id: int, db: Session) -> Tag:
        return found(db.get(Tag, id))

    for interface in ("asgi", "wsgi", "rsgi"):
        with Client(app_with(tags), interface=interface) as client:  # type: ignore[arg-type]
            client.post("/tags", json={"name": "red"}).expect(201)
            assert client.get("/tags/1").json() == {"id": 1, "name": "red"}
            assert client.get("/tags?total=true").json()["total"] == 1


# -- faults ----------------------------------------------------------------------------------------------------------


class Wrong(pydantic.BaseModel):
    title: str
    colour: str


@pytest.mark.parametrize(
    ("options", "code", "cure"),
    [
        ({"new": Wrong}, "bad-crud", "new="),
        ({"actions": ["list", "destroy"]}, "bad-crud", "delete"),
        ({"needs": {"destroy": is_admin}}, "bad-crud", "delete"),
        ({"without": ["titel"]}, "no-column", "'title'"),
        ({"filters": ["titel"]}, "no-column", "'title'"),
    ],
)
def test_what_cannot_be_is_told_at_once(options: Any, code: str, cure: str) -> None:
    with pytest.raises(SetupError) as caught:
        crud(Post, **options)
    (fault,) = caught.value.faults
    assert fault.code == code
    assert cure in fault.cure
    assert fault.where.startswith(__file__)


def test_in_the_document(client: Client) -> None:
    document = client.get("/openapi.json").json()
    operations = {
        (path, method): each for path, methods in document["paths"].items() for method, each in methods.items()
    }
    assert {key for key in operations if key[0].startswith("/posts")} == {
        ("/posts", "get"),
        ("/posts", "post"),
        ("/posts/{id}", "get"),
        ("/posts/{id}", "put"),
        ("/posts/{id}", "patch"),
        ("/posts/{id}", "delete"),
    }
    patch = operations["/posts/{id}", "patch"]
    assert patch["responses"].keys() == {"200", "400", "404", "409", "412", "413", "415", "422"}
    assert patch["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("PartialNewPost")
    assert "bad-cursor" in str(operations["/posts", "get"]["responses"]["400"])
    assert operations["/posts/{id}", "delete"]["responses"]["204"] == {"description": "No Content"}
    assert operations["/posts", "get"]["operationId"].startswith("list_post")
    assert len({each["operationId"] for each in operations.values()}) == len(operations)
    assert document["components"]["schemas"]["Post"]["required"]


def test_the_parts_of_a_router_are_there() -> None:
    posts = crud(Post)
    assert isinstance(posts, CRUD)
    assert posts.prefix == "/post"
    assert posts.model is Post
    assert issubclass(posts.shows, Schema)
    assert issubclass(posts.new, Schema)
    assert "cursor" in posts.asked.model_fields


def test_what_was_sent_is_answered_as_it_will_be_read(client: Client) -> None:
    post = client.post("/posts", json={"title": "x", "price": "2"}).json()
    assert post["price"] == "2.0000"
    assert client.get("/posts/1").json() == post
    assert client.get("/posts/1").json() == client.patch("/posts/1", json={"price": 2.0}).json()
