"""What the chapter on data says, as its reader tests it."""

# [tests]
from examples.data.app import Author, Note

from wholestack.db import Session, assert_queries
from wholestack.testing import Client


def test_a_note_is_written_with_its_author(client: Client, db: Session) -> None:
    note = client.post("/notes", json={"text": "buy milk", "author": "Ann"}).expect(201).json()
    assert note["author"]["name"] == "Ann"
    assert client.get("/notes").json() == [note]
    assert db.get_one(Note, note["id"]).author.name == "Ann"


def test_the_next_test_finds_nothing_of_it(client: Client) -> None:
    assert client.get("/notes").json() == []


def test_a_list_takes_two_statements_however_long_it_is(client: Client, db: Session) -> None:
    for name in ("Ann", "Bob", "Cem"):
        db.add(Author(name=name, notes=[Note(text="buy milk"), Note(text="read")]))
    db.commit()
    with assert_queries(2):
        assert len(client.get("/notes").json()) == 6


# [/tests]


def test_a_note_that_is_not_there(client: Client) -> None:
    assert client.post("/notes/7/done").expect(404).json()["detail"] == "There is no note 7."


def test_a_note_is_done(client: Client) -> None:
    note = client.post("/notes", json={"text": "buy milk", "author": "Ann"}).json()
    assert client.post(f"/notes/{note['id']}/done").json()["done"] is True
    assert client.get("/notes").json() == []
    assert len(client.get("/notes?done=true").json()) == 1


def test_what_cannot_be_stored_is_a_clear_answer(client: Client, db: Session) -> None:
    note = client.post("/notes", json={"text": "x", "author": "Ann"}).json()
    answer = client.post(f"/notes/{2**70}/done")
    assert answer.status in {404, 422} and "code" in answer.json()
    assert db.get(Note, note["id"]) is not None
