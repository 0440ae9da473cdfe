"""Wholestack, `async def` handlers with the plain `Session` (docs/guides/db.md)."""

from sqlalchemy import select

from apps.rows.tables import (
    EXTRA,
    POOL,
    URL,
    WORLDS,
    Base,
    Book,
    BookOut,
    Entry,
    EntryIn,
    Fortune,
    FortuneOut,
    World,
    WorldOut,
    twenty,
)
from wholestack import App, Text
from wholestack.db import Database, Session

app = App()
app.use(Database(URL, models=Base, pool=POOL, migrations=None))


@app.get("/plaintext")
async def plaintext() -> Text:
    return Text("Hello, World!")


@app.get("/key/{number}", returns=WorldOut)
async def key(number: int, db: Session) -> object:
    return db.get_one(World, number)


@app.get("/keys/{number}", returns=list[WorldOut])
async def keys(number: int, db: Session) -> object:
    return [db.get_one(World, each) for each in twenty(number)]


@app.get("/books", returns=list[BookOut])
async def books(db: Session) -> object:
    return db.scalars(select(Book).order_by(Book.id).limit(100)).all()


@app.post("/entries", returns=WorldOut, status=201)
async def insert(new: EntryIn, db: Session) -> object:
    entry = Entry(randomnumber=new.randomnumber)
    db.add(entry)
    return entry


@app.post("/updates/{number}", returns=list[WorldOut])
async def updates(number: int, db: Session) -> object:
    found = [db.get_one(World, each) for each in sorted(twenty(number))]
    for world in found:
        world.randomnumber = world.randomnumber % WORLDS + 1
    return found


@app.get("/fortunes", returns=list[FortuneOut])
async def fortunes(db: Session) -> object:
    found = db.scalars(select(Fortune)).all()
    return sorted([*found, Fortune(id=0, message=EXTRA)], key=lambda each: each.message)
