"""Litestar: msgspec structs in and out, its own fastest way (https://docs.litestar.dev/latest/usage/)."""

from collections.abc import AsyncIterator
from datetime import datetime

from litestar import Litestar, MediaType, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from typing_extensions import TypedDict

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, Thing, totals
from apps.structs import Found, Message, Order, Receipt


class Row(TypedDict):
    id: int
    name: str
    price: float
    active: bool
    created: datetime
    tags: list[str]


@get("/plaintext", media_type=MediaType.TEXT)
async def plaintext() -> str:
    return "Hello, World!"


@get("/json")
async def json() -> Message:
    return Message("Hello, World!")


@get("/items/{item_id:int}")
async def item(item_id: int, q: str | None = None) -> Found:
    return Found(item_id, q)


@post("/orders")
async def order(data: Order) -> Receipt:
    count, total = totals(data)
    return Receipt(1, count, total)


@get("/objects")
async def objects() -> list[Thing]:
    return THINGS


@get("/rows")
async def rows() -> list[Row]:
    return ROWS  # type: ignore[return-value]


async def chunks() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


@get("/stream", media_type=MediaType.TEXT)
async def stream() -> Stream:
    return Stream(chunks(), media_type=MediaType.TEXT)


def resource(number: int) -> list[HTTPRouteHandler]:
    """Five more routes, as a resource of an API has them."""

    @get(f"/resource{number}")
    async def every(q: str | None = None) -> Found:
        return Found(number, q)

    @post(f"/resource{number}")
    async def create(data: Order) -> Receipt:
        return Receipt(number, 1, 1.0)

    @get(f"/resource{number}/{{item_id:int}}")
    async def one(item_id: int, q: str | None = None) -> Found:
        return Found(item_id, q)

    @put(f"/resource{number}/{{item_id:int}}")
    async def change(item_id: int, data: Order) -> Receipt:
        return Receipt(item_id, 1, 1.0)

    @delete(f"/resource{number}/{{item_id:int}}")
    async def remove(item_id: int) -> None:
        return None

    return [every, create, one, change, remove]


handlers: list[HTTPRouteHandler] = [plaintext, json, item, order, objects, rows, stream]
for number in range(ROUTES // 5):
    handlers += resource(number)
app = Litestar(route_handlers=handlers)
