"""The richest example, used as its users use it."""

import csv
import io
import re
from collections.abc import Iterator

import pytest
from examples.airports.app import HERE, app

from wholestack.testing import Client

KEY = {"x-api-key": "demo"}
NEW = {"code": "zzz1", "name": "Field", "city": "Town", "state": "NY", "latitude": 40.5, "longitude": -73.5}
HEADER = "code,name,city,state,latitude,longitude\n"


@pytest.fixture
def client() -> Iterator[Client]:
    """The app with the data that is shipped: it lies in memory, and ends with the client."""
    with Client(app) as client:
        yield client


def test_the_data_is_as_its_page_says():
    text = (HERE / "airports.csv").read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    codes = [row["code"] for row in rows]
    assert len(rows) == 3364 and codes == sorted(set(codes)) and "\r" not in text
    assert all(re.fullmatch("[A-Z0-9]{3,4}", code) for code in codes)
    assert all(-15 < float(row["latitude"]) < 72 and -180 <= float(row["longitude"]) <= 180 for row in rows)
    assert len({row["state"] for row in rows}) == 56
    page = (HERE / "index.html").read_text("utf-8")
    assert f"{len(rows):,} real airports" in page and f"{len(rows):,} airports" in (HERE / "DATA.md").read_text("utf-8")


def test_the_first_page_leads_on(client):
    page = client.get("/", headers={"accept": "text/html"})
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    assert not re.search(r"<script|<style|style=|https?://(?!127\.0\.0\.1:8000/)", page.text)
    for link in re.findall(r'(?:href|action)="(/[^"]*)"', page.text):
        answer = client.get(link.replace("&amp;", "&"))
        assert answer.status == {"/airports/ZZZZ": 404}.get(link, 422 if "limit=0" in link else 200), link


def test_a_search_filters_sorts_and_pages(client):
    found = client.get("/airports", query={"state": "HI", "limit": "2", "offset": "1"}).json()
    assert found["total"] == 16 and [airport["state"] for airport in found["airports"]] == ["HI", "HI"]
    assert "JFK" in {each["code"] for each in client.get("/airports", query={"q": "kennedy"}).json()["airports"]}
    near = client.get("/airports", query={"near": "40.64,-73.78", "limit": "1"}).json()
    assert near["airports"][0]["code"] == "JFK" and near["total"] == 3364
    assert client.get("/airports", query={"offset": "10000"}).json()["airports"] == []


def test_every_fault_of_a_search_is_listed(client):
    answer = client.get(
        "/airports", query={"state": "hawaii", "near": "here", "limit": "0", "offset": "-1", "q": "x" * 61}
    )
    assert answer.status == 422 and answer.headers["content-type"].startswith("application/problem+json")
    assert {(fault["in"], fault["pointer"]) for fault in answer.json()["errors"]} == {
        ("query", pointer) for pointer in ("/state", "/near", "/limit", "/offset", "/q")
    }


def test_an_airport_is_read_in_either_case_and_conditionally(client):
    answer = client.get("/airports/jfk")
    assert answer.json()["name"] == "John F Kennedy Intl" and "app;dur=" in answer.headers["server-timing"]
    again = client.get("/airports/JFK", headers={"if-none-match": answer.headers["etag"]})
    assert again.status == 304 and again.text == ""


@pytest.mark.parametrize("path", ["/airports/ZZZZ", "/airports/ZZZZ/nearest", "/distance?a=JFK&b=ZZZZ"])
def test_an_unknown_code_is_a_problem(client, path):
    problem = client.get(path)
    assert problem.status == 404 and problem.json()["code"] == "no-such-airport"
    assert "server-timing" in problem.headers


def test_neighbours_and_distances(client):
    nearest = client.get("/airports/JFK/nearest", query={"count": "3"}).json()
    assert [neighbour["airport"]["code"] for neighbour in nearest] == ["LGA", "6N7", "6N5"]
    assert client.get("/distance", query={"a": "JFK", "b": "LAX", "unit": "mi"}).json() == {
        "distance": 2469.5,
        "unit": "mi",
    }
    assert client.get("/distance", query={"a": "GUM", "b": "PPG"}).json()["distance"] == 5792.6  # across the date line
    assert client.get("/distance", query={"a": "JFK", "b": "JFK"}).json()["distance"] == 0
    assert client.get("/distance", query={"a": "JFK", "b": "LAX", "unit": "feet"}).status == 422


def test_the_states_are_counted(client):
    states = client.get("/states").json()
    assert states["AK"] == 263 and len(states) == 56 and sum(states.values()) == 3364


def test_the_file_can_be_had_in_parts(client):
    part = client.get("/airports.csv", headers={"range": "bytes=0-3"})
    assert (part.status, part.text) == (206, "code")
    whole = client.get("/airports.csv")
    assert whole.text == (HERE / "airports.csv").read_text("utf-8")
    assert client.get("/airports.csv", headers={"if-none-match": whole.headers["etag"]}).status == 304


