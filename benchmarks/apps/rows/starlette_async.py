"""Starlette with SQLAlchemy's async session; answers written by the models of Pydantic."""

from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from apps.rows import asynchronous as do
from apps.rows.tables import BookOut, EntryIn, FortuneOut, WorldOut

world, worlds = TypeAdapter(WorldOut), TypeAdapter(list[WorldOut])
many_books, many_fortunes = TypeAdapter(list[BookOut]), TypeAdapter(list[FortuneOut])


def answer(adapter, value, status=200):
    return Response(adapter.dump_json(adapter.validate_python(value)), status, media_type="application/json")


async def plaintext(request: Request):
    return PlainTextResponse("Hello, World!")


async def key(request: Request):
    async with do.sessions() as db:
        return answer(world, await do.key(db, request.path_params["number"]))


async def keys(request: Request):
    async with do.sessions() as db:
        return answer(worlds, await do.keys(db, request.path_params["number"]))


async def books(request: Request):
    async with do.sessions() as db:
        return answer(many_books, await do.books(db))


async def insert(request: Request):
    new = EntryIn.model_validate_json(await request.body())
    async with do.sessions() as db:
        return answer(world, await do.insert(db, new.randomnumber), 201)


async def updates(request: Request):
    async with do.sessions() as db:
        return answer(worlds, await do.updates(db, request.path_params["number"]))


async def fortunes(request: Request):
    async with do.sessions() as db:
        return answer(many_fortunes, await do.fortunes(db))


app = Starlette(
    routes=[
        Route("/plaintext", plaintext),
        Route("/key/{number:int}", key),
        Route("/keys/{number:int}", keys),
        Route("/books", books),
        Route("/entries", insert, methods=["POST"]),
        Route("/updates/{number:int}", updates, methods=["POST"]),
        Route("/fortunes", fortunes),
    ]
)
