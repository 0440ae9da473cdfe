"""Emmett55 on RSGI, with its own JSON service (https://emmett.sh/docs)."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from emmett55 import App, request, response
from emmett55.tools import service
from pydantic import ValidationError

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, totals
from apps.models import Order

home = Path(sys.prefix, "bench-emmett55")  # it makes folders where it lives: not here, then
home.mkdir(exist_ok=True)
app = App(__name__, root_path=str(home))


@app.route("/plaintext", methods="get", output="str")
async def plaintext() -> str:
    response.content_type = "text/plain"
    return "Hello, World!"


@app.route("/json", methods="get")
@service.json
async def message() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.route("/items/<int:item_id>", methods="get")
@service.json
async def item(item_id: int) -> dict[str, Any]:
    return {"item_id": item_id, "q": request.query_params.q}


@app.route("/orders", methods="post")
@service.json
async def order() -> Any:
    try:
        new = Order.model_validate_json(await request.body)
    except ValidationError as error:
        response.status = 422
        return error.errors(include_input=False, include_context=False)
    count, total = totals(new)
    return {"id": 1, "count": count, "total": total}


@app.route("/objects", methods="get")
@service.json
async def objects() -> list[Any]:
    return THINGS


@app.route("/rows", methods="get")
@service.json
async def rows() -> list[Any]:
    return ROWS


async def chunks() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


@app.route("/stream", methods="get")
async def stream() -> Any:
    response.content_type = "text/plain"
    return await response.stream(chunks())


def resource(number: int) -> None:
    """Five more routes, as a resource of an API has them."""

    @app.route(f"/resource{number}", name=f"every{number}", methods="get")
    @service.json
    async def every() -> dict[str, Any]:
        return {"item_id": number, "q": request.query_params.q}

    @app.route(f"/resource{number}", name=f"create{number}", methods="post")
    @service.json
    async def create() -> dict[str, Any]:
        return {"id": number, "count": 1, "total": 1.0}

    @app.route(f"/resource{number}/<int:item_id>", name=f"one{number}", methods="get")
    @service.json
    async def one(item_id: int) -> dict[str, Any]:
        return {"item_id": item_id, "q": request.query_params.q}

    @app.route(f"/resource{number}/<int:item_id>", name=f"change{number}", methods="put")
    @service.json
    async def change(item_id: int) -> dict[str, Any]:
        return {"id": item_id, "count": 1, "total": 1.0}

    @app.route(f"/resource{number}/<int:item_id>", name=f"remove{number}", methods="delete", output="str")
    async def remove(item_id: int) -> str:
        response.status = 204
        return ""


for number in range(ROUTES // 5):
    resource(number)
