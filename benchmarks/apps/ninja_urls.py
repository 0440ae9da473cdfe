"""Django Ninja: typed functions, schemas in and out (https://django-ninja.dev/)."""

from datetime import datetime

from django.http import HttpRequest
from django.urls import path
from ninja import NinjaAPI, Schema

from apps.data import ROUTES, ROWS, THINGS, totals
from apps.django_views import plaintext, stream
from apps.models import Order, Receipt

api = NinjaAPI()


class Message(Schema):
    message: str


class Item(Schema):
    item_id: int
    q: str | None


class ThingOut(Schema):
    id: int
    name: str
    price: float
    active: bool
    created: datetime
    tags: list[str]


@api.get("/json", response=Message)
def json(request: HttpRequest):
    return {"message": "Hello, World!"}


@api.get("/items/{int:item_id}", response=Item)
def item(request: HttpRequest, item_id: int, q: str | None = None):
    return {"item_id": item_id, "q": q}


@api.post("/orders", response=Receipt)
def order(request: HttpRequest, new: Order):
    count, total = totals(new)
    return {"id": 1, "count": count, "total": total}


@api.get("/objects", response=list[ThingOut])
def objects(request: HttpRequest):
    return THINGS


@api.get("/rows", response=list[ThingOut])
def rows(request: HttpRequest):
    return ROWS


def resource(number: int) -> None:
    """Five more routes, as a resource of an API has them."""

    @api.get(f"/resource{number}", response=Item, operation_id=f"every{number}")
    def every(request: HttpRequest, q: str | None = None):
        return {"item_id": number, "q": q}

    @api.post(f"/resource{number}", response=Receipt, operation_id=f"create{number}")
    def create(request: HttpRequest, new: Order):
        return {"id": number, "count": 1, "total": 1.0}

    @api.get(f"/resource{number}/{{int:item_id}}", response=Item, operation_id=f"one{number}")
    def one(request: HttpRequest, item_id: int, q: str | None = None):
        return {"item_id": item_id, "q": q}

    @api.put(f"/resource{number}/{{int:item_id}}", response=Receipt, operation_id=f"change{number}")
    def change(request: HttpRequest, item_id: int, new: Order):
        return {"id": item_id, "count": 1, "total": 1.0}

    @api.delete(f"/resource{number}/{{int:item_id}}", response={204: None}, operation_id=f"remove{number}")
    def remove(request: HttpRequest, item_id: int):
        return 204, None


for number in range(ROUTES // 5):
    resource(number)
urlpatterns = [path("plaintext", plaintext), path("stream", stream), path("", api.urls)]
