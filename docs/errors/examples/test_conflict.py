from wholestack import App, Conflict
from wholestack.testing import Client

app = App()


taken = {"ada"}


@app.post("/names/{name}")
def take(name: str) -> str:
    if name in taken:
        raise Conflict("This name is taken.")
    taken.add(name)
    return name


def test_a_name_that_is_taken() -> None:
    answer = Client(app).post("/names/ada")
    assert (answer.status, answer.json()["code"]) == (409, "conflict")
