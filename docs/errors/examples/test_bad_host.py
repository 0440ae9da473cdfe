from wholestack import App
from wholestack.testing import Client

app = App()


@app.get("/")
def answer() -> str:
    return "answered"


def test_a_host_that_is_more_than_a_host() -> None:
    answer = Client(app).get("/", headers={"host": "example.org/x?y=@evil.example"})
    assert (answer.status, answer.json()["code"]) == (400, "bad-host")
