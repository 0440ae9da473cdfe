"""Bad input to lists and APIs on each database: a clear 4xx, the same rows as in Python, and never a 500."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import databases
from backends.crud_models import FILTERED, NAMES, TEXTS, VALUES, Specimen, app_on
from wholestack.db import assert_queries, insert_many
from wholestack.testing import Client

REFUSED = {400, 404, 409, 413, 422}


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    with Client(app_on(url), raise_errors=False) as client:
        yield client


@pytest.fixture
def alone(client: Client, url: str) -> Client:
    """With an empty table."""
    app_on(url).plugins[0].dispose()  # type: ignore[attr-defined]
    return client


def items(client: Client, **query: Any) -> list[dict[str, Any]]:
    return list(client.get("/specimens", query={"limit": 1000, **query}).expect(200).json()["items"])


# -- D1: names -------------------------------------------------------------------------------------------------------


def test_D1_names_from_input(alone: Client, url: str) -> None:
    """As an order, as a filter, as an operator, as a key of a body: refused, or nobody's."""
    alone.post("/specimens", json={"text": "x", "code": "x"}).expect(201)
    for name in NAMES:
        order = alone.get("/specimens", query={"order": f"-{name}"})
        assert order.status == (200 if name == "id" else 422), (name, order.body)
        assert alone.get("/specimens", query={"order": [name, "id"]}).status in {200, 422}
        for named in (name, f"{name}__in", f"text__{name}"):
            answer = alone.get("/specimens", query={named: "1"})
            allowed = named in {"limit", "text__in", "text__null"}
            assert answer.status == (200 if allowed else 422), (named, answer.body)
        made = alone.post("/specimens", json={name: "1"})
        assert made.status == 201, (name, made.body)
        changed = alone.patch(made.headers["location"], json={name: "2"})
        assert (changed.status, changed.json()["version_id"]) == (200, 1), (name, changed.body)
    assert databases.rows(url, "SELECT count(*) FROM specimen WHERE text = 'x'")[0][0] == 1
    assert databases.rows(url, "SELECT count(*) FROM specimen")[0][0] == 1 + len(NAMES)


# -- D2: values ------------------------------------------------------------------------------------------------------

WAYS: dict[str, Callable[[str, str], bool]] = {
    "text": lambda held, asked: held == asked,
    "text__ne": lambda held, asked: held != asked,
    "text__in": lambda held, asked: held in {asked, "milk"},
    "text__contains": lambda held, asked: asked in held,
    "text__begins": lambda held, asked: held.startswith(asked),
}


def test_D2_texts_are_compared_as_python_compares_them(alone: Client, long: bool) -> None:
    for text in TEXTS:
        made = alone.post("/specimens", json={"text": text}).expect(201).json()
        assert made["text"] == text
    alone.post("/specimens", json={"text": None}).expect(201)
    held = {each["id"]: each["text"] for each in items(alone)}
    assert sorted(str(text) for text in held.values()) == sorted([*TEXTS, "None"])
    for asked in TEXTS if long else TEXTS[::3]:
        for way, same in WAYS.items():
            value = [asked, "milk"] if way == "text__in" else asked
            found = {each["id"] for each in items(alone, **{way: value})}
            assert found == {key for key, text in held.items() if text is not None and same(text, asked)}, (way, asked)


NUMBERS = {"number": [-(2**63), -1, 0, 1, 7, 2**53 + 1, 2**63 - 1], "small": [-(2**15), 0, 2**15 - 1]} | {
    "share": [-1.7976931348623157e308, -0.1, 0.0, 0.1, 0.30000000000000004, 1e-300],
    "money": ["-99999999999999.9999", "-0.0001", "0.0000", "0.1000", "2.0000", "99999999999999.9999"],
    "moment": ["1970-01-01T00:00:00Z", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000001Z", "9999-12-31T23:59:59.999999Z"],
    "day": ["1000-01-01", "2026-11-22", "9999-12-31"],
}  # fmt: skip
ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda held, asked: held == asked,
    "__ne": lambda held, asked: held != asked,
    "__gt": lambda held, asked: held > asked,
    "__ge": lambda held, asked: held >= asked,
    "__lt": lambda held, asked: held < asked,
    "__le": lambda held, asked: held <= asked,
}


def read(column: str, value: Any) -> Any:
    """A value of the wire as Python compares it."""
    if column == "money":
        import decimal

        return decimal.Decimal(value)
    return datetime.datetime.fromisoformat(value) if column == "moment" else value


@pytest.mark.parametrize("column", list(NUMBERS))
def test_D2_numbers_and_times_are_compared_as_python_compares_them(alone: Client, column: str) -> None:
    values = NUMBERS[column]
    for value in (*values, None):
        made = alone.post("/specimens", json={column: value}).expect(201).json()
        assert made[column] == value
        assert alone.get(f"/specimens/{made['id']}").json()[column] == value
    held = {each["id"]: each[column] for each in items(alone)}
    for asked in values:
        for way, same in ORDERED.items():
            found = {each["id"] for each in items(alone, **{column + way: asked})}
            wanted = {
                key
                for key, value in held.items()
                if value is not None and same(read(column, value), read(column, asked))
            }
            assert found == wanted, (way, asked)
    assert [each[column] for each in items(alone, order=column)] == [
        *sorted(values, key=lambda v: read(column, v)),
        None,
    ]
    assert [each[column] for each in items(alone, order=f"-{column}")] == [
        *sorted(values, key=lambda v: read(column, v), reverse=True),
        None,
    ]


