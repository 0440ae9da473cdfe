"""Wholestack as its documentation shows it, with `async def` handlers: for ASGI and RSGI servers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from typing_extensions import TypedDict

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, Thing, totals
from apps.models import Order, Receipt
from wholestack import App, Stream

app = App(title="bench")


@dataclass
class Message:
    message: str


@dataclass
class Item:
    item_id: int
    q: str | None


class Row(TypedDict):
    id: int
    name: str
    price: float
    active: bool
    created: datetime
    tags: list[str]


@app.get("/plaintext")
async def plaintext() -> str:
    return "Hello, World!"


@app.get("/json")
async def json() -> Message:
    return Message("Hello, World!")


@app.get("/items/{item_id}")
async def item(item_id: int, q: str | None = None) -> Item:
    return Item(item_id, q)


@app.post("/orders")
async def order(new: Order) -> Receipt:
    count, total = totals(new)
    return Receipt(id=1, count=count, total=total)


@app.get("/objects")
async def objects() -> list[Thing]:
    return THINGS


@app.get("/rows", returns=list[Row])
async def rows() -> object:
    return ROWS


@app.get("/stream")
async def stream() -> Stream:
    async def chunks() -> AsyncIterator[bytes]:
        for chunk in CHUNKS:
            yield chunk

    return Stream(chunks(), media_type="text/plain")


def resource(number: int) -> None:
    """Five more routes, as a resource of an API has them."""

    @app.get(f"/resource{number}")
    async def every(q: str | None = None) -> Item:
        return Item(number, q)

    @app.post(f"/resource{number}")
    async def create(new: Order) -> Receipt:
        return Receipt(id=number, count=1, total=1.0)

    @app.get(f"/resource{number}/{{item_id}}")
    async def one(item_id: int, q: str | None = None) -> Item:
        return Item(item_id, q)

    @app.put(f"/resource{number}/{{item_id}}")
    async def change(item_id: int, new: Order) -> Receipt:
        return Receipt(id=item_id, count=1, total=1.0)

    @app.delete(f"/resource{number}/{{item_id}}")
    async def remove(item_id: int) -> None:
        return None


for number in range(ROUTES // 5):
    resource(number)
