"""What docs/guides/crud.md shows, and the tests that hold it."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from pydantic import Field
from sqlalchemy import MetaData, Select

from wholestack import App, Query, Request, Stream, Unauthorized, rule
from wholestack.crud import Listing, Page, Pager, Paging, Schema, Versioned, crud, filtered, found
from wholestack.db import (
    Database,
    ForeignKey,
    Mapped,
    Model,
    NewRows,
    NoCopy,
    Session,
    Timestamps,
    copy_out,
    func,
    insert_many,
    mapped_column,
    read_many,
    relationship,
    select,
    upsert,
)
from wholestack.realtime import CSV, JSONLines
from wholestack.testing import Client


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


# [model]
class Genre(Base):
    name: Mapped[str] = mapped_column(unique=True)


class Album(Timestamps, Versioned, Base):
    title: Mapped[str]
    year: Mapped[int]
    price_cents: Mapped[int | None] = mapped_column(default=None)
    genre_id: Mapped[int | None] = mapped_column(ForeignKey("genre.id"), default=None)
    tracks: Mapped[list["Track"]] = relationship(back_populates="album", cascade="all, delete-orphan")


class Track(Base):
    title: Mapped[str]
    album_id: Mapped[int | None] = mapped_column(ForeignKey("album.id"))
    album: Mapped[Album | None] = relationship(back_populates="tracks")


# [/model]


# [schemas]
class AlbumOut(Schema, of=Album, without=["version_id"], also=["tracks"]): ...


class NewAlbum(Schema, of=Album, new=True):
    year: Annotated[int, Field(ge=1900)]


# [/schemas]
# [listing]
class Albums(Listing, of=Album, filters=("title", "year", "genre_id__in"), orders=("-created_at", "title", "year")):
    """Albums, the latest first."""


# [/listing]
app = App()
app.use(Database("sqlite://", models=Base))


# [found]
@app.get("/albums/{id}", returns=AlbumOut)
def show_album(id: int, db: Session) -> Album:
    return found(db.get(Album, id))


# [/found]
# [page]
@app.get("/albums", returns=Page[AlbumOut])
def list_albums(db: Session, asked: Query[Albums], pages: Pager) -> Page[Album]:
    return pages(db, select(Album), asked)


# [/page]
# [filtered]
@app.get("/albums/count")
def count_albums(db: Session, asked: Query[Albums]) -> int:
    return db.scalar(filtered(select(func.count()).select_from(Album), asked)) or 0


# [/filtered]
# [numbers]
class ByNumber(Listing, of=Album, orders=("title",), paging="offset", size=10, most=50): ...


@app.get("/catalogue", returns=Page[AlbumOut])
async def catalogue(db: Session, asked: Query[ByNumber], pages: Pager) -> Page[Album]:
    return pages(db, select(Album).where(Album.year > 1950), asked)


# [/numbers]
# [export]
@app.get("/albums.jsonl", returns=JSONLines[AlbumOut])
def export_albums(db: Session, asked: Query[Albums]) -> JSONLines[Album]:
    return JSONLines(read_many(db, filtered(select(Album), asked)))


@app.get("/albums.csv", returns=CSV[AlbumOut])
async def export_table(db: Session) -> CSV[Album]:
    return CSV(read_many(db, select(Album)), filename="albums.csv")


# [/export]
# [copy]
@app.get("/albums.dump")
def dump_albums(db: Session) -> Stream:
    return Stream(copy_out(db, Album), media_type="text/csv")


# [/copy]


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(app) as client:
        with app.session() as db:
            db.add_all([Album(title=f"album {n}", year=1960 + n, tracks=[Track(title="one")]) for n in range(25)])
        yield client


def test_found(client: Client) -> None:
    assert client.get("/albums/1").json()["tracks"] == [1]
    assert client.get("/albums/99").expect(404).json()["detail"] == "There is no such album."


def test_pages(client: Client) -> None:
    page = client.get("/albums?year__ge=1970&order=year&total=true").json()
    assert (len(page["items"]), page["total"], page["next"]) == (15, 15, None)
    assert client.get("/albums/count?year__ge=1970").json() == 15
    assert client.get("/albums?price_cents=1").status == 422
    assert client.get("/catalogue?offset=20").json()["previous"] == "/catalogue?offset=10"
    assert len(client.get("/albums.jsonl?year=1970").text.splitlines()) == 1
    assert len(client.get("/albums.csv").text.splitlines()) == 26
    with pytest.raises(NoCopy):
        client.get("/albums.dump")


def test_what_is_sent(client: Client) -> None:
    assert "version_id" not in client.get("/albums/1").json()
    assert set(NewAlbum.model_fields) == {"title", "year", "price_cents", "genre_id"}


class User:
    def __init__(self, request: Request) -> None:
        self.name = request.headers.get("x-user", "")
        if not self.name:
            raise Unauthorized("Who are you?")


@rule
def is_editor(user: User) -> bool:
    return user.name == "ann"


# [crud]
genres = crud(Genre, "/genres", filters=("name",), orders=("name",))
albums = crud(
    Album,
    "/albums",
    shows=AlbumOut,
    new=NewAlbum,
    listing=Albums,
    actions=("list", "detail", "create", "replace", "patch", "delete"),
    needs={"write": is_editor},
)
# [/crud]


# [own]
@albums.create
def add_album(new: NewAlbum, db: Session, user: User) -> Album:
    """Add an album, with a first track."""
    album = Album(**new.model_dump(), tracks=[Track(title=f"Added by {user.name}")])
    db.add(album)
    return album


@albums.delete(needs=is_editor)
async def remove_album(id: int, db: Session) -> None:
    db.delete(found(db.get(Album, id)))


# [/own]
# [rows]
@albums.rows
def visible(request: Request) -> Select[Album]:
    if "x-user" in request.headers:
        return select(Album)
    return select(Album).where(Album.year < 1970)


# [/rows]
# [bulk]
def load(db: Session) -> None:
    insert_many(db, Genre, ({"name": f"genre {number}"} for number in range(10_000)))
    upsert(db, Genre, [{"name": "Jazz"}, {"name": "genre 1"}], on=["name"])
    made = NewRows(db, Genre, ["name"]).write(db, [{"name": "Blues"}, {"name": "Folk"}])
    assert [genre.name for genre in made if genre.id] == ["Blues", "Folk"]


# [/bulk]
shop = App(title="Albums")
# [key]
shop.use(Database("sqlite://", models=Base), Paging(key="from your settings"))
# [/key]
shop.include(genres)
shop.include(albums)
shop.provide(User)


def test_an_api_of_ones_own() -> None:
    with Client(shop) as client:
        ann = {"x-user": "ann"}
        new = {"title": "Kind of Blue", "year": 1959}
        assert client.post("/albums", json=new).status == 401
        assert client.post("/albums", json=new, headers={"x-user": "bob"}).status == 403
        made = client.post("/albums", json=new, headers=ann).expect(201).json()
        assert made["tracks"] == [1]
        client.post("/albums", json={**new, "year": 2001}, headers=ann).expect(201)
        assert len(client.get("/albums").json()["items"]) == 1
        assert len(client.get("/albums", headers=ann).json()["items"]) == 2
        client.delete("/albums/1", headers=ann).expect(204)
        with shop.session() as db:
            load(db)
        assert client.get("/genres?total=true").json()["total"] == 10_003


# [etag]
def test_two_who_change_one_album() -> None:
    with Client(shop, headers={"x-user": "ann"}) as client:
        place = "/albums/1"
        client.post("/albums", json={"title": "Blue", "year": 1971}).expect(201)
        seen = client.get(place).headers["etag"]
        client.patch(place, json={"year": 1972}, headers={"if-match": seen}).expect(200)
        client.patch(place, json={"title": "Blues"}, headers={"if-match": seen}).expect(412)


# [/etag]
