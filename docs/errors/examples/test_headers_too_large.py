from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/")
def home() -> str:
    return "home"


def test_a_header_field_of_20_kib() -> None:
    answer = Client(app).get("/", headers={"x-note": "a" * 20_480})
    assert (answer.status, answer.json()["code"]) == (431, "headers-too-large")
