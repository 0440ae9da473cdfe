from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/")
def answer() -> str:
    return "answered"


def test_two_hosts() -> None:
    answer = Client(app).get("/", headers=[("host", "example.org"), ("host", "evil.example")])
    assert (answer.status, answer.json()["code"]) == (400, "duplicate-header")
