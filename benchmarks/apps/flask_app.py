"""Flask, with orjson as its JSON provider (https://flask.palletsprojects.com/en/stable/api/#module-flask.json.provider)."""

from collections.abc import Callable
from typing import Any

import orjson
from flask import Flask, Response, jsonify, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, totals
from apps.models import Order


class Orjson(DefaultJSONProvider):
    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


app = Flask(__name__)
app.json = Orjson(app)


@app.get("/plaintext")
def plaintext() -> ResponseReturnValue:
    return Response("Hello, World!", mimetype="text/plain")


@app.get("/json")
def message() -> ResponseReturnValue:
    return {"message": "Hello, World!"}


@app.get("/items/<int:item_id>")
def item(item_id: int) -> ResponseReturnValue:
    return {"item_id": item_id, "q": request.args.get("q")}


@app.post("/orders")
def order() -> ResponseReturnValue:
    try:
        new = Order.model_validate_json(request.get_data())
    except ValidationError as error:
        return Response(error.json(include_input=False), 422, mimetype="application/json")
    count, total = totals(new)
    return {"id": 1, "count": count, "total": total}


@app.get("/objects")
def objects() -> ResponseReturnValue:
    return jsonify(THINGS)


@app.get("/rows")
def rows() -> ResponseReturnValue:
    return jsonify(ROWS)


@app.get("/stream")
def stream() -> ResponseReturnValue:
    return Response(iter(CHUNKS), mimetype="text/plain")


def remove(item_id: int) -> ResponseReturnValue:
    return "", 204


def change(item_id: int) -> ResponseReturnValue:
    return order()


def every(number: int) -> Callable[[], ResponseReturnValue]:
    return lambda: {"item_id": number, "q": request.args.get("q")}


for number in range(ROUTES // 5):
    app.add_url_rule(f"/resource{number}", f"every{number}", every(number), methods=["GET"])
    app.add_url_rule(f"/resource{number}", f"create{number}", order, methods=["POST"])
    app.add_url_rule(f"/resource{number}/<int:item_id>", f"one{number}", item, methods=["GET"])
    app.add_url_rule(f"/resource{number}/<int:item_id>", f"change{number}", change, methods=["PUT"])
    app.add_url_rule(f"/resource{number}/<int:item_id>", f"remove{number}", remove, methods=["DELETE"])
