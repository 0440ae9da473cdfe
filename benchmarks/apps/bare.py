"""What the three bare callables share: the parts of an answer that need thought, without a framework."""

from urllib.parse import unquote_plus

from msgspec.json import Encoder
from pydantic import ValidationError

from apps.data import totals
from apps.models import Order

encode = Encoder().encode


def query_value(query: str, name: str) -> str | None:
    """The first value of `name` in a query string, decoded only where something is encoded."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            return unquote_plus(value) if "%" in value or "+" in value else value
    return None


def item(text: str, query: str) -> tuple[int, bytes]:
    """Status and body of `GET /items/{item_id}?q=`."""
    try:
        item_id = int(text)
    except ValueError:
        return 422, b"{}"
    return 200, encode({"item_id": item_id, "q": query_value(query, "q")})


def receipt(body: bytes) -> tuple[int, bytes]:
    """Status and body of `POST /orders`, validated with the same Pydantic model as the frameworks use."""
    try:
        order = Order.model_validate_json(body)
    except ValidationError as error:
        return 422, error.json(include_input=False).encode()
    count, total = totals(order)
    return 200, encode({"id": 1, "count": count, "total": total})
