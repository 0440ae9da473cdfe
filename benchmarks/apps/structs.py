"""The order of the `post` workload as msgspec structs, for the frameworks whose documentation prefers msgspec."""

from typing import Annotated

from msgspec import Meta, Struct


class Customer(Struct):
    """Who orders."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    email: Annotated[str, Meta(max_length=200)]


class Address(Struct):
    """Where it goes."""

    street: str
    city: str
    zip: Annotated[str, Meta(max_length=10)]


class Item(Struct):
    """One line of the order."""

    sku: str
    quantity: Annotated[int, Meta(gt=0)]
    price: Annotated[float, Meta(ge=0)]


class Order(Struct):
    """What comes in."""

    customer: Customer
    address: Address
    items: Annotated[list[Item], Meta(min_length=1)]


class Receipt(Struct):
    """What goes out."""

    id: int
    count: int
    total: float


class Message(Struct):
    """The answer of the `json` workload."""

    message: str


class Found(Struct):
    """The answer of the `params` workload."""

    item_id: int
    q: str | None
