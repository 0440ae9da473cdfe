"""Falcon on WSGI, with msgspec as in its recipe (https://falcon.readthedocs.io/en/stable/user/recipes/)."""

from typing import Any

import falcon
from falcon import Request, Response
from falcon.media import JSONHandler
from msgspec import DecodeError
from msgspec.json import Decoder, Encoder

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, totals
from apps.structs import Order

ORDER = Decoder(Order)
JSON = JSONHandler(dumps=Encoder().encode, loads=Decoder().decode)


class Plaintext:
    def on_get(self, request: Request, response: Response) -> None:
        response.content_type = falcon.MEDIA_TEXT
        response.text = "Hello, World!"


class Json:
    def on_get(self, request: Request, response: Response) -> None:
        response.media = {"message": "Hello, World!"}


class Item:
    def on_get(self, request: Request, response: Response, item_id: int) -> None:
        response.media = {"item_id": item_id, "q": request.get_param("q")}

    def on_put(self, request: Request, response: Response, item_id: int) -> None:
        Orders().on_post(request, response)

    def on_delete(self, request: Request, response: Response, item_id: int) -> None:
        response.status = falcon.HTTP_204


class Orders:
    def on_post(self, request: Request, response: Response) -> None:
        count, total = totals(ORDER.decode(request.bounded_stream.read()))
        response.media = {"id": 1, "count": count, "total": total}


class Every(Orders):
    def __init__(self, number: int) -> None:
        self.number = number

    def on_get(self, request: Request, response: Response) -> None:
        response.media = {"item_id": self.number, "q": request.get_param("q")}


class Objects:
    def on_get(self, request: Request, response: Response) -> None:
        response.media = THINGS


class Rows:
    def on_get(self, request: Request, response: Response) -> None:
        response.media = ROWS


class Stream:
    def on_get(self, request: Request, response: Response) -> None:
        response.content_type = falcon.MEDIA_TEXT
        response.stream = iter(CHUNKS)


def refuse(request: Request, response: Response, error: Exception, params: dict[str, Any]) -> None:
    raise falcon.HTTPUnprocessableEntity(description=str(error))


app = falcon.App()
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