@pytest.mark.parametrize("headers", [{}, {"x-api-key": ""}, {"x-api-key": "Demo"}, {"x-api-key": "dem\u00f6"}])
def test_only_the_key_writes(client, headers):
    for answer in (
        client.post("/airports", json=NEW, headers=headers),
        client.patch("/airports/JFK", json={"city": "Queens"}, headers=headers),
        client.delete("/airports/JFK", headers=headers),
        client.post("/import", files={"file": ("a.csv", b"", "text/csv")}, headers=headers),
    ):
        assert answer.status == 401 and answer.headers["www-authenticate"] == "ApiKey"
    assert client.get("/airports/JFK").json()["city"] == "New York"


def test_an_airport_lives_and_dies(client):
    made = client.post("/airports", json=NEW, headers=KEY)
    assert made.status == 201 and made.headers["location"] == "/airports/ZZZ1" and made.json()["code"] == "ZZZ1"
    assert client.post("/airports", json=NEW, headers=KEY).json()["code"] == "code-taken"
    changed = client.patch("/airports/ZZZ1", json={"name": " Old Field "}, headers=KEY)
    assert changed.json() == {**NEW, "code": "ZZZ1", "name": "Old Field"}
    assert client.get("/airports/ZZZ1").headers["etag"] == changed.headers["etag"] != made.headers["etag"]
    stale = client.patch("/airports/ZZZ1", json={"city": "Lost"}, headers={**KEY, "if-match": made.headers["etag"]})
    assert stale.status == 412 and client.get("/airports/ZZZ1").json()["city"] == "Town"
    assert client.delete("/airports/ZZZ1", headers=KEY).status == 204
    assert client.delete("/airports/ZZZ1", headers=KEY).status == 404


def test_a_bad_airport_is_refused_with_every_fault(client):
    bad = {
        "code": "?",
        "name": " ",
        "city": "Town",
        "state": "ny",
        "latitude": 91,
        "longitude": "NaN",
        "country": "USA",
    }
    answer = client.post("/airports", json=bad, headers=KEY)
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert answer.status == 422 and pointers == {f"/{name}" for name in bad} - {"/city"}
    assert client.patch("/airports/JFK", json={"code": "LGA", "city": None}, headers=KEY).status == 422


def test_the_shipped_file_can_be_imported_again(client):
    file = ("airports.csv", (HERE / "airports.csv").read_bytes(), "text/csv")
    assert client.post("/import", files={"file": file}, headers=KEY).json() == {"added": 0, "replaced": 3364}
    row = b"\xef\xbb\xbf" + HEADER.encode() + b"ZZZ1,Field,Town,NY,40.5,-73.5\n"
    assert client.post("/import", files={"file": ("a.csv", row, "text/csv")}, headers=KEY).json() == {
        "added": 1,
        "replaced": 0,
    }


def test_an_import_takes_all_rows_or_none(client):
    rows = f"{HEADER}ZZZ1,Field,Town,NY,40.5,-73.5\nZZZ2,,Town,NY,nan,0\nZZZ3,Field,Town,NY,1,2,3\n"
    answer = client.post("/import", files={"file": ("a.csv", rows.encode(), "text/csv")}, headers=KEY)
    assert answer.status == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [
        "/file/1/name",
        "/file/1/latitude",
        "/file/2/more",
    ]
    assert client.get("/airports/ZZZ1").status == 404


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"\xff", 422),
        (b'"' + b"x" * 200_000, 422),
        (b"code\n" + b"x\n" * 5000, 422),
        (b"x" * 1_100_000, 413),
        (b'"\0', 200),
    ],
)
def test_an_import_of_nonsense_is_bounded(client, content, status):
    answer = client.post("/import", files={"file": ("a.csv", content, "text/csv")}, headers=KEY)
    assert answer.status == status and len(answer.json().get("errors", [])) <= 105


def test_there_is_an_end_to_adding(client):
    def codes(first: str) -> bytes:
        rows = (f"{first}{n:03},Field,Town,NY,0,0\n" for n in range(1000))
        return (HEADER + "".join(rows)).encode()

    answers = [
        client.post("/import", files={"file": ("a.csv", codes(letter), "text/csv")}, headers=KEY)
        for letter in "QRTUVWX"
    ]
    assert [answer.status for answer in answers][-1] == 409 and answers[-1].json()["code"] == "full"


def test_the_document_names_the_key_the_errors_and_the_tags(client):
    document = client.get("/openapi.json").json()
    post = document["paths"]["/airports"]["post"]
    assert post["tags"] == ["writing"] and {"201", "401", "409", "422"} <= post["responses"].keys()
    schemes = [document["components"]["securitySchemes"][name] for need in post["security"] for name in need]
    assert {"type": "apiKey", "in": "header", "name": "x-api-key"} in schemes
    assert {each["type"] for each in schemes} == {"apiKey", "http"}  # The key, a session, or a member's token.
    assert "/" not in document["paths"] and "security" not in document["paths"]["/airports"]["get"]
