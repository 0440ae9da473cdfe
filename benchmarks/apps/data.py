"""What every application hands out: made once, outside the request, from the standard library only."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from os import environ
from typing import Any, Protocol

ROUTES = int(environ.get("BENCH_ROUTES", "0"))
"""How many routes an application adds to its own, for the measurements of start-up and of the cost of a route."""


@dataclass
class Thing:
    """One object of the `objects` workload."""

    id: int
    name: str
    price: float
    active: bool
    created: datetime
    tags: list[str]


FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
THINGS = [
    Thing(
        id=number,
        name=f"Thing number {number}",
        price=number * 0.25 + 0.99,
        active=number % 3 != 0,
        created=FIRST_DAY + timedelta(minutes=7 * number),
        tags=["garden", f"batch-{number % 7}"],
    )
    for number in range(1_000)
]
ROWS: list[dict[str, Any]] = [asdict(thing) for thing in THINGS]
CHUNKS = [f"chunk {number:03d} ".encode().ljust(1_023, b".") + b"\n" for number in range(100)]


class Item(Protocol):
    """One line of an order, whichever library made it."""

    quantity: int
    price: float


class Order(Protocol):
    """An order that has been validated, whichever library did it."""

    items: list[Any]


def totals(order: Order) -> tuple[int, float]:
    """The work of the `post` workload: how many pieces, and what they cost together."""
    count = sum(item.quantity for item in order.items)
    return count, sum(item.quantity * item.price for item in order.items)
