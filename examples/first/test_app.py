"""The tests of docs/learn/first-api.md."""

# [tests]
from wholestack.testing import Client


def test_a_note_is_kept(client: Client) -> None:
    made = client.post("/notes", json={"text": "buy milk", "tags": ["home"]}).expect(201).json()
    assert client.get(f"/notes/{made['id']}").json() == {"id": 1, "text": "buy milk", "tags": ["home"]}


def test_notes_are_found_by_tag(client: Client) -> None:
    client.post("/notes", json={"text": "buy milk", "tags": ["home"]})
    client.post("/notes", json={"text": "write tests"})
    assert [note["text"] for note in client.get("/notes?tag=home").json()] == ["buy milk"]
    assert len(client.get("/notes").json()) == 2


def test_a_note_without_text_is_refused(client: Client) -> None:
    faults = client.post("/notes", json={"text": "", "tags": "home"}).expect(422).json()["errors"]
    assert [fault["pointer"] for fault in faults] == ["/text", "/tags"]


def test_a_note_that_is_not_there(client: Client) -> None:
    assert client.get("/notes/7").expect(404).json()["code"] == "not-found"


def test_what_was_not_sent_stays(client: Client) -> None:
    client.post("/notes", json={"text": "buy milk", "tags": ["home"]})
    assert client.patch("/notes/1", json={"text": "buy oat milk"}).json()["tags"] == ["home"]


# [/tests]
def test_the_document(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {"/notes", "/notes/{id}"}
    assert "201" in document["paths"]["/notes"]["post"]["responses"]
    assert "404" in document["paths"]["/notes/{id}"]["get"]["responses"]
    assert client.get("/docs").status == 200
