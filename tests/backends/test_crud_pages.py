"""Pages and versions on each database: every row once, whatever happens meanwhile; no change lost."""

from __future__ import annotations

import asyncio
import datetime
import random
from collections.abc import Iterator
from typing import Any

import pytest

import databases
from backends.crud_models import Rank, Specimen, app_on
from wholestack import App
from wholestack.db import insert_many
from wholestack.testing import AsyncClient, Client

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
ORDERS = (
    [],
    ["id"],
    ["text"],
    ["-text", "number"],
    ["number", "-text"],
    ["-number", "-share", "moment"],
    ["rank", "-yes", "money"],
    ["-moment"],
    ["day", "hour"],
    ["mark"],
    ["-lasts", "small"],
)


@pytest.fixture(scope="module")
def app(url: str) -> App:
    """An app with 60 specimens whose values come again and again, or are not there."""
    app = app_on(url)
    chance = random.Random(7)

    def some(*values: Any) -> Any:
        return chance.choice([None, *values])

    rows = [
        {
            "text": some("a", "A", "b", "", "ä", "%", "x" * 150),
            "number": some(-1, 0, 1, 2**62),
            "small": some(1, 2),
            "share": some(0.1, 0.30000000000000004, -1e300),
            "money": some("0.1", "0.1001"),
            "moment": some(NOON, NOON + datetime.timedelta(microseconds=1)),
            "day": some(NOON.date()),
            "hour": some(datetime.time(8), datetime.time(8, 0, 0, 1)),
            "lasts": some(datetime.timedelta(1), datetime.timedelta(microseconds=1)),
            "yes": some(True, False),
            "rank": some(Rank.LOW, Rank.HIGH),
            "mark": some("00000000-0000-0000-0000-000000000001", "ffffffff-0000-0000-0000-000000000001"),
        }
        for _ in range(60)
    ]
    import decimal
    import uuid

    for row in rows:
        row["money"] = None if row["money"] is None else decimal.Decimal(row["money"])
        row["mark"] = None if row["mark"] is None else uuid.UUID(row["mark"])
    with app.session() as db:
        insert_many(db, Specimen, rows)
    return app


@pytest.fixture(scope="module")
def client(app: App) -> Iterator[Client]:
    with Client(app) as client:
        yield client


def ids(page: Any) -> list[int]:
    return [each["id"] for each in page["items"]]


def walk(client: Client, path: str, way: str) -> list[int]:
    found: list[int] = []
    while path:
        page = client.get(path).expect(200).json()
        found = found + ids(page) if way == "next" else ids(page) + found
        path = page[way]
    return found


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_each_row_once_forth_and_back(client: Client, order: list[str]) -> None:
    whole = ids(client.get("/specimens", query={"order": order, "limit": 1000}).json())
    assert len(set(whole)) == len(whole) == 60
    for size in (7, 60):
        first = client.get("/specimens", query={"order": order, "limit": size}).json()
        assert ids(first) + (walk(client, first["next"], "next") if first["next"] else []) == whole
        page = first
        while page["next"]:
            page = client.get(page["next"]).json()
        assert (walk(client, page["previous"], "previous") if page["previous"] else []) + ids(page) == whole
    numbered = client.get("/numbered", query={"order": order, "limit": 30, "offset": 30}).json()
    assert ids(numbered) == whole[30:]


def test_each_row_once_while_others_come_and_go(url: str) -> None:
    app = app_on(url)
    with app.session() as db:
        insert_many(db, Specimen, ({"number": number, "text": "there"} for number in range(100, 200)))
    chance = random.Random(3)
    with Client(app) as client:
        seen: list[int] = []
        path = "/specimens?order=-number&limit=9"
        while path:
            page = client.get(path).expect(200).json()
            seen += [each["number"] for each in page["items"] if each["text"] == "there"]
            with app.session() as db:
                insert_many(db, Specimen, ({"number": chance.randrange(300), "text": "new"} for _ in range(5)))
            path = page["next"]
    assert seen == list(range(199, 99, -1))


def test_of_all_who_saw_one_version_one_changes_it(url: str) -> None:
    """Twelve at once, each with the same If-Match: one 200, the rest 412."""
    app = app_on(url)

    async def race() -> list[int]:
        async with AsyncClient(app) as client:
            made = await client.post("/specimens", json={"number": 0})
            place, tag = made.headers["location"], made.headers["etag"]
            answers = await asyncio.gather(
                *[client.patch(place, json={"number": n}, headers={"if-match": tag}) for n in range(1, 13)]
            )
            return [each.status for each in answers]

    statuses = asyncio.run(race())
    assert sorted(statuses) == [200] + [412] * 11
    assert databases.rows(url, "SELECT version_id, number FROM specimen") == [(2, statuses.index(200) + 1)]


def test_without_a_tag_no_change_is_lost_unseen(url: str) -> None:
    """Each 200 is one more version; what another request was faster than says so (409)."""
    app = app_on(url)

    async def race() -> list[int]:
        async with AsyncClient(app) as client:
            place = (await client.post("/specimens", json={"number": 0})).headers["location"]
            answers = await asyncio.gather(*[client.patch(place, json={"number": n}) for n in range(1, 13)])
            return [each.status for each in answers]

    statuses = asyncio.run(race())
    assert set(statuses) <= {200, 409}
    ((version, number),) = databases.rows(url, "SELECT version_id, number FROM specimen")
    assert version == 1 + statuses.count(200)
    assert number in {index + 1 for index, status in enumerate(statuses) if status == 200}


def test_two_deletes_of_one_row(url: str) -> None:
    app = app_on(url)

    async def race() -> list[int]:
        async with AsyncClient(app) as client:
            place = (await client.post("/specimens", json={})).headers["location"]
            answers = await asyncio.gather(*[client.delete(place) for _ in range(8)])
            return [each.status for each in answers]

    statuses = asyncio.run(race())
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 404, 409}
    assert databases.rows(url, "SELECT id FROM specimen") == []
