"""Falcon on ASGI, with msgspec as in its recipe (https://falcon.readthedocs.io/en/stable/user/recipes/)."""

from collections.abc import AsyncIterator
from typing import Any

import falcon
import falcon.asgi
from falcon.asgi import Request, Response
from falcon.media import JSONHandler
from msgspec import DecodeError
from msgspec.json import Decoder, Encoder

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, totals
from apps.structs import Order

ORDER = Decoder(Order)
JSON = JSONHandler(dumps=Encoder().encode, loads=Decoder().decode)


class Plaintext:
    async def on_get(self, request: Request, response: Response) -> None:
        response.content_type = falcon.MEDIA_TEXT
        response.text = "Hello, World!"


class Json:
    async def on_get(self, request: Request, response: Response) -> None:
        response.media = {"message": "Hello, World!"}


class Item:
    async def on_get(self, request: Request, response: Response, item_id: int) -> None:
        response.media = {"item_id": item_id, "q": request.get_param("q")}

    async def on_put(self, request: Request, response: Response, item_id: int) -> None:
        await Orders().on_post(request, response)

    async def on_delete(self, request: Request, response: Response, item_id: int) -> None:
        response.status = falcon.HTTP_204


class Orders:
    async def on_post(self, request: Request, response: Response) -> None:
        count, total = totals(ORDER.decode(await request.stream.read()))
        response.media = {"id": 1, "count": count, "total": total}


class Every(Orders):
    def __init__(self, number: int) -> None:
        self.number = number

    async def on_get(self, request: Request, response: Response) -> None:
        response.media = {"item_id": self.number, "q": request.get_param("q")}


class Objects:
    async def on_get(self, request: Request, response: Response) -> None:
        response.media = THINGS


class Rows:
    async def on_get(self, request: Request, response: Response) -> None:
        response.media = ROWS


async def chunks() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


class Stream:
    async def on_get(self, request: Request, response: Response) -> None:
        response.content_type = falcon.MEDIA_TEXT
        response.stream = chunks()


async def refuse(request: Request, response: Response, error: Exception, params: dict[str, Any]) -> None:
    raise falcon.HTTPUnprocessableEntity(description=str(error))


app = falcon.asgi.App()
app.resp_options.media_handlers[falcon.MEDIA_JSON] = JSON
app.add_error_handler(DecodeError, refuse)
app.add_route("/plaintext", Plaintext())
app.add_route("/json", Json())
app.add_route("/items/{item_id:int}", Item())
app.add_route("/orders", Orders())
app.add_route("/objects", Objects())
app.add_route("/rows", Rows())
app.add_route("/stream", Stream())
for number in range(ROUTES // 5):
    app.add_route(f"/resource{number}", Every(number))
    app.add_route(f"/resource{number}/{{item_id:int}}", Item())
