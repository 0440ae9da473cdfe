"""The tests of the smallest API with a database."""

from pathlib import Path

from examples.notes.app import Memo

from wholestack.db import Session, func, select
from wholestack.testing import Client

LINES = 25


def test_it_is_small() -> None:
    """The model, the app and the API, with types and documentation: peers take 39 to 71 lines."""
    text = (Path(__file__).parent / "app.py").read_text(encoding="utf-8")
    code = [line for line in text.splitlines() if line.strip() and not line.startswith(("#", '"""'))]
    assert len(code) <= LINES, len(code)


# [test]
def test_a_memo_from_its_making_to_its_end(client: Client, db: Session) -> None:
    made = client.post("/memos", json={"text": "buy milk"}).expect(201)
    tag = made.headers["etag"]
    place = made.headers["location"]
    client.patch(place, json={"done": True}, headers={"if-match": tag}).expect(200)
    client.patch(place, json={"done": False}, headers={"if-match": tag}).expect(412)  # It has changed since.
    assert [each["text"] for each in client.get("/memos?done=true").json()["items"]] == ["buy milk"]
    client.put(place, json={"text": "buy bread"}).expect(200)
    client.delete(place).expect(204)
    assert db.scalar(select(func.count()).select_from(Memo)) == 0


# [/test]


def test_pages_filters_and_order(client: Client) -> None:
    for number in range(5):
        client.post("/memos", json={"text": f"memo {number}"}).expect(201)
    page = client.get("/memos?limit=2&order=text&total=true").expect(200).json()
    assert ([each["text"] for each in page["items"]], page["total"]) == (["memo 0", "memo 1"], 5)
    following = client.get(page["next"]).json()
    assert [each["text"] for each in following["items"]] == ["memo 2", "memo 3"]
    assert [each["text"] for each in client.get("/memos?text__contains=4").json()["items"]] == ["memo 4"]
    assert client.get("/memos?order=version_id").status == 422


def test_it_is_documented(client: Client) -> None:
    document = client.get("/openapi.json").expect(200).json()
    assert set(document["paths"]["/memos"]) == {"get", "post"}
    assert set(document["paths"]["/memos/{id}"]) == {"get", "put", "patch", "delete"}
    names = {each["name"] for each in document["paths"]["/memos"]["get"]["parameters"]}
    assert {"done", "text__contains", "created_at__ge", "order", "limit", "cursor", "total"} <= names
