"""What docs/guides/cache.md shows, and the tests that hold it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import MetaData

# [imports]
from wholestack import App, NotFound, Request
from wholestack.cache import Cache, Caching, MemoryStore, cached
from wholestack.db import Database, Mapped, Model, Session, Table, select
from wholestack.templates import Page, Templates
from wholestack.testing import Client

# [/imports]


class Base(Model):
    """Of this guide only."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Table.metadata.naming_convention)


class Post(Base):
    title: Mapped[str]


class PostOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    title: str


# [use]
app = App()
app.use(Database("sqlite://", models=Base), Caching(MemoryStore(32 * 1024 * 1024), ttl=60))


@app.get("/posts")
def list_posts(db: Session, cache: Cache) -> list[PostOut]:
    return cache.get_or_set("posts", lambda: db.scalars(select(Post)).all(), tags=["posts"], type=list[PostOut])


@app.put("/posts/{id}")
def rename(id: int, title: str, db: Session, cache: Cache) -> None:
    db.get_one(Post, id).title = title
    cache.invalidate("posts", f"post:{id}")  # After the commit, and not after a roll-back.
    # [/use]


# [answer]
@app.get("/posts/{id}")
@cached(ttl=600, tags=["post:{id}"])
def show_post(id: int, db: Session) -> PostOut:
    post = db.get(Post, id)
    if post is None:
        raise NotFound
    return PostOut.model_validate(post)
    # [/answer]


# [apart]
def reader(request: Request) -> str | None:
    return request.cookies.get("reader")


@app.get("/greeting")
@cached(ttl=60, vary=("accept-language", reader))
def greeting(request: Request) -> str:
    return f"Hello, {reader(request) or 'stranger'}!"
    # [/apart]


# [function]
@cached(ttl=3600, tags=["rates"])
def rate(currency: str) -> float:
    return {"USD": 1.09, "CHF": 0.94}[currency]
    # [/function]


def test_values_and_answers() -> None:
    with Client(app) as client:
        with app.session() as db:
            db.add(Post(id=1, title="Cats"))
        assert client.get("/posts").json() == [{"id": 1, "title": "Cats"}]
        # [tags]
        first = client.get("/posts/1")
        assert first.headers["cache-control"] == "private, no-cache"
        again = client.get("/posts/1", headers={"if-none-match": first.headers["etag"]})
        assert again.status == 304
        client.put("/posts/1?title=Dogs")
        assert client.get("/posts/1").json() == {"id": 1, "title": "Dogs"}
        # [/tags]
        assert client.get("/posts").json() == [{"id": 1, "title": "Dogs"}]
        assert client.get("/posts/2").status == 404
        assert client.get("/greeting", headers={"cookie": "reader=Ann"}).text == "Hello, Ann!"
        assert client.get("/greeting", headers={"cookie": "reader=Ben"}).text == "Hello, Ben!"
        assert rate("USD") == rate("USD") == 1.09


def test_fragments(tmp_path: Path) -> None:
    text = """<ul>
{% call cache("menu", 600, tags=["menu"]) %}
{% for each in entries() %}<li>{{ each }}</li>{% endfor %}
{% endcall %}
</ul>"""
    (tmp_path / "menu.html").write_text(text)
    pages = App(docs=False)
    pages.use(Templates(str(tmp_path)), Caching())

    @pages.get("/")
    def menu() -> Page:
        return Page("menu.html", entries=lambda: ["<Home>"])

    with Client(pages) as client:
        assert client.get("/").text == client.get("/").text == "<ul>\n<li>&lt;Home&gt;</li></ul>"


def test_counting() -> None:
    cache = app.plugin(Caching).cache()
    # [count]
    for _ in range(3):
        count = cache.increment(("downloads", "report.pdf"), ttl=3600)
    assert count == 3
    # [/count]
