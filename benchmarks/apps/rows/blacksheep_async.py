"""BlackSheep with SQLAlchemy's async session."""

from blacksheep import Application, Content, FromJSON, Response, get, post, text
from pydantic import TypeAdapter

from apps.rows import asynchronous as do
from apps.rows.tables import BookOut, EntryIn, FortuneOut, WorldOut

app = Application()
world, worlds = TypeAdapter(WorldOut), TypeAdapter(list[WorldOut])
many_books, many_fortunes = TypeAdapter(list[BookOut]), TypeAdapter(list[FortuneOut])


def answer(adapter, value, status=200):
    body = adapter.dump_json(adapter.validate_python(value))
    return Response(status, content=Content(b"application/json", body))


@get("/plaintext")
async def plaintext():
    return text("Hello, World!")


@get("/key/{number}")
async def key(number: int):
    async with do.sessions() as db:
        return answer(world, await do.key(db, number))


@get("/keys/{number}")
async def keys(number: int):
    async with do.sessions() as db:
        return answer(worlds, await do.keys(db, number))


@get("/books")
async def books():
    async with do.sessions() as db:
        return answer(many_books, await do.books(db))


@post("/entries")
async def insert(new: FromJSON[EntryIn]):
    async with do.sessions() as db:
        return answer(world, await do.insert(db, new.value.randomnumber), 201)


@post("/updates/{number}")
async def updates(number: int):
    async with do.sessions() as db:
        return answer(worlds, await do.updates(db, number))


@get("/fortunes")
async def fortunes():
    async with do.sessions() as db:
        return answer(many_fortunes, await do.fortunes(db))
