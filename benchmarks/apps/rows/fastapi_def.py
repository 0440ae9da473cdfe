"""FastAPI with SQLAlchemy's session as a dependency, in `def` handlers."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse
from sqlalchemy.orm import Session

from apps.rows import synchronous as do
from apps.rows.tables import BookOut, EntryIn, FortuneOut, WorldOut

app = FastAPI()


def session() -> Iterator[Session]:
    with do.sessions() as db:
        yield db


Db = Annotated[Session, Depends(session)]


@app.get("/plaintext")
def plaintext() -> PlainTextResponse:
    return PlainTextResponse("Hello, World!")


@app.get("/key/{number}", response_model=WorldOut)
def key(number: int, db: Db):
    return do.key(db, number)


@app.get("/keys/{number}", response_model=list[WorldOut])
def keys(number: int, db: Db):
    return do.keys(db, number)


@app.get("/books", response_model=list[BookOut])
def books(db: Db):
    return do.books(db)


@app.post("/entries", response_model=WorldOut, status_code=201)
def insert(new: EntryIn, db: Db):
    return do.insert(db, new.randomnumber)


@app.post("/updates/{number}", response_model=list[WorldOut])
def updates(number: int, db: Db):
    return do.updates(db, number)


@app.get("/fortunes", response_model=list[FortuneOut])
def fortunes(db: Db):
    return do.fortunes(db)
