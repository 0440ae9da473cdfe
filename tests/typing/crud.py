"""Lists, schemas and APIs of models, as users write them: what checkers must take, and what they must not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, assert_type

from pydantic import BaseModel, Field
from sqlalchemy import Select

from wholestack import App, Form, Query, Response, Router, Stream
from wholestack.crud import (
    CRUD,
    Listing,
    Page,
    Pager,
    Paging,
    Schema,
    Versioned,
    apply,
    crud,
    filtered,
    found,
    listing,
    schema,
)
from wholestack.db import (
    Database,
    Mapped,
    Model,
    Session,
    copy_in,
    copy_out,
    insert_many,
    mapped_column,
    read_many,
    select,
    upsert,
)
from wholestack.realtime import JSONLines


class Post(Versioned, Model):
    title: Mapped[str]
    stars: Mapped[int] = mapped_column(default=0)


class PostOut(Schema, of=Post, without=["version_id"]): ...


class NewPost(Schema, of=Post, new=True):
    title: Annotated[str, Field(min_length=3)]


class Posts(Listing, of=Post, filters=("title", "stars"), orders=("-id",), size=20, most=100):
    mine: bool = False


class Pages(Listing, of=Post, paging="offset"): ...


app = App()
app.use(Database(), Paging(key="secret"))
assert_type(schema(Post, only=["title"], partial=True), type[Schema])
shown: type[BaseModel] = schema(Post, new=True, also=["tags"], name="Shown")
assert_type(listing(Post, filters=["title"]), type[Listing])
schema(Post, onli=["title"])  # wrong
schema(Post, only=3)  # wrong
listing(Post, paging="keys")  # wrong
Paging(key=3)  # wrong


@app.get("/posts", returns=Page[PostOut])
def posts(db: Session, asked: Query[Posts], pages: Pager) -> Page[Post]:
    page = pages(db, select(Post), asked)
    assert_type(page, Page[Post])
    assert_type(page.items[0].title, str)
    assert_type(page.next, str | None)
    pages(db, select(Post), NewPost())  # wrong
    return page


@app.get("/posts/{id}", returns=PostOut)
async def post(id: int, db: Session) -> Post:
    assert_type(found(db.get(Post, id)), Post)
    print(found(db.get(Post, id)).titel)  # wrong
    return found(db.get(Post, id), "No such post.")


@app.post("/posts")
def added(new: Form[NewPost], db: Session) -> Post:
    apply(db, Post, new, without=3)  # wrong
    assert_type(apply(db, Post, new, without=["again"]), Post)
    row = found(db.get(Post, 1))
    assert_type(apply(db, row, new), Post)
    return apply(db, Post, new)


@app.get("/export")
def export(db: Session, asked: Query[Posts]) -> JSONLines[PostOut]:
    statement = filtered(select(Post), asked)
    assert_type(statement, Select[Post])
    rows: Iterator[Post] = read_many(db, statement)
    return JSONLines(rows)  # wrong


@app.get("/copy")
def copied(db: Session) -> Response:
    return Stream(copy_out(db, select(Post.title), format="csv"), media_type="text/csv")


@app.post("/load")
def load(db: Session) -> int:
    rows = ({"title": f"{number}"} for number in range(1000))
    upsert(db, Post, [{"title": "x"}], on=["title"], update=["stars"])
    upsert(db, Post, [{"title": "x"}])  # wrong
    copy_out(db, Post, format="xml")  # wrong
    return insert_many(db, Post, rows, batch=100) + copy_in(db, Post, [{"title": "y"}])


api = crud(Post, "/api", shows=PostOut, new=NewPost, filters=["title"], orders=["-id"], needs={"write": lambda: True})
assert_type(api, CRUD[Post])
router: Router = api
app.include(api)
crud(Post, acts=["list"])  # wrong
crud(Post, actions=["lost"])  # wrong


@api.create
def create(new: NewPost, db: Session) -> Post:
    made = Post(title=new.title, stars=new.stars)
    assert_type(new.title, str)
    db.add(made)
    return made


@api.detail(summary="One post", deprecated=True)
def detail(id: int, db: Session) -> Post:
    return found(db.get(Post, id))


@api.delete
def delete(id: int, db: Session) -> None:
    db.delete(found(db.get(Post, id)))


@api.patch("/{id}/stars", status=204)
def rate(id: int) -> None: ...


@api.rows
def own(user: int) -> Select[Post]:
    return select(Post).where(Post.stars > user)


@api.create(stats=204)  # wrong
def again(new: NewPost) -> None: ...


assert_type(delete(1, Session()), None)
