"""BlackSheep: typed binding, JSON through orjson as its documentation shows (https://www.neoteroi.dev/blacksheep/)."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from blacksheep import Application, Response, StreamedContent, json, text
from blacksheep.settings.json import json_settings

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, totals
from apps.models import Order


def dumps(value: Any) -> str:
    return orjson.dumps(value).decode("utf8")


json_settings.use(loads=orjson.loads, dumps=dumps)
app = Application()


@app.router.get("/plaintext")
async def plaintext() -> Response:
    return text("Hello, World!")


@app.router.get("/json")
async def message() -> Response:
    return json({"message": "Hello, World!"})


@app.router.get("/items/{item_id}")
async def item(item_id: int, q: str | None = None) -> Response:
    return json({"item_id": item_id, "q": q})


@app.router.post("/orders")
async def order(new: Order) -> Response:
    count, total = totals(new)
    return json({"id": 1, "count": count, "total": total})


@app.router.get("/objects")
async def objects() -> Response:
    return json(THINGS)


@app.router.get("/rows")
async def rows() -> Response:
    return json(ROWS)


async def chunks() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


@app.router.get("/stream")
async def stream() -> Response:
    return Response(200, content=StreamedContent(b"text/plain", chunks))


def resource(number: int) -> None:
    """Five more routes, as a resource of an API has them."""

    @app.router.get(f"/resource{number}")
    async def every(q: str | None = None) -> Response:
        return json({"item_id": number, "q": q})

    @app.router.post(f"/resource{number}")
    async def create(new: Order) -> Response:
        return json({"id": number, "count": 1, "total": 1.0})

    @app.router.get(f"/resource{number}/{{item_id}}")
    async def one(item_id: int, q: str | None = None) -> Response:
        return json({"item_id": item_id, "q": q})

    @app.router.put(f"/resource{number}/{{item_id}}")
    async def change(item_id: int, new: Order) -> Response:
        return json({"id": item_id, "count": 1, "total": 1.0})

    @app.router.delete(f"/resource{number}/{{item_id}}")
    async def remove(item_id: int) -> Response:
        return Response(204)


for number in range(ROUTES // 5):
    resource(number)
