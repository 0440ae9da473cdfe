"""FastAPI: return types as response models, which it serialises in Rust (https://fastapi.tiangolo.com/tutorial/)."""

from collections.abc import AsyncIterator
from datetime import datetime

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel
from typing_extensions import TypedDict

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, Thing, totals
from apps.models import Order, Receipt

app = FastAPI()


class Message(BaseModel):
    message: str


class Item(BaseModel):
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
async def plaintext() -> PlainTextResponse:
    return PlainTextResponse("Hello, World!")


@app.get("/json")
async def json() -> Message:
    return Message(message="Hello, World!")


@app.get("/items/{item_id}")
async def item(item_id: int, q: str | None = None) -> Item:
    return Item(item_id=item_id, q=q)


@app.post("/orders")
async def order(new: Order) -> Receipt:
    count, total = totals(new)
    return Receipt(id=1, count=count, total=total)


@app.get("/objects")
async def objects() -> list[Thing]:
    return THINGS


@app.get("/rows", response_model=list[Row])
async def rows():
    return ROWS


async def chunks() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


@app.get("/stream")
async def stream() -> StreamingResponse:
    return StreamingResponse(chunks(), media_type="text/plain")


def resource(number: int) -> None:
    """Five more routes, as a resource of an API has them."""

    @app.get(f"/resource{number}")
    async def every(q: str | None = None) -> Item:
        return Item(item_id=number, q=q)

    @app.post(f"/resource{number}")
    async def create(new: Order) -> Receipt:
        return Receipt(id=number, count=1, total=1.0)

    @app.get(f"/resource{number}/{{item_id}}")
    async def one(item_id: int, q: str | None = None) -> Item:
        return Item(item_id=item_id, q=q)

    @app.put(f"/resource{number}/{{item_id}}")
    async def change(item_id: int, new: Order) -> Receipt:
        return Receipt(id=item_id, count=1, total=1.0)

    @app.delete(f"/resource{number}/{{item_id}}", status_code=204)
    async def remove(item_id: int) -> None:
        return None


for number in range(ROUTES // 5):
    resource(number)
