"""What is asked of every peer, and what a right answer is."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.data import CHUNKS, ROWS

from harness.wire import Answer, Request

JSON = "application/json"
TEXT = "text/plain"
ORDER = {
    "customer": {"name": "Ada Lovelace", "email": "ada@example.com"},
    "address": {"street": "12 St James's Square", "city": "London", "zip": "SW1Y 4JH"},
    "items": [
        {"sku": "lamp-7", "quantity": 2, "price": 24.5},
        {"sku": "desk-1", "quantity": 1, "price": 310.0},
        {"sku": "nail-3", "quantity": 40, "price": 0.25},
    ],
}
RECEIPT = {"id": 1, "count": 43, "total": 369.0}


class WrongAnswer(Exception):
    """An answer that is not what the workload asks for; the text says in what."""


@dataclass(frozen=True)
class Workload:
    """One request to time, the check of its answer, and requests that must be refused with a 4xx before timing."""

    name: str
    request: Request
    check: Callable[[Answer], None]
    refused: tuple[Request, ...] = ()
    connections: int = 32
    title: str = ""
    """As the report's headings say it."""


def equal(what: str, found: object, wanted: object) -> None:
    """Complain unless both are the same, type included (1 is not 1.0's spelling of true)."""
    if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
        raise WrongAnswer(f"{what} is {found!r:.80}, not {wanted!r:.80}")


def check_head(answer: Answer, *media_types: str) -> None:
    """Complain about a wrong status or content type."""
    if not 200 <= answer.status < 300:
        raise WrongAnswer(f"status is {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}")
    if answer.media_type not in media_types:
        raise WrongAnswer(f"content type is {answer.media_type!r}, not {media_types[0]!r}")


def check_text(answer: Answer) -> None:
    """The words of `plaintext`."""
    check_head(answer, TEXT)
    equal("body", answer.body, b"Hello, World!")


def check_json(wanted: Mapping[str, object]) -> Callable[[Answer], None]:
    """A check for one JSON object: each field, and no other."""

    def check(answer: Answer) -> None:
        check_head(answer, JSON)
        check_fields("body", answer.json(), wanted)

    return check


def check_fields(where: str, found: Any, wanted: Mapping[str, object]) -> None:
    """Each field of one object, and no other; dates may be spelled in any way ISO 8601 allows."""
    equal(f"{where}: fields", sorted(found), sorted(wanted))
    for name, value in wanted.items():
        if isinstance(value, datetime):
            equal(f"{where}.{name}", datetime.fromisoformat(found[name]), value)
        else:
            equal(f"{where}.{name}", found[name], value)


def check_things(answer: Answer) -> None:
    """The thousand objects, field by field."""
    check_head(answer, JSON)
    things = answer.json()
    equal("number of objects", len(things), len(ROWS))
    for number, (thing, row) in enumerate(zip(things, ROWS, strict=True)):
        check_fields(f"[{number}]", thing, row)


def check_stream(answer: Answer) -> None:
    """The hundred chunks, joined."""
    check_head(answer, TEXT, "application/octet-stream", "text/html")
    equal("length of the stream", len(answer.body), 102_400)
    equal("stream", answer.body, b"".join(CHUNKS))


def order_without(**changes: object) -> Request:
    """An order that must be refused."""
    return Request("/orders", "POST", json.dumps(ORDER | changes).encode())


BAD_ORDERS = (
    order_without(items=[{"sku": "lamp-7", "quantity": 0, "price": 24.5}]),
    order_without(items=[{"sku": "lamp-7", "quantity": "many", "price": 24.5}]),
    order_without(items=[]),
    order_without(customer={"name": "Ada Lovelace"}),
    Request("/orders", "POST", b'{"customer": '),
)

WORKLOADS = (
    Workload("plaintext", Request("/plaintext"), check_text, title="plain text"),
    Workload("json", Request("/json"), check_json({"message": "Hello, World!"}), title="JSON"),
    Workload(
        "params",
        Request("/items/42?q=hello"),
        check_json({"item_id": 42, "q": "hello"}),
        refused=(Request("/items/many?q=hello"),),
        title="typed path and query",
    ),
    Workload(
        "post",
        Request("/orders", "POST", json.dumps(ORDER).encode()),
        check_json(RECEIPT),
        refused=BAD_ORDERS,
        title="validated nested POST",
    ),
    Workload("objects", Request("/objects"), check_things, connections=8, title="1,000 objects out"),
    Workload("rows", Request("/rows"), check_things, connections=8, title="1,000 rows (dicts) out"),
    Workload("stream", Request("/stream"), check_stream, connections=8, title="stream of 100 x 1 KiB"),
)
