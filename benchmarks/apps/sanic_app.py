"""Sanic on its own server, with orjson as its documentation shows (https://sanic.dev/en/guide/basics/response.html)."""

import orjson
from pydantic import ValidationError
from sanic import HTTPResponse, Request, Sanic, json, raw, text

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, totals
from apps.models import Order

app = Sanic("bench", dumps=orjson.dumps, loads=orjson.loads)


@app.get("/plaintext")
async def plaintext(request: Request) -> HTTPResponse:
    return text("Hello, World!")


@app.get("/json")
async def message(request: Request) -> HTTPResponse:
    return json({"message": "Hello, World!"})


@app.get("/items/<item_id:int>")
async def item(request: Request, item_id: int) -> HTTPResponse:
    return json({"item_id": item_id, "q": request.args.get("q")})


@app.post("/orders")
async def order(request: Request) -> HTTPResponse:
    try:
        new = Order.model_validate_json(request.body)
    except ValidationError as error:
        return raw(error.json(include_input=False), 422, content_type="application/json")
    count, total = totals(new)
    return json({"id": 1, "count": count, "total": total})


@app.get("/objects")
async def objects(request: Request) -> HTTPResponse:
    return json(THINGS)


@app.get("/rows")
async def rows(request: Request) -> HTTPResponse:
    return json(ROWS)


@app.get("/stream")
async def stream(request: Request) -> None:
    response = await request.respond(content_type="text/plain")
    for chunk in CHUNKS:
        await response.send(chunk)
    await response.eof()


def resource(number: int) -> None:
    """Five more routes, as a resource of an API has them."""

    @app.get(f"/resource{number}", name=f"every{number}")
    async def every(request: Request) -> HTTPResponse:
        return json({"item_id": number, "q": request.args.get("q")})

    @app.post(f"/resource{number}", name=f"create{number}")
    async def create(request: Request) -> HTTPResponse:
        return await order(request)

    @app.get(f"/resource{number}/<item_id:int>", name=f"one{number}")
    async def one(request: Request, item_id: int) -> HTTPResponse:
        return json({"item_id": item_id, "q": request.args.get("q")})

    @app.put(f"/resource{number}/<item_id:int>", name=f"change{number}")
    async def change(request: Request, item_id: int) -> HTTPResponse:
        return await order(request)

    @app.delete(f"/resource{number}/<item_id:int>", name=f"remove{number}")
    async def remove(request: Request, item_id: int) -> HTTPResponse:
        return raw(b"", 204)


for number in range(ROUTES // 5):
    resource(number)
