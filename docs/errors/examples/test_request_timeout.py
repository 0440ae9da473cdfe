from wholestack import App
from wholestack.errors import RequestTimeout
from wholestack.testing import Client

app = App()


@app.post("/upload")
def upload() -> str:
    raise RequestTimeout("The upload came too slowly.")


def test_too_slow() -> None:
    answer = Client(app).post("/upload")
    assert (answer.status, answer.json()["code"]) == (408, "request-timeout")
