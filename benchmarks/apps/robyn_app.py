"""Robyn on its own server: `def` handlers, its faster kind; Pydantic bodies (https://robyn.tech/documentation)."""

import os
import sys
from collections.abc import Iterator
from typing import Any

from robyn import Headers, Response, Robyn, StreamingResponse

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, totals
from apps.models import Order

app = Robyn(__file__)


@app.get("/plaintext")
def plaintext() -> str:
    return "Hello, World!"


@app.get("/json")
def message() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/items/:item_id")
def item(item_id: int, q: str | None = None) -> dict[str, Any]:
    return {"item_id": item_id, "q": q}


@app.post("/orders")
def order(new: Order) -> dict[str, Any]:
    count, total = totals(new)
    return {"id": 1, "count": count, "total": total}


@app.get("/objects")
def objects() -> list[Any]:
    return THINGS


@app.get("/rows")
def rows() -> list[Any]:
    return ROWS


def chunks() -> Iterator[bytes]:
    yield from CHUNKS


@app.get("/stream")
def stream() -> StreamingResponse:
    return StreamingResponse(chunks(), headers=Headers({"Content-Type": "text/plain"}), media_type="text/plain")


def resource(number: int) -> None:
    """Five more routes, as a resource of an API has them."""

    @app.get(f"/resource{number}")
    def every(q: str | None = None) -> dict[str, Any]:
        return {"item_id": number, "q": q}

    @app.post(f"/resource{number}")
    def create(new: Order) -> dict[str, Any]:
        return {"id": number, "count": 1, "total": 1.0}

    @app.get(f"/resource{number}/:item_id")
    def one(item_id: int, q: str | None = None) -> dict[str, Any]:
        return {"item_id": item_id, "q": q}

    @app.put(f"/resource{number}/:item_id")
    def change(item_id: int, new: Order) -> dict[str, Any]:
        return {"id": item_id, "count": 1, "total": 1.0}

    @app.delete(f"/resource{number}/:item_id")
    def remove(item_id: int) -> Response:
        return Response(status_code=204, headers=Headers({}), description="")


for number in range(ROUTES // 5):
    resource(number)

if __name__ == "__main__":
    app.start(host="127.0.0.1", port=int(os.environ["PORT"]))
    sys.exit(0)
