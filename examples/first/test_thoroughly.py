"""The tests of docs/learn/testing.md."""

from examples.first.app import NewNote, Note, Notes, app

from wholestack.testing import Client, budget, factory, make


# [change]
def test_a_change_of_nothing(client: Client) -> None:
    problem = client.patch("/notes/7", json={"text": "buy milk"}).expect(404).json()
    assert problem["code"] == "not-found"


# [/change]
# [make]
def test_any_note_is_kept_as_it_came(client: Client) -> None:
    new = make(NewNote, tags=["home"])
    kept = client.post("/notes", json=new).expect(201).json()
    assert kept == {"id": 1, **new.model_dump()}


def test_the_list_has_every_note(client: Client) -> None:
    texts = [client.post("/notes", json=new).expect(201).json()["text"] for new in factory(NewNote).many(20)]
    assert [note["text"] for note in client.get("/notes").json()] == texts


# [/make]
# [replace]
class Broken(Notes):
    """A store that has lost its disk."""

    def get(self, id: int) -> Note:
        raise OSError("The disk is gone.")


def test_a_broken_store_is_a_500_that_tells_nothing() -> None:
    with app.replace(Notes, Broken()) as twin, Client(twin, raise_errors=False) as client:
        problem = client.get("/notes/1").expect(500).json()
    assert problem["code"] == "internal-error"
    assert "disk" not in str(problem)


# [/replace]
# [budget]
def test_a_list_costs_no_more_calls_when_it_grows(client: Client) -> None:
    client.get("/notes")
    with budget() as empty:
        client.get("/notes")
    for new in factory(NewNote).many(50):
        client.post("/notes", json=new)
    with budget(calls=empty.calls + 5, bytes=5000):
        client.get("/notes").expect(200)


# [/budget]
