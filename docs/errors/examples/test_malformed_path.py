from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/")
def answer() -> str:
    return "answered"


def test_a_way_out_of_the_folder() -> None:
    answer = Client(app).get("/files/../secret")
    assert (answer.status, answer.json()["code"]) == (400, "malformed-path")
