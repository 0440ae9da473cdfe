"""Robyn with SQLAlchemy's async session."""

import os

from pydantic import TypeAdapter
from robyn import Response, Robyn

from apps.rows import asynchronous as do
from apps.rows.tables import BookOut, EntryIn, FortuneOut, WorldOut

app = Robyn(__file__)
world, worlds = TypeAdapter(WorldOut), TypeAdapter(list[WorldOut])
many_books, many_fortunes = TypeAdapter(list[BookOut]), TypeAdapter(list[FortuneOut])
JSON = {"content-type": "application/json"}


def answer(adapter, value, status=200):
    body = adapter.dump_json(adapter.validate_python(value)).decode()
    return Response(status_code=status, headers=JSON, description=body)


@app.get("/plaintext")
async def plaintext():
    return Response(status_code=200, headers={"content-type": "text/plain"}, description="Hello, World!")


@app.get("/key/:number")
async def key(request):
    async with do.sessions() as db:
        return answer(world, await do.key(db, int(request.path_params["number"])))


@app.get("/keys/:number")
async def keys(request):
    async with do.sessions() as db:
        return answer(worlds, await do.keys(db, int(request.path_params["number"])))


@app.get("/books")
async def books(request):
    async with do.sessions() as db:
        return answer(many_books, await do.books(db))


@app.post("/entries")
async def insert(request):
    new = EntryIn.model_validate_json(request.body)
    async with do.sessions() as db:
        return answer(world, await do.insert(db, new.randomnumber), 201)


@app.post("/updates/:number")
async def updates(request):
    async with do.sessions() as db:
        return answer(worlds, await do.updates(db, int(request.path_params["number"])))


@app.get("/fortunes")
async def fortunes(request):
    async with do.sessions() as db:
        return answer(many_fortunes, await do.fortunes(db))


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=int(os.environ["PORT"]))
