"""Starlette: routes with converters, JSON through orjson as its documentation shows (https://www.starlette.io/responses/)."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, totals
from apps.models import Order


class OrjsonResponse(JSONResponse):
    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


async def plaintext(request: Request) -> Response:
    return PlainTextResponse("Hello, World!")


async def json(request: Request) -> Response:
    return OrjsonResponse({"message": "Hello, World!"})


async def item(request: Request) -> Response:
    return OrjsonResponse({"item_id": request.path_params["item_id"], "q": request.query_params.get("q")})


async def order(request: Request) -> Response:
    try:
        new = Order.model_validate_json(await request.body())
    except ValidationError as error:
        return Response(error.json(include_input=False), 422, media_type="application/json")
    count, total = totals(new)
    return OrjsonResponse({"id": 1, "count": count, "total": total})


async def objects(request: Request) -> Response:
    return OrjsonResponse(THINGS)


async def rows(request: Request) -> Response:
    return OrjsonResponse(ROWS)


async def chunks() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


async def stream(request: Request) -> Response:
    return StreamingResponse(chunks(), media_type="text/plain")


def resource(number: int) -> list[Route]:
    """Five more routes, as a resource of an API has them."""

    async def every(request: Request) -> Response:
        return OrjsonResponse({"item_id": number, "q": request.query_params.get("q")})

    async def remove(request: Request) -> Response:
        return Response(status_code=204)

    return [
        Route(f"/resource{number}", every),
        Route(f"/resource{number}", order, methods=["POST"]),
        Route(f"/resource{number}/{{item_id:int}}", item),
        Route(f"/resource{number}/{{item_id:int}}", order, methods=["PUT"]),
        Route(f"/resource{number}/{{item_id:int}}", remove, methods=["DELETE"]),
    ]


routes = [
    Route("/plaintext", plaintext),
    Route("/json", json),
    Route("/items/{item_id:int}", item),
    Route("/orders", order, methods=["POST"]),
    Route("/objects", objects),
    Route("/rows", rows),
    Route("/stream", stream),
]
for number in range(ROUTES // 5):
    routes += resource(number)
app = Starlette(routes=routes)
