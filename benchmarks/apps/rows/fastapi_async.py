"""FastAPI with SQLAlchemy's async session as a dependency."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse
from sqlalchemy.ext.asyncio import AsyncSession

from apps.rows import asynchronous as do
from apps.rows.tables import BookOut, EntryIn, FortuneOut, WorldOut

app = FastAPI()


async def session() -> AsyncIterator[AsyncSession]:
    async with do.sessions() as db:
        yield db


Db = Annotated[AsyncSession, Depends(session)]


@app.get("/plaintext")
async def plaintext() -> PlainTextResponse:
    return PlainTextResponse("Hello, World!")


@app.get("/key/{number}", response_model=WorldOut)
async def key(number: int, db: Db):
    return await do.key(db, number)


@app.get("/keys/{number}", response_model=list[WorldOut])
async def keys(number: int, db: Db):
    return await do.keys(db, number)


@app.get("/books", response_model=list[BookOut])
async def books(db: Db):
    return await do.books(db)


@app.post("/entries", response_model=WorldOut, status_code=201)
async def insert(new: EntryIn, db: Db):
    return await do.insert(db, new.randomnumber)


@app.post("/updates/{number}", response_model=list[WorldOut])
async def updates(number: int, db: Db):
    return await do.updates(db, number)


@app.get("/fortunes", response_model=list[FortuneOut])
async def fortunes(db: Db):
    return await do.fortunes(db)
