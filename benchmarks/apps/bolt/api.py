"""django-bolt: typed functions, msgspec structs in and out (https://bolt.farhana.li/)."""

from collections.abc import AsyncIterator

from django_bolt import BoltAPI
from django_bolt.middleware import no_compress
from django_bolt.responses import PlainText, StreamingResponse

from apps.data import CHUNKS, ROUTES, ROWS, THINGS, Thing, totals
from apps.structs import Found, Message, Order, Receipt

api = BoltAPI(enable_logging=False, compression=False)  # no access log, no compression: as everyone here


@api.get("/plaintext")
async def plaintext():
    return PlainText("Hello, World!")


@api.get("/json")
async def json() -> Message:
    return Message("Hello, World!")


@api.get("/items/{item_id}")
async def item(item_id: int, q: str | None = None) -> Found:
    return Found(item_id, q)


@api.post("/orders")
async def order(new: Order) -> Receipt:
    count, total = totals(new)
    return Receipt(1, count, total)


@api.get("/objects")
@no_compress
async def objects() -> list[Thing]:
    return THINGS


@api.get("/rows")
@no_compress
async def rows():
    return ROWS


async def chunks() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


@api.get("/stream")
@no_compress
async def stream():
    return StreamingResponse(chunks(), media_type="text/plain")


def resource(number: int) -> None:
    """Five more routes, as a resource of an API has them."""

    @api.get(f"/resource{number}")
    async def every(q: str | None = None) -> Found:
        return Found(number, q)

    @api.post(f"/resource{number}")
    async def create(new: Order) -> Receipt:
        return Receipt(number, 1, 1.0)

    @api.get(f"/resource{number}/{{item_id}}")
    async def one(item_id: int, q: str | None = None) -> Found:
        return Found(item_id, q)

    @api.put(f"/resource{number}/{{item_id}}")
    async def change(item_id: int, new: Order) -> Receipt:
        return Receipt(item_id, 1, 1.0)

    @api.delete(f"/resource{number}/{{item_id}}", status_code=204)
    async def remove(item_id: int):
        return None


for number in range(ROUTES // 5):
    resource(number)
