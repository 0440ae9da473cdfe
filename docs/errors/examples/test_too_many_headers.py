from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/")
def answer() -> str:
    return "answered"


def test_a_hundred_and_one_fields() -> None:
    answer = Client(app).get("/", headers={f"x-{number}": "" for number in range(101)})
    assert (answer.status, answer.json()["code"]) == (431, "too-many-headers")