def test_D2_values_in_each_column(client: Client, long: bool) -> None:
    """Each value in each column, sent and asked for: taken and given back, or refused."""
    columns = [*FILTERED, "data", "words", "raw"]
    values = VALUES if long else VALUES[::5]
    for column in columns:
        for value in values:
            made = client.post(
                "/specimens", body=encoded({column: value}), headers={"content-type": "application/json"}
            )
            assert made.status == 201 or made.status in REFUSED, (column, value, made.body)
            if made.status == 201:
                place = made.headers["location"]
                again = client.get(place)
                assert (again.status, again.json()) == (200, made.json()), (column, value)
                client.delete(place).expect(204)
            if column in FILTERED and not isinstance(value, (list, dict)) and len(str(value)) < 1000:
                asked = client.get("/specimens", query={column: str(value)})
                assert asked.status in {200, *REFUSED}, (column, value, asked.body)


def encoded(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except ValueError:  # Python writes no integers of more than 4,300 digits.
        return b"{}"


# -- B13 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"text": "a\0b"},
        {"data": {"a": "\0"}, "text": "a\0b"},
        {"number": 2**63},
        {"number": -(2**63) - 1},
        {"small": 2**15},
        {"day": "0000-01-01"},
        {"moment": "0000-01-01T00:00:00Z"},
        {"moment": "0001-01-01T00:00:00+14:00"},
        {"moment": "2026-11-22T10:00:00"},
        {"text": "x" * 201},
        {"money": "1e30"},
    ],
    ids=str,
)
def test_B13_what_no_column_holds(client: Client, body: dict[str, Any]) -> None:
    for method, place in (("POST", "/specimens"), ("PUT", "/specimens/{id}"), ("PATCH", "/specimens/{id}")):
        made = client.post("/specimens", json={}).json()["id"]
        problem = client.request(method, place.replace("{id}", str(made)), json=body).expect(422).json()
        assert problem["code"] in {"validation-failed", "value-refused"}


def test_B13_a_duplicate_is_a_conflict(alone: Client) -> None:
    first = alone.post("/specimens", json={"code": "one"}).expect(201).json()
    other = alone.post("/specimens", json={"code": "two"}).expect(201).json()
    for method, place in (("POST", ""), ("PUT", f"/{other['id']}"), ("PATCH", f"/{other['id']}")):
        problem = alone.request(method, f"/specimens{place}", json={"code": "one"}).expect(409).json()
        assert problem["code"] == "duplicate"
    assert [each["code"] for each in items(alone, order="id")] == ["one", "two"]
    assert first["code"] == "one"


@pytest.mark.parametrize(
    "path",
    [
        "/numbered?offset=-1",
        "/numbered?offset=9223372036854775808",
        "/numbered?limit=-1",
        "/numbered?limit=99999999999999999999",
        "/specimens?number=9223372036854775808",
        "/specimens?number__in=1&number__in=-9223372036854775809",
        "/specimens?moment__ge=0000-01-01T00:00:00Z",
        "/specimens?moment__ge=0001-01-01T00:00:00%2B14:00",
        "/specimens?day=0000-00-00",
        "/specimens?text=a%00b",
        "/specimens?text=%FF",
        "/specimens?text=%C3%28",
        "/specimens?text=%ED%A0%80",
        "/specimens?%FF=1",
        "/specimens?cursor=%FF",
        "/specimens/9223372036854775808",
        "/specimens/-9223372036854775809",
        "/specimens/1e3",
        "/specimens/%FF",
        "/specimens/%00",
        "/specimens/1%27",
        "/specimens/" + "9" * 4000,
    ],
)
def test_B13_numbers_and_texts_that_are_none(client: Client, path: str) -> None:
    assert client.get(path).status in REFUSED
    assert client.delete(path).status in {*REFUSED, 405}


def test_B13_what_is_in_bounds_is_there_or_not(client: Client) -> None:
    assert client.get("/numbered?offset=9223372036854775807").json()["items"] == []
    assert client.get("/specimens/9223372036854775807").status == 404
    assert client.get("/specimens/-9223372036854775808").status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"text": "\xff"}', 400),
        (b'{"text": "\xed\xa0\x80"}', 400),
        (b'{"text": "\\ud800"}', 400),
        (b'{"text": "\\u0000"}', 422),
        (b'{"share": NaN}', 422),
        (b'{"share": 1e999}', 422),
        (b'{"data": {"a": NaN}}', 400),
        (b'{"data": {"a": 1e999}}', 400),
        (b'\xef\xbb\xbf{"text": "x"}', 400),
        (b"", 400),
        (b"[]", 422),
        (b"null", 422),
    ],
    ids=repr,
)
def test_B13_bodies_that_are_none(client: Client, body: bytes, status: int) -> None:
    answer = client.post("/specimens", body=body, headers={"content-type": "application/json"})
    assert answer.status in {status, 400, 422}


# -- F11 -------------------------------------------------------------------------------------------------------------


def test_F11_a_page_has_an_end_and_few_statements(alone: Client) -> None:
    with alone.app.session() as db:
        insert_many(db, Specimen, ({"number": number, "text": "x"} for number in range(10_000)))
    with assert_queries(2):
        page = alone.get("/specimens?total=true&order=-number").json()
    assert (len(page["items"]), page["total"]) == (20, 10_000)
    assert alone.get("/specimens?limit=1001").status == 422
    with assert_queries(2):
        assert alone.get(page["next"]).json()["items"][0]["number"] == 9_979
