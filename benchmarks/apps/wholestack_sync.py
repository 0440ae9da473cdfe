"""Wholestack as its documentation shows it, with `def` handlers: for WSGI servers."""

from collections.abc import Iterator
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
def plaintext() -> str:
    return "Hello, World!"


@app.get("/json")
def json() -> Message:
    return Message("Hello, World!")


@app.get("/items/{item_id}")
def item(item_id: int, q: str | None = None) -> Item:
    return Item(item_id, q)


@app.post("/orders")
def order(new: Order) -> Receipt:
    count, total = totals(new)
    return Receipt(id=1, count=count, total=total)


@app.get("/objects")
def objects() -> list[Thing]:
    return THINGS


@app.get("/rows", returns=list[Row])
def rows() -> object:
    return ROWS


@app.get("/stream")
def stream() -> Stream:
    def chunks() -> Iterator[bytes]:
        yield from CHUNKS

    return Stream(chunks(), media_type="text/plain")


def resource(number: int) -> None:
    """Five more routes, as a resource of an API has them."""

    @app.get(f"/resource{number}")
    def every(q: str | None = None) -> Item:
        return Item(number, q)

    @app.post(f"/resource{number}")
    def create(new: Order) -> Receipt:
        return Receipt(id=number, count=1, total=1.0)

    @app.get(f"/resource{number}/{{item_id}}")
    def one(item_id: int, q: str | None = None) -> Item:
        return Item(item_id, q)

    @app.put(f"/resource{number}/{{item_id}}")
    def change(item_id: int, new: Order) -> Receipt:
        return Receipt(id=item_id, count=1, total=1.0)

    @app.delete(f"/resource{number}/{{item_id}}")
    def remove(item_id: int) -> None:
        return None


for number in range(ROUTES // 5):
    resource(number)
