from wholestack import App, ServiceUnavailable
from wholestack.testing import Client

app = App()


@app.get("/search")
def search() -> str:
    raise ServiceUnavailable("The index is being built.", retry_after=120)


def test_not_now() -> None:
    answer = Client(app).get("/search")
    assert (answer.status, answer.json()["code"]) == (503, "service-unavailable")
