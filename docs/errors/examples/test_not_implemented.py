from wholestack import App
from wholestack.errors import NotImplementedByServer
from wholestack.testing import Client

app = App()


@app.get("/map.svg")
def draw() -> str:
    raise NotImplementedByServer("The map is there as /map.png only.")


def test_not_drawn_yet() -> None:
    answer = Client(app).get("/map.svg")
    assert (answer.status, answer.json()["code"]) == (501, "not-implemented")
