from wholestack import App
from wholestack.errors import ContentTooLarge
from wholestack.testing import Client

app = App()


@app.post("/avatar")
def avatar() -> str:
    raise ContentTooLarge("An avatar has at most 256 by 256 pixels.")


def test_too_many_pixels() -> None:
    answer = Client(app).post("/avatar")
    assert (answer.status, answer.json()["code"]) == (413, "content-too-large")
